//! What of a document a hit shows: source filtering, `docvalue_fields`, `fields`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use watchbell_json::{Failure, Json, Map};
use watchbell_time::date::DateFormat;

use super::decimal_format::DecimalFormat;
use super::sorting::{printed_date, sortable};
use crate::Value;
use crate::dates;
use crate::mapping::{Field, FieldType, Found, IndexedFields};
use crate::names::matches_pattern;
use crate::plan::PlanContext;
use crate::query::FieldFormat;
use crate::value::ip_text;

/// Deepest level that source filtering looks into; what lies deeper goes with what it lies in.
const FILTERED_DEPTH: usize = 100;

/// The members that the patterns leave; a pattern that names an object means all of it.
#[must_use]
pub fn filter_source(source: &Json, includes: &[String], excludes: &[String]) -> Json {
    match source.as_map() {
        Some(members) => filter_members(members, "", includes.is_empty(), &Patterns { includes, excludes }, 0).into(),
        None => source.clone(),
    }
}

struct Patterns<'p> {
    includes: &'p [String],
    excludes: &'p [String],
}

fn filter_members(members: &Map, path: &str, included: bool, patterns: &Patterns<'_>, depth: usize) -> Map {
    let mut kept = Map::new();
    for (name, value) in members.iter() {
        let path = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
        if patterns.excludes.iter().any(|pattern| matches_pattern(pattern, &path)) {
            continue;
        }
        let named = |pattern: &String| matches_pattern(pattern, &path) || pattern.strip_suffix(".*") == Some(&path);
        let included = included || patterns.includes.iter().any(named);
        if let Some(value) = filter_value(value, &path, included, patterns, depth + 1) {
            kept.insert(name.clone(), value);
        }
    }
    kept
}

fn filter_value(value: &Json, path: &str, included: bool, patterns: &Patterns<'_>, depth: usize) -> Option<Json> {
    match value {
        deep if depth >= FILTERED_DEPTH => included.then(|| deep.clone()),
        Json::Map(members) => {
            let kept = filter_members(members, path, included, patterns, depth + 1);
            (included || !kept.is_empty()).then(|| kept.into())
        }
        Json::List(items) => {
            let kept: Vec<Json> = items.iter().filter_map(|item| filter_value(item, path, included, patterns, depth + 1)).collect();
            (included || !kept.is_empty()).then(|| kept.into())
        }
        scalar => included.then(|| scalar.clone()),
    }
}

/// `docvalue_fields`: values out of the columns, in their order. Binary values have no column here, so they come from the source.
///
/// # Errors
/// `illegal_argument_exception` for texts, and for a format on what has none.
pub fn column_fields(wanted: &[FieldFormat], source: &Json, fields: &IndexedFields, context: &PlanContext<'_>) -> Result<Map, Failure> {
    let mut out = Map::new();
    for entry in wanted {
        for (name, found) in expand(&entry.field, context) {
            sortable(&name, &found.field, context)?;
            let format = format_of(entry, &name, &found.field)?;
            if found.field.kind == FieldType::Binary {
                let values: BTreeSet<String> = texts_of(source, &name, context).iter().map(|text| url_safe(&crate::mapping::java_text(text))).collect();
                if !values.is_empty() {
                    out.insert(name, values.into_iter().map(Json::from).collect::<Json>());
                }
                continue;
            }
            let mut values = fields.values(&found.path).to_vec();
            values.sort();
            if matches!(found.field.kind, FieldType::Keyword | FieldType::Ip) {
                values.dedup();
            }
            if !values.is_empty() {
                out.insert(name, values.iter().map(|value| shown(value, &found.field, format.as_ref())).collect::<Json>());
            }
        }
    }
    Ok(out)
}

/// `fields`: values as the mapping understands them, in the order of the document.
///
/// # Errors
/// `illegal_argument_exception` for a format on what has none.
pub fn source_fields(wanted: &[FieldFormat], source: &Json, fields: &IndexedFields, context: &PlanContext<'_>) -> Result<Map, Failure> {
    let mut out = Map::new();
    for entry in wanted {
        for (name, found) in expand(&entry.field, context) {
            let format = format_of(entry, &name, &found.field)?;
            let values: Vec<Json> = match found.field.kind {
                FieldType::Text => texts_of(source, &name, context),
                _ => fields.values(&found.path).iter().map(|value| shown(value, &found.field, format.as_ref())).collect(),
            };
            if !values.is_empty() {
                out.insert(name, values);
            }
        }
    }
    Ok(out)
}

fn expand(pattern: &Arc<str>, context: &PlanContext<'_>) -> BTreeMap<Arc<str>, Found> {
    if !pattern.contains('*') {
        return context.mapping.field(pattern).into_iter().map(|found| (pattern.clone(), found)).collect();
    }
    let leaves = context.mapping.leaves().into_iter().filter(|(path, _)| matches_pattern(pattern, path));
    leaves.filter_map(|(path, _)| context.mapping.field(&path).map(|found| (Arc::from(path), found))).collect()
}

/// Base64 as columns print it: with the letters of URLs and without padding.
fn url_safe(base64: &str) -> String {
    base64.trim_end_matches('=').replace('+', "-").replace('/', "_")
}

/// How a request wants the values of a field.
enum Format {
    Date(DateFormat),
    Decimal(DecimalFormat),
}

fn format_of(entry: &FieldFormat, name: &str, field: &Field) -> Result<Option<Format>, Failure> {
    let Some(format) = &entry.format else { return Ok(None) };
    match &field.kind {
        kind if kind.is_date() => dates::format(format).map(Format::Date).map(Some),
        kind if kind.is_whole_number() || kind.is_fraction() => DecimalFormat::parse(format).map(Format::Decimal).map(Some),
        kind => Err(Failure::illegal_argument(format!("Field [{name}] of type [{}] does not support custom formats", kind.name()))),
    }
}

fn shown(value: &Value, field: &Field, format: Option<&Format>) -> Json {
    let decimal = match format {
        Some(Format::Decimal(format)) => Some(format),
        _ => None,
    };
    let date = match format {
        Some(Format::Date(format)) => Some(format),
        _ => field.format.as_deref(),
    };
    match value {
        Value::Keyword(text) => Json::Str(text.clone()),
        Value::Long(number) => decimal.map_or(Json::Int(*number), |format| Json::from(format.print_whole((*number).into()))),
        Value::Unsigned(number) => decimal.map_or_else(|| Json::from(*number), |format| Json::from(format.print_whole((*number).into()))),
        Value::Double(number) => decimal.map_or(Json::Double(*number), |format| Json::from(format.print(*number))),
        Value::Bool(value) => Json::Bool(*value),
        Value::Ip(bits) => Json::from(ip_text(*bits)),
        Value::Date(stored) => match date {
            Some(format) => Json::from(printed_date(*stored, field.kind == FieldType::DateNanos, format)),
            None => Json::Int(*stored),
        },
    }
}

/// The texts of a field in the source; a multi-field's are those of the field it belongs to.
fn texts_of(source: &Json, path: &str, context: &PlanContext<'_>) -> Vec<Json> {
    let mut out = Vec::new();
    collect(source, path, &mut out);
    if out.is_empty()
        && let Some((parent, _)) = path.rsplit_once('.')
        && context.mapping.field(parent).is_some()
    {
        collect(source, parent, &mut out);
    }
    out
}

fn collect(value: &Json, path: &str, out: &mut Vec<Json>) {
    match value {
        Json::List(items) => crate::mapping::flattened(items).into_iter().for_each(|item| collect(item, path, out)),
        Json::Null => {}
        Json::Map(members) if !path.is_empty() => {
            for (name, value) in members.iter() {
                if let Some(rest) = path.strip_prefix(&**name) {
                    match rest.strip_prefix('.') {
                        Some(rest) => collect(value, rest, out),
                        None if rest.is_empty() => collect(value, "", out),
                        None => {}
                    }
                }
            }
        }
        scalar if path.is_empty() && scalar.is_scalar() => out.push(Json::from(crate::mapping::java_text(scalar))),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    #[test]
    fn source_filters_by_paths() {
        let source = json!({"a": {"b": 1, "c": [{"d": 2, "e": 3}]}, "f": 4, "g": {}});
        let filtered = |includes: &[&str], excludes: &[&str]| {
            let owned = |patterns: &[&str]| patterns.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>();
            filter_source(&source, &owned(includes), &owned(excludes)).to_string()
        };
        assert_eq!(filtered(&["f"], &[]), r#"{"f":4}"#);
        assert_eq!(filtered(&["a"], &["a.c"]), r#"{"a":{"b":1}}"#);
        assert_eq!(filtered(&["*.d"], &[]), r#"{"a":{"c":[{"d":2}]}}"#);
        assert_eq!(filtered(&["a.*"], &["*.e"]), r#"{"a":{"b":1,"c":[{"d":2}]}}"#);
        assert_eq!(filtered(&[], &["a"]), r#"{"f":4,"g":{}}"#);
    }
}
