//! The elements that HTML's tree construction knows by name.

use std::sync::LazyLock;

macro_rules! tags {
    ($($name:ident)*) => {
        /// An element's name; [`Tag::Other`] is any that the standard gives no
        /// rule of its own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum Tag { Other, $($name,)* }

        const NAMES: &[(&str, Tag)] = &[$((stringify!($name), Tag::$name),)*];
    };
}

tags! {
    A Address Applet Area Article Aside B Base Basefont Bgsound Big Blockquote Body Br Button
    Caption Center Code Col Colgroup Dd Details Dialog Dir Div Dl Dt Em Embed Fieldset Figcaption
    Figure Font Footer Form Frame Frameset H1 H2 H3 H4 H5 H6 Head Header Hgroup Hr Html I Iframe
    Image Img Input Keygen Label Li Link Listing Main Marquee Math Menu Meta Nav Nobr Noembed
    Noframes Noscript Object Ol Optgroup Option P Param Plaintext Pre Rb Rp Rt Rtc Ruby S Script
    Search Section Select Small Source Span Strike Strong Style Sub Summary Sup Svg Table Tbody Td
    Template Textarea Tfoot Th Thead Title Tr Track Tt U Ul Var Wbr Xmp Foreignobject Desc
}

/// How many there are.
pub(super) const TAGS: usize = NAMES.len() + 1;

/// Slots of the table; a power of two, well above the number of names.
const SLOTS: usize = 1024;

/// Names by their letters, open addressing.
static TABLE: LazyLock<Box<[(u128, Tag)]>> = LazyLock::new(|| {
    let mut table = vec![(0, Tag::Other); SLOTS].into_boxed_slice();
    for (name, tag) in NAMES {
        let Some(key) = key(name.as_bytes()) else {
            continue;
        };
        let mut slot = slot(key);
        while table[slot].0 != 0 {
            slot = (slot + 1) % SLOTS;
        }
        table[slot] = (key, *tag);
    }
    table
});

/// A name's letters as one number, lower case; `None` for what no name of the
/// table looks like.
fn key(name: &[u8]) -> Option<u128> {
    if name.len() > 16 {
        return None;
    }
    let mut key = 0u128;
    for byte in name {
        if !byte.is_ascii_alphanumeric() {
            return None;
        }
        key = key << 8 | u128::from(byte | 0x20);
    }
    Some(key)
}

fn slot(key: u128) -> usize {
    // Both halves fit; what is above is dropped on purpose.
    let folded = (key as u64) ^ ((key >> 64) as u64).wrapping_mul(31);
    (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54) as usize
}

impl Tag {
    /// The tag of a name in any case.
    pub(super) fn of(name: &[u8]) -> Self {
        let Some(key) = key(name) else {
            return Self::Other;
        };
        let table = &*TABLE;
        let mut slot = slot(key);
        loop {
            let (known, tag) = table[slot];
            if known == key || known == 0 {
                return tag;
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// `h1` to `h6`.
    pub(super) fn is_heading(self) -> bool {
        use Tag::*;
        matches!(self, H1 | H2 | H3 | H4 | H5 | H6)
    }

    /// Elements that browsers open again where they were closed out of order.
    pub(super) fn is_formatting(self) -> bool {
        use Tag::*;
        matches!(
            self,
            A | B | Big | Code | Em | Font | I | Nobr | S | Small | Strike | Strong | Tt | U
        )
    }

    /// Elements behind which formatting begins anew.
    pub(super) fn is_marker(self) -> bool {
        use Tag::*;
        matches!(self, Applet | Caption | Marquee | Object | Td | Th)
    }

    /// Elements that end by themselves where something else does.
    pub(super) fn is_implied_end(self) -> bool {
        use Tag::*;
        matches!(
            self,
            Dd | Dt | Li | Optgroup | Option | P | Rb | Rp | Rt | Rtc
        )
    }

    /// Borders of the standard's "in scope".
    pub(super) fn bounds_scope(self) -> bool {
        use Tag::*;
        matches!(
            self,
            Applet | Caption | Html | Table | Td | Th | Marquee | Object | Select | Template
        )
    }

    /// The standard's "special" category.
    pub(super) fn is_special(self) -> bool {
        use Tag::*;
        matches!(
            self,
            Address
                | Applet
                | Area
                | Article
                | Aside
                | Base
                | Basefont
                | Bgsound
                | Blockquote
                | Body
                | Br
                | Button
                | Caption
                | Center
                | Col
                | Colgroup
                | Dd
                | Details
                | Dir
                | Div
                | Dl
                | Dt
                | Embed
                | Fieldset
                | Figcaption
                | Figure
                | Footer
                | Form
                | Frame
                | Frameset
                | H1
                | H2
                | H3
                | H4
                | H5
                | H6
                | Head
                | Header
                | Hgroup
                | Hr
                | Html
                | Iframe
                | Img
                | Input
                | Li
                | Link
                | Listing
                | Main
                | Marquee
                | Menu
                | Meta
                | Nav
                | Noembed
                | Noframes
                | Noscript
                | Object
                | Ol
                | P
                | Param
                | Plaintext
                | Pre
                | Script
                | Section
                | Select
                | Source
                | Style
                | Summary
                | Table
                | Tbody
                | Td
                | Template
                | Textarea
                | Tfoot
                | Th
                | Thead
                | Title
                | Tr
                | Track
                | Ul
                | Wbr
                | Xmp
        )
    }

    /// Elements whose content is text up to their end tag.
    pub(super) fn is_raw(self) -> bool {
        use Tag::*;
        matches!(
            self,
            Iframe
                | Noembed
                | Noframes
                | Noscript
                | Plaintext
                | Script
                | Style
                | Textarea
                | Title
                | Xmp
        )
    }

    /// Of those, the ones whose text has character references.
    pub(super) fn has_references(self) -> bool {
        matches!(self, Self::Textarea | Self::Title)
    }

    /// Elements that end SVG or MathML when they begin.
    pub(super) fn breaks_out(self) -> bool {
        use Tag::*;
        matches!(
            self,
            B | Big
                | Blockquote
                | Body
                | Br
                | Center
                | Code
                | Dd
                | Div
                | Dl
                | Dt
                | Em
                | Embed
                | Font
                | H1
                | H2
                | H3
                | H4
                | H5
                | H6
                | Head
                | Hr
                | I
                | Img
                | Li
                | Listing
                | Menu
                | Meta
                | Nobr
                | Ol
                | P
                | Pre
                | Ruby
                | S
                | Small
                | Span
                | Strong
                | Strike
                | Sub
                | Sup
                | Table
                | Tt
                | U
                | Ul
                | Var
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found() {
        for (name, tag) in NAMES {
            assert_eq!(Tag::of(name.to_lowercase().as_bytes()), *tag);
            assert_eq!(Tag::of(name.to_uppercase().as_bytes()), *tag);
        }
        for other in ["", "x", "h7", "my-element", "divv", "sélect", "a\u{1}", "!"] {
            assert_eq!(Tag::of(other.as_bytes()), Tag::Other, "{other}");
        }
    }
}
