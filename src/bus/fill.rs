//! How often fields are filled.

use serde_json::Value;
use std::sync::Arc;

/// How often the fields of one kind of records were filled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleFill {
    /// The rule's record.
    pub record: Arc<str>,
    /// Records that were looked at.
    pub records: u64,
    /// Each field's name, and in how many of them it was not empty.
    pub fields: Vec<(Arc<str>, u64)>,
}

impl RuleFill {
    /// Counts a field of a record.
    pub fn count(&mut self, field: &str, value: &Value) {
        let filled = u64::from(!is_nothing(value));
        match self.fields.iter_mut().find(|(name, _)| **name == *field) {
            Some((_, count)) => *count += filled,
            None => self.fields.push((field.into(), filled)),
        }
    }

    /// Adds what was counted elsewhere, of fields that are known here.
    pub fn add(&mut self, other: &Self) {
        self.records += other.records;
        for (name, count) in &mut self.fields {
            let mut known = other.fields.iter();
            if let Some((_, more)) = known.find(|(other, _)| other == name) {
                *count += more;
            }
        }
    }
}

/// Whether a field has come out empty.
pub fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.values().all(is_nothing),
        _ => false,
    }
}
