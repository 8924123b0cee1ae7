//! Which file an index lives in: state, history by day, data by retention group and day.
//!
//! An index lives in exactly one file, which is what makes a bulk on it one transaction. Indices that differ only in their date
//! share a group but not a file, so that retention deletes files instead of rows.

use watchbell_store::system::{DELIVERIES, HISTORY_PREFIX, SERVICE_STATE, TRIGGERED_WATCHES, WATCHES};

/// What kind of index a name means: where its rows are, and whether it is indexed for searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// In the state file, scanned by searches.
    State,
    /// In a file of its own day, indexed.
    History,
    /// In a file of its retention group and day, indexed.
    Data,
}

/// Path of the state file, relative to the folder.
pub(crate) const STATE_FILE: &str = "state.db";

const STATE_INDICES: &[&str] = &[WATCHES, TRIGGERED_WATCHES, DELIVERIES, SERVICE_STATE];
/// Longest part of a file's name that is taken from the index.
const SLUG_MAX: usize = 80;

impl Kind {
    pub(crate) fn of(index: &str) -> Kind {
        if STATE_INDICES.contains(&index) {
            Kind::State
        } else if index.starts_with(HISTORY_PREFIX) {
            Kind::History
        } else {
            Kind::Data
        }
    }
}

/// The index's file, relative to the folder.
pub(crate) fn file_of(index: &str) -> String {
    match Kind::of(index) {
        Kind::State => STATE_FILE.to_owned(),
        Kind::History => {
            let day = split_day(index).map_or("undated", |(_, day)| day);
            format!("history/{}.db", slug(day))
        }
        Kind::Data => match split_day(index) {
            Some((group, day)) => format!("data/{}@{}.db", slug(&group), slug(day)),
            None => format!("data/{}.db", slug(index)),
        },
    }
}

/// A name's group and day: `logs-2026.11.24` is `logs-` and `2026.11.24`; also with `-` or `_` between, or none.
fn split_day(index: &str) -> Option<(String, &str)> {
    let bytes = index.as_bytes();
    (0..bytes.len()).filter(|at| *at == 0 || !bytes[at - 1].is_ascii_digit()).find_map(|at| {
        let length = day_length(&bytes[at..])?;
        let (head, rest) = (index.get(..at)?, index.get(at..)?);
        let (day, tail) = (rest.get(..length)?, rest.get(length..)?);
        Some((format!("{head}{tail}"), day))
    })
}

fn day_length(bytes: &[u8]) -> Option<usize> {
    let digits = |range: std::ops::Range<usize>| bytes.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    if !digits(0..4) || !(bytes.starts_with(b"19") || bytes.starts_with(b"20")) {
        return None;
    }
    let ends = |at: usize| !bytes.get(at).is_some_and(u8::is_ascii_digit);
    match bytes.get(4) {
        Some(separator @ (b'.' | b'-' | b'_')) if digits(5..7) && bytes.get(7) == Some(separator) && digits(8..10) && ends(10) => Some(10),
        Some(b'.' | b'-' | b'_') if digits(5..7) && ends(7) => Some(7),
        Some(_) if digits(4..8) && ends(8) => Some(8),
        _ => None,
    }
}

/// A name as a file may have it, and unlike every other name's: what was changed is told apart by a checksum.
fn slug(name: &str) -> String {
    let safe = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    let plain: String = name.chars().take(SLUG_MAX).map(|c| if safe(c) { c } else { '+' }).collect();
    if plain == name && !plain.starts_with('.') {
        return plain;
    }
    format!("{}~{:08x}", plain.trim_start_matches('.'), crc32fast::hash(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_their_files() {
        for (index, file) in [
            (".watches", "state.db"),
            (".watchbell-state", "state.db"),
            (".watcher-history-16-2026.11.24", "history/2026.11.24.db"),
            ("logs", "data/logs.db"),
            ("logs-2026.11.24", "data/logs-@2026.11.24.db"),
            ("logs-2026-11-24-x", "data/logs--x@2026-11-24.db"),
            ("logs-20261124", "data/logs-@20261124.db"),
            ("logs-2026.11", "data/logs-@2026.11.db"),
            ("logs-000001", "data/logs-000001.db"),
            ("v12026.11.24", "data/v12026.11.24.db"),
        ] {
            assert_eq!(file_of(index), file, "{index}");
        }
        assert_ne!(file_of("日志"), file_of("曰志"), "names that look alike in ASCII have files of their own");
        assert!(file_of(&"x".repeat(255)).len() < 120);
    }
}
