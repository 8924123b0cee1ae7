//! Scores of matching documents: BM25 of the store crate, over the index's live documents.
//!
//! The sums are made in the order of the plan, as the reference evaluator makes them, so that both come to the same number.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use tantivy::{Searcher, SegmentReader};
use watchbell_store::Value;
use watchbell_store::evaluate::{keyword_score, text_score};
use watchbell_store::plan::{Plan, PlanKind};

use super::bits::Bits;
use super::leaf;
use super::matching::Matcher;
use crate::columns::{Column, TERM_KEYWORD_MAX, term_text};

type Result<T> = tantivy::Result<T>;

/// What stands for the score of a document that does not match.
const NO_MATCH: f32 = f32::NAN;

/// Of a field: documents that have it, and tokens in them.
#[derive(Clone, Copy, Debug, Default)]
struct FieldCounts {
    documents: u64,
    tokens: u64,
}

/// Live documents by field and term.
type Frequencies = HashMap<(Arc<str>, Arc<str>), u64>;

pub(crate) struct Scorer<'a> {
    matcher: &'a Matcher<'a>,
    searcher: &'a Searcher,
    fields: RefCell<HashMap<Arc<str>, FieldCounts>>,
    frequencies: RefCell<Frequencies>,
}

impl<'a> Scorer<'a> {
    pub(crate) fn new(matcher: &'a Matcher<'a>, searcher: &'a Searcher) -> Scorer<'a> {
        Scorer { matcher, searcher, fields: RefCell::default(), frequencies: RefCell::default() }
    }

    /// The scores of some documents of a segment, given in ascending order; not a number where the plan does not match.
    pub(crate) fn scores(&self, plan: &Plan, reader: &SegmentReader, documents: &[u32]) -> Result<Vec<f32>> {
        let mut scores = match &plan.kind {
            PlanKind::All => vec![1.0; documents.len()],
            PlanKind::Nothing => vec![NO_MATCH; documents.len()],
            PlanKind::Token { field, token } => self.token(field, token, reader, documents)?,
            PlanKind::Equals { field, value: value @ (Value::Keyword(_) | Value::Bool(_)) } => {
                let score = keyword_score(self.field_counts(field)?.documents, self.with_value(plan, field, value)?);
                self.constant(plan, reader, documents, score)?
            }
            PlanKind::Phrase { field, tokens, .. } | PlanKind::PhrasePrefix { field, tokens, .. } => {
                let terms = tokens.iter().map(|token| self.with_token(field, &token.token)).collect::<Result<Vec<_>>>()?;
                let mut among = Bits::empty(reader.max_doc());
                documents.iter().for_each(|document| among.insert(*document));
                let found = self.matcher.phrases(&plan.kind, reader, &among)?;
                self.texts(field, &terms, reader, documents, found.into_iter())?
            }
            PlanKind::Bool(inner) => {
                let matched = self.matcher.matches(plan, reader)?;
                let mut sums: Vec<f32> = documents.iter().map(|document| if matched.contains(*document) { 0.0 } else { NO_MATCH }).collect();
                for clause in inner.must.iter().chain(&inner.should) {
                    let scores = self.scores(clause, reader, documents)?;
                    sums.iter_mut().zip(scores).filter(|(_, score)| !score.is_nan()).for_each(|(sum, score)| *sum += score);
                }
                sums
            }
            PlanKind::Best { plans, tie_breaker } => self.best(plans, *tie_breaker, reader, documents)?,
            _ => self.constant(plan, reader, documents, 1.0)?,
        };
        scores.iter_mut().for_each(|score| *score *= plan.boost);
        Ok(scores)
    }

    fn constant(&self, plan: &Plan, reader: &SegmentReader, documents: &[u32], score: f32) -> Result<Vec<f32>> {
        let matched = self.matcher.matches(plan, reader)?;
        Ok(documents.iter().map(|document| if matched.contains(*document) { score } else { NO_MATCH }).collect())
    }

    fn best(&self, plans: &[Plan], tie_breaker: f32, reader: &SegmentReader, documents: &[u32]) -> Result<Vec<f32>> {
        let mut bests = vec![NO_MATCH; documents.len()];
        let mut sums = vec![0.0_f32; documents.len()];
        for plan in plans {
            for ((best, sum), score) in bests.iter_mut().zip(&mut sums).zip(self.scores(plan, reader, documents)?) {
                if !score.is_nan() {
                    *best = best.max(score);
                    *sum += score;
                }
            }
        }
        Ok(bests.into_iter().zip(sums).map(|(best, sum)| best + (sum - best) * tie_breaker).collect())
    }

    fn token(&self, field: &Arc<str>, token: &Arc<str>, reader: &SegmentReader, documents: &[u32]) -> Result<Vec<f32>> {
        let terms = [self.with_token(field, token)?];
        let mut found = Vec::with_capacity(documents.len());
        let mut wanted = documents.iter().copied().peekable();
        leaf::each_posting(reader, self.matcher.columns.text, &term_text(field, token), |document, frequency| {
            while wanted.next_if(|wanted| *wanted < document).is_some() {}
            if wanted.next_if_eq(&document).is_some() {
                #[allow(clippy::cast_precision_loss)] // a document's tokens
                found.push((document, frequency as f32));
            }
        })?;
        self.texts(field, &terms, reader, documents, found.into_iter())
    }

    /// Scores of documents in which terms that stand in so many documents stand so often.
    fn texts(&self, field: &Arc<str>, terms: &[u64], reader: &SegmentReader, documents: &[u32], found: impl Iterator<Item = (u32, f32)>) -> Result<Vec<f32>> {
        let counts = self.field_counts(field)?;
        let lengths = reader.fast_fields().column_opt::<i64>(&Column::Length.at(field))?;
        let mut scores = vec![NO_MATCH; documents.len()];
        let mut slots = documents.iter().zip(&mut scores);
        for (document, frequency) in found {
            let Some((_, score)) = slots.find(|(wanted, _)| **wanted == document) else { break };
            let length = lengths.as_ref().and_then(|lengths| lengths.first(document)).and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
            *score = text_score(counts.documents, counts.tokens, terms, frequency, length);
        }
        Ok(scores)
    }

    fn field_counts(&self, field: &Arc<str>) -> Result<FieldCounts> {
        if let Some(counts) = self.fields.borrow().get(field) {
            return Ok(*counts);
        }
        let mut counts = FieldCounts::default();
        for reader in self.searcher.segment_readers() {
            let alive = self.matcher.alive(reader);
            let lengths = reader.fast_fields().column_opt::<i64>(&Column::Length.at(field))?;
            match lengths {
                Some(lengths) => {
                    for document in alive.iter() {
                        let tokens = lengths.first(document).and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
                        counts.tokens += tokens;
                        counts.documents += u64::from(tokens > 0);
                    }
                }
                None => {
                    for column in [Column::Keyword, Column::Long] {
                        let mut present = leaf::present(reader, column, field)?;
                        present.and(&alive);
                        counts.documents += present.count();
                    }
                }
            }
        }
        self.fields.borrow_mut().insert(field.clone(), counts);
        Ok(counts)
    }

    fn with_token(&self, field: &Arc<str>, token: &Arc<str>) -> Result<u64> {
        let plan = Plan::new(PlanKind::Token { field: field.clone(), token: token.clone() });
        let quick = |reader: &SegmentReader| leaf::document_frequency(reader, self.matcher.columns.text, &term_text(field, token));
        self.documents(field, token.clone(), &plan, quick)
    }

    fn with_value(&self, plan: &Plan, field: &Arc<str>, value: &Value) -> Result<u64> {
        let name: Arc<str> = format!("{value:?}").into();
        match value {
            Value::Keyword(word) if word.len() <= TERM_KEYWORD_MAX => {
                let quick = |reader: &SegmentReader| leaf::document_frequency(reader, self.matcher.columns.term, &term_text(field, word));
                self.documents(field, name, plan, quick)
            }
            _ => self.documents(field, name, plan, |reader| self.matcher.matches(plan, reader).map(|bits| u32::try_from(bits.count()).unwrap_or(u32::MAX))),
        }
    }

    /// How many live documents a clause matches; `quick` answers where none are deleted.
    fn documents(&self, field: &Arc<str>, name: Arc<str>, plan: &Plan, quick: impl Fn(&SegmentReader) -> Result<u32>) -> Result<u64> {
        let key = (field.clone(), name);
        if let Some(count) = self.frequencies.borrow().get(&key) {
            return Ok(*count);
        }
        let mut count = 0;
        for reader in self.searcher.segment_readers() {
            count += if reader.has_deletes() {
                let mut bits = Arc::unwrap_or_clone(self.matcher.matches(plan, reader)?);
                bits.and(&self.matcher.alive(reader));
                bits.count()
            } else {
                u64::from(quick(reader)?)
            };
        }
        self.frequencies.borrow_mut().insert(key, count);
        Ok(count)
    }
}
