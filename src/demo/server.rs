//! A site's web server: hyper over one loopback port.

use super::answer::{Answer, Payload};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a site of the demo is made of.
pub(super) trait Pages: Send + Sync + 'static {
    /// Its name in the sites file.
    fn name(&self) -> &'static str;
    /// Its document of the sites file.
    fn document(&self, start: &str) -> String;
    /// What a path with its query gets, on a server whose origin is `base`.
    fn answer(&self, base: &str, target: &str) -> Answer;
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Serves `pages` on a free port of 127.0.0.1 until `stop`; answers its origin
/// (`http://127.0.0.1:PORT`).
pub(super) async fn serve(
    pages: Arc<dyn Pages>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> io::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let base: Arc<str> = format!("http://{}", listener.local_addr()?).into();
    let origin = base.to_string();
    let (connections, stop) = (tasks.clone(), stop.clone());
    tasks.spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => return,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (pages, base, stop) = (pages.clone(), base.clone(), stop.clone());
                    connections.spawn(async move {
                        tokio::select! {
                            () = converse(stream, pages, base) => {}
                            () = stop.cancelled() => {}
                        }
                    });
                }
                // Out of descriptors, most likely: some will be free again.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    });
    Ok(origin)
}

/// One connection, to its end. How it ended is the client's affair.
async fn converse(stream: TcpStream, pages: Arc<dyn Pages>, base: Arc<str>) {
    let _ = stream.set_nodelay(true);
    let cut = Arc::new(AtomicBool::new(false));
    let wire = Wire {
        stream,
        cut: cut.clone(),
    };
    let service = service_fn(move |request: Request<Incoming>| {
        let (pages, base, cut) = (pages.clone(), base.clone(), cut.clone());
        async move { respond(&request, pages.as_ref(), &base, &cut).await }
    });
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(wire), service)
        .await;
}

async fn respond(
    request: &Request<Incoming>,
    pages: &dyn Pages,
    base: &str,
    cut: &AtomicBool,
) -> io::Result<Response<Body>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return response(Answer::page(405, "GET only", "").header("allow", "GET, HEAD"));
    }
    let target = request.uri().path_and_query().map_or("/", |t| t.as_str());
    let answer = pages.answer(base, target);
    tokio::time::sleep(answer.wait).await;
    if matches!(answer.body, Payload::Reset) {
        cut.store(true, Ordering::Relaxed);
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    response(answer)
}

fn response(answer: Answer) -> io::Result<Response<Body>> {
    let body = match answer.body {
        Payload::Whole(bytes) => Full::new(bytes).boxed_unsync(),
        Payload::Pieces {
            piece,
            every,
            times,
        } => {
            let pieces = stream::unfold((piece, times), move |(piece, left)| async move {
                let left = match left {
                    Some(0) => return None,
                    some => some.map(|n| n - 1),
                };
                tokio::time::sleep(every).await;
                Some((Ok(Frame::data(piece.clone())), (piece, left)))
            });
            StreamBody::new(pieces).boxed_unsync()
        }
        Payload::Reset => return Err(io::ErrorKind::ConnectionReset.into()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).map_err(io::Error::other)?;
    for (name, value) in answer.headers {
        let value = HeaderValue::from_bytes(&value).map_err(io::Error::other)?;
        response
            .headers_mut()
            .append(HeaderName::from_static(name), value);
    }
    Ok(response)
}

/// A connection that is reset instead of closed once `cut` is set.
struct Wire {
    stream: TcpStream,
    cut: Arc<AtomicBool>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.cut.load(Ordering::Relaxed) {
            // A lingering time of zero makes the closing a reset.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.cut.load(Ordering::Relaxed) {
            // An orderly end would come before the reset and hide it.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
