//! What a rung has spent, and whether it may spend more. What a request may
//! cost is set aside before it is sent, so that a budget is never overrun.

use crate::bus::{Budget, Spent};

/// A rung's account.
#[derive(Debug, Clone, Copy, Default)]
pub struct Purse {
    /// Spent in all runs.
    pub spent: Spent,
    /// Set aside for requests in flight.
    aside: Spent,
    /// The dearest request so far, millionths.
    dearest: Option<u64>,
}

impl Purse {
    /// An account with what earlier runs have spent.
    pub fn new(spent: Spent) -> Self {
        Self {
            spent,
            ..Self::default()
        }
    }

    /// What one more request may cost: the rung's own word, else the dearest so
    /// far; `None` where nobody can say.
    fn price(&self, price: Option<u64>) -> Option<u64> {
        price.or(self.dearest)
    }

    /// Whether one more request may be sent now.
    pub fn may(&self, budget: &Budget, price: Option<u64>) -> bool {
        let requests = self.spent.requests + self.aside.requests;
        if budget.requests.is_some_and(|most| requests >= most) {
            return false;
        }
        let Some(most) = budget.money else {
            return true;
        };
        match self.price(price) {
            Some(price) => self.spent.money + self.aside.money + price <= most,
            // The first tells what one costs, and so goes alone.
            None => self.aside.requests == 0 && self.spent.money < most,
        }
    }

    /// Whether no request may ever be sent again under this budget.
    pub fn is_empty(&self, budget: &Budget, price: Option<u64>) -> bool {
        let requests = self.spent.requests + self.aside.requests;
        let price = self.price(price).unwrap_or(1);
        budget.requests.is_some_and(|most| requests >= most)
            || budget
                .money
                .is_some_and(|most| self.spent.money + price > most)
    }

    /// Sets aside what a request may cost; answers how much, for
    /// [`Purse::settle`].
    pub fn reserve(&mut self, price: Option<u64>) -> u64 {
        let money = self.price(price).unwrap_or(0);
        self.aside.requests += 1;
        self.aside.money += money;
        money
    }

    /// Settles a request: what was set aside for it, and what it cost.
    pub fn settle(&mut self, aside: u64, cost: u64) {
        self.aside.requests = self.aside.requests.saturating_sub(1);
        self.aside.money = self.aside.money.saturating_sub(aside);
        self.spent.requests += 1;
        self.spent.money = self.spent.money.saturating_add(cost);
        // What was free was most often a failure, and tells no price.
        if cost > 0 {
            self.dearest = self.dearest.max(Some(cost));
        }
    }

    /// What counts as spent where the run ends now.
    pub fn at_most(&self) -> Spent {
        Spent {
            requests: self.spent.requests + self.aside.requests,
            money: self.spent.money + self.aside.money,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn budget(requests: Option<u64>, money: Option<u64>) -> Budget {
        Budget { requests, money }
    }

    #[test]
    fn a_budget_of_requests_counts_those_in_flight() {
        let budget = budget(Some(3), None);
        let mut purse = Purse::new(Spent {
            requests: 1,
            money: 0,
        });
        let mut sent = 0;
        while purse.may(&budget, Some(0)) {
            purse.reserve(Some(0));
            sent += 1;
        }
        assert_eq!(sent, 2);
        assert!(purse.is_empty(&budget, Some(0)));
        purse.settle(0, 0);
        assert!(!purse.may(&budget, Some(0)));
    }

    #[test]
    fn a_budget_of_money_is_not_overrun_whatever_is_in_flight() {
        let budget = budget(None, Some(10));
        let mut purse = Purse::default();
        let first = purse.reserve(Some(4));
        let second = purse.reserve(Some(4));
        assert!(!purse.may(&budget, Some(4)), "12 would be too much");
        assert!(!purse.is_empty(&budget, Some(4)), "they may cost less");
        purse.settle(first, 1);
        assert!(purse.may(&budget, Some(4)));
        purse.settle(second, 4);
        purse.reserve(Some(4));
        assert!(!purse.may(&budget, Some(4)));
        purse.settle(4, 4);
        assert!(purse.is_empty(&budget, Some(4)) && purse.spent.money == 9);
    }

    #[test]
    fn where_nobody_knows_the_price_the_first_request_tells_it() {
        let budget = budget(None, Some(10));
        let mut purse = Purse::default();
        assert!(purse.may(&budget, None));
        let aside = purse.reserve(None);
        assert!(!purse.may(&budget, None), "one at a time");
        purse.settle(aside, 6);
        assert!(!purse.may(&budget, None) && purse.is_empty(&budget, None));
    }
}
