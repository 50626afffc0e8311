//! What is on the terminal, and what is to be: two buffers that take turns.

use super::draw::Pen;
use super::state::State;
use super::{encode, view};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// The two buffers.
#[derive(Debug, Default)]
pub struct Canvas {
    /// `None` when it is not known what the terminal shows.
    shown: Option<Buffer>,
    next: Buffer,
}

impl Canvas {
    /// The terminal may show anything now: it is painted from nothing.
    pub fn forget(&mut self) {
        self.shown = None;
    }

    /// Draws the screen at a size; answers the bytes that bring it onto the
    /// terminal, which count as shown from now on. None where nothing differs.
    pub fn draw(&mut self, (width, height): (u16, u16), state: &mut State) -> Vec<u8> {
        let area = Rect::new(0, 0, width, height);
        self.next.resize(area);
        self.next.reset();
        let mut pen = Pen::new(&mut self.next, state.theme);
        view::screen(&mut pen, area, state);
        state.hits = pen.hits;
        let mut bytes = Vec::new();
        encode::frame(self.shown.as_ref(), &self.next, &mut bytes);
        let before = self.shown.take().unwrap_or_default();
        self.shown = Some(std::mem::replace(&mut self.next, before));
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::sample;

    #[test]
    fn a_second_look_at_the_same_costs_nothing() {
        let mut state = sample::state();
        let mut canvas = Canvas::default();
        assert!(
            canvas
                .draw((80, 24), &mut state)
                .starts_with(b"\x1b[0m\x1b[2J")
        );
        // The first frame told the views how many rows there are.
        canvas.draw((80, 24), &mut state);
        assert!(canvas.draw((80, 24), &mut state).is_empty());
        assert!(
            canvas
                .draw((81, 24), &mut state)
                .starts_with(b"\x1b[0m\x1b[2J")
        );
        canvas.forget();
        assert!(
            canvas
                .draw((81, 24), &mut state)
                .starts_with(b"\x1b[0m\x1b[2J")
        );
    }
}
