//! How the words of single values are read. Each error says what is wrong and
//! what to write instead.

use crate::config::browsing::Wait;
use crate::config::source::{JsonQuery, Since};
use crate::config::{Fetch, date};
use crate::page::{NormalForm, money};
use regex::Regex;
use std::time::Duration;
use url::Url;

pub fn name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.is_empty() || text.len() > 100 || !text.chars().all(fits) {
        return Err("no name; a name is up to 100 letters, digits, '.', '_' and '-'".to_owned());
    }
    Ok(text.to_owned())
}

pub fn web_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| match error {
        url::ParseError::RelativeUrlWithoutBase => {
            "not a whole URL; write it with https:// (or http://) in front".to_owned()
        }
        error => format!("not a URL: {error}"),
    })?;
    let mut plain = url;
    NormalForm::default()
        .apply(&mut plain)
        .map_err(|refusal| format!("not a page's URL: {refusal}"))?;
    Ok(plain)
}

pub fn host_name(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix("*.").unwrap_or(text);
    let parsed = Url::parse(&format!("http://{bare}/"))
        .ok()
        .filter(|url| url.host_str().is_some() && url.path() == "/" && url.username().is_empty());
    match parsed {
        Some(url) if !bare.contains('/') => {
            let host = url.host_str().unwrap_or_default();
            let star = if bare.len() == text.len() { "" } else { "*." };
            // An explicit :80 is dropped by the parser, and means what it says.
            let port = bare
                .rsplit_once(':')
                .and_then(|(_, port)| port.parse::<u16>().ok())
                .map(|port| format!(":{port}"))
                .unwrap_or_default();
            Ok(format!("{star}{host}{port}"))
        }
        _ => Err("not a host name; write it without https:// and without a path".to_owned()),
    }
}

pub fn expression(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| {
        let error = error.to_string();
        let reason = error.lines().last().unwrap_or("bad").trim();
        format!(
            "not a regular expression: {}",
            reason.trim_start_matches("error: ")
        )
    })
}

pub fn css(text: &str) -> Result<String, String> {
    match scraper::Selector::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        // A message of the parser's may have lines of its own, and its own advice.
        Err(error) => {
            let first = error.to_string().lines().next().map(str::to_owned);
            let first = first.unwrap_or_default();
            let first = first.split(". Please report").next().unwrap_or_default();
            Err(format!("not a CSS selector: {first}"))
        }
    }
}

pub fn ld_path(text: &str) -> Result<String, String> {
    let fits = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
    if !text.split('.').all(fits) {
        return Err("not a path in JSON-LD; write it like Product.offers.price".to_owned());
    }
    Ok(text.to_owned())
}

pub fn meta_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(|c: char| c.is_control() || matches!(c, '"' | '\\')) {
        return Err("not the name of a meta element; write it like og:title".to_owned());
    }
    Ok(text.to_owned())
}

/// The letters that may stand behind a `%` in a date's format.
const DATE_LETTERS: &str = "YymdbBHIMSpzZ%";

pub fn date_format(text: &str) -> Result<String, String> {
    let mut letters = text.chars();
    let mut any = false;
    while let Some(c) = letters.next() {
        if c == '%' {
            any = true;
            if !letters.next().is_some_and(|c| DATE_LETTERS.contains(c)) {
                return Err(
                    "not a date's format; it has %Y %y %m %d %b %B %H %I %M %S %p %z %Z and %%"
                        .to_owned(),
                );
            }
        }
    }
    match any {
        true => Ok(text.to_owned()),
        false => Err("not a date's format; write it like %d/%m/%Y".to_owned()),
    }
}

pub fn json_path(text: &str) -> Result<JsonQuery, String> {
    match serde_json_path::JsonPath::parse(text) {
        Ok(path) => Ok(JsonQuery {
            text: text.to_owned(),
            path,
        }),
        Err(error) => Err(format!("not a JSONPath: {error}; one begins with $")),
    }
}

pub fn since(text: &str) -> Result<Since, String> {
    if let Some(at) = date::seconds(text) {
        return Ok(Since::Moment(at));
    }
    let days = text.strip_suffix('d').map(str::parse::<u32>);
    let hours = text.strip_suffix('h').map(str::parse::<u32>);
    match (days, hours) {
        (Some(Ok(days)), _) => Ok(Since::Ago(i64::from(days) * 86_400)),
        (_, Some(Ok(hours))) => Ok(Since::Ago(i64::from(hours) * 3600)),
        _ => Err("not a date; write it like 2024-05-01, or 30d for thirty days ago".to_owned()),
    }
}

pub fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "not a duration; write it like 250ms, 1.5s or 2m".to_owned();
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let unit = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let span = Duration::try_from_secs_f64(number * unit).map_err(|_| wrong())?;
    if span > Fetch::MAX_DELAY {
        return Err("too long; at most 1h".to_owned());
    }
    Ok(span)
}

pub fn size(text: &str) -> Result<u64, String> {
    let wrong = || "not a size; write it like 500KB, 10MB or 1048576".to_owned();
    let (number, unit) = bytes(text)
        .filter(|(_, unit)| *unit <= 1 << 30)
        .ok_or_else(wrong)?;
    let number: u64 = number.trim().parse().map_err(|_| wrong())?;
    number
        .checked_mul(unit)
        .filter(|bytes| (1024..=4 << 30).contains(bytes))
        .ok_or_else(|| "out of range; a size is from 1KB to 4GB".to_owned())
}

/// A number of bytes and the unit behind it, bytes: that of nothing is 1.
pub fn bytes(text: &str) -> Option<(&str, u64)> {
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return None,
    };
    Some((number, unit))
}

/// A number from 0, perhaps with a fraction.
pub fn fraction(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number)
}

pub fn wait(text: &str) -> Option<Wait> {
    match text {
        "load" => Some(Wait::Load),
        "network-idle" => Some(Wait::NetworkIdle),
        _ => None,
    }
}

/// `12.50` in millionths.
pub fn amount(text: &str) -> Result<u64, String> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let exact = plain && text.split_once('.').is_none_or(|(_, part)| part.len() <= 6);
    money::millionths(text)
        .filter(|amount| exact && *amount > 0)
        .ok_or_else(|| "not an amount; write it like 12.50, with six decimals at most".to_owned())
}

pub fn whole(text: &str, least: u64, most: u64) -> Result<u64, String> {
    let range = if most == u64::MAX {
        format!("a whole number from {least}")
    } else {
        format!("a whole number from {least} to {most}")
    };
    text.parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("{text} does not fit; write {range}"))
}

pub fn workers(text: &str) -> Result<Option<u64>, String> {
    if text == "auto" {
        return Ok(None);
    }
    whole(text, 1, u64::from(Fetch::MAX_CONCURRENCY)).map(Some)
}

pub fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" | "true" | "yes" => Ok(true),
        "off" | "false" | "no" => Ok(false),
        _ => Err("neither; write on or off".to_owned()),
    }
}
