//! What is different between a page's records before and after.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Bytes of JSON of one value that are kept; a longer one is cut to its
/// beginning, as text.
const VALUE: usize = 4096;
/// Fields of one page's change that are kept.
const FIELDS: usize = 256;

/// A field of a record that is another than before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The record's name.
    pub record: String,
    /// Which of the page's records of that name, from 0.
    pub n: u32,
    /// The field.
    pub field: String,
    /// Its value before; null where there was none.
    pub before: Value,
    /// Its value now; null where there is none.
    pub after: Value,
}

/// A record: its name and its fields.
pub type Made = (String, Map<String, Value>);

/// The fields of one record before and after, where it was there.
type Pair<'a> = [Option<&'a Map<String, Value>>; 2];

/// Every field in which two lists of records differ. Records of one name are
/// told apart by their order. A list or an object within a record is compared
/// and told as a whole.
pub fn compare(before: &[Made], after: &[Made]) -> Vec<FieldChange> {
    let mut pairs: Vec<((&str, u32), Pair<'_>)> = Vec::new();
    for (side, records) in [before, after].into_iter().enumerate() {
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for (name, fields) in records {
            let count = counts.entry(name).or_default();
            let key = (name.as_str(), *count);
            *count += 1;
            match pairs.iter_mut().find(|(own, _)| *own == key) {
                Some((_, pair)) => pair[side] = Some(fields),
                None => {
                    let mut pair = [None, None];
                    pair[side] = Some(fields);
                    pairs.push((key, pair));
                }
            }
        }
    }
    let none = Map::new();
    let mut changes = Vec::new();
    for ((record, n), [before, after]) in pairs {
        let (before, after) = (before.unwrap_or(&none), after.unwrap_or(&none));
        let gone = before.keys().filter(|field| !after.contains_key(*field));
        for field in after.keys().chain(gone) {
            let was = before.get(field).unwrap_or(&Value::Null);
            let is = after.get(field).unwrap_or(&Value::Null);
            if was == is {
                continue;
            }
            if changes.len() == FIELDS {
                return changes;
            }
            changes.push(FieldChange {
                record: record.to_owned(),
                n,
                field: field.clone(),
                before: capped(was),
                after: capped(is),
            });
        }
    }
    changes
}

/// The changes in one line, cut where it grows long.
pub fn words(changes: &[FieldChange]) -> String {
    /// Bytes after which no further field is named.
    const LINE: usize = 300;
    /// Characters of a value.
    const SHOWN: usize = 60;
    let shown = |value: &Value| {
        let text = match value {
            Value::Null => "nothing".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let mut cut: String = text.chars().take(SHOWN).collect();
        if cut.len() < text.len() {
            cut.push('…');
        }
        cut
    };
    let mut line = String::new();
    for (n, change) in changes.iter().enumerate() {
        if n > 0 {
            line.push_str("; ");
        }
        if line.len() > LINE {
            line.push_str(&format!("{} more", changes.len() - n));
            break;
        }
        let (before, after) = (shown(&change.before), shown(&change.after));
        line.push_str(&format!("{}: {before} → {after}", change.field));
    }
    line
}

fn capped(value: &Value) -> Value {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(_) | Value::Object(_) => value.to_string(),
        other => return other.clone(),
    };
    if text.len() <= VALUE {
        return value.clone();
    }
    let cut = &text[..text.floor_char_boundary(VALUE)];
    Value::String(format!("{cut}…"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn made(of: &[(&str, Value)]) -> Vec<Made> {
        of.iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_object().unwrap().clone()))
            .collect()
    }

    fn told(before: &[(&str, Value)], after: &[(&str, Value)]) -> Vec<String> {
        compare(&made(before), &made(after))
            .iter()
            .map(|c| {
                format!(
                    "{} {} {}: {} > {}",
                    c.record, c.n, c.field, c.before, c.after
                )
            })
            .collect()
    }

    #[test]
    fn fields_are_told_with_both_values() {
        let before = [
            ("book", json!({"title": "A", "tags": [1, 2], "old": true})),
            ("page", json!({"h": "x"})),
        ];
        let after = [
            (
                "book",
                json!({"title": "B", "tags": [1, 3], "new": {"a": 1}}),
            ),
            ("page", json!({"h": "x"})),
            ("book", json!({"title": "C"})),
        ];
        assert_eq!(
            told(&before, &after),
            [
                r#"book 0 title: "A" > "B""#,
                "book 0 tags: [1,2] > [1,3]",
                r#"book 0 new: null > {"a":1}"#,
                "book 0 old: true > null",
                r#"book 1 title: null > "C""#,
            ]
        );
        assert_eq!(told(&after, &[]).len(), 5);
        assert!(told(&after, &after).is_empty());
        // A value that is missing is no other than null.
        assert!(told(&[("a", json!({"x": null}))], &[("a", json!({}))]).is_empty());
    }

    #[test]
    fn a_line_names_fields_until_it_is_long() {
        let before = made(&[("a", json!({"t": "x", "n": 1}))]);
        let after = made(&[("a", json!({"t": "y".repeat(100), "n": 1, "l": [1]}))]);
        let cut = "y".repeat(60);
        let line = format!("t: x → {cut}…; l: nothing → [1]");
        assert_eq!(words(&compare(&before, &after)), line);
        let many: Map<String, Value> = (0..100).map(|n| (n.to_string(), json!(n))).collect();
        let line = words(&compare(&[], &[("a".to_owned(), many)]));
        assert!(line.len() < 400 && line.ends_with(" more"), "{line}");
    }

    #[test]
    fn long_values_and_many_fields_are_capped() {
        let long = "é".repeat(VALUE);
        let change = &compare(&[], &made(&[("a", json!({"t": [long.clone()]}))]))[0];
        let Value::String(cut) = &change.after else {
            panic!("{:?}", change.after)
        };
        assert!(cut.len() <= VALUE + 4 && cut.starts_with("[\"éé") && cut.ends_with('…'));
        let many: Map<String, Value> = (0..400).map(|n| (n.to_string(), json!(n))).collect();
        assert_eq!(compare(&[], &[("a".to_owned(), many)]).len(), FIELDS);
    }

    fn records() -> impl Strategy<Value = Vec<Made>> {
        let value = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..3i64).prop_map(Value::from),
            "[ab]{0,2}".prop_map(Value::from),
        ];
        let fields = prop::collection::btree_map("[xyz]", value, 0..4)
            .prop_map(|fields| fields.into_iter().collect());
        prop::collection::vec(("[rs]", fields), 0..5)
    }

    /// The value of a field, null where there is none.
    fn value(records: &[Made], record: &str, n: u32, field: &str) -> Value {
        let mut named = records.iter().filter(|(name, _)| name == record);
        let fields = named.nth(n as usize);
        let found = fields.and_then(|(_, fields)| fields.get(field));
        found.cloned().unwrap_or(Value::Null)
    }

    proptest! {
        /// What is told is so, each field once; and what is not told is the same.
        #[test]
        fn every_difference_is_told_once(before in records(), after in records()) {
            let changes = compare(&before, &after);
            let mut named = std::collections::BTreeSet::new();
            for change in &changes {
                let of = |side: &[Made]| value(side, &change.record, change.n, &change.field);
                prop_assert_eq!(&of(&before), &change.before);
                prop_assert_eq!(&of(&after), &change.after);
                prop_assert_ne!(&change.before, &change.after);
                prop_assert!(named.insert((change.record.clone(), change.n, change.field.clone())));
            }
            for record in ["r", "s"] {
                for n in 0..5 {
                    for field in ["x", "y", "z"] {
                        let same = value(&before, record, n, field) == value(&after, record, n, field);
                        let key = (record.to_owned(), n, field.to_owned());
                        prop_assert_eq!(same, !named.contains(&key));
                    }
                }
            }
        }
    }
}
