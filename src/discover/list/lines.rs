//! A URL a line; `#` begins a comment.

use super::{Stop, Taken};
use crate::discover::source::Source;
use std::io::BufRead;

/// Longest line kept, bytes; what is over shows that it is too long.
const LINE: usize = 64 << 10;

/// The lines of a source, one at a time, of any kind of line end.
pub(super) struct Lines<'a, 'b> {
    source: &'a mut Source<'b>,
    text: Vec<u8>,
    most: usize,
    /// The last line's number, from 1.
    number: u64,
    /// Whether the last line ended in a carriage return.
    returned: bool,
}

impl<'a, 'b> Lines<'a, 'b> {
    /// Lines of at most `most` bytes; of a longer one the end is left out.
    pub(super) fn new(source: &'a mut Source<'b>, most: usize) -> Self {
        Self {
            source,
            text: Vec::new(),
            most,
            number: 0,
            returned: false,
        }
    }

    /// The next line that is not blank, trimmed, with its number.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &str)>, Stop> {
        loop {
            if !self.line()? {
                return Ok(None);
            }
            if !self.text.trim_ascii().is_empty() {
                break;
            }
        }
        // What was decoded is UTF-8 but for a character cut at the cap.
        let text = match std::str::from_utf8(&self.text) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&self.text[..error.valid_up_to()]).unwrap_or(""),
        };
        Ok(Some((self.number, text.trim())))
    }

    /// Reads a line; `false` at the end.
    fn line(&mut self) -> Result<bool, Stop> {
        self.text.clear();
        let mut begun = false;
        loop {
            let text = self.source.fill_buf()?;
            if text.is_empty() {
                self.number += u64::from(begun);
                return Ok(begun);
            }
            if std::mem::take(&mut self.returned) && text[0] == b'\n' {
                self.source.consume(1);
                continue;
            }
            begun = true;
            let end = memchr::memchr2(b'\n', b'\r', text);
            let part = &text[..end.unwrap_or(text.len())];
            let room = self.most.saturating_sub(self.text.len());
            self.text.extend_from_slice(&part[..part.len().min(room)]);
            self.returned = end.is_some_and(|end| text[end] == b'\r');
            let used = part.len() + usize::from(end.is_some());
            self.source.consume(used);
            self.source.renew();
            if end.is_some() {
                self.number += 1;
                return Ok(true);
            }
        }
    }
}

pub(super) fn read(source: &mut Source, taken: &mut Taken) -> Result<(), Stop> {
    let mut lines = Lines::new(source, LINE);
    while let Some((number, text)) = lines.next()? {
        if !text.starts_with('#') {
            taken.row(number, text)?;
        }
    }
    Ok(())
}
