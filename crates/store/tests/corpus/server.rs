//! Just enough of the API to carry out the corpus's requests on the reference store.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use watchbell_json::{Failure, Json};
use watchbell_store::{
    CreateIndex, DocumentStore, DocumentWrite, Expect, Indices, IndicesOptions, MemoryStore, Refresh, SearchRequest, StoreError, Write, WriteError,
    WriteResult, Written,
};
use watchbell_time::{Clock, ManualClock, Timestamp};

pub(crate) struct Reply {
    pub(crate) status: i64,
    pub(crate) body: Json,
}

pub(crate) struct Server {
    store: MemoryStore,
    clock: ManualClock,
}

impl Server {
    pub(crate) fn new() -> Server {
        let clock = ManualClock::at("2026-11-24T12:00:00Z".parse().unwrap());
        Server { store: MemoryStore::new(Arc::new(clock.clone())), clock }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn load(&self, data: &Path, fixture: &Json) {
        let body = fixture.get("body").unwrap();
        for index in fixture.get("indices").and_then(Json::as_list).unwrap().iter().filter_map(Json::as_str) {
            self.store.create_index(index, create(body)).await.unwrap();
        }
        let lines = std::fs::read(data.join(fixture.get("file").and_then(Json::as_str).unwrap())).unwrap();
        let mut writes = Vec::new();
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let entry = Json::parse(line).unwrap();
            let parts = entry.as_list().unwrap();
            let (index, id) = (parts[0].as_str().unwrap(), parts[1].as_str().unwrap());
            writes.push(self.put(index, id, parts[2].to_string(), Expect::Anything));
        }
        for outcome in self.store.write_documents(writes, Refresh::Now).await {
            outcome.unwrap();
        }
    }

    fn put(&self, index: &str, id: &str, source: impl Into<Bytes>, expect: Expect) -> DocumentWrite {
        DocumentWrite { write: Write::put(index, id, expect, source), version: None, routing: None, require_existing: false, now: self.now() }
    }

    /// `None` for a request that is not spoken here.
    pub(crate) async fn answer(&self, request: &Json) -> Option<Reply> {
        let path = request.get("path")?.as_str()?;
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let refreshes = request.at(&["query", "refresh"]).is_some() || query.starts_with("refresh=");
        if (!query.is_empty() && query != "refresh=true")
            || request.get("query").is_some_and(|query| query.as_map().is_none_or(|m| m.len() > 1 || !m.contains_key("refresh")))
            || request.get("headers").is_some()
            || path.contains('%')
        {
            return None;
        }
        let body = match (request.get("body"), request.get("raw")) {
            (Some(body), _) => Some(Bytes::from(body.to_string())),
            (None, Some(Json::Str(raw))) => Some(Bytes::from(raw.to_string())),
            _ => None,
        };
        let parsed = match &body {
            Some(body) => Json::parse(body).map(Some),
            None => Ok(None),
        };
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let refresh = if refreshes { Refresh::Now } else { Refresh::No };
        let method = request.get("method")?.as_str()?;
        if let ("PUT" | "POST", [index, "_doc", id]) = (method, parts.as_slice()) {
            let outcomes = self.store.write_documents(vec![self.put(index, id, body?, Expect::Anything)], refresh).await;
            return Some(match outcomes.into_iter().next()? {
                Ok(written) => wrote(&written, refreshes),
                Err(WriteError::Refused(failure)) => failed(&failure),
                Err(other) => panic!("{other}"),
            });
        }
        if let ("POST" | "PUT", [.., "_bulk"]) = (method, parts.as_slice()) {
            return self.bulk(request, parts.first().filter(|_| parts.len() > 1).copied(), refresh).await;
        }
        let Ok(parsed) = parsed else { return None };
        let indices = |name: &str| vec![name.to_owned()];
        let options = IndicesOptions::search();
        Some(match (method, parts.as_slice()) {
            ("PUT", [index]) if !index.starts_with('_') => match self.store.create_index(index, create(&parsed.unwrap_or_else(Json::object))).await {
                Ok(()) => ok(Json::object().with("acknowledged", true).with("shards_acknowledged", true).with("index", *index)),
                Err(error) => store_failed(error),
            },
            ("GET", [index, "_mapping"]) => match self.store.indices(&indices(index), &options).await {
                Ok(all) => ok(all.into_iter().fold(Json::object(), |out, info| out.with(info.name, Json::object().with("mappings", info.mapping)))),
                Err(error) => store_failed(error),
            },
            ("PUT" | "POST", [index, "_mapping"]) => match self.store.put_mapping(&indices(index), &options, &parsed?).await {
                Ok(()) => ok(Json::object().with("acknowledged", true)),
                Err(error) => store_failed(error),
            },
            ("POST" | "GET", [index, "_search"]) => match self.store.search_documents(&self.request(index, parsed)).await {
                Ok(answer) => ok(answer.to_json(1)),
                Err(error) => store_failed(error),
            },
            ("POST" | "GET", [index, "_count"]) => match self.store.count(&self.request(index, parsed)).await {
                Ok((count, shards)) => {
                    let shards = Json::object().with("total", shards).with("successful", shards).with("skipped", 0).with("failed", 0);
                    ok(Json::object().with("count", count).with("_shards", shards))
                }
                Err(error) => store_failed(error),
            },
            ("GET", [index, "_doc", id]) => match self.store.get(index, id).await {
                Ok(Some(document)) => ok(Json::object()
                    .with("_index", document.index)
                    .with("_id", document.id)
                    .with("_version", document.version)
                    .with("_seq_no", document.revision.seq_no)
                    .with("_primary_term", document.revision.primary_term)
                    .with("found", true)
                    .with("_source", Json::parse(&document.source).unwrap())),
                _ => return None,
            },
            _ => return None,
        })
    }

    fn request(&self, index: &str, body: Option<Json>) -> SearchRequest {
        SearchRequest {
            indices: vec![index.to_owned()],
            options: IndicesOptions::search(),
            search_type: "query_then_fetch".to_owned(),
            body,
            now: self.now(),
            timeout: Duration::from_secs(30),
        }
    }

    async fn bulk(&self, request: &Json, default: Option<&str>, refresh: Refresh) -> Option<Reply> {
        let lines = request.get("ndjson")?.as_list()?;
        let mut writes = Vec::new();
        let mut lines = lines.iter();
        while let Some(action) = lines.next() {
            let (kind, target) = action.as_map()?.iter().next()?;
            let index = target.get("_index").and_then(Json::as_str).or(default)?;
            let id = target.get("_id").and_then(Json::as_str)?;
            match &**kind {
                "index" => writes.push(self.put(index, id, lines.next()?.to_string(), Expect::Anything)),
                "create" => writes.push(self.put(index, id, lines.next()?.to_string(), Expect::Absent)),
                _ => return None,
            }
        }
        let outcomes = self.store.write_documents(writes, refresh).await;
        outcomes.iter().all(Result::is_ok).then(|| ok(Json::object()))
    }
}

fn create(body: &Json) -> CreateIndex {
    let member = |name: &str| body.get(name).cloned();
    CreateIndex { settings: member("settings"), mappings: member("mappings"), aliases: member("aliases") }
}

fn ok(body: Json) -> Reply {
    Reply { status: 200, body }
}

fn wrote(written: &Written, forced: bool) -> Reply {
    let created = written.result == WriteResult::Created;
    let body = Json::object()
        .with("_index", &written.index)
        .with("_id", &written.id)
        .with("_version", written.version)
        .with("result", if created { "created" } else { "updated" })
        .with_some("forced_refresh", forced.then_some(true))
        .with("_shards", Json::object().with("total", 1).with("successful", 1).with("failed", 0))
        .with("_seq_no", written.revision.seq_no)
        .with("_primary_term", written.revision.primary_term);
    Reply { status: if created { 201 } else { 200 }, body }
}

fn failed(failure: &Failure) -> Reply {
    let status = match &*failure.kind {
        "index_not_found_exception" => 404,
        _ => 400,
    };
    Reply { status, body: Json::object().with("error", failure.to_json()).with("status", status) }
}

fn store_failed(error: StoreError) -> Reply {
    match error {
        StoreError::Refused(failure) => failed(&failure),
        StoreError::NoIndex(name) => failed(&watchbell_store::search::index_not_found(&name)),
        other => panic!("{other}"),
    }
}
