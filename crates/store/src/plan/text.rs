//! The match family against a field: on text by its analyser, on everything else as a term.

use std::sync::Arc;

use watchbell_json::{Failure, Json};

use super::terms::equals;
use super::{BoolPlan, PhraseToken, Plan, PlanContext, PlanKind, needed};
use crate::analysis::{Analyzer, Token};
use crate::mapping::{FieldType, Found, java_text};
use crate::names::matches_pattern;
use crate::query::{MatchQuery, MinimumShouldMatch, MultiMatch, MultiMatchType, Operator, PhraseQuery, ZeroTerms};

fn analyzer(named: Option<&Arc<str>>, found: &Found, context: &PlanContext<'_>) -> Result<Analyzer, Failure> {
    let Some(name) = named else { return Ok(found.field.search_analyzer) };
    Analyzer::named(name).ok_or_else(|| context.shard_failure(format!("[match] analyzer [{name}] not found")))
}

fn no_terms(zero_terms: ZeroTerms) -> Plan {
    Plan::new(match zero_terms {
        ZeroTerms::None => PlanKind::Nothing,
        ZeroTerms::All => PlanKind::All,
    })
}

fn as_term(field: &str, found: Option<&Found>, text: &Json, lenient: bool, context: &PlanContext<'_>) -> Result<Plan, Failure> {
    let plan = match (field, found) {
        ("_id" | "_index", _) => {
            let term = crate::query::TermQuery { field: field.into(), value: text.clone(), case_insensitive: false };
            super::terms::term(&term, context)
        }
        (_, Some(found)) => equals(found, text, context),
        (_, None) => Ok(Plan::nothing()),
    };
    if lenient { plan.or_else(|_| Ok(Plan::nothing())) } else { plan }
}

pub(super) fn match_query(query: &MatchQuery, context: &PlanContext<'_>) -> Result<Plan, Failure> {
    let found = context.mapping.field(&query.field);
    let Some(found) = found.as_ref().filter(|found| found.field.kind == FieldType::Text) else {
        return as_term(&query.field, found.as_ref(), &query.text, query.lenient, context);
    };
    super::searchable_text(found)?;
    let tokens = analyzer(query.analyzer.as_ref(), found, context)?.analyze(&java_text(&query.text));
    let plans: Vec<Plan> = tokens.iter().map(|token| token_plan(&found.path, token)).collect();
    combine(plans, query.operator, query.minimum_should_match.as_ref(), query.zero_terms)
}

fn token_plan(field: &Arc<str>, token: &Token) -> Plan {
    Plan::new(PlanKind::Token { field: field.clone(), token: token.text.as_str().into() })
}

fn combine(mut plans: Vec<Plan>, operator: Operator, minimum: Option<&MinimumShouldMatch>, zero_terms: ZeroTerms) -> Result<Plan, Failure> {
    if plans.len() <= 1 {
        if let Some(wanted) = minimum {
            needed(wanted, plans.len())?;
        }
        return Ok(plans.pop().unwrap_or_else(|| no_terms(zero_terms)));
    }
    let bool_plan = match operator {
        Operator::And => BoolPlan { must: plans, ..BoolPlan::default() },
        Operator::Or => {
            let minimum = minimum.map(|wanted| needed(wanted, plans.len())).transpose()?.unwrap_or(1).max(1);
            BoolPlan { should: plans, minimum, ..BoolPlan::default() }
        }
    };
    Ok(Plan::new(PlanKind::Bool(bool_plan)))
}

fn phrase_tokens(tokens: &[Token]) -> Vec<PhraseToken> {
    let first = tokens.first().map_or(0, |token| token.position);
    tokens.iter().map(|token| PhraseToken { token: token.text.as_str().into(), position: token.position - first }).collect()
}

pub(super) fn phrase(query: &PhraseQuery, context: &PlanContext<'_>) -> Result<Plan, Failure> {
    let found = context.mapping.field(&query.field);
    let Some(found) = found.as_ref().filter(|found| found.field.kind == FieldType::Text) else {
        return as_term(&query.field, found.as_ref(), &query.text, false, context);
    };
    super::searchable_text(found)?;
    let tokens = analyzer(query.analyzer.as_ref(), found, context)?.analyze(&java_text(&query.text));
    Ok(match tokens.as_slice() {
        [] => no_terms(query.zero_terms),
        [one] => token_plan(&found.path, one),
        several => Plan::new(PlanKind::Phrase { field: found.path.clone(), tokens: phrase_tokens(several), slop: query.slop }),
    })
}

pub(super) fn phrase_prefix(query: &PhraseQuery, context: &PlanContext<'_>) -> Result<Plan, Failure> {
    let Some(found) = context.mapping.field(&query.field) else { return Ok(Plan::nothing()) };
    if found.field.kind != FieldType::Text {
        let reason = format!("Can only use phrase prefix queries on text fields - not on [{}] which is of type [{}]", query.field, found.field.kind.name());
        return Err(Failure::illegal_argument(reason));
    }
    super::searchable_text(&found)?;
    let tokens = analyzer(query.analyzer.as_ref(), &found, context)?.analyze(&java_text(&query.text));
    let mut tokens = phrase_tokens(&tokens);
    let Some(prefix) = tokens.pop() else { return Ok(no_terms(query.zero_terms)) };
    if tokens.is_empty() {
        return Ok(Plan::new(PlanKind::Prefix { field: found.path, prefix: prefix.token, case_insensitive: false }));
    }
    Ok(Plan::new(PlanKind::PhrasePrefix { field: found.path, tokens, prefix, slop: query.slop, expansions: query.max_expansions }))
}

pub(super) fn bool_prefix(query: &MatchQuery, context: &PlanContext<'_>) -> Result<Plan, Failure> {
    let found = context.mapping.field(&query.field);
    let (found, prefix_only) = match found {
        Some(found) if found.field.kind == FieldType::Text => (found, false),
        Some(found) if found.field.kind == FieldType::Keyword => (found, true),
        other => return as_term(&query.field, other.as_ref(), &query.text, query.lenient, context),
    };
    if prefix_only {
        return Ok(Plan::new(PlanKind::Prefix { field: found.path, prefix: java_text(&query.text).into(), case_insensitive: false }));
    }
    super::searchable_text(&found)?;
    let tokens = analyzer(query.analyzer.as_ref(), &found, context)?.analyze(&java_text(&query.text));
    let mut plans: Vec<Plan> = tokens.iter().map(|token| token_plan(&found.path, token)).collect();
    if let (Some(last), Some(token)) = (plans.last_mut(), tokens.last()) {
        *last = Plan::new(PlanKind::Prefix { field: found.path.clone(), prefix: token.text.as_str().into(), case_insensitive: false });
    }
    combine(plans, query.operator, query.minimum_should_match.as_ref(), query.zero_terms)
}

/// The fields a query names by patterns; all that can be searched when it names none.
fn expand(query: &MultiMatch, context: &PlanContext<'_>) -> (Vec<(Arc<str>, f32)>, bool) {
    let everything = [(Arc::from("*"), 1.0)];
    let (wanted, all): (&[(Arc<str>, f32)], bool) = if query.fields.is_empty() { (&everything, true) } else { (&query.fields, false) };
    let mut fields: Vec<(Arc<str>, f32)> = Vec::new();
    for (name, boost) in wanted {
        if !name.contains('*') {
            fields.push((name.clone(), *boost));
            continue;
        }
        for (path, field) in context.mapping.leaves() {
            if matches_pattern(name, &path) && !matches!(field.kind, FieldType::Binary | FieldType::Alias(_)) && (field.index || field.doc_values) {
                fields.push((path.into(), *boost));
            }
        }
    }
    (fields, all || wanted.iter().any(|(name, _)| &**name == "*"))
}

pub(super) fn multi_match(query: &MultiMatch, context: &PlanContext<'_>) -> Result<Plan, Failure> {
    let (fields, all) = expand(query, context);
    let lenient = query.lenient || all;
    let mut plans = Vec::with_capacity(fields.len());
    for (field, boost) in fields {
        match one_field(query, &field, lenient, context) {
            Ok(plan) => plans.push(plan.boosted(boost)),
            Err(_) if lenient => {}
            Err(failure) => return Err(failure),
        }
    }
    let tie_breaker = query.tie_breaker.unwrap_or(match query.kind {
        MultiMatchType::MostFields | MultiMatchType::BoolPrefix => 1.0,
        MultiMatchType::BestFields | MultiMatchType::Phrase | MultiMatchType::PhrasePrefix => 0.0,
    });
    Ok(match plans.len() {
        0 => Plan::nothing(),
        1 => plans.pop().unwrap_or_else(Plan::nothing),
        _ => Plan::new(PlanKind::Best { plans, tie_breaker }),
    })
}

fn one_field(query: &MultiMatch, field: &Arc<str>, lenient: bool, context: &PlanContext<'_>) -> Result<Plan, Failure> {
    let words = || MatchQuery {
        field: field.clone(),
        text: query.text.clone(),
        operator: query.operator,
        minimum_should_match: query.minimum_should_match.clone(),
        analyzer: query.analyzer.clone(),
        zero_terms: query.zero_terms,
        lenient,
    };
    let sequence = || PhraseQuery {
        field: field.clone(),
        text: query.text.clone(),
        slop: query.slop,
        analyzer: query.analyzer.clone(),
        zero_terms: query.zero_terms,
        max_expansions: query.max_expansions,
    };
    match query.kind {
        MultiMatchType::BestFields | MultiMatchType::MostFields => match_query(&words(), context),
        MultiMatchType::BoolPrefix => bool_prefix(&words(), context),
        MultiMatchType::Phrase => phrase(&sequence(), context),
        MultiMatchType::PhrasePrefix => phrase_prefix(&sequence(), context),
    }
}
