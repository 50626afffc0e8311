//! Names of sessions: each tells which engine opened it, so that what an engine
//! that was killed left open is ended by the next one.

use rustix::process::{Pid, test_kill_process};
use std::sync::LazyLock;
use xxhash_rust::xxh3::xxh3_64;

/// How all of them begin.
const MARK: &str = "crawldeck-";

/// This process, as its sessions' names have it: its machine, its number and
/// when it began. `None` where the system does not tell all of that.
static SELF: LazyLock<Option<String>> = LazyLock::new(|| {
    let process = std::process::id();
    let (home, began) = (home()?, began(process)?);
    Some(format!("{home:016x}-{process}-{began}"))
});

/// A name that no other session has.
pub(super) fn fresh() -> String {
    let unlike = fastrand::u64(..);
    match &*SELF {
        Some(engine) => format!("{MARK}{engine}-{unlike:016x}"),
        None => format!("{MARK}{unlike:016x}"),
    }
}

/// Whether a session was opened by an engine of this machine that is gone.
pub(super) fn is_left(name: &str) -> bool {
    let parts = name.strip_prefix(MARK).map(|rest| rest.split('-'));
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    let [machine, process, start, _] = parts[..] else {
        return false;
    };
    let here = home().is_some_and(|home| machine == format!("{home:016x}"));
    match (here, process.parse(), start.parse()) {
        (true, Ok(process), Ok(start)) => is_gone(process, start),
        _ => false,
    }
}

/// The machine and what of it numbers processes: containers number their own.
fn home() -> Option<u64> {
    let names = std::fs::read_link("/proc/self/ns/pid").ok()?;
    let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy();
    Some(xxh3_64(format!("{host} {machine} {names:?}").as_bytes()))
}

/// When a process began, in ticks since the machine did.
fn began(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name stands in brackets, and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// Whether the process of that number that began then is there no more.
fn is_gone(process: u32, start: u64) -> bool {
    let number = i32::try_from(process).ok().and_then(Pid::from_raw);
    match (number, began(process)) {
        (None, _) => false,
        (Some(_), Some(other)) => other != start,
        // It may only be hidden.
        (Some(number), None) => test_kill_process(number) == Err(rustix::io::Errno::SRCH),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_engine_of_this_machine_left_is_told_as_left() {
        let Some(home) = home() else {
            assert!(!is_left(&fresh()));
            return;
        };
        let own = std::process::id();
        let start = began(own).unwrap();
        // Numbers end before that.
        let nobody = i32::MAX;
        let name = |home: u64, process: &str, start: u64| {
            format!("{MARK}{home:016x}-{process}-{start}-00c0ffee00c0ffee")
        };
        for (name, left) in [
            (fresh(), false),
            (name(home, &own.to_string(), start), false),
            // The number of one that is gone was given to this one.
            (name(home, &own.to_string(), start + 1), true),
            (name(home, &nobody.to_string(), start), true),
            (name(home + 1, &nobody.to_string(), start), false),
            (name(home, "0", start), false),
            (name(home, "-1", start), false),
            (name(home, "4294967295", start), false),
            (format!("{MARK}{own}-00c0ffee00c0ffee"), false),
            ("another".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(is_left(&name), left, "{name}");
        }
        assert_ne!(fresh(), fresh());
    }
}
