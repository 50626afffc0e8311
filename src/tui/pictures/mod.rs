//! Pictures of the deck, drawn by its own views over a crawl that never was, so
//! that they show what the program shows and are the same every time.

mod scene;
mod svg;

use super::draw::Pen;
use super::state::State;
use super::view;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// The size of the terminal in the pictures.
const SIZE: Rect = Rect {
    x: 0,
    y: 0,
    width: 120,
    height: 36,
};

/// The pictures: a name, and an SVG.
pub fn pictures() -> Vec<(&'static str, String)> {
    scene::screens()
        .into_iter()
        .map(|(name, mut state)| (name, svg::picture(&drawn(&mut state))))
        .collect()
}

fn drawn(state: &mut State) -> Buffer {
    let mut buffer = Buffer::empty(SIZE);
    // Once to learn how many rows there are, as the render loop does.
    for _ in 0..2 {
        buffer.reset();
        view::screen(&mut Pen::new(&mut buffer, state.theme), SIZE, state);
    }
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `CRAWLDECK_UPDATE_PICTURES=1` draws them anew.
    #[test]
    fn the_pictures_in_the_assets_are_in_step() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/pictures");
        for (name, svg) in pictures() {
            let path = format!("{folder}/{name}.svg");
            if std::env::var_os("CRAWLDECK_UPDATE_PICTURES").is_some() {
                std::fs::create_dir_all(folder).unwrap();
                std::fs::write(&path, &svg).unwrap();
            }
            let kept = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                kept == svg,
                "assets/pictures/{name}.svg is out of step: crawldeck pictures assets/pictures"
            );
        }
    }

    #[test]
    fn they_are_the_same_every_time() {
        assert_eq!(pictures(), pictures());
    }
}
