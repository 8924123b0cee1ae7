//! The derived indices: they follow the rows, and are made again when they are missing, damaged or behind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use support::{open, put};
use watchbell_json::json;
use watchbell_store::{DocumentStore, DocumentWrite, Expect, Indices, IndicesOptions, Refresh, SearchRequest, StoreError, Write};
use watchbell_store_embedded::{EmbeddedStore, StoreSettings, StoreState};
use watchbell_time::Clock;

fn request(index: &str, body: watchbell_json::Json) -> SearchRequest {
    SearchRequest {
        indices: vec![index.to_owned()],
        options: IndicesOptions::search(),
        search_type: "query_then_fetch".to_owned(),
        body: Some(body),
        now: support::clock().now(),
        timeout: Duration::from_secs(30),
    }
}

async fn count(store: &EmbeddedStore, word: &str) -> u64 {
    store.count(&request("logs", json!({"query": {"match": {"message": word}}}))).await.unwrap().0
}

async fn fill(store: &EmbeddedStore, from: usize, to: usize) {
    let writes = (from..to).map(|n| put("logs", &format!("{n}"), &format!("{{\"message\": \"error {n}\"}}"))).collect();
    store.bulk(writes).await.into_iter().for_each(|answer| drop(answer.unwrap()));
}

fn derived_folders(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder.join("index")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn a_killed_store_searches_all_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    fill(&store, 0, 30).await;
    assert_eq!(count(&store, "error").await, 30, "the first search sees everything");
    fill(&store, 20, 50).await;
    drop(store);
    let store = open(folder.path());
    assert_eq!(count(&store, "error").await, 50);
    assert_eq!(store.health().rebuilds, 0, "it only caught up");
}

#[tokio::test]
async fn a_missing_folder_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    fill(&store, 0, 30).await;
    assert_eq!(count(&store, "error").await, 30);
    store.close().await;
    drop(store);
    derived_folders(folder.path()).iter().for_each(|path| std::fs::remove_dir_all(path).unwrap());
    let store = open(folder.path());
    assert_eq!(count(&store, "error").await, 30);
}

#[tokio::test]
async fn a_damaged_folder_is_made_again() {
    // each of tantivy's files cut short, then each overwritten
    for damage in ["cut", "overwrite", "meta"] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        fill(&store, 0, 30).await;
        assert_eq!(count(&store, "error").await, 30);
        store.close().await;
        drop(store);
        let mut damaged = 0;
        for path in derived_folders(folder.path()).iter().flat_map(|path| std::fs::read_dir(path).unwrap()).map(|entry| entry.unwrap().path()) {
            let is_meta = path.file_name().is_some_and(|name| name == "meta.json");
            let bytes = std::fs::read(&path).unwrap();
            if is_meta != (damage == "meta") || bytes.is_empty() {
                continue;
            }
            damaged += 1;
            match damage {
                "cut" => std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap(),
                _ => std::fs::write(&path, vec![0x5a; bytes.len()]).unwrap(),
            }
        }
        assert!(damaged > 0, "{damage}");
        let store = open(folder.path());
        let mut answer = store.count(&request("logs", json!({"query": {"match": {"message": "error"}}}))).await;
        for _ in 0..3 {
            // found while reading: this search is answered 503, a later one well
            if let Err(StoreError::Unavailable(_)) = &answer {
                answer = store.count(&request("logs", json!({"query": {"match": {"message": "error"}}}))).await;
            }
        }
        assert_eq!(answer.unwrap().0, 30, "{damage}");
        assert!(store.health().rebuilds > 0, "{damage}");
        assert_eq!(store.health().state, StoreState::Well);
        let found = store.search_documents(&request("logs", json!({"query": {"match": {"message": "7"}}}))).await.unwrap();
        assert_eq!(found.hits.len(), 1, "{damage}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_become_visible_with_the_refresh_of_an_index_that_is_searched() {
    let folder = tempfile::tempdir().unwrap();
    let clock = support::clock();
    let store = EmbeddedStore::open(folder.path(), Arc::new(clock.clone()), StoreSettings::with_seed(1)).unwrap();
    fill(&store, 0, 5).await;
    assert_eq!(count(&store, "error").await, 5);
    fill(&store, 5, 8).await;
    assert_eq!(count(&store, "error").await, 5, "searched a moment ago, and not refreshed since");
    // the ticker may not yet sleep when the clock is moved
    let mut seen = 5;
    for _ in 0..2_000 {
        clock.advance(Duration::from_millis(10));
        tokio::task::yield_now().await;
        seen = count(&store, "error").await;
        if seen == 8 {
            break;
        }
    }
    assert_eq!(seen, 8);
    fill(&store, 8, 9).await;
    clock.advance(Duration::from_secs(31));
    assert_eq!(count(&store, "error").await, 9, "an idle index is refreshed by its next search");
    assert!(store.health().unindexed_rows.is_empty());
}

#[tokio::test]
async fn a_write_that_asks_for_it_is_visible_when_it_returns() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for (n, refresh) in [Refresh::Now, Refresh::WaitFor, Refresh::Now].into_iter().enumerate() {
        let write = Write::put("logs", format!("{n}"), Expect::Absent, "{\"message\": \"error\"}");
        let write = DocumentWrite { write, version: None, routing: None, require_existing: false, now: support::clock().now() };
        store.write_documents(vec![write], refresh).await.pop().unwrap().unwrap();
        assert_eq!(count(&store, "error").await, n as u64 + 1);
    }
}

#[tokio::test]
async fn many_writes_are_indexed_before_anybody_asks() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for part in 0..5 {
        fill(&store, part * 1_000, (part + 1) * 1_000).await;
    }
    fill(&store, 0, 50).await;
    assert_eq!(count(&store, "error").await, 5_000);
    let twice = store.count(&request("logs", json!({"query": {"bool": {"must": [{"match": {"message": "error"}}, {"match": {"message": "17"}}]}}}))).await;
    assert_eq!(twice.unwrap().0, 1);
    store.write(Write::delete("logs", "17", Expect::Anything)).await.unwrap();
    store.refresh(&[], &IndicesOptions::search()).await.unwrap();
    assert_eq!(count(&store, "17").await, 0);
    assert_eq!(count(&store, "error").await, 4_999);
    let info = store.indices(&["logs".to_owned()], &IndicesOptions::search()).await.unwrap();
    assert_eq!(info[0].documents, 4_999);
}

#[tokio::test]
async fn state_indices_are_searched_without_a_derived_index() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for (id, team) in [("a", "ops"), ("b", "dev"), ("c", "ops")] {
        store.write(put(".watches", id, &format!("{{\"metadata\": {{\"team\": \"{team}\"}}, \"input\": {{\"x\": 1}}}}"))).await.unwrap();
    }
    let found = store.search_documents(&request(".watches", json!({"query": {"match": {"metadata.team": "ops"}}, "sort": ["_doc"]}))).await.unwrap();
    assert_eq!(found.hits.iter().map(|hit| hit.id.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    assert!(derived_folders(folder.path()).is_empty());
}

#[tokio::test]
async fn a_deleted_index_leaves_no_file_and_its_name_is_free() {
    use watchbell_store::{Indices, IndicesOptions};
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.write(put("logs-2026.11.24", "1", "{}")).await.unwrap();
    let files = || std::fs::read_dir(folder.path().join("data")).unwrap().count();
    assert!(files() > 0);
    store.delete_indices(&["logs-2026.11.24".to_owned()], &IndicesOptions::search()).await.unwrap();
    assert_eq!(files(), 0);
    let again = store.write(put("logs-2026.11.24", "1", "{}")).await.unwrap();
    assert_eq!((again.revision.seq_no, again.version), (0, 1));
}
