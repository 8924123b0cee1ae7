//! One request, through its redirects, to its answer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;
use watchbell_json::Failure;
use watchbell_time::Clock;
use watchbell_watch::http_request::{HttpRequest, Proxy, Scheme};

use super::address::{ForbiddenAddress, GuardedResolver, Lookup};
use super::allow_list::AllowList;
use super::failure::SendFailure;
use super::message::{Extras, Outgoing};
use super::race::within;
use super::redirect::{Redirects, Trail};
use super::response::{HttpResponse, ReadLimits, read};
use super::settings::{HttpSettings, Trust};
use super::target::Target;

/// A connection unused for this long is closed. Common servers close theirs after 5 s, and a request written into a
/// connection that is closing has an unknown outcome.
const IDLE_CONNECTION_AGE: Duration = Duration::from_secs(4);

/// Idle connections kept to one host; the reference's pool holds 500 in all.
const IDLE_CONNECTIONS_PER_HOST: usize = 16;

/// Requests under way at a time, as many as the reference's pool has connections; more wait for the read time-out at most.
const REQUESTS_MAX: usize = 500;

/// How many combinations of connection time-out and proxy keep a client of their own; nearly all watches use the defaults.
const VARIANTS_MAX: usize = 8;

/// Sends requests and reads answers within the operator's limits.
pub struct HttpClient {
    settings: HttpSettings,
    allow_list: Mutex<Arc<AllowList>>,
    resolver: Arc<GuardedResolver>,
    clock: Arc<dyn Clock>,
    requests: Semaphore,
    variants: Mutex<VecDeque<(Variant, reqwest::Client)>>,
}

/// What the library fixes when a client is built.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Variant {
    connection_timeout: Duration,
    proxy: Option<String>,
    /// Whether connections are kept for the next request.
    pooled: bool,
    /// Reading the system's authorities takes time and memory, so only who needs them does.
    encrypted: bool,
}

impl Variant {
    fn for_target(&self, target: &Target) -> Variant {
        let encrypted = target.url().scheme() == "https" || self.proxy.as_ref().is_some_and(|proxy| proxy.starts_with("https:"));
        Variant { encrypted, ..self.clone() }
    }
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpClient").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl HttpClient {
    /// # Errors
    /// When the certificate authorities cannot be read.
    pub fn new(settings: HttpSettings, lookup: Arc<dyn Lookup>, clock: Arc<dyn Clock>) -> Result<HttpClient, Failure> {
        // another part of the process may have chosen already, which is as good
        drop(rustls::crypto::ring::default_provider().install_default());
        authorities(&settings.trust)?;
        let resolver = Arc::new(GuardedResolver { lookup, allow_link_local: settings.allow_link_local });
        let allow_list = Mutex::new(Arc::new(settings.allow_list.clone()));
        Ok(HttpClient { settings, allow_list, resolver, clock, requests: Semaphore::new(REQUESTS_MAX), variants: Mutex::default() })
    }

    /// `xpack.http.whitelist` changes while running.
    pub fn set_allow_list(&self, allow_list: AllowList) {
        *self.allow_list.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(allow_list);
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Sends a watch's request, ended within `deadline`.
    ///
    /// # Errors
    /// [`SendFailure`] when no complete answer came.
    pub(crate) async fn send(&self, request: &HttpRequest, extras: &Extras, redirects: Redirects, deadline: Duration) -> Result<HttpResponse, SendFailure> {
        let target = Target::of(request).map_err(SendFailure::forbidden)?;
        let outgoing = Outgoing::of(request, extras).map_err(SendFailure::forbidden)?;
        let limits = Limits {
            connect: millis(request.connection_timeout_millis).unwrap_or(self.settings.connection_timeout),
            read: millis(request.read_timeout_millis).unwrap_or(self.settings.read_timeout),
        };
        let proxy = match &request.proxy {
            Some(proxy) => Some(self.proxy_of_watch(proxy)?),
            None => self.settings.proxy.as_ref().map(proxy_url),
        };
        let variant = Variant { connection_timeout: limits.connect.min(deadline), proxy, pooled: redirects == Redirects::Follow, encrypted: false };
        let journey = self.travel(target, outgoing, variant, limits, redirects);
        within(self.clock.as_ref(), deadline, journey).await.unwrap_or_else(|| Err(SendFailure::read_timeout()))
    }

    /// Posts to a robot, whose host was checked when its account was made: no allow list, no redirect, no kept connection.
    ///
    /// # Errors
    /// [`SendFailure`] when no complete answer came.
    pub(crate) async fn post_json(&self, url: &str, body: Bytes, deadline: Duration) -> Result<HttpResponse, SendFailure> {
        let bad_url = |_| SendFailure::forbidden(Failure::illegal_argument("the address of the robot is no URL"));
        let target = Target::from_url(reqwest::Url::parse(url).map_err(bad_url)?).map_err(SendFailure::forbidden)?;
        self.check_literal(&target)?;
        let limits = Limits { connect: self.settings.connection_timeout, read: self.settings.read_timeout };
        let proxy = self.settings.proxy.as_ref().map(proxy_url);
        let variant = Variant { connection_timeout: limits.connect.min(deadline), proxy, pooled: false, encrypted: false };
        let client = self.client(variant.for_target(&target)).map_err(SendFailure::forbidden)?;
        let exchange = async { self.exchange(&client, &target, &Outgoing::json(body), limits).await };
        within(self.clock.as_ref(), deadline, exchange).await.unwrap_or_else(|| Err(SendFailure::read_timeout()))
    }

    async fn travel(
        &self,
        mut target: Target,
        mut outgoing: Outgoing,
        variant: Variant,
        limits: Limits,
        redirects: Redirects,
    ) -> Result<HttpResponse, SendFailure> {
        self.check_host(&target)?;
        let mut trail = Trail::default();
        loop {
            trail.step(&target)?;
            let client = self.client(variant.for_target(&target)).map_err(SendFailure::forbidden)?;
            let response = self.exchange(&client, &target, &outgoing, limits).await?;
            if !redirects.follows(response.status, &outgoing.method) {
                return Ok(response);
            }
            let Some(location) = response.header("location") else { return Ok(response) };
            let next = target.join(location).map_err(SendFailure::forbidden)?;
            self.check_redirect(&next)?;
            if next.origin() != target.origin() {
                outgoing.drop_credentials();
            }
            if response.status == 303 {
                outgoing = outgoing.into_get();
            }
            target = next;
        }
    }

    async fn exchange(&self, client: &reqwest::Client, target: &Target, outgoing: &Outgoing, limits: Limits) -> Result<HttpResponse, SendFailure> {
        let _turn = within(self.clock.as_ref(), limits.read, self.requests.acquire()).await.ok_or_else(SendFailure::no_connection)?;
        let mut request = client.request(outgoing.method.clone(), target.url().clone()).headers(outgoing.headers.clone());
        if let Some(body) = &outgoing.body {
            request = request.body(body.clone());
        }
        let answered = within(self.clock.as_ref(), limits.connect.saturating_add(limits.read), request.send());
        let response = answered.await.ok_or_else(SendFailure::read_timeout)?.map_err(|error| SendFailure::of(error, target))?;
        let read_limits = ReadLimits { silence: limits.read, bytes: self.settings.max_response_bytes };
        read(&self.clock, read_limits, target, response).await
    }

    fn allow_list(&self) -> Arc<AllowList> {
        self.allow_list.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn check_host(&self, target: &Target) -> Result<(), SendFailure> {
        let origin = target.origin();
        if !self.allow_list().allows(&origin) {
            return Err(not_allowed(&origin, "connect"));
        }
        self.check_literal(target)
    }

    fn check_redirect(&self, target: &Target) -> Result<(), SendFailure> {
        if !self.allow_list().allows(target.url().as_str()) {
            return Err(not_allowed(&target.without_query(), "redirect"));
        }
        self.check_literal(target)
    }

    fn check_literal(&self, target: &Target) -> Result<(), SendFailure> {
        match target.forbidden_literal().filter(|_| !self.settings.allow_link_local) {
            Some(forbidden) => Err(SendFailure::forbidden(forbidden_failure(&forbidden))),
            None => Ok(()),
        }
    }

    /// A proxy is connected to as a target is: one that a watch names must not be a way to what no watch may reach.
    fn proxy_of_watch(&self, proxy: &Proxy) -> Result<String, SendFailure> {
        let target = Target::of_proxy(proxy).map_err(SendFailure::forbidden)?;
        self.check_literal(&target)?;
        Ok(target.origin())
    }

    fn client(&self, variant: Variant) -> Result<reqwest::Client, Failure> {
        let mut variants = self.variants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = variants.iter().find(|(known, _)| *known == variant) {
            return Ok(client.clone());
        }
        let client = self.build(&variant)?;
        if variants.len() >= VARIANTS_MAX {
            variants.pop_front();
        }
        variants.push_back((variant, client.clone()));
        Ok(client)
    }

    fn build(&self, variant: &Variant) -> Result<reqwest::Client, Failure> {
        let builder = || -> Result<reqwest::ClientBuilder, Failure> {
            let mut builder = reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .http1_only()
                .referer(false)
                .dns_resolver(self.resolver.clone())
                .connect_timeout(variant.connection_timeout)
                .pool_idle_timeout(IDLE_CONNECTION_AGE)
                .pool_max_idle_per_host(if variant.pooled { IDLE_CONNECTIONS_PER_HOST } else { 0 });
            if !self.settings.tcp_keep_alive {
                builder = builder.tcp_keepalive(None);
            }
            if let Some(proxy) = &variant.proxy {
                builder = builder.proxy(reqwest::Proxy::all(proxy).map_err(|_| Failure::illegal_argument("the proxy is no valid address"))?);
            }
            Ok(builder)
        };
        let built = match authorities(&self.settings.trust)? {
            _ if !variant.encrypted => builder()?.tls_certs_only([]).build(),
            Some(certificates) => builder()?.tls_certs_only(certificates).build(),
            None if matches!(self.settings.trust, Trust::Anyone) => builder()?.tls_danger_accept_invalid_certs(true).build(),
            // a small container has no authorities at all: HTTP must go on working there, and HTTPS fail with its own words
            None => match builder()?.build() {
                Ok(client) => Ok(client),
                Err(_) => builder()?.tls_certs_only([]).build(),
            },
        };
        built.map_err(|error| Failure::illegal_state(format!("the HTTP client cannot be built: {}", error.without_url())))
    }
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    connect: Duration,
    read: Duration,
}

fn millis(millis: Option<i64>) -> Option<Duration> {
    millis.and_then(|millis| u64::try_from(millis).ok()).filter(|millis| *millis > 0).map(Duration::from_millis)
}

fn proxy_url(proxy: &Proxy) -> String {
    let scheme = match proxy.scheme {
        Some(Scheme::Https) => "https",
        Some(Scheme::Http) | None => "http",
    };
    format!("{scheme}://{}:{}", proxy.host, proxy.port)
}

fn authorities(trust: &Trust) -> Result<Option<Vec<reqwest::Certificate>>, Failure> {
    match trust {
        Trust::System | Trust::Anyone => Ok(None),
        Trust::Authorities(pem) => match reqwest::Certificate::from_pem_bundle(pem) {
            Ok(certificates) if !certificates.is_empty() => Ok(Some(certificates)),
            Ok(_) | Err(_) => Err(Failure::new("settings_exception", "the certificate authorities hold no PEM certificate")),
        },
    }
}

fn not_allowed(place: &str, verb: &str) -> SendFailure {
    let reason = format!("host [{place}] is not whitelisted in setting [xpack.http.whitelist], will not {verb}");
    SendFailure::forbidden(Failure::new("exception", reason))
}

fn forbidden_failure(forbidden: &ForbiddenAddress) -> Failure {
    Failure::new("exception", forbidden.to_string())
}
