//! Which documents of a segment a plan matches.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Bound;
use std::sync::Arc;

use tantivy::SegmentReader;
use watchbell_store::Value;
use watchbell_store::evaluate::{phrase_frequency, wildcard_matches};
use watchbell_store::plan::{BoolPlan, Limit, PhraseToken, Plan, PlanKind};

use super::bits::Bits;
use super::clauses::ClauseCache;
use super::leaf;
use crate::columns::{Column, Columns, ID_PATH, TERM_KEYWORD_MAX, ip_key, ordered, term_text};
use crate::settings::CLAUSE_CACHE_SEGMENT_MIN;

type Result<T> = tantivy::Result<T>;

/// Matches plans against segments; remembers what single clauses matched.
pub(crate) struct Matcher<'a> {
    pub columns: &'a Columns,
    cache: &'a ClauseCache,
    /// The cache's names of this plan's clauses, by where they stand.
    keys: RefCell<HashMap<usize, Arc<str>>>,
}

/// Characters before the first wildcard: only words that begin so are looked at.
fn literal_prefix(pattern: &str) -> &str {
    pattern.find(['*', '?', '\\']).and_then(|at| pattern.get(..at)).unwrap_or(pattern)
}

impl<'a> Matcher<'a> {
    pub(crate) fn new(columns: &'a Columns, cache: &'a ClauseCache) -> Matcher<'a> {
        Matcher { columns, cache, keys: RefCell::default() }
    }

    /// The documents that are not deleted.
    pub(crate) fn alive(&self, reader: &SegmentReader) -> Arc<Bits> {
        let make = || {
            let mut bits = Bits::full(reader.max_doc());
            if let Some(alive) = reader.alive_bitset() {
                (0..reader.max_doc()).filter(|document| alive.is_deleted(*document)).for_each(|document| bits.remove(document));
            }
            Ok(bits)
        };
        let key = format!("alive {:?}", reader.delete_opstamp());
        self.remembered(reader, &key, make).unwrap_or_else(|_| Arc::new(Bits::full(reader.max_doc())))
    }

    fn remembered(&self, reader: &SegmentReader, key: &str, make: impl FnOnce() -> Result<Bits>) -> Result<Arc<Bits>> {
        let worth_it = reader.max_doc() >= CLAUSE_CACHE_SEGMENT_MIN;
        if worth_it && let Some(bits) = self.cache.get(reader.segment_id(), key) {
            return Ok(bits);
        }
        let bits = Arc::new(make()?);
        if worth_it {
            self.cache.put(reader.segment_id(), key, &bits);
        }
        Ok(bits)
    }

    /// The documents a plan matches, deleted ones included.
    pub(crate) fn matches(&self, plan: &Plan, reader: &SegmentReader) -> Result<Arc<Bits>> {
        match &plan.kind {
            PlanKind::All => Ok(Arc::new(Bits::full(reader.max_doc()))),
            PlanKind::Nothing => Ok(Arc::new(Bits::empty(reader.max_doc()))),
            PlanKind::Bool(plan) => self.boolean(plan, reader).map(Arc::new),
            PlanKind::Constant(inner) => self.matches(inner, reader),
            PlanKind::Best { plans, .. } => self.any(plans, reader).map(Arc::new),
            kind if passing(kind) => self.leaf(kind, reader).map(Arc::new),
            kind => {
                let place = std::ptr::from_ref(kind).addr();
                let key = self.keys.borrow_mut().entry(place).or_insert_with(|| format!("{kind:?}").into()).clone();
                self.remembered(reader, &key, || self.leaf(kind, reader))
            }
        }
    }

    fn any(&self, plans: &[Plan], reader: &SegmentReader) -> Result<Bits> {
        let mut bits = Bits::empty(reader.max_doc());
        for plan in plans {
            bits.or(&*self.matches(plan, reader)?);
        }
        Ok(bits)
    }

    fn boolean(&self, plan: &BoolPlan, reader: &SegmentReader) -> Result<Bits> {
        let mut bits: Option<Bits> = None;
        let mut narrow = |other: Arc<Bits>| match &mut bits {
            Some(bits) => bits.and(&other),
            None => bits = Some(Arc::unwrap_or_clone(other)),
        };
        for required in plan.must.iter().chain(&plan.filter) {
            narrow(self.matches(required, reader)?);
        }
        match plan.minimum {
            0 => {}
            1 => narrow(Arc::new(self.any(&plan.should, reader)?)),
            several => narrow(Arc::new(self.at_least(several, &plan.should, reader)?)),
        }
        let mut bits = bits.unwrap_or_else(|| Bits::full(reader.max_doc()));
        for excluded in &plan.must_not {
            bits.and_not(&*self.matches(excluded, reader)?);
        }
        Ok(bits)
    }

    fn at_least(&self, minimum: usize, plans: &[Plan], reader: &SegmentReader) -> Result<Bits> {
        let mut counts = vec![0_usize; reader.max_doc() as usize];
        for plan in plans {
            for document in self.matches(plan, reader)?.iter() {
                if let Some(count) = counts.get_mut(document as usize) {
                    *count += 1;
                }
            }
        }
        let mut bits = Bits::empty(reader.max_doc());
        (0..reader.max_doc()).zip(counts).filter(|(_, count)| *count >= minimum).for_each(|(document, _)| bits.insert(document));
        Ok(bits)
    }

    fn leaf(&self, kind: &PlanKind, reader: &SegmentReader) -> Result<Bits> {
        let none = || Bits::empty(reader.max_doc());
        match kind {
            PlanKind::Token { field, token } => leaf::term(reader, self.columns.text, &term_text(field, token)),
            PlanKind::AnyToken { field, tokens } => {
                let mut bits = none();
                for token in tokens {
                    bits.or(&leaf::term(reader, self.columns.text, &term_text(field, token))?);
                }
                Ok(bits)
            }
            PlanKind::Equals { field, value } => self.equals(reader, field, value),
            PlanKind::AnyValue { field, values } => {
                let mut bits = none();
                for value in values {
                    bits.or(&self.equals(reader, field, value)?);
                }
                Ok(bits)
            }
            PlanKind::Between { field, lower, upper } => self.between(reader, field, lower.as_ref(), upper.as_ref()),
            PlanKind::Exists { fields } => {
                let mut bits = none();
                for field in fields {
                    for column in [Column::Keyword, Column::Ip, Column::Long, Column::Double, Column::Length] {
                        bits.or(&leaf::present(reader, column, field)?);
                    }
                }
                Ok(bits)
            }
            PlanKind::Phrase { .. } | PlanKind::PhrasePrefix { .. } => {
                let mut bits = none();
                self.phrases(kind, reader, &Bits::full(reader.max_doc()))?.into_iter().for_each(|(document, _)| bits.insert(document));
                Ok(bits)
            }
            PlanKind::Prefix { field, prefix, case_insensitive: false } => self.texts(reader, field, prefix, &|_| true),
            PlanKind::Prefix { field, prefix, .. } => {
                let prefix = prefix.to_lowercase();
                self.texts(reader, field, "", &|text| text.to_lowercase().starts_with(&prefix))
            }
            PlanKind::Wildcard { field, pattern, case_insensitive: false } => {
                self.texts(reader, field, literal_prefix(pattern), &|text| wildcard_matches(pattern, text))
            }
            PlanKind::Wildcard { field, pattern, .. } => {
                let pattern = pattern.to_lowercase();
                self.texts(reader, field, "", &|text| wildcard_matches(&pattern, &text.to_lowercase()))
            }
            PlanKind::Folded { field, text } => {
                let wanted = text.to_lowercase();
                self.texts(reader, field, "", &|text| text.to_lowercase() == wanted)
            }
            PlanKind::Ids(ids) => {
                let mut bits = none();
                for id in ids {
                    bits.or(&leaf::term(reader, self.columns.term, &term_text(ID_PATH, id))?);
                }
                Ok(bits)
            }
            PlanKind::All | PlanKind::Nothing | PlanKind::Bool(_) | PlanKind::Constant(_) | PlanKind::Best { .. } => Ok(none()),
        }
    }

    fn equals(&self, reader: &SegmentReader, field: &str, value: &Value) -> Result<Bits> {
        match value {
            Value::Keyword(word) if word.len() <= TERM_KEYWORD_MAX => leaf::term(reader, self.columns.term, &term_text(field, word)),
            _ => {
                let limit = Limit { value: value.clone(), inclusive: true };
                self.between(reader, field, Some(&limit), Some(&limit))
            }
        }
    }

    fn between(&self, reader: &SegmentReader, field: &str, lower: Option<&Limit>, upper: Option<&Limit>) -> Result<Bits> {
        let Some(some) = lower.or(upper) else { return any_value(reader, field) };
        match &some.value {
            Value::Keyword(_) => {
                let low = words_bound(lower, keyword_bytes);
                let high = words_bound(upper, keyword_bytes);
                let mut bits = leaf::word_range(reader, Column::Keyword, field, as_bytes(&low), as_bytes(&high))?;
                let inside = |token: &str| above(&low, token.as_bytes()) && below(&high, token.as_bytes());
                for token in leaf::tokens(reader, self.columns.text, field, "", inside)? {
                    bits.or(&leaf::term(reader, self.columns.text, &term_text(field, &token))?);
                }
                Ok(bits)
            }
            Value::Ip(_) => {
                let (low, high) = (words_bound(lower, ip_bytes), words_bound(upper, ip_bytes));
                leaf::word_range(reader, Column::Ip, field, as_bytes(&low), as_bytes(&high))
            }
            Value::Double(_) => leaf::doubles(reader, field, |value| holds(&Value::Double(value), lower, upper)),
            Value::Long(_) | Value::Date(_) | Value::Bool(_) | Value::Unsigned(_) => {
                let low = lower.map_or(Some(i64::MIN), |limit| long(&limit.value).and_then(|value| value.checked_add(i64::from(!limit.inclusive))));
                let high = upper.map_or(Some(i64::MAX), |limit| long(&limit.value).and_then(|value| value.checked_sub(i64::from(!limit.inclusive))));
                match (low, high) {
                    (Some(low), Some(high)) => leaf::long_range(reader, Column::Long, field, low, high),
                    _ => Ok(Bits::empty(reader.max_doc())),
                }
            }
        }
    }

    /// Documents with a token or a keyword that begins with `prefix` and that `wanted` accepts.
    fn texts(&self, reader: &SegmentReader, field: &str, prefix: &str, wanted: &dyn Fn(&str) -> bool) -> Result<Bits> {
        let mut bits = leaf::words_like(reader, Column::Keyword, field, prefix, wanted)?;
        for token in leaf::tokens(reader, self.columns.text, field, prefix, wanted)? {
            bits.or(&leaf::term(reader, self.columns.text, &term_text(field, &token))?);
        }
        Ok(bits)
    }

    /// How often a phrase stands in the documents of a set: those where it does, in ascending order.
    pub(super) fn phrases(&self, kind: &PlanKind, reader: &SegmentReader, among: &Bits) -> Result<Vec<(u32, f32)>> {
        match kind {
            PlanKind::Phrase { field, tokens, slop } => self.phrase(reader, field, tokens, *slop, among),
            PlanKind::PhrasePrefix { field, tokens, prefix, slop, expansions } => {
                let mut found: std::collections::BTreeMap<u32, (f32, usize)> = std::collections::BTreeMap::new();
                for ending in leaf::tokens(reader, self.columns.text, field, &prefix.token, |_| true)? {
                    let last = PhraseToken { token: ending.as_str().into(), position: prefix.position };
                    let with_ending: Vec<PhraseToken> = tokens.iter().cloned().chain([last]).collect();
                    for (document, frequency) in self.phrase(reader, field, &with_ending, *slop, among)? {
                        let (sum, endings) = found.entry(document).or_default();
                        if *endings < *expansions {
                            *sum += frequency;
                            *endings += 1;
                        }
                    }
                }
                Ok(found.into_iter().map(|(document, (frequency, _))| (document, frequency)).collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    fn phrase(&self, reader: &SegmentReader, field: &str, phrase: &[PhraseToken], slop: u32, among: &Bits) -> Result<Vec<(u32, f32)>> {
        let mut candidates = among.clone();
        for wanted in phrase {
            candidates.and(&leaf::term(reader, self.columns.text, &term_text(field, &wanted.token))?);
        }
        let documents: Vec<u32> = candidates.iter().collect();
        if documents.is_empty() {
            return Ok(Vec::new());
        }
        // where the phrase would begin if a token were in place, by document and token
        let mut starts: Vec<Vec<Vec<i64>>> = vec![Vec::with_capacity(phrase.len()); documents.len()];
        for wanted in phrase {
            let places = leaf::positions(reader, self.columns.text, &term_text(field, &wanted.token), &candidates)?;
            for (slot, places) in starts.iter_mut().zip(places) {
                slot.push(places.into_iter().map(|place| i64::from(place) - i64::from(wanted.position)).collect());
            }
        }
        let frequencies = documents.into_iter().zip(&starts).map(|(document, starts)| (document, phrase_frequency(starts, phrase, slop)));
        Ok(frequencies.filter(|(_, frequency)| *frequency > 0.0).collect())
    }
}

/// An interval open on both ends: anything that has a value or a token.
fn any_value(reader: &SegmentReader, field: &str) -> Result<Bits> {
    let mut bits = leaf::long_range(reader, Column::Length, field, 1, i64::MAX)?;
    for column in [Column::Keyword, Column::Ip, Column::Long, Column::Double] {
        bits.or(&leaf::present(reader, column, field)?);
    }
    Ok(bits)
}

/// Clauses that are asked once and never again, or cost nothing: not worth remembering.
fn passing(kind: &PlanKind) -> bool {
    let date = |limit: &Option<Limit>| matches!(limit, Some(Limit { value: Value::Date(_), .. }));
    match kind {
        PlanKind::Ids(_) => true,
        PlanKind::Between { lower, upper, .. } => date(lower) || date(upper),
        _ => false,
    }
}

fn long(value: &Value) -> Option<i64> {
    match value {
        Value::Long(value) | Value::Date(value) => Some(*value),
        Value::Bool(value) => Some(i64::from(*value)),
        Value::Unsigned(value) => Some(ordered(*value)),
        Value::Keyword(_) | Value::Double(_) | Value::Ip(_) => None,
    }
}

fn holds(value: &Value, lower: Option<&Limit>, upper: Option<&Limit>) -> bool {
    lower.is_none_or(|limit| *value > limit.value || (limit.inclusive && *value == limit.value))
        && upper.is_none_or(|limit| *value < limit.value || (limit.inclusive && *value == limit.value))
}

fn keyword_bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::Keyword(word) => word.as_bytes().to_vec(),
        _ => Vec::new(),
    }
}

fn ip_bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::Ip(bits) => ip_key(*bits).into_bytes(),
        _ => Vec::new(),
    }
}

fn words_bound(limit: Option<&Limit>, bytes: impl Fn(&Value) -> Vec<u8>) -> Bound<Vec<u8>> {
    match limit {
        None => Bound::Unbounded,
        Some(limit) if limit.inclusive => Bound::Included(bytes(&limit.value)),
        Some(limit) => Bound::Excluded(bytes(&limit.value)),
    }
}

fn as_bytes(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    bound.as_ref().map(Vec::as_slice)
}

fn above(low: &Bound<Vec<u8>>, bytes: &[u8]) -> bool {
    match low {
        Bound::Included(low) => bytes >= low.as_slice(),
        Bound::Excluded(low) => bytes > low.as_slice(),
        Bound::Unbounded => true,
    }
}

fn below(high: &Bound<Vec<u8>>, bytes: &[u8]) -> bool {
    match high {
        Bound::Included(high) => bytes <= high.as_slice(),
        Bound::Excluded(high) => bytes < high.as_slice(),
        Bound::Unbounded => true,
    }
}
