//! One call to the cluster, over whichever of its hosts answers.
//!
//! A call that only reads is tried at every host; a call that writes goes on to the next host only if nothing was written to
//! the one before, so that a write is never made twice behind the caller's back.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method};
use reqwest::Url;
use tokio::sync::Semaphore;
use watchbell_json::Failure;
use watchbell_time::Clock;

use crate::errors::failure_of;
use crate::outage::{Change, Outage};
use crate::settings::{ClusterSettings, Credentials, SettingsError, parse_host};

/// Connections to one cluster at a time. The rest wait in the order they came; a cluster's search queue is 1,000 for all its
/// callers, and watches are not the only ones.
const CONNECTIONS_MAX: usize = 32;

/// A host of one's own network that does not take a connection by then is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a host may take to say who it is before the cluster is held for down.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Idle connections close before the balancers in front of clusters (60 s) do it for us.
const IDLE_CONNECTION_AGE: Duration = Duration::from_secs(30);

/// Notices a dead peer behind an idle connection.
const TCP_KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Largest answer after decompression. A page of 10,000 hits of 2 KB is 20 MB.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Deepest chain of an error's causes that is looked through.
const CAUSES_MAX: usize = 16;

const AGENT: &str = concat!("Watchbell/", env!("CARGO_PKG_VERSION"));
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");

#[derive(Clone, Debug)]
pub(crate) enum Body {
    None,
    Json(Bytes),
    Ndjson(Bytes),
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// From the root, encoded, with the query.
    pub(crate) path: String,
    pub(crate) body: Body,
    /// Changes nothing, so that it may be made twice.
    pub(crate) reads: bool,
}

impl Call {
    pub(crate) fn read(method: Method, path: impl Into<String>, body: Body) -> Call {
        Call { method, path: path.into(), body, reads: true }
    }

    pub(crate) fn write(method: Method, path: impl Into<String>, body: Body) -> Call {
        Call { method, path: path.into(), body, reads: false }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) says_elasticsearch: bool,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        self.status < 300
    }

    /// What a gateway says for a cluster that it does not reach, and a cluster that cannot work.
    fn speaks_of_an_outage(&self) -> bool {
        matches!(self.status, 502..=504)
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CallError {
    /// Nothing was written to any host.
    NotSent(Failure),
    /// The cluster may have read the call.
    Sent(Failure),
    /// It answered with more than is read.
    TooLarge(Failure),
}

pub(crate) struct Transport {
    name: String,
    hosts: Vec<Url>,
    /// The host that answered last is asked first.
    preferred: AtomicUsize,
    headers: HeaderMap,
    client: reqwest::Client,
    connections: Semaphore,
    outage: Outage,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hosts: Vec<String> = self.hosts.iter().map(place).collect();
        f.debug_struct("Transport").field("name", &self.name).field("hosts", &hosts).finish_non_exhaustive()
    }
}

impl Transport {
    pub(crate) fn new(settings: &ClusterSettings, clock: Arc<dyn Clock>) -> Result<Transport, SettingsError> {
        // another part of the process may have chosen already, which is as good
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut hosts = Vec::new();
        let mut in_address: Option<Credentials> = None;
        for (position, text) in settings.hosts.iter().enumerate() {
            let host = parse_host(text).map_err(|why| SettingsError::BadHost { position, why })?;
            in_address = in_address.or(host.credentials);
            hosts.push(host.base);
        }
        if hosts.is_empty() {
            return Err(SettingsError::NoHosts);
        }
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let credentials = settings.credentials.authorization().or_else(|| in_address.as_ref().and_then(Credentials::authorization));
        if let Some(value) = credentials {
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Transport {
            name: settings.name.clone(),
            preferred: AtomicUsize::new(0),
            headers,
            client: client(settings, hosts.iter().any(|host| host.scheme() == "https"))?,
            hosts,
            connections: Semaphore::new(CONNECTIONS_MAX),
            outage: Outage::default(),
            clock,
        })
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub(crate) fn outage(&self) -> &Outage {
        &self.outage
    }

    /// One call, within a limit. What was not answered by then may have been read.
    pub(crate) async fn call_within(&self, call: Call, limit: Duration) -> Result<Answer, CallError> {
        self.within(limit, self.call(call)).await.unwrap_or_else(|| Err(CallError::Sent(self.too_late(limit))))
    }

    /// A call did not end in its time: it may be slow, or the cluster takes calls and answers none. The next call asks first.
    pub(crate) fn too_late(&self, limit: Duration) -> Failure {
        self.outage.suspect();
        Failure::new("timeout_exception", format!("cluster [{}] did not answer within [{}ms]", self.name, limit.as_millis()))
    }

    pub(crate) async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        match select(pin!(work), self.clock.sleep(limit)).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(((), _)) => None,
        }
    }

    pub(crate) async fn call(&self, call: Call) -> Result<Answer, CallError> {
        if self.outage.is_doubtful() {
            self.find_back().await?;
        }
        let Ok(_connection) = self.connections.acquire().await else {
            return Err(CallError::NotSent(Failure::illegal_state("the cluster's connections are closed")));
        };
        let result = self.attempt(&call).await;
        match &result {
            Ok(answer) if !answer.speaks_of_an_outage() => self.answered(),
            Err(CallError::TooLarge(_)) => self.answered(),
            Err(CallError::NotSent(failure)) => self.failed(failure),
            // a call may break off by itself; what stands before a dead cluster breaks every call, or answers for it
            Ok(_) | Err(CallError::Sent(_)) => {
                if let Err(failure) = self.probe().await {
                    self.failed(&failure);
                }
            }
        }
        result
    }

    /// Ends the outage if the cluster answers. The one that asks lets the others wait only for this small question, not for
    /// its own call.
    async fn find_back(&self) -> Result<(), CallError> {
        let _turn = self.outage.turn().await;
        if !self.outage.is_doubtful() {
            return Ok(());
        }
        if let Some(failure) = self.outage.recent(self.clock.elapsed()) {
            return Err(CallError::NotSent(failure));
        }
        match self.probe().await {
            Ok(()) => {
                self.answered();
                Ok(())
            }
            Err(failure) => {
                self.failed(&failure);
                Err(CallError::NotSent(failure))
            }
        }
    }

    /// Whether any host answers anything but for another.
    async fn probe(&self) -> Result<(), Failure> {
        let root = Call::read(Method::GET, "/", Body::None);
        let mut last = Failure::illegal_state("no host");
        for host in &self.hosts {
            last = match self.within(PROBE_TIMEOUT, self.exchange(host, &root)).await {
                Some(Ok(answer)) if answer.speaks_of_an_outage() => failure_of(answer.status, &answer.body),
                Some(Ok(_) | Err(CallError::TooLarge(_))) => return Ok(()),
                Some(Err(CallError::NotSent(failure) | CallError::Sent(failure))) => failure,
                None => Failure::new("socket_timeout_exception", "Read timed out"),
            };
        }
        Err(last)
    }

    async fn attempt(&self, call: &Call) -> Result<Answer, CallError> {
        let first = self.preferred.load(Ordering::Relaxed);
        let mut last = CallError::NotSent(Failure::illegal_state("no host"));
        // one host is asked twice when it only reads: a kept connection may have been closed under the request
        let rounds = if call.reads { self.hosts.len().max(2) } else { self.hosts.len() };
        for round in 0..rounds {
            let at = (first + round) % self.hosts.len();
            let Some(host) = self.hosts.get(at) else { break };
            match self.exchange(host, call).await {
                Ok(answer) => {
                    self.preferred.store(at, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(error @ CallError::TooLarge(_)) => return Err(error),
                Err(error @ CallError::Sent(_)) if !call.reads => return Err(error),
                Err(error @ CallError::Sent(_)) => last = error,
                Err(error @ CallError::NotSent(_)) => {
                    last = error;
                    if round + 1 >= self.hosts.len() {
                        break;
                    }
                }
            }
        }
        Err(last)
    }

    fn answered(&self) {
        if let Change::Ended { after } = self.outage.answered(self.clock.elapsed()) {
            tracing::info!(cluster = %self.name, seconds = after.as_secs(), "the cluster answers again");
        }
    }

    fn failed(&self, failure: &Failure) {
        if self.outage.failed(self.clock.elapsed(), failure) == Change::Began {
            tracing::error!(cluster = %self.name, %failure, "the cluster does not answer; further failures are not logged until it does");
        }
    }

    async fn exchange(&self, host: &Url, call: &Call) -> Result<Answer, CallError> {
        let prefix = host.as_str().trim_end_matches('/');
        let url = Url::parse(&format!("{prefix}{}", call.path)).map_err(|error| CallError::NotSent(Failure::illegal_argument(error.to_string())))?;
        let mut request = self.client.request(call.method.clone(), url).headers(self.headers.clone());
        request = match &call.body {
            Body::None => request,
            Body::Json(bytes) => request.header(CONTENT_TYPE, JSON).body(bytes.clone()),
            Body::Ndjson(bytes) => request.header(CONTENT_TYPE, NDJSON).body(bytes.clone()),
        };
        let mut response = request.send().await.map_err(|error| call_error(error, host))?;
        let status = response.status().as_u16();
        let says_elasticsearch = response.headers().get("x-elastic-product").is_some_and(|value| value == "Elasticsearch");
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| call_error(error, host))? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                let reason = format!("the answer is larger than the maximum of [{ANSWER_BYTES_MAX}] bytes");
                return Err(CallError::TooLarge(Failure::new("content_too_long_exception", reason)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, says_elasticsearch, body: body.freeze() })
    }
}

fn client(settings: &ClusterSettings, encrypted: bool) -> Result<reqwest::Client, SettingsError> {
    let authorities = match &settings.ca {
        None => None,
        Some(pem) => match reqwest::Certificate::from_pem_bundle(pem) {
            Ok(certificates) if !certificates.is_empty() => Some(certificates),
            Ok(_) | Err(_) => return Err(SettingsError::BadAuthorities),
        },
    };
    let builder = || {
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_CONNECTION_AGE)
            .pool_max_idle_per_host(CONNECTIONS_MAX)
            .tcp_keepalive(TCP_KEEP_ALIVE)
    };
    let built = match (authorities, settings.insecure) {
        // reading the system's authorities takes time and memory
        _ if !encrypted => builder().tls_certs_only([]).build(),
        (_, true) => builder().tls_danger_accept_invalid_certs(true).build(),
        (Some(certificates), false) => builder().tls_certs_only(certificates).build(),
        // a small container has no authorities at all: HTTP must go on working there, and HTTPS fail with its own words
        (None, false) => builder().build().or_else(|_| builder().tls_certs_only([]).build()),
    };
    built.map_err(|error| SettingsError::Client(error.without_url().to_string()))
}

/// `host:port`, for people.
fn place(host: &Url) -> String {
    format!("{}:{}", host.host_str().unwrap_or_default(), host.port_or_known_default().unwrap_or_default())
}

/// The client's error as the engines' Java client would name it. Its own text names the URL, so it is not used.
fn call_error(error: reqwest::Error, host: &Url) -> CallError {
    let error = error.without_url();
    let place = place(host);
    if error.is_builder() {
        return CallError::NotSent(Failure::illegal_argument(innermost(&error)));
    }
    if error.is_dns() {
        return CallError::NotSent(Failure::new("unknown_host_exception", format!("{}: {}", host.host_str().unwrap_or_default(), innermost(&error))));
    }
    if error.is_connect() {
        let failure = match find::<rustls::Error>(&error) {
            _ if error.is_timeout() => Failure::new("connect_timeout_exception", format!("Connect to {place} failed: connect timed out")),
            Some(tls) => Failure::new("s_s_l_handshake_exception", format!("TLS handshake with {place} failed: {tls}")),
            None => Failure::new("connect_exception", format!("Connect to {place} failed: {}", innermost(&error))),
        };
        return CallError::NotSent(failure);
    }
    if error.is_timeout() {
        return CallError::Sent(Failure::new("socket_timeout_exception", "Read timed out"));
    }
    match find::<io::Error>(&error).map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted) => CallError::Sent(Failure::new("socket_exception", "Connection reset")),
        _ => CallError::Sent(Failure::new("i_o_exception", format!("no complete answer from {place}: {}", innermost(&error)))),
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

fn innermost(error: &reqwest::Error) -> String {
    let text = causes(error).last().map(ToString::to_string).unwrap_or_default();
    match text.find(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}
