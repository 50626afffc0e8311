//! Dates as they stand in sitemaps, feeds and sites files.

/// Seconds since 1970 of a moment written as RFC 3339 or a shorter form of it
/// (`2024`, `2024-05`, `2024-05-01`, `2024-05-01T10:00Z`), or as RFC 2822
/// (`Wed, 01 May 2024 10:00:00 +0200`). Without a zone it is UTC.
pub fn seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    if !text.is_ascii() || text.len() > 64 {
        return None;
    }
    iso(text).or_else(|| mail(text))
}

/// The first second by which a change must have happened that is dated so: of a
/// day, month or year alone its end, in whatever zone it is meant.
pub fn until(text: &str) -> Option<i64> {
    /// The zone that is furthest behind UTC is 12 hours behind.
    const ZONES: i64 = 12 * 3600;
    /// What two clocks may differ by.
    const CLOCKS: i64 = 60;
    let day = 86_400;
    let text = text.trim();
    let begin = seconds(text)?;
    let length = match text.len() {
        _ if text.contains(':') => CLOCKS,
        4 => 366 * day + ZONES,
        7 => 31 * day + ZONES,
        _ => day + ZONES,
    };
    Some(begin.saturating_add(length))
}

fn iso(text: &str) -> Option<i64> {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = parts.next().map_or(Some(1), |text| digits(text, 2))?;
    let day = parts.next().map_or(Some(1), |text| digits(text, 2))?;
    if parts.next().is_some() {
        return None;
    }
    let of_day = time.map_or(Some(0), clock)?;
    Some(days(year, month, day)? * 86_400 + of_day)
}

/// Seconds of a time of day with its zone.
fn clock(text: &str) -> Option<i64> {
    let zone_at = text.find(['Z', 'z', '+', '-', ' ']).unwrap_or(text.len());
    let (time, zone) = text.split_at(zone_at);
    let mut parts = time.split(':');
    let hour = digits(parts.next()?, 2)?;
    let minute = parts.next().map_or(Some(0), |text| digits(text, 2))?;
    let second = parts.next().map_or(Some(0), |text| {
        digits(text.split('.').next().unwrap_or_default(), 2)
    })?;
    if hour > 24 || minute > 59 || second > 60 || parts.next().is_some() {
        return None;
    }
    Some(hour * 3600 + minute * 60 + second - offset(zone.trim())?)
}

/// Seconds that a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes().first() {
        None => return Some(0),
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => {
            let name = zone.to_ascii_uppercase();
            return match name.as_str() {
                "Z" | "UTC" | "GMT" | "UT" => Some(0),
                "EST" => Some(-5 * 3600),
                "EDT" => Some(-4 * 3600),
                "CDT" => Some(-5 * 3600),
                "CST" | "MDT" => Some(-6 * 3600),
                "MST" | "PDT" => Some(-7 * 3600),
                "PST" => Some(-8 * 3600),
                _ => None,
            };
        }
    };
    let bare = zone[1..].replace(':', "");
    let (hours, minutes) = match bare.len() {
        2 => (digits(&bare, 2)?, 0),
        4 => (digits(&bare[..2], 2)?, digits(&bare[2..], 2)?),
        _ => return None,
    };
    Some(sign * (hours * 3600 + minutes * 60))
}

/// `[Wed,] 1 May 2024 [10:00[:00] [+0200]]`.
fn mail(text: &str) -> Option<i64> {
    let text = text.split_once(',').map_or(text, |(_, rest)| rest);
    let mut words = text.split_ascii_whitespace();
    let day = words.next()?;
    let day = digits(day, day.len().clamp(1, 2))?;
    let name = words.next()?.get(..3)?.to_ascii_lowercase();
    let months = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let month = months.iter().position(|month| *month == name)?;
    let year = words.next()?;
    let year = match year.len() {
        2 => 2000 + digits(year, 2)?,
        _ => digits(year, 4)?,
    };
    let rest: Vec<&str> = words.collect();
    let of_day = match rest.is_empty() {
        true => 0,
        false => clock(&rest.join(" "))?,
    };
    // Fewer months than i64 can count.
    Some(days(year, month as i64 + 1, day)? * 86_400 + of_day)
}

fn digits(text: &str, exactly: usize) -> Option<i64> {
    let fits = text.len() == exactly && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March here, so that the leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Some(era * 146_097 + days - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_has_happened_by_the_end_of_its_day() {
        let hours = 3600;
        for (text, want) in [
            ("1970-01-01T00:00:00Z", Some(60)),
            ("1970-01-01", Some(36 * hours)),
            ("1970-01", Some((31 * 24 + 12) * hours)),
            ("1970", Some((366 * 24 + 12) * hours)),
            ("Thu, 01 Jan 1970 01:00:00 GMT", Some(hours + 60)),
            ("never", None),
        ] {
            assert_eq!(until(text), want, "{text}");
        }
    }

    #[test]
    fn moments_in_every_form() {
        for (text, want) in [
            ("1970-01-01", Some(0)),
            ("2024", Some(1_704_067_200)),
            ("2024-05", Some(1_714_521_600)),
            (" 2024-05-01 ", Some(1_714_521_600)),
            ("2024-05-01T10:00Z", Some(1_714_557_600)),
            ("2024-05-01T10:00:00.123Z", Some(1_714_557_600)),
            ("2024-05-01T12:00:00+02:00", Some(1_714_557_600)),
            ("2024-05-01 05:00:00-0500", Some(1_714_557_600)),
            ("2024-02-29T00:00:00", Some(1_709_164_800)),
            ("Wed, 01 May 2024 10:00:00 GMT", Some(1_714_557_600)),
            ("Wed, 1 May 2024 12:00:00 +0200", Some(1_714_557_600)),
            ("1 May 24 12:00 +0200", Some(1_714_557_600)),
            ("01 May 2024 06:00:00 EDT", Some(1_714_557_600)),
            ("01 May 2024 05:00:00 CDT", Some(1_714_557_600)),
            ("1969-12-31T23:59:59Z", Some(-1)),
            ("", None),
            ("yesterday", None),
            ("2024-13-01", None),
            ("2024-05-01T25:00", None),
            ("2024-05-01-01", None),
            ("24-05-01", None),
            ("Wed, 01 Foo 2024", None),
            ("2024-05-01T10:00:00+2", None),
            ("２０２４", None),
        ] {
            assert_eq!(seconds(text), want, "{text}");
        }
    }
}
