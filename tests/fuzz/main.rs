//! Everything that reads bytes from outside, fed with broken ones.
//!
//! A fuzzer for a stable toolchain: seeds are mutated, spliced and cut, each
//! target checks what must hold of any input, and a panic names the seed of the
//! case that made it. `cargo test --test fuzz` runs a few thousand cases of each
//! target; more with
//!
//! ```text
//! CRAWLDECK_FUZZ=1000000 cargo test --release --test fuzz -- links
//! CRAWLDECK_FUZZ_SEED=1234 cargo test --test fuzz -- links    # one case again
//! ```

mod fields;
mod mutate;
mod targets;
mod warc;

use mutate::Mutator;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Cases of each target, unless the environment asks for another number.
const CASES: u64 = 3000;
/// Longest input, bytes.
const LONGEST: usize = 1 << 14;

/// Runs a target over mutations of its seeds.
fn fuzz(name: &str, seeds: &[&[u8]], words: &[&str], mut target: impl FnMut(&[u8])) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let (first, cases) = match number("CRAWLDECK_FUZZ_SEED") {
        Some(seed) => (seed, 1),
        None => (0, number("CRAWLDECK_FUZZ").unwrap_or(CASES)),
    };
    for case in first..first + cases {
        let input = Mutator::new(case).input(seeds, words, LONGEST);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(&input))) {
            eprintln!(
                "{name} broke over case {case}: CRAWLDECK_FUZZ_SEED={case}\n{:?}",
                String::from_utf8_lossy(&input)
            );
            resume_unwind(panic);
        }
    }
}
