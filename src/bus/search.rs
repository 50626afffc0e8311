//! Looking for a text among the latest rows, so many at a time.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cmp::{Ordering, Reverse};

/// Which rows are looked for, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// What a row must hold, without regard to ASCII case.
    pub text: String,
    /// Those without `text` instead of those with it.
    pub invert: bool,
    /// Where to look.
    pub from: Seek,
}

impl Search {
    /// Whether a row of these texts is one of them.
    pub fn takes<T: AsRef<str>>(&self, texts: impl IntoIterator<Item = T>) -> bool {
        let mut texts = texts.into_iter();
        texts.any(|text| contains(text.as_ref(), &self.text)) != self.invert
    }
}

/// Where a search looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seek {
    /// From the newest row on.
    Newest,
    /// From the row behind this place on.
    Older(Place),
    /// Among what has come since, the oldest first; rows about this place may
    /// be given again.
    Newer(Place),
}

/// Where a row stands; the newest are the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// What rows are sorted by, the greatest first.
    pub at: u64,
    /// The row's number: its page's `<< 16`, and which of its page's it is.
    pub id: u64,
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |place: &Self| (Reverse((place.at, place.id >> 16)), place.id);
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How far a search has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Searched {
    /// Rows, and pages without any, that were looked at for this answer.
    pub looked: u64,
    /// The newest of them.
    pub newest: Option<Place>,
    /// The last of them, where there are more behind it.
    pub last: Option<Place>,
}

/// Whether a text holds another, without regard to ASCII case.
pub fn contains(text: &str, wanted: &str) -> bool {
    text.to_ascii_lowercase()
        .contains(&wanted.to_ascii_lowercase())
}

/// A field's value in one line.
pub fn field_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::Array(all) => {
            let all: Vec<String> = all.iter().map(field_text).collect();
            all.join(", ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_is_one_line() {
        for (value, expected) in [
            (json!("a\n  b"), "a b"),
            (json!(["x", 2, null]), "x, 2, null"),
            (json!({"k": 1}), "{\"k\":1}"),
            (json!(1.5), "1.5"),
        ] {
            assert_eq!(field_text(&value), expected);
        }
    }

    #[test]
    fn texts_are_searched_for_without_regard_to_case() {
        let search = |text: &str, invert| Search {
            text: text.to_owned(),
            invert,
            from: Seek::Newest,
        };
        assert!(search("bC", false).takes(["x", "ABCD"]));
        assert!(!search("bC", true).takes(["x", "ABCD"]));
        assert!(!search("y", false).takes(["x"]));
        assert!(search("y", true).takes(Vec::<String>::new()));
    }

    #[test]
    fn the_newest_page_comes_first_and_its_records_in_their_order() {
        let place = |at, page: u64, n| Place {
            at,
            id: page << 16 | n,
        };
        let mut places = [
            place(1, 9, 0),
            place(5, 2, 1),
            place(5, 2, 0),
            place(5, 3, 0),
        ];
        places.sort();
        let expected = [
            place(5, 3, 0),
            place(5, 2, 0),
            place(5, 2, 1),
            place(1, 9, 0),
        ];
        assert_eq!(places, expected);
    }
}
