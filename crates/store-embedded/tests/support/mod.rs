//! Opening stores on a clock that stands.
#![allow(dead_code, unreachable_pub, clippy::panic)]

use std::path::Path;
use std::sync::Arc;

use watchbell_store::{Expect, Write};
use watchbell_store_embedded::{EmbeddedStore, OpenError, StoreSettings};
use watchbell_time::ManualClock;

pub fn clock() -> ManualClock {
    ManualClock::at("2026-11-24T12:00:00Z".parse().unwrap())
}

pub fn try_open(folder: &Path) -> Result<Arc<EmbeddedStore>, OpenError> {
    EmbeddedStore::open(folder, Arc::new(clock()), StoreSettings::with_seed(7))
}

pub fn open(folder: &Path) -> Arc<EmbeddedStore> {
    // a store that was dropped ends its threads in its own time
    for _ in 0..200_000 {
        match try_open(folder) {
            Err(OpenError::Locked { .. }) => std::thread::yield_now(),
            other => return other.unwrap(),
        }
    }
    panic!("{} stays locked", folder.display())
}

pub fn put(index: &str, id: &str, source: &str) -> Write {
    Write::put(index, id, Expect::Anything, source.to_owned())
}

use watchbell_json::Json;
use watchbell_store::{SearchAnswer, StoreError};

/// The same documents in the same order with the same values; scores up to rounding. Documents of equal score may trade places.
pub fn assert_same(body: &Json, expected: Result<SearchAnswer, StoreError>, found: Result<SearchAnswer, StoreError>) {
    let (expected, found) = match (expected, found) {
        (Ok(expected), Ok(found)) => (expected, found),
        (expected, found) => {
            assert_eq!(found, expected, "{body}");
            return;
        }
    };
    assert_eq!((found.total, found.shards, &found.failures), (expected.total, expected.shards, &expected.failures), "{body}");
    let close = |a: Option<f32>, b: Option<f32>| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-4 * a.abs().max(1.0),
        (a, b) => a == b,
    };
    assert!(close(found.max_score, expected.max_score), "{body}: {:?} {:?}", found.max_score, expected.max_score);
    let shown = |answer: &SearchAnswer| answer.hits.iter().map(|hit| format!("{}/{} {:?} {:?}\n", hit.index, hit.id, hit.score, hit.sort)).collect::<String>();
    let context = || format!("{body}\nexpected:\n{}found:\n{}", shown(&expected), shown(&found));
    assert_eq!(found.hits.len(), expected.hits.len(), "{}", context());
    if body.get("sort") == Some(&Json::from(vec!["_doc"])) {
        // places are each store's own, and only within one index
        let of = |answer: &SearchAnswer| {
            let mut hits: Vec<(String, String)> = answer.hits.iter().map(|hit| (hit.index.clone(), hit.id.clone())).collect();
            hits.sort_by(|a, b| a.0.cmp(&b.0));
            hits
        };
        assert_eq!(of(&found), of(&expected), "{}", context());
        return;
    }
    for (theirs, ours) in expected.hits.iter().zip(&found.hits) {
        assert!(close(theirs.score, ours.score), "{}", context());
        let same = |hit: &&watchbell_store::Hit| hit.index == ours.index && hit.id == ours.id;
        let tie_is_fine = theirs.sort.is_none() || theirs.sort.as_ref().is_some_and(|sort| matches!(sort.as_slice(), [Json::Double(_)]));
        if tie_is_fine {
            // floats that are equal for one and differ in the last digit for the other may change places, at a page's end too
            if let Some(theirs) = expected.hits.iter().find(same) {
                assert!(close(theirs.score, ours.score), "{}", context());
            }
        } else {
            assert_eq!((&ours.index, &ours.id, &ours.sort), (&theirs.index, &theirs.id, &theirs.sort), "{}", context());
        }
        if let Some(theirs) = expected.hits.iter().find(same) {
            let shown = |hit: &watchbell_store::Hit| (hit.source.clone(), hit.ignored.clone(), hit.fields.clone(), hit.version, hit.revision);
            assert_eq!(shown(ours), shown(theirs), "{}", context());
        }
    }
}
