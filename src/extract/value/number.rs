//! Numbers as people write them.

use serde_json::Number;

/// The first number in a text, currency and words around it left out.
///
/// Of `.` and `,` the last one to appear is the decimal mark and the other
/// groups digits; a lone mark groups if it appears more than once or exactly
/// three digits follow a comma (`1,234`), else it is the decimal mark. Spaces
/// and apostrophes between digits group. Whole numbers stay whole, a percent
/// sign is left out. A minus sign may stand before the currency; an amount in
/// brackets is negative as in a ledger (`(1,234.50)`, `($12)`), while a bare
/// count in brackets (`(12)`) is not.
pub(super) fn number(text: &str) -> Option<Number> {
    Parts::of(text)?.number(false)
}

/// The first whole number in a text: as [`number`], but a lone mark with three
/// digits behind it groups whichever it is. `None` where there are decimals.
pub(super) fn integer(text: &str) -> Option<Number> {
    let number = Parts::of(text)?.number(true)?;
    super::whole(&number)
}

/// A number as it stands in a text.
struct Parts {
    negative: bool,
    digits: String,
    /// Before which digits marks stand.
    marks: Vec<(usize, char)>,
    leading_dot: bool,
}

impl Parts {
    fn of(text: &str) -> Option<Self> {
        let begin = text.find(|c: char| c.is_ascii_digit())?;
        let (before, rest) = text.split_at(begin);
        let mut digits = String::new();
        let mut marks: Vec<(usize, char)> = Vec::new();
        let mut end = text.len();
        let mut chars = rest.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().is_some_and(|(_, c)| c.is_ascii_digit());
            match c {
                '0'..='9' => digits.push(c),
                '.' | ',' if next => marks.push((digits.len(), c)),
                ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '’'
                    if next && groups(&rest[at + c.len_utf8()..]) => {}
                _ => {
                    end = begin + at;
                    break;
                }
            }
        }
        let leading_dot = before.ends_with('.') && marks.is_empty();
        let negative = is_minus(before.trim_end_matches('.'))
            || in_brackets(text, begin..end, !marks.is_empty());
        Some(Self {
            negative,
            digits,
            marks,
            leading_dot,
        })
    }

    fn number(&self, whole: bool) -> Option<Number> {
        let sign = if self.negative { "-" } else { "" };
        let decimal = match self.marks.last().copied() {
            _ if self.leading_dot => Some(0),
            None => None,
            Some((at, mark)) => {
                let alone = self.marks.iter().all(|(_, other)| *other == mark);
                let three = (mark == ',' || whole) && self.digits.len() - at == 3;
                (!(alone && (self.marks.len() > 1 || three))).then_some(at)
            }
        };
        let Some(at) = decimal else {
            let text = format!("{sign}{}", self.digits);
            let number = text.parse::<i64>().map(Number::from).ok();
            return number.or_else(|| Number::from_f64(text.parse().ok()?));
        };
        let (whole, part) = self.digits.split_at(at);
        Number::from_f64(format!("{sign}0{whole}.{part}").parse().ok()?)
    }
}

/// Whether exactly three digits follow, which makes the space before them one
/// between groups.
fn groups(rest: &str) -> bool {
    rest.bytes().take_while(u8::is_ascii_digit).count() == 3
}

/// Whether what stands before a number makes it negative.
fn is_minus(before: &str) -> bool {
    let currency = |c: char| !(c.is_alphanumeric() || c.is_whitespace() || "-−+(),;:/".contains(c));
    let bare = before.trim_end().trim_end_matches(currency).trim_end();
    let Some(front) = bare.strip_suffix(['-', '−']) else {
        return false;
    };
    let apart = before.trim_end().len() < before.len() && !front.trim().is_empty();
    // `a-5` and `a - 5` are dashes, `-5` and `- 5` are not.
    !front.ends_with(char::is_alphanumeric) && !apart
}

/// Whether a text is nothing but an amount in brackets.
fn in_brackets(text: &str, number: std::ops::Range<usize>, marked: bool) -> bool {
    let inner = text
        .trim()
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'));
    if inner.is_none() {
        return false;
    }
    let (before, after) = (text[..number.start].trim(), text[number.end..].trim());
    let around = [before.trim_start_matches('('), after.trim_end_matches(')')];
    let words = around
        .iter()
        .any(|side| side.contains(char::is_alphanumeric));
    let sign = around.iter().any(|side| !side.trim().is_empty());
    !words && (marked || sign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn numbers() {
        for (text, expected) in [
            ("£51.77", json!(51.77)),
            ("1.234,56 €", json!(1234.56)),
            ("1,234.56", json!(1234.56)),
            ("1,234", json!(1234)),
            ("1.234.567", json!(1234567)),
            ("1,23,456", json!(123456)),
            ("12,5", json!(12.5)),
            ("1 234 567", json!(1234567)),
            ("1 234,56", json!(1234.56)),
            ("1\u{202f}234,56\u{a0}€", json!(1234.56)),
            ("1'000.5", json!(1000.5)),
            ("-3", json!(-3)),
            ("−3,5", json!(-3.5)),
            ("- 3", json!(-3)),
            ("-$5", json!(-5)),
            ("-€ 5.25", json!(-5.25)),
            ("$-5", json!(-5)),
            ("A-5", json!(5)),
            ("Model - 5 stars", json!(5)),
            ("(1,234.50)", json!(-1234.5)),
            ("($12)", json!(-12)),
            ("(12)", json!(12)),
            ("(12 reviews)", json!(12)),
            ("12 %", json!(12)),
            ("3.5%", json!(3.5)),
            ("In stock (22 available)", json!(22)),
            ("2 3", json!(2)),
            (".5", json!(0.5)),
            ("9223372036854775808", json!(9223372036854775808.0)),
        ] {
            assert_eq!(number(text).map(Value::Number), Some(expected), "{text}");
        }
        assert_eq!(number("none"), None);
    }

    #[test]
    fn whole_numbers() {
        for (text, expected) in [
            ("1.234", Some(json!(1234))),
            ("1,234", Some(json!(1234))),
            ("12.0", Some(json!(12))),
            ("12.5", None),
            ("(3)", Some(json!(3))),
            ("-1 000", Some(json!(-1000))),
            ("99999999999999999999", None),
            ("", None),
        ] {
            assert_eq!(integer(text).map(Value::Number), expected, "{text}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

        #[test]
        fn every_number_is_read_back(value in -1_000_000_000i64..1_000_000_000) {
            proptest::prop_assert_eq!(integer(&value.to_string()), Some(Number::from(value)));
        }

        #[test]
        fn nothing_breaks_it(text in "[-−(.,' 0-9$€a\u{202f})]{0,24}|\\PC{0,20}") {
            number(&text);
            integer(&text);
        }
    }
}
