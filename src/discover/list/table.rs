//! Tables: values parted by commas, semicolons or tabs, some of them quoted.

use super::json::KEYS;
use super::{Stop, Taken};
use crate::config::Column;
use crate::discover::source::Source;
use csv::{ReaderBuilder, StringRecord};
use std::io::BufRead;

pub(super) fn read(
    source: &mut Source,
    column: Option<&Column>,
    taken: &mut Taken,
) -> Result<(), Stop> {
    let delimiter = delimiter(source.fill_buf()?);
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(source);
    let mut record = StringRecord::new();
    let mut place: Option<Place> = None;
    loop {
        reader.get_mut().renew();
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => {
                let line = reader.position().line();
                let why = match error.into_kind() {
                    csv::ErrorKind::Io(error) => match Stop::from(error) {
                        Stop::Problem(why) => why,
                        told => return Err(told),
                    },
                    other => format!("it breaks: {other:?}"),
                };
                return Err(Stop::Problem(format!("line {line}: {why}")));
            }
        }
        let line = record.position().map_or(0, csv::Position::line);
        let place = match &place {
            Some(place) => place,
            None => {
                let (found, is_head) = Place::find(column, &record, taken)?;
                let found = place.insert(found);
                if is_head {
                    continue;
                }
                found
            }
        };
        let value = match place {
            Place::At(n) => record.get(*n),
            Place::Anywhere => record.iter().find(|value| taken.url(value).is_ok()),
        };
        match value {
            Some(value) => taken.row(line, value)?,
            None => {
                let row: Vec<&str> = record.iter().take(20).collect();
                taken.bad(line, "no URL", &row.join(","))?;
            }
        }
    }
}

/// Where in a row the URL is.
enum Place {
    At(usize),
    Anywhere,
}

impl Place {
    /// By the first row; answers whether that is the table's head.
    fn find(
        column: Option<&Column>,
        first: &StringRecord,
        taken: &Taken,
    ) -> Result<(Self, bool), Stop> {
        let named = |name: &str| {
            first
                .iter()
                .position(|head| head.trim().eq_ignore_ascii_case(name.trim()))
        };
        match column {
            Some(Column::Name(name)) => match named(name) {
                Some(n) => Ok((Self::At(n), true)),
                None => {
                    let heads: Vec<&str> = first.iter().take(20).collect();
                    Err(Stop::Problem(format!(
                        "it has no column {name:?}; its first row is {:?}",
                        heads.join(", ")
                    )))
                }
            },
            Some(Column::Number(n)) => {
                let value = first.get(n - 1).unwrap_or_default();
                // A first row without a URL there is taken for the head.
                Ok((Self::At(n - 1), taken.url(value).is_err()))
            }
            None if first.iter().any(|value| taken.url(value).is_ok()) => {
                Ok((Self::Anywhere, false))
            }
            None => match KEYS.iter().find_map(|key| named(key)) {
                Some(n) => Ok((Self::At(n), true)),
                None => Ok((Self::Anywhere, true)),
            },
        }
    }
}

/// Which of the three parts the first line into most values; a comma, where two do.
fn delimiter(text: &[u8]) -> u8 {
    let mut lines = text.split(|byte| *byte == b'\n');
    let line = lines.find(|line| !line.trim_ascii().is_empty());
    let line = line.unwrap_or_default();
    let count = |wanted: u8| memchr::memchr_iter(wanted, line).count();
    // A URL may hold commas and semicolons, but no tab.
    [b';', b'\t', b',']
        .into_iter()
        .max_by_key(|byte| count(*byte))
        .unwrap_or(b',')
}
