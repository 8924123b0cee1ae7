//! Random requests to the Watcher API: whatever comes, there is an answer in the reference's shape, and the server goes on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code, reason = "shared with the tables")]
mod watcher_support;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use watchbell_json::{Json, Map, json};
use watcher_support::World;

const PATHS: &[&str] = &[
    "/watch/w",
    "/watch/x",
    "/watch/_execute",
    "/watch/w/_execute",
    "/watch/w/_ack",
    "/watch/w/_ack/a,b",
    "/watch/w/a/_ack",
    "/watch/w/_activate",
    "/watch/w/_deactivate",
    "/watch/%20",
    "/watch/%FF",
    "/stats",
    "/stats/_all",
    "/_start",
    "/_stop",
    "/_restart",
    "/_query/watches",
    "/settings",
    "/nope",
];
const QUERIES: &[&str] = &[
    "",
    "?pretty",
    "?active=false",
    "?if_seq_no=0&if_primary_term=1",
    "?version=2",
    "?debug",
    "?record_execution=true",
    "?filter_path=error,status,_id",
    "?x=%zz",
    "?metric=_all",
];
const METHODS: &[&str] = &["GET", "PUT", "POST", "DELETE"];

/// Exceptions that are the reference's own answer with status 500.
const SERVER_ERRORS: &[&str] = &["unsupported_operation_exception"];

const NAMES: &[&str] = &[
    "trigger",
    "schedule",
    "interval",
    "cron",
    "input",
    "simple",
    "search",
    "request",
    "body",
    "query",
    "condition",
    "compare",
    "ctx.payload.x",
    "gt",
    "actions",
    "a",
    "b",
    "logging",
    "text",
    "webhook",
    "url",
    "index",
    "foreach",
    "metadata",
    "watch",
    "action_modes",
    "_all",
    "trigger_data",
    "alternative_input",
    "record_execution",
    "ignore_condition",
    "size",
    "sort",
    "term",
    "metadata.name",
    "index.number_of_replicas",
];
const TEXTS: &[&str] =
    &["1h", "{{ctx.payload.x}}", "{{#ctx}}", "http://h/{{x}}", "http://h/p", "simulate", "skip", "now-1h", "ctx.payload.l", "0 0 12 * * ?", "é\u{1F514}"];

fn tree() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-2_i64..20).prop_map(Json::from),
        proptest::sample::select(TEXTS).prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
            proptest::collection::vec((proptest::sample::select(NAMES), inner), 0..4).prop_map(|members| Json::from(members.into_iter().collect::<Map>())),
        ]
    })
}

/// Random trees, whole watches with something random in them, and texts that are no JSON.
fn body() -> impl Strategy<Value = String> {
    let watch = (proptest::sample::select(&["input", "condition", "actions", "metadata", "throttle_period"][..]), tree())
        .prop_map(|(name, part)| json!({"trigger": {"schedule": {"interval": "1h"}}}).with(name, part))
        .boxed();
    prop_oneof![
        1 => Just(String::new()),
        3 => tree().prop_map(|tree| tree.to_string()),
        3 => watch.clone().prop_map(|watch| watch.to_string()),
        2 => watch.prop_map(|watch| Json::object().with("watch", watch).to_string()),
        1 => "\\PC{1,20}",
    ]
}

fn request() -> impl Strategy<Value = Json> {
    let line = (
        proptest::sample::select(METHODS),
        proptest::sample::select(&["/_watcher", "/_xpack/watcher"][..]),
        proptest::sample::select(PATHS),
        proptest::sample::select(QUERIES),
    );
    (line, body()).prop_map(|((method, prefix, path, query), body)| {
        let request = Json::object().with("request", format!("{method} {prefix}{path}{query}"));
        if body.is_empty() { request } else { request.with("body", body) }
    })
}

/// What is wrong with an answer, if anything is.
fn complaint(status: u16, answer: &Json) -> Option<String> {
    match status {
        200 | 201 | 404 | 405 | 409 => None,
        400 | 406 => answer.get("error").is_none().then(|| "an error without [error]".to_owned()),
        500 if answer.at(&["error", "type"]).and_then(Json::as_str).is_some_and(|kind| SERVER_ERRORS.contains(&kind)) => None,
        other => Some(format!("status {other}")),
    }
}

#[test]
fn whatever_comes_there_is_an_answer() {
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::new(&Json::object()));
    let seen = std::cell::RefCell::new(std::collections::BTreeSet::new());
    let result = runner.run(&request(), |step| {
        let answer = runtime.block_on(world.request(&step));
        seen.borrow_mut().insert(answer.status);
        let wrong = complaint(answer.status, &answer.json());
        prop_assert!(wrong.is_none(), "{step}\n{}\n{}", wrong.unwrap_or_default(), answer.text());
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    assert!([200, 400, 404, 405].iter().all(|status| seen.borrow().contains(status)), "the requests are too much alike: {seen:?}");
    let stats = runtime.block_on(world.request(&json!({"request": "GET /_watcher/stats"})));
    assert_eq!(stats.status, 200);
}
