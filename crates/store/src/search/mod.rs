//! What every store's search shares beyond matching: which indices, in which order, which part of a hit is shown, how failures
//! of indices become an answer.

mod answer;
mod decimal_format;
mod expressions;
mod fetch;
mod sorting;

pub use crate::dates::resolve_name;
pub use answer::{all_shards_failed, check_body};
pub use expressions::{KnownIndex, Resolved, index_not_found, resolve};
pub use fetch::{column_fields, filter_source, source_fields};
pub use sorting::{SortColumn, SortPlan, SortRow, SortValue};
