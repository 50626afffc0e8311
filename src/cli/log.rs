//! Logs go to files in the job's folder, for the terminal is taken; their last
//! lines are kept for the deck.

use crate::bus::{Level, LogRow, Logbook};
use crate::page::time::now_ms;
use std::fmt::{Debug, Write as _};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{InitError, RollingFileAppender, Rotation};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Log files kept, one a day.
const FILES: usize = 14;
/// Lines that may wait for the disk; more are dropped, so that a slow disk
/// holds nothing up.
const LINES: usize = 16_384;
/// Values shorter than this are no secrets, and would blot out half the log.
const SHORTEST: usize = 4;
/// The environment variable that says what is logged.
const FILTER: &str = "CRAWLDECK_LOG";

/// Sends the program's log to `DIR/log/`, and to `book` what is no debugging.
/// Values in `secrets` are blotted out. The guard writes what is left when it is
/// dropped.
///
/// # Errors
/// Where the folder cannot be written to.
pub fn start(
    dir: &Path,
    secrets: Vec<String>,
    book: Arc<Logbook>,
) -> Result<WorkerGuard, LogError> {
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
    let secrets: Arc<[String]> = secrets
        .into_iter()
        .filter(|secret| secret.len() >= SHORTEST)
        .collect();
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new("info"));
    let booking = Booking {
        book,
        secrets: secrets.clone(),
    };
    let files = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(move || Redacted {
            writer: writer.clone(),
            secrets: secrets.clone(),
        });
    // Fails only where a log was started before, in tests.
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(files)
        .with(booking)
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

/// Keeps lines for the deck.
struct Booking {
    book: Arc<Logbook>,
    secrets: Arc<[String]>,
}

impl<S: Subscriber> Layer<S> for Booking {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let (level, target) = (event.metadata().level(), event.metadata().target());
        let level = match *level {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warn,
            tracing::Level::INFO => Level::Info,
            _ => return,
        };
        let mut words = Words::default();
        event.record(&mut words);
        let said = words.said + &words.fields;
        self.book.note(LogRow {
            number: 0,
            at: now_ms(),
            level,
            target: target.trim_start_matches("crawldeck::").to_owned(),
            site: words.site,
            text: redact(&said, &self.secrets),
        });
    }
}

/// What an event says.
#[derive(Default)]
struct Words {
    site: String,
    said: String,
    /// The other fields, each with a space before it.
    fields: String,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.said, "{value:?}"),
            "site" => write!(self.site, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

fn redact(text: &str, secrets: &[String]) -> String {
    secrets
        .iter()
        .fold(text.to_owned(), |text, secret| text.replace(secret, "•••"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::LogFilter;

    #[test]
    fn secrets_are_blotted_out() {
        let secrets = ["hunter2".to_owned(), "k3y".to_owned()];
        assert_eq!(redact("a hunter2 k3y hunter2", &secrets), "a ••• ••• •••");
    }

    #[test]
    fn lines_are_kept_with_their_site_and_without_secrets() {
        let book = Arc::<Logbook>::default();
        let booking = Booking {
            book: book.clone(),
            secrets: ["hunter2".to_owned()].into(),
        };
        let subscriber = tracing_subscriber::registry().with(booking);
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(site = %"docs", tries = 3, "no answer to {}", "hunter2");
            tracing::debug!("nothing for the deck");
            tracing::info!(site = "shop", "fine");
        });
        let every = LogFilter {
            level: Level::Info,
            site: String::new(),
            target: "cli::log".to_owned(),
            text: String::new(),
            invert: false,
        };
        let rows = book.list(&every, None, 10).rows;
        let seen: Vec<_> = rows
            .iter()
            .map(|row| (row.level, row.site.as_str(), row.text.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                (Level::Warn, "docs", "no answer to ••• tries=3"),
                (Level::Info, "shop", "fine"),
            ]
        );
    }
}
