//! The listener: imitated paths, `/_sim`, and the page.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::control::control;
use crate::page::{PAGE, events, policy};
use crate::record::Request;
use crate::sim::RobotSim;
use crate::world::{Reaction, Reply};

/// Larger requests are cut off; the real service's limit of 20,000 bytes is judged by the robot.
const REQUEST_BYTES_MAX: usize = 4 << 20;
/// Open connections; a test that floods more than this waits.
const CONNECTIONS_MAX: usize = 2048;
/// After a failed accept (no file descriptors left) the loop pauses.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why a connection ends without an answer.
#[derive(Debug)]
struct ClosedByFault;

impl std::fmt::Display for ClosedByFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed by an injected fault")
    }
}

impl std::error::Error for ClosedByFault {}

/// Serves until `shutdown` ends; open connections are dropped then.
pub async fn serve(listener: TcpListener, sim: RobotSim, shutdown: impl Future<Output = ()> + Send) {
    let mut shutdown = std::pin::pin!(shutdown);
    let mut connections = JoinSet::new();
    let policy: Arc<str> = policy().into();
    let mut number = 0_u64;
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, peer)) => {
                    number += 1;
                    connections.spawn(connection(stream, peer.ip(), number, sim.clone(), Arc::clone(&policy)));
                }
                Err(error) => {
                    tracing::warn!(%error, "the robot simulator could not accept a connection");
                    sim.clock().base().sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

async fn connection(stream: tokio::net::TcpStream, peer: std::net::IpAddr, number: u64, sim: RobotSim, policy: Arc<str>) {
    let service = service_fn(|request| {
        let (sim, policy) = (sim.clone(), Arc::clone(&policy));
        async move { respond(&sim, request, peer, number, &policy).await }
    });
    // an error here is a client that went away, or a fault
    let mut builder = hyper::server::conn::http1::Builder::new();
    // the robot's Date is of the simulator's clock
    builder.auto_date_header(false);
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "connection ended");
    }
}

async fn respond(
    sim: &RobotSim,
    request: hyper::Request<Incoming>,
    peer: std::net::IpAddr,
    connection: u64,
    policy: &str,
) -> Result<Response<Body>, ClosedByFault> {
    let (head, body) = request.into_parts();
    let (method, path) = (head.method.as_str().to_owned(), head.uri.path().to_owned());
    let query = head.uri.query().unwrap_or_default().to_owned();
    let is_get = method == "GET";
    if is_get && (path == "/" || path.starts_with("/chat/")) {
        return Ok(page(policy));
    }
    if is_get && path == "/_sim/events" {
        let last = head.headers.get("last-event-id").and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok()).unwrap_or(0);
        return Ok(event_stream(sim, last));
    }
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let mut request = Request { method, path, headers: headers.collect(), body: Bytes::new(), peer, connection };
    let is_control = request.path == "/_sim" || request.path.starts_with("/_sim/");
    if is_control && !is_get && request.header("origin").is_some() {
        return Ok(plain(StatusCode::FORBIDDEN, "web pages may look, not change"));
    }
    if !is_control && sim.resets_before_read(&request, &query) {
        return Err(ClosedByFault);
    }
    let Ok(body) = Limited::new(body, REQUEST_BYTES_MAX).collect().await else { return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "too large")) };
    request.body = body.to_bytes();
    if is_control {
        let answer = control(sim, &request.method, &request.path, &query, &request.body).await;
        return Ok(json(answer.status, answer.body.to_string()));
    }
    let (reaction, delay_millis) = sim.receive(request, &query);
    if delay_millis > 0 {
        sim.clock().base().sleep(Duration::from_millis(delay_millis)).await;
    }
    match reaction {
        Reaction::Answer(reply) => Ok(wire(reply, sim.clock().http_date())),
        Reaction::Close => Err(ClosedByFault),
        Reaction::Hang => std::future::pending().await,
    }
}

fn wire(reply: Reply, date: String) -> Response<Body> {
    let mut response = Response::new(Body::from(reply.body));
    if let Ok(date) = header::HeaderValue::try_from(date) {
        response.headers_mut().insert(header::DATE, date);
    }
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(reply.content_type));
    if let Some(seconds) = reply.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
    }
    response
}

fn with_type(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    with_type(status, "text/plain; charset=utf-8", Body::from(text))
}

fn json(status: u16, text: String) -> Response<Body> {
    with_type(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), "application/json; charset=utf-8", Body::from(text))
}

fn page(policy: &str) -> Response<Body> {
    let mut response = with_type(StatusCode::OK, "text/html; charset=utf-8", Body::from(PAGE));
    let headers = response.headers_mut();
    if let Ok(policy) = header::HeaderValue::from_str(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, header::HeaderValue::from_static("no-referrer"));
    response
}

fn event_stream(sim: &RobotSim, last: u64) -> Response<Body> {
    let stream = events(sim.clone(), last);
    with_type(StatusCode::OK, "text/event-stream", Body::from_stream(stream))
}
