//! Where the exits come from, and when they are read again.

use super::sessions::Sessions;
use crate::config::{ProxyAddress, ProxyFrom, ProxyRule, Timeouts};
use crate::fetch::{Fetcher, Http, Visitor, Want, body};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;
use url::Url;

/// Largest list, bytes.
const LARGEST: u64 = 4 << 20;
/// Bad lines that are told one by one.
const TOLD: usize = 5;
/// How soon a list that could not be read is read again.
const AGAIN: Duration = Duration::from_secs(5);
/// Limits on fetching a list.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    headers: Duration::from_secs(30),
    idle: Duration::from_secs(15),
    total: Duration::from_secs(60),
};

/// The source of one rule's exits.
pub(super) struct Source {
    rule: Arc<ProxyRule>,
    direct: Arc<Http>,
    status: Mutex<Status>,
    /// Held while the first list is being read, so that only one reads it.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Status {
    loaded: bool,
    /// When to read it again.
    due: Option<Instant>,
    /// Why it could not be read when it was last tried.
    wrong: Option<String>,
}

impl Source {
    /// A source; what needs no reading is handed out at once.
    pub(super) fn new(rule: Arc<ProxyRule>, direct: Arc<Http>, sessions: &Sessions) -> Self {
        let at_hand = match &rule.from {
            ProxyFrom::List(list) => Some(list.clone()),
            ProxyFrom::Gateway(gateway) => Some(vec![gateway.address.clone()]),
            ProxyFrom::File(_) | ProxyFrom::Url(_) => None,
        };
        let status = Status {
            loaded: at_hand.is_some(),
            ..Status::default()
        };
        if let Some(list) = at_hand {
            sessions.replace(list);
        }
        Self {
            rule,
            direct,
            status: Mutex::new(status),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// Sees to it that there is a list, and that it is not older than it may be.
    ///
    /// # Errors
    /// Why there is none, and what to do.
    pub(super) async fn ready(self: &Arc<Self>, sessions: &Arc<Sessions>) -> Result<(), String> {
        if let Some(answer) = self.at_hand(sessions) {
            return answer;
        }
        let _reading = self.reading.lock().await;
        if let Some(answer) = self.at_hand(sessions) {
            return answer;
        }
        self.read(sessions).await
    }

    /// What can be said without waiting; reads an old list again behind the
    /// requests' backs.
    fn at_hand(self: &Arc<Self>, sessions: &Arc<Sessions>) -> Option<Result<(), String>> {
        let now = Instant::now();
        let mut status = self.status();
        let due = status.due.is_some_and(|due| due <= now);
        if status.loaded {
            if due {
                // Nobody else begins; the reader sets it anew.
                status.due = None;
                let (source, sessions) = (Arc::clone(self), Arc::clone(sessions));
                tokio::spawn(async move {
                    // It was said in the log; the old list stays.
                    let _ = source.read(&sessions).await;
                });
            }
            return Some(Ok(()));
        }
        match &status.wrong {
            Some(wrong) if !due => Some(Err(wrong.clone())),
            _ => None,
        }
    }

    async fn read(&self, sessions: &Sessions) -> Result<(), String> {
        let from = &self.rule.from;
        let read = match from {
            ProxyFrom::File(path) => file(path).await,
            ProxyFrom::Url(url) => self.fetched(url).await,
            ProxyFrom::List(_) | ProxyFrom::Gateway(_) => return Ok(()),
        };
        let result = read
            .map_err(|why| format!("the proxy list {from} cannot be read: {why}"))
            .and_then(|text| {
                let list = List::read(&text);
                if let Some(words) = list.complaint() {
                    tracing::warn!("the proxy list {from}: {words}");
                }
                if list.good.is_empty() {
                    return Err(format!(
                        "there is no usable proxy in {from}{}; write one a line, such as \
                         http://user:password@host:port",
                        list.complaint()
                            .map_or(String::new(), |words| format!(" ({words})"))
                    ));
                }
                tracing::info!("the proxy list {from}: {} proxies", list.good.len());
                sessions.replace(list.good);
                Ok(())
            });
        let now = Instant::now();
        let mut status = self.status();
        match &result {
            Ok(()) => {
                status.loaded = true;
                status.wrong = None;
                status.due = self.rule.refresh.map(|refresh| now + refresh);
            }
            Err(wrong) => {
                let loaded = status.loaded;
                let old = if loaded { "; the old one stays" } else { "" };
                tracing::warn!("{wrong}{old}");
                status.wrong = Some(wrong.clone());
                status.due = match self.rule.refresh {
                    Some(refresh) if loaded => Some(now + refresh),
                    _ => Some(now + AGAIN),
                };
            }
        }
        result
    }

    async fn fetched(&self, url: &Url) -> Result<String, String> {
        let visitor = Visitor::alone(TIMEOUTS);
        let want = Want::File(LARGEST);
        let answer = self.direct.fetch(&visitor, url, want).await;
        let answer = answer.map_err(|error| error.detail)?;
        match answer.status {
            200..=299 if answer.cut => return Err(too_large()),
            200..=299 => {}
            status @ 300..=399 => {
                return Err(format!(
                    "status {status}; write the address to which it leads"
                ));
            }
            status => return Err(format!("status {status}")),
        }
        let body = body::decode(&answer, LARGEST).map_err(|error| error.detail)?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_large() -> String {
    format!("it is larger than {} MB", LARGEST >> 20)
}

async fn file(path: &Path) -> Result<String, String> {
    let about = tokio::fs::metadata(path).await.map_err(|e| e.to_string())?;
    // Of a pipe or a device the end may never come.
    if !about.is_file() {
        return Err("it is not a file".to_owned());
    }
    let file = tokio::fs::File::open(path).await;
    let mut bytes = Vec::new();
    file.map_err(|e| e.to_string())?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .await
        .map_err(|e| e.to_string())?;
    if bytes.len() as u64 > LARGEST {
        return Err(too_large());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A list as it was read.
#[derive(Default)]
struct List {
    good: Vec<ProxyAddress>,
    /// Line, and what is wrong with it; the first few.
    bad: Vec<(usize, String)>,
    count: usize,
}

impl List {
    /// One proxy a line; empty lines and those that begin with `#` are none.
    fn read(text: &str) -> Self {
        let mut list = Self::default();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim().trim_start_matches('\u{feff}');
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match ProxyAddress::parse(line) {
                Ok(address) => list.good.push(address),
                Err(wrong) => {
                    list.count += 1;
                    if list.bad.len() < TOLD {
                        list.bad.push((at + 1, wrong));
                    }
                }
            }
        }
        list
    }

    /// What is wrong with it. The lines themselves, which may hold a password,
    /// are not repeated.
    fn complaint(&self) -> Option<String> {
        let told: Vec<String> = self
            .bad
            .iter()
            .map(|(line, wrong)| format!("line {line}: {wrong}"))
            .collect();
        let more = match self.count - told.len() {
            0 => String::new(),
            more => format!(" | {more} more"),
        };
        let bad = match self.count {
            0 => None,
            1 => Some("1 bad line is left out".to_owned()),
            n => Some(format!("{n} bad lines are left out")),
        };
        bad.map(|bad| format!("{bad}: {}{more}", told.join(" | ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bad_lines_are_counted_and_named_without_what_they_say() {
        let text = "\u{feff}# ours\n\nhttp://u:s3cret@a.test:1\r\nnonsense s3cret\n\
                    a.test:2\nftp://u:s3cret@b.test:3\n";
        let list = List::read(text);
        assert_eq!(list.good.len(), 2);
        let words = list.complaint().unwrap();
        assert!(
            words.starts_with("2 bad lines are left out: line 4: "),
            "{words}"
        );
        assert!(words.contains("line 6: the proxy's scheme"), "{words}");
        assert!(!words.contains("s3cret"), "{words}");

        let many = "x\n".repeat(100);
        let words = List::read(&many).complaint().unwrap();
        assert!(words.contains("| 95 more") && words.len() < 600, "{words}");
        assert!(List::read("a.test:1").complaint().is_none());
    }

    proptest! {
        #[test]
        fn no_list_makes_it_panic(text in "(?s).{0,300}") {
            let list = List::read(&text);
            prop_assert_eq!(list.complaint().is_some(), list.count > 0);
        }
    }
}
