//! Names and sentences out of a seed.

use fastrand::Rng;

const ADJECTIVES: &[&str] = &[
    "Quiet", "Hidden", "Northern", "Paper", "Late", "Copper", "Second", "Hollow", "Patient", "Salt",
];
const NOUNS: &[&str] = &[
    "Harbour", "Orchard", "Signal", "Winter", "Atlas", "Lantern", "River", "Archive", "Garden",
    "Meridian",
];
const FIRST: &[&str] = &[
    "Ada", "Edsger", "Grace", "Ken", "Barbara", "Niklaus", "Radia", "Tony",
];
const LAST: &[&str] = &[
    "Marsh",
    "Okoye",
    "Lindqvist",
    "Ferreira",
    "Novak",
    "Tanaka",
    "Byrne",
    "Haddad",
];

/// Everything made from one seed, the same every time.
#[derive(Debug)]
pub(super) struct Words(Rng);

impl Words {
    /// The words of the thing numbered `number` in the world called `world`.
    pub fn of(world: u64, number: usize) -> Self {
        // An odd multiplier keeps neighbouring numbers' seeds far apart.
        let spread = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self(Rng::with_seed(world ^ spread))
    }

    /// `The Quiet Harbour`.
    pub fn title(&mut self) -> String {
        format!("The {} {}", self.pick(ADJECTIVES), self.pick(NOUNS))
    }

    /// `Ada Marsh`.
    pub fn person(&mut self) -> String {
        format!("{} {}", self.pick(FIRST), self.pick(LAST))
    }

    /// A few paragraphs.
    pub fn prose(&mut self, paragraphs: usize) -> String {
        let mut text = String::new();
        for _ in 0..paragraphs {
            text.push_str("<p>");
            for _ in 0..self.0.usize(3..7) {
                let (who, what, then) = (self.person(), self.title(), self.pick(NOUNS));
                text.push_str(&format!("{who} wrote of {what} and of a {then}. "));
            }
            text.push_str("</p>\n");
        }
        text
    }

    /// A number in `range`.
    pub fn number(&mut self, range: std::ops::Range<usize>) -> usize {
        self.0.usize(range)
    }

    /// A number from 0 up to 1.
    pub fn fraction(&mut self) -> f64 {
        self.0.f64()
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[self.0.usize(..from.len())]
    }
}
