//! Many writes in one call, each on its own.

use bytes::Bytes;
use http::Method;
use watchbell_json::Json;
use watchbell_store::{Expect, Refresh, VersionCheck, WriteError, WriteOp, Written};

use crate::cluster::RemoteCluster;
use crate::documents::{Item, lost, not_written, one_line};
use crate::errors::{exception, failure_of, is_conflict, write_error};
use crate::transport::{Body, Call};
use crate::wire::Acknowledged;

/// A call is closed at this size; the engines recommend 5 to 15 MB.
const CALL_BYTES_MAX: usize = 5 * 1024 * 1024;

/// A call is closed at so many items.
const CALL_ITEMS_MAX: usize = 1_000;

pub(crate) async fn write_each(cluster: &RemoteCluster, items: Vec<Item>, refresh: Refresh) -> Vec<Result<Written, WriteError>> {
    let mut results = Vec::with_capacity(items.len());
    let mut rest = items.as_slice();
    while !rest.is_empty() {
        let (batch, lines) = match next_batch(cluster, rest).await {
            Ok(batch) => batch,
            Err(error) => {
                results.extend(rest.iter().map(|_| Err(error.clone())));
                return results;
            }
        };
        let (now, later) = rest.split_at(batch);
        results.extend(write_batch(cluster, now, lines, refresh).await);
        rest = later;
    }
    results
}

/// How many of the items go next, and their lines.
async fn next_batch(cluster: &RemoteCluster, items: &[Item]) -> Result<(usize, Vec<u8>), WriteError> {
    let mut lines = Vec::new();
    for (at, item) in items.iter().enumerate().take(CALL_ITEMS_MAX) {
        if at > 0 && lines.len() >= CALL_BYTES_MAX {
            return Ok((at, lines));
        }
        let kind = cluster.type_of(&item.write.index).await.map_err(not_written)?;
        push_lines(item, kind.as_deref(), &mut lines);
    }
    Ok((items.len().min(CALL_ITEMS_MAX), lines))
}

/// An item that must not be sent is left out of the lines; `write_batch` leaves it out of the reading too.
fn push_lines(item: &Item, kind: Option<&str>, lines: &mut Vec<u8>) {
    if item.check().is_err() {
        return;
    }
    let write = &item.write;
    let mut head = Json::object().with("_index", write.index.as_str()).with("_id", write.id.as_str());
    if let Some(kind) = kind {
        head.set("_type", kind);
    }
    if let Expect::Revision(revision) = write.expect {
        head.set("if_seq_no", revision.seq_no);
        head.set("if_primary_term", revision.primary_term);
    }
    if let Some(check) = item.version {
        let (version, kind) = match check {
            VersionCheck::External(version) => (version, "external"),
            VersionCheck::ExternalGte(version) => (version, "external_gte"),
        };
        head.set("version", version);
        head.set("version_type", kind);
    }
    if let Some(routing) = &item.routing {
        head.set("routing", routing.as_str());
    }
    let action = match (&write.op, write.expect) {
        (WriteOp::Delete, _) => "delete",
        (WriteOp::Put(_), Expect::Absent) => "create",
        (WriteOp::Put(_), Expect::Anything | Expect::Revision(_)) => "index",
    };
    lines.extend_from_slice(Json::object().with(action, head).to_string().as_bytes());
    lines.push(b'\n');
    if let WriteOp::Put(source) = &write.op {
        lines.extend_from_slice(&one_line(source));
        lines.push(b'\n');
    }
}

async fn write_batch(cluster: &RemoteCluster, items: &[Item], lines: Vec<u8>, refresh: Refresh) -> Vec<Result<Written, WriteError>> {
    let path = match refresh {
        Refresh::No => "/_bulk",
        Refresh::Now => "/_bulk?refresh=true",
        Refresh::WaitFor => "/_bulk?refresh=wait_for",
    };
    let sent = items.iter().filter(|item| item.check().is_ok()).count();
    let answers = if sent == 0 { Ok(Vec::new()) } else { answers(cluster, path, lines, sent).await };
    let mut answers = match answers {
        Ok(answers) => answers.into_iter(),
        Err(error) => return items.iter().map(|item| item.check().and_then(|()| Err(error.clone()))).collect(),
    };
    let mut results = Vec::with_capacity(items.len());
    for item in items {
        results.push(match item.check() {
            Err(refused) => Err(refused),
            Ok(()) => read_item(cluster, item, answers.next().unwrap_or_default()).await,
        });
    }
    results
}

/// The items of the answer, as many as were sent.
async fn answers(cluster: &RemoteCluster, path: &str, lines: Vec<u8>, sent: usize) -> Result<Vec<Json>, WriteError> {
    let answer = cluster.call(Call::write(Method::POST, path, Body::Ndjson(Bytes::from(lines)))).await.map_err(lost)?;
    if !answer.is_success() {
        return Err(write_error(answer.status, failure_of(answer.status, &answer.body), "_bulk"));
    }
    let parsed = Json::parse(&answer.body).ok();
    let items = parsed.as_ref().and_then(|answer| answer.get("items")).and_then(Json::as_list).unwrap_or_default();
    if items.len() != sent {
        return Err(WriteError::Unknown(format!("the cluster answered [{}] items to [{sent}]", items.len())));
    }
    Ok(items.iter().map(|item| item.as_map().and_then(|members| members.values().next()).cloned().unwrap_or_default()).collect())
}

async fn read_item(cluster: &RemoteCluster, item: &Item, answer: Json) -> Result<Written, WriteError> {
    if let Some(error) = answer.get("error") {
        let status = answer.get("status").and_then(Json::as_i64).and_then(|status| u16::try_from(status).ok()).unwrap_or(500);
        let failure = exception(error, 0);
        if is_conflict(status, &failure) {
            return Err(cluster.conflict(&item.write).await);
        }
        return Err(write_error(status, failure, &item.write.index));
    }
    serde_json::from_str::<Acknowledged>(&answer.to_string())
        .ok()
        .and_then(Acknowledged::into_written)
        .ok_or_else(|| WriteError::Unknown("an item of the cluster's answer is not understood".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_store::{Revision, Write};

    #[test]
    fn lines_of_every_kind() {
        let revision = Expect::Revision(Revision { seq_no: 5, primary_term: 2 });
        let mut lines = Vec::new();
        for (write, kind) in [
            (Write::put("l", "1", Expect::Anything, "{\n}"), None),
            (Write::put("l", "2", Expect::Absent, "{}"), Some("doc")),
            (Write::put("l", "3", revision, "{}"), None),
            (Write::delete("l", "4", Expect::Anything), None),
            (Write::delete("l", "5", Expect::Absent), None),
        ] {
            push_lines(&write.into(), kind, &mut lines);
        }
        assert_eq!(
            String::from_utf8(lines).unwrap(),
            "{\"index\":{\"_index\":\"l\",\"_id\":\"1\"}}\n{ }\n\
             {\"create\":{\"_index\":\"l\",\"_id\":\"2\",\"_type\":\"doc\"}}\n{}\n\
             {\"index\":{\"_index\":\"l\",\"_id\":\"3\",\"if_seq_no\":5,\"if_primary_term\":2}}\n{}\n\
             {\"delete\":{\"_index\":\"l\",\"_id\":\"4\"}}\n"
        );
    }
}
