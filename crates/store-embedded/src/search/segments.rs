//! A search in one index: every segment matched, counted, scored and sorted.

use std::sync::Arc;

use tantivy::{Searcher, SegmentReader};
use watchbell_store::plan::Plan;
use watchbell_store::search::{SortPlan, SortValue};

use super::bits::Bits;
use super::clauses::ClauseCache;
use super::matching::Matcher;
use super::ranking::{Found, SegmentSort, seq_nos};
use super::scoring::Scorer;
use crate::columns::Columns;

type Result<T> = tantivy::Result<T>;

/// What is asked of one index.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub index: &'a str,
    pub plan: &'a Plan,
    /// All of these must match too, without a say in the score.
    pub filters: &'a [Plan],
    pub sort: &'a SortPlan,
    pub by_score: bool,
    pub after: Option<&'a [SortValue]>,
    pub scores: bool,
    pub min_score: Option<f32>,
    /// How many of the best are wanted.
    pub limit: usize,
    /// Stop after so many matching documents, in the order of writing.
    pub at_most: Option<usize>,
}

/// One of the best.
#[derive(Clone, Debug)]
pub(crate) struct Best {
    pub seq_no: i64,
    pub score: f32,
    pub sort: Vec<SortValue>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub total: u64,
    pub max_score: Option<f32>,
    /// In order.
    pub best: Vec<Best>,
    pub terminated_early: bool,
}

pub(crate) struct IndexSearch<'a> {
    pub columns: &'a Columns,
    pub cache: &'a ClauseCache,
    pub searcher: &'a Searcher,
}

impl IndexSearch<'_> {
    /// How many live documents match.
    pub(crate) fn count(&self, plan: &Plan, filters: &[Plan]) -> Result<u64> {
        let matcher = Matcher::new(self.columns, self.cache);
        self.searcher.segment_readers().iter().map(|reader| Ok(live(&matcher, reader, plan, filters)?.count())).sum()
    }

    pub(crate) fn run(&self, asked: &Asked<'_>) -> Result<Outcome> {
        let matcher = Matcher::new(self.columns, self.cache);
        let scorer = Scorer::new(&matcher, self.searcher);
        let mut outcome = Outcome::default();
        let last = asked.at_most.map(|most| self.last_of(asked, &matcher, &scorer, most)).transpose()?.flatten();
        outcome.terminated_early = last.is_some();
        for reader in self.searcher.segment_readers() {
            let bits = live(&matcher, reader, asked.plan, asked.filters)?;
            if asked.limit == 0 && asked.min_score.is_none() && last.is_none() {
                outcome.total += bits.count();
                continue;
            }
            let mut found = found(reader, asked, &scorer, &bits)?;
            found.retain(|found| last.is_none_or(|last| found.seq_no <= last));
            outcome.total += found.len() as u64;
            best(reader, asked, found, &mut outcome)?;
        }
        sort(&mut outcome.best, asked);
        outcome.best.truncate(asked.limit);
        Ok(outcome)
    }

    /// The last row to look at when no more than `most` matching ones are wanted, if there are so many.
    fn last_of(&self, asked: &Asked<'_>, matcher: &Matcher<'_>, scorer: &Scorer<'_>, most: usize) -> Result<Option<i64>> {
        let mut seq_nos = Vec::new();
        for reader in self.searcher.segment_readers() {
            let bits = live(matcher, reader, asked.plan, asked.filters)?;
            seq_nos.extend(found(reader, asked, scorer, &bits)?.into_iter().map(|found| found.seq_no));
        }
        seq_nos.sort_unstable();
        Ok(seq_nos.get(most.saturating_sub(1)).copied())
    }
}

fn found(reader: &SegmentReader, asked: &Asked<'_>, scorer: &Scorer<'_>, bits: &Bits) -> Result<Vec<Found>> {
    let seq_nos = seq_nos(reader)?;
    let documents: Vec<u32> = bits.iter().collect();
    let scores = if asked.scores { Some(scorer.scores(asked.plan, reader, &documents)?) } else { None };
    let each = documents.iter().enumerate().map(|(at, document)| Found {
        document: *document,
        seq_no: seq_nos.first(*document).unwrap_or(-1),
        score: scores.as_ref().and_then(|scores| scores.get(at)).copied().unwrap_or(0.0),
    });
    Ok(each.filter(|found| asked.min_score.is_none_or(|least| found.score >= least)).collect())
}

fn best(reader: &SegmentReader, asked: &Asked<'_>, mut found: Vec<Found>, outcome: &mut Outcome) -> Result<()> {
    let highest = |found: &[Found]| found.iter().map(|found| found.score).reduce(f32::max);
    if asked.by_score {
        outcome.max_score = outcome.max_score.into_iter().chain(highest(&found)).reduce(f32::max);
        select_by_score(&mut found, asked.limit);
        outcome.best.extend(found.into_iter().map(|found| Best { seq_no: found.seq_no, score: found.score, sort: Vec::new() }));
        return Ok(());
    }
    let sort = SegmentSort::open(asked.sort, asked.index, reader)?;
    if let Some(after) = asked.after {
        sort.keep_after(&mut found, after)?;
    }
    outcome.max_score = outcome.max_score.into_iter().chain(highest(&found)).reduce(f32::max);
    let selected = sort.select(found, asked.limit);
    outcome.best.extend(selected.iter().map(|found| Best { seq_no: found.seq_no, score: found.score, sort: sort.values(found) }));
    Ok(())
}

fn live(matcher: &Matcher<'_>, reader: &SegmentReader, plan: &Plan, filters: &[Plan]) -> Result<Bits> {
    let mut bits = Arc::unwrap_or_clone(matcher.matches(plan, reader)?);
    for filter in filters {
        bits.and(&*matcher.matches(filter, reader)?);
    }
    if reader.has_deletes() {
        bits.and(&matcher.alive(reader));
    }
    Ok(bits)
}

fn by_score(a: (f32, i64), b: (f32, i64)) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

fn select_by_score(found: &mut Vec<Found>, limit: usize) {
    if found.len() > limit && limit > 0 {
        found.select_nth_unstable_by(limit - 1, |a, b| by_score((a.score, a.seq_no), (b.score, b.seq_no)));
    }
    found.truncate(limit);
}

/// The best first; of equals the one that was written first.
pub(crate) fn sort(best: &mut [Best], asked: &Asked<'_>) {
    if asked.by_score {
        best.sort_by(|a, b| by_score((a.score, a.seq_no), (b.score, b.seq_no)));
    } else {
        best.sort_by(|a, b| asked.sort.compare(&a.sort, &b.sort).then(a.seq_no.cmp(&b.seq_no)));
    }
}
