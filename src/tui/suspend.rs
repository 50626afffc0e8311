//! Ctrl-Z: back to the shell, until it says `fg`.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, getpid, getsid, kill_current_process_group};
use std::os::unix::net::UnixStream;

/// Whether there is a shell that could continue us: a session leader has none
/// above it.
pub fn has_shell() -> bool {
    getsid(None).is_ok_and(|session| session != getpid())
}

/// Stops the process group, as the shell's job; comes back after its `fg`.
pub fn stop() {
    // Another thread may take the signal: without waiting for the way back this
    // one would go on for a moment, and take the terminal from the shell.
    let Ok((woken, wake)) = UnixStream::pair() else {
        return;
    };
    let Ok(id) = signal_hook::low_level::pipe::register(Signal::CONT.as_raw(), wake) else {
        return;
    };
    let _ = kill_current_process_group(Signal::TSTP);
    // A group that nobody could continue is not stopped, and goes on by itself.
    let second = Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    };
    let _ = poll(&mut [PollFd::new(&woken, PollFlags::IN)], Some(&second));
    signal_hook::low_level::unregister(id);
}
