//! Whatever is sent: reading never panics, and what was read prints as it reads.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use watchbell_json::{Json, Map, json};
use watchbell_time::Timestamp;
use watchbell_watch::{
    ParseMode, Secrets, Watch, WatchId,
    condition::Condition,
    execute::{ExecuteParameters, ExecuteRequest, trigger_times},
    extract::extract,
    status::WatchStatus,
};

/// Names that occur in definitions, so that random trees get past the first look.
const NAMES: &[&str] = &[
    "trigger",
    "schedule",
    "interval",
    "cron",
    "hourly",
    "daily",
    "weekly",
    "monthly",
    "yearly",
    "minute",
    "at",
    "on",
    "in",
    "timezone",
    "input",
    "search",
    "request",
    "indices",
    "body",
    "extract",
    "simple",
    "none",
    "condition",
    "compare",
    "array_compare",
    "always",
    "never",
    "ctx.payload.x",
    "gt",
    "eq",
    "path",
    "value",
    "quantifier",
    "actions",
    "a",
    "webhook",
    "url",
    "host",
    "port",
    "auth",
    "basic",
    "username",
    "password",
    "headers",
    "params",
    "logging",
    "text",
    "level",
    "index",
    "refresh",
    "throttle_period",
    "foreach",
    "max_iterations",
    "metadata",
    "status",
    "source",
    "id",
    "timeout",
    "proxy",
    "ack",
    "timestamp",
    "state",
    "watch",
    "action_modes",
    "trigger_data",
];

const TEXTS: &[&str] = &[
    "10s",
    "1m",
    "http://h:1/p?q=1",
    "{{ctx.x}}",
    "<{now-5m}>",
    "now",
    "open",
    "MON",
    "noon",
    "last_day",
    "0 0 12 * * ?",
    "post",
    "info",
    "::es_redacted::",
    "5:00",
    "_all",
    "skip",
];

fn tree() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-5_i64..70).prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        proptest::sample::select(TEXTS).prop_map(Json::from),
        "\\PC{0,12}".prop_map(Json::from),
    ];
    leaf.prop_recursive(6, 48, 4, |inner| {
        let name = prop_oneof![4 => proptest::sample::select(NAMES).prop_map(str::to_owned), 1 => "\\PC{0,6}"];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            proptest::collection::vec((name, inner), 0..4).prop_map(|members| Json::from(members.into_iter().collect::<Map>())),
        ]
    })
}

/// A whole watch with one part replaced by something random.
fn nearly_a_watch() -> impl Strategy<Value = Json> {
    let whole = json!({
        "trigger": {"schedule": {"interval": "10s"}},
        "input": {"search": {"request": {"indices": ["logs"], "body": {"query": {}}}, "extract": ["hits"]}},
        "condition": {"compare": {"ctx.payload.hits.total": {"gt": 0}}},
        "throttle_period": "1.5m",
        "metadata": {"a": 1},
        "actions": {
            "w": {"foreach": "ctx.payload.l", "webhook": {"url": "https://h/p?q=1", "auth": {"basic": {"username": "u", "password": "p"}}, "headers": {"X": "{{x}}"}, "body": {"source": {"a": 1}}}},
            "l": {"logging": {"text": "t"}, "condition": {"array_compare": {"a": {"path": "b", "eq": {"value": 1}}}}},
            "i": {"index": {"index": "i", "timeout": "1s"}}
        }
    });
    (proptest::collection::vec(0_usize..4, 0..6), tree()).prop_map(move |(way, part)| {
        let mut watch = whole.clone();
        replace(&mut watch, &way, part);
        watch
    })
}

fn replace(value: &mut Json, way: &[usize], part: Json) {
    let members = value.as_map().map_or(0, Map::len);
    match way.split_first() {
        Some((step, rest)) if members > 0 => {
            let name = value.as_map().unwrap().keys().nth(step % members).unwrap().to_owned();
            let mut child = value.get(&name).cloned().unwrap();
            replace(&mut child, rest, part);
            value.set(name, child);
        }
        _ => *value = part,
    }
}

fn check(body: &Json) -> bool {
    let id = WatchId::parse("w").unwrap();
    let Ok(watch) = Watch::parse(&id, body, &ParseMode::default()) else {
        return false;
    };
    let printed = watch.to_json(Secrets::Plain);
    let again = Watch::parse(&id, &printed, &ParseMode::default()).unwrap_or_else(|failure| panic!("{printed} does not read back: {failure}"));
    assert_eq!(again.to_json(Secrets::Plain).to_string(), printed.to_string());
    let stored = Json::parse(printed.to_string().as_bytes()).unwrap();
    assert_eq!(Watch::parse(&id, &stored, &ParseMode::default()).unwrap().to_json(Secrets::Plain).to_string(), printed.to_string());
    true
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_watch_with_a_random_part_is_refused_or_prints_as_it_reads(body in nearly_a_watch()) {
        check(&body);
    }

    #[test]
    fn random_trees_never_panic(body in tree(), path in "[a-z0-9.]{0,12}") {
        let id = WatchId::parse("w").unwrap();
        check(&body);
        drop(WatchStatus::parse(&id, &body));
        drop(ExecuteRequest::parse(Some("w"), ExecuteParameters::default(), Some(&body)));
        drop(trigger_times(Some(&body), Timestamp::UNIX_EPOCH));
        drop(extract(&body, &[path]));
        if let Ok(condition) = Condition::parse(&id, &body) {
            drop(condition.evaluate(&body, Timestamp::UNIX_EPOCH));
        }
    }
}

#[test]
fn the_random_part_can_leave_a_watch_whole() {
    assert!(check(&json!({"trigger": {"schedule": {"interval": "10s"}}, "metadata": {"x": [1.0, null]}})));
}
