//! Which indices there are. The table in the state file is the truth; this is its image in memory.
//!
//! A definition is durable before the first row that needs it: changes go through the state file's writer and return after its
//! commit. An index is deleted by one commit here; its rows and files go afterwards, and are listed until they are gone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rusqlite::{Connection, params};
use watchbell_json::Json;
use watchbell_store::WriteError;
use watchbell_store::mapping::Mapping;
use watchbell_store::settings::IndexSettings;
use watchbell_time::{Entropy, SeededEntropy};

use crate::file::DataFile;
use crate::index::{Definition, Index, IndexParts};
use crate::placement::{Kind, STATE_FILE, file_of};

/// Letters of an index's uuid, as Elasticsearch's are (22 letters of base 64).
const UUID_LETTERS: usize = 22;

pub(crate) struct Catalogue {
    state: Arc<DataFile>,
    entropy: SeededEntropy,
    indices: RwLock<BTreeMap<Arc<str>, Arc<Index>>>,
    /// Held while an index is made or deleted; holds the next number.
    changing: Mutex<i64>,
}

/// What is left of deleted indices.
#[derive(Debug)]
pub(crate) enum Remains {
    File(String),
    Tables(i64, String),
}

pub(crate) fn create_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS indices (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, uuid TEXT NOT NULL, created INTEGER NOT NULL,
             file TEXT NOT NULL, settings TEXT NOT NULL, mapping TEXT NOT NULL, aliases TEXT NOT NULL);
         CREATE TABLE IF NOT EXISTS next_number (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL);
         INSERT OR IGNORE INTO next_number VALUES (1, 1);
         CREATE TABLE IF NOT EXISTS remains (number INTEGER PRIMARY KEY, file TEXT NOT NULL, whole INTEGER NOT NULL);",
    )
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
}

fn parse(text: &str) -> rusqlite::Result<Json> {
    Json::parse(text.as_bytes()).map_err(unreadable)
}

fn load(connection: &Connection) -> rusqlite::Result<Vec<IndexParts>> {
    let mut statement = connection.prepare("SELECT number, name, uuid, created, file, settings, mapping, aliases FROM indices")?;
    let rows = statement.query_map([], |row| {
        let text = |at: usize| -> rusqlite::Result<Json> { parse(&row.get::<_, String>(at)?) };
        let (given_settings, mapping) = (text(5)?, Mapping::parse(&text(6)?).map_err(unreadable)?);
        let settings = IndexSettings::parse(Some(&given_settings)).map_err(unreadable)?;
        let definition = Definition { given_settings, settings, mapping, aliases: text(7)? };
        Ok(IndexParts { number: row.get(0)?, name: row.get(1)?, uuid: row.get(2)?, created_millis: row.get(3)?, file: row.get(4)?, definition })
    })?;
    rows.collect()
}

impl Catalogue {
    /// Blocks.
    pub(crate) fn open(state: Arc<DataFile>, seed: u64) -> rusqlite::Result<Catalogue> {
        let created = state.writer.change_blocking(Box::new(create_tables));
        let (parts, number) = state.read_consistently(|connection| {
            let number = connection.query_row("SELECT number FROM next_number", [], |row| row.get::<_, i64>(0))?;
            Ok((load(connection)?, number))
        })?;
        if let Err(error) = created {
            tracing::warn!(%error, "the catalogue could not be prepared");
        }
        let indices: BTreeMap<Arc<str>, Arc<Index>> = parts.into_iter().map(Index::new).map(|index| (index.name.clone(), Arc::new(index))).collect();
        for index in indices.values().filter(|index| index.kind == Kind::State) {
            state.introduce(index);
        }
        // a folder that is copied and goes on must not give the same ids again
        let entropy = SeededEntropy::new(seed ^ number.unsigned_abs());
        Ok(Catalogue { state, entropy, indices: RwLock::new(indices), changing: Mutex::new(number) })
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<Index>> {
        self.indices.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All, in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<Index>> {
        self.indices.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn uuid(&self) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut bytes = [0; UUID_LETTERS];
        self.entropy.fill(&mut bytes);
        bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte & 63)])).collect()
    }

    /// Makes an index unless it is there; says whether it was made. Blocks.
    pub(crate) fn create(&self, name: &str, definition: Definition, created_millis: i64) -> Result<(Arc<Index>, bool), WriteError> {
        let mut next = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = self.get(name) {
            return Ok((index, false));
        }
        let number = *next;
        let parts = IndexParts { number, name: name.to_owned(), uuid: self.uuid(), created_millis, file: self.file_for(name, number), definition };
        let row = parts.clone();
        self.state.writer.change_blocking(Box::new(move |connection| {
            connection.execute("UPDATE next_number SET number = ?1", [row.number + 1])?;
            connection.execute(
                "INSERT INTO indices (number, name, uuid, created, file, settings, mapping, aliases) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    row.number,
                    row.name,
                    row.uuid,
                    row.created_millis,
                    row.file,
                    row.definition.given_settings.to_string(),
                    row.definition.mapping.to_json().to_string(),
                    row.definition.aliases.to_string()
                ],
            )?;
            Ok(())
        }))?;
        *next = number + 1;
        let index = Arc::new(Index::new(parts));
        self.indices.write().unwrap_or_else(PoisonError::into_inner).insert(index.name.clone(), index.clone());
        Ok((index, true))
    }

    /// A file has the number of the index it was made for in its name, so that a name used again means another file.
    fn file_for(&self, name: &str, number: i64) -> String {
        let place = file_of(name);
        if place == STATE_FILE {
            return place;
        }
        let neighbour = self.all().into_iter().find(|index| file_of(&index.name) == place);
        neighbour.map_or_else(|| place.strip_suffix(".db").map(|stem| format!("{stem}.{number}.db")).unwrap_or(place), |index| index.file.clone())
    }

    /// Writes the definition down, then shows it. Only with [`Index::changing`] held. Blocks.
    pub(crate) fn redefine(&self, index: &Index, definition: Definition) -> Result<(), WriteError> {
        let (number, row) = (index.number, definition.clone());
        self.state.writer.change_blocking(Box::new(move |connection| {
            connection.execute(
                "UPDATE indices SET settings = ?2, mapping = ?3, aliases = ?4 WHERE number = ?1",
                params![number, row.given_settings.to_string(), row.mapping.to_json().to_string(), row.aliases.to_string()],
            )?;
            Ok(())
        }))?;
        index.set_definition(definition);
        Ok(())
    }

    /// Deletes an index and says what is left of it. Blocks.
    pub(crate) fn delete(&self, name: &str) -> Result<Option<(Arc<Index>, Remains)>, WriteError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(index) = self.get(name) else { return Ok(None) };
        let alone = index.file != STATE_FILE && !self.all().iter().any(|other| other.file == index.file && other.number != index.number);
        let (number, file) = (index.number, index.file.clone());
        self.state.writer.change_blocking(Box::new(move |connection| {
            connection.execute("DELETE FROM indices WHERE number = ?1", [number])?;
            connection.execute("INSERT OR REPLACE INTO remains (number, file, whole) VALUES (?1, ?2, ?3)", params![number, file, alone])?;
            Ok(())
        }))?;
        index.mark_deleted();
        self.indices.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        let remains = if alone { Remains::File(index.file.clone()) } else { Remains::Tables(index.number, index.file.clone()) };
        Ok(Some((index, remains)))
    }

    /// What earlier deletes left behind. Blocks.
    pub(crate) fn remains(&self) -> rusqlite::Result<Vec<(i64, Remains)>> {
        self.state.read(|connection| {
            let mut statement = connection.prepare("SELECT number, file, whole FROM remains")?;
            let rows = statement.query_map([], |row| {
                let (number, file, whole): (i64, String, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok((number, if whole { Remains::File(file) } else { Remains::Tables(number, file) }))
            })?;
            rows.collect()
        })
    }

    /// Blocks.
    pub(crate) fn forget_remains(&self, number: i64) -> Result<(), WriteError> {
        self.state.writer.change_blocking(Box::new(move |connection| connection.execute("DELETE FROM remains WHERE number = ?1", [number]).map(drop)))
    }
}
