//! A table as CSV (RFC 4180, lines ended by LF), safe to open in a spreadsheet.

use serde_json::Value;
use std::borrow::Cow;
use std::io::{self, Write};

/// Writes rows below a header.
pub(super) struct Table<'a> {
    csv: csv::Writer<&'a mut dyn Write>,
}

impl<'a> Table<'a> {
    /// A table with these columns; writes the header.
    pub(super) fn new(out: &'a mut dyn Write, columns: &[impl AsRef<str>]) -> io::Result<Self> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(columns.iter().map(|c| defused(c.as_ref()).into_owned()))?;
        Ok(Self { csv })
    }

    /// Writes one row, of one value a column.
    pub(super) fn row<'v>(&mut self, values: impl Iterator<Item = &'v Value>) -> io::Result<()> {
        for value in values {
            self.csv.write_field(cell(value).as_bytes())?;
        }
        Ok(self.csv.write_record(None::<&[u8]>)?)
    }

    /// Writes what is left; dropped without this, a table keeps an error to itself.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.csv.flush()
    }
}

/// A value as it stands in a cell: text as it is, nothing for null, JSON for
/// what has no other form.
fn cell(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => defused(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// Text that a spreadsheet would take for a formula gets an apostrophe before
/// it, unless it is a plain number.
fn defused(text: &str) -> Cow<'_, str> {
    let runs = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if runs && !is_number(text) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

fn is_number(text: &str) -> bool {
    let plain = |b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
    text.bytes().all(plain) && text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cells_are_plain_and_run_nothing() {
        for (value, expected) in [
            (json!(null), ""),
            (json!("plain"), "plain"),
            (json!("=1+1"), "'=1+1"),
            (json!("@SUM(A1)"), "'@SUM(A1)"),
            (json!("-cmd|' /C calc'!A0"), "'-cmd|' /C calc'!A0"),
            (json!("\t=1"), "'\t=1"),
            (json!("\r=1"), "'\r=1"),
            (json!("-12.50"), "-12.50"),
            (json!("+1e3"), "+1e3"),
            (json!("-inf"), "'-inf"),
            (json!("-"), "'-"),
            (json!("1-2"), "1-2"),
            (json!(-5), "-5"),
            (json!(true), "true"),
            (json!(["a", "b"]), r#"["a","b"]"#),
        ] {
            assert_eq!(cell(&value), expected, "{value}");
        }
    }
}
