//! The client against real clusters, where there are any.
//!
//! `WATCHBELL_TEST_CLUSTER_<KIND>` names one each (`ELASTICSEARCH_6=http://127.0.0.1:19260`); a URL may hold a user and a
//! password, and `WATCHBELL_TEST_CLUSTER_<KIND>_CA` the path of a PEM file. Without any the tests say so and pass.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]
#![allow(clippy::disallowed_methods, reason = "the tests read their settings and the time themselves")]

use std::sync::Arc;
use std::time::Duration;

use watchbell_json::{Json, json};
use watchbell_store::contract;
use watchbell_store::{
    DocumentStore, DocumentWrite, Expect, IndexTarget, IndicesOptions, Refresh, Search, SearchRequest, StoreError, Write, WriteError, WriteResult,
};
use watchbell_store_remote::{ClusterSettings, Credentials, RemoteCluster};
use watchbell_time::{ManualClock, Timestamp};

const PREFIX: &str = "WATCHBELL_TEST_CLUSTER_";

struct Real {
    kind: String,
    cluster: RemoteCluster,
    url: String,
    ca: Option<Vec<u8>>,
    /// Indices of this run.
    prefix: String,
}

fn clusters(test: &str) -> Vec<Real> {
    let found: Vec<Real> = std::env::vars()
        .filter(|(name, _)| name.starts_with(PREFIX) && !name.ends_with("_CA"))
        .map(|(name, url)| {
            let ca = std::env::var(format!("{name}_CA")).ok().map(|path| std::fs::read(path).unwrap());
            let settings = ClusterSettings { name: name.clone(), hosts: vec![url.clone()], ca: ca.clone(), ..ClusterSettings::default() };
            let cluster = RemoteCluster::new(&settings, clock()).unwrap();
            let run = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
            Real { kind: name[PREFIX.len()..].to_lowercase(), cluster, url, ca, prefix: format!("wb-{test}-{run}") }
        })
        .collect();
    if found.is_empty() {
        eprintln!("skipped: set {PREFIX}<KIND>=<URL> to run {test} against a real cluster");
    }
    found
}

/// Nobody advances it: a call that hangs fails by the test runner's own limit.
fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH))
}

fn search(index: &str, body: Option<Json>) -> SearchRequest {
    SearchRequest {
        indices: vec![index.to_owned()],
        options: IndicesOptions::watcher(),
        search_type: "query_then_fetch".into(),
        body,
        now: Timestamp::UNIX_EPOCH,
        timeout: Duration::from_secs(60),
    }
}

fn plain(write: Write) -> DocumentWrite {
    DocumentWrite { write, version: None, routing: None, require_existing: false, now: Timestamp::UNIX_EPOCH }
}

#[tokio::test]
async fn the_cluster_says_who_it_is() {
    for real in clusters("identity") {
        let identity = real.cluster.identify().await.unwrap();
        let (product, major) = real.kind.split_once('_').unwrap();
        assert_eq!(identity.product, product, "{}", real.kind);
        assert_eq!(identity.version.split('.').next(), major.split('_').next(), "{}", real.kind);
    }
}

#[tokio::test]
async fn an_index_action_writes_and_a_search_sees_it() {
    for real in clusters("index") {
        let (kind, index) = (&real.kind, format!("{}-logs", real.prefix));
        let write = plain(Write::put(index.as_str(), "a/b 1", Expect::Absent, r#"{"message":"An error 错误","n":1.0}"#));
        let written = real.cluster.index_documents(vec![write.clone()], Refresh::Now).await.remove(0).unwrap();
        assert_eq!(
            (written.index.as_str(), written.id.as_str(), written.version, written.result),
            (index.as_str(), "a/b 1", 1, WriteResult::Created),
            "{kind}"
        );

        let conflict = real.cluster.index_documents(vec![write], Refresh::WaitFor).await.remove(0).unwrap_err();
        assert_eq!(conflict, WriteError::Conflict { current: Some(written.revision), current_version: Some(1) }, "{kind}");

        let body = json!({"query": {"match": {"message": "error"}}, "track_total_hits": true});
        let body = if kind == "elasticsearch_6" { json!({"query": {"match": {"message": "error"}}}) } else { body };
        let answer = real.cluster.search(search(&index, Some(body))).await.unwrap();
        assert_eq!(answer.at(&["hits", "total"]), Some(&json!({"value": 1, "relation": "eq"})), "{kind}");
        let hits = answer.at(&["hits", "hits"]).and_then(Json::as_list).unwrap();
        assert_eq!(hits[0].at(&["_source", "message"]), Some(&Json::from("An error 错误")), "{kind}");
    }
}

#[tokio::test]
async fn names_with_date_math_reach_the_cluster() {
    for real in clusters("math") {
        let name = format!("<{}-{{now/d{{yyyy}}}}>", real.prefix);
        let written = real.cluster.index_documents(vec![plain(Write::put(name.as_str(), "1", Expect::Absent, "{}"))], Refresh::Now).await.remove(0).unwrap();
        assert!(written.index.starts_with(&real.prefix) && written.index.ends_with(|c: char| c.is_ascii_digit()), "{}", written.index);
        let answer = real.cluster.search(search(&name, None)).await.unwrap();
        assert_eq!(answer.at(&["hits", "total", "value"]), Some(&Json::Int(1)), "{}", real.kind);
    }
}

#[tokio::test]
async fn missing_indices_and_bad_queries() {
    for real in clusters("bad") {
        let missing = format!("{}-none", real.prefix);
        let empty = real.cluster.search(search(&missing, None)).await.unwrap();
        assert_eq!(empty.at(&["hits", "total", "value"]), Some(&Json::Int(0)), "{}", real.kind);
        let strict = SearchRequest { options: IndicesOptions::search(), ..search(&missing, None) };
        assert_eq!(real.cluster.search(strict).await.unwrap_err(), StoreError::NoIndex(missing), "{}", real.kind);
        let hidden = SearchRequest {
            options: IndicesOptions { expand_hidden: true, expand_closed: true, ..IndicesOptions::watcher() },
            ..search(&format!("{}*", real.prefix), None)
        };
        real.cluster.search(hidden).await.unwrap();
        let StoreError::Refused(failure) = real.cluster.search(search("*", Some(json!({"query": {"mtch": {}}})))).await.unwrap_err() else {
            panic!("{}", real.kind)
        };
        assert!(failure.to_string().contains("mtch"), "{failure}");
    }
}

/// Sequence numbers count within a shard, and a 6 makes five of them by default; whoever keeps state in it makes one.
async fn one_shard(real: &Real) {
    let body = format!(r#"{{"index_patterns":["{}*"],"settings":{{"number_of_shards":1}}}}"#, real.prefix);
    let template = reqwest::Client::builder().no_proxy().build().unwrap().put(format!("{}/_template/{}", real.url, real.prefix));
    assert_eq!(template.header("content-type", "application/json").body(body).send().await.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn the_document_contract_is_kept() {
    for real in clusters("contract") {
        if real.kind == "elasticsearch_6" {
            one_shard(&real).await;
        }
        assert_eq!(contract::document_store(&real.cluster, &real.prefix).await, Ok(()), "{}", real.kind);
    }
}

#[tokio::test]
async fn compare_and_set() {
    for real in clusters("cas") {
        let (kind, index) = (&real.kind, format!("{}-state", real.prefix));
        let source = "{ \"a\" : 1.0,\n \"b\" : [ ] }";
        assert_eq!(real.cluster.get(&index, "1").await.unwrap(), None, "{kind}: a missing index is a missing document");
        let created = real.cluster.write(Write::put(index.as_str(), "1", Expect::Absent, source)).await.unwrap();
        let read = real.cluster.get(&index, "1").await.unwrap().unwrap();
        assert_eq!((read.revision, read.version), (created.revision, 1), "{kind}");
        assert_eq!(String::from_utf8_lossy(&read.source), source, "{kind}: byte for byte");
        let updated = real.cluster.write(Write::put(index.as_str(), "1", Expect::Revision(created.revision), "{}")).await.unwrap();
        assert_eq!(updated.result, WriteResult::Updated, "{kind}");
        assert!(updated.revision > created.revision, "{kind}");
        let stale = real.cluster.write(Write::put(index.as_str(), "1", Expect::Revision(created.revision), "{}")).await.unwrap_err();
        assert_eq!(stale, WriteError::Conflict { current: Some(updated.revision), current_version: Some(2) }, "{kind}");
        let stale = real.cluster.write(Write::delete(index.as_str(), "1", Expect::Revision(created.revision))).await.unwrap_err();
        assert!(matches!(stale, WriteError::Conflict { .. }), "{kind}");
        assert_eq!(
            real.cluster.write(Write::delete(index.as_str(), "1", Expect::Revision(updated.revision))).await.unwrap().result,
            WriteResult::Deleted,
            "{kind}"
        );
        assert_eq!(real.cluster.write(Write::delete(index.as_str(), "1", Expect::Anything)).await.unwrap().result, WriteResult::NotFound, "{kind}");
        assert_eq!(real.cluster.get(&index, "1").await.unwrap(), None, "{kind}");
    }
}

#[tokio::test]
async fn sequences_stop_and_bulks_go_on() {
    for real in clusters("bulk") {
        let (kind, index) = (&real.kind, format!("{}-many", real.prefix));
        let put = |id: &str, expect| Write::put(index.as_str(), id, expect, "{\n\"n\": 1}");
        let results = real.cluster.sequence(vec![put("1", Expect::Absent), put("1", Expect::Absent), put("2", Expect::Absent)]).await;
        assert!(results[0].is_ok() && matches!(results[1], Err(WriteError::Conflict { .. })), "{kind} {results:?}");
        assert_eq!(results[2], Err(WriteError::NotTried), "{kind}");
        let results = real
            .cluster
            .bulk(vec![
                put("1", Expect::Absent),
                put("2", Expect::Absent),
                Write::put(index.as_str(), "3", Expect::Anything, "{\"n\":\"x\"}"),
                Write::delete(index.as_str(), "2", Expect::Anything),
            ])
            .await;
        assert!(matches!(results[0], Err(WriteError::Conflict { current: Some(_), current_version: Some(1) })), "{kind} {results:?}");
        assert_eq!(results[1].as_ref().unwrap().result, WriteResult::Created, "{kind}");
        assert!(matches!(&results[2], Err(WriteError::Refused(failure)) if failure.kind.ends_with("_parsing_exception")), "{kind} {results:?}");
        assert_eq!(results[3].as_ref().unwrap().result, WriteResult::Deleted, "{kind}");
    }
}

#[tokio::test]
async fn a_scan_goes_in_the_order_of_ids_and_sees_every_write() {
    for real in clusters("scan") {
        let (kind, index) = (&real.kind, format!("{}-scan", real.prefix));
        assert_eq!(real.cluster.scan(&index, None, 10).await.unwrap(), [], "{kind}: a missing index is empty");
        let writes = ["c", "a", "B", "错", "b"].map(|id| Write::put(index.as_str(), id, Expect::Absent, format!("{{\"id\":\"{id}\"}}")));
        assert!(real.cluster.bulk(writes.to_vec()).await.iter().all(Result::is_ok), "{kind}");
        let ids = |documents: Vec<watchbell_store::Document>| documents.into_iter().map(|document| document.id).collect::<Vec<_>>();
        assert_eq!(ids(real.cluster.scan(&index, None, 10).await.unwrap()), ["B", "a", "b", "c", "错"], "{kind}");
        let page = real.cluster.scan(&index, Some("a"), 2).await.unwrap();
        let single = real.cluster.get(&index, "b").await.unwrap().unwrap();
        assert_eq!(page[0], single, "{kind}: a scan shows what a read shows");
        assert_eq!(ids(page), ["b", "c"], "{kind}");
    }
}

#[tokio::test]
async fn an_index_of_another_type_takes_documents() {
    for real in clusters("type").into_iter().filter(|real| real.kind == "elasticsearch_6") {
        let index = format!("{}-old", real.prefix);
        let made = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .put(format!("{}/{index}/logs/1", real.url))
            .header("content-type", "application/json")
            .body("{}")
            .send()
            .await
            .unwrap();
        assert_eq!(made.status().as_u16(), 201);
        let written = real.cluster.index_documents(vec![plain(Write::put(index.as_str(), "2", Expect::Absent, "{}"))], Refresh::No).await.remove(0).unwrap();
        assert_eq!(written.result, WriteResult::Created);
        assert!(real.cluster.get(&index, "1").await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_wrong_password_and_a_stranger_s_certificate_are_told() {
    for real in clusters("secured").into_iter().filter(|real| real.ca.is_some()) {
        let host = format!("https://{}", real.url.rsplit('@').next().unwrap());
        let settings = ClusterSettings {
            name: "wrong".into(),
            hosts: vec![host.clone()],
            credentials: Credentials::basic("admin", "canary-wrong").unwrap(),
            ca: real.ca.clone(),
            insecure: false,
        };
        let cluster = RemoteCluster::new(&settings, clock()).unwrap();
        let StoreError::Refused(failure) = cluster.search(search("*", None)).await.unwrap_err() else { panic!("refused") };
        assert!(!failure.to_string().contains("canary"), "{failure}");
        let refused = cluster.write(Write::put("wb-x", "1", Expect::Anything, "{}")).await.unwrap_err();
        assert!(matches!(refused, WriteError::Refused(_)), "{refused}");

        let stranger = RemoteCluster::new(&ClusterSettings { ca: None, ..settings.clone() }, clock()).unwrap();
        let StoreError::Unavailable(failure) = stranger.search(search("*", None)).await.unwrap_err() else { panic!("unavailable") };
        assert_eq!(failure.kind, "s_s_l_handshake_exception", "{failure}");

        let reader = Credentials::basic("reader", "watchbell-reader").unwrap();
        let trusting = RemoteCluster::new(&ClusterSettings { credentials: reader, ca: None, insecure: true, ..settings }, clock()).unwrap();
        trusting.search(search("*", None)).await.unwrap();
        let refused = trusting.write(Write::put("wb-x", "1", Expect::Anything, "{}")).await.unwrap_err();
        assert!(matches!(&refused, WriteError::Refused(failure) if failure.kind == "security_exception"), "{refused}");
    }
}
