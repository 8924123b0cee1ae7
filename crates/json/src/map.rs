//! An object: members in the order they were written.
//!
//! Most objects have a handful of members, where a scan beats hashing; larger ones carry an index by name.

use std::collections::HashMap;
use std::sync::Arc;

use crate::Json;

/// Up to this many members a lookup scans; above, the index answers.
const SCAN_MAX: usize = 16;

#[derive(Clone, Debug, Default)]
pub struct Map {
    entries: Vec<(Arc<str>, Json)>,
    index: Option<HashMap<Arc<str>, usize>>,
}

impl Map {
    #[must_use]
    pub fn new() -> Map {
        Map::default()
    }

    #[must_use]
    pub fn with_capacity(members: usize) -> Map {
        Map { entries: Vec::with_capacity(members.min(1024)), index: None }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn position(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(key).copied(),
            None => self.entries.iter().position(|(k, _)| &**k == key),
        }
    }

    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.position(key).and_then(|at| self.entries.get(at)).map(|(_, v)| v)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Json> {
        let at = self.position(key)?;
        self.entries.get_mut(at).map(|(_, v)| v)
    }

    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// Sets a member; a new one goes to the end, an old one keeps its place. Returns what stood there.
    pub fn insert(&mut self, key: impl Into<Arc<str>>, value: impl Into<Json>) -> Option<Json> {
        let (key, value) = (key.into(), value.into());
        if let Some(old) = self.get_mut(&key) {
            return Some(std::mem::replace(old, value));
        }
        if let Some(index) = &mut self.index {
            index.insert(key.clone(), self.entries.len());
        }
        self.entries.push((key, value));
        if self.index.is_none() && self.entries.len() > SCAN_MAX {
            self.reindex();
        }
        None
    }

    /// Removes a member, keeping the order of the others.
    pub fn remove(&mut self, key: &str) -> Option<Json> {
        let at = self.position(key)?;
        let (_, value) = self.entries.remove(at);
        self.index = None;
        if self.entries.len() > SCAN_MAX {
            self.reindex();
        }
        Some(value)
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Json) -> bool) {
        self.entries.retain(|(k, v)| keep(k, v));
        self.index = None;
        if self.entries.len() > SCAN_MAX {
            self.reindex();
        }
    }

    fn reindex(&mut self) {
        self.index = Some(self.entries.iter().enumerate().map(|(at, (k, _))| (k.clone(), at)).collect());
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Arc<str>, &Json)> + ExactSizeIterator {
        self.entries.iter().map(|(k, v)| (k, v))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Arc<str>, &mut Json)> {
        self.entries.iter_mut().map(|(k, v)| (&*k, v))
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(k, _)| &**k)
    }

    pub fn values(&self) -> impl Iterator<Item = &Json> {
        self.entries.iter().map(|(_, v)| v)
    }
}

/// Equal members in any order, as objects compare.
impl PartialEq for Map {
    fn eq(&self, other: &Map) -> bool {
        self.len() == other.len() && self.iter().all(|(k, v)| other.get(k) == Some(v))
    }
}

impl IntoIterator for Map {
    type Item = (Arc<str>, Json);
    type IntoIter = std::vec::IntoIter<(Arc<str>, Json)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<K: Into<Arc<str>>, V: Into<Json>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(members: I) -> Map {
        let mut map = Map::new();
        for (key, value) in members {
            map.insert(key, value);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_finds_members_in_large_objects() {
        let mut map: Map = (0..100).map(|n| (format!("k{n}"), Json::Int(n))).collect();
        assert_eq!(map.get("k57"), Some(&Json::Int(57)));
        assert_eq!(map.remove("k3"), Some(Json::Int(3)));
        assert_eq!(map.get("k99"), Some(&Json::Int(99)));
        assert_eq!(map.keys().nth(3), Some("k4"));
        map.insert("k57", Json::Null);
        assert_eq!(map.keys().nth(56), Some("k57"), "a replaced member keeps its place");
    }
}
