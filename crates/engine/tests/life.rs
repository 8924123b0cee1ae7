//! The life of watches: timelines, every record state, restarts, what users see.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub, missing_debug_implementations)]

mod world;

use std::time::Duration;

use watchbell_engine::{ActionMode, ExecuteRequest, ExecuteTarget, MissedRuns, PutMode, PutRequest, RunPhase, ServiceState};
use watchbell_json::{Failure, Json, json};
use watchbell_store::{DocumentStore, Expect, Indices as _, IndicesOptions, StoreError, Write};
use watchbell_time::Clock as _;
use world::{Answer, World, id, logging_watch};

fn at(second: u32) -> Json {
    Json::from(format!("2026-01-01T00:{:02}:{:02}.000Z", second / 60, second % 60))
}

/// The worked timeline of the specification (watcher-api §4.2), with half a second between a run and what users do.
#[tokio::test]
async fn the_worked_timeline() {
    let world = World::new().await;
    let watch = json!({
        "trigger": {"schedule": {"interval": "30s"}},
        "input": {"search": {"request": {"indices": ["logs"]}}},
        "condition": {"compare": {"ctx.payload.hits.total": {"gt": 0}}},
        "throttle_period": "1m",
        "actions": {"a": {"logging": {"text": "{{ctx.payload.hits.total}} errors"}}}
    });
    world.put("w", watch.clone()).await;
    let action = |status: &Json, path: &[&str]| status.at(&["actions", "a"]).unwrap().at(path).cloned();
    // (second, hits, state of the record, ack state and its time, last success, last throttle)
    for (second, hits, state, ack, ack_at, success, throttle) in [
        (30, 3, "executed", "ackable", 30, Some(30), None),
        (60, 3, "throttled", "ackable", 30, Some(30), Some(60)),
        (90, 3, "throttled", "acked", 70, Some(30), Some(90)),
        (120, 3, "acknowledged", "acked", 70, Some(30), Some(90)),
        (150, 0, "execution_not_needed", "awaits_successful_execution", 150, Some(30), Some(90)),
        (180, 3, "executed", "ackable", 180, Some(180), Some(90)),
    ] {
        *world.data.answer.lock().unwrap() = Some(Ok(json!({"hits": {"total": {"value": hits, "relation": "eq"}}})));
        if second == 90 {
            world.to(70).await;
            let view = world.watcher().ack(&id("w"), &["a".into()]).await.unwrap();
            assert_eq!(view.status.to_json(0).at(&["actions", "a", "ack", "state"]), Some(&json!("acked")));
        }
        world.to(second).await;
        let status = world.status("w").await;
        assert_eq!(status.get("execution_state"), Some(&json!(state)), "at {second}");
        assert_eq!(status.get("last_checked"), Some(&at(second.try_into().unwrap())));
        let met = if hits > 0 { second } else { 120 };
        assert_eq!(status.get("last_met_condition"), Some(&at(met.try_into().unwrap())));
        assert_eq!(action(&status, &["ack", "state"]), Some(json!(ack)), "at {second}");
        assert_eq!(action(&status, &["ack", "timestamp"]), Some(at(ack_at)), "at {second}");
        assert_eq!(action(&status, &["last_successful_execution", "timestamp"]), success.map(at), "at {second}");
        assert_eq!(action(&status, &["last_throttle", "timestamp"]), throttle.map(at), "at {second}");
    }
    assert_eq!(world.receiver.texts(), ["3 errors", "3 errors"]);
    world.to(185).await;
    world.watcher().ack(&id("w"), &[]).await.unwrap();
    let view = world.watcher().deactivate(&id("w")).await.unwrap();
    assert!(!view.status.active);
    assert_eq!(view.status.version, view.version);
    world.to(190).await;
    let put = world.put("w", watch).await;
    assert!(!put.created);
    let status = world.status("w").await;
    assert_eq!(
        status,
        json!({"state": {"active": true, "timestamp": "2026-01-01T00:03:10.000Z"}, "actions": {"a": {"ack": {"timestamp": "2026-01-01T00:03:10.000Z", "state": "awaits_successful_execution"}}}, "version": put.version})
    );
    let states = world.states().await;
    assert_eq!(states, ["executed", "throttled", "throttled", "acknowledged", "execution_not_needed", "executed"]);
    assert!(world.documents(".triggered_watches").await.is_empty());
}

#[tokio::test]
async fn a_record_is_whole_and_its_id_names_the_watch() {
    let world = World::new().await;
    let mut watch = logging_watch("10s", "hello {{ctx.watch_id}} {{ctx.metadata.who}}");
    watch.set("metadata", json!({"who": "world"}));
    world.put("my_watch", watch).await;
    world.to(10).await;
    let records = world.documents(".watcher-history-16-2026.01.01").await;
    let (record_id, record) = records.iter().next().unwrap();
    assert!(record_id.starts_with("my_watch_") && record_id.ends_with("-2026-01-01T00:00:10Z"), "{record_id}");
    let expected = json!({
        "watch_id": "my_watch", "node": "watchbell", "state": "executed", "@timestamp": "2026-01-01T00:00:10.000Z",
        "status": {
            "state": {"active": true, "timestamp": "2026-01-01T00:00:00.000Z"},
            "last_checked": "2026-01-01T00:00:10.000Z", "last_met_condition": "2026-01-01T00:00:10.000Z",
            "actions": {"a": {
                "ack": {"timestamp": "2026-01-01T00:00:10.000Z", "state": "ackable"},
                "last_execution": {"timestamp": "2026-01-01T00:00:10.000Z", "successful": true},
                "last_successful_execution": {"timestamp": "2026-01-01T00:00:10.000Z", "successful": true}}},
            "execution_state": "executed", "version": 1},
        "trigger_event": {"type": "schedule", "triggered_time": "2026-01-01T00:00:10.000Z", "schedule": {"scheduled_time": "2026-01-01T00:00:10.000Z"}},
        "input": {"none": {}}, "condition": {"always": {}}, "metadata": {"who": "world"},
        "result": {
            "execution_time": "2026-01-01T00:00:10.000Z", "execution_duration": 1,
            "input": {"type": "none", "status": "success", "payload": {}},
            "condition": {"type": "always", "status": "success", "met": true},
            "actions": [{"id": "a", "type": "logging", "status": "success", "logging": {"logged_text": "hello my_watch world"}}]},
        "messages": []
    });
    assert_eq!(record, &expected);
    let rows = world.documents(".watchbell-deliveries").await;
    assert_eq!(rows.values().map(|row| row.get("state").unwrap().clone()).collect::<Vec<_>>(), [json!("delivered")]);
    let view = world.watcher().get_watch(&id("my_watch")).await.unwrap().unwrap();
    assert_eq!(view.definition.get("_watchbell"), None);
    assert_eq!(view.status.version, view.version);
}

/// Every way a run can end.
#[tokio::test]
async fn every_state_of_a_record() {
    let search = json!({"search": {"request": {"indices": ["logs"]}}});
    let with = |member: &str, value: Json| {
        let mut watch = logging_watch("10s", "x");
        watch.set(member, value);
        watch
    };
    let mut broken_action = logging_watch("10s", "{{#ctx}}unclosed");
    broken_action.set("metadata", json!({"n": 1}));
    for (name, watch, answer, state, status, told) in [
        ("met", logging_watch("10s", "x"), None, "executed", "executed", "\"messages\":[]"),
        ("never", with("condition", json!({"never": {}})), None, "execution_not_needed", "execution_not_needed", "\"met\":false"),
        (
            "input fails",
            with("input", search.clone()),
            Some(Err(StoreError::Unavailable(Failure::new("connect_exception", "Connection refused")))),
            "failed",
            "failed",
            "\"error\":{\"root_cause\":[{\"type\":\"connect_exception\",\"reason\":\"Connection refused\"}],\"type\":\"connect_exception\",\"reason\":\"Connection refused\"}",
        ),
        (
            "condition throws",
            with("condition", json!({"compare": {"ctx.payload.list.5": {"eq": 1}}})),
            None,
            "execution_not_needed",
            "execution_not_needed",
            "",
        ),
        ("a template fails", broken_action, None, "executed", "executed", "\"status\":\"failure\""),
    ] {
        let world = World::new().await;
        *world.data.answer.lock().unwrap() = answer;
        world.put("w", watch).await;
        world.to(10).await;
        let records = world.records().await;
        assert_eq!(records.len(), 1, "{name}");
        assert_eq!(records[0].get("state"), Some(&json!(state)), "{name}: {}", records[0]);
        assert_eq!(world.status("w").await.get("execution_state"), Some(&json!(status)), "{name}");
        assert!(records[0].to_string().contains(told), "{name}: {}", records[0]);
        world.to(20).await;
        assert_eq!(world.records().await.len(), 2, "{name}: the next run is on time");
    }
}

#[tokio::test]
async fn an_exception_in_the_condition_ends_the_run_and_leaves_the_status() {
    let world = World::new().await;
    let mut watch = logging_watch("10s", "x");
    watch.set("input", json!({"simple": {"list": [1]}}));
    watch.set("condition", json!({"compare": {"ctx.payload.list.5": {"eq": 1}}}));
    world.put("w", watch).await;
    world.to(10).await;
    let record = world.records().await.remove(0);
    assert_eq!(record.get("state"), Some(&json!("failed")));
    assert_eq!(record.at(&["exception", "type"]), Some(&json!("index_out_of_bounds_exception")));
    assert_eq!(record.get("messages"), None);
    assert_eq!(record.at(&["result", "condition"]), None);
    assert!(record.at(&["result", "input"]).is_some());
    assert_eq!(world.status("w").await.get("execution_state"), None);
    assert_eq!(world.position("w").await.get("fires"), Some(&json!(1)));
}

#[tokio::test]
async fn a_watch_that_is_gone_inactive_or_unreadable_when_it_runs() {
    for (name, change, state, message) in [
        ("gone", "delete", "not_executed_watch_missing", "unable to find watch for record [w_"),
        ("inactive", "deactivate", "execution_not_needed", "Watch is not active"),
        ("unreadable", "tamper", "failed", ""),
    ] {
        let mut world = World::unstarted();
        world.settings.pool_size = 1;
        world.start().await;
        *world.data.hangs.lock().unwrap() = true;
        let mut slow = logging_watch("10s", "x");
        slow.set("input", json!({"search": {"request": {"indices": ["logs"]}}}));
        world.put("slow", slow).await;
        world.put("w", logging_watch("10s", "x")).await;
        world.to(10).await;
        // both are triggered; one runs, the other waits for the pool
        let stats = world.watcher().stats().await;
        assert_eq!((stats.current.len(), stats.queued.len()), (1, 1), "{name}");
        assert_eq!(stats.current[0].phase, RunPhase::Input);
        assert_eq!(stats.queued[0].watch_id, id("w"));
        match change {
            "delete" => assert!(world.watcher().delete_watch(&id("w")).await.unwrap().found),
            "deactivate" => assert!(!world.watcher().deactivate(&id("w")).await.unwrap().status.active),
            _ => {
                let document = world.store.inner.get(".watches", "w").await.unwrap().unwrap();
                let mut source = Json::parse(&document.source).unwrap();
                source.set("condition", json!({"bogus": {}}));
                world.store.inner.write(Write::put(".watches", "w", Expect::Anything, source.to_string())).await.unwrap();
            }
        }
        *world.data.hangs.lock().unwrap() = false;
        world.data.released.notify_waiters();
        world.settle().await;
        let records = world.records().await;
        let record = records.iter().find(|record| record.get("watch_id") == Some(&json!("w"))).unwrap();
        assert_eq!(record.get("state"), Some(&json!(state)), "{name}: {record}");
        assert!(record.to_string().contains(message), "{name}: {record}");
        assert_eq!(record.get("result"), None, "{name}");
        assert!(world.documents(".triggered_watches").await.is_empty(), "{name}");
        assert_eq!(world.receiver.texts().len(), 1, "{name}: only the slow one has logged");
    }
}

#[tokio::test]
async fn webhooks_that_fail_say_how() {
    let webhook = json!({
        "trigger": {"schedule": {"interval": "10s"}},
        "actions": {"a": {"webhook": {"method": "POST", "url": "http://h:8080/p", "body": "hi", "auth": {"basic": {"username": "u", "password": "s3cret"}}}}}
    });
    for (answer, status, state, told) in [
        (Answer::Ok, "success", "delivered", "\"response\":{\"status\":200"),
        (Answer::Status(503), "failure", "refused", "\"reason\":\"received [503] status code\""),
        (Answer::Refused, "failure", "refused", "\"error\":{\"root_cause\":[{\"type\":\"connect_exception\""),
        (Answer::Lost, "failure", "unconfirmed", "\"type\":\"socket_timeout_exception\""),
        (Answer::Panic, "failure", "unconfirmed", "the channel failed"),
    ] {
        let world = World::new().await;
        world.receiver.always(answer.clone());
        world.put("w", webhook.clone()).await;
        world.to(10).await;
        let record = world.records().await.remove(0);
        let action = record.at(&["result", "actions"]).and_then(Json::as_list).unwrap()[0].clone();
        assert_eq!(action.get("status"), Some(&json!(status)), "{answer:?}: {action}");
        assert!(action.to_string().contains(told), "{answer:?}: {action}");
        assert!(!record.to_string().contains("s3cret"), "{record}");
        assert_eq!(record.get("state"), Some(&json!("executed")));
        let rows = world.documents(".watchbell-deliveries").await;
        assert_eq!(rows.values().next().unwrap().get("state"), Some(&json!(state)), "{answer:?}");
        assert_eq!(world.status("w").await.at(&["actions", "a", "last_execution", "successful"]), Some(&json!(status == "success")));
    }
}

#[tokio::test]
async fn foreach_sends_one_message_an_element_and_an_index_action_one_document() {
    let world = World::new().await;
    let watch = json!({
        "trigger": {"schedule": {"interval": "10s"}},
        "input": {"simple": {"items": [{"n": 1}, {"n": 2}, 3], "_doc": [{"_index": "i", "x": 1}, {"_index": "i", "_id": "own", "x": 2}]}},
        "actions": {
            "each": {"foreach": "ctx.payload.items", "max_iterations": 5, "logging": {"text": "n={{ctx.payload.n}}{{ctx.payload._value}}"}},
            "none": {"foreach": "ctx.payload.nothing", "logging": {"text": "x"}},
            "store": {"index": {"execution_time_field": "at"}}
        }
    });
    world.put("w", watch).await;
    world.to(10).await;
    let record = world.records().await.remove(0);
    let actions = record.at(&["result", "actions"]).and_then(Json::as_list).unwrap();
    assert_eq!(
        actions[0],
        json!({"id": "each", "type": "logging", "status": "success", "number_of_actions_executed": 3, "foreach": [{"logging": {"logged_text": "n=1"}}, {"logging": {"logged_text": "n=2"}}, {"logging": {"logged_text": "n=3"}}], "max_iterations": 5})
    );
    assert_eq!(actions[1].at(&["error", "reason"]), Some(&json!("specified foreach object was null: [ctx.payload.nothing]")));
    assert_eq!(actions[2].get("status"), Some(&json!("success")));
    assert_eq!(actions[2].at(&["index", "response"]).and_then(Json::as_list).map(<[Json]>::len), Some(2));
    let arrivals = world.receiver.arrivals.lock().unwrap().clone();
    let documents: Vec<&Json> = arrivals.iter().filter_map(|arrival| arrival.message.get("index")).collect();
    assert_eq!(documents.len(), 2);
    assert_eq!(documents[0].at(&["source", "at"]), Some(&at(10)));
    assert_eq!(documents[0].get("id_is_own"), Some(&json!(true)));
    assert_eq!((documents[1].get("id"), documents[1].get("create")), (Some(&json!("own")), Some(&json!(false))));
}

#[tokio::test]
async fn a_run_that_outlasts_its_interval_is_recorded_once_and_counted() {
    let world = World::new().await;
    *world.data.hangs.lock().unwrap() = true;
    let mut watch = logging_watch("10s", "x");
    watch.set("input", json!({"search": {"request": {"indices": ["logs"]}}}));
    world.put("w", watch).await;
    world.to(45).await; // runs for 10; 20, 30 and 40 meet it
    assert!(world.watcher().ack(&id("w"), &[]).await.unwrap_err().reason_text().starts_with("watch[w] is running currently"));
    let busy = world.watcher().execute(ExecuteRequest::of(ExecuteTarget::Stored(id("w")))).await.unwrap();
    assert_eq!(busy.record.get("state"), Some(&json!("not_executed_already_queued")));
    *world.data.hangs.lock().unwrap() = false;
    world.data.released.notify_waiters();
    world.settle().await;
    let records = world.records().await;
    let states: Vec<&Json> = records.iter().map(|record| record.get("state").unwrap()).collect();
    assert_eq!(states, [&json!("executed"), &json!("not_executed_already_queued")]);
    assert_eq!(records[1].at(&["trigger_event", "schedule", "scheduled_time"]), Some(&at(20)));
    assert_eq!(records[1].get("messages"), Some(&json!(["Watch is already queued in thread pool"])));
    let position = world.position("w").await;
    assert_eq!(position.get("skipped"), Some(&json!(3)));
    assert_eq!(position.get("last_scheduled"), Some(&json!("2026-01-01T00:00:40Z")));
    world.to(50).await;
    assert_eq!(world.states().await.len(), 3);
    assert_eq!(world.watcher().stats().await.metrics.overlapped, 3);
}

#[tokio::test]
async fn a_restart_resets_nothing_and_missed_runs_follow_the_policy() {
    for (policy, away, until, skipped) in [
        (MissedRuns::Latest { max_age: Duration::from_secs(3600) }, 2, 20, 0),
        (MissedRuns::Latest { max_age: Duration::from_secs(3600) }, 60, 78, 5),
        (MissedRuns::Latest { max_age: Duration::from_secs(4) }, 60, 80, 6),
        (MissedRuns::None, 60, 80, 6),
    ] {
        let mut world = World::unstarted();
        world.settings.missed_runs = policy;
        world.start().await;
        world.put("w", logging_watch("10s", "x")).await;
        world.to(15).await;
        assert_eq!(world.records().await.len(), 1);
        world.stop().await;
        world.clock.advance(Duration::from_secs(away));
        world.start().await;
        world.to(until).await;
        assert_eq!(world.records().await.len(), 2, "{policy:?} after {away}");
        assert_eq!(world.position("w").await.get("skipped"), Some(&json!(skipped)), "{policy:?} after {away}");
        assert_eq!(world.position("w").await.get("anchor"), Some(&json!(world::START)));
    }
}

#[tokio::test]
async fn clock_jumps_cost_at_most_one_period() {
    for jump in [-7200_i64, 7200] {
        let world = World::new().await;
        world.put("w", logging_watch("10s", "x")).await;
        world.to(15).await;
        let set = world.clock.now().as_second() + jump;
        world.clock.set_now(watchbell_time::Timestamp::from_second(set).unwrap());
        world.advance(Duration::from_secs(12)).await;
        let runs = world.records().await.len();
        assert!(runs >= 2, "after a jump by {jump} there were {runs} runs");
        world.advance(Duration::from_secs(30)).await;
        assert_eq!(world.records().await.len(), runs + 3, "after a jump by {jump}");
        // a success that seems to lie in the future throttles once, as if it were now, and not until that future has come
        assert!(world.receiver.texts().len() >= runs + 2, "after a jump by {jump}");
        let jumps = u64::from(jump < 0);
        assert_eq!(world.watcher().stats().await.metrics.clock_jumps, jumps);
    }
}

#[tokio::test]
async fn put_keeps_the_grid_activate_starts_it_anew() {
    let world = World::new().await;
    world.put("w", logging_watch("60s", "x")).await;
    for second in [25, 50] {
        world.to(second).await;
        world.put("w", logging_watch("1m", "y")).await;
    }
    world.to(60).await;
    assert_eq!(world.records().await.len(), 1, "a watch that is put again and again still fires on its grid");
    world.to(70).await;
    world.watcher().deactivate(&id("w")).await.unwrap();
    world.to(200).await;
    assert_eq!(world.records().await.len(), 1);
    world.watcher().activate(&id("w")).await.unwrap();
    world.to(210).await;
    world.watcher().activate(&id("w")).await.unwrap();
    world.to(259).await;
    assert_eq!(world.records().await.len(), 1);
    world.to(260).await;
    assert_eq!(world.records().await.len(), 2, "the schedule counts from the first activation");
    assert_eq!(world.position("w").await.get("skipped"), Some(&json!(0)), "an inactive watch counts no skips");
    assert_eq!(world.position("w").await.get("fires"), Some(&json!(2)));
}

#[tokio::test]
async fn versions_and_conflicts() {
    let world = World::new().await;
    let watcher = world.watcher();
    let body = logging_watch("10s", "x");
    let missing = watcher.put_watch(PutRequest { id: id("w"), body: body.clone(), active: true, mode: PutMode::AtVersion(1) }).await.unwrap_err();
    assert_eq!((&*missing.kind, missing.reason_text()), ("document_missing_exception", "[w]: document missing"));
    let put = world.put("w", body.clone()).await;
    assert!(put.created && put.version == 1);
    let again = watcher.put_watch(PutRequest { id: id("w"), body: body.clone(), active: false, mode: PutMode::AtRevision(put.revision) }).await.unwrap();
    assert!(!again.created && again.version == 2);
    let conflict = watcher.put_watch(PutRequest { id: id("w"), body, active: true, mode: PutMode::AtRevision(put.revision) }).await.unwrap_err();
    assert_eq!(conflict.kind, "version_conflict_engine_exception");
    assert!(conflict.reason_text().starts_with("[w]: version conflict, required seqNo ["));
    assert_eq!(watcher.activate(&id("nope")).await.unwrap_err().kind, "document_missing_exception");
    assert_eq!(watcher.ack(&id("nope"), &[]).await.unwrap_err().reason_text(), "Watch with id [nope] does not exist");
    assert_eq!(watcher.get_watch(&id("nope")).await.unwrap(), None);
    let gone = watcher.delete_watch(&id("w")).await.unwrap();
    assert!(gone.found && gone.version == 3);
    assert!(!watcher.delete_watch(&id("w")).await.unwrap().found);
    let bad = watcher.put_watch(PutRequest { id: id("w"), body: json!({"trigger": {}, "x": 1}), active: true, mode: PutMode::Insert }).await;
    assert_eq!(bad.unwrap_err().kind, "parse_exception");
}

#[tokio::test]
async fn executions_by_hand() {
    let world = World::new().await;
    let watcher = world.watcher();
    let mut watch = logging_watch("1h", "n={{ctx.payload.n}}");
    watch.set("input", json!({"simple": {"n": 1}}));
    watch.set("condition", json!({"compare": {"ctx.payload.n": {"gte": 1}}}));
    world.put("w", watch.clone()).await;
    let stored = || ExecuteRequest::of(ExecuteTarget::Stored(id("w")));
    let action = |record: &Json| record.at(&["result", "actions"]).and_then(Json::as_list).and_then(|all| all.first().cloned());
    let status = |record: &Json| action(record).and_then(|action| action.get("status").cloned());

    let plain = watcher.execute(stored()).await.unwrap();
    assert_eq!((status(&plain.record), plain.record.get("state").cloned()), (Some(json!("success")), Some(json!("executed"))));
    assert_eq!(plain.record.at(&["trigger_event", "type"]), Some(&json!("manual")));
    assert!(world.records().await.is_empty(), "not recorded");
    assert_eq!(world.status("w").await.get("last_checked"), None);
    assert_eq!(world.position("w").await.get("fires"), Some(&json!(0)));
    assert!(world.documents(".triggered_watches").await.is_empty());

    let simulated = watcher.execute(ExecuteRequest { action_modes: [("_all".into(), ActionMode::Simulate)].into(), ..stored() }).await.unwrap();
    assert_eq!(action(&simulated.record), Some(json!({"id": "a", "type": "logging", "status": "simulated", "logging": {"logged_text": "n=1"}})));

    let unmet = watcher.execute(ExecuteRequest { alternative_input: Some(json!({"n": 0})), ..stored() }).await.unwrap();
    assert_eq!(unmet.record.get("state"), Some(&json!("execution_not_needed")));
    assert_eq!(unmet.record.at(&["result", "input"]), Some(&json!({"type": "simple", "status": "success", "payload": {"n": 0}})));

    let ignored = watcher.execute(ExecuteRequest { alternative_input: Some(json!({"n": 0})), ignore_condition: true, ..stored() }).await.unwrap();
    assert_eq!(ignored.record.at(&["result", "condition"]), Some(&json!({"type": "always", "status": "success", "met": true})));

    let skipped = watcher
        .execute(ExecuteRequest { alternative_input: Some(json!({"n": 0})), action_modes: [("a".into(), ActionMode::Skip)].into(), ..stored() })
        .await
        .unwrap();
    assert_eq!(action(&skipped.record), Some(json!({"id": "a", "type": "logging", "status": "throttled", "reason": "manually skipped"})));
    assert_eq!(skipped.record.get("state"), Some(&json!("execution_not_needed")));

    let recorded = watcher.execute(ExecuteRequest { record_execution: true, ..stored() }).await.unwrap();
    assert_eq!(world.documents(".watcher-history-16-2026.01.01").await.keys().collect::<Vec<_>>(), [recorded.id.as_str()]);
    assert_eq!(world.records().await[0], recorded.record);
    assert_eq!(world.position("w").await.get("fires"), Some(&json!(1)));
    assert_eq!(world.position("w").await.get("last_scheduled"), Some(&json!(world::START)), "a manual run moves no schedule");

    let throttled = watcher.execute(stored()).await.unwrap();
    assert_eq!(status(&throttled.record), Some(json!("throttled")));
    let forced = watcher.execute(ExecuteRequest { action_modes: [("a".into(), ActionMode::ForceExecute)].into(), ..stored() }).await.unwrap();
    assert_eq!(status(&forced.record), Some(json!("success")));

    let inline = watcher.execute(ExecuteRequest { debug: true, ..ExecuteRequest::of(ExecuteTarget::Inline(watch)) }).await.unwrap();
    assert!(inline.id.as_str().starts_with("_inlined__"));
    assert_eq!(inline.record.at(&["status", "version"]), Some(&json!(-1)));
    assert_eq!(watcher.execute(ExecuteRequest::of(ExecuteTarget::Stored(id("no")))).await.unwrap_err().kind, "resource_not_found_exception");
    assert_eq!(world.receiver.texts(), ["n=1", "n=0", "n=1", "n=1", "n=1"]);
}

#[tokio::test]
async fn stop_outlives_a_restart_and_start_catches_up() {
    let mut world = World::new().await;
    world.put("w", logging_watch("10s", "x")).await;
    world.to(10).await;
    world.watcher().stop().await.unwrap();
    world.to(30).await;
    let stats = world.watcher().stats().await;
    assert_eq!((stats.state, stats.manually_stopped, stats.watch_count), (ServiceState::Stopped, true, 0));
    assert_eq!(world.records().await.len(), 1);
    let by_hand = world.watcher().execute(ExecuteRequest::of(ExecuteTarget::Stored(id("w")))).await.unwrap();
    assert_eq!(by_hand.record.get("state"), Some(&json!("executed")), "by hand it runs all the same");
    world.stop().await;
    world.start().await;
    world.to(50).await;
    assert_eq!(world.records().await.len(), 1);
    world.watcher().start().await.unwrap();
    world.to(52).await;
    assert_eq!(world.records().await.len(), 2);
    let stats = world.watcher().stats().await;
    assert_eq!((stats.state, stats.manually_stopped, stats.watch_count), (ServiceState::Started, false, 1));
    assert_eq!(world.position("w").await.get("skipped"), Some(&json!(3)));
}

#[tokio::test]
async fn a_state_store_that_is_down_delays_and_loses_nothing() {
    let world = World::new().await;
    world.put("w", logging_watch("10s", "x")).await;
    world.to(5).await;
    *world.store.down.lock().unwrap() = true;
    world.to(33).await;
    assert_eq!(world.receiver.texts().len(), 0, "nothing runs that could not be journalled");
    assert!(world.watcher().stats().await.trouble.is_some());
    assert!(world.watcher().get_watch(&id("w")).await.is_err());
    let before = world.store.writes.load(std::sync::atomic::Ordering::Relaxed);
    world.to(38).await;
    assert!(world.store.writes.load(std::sync::atomic::Ordering::Relaxed) - before < 10, "a store that is down is not flooded");
    *world.store.down.lock().unwrap() = false;
    world.to(41).await;
    assert!(world.watcher().stats().await.trouble.is_none());
    assert!(!world.receiver.texts().is_empty());
    let position = world.position("w").await;
    let accounted = world.records().await.len() + usize::try_from(position.get("skipped").and_then(Json::as_i64).unwrap()).unwrap();
    assert_eq!(accounted, 4, "10, 20, 30 and 40 are recorded or counted");
}

#[tokio::test]
async fn a_watch_that_panics_fails_and_harms_no_other() {
    let world = World::new().await;
    *world.data.poison.lock().unwrap() = Some("poison".into());
    let mut watch = logging_watch("10s", "x");
    watch.set("input", json!({"search": {"request": {"indices": ["poison"]}}}));
    world.put("poison", watch).await;
    world.put("healthy", logging_watch("10s", "well")).await;
    world.to(30).await;
    let records = world.records().await;
    let of = |name: &str| records.iter().filter(|record| record.get("watch_id") == Some(&json!(name))).cloned().collect::<Vec<_>>();
    assert_eq!((of("poison").len(), of("healthy").len()), (3, 3));
    assert_eq!(of("poison")[0].get("state"), Some(&json!("failed")));
    assert!(of("poison")[0].to_string().contains("a search that panics"));
    assert_eq!(world.receiver.texts().len(), 3);
    assert_eq!(world.watcher().stats().await.metrics.panics, 3);
    assert!(world.documents(".triggered_watches").await.is_empty());
}

#[tokio::test]
async fn a_record_that_the_history_refuses_is_reduced_and_says_so() {
    for (longest, told) in [(900, "\"truncated\""), (400, "refused by the history: mapper_parsing_exception"), (10, "")] {
        let world = World::new().await;
        *world.store.history_max.lock().unwrap() = longest;
        let mut watch = logging_watch("10s", "x");
        watch.set("input", json!({"simple": {"long": "y".repeat(2000)}}));
        watch.set("actions", json!({}));
        world.put("w", watch).await;
        world.to(10).await;
        let records = world.records().await;
        assert_eq!(records.len(), usize::from(longest > 10), "{longest}");
        assert!(records.iter().all(|record| record.to_string().contains(told)), "{longest}: {records:?}");
        assert!(world.documents(".triggered_watches").await.is_empty(), "{longest}");
        assert_eq!(world.position("w").await.get("fires"), Some(&json!(1)), "{longest}");
    }
}

#[tokio::test]
async fn three_days_off_come_back_as_one_run_a_watch_and_not_as_one_burst() {
    const WATCHES: usize = 300;
    let mut world = World::new().await;
    for n in 0..WATCHES {
        world.put(&format!("w{n}"), logging_watch("1h", "x")).await;
    }
    world.stop().await;
    world.clock.advance(Duration::from_secs(3 * 86_400 + 60));
    world.start().await;
    world.advance(Duration::from_millis(1500)).await;
    let soon = world.receiver.texts().len();
    assert!(soon > 50 && soon < 250, "{soon} of {WATCHES} ran within a second and a half");
    world.advance(Duration::from_secs(10)).await;
    assert_eq!(world.receiver.texts().len(), WATCHES);
    for n in 0..WATCHES {
        assert_eq!(world.position(&format!("w{n}")).await.get("skipped"), Some(&json!(71)));
    }
}

/// DESIGN §4: one write for all triggers of a tick, one more for each run that sends nothing, two for each that sends.
#[tokio::test]
async fn writes_of_a_tick_are_bounded() {
    for (condition, per_run) in [("never", 1), ("always", 2)] {
        let world = World::new().await;
        const RUNS: u64 = 20;
        for n in 0..RUNS {
            let mut watch = logging_watch("10s", "x");
            watch.set("condition", Json::object().with(condition, Json::object()));
            world.put(&format!("w{n}"), watch).await;
        }
        world.to(9).await;
        let count = || world.store.writes.load(std::sync::atomic::Ordering::Relaxed);
        let before = count();
        world.to(11).await;
        for _ in 0..20 {
            world.settle().await;
        }
        assert_eq!(world.records().await.len() as u64, RUNS);
        assert_eq!(count() - before, 1 + per_run * RUNS, "{condition}");
    }
}

/// Between the write of the position and the end of the run another due time comes: it is run or counted, not forgotten.
#[tokio::test]
async fn a_due_time_that_meets_the_last_moment_of_a_run_is_not_lost() {
    let world = World::new().await;
    world.put("w", logging_watch("10s", "x")).await;
    *world.store.held.lock().unwrap() = Some(".watches");
    world.to(21).await; // the run of 10 is written, its answer is late; 20 meets it
    assert_eq!(world.position("w").await.get("fires"), Some(&json!(1)));
    *world.store.held.lock().unwrap() = None;
    world.store.released.notify_waiters();
    world.to(31).await;
    let records = world.records().await;
    let scheduled: Vec<&Json> = records.iter().map(|record| record.at(&["trigger_event", "schedule", "scheduled_time"]).unwrap()).collect();
    let skipped = world.position("w").await.get("skipped").and_then(Json::as_i64).unwrap();
    assert_eq!(scheduled.len() + usize::try_from(skipped).unwrap(), 3, "10, 20 and 30 are recorded or counted: {scheduled:?}, {skipped} skipped");
}

/// Sequence numbers begin anew with a new index; the news of the new watches is no old news.
#[tokio::test]
async fn watches_of_a_new_index_run_whatever_was_there_before() {
    let world = World::new().await;
    for name in ["removed", "one", "another", "known"] {
        world.put(name, logging_watch("10s", "old")).await;
    }
    world.watcher().delete_watch(&id("removed")).await.unwrap();
    let all = IndicesOptions { expand_hidden: true, ..IndicesOptions::watcher() };
    world.store.inner.delete_indices(&[".watches".to_owned()], &all).await.unwrap();
    world.to(5).await;
    for name in ["removed", "known"] {
        assert!(world.put(name, logging_watch("10s", name)).await.created);
    }
    world.to(36).await;
    let mut texts = world.receiver.texts();
    texts.sort();
    assert_eq!(texts, ["known", "known", "known", "removed", "removed", "removed"]);
    assert_eq!(world.watcher().stats().await.watch_count, 2);
}

#[tokio::test]
async fn a_watch_that_kills_the_process_before_it_decides_does_not_do_so_for_ever() {
    let mut world = World::new().await;
    *world.data.hangs.lock().unwrap() = true;
    let mut watch = logging_watch("1h", "x");
    watch.set("input", json!({"search": {"request": {"indices": ["logs"]}}}));
    world.put("w", watch).await;
    world.to(3600).await;
    for death in 1..=6 {
        assert!(world.records().await.is_empty(), "there is a record after {} deaths", death - 1);
        drop(world.tasks.take());
        world.settle().await;
        world.start().await;
    }
    let records = world.records().await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].get("state"), Some(&json!("failed")));
    assert_eq!(records[0].at(&["exception", "reason"]), Some(&json!("the process ended [6] times while this run was under way")));
    assert!(world.documents(".triggered_watches").await.is_empty());
    *world.data.hangs.lock().unwrap() = false;
    world.to(7200).await;
    assert_eq!(world.states().await, ["failed", "executed"]);
}

#[tokio::test]
async fn a_decision_that_the_journal_refuses_fails_the_run_and_not_the_watch() {
    for condition in ["always", "never"] {
        let world = World::new().await;
        *world.store.journal_max.lock().unwrap() = 1500;
        let mut watch = logging_watch("10s", "x");
        watch.set("input", json!({"simple": {"long": "y".repeat(2000)}}));
        watch.set("condition", Json::object().with(condition, Json::object()));
        world.put("w", watch).await;
        world.to(21).await;
        let records = world.records().await;
        assert_eq!(records.len(), 2, "{condition}");
        for record in records {
            assert_eq!(record.get("state"), Some(&json!("failed")), "{condition}: {record}");
            assert_eq!(record.at(&["exception", "type"]), Some(&json!("mapper_parsing_exception")), "{condition}: {record}");
        }
        assert!(world.receiver.texts().is_empty() && world.documents(".triggered_watches").await.is_empty(), "{condition}");
    }
}

/// What is due while the service is stopped wakes nobody: a scheduler that spins would never let this test end.
#[tokio::test]
async fn a_stop_while_a_trigger_is_under_way_lets_the_scheduler_sleep() {
    let world = World::new().await;
    world.put("w", logging_watch("10s", "x")).await;
    *world.store.rival.lock().unwrap() = true;
    *world.store.held.lock().unwrap() = Some(".triggered_watches");
    world.to(10).await;
    world.watcher().stop().await.unwrap();
    *world.store.rival.lock().unwrap() = false;
    *world.store.held.lock().unwrap() = None;
    world.store.released.notify_waiters();
    world.to(15).await;
    assert!(world.records().await.is_empty());
    world.watcher().start().await.unwrap();
    world.to(16).await;
    assert_eq!(world.records().await.len(), 1, "the run that the other one began is taken up");
}
