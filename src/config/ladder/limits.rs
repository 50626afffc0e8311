//! What every rung has: limits of its own.

use crate::bus::Budget;
use crate::config::Rung;
use crate::config::scalar::{Money, Positive};
use serde::Deserialize;
use std::time::Duration;

/// Limits of one rung of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RungLimits {
    /// Requests at a time, 1 to 1024.
    pub concurrency: u32,
    /// Between the starts of two requests to one host by this rung.
    pub delay: Duration,
    /// The whole of one request.
    pub timeout: Duration,
    /// What it may spend in all runs of a job together.
    pub budget: Budget,
    /// What one request costs, millionths. Of a service: a page that it got and
    /// names no price of.
    pub cost: u64,
}

/// A budget as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BudgetForm {
    /// Requests at most.
    pub requests: Option<Positive>,
    /// Money at most, such as 12.50, in the currency in which the rung is paid.
    pub money: Option<Money>,
}

impl BudgetForm {
    /// What it means.
    pub fn resolve(&self) -> Budget {
        Budget {
            requests: self.requests.as_ref().map(|requests| requests.0),
            money: self.money.as_ref().map(|money| money.0),
        }
    }
}

/// A budget of money for a rung that nobody knows the price of.
pub(super) fn without_price(rung: Rung) -> String {
    format!(
        "fetch.{}.budget.money: what a request costs is not known; write cost too, such as \
         cost: 0.001",
        rung.as_str()
    )
}

/// A rung's map: its own keys, and behind them the limits that every rung has.
macro_rules! rung_form {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, serde::Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Option<$type>,)*
            /// Requests at a time, 1 to 1024.
            pub concurrency: Option<crate::config::scalar::Bound>,
            /// Least time between two requests to one host by this rung. By default the site's.
            pub delay: Option<crate::config::scalar::Span>,
            /// Limit of one request.
            pub timeout: Option<crate::config::scalar::Span>,
            /// What it may spend in all runs together.
            pub budget: Option<crate::config::ladder::BudgetForm>,
            /// What one request costs; of a service, a page for which it names no price.
            pub cost: Option<crate::config::scalar::Money>,
        }

        impl $name {
            /// This map, with what it leaves out taken from `other`.
            pub fn or(self, other: Self) -> Self {
                Self {
                    $($field: self.$field.or(other.$field),)*
                    concurrency: self.concurrency.or(other.concurrency),
                    delay: self.delay.or(other.delay),
                    timeout: self.timeout.or(other.timeout),
                    budget: self.budget.or(other.budget),
                    cost: self.cost.or(other.cost),
                }
            }

            /// The concurrency and the delay that it names.
            pub(super) fn pace(form: Option<&Self>) -> (Option<u32>, Option<std::time::Duration>) {
                let concurrency = form.and_then(|form| form.concurrency.as_ref());
                let delay = form.and_then(|form| form.delay.as_ref());
                // A bound is at most 1024.
                let count = |bound: &crate::config::scalar::Bound| u32::try_from(bound.0).ok();
                (concurrency.and_then(count), delay.map(|span| span.0))
            }

            /// Its limits: `concurrency` and `timeout` where it names none, and
            /// the site's delay.
            ///
            /// # Errors
            /// A timeout that lets nothing pass; money without a price.
            fn limits(
                form: Option<&Self>,
                rung: crate::config::Rung,
                concurrency: u32,
                timeout: std::time::Duration,
                delay: std::time::Duration,
            ) -> Result<crate::config::ladder::RungLimits, String> {
                let (own_concurrency, own_delay) = Self::pace(form);
                let timeout = form
                    .and_then(|form| form.timeout.as_ref())
                    .map_or(timeout, |span| span.0);
                if timeout.is_zero() {
                    return Err(format!(
                        "fetch.{}.timeout: 0 lets nothing pass; write one such as 60s",
                        rung.as_str()
                    ));
                }
                let cost = form.and_then(|form| form.cost.as_ref());
                let budget = form
                    .and_then(|form| form.budget.as_ref())
                    .map(crate::config::ladder::BudgetForm::resolve)
                    .unwrap_or_default();
                // A service may name its price itself.
                if rung != crate::config::Rung::Service
                    && budget.money.is_some()
                    && cost.is_none_or(|cost| cost.0 == 0)
                {
                    return Err(crate::config::ladder::limits::without_price(rung));
                }
                Ok(crate::config::ladder::RungLimits {
                    concurrency: own_concurrency.unwrap_or(concurrency),
                    delay: own_delay.unwrap_or(delay),
                    timeout,
                    budget,
                    cost: cost.map_or(0, |cost| cost.0),
                })
            }
        }
    };
}

pub(super) use rung_form;
