//! Answers queries, each in a task of its own.

use crate::bus::Query;
use crate::store::Store;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};

/// Queries answered at the same time.
const AT_ONCE: usize = 8;

/// Answers until the last asker is gone.
pub async fn run(mut queries: mpsc::Receiver<Query>, store: Arc<dyn Store>) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    while let Some(Query { ask, reply }) = queries.recv().await {
        let Ok(permit) = room.clone().acquire_owned().await else {
            return;
        };
        let store = store.clone();
        tokio::spawn(async move {
            reply.send(store.ask(ask).await);
            drop(permit);
        });
    }
}
