//! What type a column of mixed values has.

use serde_json::Value;

/// The narrowest type that holds all values of a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing but nulls so far.
    #[default]
    Nothing,
    Bool,
    /// Whole numbers of 64 bits, signed.
    Int,
    Float,
    /// Milliseconds since the epoch.
    Time,
    /// Text; values of other kinds among it are written as JSON.
    Text,
    /// Lists and objects, as JSON.
    Json,
}

/// Whole numbers up to here are exact as floating point.
const EXACT: u64 = 1 << 53;

impl Kind {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Nothing,
            Value::Bool(_) => Self::Bool,
            Value::Number(number) if number.is_i64() => Self::Int,
            // Above the signed ones: floating point would change them.
            Value::Number(number) if number.is_u64() => Self::Text,
            Value::Number(_) => Self::Float,
            Value::String(_) => Self::Text,
            Value::Array(_) | Value::Object(_) => Self::Json,
        }
    }

    /// Whether a column of this type takes `value` as it is.
    pub(super) fn takes(self, value: &Value) -> bool {
        match (self, Self::of(value)) {
            (_, Self::Nothing) | (Self::Text, _) => true,
            (Self::Time, Self::Int) => true,
            (Self::Float, Self::Int) => value
                .as_i64()
                .is_some_and(|number| number.unsigned_abs() <= EXACT),
            (own, other) => own == other,
        }
    }

    /// The type that takes what this one takes, and `value`.
    pub(super) fn widened(self, value: &Value) -> Self {
        if self.takes(value) {
            return self;
        }
        match (self, Self::of(value)) {
            (Self::Nothing, other) => other,
            // Whole numbers that came before may be too large to be exact;
            // the next pass over the rows tells.
            (Self::Int, Self::Float) => Self::Float,
            _ => Self::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_column_is_as_narrow_as_its_values_allow() {
        for (values, expected) in [
            (json!([]), Kind::Nothing),
            (json!([null, 1, null]), Kind::Int),
            (json!([1, 1.5]), Kind::Float),
            (json!([1.5, 1]), Kind::Float),
            (json!([1.5, 9007199254740993i64]), Kind::Text),
            (json!([18446744073709551615u64]), Kind::Text),
            (json!([true, false]), Kind::Bool),
            (json!([true, 1]), Kind::Text),
            (json!(["a", 1, [1]]), Kind::Text),
            (json!([[1], {"a": 1}]), Kind::Json),
            (json!([[1], "a"]), Kind::Text),
        ] {
            let values = values.as_array().unwrap();
            let kind = values.iter().fold(Kind::Nothing, Kind::widened);
            assert_eq!(kind, expected, "{values:?}");
            assert!(values.iter().all(|v| kind.takes(v)), "{values:?}");
        }
    }
}
