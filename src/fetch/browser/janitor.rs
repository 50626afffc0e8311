//! Who clears up after a browser, whatever becomes of the engine.

use std::io;
use std::path::Path;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};

/// Reads the browser's group, and then waits for the end of its input, which is
/// that of the engine or of the browser's use.
const SHELL: &str = r#"read -r group; read -r end
if [ -n "$group" ]; then kill -s KILL -- "-$group"; fi
for again in 1 2 3 4 5 6 7 8 9 10; do
  rm -rf -- "$1"; [ -e "$1" ] || exit 0; sleep 0.1
done"#;

/// Kills a browser's group and deletes its folder when it is dropped, and when
/// the engine is gone, at whatever instant that was killed.
pub(super) struct Janitor {
    input: ChildStdin,
    /// Reaped by the runtime.
    #[allow(dead_code, reason = "held for its end")]
    shell: Child,
}

impl Janitor {
    /// Waits for the end of a browser whose folder is to be `profile`.
    ///
    /// # Errors
    /// Where no shell can be started.
    pub(super) fn wait(profile: &Path) -> io::Result<Self> {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SHELL, "crawldeck-janitor"])
            .arg(profile)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Neither a Ctrl-C nor the browser's end is its own.
            .process_group(0)
            .spawn()?;
        let input = shell.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { input, shell })
    }

    /// Tells it which group of processes is the browser's.
    pub(super) async fn learn(&mut self, group: u32) {
        // Where it is gone, the browser still ends with its pipe.
        let _ = self.input.write_all(format!("{group}\n").as_bytes()).await;
        let _ = self.input.flush().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::{CommandExt, ExitStatusExt};

    #[tokio::test]
    async fn the_group_is_killed_and_the_folder_goes_with_the_janitor() {
        let dir = tempfile::tempdir().unwrap();
        let profile = dir.path().join("profile");
        let mut janitor = Janitor::wait(&profile).unwrap();
        std::fs::create_dir_all(profile.join("deep")).unwrap();
        let mut browser = std::process::Command::new("sleep")
            .arg("1000")
            .process_group(0)
            .spawn()
            .unwrap();
        janitor.learn(browser.id()).await;
        assert!(profile.exists() && browser.try_wait().unwrap().is_none());
        let Janitor { input, mut shell } = janitor;
        drop(input);
        assert!(shell.wait().await.unwrap().success());
        assert_eq!(browser.wait().unwrap().signal(), Some(9));
        assert!(!profile.exists());
    }
}
