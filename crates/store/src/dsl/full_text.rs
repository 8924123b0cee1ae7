//! The match family.

use std::sync::Arc;

use watchbell_json::{Failure, Json, Map};

use super::clauses::{Common, minimum_should_match};
use super::members::{flag, float, integer, name, parsing, single_field, unknown_token, unsupported};
use crate::mapping::java_text;
use crate::query::{MatchQuery, MultiMatch, MultiMatchType, Operator, PhraseQuery, Query, QueryKind, ZeroTerms};

/// Terms that the last word of a phrase may stand for, when nothing is said.
const EXPANSIONS: usize = 50;

pub(super) fn operator(value: &Json) -> Result<Operator, Failure> {
    let text = java_text(value);
    match text.to_ascii_lowercase().as_str() {
        "or" => Ok(Operator::Or),
        "and" => Ok(Operator::And),
        _ => Err(Failure::illegal_argument(format!("No enum constant org.elasticsearch.index.query.Operator.{}", text.to_uppercase()))),
    }
}

fn zero_terms(value: &Json) -> Result<ZeroTerms, Failure> {
    let text = java_text(value);
    match text.to_ascii_lowercase().as_str() {
        "none" => Ok(ZeroTerms::None),
        "all" => Ok(ZeroTerms::All),
        _ => Err(parsing(format!("Unsupported zero_terms_query value [{text}]"))),
    }
}

/// The analyser is checked where the query meets an index, as in the reference.
fn analyzer(value: &Json) -> Option<Arc<str>> {
    (!value.is_null()).then(|| name(value))
}

fn scalar(query: &str, value: &Json, after: &str) -> Result<Json, Failure> {
    if value.is_scalar() { Ok(value.clone()) } else { Err(unknown_token(query, value, after)) }
}

fn no_text() -> Failure {
    parsing("No text specified for text query")
}

pub(super) fn match_query(body: &Map) -> Result<Query, Failure> {
    word_match("match", body).map(|(common, query)| common.with(QueryKind::Match(query)))
}

pub(super) fn bool_prefix(body: &Map) -> Result<Query, Failure> {
    word_match("match_bool_prefix", body).map(|(common, query)| common.with(QueryKind::MatchBoolPrefix(query)))
}

fn word_match(kind: &str, body: &Map) -> Result<(Common, MatchQuery), Failure> {
    let Some((field, value)) = single_field(kind, body)? else { return Err(no_text()) };
    let mut common = Common::new();
    let mut query = MatchQuery {
        field: field.clone(),
        text: Json::Null,
        operator: Operator::default(),
        minimum_should_match: None,
        analyzer: None,
        zero_terms: ZeroTerms::default(),
        lenient: false,
    };
    let Json::Map(options) = value else {
        query.text = scalar(kind, value, field)?;
        return Ok((common, query));
    };
    for (key, value) in options.iter() {
        match &**key {
            "query" => query.text = scalar(kind, value, key)?,
            "operator" => query.operator = operator(value)?,
            "minimum_should_match" => query.minimum_should_match = (!value.is_null()).then(|| minimum_should_match(value)),
            "analyzer" => query.analyzer = analyzer(value),
            "zero_terms_query" if kind == "match" => query.zero_terms = zero_terms(value)?,
            "lenient" if kind == "match" => query.lenient = flag(value)?,
            "auto_generate_synonyms_phrase_query" if kind == "match" => {
                // There are no synonyms to make phrases of.
                flag(value)?;
            }
            _ if common.take(kind, key, value)? => {}
            _ => return Err(unsupported(kind, key)),
        }
    }
    if query.text.is_null() {
        return Err(no_text());
    }
    Ok((common, query))
}

pub(super) fn phrase(kind: &str, body: &Map) -> Result<Query, Failure> {
    let prefix = kind == "match_phrase_prefix";
    let Some((field, value)) = single_field(kind, body)? else { return Err(no_text()) };
    let mut common = Common::new();
    let mut query =
        PhraseQuery { field: field.clone(), text: Json::Null, slop: 0, analyzer: None, zero_terms: ZeroTerms::default(), max_expansions: EXPANSIONS };
    match value {
        Json::Map(options) => {
            for (key, value) in options.iter() {
                match &**key {
                    "query" => query.text = scalar(kind, value, key)?,
                    "slop" => query.slop = slop(value)?,
                    "analyzer" => query.analyzer = analyzer(value),
                    "zero_terms_query" => query.zero_terms = zero_terms(value)?,
                    "max_expansions" if prefix => query.max_expansions = expansions(value)?,
                    _ if common.take(kind, key, value)? => {}
                    _ => return Err(unsupported(kind, key)),
                }
            }
        }
        value => query.text = scalar(kind, value, field)?,
    }
    if query.text.is_null() {
        return Err(no_text());
    }
    Ok(common.with(if prefix { QueryKind::MatchPhrasePrefix(query) } else { QueryKind::MatchPhrase(query) }))
}

pub(super) fn slop(value: &Json) -> Result<u32, Failure> {
    u32::try_from(integer(value)?).map_err(|_| Failure::illegal_argument("No negative slop allowed."))
}

fn expansions(value: &Json) -> Result<usize, Failure> {
    usize::try_from(integer(value)?).map_err(|_| Failure::illegal_argument("No negative maxExpansions allowed."))
}

pub(super) fn multi_match(body: &Map) -> Result<Query, Failure> {
    let mut common = Common::new();
    let mut query = MultiMatch {
        fields: Vec::new(),
        text: Json::Null,
        kind: MultiMatchType::default(),
        operator: Operator::default(),
        minimum_should_match: None,
        analyzer: None,
        zero_terms: ZeroTerms::default(),
        lenient: false,
        slop: 0,
        tie_breaker: None,
        max_expansions: EXPANSIONS,
    };
    for (key, value) in body.iter() {
        match &**key {
            "query" => query.text = scalar("multi_match", value, key)?,
            "fields" => query.fields = fields(value)?,
            "type" => query.kind = multi_type(value)?,
            "operator" => query.operator = operator(value)?,
            "minimum_should_match" => query.minimum_should_match = (!value.is_null()).then(|| minimum_should_match(value)),
            "analyzer" => query.analyzer = analyzer(value),
            "zero_terms_query" => query.zero_terms = zero_terms(value)?,
            "lenient" => query.lenient = flag(value)?,
            "slop" => query.slop = slop(value)?,
            "tie_breaker" => query.tie_breaker = Some(float(value)?),
            "max_expansions" => query.max_expansions = expansions(value)?,
            _ if common.take("multi_match", key, value)? => {}
            _ => return Err(unsupported("multi_match", key)),
        }
    }
    if query.text.is_null() {
        return Err(parsing("No text specified for multi_match query"));
    }
    Ok(common.with(QueryKind::MultiMatch(query)))
}

pub(super) fn multi_type(value: &Json) -> Result<MultiMatchType, Failure> {
    let text = java_text(value);
    Ok(match text.as_str() {
        "best_fields" | "boolean" => MultiMatchType::BestFields,
        "most_fields" => MultiMatchType::MostFields,
        "phrase" => MultiMatchType::Phrase,
        "phrase_prefix" => MultiMatchType::PhrasePrefix,
        "bool_prefix" => MultiMatchType::BoolPrefix,
        _ => return Err(Failure::parse(format!("failed to parse [multi_match] query type [{text}]. unknown type."))),
    })
}

pub(super) fn fields(value: &Json) -> Result<Vec<(Arc<str>, f32)>, Failure> {
    let list = value.as_list().map_or_else(|| vec![value.clone()], <[Json]>::to_vec);
    let one = |field: &Json| {
        let text = java_text(field);
        match text.split_once('^') {
            Some((name, boost)) => Ok((name.into(), float(&Json::from(boost))?)),
            None => Ok((text.into(), 1.0)),
        }
    };
    list.iter().map(one).collect()
}
