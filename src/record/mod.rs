//! Pictures of a run, kept in the job's folder, and played again.
//!
//! ```text
//! snapshots ─ Recorder (a thread) ─ Encoder ─▶ snapshots.tail, pieces of the open block
//!                                                 └─ sealed ─▶ snapshots.crwd, zstd blocks
//! snapshots.* ─ Replay ─ Decoder ─▶ player ─▶ snapshots, as from a run
//! ```
//!
//! One picture a second is a *frame*: numbers as differences from the frame
//! before. Some minutes of frames are a *block*, which begins with a whole
//! picture, so that any moment is found by decoding one block. Workers' URLs
//! are left out, and rates, times and sizes are rounded; counts are exact.

mod decode;
mod encode;
mod exits;
mod file;
mod player;
mod recorder;
mod replay;
mod rows;
mod salvage;
mod wire;

#[cfg(test)]
mod tests;

pub use self::player::play;
pub use self::recorder::{Recorder, record};
pub use self::replay::{Replay, ReplayError};

/// Sealed blocks, in a job's folder.
pub const BLOCKS: &str = "snapshots.crwd";
/// The block that is being recorded, in pieces.
pub const TAIL: &str = "snapshots.tail";
