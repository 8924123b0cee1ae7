//! Why a request got no answer, and whether it may have been written.
//!
//! The client library's errors name URLs, which carry tokens: they are taken apart here and never printed.

use std::error::Error as StdError;
use std::io;

use watchbell_json::Failure;

use super::address::ForbiddenAddress;
use super::target::Target;

/// Deepest chain of causes that is looked through.
const CAUSES_MAX: usize = 16;

/// How far a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It breaks a rule of ours, and always will.
    Forbidden,
    /// Nothing was written; the same request may pass later.
    NotSent,
    /// It may have been read by the other side.
    Sent,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SendFailure {
    pub stage: Stage,
    /// As the reference names it; shows the host, never a path or a query.
    pub failure: Failure,
}

impl SendFailure {
    pub(crate) fn forbidden(failure: Failure) -> SendFailure {
        SendFailure { stage: Stage::Forbidden, failure }
    }

    pub(crate) fn sent(failure: Failure) -> SendFailure {
        SendFailure { stage: Stage::Sent, failure }
    }

    fn not_sent(failure: Failure) -> SendFailure {
        SendFailure { stage: Stage::NotSent, failure }
    }

    pub(crate) fn read_timeout() -> SendFailure {
        SendFailure::sent(Failure::new("socket_timeout_exception", "Read timed out"))
    }

    pub(crate) fn no_connection() -> SendFailure {
        SendFailure::not_sent(Failure::new("connection_pool_timeout_exception", "Timeout waiting for connection from pool"))
    }

    /// Of an error while connecting, sending, or reading the answer.
    pub(crate) fn of(error: reqwest::Error, target: &Target) -> SendFailure {
        let error = error.without_url();
        let place = format!("{}:{}", target.host(), target.port());
        if let Some(forbidden) = find::<ForbiddenAddress>(&error) {
            return SendFailure::forbidden(Failure::new("exception", forbidden.to_string()));
        }
        if error.is_builder() {
            return SendFailure::forbidden(Failure::illegal_argument(innermost(&error)));
        }
        if error.is_dns() {
            return SendFailure::not_sent(Failure::new("unknown_host_exception", format!("{}: {}", target.host(), innermost(&error))));
        }
        if error.is_connect() {
            return SendFailure::not_sent(connect_failure(&error, &place));
        }
        if error.is_timeout() {
            return SendFailure::read_timeout();
        }
        SendFailure::sent(exchange_failure(&error, &place))
    }
}

fn connect_failure(error: &reqwest::Error, place: &str) -> Failure {
    if error.is_timeout() {
        return Failure::new("connect_timeout_exception", format!("Connect to {place} failed: connect timed out"));
    }
    if let Some(tls) = find::<rustls::Error>(error) {
        return Failure::new("s_s_l_handshake_exception", format!("TLS handshake with {place} failed: {tls}"));
    }
    Failure::new("connect_exception", format!("Connect to {place} failed: {}", innermost(error)))
}

fn exchange_failure(error: &reqwest::Error, place: &str) -> Failure {
    let kind = find::<io::Error>(error).map(io::Error::kind);
    match kind {
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted) => Failure::new("socket_exception", "Connection reset"),
        Some(io::ErrorKind::BrokenPipe) => Failure::new("socket_exception", "Broken pipe"),
        _ if innermost(error).contains("connection closed before message completed") => {
            Failure::new("no_http_response_exception", format!("{place} failed to respond"))
        }
        _ => Failure::new("i_o_exception", format!("no complete answer from {place}: {}", innermost(error))),
    }
}

/// The causes from the outside in, looking into I/O errors that wrap another.
fn causes<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'e (dyn StdError + 'static) = *error;
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref).map(|inner| inner as &(dyn StdError + 'static));
        wrapped.or_else(|| error.source())
    })
    .take(CAUSES_MAX)
}

fn find<T: StdError + 'static>(error: &reqwest::Error) -> Option<&T> {
    causes(error).find_map(|cause| cause.downcast_ref::<T>())
}

/// The text of the innermost cause, without the number that systems append.
fn innermost(error: &reqwest::Error) -> String {
    let text = causes(error).last().map(ToString::to_string).unwrap_or_default();
    match text.find(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}
