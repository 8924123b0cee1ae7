//! Query of the stored watches (spec watcher-api §10.1).

use std::time::Duration;

use watchbell_json::{Failure, Json};
use watchbell_store::{Document, IndicesOptions, Revision, SearchRequest};
use watchbell_watch::WatchId;

use crate::answers::{QueryAnswer, WatchView};
use crate::engine::{Engine, store_failure};
use crate::names::WATCHES;
use crate::stored_watch::WatchDocument;

/// How long a query over the watches may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A page may not reach further into the results than this.
const WINDOW_MAX: i64 = 10_000;

/// Members of the request that the search understands; others are ignored.
const MEMBERS: [&str; 5] = ["from", "size", "query", "sort", "search_after"];

pub(crate) async fn query(engine: &Engine, body: Option<&Json>) -> Result<QueryAnswer, Failure> {
    let Some(watches) = &engine.ports.watches else {
        return Err(Failure::illegal_state("the stored watches cannot be searched here"));
    };
    let request = SearchRequest {
        indices: vec![WATCHES.into()],
        options: IndicesOptions { expand_hidden: true, ..IndicesOptions::watcher() },
        search_type: "query_then_fetch".into(),
        body: Some(search_body(body)?),
        now: engine.ports.clock.now(),
        timeout: TIMEOUT,
    };
    let answer = watches.search(request).await.map_err(store_failure)?;
    let hits = answer.at(&["hits", "hits"]).and_then(Json::as_list).unwrap_or_default();
    let total = answer.at(&["hits", "total"]).and_then(|total| total.get("value").unwrap_or(total).as_i64()).unwrap_or(0);
    Ok(QueryAnswer { count: u64::try_from(total).unwrap_or(0), watches: hits.iter().map(hit).collect::<Result<_, _>>()? })
}

fn search_body(given: Option<&Json>) -> Result<Json, Failure> {
    let mut body = Json::object().with("track_total_hits", true).with("seq_no_primary_term", true).with("version", true);
    for name in MEMBERS {
        if let Some(value) = given.and_then(|given| given.get(name)) {
            body.set(name, value.clone());
        }
    }
    let number = |name: &str, default: i64| given.and_then(|given| given.get(name)).and_then(Json::as_i64).unwrap_or(default);
    let reach = number("from", 0).saturating_add(number("size", 10));
    if reach > WINDOW_MAX {
        return Err(Failure::illegal_argument(format!(
            "Result window is too large, from + size must be less than or equal to: [{WINDOW_MAX}] but was [{reach}]"
        )));
    }
    Ok(body)
}

/// A hit as a watch; its status shows the version that is stored.
fn hit(hit: &Json) -> Result<WatchView, Failure> {
    let number = |name: &str| hit.get(name).and_then(Json::as_i64).unwrap_or(0);
    let raw = hit.get("_id").and_then(Json::as_str).unwrap_or_default();
    let id = WatchId::parse(raw).map_err(|_| Failure::illegal_state(format!("[{raw}] is no id of a watch")))?;
    let document = Document {
        index: WATCHES.into(),
        id: raw.into(),
        revision: Revision { seq_no: number("_seq_no"), primary_term: number("_primary_term") },
        version: number("_version"),
        source: hit.get("_source").map(Json::to_string).unwrap_or_default().into(),
    };
    let stored = WatchDocument::parse(&id, &document)?.read()?;
    Ok(WatchView { id, version: document.version, revision: document.revision, status: stored.status.clone(), definition: stored.watch.redacted() })
}
