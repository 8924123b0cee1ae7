//! A query bound to one index: fields resolved, values coerced, texts analysed, dates computed.
//!
//! A [`Plan`] holds nothing left to decide: a store matches tokens and typed values by path, and that is all. Both the
//! reference evaluator and the embedded store's index work from it, so they cannot differ in what a query means.

mod query_string;
mod terms;
mod text;

use std::collections::BTreeSet;
use std::sync::Arc;

use watchbell_json::Failure;
use watchbell_time::Timestamp;

use crate::Value;
use crate::mapping::{Field, FieldType, Mapping};
use crate::names::matches_pattern;
use crate::query::{BoolQuery, MinimumShouldMatch, Query, QueryKind};

#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub kind: PlanKind,
    /// Multiplies the score.
    pub boost: f32,
    pub name: Option<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PlanKind {
    All,
    Nothing,
    /// A token of a text field; scored.
    Token {
        field: Arc<str>,
        token: Arc<str>,
    },
    /// Any of these tokens of a text field; scores a constant.
    AnyToken {
        field: Arc<str>,
        tokens: BTreeSet<Arc<str>>,
    },
    /// A value; keywords and booleans are scored by how rare they are, others score a constant.
    Equals {
        field: Arc<str>,
        value: Value,
    },
    /// Any of these values; scores a constant.
    AnyValue {
        field: Arc<str>,
        values: BTreeSet<Value>,
    },
    /// Values in an interval; on a text field, tokens as keywords. Scores a constant.
    Between {
        field: Arc<str>,
        lower: Option<Limit>,
        upper: Option<Limit>,
    },
    /// Any value in one of these fields. `_ignored` has the names of the document's fields with malformed values.
    Exists {
        fields: Vec<Arc<str>>,
    },
    /// Tokens of a text field at these distances from each other; scored.
    Phrase {
        field: Arc<str>,
        tokens: Vec<PhraseToken>,
        slop: u32,
    },
    /// As a phrase, whose last token only begins so; at most `expansions` different tokens are tried, in their order.
    PhrasePrefix {
        field: Arc<str>,
        tokens: Vec<PhraseToken>,
        prefix: PhraseToken,
        slop: u32,
        expansions: usize,
    },
    /// A keyword or a token that begins so.
    Prefix {
        field: Arc<str>,
        prefix: Arc<str>,
        case_insensitive: bool,
    },
    /// A keyword or a token as a pattern of `*` and `?` with `\` before what is meant literally.
    Wildcard {
        field: Arc<str>,
        pattern: Arc<str>,
        case_insensitive: bool,
    },
    /// A keyword or a token, letters of either case.
    Folded {
        field: Arc<str>,
        text: Arc<str>,
    },
    Ids(BTreeSet<Arc<str>>),
    Bool(BoolPlan),
    Constant(Box<Plan>),
    /// The best of several, with a part of the others.
    Best {
        plans: Vec<Plan>,
        tie_breaker: f32,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    pub value: Value,
    pub inclusive: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhraseToken {
    pub token: Arc<str>,
    /// Relative to the phrase's first.
    pub position: u32,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct BoolPlan {
    pub must: Vec<Plan>,
    pub filter: Vec<Plan>,
    pub should: Vec<Plan>,
    pub must_not: Vec<Plan>,
    /// How many of `should` must match.
    pub minimum: usize,
}

impl Plan {
    #[must_use]
    pub fn new(kind: PlanKind) -> Plan {
        Plan { kind, boost: 1.0, name: None }
    }

    #[must_use]
    pub fn nothing() -> Plan {
        Plan::new(PlanKind::Nothing)
    }

    fn boosted(self, boost: f32) -> Plan {
        Plan { boost: self.boost * boost, ..self }
    }
}

/// What a query is bound to.
#[derive(Clone, Copy, Debug)]
pub struct PlanContext<'a> {
    pub index: &'a str,
    pub uuid: &'a str,
    pub mapping: &'a Mapping,
    pub now: Timestamp,
}

impl PlanContext<'_> {
    /// `query_shard_exception` of this index.
    #[must_use]
    pub fn shard_failure(&self, reason: impl Into<String>) -> Failure {
        Failure::new("query_shard_exception", reason).with("index_uuid", self.uuid).with("index", self.index)
    }

    /// Elasticsearch's own exceptions pass as they are; others are wrapped.
    fn wrap(&self, cause: Failure) -> Failure {
        match &*cause.kind {
            "illegal_argument_exception"
            | "number_format_exception"
            | "illegal_state_exception"
            | "json_parse_exception"
            | "zone_rules_exception"
            | "date_time_exception" => self.shard_failure(format!("failed to create query: {}", cause.reason_text())).caused_by(cause),
            _ => cause,
        }
    }
}

/// Binds a query to an index.
///
/// # Errors
/// What the index's shard fails with: `query_shard_exception`, `parse_exception`, ….
pub fn bind(query: &Query, context: &PlanContext<'_>) -> Result<Plan, Failure> {
    let kind = bind_kind(query, context).map_err(|cause| context.wrap(cause))?;
    Ok(Plan { name: query.name.clone().or(kind.name), boost: kind.boost * query.boost, kind: kind.kind })
}

fn bind_kind(query: &Query, context: &PlanContext<'_>) -> Result<Plan, Failure> {
    match &query.kind {
        QueryKind::MatchAll => Ok(Plan::new(PlanKind::All)),
        QueryKind::MatchNone => Ok(Plan::nothing()),
        QueryKind::Term(term) => terms::term(term, context),
        QueryKind::Terms { field, values } => terms::terms(field, values, context),
        QueryKind::Range(range) => terms::range(range, context),
        QueryKind::Prefix(prefix) => terms::prefix(prefix, context),
        QueryKind::Wildcard(wildcard) => terms::wildcard(wildcard, context),
        QueryKind::Exists { field } => exists(field, context),
        QueryKind::Ids { values } => Ok(Plan::new(PlanKind::Ids(values.iter().cloned().collect()))),
        QueryKind::Bool(query) => boolean(query, context),
        QueryKind::ConstantScore(inner) => Ok(Plan::new(PlanKind::Constant(Box::new(bind(inner, context)?)))),
        QueryKind::DisMax { queries, tie_breaker } => {
            let plans = queries.iter().map(|query| bind(query, context)).collect::<Result<_, _>>()?;
            Ok(Plan::new(PlanKind::Best { plans, tie_breaker: *tie_breaker }))
        }
        QueryKind::QueryString(query) => query_string::bind(query, context),
        QueryKind::Match(query) => text::match_query(query, context),
        QueryKind::MatchPhrase(query) => text::phrase(query, context),
        QueryKind::MatchPhrasePrefix(query) => text::phrase_prefix(query, context),
        QueryKind::MatchBoolPrefix(query) => text::bool_prefix(query, context),
        QueryKind::MultiMatch(query) => text::multi_match(query, context),
    }
}

/// How many clauses must match.
fn needed(wanted: &MinimumShouldMatch, clauses: usize) -> Result<usize, Failure> {
    let unreadable = |spec: &MinimumShouldMatch| match spec {
        MinimumShouldMatch::Unreadable(text) => Some(Failure::new("number_format_exception", format!("For input string: \"{text}\""))),
        _ => None,
    };
    unreadable(wanted).map_or_else(|| Ok(wanted.needed(clauses)), Err)
}

fn boolean(query: &BoolQuery, context: &PlanContext<'_>) -> Result<Plan, Failure> {
    let all = |queries: &[Query]| queries.iter().map(|query| bind(query, context)).collect::<Result<Vec<_>, _>>();
    let plan = BoolPlan { must: all(&query.must)?, filter: all(&query.filter)?, should: all(&query.should)?, must_not: all(&query.must_not)?, minimum: 0 };
    if plan.must.is_empty() && plan.filter.is_empty() && plan.should.is_empty() && plan.must_not.is_empty() {
        return Ok(Plan::new(PlanKind::All));
    }
    if let Some(wanted) = &query.minimum_should_match {
        needed(wanted, query.should.len())?;
    }
    Ok(Plan::new(PlanKind::Bool(BoolPlan { minimum: query.should_needed(), ..plan })))
}

fn exists(field: &str, context: &PlanContext<'_>) -> Result<Plan, Failure> {
    match field {
        "_id" | "_index" | "_seq_no" | "_version" | "_type" => return Ok(Plan::new(PlanKind::All)),
        "_ignored" => return Ok(Plan::new(PlanKind::Exists { fields: vec![field.into()] })),
        "_source" => return Err(context.shard_failure("The _source field is not searchable")),
        _ => {}
    }
    let mut fields: Vec<Arc<str>> = Vec::new();
    if field.contains('*') {
        let matching = context.mapping.leaves().into_iter().filter(|(path, _)| matches_pattern(field, path));
        fields.extend(matching.map(|(path, _)| Arc::from(path)));
    } else if let Some(found) = context.mapping.field(field) {
        fields.push(found.path);
    } else if context.mapping.object(field).is_some() {
        let inside = format!("{field}.");
        let leaves = context.mapping.leaves().into_iter().filter(|(path, _)| path.starts_with(&inside));
        fields.extend(leaves.map(|(path, _)| Arc::from(path)));
    }
    Ok(if fields.is_empty() { Plan::nothing() } else { Plan::new(PlanKind::Exists { fields }) })
}

/// # Errors
/// For a field without an index and without columns.
fn searchable(path: &str, field: &Field) -> Result<(), Failure> {
    if field.kind == FieldType::Binary {
        return Err(Failure::illegal_argument("Binary fields do not support searching"));
    }
    if field.index || field.doc_values {
        return Ok(());
    }
    Err(Failure::illegal_argument(format!("Cannot search on field [{path}] since it is not indexed.")))
}

fn searchable_text(found: &crate::mapping::Found) -> Result<(), Failure> {
    searchable(&found.path, &found.field)
}
