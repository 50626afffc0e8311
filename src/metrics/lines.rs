//! Lines of the exposition format.

use crate::monitor::SiteView;
use std::fmt::{Display, Write};

/// The sites of a picture.
pub(super) type Sites = [std::sync::Arc<SiteView>];

/// The text so far.
pub(super) struct Page(pub(super) String);

impl Page {
    pub(super) fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String does not fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    pub(super) fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (n, (label, text)) in labels.iter().enumerate() {
            self.0.push(if n == 0 { '{' } else { ',' });
            self.0.push_str(label);
            self.0.push_str("=\"");
            for c in text.chars() {
                match c {
                    '\\' => self.0.push_str("\\\\"),
                    '"' => self.0.push_str("\\\""),
                    '\n' => self.0.push_str("\\n"),
                    c => self.0.push(c),
                }
            }
            self.0.push('"');
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.line(name, &[], value);
    }

    pub(super) fn of_each(
        &mut self,
        sites: &Sites,
        name: &str,
        kind: &str,
        help: &str,
        value: impl Fn(&SiteView) -> u64,
    ) {
        self.head(name, kind, help);
        for site in sites {
            self.line(name, &[("site", &site.name)], value(site));
        }
    }
}
