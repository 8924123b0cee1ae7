//! What a search may see: at least what was acknowledged when its index was last refreshed, and when nobody searched it for
//! long, what is acknowledged now.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use watchbell_store::StoreError;

use crate::index::Index;
use crate::indexer::Refreshed;
use crate::placement::Kind;
use crate::store::{EmbeddedStore, Inner, blocking, unavailable};

/// What came of waiting for the indexer.
pub(crate) fn refreshed(answer: Result<Refreshed, oneshot::error::RecvError>) -> Result<(), StoreError> {
    match answer {
        Ok(Ok(())) => Ok(()),
        Ok(Err(reason)) => Err(unavailable(&reason)),
        Err(_) => Err(unavailable(&"the store is closed")),
    }
}

impl Inner {
    /// Asks for what is not visible yet; `None` when everything is.
    pub(crate) fn ask_refresh(&self, index: &Arc<Index>, to: i64) -> Option<oneshot::Receiver<Refreshed>> {
        let seen = index.search_side().is_some() && index.visible_seq() >= to;
        (!seen).then(|| self.indexer.refresh(index, to))
    }

    fn is_idle(&self, index: &Index, now: Duration) -> bool {
        index.searched_at().is_none_or(|at| now.saturating_sub(at) >= self.settings.search_idle_after)
    }
}

impl EmbeddedStore {
    /// Brings indices so far that they may be searched; waits no longer than `timeout`.
    pub(super) async fn make_searchable(&self, indices: &[Arc<Index>], timeout: Duration) -> Result<(), StoreError> {
        let now = self.inner.clock.elapsed();
        let mut late = Vec::new();
        for index in indices.iter().filter(|index| index.kind != Kind::State) {
            let idle = self.inner.is_idle(index, now);
            index.set_searched_at(now);
            if index.search_side().is_none() || (idle && index.visible_seq() < index.last_seq()) {
                late.push(index.clone());
            }
        }
        if late.is_empty() {
            return Ok(());
        }
        let asked = blocking(&self.inner, move |inner| {
            let ask = |index: &Arc<Index>| Ok((index.clone(), inner.last_seq(index)?));
            late.iter().map(ask).collect::<Result<Vec<_>, StoreError>>()
        });
        let answers: Vec<_> = asked.await??.into_iter().filter_map(|(index, to)| self.inner.ask_refresh(&index, to)).collect();
        let mut deadline = self.inner.clock.sleep(timeout);
        for mut answer in answers {
            tokio::select! {
                biased;
                answer = &mut answer => refreshed(answer)?,
                () = &mut deadline => return Err(unavailable(&"the index is being brought up to date")),
            }
        }
        Ok(())
    }
}
