//! One search over several indices: each on its own, then merged.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tantivy::Searcher;
use watchbell_json::{Failure, Json};
use watchbell_store::mapping::Mapping;
use watchbell_store::plan::{BoolPlan, Plan, PlanContext, PlanKind, bind};
use watchbell_store::query::{Order, Query, SearchBody, SortKey, TrackTotal};
use watchbell_store::search::{SortPlan, all_shards_failed, check_body};
use watchbell_store::{Search, SearchAnswer, SearchRequest, ShardFailure, StoreError, TotalRelation, dsl};
use watchbell_time::Timestamp;

use super::scanned::Rows;
use super::segments::{Asked, Best, IndexSearch, Outcome};
use crate::administration::Named;
use crate::index::{Definition, Index};
use crate::placement::Kind;
use crate::store::{EmbeddedStore, Inner, blocking, unavailable};

/// One index of a search, as it was when the search began.
pub(super) struct Shard {
    pub index: Arc<Index>,
    pub definition: Arc<Definition>,
    filters: Vec<Json>,
    pub data: Data,
}

pub(super) enum Data {
    Indexed(Searcher),
    Scanned(Rows),
}

/// What one index gave, and how it understood the question.
pub(super) struct Collected {
    pub outcome: Outcome,
    pub plan: Plan,
    pub order: SortPlan,
}

/// What each index gave, `None` where it failed, and the failures.
type Each<T> = (Vec<Option<T>>, Vec<ShardFailure>);

/// What is wrong with an index: its answer, or its files.
enum Wrong {
    Refused(Failure),
    Damaged(String),
}

impl From<Failure> for Wrong {
    fn from(failure: Failure) -> Wrong {
        Wrong::Refused(failure)
    }
}

impl From<tantivy::TantivyError> for Wrong {
    fn from(error: tantivy::TantivyError) -> Wrong {
        Wrong::Damaged(error.to_string())
    }
}

impl Shard {
    /// Blocks.
    fn open(inner: &Inner, index: Arc<Index>, filters: Vec<Json>) -> Result<Shard, StoreError> {
        let definition = index.definition();
        let data = if index.kind == Kind::State {
            Data::Scanned(Rows::read(inner, &index, &definition)?)
        } else {
            let side = index.search_side().ok_or_else(|| unavailable(&format!("the index [{}] is rebuilt", index.name)))?;
            Data::Indexed(side.searcher())
        };
        Ok(Shard { index, definition, filters, data })
    }

    pub(super) fn mapping(&self) -> &Mapping {
        match &self.data {
            Data::Indexed(_) => &self.definition.mapping,
            Data::Scanned(rows) => &rows.mapping,
        }
    }

    pub(super) fn context(&self, now: Timestamp) -> PlanContext<'_> {
        PlanContext { index: &self.index.name, uuid: &self.index.uuid, mapping: self.mapping(), now }
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

    fn collect(&self, inner: &Inner, body: &SearchBody, now: Timestamp) -> Result<Collected, Wrong> {
        check_body(body)?;
        let plan = self.plan(&body.query, now)?;
        let post_filter = body.post_filter.as_ref().map(|filter| bind(filter, &self.context(now))).transpose()?;
        let order = SortPlan::bind(&body.sort, &self.context(now))?;
        let after = body.search_after.as_ref().map(|after| order.after(after)).transpose()?;
        let asked = Asked {
            index: &self.index.name,
            plan: &plan,
            filters: post_filter.as_slice(),
            sort: &order,
            by_score: body.sort.is_empty(),
            after: after.as_deref(),
            scores: body.needs_scores(),
            min_score: body.min_score,
            limit: if body.size == 0 { 0 } else { body.from.saturating_add(body.size) },
            at_most: body.terminate_after,
        };
        let outcome = match &self.data {
            _ if body.terminate_after == Some(0) => Outcome { terminated_early: true, ..Outcome::default() },
            Data::Indexed(searcher) => IndexSearch { columns: &inner.columns, cache: &inner.clauses, searcher }.run(&asked)?,
            Data::Scanned(rows) => rows.run(&asked)?,
        };
        Ok(Collected { outcome, plan, order })
    }

    fn count(&self, inner: &Inner, query: &Query, now: Timestamp) -> Result<u64, Wrong> {
        let plan = self.plan(query, now)?;
        match &self.data {
            Data::Indexed(searcher) => Ok(IndexSearch { columns: &inner.columns, cache: &inner.clauses, searcher }.count(&plan, &[])?),
            Data::Scanned(rows) => Ok(rows.count(&plan)),
        }
    }
}

impl Inner {
    /// Runs over every index; the search fails when all of them refuse, or when one is damaged.
    fn each<T>(&self, shards: &[Shard], run: impl Fn(&Shard) -> Result<T, Wrong>) -> Result<Each<T>, StoreError> {
        let mut outcomes = Vec::with_capacity(shards.len());
        let mut failures = Vec::new();
        for shard in shards {
            // tantivy trusts its files, and panics where they contradict themselves
            let outcome = catch_unwind(AssertUnwindSafe(|| run(shard))).unwrap_or_else(|_| Err(Wrong::Damaged("reading it panicked".to_owned())));
            match outcome {
                Ok(outcome) => outcomes.push(Some(outcome)),
                Err(Wrong::Refused(reason)) => {
                    failures.push(ShardFailure { index: shard.index.name.to_string(), reason });
                    outcomes.push(None);
                }
                Err(Wrong::Damaged(reason)) => {
                    tracing::warn!(index = %shard.index.name, reason, "the index is damaged");
                    self.indexer.rebuild(&shard.index);
                    return Err(unavailable(&format!("the index [{}] is rebuilt", shard.index.name)));
                }
            }
        }
        if !failures.is_empty() && failures.len() == shards.len() {
            return Err(StoreError::Refused(all_shards_failed(&failures)));
        }
        Ok((outcomes, failures))
    }

    fn open_shards(&self, resolved: Named) -> Result<Vec<Shard>, StoreError> {
        resolved.into_iter().map(|(index, filters)| Shard::open(self, index, filters)).collect()
    }

    /// Blocks.
    fn search(&self, resolved: Named, body: &SearchBody, now: Timestamp) -> Result<SearchAnswer, StoreError> {
        let shards = self.open_shards(resolved)?;
        let (mut collected, mut failures) = self.each(&shards, |shard| shard.collect(self, body, now))?;
        let total: u64 = collected.iter().flatten().map(|shard| shard.outcome.total).sum();
        let terminated = collected.iter().flatten().any(|shard| shard.outcome.terminated_early);
        let max_score = max_score(&shards, &collected, body);
        let page: Vec<(usize, Best)> = merge(&mut collected, body).into_iter().skip(body.from).take(body.size).collect();
        let hits = self.hits(&shards, &collected, page, body, now, &mut failures)?;
        if !failures.is_empty() && failures.len() == shards.len() {
            return Err(StoreError::Refused(all_shards_failed(&failures)));
        }
        Ok(SearchAnswer {
            shards: shards.len(),
            failures,
            total: tracked(total, body.track_total_hits),
            max_score,
            hits,
            aggregations: None,
            terminated_early: body.terminate_after.map(|_| terminated),
        })
    }
}

fn tracked(total: u64, track: TrackTotal) -> Option<(u64, TotalRelation)> {
    match track {
        TrackTotal::Off => None,
        TrackTotal::UpTo(most) if total > most => Some((most, TotalRelation::AtLeast)),
        TrackTotal::Exact | TrackTotal::UpTo(_) => Some((total, TotalRelation::Exact)),
    }
}

fn max_score(shards: &[Shard], collected: &[Option<Collected>], body: &SearchBody) -> Option<f32> {
    if shards.is_empty() {
        // the reference's answer to no index at all
        return Some(0.0);
    }
    if body.size == 0 || !(body.sort.is_empty() || body.track_scores) {
        return None;
    }
    collected.iter().flatten().filter_map(|shard| shard.outcome.max_score).reduce(f32::max)
}

/// The best of all indices in the order of the search; of equals those of the earlier index, then the earlier written.
fn merge(collected: &mut [Option<Collected>], body: &SearchBody) -> Vec<(usize, Best)> {
    let mut found: Vec<(usize, Best)> = Vec::new();
    for (at, shard) in collected.iter_mut().enumerate() {
        found.extend(shard.iter_mut().flat_map(|shard| std::mem::take(&mut shard.outcome.best)).map(|best| (at, best)));
    }
    let order = collected.iter().flatten().map(|shard| &shard.order).next();
    found.sort_by(|(a_shard, a), (b_shard, b)| {
        let ordered = match order {
            Some(order) if !body.sort.is_empty() => order.compare(&a.sort, &b.sort),
            _ => b.score.total_cmp(&a.score),
        };
        ordered.then(a_shard.cmp(b_shard)).then(a.seq_no.cmp(&b.seq_no))
    });
    found
}

impl EmbeddedStore {
    pub(crate) async fn search_now(&self, request: &SearchRequest) -> Result<SearchAnswer, StoreError> {
        let mut body = dsl::parse_search(request.body.as_ref())?;
        if body.sort == [SortKey::Score(Order::Descending)] && body.search_after.is_none() {
            body.sort.clear();
        }
        let resolved = self.inner.resolve(&request.indices, &request.options, request.now)?;
        let indices: Vec<Arc<Index>> = resolved.iter().map(|(index, _)| index.clone()).collect();
        self.make_searchable(&indices, request.timeout).await?;
        let now = request.now;
        blocking(&self.inner, move |inner| inner.search(resolved, &body, now)).await?
    }

    pub(crate) async fn count_now(&self, request: &SearchRequest) -> Result<(u64, usize), StoreError> {
        let query = dsl::parse_count(request.body.as_ref())?;
        let resolved = self.inner.resolve(&request.indices, &request.options, request.now)?;
        let indices: Vec<Arc<Index>> = resolved.iter().map(|(index, _)| index.clone()).collect();
        self.make_searchable(&indices, request.timeout).await?;
        let now = request.now;
        let count = move |inner: &Inner| {
            let shards = inner.open_shards(resolved)?;
            let (counts, _) = inner.each(&shards, |shard| shard.count(inner, &query, now))?;
            Ok((counts.into_iter().flatten().sum(), shards.len()))
        };
        blocking(&self.inner, count).await?
    }
}

#[async_trait::async_trait]
impl Search for EmbeddedStore {
    async fn search(&self, request: SearchRequest) -> Result<Json, StoreError> {
        let begun = self.inner.clock.elapsed();
        let answer = self.search_now(&request).await?;
        let took = self.inner.clock.elapsed().saturating_sub(begun).as_millis();
        Ok(answer.to_json(u64::try_from(took).unwrap_or(u64::MAX)))
    }
}
