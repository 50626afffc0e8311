//! Answers queries from the store, each in a task of its own.

use crate::bus::{FailureList, Query};
use crate::store::Store;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};

/// Queries answered at the same time.
const AT_ONCE: usize = 8;

/// Answers until the last asker is gone.
pub async fn run(mut queries: mpsc::Receiver<Query>, store: Arc<dyn Store>) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    while let Some(query) = queries.recv().await {
        let Ok(permit) = room.clone().acquire_owned().await else {
            return;
        };
        let store = store.clone();
        tokio::spawn(async move {
            match query {
                Query::Failures {
                    filter,
                    offset,
                    limit,
                    reply,
                } => {
                    let list: FailureList = store.failures(filter, offset, limit).await;
                    reply.send(list);
                }
                Query::Page { id, reply } => reply.send(store.page(id).await),
            }
            drop(permit);
        });
    }
}
