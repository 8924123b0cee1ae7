//! What the handlers share, and the one way in: a request comes, is checked, routed, answered and rendered.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use watchbell_engine::Watcher;
use watchbell_store::Indices;
use watchbell_time::{Clock, Entropy};
use watchbell_watch::Generation;

use crate::access::Access;
use crate::elastic::Registry;
use crate::router::Router;

/// How the API presents itself and what it takes.
#[derive(Clone, Debug)]
pub struct RestSettings {
    /// Which error texts, shapes and version number are spoken.
    pub generation: Generation,
    pub cluster_name: String,
    pub node_name: String,
    /// The same after a restart; `None` makes one up.
    pub cluster_uuid: Option<String>,
    pub access: Access,
    /// `http.max_content_length`: a longer body is answered 413.
    pub max_content_length: usize,
    /// More connections than this wait to be accepted.
    pub max_connections: usize,
    /// What `_watchbell/health` shows beside the engine.
    pub introspection: Option<Arc<dyn crate::own::Introspection>>,
}

/// The reference's `http.max_content_length`.
pub const MAX_CONTENT_LENGTH: usize = 100 * 1024 * 1024;

/// A connection costs about 20 kB and a file handle; 1,024 handles is the usual limit of a process.
pub const MAX_CONNECTIONS: usize = 512;

impl Default for RestSettings {
    fn default() -> RestSettings {
        RestSettings {
            generation: Generation::default(),
            cluster_name: "watchbell".to_owned(),
            node_name: "watchbell".to_owned(),
            cluster_uuid: None,
            access: Access::default(),
            max_content_length: MAX_CONTENT_LENGTH,
            max_connections: MAX_CONNECTIONS,
            introspection: None,
        }
    }
}

/// The API over one store and, where it is enabled, Watcher.
#[derive(Debug)]
pub struct Rest {
    pub settings: RestSettings,
    pub indices: Arc<dyn Indices>,
    /// `None`: Watcher is disabled, its routes do not exist.
    pub watcher: Option<Watcher>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub(crate) router: Router,
    pub(crate) node_id: String,
    pub(crate) cluster_uuid: String,
    pub(crate) started_at_millis: i64,
    /// Where clients reach us, once a listener is bound.
    pub(crate) address: OnceLock<SocketAddr>,
    /// Templates and policies.
    pub(crate) registry: Registry,
    /// Indices that are known to exist, so that a write need not ask for a template again.
    pub(crate) made_indices: MadeIndices,
    /// Bytes of bodies being read or worked on.
    pub(crate) bytes_in_flight: AtomicUsize,
}

impl Rest {
    #[must_use]
    pub fn new(settings: RestSettings, indices: Arc<dyn Indices>, watcher: Option<Watcher>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Arc<Rest> {
        let mut router = Router::new();
        crate::elastic::routes(&mut router);
        crate::own::routes(&mut router);
        if watcher.is_some() {
            crate::watcher::routes(&mut router);
        }
        let node_id = short_id(&*entropy);
        let cluster_uuid = settings.cluster_uuid.clone().unwrap_or_else(|| short_id(&*entropy));
        let started_at_millis = clock.now().as_millisecond();
        Arc::new(Rest {
            settings,
            indices,
            watcher,
            clock,
            entropy,
            router,
            node_id,
            cluster_uuid,
            started_at_millis,
            address: OnceLock::new(),
            registry: Registry::default(),
            made_indices: MadeIndices::default(),
            bytes_in_flight: AtomicUsize::new(0),
        })
    }

    #[must_use]
    pub fn generation(&self) -> Generation {
        self.settings.generation
    }

    /// The version number that is claimed, `8.19.0`.
    #[must_use]
    pub fn version(&self) -> &'static str {
        self.settings.generation.version()
    }

    /// Milliseconds since `started`, for `took`.
    #[must_use]
    pub fn took(&self, started: Duration) -> i64 {
        i64::try_from(self.clock.elapsed().saturating_sub(started).as_millis()).unwrap_or(i64::MAX)
    }

    /// `127.0.0.1:9200`, for clients that sniff.
    #[must_use]
    pub fn publish_address(&self) -> String {
        self.address.get().map_or_else(|| "127.0.0.1:9200".to_owned(), ToString::to_string)
    }
}

/// An id as the reference makes them: 22 characters that fit a URL.
pub(crate) fn short_id(entropy: &dyn Entropy) -> String {
    use base64::Engine as _;
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// The id of a document that came without one: 20 characters.
pub(crate) fn document_id(entropy: &dyn Entropy) -> String {
    use base64::Engine as _;
    let mut bytes = [0; 15];
    entropy.fill(&mut bytes);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// Names of indices that exist, forgotten all at once when an index is deleted or there are too many.
#[derive(Debug, Default)]
pub(crate) struct MadeIndices(Mutex<HashSet<String>>);

/// More names than this are not remembered.
const MADE_INDICES_MAX: usize = 10_000;

impl MadeIndices {
    pub(crate) fn contains(&self, index: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(index)
    }

    pub(crate) fn add(&self, index: &str) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= MADE_INDICES_MAX {
            names.clear();
        }
        names.insert(index.to_owned());
    }

    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
