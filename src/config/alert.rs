//! Alerts of the sites file: conditions in words, and what is done about them.

use super::error::suggestion;
use super::raw;
use super::rule::RecordRule;
use super::scalar::{bytes, fraction};
use crate::bus::{AlertAction, AlertRule, Condition, Level};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// For how long a condition must hold where the file does not say.
const HOLD: Duration = Duration::from_secs(10);
/// For how long nothing is finished where the file does not say.
const NO_PROGRESS: Duration = Duration::from_secs(60);
/// The conditions, each as it is written.
const FORMS: [(&str, &str); 6] = [
    ("errors", "errors > 10%"),
    ("pages_per_s", "pages_per_s < 5"),
    ("no_progress", "no_progress"),
    ("queue_growth", "queue_growth > 100/s"),
    ("disk_free", "disk_free < 2GB"),
    ("fill", "fill(record.field) < 90%"),
];

/// Reads a condition such as `errors > 10%`.
///
/// # Errors
/// What to write instead.
pub fn condition(text: &str) -> Result<Condition, String> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let Some((_, form)) = FORMS.iter().find(|(known, _)| *known == name) else {
        // What a name begins with is nearer to it than what it is spelt like.
        let begun: Vec<&str> = FORMS
            .iter()
            .map(|(known, _)| *known)
            .filter(|known| !name.is_empty() && known.starts_with(name))
            .collect();
        let wanted = match begun[..] {
            [known] => format!("did you mean \"{known}\"?"),
            _ => suggestion(name, &FORMS.map(|(known, _)| known)),
        };
        return Err(format!("unknown condition \"{name}\"; {wanted}"));
    };
    let wrong = || format!("not a condition; write it like {form}");
    let rest = rest.trim();
    match name {
        "no_progress" => rest
            .is_empty()
            .then_some(Condition::NoProgress)
            .ok_or_else(|| {
                "no_progress takes no figure; write when: no_progress and for: 2m".to_owned()
            }),
        "fill" => {
            let (of, figure) = rest
                .strip_prefix('(')
                .and_then(|rest| rest.split_once(')'))
                .ok_or_else(wrong)?;
            let (record, field) = of.split_once('.').ok_or_else(wrong)?;
            let (record, field) = (record.trim(), field.trim());
            if record.is_empty() || field.is_empty() {
                return Err(wrong());
            }
            Ok(Condition::Fill {
                record: record.into(),
                field: field.into(),
                below: share(after(figure, '<').ok_or_else(wrong)?).ok_or_else(wrong)?,
            })
        }
        "errors" => after(rest, '>')
            .and_then(share)
            .map(Condition::Errors)
            .ok_or_else(wrong),
        "pages_per_s" => after(rest, '<')
            .and_then(rate)
            .map(Condition::PagesPerSecond)
            .ok_or_else(wrong),
        "queue_growth" => after(rest, '>')
            .and_then(rate)
            .map(Condition::QueueGrowth)
            .ok_or_else(wrong),
        // `disk_free`, the only one left.
        _ => after(rest, '<')
            .and_then(disk)
            .map(Condition::DiskFree)
            .ok_or_else(wrong),
    }
}

/// What stands behind a sign.
fn after(text: &str, sign: char) -> Option<&str> {
    text.trim().strip_prefix(sign).map(str::trim)
}

/// `10%`, from 0 to 100.
fn share(text: &str) -> Option<f64> {
    fraction(text.strip_suffix('%')?.trim_end()).filter(|share| *share <= 100.0)
}

/// `100/s`, or `100`.
fn rate(text: &str) -> Option<f64> {
    fraction(text.strip_suffix("/s").unwrap_or(text).trim_end())
}

/// `2GB`, of whatever size a disk may have.
fn disk(text: &str) -> Option<u64> {
    let (number, unit) = bytes(text)?;
    let bytes = fraction(number.trim_end())? * unit as f64;
    // No disk holds more than an exabyte.
    (bytes <= (1u64 << 60) as f64).then_some(bytes as u64)
}

/// Reads where an alert is posted.
///
/// # Errors
/// What to write instead; the address itself may be a secret.
pub fn webhook(text: &str) -> Result<String, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url.into()),
        _ => Err("a webhook is an http or https URL".to_owned()),
    }
}

/// Reads how much an alert matters.
///
/// # Errors
/// What to write instead.
pub fn level(text: &str) -> Result<Level, String> {
    match text {
        "warn" | "warning" => Ok(Level::Warn),
        "error" => Ok(Level::Error),
        _ => Err("not a level of an alert; write warn or error".to_owned()),
    }
}

/// The alerts of a site: its own, else those of the defaults. A default about a
/// field that the site does not have is passed over.
///
/// # Errors
/// An alert of its own about a field that it does not take, and an empty command.
pub fn rules(
    own: Option<Vec<raw::Alert>>,
    defaults: &[raw::Alert],
    extract: &[&RecordRule],
) -> Result<Arc<[AlertRule]>, String> {
    let is_own = own.is_some();
    let mut rules = Vec::new();
    for (n, raw) in own
        .unwrap_or_else(|| defaults.to_vec())
        .into_iter()
        .enumerate()
    {
        if let Condition::Fill { record, field, .. } = &raw.when.0
            && let Err(wrong) = takes(extract, record, field)
        {
            if is_own {
                return Err(format!("alerts[{n}].when: {wrong}"));
            }
            continue;
        }
        let rule = rule(raw).map_err(|wrong| format!("alerts[{n}].{wrong}"))?;
        rules.push(rule);
    }
    Ok(rules.into())
}

fn rule(raw: raw::Alert) -> Result<AlertRule, String> {
    let command: Vec<String> = match raw.command {
        None => Vec::new(),
        Some(words) => words.into_iter().map(|word| word.0).collect(),
    };
    if command.first().is_some_and(|program| program.is_empty()) {
        return Err("command: its first word, the program, is empty".to_owned());
    }
    let webhook = raw.webhook.map(|webhook| webhook.0);
    let does = webhook.is_some() || !command.is_empty();
    Ok(AlertRule {
        hold: raw.hold.map_or(
            match raw.when.0 {
                Condition::NoProgress => NO_PROGRESS,
                _ => HOLD,
            },
            |span| span.0,
        ),
        when: raw.when.0,
        level: raw.level.map_or(Level::Warn, |level| level.0),
        bell: raw.bell.is_some_and(|on| on.0),
        notify: raw.notify.is_some_and(|on| on.0),
        action: does.then(|| Arc::new(AlertAction { webhook, command })),
    })
}

/// Whether a site takes this field of this record; else the nearest that it does.
fn takes(extract: &[&RecordRule], record: &str, field: &str) -> Result<(), String> {
    let records: Vec<&str> = extract.iter().map(|rule| rule.record.as_str()).collect();
    if records.is_empty() {
        return Err("the site takes no records".to_owned());
    }
    if !records.contains(&record) {
        return Err(format!(
            "no record \"{record}\"; {}",
            suggestion(record, &records)
        ));
    }
    let fields: Vec<&str> = extract
        .iter()
        .filter(|rule| rule.record == record)
        .flat_map(|rule| rule.fields.iter().map(|field| field.name.as_str()))
        .collect();
    if fields.contains(&field) {
        return Ok(());
    }
    Err(format!(
        "no field \"{field}\" in the record {record}; {}",
        suggestion(field, &fields)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_as_they_are_written() {
        for (text, expected) in [
            ("errors > 10%", Condition::Errors(10.0)),
            ("errors>2.5 %", Condition::Errors(2.5)),
            ("pages_per_s < 0.5", Condition::PagesPerSecond(0.5)),
            ("pages_per_s < 3/s", Condition::PagesPerSecond(3.0)),
            (" no_progress ", Condition::NoProgress),
            ("queue_growth > 100/s", Condition::QueueGrowth(100.0)),
            ("disk_free < 1.5GB", Condition::DiskFree(3 << 29)),
            ("disk_free < 2 TB", Condition::DiskFree(2 << 40)),
            (
                "fill( book.list price ) < 90%",
                Condition::Fill {
                    record: "book".into(),
                    field: "list price".into(),
                    below: 90.0,
                },
            ),
        ] {
            assert_eq!(condition(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_is_told_how_to_be_one() {
        for (text, expected) in [
            (
                "eror > 10%",
                "unknown condition \"eror\"; did you mean \"errors\"?",
            ),
            (
                "disk < 2GB",
                "unknown condition \"disk\"; did you mean \"disk_free\"?",
            ),
            ("errors < 10%", "write it like errors > 10%"),
            ("errors > 10", "write it like errors > 10%"),
            ("errors > 110%", "write it like errors > 10%"),
            ("pages_per_s < many", "write it like pages_per_s < 5"),
            ("pages_per_s < -1", "write it like"),
            ("pages_per_s < NaN", "write it like"),
            ("queue_growth > inf/s", "write it like"),
            ("no_progress > 3", "no_progress takes no figure"),
            ("disk_free < 2 stones", "write it like disk_free < 2GB"),
            ("fill(book) < 90%", "write it like fill(record.field) < 90%"),
            ("", "unknown condition \"\""),
        ] {
            let wrong = condition(text).unwrap_err();
            assert!(wrong.contains(expected), "{text}: {wrong}");
        }
    }
}
