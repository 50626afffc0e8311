//! Plain HTTP: what it may spend. Its pace and its times are the site's own.

use super::limits::{BudgetForm, without_price};
use crate::bus::Budget;
use crate::config::Rung;
use crate::config::scalar::Money;
use serde::{Deserialize, Deserializer, de};

/// Plain HTTP's map.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HttpForm {
    /// What it may spend in all runs together.
    pub budget: Option<BudgetForm>,
    /// What one request costs.
    pub cost: Option<Money>,
    /// Named so that whoever writes it is told where it stands; so the others.
    #[serde(rename = "concurrency", default, deserialize_with = "elsewhere")]
    #[cfg_attr(test, schemars(skip))]
    _concurrency: (),
    #[serde(rename = "delay", default, deserialize_with = "elsewhere")]
    #[cfg_attr(test, schemars(skip))]
    _delay: (),
    #[serde(rename = "timeout", default, deserialize_with = "elsewhere")]
    #[cfg_attr(test, schemars(skip))]
    _timeout: (),
}

fn elsewhere<'de, D: Deserializer<'de>>(_: D) -> Result<(), D::Error> {
    Err(de::Error::custom(
        "plain HTTP has the site's own pace and times; write them in fetch itself: \
         fetch.concurrency, fetch.delay, fetch.timeout",
    ))
}

impl HttpForm {
    /// This map, with what it leaves out taken from `other`.
    pub fn or(self, other: Self) -> Self {
        Self {
            budget: self.budget.or(other.budget),
            cost: self.cost.or(other.cost),
            ..Self::default()
        }
    }

    /// What it means.
    ///
    /// # Errors
    /// Money without a price.
    pub(super) fn resolve(&self) -> Result<Http, String> {
        let budget = self.budget.as_ref().map(BudgetForm::resolve);
        let http = Http {
            budget: budget.unwrap_or_default(),
            cost: self.cost.as_ref().map_or(0, |cost| cost.0),
        };
        match http.budget.money {
            Some(_) if http.cost == 0 => Err(without_price(Rung::Http)),
            _ => Ok(http),
        }
    }
}

/// What plain HTTP may spend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Http {
    /// In all runs of a job together.
    pub budget: Budget,
    /// What one request costs, millionths.
    pub cost: u64,
}
