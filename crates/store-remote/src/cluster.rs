//! The cluster as the rest of the crate sees it: calls, and what it speaks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use watchbell_json::{Failure, Json};
use watchbell_time::Clock;

use crate::dialect::{Dialect, Product};
use crate::documents::IndexTypes;
use crate::errors::failure_of;
use crate::settings::{ClusterSettings, SettingsError};
use crate::together::Together;
use crate::transport::{Answer, Body, Call, CallError, Transport};

/// How long a call waits that brings no deadline of its own; the engines' own default for a write.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// One cluster over HTTP. Nothing is sent before the first call.
#[derive(Debug)]
pub struct RemoteCluster {
    transport: Arc<Transport>,
    /// Known after the first call that needs it, and good until the next outage: a cluster may come back upgraded.
    dialect: Mutex<Option<Known>>,
    /// Held while the version is asked for, so that it is asked once.
    asking: tokio::sync::Mutex<()>,
    pub(crate) types: IndexTypes,
    pub(crate) together: Together,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    dialect: Dialect,
    /// How many outages there had been.
    outages: u64,
}

/// Who a cluster says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterIdentity {
    /// `elasticsearch` or `opensearch`.
    pub product: &'static str,
    pub version: String,
    pub cluster_name: Option<String>,
}

impl RemoteCluster {
    /// # Errors
    /// [`SettingsError`]; whether the cluster answers shows later.
    pub fn new(settings: &ClusterSettings, clock: Arc<dyn Clock>) -> Result<RemoteCluster, SettingsError> {
        let transport = Arc::new(Transport::new(settings, clock)?);
        Ok(RemoteCluster {
            transport,
            dialect: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            types: IndexTypes::default(),
            together: Together::default(),
        })
    }

    /// Asks the cluster who it is.
    ///
    /// # Errors
    /// Its exception, or why it does not answer.
    pub async fn identify(&self) -> Result<ClusterIdentity, Failure> {
        let answer = self.root().await.map_err(without_stage)?;
        let root = Json::parse(&answer.body).ok().filter(|_| answer.is_success());
        let Some((root, dialect)) = root.and_then(|root| Dialect::of(&root).map(|dialect| (root, dialect))) else {
            return Err(failure_of(answer.status, &answer.body));
        };
        self.remember(dialect);
        let text = |path: &[&str]| root.at(path).and_then(Json::as_str).map(ToOwned::to_owned);
        Ok(ClusterIdentity {
            product: match dialect.product {
                Product::Elasticsearch => "elasticsearch",
                Product::OpenSearch => "opensearch",
            },
            version: text(&["version", "number"]).unwrap_or_default(),
            cluster_name: text(&["cluster_name"]),
        })
    }

    /// Why the cluster does not answer, and since when (`Clock::elapsed`), if its last call failed so.
    #[must_use]
    pub fn outage(&self) -> Option<(Duration, Failure)> {
        self.transport.outage().state()
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        self.transport.clock()
    }

    pub(crate) fn transport(&self) -> &Arc<Transport> {
        &self.transport
    }

    pub(crate) async fn call(&self, call: Call) -> Result<Answer, CallError> {
        self.transport.call_within(call, CALL_TIMEOUT).await
    }

    /// What the cluster speaks, asked for once.
    pub(crate) async fn dialect(&self) -> Result<Dialect, CallError> {
        if let Some(dialect) = self.known_dialect() {
            return Ok(dialect);
        }
        let _asking = self.asking.lock().await;
        if let Some(dialect) = self.known_dialect() {
            return Ok(dialect);
        }
        let answer = self.root().await?;
        let read = Json::parse(&answer.body).ok().filter(|_| answer.is_success()).as_ref().and_then(Dialect::of);
        match (read, answer.status) {
            (Some(dialect), _) => Ok(self.remember(dialect)),
            // may write, but not ask who answers
            (None, 403) => Ok(self.remember(Dialect::assumed(answer.says_elasticsearch))),
            // the call itself will be refused too, in the cluster's own words
            (None, 401) => Ok(Dialect::assumed(answer.says_elasticsearch)),
            (None, status) => Err(CallError::NotSent(failure_of(status, &answer.body))),
        }
    }

    fn known_dialect(&self) -> Option<Dialect> {
        let outages = self.transport.outage().begun();
        self.dialect.lock().unwrap_or_else(PoisonError::into_inner).filter(|known| known.outages == outages).map(|known| known.dialect)
    }

    fn remember(&self, dialect: Dialect) -> Dialect {
        let known = Known { dialect, outages: self.transport.outage().begun() };
        *self.dialect.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        dialect
    }

    async fn root(&self) -> Result<Answer, CallError> {
        self.call(Call::read(Method::GET, "/", Body::None)).await
    }
}

pub(crate) fn without_stage(error: CallError) -> Failure {
    match error {
        CallError::NotSent(failure) | CallError::Sent(failure) | CallError::TooLarge(failure) => failure,
    }
}
