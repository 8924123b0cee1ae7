//! Whatever is asked or written, nothing panics.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use watchbell_json::{Json, Map};
use watchbell_store::evaluate::{Candidate, TermStatistics, score, wildcard_matches};
use watchbell_store::mapping::{Mapping, MappingLimits, index_document};
use watchbell_store::plan::{PlanContext, bind};
use watchbell_store::search::{filter_source, resolve_name};
use watchbell_store::settings::IndexSettings;
use watchbell_store::{dsl, names};

/// Words that the parsers know, so that random bodies reach deep.
const WORDS: &[&str] = &[
    "query",
    "bool",
    "must",
    "should",
    "filter",
    "must_not",
    "term",
    "terms",
    "range",
    "match",
    "match_phrase",
    "multi_match",
    "exists",
    "field",
    "fields",
    "ids",
    "values",
    "prefix",
    "wildcard",
    "constant_score",
    "dis_max",
    "queries",
    "gte",
    "lt",
    "format",
    "time_zone",
    "value",
    "boost",
    "_name",
    "minimum_should_match",
    "sort",
    "order",
    "missing",
    "_source",
    "includes",
    "size",
    "from",
    "search_after",
    "track_total_hits",
    "properties",
    "type",
    "keyword",
    "text",
    "long",
    "date",
    "ip",
    "boolean",
    "object",
    "scaled_float",
    "scaling_factor",
    "dynamic",
    "strict",
    "dynamic_templates",
    "mapping",
    "match_mapping_type",
    "copy_to",
    "null_value",
    "a",
    "b",
    "a.b",
    "desc",
    "2026-11-19",
    "now-1d/d",
    "-1",
    "75%",
    "2<-25%",
    "*",
    "10.0.0.0/8",
    "slop",
    "analyzer",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![4 => proptest::sample::select(WORDS).prop_map(str::to_owned), 1 => "\\PC{0,8}"]
}

fn json() -> impl Strategy<Value = Json> {
    let number = prop_oneof![any::<i64>().prop_map(Json::Int), (-5_i64..20).prop_map(Json::Int)];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        number,
        any::<f64>().prop_map(Json::Double),
        word().prop_map(Json::from),
        Just(Json::Big("99999999999999999999".into()))
    ];
    leaf.prop_recursive(6, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            proptest::collection::vec((word(), inner), 0..4).prop_map(|members| members.into_iter().collect::<Map>().into()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn bodies_mappings_and_documents(body in json(), mapping in json(), document in json(), patterns in proptest::collection::vec(word(), 0..3)) {
        drop(dsl::parse_search(Some(&body)));
        drop(dsl::parse_count(Some(&body)));
        drop(IndexSettings::parse(Some(&mapping)));
        let mapping = Mapping::parse(&mapping).unwrap_or_default();
        let printed = mapping.to_json();
        prop_assert_eq!(Mapping::parse(&printed).map(|again| again.to_json()), Ok(printed), "a printed mapping reads back");
        let indexing = index_document(&mapping, &MappingLimits::default(), "1", &document);
        drop(filter_source(&document, &patterns, &patterns));
        if let (Ok(query), Ok(indexing)) = (dsl::parse_query(&body), indexing) {
            let mapping = indexing.update.unwrap_or(mapping);
            let context = PlanContext { index: "i", uuid: "u", mapping: &mapping, now: watchbell_time::Timestamp::UNIX_EPOCH };
            if let Ok(plan) = bind(&query, &context) {
                let statistics = TermStatistics::count(&plan, std::iter::once(&indexing.fields));
                let _score = score(&plan, &Candidate { id: "1", fields: &indexing.fields }, &statistics);
            }
        }
    }

    #[test]
    fn query_strings(text in "([a-z:()\"*?~^\\\\+!&|<>=/ \\[\\]{}日-]|TO|AND|OR|NOT|_exists_|\\\\u0041){0,30}", and in any::<bool>()) {
        let mapping = Mapping::parse(&watchbell_json::json!({"properties": {"a": {"type": "text"}, "b": {"type": "keyword"}, "c": {"type": "date"}}})).unwrap();
        let operator = if and { "and" } else { "or" };
        let query = Json::object().with("query_string", Json::object().with("query", text).with("default_operator", operator));
        let context = PlanContext { index: "i", uuid: "u", mapping: &mapping, now: watchbell_time::Timestamp::UNIX_EPOCH };
        drop(bind(&dsl::parse_query(&query).unwrap(), &context));
    }

    #[test]
    fn names(format in "\\PC{0,16}", text in "\\PC{0,16}", operations in "[-+/|0-9yMwdhms]{0,12}") {
        let now = watchbell_time::Timestamp::UNIX_EPOCH;
        drop(resolve_name(&format!("<{text}{{now{operations}{{{format}}}}}>"), now));
        drop(resolve_name(&format!("<{format}>"), now));
        drop(names::check_index_name(&text));
        let _matches = names::matches_pattern(&format, &text);
        let _matches = wildcard_matches(&format, &text);
    }
}

/// Deepest nesting that the JSON parser lets through.
const DEEPEST: usize = 1000;

#[test]
fn the_deepest_documents_fit_a_small_stack() {
    let walk = || {
        let mut nested = Json::Int(1);
        let mut listed = Json::Int(1);
        for _ in 0..DEEPEST - 2 {
            nested = Json::object().with("a", nested);
            listed = Json::from(vec![listed]);
        }
        let source = Json::object().with("n", nested).with("l", listed);
        let off = Mapping::parse(&watchbell_json::json!({"dynamic": "false", "properties": {"t": {"type": "text"}, "l": {"type": "long"}}})).unwrap();
        let limits = MappingLimits::default();
        assert!(index_document(&off, &limits, "1", &source).is_ok());
        assert!(index_document(&Mapping::default(), &limits, "1", &source).is_err(), "deeper than the limit");
        let misfit = Json::object().with("t", source.get("n").cloned().unwrap());
        assert!(index_document(&off, &limits, "1", &misfit).is_err());
        let _left = filter_source(&source, &["*.zzz".to_owned()], &["x".to_owned()]);
        assert!(Mapping::parse(&source).is_err());
        assert!(IndexSettings::parse(Some(&source)).is_err());
        assert!(dsl::parse_query(&source).is_err());
        let mut query = watchbell_json::json!({"term": {"t": "x"}});
        for _ in 0..dsl::NESTED_DEPTH_MAX {
            query = Json::object().with("bool", Json::object().with("must", vec![query]));
        }
        let context = PlanContext { index: "i", uuid: "u", mapping: &off, now: watchbell_time::Timestamp::UNIX_EPOCH };
        let nested = Json::object().with("query_string", Json::object().with("query", "(".repeat(10_000)));
        assert!(bind(&dsl::parse_query(&nested).unwrap(), &context).is_err());
        let plan = bind(&dsl::parse_query(&query).unwrap(), &context).unwrap();
        let fields = index_document(&off, &limits, "1", &watchbell_json::json!({"t": "x"})).unwrap().fields;
        let statistics = TermStatistics::count(&plan, std::iter::once(&fields));
        assert!(score(&plan, &Candidate { id: "1", fields: &fields }, &statistics).is_some());
    };
    // Half of what tokio gives its threads, and without optimisation.
    std::thread::Builder::new().stack_size(1024 * 1024).spawn(walk).unwrap().join().unwrap();
}
