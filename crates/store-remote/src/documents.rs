//! Single documents: realtime reads, compare-and-set writes, and what an index action needs.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::Method;
use watchbell_json::{Failure, Json};
use watchbell_store::{Document, DocumentStore, DocumentWrite, Expect, IndexTarget, Refresh, StoreError, VersionCheck, Write, WriteError, WriteOp, Written};

use crate::bulk;
use crate::cluster::{RemoteCluster, without_stage};
use crate::encode::segment;
use crate::errors::{failure_of, is_conflict, store_error, write_error};
use crate::scan;
use crate::search::no_answer;
use crate::transport::{Answer, Body, Call, CallError};
use crate::wire::{Acknowledged, Shown};

/// Indices of an Elasticsearch 6 whose mapping type is remembered; more are asked for again.
const TYPES_MAX: usize = 1_000;

/// The mapping types of an Elasticsearch 6's indices, which paths must name.
#[derive(Debug, Default)]
pub(crate) struct IndexTypes(Mutex<HashMap<String, String>>);

impl IndexTypes {
    fn get(&self, index: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(index).cloned()
    }

    fn put(&self, index: &str, kind: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= TYPES_MAX {
            known.clear();
        }
        known.insert(index.to_owned(), kind.to_owned());
    }

    fn forget(&self, index: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(index);
    }
}

/// A write with everything that the engines' API lets one say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) write: Write,
    pub(crate) version: Option<VersionCheck>,
    pub(crate) routing: Option<String>,
}

impl From<Write> for Item {
    fn from(write: Write) -> Item {
        Item { write, version: None, routing: None }
    }
}

impl Item {
    /// What no engine can promise is refused before anything is sent.
    pub(crate) fn check(&self) -> Result<(), WriteError> {
        if self.write.id.is_empty() {
            // as a path it would mean another call
            return Err(WriteError::Refused(Failure::illegal_argument("if _id is specified it must not be empty")));
        }
        match (&self.write.op, self.write.expect) {
            (WriteOp::Delete, Expect::Absent) => Err(WriteError::Refused(Failure::illegal_argument("a delete cannot expect that there is no document"))),
            _ => Ok(()),
        }
    }
}

#[async_trait::async_trait]
impl DocumentStore for RemoteCluster {
    async fn get(&self, index: &str, id: &str) -> Result<Option<Document>, StoreError> {
        let kind = self.type_of(index).await.map_err(no_answer)?;
        let path = format!("/{}/{}/{}", segment(index), segment(kind.as_deref().unwrap_or("_doc")), segment(id));
        let answer = self.call(Call::read(Method::GET, path, Body::None)).await.map_err(no_answer)?;
        match answer.status {
            200 => {
                let shown: Shown<'_> = serde_json::from_slice(&answer.body).map_err(|error| unreadable(&error))?;
                Ok(shown.into_document())
            }
            404 if serde_json::from_slice::<Shown<'_>>(&answer.body).is_ok() => Ok(None),
            status => match store_error(status, failure_of(status, &answer.body)) {
                StoreError::NoIndex(_) => Ok(None),
                other => Err(other),
            },
        }
    }

    async fn write(&self, write: Write) -> Result<Written, WriteError> {
        self.write_item(write.into(), Refresh::No).await
    }

    async fn sequence(&self, writes: Vec<Write>) -> Vec<Result<Written, WriteError>> {
        let mut results = Vec::with_capacity(writes.len());
        let mut stopped = false;
        for write in writes {
            let result = if stopped { Err(WriteError::NotTried) } else { self.write(write).await };
            stopped |= result.is_err();
            results.push(result);
        }
        results
    }

    async fn bulk(&self, writes: Vec<Write>) -> Vec<Result<Written, WriteError>> {
        bulk::write_each(self, writes.into_iter().map(Item::from).collect(), Refresh::No).await
    }

    async fn scan(&self, index: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document>, StoreError> {
        scan::scan(self, index, after, limit).await
    }
}

#[async_trait::async_trait]
impl IndexTarget for RemoteCluster {
    async fn index_documents(&self, writes: Vec<DocumentWrite>, refresh: Refresh) -> Vec<Result<Written, WriteError>> {
        if writes.iter().any(|write| write.require_existing) {
            let refused = WriteError::Refused(Failure::illegal_argument("a remote cluster decides by itself whether an index is made"));
            return writes.iter().map(|_| Err(refused.clone())).collect();
        }
        let mut items: Vec<Item> = writes.into_iter().map(|write| Item { write: write.write, version: write.version, routing: write.routing }).collect();
        match (items.pop(), items.is_empty()) {
            (Some(only), true) => vec![self.write_item(only, refresh).await],
            (Some(last), false) => {
                items.push(last);
                bulk::write_each(self, items, refresh).await
            }
            (None, _) => Vec::new(),
        }
    }
}

impl RemoteCluster {
    /// The mapping type that paths to this index must name; `None` where there are none any more.
    pub(crate) async fn type_of(&self, index: &str) -> Result<Option<String>, CallError> {
        let dialect = self.dialect().await?;
        if !dialect.typed() {
            return Ok(None);
        }
        if let Some(kind) = self.types.get(index) {
            return Ok(Some(kind));
        }
        let answer = self.call(Call::read(Method::GET, format!("/{}/_mapping", segment(index)), Body::None)).await?;
        match Json::parse(&answer.body).ok().filter(|_| answer.is_success()).as_ref().and_then(mapped_type) {
            Some(kind) => {
                self.types.put(index, &kind);
                Ok(Some(kind))
            }
            // no such index yet, nothing mapped, or not for us to see
            None => Ok(Some(dialect.default_type().to_owned())),
        }
    }

    async fn write_item(&self, item: Item, refresh: Refresh) -> Result<Written, WriteError> {
        item.check()?;
        let first = self.write_once(&item, refresh).await;
        // the index may have been made anew with another type since we looked
        match &first {
            Err(WriteError::Refused(failure)) if failure.reason_text().contains("more than 1 type") && self.types.get(&item.write.index).is_some() => {
                self.types.forget(&item.write.index);
                self.write_once(&item, refresh).await
            }
            _ => first,
        }
    }

    async fn write_once(&self, item: &Item, refresh: Refresh) -> Result<Written, WriteError> {
        let kind = self.type_of(&item.write.index).await.map_err(not_written)?;
        let answer = self.call(write_call(item, kind.as_deref().unwrap_or("_doc"), refresh)).await.map_err(lost)?;
        if let Some(written) = acknowledged(&answer) {
            return Ok(written);
        }
        if answer.is_success() {
            return Err(WriteError::Unknown(format!("the cluster acknowledged with status [{}] in a form that is not known", answer.status)));
        }
        let failure = failure_of(answer.status, &answer.body);
        if is_conflict(answer.status, &failure) {
            return Err(self.conflict(&item.write).await);
        }
        Err(write_error(answer.status, failure, &item.write.index))
    }

    /// What stands where a write expected something else. Nothing was written; that much is certain also when this read fails.
    pub(crate) async fn conflict(&self, write: &Write) -> WriteError {
        match self.get(&write.index, &write.id).await {
            Ok(current) => WriteError::Conflict {
                current: current.as_ref().map(|document| document.revision),
                current_version: current.as_ref().map(|document| document.version),
            },
            Err(error) => WriteError::Unavailable(format!("version conflict, and what stands there could not be read: {error}")),
        }
    }
}

fn write_call(item: &Item, kind: &str, refresh: Refresh) -> Call {
    let mut query: Vec<String> = Vec::new();
    match item.write.expect {
        Expect::Anything => {}
        Expect::Absent => query.push("op_type=create".into()),
        Expect::Revision(revision) => {
            query.push(format!("if_seq_no={}", revision.seq_no));
            query.push(format!("if_primary_term={}", revision.primary_term));
        }
    }
    match item.version {
        None => {}
        Some(VersionCheck::External(version)) => query.push(format!("version={version}&version_type=external")),
        Some(VersionCheck::ExternalGte(version)) => query.push(format!("version={version}&version_type=external_gte")),
    }
    if let Some(routing) = &item.routing {
        query.push(format!("routing={}", segment(routing)));
    }
    match refresh {
        Refresh::No => {}
        Refresh::Now => query.push("refresh=true".into()),
        Refresh::WaitFor => query.push("refresh=wait_for".into()),
    }
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let path = format!("/{}/{}/{}{query}", segment(&item.write.index), segment(kind), segment(&item.write.id));
    match &item.write.op {
        WriteOp::Put(source) => Call::write(Method::PUT, path, Body::Json(source.clone())),
        WriteOp::Delete => Call::write(Method::DELETE, path, Body::None),
    }
}

/// A delete that found nothing answers 404 with an ordinary body.
fn acknowledged(answer: &Answer) -> Option<Written> {
    if !answer.is_success() && answer.status != 404 {
        return None;
    }
    serde_json::from_slice::<Acknowledged>(&answer.body).ok().and_then(Acknowledged::into_written)
}

/// The only type of an index, or the first of a name with several indices.
fn mapped_type(mappings: &Json) -> Option<String> {
    let index = mappings.as_map()?.values().next()?;
    let kinds = index.get("mappings")?.as_map()?;
    kinds.keys().find(|kind| *kind != "_default_").map(ToOwned::to_owned)
}

/// A call before the write itself failed.
pub(crate) fn not_written(error: CallError) -> WriteError {
    WriteError::Unavailable(without_stage(error).to_string())
}

/// The write itself was not answered.
pub(crate) fn lost(error: CallError) -> WriteError {
    match error {
        CallError::NotSent(failure) => WriteError::Unavailable(failure.to_string()),
        CallError::Sent(failure) | CallError::TooLarge(failure) => WriteError::Unknown(failure.to_string()),
    }
}

pub(crate) fn unreadable(error: &serde_json::Error) -> StoreError {
    StoreError::Unavailable(Failure::new("exception", format!("the cluster's answer is not understood: {error}")))
}

/// One line of JSON: a line break outside of strings is white space, and inside there can be none.
pub(crate) fn one_line(source: &Bytes) -> Bytes {
    if !source.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return source.clone();
    }
    source.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;
    use watchbell_store::Revision;

    #[test]
    fn writes_say_what_they_expect() {
        let revision = Expect::Revision(Revision { seq_no: 5, primary_term: 2 });
        for (write, refresh, expected) in [
            (Write::put("logs", "1", Expect::Anything, "{}"), Refresh::No, "/logs/_doc/1"),
            (Write::put("<l-{now/d}>", "a/b", Expect::Absent, "{}"), Refresh::WaitFor, "/%3Cl-%7Bnow%2Fd%7D%3E/_doc/a%2Fb?op_type=create&refresh=wait_for"),
            (Write::put("l", "1", revision, "{}"), Refresh::Now, "/l/_doc/1?if_seq_no=5&if_primary_term=2&refresh=true"),
            (Write::delete("l", "1", revision), Refresh::No, "/l/_doc/1?if_seq_no=5&if_primary_term=2"),
        ] {
            assert_eq!(write_call(&write.into(), "_doc", refresh).path, expected);
        }
        let item = Item { routing: Some("a b".into()), version: Some(VersionCheck::External(7)), ..Write::put("l", "1", Expect::Anything, "{}").into() };
        assert_eq!(write_call(&item, "doc", Refresh::No).path, "/l/doc/1?version=7&version_type=external&routing=a%20b");
    }

    #[test]
    fn the_type_of_an_old_index() {
        assert_eq!(mapped_type(&json!({"logs": {"mappings": {"_default_": {}, "doc": {"properties": {}}}}})), Some("doc".into()));
        assert_eq!(mapped_type(&json!({"logs": {"mappings": {}}})), None);
        assert_eq!(mapped_type(&json!({})), None);
    }

    #[test]
    fn sources_fit_one_line() {
        assert_eq!(one_line(&Bytes::from_static(b"{\r\n \"a\": \"\\n\"\n}")), "{   \"a\": \"\\n\" }");
    }
}
