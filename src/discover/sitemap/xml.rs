//! Reads the XML of a sitemap or a feed, event by event.

use super::outline::{HTML, Outline, is_html, is_sitemap};
use super::{Taken, unreadable};
use crate::discover::source::Source;
use quick_xml::Reader;
use quick_xml::events::Event;

/// Gives the entries of a document, as far as it can be read.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(source: &mut Source, taken: &mut Taken) -> Result<(), String> {
    let mut reader = Reader::from_reader(source);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.expand_empty_elements = true;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut outline = Outline::default();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        reader.get_mut().renew();
        let event = match reader.read_event_into(&mut buffer) {
            Ok(event) => event,
            // Padding behind the end is no part of the sitemap.
            Err(_) if outline.is_whole() => return Ok(()),
            Err(error) => {
                let at = reader.error_position();
                outline.break_off(taken)?;
                return Err(match error {
                    quick_xml::Error::Io(error) => unreadable(&error),
                    error => format!("its XML breaks at byte {at}: {error}"),
                });
            }
        };
        match event {
            Event::DocType(text) if is_html(&text) => return Err(HTML.to_owned()),
            Event::Start(tag) => outline.start(&tag, taken)?,
            Event::End(tag) => outline.end(tag.name(), taken)?,
            Event::Text(text) => outline.add(&text),
            Event::CData(text) => outline.add(&text),
            Event::GeneralRef(name) => match name.resolve_char_ref() {
                Ok(Some(c)) => outline.add(c.encode_utf8(&mut [0; 4])),
                _ => outline.add(
                    // Entities of a document type are not expanded.
                    quick_xml::escape::resolve_predefined_entity(&name).unwrap_or_default(),
                ),
            },
            Event::Eof => {
                let whole = outline.is_whole();
                outline.break_off(taken)?;
                return match &outline.root {
                    None => Err("it is empty".to_owned()),
                    Some(_) if !whole => Err("it breaks off in the middle".to_owned()),
                    Some(root) if taken.summary.entries == 0 && !is_sitemap(root) => {
                        Err(format!("its root is <{root}>, so it is not a sitemap"))
                    }
                    _ => Ok(()),
                };
            }
            _ => {}
        }
    }
}
