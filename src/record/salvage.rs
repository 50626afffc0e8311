//! What is kept of files that a run left behind: the open block of a killed one,
//! and the newest blocks of a recording that has grown too large.

use super::file::{self, Form, HEAD, Head};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Seals what a killed run left in its tail. Answers the last run's number.
pub fn seal_left_over(blocks_path: &Path, tail_path: &Path) -> io::Result<Option<u32>> {
    let (blocks, tail) = (read(blocks_path)?, read(tail_path)?);
    let last = file::scan(&blocks).pop().map(|(head, _)| head);
    let mut last_run = last.as_ref().map(|head| head.run);
    if let Some((head, frames)) = left_over(&tail, last.as_ref()) {
        last_run = Some(head.run);
        let block = file::bytes(head, &frames)?;
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(blocks_path)?
            .write_all(&block)?;
    }
    if !tail.is_empty() {
        OpenOptions::new().write(true).open(tail_path)?.set_len(0)?;
    }
    Ok(last_run)
}

/// The pieces of a tail as one block: those from the first on that belong
/// together. Nothing where the last block has them already.
pub fn left_over(tail: &[u8], last: Option<&Head>) -> Option<(Head, Vec<u8>)> {
    let pieces = file::scan(tail);
    let (first, _) = pieces.first()?;
    if last.is_some_and(|last| (last.run, last.from) == (first.run, first.from)) {
        return None;
    }
    let mut block = Head {
        form: Form::Block,
        frames: 0,
        ..first.clone()
    };
    let mut frames = Vec::new();
    // The offset tells whether a piece is missing before this one.
    let mut expected = 0;
    for (head, payload) in pieces {
        let at = payload.as_ptr().addr() - tail.as_ptr().addr() - HEAD;
        if at != expected || head.run != block.run || head.form != Form::Piece {
            break;
        }
        expected = at + HEAD + payload.len();
        block.frames += head.frames;
        block.to = head.to;
        block.at = head.at;
        frames.extend_from_slice(payload);
    }
    (block.frames > 0).then_some((block, frames))
}

/// The newest whole blocks that fit in so many bytes.
pub fn newest(bytes: &[u8], room: usize) -> Vec<u8> {
    let blocks = file::scan(bytes);
    let mut size = 0;
    let first = blocks
        .iter()
        .rposition(|(_, payload)| {
            size += HEAD + payload.len();
            size > room
        })
        .map_or(0, |last_dropped| last_dropped + 1);
    let mut kept = Vec::with_capacity(size);
    for (_, payload) in &blocks[first.min(blocks.len())..] {
        let at = payload.as_ptr().addr() - bytes.as_ptr().addr();
        kept.extend_from_slice(&bytes[at - HEAD..at + payload.len()]);
    }
    kept
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        bytes => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(form: Form, run: u32, from: u64, payload: &[u8]) -> Vec<u8> {
        let head = Head {
            form,
            run,
            frames: 1,
            raw: 0,
            length: 0,
            from,
            to: from,
            at: 0,
        };
        file::bytes(head, payload).unwrap()
    }

    #[test]
    fn the_newest_blocks_are_kept_whole() {
        let blocks: Vec<Vec<u8>> = (0..9u64)
            .map(|n| piece(Form::Block, 0, n, &n.to_le_bytes().repeat(30)))
            .collect();
        let all = blocks.concat();
        let three: usize = blocks[6..].iter().map(Vec::len).sum();
        assert_eq!(newest(&all, three), blocks[6..].concat());
        assert_eq!(newest(&all, three + 1), blocks[6..].concat());
        assert_eq!(newest(&all, all.len()), all);
        assert!(newest(&all, 0).is_empty());
        let mut torn = all.clone();
        torn.truncate(all.len() - 1);
        assert_eq!(newest(&torn, all.len()), blocks[..8].concat());
    }

    #[test]
    fn a_tail_is_taken_up_to_its_first_gap_and_only_once() {
        let pieces: Vec<Vec<u8>> = (0..4)
            .map(|n| piece(Form::Piece, 7, n, &[n as u8; 9]))
            .collect();
        let tail = pieces.concat();
        let (head, frames) = left_over(&tail, None).unwrap();
        assert_eq!(
            (head.frames, head.from, head.to, frames.len()),
            (4, 0, 3, 36)
        );
        let mut damaged = tail.clone();
        damaged[pieces[0].len() + HEAD] ^= 1;
        let (head, _) = left_over(&damaged, None).unwrap();
        assert_eq!(head.frames, 1, "what follows a gap cannot be decoded");
        assert!(
            left_over(&tail[1..], None).is_none(),
            "its whole picture is gone"
        );
        assert!(left_over(&tail[..40], None).is_none());
        let sealed = Head {
            form: Form::Block,
            ..head
        };
        assert!(left_over(&tail, Some(&sealed)).is_none());
    }
}
