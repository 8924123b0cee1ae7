//! Hits: exactly the rows that were found, and what of them is shown.

use bytes::Bytes;
use watchbell_json::{Failure, Json};
use watchbell_store::evaluate::{Candidate, matched_names};
use watchbell_store::mapping::{IndexedFields, index_document};
use watchbell_store::query::{SearchBody, SortKey, SourceFilter};
use watchbell_store::search::{column_fields, filter_source, source_fields};
use watchbell_store::{Document, Hit, ShardFailure, StoreError};
use watchbell_time::Timestamp;

use super::run::{Collected, Data, Shard};
use super::segments::Best;
use crate::rows;
use crate::store::{Inner, unavailable};

impl Inner {
    /// Blocks: reads the rows. A hit that cannot be shown fails its index, once.
    pub(super) fn hits(
        &self,
        shards: &[Shard],
        collected: &[Option<Collected>],
        page: Vec<(usize, Best)>,
        body: &SearchBody,
        now: Timestamp,
        failures: &mut Vec<ShardFailure>,
    ) -> Result<Vec<Hit>, StoreError> {
        let mut hits = Vec::with_capacity(page.len());
        for (at, best) in page {
            let (Some(shard), Some(Some(collected))) = (shards.get(at), collected.get(at)) else { continue };
            // a row that was replaced long ago may be gone for a search that began before
            let Some((document, fields)) = self.row(shard, best.seq_no)? else { continue };
            match shard.hit(&document, &fields, &best, body, collected, now) {
                Ok(hit) => hits.push(hit),
                Err(_) if failures.iter().any(|known| known.index == *shard.index.name) => {}
                Err(reason) => failures.push(ShardFailure { index: shard.index.name.to_string(), reason }),
            }
        }
        Ok(hits)
    }

    fn row(&self, shard: &Shard, seq_no: i64) -> Result<Option<(Document, IndexedFields)>, StoreError> {
        if let Data::Scanned(rows) = &shard.data {
            return Ok(rows.document(seq_no).cloned());
        }
        let file = self.file_of(&shard.index).map_err(|error| unavailable(&error))?;
        let row = file.read(|connection| rows::fetch(connection, shard.index.number, seq_no)).map_err(|error| unavailable(&error))?;
        let Some(document) = row.and_then(|row| row.into_document(&shard.index.name)) else { return Ok(None) };
        let limits = shard.definition.settings.limits();
        let parsed = Json::parse(&document.source).ok();
        let indexing = parsed.and_then(|json| index_document(shard.mapping(), &limits, &document.id, &json).ok());
        Ok(Some((document, indexing.map(|indexing| indexing.fields).unwrap_or_default())))
    }
}

impl Shard {
    fn hit(&self, document: &Document, fields: &IndexedFields, best: &Best, body: &SearchBody, collected: &Collected, now: Timestamp) -> Result<Hit, Failure> {
        let candidate = Candidate { id: &document.id, fields };
        let scored = body.sort.is_empty() || body.track_scores || body.sort.iter().any(|key| matches!(key, SortKey::Score(_)));
        Ok(Hit {
            index: document.index.clone(),
            id: document.id.clone(),
            score: scored.then_some(best.score),
            source: self.source(document, &body.source_filter()),
            fields: self.fields(document, fields, body, now)?,
            sort: (!body.sort.is_empty()).then(|| collected.order.shown(&best.sort)),
            ignored: fields.ignored.iter().map(ToString::to_string).collect(),
            version: body.version.then_some(document.version),
            revision: body.seq_no_primary_term.then_some(document.revision),
            matched_queries: matched_names(&collected.plan, &candidate),
        })
    }

    fn source(&self, document: &Document, filter: &SourceFilter) -> Option<Bytes> {
        if self.mapping().source_disabled() {
            return None;
        }
        match filter {
            SourceFilter::None => None,
            SourceFilter::All => Some(document.source.clone()),
            SourceFilter::Fields { includes, excludes } => {
                let parsed = Json::parse(&document.source).unwrap_or_default();
                Some(filter_source(&parsed, includes, excludes).to_string().into())
            }
        }
    }

    fn fields(&self, document: &Document, fields: &IndexedFields, body: &SearchBody, now: Timestamp) -> Result<Option<Json>, Failure> {
        let context = self.context(now);
        if body.docvalue_fields.is_empty() && body.fields.is_empty() {
            return Ok(None);
        }
        let source = Json::parse(&document.source).unwrap_or_default();
        let mut shown = column_fields(&body.docvalue_fields, &source, fields, &context)?;
        for (name, value) in source_fields(&body.fields, &source, fields, &context)? {
            shown.insert(name, value);
        }
        Ok((!shown.is_empty()).then(|| shown.into()))
    }
}
