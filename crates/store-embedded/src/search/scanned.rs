//! Searches over rows themselves, with the reference evaluator: for the indices of the state file, which change with every
//! execution and are searched seldom.

use std::sync::Arc;

use watchbell_json::{Failure, Json};
use watchbell_store::evaluate::{Candidate, NoStatistics, Statistics, TermStatistics, matches, score};
use watchbell_store::mapping::{IndexedFields, Mapping, index_document};
use watchbell_store::plan::Plan;
use watchbell_store::search::SortRow;
use watchbell_store::{Document, StoreError};

use super::segments::{Asked, Best, Outcome, sort};
use crate::index::{Definition, Index};
use crate::store::Inner;

/// Documents that are read at once: a reader holds no view of the file for longer.
const PAGE: usize = 500;

pub(super) struct Rows {
    documents: Vec<(Document, IndexedFields)>,
    /// With what the documents taught it.
    pub mapping: Arc<Mapping>,
}

impl Rows {
    /// Reads an index whole. Blocks.
    pub(super) fn read(inner: &Inner, index: &Index, definition: &Definition) -> Result<Rows, StoreError> {
        let mut mapping = definition.mapping.clone();
        let mut documents: Vec<(Document, IndexedFields)> = Vec::new();
        loop {
            let after = documents.last().map(|(document, _)| document.id.clone());
            let page = inner.scan_index(index, after.as_deref(), PAGE)?;
            let complete = page.len() < PAGE;
            for document in page {
                let fields = fields_of(definition, &mut mapping, &document);
                documents.push((document, fields));
            }
            if complete {
                break;
            }
        }
        documents.sort_by_key(|(document, _)| document.revision.seq_no);
        Ok(Rows { documents, mapping: Arc::new(mapping) })
    }

    pub(super) fn count(&self, plan: &Plan) -> u64 {
        self.candidates().filter(|(_, candidate)| matches(plan, candidate)).count() as u64
    }

    fn candidates(&self) -> impl Iterator<Item = (&Document, Candidate<'_>)> {
        self.documents.iter().map(|(document, fields)| (document, Candidate { id: &document.id, fields }))
    }

    pub(super) fn document(&self, seq_no: i64) -> Option<&(Document, IndexedFields)> {
        let at = self.documents.binary_search_by_key(&seq_no, |(document, _)| document.revision.seq_no).ok()?;
        self.documents.get(at)
    }

    pub(super) fn run(&self, asked: &Asked<'_>) -> Result<Outcome, Failure> {
        let counted;
        let statistics: &dyn Statistics = if asked.scores {
            counted = TermStatistics::count(asked.plan, self.documents.iter().map(|(_, fields)| fields));
            &counted
        } else {
            &NoStatistics
        };
        let mut outcome = Outcome::default();
        for (place, (document, candidate)) in (0..).zip(self.candidates()) {
            let Some(score) = score(asked.plan, &candidate, statistics) else { continue };
            if !asked.filters.iter().all(|filter| matches(filter, &candidate)) || asked.min_score.is_some_and(|least| score < least) {
                continue;
            }
            outcome.total += 1;
            let seq_no = document.revision.seq_no;
            let values = asked.sort.values(&SortRow { id: candidate.id, index: asked.index, seq_no, place, score, fields: candidate.fields });
            if asked.after.is_none_or(|after| asked.sort.compare(&values, after).is_gt()) {
                outcome.max_score = outcome.max_score.into_iter().chain([score]).reduce(f32::max);
                outcome.best.push(Best { seq_no, score, sort: values });
            }
            if asked.at_most.is_some_and(|most| outcome.total >= most as u64) {
                outcome.terminated_early = true;
                break;
            }
        }
        sort(&mut outcome.best, asked);
        outcome.best.truncate(asked.limit);
        Ok(outcome)
    }
}

/// What of a document can be searched; nothing, where it contradicts what others taught.
fn fields_of(definition: &Definition, mapping: &mut Mapping, document: &Document) -> IndexedFields {
    let Ok(json) = Json::parse(&document.source) else { return IndexedFields::default() };
    let Ok(indexing) = index_document(mapping, &definition.settings.limits(), &document.id, &json) else { return IndexedFields::default() };
    if let Some(learned) = indexing.update {
        *mapping = learned;
    }
    indexing.fields
}
