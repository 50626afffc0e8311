//! Dates as people and machines write them, as ISO 8601.
//!
//! Read are: ISO 8601 and RFC 3339, RFC 2822 and HTTP dates, `2024/1/31`,
//! `31.1.2024`, `31/01/2024` and `01-31-2024` where only one order is possible,
//! names of months in English, German, French, Spanish, Italian, Portuguese
//! and Dutch (`January 31st, 2024`, `31. Januar 2024`, `31 de enero de 2024`),
//! `2024年1月31日`, `20240131`, and Unix time in seconds or milliseconds. A time
//! behind the date is kept, with its offset where it has one. `01/02/2024` is
//! read only with a `format`, since nobody can tell which is the month.

use regex::{Captures, Regex};
use std::sync::LazyLock;

/// Time and offset behind a date.
const TIME: &str = r"(?:(?:T|[,\s]+(?:at|um|à|às|alle|om|a las)?\s*|\s+[-–—|]\s+)(?<H>\d{1,2})[:h.](?<M>\d{2})(?::(?<S>\d{2})(?:[.,](?<f>\d{1,9}))?)?\s*(?<p>[aApP]\.?[mM]\b\.?)?\s*(?<z>Z\b|UTC\b|GMT\b|[+-]\d{2}:?\d{2}\b)?)?";

/// The forms, the clearest first, each with its time.
static FORMS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r"\b(?<Y>\d{4})(?:-|/|\.|年)(?<m>\d{1,2})(?:-|/|\.|月)(?<d>\d{1,2})日?",
        r"\b(?<d>\d{1,2})(?:st|nd|rd|th|er|º|°)?\.?[\s-]*(?:of\s|de\s)?\s*(?<b>\p{L}{3,})\.?,?[\s-]*(?:de\s|of\s)?\s*(?<Y>\d{4})\b",
        r"\b(?<b>\p{L}{3,})\.?\s+(?<d>\d{1,2})(?:st|nd|rd|th)?,?\s+(?<Y>\d{4})\b",
        r"\b(?<d>\d{1,2})\.\s?(?<m>\d{1,2})\.\s?(?<Y>\d{4})\b",
        r"\b(?<u>\d{1,2})[/-](?<v>\d{1,2})[/-](?<Y>\d{4})\b",
    ]
    .iter()
    .filter_map(|form| Regex::new(&format!("{form}{TIME}")).ok())
    .collect()
});

/// `Wed Jan 31 10:00:00 2024`, as C writes it.
static ASCTIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"\b(?<b>[A-Z][a-z]{2}) +(?<d>\d{1,2}) (?<H>\d{2}):(?<M>\d{2}):(?<S>\d{2}) (?<Y>\d{4})\b",
    )
    .ok()
});

/// Beginnings of months' names; the first that fits counts.
const MONTHS: &[(&str, u8)] = &[
    ("jan", 1),
    ("jän", 1),
    ("ene", 1),
    ("gen", 1),
    ("feb", 2),
    ("fév", 2),
    ("fev", 2),
    ("mar", 3),
    ("mär", 3),
    ("mrz", 3),
    ("maa", 3),
    ("mrt", 3),
    ("apr", 4),
    ("avr", 4),
    ("abr", 4),
    ("mai", 5),
    ("may", 5),
    ("mag", 5),
    ("mei", 5),
    ("juin", 6),
    ("jun", 6),
    ("giu", 6),
    ("juil", 7),
    ("jul", 7),
    ("lug", 7),
    ("aug", 8),
    ("aoû", 8),
    ("aou", 8),
    ("ago", 8),
    ("sep", 9),
    ("set", 9),
    ("oct", 10),
    ("okt", 10),
    ("ott", 10),
    ("out", 10),
    ("nov", 11),
    ("dec", 12),
    ("dez", 12),
    ("déc", 12),
    ("dic", 12),
];

/// Whole names, so that `Marble 3, 2024` is no date.
const NAMES: &str = "january february march april may june july august september october november \
    december januar jänner februar märz mai juni juli oktober dezember janvier février mars avril \
    juin juillet août septembre octobre novembre décembre enero febrero marzo abril mayo junio \
    julio agosto septiembre setiembre octubre noviembre diciembre gennaio febbraio aprile maggio \
    giugno luglio settembre ottobre dicembre janeiro fevereiro março maio junho julho setembro \
    outubro novembro dezembro januari februari maart mei augustus";

fn month(name: &str) -> Option<u8> {
    let name = name.to_lowercase();
    let known = NAMES.split_whitespace().any(|known| known == name);
    let short = name.chars().count() <= 4 || name == "sept";
    if !known && !short {
        return None;
    }
    let (begin, month) = MONTHS.iter().find(|(begin, _)| name.starts_with(begin))?;
    // Of a short form no more than its letters and one of the whole name's.
    let fits = known
        || NAMES
            .split_whitespace()
            .any(|whole| whole.starts_with(&name));
    (fits || *begin == name).then_some(*month)
}

/// The first date in a text, by ISO 8601.
pub(super) fn date(text: &str) -> Option<String> {
    if let Some(found) = machine(text.trim()) {
        return Some(found);
    }
    if let Some(found) = ASCTIME.as_ref().and_then(|form| form.captures(text)) {
        return iso(&found);
    }
    FORMS
        .iter()
        .find_map(|form| form.captures_iter(text).find_map(|found| iso(&found)))
}

/// Digits alone: Unix time, or a date without marks.
fn machine(text: &str) -> Option<String> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = text.parse().ok()?;
    match text.len() {
        8 => {
            let part = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
            day(part(0, 4)?, part(4, 6)?, part(6, 8)?)
        }
        10 => unix(number),
        13 => unix(number / 1000),
        _ => None,
    }
}

/// Seconds since 1970, by days of the civil calendar.
fn unix(seconds: i64) -> Option<String> {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Howard Hinnant's algorithm, for eras of 400 years that begin in March.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    Some(format!(
        "{}T{hour:02}:{minute:02}:{second:02}Z",
        day(year, month, date)?
    ))
}

fn day(year: i64, month: i64, date: i64) -> Option<String> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let fits = (1000..=9999).contains(&year) && (1..=days).contains(&date);
    fits.then(|| format!("{year:04}-{month:02}-{date:02}"))
}

/// What a form has found.
fn iso(found: &Captures<'_>) -> Option<String> {
    let text = |name: &str| found.name(name).map(|part| part.as_str());
    let number = |name: &str| text(name)?.parse::<i64>().ok();
    let year = match (number("Y"), number("y")) {
        (Some(year), _) => year,
        (None, Some(short)) if short < 69 => 2000 + short,
        (None, short) => 1900 + short?,
    };
    let (month, date) = match (number("u"), number("v")) {
        (Some(first), Some(second)) if first > 12 || first == second => (second, first),
        (Some(first), Some(second)) if second > 12 => (first, second),
        (Some(_), Some(_)) => return None,
        _ => match text("b") {
            Some(name) => (i64::from(month(name)?), number("d").unwrap_or(1)),
            None => (number("m")?, number("d").unwrap_or(1)),
        },
    };
    let mut iso = day(year, month, date)?;
    let Some(hour) = number("H") else {
        return Some(iso);
    };
    let half = text("p").map(|half| half.to_ascii_lowercase().starts_with('p'));
    let hour = match half {
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(true) => hour % 12 + 12,
        Some(false) => hour % 12,
        None => hour,
    };
    let (minute, second) = (number("M").unwrap_or(0), number("S").unwrap_or(0));
    if hour > 23 || minute > 59 || second > 60 {
        return Some(iso);
    }
    iso.push_str(&format!("T{hour:02}:{minute:02}:{second:02}"));
    if let Some(fraction) = text("f") {
        iso.push('.');
        iso.push_str(fraction);
    }
    match text("z") {
        None => {}
        Some(zone) if zone.starts_with(['+', '-']) => {
            let digits: String = zone.chars().filter(|c| *c != ':').collect();
            iso.push_str(&format!("{}:{}", digits.get(..3)?, digits.get(3..)?));
        }
        Some(_) => iso.push('Z'),
    }
    Some(iso)
}

/// A date's format by `strptime`'s letters.
#[derive(Debug)]
pub(crate) struct Shape(Regex);

impl Shape {
    /// The shape of a format that was checked when the file was read.
    pub(crate) fn new(format: &str) -> Option<Self> {
        let mut pattern = String::new();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            match c {
                '%' => pattern.push_str(match chars.next()? {
                    'Y' => r"(?<Y>\d{4})",
                    'y' => r"(?<y>\d{2})",
                    'm' => r"(?<m>\d{1,2})",
                    'd' => r"(?<d>\d{1,2})",
                    'b' | 'B' => r"(?<b>\p{L}+)\.?",
                    'H' | 'I' => r"(?<H>\d{1,2})",
                    'M' => r"(?<M>\d{2})",
                    'S' => r"(?<S>\d{2})",
                    'p' => r"(?<p>[aApP]\.?[mM]\.?)",
                    'z' => r"(?<z>Z|[+-]\d{2}:?\d{2})",
                    'Z' => r"[A-Za-z]+",
                    '%' => "%",
                    _ => return None,
                }),
                c if c.is_whitespace() => pattern.push_str(r"\s+"),
                c => pattern.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            }
        }
        Regex::new(&pattern).ok().map(Self)
    }

    /// The first date of this shape in a text, by ISO 8601.
    pub(super) fn read(&self, text: &str) -> Option<String> {
        self.0.captures_iter(text).find_map(|found| iso(&found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (text, expected) in [
            ("2024-01-31", "2024-01-31"),
            ("2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z"),
            (
                "2024-01-31T10:00:00.25+0200",
                "2024-01-31T10:00:00.25+02:00",
            ),
            ("2024-01-31 10:00", "2024-01-31T10:00:00"),
            ("Wed, 31 Jan 2024 10:00:00 GMT", "2024-01-31T10:00:00Z"),
            ("31 Jan 2024 10:00:00 -0500", "2024-01-31T10:00:00-05:00"),
            ("Wed Jan 31 10:00:00 2024", "2024-01-31T10:00:00"),
            ("31-Jan-2024", "2024-01-31"),
            ("2024/1/31", "2024-01-31"),
            ("31.1.2024", "2024-01-31"),
            ("31. 01. 2024, 9:05", "2024-01-31T09:05:00"),
            ("31/01/2024", "2024-01-31"),
            ("01/31/2024 3:04 PM", "2024-01-31T15:04:00"),
            ("12:00 on 02/02/2024", "2024-02-02"),
            ("January 31, 2024", "2024-01-31"),
            ("Jan. 31st, 2024 at 12:30 am", "2024-01-31T00:30:00"),
            ("Published: 31st of January 2024 by X", "2024-01-31"),
            ("31. Januar 2024 um 10:15 Uhr", "2024-01-31T10:15:00"),
            ("3 mars 2024", "2024-03-03"),
            ("1er août 2024", "2024-08-01"),
            ("31 de enero de 2024", "2024-01-31"),
            ("5 de março de 2024", "2024-03-05"),
            ("7 maart 2024", "2024-03-07"),
            ("2 giugno 2024", "2024-06-02"),
            ("14 juillet 2024", "2024-07-14"),
            ("Sept 5, 2024", "2024-09-05"),
            ("2024年1月31日", "2024-01-31"),
            ("20240131", "2024-01-31"),
            ("1700000000", "2023-11-14T22:13:20Z"),
            ("1700000000000", "2023-11-14T22:13:20Z"),
            ("29 Feb 2024", "2024-02-29"),
        ] {
            assert_eq!(date(text).as_deref(), Some(expected), "{text}");
        }
        for none in [
            "",
            "yesterday",
            "01/02/2024",
            "29 Feb 2023",
            "31.13.2024",
            "Marble 3, 2024",
            "2024",
            "12345678",
            "5 stars 2024",
            "32 May 2024",
        ] {
            assert_eq!(date(none), None, "{none}");
        }
    }

    #[test]
    fn shapes() {
        for (format, text, expected) in [
            ("%d/%m/%Y", "am 01/02/2024", Some("2024-02-01")),
            (
                "%m/%d/%y %I:%M %p",
                "01/02/24 1:05 PM",
                Some("2024-01-02T13:05:00"),
            ),
            ("%B %Y", "März 2024", Some("2024-03-01")),
            ("%d.%m.", "01.02.", None),
            ("%Y%m%d", "19991231", Some("1999-12-31")),
            ("%d/%m/%Y", "45/02/2024", None),
        ] {
            let found = Shape::new(format).and_then(|shape| shape.read(text));
            assert_eq!(found.as_deref(), expected, "{format} {text}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

        #[test]
        fn a_second_is_a_second(seconds in 1_000_000_000i64..9_999_999_999) {
            let iso = date(&seconds.to_string()).unwrap();
            let there = httpdate::fmt_http_date(
                std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds as u64),
            );
            proptest::prop_assert_eq!(date(&there), Some(iso));
        }

        #[test]
        fn nothing_breaks_it(text in "[-0-9:./ TZ+Jan,年]{0,30}|\\PC{0,20}") {
            date(&text);
        }
    }
}
