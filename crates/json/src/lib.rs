//! The payload value.
//!
//! One [`Json`] goes from the parser through scripts and templates to the wire; there is no second tree. It differs from
//! `serde_json::Value` in what Elasticsearch's users can see:
//!
//! * members keep their order, and a duplicate member is an error, as in Elasticsearch's parser;
//! * whole numbers of any size stay whole, and print as they came;
//! * fractions print as Java prints them (`1.0E10`), because templates and records show them;
//! * a clone is a reference count: subtrees are shared between payload, record and message;
//! * an instant is a value of its own ([`Json::Time`]), because templates and scripts see `ctx.execution_time` as a date.
//!
//! Invariants: no I/O, no clock, no panic on any input.

mod failure;
mod map;
mod parse;
mod path;
mod print;
mod value;

pub use failure::Failure;
pub use map::Map;
pub use parse::{Limits, ParseError, Token, token_name};
pub use path::{PathError, split_path};
pub use print::{iso_instant, iso_instant_java, java_double, write_string};
pub use value::Json;

#[doc(hidden)]
pub use serde_json;

/// Builds a [`Json`] from JSON-like syntax, as `serde_json::json!` does.
///
/// ```
/// let hits = watchbell_json::json!({"hits": {"total": 3}});
/// assert_eq!(hits.to_string(), r#"{"hits":{"total":3}}"#);
/// ```
#[macro_export]
macro_rules! json {
    ($($body:tt)+) => { $crate::Json::from($crate::serde_json::json!($($body)+)) };
}
