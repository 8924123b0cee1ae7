//! Term, terms, range, prefix and wildcard against a field's type.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use watchbell_json::{Failure, Json};
use watchbell_time::date::Rounding;
use watchbell_time::{epoch_millis, epoch_nanos};

use super::{BoolPlan, Limit, Plan, PlanContext, PlanKind, searchable};
use crate::Value;
use crate::dates;
use crate::mapping::{Coercion, Field, FieldType, Found, coerce, java_text};
use crate::query::{Bound, RangeQuery, TermQuery};

fn ids(values: impl IntoIterator<Item = Arc<str>>) -> Plan {
    Plan::new(PlanKind::Ids(values.into_iter().collect()))
}

fn everything_if(holds: bool) -> Plan {
    Plan::new(if holds { PlanKind::All } else { PlanKind::Nothing })
}

pub(super) fn term(query: &TermQuery, context: &PlanContext<'_>) -> Result<Plan, Failure> {
    match &*query.field {
        "_id" => return Ok(ids([java_text(&query.value).into()])),
        "_index" => return Ok(everything_if(crate::names::matches_pattern(&java_text(&query.value), context.index))),
        _ => {}
    }
    let Some(found) = context.mapping.field(&query.field) else { return Ok(Plan::nothing()) };
    if query.case_insensitive {
        if !matches!(found.field.kind, FieldType::Text | FieldType::Keyword) {
            let reason = format!("[{}] field which is of type [{}], does not support case insensitive term queries", query.field, found.field.kind.name());
            return Err(context.shard_failure(reason));
        }
        return Ok(Plan::new(PlanKind::Folded { field: found.path, text: java_text(&query.value).into() }));
    }
    equals(&found, &query.value, context)
}

/// One value, as the field's type understands it.
pub(super) fn equals(found: &Found, value: &Json, context: &PlanContext<'_>) -> Result<Plan, Failure> {
    let field = &*found.field;
    searchable(&found.path, field)?;
    match &field.kind {
        FieldType::Text => Ok(Plan::new(PlanKind::Token { field: found.path.clone(), token: java_text(value).into() })),
        kind if kind.is_date() => {
            let bound = Bound { value: value.clone(), inclusive: true };
            let query = RangeQuery { field: found.path.clone(), lower: Some(bound.clone()), upper: Some(bound), format: None, time_zone: None };
            date_range(found, &query, context)
        }
        FieldType::Ip => addresses(found, value),
        kind if kind.is_whole_number() && has_fraction(value) => Ok(Plan::nothing()),
        _ => {
            let Some(value) = coerce(field, value, Coercion::Query)? else { return Ok(Plan::nothing()) };
            Ok(Plan::new(PlanKind::Equals { field: found.path.clone(), value }))
        }
    }
}

fn has_fraction(value: &Json) -> bool {
    match value {
        Json::Double(number) => number.fract() != 0.0,
        Json::Str(text) => text.trim().parse::<i64>().is_err() && text.trim().parse::<f64>().is_ok_and(|number| number.fract() != 0.0),
        _ => false,
    }
}

/// An address or a network.
fn addresses(found: &Found, value: &Json) -> Result<Plan, Failure> {
    let text = java_text(value);
    let Some((address, bits)) = text.split_once('/') else {
        let value = coerce(&found.field, value, Coercion::Query)?.ok_or_else(|| Failure::illegal_argument("no address"))?;
        return Ok(Plan::new(PlanKind::Equals { field: found.path.clone(), value }));
    };
    let address: IpAddr = address.parse().map_err(|_| Failure::illegal_argument(format!("'{address}' is not an IP string literal.")))?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits: u32 = bits.parse().ok().filter(|bits| *bits <= width).ok_or_else(|| Failure::illegal_argument(format!("illegal prefix length: {bits}")))?;
    let Value::Ip(base) = Value::ip(address) else { return Ok(Plan::nothing()) };
    let host = width - bits;
    let mask = if host >= 128 { u128::MAX } else { (1_u128 << host) - 1 };
    let limit = |value| Some(Limit { value: Value::Ip(value), inclusive: true });
    Ok(Plan::new(PlanKind::Between { field: found.path.clone(), lower: limit(base & !mask), upper: limit(base | mask) }))
}

pub(super) fn terms(field: &str, values: &[Json], context: &PlanContext<'_>) -> Result<Plan, Failure> {
    match field {
        "_id" => return Ok(ids(values.iter().map(|value| java_text(value).into()))),
        "_index" => return Ok(everything_if(values.iter().any(|value| crate::names::matches_pattern(&java_text(value), context.index)))),
        _ => {}
    }
    let Some(found) = context.mapping.field(field) else { return Ok(Plan::nothing()) };
    searchable(&found.path, &found.field)?;
    let path = found.path.clone();
    match &found.field.kind {
        FieldType::Text => {
            let tokens = values.iter().map(|value| Arc::from(java_text(value))).collect();
            Ok(Plan::new(PlanKind::AnyToken { field: path, tokens }))
        }
        // Days and networks are intervals, not values.
        kind if kind.is_date() || *kind == FieldType::Ip => {
            let should = values.iter().map(|value| equals(&found, value, context)).collect::<Result<Vec<_>, _>>()?;
            let any = Plan::new(PlanKind::Bool(BoolPlan { should, minimum: 1, ..BoolPlan::default() }));
            Ok(Plan::new(PlanKind::Constant(Box::new(any))))
        }
        kind => {
            let mut set = BTreeSet::new();
            for value in values {
                if !(kind.is_whole_number() && has_fraction(value)) {
                    set.extend(coerce(&found.field, value, Coercion::Query)?);
                }
            }
            Ok(Plan::new(PlanKind::AnyValue { field: path, values: set }))
        }
    }
}

pub(super) fn range(query: &RangeQuery, context: &PlanContext<'_>) -> Result<Plan, Failure> {
    if matches!(&*query.field, "_id" | "_index") {
        return Err(Failure::illegal_argument(format!("Field [{0}] of type [{0}] does not support range queries", query.field)));
    }
    let Some(found) = context.mapping.field(&query.field) else { return Ok(Plan::nothing()) };
    searchable(&found.path, &found.field)?;
    let kind = &found.field.kind;
    if kind.is_date() {
        return date_range(&found, query, context);
    }
    if query.time_zone.is_some() {
        return Err(Failure::illegal_argument(format!("Field [{}] of type [{}] does not support custom time zones", query.field, kind.name())));
    }
    let (lower, upper) = if kind.is_whole_number() {
        match (whole_lower(&found.field, query.lower.as_ref())?, whole_upper(&found.field, query.upper.as_ref())?) {
            (Whole::Nothing, _) | (_, Whole::Nothing) => return Ok(Plan::nothing()),
            (lower, upper) => (lower.limit(), upper.limit()),
        }
    } else {
        (limit(&found.field, query.lower.as_ref())?, limit(&found.field, query.upper.as_ref())?)
    };
    Ok(Plan::new(PlanKind::Between { field: found.path, lower, upper }))
}

fn limit(field: &Field, bound: Option<&Bound>) -> Result<Option<Limit>, Failure> {
    let Some(bound) = bound else { return Ok(None) };
    let value = match &field.kind {
        FieldType::Text => Some(Value::Keyword(java_text(&bound.value).into())),
        _ => coerce(field, &bound.value, Coercion::Query)?,
    };
    Ok(value.map(|value| Limit { value, inclusive: bound.inclusive }))
}

enum Whole {
    Open,
    Limit(Value),
    /// No number lies beyond.
    Nothing,
}

impl Whole {
    fn limit(self) -> Option<Limit> {
        match self {
            Whole::Limit(value) => Some(Limit { value, inclusive: true }),
            Whole::Open | Whole::Nothing => None,
        }
    }
}

/// A bound with a fraction is cut towards zero first, so it moves only on the side where that went past it.
fn whole_lower(field: &Field, bound: Option<&Bound>) -> Result<Whole, Failure> {
    let Some(bound) = bound else { return Ok(Whole::Open) };
    let fraction = has_fraction(&bound.value);
    let up = if fraction { positive(&bound.value) } else { !bound.inclusive };
    step(field, bound, if up { 1 } else { 0 })
}

fn whole_upper(field: &Field, bound: Option<&Bound>) -> Result<Whole, Failure> {
    let Some(bound) = bound else { return Ok(Whole::Open) };
    let fraction = has_fraction(&bound.value);
    let down = if fraction { !positive(&bound.value) } else { !bound.inclusive };
    step(field, bound, if down { -1 } else { 0 })
}

fn positive(value: &Json) -> bool {
    match value {
        Json::Str(text) => !text.trim().starts_with('-'),
        other => other.as_f64().is_some_and(|number| number > 0.0),
    }
}

fn step(field: &Field, bound: &Bound, by: i64) -> Result<Whole, Failure> {
    let moved = match coerce(field, &bound.value, Coercion::Query)? {
        Some(Value::Long(number)) => number.checked_add(by).map(Value::Long),
        Some(Value::Unsigned(number)) => number.checked_add_signed(by).map(Value::Unsigned),
        other => other,
    };
    Ok(moved.map_or(Whole::Nothing, Whole::Limit))
}

/// Bounds of dates: the first instant of what is meant for `gte` and `lt`, the last for `gt` and `lte`.
fn date_range(found: &Found, query: &RangeQuery, context: &PlanContext<'_>) -> Result<Plan, Failure> {
    let given = query.format.as_deref().map(dates::format).transpose()?;
    let Some(format) = given.as_ref().or(found.field.format.as_deref()) else { return Ok(Plan::nothing()) };
    let zone = dates::zone(query.time_zone.as_deref())?;
    let nanos = found.field.kind == FieldType::DateNanos;
    let instant = |bound: &Bound, rounding: Rounding| {
        let text = match &bound.value {
            Json::Double(number) if number.fract() == 0.0 && number.abs() < 1e18 => format!("{number:.0}"),
            other => java_text(other),
        };
        let at = dates::date_math(&text, context.now, format, &zone, rounding)?;
        Ok::<i64, Failure>(if nanos { epoch_nanos(at) } else { epoch_millis(at) })
    };
    let mut lower = None;
    if let Some(bound) = &query.lower {
        let (rounding, by) = if bound.inclusive { (Rounding::Down, 0) } else { (Rounding::Up, 1) };
        lower = Some(Limit { value: Value::Date(instant(bound, rounding)?.saturating_add(by)), inclusive: true });
    }
    let mut upper = None;
    if let Some(bound) = &query.upper {
        let (rounding, by) = if bound.inclusive { (Rounding::Up, 0) } else { (Rounding::Down, 1) };
        upper = Some(Limit { value: Value::Date(instant(bound, rounding)?.saturating_sub(by)), inclusive: true });
    }
    Ok(Plan::new(PlanKind::Between { field: found.path.clone(), lower, upper }))
}

fn strings_only(kind: &str, query: &TermQuery, context: &PlanContext<'_>) -> Result<Option<Found>, Failure> {
    let refused = |field: &str, of: &str| {
        context.shard_failure(format!("Can only use {kind} queries on keyword, text and wildcard fields - not on [{field}] which is of type [{of}]"))
    };
    if &*query.field == "_id" {
        return Err(refused("_id", "_id"));
    }
    let Some(found) = context.mapping.field(&query.field) else { return Ok(None) };
    if !matches!(found.field.kind, FieldType::Text | FieldType::Keyword) {
        return Err(refused(&query.field, found.field.kind.name()));
    }
    searchable(&found.path, &found.field)?;
    Ok(Some(found))
}

pub(super) fn prefix(query: &TermQuery, context: &PlanContext<'_>) -> Result<Plan, Failure> {
    let text = java_text(&query.value);
    if &*query.field == "_index" {
        return Ok(everything_if(context.index.starts_with(&text)));
    }
    let Some(found) = strings_only("prefix", query, context)? else { return Ok(Plan::nothing()) };
    let prefix = if found.field.lowercase { crate::analysis::lowercase(&text) } else { text };
    Ok(Plan::new(PlanKind::Prefix { field: found.path, prefix: prefix.into(), case_insensitive: query.case_insensitive }))
}

pub(super) fn wildcard(query: &TermQuery, context: &PlanContext<'_>) -> Result<Plan, Failure> {
    let text = java_text(&query.value);
    if &*query.field == "_index" {
        return Ok(everything_if(crate::evaluate::wildcard_matches(&text, context.index)));
    }
    let Some(found) = strings_only("wildcard", query, context)? else { return Ok(Plan::nothing()) };
    let pattern = match found.field.kind {
        FieldType::Text => found.field.search_analyzer.normalize(&text),
        _ if found.field.lowercase => crate::analysis::lowercase(&text),
        _ => text,
    };
    Ok(Plan::new(PlanKind::Wildcard { field: found.path, pattern: pattern.into(), case_insensitive: query.case_insensitive }))
}
