//! The contract test suite: what every store must do, as functions that a store's own tests call.
//!
//! Nothing here needs a fresh store: every check writes to indices of its own, whose names begin with the caller's prefix. A
//! broken promise is a [`Broken`] that says which; there is no panic, so that a long-running check (a simulation, a start-up
//! self-test) may use them too.

mod documents;
mod searches;

use crate::{DocumentStore, Indices};

/// A promise that a store did not keep.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{check}: {what}")]
pub struct Broken {
    pub check: &'static str,
    pub what: String,
}

/// Fails with the text unless the condition holds.
macro_rules! promise {
    ($check:expr, $holds:expr, $($what:tt)+) => {
        if !$holds {
            return Err(crate::contract::Broken { check: $check, what: format!($($what)+) });
        }
    };
}
pub(crate) use promise;

/// Turns an error where none may be into a broken promise.
pub(crate) fn succeeded<T, E: std::fmt::Display>(check: &'static str, outcome: Result<T, E>) -> Result<T, Broken> {
    outcome.map_err(|error| Broken { check, what: format!("failed with {error}") })
}

/// All of [`DocumentStore`].
///
/// # Errors
/// The first promise that is broken.
pub async fn document_store(store: &dyn DocumentStore, prefix: &str) -> Result<(), Broken> {
    documents::reads_what_was_written(store, &format!("{prefix}-read")).await?;
    documents::create_if_absent(store, &format!("{prefix}-absent")).await?;
    documents::compare_and_set(store, &format!("{prefix}-cas")).await?;
    documents::numbers_operations(store, &format!("{prefix}-numbers")).await?;
    documents::versions_go_on_after_delete(store, &format!("{prefix}-versions")).await?;
    documents::sequence_is_a_prefix(store, &format!("{prefix}-sequence")).await?;
    documents::bulk_items_are_independent(store, &format!("{prefix}-bulk")).await?;
    documents::scan_is_in_order(store, &format!("{prefix}-scan")).await?;
    documents::refuses_what_cannot_be(store, &format!("{prefix}-refused")).await
}

/// [`document_store`], and what [`Indices`] adds.
///
/// # Errors
/// The first promise that is broken.
pub async fn indices(store: &dyn Indices, prefix: &str) -> Result<(), Broken> {
    document_store(store, prefix).await?;
    searches::refresh_makes_visible(store, &format!("{prefix}-visible")).await?;
    searches::finds_by_type(store, &format!("{prefix}-types")).await?;
    searches::sorts_and_pages(store, &format!("{prefix}-sorted")).await?;
    searches::scores_rare_words_higher(store, &format!("{prefix}-scores")).await?;
    searches::keeps_sources_byte_for_byte(store, &format!("{prefix}-bytes")).await?;
    searches::mapping_conflicts_fail_alone(store, &format!("{prefix}-conflict")).await?;
    searches::missing_indices(store, &format!("{prefix}-missing")).await?;
    searches::deletes_indices(store, &format!("{prefix}-deleted")).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use watchbell_time::ManualClock;

    use super::*;
    use crate::MemoryStore;

    #[tokio::test]
    async fn the_reference_store_keeps_the_contract() {
        let clock = ManualClock::at("2026-11-24T01:02:03Z".parse().unwrap());
        let store = MemoryStore::new(Arc::new(clock));
        assert_eq!(indices(&store, "contract").await, Ok(()));
    }
}
