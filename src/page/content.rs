//! Two digests of a page's visible text, by which duplicates are found.

use serde::{Deserialize, Serialize};

/// Digests of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TextPrint {
    /// The same for the same words in the same order.
    pub exact: u64,
    /// A SimHash: it differs in few bits where the texts differ in little
    /// (Charikar 2002; Manku, Jain and Das Sarma 2007).
    pub near: u64,
}

/// Bits in which near-duplicates differ at most.
pub const NEAR: u32 = 3;

/// Parts of a SimHash: where [`NEAR`] bits differ at most, one of them is the same.
pub const BANDS: usize = NEAR as usize + 1;

impl TextPrint {
    /// In how many bits the texts differ.
    pub fn distance(self, other: Self) -> u32 {
        (self.near ^ other.near).count_ones()
    }
}

/// One part of a SimHash, 16 bits of it.
pub fn band(near: u64, number: usize) -> u16 {
    // Cut off: the lowest 16 bits.
    (near >> (16 * number)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_near_shares_a_band(near: u64, bits in prop::collection::vec(0u32..64, 0..=3)) {
            let other = bits.iter().fold(near, |near, bit| near ^ (1 << bit));
            let print = |near| TextPrint { exact: 0, near };
            prop_assert!(print(near).distance(print(other)) <= NEAR);
            prop_assert!((0..BANDS).any(|n| band(near, n) == band(other, n)));
        }
    }
}
