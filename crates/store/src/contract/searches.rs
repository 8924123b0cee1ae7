//! Searches and the administration they need.

use std::time::Duration;

use watchbell_json::{Json, json};
use watchbell_time::Timestamp;

use super::{Broken, promise, succeeded};
use crate::{CreateIndex, DocumentWrite, Expect, Indices, IndicesOptions, Refresh, SearchAnswer, SearchRequest, StoreError, TotalRelation, Write, WriteError};

fn now() -> Timestamp {
    Timestamp::from_second(1_795_500_000).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn request(index: &str, body: Json) -> SearchRequest {
    SearchRequest {
        indices: vec![index.to_owned()],
        options: IndicesOptions::search(),
        search_type: "query_then_fetch".to_owned(),
        body: Some(body),
        now: now(),
        timeout: Duration::from_secs(30),
    }
}

fn document(index: &str, id: &str, source: impl Into<bytes::Bytes>) -> DocumentWrite {
    DocumentWrite { write: Write::put(index, id, Expect::Anything, source), version: None, routing: None, require_existing: false, now: now() }
}

async fn fill(check: &'static str, store: &dyn Indices, index: &str, documents: &[(&str, &str)]) -> Result<(), Broken> {
    let writes = documents.iter().map(|(id, source)| document(index, id, (*source).to_owned())).collect();
    for outcome in store.write_documents(writes, Refresh::Now).await {
        succeeded(check, outcome)?;
    }
    Ok(())
}

async fn ids(check: &'static str, store: &dyn Indices, index: &str, body: Json) -> Result<Vec<String>, Broken> {
    let answer = succeeded(check, store.search_documents(&request(index, body)).await)?;
    Ok(hit_ids(&answer))
}

fn hit_ids(answer: &SearchAnswer) -> Vec<String> {
    answer.hits.iter().map(|hit| hit.id.clone()).collect()
}

pub(super) async fn refresh_makes_visible(store: &dyn Indices, index: &str) -> Result<(), Broken> {
    const CHECK: &str = "a search sees what was refreshed";
    let all = || json!({"sort": ["n"]});
    let waited = store.write_documents(vec![document(index, "1", "{\"n\":1}")], Refresh::WaitFor).await;
    promise!(CHECK, waited.iter().all(Result::is_ok), "{waited:?}");
    let seen = ids(CHECK, store, index, all()).await?;
    promise!(CHECK, seen == ["1"], "after wait_for: {seen:?}");
    fill(CHECK, store, index, &[("2", "{\"n\":2}")]).await?;
    let seen = ids(CHECK, store, index, all()).await?;
    promise!(CHECK, seen == ["1", "2"], "after refresh=true: {seen:?}");
    let unseen = store.write_documents(vec![document(index, "3", "{\"n\":3}")], Refresh::No).await;
    promise!(CHECK, unseen.iter().all(Result::is_ok), "{unseen:?}");
    let read = succeeded(CHECK, store.get_document(index, "3").await)?;
    promise!(CHECK, read.is_some(), "a read did not see the write");
    let refreshed = succeeded(CHECK, store.refresh(&[index.to_owned()], &IndicesOptions::search()).await)?;
    promise!(CHECK, refreshed == 1, "{refreshed} indices were refreshed");
    let seen = ids(CHECK, store, index, all()).await?;
    promise!(CHECK, seen == ["1", "2", "3"], "after _refresh: {seen:?}");
    succeeded(CHECK, store.write(Write::delete(index, "2", Expect::Anything)).await)?;
    succeeded(CHECK, store.refresh(&[index.to_owned()], &IndicesOptions::search()).await)?;
    let seen = ids(CHECK, store, index, all()).await?;
    promise!(CHECK, seen == ["1", "3"], "after a delete: {seen:?}");
    Ok(())
}

pub(super) async fn finds_by_type(store: &dyn Indices, index: &str) -> Result<(), Broken> {
    const CHECK: &str = "values are found by their field's type";
    let mappings = json!({"properties": {
        "at": {"type": "date"}, "level": {"type": "keyword"}, "n": {"type": "integer"}, "load": {"type": "double"},
        "ip": {"type": "ip"}, "ok": {"type": "boolean"}, "text": {"type": "text"}
    }});
    let body = CreateIndex { mappings: Some(mappings), ..CreateIndex::default() };
    succeeded(CHECK, store.create_index(index, body).await)?;
    let again = store.create_index(index, CreateIndex::default()).await;
    promise!(CHECK, matches!(&again, Err(StoreError::Refused(failure)) if failure.kind == "resource_already_exists_exception"), "{again:?}");
    fill(
        CHECK,
        store,
        index,
        &[
            ("1", r#"{"at":"2026-11-19T00:00:00Z","level":"ERROR","n":1,"load":0.5,"ip":"10.0.0.1","ok":true,"text":"Disk full on web-01"}"#),
            ("2", r#"{"at":"2026-11-19T23:59:59.999Z","level":"WARN","n":"2","load":1.5,"ip":"10.0.1.1","ok":false,"text":"disk slow 磁盘"}"#),
            ("3", r#"{"at":1795219200000,"level":["INFO","WARN"],"n":3.9,"load":-1}"#),
        ],
    )
    .await?;
    let cases = [
        (json!({"term": {"level": "WARN"}}), vec!["2", "3"]),
        (json!({"term": {"level": "warn"}}), vec![]),
        (json!({"terms": {"n": [1, "3"]}}), vec!["1", "3"]),
        (json!({"term": {"at": "2026-11-19"}}), vec!["1", "2"]),
        (json!({"range": {"at": {"gt": "2026-11-19", "lte": "2026-11-21"}}}), vec!["3"]),
        (json!({"range": {"at": {"gte": "now-20d", "lt": "2026-11-20"}}}), vec!["1", "2"]),
        (json!({"range": {"load": {"gte": -1, "lt": 1.5}}}), vec!["1", "3"]),
        (json!({"term": {"ip": "10.0.0.0/24"}}), vec!["1"]),
        (json!({"term": {"ok": "false"}}), vec!["2"]),
        (json!({"match": {"text": "DISK"}}), vec!["1", "2"]),
        (json!({"match": {"text": {"query": "disk full", "operator": "and"}}}), vec!["1"]),
        (json!({"match_phrase": {"text": "full on web"}}), vec!["1"]),
        (json!({"match_phrase": {"text": "on full"}}), vec![]),
        (json!({"match": {"text": "盘"}}), vec!["2"]),
        (json!({"exists": {"field": "text"}}), vec!["1", "2"]),
        (json!({"prefix": {"level": "ER"}}), vec!["1"]),
        (json!({"ids": {"values": ["3", "9"]}}), vec!["3"]),
        (json!({"term": {"unmapped": 1}}), vec![]),
        (json!({"bool": {"must_not": {"term": {"level": "WARN"}}}}), vec!["1"]),
        (json!({"bool": {"should": [{"term": {"n": 1}}, {"term": {"n": 2}}, {"term": {"level": "WARN"}}], "minimum_should_match": 2}}), vec!["2"]),
    ];
    for (query, expected) in cases {
        let found = ids(CHECK, store, index, json!({"sort": ["n"]}).with("query", query.clone())).await?;
        promise!(CHECK, found == expected, "{query} found {found:?} instead of {expected:?}");
    }
    let wrong = store.search_documents(&request(index, json!({"query": {"term": {"n": "abc"}}}))).await;
    promise!(CHECK, matches!(&wrong, Err(StoreError::Refused(failure)) if failure.kind == "search_phase_execution_exception"), "{wrong:?}");
    let unknown = store.search_documents(&request(index, json!({"query": {"trem": {}}}))).await;
    promise!(CHECK, matches!(&unknown, Err(StoreError::Refused(failure)) if failure.kind == "parsing_exception"), "{unknown:?}");
    Ok(())
}

pub(super) async fn sorts_and_pages(store: &dyn Indices, index: &str) -> Result<(), Broken> {
    const CHECK: &str = "hits come sorted, in pages, with their total";
    fill(CHECK, store, index, &[("a", r#"{"n":3,"k":"x"}"#), ("b", r#"{"n":[1,9],"k":"y"}"#), ("c", r#"{"k":"x"}"#), ("d", r#"{"n":2}"#)]).await?;
    let cases = [
        (json!({"sort": ["n"]}), vec!["b", "d", "a", "c"]),
        (json!({"sort": [{"n": "desc"}]}), vec!["b", "a", "d", "c"]),
        (json!({"sort": [{"n": {"order": "asc", "missing": "_first"}}]}), vec!["c", "b", "d", "a"]),
        (json!({"sort": [{"k.keyword": "desc"}, {"n": "asc"}]}), vec!["b", "a", "c", "d"]),
        (json!({"sort": ["n"], "from": 1, "size": 2}), vec!["d", "a"]),
        (json!({"sort": ["n"], "search_after": [2]}), vec!["a", "c"]),
    ];
    for (body, expected) in cases {
        let found = ids(CHECK, store, index, body.clone()).await?;
        promise!(CHECK, found == expected, "{body} found {found:?} instead of {expected:?}");
    }
    let answer = succeeded(CHECK, store.search_documents(&request(index, json!({"sort": ["n"], "size": 1}))).await)?;
    promise!(CHECK, answer.total == Some((4, TotalRelation::Exact)), "the total is {:?}", answer.total);
    promise!(CHECK, answer.hits.first().is_some_and(|hit| hit.sort == Some(vec![Json::Int(1)]) && hit.score.is_none()), "{:?}", answer.hits);
    let limited = succeeded(CHECK, store.search_documents(&request(index, json!({"size": 0, "track_total_hits": 2}))).await)?;
    promise!(CHECK, limited.total == Some((2, TotalRelation::AtLeast)), "counting to 2 gave {:?}", limited.total);
    let (count, shards) = succeeded(CHECK, store.count(&request(index, json!({"query": {"exists": {"field": "n"}}}))).await)?;
    promise!(CHECK, count == 3 && shards == 1, "counted {count} in {shards}");
    Ok(())
}

pub(super) async fn scores_rare_words_higher(store: &dyn Indices, index: &str) -> Result<(), Broken> {
    const CHECK: &str = "hits are ranked by how rare their words are and how short their texts";
    let common =
        [("1", r#"{"t":"error in the queue worker of the shop"}"#), ("2", r#"{"t":"error deadlock"}"#), ("3", r#"{"t":"error"}"#), ("4", r#"{"t":"ok"}"#)];
    fill(CHECK, store, index, &common).await?;
    let found = ids(CHECK, store, index, json!({"query": {"match": {"t": "error deadlock"}}})).await?;
    promise!(CHECK, found == ["2", "3", "1"], "{found:?}");
    let query = json!({"query": {"bool": {"should": [{"constant_score": {"filter": {"match": {"t": "ok"}}, "boost": 2}}, {"match_all": {}}]}}});
    let answer = succeeded(CHECK, store.search_documents(&request(index, query)).await)?;
    promise!(CHECK, answer.max_score == Some(3.0), "the best score is {:?}", answer.max_score);
    let first = answer.hits.first().map(|hit| (hit.id.as_str(), hit.score));
    promise!(CHECK, first == Some(("4", Some(3.0))), "{first:?}");
    Ok(())
}

pub(super) async fn keeps_sources_byte_for_byte(store: &dyn Indices, index: &str) -> Result<(), Broken> {
    const CHECK: &str = "a source comes back as it was sent";
    let source = "{\"b\" : 1.0e1 ,\n \"a\":\"\\u65e5\", \"c\": [1 ,2]}";
    fill(CHECK, store, index, &[("1", source)]).await?;
    let answer = succeeded(CHECK, store.search_documents(&request(index, json!({}))).await)?;
    let shown = answer.hits.first().and_then(|hit| hit.source.clone());
    promise!(CHECK, shown.as_deref() == Some(source.as_bytes()), "{shown:?}");
    let answer = succeeded(CHECK, store.search_documents(&request(index, json!({"_source": ["a"]}))).await)?;
    let shown = answer.hits.first().and_then(|hit| hit.source.as_ref()).and_then(|source| Json::parse(source).ok());
    promise!(CHECK, shown == Some(json!({"a": "日"})), "filtered: {shown:?}");
    let answer = succeeded(CHECK, store.search(request(index, json!({"_source": false, "version": true, "seq_no_primary_term": true}))).await)?;
    let hit = answer.at(&["hits", "hits"]).and_then(Json::as_list).and_then(<[Json]>::first).cloned().unwrap_or_default();
    promise!(CHECK, hit.get("_source").is_none() && hit.get("_version") == Some(&Json::Int(1)) && hit.get("_seq_no").is_some(), "{hit}");
    promise!(CHECK, answer.at(&["hits", "total", "value"]) == Some(&Json::Int(1)), "{answer}");
    Ok(())
}

pub(super) async fn mapping_conflicts_fail_alone(store: &dyn Indices, index: &str) -> Result<(), Broken> {
    const CHECK: &str = "a document that does not fit fails alone";
    let writes = vec![document(index, "1", r#"{"n":1}"#), document(index, "2", r#"{"n":"text"}"#), document(index, "3", r#"{"n":3,"new":"x"}"#)];
    let outcomes = store.write_documents(writes, Refresh::Now).await;
    let shape = matches!(outcomes.as_slice(), [Ok(_), Err(WriteError::Refused(failure)), Ok(_)] if failure.kind == "document_parsing_exception");
    promise!(CHECK, shape, "{outcomes:?}");
    let info = succeeded(CHECK, store.indices(&[index.to_owned()], &IndicesOptions::search()).await)?;
    let mapping = info.first().map(|info| info.mapping.clone()).unwrap_or_default();
    let expected = json!({"properties": {
        "n": {"type": "long"},
        "new": {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}
    }});
    promise!(CHECK, mapping == expected, "{mapping}");
    let changed = store.put_mapping(&[index.to_owned()], &IndicesOptions::search(), &json!({"properties": {"n": {"type": "keyword"}}})).await;
    promise!(CHECK, matches!(&changed, Err(StoreError::Refused(failure)) if failure.kind == "illegal_argument_exception"), "{changed:?}");
    Ok(())
}

pub(super) async fn missing_indices(store: &dyn Indices, index: &str) -> Result<(), Broken> {
    const CHECK: &str = "a missing index is told from a missing document";
    let read = store.get_document(index, "1").await;
    promise!(CHECK, read == Err(StoreError::NoIndex(index.to_owned())), "{read:?}");
    let searched = store.search_documents(&request(index, json!({}))).await;
    promise!(CHECK, searched == Err(StoreError::NoIndex(index.to_owned())), "{searched:?}");
    let pattern = succeeded(CHECK, store.search_documents(&request(&format!("{index}*"), json!({}))).await)?;
    promise!(CHECK, pattern.shards == 0 && pattern.hits.is_empty() && pattern.total == Some((0, TotalRelation::Exact)), "{pattern:?}");
    let write = DocumentWrite { require_existing: true, ..document(index, "1", "{}") };
    let outcomes = store.write_documents(vec![write], Refresh::No).await;
    promise!(CHECK, matches!(outcomes.as_slice(), [Err(WriteError::NoIndex(name))] if name == index), "{outcomes:?}");
    Ok(())
}

pub(super) async fn deletes_indices(store: &dyn Indices, index: &str) -> Result<(), Broken> {
    const CHECK: &str = "a deleted index is gone with its documents";
    fill(CHECK, store, index, &[("1", "{\"a\":1}")]).await?;
    let deleted = succeeded(CHECK, store.delete_indices(&[index.to_owned()], &IndicesOptions::search()).await)?;
    promise!(CHECK, deleted == [index], "{deleted:?}");
    let read = succeeded(CHECK, store.get(index, "1").await)?;
    promise!(CHECK, read.is_none(), "{read:?}");
    let written = succeeded(CHECK, store.write(Write::put(index, "1", Expect::Absent, "{\"a\":\"now a text\"}")).await)?;
    promise!(CHECK, written.version == 1, "a new index begins anew: {written:?}");
    Ok(())
}
