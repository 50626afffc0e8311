//! Questions about a job that need no crawl.

use super::QUESTIONS;
use super::lookup::{self, Ask};
use super::schema::{failure, open_to_read};
use crate::bus::{self, Told};
use crate::store::StoreError;
use crate::store::folder::DATABASE;
use std::path::Path;
use tokio::sync::{mpsc, oneshot};

/// The page cache for the one look at the sites, KiB.
const CACHE_KIB: u32 = 256;

/// A job's database, open for questions.
#[derive(Debug)]
pub struct Questions {
    asks: mpsc::Sender<Ask>,
}

impl Questions {
    /// Opens the job in `dir`, whether or not a crawl works on it.
    ///
    /// # Errors
    /// [`StoreError::Absent`] where no crawl has begun; others as for a crawl.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(DATABASE);
        if !path.is_file() {
            return Err(StoreError::Absent {
                path: dir.to_owned(),
            });
        }
        let keys = {
            let conn = open_to_read(&path, CACHE_KIB)?;
            let read = || {
                conn.prepare("SELECT key FROM site WHERE place IS NOT NULL ORDER BY place")?
                    .query_map([], |row| row.get(0))?
                    .collect::<rusqlite::Result<Vec<i64>>>()
            };
            read().map_err(|error| failure(&path, error))?
        };
        let (asks, questions) = mpsc::channel(QUESTIONS);
        // It ends with the last asker.
        super::spawn("store-read", move || lookup::run(path, keys, questions))?;
        Ok(Self { asks })
    }

    /// Waits for the answer.
    pub async fn ask(&self, ask: bus::Ask) -> Told {
        let (reply, answer) = oneshot::channel();
        // A reader that is gone answers nothing, which is told below.
        let _ = self.asks.send(Ask { ask, reply }).await;
        answer
            .await
            .unwrap_or_else(|_| Told::Refused("the store cannot be read".to_owned()))
    }
}
