//! The rules of the insertion modes of tables. What a table cannot hold is put
//! before it by browsers, and such a page is left to the DOM.

use super::tree::{Mode, Place, Streaming};
use crate::extract::pass::Start;
use crate::extract::tag::Tag;

/// `caption`, `col` and the other parts of a table that are no cells.
fn is_part(tag: Tag) -> bool {
    use Tag::*;
    matches!(tag, Caption | Col | Colgroup | Tbody | Tfoot | Thead)
}

fn is_section(tag: Tag) -> bool {
    matches!(tag, Tag::Tbody | Tag::Tfoot | Tag::Thead)
}

fn is_cell(tag: Tag) -> bool {
    matches!(tag, Tag::Td | Tag::Th)
}

impl<'a> Streaming<'_, 'a> {
    /// A start tag somewhere in a table.
    pub(super) fn start_in_table(&mut self, start: &mut Start<'a, '_>) -> Place {
        let tag = start.tag;
        let of_table = is_part(tag) || is_cell(tag) || tag == Tag::Tr;
        if matches!(self.mode, Mode::Caption | Mode::Cell) {
            if !of_table {
                return self.start_in_body(start);
            }
            let ended = match self.mode {
                Mode::Caption => self.end_caption(),
                _ => self.end_cell(),
            };
            if !ended {
                return Place::Nowhere;
            }
        }
        loop {
            match (self.mode, tag) {
                (Mode::Columns, Tag::Col) => return Place::Void,
                (Mode::Columns, Tag::Html | Tag::Template) => return Place::Lost,
                (Mode::Columns, _) => match self.stack.current() {
                    Tag::Colgroup => {
                        self.close_current();
                        self.mode = Mode::Table;
                    }
                    _ => return Place::Nowhere,
                },
                (Mode::Row, _) if is_cell(tag) => {
                    self.close_to(|open| open == Tag::Tr);
                    self.mode = Mode::Cell;
                    return Place::Open;
                }
                (Mode::Row, _) if is_part(tag) || tag == Tag::Tr => {
                    if !self.end_row() {
                        return Place::Nowhere;
                    }
                }
                (Mode::TableBody, Tag::Tr) => {
                    self.close_to(is_section);
                    self.mode = Mode::Row;
                    return Place::Open;
                }
                (Mode::TableBody, _) if is_cell(tag) => {
                    self.close_to(is_section);
                    self.imply(Tag::Tr);
                    self.mode = Mode::Row;
                }
                (Mode::TableBody, _) if is_part(tag) => self.end_section(),
                (Mode::Table, _) if of_table => {
                    self.close_to(|open| open == Tag::Table);
                    match tag {
                        Tag::Caption => self.mode = Mode::Caption,
                        Tag::Colgroup => self.mode = Mode::Columns,
                        Tag::Col => {
                            self.imply(Tag::Colgroup);
                            self.mode = Mode::Columns;
                            continue;
                        }
                        _ if is_section(tag) => self.mode = Mode::TableBody,
                        _ => {
                            self.imply(Tag::Tbody);
                            self.mode = Mode::TableBody;
                            continue;
                        }
                    }
                    return Place::Open;
                }
                (_, Tag::Table) => {
                    let Some(place) = self.stack.in_table_scope(Tag::Table) else {
                        return Place::Nowhere;
                    };
                    self.close(place, false);
                    self.reset_mode();
                    return self.start_body(start);
                }
                (_, Tag::Style | Tag::Script) => return Place::Open,
                _ => return Place::Lost,
            }
        }
    }

    /// An end tag somewhere in a table.
    pub(super) fn end_in_table(&mut self, tag: Tag, name: &str) {
        use Tag::*;
        let of_table = is_part(tag) || is_cell(tag) || matches!(tag, Table | Tr);
        if matches!(self.mode, Mode::Caption | Mode::Cell) && !self.leave(tag, name, of_table) {
            return;
        }
        if self.mode == Mode::Columns {
            match tag {
                Col => return,
                Template => return self.lose(),
                _ if self.stack.current() != Colgroup => return,
                _ => {
                    self.close_current();
                    self.mode = Mode::Table;
                    if tag == Colgroup {
                        return;
                    }
                }
            }
        }
        match tag {
            Table => {
                if self.mode == Mode::Row && !self.end_row() {
                    return;
                }
                if self.mode == Mode::TableBody {
                    self.end_section();
                }
                if let Some(place) = self.stack.in_table_scope(Table) {
                    self.close(place, false);
                    self.reset_mode();
                }
            }
            Tr if self.mode == Mode::Row => {
                self.end_row();
            }
            _ if is_section(tag) => {
                if self.stack.in_table_scope(tag).is_none() {
                    return;
                }
                if self.mode == Mode::Row && !self.end_row() {
                    return;
                }
                if self.mode == Mode::TableBody {
                    self.end_section();
                }
            }
            Body | Html => {}
            _ if of_table => {}
            _ => self.lose(),
        }
    }

    /// An end tag in a cell or a caption; answers whether it ends something
    /// around that as well.
    fn leave(&mut self, tag: Tag, name: &str, of_table: bool) -> bool {
        use Tag::*;
        match (self.mode, tag) {
            (Mode::Caption, Caption | Table) => self.end_caption() && tag == Table,
            (Mode::Cell, Td | Th) => {
                if let Some(place) = self.stack.in_table_scope(tag) {
                    self.close_implied(None);
                    self.close(place, true);
                    self.mode = Mode::Row;
                }
                false
            }
            (Mode::Cell, Table | Tr | Tbody | Tfoot | Thead) => {
                self.stack.in_table_scope(tag).is_some() && self.end_cell()
            }
            _ => {
                if !of_table && !matches!(tag, Body | Html) {
                    self.end_in_body(tag, name);
                }
                false
            }
        }
    }

    /// Ends what is open within the innermost element of a kind.
    fn close_to(&mut self, kind: impl Fn(Tag) -> bool) {
        if let Some(place) = self.stack.find(kind, |_| false) {
            self.close(place + 1, false);
        }
    }

    fn end_caption(&mut self) -> bool {
        let Some(place) = self.stack.in_table_scope(Tag::Caption) else {
            return false;
        };
        self.close_implied(None);
        self.close(place, true);
        self.mode = Mode::Table;
        true
    }

    fn end_cell(&mut self) -> bool {
        let bounds = |open| matches!(open, Tag::Html | Tag::Table | Tag::Template);
        let Some(place) = self.stack.find(is_cell, bounds) else {
            return false;
        };
        self.close_implied(None);
        self.close(place, true);
        self.mode = Mode::Row;
        true
    }

    fn end_row(&mut self) -> bool {
        let Some(place) = self.stack.in_table_scope(Tag::Tr) else {
            return false;
        };
        self.close(place, false);
        self.mode = Mode::TableBody;
        true
    }

    fn end_section(&mut self) {
        if let Some(place) = self.stack.find(is_section, |open| open == Tag::Table) {
            self.close(place, false);
        }
        self.mode = Mode::Table;
    }

    /// The mode that the open elements call for.
    fn reset_mode(&mut self) {
        let mode = |open: Tag| match open {
            Tag::Td | Tag::Th => Some(Mode::Cell),
            Tag::Tr => Some(Mode::Row),
            Tag::Caption => Some(Mode::Caption),
            Tag::Colgroup => Some(Mode::Columns),
            Tag::Table => Some(Mode::Table),
            _ if is_section(open) => Some(Mode::TableBody),
            _ => None,
        };
        let innermost = self.stack.find(|open| mode(open).is_some(), |_| false);
        self.mode = innermost
            .and_then(|place| mode(self.stack.0[place].tag))
            .unwrap_or(Mode::Body);
    }
}
