//! The accept loop: bounded connections, slow clients cut off, an orderly end.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::dispatch::{Ends, answer};
use crate::rest::Rest;

/// A client that takes longer than this for the head of a request is cut off. Idle connections end after it too, so it is longer
/// than the pause between two runs of usual clients.
const HEAD_READ_MAX: Duration = Duration::from_secs(120);

/// The head of a request may have this many bytes: `source` and scroll ids travel in the URL.
const HEAD_BYTES_MAX: usize = 128 * 1024;

/// What is being answered at the end may take this long.
const SHUTDOWN_MAX: Duration = Duration::from_secs(10);

/// The pause after accepting failed, which happens when file handles are out.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Answers what comes in on `listener` until `shutdown` ends; then finishes what is being answered.
///
/// # Errors
/// The listener's address cannot be had, or it would let strangers in (see [`crate::Access::permits_listener`]).
pub async fn serve(listener: TcpListener, rest: Arc<Rest>, shutdown: impl Future<Output = ()> + Send) -> io::Result<()> {
    let local = listener.local_addr()?;
    rest.settings.access.permits_listener(local).map_err(|error| io::Error::new(io::ErrorKind::PermissionDenied, error))?;
    // The first listener is the one that is published.
    rest.address.get_or_init(|| local);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(rest.settings.max_connections));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let next = std::pin::pin!(next_connection(&listener, &rest, &places));
        match select(shutdown.as_mut(), next).await {
            Either::Left(_) => break,
            Either::Right((Some((stream, ends, place)), _)) => connection(stream, ends, place, &rest, &graceful),
            Either::Right((None, _)) => {}
        }
    }
    drop(listener);
    let _ = select(std::pin::pin!(graceful.shutdown()), rest.clock.sleep(SHUTDOWN_MAX)).await;
    Ok(())
}

async fn next_connection(listener: &TcpListener, rest: &Rest, places: &Arc<Semaphore>) -> Option<(TcpStream, Ends, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            let local = stream.local_addr().ok()?;
            Some((stream, Ends { local, peer }, place))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            rest.clock.sleep(ACCEPT_RETRY).await;
            None
        }
    }
}

fn connection(stream: TcpStream, ends: Ends, place: OwnedSemaphorePermit, rest: &Arc<Rest>, graceful: &GracefulShutdown) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let rest = Arc::clone(rest);
    let service = service_fn(move |request| {
        let rest = Arc::clone(&rest);
        async move { Ok::<_, Infallible>(answer(rest, ends, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_READ_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, peer = %ends.peer, "a connection ended early");
        }
        drop(place);
    });
}
