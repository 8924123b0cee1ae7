//! Index expressions: names, aliases, wildcards, exclusions, date math.

use std::collections::BTreeMap;

use watchbell_json::{Failure, Json, Map};
use watchbell_time::Timestamp;

use crate::IndicesOptions;
use crate::dates::resolve_name;
use crate::names::matches_pattern;

/// What an expression is resolved against.
#[derive(Clone, Debug)]
pub struct KnownIndex<'a> {
    pub name: &'a str,
    pub hidden: bool,
    /// `{"alias": {"filter": …}}`.
    pub aliases: &'a Json,
}

/// An index that an expression means.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    pub name: String,
    /// The filters of the aliases it was named by: one of them must match. Empty when it was named otherwise too.
    pub filters: Vec<Json>,
}

#[must_use]
pub fn index_not_found(name: &str) -> Failure {
    Failure::new("index_not_found_exception", format!("no such index [{name}]"))
        .with("resource.type", "index_or_alias")
        .with("resource.id", name)
        .with("index_uuid", "_na_")
        .with("index", name)
}

/// The indices that expressions mean, in the order of names.
///
/// # Errors
/// `index_not_found_exception`; `parse_exception` for date math.
pub fn resolve(expressions: &[String], options: &IndicesOptions, known: &[KnownIndex<'_>], now: Timestamp) -> Result<Vec<Resolved>, Failure> {
    let parts: Vec<&str> = expressions.iter().flat_map(|expression| split(expression)).filter(|part| !part.is_empty()).collect();
    let everything = ["_all"];
    let parts: &[&str] = if parts.is_empty() { &everything } else { &parts };
    // By name: `None` once it was named without a filter.
    let mut found: BTreeMap<String, Option<Vec<Json>>> = BTreeMap::new();
    let mut after_wildcard = false;
    for part in parts {
        if let Some(excluded) = part.strip_prefix('-').filter(|_| after_wildcard) {
            let excluded = resolve_name(excluded, now)?;
            let aliased = |name: &str| known.iter().any(|index| index.name == name && index.aliases.get(&excluded).is_some());
            found.retain(|name, _| !matches_pattern(&excluded, name) && !aliased(name));
            continue;
        }
        let name = resolve_name(part, now)?;
        let is_pattern = name.contains('*') || name == "_all";
        after_wildcard |= is_pattern;
        let pattern = if name == "_all" { "*" } else { &name };
        let before = found.len();
        let mut any = false;
        for index in known {
            for way in named_by(index, pattern, is_pattern, options) {
                any = true;
                add(&mut found, index.name, way);
            }
        }
        let missing = !any && found.len() == before;
        if missing && if is_pattern { !options.allow_no_indices } else { !options.ignore_unavailable } {
            return Err(index_not_found(part));
        }
    }
    if found.is_empty() && !options.allow_no_indices {
        return Err(index_not_found(&parts.join(",")));
    }
    Ok(found.into_iter().map(|(name, filters)| Resolved { name, filters: filters.unwrap_or_default() }).collect())
}

/// Commas part expressions, but not inside date math.
fn split(expression: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut inside) = (0, false);
    for (at, c) in expression.char_indices() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            ',' if !inside => {
                parts.push(&expression[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&expression[start..]);
    parts
}

/// The ways a name means an index: by itself (`None`) or through an alias with its filter.
fn named_by(index: &KnownIndex<'_>, pattern: &str, is_pattern: bool, options: &IndicesOptions) -> Vec<Option<Json>> {
    // A pattern that itself begins with a dot means hidden indices too.
    let hidden_too = options.expand_hidden || pattern.starts_with('.');
    let visible = |hidden: bool, name: &str| !is_pattern || !hidden || (hidden_too && (options.expand_hidden || name.starts_with('.')));
    let fits = |name: &str| if is_pattern { matches_pattern(pattern, name) } else { pattern == name };
    if is_pattern && !options.expand_open && !options.expand_closed {
        return Vec::new();
    }
    let mut ways = Vec::new();
    if fits(index.name) && visible(index.hidden, index.name) {
        ways.push(None);
    }
    for (alias, definition) in index.aliases.as_map().into_iter().flat_map(Map::iter) {
        let hidden = definition.get("is_hidden").and_then(Json::as_bool) == Some(true);
        if fits(alias) && visible(hidden, alias) {
            ways.push(definition.get("filter").cloned());
        }
    }
    ways
}

fn add(found: &mut BTreeMap<String, Option<Vec<Json>>>, name: &str, filter: Option<Json>) {
    match (found.get_mut(name), filter) {
        (None, filter) => {
            found.insert(name.to_owned(), filter.map(|filter| vec![filter]));
        }
        (Some(Some(filters)), Some(filter)) => filters.push(filter),
        (Some(filters), None) => *filters = None,
        (Some(None), Some(_)) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    fn names(expressions: &[&str], options: &IndicesOptions) -> Result<Vec<String>, String> {
        let (none, filtered) = (Json::object(), json!({"errors": {"filter": {"term": {"level": "ERROR"}}}}));
        let known = [
            KnownIndex { name: "logs-1", hidden: false, aliases: &filtered },
            KnownIndex { name: "logs-2", hidden: false, aliases: &none },
            KnownIndex { name: ".watches", hidden: true, aliases: &none },
        ];
        let expressions: Vec<String> = expressions.iter().map(|e| (*e).to_owned()).collect();
        let now = "2026-11-24T01:00:00Z".parse().unwrap();
        let resolved = resolve(&expressions, options, &known, now).map_err(|failure| failure.reason_text().to_owned())?;
        Ok(resolved.into_iter().map(|r| format!("{}{}", r.name, if r.filters.is_empty() { "" } else { " filtered" })).collect())
    }

    #[test]
    fn expressions() {
        let search = IndicesOptions::search();
        assert_eq!(names(&[], &search).unwrap(), ["logs-1", "logs-2"]);
        assert_eq!(names(&["*", "-logs-2"], &search).unwrap(), ["logs-1"]);
        assert_eq!(names(&[".w*"], &search).unwrap(), [".watches"]);
        assert_eq!(names(&["errors"], &search).unwrap(), ["logs-1 filtered"]);
        assert_eq!(names(&["errors,logs-1"], &search).unwrap(), ["logs-1"]);
        assert_eq!(names(&["nope"], &search).unwrap_err(), "no such index [nope]");
        assert_eq!(names(&["nope*"], &search).unwrap(), Vec::<String>::new());
        assert_eq!(names(&["nope", "logs-1"], &IndicesOptions::watcher()).unwrap(), ["logs-1"]);
    }

    #[test]
    fn date_math_in_names() {
        let now = "2026-11-24T01:00:00Z".parse().unwrap();
        for (name, expected) in [
            ("<logs-{now/d}>", "logs-2026.11.24"),
            ("<logs-{now/d-1d}>", "logs-2026.11.23"),
            ("<logs-{now/M{yyyy.MM}}>", "logs-2026.11"),
            ("<logs-{now/d{yyyy.MM.dd|-02:00}}>", "logs-2026.11.23"),
            (r"<x-\{y\}-{2026.11.24||}>", "x-{y}-2026.11.24"),
            ("plain", "plain"),
        ] {
            assert_eq!(resolve_name(name, now).as_deref(), Ok(expected));
        }
        let failure = resolve_name("<d-{2026-11-24||/d}>", now).unwrap_err();
        assert!(failure.reason_text().starts_with("failed to parse date field [2026-11-24] with format [uuuu.MM.dd]"));
    }
}
