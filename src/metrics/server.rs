//! `/metrics` over HTTP.

use super::text::exposition;
use crate::monitor::Snapshot;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// Connections served at the same time; more wait.
const CONNECTIONS: usize = 16;
/// Longest wait for a request's head, a kept connection's next one too.
const HEAD: Duration = Duration::from_secs(120);
/// The format's media type.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// What stands at `/`.
const INDEX: &str = "<!doctype html><title>crawldeck</title><a href=\"/metrics\">metrics</a>\n";

/// Serves the newest picture until the task is dropped.
pub async fn serve(listener: TcpListener, snapshots: watch::Receiver<Arc<Snapshot>>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let snapshots = snapshots.clone();
                tokio::spawn(async move {
                    converse(stream, snapshots).await;
                    drop(place);
                });
            }
            // Out of descriptors, most likely: some will be free again.
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// One connection, to its end. How it ended is the client's affair.
async fn converse(stream: TcpStream, snapshots: watch::Receiver<Arc<Snapshot>>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let snapshot = snapshots.borrow().clone();
        async move { Ok::<_, Infallible>(answer(&request, snapshot).await) }
    });
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(request: &Request<Incoming>, snapshot: Arc<Snapshot>) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, "GET only\n".into());
        let allow = HeaderValue::from_static("GET, HEAD");
        refusal.headers_mut().insert(ALLOW, allow);
        return refusal;
    }
    match request.uri().path() {
        "/metrics" => {
            // With a thousand sites it is megabytes of text: not on the event loop.
            let text = tokio::task::spawn_blocking(move || exposition(&snapshot)).await;
            match text {
                Ok(text) => response(StatusCode::OK, TEXT, text),
                Err(_) => response(StatusCode::INTERNAL_SERVER_ERROR, TEXT, String::new()),
            }
        }
        "/" => response(StatusCode::OK, "text/html; charset=utf-8", INDEX.into()),
        _ => response(StatusCode::NOT_FOUND, TEXT, "only /metrics\n".into()),
    }
}

fn response(status: StatusCode, media: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let media = HeaderValue::from_static(media);
    response.headers_mut().insert(CONTENT_TYPE, media);
    response
}
