//! The clusters that watches search: `watchbell.clusters.<name>.*`, or the embedded store when none is the default.
//!
//! A watch names another cluster than the default by `"<name>:index"`; all indices of one search are on one cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchbell_json::{Failure, Json};
use watchbell_store::{IndexTarget, Search, SearchRequest, StoreError};
use watchbell_store_remote::{ClusterSettings, Credentials, RemoteCluster};
use watchbell_time::Clock;

use crate::settings::{Cluster, SettingsError};

/// The name of the cluster that is meant when a watch names none.
pub(crate) const DEFAULT: &str = "default";

/// Searches by cluster name; what is not named goes to the default.
#[derive(Debug)]
pub(crate) struct Clusters {
    default: Arc<dyn Search>,
    named: BTreeMap<String, Arc<RemoteCluster>>,
}

/// Every configured cluster, ready to be asked; none is contacted yet.
pub(crate) fn connect(clusters: &BTreeMap<String, Cluster>, clock: &Arc<dyn Clock>) -> Result<BTreeMap<String, Arc<RemoteCluster>>, SettingsError> {
    let connect = |(name, cluster): (&String, &Cluster)| {
        let setting = |member: &str| format!("watchbell.clusters.{name}.{member}");
        let ca = match &cluster.tls.ca {
            None => None,
            Some(path) => {
                Some(std::fs::read(path).map_err(|error| SettingsError::invalid(&setting("ca"), format!("cannot read {}: {error}", path.display())))?)
            }
        };
        let settings = ClusterSettings {
            name: name.clone(),
            hosts: cluster.hosts.clone(),
            credentials: credentials(cluster).map_err(|error| SettingsError::invalid(&setting("password"), error))?,
            ca,
            insecure: cluster.tls.insecure,
        };
        let remote = RemoteCluster::new(&settings, clock.clone()).map_err(|error| SettingsError::invalid(&setting("hosts"), error.to_string()))?;
        Ok((name.clone(), Arc::new(remote)))
    };
    clusters.iter().map(connect).collect()
}

fn credentials(cluster: &Cluster) -> Result<Credentials, String> {
    let made = match (&cluster.api_key, &cluster.username, &cluster.password) {
        (Some(key), None, None) => Credentials::api_key(key),
        (Some(_), _, _) => return Err("api_key and username/password exclude each other".to_owned()),
        (None, Some(username), password) => Credentials::basic(username, password.as_deref().unwrap_or_default()),
        (None, None, Some(_)) => return Err("a password needs a username".to_owned()),
        (None, None, None) => return Ok(Credentials::none()),
    };
    made.map_err(|error| error.to_string())
}

impl Clusters {
    /// `embedded` is searched where no cluster is named `default`.
    pub(crate) fn new(embedded: Arc<dyn Search>, named: BTreeMap<String, Arc<RemoteCluster>>) -> Clusters {
        let default = named.get(DEFAULT).map_or(embedded, |remote| remote.clone() as Arc<dyn Search>);
        Clusters { default, named }
    }
}

/// Where index actions write: the default, and the named clusters.
pub(crate) fn index_targets(
    embedded: Arc<dyn IndexTarget>,
    named: &BTreeMap<String, Arc<RemoteCluster>>,
) -> (Arc<dyn IndexTarget>, BTreeMap<String, Arc<dyn IndexTarget>>) {
    let target = |remote: &Arc<RemoteCluster>| remote.clone() as Arc<dyn IndexTarget>;
    let default = named.get(DEFAULT).map_or(embedded, target);
    (default, named.iter().map(|(name, remote)| (name.clone(), target(remote))).collect())
}

#[async_trait::async_trait]
impl Search for Clusters {
    async fn search(&self, mut request: SearchRequest) -> Result<Json, StoreError> {
        let mut clusters: Vec<&str> = request.indices.iter().map(|index| self.cluster_of(index)).collect();
        clusters.dedup();
        match clusters.as_slice() {
            [] | [DEFAULT] => self.default.search(request).await,
            [one] => {
                let remote = self.named.get(*one).cloned();
                request.indices = request.indices.iter().map(|index| index.split_once(':').map_or(index.as_str(), |(_, name)| name).to_owned()).collect();
                match remote {
                    Some(remote) => remote.search(request).await,
                    None => self.default.search(request).await,
                }
            }
            _ => Err(StoreError::Refused(Failure::illegal_argument(format!("one search goes to one cluster, not to [{}]", clusters.join(", "))))),
        }
    }
}

impl Clusters {
    /// The configured cluster that an index expression names, else the default: a colon may mean a cluster of the cluster's own.
    fn cluster_of<'a>(&self, index: &'a str) -> &'a str {
        index.split_once(':').map(|(cluster, _)| cluster).filter(|cluster| self.named.contains_key(*cluster)).unwrap_or(DEFAULT)
    }
}
