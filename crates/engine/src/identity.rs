//! The two names of an execution: the key of its journal document, and the id users see.
//!
//! The key is a hash of what is decided (watch, incarnation, number of the run), never of when: two nodes that trigger the same
//! run create the same document, and only one succeeds. The public id is chosen once, and stored in that document.

use sha2::{Digest as _, Sha256};
use watchbell_time::{Entropy, Timestamp, uuid_v4};
use watchbell_watch::{ExecutionId, Generation, WatchId};

/// Half of the hash: enough that two keys never meet, short enough to read.
const KEY_HEX_DIGITS: usize = 32;

/// The journal key of one numbered run.
pub(crate) fn journal_key(watch: &WatchId, incarnation: &str, fires: i64) -> String {
    let mut hash = Sha256::new();
    for part in [watch.as_str(), incarnation, &fires.to_string()] {
        hash.update((part.len() as u64).to_le_bytes()); // so that ("ab", "c") and ("a", "bc") differ
        hash.update(part.as_bytes());
    }
    let mut key = hex::encode(hash.finalize());
    key.truncate(KEY_HEX_DIGITS);
    key
}

/// The key of a run that has no number: one that is not recorded.
pub(crate) fn unnumbered_key(entropy: &dyn Entropy) -> String {
    format!("x{}", uuid_v4(entropy).replace('-', ""))
}

/// What tells a watch from another that had its id before.
pub(crate) fn new_incarnation(entropy: &dyn Entropy) -> String {
    uuid_v4(entropy)
}

/// The id that users see, chosen once for each execution.
pub(crate) fn public_id(watch: &WatchId, entropy: &dyn Entropy, at: Timestamp, generation: Generation) -> ExecutionId {
    ExecutionId::new(watch, &uuid_v4(entropy), at, generation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_depend_on_each_part_and_on_nothing_else() {
        let (a, b) = (WatchId::parse("a").unwrap(), WatchId::parse("ab").unwrap());
        let key = journal_key(&a, "bc", 1);
        assert_eq!(key, journal_key(&a, "bc", 1));
        assert_eq!(key.len(), 32);
        for other in [journal_key(&b, "c", 1), journal_key(&a, "bc", 2), journal_key(&a, "b", 1)] {
            assert_ne!(key, other);
        }
    }
}
