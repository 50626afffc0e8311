//! What is typed after `/`.

use crate::bus::search::contains;
use crate::bus::{Level, LogFilter, PageFilter};
use crate::monitor::Snapshot;
use crate::page::{FailureKind, PageState, SiteId};

/// A filter: words of the form `key=value` that the list knows, and text, with
/// a leading `!` inverting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter(pub String);

impl Filter {
    /// The text and whether it is inverted.
    pub fn parts(&self) -> (&str, bool) {
        match self.0.strip_prefix('!') {
            Some(text) => (text, true),
            None => (&self.0, false),
        }
    }

    /// Whether a text passes.
    pub fn takes(&self, text: &str) -> bool {
        let (wanted, invert) = self.parts();
        wanted.is_empty() || contains(text, wanted) != invert
    }

    /// Which pages pass, of those in `base`. A word that means nothing is text.
    pub fn pages(&self, base: &PageFilter, snapshot: &Snapshot) -> PageFilter {
        let mut filter = base.clone();
        let mut rest: Vec<&str> = Vec::new();
        for word in self.0.split_whitespace() {
            let known = word
                .split_once('=')
                .is_some_and(|(key, value)| set(&mut filter, key, value, snapshot));
            if !known {
                rest.push(word);
            }
        }
        let text = rest.join(" ");
        match text.strip_prefix('!') {
            Some(text) => (filter.text, filter.invert) = (text.to_owned(), !text.is_empty()),
            None if !text.is_empty() => (filter.text, filter.invert) = (text, false),
            None => {}
        }
        filter
    }

    /// Which lines of the log pass; without a word on it, those of `level`.
    pub fn log(&self, level: Level, snapshot: &Snapshot) -> LogFilter {
        let mut filter = LogFilter {
            level,
            site: String::new(),
            target: String::new(),
            text: String::new(),
            invert: false,
        };
        let mut rest: Vec<&str> = Vec::new();
        for word in self.0.split_whitespace() {
            match word.split_once('=') {
                Some(("level", "info")) => filter.level = Level::Info,
                Some(("level", "warn")) => filter.level = Level::Warn,
                Some(("level", "error")) => filter.level = Level::Error,
                Some(("site", name)) if site(snapshot, name).is_some() => {
                    name.clone_into(&mut filter.site);
                }
                Some(("target", part)) => part.clone_into(&mut filter.target),
                _ => rest.push(word),
            }
        }
        let rest = Self(rest.join(" "));
        let (text, invert) = rest.parts();
        (filter.text, filter.invert) = (text.to_owned(), invert);
        filter
    }
}

fn set(filter: &mut PageFilter, key: &str, value: &str, snapshot: &Snapshot) -> bool {
    fn put<T>(place: &mut Option<T>, value: Option<T>) -> bool {
        let fits = value.is_some();
        if fits {
            *place = value;
        }
        fits
    }
    match key {
        "site" => put(&mut filter.site, site(snapshot, value)),
        "kind" => put(&mut filter.kind, value.parse::<FailureKind>().ok()),
        "state" => put(
            &mut filter.state,
            PageState::ALL
                .into_iter()
                .find(|state| state.as_str() == value),
        ),
        "status" => put(&mut filter.status, value.parse().ok()),
        "depth" => put(&mut filter.depth, value.parse().ok()),
        "host" => put(
            &mut filter.host,
            Some(value.to_ascii_lowercase()).filter(|host| !host.is_empty()),
        ),
        _ => false,
    }
}

/// The site of this name.
pub fn site(snapshot: &Snapshot, name: &str) -> Option<SiteId> {
    let at = snapshot.sites.iter().position(|site| *site.name == *name)?;
    u32::try_from(at).ok().map(SiteId)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn typed_words_choose_lines_of_the_log() {
        let snapshot = sample::snapshot();
        let read = |typed: &str| Filter(typed.to_owned()).log(Level::Info, &snapshot);
        let filter = read("level=warn site=docs target=fetch !no answer");
        let chosen = (&*filter.site, &*filter.target, &*filter.text, filter.invert);
        assert_eq!(chosen, ("docs", "fetch", "no answer", true));
        assert_eq!(filter.level, Level::Warn);
        // No such level, no such site: text until it means something.
        assert_eq!(read("level=x site=no").text, "level=x site=no");
    }

    #[test]
    fn typed_words_choose_pages() {
        let snapshot = sample::snapshot();
        let base = PageFilter::failed();
        let table = [
            ("", base.clone()),
            (
                "status=404 depth=2 a b",
                PageFilter {
                    status: Some(404),
                    depth: Some(2),
                    text: "a b".to_owned(),
                    ..base.clone()
                },
            ),
            (
                "site=docs kind=timeout !x",
                PageFilter {
                    site: Some(SiteId(1)),
                    kind: Some(FailureKind::Timeout),
                    text: "x".to_owned(),
                    invert: true,
                    ..base.clone()
                },
            ),
            (
                // No such site, no number, half typed: text until it means something.
                "site=no status=x state=",
                PageFilter {
                    text: "site=no status=x state=".to_owned(),
                    ..base.clone()
                },
            ),
        ];
        for (typed, expected) in table {
            assert_eq!(
                Filter(typed.to_owned()).pages(&base, &snapshot),
                expected,
                "{typed}"
            );
        }
    }
}
