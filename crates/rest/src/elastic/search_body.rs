//! What a search's URL says beside its body, brought into the body: pure.

use watchbell_json::{Failure, Json, json};

use super::source_filter::SourceFilter;
use crate::parameters::Parameters;
use crate::problem::Problem;

/// Parameters that only mean something beside `q`.
pub(super) const QUERY_PARAMETERS: &[&str] = &["q", "df", "analyzer", "analyze_wildcard", "default_operator", "lenient"];

/// The query that `q` and what belongs to it ask for.
///
/// # Errors
/// A flag that is none.
pub(super) fn uri_query(params: &Parameters) -> Result<Option<Json>, Failure> {
    let Some(text) = params.get("q") else { return Ok(None) };
    let query = Json::object()
        .with("query", text)
        .with_some("default_field", params.get("df"))
        .with_some("analyzer", params.get("analyzer"))
        .with_some("analyze_wildcard", params.flag("analyze_wildcard")?)
        .with_some("default_operator", params.get("default_operator"))
        .with_some("lenient", params.flag("lenient")?);
    Ok(Some(Json::object().with("query_string", query)))
}

/// The body with what the URL says; what the URL says counts.
///
/// # Errors
/// A parameter that cannot be read.
pub(super) fn merged_body(params: &Parameters, body: Option<Json>) -> Result<Option<Json>, Problem> {
    let said = [
        ("query", uri_query(params)?),
        ("from", params.int("from")?.map(Json::from)),
        ("size", params.int("size")?.map(Json::from)),
        ("sort", params.get("sort").map(sort).filter(|sort| sort.as_list().is_some_and(|fields| !fields.is_empty()))),
        ("_source", SourceFilter::from_params(params).map(source)),
        ("stored_fields", params.list("stored_fields").map(stored_fields)),
        ("docvalue_fields", params.list("docvalue_fields").map(Json::from)),
        ("timeout", params.get("timeout").map(Json::from)),
        ("terminate_after", params.int("terminate_after")?.map(Json::from)),
        ("explain", params.flag("explain")?.map(Json::from)),
        ("version", params.flag("version")?.map(Json::from)),
        ("seq_no_primary_term", params.flag("seq_no_primary_term")?.map(Json::from)),
        ("track_scores", params.flag("track_scores")?.map(Json::from)),
        ("track_total_hits", track_total_hits(params)?),
        ("stats", params.list("stats").map(Json::from)),
    ];
    let mut merged = body;
    for (name, value) in said {
        if let Some(value) = value {
            merged.get_or_insert_with(Json::object).set(name, value);
        }
    }
    Ok(merged)
}

/// `track_total_hits`: a flag or a number.
fn track_total_hits(params: &Parameters) -> Result<Option<Json>, Failure> {
    match params.get("track_total_hits") {
        None => Ok(None),
        Some("" | "true") => Ok(Some(true.into())),
        Some("false") => Ok(Some(false.into())),
        Some(_) => Ok(params.int("track_total_hits")?.map(Json::from)),
    }
}

/// `a:desc,b`; a field with another order is left out, as in the reference.
fn sort(text: &str) -> Json {
    let one = |field: &str| match field.rsplit_once(':') {
        Some((name, order @ ("asc" | "desc"))) => Some(Json::object().with(name, json!({"order": order}))),
        Some(_) => None,
        None => Some(Json::from(field)),
    };
    text.split(',').filter(|field| !field.is_empty()).filter_map(one).collect()
}

fn source(filter: SourceFilter) -> Json {
    match filter {
        SourceFilter::All => true.into(),
        SourceFilter::None => false.into(),
        SourceFilter::Fields { includes, excludes } => Json::object().with("includes", includes).with("excludes", excludes),
    }
}

fn stored_fields(names: Vec<String>) -> Json {
    if names.len() == 1 && names.iter().any(|name| name == "_none_") { "_none_".into() } else { names.into() }
}

/// `rest_total_hits_as_int`: the total must be exact then, and is asked to be.
///
/// # Errors
/// The request asks for a bounded count.
pub(super) fn demand_exact_total(body: Option<Json>) -> Result<Option<Json>, Failure> {
    let mut body = body.unwrap_or_else(Json::object);
    match body.get("track_total_hits") {
        None => body.set("track_total_hits", true),
        Some(Json::Int(limit)) if *limit != i64::from(i32::MAX) => {
            return Err(Failure::illegal_argument(format!(
                "[rest_total_hits_as_int] cannot be used if the tracking of total hits is not accurate, got {limit}"
            )));
        }
        Some(_) => {}
    }
    Ok(Some(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_counts_over_the_body() {
        let merged = |query: &str, body: Option<Json>| merged_body(&Parameters::decode(query), body).unwrap();
        assert_eq!(merged("", None), None);
        assert_eq!(merged("", Some(json!({"size": 3}))), Some(json!({"size": 3})));
        assert_eq!(
            merged("size=1&sort=level:desc,n,m:asc", Some(json!({"size": 3}))),
            Some(json!({"size": 1, "sort": [{"level": {"order": "desc"}}, "n", {"m": {"order": "asc"}}]}))
        );
        assert_eq!(merged("q=a:b&lenient&_source=false", None), Some(json!({"query": {"query_string": {"query": "a:b", "lenient": true}}, "_source": false})));
        assert_eq!(merged("track_total_hits=5", None), Some(json!({"track_total_hits": 5})));
        assert!(merged_body(&Parameters::decode("from=x"), None).is_err());
    }

    #[test]
    fn a_whole_number_for_a_total_must_be_exact() {
        assert_eq!(demand_exact_total(None), Ok(Some(json!({"track_total_hits": true}))));
        assert!(demand_exact_total(Some(json!({"track_total_hits": 5}))).is_err());
    }
}
