//! What a search asks, parsed: independent of any mapping and of any store.
//!
//! [`crate::dsl`] makes these values from JSON; [`crate::plan`] binds them to one index's mapping, which is where values are
//! coerced and texts are analysed. Names, defaults and limits are Elasticsearch's.

use std::sync::Arc;

use watchbell_json::Json;

/// One query clause.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub kind: QueryKind,
    pub boost: f32,
    /// `_name`: listed in a hit's `matched_queries`.
    pub name: Option<Arc<str>>,
}

impl Query {
    #[must_use]
    pub fn new(kind: QueryKind) -> Query {
        Query { kind, boost: 1.0, name: None }
    }

    #[must_use]
    pub fn match_all() -> Query {
        Query::new(QueryKind::MatchAll)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum QueryKind {
    MatchAll,
    MatchNone,
    Match(MatchQuery),
    MatchPhrase(PhraseQuery),
    MatchPhrasePrefix(PhraseQuery),
    MatchBoolPrefix(MatchQuery),
    MultiMatch(MultiMatch),
    Term(TermQuery),
    Terms { field: Arc<str>, values: Vec<Json> },
    Range(RangeQuery),
    Exists { field: Arc<str> },
    Prefix(TermQuery),
    Wildcard(TermQuery),
    Ids { values: Vec<Arc<str>> },
    Bool(BoolQuery),
    ConstantScore(Box<Query>),
    DisMax { queries: Vec<Query>, tie_breaker: f32 },
    QueryString(QueryStringQuery),
}

#[derive(Clone, Debug, PartialEq)]
pub struct QueryStringQuery {
    pub text: Arc<str>,
    /// Where a term names no field: names or patterns with their boosts; empty means everywhere.
    pub fields: Vec<(Arc<str>, f32)>,
    pub operator: Operator,
    /// When nothing is said, only a query over all fields is.
    pub lenient: Option<bool>,
    pub analyzer: Option<Arc<str>>,
    pub quote_analyzer: Option<Arc<str>>,
    pub phrase_slop: u32,
    pub minimum_should_match: Option<MinimumShouldMatch>,
    pub tie_breaker: f32,
    pub time_zone: Option<Arc<str>>,
    /// Special characters are meant literally.
    pub escape: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Operator {
    #[default]
    Or,
    And,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ZeroTerms {
    #[default]
    None,
    All,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MatchQuery {
    pub field: Arc<str>,
    pub text: Json,
    pub operator: Operator,
    pub minimum_should_match: Option<MinimumShouldMatch>,
    pub analyzer: Option<Arc<str>>,
    pub zero_terms: ZeroTerms,
    /// A value that does not fit the field matches nothing instead of failing.
    pub lenient: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PhraseQuery {
    pub field: Arc<str>,
    pub text: Json,
    pub slop: u32,
    pub analyzer: Option<Arc<str>>,
    pub zero_terms: ZeroTerms,
    /// Only for a phrase whose last term is a prefix.
    pub max_expansions: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MultiMatchType {
    #[default]
    BestFields,
    MostFields,
    Phrase,
    PhrasePrefix,
    BoolPrefix,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MultiMatch {
    /// Names or patterns with their boosts; empty means every field a search without a field looks at.
    pub fields: Vec<(Arc<str>, f32)>,
    pub text: Json,
    pub kind: MultiMatchType,
    pub operator: Operator,
    pub minimum_should_match: Option<MinimumShouldMatch>,
    pub analyzer: Option<Arc<str>>,
    pub zero_terms: ZeroTerms,
    pub lenient: bool,
    pub slop: u32,
    pub tie_breaker: Option<f32>,
    pub max_expansions: usize,
}

/// `term`, and in the same form `prefix` and `wildcard`.
#[derive(Clone, Debug, PartialEq)]
pub struct TermQuery {
    pub field: Arc<str>,
    pub value: Json,
    pub case_insensitive: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RangeQuery {
    pub field: Arc<str>,
    pub lower: Option<Bound>,
    pub upper: Option<Bound>,
    /// Date formats of the bounds, instead of the field's.
    pub format: Option<Arc<str>>,
    pub time_zone: Option<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    pub value: Json,
    pub inclusive: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct BoolQuery {
    pub must: Vec<Query>,
    pub filter: Vec<Query>,
    pub should: Vec<Query>,
    pub must_not: Vec<Query>,
    pub minimum_should_match: Option<MinimumShouldMatch>,
}

impl BoolQuery {
    /// How many `should` clauses must match.
    #[must_use]
    pub fn should_needed(&self) -> usize {
        let needed = match &self.minimum_should_match {
            Some(wanted) => wanted.needed(self.should.len()),
            None => usize::from(!self.should.is_empty() && self.must.is_empty() && self.filter.is_empty()),
        };
        if needed == 0 && !self.should.is_empty() && self.must.is_empty() && self.filter.is_empty() {
            return 1;
        }
        needed
    }
}

/// `2`, `-1`, `75%`, `-25%`, `2<75% 9<-3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MinimumShouldMatch {
    Count(i64),
    Percent(i64),
    /// `n<spec`, ascending: the last whose `n` is smaller than the number of clauses holds; below the first all must match.
    Steps(Vec<(usize, MinimumShouldMatch)>),
    /// Fails where the query meets an index.
    Unreadable(Arc<str>),
}

impl MinimumShouldMatch {
    /// How many of `clauses` must match; may be more than there are, which then matches nothing.
    #[must_use]
    pub fn needed(&self, clauses: usize) -> usize {
        let total = i64::try_from(clauses).unwrap_or(i64::MAX);
        match self {
            MinimumShouldMatch::Count(n) if *n >= 0 => usize::try_from(*n).unwrap_or(usize::MAX),
            MinimumShouldMatch::Count(n) => usize::try_from(total.saturating_add(*n).max(0)).unwrap_or(0),
            MinimumShouldMatch::Percent(p) if *p >= 0 => usize::try_from(total.saturating_mul(*p) / 100).unwrap_or(0),
            MinimumShouldMatch::Percent(p) => usize::try_from((total + total.saturating_mul(*p) / 100).max(0)).unwrap_or(0),
            MinimumShouldMatch::Steps(steps) => {
                let step = steps.iter().take_while(|(above, _)| clauses > *above).last();
                step.map_or(clauses, |(_, spec)| spec.needed(clauses))
            }
            MinimumShouldMatch::Unreadable(_) => usize::MAX,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Ascending,
    Descending,
}

/// Which of a field's several values sorts its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortMode {
    Min,
    Max,
    Sum,
    Avg,
    Median,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Missing {
    First,
    Last,
    Value(Json),
}

#[derive(Clone, Debug, PartialEq)]
pub enum SortKey {
    Score(Order),
    /// `_doc`: the order of the index.
    Doc(Order),
    Field(FieldSort),
}

#[derive(Clone, Debug, PartialEq)]
pub struct FieldSort {
    pub field: Arc<str>,
    pub order: Order,
    pub mode: Option<SortMode>,
    pub missing: Missing,
    pub unmapped_type: Option<Arc<str>>,
    pub numeric_type: Option<Arc<str>>,
    pub format: Option<Arc<str>>,
}

/// What of a document's source a hit shows.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceFilter {
    All,
    None,
    /// Patterns with `*`; empty includes mean everything.
    Fields {
        includes: Vec<String>,
        excludes: Vec<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackTotal {
    Exact,
    UpTo(u64),
    Off,
}

/// One entry of `fields` or `docvalue_fields`.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldFormat {
    pub field: Arc<str>,
    pub format: Option<Arc<str>>,
}

/// Hits that are counted exactly when nothing else is said.
pub const TRACK_TOTAL_DEFAULT: u64 = 10_000;
/// Hits of a page when nothing else is said.
pub const SIZE_DEFAULT: usize = 10;
/// `index.max_result_window`: what `from + size` may reach; deeper pages cost memory on every shard.
pub const RESULT_WINDOW_MAX: usize = 10_000;

/// A whole search body.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchBody {
    pub query: Query,
    pub post_filter: Option<Query>,
    pub from: usize,
    pub size: usize,
    /// Empty means by score.
    pub sort: Vec<SortKey>,
    /// `None` when the body does not speak of it (then `stored_fields` decides).
    pub source: Option<SourceFilter>,
    pub track_total_hits: TrackTotal,
    pub track_scores: bool,
    pub version: bool,
    pub seq_no_primary_term: bool,
    pub min_score: Option<f32>,
    pub search_after: Option<Vec<Json>>,
    /// Most matching documents that an index looks at.
    pub terminate_after: Option<usize>,
    pub stored_fields: Option<Vec<String>>,
    pub docvalue_fields: Vec<FieldFormat>,
    pub fields: Vec<FieldFormat>,
}

impl Default for SearchBody {
    fn default() -> SearchBody {
        SearchBody {
            query: Query::match_all(),
            post_filter: None,
            from: 0,
            size: SIZE_DEFAULT,
            sort: Vec::new(),
            source: None,
            track_total_hits: TrackTotal::UpTo(TRACK_TOTAL_DEFAULT),
            track_scores: false,
            version: false,
            seq_no_primary_term: false,
            min_score: None,
            search_after: None,
            terminate_after: None,
            stored_fields: None,
            docvalue_fields: Vec::new(),
            fields: Vec::new(),
        }
    }
}

impl SearchBody {
    /// What a hit shows of its source: everything, unless said otherwise or `stored_fields` are asked for without it.
    #[must_use]
    pub fn source_filter(&self) -> SourceFilter {
        match (&self.source, &self.stored_fields) {
            (Some(filter), _) => filter.clone(),
            (None, Some(fields)) if !fields.iter().any(|f| f == "_source") => SourceFilter::None,
            (None, _) => SourceFilter::All,
        }
    }

    /// Whether hits need scores.
    #[must_use]
    pub fn needs_scores(&self) -> bool {
        self.sort.is_empty() || self.track_scores || self.min_score.is_some() || self.sort.iter().any(|key| matches!(key, SortKey::Score(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minimum_should_match_counts_as_the_reference_documents() {
        use MinimumShouldMatch::{Count, Percent, Steps};
        assert_eq!(Count(2).needed(3), 2);
        assert_eq!(Count(-1).needed(3), 2);
        assert_eq!(Percent(75).needed(5), 3);
        assert_eq!(Percent(-25).needed(5), 4);
        let steps = Steps(vec![(2, Percent(-25)), (9, Count(-3))]);
        assert_eq!(steps.needed(2), 2);
        assert_eq!(steps.needed(4), 3);
        assert_eq!(steps.needed(10), 7);
    }

    #[test]
    fn should_is_optional_beside_must() {
        let clause = Query::match_all;
        let only_should = BoolQuery { should: vec![clause()], ..BoolQuery::default() };
        assert_eq!(only_should.should_needed(), 1);
        let with_filter = BoolQuery { should: vec![clause()], filter: vec![clause()], ..BoolQuery::default() };
        assert_eq!(with_filter.should_needed(), 0);
    }
}
