//! Numbers and texts as bytes, and rows as differences.

/// What was read is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged;

/// Longest text that is kept, bytes.
const TEXT: usize = 2048;
/// Longest row that is believed, numbers.
const ROW: u64 = 1 << 20;

pub fn put(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

pub fn put_text(out: &mut Vec<u8>, text: &str) {
    let text = &text[..text.floor_char_boundary(TEXT)];
    put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// A row as what differs from the row before it: 0 where nothing does, else
/// its length plus one, and pairs of numbers passed over and difference.
pub fn put_row(out: &mut Vec<u8>, before: &[u64], row: &[u64]) {
    if before == row {
        put(out, 0);
        return;
    }
    put(out, row.len() as u64 + 1);
    let mut from = 0;
    for (n, now) in row.iter().enumerate() {
        let was = before.get(n).copied().unwrap_or(0);
        if was != *now {
            put(out, (n - from) as u64);
            let change = now.wrapping_sub(was).cast_signed();
            // Small changes of either sign are small numbers.
            put(out, ((change << 1) ^ (change >> 63)).cast_unsigned());
            from = n + 1;
        }
    }
    put(out, (row.len() - from) as u64);
}

/// Reads what was put; every error is [`Damaged`].
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub fn take(&mut self) -> Result<u64, Damaged> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let (first, rest) = self.0.split_first().ok_or(Damaged)?;
            self.0 = rest;
            n |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                return Ok(n);
            }
        }
        Err(Damaged)
    }

    pub fn take_bytes(&mut self) -> Result<&'a [u8], Damaged> {
        let length = usize::try_from(self.take()?).map_err(|_| Damaged)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(Damaged)?;
        self.0 = rest;
        Ok(text)
    }

    pub fn take_text(&mut self) -> Result<&'a str, Damaged> {
        std::str::from_utf8(self.take_bytes()?).map_err(|_| Damaged)
    }

    /// Makes of the row before the one that was put.
    pub fn take_row(&mut self, row: &mut Vec<u64>) -> Result<(), Damaged> {
        let length = match self.take()? {
            0 => return Ok(()),
            n if n > ROW => return Err(Damaged),
            n => n as usize - 1,
        };
        row.resize(length, 0);
        let mut at = 0usize;
        loop {
            let skip = usize::try_from(self.take()?).map_err(|_| Damaged)?;
            at = at.checked_add(skip).ok_or(Damaged)?;
            if at == length {
                return Ok(());
            }
            let number = row.get_mut(at).ok_or(Damaged)?;
            let zigzag = self.take()?;
            let change = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
            *number = number.wrapping_add(change.cast_unsigned());
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_row_comes_back(
            rows in prop::collection::vec(prop::collection::vec(prop_oneof![0..5u64, any::<u64>()], 0..20), 1..6),
        ) {
            let mut bytes = Vec::new();
            let mut before: &[u64] = &[];
            for row in &rows {
                put_row(&mut bytes, before, row);
                before = row;
            }
            let mut bytes = Bytes(&bytes);
            let mut row = Vec::new();
            for expected in &rows {
                bytes.take_row(&mut row).unwrap();
                prop_assert_eq!(&row, expected);
            }
            prop_assert!(bytes.0.is_empty());
        }

        #[test]
        fn texts_come_back_cut_at_a_character(text in ".{0,3000}") {
            let mut bytes = Vec::new();
            put_text(&mut bytes, &text);
            let read = Bytes(&bytes).take_text().unwrap();
            prop_assert!(text.starts_with(read) && (read == text || read.len() > TEXT - 4));
        }

        #[test]
        fn nothing_that_is_read_panics(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut row = vec![1, 2, 3];
            let mut bytes = Bytes(&bytes);
            while bytes.take_row(&mut row).is_ok() && !bytes.0.is_empty() {}
            let _ = bytes.take_text();
        }
    }
}
