//! The reference evaluator: a plan against one document's values.
//!
//! Scores are BM25 as Lucene computes it with one shard an index: how rare a term is among the index's documents, how often
//! it stands in the document, how long the document is. Everything that is no term scores a constant.

mod bm25;
mod phrase;
mod wildcard;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::Value;
use crate::mapping::{FieldContent, IndexedFields};
use crate::plan::{BoolPlan, Limit, Plan, PlanKind};

pub use bm25::{NoStatistics, Statistics, TermStatistics, keyword_score, text_score};
pub use phrase::frequency_of_starts as phrase_frequency;
pub use wildcard::wildcard_matches;

/// One document as the evaluator sees it.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    pub id: &'a str,
    pub fields: &'a IndexedFields,
}

/// The document's score, `None` if it does not match.
#[must_use]
pub fn score(plan: &Plan, candidate: &Candidate<'_>, statistics: &dyn Statistics) -> Option<f32> {
    let unboosted = match &plan.kind {
        PlanKind::All => Some(1.0),
        PlanKind::Nothing => None,
        PlanKind::Token { field, token } => {
            let content = candidate.fields.text(field)?;
            let frequency = content.tokens.iter().filter(|other| *other.text == **token).count();
            (frequency > 0).then(|| statistics.text_score(field, &[token], count(frequency), content.tokens.len()))
        }
        PlanKind::Equals { field, value } => {
            let found = candidate.fields.values(field).contains(value);
            found.then(|| match value {
                Value::Keyword(_) | Value::Bool(_) => statistics.value_score(field, value),
                _ => 1.0,
            })
        }
        PlanKind::Phrase { field, tokens, slop } => {
            let content = candidate.fields.text(field)?;
            let frequency = phrase::frequency(&content.tokens, tokens, *slop);
            let terms: Vec<&Arc<str>> = tokens.iter().map(|token| &token.token).collect();
            (frequency > 0.0).then(|| statistics.text_score(field, &terms, frequency, content.tokens.len()))
        }
        PlanKind::PhrasePrefix { field, tokens, prefix, slop, expansions } => {
            let content = candidate.fields.text(field)?;
            let frequency = phrase::prefix_frequency(&content.tokens, tokens, prefix, *slop, *expansions);
            let terms: Vec<&Arc<str>> = tokens.iter().map(|token| &token.token).collect();
            (frequency > 0.0).then(|| statistics.text_score(field, &terms, frequency, content.tokens.len()))
        }
        PlanKind::Bool(plan) => boolean(plan, candidate, statistics),
        PlanKind::Constant(inner) => matches(inner, candidate).then_some(1.0),
        PlanKind::Best { plans, tie_breaker } => best(plans, *tie_breaker, candidate, statistics),
        constant => constant_matches(constant, candidate).then_some(1.0),
    };
    unboosted.map(|score| score * plan.boost)
}

/// Whether the document matches, without scoring.
#[must_use]
pub fn matches(plan: &Plan, candidate: &Candidate<'_>) -> bool {
    score(plan, candidate, &NoStatistics).is_some()
}

/// The names of the clauses that match, in the order of the query.
#[must_use]
pub fn matched_names(plan: &Plan, candidate: &Candidate<'_>) -> Vec<String> {
    let mut names = Vec::new();
    collect_names(plan, candidate, &mut names);
    names
}

fn collect_names(plan: &Plan, candidate: &Candidate<'_>, names: &mut Vec<String>) {
    if let Some(name) = &plan.name
        && matches(plan, candidate)
    {
        names.push(name.to_string());
    }
    match &plan.kind {
        PlanKind::Bool(plan) => {
            let inner = plan.must.iter().chain(&plan.filter).chain(&plan.should);
            inner.for_each(|plan| collect_names(plan, candidate, names));
        }
        PlanKind::Constant(inner) => collect_names(inner, candidate, names),
        PlanKind::Best { plans, .. } => plans.iter().for_each(|plan| collect_names(plan, candidate, names)),
        _ => {}
    }
}

#[allow(clippy::cast_precision_loss)] // a document's tokens
fn count(frequency: usize) -> f32 {
    frequency as f32
}

fn boolean(plan: &BoolPlan, candidate: &Candidate<'_>, statistics: &dyn Statistics) -> Option<f32> {
    if plan.must_not.iter().any(|plan| matches(plan, candidate)) || !plan.filter.iter().all(|plan| matches(plan, candidate)) {
        return None;
    }
    let mut sum = 0.0;
    for must in &plan.must {
        sum += score(must, candidate, statistics)?;
    }
    let mut matched = 0;
    for should in &plan.should {
        if let Some(score) = score(should, candidate, statistics) {
            matched += 1;
            sum += score;
        }
    }
    (matched >= plan.minimum).then_some(sum)
}

fn best(plans: &[Plan], tie_breaker: f32, candidate: &Candidate<'_>, statistics: &dyn Statistics) -> Option<f32> {
    let scores: Vec<f32> = plans.iter().filter_map(|plan| score(plan, candidate, statistics)).collect();
    let best = scores.iter().copied().reduce(f32::max)?;
    let sum: f32 = scores.iter().sum();
    Some(best + (sum - best) * tie_breaker)
}

fn constant_matches(kind: &PlanKind, candidate: &Candidate<'_>) -> bool {
    match kind {
        PlanKind::AnyToken { field, tokens } => any_text(candidate, field, |text| tokens.contains(text)),
        PlanKind::AnyValue { field, values } => any_value(candidate.fields.values(field), values),
        PlanKind::Between { field, lower, upper } => between(candidate, field, lower.as_ref(), upper.as_ref()),
        PlanKind::Exists { fields } => fields.iter().any(|field| match &**field {
            "_ignored" => !candidate.fields.ignored.is_empty(),
            field => candidate.fields.fields.contains_key(field),
        }),
        PlanKind::Prefix { field, prefix, case_insensitive: false } => any_text(candidate, field, |text| text.starts_with(&**prefix)),
        PlanKind::Prefix { field, prefix, .. } => {
            let prefix = prefix.to_lowercase();
            any_text(candidate, field, |text| text.to_lowercase().starts_with(&prefix))
        }
        PlanKind::Wildcard { field, pattern, case_insensitive: false } => any_text(candidate, field, |text| wildcard_matches(pattern, text)),
        PlanKind::Wildcard { field, pattern, .. } => {
            let pattern = pattern.to_lowercase();
            any_text(candidate, field, |text| wildcard_matches(&pattern, &text.to_lowercase()))
        }
        PlanKind::Folded { field, text } => {
            let wanted = text.to_lowercase();
            any_text(candidate, field, |text| text.to_lowercase() == wanted)
        }
        PlanKind::Ids(ids) => ids.contains(candidate.id),
        // The others are scored, and answered there.
        _ => false,
    }
}

fn any_value(values: &[Value], wanted: &BTreeSet<Value>) -> bool {
    values.iter().any(|value| wanted.contains(value))
}

/// Whether a token of a text field or a keyword fulfils it.
fn any_text(candidate: &Candidate<'_>, field: &str, holds: impl Fn(&str) -> bool) -> bool {
    match candidate.fields.fields.get(field) {
        Some(FieldContent::Text(content)) => content.tokens.iter().any(|token| holds(&token.text)),
        Some(FieldContent::Values(values)) => values.iter().any(|value| matches!(value, Value::Keyword(text) if holds(text))),
        None => false,
    }
}

fn between(candidate: &Candidate<'_>, field: &str, lower: Option<&Limit>, upper: Option<&Limit>) -> bool {
    let inside = |value: &Value| {
        lower.is_none_or(|limit| *value > limit.value || (limit.inclusive && *value == limit.value))
            && upper.is_none_or(|limit| *value < limit.value || (limit.inclusive && *value == limit.value))
    };
    match candidate.fields.fields.get(field) {
        Some(FieldContent::Text(content)) => content.tokens.iter().any(|token| inside(&Value::Keyword(token.text.as_str().into()))),
        Some(FieldContent::Values(values)) => values.iter().any(inside),
        None => false,
    }
}
