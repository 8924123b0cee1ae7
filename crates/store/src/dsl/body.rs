//! The search body.

use watchbell_json::{Failure, Json, Map, token_name};

use super::members::{flag, float, integer, name, number_format, parsing};
use super::{clauses, sort};
use crate::mapping::java_text;
use crate::query::{FieldFormat, Query, SearchBody, SourceFilter, TrackTotal};

fn unknown_key(key: &str, value: &Json) -> Failure {
    parsing(format!("Unknown key for a {} in [{key}].", token_name(value)))
}

fn members(body: &Json) -> Result<&Map, Failure> {
    body.as_map().ok_or_else(|| parsing(format!("Expected [START_OBJECT] but found [{}]", token_name(body))))
}

fn query(key: &str, value: &Json) -> Result<Query, Failure> {
    if value.as_map().is_some() { clauses::parse(value, 0) } else { Err(unknown_key(key, value)) }
}

pub(super) fn parse_count(body: &Json) -> Result<Query, Failure> {
    let mut found = Query::match_all();
    for (key, value) in members(body)?.iter() {
        match &**key {
            "query" => found = query(key, value)?,
            _ => return Err(parsing(format!("request does not support [{key}]"))),
        }
    }
    Ok(found)
}

pub(super) fn parse(body: &Json) -> Result<SearchBody, Failure> {
    let mut search = SearchBody::default();
    for (key, value) in members(body)?.iter() {
        match &**key {
            "query" => search.query = query(key, value)?,
            "post_filter" => search.post_filter = Some(query(key, value)?),
            "from" => search.from = not_negative(key, value)?,
            "size" => search.size = not_negative(key, value)?,
            "sort" => search.sort = sort::parse(value)?,
            "_source" => search.source = Some(source(value)?),
            "track_total_hits" => search.track_total_hits = track_total(value)?,
            "track_scores" => search.track_scores = flag(value)?,
            "version" => search.version = flag(value)?,
            "seq_no_primary_term" => search.seq_no_primary_term = flag(value)?,
            "min_score" => search.min_score = Some(float(value)?),
            "search_after" => search.search_after = Some(search_after(value)?),
            "terminate_after" => search.terminate_after = terminate_after(integer(value)?),
            "timeout" => timeout(value)?,
            "stored_fields" => search.stored_fields = Some(names(value)),
            "docvalue_fields" => search.docvalue_fields = field_formats(value)?,
            "fields" => search.fields = field_formats(value)?,
            "stats" => {}
            "explain" | "profile" if *value == Json::Bool(false) => {}
            "aggs" | "aggregations" => no_aggregations(key, value)?,
            _ => return Err(unknown_key(key, value)),
        }
    }
    Ok(search)
}

fn not_negative(key: &str, value: &Json) -> Result<usize, Failure> {
    let number = integer(value)?;
    usize::try_from(number).map_err(|_| {
        Failure::illegal_argument(if key == "from" {
            format!("[from] parameter cannot be negative but was [{number}]")
        } else {
            format!("[{key}] parameter cannot be negative, found [{number}]")
        })
    })
}

fn no_aggregations(key: &str, value: &Json) -> Result<(), Failure> {
    let Some(aggregations) = value.as_map() else { return Err(unknown_key(key, value)) };
    let Some((name, definition)) = aggregations.iter().next() else { return Ok(()) };
    let kinds = definition.as_map().into_iter().flat_map(Map::keys);
    let Some(kind) = kinds.into_iter().find(|kind| !matches!(*kind, "aggs" | "aggregations" | "meta")) else {
        return Err(parsing(format!("Missing definition for aggregation [{name}]")));
    };
    let cause = Failure::new("named_object_not_found_exception", format!("[1:1] unknown field [{kind}]"));
    Err(parsing(format!("Unknown aggregation type [{kind}]")).caused_by(cause))
}

fn names(value: &Json) -> Vec<String> {
    value.as_list().map_or_else(|| vec![java_text(value)], |items| items.iter().map(java_text).collect())
}

fn source(value: &Json) -> Result<SourceFilter, Failure> {
    match value {
        Json::Bool(true) => Ok(SourceFilter::All),
        Json::Bool(false) => Ok(SourceFilter::None),
        Json::Str(_) | Json::List(_) => Ok(SourceFilter::Fields { includes: names(value), excludes: Vec::new() }),
        Json::Map(members) => {
            let (mut includes, mut excludes) = (Vec::new(), Vec::new());
            for (key, value) in members.iter() {
                match &**key {
                    "includes" | "include" => includes = names(value),
                    "excludes" | "exclude" => excludes = names(value),
                    _ => return Err(unknown_key(key, value)),
                }
            }
            Ok(SourceFilter::Fields { includes, excludes })
        }
        other => Err(parsing(format!("Expected one of [VALUE_BOOLEAN, START_OBJECT] but found [{}]", token_name(other)))),
    }
}

fn track_total(value: &Json) -> Result<TrackTotal, Failure> {
    match value {
        Json::Bool(true) => return Ok(TrackTotal::Exact),
        Json::Bool(false) => return Ok(TrackTotal::Off),
        Json::Str(text) if &**text == "true" => return Ok(TrackTotal::Exact),
        Json::Str(text) if &**text == "false" => return Ok(TrackTotal::Off),
        _ => {}
    }
    match integer(value)? {
        -1 | 0 => Ok(TrackTotal::Off),
        number => u64::try_from(number)
            .map(TrackTotal::UpTo)
            .map_err(|_| Failure::illegal_argument(format!("[track_total_hits] parameter must be positive or equals to -1, got {number}"))),
    }
}

fn search_after(value: &Json) -> Result<Vec<Json>, Failure> {
    let Some(values) = value.as_list() else { return Err(unknown_key("search_after", value)) };
    if values.is_empty() {
        return Err(Failure::illegal_argument("Values must contains at least one value."));
    }
    for value in values {
        if matches!(value, Json::Map(_) | Json::List(_)) {
            return Err(parsing(format!(
                "Expected [VALUE_STRING] or [VALUE_NUMBER] or [VALUE_BOOLEAN] or [VALUE_NULL] but found [{}] inside search_after.",
                token_name(value)
            )));
        }
    }
    Ok(values.to_vec())
}

/// Zero is no bound, and below zero there is nothing.
fn terminate_after(most: i64) -> Option<usize> {
    (most != 0).then(|| usize::try_from(most).unwrap_or(0))
}

/// A time value is checked, not used: the caller has a deadline of its own.
fn timeout(value: &Json) -> Result<(), Failure> {
    crate::dates::time_value("timeout", &java_text(value)).map(|_| ())
}

fn field_formats(value: &Json) -> Result<Vec<FieldFormat>, Failure> {
    let list = value.as_list().map_or_else(|| vec![value.clone()], <[Json]>::to_vec);
    let one = |entry: &Json| match entry {
        Json::Str(field) => Ok(FieldFormat { field: field.clone(), format: None }),
        Json::Map(members) => {
            let mut format = FieldFormat { field: "".into(), format: None };
            for (key, value) in members.iter() {
                match &**key {
                    "field" => format.field = name(value),
                    "format" => format.format = (!value.is_null() && value.as_str() != Some("use_field_mapping")).then(|| name(value)),
                    "include_unmapped" if *value == Json::Bool(false) => {}
                    _ => return Err(super::members::unknown_field("docvalues_field", key, &["field", "format"])),
                }
            }
            if format.field.is_empty() {
                return Err(Failure::illegal_argument("Required [field]"));
            }
            Ok(format)
        }
        other => Err(number_format(other)),
    };
    list.iter().map(one).collect()
}
