//! The documents of an index in the order of their ids.
//!
//! Searches see what was refreshed, so a scan refreshes first. Where the engine sorts by `_id` a page is one search; where it
//! does not, everything is read once in the engine's own order and the page is kept aside, which is dear and bounded by the
//! size of the index.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;
use watchbell_json::{Json, json};
use watchbell_store::{Document, StoreError};

use crate::cluster::RemoteCluster;
use crate::documents::unreadable;
use crate::encode::segment;
use crate::errors::{failure_of, store_error};
use crate::search::no_answer;
use crate::transport::{Answer, Body, Call};
use crate::wire::Page;

/// Hits of one page; the engines give 10,000 at most, and a page must fit the answer limit.
const PAGE_HITS: usize = 1_000;

/// How long the engine keeps a scroll between two pages.
const SCROLL_KEPT: &str = "1m";

pub(crate) async fn scan(cluster: &RemoteCluster, index: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document>, StoreError> {
    let sorts = cluster.dialect().await.map_err(no_answer)?.sorts_by_id();
    match refresh(cluster, index).await {
        Err(StoreError::NoIndex(_)) => return Ok(Vec::new()),
        other => other?,
    }
    let scanned = if sorts { sorted(cluster, index, after, limit).await } else { collected(cluster, index, after, limit).await };
    match scanned {
        Err(StoreError::NoIndex(_)) => Ok(Vec::new()),
        other => other,
    }
}

async fn refresh(cluster: &RemoteCluster, index: &str) -> Result<(), StoreError> {
    checked(cluster, Call::read(Method::POST, format!("/{}/_refresh", segment(index)), Body::None)).await.map(drop)
}

async fn sorted(cluster: &RemoteCluster, index: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document>, StoreError> {
    let mut found: Vec<Document> = Vec::new();
    let path = format!("/{}/_search", segment(index));
    while found.len() < limit {
        let wanted = (limit - found.len()).min(PAGE_HITS);
        let mut body = json!({"sort": [{"_id": "asc"}], "version": true, "seq_no_primary_term": true}).with("size", wanted);
        if let Some(after) = found.last().map(|document| document.id.as_str()).or(after) {
            body.set("search_after", vec![after]);
        }
        let answer = checked(cluster, Call::read(Method::POST, path.as_str(), json_body(&body))).await?;
        let page: Page<'_> = serde_json::from_slice(&answer.body).map_err(|error| unreadable(&error))?;
        let hits = page.hits.hits.len();
        found.extend(page.hits.hits.into_iter().filter_map(crate::wire::Shown::into_document));
        if hits < wanted {
            break;
        }
    }
    Ok(found)
}

async fn collected(cluster: &RemoteCluster, index: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document>, StoreError> {
    let mut kept: BTreeMap<String, Document> = BTreeMap::new();
    let body = json!({"sort": ["_doc"], "version": true, "seq_no_primary_term": true}).with("size", PAGE_HITS);
    let mut call = Call::read(Method::POST, format!("/{}/_search?scroll={SCROLL_KEPT}", segment(index)), json_body(&body));
    loop {
        let answer = checked(cluster, call).await?;
        let page: Page<'_> = serde_json::from_slice(&answer.body).map_err(|error| unreadable(&error))?;
        let (hits, scroll_id) = (page.hits.hits.len(), page.scroll_id);
        for document in page.hits.hits.into_iter().filter_map(crate::wire::Shown::into_document) {
            if after.is_none_or(|after| document.id.as_str() > after) {
                kept.insert(document.id.clone(), document);
            }
            if kept.len() > limit {
                kept.pop_last();
            }
        }
        let Some(scroll_id) = scroll_id else { break };
        if hits < PAGE_HITS {
            let close = Call::read(Method::DELETE, "/_search/scroll", json_body(&Json::object().with("scroll_id", vec![scroll_id])));
            // it ends by itself a minute later
            drop(cluster.call(close).await);
            break;
        }
        let next = Json::object().with("scroll", SCROLL_KEPT).with("scroll_id", scroll_id);
        // a page that was lost must not be skipped: the scroll has moved on
        call = Call::write(Method::POST, "/_search/scroll", json_body(&next));
    }
    Ok(kept.into_values().collect())
}

async fn checked(cluster: &RemoteCluster, call: Call) -> Result<Answer, StoreError> {
    let answer = cluster.call(call).await.map_err(no_answer)?;
    if answer.is_success() {
        return Ok(answer);
    }
    Err(store_error(answer.status, failure_of(answer.status, &answer.body)))
}

fn json_body(body: &Json) -> Body {
    Body::Json(Bytes::from(body.to_string()))
}
