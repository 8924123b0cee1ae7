//! The reference store: everything in memory, nothing durable.
//!
//! It is the model that other stores are compared with, what the engine's tests run on, and what serves searches over
//! system indices. Nothing happens by itself: periodic refresh is the owner calling [`Indices::refresh`](crate::Indices),
//! so `Refresh::No` stays invisible until then, and `Refresh::WaitFor` refreshes at once.

mod administration;
mod documents;
mod index;
mod search;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use watchbell_json::{Failure, Json};
use watchbell_time::{Clock, Timestamp};

use crate::names::check_index_name;
use crate::search::{KnownIndex, Resolved, resolve, resolve_name};
use crate::system::system_index;
use crate::{CreateIndex, IndicesOptions, StoreError, WriteError};
use index::MemoryIndex;
pub use index::parse_aliases;

#[derive(Debug)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    indices: BTreeMap<String, MemoryIndex>,
    /// How many indices were ever made: their uuids come from it.
    made: u64,
}

impl MemoryStore {
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> MemoryStore {
        MemoryStore { clock, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Failure> for StoreError {
    /// A missing index has a variant of its own.
    fn from(failure: Failure) -> StoreError {
        match (&*failure.kind, failure.members.iter().find(|(name, _)| name == "index")) {
            ("index_not_found_exception", Some((_, Json::Str(name)))) => StoreError::NoIndex(name.to_string()),
            _ => StoreError::Refused(failure),
        }
    }
}

impl State {
    fn resolve(&self, expressions: &[String], options: &IndicesOptions, now: Timestamp) -> Result<Vec<Resolved>, StoreError> {
        let known: Vec<KnownIndex<'_>> =
            self.indices.values().map(|index| KnownIndex { name: &index.name, hidden: index.settings.hidden(), aliases: &index.aliases }).collect();
        Ok(resolve(expressions, options, &known, now)?)
    }

    fn aliased(&self, alias: &str) -> Vec<&MemoryIndex> {
        self.indices.values().filter(|index| index.aliases.get(alias).is_some()).collect()
    }

    /// The index that reads of single documents mean by a name.
    fn index_for_read(&self, name: &str) -> Result<Option<&MemoryIndex>, StoreError> {
        if let Some(index) = self.indices.get(name) {
            return Ok(Some(index));
        }
        let aliased = self.aliased(name);
        match aliased.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(*one)),
            several => {
                let names: Vec<&str> = several.iter().map(|index| index.name.as_str()).collect();
                let reason = format!("alias [{name}] has more than one index associated with it [{}], can't execute a single index op", names.join(", "));
                Err(StoreError::Refused(Failure::illegal_argument(reason)))
            }
        }
    }

    /// The index that a write goes to, made if it does not exist and may be.
    fn index_for_write(&mut self, name: &str, now: Timestamp, make: bool) -> Result<&mut MemoryIndex, WriteError> {
        let mut name = resolve_name(name, now).map_err(WriteError::Refused)?;
        if !self.indices.contains_key(&name) {
            match self.write_index(&name)? {
                Some(index) => name = index,
                None if make => self.make(&name, CreateIndex::default(), now).map_err(WriteError::Refused)?,
                None => {}
            }
        }
        self.indices.get_mut(&name).ok_or(WriteError::NoIndex(name))
    }

    fn write_index(&self, alias: &str) -> Result<Option<String>, WriteError> {
        let aliased = self.aliased(alias);
        let marked = aliased.iter().find(|index| index.aliases.at(&[alias, "is_write_index"]).and_then(Json::as_bool) == Some(true));
        match (marked, aliased.as_slice()) {
            (Some(index), _) => Ok(Some(index.name.clone())),
            (None, []) => Ok(None),
            (None, [one]) if one.aliases.at(&[alias, "is_write_index"]).is_none() => Ok(Some(one.name.clone())),
            _ => {
                let reason = format!(
                    "no write index is defined for alias [{alias}]. The write index may be explicitly disabled using is_write_index=false or the alias points to multiple indices without one being designated as a write index"
                );
                Err(WriteError::Refused(Failure::illegal_argument(reason)))
            }
        }
    }

    fn make(&mut self, name: &str, body: CreateIndex, now: Timestamp) -> Result<(), Failure> {
        check_index_name(name)?;
        if let Some(index) = self.indices.get(name) {
            let reason = format!("index [{name}/{}] already exists", index.uuid);
            return Err(Failure::new("resource_already_exists_exception", reason).with("index_uuid", index.uuid.as_str()).with("index", name));
        }
        if !self.aliased(name).is_empty() {
            let reason = format!("Invalid index name [{name}], already exists as alias");
            return Err(Failure::new("invalid_index_name_exception", reason).with("index_uuid", "_na_").with("index", name));
        }
        let body = system_index(name).unwrap_or(body);
        let uuid = format!("memory{:016}", self.made + 1);
        let index = MemoryIndex::new(name, uuid, now.as_millisecond(), &body)?;
        for alias in index.aliases.as_map().into_iter().flat_map(watchbell_json::Map::keys) {
            if self.indices.contains_key(alias) {
                let reason = format!("Invalid alias name [{alias}], an index exists with the same name as the alias");
                return Err(Failure::new("invalid_alias_name_exception", reason).with("index_uuid", "_na_").with("index", alias));
            }
        }
        self.made += 1;
        self.indices.insert(name.to_owned(), index);
        Ok(())
    }
}
