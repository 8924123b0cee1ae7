//! What the process knows of itself: the store, the clusters.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchbell_json::Json;
use watchbell_rest::own::{Introspection, Part, PartState};
use watchbell_store_embedded::{EmbeddedStore, StoreState};
use watchbell_store_remote::RemoteCluster;

#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) store: Arc<EmbeddedStore>,
    pub(crate) clusters: BTreeMap<String, Arc<RemoteCluster>>,
}

impl Introspection for Parts {
    fn parts(&self) -> Vec<Part> {
        let mut parts = vec![store_part(&self.store)];
        parts.extend(self.clusters.iter().map(|(name, cluster)| cluster_part(name, cluster)));
        parts
    }
}

fn store_part(store: &EmbeddedStore) -> Part {
    let health = store.health();
    let state = match health.state {
        StoreState::Well => PartState::Well,
        StoreState::Rebuilding => PartState::Impaired("an index is made again from its rows".to_owned()),
        StoreState::Stopped { reason } => PartState::Down(reason),
    };
    let bytes: u64 = health.files.iter().map(|(_, bytes)| bytes).sum();
    let waiting: u64 = health.unindexed_rows.iter().map(|(_, rows)| rows).sum();
    let detail = Json::object().with("indices", health.indices).with("bytes", bytes).with("unindexed_rows", waiting).with("rebuilds", health.rebuilds);
    Part { name: "store".to_owned(), state, detail }
}

fn cluster_part(name: &str, cluster: &RemoteCluster) -> Part {
    let state = match cluster.outage() {
        None => PartState::Well,
        // runs are recorded with the error and go on, so the process as a whole is not down
        Some((_, failure)) => PartState::Impaired(failure.reason_text().to_owned()),
    };
    Part { name: format!("cluster/{name}"), state, detail: Json::object() }
}
