//! S4: random documents and random queries; the embedded store and the reference store give the same answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use proptest::prelude::*;
use watchbell_json::{Json, json};
use watchbell_store::{DocumentWrite, Expect, Indices, IndicesOptions, MemoryStore, Refresh, SearchRequest, Write};
use watchbell_store_embedded::EmbeddedStore;
use watchbell_time::Clock;

const INDICES: [&str; 3] = ["logs-2026.11.23", "logs-2026.11.24", "other"];

/// One store for all cases, each with indices of its own: opening one is most of a case's time.
struct Shared {
    runtime: tokio::runtime::Runtime,
    store: Arc<EmbeddedStore>,
    cases: AtomicUsize,
    _folder: tempfile::TempDir,
}

fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = runtime.block_on(async { support::open(folder.path()) });
        Shared { runtime, store, cases: AtomicUsize::new(0), _folder: folder }
    })
}
const WORDS: [&str; 8] = ["error", "Connection", "refused", "payment", "错误", "user's", "10.0.0.5", "a-b"];

#[derive(Clone, Debug)]
enum Step {
    Put { index: usize, id: usize, source: Json },
    Delete { index: usize, id: usize },
    Refresh,
}

/// Now and then long enough for a keyword that is no term.
fn words() -> impl Strategy<Value = String> {
    let some = prop::collection::vec(prop::sample::select(&WORDS[..]), 0..6).prop_map(|words| words.join(" "));
    prop_oneof![6 => some, 1 => prop::sample::select(vec!["payment refused ".repeat(5), "payment refused ".repeat(20)])]
}

fn scalar_or_list(scalar: impl Strategy<Value = Json> + 'static) -> impl Strategy<Value = Json> {
    let scalar = scalar.boxed();
    prop_oneof![4 => scalar.clone(), 1 => prop::collection::vec(scalar, 0..3).prop_map(Json::from), 1 => Just(Json::Null)]
}

fn source() -> impl Strategy<Value = Json> {
    let message = scalar_or_list(words().prop_map(Json::from));
    let status = scalar_or_list(prop::sample::select(vec![200_i64, 404, 500, -1, i64::MAX]).prop_map(Json::from));
    let took = scalar_or_list(prop::sample::select(vec![0.5_f64, -2.25, 1e10, 7.0]).prop_map(Json::from));
    let up = scalar_or_list(any::<bool>().prop_map(Json::from));
    let at = scalar_or_list((0_i64..100).prop_map(|h| Json::from(format!("2026-11-2{}T{:02}:00:00Z", h % 5, h % 24))));
    let level = scalar_or_list(prop::sample::select(vec!["info", "warn", "error"]).prop_map(Json::from));
    let address = scalar_or_list(prop::sample::select(vec!["10.0.0.1", "10.0.1.7", "::1"]).prop_map(Json::from));
    let member = |name: &'static str, value: BoxedStrategy<Json>| prop_oneof![3 => value.prop_map(move |v| Some((name, v))), 1 => Just(None)];
    (
        member("message", message.boxed()),
        member("status", status.boxed()),
        member("took", took.boxed()),
        member("up", up.boxed()),
        member("@timestamp", at.boxed()),
        member("level", level.boxed()),
        member("address", address.boxed()),
    )
        .prop_map(|(a, b, c, d, e, f, g)| {
            let mut source = Json::object();
            for (name, value) in [a, b, c, d, e].into_iter().flatten() {
                source.set(name, value);
            }
            let mut host = Json::object();
            for (name, value) in [f, g].into_iter().flatten() {
                host.set(name, value);
            }
            source.with("host", host)
        })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..INDICES.len(), 0_usize..12, source()).prop_map(|(index, id, source)| Step::Put { index, id, source }),
        1 => (0..INDICES.len(), 0_usize..12).prop_map(|(index, id)| Step::Delete { index, id }),
        1 => Just(Step::Refresh),
    ]
}

fn leaf() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(json!({"match_all": {}})),
        words().prop_map(|text| json!({"match": {"message": text}})),
        words().prop_map(|text| json!({"match": {"message": {"query": text, "operator": "and"}}})),
        (words(), 0..3).prop_map(|(text, slop)| json!({"match_phrase": {"message": {"query": text, "slop": slop}}})),
        prop::sample::select(&WORDS[..]).prop_map(|word| json!({"term": {"message": word.to_lowercase()}})),
        words().prop_map(|text| json!({"term": {"message.keyword": text}})),
        prop::sample::select(vec!["info", "warn", "error"]).prop_map(|level| json!({"term": {"host.level": level}})),
        prop::sample::select(vec![200_i64, 404, 500, -1, i64::MAX]).prop_map(|status| json!({"term": {"status": status}})),
        Just(json!({"terms": {"status": [200, 500]}})),
        any::<bool>().prop_map(|up| json!({"term": {"up": up}})),
        (-5_i64..600, 0_i64..600).prop_map(|(from, to)| json!({"range": {"status": {"gte": from, "lt": to}}})),
        (-5.0_f64..10.0).prop_map(|from| json!({"range": {"took": {"gt": from}}})),
        (20..25, 20..25).prop_map(|(from, to)| json!({"range": {"@timestamp": {"gte": format!("2026-11-{from}"), "lte": format!("2026-11-{to}||/d")}}})),
        Just(json!({"range": {"@timestamp": {"gte": "now-2d/d", "lt": "now"}}})),
        prop::sample::select(vec!["10.0.0.0/16", "10.0.0.1", "::/0"]).prop_map(|net| json!({"term": {"host.address": net}})),
        Just(json!({"range": {"host.address": {"gte": "10.0.0.2", "lte": "10.0.2.0"}}})),
        prop::sample::select(vec!["message", "status", "took", "up", "@timestamp", "host", "host.level", "host.address", "none"])
            .prop_map(|field| json!({"exists": {"field": field}})),
        words().prop_map(|text| json!({"match_phrase_prefix": {"message": text}})),
        (words(), 0..2).prop_map(|(text, least)| json!({"match": {"message": {"query": text, "minimum_should_match": format!("{}%", least * 60)}}})),
        words().prop_map(|text| json!({"multi_match": {"query": text, "fields": ["message^2", "host.level", "message.keyword"]}})),
        words().prop_map(|text| json!({"match": {"message.keyword": text}})),
        prop::sample::select(vec!["err", "c", "错", "x"]).prop_map(|prefix| json!({"prefix": {"message": prefix}})),
        prop::sample::select(vec!["err", "i", ""]).prop_map(|prefix| json!({"prefix": {"host.level.keyword": prefix}})),
        prop::sample::select(vec!["*r*", "w?rn", "*"]).prop_map(|pattern| json!({"wildcard": {"host.level.keyword": pattern}})),
        prop::collection::vec(0_usize..12, 0..4).prop_map(|ids| json!({"ids": {"values": ids.iter().map(|id| format!("id{id}")).collect::<Vec<_>>()}})),
    ]
}

fn query() -> impl Strategy<Value = Json> {
    leaf().prop_recursive(2, 8, 3, |inner| {
        let some = || prop::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            (some(), some(), some(), some(), 0_usize..3).prop_map(|(must, filter, should, must_not, least)| {
                let body = Json::object().with("must", must).with("filter", filter).with("should", should).with("must_not", must_not);
                let body = if least > 0 { body.with("minimum_should_match", least) } else { body };
                Json::object().with("bool", body)
            }),
            (some(), 0.0_f64..1.0).prop_map(|(queries, tie)| {
                // the language wants at least one
                let queries = if queries.is_empty() { vec![json!({"match_all": {}})] } else { queries };
                let body = Json::object().with("queries", queries).with("tie_breaker", tie);
                Json::object().with("dis_max", body)
            }),
            (inner.clone(), 1_i64..4).prop_map(|(query, boost)| json!({"constant_score": {"boost": boost}}).with_filter(query)),
        ]
    })
}

trait WithFilter {
    fn with_filter(self, query: Json) -> Json;
}

impl WithFilter for Json {
    fn with_filter(mut self, query: Json) -> Json {
        let mut inner = self.get("constant_score").cloned().unwrap_or_default();
        inner.set("filter", query);
        self.set("constant_score", inner);
        self
    }
}

fn sort() -> impl Strategy<Value = Json> {
    let field = prop::sample::select(vec!["status", "took", "up", "@timestamp", "host.level.keyword", "host.address.keyword", "message.keyword"]);
    let key = (field, prop::sample::select(vec!["asc", "desc"]), prop::sample::select(vec![None, Some("_first"), Some("_last")]));
    let key = key.prop_map(|(field, order, missing)| {
        let options = Json::object().with("order", order).with("unmapped_type", "long").with_some("missing", missing);
        Json::object().with(field, options)
    });
    prop_oneof![
        2 => prop::collection::vec(key, 1..3).prop_map(Json::from),
        1 => Just(json!(["_doc"])),
        1 => Just(json!(["_score"])),
        1 => Just(Json::Null),
    ]
}

/// What few searches have.
fn extras() -> impl Strategy<Value = Json> {
    prop_oneof![
        6 => Just(Json::object()),
        1 => leaf().prop_map(|filter| Json::object().with("post_filter", filter)),
        1 => (0.0_f64..2.0).prop_map(|least| Json::object().with("min_score", least)),
        1 => (-1_i64..4).prop_map(|most| Json::object().with("terminate_after", most)),
        1 => Just(json!({"docvalue_fields": ["status", "host.level.keyword", "@timestamp"], "fields": ["message", "up"], "_source": ["host"]})),
        1 => Just(json!({"version": true, "seq_no_primary_term": true, "track_total_hits": 3})),
    ]
}

fn body() -> impl Strategy<Value = Json> {
    (query(), sort(), 0_usize..4, 0_usize..30, any::<bool>(), extras()).prop_map(|(query, sort, from, size, track, extras)| {
        let (from, size) = if sort == json!(["_doc"]) { (0, 100) } else { (from, size) };
        let body = Json::object().with("query", query).with("from", from).with("size", size);
        let body = if sort.is_null() { body } else { body.with("sort", sort) };
        let mut body = if track { body.with("track_total_hits", true).with("track_scores", true) } else { body };
        body.merge(&extras);
        body
    })
}

struct Case<'a> {
    store: &'a dyn Indices,
    prefix: &'a str,
    now: watchbell_time::Timestamp,
}

impl Case<'_> {
    fn name(&self, index: usize) -> String {
        format!("{}{}", self.prefix, INDICES[index])
    }

    async fn refresh(&self) {
        let options = IndicesOptions { allow_no_indices: true, ..IndicesOptions::search() };
        self.store.refresh(&[format!("{}*", self.prefix)], &options).await.unwrap();
    }

    async fn apply(&self, step: &Step) -> Vec<Result<watchbell_store::Written, watchbell_store::WriteError>> {
        let write = match step {
            Step::Put { index, id, source } => Write::put(self.name(*index), format!("id{id}"), Expect::Anything, source.to_string()),
            Step::Delete { index, id } => Write::delete(self.name(*index), format!("id{id}"), Expect::Anything),
            Step::Refresh => {
                self.refresh().await;
                return Vec::new();
            }
        };
        let write = DocumentWrite { write, version: None, routing: None, require_existing: false, now: self.now };
        self.store.write_documents(vec![write], Refresh::No).await
    }
}

fn request(indices: &[String], body: &Json, now: watchbell_time::Timestamp) -> SearchRequest {
    SearchRequest {
        indices: indices.to_vec(),
        options: IndicesOptions { ignore_unavailable: true, ..IndicesOptions::search() },
        search_type: "query_then_fetch".to_owned(),
        body: Some(body.clone()),
        now,
        timeout: Duration::from_secs(60),
    }
}

/// Few by default, for each waits for the disk; `PROPTEST_CASES` says more.
fn cases() -> u32 {
    let asked = ProptestConfig::default().cases;
    if asked == 256 { 16 } else { asked }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_those_of_the_model(steps in prop::collection::vec(step(), 1..40), bodies in prop::collection::vec(body(), 1..16), merge_first in any::<bool>()) {
        let shared = shared();
        let case = shared.cases.fetch_add(1, Ordering::Relaxed);
        shared.runtime.block_on(async {
            let clock = support::clock();
            let prefix = format!("c{case}-");
            let reference = MemoryStore::new(Arc::new(clock.clone()));
            let model = Case { store: &reference, prefix: &prefix, now: clock.now() };
            let store = Case { store: &*shared.store, prefix: &prefix, now: clock.now() };
            for step in &steps {
                let (expected, found) = (model.apply(step).await, store.apply(step).await);
                assert_eq!(found, expected, "{step:?}");
            }
            model.refresh().await;
            store.refresh().await;
            let names = if merge_first { vec![format!("{prefix}logs-*")] } else { vec![store.name(1), store.name(2)] };
            for body in &bodies {
                let request = request(&names, body, clock.now());
                let expected = reference.search_documents(&request).await;
                let found = shared.store.search_documents(&request).await;
                support::assert_same(body, expected, found);
                assert_eq!(shared.store.count(&count_of(&request)).await, reference.count(&count_of(&request)).await, "{body}");
            }
            shared.store.delete_indices(&[format!("{prefix}*")], &IndicesOptions::search()).await.unwrap();
        });
    }
}

fn count_of(request: &SearchRequest) -> SearchRequest {
    let query = request.body.as_ref().and_then(|body| body.get("query")).cloned();
    SearchRequest { body: Some(Json::object().with_some("query", query)), ..request.clone() }
}
