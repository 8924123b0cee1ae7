//! Searching.

mod bits;
mod clauses;

pub(crate) use clauses::ClauseCache;
