//! `_source`, `_source_includes`, `_source_excludes`: how much of a document is shown.

use bytes::Bytes;
use watchbell_json::{Failure, Json, Map, token_name};

use crate::filter_path::wildcard_matches;
use crate::parameters::{Parameters, split_list};

/// The parameters' names.
pub(super) const SOURCE_PARAMETERS: &[&str] = &["_source", "_source_includes", "_source_excludes", "_source_include", "_source_exclude"];

/// How much of the source is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SourceFilter {
    All,
    None,
    Fields { includes: Vec<String>, excludes: Vec<String> },
}

impl SourceFilter {
    /// From the URL; `None` when it says nothing.
    pub(super) fn from_params(params: &Parameters) -> Option<SourceFilter> {
        let list = |name: &str, old: &str| params.list(name).or_else(|| params.list(old)).unwrap_or_default();
        let excludes = list("_source_excludes", "_source_exclude");
        let mut includes = list("_source_includes", "_source_include");
        match params.get("_source") {
            Some("false") => return Some(SourceFilter::None),
            Some("" | "true") if includes.is_empty() && excludes.is_empty() => return Some(SourceFilter::All),
            Some("" | "true") => {}
            Some(fields) => includes = split_list(fields),
            None if includes.is_empty() && excludes.is_empty() => return None,
            None => {}
        }
        Some(SourceFilter::Fields { includes, excludes })
    }

    /// From a body's `_source`.
    ///
    /// # Errors
    /// `parsing_exception` for what is neither a boolean, a name, a list nor an object of the two lists.
    pub(super) fn from_json(value: &Json) -> Result<SourceFilter, Failure> {
        let wrong = |found: &Json| {
            let reason = format!("Expected one of [VALUE_BOOLEAN, START_OBJECT, VALUE_STRING, START_ARRAY] but found [{}]", token_name(found));
            Failure::new("parsing_exception", reason).with("line", 1).with("col", 1)
        };
        match value {
            Json::Bool(true) => Ok(SourceFilter::All),
            Json::Bool(false) => Ok(SourceFilter::None),
            Json::Str(_) | Json::List(_) => Ok(SourceFilter::Fields { includes: names(value).ok_or_else(|| wrong(value))?, excludes: Vec::new() }),
            Json::Map(members) => {
                let (mut includes, mut excludes) = (Vec::new(), Vec::new());
                for (name, member) in members.iter() {
                    match &**name {
                        "include" | "includes" => includes = names(member).ok_or_else(|| wrong(member))?,
                        "exclude" | "excludes" => excludes = names(member).ok_or_else(|| wrong(member))?,
                        other => {
                            let reason = format!("Unknown key for a {} in [{other}].", token_name(member));
                            return Err(Failure::new("parsing_exception", reason).with("line", 1).with("col", 1));
                        }
                    }
                }
                Ok(SourceFilter::Fields { includes, excludes })
            }
            other => Err(wrong(other)),
        }
    }

    /// What is left of a document; `None` when nothing is wanted.
    pub(super) fn apply(&self, source: Bytes) -> Option<Bytes> {
        match self {
            // There is none where the mapping switches it off.
            _ if source.is_empty() => None,
            SourceFilter::All => Some(source),
            SourceFilter::None => None,
            SourceFilter::Fields { includes, excludes } if includes.is_empty() && excludes.is_empty() => Some(source),
            SourceFilter::Fields { includes, excludes } => {
                let Ok(document) = Json::parse(&source) else { return Some(source) };
                let kept = keep(&document, "", includes, excludes, includes.is_empty()).unwrap_or_else(Json::object);
                Some(kept.to_string().into())
            }
        }
    }
}

fn names(value: &Json) -> Option<Vec<String>> {
    match value {
        Json::Str(name) => Some(vec![name.to_string()]),
        Json::List(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// Keeps what is included and not excluded; `included` says that a name above was.
fn keep(value: &Json, path: &str, includes: &[String], excludes: &[String], included: bool) -> Option<Json> {
    match value {
        Json::Map(members) => {
            let mut kept = Map::new();
            for (name, member) in members.iter() {
                let path = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
                if excludes.iter().any(|pattern| matches(pattern, &path)) {
                    continue;
                }
                let included = included || includes.iter().any(|pattern| matches(pattern, &path));
                if let Some(member) = keep(member, &path, includes, excludes, included) {
                    kept.insert(name.clone(), member);
                }
            }
            (!kept.is_empty() || included).then(|| kept.into())
        }
        Json::List(items) => {
            let kept: Vec<Json> = items.iter().filter_map(|item| keep(item, path, includes, excludes, included)).collect();
            (!kept.is_empty() || included).then(|| kept.into())
        }
        scalar => included.then(|| scalar.clone()),
    }
}

/// A pattern names a path, or something above it.
fn matches(pattern: &str, path: &str) -> bool {
    wildcard_matches(pattern, path) || path.match_indices('.').any(|(at, _)| pattern == &path[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filtered(query: &str) -> Option<String> {
        let source = Bytes::from_static(br#"{"a": 1, "k": "x", "o": {"x": 5, "y": "z"}, "l": [{"p": 1, "q": 2}]}"#);
        let filter = SourceFilter::from_params(&Parameters::decode(query)).unwrap_or(SourceFilter::All);
        filter.apply(source).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn shows_what_is_asked_for() {
        for (query, expected) in [
            ("_source=false", None),
            ("_source=a,o.x", Some(r#"{"a":1,"o":{"x":5}}"#)),
            ("_source_includes=o.*,k&_source_excludes=*.y", Some(r#"{"k":"x","o":{"x":5}}"#)),
            ("_source_excludes=o,l", Some(r#"{"a":1,"k":"x"}"#)),
            ("_source=l.p", Some(r#"{"l":[{"p":1}]}"#)),
            ("_source=none", Some("{}")),
            ("_source", Some(r#"{"a": 1, "k": "x", "o": {"x": 5, "y": "z"}, "l": [{"p": 1, "q": 2}]}"#)),
        ] {
            assert_eq!(filtered(query).as_deref(), expected, "{query}");
        }
    }
}
