//! Queries: which there are, and those on terms and on other queries.

use std::sync::Arc;

use watchbell_json::{Failure, Json, Map, token_name};

use super::members::{boost, flag, float, name, parsing, single_field, suggestion, unknown_field, unsupported, x_content};
use super::query_string;
use super::{CLAUSES_MAX, NESTED_DEPTH_MAX, TERMS_MAX, full_text};
use crate::mapping::java_text;
use crate::query::{BoolQuery, Bound, MinimumShouldMatch, Query, QueryKind, RangeQuery, TermQuery};

const KNOWN: &[&str] = &[
    "match_all",
    "match_none",
    "match",
    "match_phrase",
    "match_phrase_prefix",
    "match_bool_prefix",
    "multi_match",
    "query_string",
    "term",
    "terms",
    "range",
    "exists",
    "prefix",
    "wildcard",
    "ids",
    "bool",
    "constant_score",
    "dis_max",
];

pub(super) fn parse(query: &Json, depth: usize) -> Result<Query, Failure> {
    if depth > NESTED_DEPTH_MAX {
        let reason = format!(
            "The nested depth of the query exceeds the maximum nested depth for queries set in [indices.query.bool.max_nested_depth] ({NESTED_DEPTH_MAX})"
        );
        return Err(Failure::illegal_argument(reason));
    }
    let Some(members) = query.as_map() else {
        return Err(parsing("[_na] query malformed, must start with start_object"));
    };
    let mut members = members.iter();
    let Some((kind, body)) = members.next() else {
        return Err(Failure::illegal_argument("query malformed, empty clause found at [1:1]"));
    };
    let Some(body) = body.as_map() else {
        return Err(parsing(format!("[{kind}] query malformed, no start_object after query name")));
    };
    let parsed = by_name(kind, body, depth)?;
    if members.next().is_some() {
        return Err(parsing(format!("[{kind}] malformed query, expected [END_OBJECT] but found [FIELD_NAME]")));
    }
    Ok(parsed)
}

fn by_name(kind: &str, body: &Map, depth: usize) -> Result<Query, Failure> {
    match kind {
        "match_all" => plain(kind, body, QueryKind::MatchAll),
        "match_none" => plain(kind, body, QueryKind::MatchNone),
        "term" => term(body),
        "terms" => terms(body),
        "range" => range(body),
        "exists" => exists(body),
        "prefix" => pattern(kind, body, QueryKind::Prefix),
        "wildcard" => pattern(kind, body, QueryKind::Wildcard),
        "ids" => ids(body),
        "bool" => boolean(body, depth),
        "constant_score" => constant_score(body, depth),
        "dis_max" => dis_max(body, depth),
        "match" => full_text::match_query(body),
        "match_phrase" => full_text::phrase(kind, body),
        "match_phrase_prefix" => full_text::phrase(kind, body),
        "match_bool_prefix" => full_text::bool_prefix(body),
        "multi_match" => full_text::multi_match(body),
        "query_string" => query_string::parse(body),
        _ => {
            let cause = Failure::new("named_object_not_found_exception", format!("[1:1] unknown field [{kind}]"));
            Err(parsing(format!("unknown query [{kind}]{}", suggestion(kind, KNOWN))).caused_by(cause))
        }
    }
}

/// `boost` and `_name`, which every query has.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) boost: f32,
    pub(super) name: Option<Arc<str>>,
}

impl Common {
    pub(super) fn new() -> Common {
        Common { boost: 1.0, name: None }
    }

    /// Whether the member was one of them.
    pub(super) fn take(&mut self, query: &str, key: &str, value: &Json) -> Result<bool, Failure> {
        match key {
            "boost" => self.boost = boost(query, value)?,
            "_name" => self.name = Some(name(value)),
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(super) fn with(self, kind: QueryKind) -> Query {
        Query { kind, boost: self.boost, name: self.name }
    }
}

fn plain(kind: &str, body: &Map, made: QueryKind) -> Result<Query, Failure> {
    let mut common = Common::new();
    for (key, value) in body.iter() {
        if !common.take(kind, key, value)? {
            return Err(unknown_field(kind, key, &["boost", "_name"]));
        }
    }
    Ok(common.with(made))
}

fn term(body: &Map) -> Result<Query, Failure> {
    let empty_field = || Failure::illegal_argument("field name is null or empty");
    let Some((field, value)) = single_field("term", body)? else { return Err(empty_field()) };
    let mut common = Common::new();
    let mut term = TermQuery { field: field.clone(), value: Json::Null, case_insensitive: false };
    match value {
        Json::Null => return Err(empty_field()),
        Json::List(_) => return Err(parsing("[term] query does not support array of values")),
        Json::Map(options) => {
            for (key, value) in options.iter() {
                match &**key {
                    "value" if matches!(value, Json::List(_) | Json::Map(_)) => return Err(unsupported("term", "value")),
                    "value" => term.value = value.clone(),
                    "case_insensitive" => term.case_insensitive = flag(value)?,
                    _ if common.take("term", key, value)? => {}
                    _ => return Err(unsupported("term", key)),
                }
            }
        }
        value => term.value = value.clone(),
    }
    if field.is_empty() {
        return Err(empty_field());
    }
    if term.value.is_null() {
        return Err(Failure::illegal_argument("value cannot be null"));
    }
    Ok(common.with(QueryKind::Term(term)))
}

fn terms(body: &Map) -> Result<Query, Failure> {
    let mut common = Common::new();
    let mut found: Option<(Arc<str>, Vec<Json>)> = None;
    for (key, value) in body.iter() {
        match value {
            Json::List(items) if found.is_none() => {
                if items.iter().any(Json::is_null) {
                    return Err(parsing("No value specified for terms query"));
                }
                found = Some((key.clone(), items.to_vec()));
            }
            Json::List(_) | Json::Map(_) if found.is_some() => return Err(parsing("[terms] query does not support multiple fields")),
            value if value.as_map().is_none() && common.take("terms", key, value)? => {}
            _ => return Err(unsupported("terms", key)),
        }
    }
    let Some((field, values)) = found else {
        return Err(parsing("[terms] query requires a field name, followed by array of terms or a document lookup specification"));
    };
    if values.len() > TERMS_MAX {
        let reason = format!(
            "The number of terms [{}] used in the Terms Query request has exceeded the allowed maximum of [{TERMS_MAX}]. This maximum can be set by changing the [index.max_terms_count] index level setting.",
            values.len()
        );
        return Err(Failure::illegal_argument(reason));
    }
    Ok(common.with(QueryKind::Terms { field, values }))
}

fn range(body: &Map) -> Result<Query, Failure> {
    let mut common = Common::new();
    let mut found: Option<(&Arc<str>, &Map)> = None;
    for (key, value) in body.iter() {
        match (value, found) {
            (Json::Map(_), Some((first, _))) => return Err(parsing(format!("[range] query doesn't support multiple fields, found [{first}] and [{key}]"))),
            (Json::Map(options), None) => found = Some((key, options)),
            (value, _) if &**key == "_name" && common.take("range", key, value)? => {}
            _ => return Err(unsupported("range", key)),
        }
    }
    let Some((field, options)) = found else { return Err(Failure::illegal_argument("field name is null or empty")) };
    let mut range = RangeQuery { field: field.clone(), lower: None, upper: None, format: None, time_zone: None };
    let (mut include_lower, mut include_upper) = (None, None);
    for (key, value) in options.iter() {
        let bound = |inclusive| (!value.is_null()).then(|| Bound { value: value.clone(), inclusive });
        match &**key {
            "gte" => range.lower = bound(true),
            "gt" => range.lower = bound(false),
            "from" => range.lower = bound(true),
            "lte" => range.upper = bound(true),
            "lt" => range.upper = bound(false),
            "to" => range.upper = bound(true),
            "include_lower" => include_lower = Some(flag(value)?),
            "include_upper" => include_upper = Some(flag(value)?),
            "format" => range.format = Some(name(value)),
            "time_zone" => range.time_zone = Some(name(value)),
            // How ranges relate matters for range fields only, which there are none of.
            "relation" => relation(value)?,
            _ if common.take("range", key, value)? => {}
            _ => return Err(unsupported("range", key)),
        }
    }
    if let (Some(bound), Some(inclusive)) = (&mut range.lower, include_lower) {
        bound.inclusive = inclusive;
    }
    if let (Some(bound), Some(inclusive)) = (&mut range.upper, include_upper) {
        bound.inclusive = inclusive;
    }
    crate::dates::zone(range.time_zone.as_deref())?;
    range.format.as_deref().map(crate::dates::format).transpose()?;
    Ok(common.with(QueryKind::Range(range)))
}

fn relation(value: &Json) -> Result<(), Failure> {
    let text = java_text(value);
    if matches!(text.to_ascii_uppercase().as_str(), "WITHIN" | "CONTAINS" | "INTERSECTS") {
        return Ok(());
    }
    Err(Failure::illegal_argument(format!("{text} is not a valid relation")))
}

fn exists(body: &Map) -> Result<Query, Failure> {
    let mut common = Common::new();
    let mut field = None;
    for (key, value) in body.iter() {
        match &**key {
            "field" => field = Some(name(value)),
            _ if common.take("exists", key, value)? => {}
            _ => return Err(unsupported("exists", key)),
        }
    }
    let field = field.ok_or_else(|| parsing("[exists] must be provided with a [field]"))?;
    Ok(common.with(QueryKind::Exists { field }))
}

fn pattern(kind: &str, body: &Map, made: fn(TermQuery) -> QueryKind) -> Result<Query, Failure> {
    let Some((field, value)) = single_field(kind, body)? else { return Err(Failure::illegal_argument("field name is null or empty")) };
    let mut common = Common::new();
    let mut query = TermQuery { field: field.clone(), value: Json::Null, case_insensitive: false };
    match value {
        Json::Map(options) => {
            for (key, value) in options.iter() {
                match &**key {
                    "value" => query.value = value.clone(),
                    "wildcard" if kind == "wildcard" => query.value = value.clone(),
                    "case_insensitive" => query.case_insensitive = flag(value)?,
                    // How a multi-term query scores; every form scores a constant here.
                    "rewrite" => {}
                    _ if common.take(kind, key, value)? => {}
                    _ => return Err(unsupported(kind, key)),
                }
            }
        }
        Json::List(_) => return Err(parsing(format!("[{kind}] query doesn't support multiple fields, found [{field}] and [null]"))),
        value => query.value = value.clone(),
    }
    if query.value.is_null() {
        return Err(Failure::illegal_argument("value cannot be null"));
    }
    Ok(common.with(made(query)))
}

fn ids(body: &Map) -> Result<Query, Failure> {
    let mut common = Common::new();
    let mut values: Option<Vec<Arc<str>>> = None;
    for (key, value) in body.iter() {
        match &**key {
            "values" => values = Some(value.as_list().map_or_else(|| vec![name(value)], |items| items.iter().map(name).collect())),
            _ if common.take("ids", key, value)? => {}
            _ => {
                let cause = unknown_field("ids", key, &["values", "boost", "_name"]);
                return Err(parsing(cause.reason_text()).caused_by(cause));
            }
        }
    }
    let values = values.ok_or_else(|| Failure::illegal_argument("Required [values]"))?;
    Ok(common.with(QueryKind::Ids { values }))
}

fn boolean(body: &Map, depth: usize) -> Result<Query, Failure> {
    const FIELDS: &[&str] = &["must", "filter", "should", "must_not", "minimum_should_match", "boost", "_name", "adjust_pure_negative"];
    let mut common = Common::new();
    let mut query = BoolQuery::default();
    let mut adjust_pure_negative = true;
    for (key, value) in body.iter() {
        match &**key {
            "must" => query.must.extend(clauses("must", value, depth)?),
            "filter" => query.filter.extend(clauses("filter", value, depth)?),
            "should" => query.should.extend(clauses("should", value, depth)?),
            "must_not" => query.must_not.extend(clauses("must_not", value, depth)?),
            "minimum_should_match" => query.minimum_should_match = (!value.is_null()).then(|| minimum_should_match(value)),
            "adjust_pure_negative" => adjust_pure_negative = flag(value)?,
            _ if common.take("bool", key, value)? => {}
            _ => return Err(unknown_field("bool", key, FIELDS)),
        }
    }
    let clauses = query.must.len() + query.filter.len() + query.should.len() + query.must_not.len();
    if clauses > CLAUSES_MAX {
        return Err(Failure::new("too_many_clauses", format!("maxClauseCount is set to {CLAUSES_MAX}")));
    }
    if !adjust_pure_negative && !query.must_not.is_empty() && clauses == query.must_not.len() {
        // Without anything to take away from, nothing matches.
        return Ok(common.with(QueryKind::MatchNone));
    }
    Ok(common.with(QueryKind::Bool(query)))
}

fn clauses(member: &str, value: &Json, depth: usize) -> Result<Vec<Query>, Failure> {
    let one = |value: &Json| match value {
        Json::Map(_) => parse(value, depth + 1).map_err(|cause| x_content(format!("[bool] failed to parse field [{member}]")).caused_by(cause)),
        other => Err(x_content(format!("[bool] {member} doesn't support values of type: {}", token_name(other)))),
    };
    match value {
        Json::List(items) => items.iter().map(one).collect(),
        Json::Null => Ok(Vec::new()),
        value => one(value).map(|query| vec![query]),
    }
}

/// What cannot be read fails where the query meets an index, as in the reference.
pub(super) fn minimum_should_match(value: &Json) -> MinimumShouldMatch {
    match value {
        Json::Int(count) => MinimumShouldMatch::Count(*count),
        other => parse_minimum(&java_text(other)),
    }
}

fn parse_minimum(text: &str) -> MinimumShouldMatch {
    let text = text.trim();
    if text.contains('<') {
        let step = |part: &str| {
            let (above, spec) = part.split_once('<')?;
            Some((above.trim().parse().ok()?, simple_minimum(spec.trim())?))
        };
        // `2 < 75%` may be written with blanks around the sign.
        let joined = text.split('<').map(str::trim).collect::<Vec<_>>().join("<");
        return match joined.split_whitespace().map(step).collect::<Option<Vec<_>>>() {
            Some(mut steps) => {
                steps.sort_by_key(|(above, _)| *above);
                MinimumShouldMatch::Steps(steps)
            }
            None => MinimumShouldMatch::Unreadable(text.into()),
        };
    }
    simple_minimum(text).unwrap_or_else(|| MinimumShouldMatch::Unreadable(text.into()))
}

fn simple_minimum(text: &str) -> Option<MinimumShouldMatch> {
    match text.strip_suffix('%') {
        Some(percent) => percent.parse().ok().map(MinimumShouldMatch::Percent),
        None => text.parse().ok().map(MinimumShouldMatch::Count),
    }
}

fn constant_score(body: &Map, depth: usize) -> Result<Query, Failure> {
    let mut common = Common::new();
    let mut filter = None;
    for (key, value) in body.iter() {
        match (&**key, value) {
            ("filter", Json::Map(_)) => filter = Some(parse(value, depth + 1)?),
            ("filter", other) => return Err(parsing(format!("unexpected token [{}]", token_name(other)))),
            (key, value) if value.is_scalar() && common.take("constant_score", key, value)? => {}
            (key, _) => return Err(unsupported("constant_score", key)),
        }
    }
    let filter = filter.ok_or_else(|| parsing("[constant_score] requires a 'filter' element"))?;
    Ok(common.with(QueryKind::ConstantScore(Box::new(filter))))
}

fn dis_max(body: &Map, depth: usize) -> Result<Query, Failure> {
    let mut common = Common::new();
    let mut queries = Vec::new();
    let mut tie_breaker = 0.0;
    for (key, value) in body.iter() {
        match (&**key, value) {
            ("queries", Json::Map(_)) => queries.push(parse(value, depth + 1)?),
            ("queries", Json::List(items)) => {
                for item in items.iter() {
                    queries.push(parse(item, depth + 1)?);
                }
            }
            ("tie_breaker", value) => tie_breaker = float(value)?,
            (key, value) if common.take("dis_max", key, value)? => {}
            (key, _) => return Err(unsupported("dis_max", key)),
        }
    }
    if queries.is_empty() {
        return Err(parsing("[dis_max] requires 'queries' field with at least one clause"));
    }
    if queries.len() > CLAUSES_MAX {
        return Err(Failure::new("too_many_clauses", format!("maxClauseCount is set to {CLAUSES_MAX}")));
    }
    Ok(common.with(QueryKind::DisMax { queries, tie_breaker }))
}
