//! Inputs (spec watcher-parts §3).

use watchbell_json::Json;

#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    None,
    /// A static payload.
    Simple(Json),
    Search(Box<SearchInput>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct SearchInput {
    pub request: SearchRequestTemplate,
    /// Dot paths; empty means the whole answer.
    pub extract: Option<Vec<String>>,
    pub timeout_millis: Option<i64>,
    pub dynamic_name_timezone: Option<String>,
}

/// A search as a watch writes it; its body is a template.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchRequestTemplate {
    /// Lower case; `query_then_fetch` unless said otherwise.
    pub search_type: String,
    pub indices: Vec<String>,
    pub options: SearchIndicesOptions,
    pub rest_total_hits_as_int: bool,
    pub body: Option<Json>,
}

/// `indices_options`; the defaults are Watcher's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchIndicesOptions {
    /// Any of `open`, `closed`, `hidden`, `none`, `all`, as given.
    pub expand_wildcards: Vec<String>,
    pub ignore_unavailable: bool,
    pub allow_no_indices: bool,
    pub ignore_throttled: Option<bool>,
}

impl Default for SearchIndicesOptions {
    fn default() -> SearchIndicesOptions {
        SearchIndicesOptions { expand_wildcards: vec!["open".into()], ignore_unavailable: true, allow_no_indices: true, ignore_throttled: None }
    }
}
