//! What administrators register beside indices: index templates, component templates, legacy templates, lifecycle policies.
//!
//! The registry is documents of one hidden index, read once and written through. Every change is durable before it counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{RwLock, RwLockReadGuard};
use watchbell_json::{Failure, Json, json};
use watchbell_store::{CreateIndex, Expect, StoreError, Write, WriteError};

use crate::problem::Problem;
use crate::rest::Rest;

/// Where the registry is kept.
const REGISTRY_INDEX: &str = ".watchbell-registry";

/// Documents read at a time.
const PAGE: usize = 500;

/// More entries of one kind are refused: every index that is made looks at all templates.
const ENTRIES_MAX: usize = 5000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    LegacyTemplate,
    ComponentTemplate,
    IndexTemplate,
    LifecyclePolicy,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::LegacyTemplate, Kind::ComponentTemplate, Kind::IndexTemplate, Kind::LifecyclePolicy];

    fn prefix(self) -> &'static str {
        match self {
            Kind::LegacyTemplate => "template",
            Kind::ComponentTemplate => "component_template",
            Kind::IndexTemplate => "index_template",
            Kind::LifecyclePolicy => "ilm_policy",
        }
    }
}

pub(crate) type Entries = BTreeMap<(Kind, String), Json>;

/// The registry in memory; empty and unread at first.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    loaded: bool,
    entries: Arc<Entries>,
}

impl Registry {
    /// All entries as they stand now.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn entries(&self, rest: &Rest) -> Result<Arc<Entries>, Problem> {
        {
            let state: RwLockReadGuard<'_, State> = self.state.read().await;
            if state.loaded {
                return Ok(Arc::clone(&state.entries));
            }
        }
        let mut state = self.state.write().await;
        load(&mut state, rest).await?;
        Ok(Arc::clone(&state.entries))
    }

    /// # Errors
    /// The store does not take it.
    pub(crate) async fn put(&self, rest: &Rest, kind: Kind, name: &str, value: Json) -> Result<(), Problem> {
        let mut state = self.state.write().await;
        load(&mut state, rest).await?;
        if state.entries.keys().filter(|(known, _)| *known == kind).count() >= ENTRIES_MAX {
            return Err(Problem::illegal_argument(format!("there are {ENTRIES_MAX} entries of this kind already")));
        }
        make_index(rest).await?;
        let document = json!({"kind": (kind.prefix()), "name": name, "body": (value.to_string())});
        rest.indices.write(Write::put(REGISTRY_INDEX, id(kind, name), Expect::Anything, document.to_string())).await.map_err(write_problem)?;
        Arc::make_mut(&mut state.entries).insert((kind, name.to_owned()), value);
        Ok(())
    }

    /// Removes entries, all or none of which must be there.
    ///
    /// # Errors
    /// The store does not take it.
    pub(crate) async fn remove(&self, rest: &Rest, kind: Kind, names: &[String]) -> Result<(), Problem> {
        let mut state = self.state.write().await;
        load(&mut state, rest).await?;
        for name in names {
            rest.indices.write(Write::delete(REGISTRY_INDEX, id(kind, name), Expect::Anything)).await.map_err(write_problem)?;
            Arc::make_mut(&mut state.entries).remove(&(kind, name.clone()));
        }
        Ok(())
    }
}

fn id(kind: Kind, name: &str) -> String {
    format!("{}/{name}", kind.prefix())
}

async fn load(state: &mut State, rest: &Rest) -> Result<(), Problem> {
    if state.loaded {
        return Ok(());
    }
    let mut entries = Entries::new();
    let mut after: Option<String> = None;
    loop {
        let page = rest.indices.scan(REGISTRY_INDEX, after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        for document in &page {
            match read_entry(&document.source) {
                Some((key, value)) => drop(entries.insert(key, value)),
                None => tracing::warn!(id = document.id, "an entry of the registry cannot be read"),
            }
        }
    }
    *state = State { loaded: true, entries: Arc::new(entries) };
    Ok(())
}

fn read_entry(source: &[u8]) -> Option<((Kind, String), Json)> {
    let document = Json::parse(source).ok()?;
    let prefix = document.get("kind")?.as_str()?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.prefix() == prefix)?;
    let value = Json::parse(document.get("body")?.as_str()?.as_bytes()).ok()?;
    Some(((kind, document.get("name")?.as_str()?.to_owned()), value))
}

/// The registry's index maps nothing: templates hold mappings, which are no data.
async fn make_index(rest: &Rest) -> Result<(), Problem> {
    let body = CreateIndex {
        settings: Some(json!({"index": {"number_of_replicas": 0, "hidden": true}})),
        mappings: Some(json!({"dynamic": false, "properties": {"kind": {"type": "keyword"}, "name": {"type": "keyword"}}})),
        aliases: None,
    };
    match rest.indices.create_index(REGISTRY_INDEX, body).await {
        Ok(()) => Ok(()),
        Err(StoreError::Refused(failure)) if failure.kind == "resource_already_exists_exception" => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn write_problem(error: WriteError) -> Problem {
    match error {
        WriteError::Refused(failure) => failure.into(),
        other => Problem::WithStatus(http::StatusCode::SERVICE_UNAVAILABLE, Failure::new("unavailable_shards_exception", other.to_string())),
    }
}
