//! Questions about a job that need no crawl.

use super::lookup::Asker;
use crate::bus::{Ask, Told};
use crate::store::StoreError;
use crate::store::folder::DATABASE;
use std::path::Path;

/// A job's database, open for questions.
pub struct Questions(Asker);

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
        // The threads end with the asker; nobody needs to wait for them.
        Asker::start(&path).map(|(asker, _)| Self(asker))
    }

    /// Waits for the answer.
    pub async fn ask(&self, ask: Ask) -> Told {
        self.0.ask(ask).await
    }
}
