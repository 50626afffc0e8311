//! What is taken while the tags go by: texts and attributes of the elements
//! that selectors name, kept by the record or the object that they belong to.

use super::bits::{Bits, Selectors};
use super::select::{self, attribute_value};
use crate::extract::limits;
use crate::extract::pass::Start;

/// What is taken of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Want {
    /// Its text.
    Text,
    /// The value of an attribute.
    Attribute(String),
    /// It is an object of its own, with the fields of this group.
    Object(usize),
}

/// A place for what one selector finds.
#[derive(Debug)]
struct Slot {
    /// Whose field it is.
    group: usize,
    /// Which of that group's slots.
    local: usize,
    want: Want,
    all: bool,
}

/// The fields of a record or of an object in it.
#[derive(Debug, Default)]
struct Group {
    /// How many slots it has.
    slots: usize,
    /// Slots that take of the object's own element.
    own: Vec<usize>,
}

/// What a site's rules take in a streaming pass.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub(super) selectors: Selectors,
    slots: Vec<Slot>,
    groups: Vec<Group>,
    /// The slots of each bit of a selector's last compound.
    of_bit: Vec<(Bits, usize)>,
    /// The bits of each group and the groups in it.
    bits: Vec<Bits>,
}

/// Why a selector is left to the DOM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotSimple;

impl Program {
    /// A new group; a `parent` is the group whose objects hold it.
    pub(crate) fn group(&mut self) -> usize {
        self.groups.push(Group::default());
        self.bits.push(0);
        self.groups.len() - 1
    }

    /// A slot for what `css` finds within the objects of `group`, or without
    /// `css` for their own elements; answers its number within the group.
    ///
    /// # Errors
    /// Where the selector is not simple, or there are too many.
    pub(crate) fn slot(
        &mut self,
        group: usize,
        css: Option<&str>,
        want: Want,
        all: bool,
    ) -> Result<usize, NotSimple> {
        if let Want::Attribute(name) = &want
            && name.contains(|c: char| c.is_ascii_uppercase())
        {
            return Err(NotSimple);
        }
        let number = self.slots.len();
        let Some(own) = self.groups.get_mut(group) else {
            return Err(NotSimple);
        };
        match css {
            None => own.own.push(number),
            Some(css) => {
                let mut bits = Vec::new();
                for selector in select::parse(css).ok_or(NotSimple)? {
                    bits.push(self.selectors.add(selector).ok_or(NotSimple)?);
                }
                // Only of a slot that there will be.
                self.of_bit
                    .extend(bits.into_iter().map(|bit| (bit, number)));
            }
        }
        let local = own.slots;
        own.slots += 1;
        self.slots.push(Slot {
            group,
            local,
            want,
            all,
        });
        Ok(local)
    }

    /// Tells that everything of `selectors` up to now belongs to this
    /// record's group.
    pub(crate) fn seal(&mut self, group: usize) {
        let known: Bits = self.bits.iter().fold(0, |all, bits| all | bits);
        let own = self.groups.len() - group;
        let bits = self
            .of_bit
            .iter()
            .fold(0, |all, (bit, slot)| match self.slots[*slot].group {
                of if (group..group + own).contains(&of) => all | bit,
                _ => all,
            });
        self.bits[group] = bits & !known;
    }

    /// Whether a slot has selectors other than `absent` ones, or none at all.
    fn finds(&self, slot: usize, absent: Bits) -> bool {
        let mut own = self.of_bit.iter().filter(|(_, of)| *of == slot).peekable();
        own.peek().is_none() || own.any(|(bit, _)| bit & absent == 0)
    }

    /// The last compounds that any of these records' fields wait for.
    pub(super) fn waiting(&self, records: &[usize]) -> Bits {
        records.iter().fold(0, |all, group| all | self.bits[*group])
    }
}

/// A record or an object in the making.
#[derive(Debug)]
pub(crate) struct Object {
    group: usize,
    /// What each slot has found.
    pub(crate) found: Vec<Vec<Hit>>,
}

/// One find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hit {
    /// The text between two places of the page's taken text.
    Text(usize),
    /// An attribute's value; `None` where the element has none of that name.
    Attribute(Option<String>),
    /// An object, by its number.
    Object(usize),
}

/// Everything taken of a page.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The records first, in the order in which they were asked for.
    pub(crate) objects: Vec<Object>,
    texts: Vec<(usize, usize)>,
    text: String,
    /// Whether there was more than is taken of a page.
    pub(crate) cut: bool,
}

impl Found {
    /// A taken text, as it stands in the tree.
    pub(crate) fn text(&self, number: usize) -> &str {
        self.texts
            .get(number)
            .and_then(|(from, to)| self.text.get(*from..*to))
            .unwrap_or_default()
    }
}

/// What an open element has begun.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Begun {
    /// Its text, by number, from 1.
    text: u32,
    /// How many objects.
    objects: u32,
}

/// The taking of one page.
pub(super) struct Taking<'p> {
    program: &'p Program,
    pub(super) found: Found,
    /// Objects whose elements are open; the records always are.
    open: Vec<usize>,
    records: usize,
    /// Texts that are being taken.
    taking: usize,
    /// Slots of records that still lack their one find; `None` where some take all.
    lacking: Option<usize>,
    hits: usize,
}

impl<'p> Taking<'p> {
    /// Begins with a page in which the selectors of `absent` find nothing.
    pub(super) fn new(program: &'p Program, records: &[usize], absent: Bits) -> Self {
        let mut taking = Self {
            program,
            found: Found::default(),
            open: Vec::new(),
            records: records.len(),
            taking: 0,
            lacking: Some(0),
            hits: 0,
        };
        for group in records {
            let object = taking.object(*group);
            taking.open.push(object);
        }
        for (number, slot) in program.slots.iter().enumerate() {
            if records.contains(&slot.group) && program.finds(number, absent) {
                taking.lacking = match (slot.all, taking.lacking) {
                    (false, Some(lacking)) => Some(lacking + 1),
                    _ => None,
                };
            }
        }
        taking
    }

    fn object(&mut self, group: usize) -> usize {
        let found = vec![Vec::new(); self.program.groups[group].slots];
        self.found.objects.push(Object { group, found });
        self.found.objects.len() - 1
    }

    /// Whether text counts just now.
    pub(super) fn wants_text(&self) -> bool {
        self.taking > 0
    }

    /// Adds to the texts being taken.
    pub(super) fn text(&mut self, text: &str) {
        self.found.text.push_str(text);
    }

    /// Whether nothing more can change what was taken, as far as the open
    /// elements go.
    pub(super) fn is_full(&self) -> bool {
        self.lacking == Some(0) && self.taking == 0 && self.open.len() == self.records
    }

    /// Whether attributes of such an element, or things within it, are taken.
    pub(super) fn wants_attributes(&self, last: Bits) -> bool {
        let slots = self.program.of_bit.iter();
        slots
            .filter(|(bit, _)| last & bit != 0)
            .any(|(_, slot)| self.program.slots[*slot].want != Want::Text)
    }

    /// An element that selectors name; answers what it has begun.
    pub(super) fn hit(&mut self, last: Bits, element: Option<&mut Start<'_, '_>>) -> Begun {
        let program = self.program;
        let mut begun = Begun::default();
        let mut element = element;
        let mut slots: Vec<usize> = Vec::new();
        for (bit, slot) in &program.of_bit {
            if last & bit != 0 && !slots.contains(slot) {
                slots.push(*slot);
            }
        }
        let outer = self.open.len();
        for number in slots {
            let slot = &program.slots[number];
            for place in 0..outer {
                let object = self.open[place];
                if self.found.objects[object].group == slot.group {
                    self.put(object, slot, &mut element, &mut begun);
                }
            }
        }
        begun
    }

    fn put(
        &mut self,
        object: usize,
        slot: &Slot,
        element: &mut Option<&mut Start<'_, '_>>,
        begun: &mut Begun,
    ) {
        if !slot.all && !self.found.objects[object].found[slot.local].is_empty() {
            return;
        }
        if self.hits >= limits::FINDS {
            self.found.cut = true;
            return;
        }
        self.hits += 1;
        let hit = match &slot.want {
            Want::Text => {
                if begun.text == 0 {
                    let at = self.found.text.len();
                    self.found.texts.push((at, at));
                    // FINDS fits in 32 bits.
                    begun.text = self.found.texts.len() as u32;
                    self.taking += 1;
                }
                Hit::Text(begun.text as usize - 1)
            }
            Want::Attribute(name) => Hit::Attribute(
                element
                    .as_mut()
                    .and_then(|start| attribute_value(start.attributes(), name))
                    .map(std::borrow::Cow::into_owned),
            ),
            Want::Object(group) => {
                let inner = self.object(*group);
                self.open.push(inner);
                begun.objects += 1;
                let program = self.program;
                for own in &program.groups[*group].own {
                    self.put(inner, &program.slots[*own], element, begun);
                }
                Hit::Object(inner)
            }
        };
        if object < self.records
            && !slot.all
            && let Some(lacking) = &mut self.lacking
        {
            *lacking -= 1;
        }
        self.found.objects[object].found[slot.local].push(hit);
    }

    /// The end of an element.
    pub(super) fn end(&mut self, begun: Begun) {
        if begun == Begun::default() {
            return;
        }
        if let Some(text) = (begun.text as usize).checked_sub(1) {
            self.found.texts[text].1 = self.found.text.len();
            self.taking -= 1;
        }
        let open = self.open.len() - begun.objects as usize;
        self.open.truncate(open);
    }
}
