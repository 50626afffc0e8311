//! What attends a run beside its face: alerts, figures, the recording.

use super::alerts;
use crate::metrics;
use crate::monitor::Snapshot;
use crate::record::{self, Recorder};
use anyhow::Context;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long the end of a run waits for the recording.
const PATIENCE: Duration = Duration::from_secs(2);

/// Takes the port of the figures, before anything is begun.
///
/// # Errors
/// The operating system's, with the address.
pub async fn listen(address: Option<SocketAddr>) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = address else {
        return Ok(None);
    };
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("listening on {address} for --metrics"))?;
    Ok(Some(listener))
}

/// The attendants of a run; [`Attendants::finish`] when it is over.
pub struct Attendants {
    acting: JoinHandle<()>,
    recording: Option<JoinHandle<Recorder>>,
}

impl Attendants {
    /// Starts them. A folder that cannot be recorded in is said in the log, and
    /// no reason not to crawl.
    pub fn start(
        dir: &Path,
        fresh: bool,
        snapshots: &watch::Receiver<Arc<Snapshot>>,
        figures: Option<TcpListener>,
    ) -> Self {
        if let Some(listener) = figures {
            if let Ok(address) = listener.local_addr() {
                tracing::info!("metrics at http://{address}/metrics");
            }
            // Ends with the runtime.
            tokio::spawn(metrics::serve(listener, snapshots.clone()));
        }
        let recording = match Recorder::start(dir, fresh) {
            Ok(recorder) => Some(tokio::spawn(record::record(recorder, snapshots.clone()))),
            Err(error) => {
                tracing::warn!(%error, "the run is not recorded");
                None
            }
        };
        Self {
            acting: tokio::spawn(alerts::run(snapshots.clone())),
            recording,
        }
    }

    /// Waits for webhooks of the last moment and for the recording's end, a few
    /// seconds at most. The monitor must be gone.
    pub async fn finish(self) {
        let _ = self.acting.await;
        if let Some(recording) = self.recording
            && let Ok(recorder) = recording.await
        {
            let _ = tokio::task::spawn_blocking(move || recorder.finish(PATIENCE)).await;
        }
    }
}
