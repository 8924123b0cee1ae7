//! Searches: every visible document is looked at.

use std::cmp::Ordering;
use std::sync::Arc;

use bytes::Bytes;
use watchbell_json::{Failure, Json};
use watchbell_time::Timestamp;

use super::MemoryStore;
use super::index::{Row, Searchable};
use crate::evaluate::{Candidate, NoStatistics, Statistics, TermStatistics, matched_names, matches, score};
use crate::mapping::Mapping;
use crate::plan::{BoolPlan, Plan, PlanContext, PlanKind, bind};
use crate::query::{Order, Query, SearchBody, SortKey, SourceFilter, TrackTotal};
use crate::search::{SortPlan, SortRow, SortValue, all_shards_failed, check_body, column_fields, filter_source, source_fields};
use crate::{Hit, Search, SearchAnswer, SearchRequest, ShardFailure, StoreError, TotalRelation, dsl};

/// One index as a search sees it, after the lock is gone.
struct Shard {
    name: String,
    uuid: String,
    mapping: Arc<Mapping>,
    rows: Searchable,
    filters: Vec<Json>,
}

struct Found {
    shard: usize,
    id: Arc<str>,
    row: Arc<Row>,
    place: u64,
    score: f32,
    sort: Vec<SortValue>,
}

/// What one shard gives.
struct Collected {
    total: u64,
    terminated: bool,
    found: Vec<Found>,
    plan: Plan,
    order: SortPlan,
}

#[async_trait::async_trait]
impl Search for MemoryStore {
    async fn search(&self, request: SearchRequest) -> Result<Json, StoreError> {
        let begun = self.clock.elapsed();
        let answer = self.search_now(&request)?;
        let took = self.clock.elapsed().saturating_sub(begun).as_millis();
        Ok(answer.to_json(u64::try_from(took).unwrap_or(u64::MAX)))
    }
}

impl MemoryStore {
    fn shards(&self, request: &SearchRequest) -> Result<Vec<Shard>, StoreError> {
        let state = self.state();
        let resolved = state.resolve(&request.indices, &request.options, request.now)?;
        let shard = |resolved: crate::search::Resolved| {
            let index = state.indices.get(&resolved.name)?;
            Some(Shard {
                name: index.name.clone(),
                uuid: index.uuid.clone(),
                mapping: index.mapping.clone(),
                rows: index.searchable.clone(),
                filters: resolved.filters,
            })
        };
        Ok(resolved.into_iter().filter_map(shard).collect())
    }

    pub(super) fn search_now(&self, request: &SearchRequest) -> Result<SearchAnswer, StoreError> {
        let mut body = dsl::parse_search(request.body.as_ref())?;
        if body.sort == [SortKey::Score(Order::Descending)] && body.search_after.is_none() {
            body.sort.clear();
        }
        let shards = self.shards(request)?;
        let (mut collected, mut failures) = each(&shards, |at, shard| shard.collect(at, &body, request.now))?;
        let found = merge(&mut collected, &body);
        let max_score = max_score(&shards, &found, &body);
        let page = found.into_iter().skip(body.from).take(body.size);
        let (hits, fetch_failures): (Vec<_>, Vec<_>) =
            page.map(|found| shards[found.shard].hit(&found, &body, &collected, request.now)).partition(Result::is_ok);
        for failure in fetch_failures.into_iter().filter_map(Result::err) {
            if !failures.iter().any(|known| known.index == failure.index) {
                failures.push(failure);
            }
        }
        if !failures.is_empty() && failures.len() == shards.len() {
            return Err(StoreError::Refused(all_shards_failed(&failures)));
        }
        let total: u64 = collected.iter().flatten().map(|shard| shard.total).sum();
        let terminated = collected.iter().flatten().any(|shard| shard.terminated);
        Ok(SearchAnswer {
            shards: shards.len(),
            failures,
            total: tracked(total, body.track_total_hits),
            max_score,
            hits: hits.into_iter().flatten().collect(),
            aggregations: None,
            terminated_early: body.terminate_after.map(|_| terminated),
        })
    }

    pub(super) fn count_now(&self, request: &SearchRequest) -> Result<(u64, usize), StoreError> {
        let query = dsl::parse_count(request.body.as_ref())?;
        let shards = self.shards(request)?;
        let (counts, _) = each(&shards, |_, shard| {
            let plan = shard.plan(&query, request.now)?;
            let matching = shard.rows.iter().filter(|(id, row)| matches(&plan, &Candidate { id, fields: &row.fields }));
            Ok(matching.count() as u64)
        })?;
        Ok((counts.into_iter().flatten().sum(), shards.len()))
    }
}

fn tracked(total: u64, track: TrackTotal) -> Option<(u64, TotalRelation)> {
    match track {
        TrackTotal::Off => None,
        TrackTotal::UpTo(most) if total > most => Some((most, TotalRelation::AtLeast)),
        TrackTotal::Exact | TrackTotal::UpTo(_) => Some((total, TotalRelation::Exact)),
    }
}

/// Runs over every shard; the search fails only when all of them do.
#[allow(clippy::type_complexity)]
fn each<T>(shards: &[Shard], run: impl Fn(usize, &Shard) -> Result<T, Failure>) -> Result<(Vec<Option<T>>, Vec<ShardFailure>), StoreError> {
    let mut outcomes = Vec::with_capacity(shards.len());
    let mut failures = Vec::new();
    for (at, shard) in shards.iter().enumerate() {
        match run(at, shard) {
            Ok(outcome) => outcomes.push(Some(outcome)),
            Err(reason) => {
                failures.push(ShardFailure { index: shard.name.clone(), reason });
                outcomes.push(None);
            }
        }
    }
    if !failures.is_empty() && failures.len() == shards.len() {
        return Err(StoreError::Refused(all_shards_failed(&failures)));
    }
    Ok((outcomes, failures))
}

/// All shards' documents in the order of the search.
fn merge(collected: &mut [Option<Collected>], body: &SearchBody) -> Vec<Found> {
    let mut found: Vec<Found> = collected.iter_mut().flatten().flat_map(|shard| std::mem::take(&mut shard.found)).collect();
    let orders: Vec<Option<&SortPlan>> = collected.iter().map(|shard| shard.as_ref().map(|shard| &shard.order)).collect();
    found.sort_by(|a, b| {
        let ordered = match orders.get(a.shard) {
            _ if body.sort.is_empty() => b.score.total_cmp(&a.score),
            Some(Some(order)) => order.compare(&a.sort, &b.sort),
            _ => Ordering::Equal,
        };
        ordered.then(a.shard.cmp(&b.shard)).then(a.place.cmp(&b.place))
    });
    found
}

fn max_score(shards: &[Shard], found: &[Found], body: &SearchBody) -> Option<f32> {
    if shards.is_empty() {
        // The reference's answer to no index at all.
        return Some(0.0);
    }
    if body.size == 0 || !(body.sort.is_empty() || body.track_scores) {
        return None;
    }
    found.iter().map(|found| found.score).reduce(f32::max)
}

impl Shard {
    fn context(&self, now: Timestamp) -> PlanContext<'_> {
        PlanContext { index: &self.name, uuid: &self.uuid, mapping: &self.mapping, now }
    }

    /// The query, and the filters of the aliases that the index was named by.
    fn plan(&self, query: &Query, now: Timestamp) -> Result<Plan, Failure> {
        let context = self.context(now);
        let plan = bind(query, &context)?;
        if self.filters.is_empty() {
            return Ok(plan);
        }
        let should = self.filters.iter().map(|filter| bind(&dsl::parse_query(filter)?, &context)).collect::<Result<Vec<_>, _>>()?;
        let any = Plan::new(PlanKind::Bool(BoolPlan { should, minimum: 1, ..BoolPlan::default() }));
        Ok(Plan::new(PlanKind::Bool(BoolPlan { must: vec![plan], filter: vec![any], ..BoolPlan::default() })))
    }

    fn collect(&self, at: usize, body: &SearchBody, now: Timestamp) -> Result<Collected, Failure> {
        check_body(body)?;
        let plan = self.plan(&body.query, now)?;
        let post_filter = body.post_filter.as_ref().map(|filter| bind(filter, &self.context(now))).transpose()?;
        let order = SortPlan::bind(&body.sort, &self.context(now))?;
        let after = body.search_after.as_ref().map(|after| order.after(after)).transpose()?;
        let counted;
        let statistics: &dyn Statistics = if body.needs_scores() {
            counted = TermStatistics::count(&plan, self.rows.iter().map(|(_, row)| &row.fields));
            &counted
        } else {
            &NoStatistics
        };
        let mut collected = Collected { total: 0, terminated: body.terminate_after == Some(0), found: Vec::new(), plan, order };
        if collected.terminated {
            return Ok(collected);
        }
        for (place, (id, row)) in (0..).zip(self.rows.iter()) {
            let candidate = Candidate { id, fields: &row.fields };
            let Some(score) = score(&collected.plan, &candidate, statistics) else { continue };
            if post_filter.as_ref().is_some_and(|filter| !matches(filter, &candidate)) || body.min_score.is_some_and(|least| score < least) {
                continue;
            }
            collected.total += 1;
            let sort = collected.order.values(&SortRow { id, index: &self.name, seq_no: row.revision.seq_no, place, score, fields: &row.fields });
            if after.as_ref().is_none_or(|after| collected.order.compare(&sort, after) == Ordering::Greater) {
                collected.found.push(Found { shard: at, id: id.clone(), row: row.clone(), place, score, sort });
            }
            if body.terminate_after.is_some_and(|most| collected.total >= most as u64) {
                collected.terminated = true;
                break;
            }
        }
        Ok(collected)
    }

    fn hit(&self, found: &Found, body: &SearchBody, collected: &[Option<Collected>], now: Timestamp) -> Result<Hit, ShardFailure> {
        let shard = collected.get(found.shard).and_then(Option::as_ref);
        let candidate = Candidate { id: &found.id, fields: &found.row.fields };
        let scored = body.sort.is_empty() || body.track_scores || body.sort.iter().any(|key| matches!(key, SortKey::Score(_)));
        Ok(Hit {
            index: self.name.clone(),
            id: found.id.to_string(),
            score: scored.then_some(found.score),
            source: self.source(&found.row, &body.source_filter()),
            fields: self.fields(&found.row, body, now).map_err(|reason| ShardFailure { index: self.name.clone(), reason })?,
            sort: (!body.sort.is_empty()).then(|| shard.map(|shard| shard.order.shown(&found.sort)).unwrap_or_default()),
            ignored: found.row.fields.ignored.iter().map(ToString::to_string).collect(),
            version: body.version.then_some(found.row.version),
            revision: body.seq_no_primary_term.then_some(found.row.revision),
            matched_queries: shard.map(|shard| matched_names(&shard.plan, &candidate)).unwrap_or_default(),
        })
    }

    fn source(&self, row: &Row, filter: &SourceFilter) -> Option<Bytes> {
        let source = row.source.as_ref().filter(|_| !self.mapping.source_disabled())?;
        match filter {
            SourceFilter::None => None,
            SourceFilter::All => Some(source.clone()),
            SourceFilter::Fields { includes, excludes } => {
                let parsed = Json::parse(source).unwrap_or_default();
                Some(filter_source(&parsed, includes, excludes).to_string().into())
            }
        }
    }

    fn fields(&self, row: &Row, body: &SearchBody, now: Timestamp) -> Result<Option<Json>, Failure> {
        let context = self.context(now);
        if body.docvalue_fields.is_empty() && body.fields.is_empty() {
            return Ok(None);
        }
        let source = row.source.as_ref().and_then(|source| Json::parse(source).ok()).unwrap_or_default();
        let mut fields = column_fields(&body.docvalue_fields, &source, &row.fields, &context)?;
        for (name, value) in source_fields(&body.fields, &source, &row.fields, &context)? {
            fields.insert(name, value);
        }
        Ok((!fields.is_empty()).then(|| fields.into()))
    }
}
