//! The listener: bounded connections, bounded bodies, slow clients cut off.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::answer::{Answer, seconds};
use crate::relay::{DELIVERY_HEADER, Head, Relay, Wanted};

/// Open connections; more wait in the listener's queue.
const CONNECTIONS_MAX: usize = 512;
/// The head of a request must arrive within this.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// And its body within this.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a head.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// After a failed accept (no file descriptors left) the loop pauses.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// At the end, requests in flight may take this much longer than a delivery.
const DRAIN_EXTRA: Duration = Duration::from_secs(2);

/// Serves until `shutdown` ends, then lets what is in flight finish.
pub async fn serve(listener: TcpListener, relay: Relay, shutdown: impl Future<Output = ()> + Send) {
    let mut shutdown = std::pin::pin!(shutdown);
    let mut connections = JoinSet::new();
    let graceful = GracefulShutdown::new();
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, peer)) => {
                    let watcher = graceful.watcher();
                    connections.spawn(connection(stream, peer.ip(), relay.clone(), watcher));
                }
                Err(error) => {
                    tracing::warn!(%error, "the relay could not accept a connection");
                    relay.clock().sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let drain = relay.clock().sleep(relay.settings().sync_timeout + DRAIN_EXTRA);
    tokio::select! {
        biased;
        () = graceful.shutdown() => {}
        () = drain => tracing::warn!(left = connections.len(), "connections of the relay were cut off at the end"),
    }
}

async fn connection(stream: TcpStream, peer: IpAddr, relay: Relay, watcher: hyper_util::server::graceful::Watcher) {
    let service = service_fn(|request| {
        let relay = relay.clone();
        async move { Ok::<_, Infallible>(wire(respond(&relay, request, peer).await)) }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_BYTES_MAX);
    // an error here is a client that went away or did not speak HTTP
    if let Err(error) = watcher.watch(builder.serve_connection(TokioIo::new(stream), service)).await {
        tracing::debug!(%error, "connection ended");
    }
}

/// An answer, and whether the connection must end because its body was not read.
struct Reply {
    answer: Answer,
    close: bool,
}

async fn respond(relay: &Relay, request: Request<Incoming>, peer: IpAddr) -> Reply {
    let (parts, body) = request.into_parts();
    let head = Head {
        peer,
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        has_query: parts.uri.query().is_some(),
        from_web_page: parts.headers.contains_key(header::ORIGIN),
        delivery_key: parts.headers.get(DELIVERY_HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned),
    };
    let robot = match relay.route(&head) {
        Wanted::Answer(answer) => return Reply { answer, close: head.method != "GET" },
        Wanted::Robot(robot) => robot,
    };
    match read(relay, body).await {
        Ok(body) => Reply { answer: relay.send(robot, &head, &body).await, close: false },
        Err(answer) => Reply { answer, close: true },
    }
}

async fn read(relay: &Relay, body: Incoming) -> Result<Bytes, Answer> {
    let bytes_max = relay.settings().body_bytes_max;
    let announced = hyper::body::Body::size_hint(&body).lower();
    if usize::try_from(announced).map_or(true, |bytes| bytes > bytes_max) {
        return Err(Answer::too_large(bytes_max));
    }
    tokio::select! {
        biased;
        collected = Limited::new(body, bytes_max).collect() => match collected {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(Answer::too_large(bytes_max)),
            Err(_) => Err(Answer::cut_off()),
        },
        () = relay.clock().sleep(BODY_TIMEOUT) => Err(Answer::too_slow()),
    }
}

fn wire(reply: Reply) -> Response<Body> {
    let Reply { answer, close } = reply;
    let mut response = Response::new(Body::from(answer.body.to_string()));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    if let Some(wait) = answer.retry_after {
        headers.insert(header::RETRY_AFTER, header::HeaderValue::from(seconds(wait).max(1)));
    }
    if let Some(allow) = answer.allow {
        headers.insert(header::ALLOW, header::HeaderValue::from_static(allow));
    }
    if close {
        headers.insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    }
    response
}
