//! The built-in sites of `crawldeck demo`: three small web servers on loopback
//! with everything a crawl can meet, the same every time.
//!
//! | site | pages | what is to be seen |
//! |---|---|---|
//! | `books` | a shop | sitemaps, records, a delay to tune |
//! | `docs` | an encyclopedia | slow, deep pages; a concurrency to tune |
//! | `flaky` | a house of faults | retries, back-off, failures of every kind |

mod answer;
mod books;
mod docs;
mod flaky;
mod server;
#[cfg(test)]
mod tests;
mod words;

use self::server::Pages;
use std::io;
use std::sync::Arc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// The demo's servers, running. They stop when this is dropped;
/// [`Demo::shutdown`] also waits for that.
#[derive(Debug)]
pub struct Demo {
    documents: Vec<String>,
    starts: Vec<(&'static str, String)>,
    tasks: TaskTracker,
    stop: DropGuard,
}

/// Serves the demo's sites, each on a free port of 127.0.0.1.
///
/// # Errors
/// A port could not be bound.
pub async fn serve() -> io::Result<Demo> {
    let sites: [Arc<dyn Pages>; 3] = [
        Arc::new(books::Books),
        Arc::new(docs::Docs),
        Arc::new(flaky::Flaky::new()),
    ];
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let guard = stop.clone().drop_guard();
    let (mut documents, mut starts) = (Vec::new(), Vec::new());
    for pages in sites {
        let start = server::serve(pages.clone(), &tasks, &stop).await? + "/";
        documents.push(pages.document(&start));
        starts.push((pages.name(), start));
    }
    tasks.close();
    Ok(Demo {
        documents,
        starts,
        tasks,
        stop: guard,
    })
}

impl Demo {
    /// The sites file that crawls the demo.
    pub fn sites_yaml(&self) -> String {
        let head = "# The sites of `crawldeck demo`. The ports change from run to run.\n---\n";
        head.to_owned() + &self.documents.join("---\n")
    }

    /// Each site's name and start URL, in the order of the sites file.
    pub fn starts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.starts.iter().map(|(name, url)| (*name, url.as_str()))
    }

    /// Closes every connection and waits until the servers are gone.
    pub async fn shutdown(self) {
        drop(self.stop);
        self.tasks.wait().await;
    }
}
