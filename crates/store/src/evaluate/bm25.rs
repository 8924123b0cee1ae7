//! BM25 with Lucene's constants and its rounded lengths.

use std::collections::HashMap;
use std::sync::Arc;

use crate::Value;
use crate::mapping::{FieldContent, IndexedFields};
use crate::plan::{Plan, PlanKind};

const K1: f32 = 1.2;
const B: f32 = 0.75;

/// What scoring knows of the index.
pub trait Statistics: std::fmt::Debug {
    /// The score of terms that together stand `frequency` times in a text of `length` tokens.
    fn text_score(&self, field: &str, terms: &[&Arc<str>], frequency: f32, length: usize) -> f32;

    /// The score of a keyword or boolean.
    fn value_score(&self, field: &str, value: &Value) -> f32;
}

/// For matching alone.
#[derive(Clone, Copy, Debug)]
pub struct NoStatistics;

impl Statistics for NoStatistics {
    fn text_score(&self, _: &str, _: &[&Arc<str>], _: f32, _: usize) -> f32 {
        1.0
    }

    fn value_score(&self, _: &str, _: &Value) -> f32 {
        1.0
    }
}

#[derive(Clone, Debug, Default)]
struct FieldStatistics {
    documents: u64,
    tokens: u64,
    /// In how many documents a term stands.
    terms: HashMap<Arc<str>, u64>,
    values: Vec<(Value, u64)>,
}

/// Statistics of the terms of one plan, counted over documents.
#[derive(Clone, Debug, Default)]
pub struct TermStatistics {
    fields: HashMap<Arc<str>, FieldStatistics>,
}

impl TermStatistics {
    /// Counts what the plan's scored clauses need.
    #[must_use]
    pub fn count<'d>(plan: &Plan, documents: impl Iterator<Item = &'d IndexedFields>) -> TermStatistics {
        let mut statistics = TermStatistics::default();
        statistics.want(plan);
        if !statistics.fields.is_empty() {
            documents.for_each(|document| statistics.add(document));
        }
        statistics
    }

    fn want(&mut self, plan: &Plan) {
        match &plan.kind {
            PlanKind::Token { field, token } => self.want_term(field, token),
            PlanKind::Phrase { field, tokens, .. } | PlanKind::PhrasePrefix { field, tokens, .. } => {
                tokens.iter().for_each(|token| self.want_term(field, &token.token));
            }
            PlanKind::Equals { field, value: value @ (Value::Keyword(_) | Value::Bool(_)) } => {
                let values = &mut self.fields.entry(field.clone()).or_default().values;
                if !values.iter().any(|(known, _)| known == value) {
                    values.push((value.clone(), 0));
                }
            }
            PlanKind::Bool(plan) => plan.must.iter().chain(&plan.should).for_each(|plan| self.want(plan)),
            PlanKind::Best { plans, .. } => plans.iter().for_each(|plan| self.want(plan)),
            _ => {}
        }
    }

    fn want_term(&mut self, field: &Arc<str>, term: &Arc<str>) {
        self.fields.entry(field.clone()).or_default().terms.insert(term.clone(), 0);
    }

    fn add(&mut self, document: &IndexedFields) {
        for (field, statistics) in &mut self.fields {
            let Some(content) = document.fields.get(field) else { continue };
            match content {
                FieldContent::Text(content) if content.tokens.is_empty() => {}
                FieldContent::Text(content) => {
                    statistics.documents += 1;
                    statistics.tokens += content.tokens.len() as u64;
                    for (term, documents) in &mut statistics.terms {
                        *documents += u64::from(content.tokens.iter().any(|token| *token.text == **term));
                    }
                }
                FieldContent::Values(values) => {
                    statistics.documents += 1;
                    for (value, documents) in &mut statistics.values {
                        *documents += u64::from(values.contains(value));
                    }
                }
            }
        }
    }
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // counts of documents, and scores are 32 bits wide
fn rarity(documents: u64, with_term: u64) -> f32 {
    let (all, with) = (documents as f64, with_term as f64);
    (1.0 + (all - with + 0.5) / (with + 0.5)).ln() as f32
}

/// The score of terms that together stand `frequency` times in a text of `length` tokens, in an index where `documents` have
/// the field, with `tokens` in all, and each term stands in so many of them.
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
pub fn text_score(documents: u64, tokens: u64, with_terms: &[u64], frequency: f32, length: usize) -> f32 {
    let weight: f32 = with_terms.iter().map(|with| rarity(documents, *with)).sum();
    let average = tokens as f32 / documents.max(1) as f32;
    let norm = K1 * (1.0 - B + B * rounded_length(length) as f32 / average);
    weight * (K1 + 1.0) * (frequency / (frequency + norm))
}

/// The score of a keyword or boolean: without norms and frequencies every occurrence counts as one in a text of average length.
#[must_use]
pub fn keyword_score(documents: u64, with_value: u64) -> f32 {
    rarity(documents, with_value) * (K1 + 1.0) / (1.0 + K1)
}

impl Statistics for TermStatistics {
    fn text_score(&self, field: &str, terms: &[&Arc<str>], frequency: f32, length: usize) -> f32 {
        let Some(statistics) = self.fields.get(field) else { return 0.0 };
        let with_terms: Vec<u64> = terms.iter().map(|term| statistics.terms.get(*term).copied().unwrap_or(0)).collect();
        text_score(statistics.documents, statistics.tokens, &with_terms, frequency, length)
    }

    fn value_score(&self, field: &str, value: &Value) -> f32 {
        let Some(statistics) = self.fields.get(field) else { return 0.0 };
        let documents = statistics.values.iter().find(|(known, _)| known == value).map_or(0, |(_, documents)| *documents);
        keyword_score(statistics.documents, documents)
    }
}

/// A length as one byte holds it: exact up to 40, then four significant bits.
fn rounded_length(length: usize) -> usize {
    /// Lengths below this are stored as they are.
    const EXACT: usize = 24;
    if length < EXACT {
        return length;
    }
    let rest = length - EXACT;
    let bits = usize::BITS - rest.leading_zeros();
    let shift = bits.saturating_sub(4);
    EXACT + ((rest >> shift) << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_lose_their_lower_bits() {
        for (length, rounded) in [(5, 5), (39, 39), (40, 40), (41, 40), (55, 54), (100, 96)] {
            assert_eq!(rounded_length(length), rounded, "{length}");
        }
    }
}
