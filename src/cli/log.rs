//! Logs go to files in the job's folder: the terminal is taken.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{InitError, RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;

/// Log files kept, one a day.
const FILES: usize = 14;
/// Lines that may wait for the disk; more are dropped, so that a slow disk
/// holds nothing up.
const LINES: usize = 16_384;
/// The environment variable that says what is logged.
const FILTER: &str = "CRAWLDECK_LOG";

/// Sends the program's log to `DIR/log/`. Values in `secrets` are blotted out.
/// The guard writes what is left when it is dropped.
///
/// # Errors
/// Where the folder cannot be written to.
pub fn start(dir: &Path, secrets: Vec<String>) -> Result<WorkerGuard, LogError> {
    let dir = dir.join("log");
    std::fs::create_dir_all(&dir)?;
    let file = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("crawldeck")
        .filename_suffix("log")
        .max_log_files(FILES)
        .build(dir)?;
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(LINES)
        .lossy(true)
        .finish(file);
    let secrets: Arc<[String]> = secrets.into_iter().filter(|s| !s.is_empty()).collect();
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new("info"));
    // Fails only where a log was started before, in tests.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(move || Redacted {
            writer: writer.clone(),
            secrets: secrets.clone(),
        })
        .try_init();
    Ok(guard)
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Its folder cannot be made.
    #[error(transparent)]
    Folder(#[from] io::Error),
    /// Its file cannot be opened.
    #[error(transparent)]
    File(#[from] InitError),
}

/// Blots secrets out of each line on its way.
struct Redacted {
    writer: NonBlocking,
    secrets: Arc<[String]>,
}

impl Write for Redacted {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.secrets.is_empty() {
            return self.writer.write(line);
        }
        let text = String::from_utf8_lossy(line);
        self.writer
            .write_all(redact(&text, &self.secrets).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

fn redact(text: &str, secrets: &[String]) -> String {
    secrets
        .iter()
        .fold(text.to_owned(), |text, secret| text.replace(secret, "•••"))
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn secrets_are_blotted_out() {
        let secrets = ["hunter2".to_owned(), "k3y".to_owned()];
        assert_eq!(redact("a hunter2 k3y hunter2", &secrets), "a ••• ••• •••");
    }
}
