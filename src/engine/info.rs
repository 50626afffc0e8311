//! What the monitor must know of a site.

use crate::bus::{RuleInfo, SiteInfo};
use crate::config::Site;

impl From<&Site> for SiteInfo {
    fn from(site: &Site) -> Self {
        let rules = site.records().map(|rule| RuleInfo {
            record: rule.record.as_str().into(),
            fields: rule
                .fields
                .iter()
                .map(|field| field.name.as_str().into())
                .collect(),
        });
        Self {
            name: site.name.as_str().into(),
            start: site.start.first().map_or("", |url| url.as_str()).into(),
            rules: rules.collect(),
            alerts: site.alerts.clone(),
        }
    }
}
