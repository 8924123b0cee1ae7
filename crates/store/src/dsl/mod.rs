//! The query language: JSON to [`crate::query`] values, with the reference's own errors.
//!
//! What is not supported is refused as the reference refuses what it does not know; nothing is silently left out. Errors name
//! a line and a column as the reference's do, but parsed JSON keeps no positions, so they always name the first.

mod body;
mod clauses;
mod full_text;
mod members;
mod query_string;
mod sort;

use watchbell_json::{Failure, Json};

use crate::query::{Query, SearchBody};

/// Deepest nesting of queries: they are evaluated recursively. Generated queries of 60 levels are to run.
pub const NESTED_DEPTH_MAX: usize = 100;
/// Most clauses of one `bool` and most branches of one query. Elasticsearch 8 sizes it by its memory, 1024 being the least.
pub const CLAUSES_MAX: usize = 8192;
/// Most values of one `terms` query (`index.max_terms_count`).
pub const TERMS_MAX: usize = 65_536;

/// A whole search body; `None` matches all.
///
/// # Errors
/// As the reference words them: `parsing_exception`, `x_content_parse_exception`, `illegal_argument_exception`, ….
pub fn parse_search(body: Option<&Json>) -> Result<SearchBody, Failure> {
    body.map_or_else(|| Ok(SearchBody::default()), body::parse)
}

/// The body of `_count`: only a query.
///
/// # Errors
/// As [`parse_search`].
pub fn parse_count(body: Option<&Json>) -> Result<Query, Failure> {
    body.map_or_else(|| Ok(Query::match_all()), body::parse_count)
}

/// One query.
///
/// # Errors
/// As [`parse_search`].
pub fn parse_query(query: &Json) -> Result<Query, Failure> {
    clauses::parse(query, 0)
}

/// The `sort` of a URL, `field:order,…`, as the body's member.
#[must_use]
pub fn sort_from_text(text: &str) -> Json {
    sort::from_text(text)
}
