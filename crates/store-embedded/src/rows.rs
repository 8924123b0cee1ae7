//! The tables of one file, and the statements on them.
//!
//! Each index has a table of rows, append-only and keyed by sequence number; the row of an id with the greatest one is the
//! document, or its tombstone. `counters` says for each index how far it came, so that removing old rows never makes a number
//! be given twice. `garbage` lists rows that may go, in the order in which they may.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};
use watchbell_store::admission::Current;
use watchbell_store::{Document, Revision};

/// All writes of a single node are of one term.
pub(crate) const PRIMARY_TERM: i64 = 1;

/// How far an index came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The last sequence number given; -1 before the first.
    pub last_seq: i64,
    /// Documents that are there.
    pub live: i64,
}

impl Position {
    pub(crate) const EMPTY: Position = Position { last_seq: -1, live: 0 };
}

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub seq_no: i64,
    pub id: String,
    pub version: i64,
    /// Whether another row of this id was there before.
    pub replaces: bool,
    /// `None` is a tombstone.
    pub source: Option<Bytes>,
}

impl Row {
    pub(crate) fn into_document(self, index: &str) -> Option<Document> {
        let revision = Revision { seq_no: self.seq_no, primary_term: PRIMARY_TERM };
        self.source.map(|source| Document { index: index.to_owned(), id: self.id, revision, version: self.version, source })
    }
}

fn read_row(row: &SqlRow<'_>) -> rusqlite::Result<Row> {
    let source: Option<Vec<u8>> = row.get(4)?;
    Ok(Row { seq_no: row.get(0)?, id: row.get(1)?, version: row.get(2)?, replaces: row.get(3)?, source: source.map(Bytes::from) })
}

pub(crate) fn create_file_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS counters (number INTEGER PRIMARY KEY, name TEXT NOT NULL, last_seq INTEGER NOT NULL, live INTEGER NOT NULL);
         CREATE TABLE IF NOT EXISTS garbage (place INTEGER PRIMARY KEY, number INTEGER NOT NULL, seq_no INTEGER NOT NULL, by_seq INTEGER NOT NULL, due INTEGER NOT NULL);",
    )
}

pub(crate) fn positions(connection: &Connection) -> rusqlite::Result<Vec<(i64, Position)>> {
    let mut statement = connection.prepare("SELECT number, last_seq, live FROM counters")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, Position { last_seq: row.get(1)?, live: row.get(2)? })))?;
    rows.collect()
}

pub(crate) fn create_index_tables(connection: &Connection, number: i64, name: &str) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS rows_{number} (seq_no INTEGER PRIMARY KEY, id TEXT NOT NULL, version INTEGER NOT NULL, replaces INTEGER NOT NULL, source BLOB);
         CREATE INDEX IF NOT EXISTS ids_{number} ON rows_{number} (id);"
    ))?;
    connection.execute("INSERT OR IGNORE INTO counters (number, name, last_seq, live) VALUES (?1, ?2, -1, 0)", params![number, name])?;
    Ok(())
}

pub(crate) fn drop_index_tables(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("DROP TABLE IF EXISTS rows_{number};"))?;
    connection.execute("DELETE FROM counters WHERE number = ?1", [number])?;
    connection.execute("DELETE FROM garbage WHERE number = ?1", [number])?;
    Ok(())
}

pub(crate) fn save_position(connection: &Connection, number: i64, position: Position) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("UPDATE counters SET last_seq = ?2, live = ?3 WHERE number = ?1")?;
    statement.execute(params![number, position.last_seq, position.live]).map(drop)
}

/// The last write of an id.
pub(crate) fn current(connection: &Connection, number: i64, id: &str) -> rusqlite::Result<Option<Current>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT seq_no, version, source IS NULL FROM rows_{number} WHERE id = ?1 ORDER BY seq_no DESC LIMIT 1"))?;
    let read = |row: &SqlRow<'_>| {
        let revision = Revision { seq_no: row.get(0)?, primary_term: PRIMARY_TERM };
        Ok(Current { revision, version: row.get(1)?, deleted: row.get(2)? })
    };
    statement.query_row([id], read).optional()
}

pub(crate) fn append(connection: &Connection, number: i64, row: &Row) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(&format!("INSERT INTO rows_{number} (seq_no, id, version, replaces, source) VALUES (?1, ?2, ?3, ?4, ?5)"))?;
    statement.execute(params![row.seq_no, row.id, row.version, row.replaces, row.source.as_deref()]).map(drop)
}

pub(crate) fn remove(connection: &Connection, number: i64, seq_no: i64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(&format!("DELETE FROM rows_{number} WHERE seq_no = ?1"))?;
    statement.execute([seq_no]).map(drop)
}

/// A row that may go from `due` on, once searches see the row `by` that took its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Garbage {
    pub number: i64,
    pub seq_no: i64,
    pub by: i64,
    pub due_millis: i64,
}

pub(crate) fn add_garbage(connection: &Connection, garbage: Garbage) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("INSERT INTO garbage (number, seq_no, by_seq, due) VALUES (?1, ?2, ?3, ?4)")?;
    statement.execute(params![garbage.number, garbage.seq_no, garbage.by, garbage.due_millis]).map(drop)
}

/// Removes the oldest garbage that is due, up to `limit` rows; `visible` says how far searches of an index see.
pub(crate) fn collect_garbage(connection: &Connection, now_millis: i64, limit: usize, visible: impl Fn(i64) -> i64) -> rusqlite::Result<()> {
    let due: Vec<(i64, Garbage)> = {
        let mut statement = connection.prepare_cached("SELECT place, number, seq_no, by_seq, due FROM garbage ORDER BY place LIMIT ?1")?;
        let rows = statement.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
            Ok((row.get(0)?, Garbage { number: row.get(1)?, seq_no: row.get(2)?, by: row.get(3)?, due_millis: row.get(4)? }))
        })?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    for (place, garbage) in due {
        if garbage.due_millis > now_millis || garbage.by > visible(garbage.number) {
            break;
        }
        remove(connection, garbage.number, garbage.seq_no)?;
        connection.prepare_cached("DELETE FROM garbage WHERE place = ?1")?.execute([place])?;
    }
    Ok(())
}

/// The document of an id, if there is one.
pub(crate) fn get(connection: &Connection, number: i64, id: &str) -> rusqlite::Result<Option<Row>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT seq_no, id, version, replaces, source FROM rows_{number} WHERE id = ?1 ORDER BY seq_no DESC LIMIT 1"))?;
    Ok(statement.query_row([id], read_row).optional()?.filter(|row| row.source.is_some()))
}

/// Documents with ids greater than `after`, in their order.
pub(crate) fn scan(connection: &Connection, number: i64, after: Option<&str>, limit: usize) -> rusqlite::Result<Vec<Row>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT seq_no, id, version, replaces, source FROM rows_{number} WHERE id > ?1 ORDER BY id, seq_no"))?;
    let mut found: Vec<Row> = Vec::new();
    let mut last: Option<Row> = None;
    // no id is empty, so every id is greater than the empty one
    let rows = statement.query_map([after.unwrap_or("")], read_row)?;
    for row in rows {
        let row = row?;
        if last.as_ref().is_some_and(|last| last.id != row.id) {
            found.extend(last.take().filter(|row| row.source.is_some()));
            if found.len() >= limit {
                return Ok(found);
            }
        }
        last = Some(row);
    }
    found.extend(last.filter(|row| row.source.is_some()));
    found.truncate(limit);
    Ok(found)
}

/// Rows after a sequence number, in order: the log that the index follows.
pub(crate) fn page(connection: &Connection, number: i64, after_seq: i64, limit: usize) -> rusqlite::Result<Vec<Row>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT seq_no, id, version, replaces, source FROM rows_{number} WHERE seq_no > ?1 ORDER BY seq_no LIMIT ?2"))?;
    let rows = statement.query_map(params![after_seq, i64::try_from(limit).unwrap_or(i64::MAX)], read_row)?;
    rows.collect()
}

/// Exactly this row.
pub(crate) fn fetch(connection: &Connection, number: i64, seq_no: i64) -> rusqlite::Result<Option<Row>> {
    let mut statement = connection.prepare_cached(&format!("SELECT seq_no, id, version, replaces, source FROM rows_{number} WHERE seq_no = ?1"))?;
    statement.query_row([seq_no], read_row).optional()
}
