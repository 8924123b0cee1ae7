//! What the random bodies of the model do not reach.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::time::Duration;

use watchbell_json::{Json, json};
use watchbell_store::{CreateIndex, DocumentStore, Indices, IndicesOptions, Search, SearchRequest};
use watchbell_store_embedded::EmbeddedStore;

async fn search(store: &EmbeddedStore, body: Json) -> Json {
    let now = "2026-11-24T12:00:00Z".parse().unwrap();
    let (options, search_type) = (IndicesOptions::search(), "query_then_fetch".to_owned());
    let request = SearchRequest { indices: Vec::new(), options, search_type, body: Some(body), now, timeout: Duration::from_secs(30) };
    store.search(request).await.unwrap()
}

#[tokio::test]
async fn malformed_values_and_hits_that_cannot_be_shown() {
    let folder = tempfile::tempdir().unwrap();
    let store = support::open(folder.path());
    let mappings = json!({"properties": {"n": {"type": "long", "ignore_malformed": true}, "t": {"type": "text"}}});
    for (name, mappings) in [("a", Some(mappings)), ("b", None)] {
        store.create_index(name, CreateIndex { settings: None, mappings, aliases: None }).await.unwrap();
    }
    for (id, source) in [("1", r#"{"n": 1}"#), ("2", r#"{"n": "abc"}"#), ("3", r#"{"n": 1, "t": "x"}"#)] {
        store.write(support::put("a", id, source)).await.unwrap();
    }
    store.refresh(&["a".to_owned()], &IndicesOptions::search()).await.unwrap();

    let ignored = search(&store, json!({"query": {"exists": {"field": "_ignored"}}})).await;
    let hits = ignored.at(&["hits", "hits"]).and_then(Json::as_list).unwrap();
    let ids: Vec<_> = hits.iter().filter_map(|hit| hit.get("_id")?.as_str()).collect();
    assert_eq!(ids, ["2"]);

    // texts have no columns: their index fails, the other one answers
    let failed = search(&store, json!({"docvalue_fields": ["t"]})).await;
    assert_eq!(failed.at(&["_shards", "failed"]), Some(&Json::Int(1)));
    assert_eq!(failed.at(&["_shards", "failures"]).and_then(Json::as_list).map(<[Json]>::len), Some(1), "named once, whatever hits it had");
    assert_eq!(failed.at(&["hits", "hits"]).and_then(Json::as_list), Some(&[][..]));
}
