//! Cells as SVG. Lines and blocks are drawn as shapes, because a font's would
//! not meet from cell to cell.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use std::fmt::Write as _;

/// A cell, and the room around the screen, in units of the picture.
const WIDE: f32 = 8.4;
const HIGH: f32 = 18.0;
const EDGE: f32 = 12.0;
/// From a cell's top to the line that its letters stand on.
const BASE: f32 = 13.5;

const GROUND: &str = "#14161b";
const INK: &str = "#d8dade";

/// The sixteen colours, as a dark terminal has them.
const SIXTEEN: [&str; 16] = [
    "#14161b", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#abb2bf",
    "#7a818e", "#ff7b86", "#b5e08f", "#ffd68a", "#7cc1ff", "#de8ff2", "#6fd3df", "#ffffff",
];

/// A picture of a screen.
pub fn picture(buffer: &Buffer) -> String {
    let area = buffer.area;
    let width = f32::from(area.width) * WIDE + 2.0 * EDGE;
    let height = f32::from(area.height) * HIGH + 2.0 * EDGE;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.1} {height:.1}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{GROUND}\"/>\n\
         <g font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"14\" fill=\"{INK}\" transform=\"translate({EDGE} {EDGE})\">\n"
    );
    for y in 0..area.height {
        row(buffer, y, &mut out);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// How a cell is painted.
#[derive(Clone, PartialEq)]
struct Paint {
    ink: String,
    ground: Option<String>,
    bold: bool,
    dim: bool,
}

impl Paint {
    fn of(cell: &Cell) -> Self {
        let (ink, ground) = (colour(cell.fg), colour(cell.bg));
        let has = |modifier| cell.modifier.contains(modifier);
        let (ink, ground) = if has(Modifier::REVERSED) {
            let ground = ground.unwrap_or_else(|| GROUND.to_owned());
            (ground, Some(ink.unwrap_or_else(|| INK.to_owned())))
        } else {
            (ink.unwrap_or_else(|| INK.to_owned()), ground)
        };
        Self {
            ink,
            ground,
            bold: has(Modifier::BOLD),
            dim: has(Modifier::DIM),
        }
    }
}

fn row(buffer: &Buffer, y: u16, out: &mut String) {
    let area = buffer.area;
    let cells: Vec<(u16, &Cell)> = (0..area.width)
        .filter_map(|x| Some((x, buffer.cell((area.x + x, area.y + y))?)))
        .collect();
    let top = f32::from(y) * HIGH;
    for run in cells.chunk_by(|(_, a), (_, b)| Paint::of(a) == Paint::of(b)) {
        let Some((x, cell)) = run.first() else {
            continue;
        };
        if let Some(ground) = Paint::of(cell).ground {
            let (left, width) = (f32::from(*x) * WIDE, run.len() as f32 * WIDE);
            // Writing to a string does not fail.
            let _ = writeln!(
                out,
                "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{HIGH}\" fill=\"{ground}\"/>"
            );
        }
        letters(run, top, out);
    }
}

/// The letters and shapes of cells that are painted alike.
fn letters(run: &[(u16, &Cell)], top: f32, out: &mut String) {
    let mut word: Option<(u16, String)> = None;
    let Some((_, first)) = run.first() else {
        return;
    };
    let paint = Paint::of(first);
    // Like beside like is one shape.
    for alike in run.chunk_by(|(_, a), (_, b)| a.symbol() == b.symbol()) {
        let Some((x, cell)) = alike.first() else {
            continue;
        };
        let (symbol, left) = (cell.symbol(), f32::from(*x) * WIDE);
        let width = alike.len() as f32 * WIDE;
        if let Some(shape) = shape(symbol, left, top, width, &paint.ink) {
            flush(&mut word, &paint, top, out);
            out.push_str(&shape);
            out.push('\n');
        } else if symbol == " " && (alike.len() > 1 || word.is_none()) {
            // Two blanks part words, so that each begins in its own column.
            flush(&mut word, &paint, top, out);
        } else {
            let (_, text) = word.get_or_insert_with(|| (*x, String::new()));
            text.push_str(&symbol.repeat(alike.len()));
        }
    }
    flush(&mut word, &paint, top, out);
}

fn flush(word: &mut Option<(u16, String)>, paint: &Paint, top: f32, out: &mut String) {
    let Some((x, text)) = word.take() else {
        return;
    };
    let text = text.trim_end();
    if text.is_empty() {
        return;
    }
    let (left, base) = (f32::from(x) * WIDE, top + BASE);
    let length = ratatui::text::Span::raw(text).width() as f32 * WIDE;
    let _ = write!(
        out,
        "<text x=\"{left:.1}\" y=\"{base:.1}\" textLength=\"{length:.1}\" xml:space=\"preserve\""
    );
    if paint.ink != INK {
        let _ = write!(out, " fill=\"{}\"", paint.ink);
    }
    if paint.bold {
        out.push_str(" font-weight=\"bold\"");
    }
    if paint.dim {
        out.push_str(" opacity=\"0.65\"");
    }
    let _ = writeln!(out, ">{}</text>", escaped(text));
}

/// Lines and blocks as shapes, `width` wide where they can be.
fn shape(symbol: &str, left: f32, top: f32, width: f32, ink: &str) -> Option<String> {
    let rect = |x: f32, y: f32, width: f32, height: f32| {
        format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{ink}\"/>"
        )
    };
    let (middle, centre) = (left + WIDE / 2.0, top + HIGH / 2.0);
    let (right, bottom) = (left + WIDE, top + HIGH);
    let corner = |x: f32, y: f32| {
        format!(
            "<path d=\"M{x:.1} {centre:.1}Q{middle:.1} {centre:.1} {middle:.1} {y:.1}\" \
             fill=\"none\" stroke=\"{ink}\"/>"
        )
    };
    let eighths = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
    if let Some(n) = eighths.iter().position(|block| *block == symbol) {
        let height = HIGH * (n + 1) as f32 / 8.0;
        return Some(rect(left, bottom - height, width, height));
    }
    Some(match symbol {
        "─" => rect(left, centre - 0.5, width, 1.0),
        "│" => rect(middle - 0.5, top, 1.0, HIGH),
        "╭" => corner(right, bottom),
        "╮" => corner(left, bottom),
        "╰" => corner(right, top),
        "╯" => corner(left, top),
        "░" => {
            let shade = rect(left, top, width, HIGH);
            shade.replace("/>", " opacity=\"0.18\"/>")
        }
        _ => return None,
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// A colour as SVG has it; `None` for the terminal's own.
fn colour(colour: Color) -> Option<String> {
    let n = match colour {
        Color::Reset => return None,
        Color::Rgb(r, g, b) => return Some(format!("#{r:02x}{g:02x}{b:02x}")),
        Color::Indexed(n) => n,
        named => crate::tui::encode::sixteenth(named),
    };
    let level = |n: u8| if n == 0 { 0 } else { n * 40 + 55 };
    Some(match n {
        0..16 => SIXTEEN[usize::from(n)].to_owned(),
        16..232 => {
            let n = n - 16;
            let (r, g, b) = (level(n / 36), level(n / 6 % 6), level(n % 6));
            format!("#{r:02x}{g:02x}{b:02x}")
        }
        232.. => {
            let grey = 8 + (n - 232) * 10;
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    #[test]
    fn cells_become_words_shapes_and_grounds() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 2));
        buffer.set_string(0, 0, "a <b> & c", Style::new().fg(Color::Indexed(114)));
        buffer.set_string(0, 1, "▄ row", Style::new().add_modifier(Modifier::REVERSED));
        let svg = picture(&buffer);
        assert!(svg.contains(">a &lt;b&gt; &amp; c</text>"), "{svg}");
        assert!(svg.contains("fill=\"#87d787\""), "{svg}");
        // The reversed row: a light ground, and dark letters and shapes on it.
        assert!(
            svg.contains(&format!("height=\"18\" fill=\"{INK}\"")),
            "{svg}"
        );
        assert!(
            svg.contains(&format!("fill=\"{GROUND}\">row</text>")),
            "{svg}"
        );
        assert!(
            svg.contains(&format!("height=\"9.0\" fill=\"{GROUND}\"")),
            "{svg}"
        );
    }
}
