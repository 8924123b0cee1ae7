//! How long ended rows stay in the ledger.
//!
//! A row is never removed while its execution is still in the journal: recovery asks the ledger before it sends.

use std::collections::{BTreeMap, HashSet};

use watchbell_store::Revision;
use watchbell_time::Timestamp;

use crate::ledger::{Ledger, LedgerError, read_entry};

/// Ended rows beyond this many are removed, the oldest first: about 100 MB of state at a kilobyte a row.
pub const RETAINED_ROWS_MAX: usize = 100_000;

/// Rows are read and removed in portions of this many.
const PAGE: usize = 500;

/// What one pass of retention did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    pub ended: usize,
    pub removed: usize,
}

impl Ledger {
    /// Removes the oldest ended rows beyond `keep`, except those of `open` executions.
    ///
    /// `open` must have been read before this call begins, and holds the ids of every journal document of that moment; rows
    /// that ended after `as_of` are left alone.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn retain(&self, keep: usize, open: &HashSet<String>, as_of: Timestamp) -> Result<Retention, LedgerError> {
        let mut newest: BTreeMap<(Timestamp, String), Revision> = BTreeMap::new();
        let mut pass = Retention::default();
        let mut after: Option<String> = None;
        loop {
            let page = self.documents(after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(pass) };
            after = Some(last.id.clone());
            let mut excess = Vec::new();
            for document in page {
                let Ok(entry) = read_entry(&document) else { continue };
                let Some(ended) = entry.row.ended.filter(|ended| *ended <= as_of && entry.row.state.is_final()) else { continue };
                pass.ended += 1;
                if open.contains(&entry.row.origin.execution) {
                    continue;
                }
                newest.insert((ended, entry.row.delivery.key.0), document.revision);
                if newest.len() > keep
                    && let Some(((_, key), revision)) = newest.pop_first()
                {
                    excess.push((key, revision));
                }
            }
            if !excess.is_empty() {
                pass.removed += self.delete(&excess).await.iter().filter(|answer| answer.is_ok()).count();
            }
        }
    }
}
