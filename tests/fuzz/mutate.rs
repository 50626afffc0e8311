//! Inputs made of seeds: cut, repeated, spliced, and sprinkled with words that
//! mean something to the reader.

/// Bytes that readers stumble over.
const EDGES: &[u8] = &[
    0, 9, 10, 13, 32, 34, 38, 39, 45, 47, 60, 61, 62, 91, 127, 128, 0xc2, 0xed, 0xef, 0xff,
];

/// Makes one input of a seed number; the same one always.
pub struct Mutator {
    random: fastrand::Rng,
}

impl Mutator {
    pub fn new(case: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(case),
        }
    }

    /// An input of at most `longest` bytes.
    pub fn input(&mut self, seeds: &[&[u8]], words: &[&str], longest: usize) -> Vec<u8> {
        let mut input = self.pick(seeds).to_vec();
        for _ in 0..self.random.usize(0..12) {
            self.change(&mut input, seeds, words);
            input.truncate(longest);
        }
        input
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.random.usize(0..from.len())]
    }

    fn change(&mut self, input: &mut Vec<u8>, seeds: &[&[u8]], words: &[&str]) {
        let at = self.random.usize(0..=input.len());
        let end = (at + self.random.usize(0..40)).min(input.len());
        match self.random.u8(0..9) {
            0 => input.truncate(at),
            1 => drop(input.drain(at..end)),
            2 => {
                // The same piece many times: nesting, floods.
                let piece = input[at..end].to_vec();
                let many = 1 << self.random.u32(0..10);
                let piece = piece.repeat(many);
                input.splice(at..at, piece);
            }
            3 => {
                let word = self.pick(words).as_bytes();
                let many = if self.random.u8(0..8) == 0 { 200 } else { 1 };
                input.splice(at..end, word.repeat(many));
            }
            4 => {
                let other = self.pick(seeds);
                let from = self.random.usize(0..=other.len());
                input.splice(at..end, other[from..].iter().copied());
            }
            5 => {
                let byte = EDGES[self.random.usize(0..EDGES.len())];
                input.insert(at, byte);
            }
            6 if at < input.len() => input[at] ^= 1 << self.random.u8(0..8),
            7 if at < input.len() => input[at] = self.random.u8(..),
            _ => {
                let noise: Vec<u8> = (0..self.random.usize(0..16))
                    .map(|_| self.random.u8(..))
                    .collect();
                input.splice(at..at, noise);
            }
        }
    }
}
