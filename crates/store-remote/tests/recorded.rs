//! The client against answers as the engines give them, played by a local server: what cannot be started here (Elasticsearch
//! 8 and 9, API keys), and what real clusters do not do on demand (die in the middle of an answer, come back).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod play;

use std::sync::Arc;
use std::time::Duration;

use watchbell_json::{Json, json};
use watchbell_store::{
    DocumentStore, DocumentWrite, Expect, IndexTarget, IndicesOptions, Refresh, Revision, Search, SearchRequest, StoreError, Write, WriteError, WriteResult,
};
use watchbell_store_remote::{ClusterSettings, Credentials, RemoteCluster};
use watchbell_time::{ManualClock, Timestamp};

use play::{Answer, Log, Player};

const CANARY: &str = "canary-7d1f";

fn cluster(hosts: &[String], credentials: Credentials) -> (RemoteCluster, ManualClock) {
    let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
    let settings = ClusterSettings { name: "default".into(), hosts: hosts.to_vec(), credentials, ..ClusterSettings::default() };
    (RemoteCluster::new(&settings, Arc::new(clock.clone())).unwrap(), clock)
}

async fn against(answers: Vec<Answer>) -> (RemoteCluster, Player) {
    let player = Player::start(answers).await;
    (cluster(&[player.url()], Credentials::none()).0, player)
}

fn search(indices: &[&str], body: Option<Json>) -> SearchRequest {
    SearchRequest {
        indices: indices.iter().map(ToString::to_string).collect(),
        options: IndicesOptions::watcher(),
        search_type: "query_then_fetch".into(),
        body,
        now: Timestamp::UNIX_EPOCH,
        timeout: Duration::from_secs(60),
    }
}

fn document_write(write: Write) -> DocumentWrite {
    DocumentWrite { write, version: None, routing: None, require_existing: false, now: Timestamp::UNIX_EPOCH }
}

const ROOT_8: &str = r#"{"name":"n1","cluster_name":"prod","cluster_uuid":"u","version":{"number":"8.19.3","build_flavor":"default","lucene_version":"9.12.2","minimum_wire_compatibility_version":"7.17.0"},"tagline":"You Know, for Search"}"#;
const ROOT_6: &str =
    r#"{"name":"n1","cluster_name":"old","version":{"number":"6.7.0","build_flavor":"oss","lucene_version":"7.7.0"},"tagline":"You Know, for Search"}"#;
const HITS_8: &str = r#"{"took":3,"timed_out":false,"_shards":{"total":1,"successful":1,"skipped":0,"failed":0},"hits":{"total":{"value":10000,"relation":"gte"},"max_score":1.0,"hits":[]}}"#;
const HITS_6: &str =
    r#"{"took":3,"timed_out":false,"_shards":{"total":5,"successful":5,"skipped":0,"failed":0},"hits":{"total":12345,"max_score":1.0,"hits":[]}}"#;

#[tokio::test]
async fn a_body_goes_out_as_it_is_and_totals_come_back_as_objects() {
    let body = Json::parse(
        r#"{"query":{"match":{"message":"错误 \"x\""}},"size":0,"track_total_hits":true,"min_score":1.0E10,"big":123456789012345678901234567890}"#.as_bytes(),
    )
    .unwrap();
    for (answer, total) in [(HITS_8, json!({"value": 10000, "relation": "gte"})), (HITS_6, json!({"value": 12345, "relation": "eq"}))] {
        let (cluster, player) = against(vec![Answer::ok(answer)]).await;
        let answer = cluster.search(search(&["<logs-{now/d}>"], Some(body.clone()))).await.unwrap();
        assert_eq!(answer.at(&["hits", "total"]), Some(&total));
        let seen = player.seen();
        assert_eq!(seen.len(), 1, "a search asks nothing else first");
        assert_eq!(seen[0].body, body.to_string());
        assert!(seen[0].line.starts_with("POST /%3Clogs-%7Bnow%2Fd%7D%3E/_search?"), "{}", seen[0].line);
        assert_eq!(seen[0].header("content-type"), Some("application/json"));
        assert_eq!(seen[0].header("accept-encoding"), Some("gzip"));
    }
}

#[tokio::test]
async fn api_keys_and_passwords_go_out_and_nowhere_else() {
    let key = Credentials::api_key(&format!("id:{CANARY}")).unwrap();
    let basic = Credentials::basic("elastic", CANARY).unwrap();
    for (credentials, scheme) in [(key, "ApiKey "), (basic, "Basic ")] {
        let refusal = r#"{"error":{"root_cause":[{"type":"security_exception","reason":"unable to authenticate"}],"type":"security_exception","reason":"unable to authenticate","header":{"WWW-Authenticate":["ApiKey"]}},"status":401}"#;
        let player = Player::start(vec![Answer::ok(HITS_8), Answer::status(401, refusal)]).await;
        let (cluster, _clock) = cluster(&[player.url()], credentials);
        cluster.search(search(&["a"], None)).await.unwrap();
        let seen = player.seen();
        assert!(seen[0].header("authorization").is_some_and(|value| value.starts_with(scheme)));
        let error = cluster.search(search(&["a"], None)).await.unwrap_err();
        assert!(matches!(&error, StoreError::Refused(failure) if failure.kind == "security_exception"));
        let shown = format!("{cluster:?} {error:?} {error}");
        assert!(!shown.contains(CANARY) && !shown.contains("Basic") && !shown.contains("ApiKey "), "{shown}");
    }
}

#[tokio::test]
async fn exceptions_of_the_cluster_come_back_as_they_are() {
    let error = r#"{"error":{"root_cause":[{"type":"parsing_exception","reason":"unknown query [mtch] did you mean [match]?","line":1,"col":20}],"type":"parsing_exception","reason":"unknown query [mtch] did you mean [match]?","line":1,"col":20,"caused_by":{"type":"named_object_not_found_exception","reason":"[1:20] unknown field [mtch]"}},"status":400}"#;
    let missing = r#"{"error":{"root_cause":[{"type":"index_not_found_exception","reason":"no such index [logs]","index":"logs"}],"type":"index_not_found_exception","reason":"no such index [logs]","resource.type":"index_or_alias","index":"logs"},"status":404}"#;
    let busy = r#"{"error":{"root_cause":[],"type":"circuit_breaking_exception","reason":"Data too large"},"status":429}"#;
    let (cluster, _player) = against(vec![
        Answer::status(400, error),
        Answer::status(404, missing),
        Answer::status(429, busy),
        Answer::status(502, "<html>Bad Gateway</html>"),
        // asked in between whether it is there at all
        Answer::ok(ROOT_8),
        Answer::ok("no json"),
    ])
    .await;
    let StoreError::Refused(failure) = cluster.search(search(&["logs"], None)).await.unwrap_err() else { panic!("refused") };
    assert_eq!(failure.kind, "parsing_exception");
    assert_eq!(failure.caused_by.unwrap().reason_text(), "[1:20] unknown field [mtch]");
    assert_eq!(cluster.search(search(&["logs"], None)).await.unwrap_err(), StoreError::NoIndex("logs".into()));
    for kind in ["circuit_breaking_exception", "exception", "exception"] {
        let StoreError::Unavailable(failure) = cluster.search(search(&["logs"], None)).await.unwrap_err() else { panic!("unavailable") };
        assert_eq!(failure.kind, kind);
    }
}

#[tokio::test]
async fn a_cluster_that_is_down_is_asked_once_a_second_and_found_when_it_is_back() {
    Log::start();
    let player = Player::start(vec![]).await;
    let address = player.address();
    player.stop().await;
    let (cluster, clock) = cluster(&[format!("http://{address}")], Credentials::basic("u", CANARY).unwrap());
    let error = cluster.search(search(&["a"], None)).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Unavailable(failure) if failure.kind == "connect_exception" && failure.reason_text().contains("Connection refused")),
        "{error}"
    );
    assert!(cluster.outage().is_some());
    for _ in 0..3 {
        clock.advance(Duration::from_secs(1));
        assert_eq!(cluster.search(search(&["a"], None)).await.unwrap_err(), error);
    }
    assert_eq!(Log::lines().len(), 1, "an outage is told once: {:?}", Log::lines());

    // the cluster is back: a small question, then both searches at the same time
    let player = Player::start_at(address, vec![Answer::ok(ROOT_8), Answer::ok(HITS_8), Answer::ok(HITS_8)]).await;
    assert_eq!(cluster.search(search(&["a"], None)).await.unwrap_err(), error, "within the second nobody asks again");
    assert_eq!(player.seen().len(), 0);
    clock.advance(Duration::from_secs(1));
    let (first, second) = futures_util::future::join(cluster.search(search(&["a"], None)), cluster.search(search(&["b"], None))).await;
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(player.seen().len(), 3);
    assert_eq!(cluster.outage(), None);
    let lines = Log::lines();
    assert!(lines.len() == 2 && lines[0].starts_with("ERROR") && lines[1].starts_with("INFO"), "{lines:?}");
    assert!(!lines.concat().contains(CANARY));
}

#[tokio::test]
async fn a_call_that_breaks_off_is_no_outage_while_the_cluster_answers() {
    let (cluster, player) = against(vec![Answer::Cut, Answer::Cut, Answer::ok(ROOT_8), Answer::Cut, Answer::Cut, Answer::Cut]).await;
    assert!(cluster.search(search(&["a"], None)).await.is_err());
    assert_eq!(cluster.outage(), None);
    assert!(cluster.search(search(&["a"], None)).await.is_err());
    assert!(cluster.outage().is_some(), "whatever is asked breaks off");
    assert_eq!(player.seen().len(), 6);
}

#[tokio::test]
async fn a_gateway_before_a_dead_cluster_is_an_outage_too() {
    Log::start();
    let bad = || Answer::status(502, "<html>Bad Gateway</html>");
    let player = Player::start(vec![bad(), bad(), bad(), Answer::ok(ROOT_8), Answer::ok(HITS_8), Answer::status(503, "{}"), Answer::ok(ROOT_8)]).await;
    let (cluster, clock) = cluster(&[player.url()], Credentials::none());
    for _ in 0..2 {
        assert!(cluster.search(search(&["a"], None)).await.is_err());
        assert!(cluster.outage().is_some());
        clock.advance(Duration::from_secs(1));
    }
    assert!(cluster.search(search(&["a"], None)).await.is_ok());
    assert_eq!(cluster.outage(), None);
    assert!(cluster.search(search(&["a"], None)).await.is_err());
    assert_eq!(cluster.outage(), None, "one search may be refused while the cluster answers");
    assert_eq!(player.seen().len(), 7);
    assert_eq!(Log::lines().len(), 2, "told once, and its end: {:?}", Log::lines());
}

#[tokio::test]
async fn a_cluster_that_takes_calls_and_answers_none_is_down() {
    let player = Player::start(vec![Answer::Never, Answer::Never, Answer::ok(ROOT_8), Answer::ok(HITS_8)]).await;
    let (cluster, clock) = cluster(&[player.url()], Credentials::none());
    for (asked, seconds, down) in [(1, 60, false), (2, 5, true)] {
        let later = async {
            player.has_seen(asked).await;
            clock.advance(Duration::from_secs(seconds));
        };
        let (result, ()) = futures_util::future::join(cluster.search(search(&["a"], None)), later).await;
        assert!(result.is_err());
        assert_eq!(cluster.outage().is_some(), down, "the first may only have been slow");
    }
    clock.advance(Duration::from_secs(1));
    assert!(cluster.search(search(&["a"], None)).await.is_ok());
    assert_eq!(cluster.outage(), None);
}

#[tokio::test]
async fn what_is_no_answer_to_a_search_is_no_empty_one() {
    for answer in ["{}", "[1]", "5", r#"{"hits":5}"#, r#"{"ok":true}"#] {
        let (cluster, _player) = against(vec![Answer::ok(answer)]).await;
        let StoreError::Unavailable(failure) = cluster.search(search(&["a"], None)).await.unwrap_err() else { panic!("unavailable") };
        assert!(failure.reason_text().contains("no [hits]"), "{answer}");
    }
}

#[tokio::test]
async fn identical_searches_that_come_together_are_sent_once() {
    let (cluster, player) = against((0..4).map(|_| Answer::ok(HITS_8)).collect()).await;
    let body = json!({"size": 0});
    let ask = |index: &'static str, body: Option<&Json>| cluster.search(search(&[index], body.cloned()));
    let (same, same_again, other_index, other_body) = tokio::join!(ask("a", Some(&body)), ask("a", Some(&body)), ask("b", Some(&body)), ask("a", None));
    assert!(same.is_ok() && same == same_again && other_index.is_ok() && other_body.is_ok());
    assert_eq!(player.seen().len(), 3);
    assert!(ask("a", Some(&body)).await.is_ok());
    assert_eq!(player.seen().len(), 4, "what has ended is not given again");
}

#[tokio::test]
async fn a_search_that_runs_long_is_not_joined_later() {
    let player = Player::start(vec![Answer::Never, Answer::ok(HITS_8)]).await;
    let (cluster, clock) = cluster(&[player.url()], Credentials::none());
    let first = cluster.search(search(&["a"], None));
    let second = async {
        player.has_seen(1).await;
        clock.advance(Duration::from_millis(100));
        let answer = cluster.search(search(&["a"], None)).await;
        clock.advance(Duration::from_secs(60));
        answer
    };
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_err() && second.is_ok());
}

#[tokio::test]
async fn an_answer_without_end_is_not_kept() {
    let chunk = axum::body::Bytes::from(vec![b' '; 1 << 20]);
    let (cluster, _player) = against(vec![Answer::Endless(chunk)]).await;
    let StoreError::Refused(failure) = cluster.search(search(&["a"], None)).await.unwrap_err() else { panic!("refused") };
    assert_eq!(failure.kind, "content_too_long_exception");
}

#[tokio::test]
async fn the_next_host_answers_when_one_is_down() {
    let dead = Player::start(vec![]).await;
    let dead_url = dead.url();
    dead.stop().await;
    let alive = Player::start(vec![Answer::ok(HITS_8), Answer::ok(HITS_8)]).await;
    let (cluster, _clock) = cluster(&[dead_url, alive.url()], Credentials::none());
    cluster.search(search(&["a"], None)).await.unwrap();
    cluster.search(search(&["a"], None)).await.unwrap();
    assert_eq!(alive.seen().len(), 2);
    assert_eq!(cluster.outage(), None, "a cluster with one host up is up");
}

#[tokio::test]
async fn a_search_ends_at_its_deadline() {
    let player = Player::start(vec![Answer::Never]).await;
    let (cluster, clock) = cluster(&[player.url()], Credentials::none());
    let searching = cluster.search(search(&["a"], None));
    let later = async {
        player.has_seen(1).await;
        clock.advance(Duration::from_secs(60));
    };
    let (result, ()) = futures_util::future::join(searching, later).await;
    let StoreError::Unavailable(failure) = result.unwrap_err() else { panic!("unavailable") };
    assert_eq!(failure.kind, "timeout_exception");
}

#[tokio::test]
async fn a_write_without_an_answer_is_unknown_and_not_made_again() {
    let (cluster, player) = against(vec![Answer::ok(ROOT_8), Answer::Cut, Answer::ok(ROOT_8)]).await;
    let error = cluster.write(Write::put("i", "1", Expect::Anything, "{}")).await.unwrap_err();
    assert!(matches!(error, WriteError::Unknown(_)), "{error}");
    let lines: Vec<String> = player.seen().into_iter().map(|request| request.line).collect();
    assert_eq!(lines, ["GET /", "PUT /i/_doc/1", "GET /"]);
}

#[tokio::test]
async fn a_read_without_an_answer_is_made_again() {
    let (cluster, player) = against(vec![Answer::Cut, Answer::ok(HITS_8)]).await;
    cluster.search(search(&["a"], None)).await.unwrap();
    assert_eq!(player.seen().len(), 2);
}

#[tokio::test]
async fn documents_of_an_8() {
    let created = r#"{"_index":"i","_id":"1","_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":0,"_primary_term":1}"#;
    let conflict = r#"{"error":{"root_cause":[],"type":"version_conflict_engine_exception","reason":"[1]: version conflict, document already exists (current version [1])","index":"i"},"status":409}"#;
    let got = r#"{"_index":"i","_id":"1","_version":1,"_seq_no":0,"_primary_term":1,"found":true,"_source":{ "a" : 1.0 }}"#;
    let not_found = r#"{"_index":"i","_id":"2","found":false}"#;
    let deleted = r#"{"_index":"i","_id":"2","_version":1,"result":"not_found","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":1,"_primary_term":1}"#;
    let (cluster, player) = against(vec![
        Answer::ok(ROOT_8),
        Answer::status(201, created),
        Answer::status(409, conflict),
        Answer::ok(got),
        Answer::status(404, not_found),
        Answer::status(404, deleted),
    ])
    .await;
    let write = document_write(Write::put("i", "1", Expect::Absent, r#"{ "a" : 1.0 }"#));
    let written = cluster.index_documents(vec![write.clone()], Refresh::WaitFor).await.remove(0).unwrap();
    assert_eq!((written.result, written.version), (WriteResult::Created, 1));
    let revision = Revision { seq_no: 0, primary_term: 1 };
    assert_eq!(cluster.index_documents(vec![write], Refresh::No).await, [Err(WriteError::Conflict { current: Some(revision), current_version: Some(1) })]);
    assert_eq!(cluster.get("i", "2").await.unwrap(), None);
    assert_eq!(cluster.write(Write::delete("i", "2", Expect::Anything)).await.unwrap().result, WriteResult::NotFound);
    let lines: Vec<String> = player.seen().into_iter().map(|request| request.line).collect();
    assert_eq!(
        lines,
        ["GET /", "PUT /i/_doc/1?op_type=create&refresh=wait_for", "PUT /i/_doc/1?op_type=create", "GET /i/_doc/1", "GET /i/_doc/2", "DELETE /i/_doc/2"]
    );
}

#[tokio::test]
async fn an_old_index_keeps_its_type() {
    let mapping = r#"{"logs":{"mappings":{"doc":{"properties":{}}}}}"#;
    let written = r#"{"_index":"logs","_type":"doc","_id":"1","_version":2,"result":"updated","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":7,"_primary_term":1}"#;
    let (cluster, player) = against(vec![Answer::ok(ROOT_6), Answer::ok(mapping), Answer::ok(written), Answer::ok(written)]).await;
    for _ in 0..2 {
        assert_eq!(cluster.write(Write::put("logs", "1", Expect::Anything, "{}")).await.unwrap().revision.seq_no, 7);
    }
    let lines: Vec<String> = player.seen().into_iter().map(|request| request.line).collect();
    assert_eq!(lines, ["GET /", "GET /logs/_mapping", "PUT /logs/doc/1", "PUT /logs/doc/1"]);
}

#[tokio::test]
async fn a_user_who_may_not_ask_for_the_version_may_write() {
    let forbidden = r#"{"error":{"root_cause":[],"type":"security_exception","reason":"action [cluster:monitor/main] is unauthorized"},"status":403}"#;
    let created = r#"{"_index":"i","_id":"1","_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":0,"_primary_term":1}"#;
    let (cluster, _player) = against(vec![Answer::status(403, forbidden), Answer::status(201, created)]).await;
    assert!(cluster.write(Write::put("i", "1", Expect::Anything, "{}")).await.is_ok());
}

#[tokio::test]
async fn items_of_a_bulk_succeed_and_fail_alone() {
    let items = r#"{"took":1,"errors":true,"items":[
        {"index":{"_index":"i","_id":"1","_version":1,"result":"created","_shards":{},"_seq_no":0,"_primary_term":1,"status":201}},
        {"index":{"_index":"i","_id":"2","status":400,"error":{"type":"document_parsing_exception","reason":"[1:6] failed to parse field [n]"}}},
        {"create":{"_index":"i","_id":"3","status":409,"error":{"type":"version_conflict_engine_exception","reason":"[3]: version conflict"}}}]}"#;
    let got = r#"{"_index":"i","_id":"3","_version":4,"_seq_no":9,"_primary_term":1,"found":true,"_source":{}}"#;
    let (cluster, _player) = against(vec![Answer::ok(ROOT_8), Answer::ok(items), Answer::ok(got)]).await;
    let results = cluster
        .bulk(vec![Write::put("i", "1", Expect::Anything, "{}"), Write::put("i", "2", Expect::Anything, "{}"), Write::put("i", "3", Expect::Absent, "{}")])
        .await;
    assert_eq!(results[0].as_ref().unwrap().result, WriteResult::Created);
    assert!(matches!(&results[1], Err(WriteError::Refused(failure)) if failure.kind == "document_parsing_exception"));
    assert_eq!(results[2], Err(WriteError::Conflict { current: Some(Revision { seq_no: 9, primary_term: 1 }), current_version: Some(4) }));
}

#[tokio::test]
async fn an_8_is_scanned_without_sorting_by_id() {
    let page = r#"{"_scroll_id":"s1","took":1,"timed_out":false,"hits":{"total":{"value":3,"relation":"eq"},"hits":[
        {"_index":"i","_id":"c","_version":1,"_seq_no":0,"_primary_term":1,"_source":{"n":3}},
        {"_index":"i","_id":"a","_version":1,"_seq_no":1,"_primary_term":1,"_source":{"n":1}},
        {"_index":"i","_id":"b","_version":1,"_seq_no":2,"_primary_term":1,"_source":{"n":2}}]}}"#;
    let (cluster, player) = against(vec![Answer::ok(ROOT_8), Answer::ok("{}"), Answer::ok(page), Answer::ok("{}")]).await;
    let found = cluster.scan("i", Some("a"), 1).await.unwrap();
    assert_eq!(found.iter().map(|document| (document.id.as_str(), &document.source[..])).collect::<Vec<_>>(), [("b", &b"{\"n\":2}"[..])]);
    assert_eq!(player.seen().last().unwrap().line, "DELETE /_search/scroll");
}

#[tokio::test]
async fn a_cluster_says_who_it_is() {
    let os = r#"{"cluster_name":"c","version":{"distribution":"opensearch","number":"2.19.1"},"tagline":"The OpenSearch Project: https://opensearch.org/"}"#;
    let (cluster, _player) = against(vec![Answer::ok(ROOT_8), Answer::ok(os), Answer::status(503, "starting")]).await;
    let identity = cluster.identify().await.unwrap();
    assert_eq!((identity.product, identity.version.as_str(), identity.cluster_name.as_deref()), ("elasticsearch", "8.19.3", Some("prod")));
    assert_eq!(cluster.identify().await.unwrap().product, "opensearch");
    assert_eq!(cluster.identify().await.unwrap_err().reason_text(), "the cluster answered with status [503]: starting");
}
