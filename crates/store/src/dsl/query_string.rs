//! `query_string`: its options. Its text is read where it meets an index, as in the reference.

use std::sync::Arc;

use watchbell_json::{Failure, Json, Map};

use super::clauses::{Common, minimum_should_match};
use super::full_text::{fields, multi_type, operator, slop};
use super::members::{flag, float, integer, name, parsing, unknown_token, unsupported};
use crate::query::{MultiMatchType, Operator, Query, QueryKind, QueryStringQuery};

/// Longest query string in characters: it is parsed for every index.
const TEXT_MAX: usize = 32_768;

pub(super) fn parse(body: &Map) -> Result<Query, Failure> {
    const KIND: &str = "query_string";
    let mut common = Common::new();
    let mut text: Option<Arc<str>> = None;
    let mut query = QueryStringQuery {
        text: "".into(),
        fields: Vec::new(),
        operator: Operator::default(),
        lenient: None,
        analyzer: None,
        quote_analyzer: None,
        phrase_slop: 0,
        minimum_should_match: None,
        tie_breaker: 0.0,
        time_zone: None,
        escape: false,
    };
    for (key, value) in body.iter() {
        match &**key {
            "query" if value.is_scalar() => text = Some(name(value)),
            "query" => return Err(unknown_token(KIND, value, key)),
            "fields" if matches!(value, Json::List(_)) => query.fields = fields(value)?,
            "default_field" => query.fields = fields(value)?,
            "default_operator" => query.operator = operator(value)?,
            "lenient" => query.lenient = Some(flag(value)?),
            "analyzer" => query.analyzer = Some(name(value)),
            "quote_analyzer" => query.quote_analyzer = Some(name(value)),
            "phrase_slop" => query.phrase_slop = slop(value)?,
            "minimum_should_match" => query.minimum_should_match = (!value.is_null()).then(|| minimum_should_match(value)),
            "tie_breaker" => query.tie_breaker = float(value)?,
            "time_zone" => {
                query.time_zone = Some(name(value));
                crate::dates::zone(query.time_zone.as_deref())?;
            }
            "escape" => query.escape = flag(value)?,
            "type" => {
                if multi_type(value)? != MultiMatchType::BestFields {
                    return Err(unsupported(KIND, key));
                }
            }
            // They change how patterns and fuzzy terms are rewritten, which here needs no bound.
            "analyze_wildcard" | "enable_position_increments" | "auto_generate_synonyms_phrase_query" | "fuzzy_transpositions" => {
                flag(value)?;
            }
            "max_determinized_states" | "fuzzy_max_expansions" | "fuzzy_prefix_length" => {
                integer(value)?;
            }
            "rewrite" => {}
            "allow_leading_wildcard" if flag(value)? => {}
            _ if common.take(KIND, key, value)? => {}
            _ => return Err(unsupported(KIND, key)),
        }
    }
    query.text = text.ok_or_else(|| parsing("[query_string] must be provided with a [query]"))?;
    if query.text.chars().count() > TEXT_MAX {
        return Err(Failure::illegal_argument(format!("Query string length exceeds max allowed length {TEXT_MAX} (indices.query.query_string.max_length)")));
    }
    if query.fields.iter().any(|(field, _)| &**field == "*") {
        query.fields.clear();
    }
    Ok(common.with(QueryKind::QueryString(query)))
}
