mod pictures;

use self::pictures::{assert_same, busy, pictures};
use super::decode::Decoder;
use super::encode::Encoder;
use super::wire::Bytes;
use super::*;
use crate::bus::Play;
use crate::monitor::Snapshot;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The files of a recording of these pictures.
fn recorded(dir: &std::path::Path, pictures: &[Arc<Snapshot>]) {
    let recorder = Recorder::start(dir, false).unwrap();
    for picture in pictures {
        recorder.send(picture.clone());
    }
    recorder.finish(Duration::from_secs(60));
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        cases,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn frames_decode_to_the_pictures_they_were_made_of(pictures in pictures()) {
        let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
        for picture in &pictures {
            decoder.frame(&encoder.frame(picture)).unwrap();
            assert_same(picture, &decoder.picture(Instant::now()));
        }
    }

    #[test]
    fn any_moment_of_two_runs_is_found(one in pictures(), two in pictures()) {
        let dir = tempfile::tempdir().unwrap();
        recorded(dir.path(), &one);
        recorded(dir.path(), &two);
        let mut replay = Replay::open(dir.path()).unwrap();
        prop_assert_eq!(replay.frames() as usize, one.len() + two.len());
        let place = |pictures: &[Arc<Snapshot>], n: usize| {
            pictures[n].elapsed - pictures[0].elapsed
        };
        let length = place(&one, one.len() - 1);
        // Backwards and forwards.
        for n in (0..one.len()).rev().chain(0..one.len()) {
            let at = place(&one, n) + Duration::from_millis(1);
            assert_same(&one[n], &replay.at(at).unwrap());
        }
        for n in (0..two.len()).rev() {
            let at = length + Duration::from_secs(1) + place(&two, n) + Duration::from_millis(1);
            let picture = replay.at(at).unwrap();
            assert_same(&two[n], &picture);
            prop_assert!(Arc::ptr_eq(&picture, &replay.at(at).unwrap()));
        }
    }

    #[test]
    fn a_torn_or_damaged_file_gives_what_is_whole(
        pictures in pictures(), cut in any::<prop::sample::Index>(), hit in any::<prop::sample::Index>(), as_tail in any::<bool>(),
    ) {
        let mut encoder = Encoder::default();
        let mut bytes = Vec::new();
        let mut ends = Vec::new();
        for (n, picture) in pictures.iter().enumerate() {
            // A block, or a piece, for each picture.
            if !as_tail {
                encoder = Encoder::default();
            }
            let frame = encoder.frame(picture);
            let mut frames = Vec::new();
            wire::put(&mut frames, frame.len() as u64);
            frames.extend(frame);
            let ms = picture.elapsed.as_millis() as u64;
            let head = file::Head {
                form: if as_tail { file::Form::Piece } else { file::Form::Block },
                run: 0, frames: 1, raw: 0, length: 0, from: ms, to: ms, at: n as u64,
            };
            bytes.extend(file::bytes(head, &frames).unwrap());
            ends.push(bytes.len());
        }
        let open = |bytes: &[u8]| match as_tail {
            true => Replay::of(Vec::new(), bytes),
            false => Replay::of(bytes.to_vec(), &[]),
        };
        let cut = cut.index(bytes.len());
        let mut torn = open(&bytes[..cut]);
        let whole = ends.iter().filter(|end| **end <= cut).count();
        prop_assert_eq!(torn.frames() as usize, whole);
        if whole > 0 {
            let last = torn.len();
            assert_same(&pictures[whole - 1], &torn.at(last).unwrap());
        }
        let hit = hit.index(bytes.len());
        bytes[hit] ^= 0x55;
        let mut damaged = open(&bytes);
        let before = ends.iter().filter(|end| **end <= hit).count();
        let kept = if as_tail { before } else { pictures.len() - 1 };
        prop_assert_eq!(damaged.frames() as usize, kept);
        for n in 0..before {
            let at = pictures[n].elapsed - pictures[0].elapsed + Duration::from_millis(1);
            assert_same(&pictures[n], &damaged.at(at).unwrap());
        }
    }

    #[test]
    fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..400), pictures in pictures(), hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..9)) {
        prop_assert!(Replay::of(bytes.clone(), &bytes).is_empty());
        let mut decoder = Decoder::default();
        let _ = decoder.frame(&bytes);
        let _ = decoder.picture(Instant::now());
        // Damage that the checksums do not see.
        let mut encoder = Encoder::default();
        bytes = encoder.frame(&pictures[0]);
        for (place, value) in hits {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let mut decoder = Decoder::default();
        let _ = decoder.frame(&bytes);
        let _ = decoder.picture(Instant::now());
        let _ = Decoder::elapsed_of(&bytes);
        let _ = Bytes(&bytes).take_text();
    }
}

#[test]
fn an_hour_of_three_busy_sites_is_small_and_found_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let pictures: Vec<_> = busy(3600, 3).collect();
    recorded(dir.path(), &pictures);
    let size = std::fs::metadata(dir.path().join(BLOCKS)).unwrap().len();
    println!("{} bytes a picture, {} KB an hour", size / 3600, size >> 10);
    assert!(size < 700 << 10, "{size} bytes");
    assert_eq!(std::fs::metadata(dir.path().join(TAIL)).unwrap().len(), 0);
    let begun = Instant::now();
    let mut replay = Replay::open(dir.path()).unwrap();
    let opened = begun.elapsed();
    replay.at(replay.len()).unwrap();
    println!(
        "opened in {opened:?}, the last picture after {:?}",
        begun.elapsed()
    );
    assert_eq!(replay.frames(), 3600);
    for n in [3599, 0, 1800, 1801, 299, 300, 301] {
        let at = pictures[n].elapsed - pictures[0].elapsed + Duration::from_millis(1);
        assert_same(&pictures[n], &replay.at(at).unwrap());
    }
}

#[test]
fn a_killed_recording_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let pictures: Vec<_> = busy(20, 2).collect();
    recorded(dir.path(), &pictures[..10]);
    // As if the run had been killed with its block open: its tail is left.
    let sealed = std::fs::read(dir.path().join(BLOCKS)).unwrap();
    let (head, payload) = file::scan(&sealed)[0].clone();
    let frames = file::frames(&head, payload).unwrap();
    let piece = file::Head {
        form: file::Form::Piece,
        ..head
    };
    let piece = file::bytes(piece, &frames).unwrap();
    std::fs::write(dir.path().join(TAIL), &piece).unwrap();
    assert_eq!(Replay::open(dir.path()).unwrap().frames(), 10, "not twice");
    std::fs::write(dir.path().join(BLOCKS), b"").unwrap();
    assert_eq!(
        Replay::open(dir.path()).unwrap().frames(),
        10,
        "from the tail alone"
    );
    recorded(dir.path(), &pictures[10..]);
    let mut replay = Replay::open(dir.path()).unwrap();
    assert_eq!(replay.frames(), 20);
    assert_same(&pictures[0], &replay.at(Duration::ZERO).unwrap());
    assert_same(&pictures[19], &replay.at(replay.len()).unwrap());
    // `--fresh` forgets it.
    Recorder::start(dir.path(), true)
        .unwrap()
        .finish(Duration::from_secs(60));
    assert!(Replay::open(dir.path()).is_err());
}

#[test]
fn what_is_no_recording_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let error = Replay::open(dir.path()).unwrap_err();
    assert!(matches!(error, ReplayError::Nothing(_)), "{error}");
    std::fs::write(dir.path().join(BLOCKS), "something else").unwrap();
    let error = Replay::open(dir.path()).unwrap_err();
    assert!(matches!(error, ReplayError::Unreadable(_)), "{error}");
}

#[tokio::test]
async fn it_is_played_paused_sought_and_sped_up() {
    let dir = tempfile::tempdir().unwrap();
    let pictures: Vec<_> = busy(600, 1).collect();
    recorded(dir.path(), &pictures);
    let replay = Replay::open(dir.path()).unwrap();
    let length = replay.len();
    let (mut snapshots, transport, player) = play(replay, 1000.0).unwrap();
    assert_eq!(transport.playing().speed, 64.0);
    transport.send(Play::Pause(true));
    let playing = tokio::spawn(player);
    let seconds = Duration::from_secs;
    transport.send(Play::SeekTo(seconds(300)));
    snapshots
        .wait_for(|shown| shown.elapsed > seconds(299))
        .await
        .unwrap();
    assert!(transport.playing().paused && transport.playing().position == seconds(300));
    transport.send(Play::SeekBy(-10_000));
    snapshots
        .wait_for(|shown| shown.elapsed < seconds(292))
        .await
        .unwrap();
    transport.send(Play::SeekBy(-10_000_000));
    snapshots
        .wait_for(|shown| shown.elapsed < seconds(1))
        .await
        .unwrap();
    for _ in 0..9 {
        transport.send(Play::Slower);
    }
    transport.send(Play::Faster);
    // Orders are obeyed in their order: this one is after those.
    transport.send(Play::SeekTo(seconds(9999)));
    snapshots
        .wait_for(|shown| shown.elapsed > seconds(598))
        .await
        .unwrap();
    assert_eq!(transport.playing().speed, 1.0);
    assert_eq!(transport.playing().position, length);
    // At the end it stands; going on is from the beginning.
    transport.send(Play::Speed(64.0));
    transport.send(Play::Toggle);
    snapshots
        .wait_for(|shown| shown.elapsed < seconds(300))
        .await
        .unwrap();
    snapshots
        .wait_for(|shown| shown.elapsed > seconds(598))
        .await
        .unwrap();
    drop((snapshots, transport));
    playing.await.unwrap();
}
