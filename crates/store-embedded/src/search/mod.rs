//! Searching: which rows, in which order, and what of them is shown.
//!
//! What a query means is the store crate's [`Plan`](watchbell_store::plan::Plan); here it is answered over columns and postings
//! ([`segments`]) or, for the indices of the state file, over the rows themselves ([`scanned`]).

mod bits;
mod clauses;
mod hits;
mod leaf;
mod matching;
mod ranking;
mod run;
mod scanned;
mod scoring;
mod segments;
mod visibility;

pub(crate) use clauses::ClauseCache;
pub(crate) use visibility::refreshed;
