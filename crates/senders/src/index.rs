//! The index channel: one document into a data cluster (spec watcher-parts §7.3).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use watchbell_json::{Failure, Json};
use watchbell_outbox::{Attempt, IndexRequest, Outcome};
use watchbell_store::{DocumentWrite, Expect, IndexTarget, Refresh, Write, WriteError, WriteResult, Written};
use watchbell_time::Clock;

use crate::http::race::within;

/// Where documents may go: the default cluster and the named ones.
#[derive(Debug)]
pub struct IndexSender {
    default: Arc<dyn IndexTarget>,
    named: BTreeMap<String, Arc<dyn IndexTarget>>,
    clock: Arc<dyn Clock>,
}

impl IndexSender {
    #[must_use]
    pub fn new(default: Arc<dyn IndexTarget>, named: BTreeMap<String, Arc<dyn IndexTarget>>, clock: Arc<dyn Clock>) -> IndexSender {
        IndexSender { default, named, clock }
    }

    pub(crate) async fn deliver(&self, request: &IndexRequest, deadline: Duration) -> Attempt {
        let (target, index) = match (&request.cluster, self.named_in(&request.index)) {
            (None, Some((target, index))) => (target, index),
            (None, None) => (&self.default, request.index.as_str()),
            (Some(name), _) => match self.named.get(name) {
                Some(target) => (target, request.index.as_str()),
                None => return unknown_cluster(name),
            },
        };
        let refresh = match refresh(request.refresh.as_deref()) {
            Ok(refresh) => refresh,
            Err(failure) => return rejected(failure),
        };
        let given = u64::try_from(request.timeout_millis).ok().filter(|millis| *millis > 0).map(Duration::from_millis);
        let limit = given.map_or(deadline, |given| given.min(deadline));
        let writing = target.index_documents(vec![self.write(request, index)], refresh);
        match within(self.clock.as_ref(), limit, writing).await {
            None => timed_out(limit),
            Some(results) => match results.into_iter().next() {
                Some(result) => judge(request, result),
                None => rejected(Failure::illegal_state("the store answered without an item")),
            },
        }
    }

    /// `<cluster>:<index>`, if that cluster is configured; another colon is the index's own mistake, which its cluster names.
    fn named_in<'r>(&self, index: &'r str) -> Option<(&Arc<dyn IndexTarget>, &'r str)> {
        let (name, index) = index.split_once(':')?;
        Some((self.named.get(name)?, index))
    }

    fn write(&self, request: &IndexRequest, index: &str) -> DocumentWrite {
        let expect = if request.create || request.id_is_own { Expect::Absent } else { Expect::Anything };
        DocumentWrite {
            write: Write::put(index, request.id.as_str(), expect, Bytes::from(request.source.to_string())),
            version: None,
            routing: None,
            require_existing: false,
            now: self.clock.now(),
        }
    }
}

fn refresh(given: Option<&str>) -> Result<Refresh, Failure> {
    match given {
        None | Some("false") => Ok(Refresh::No),
        Some("true" | "") => Ok(Refresh::Now),
        Some("wait_for") => Ok(Refresh::WaitFor),
        Some(other) => Err(Failure::illegal_argument(format!("Unknown value for refresh: [{other}]."))),
    }
}

fn judge(request: &IndexRequest, result: Result<Written, WriteError>) -> Attempt {
    match result {
        Ok(written) => Attempt::delivered(Some(response(&written))),
        Err(WriteError::Conflict { current_version, .. }) if request.id_is_own => {
            Attempt::delivered(Some(shape(&request.index, &request.id, current_version.unwrap_or(1), true)))
        }
        Err(WriteError::Conflict { current_version, .. }) => {
            let current = current_version
                .map_or_else(|| "document already exists".to_owned(), |version| format!("document already exists (current version [{version}])"));
            let reason = format!("[{}]: version conflict, {current}", request.id);
            rejected(Failure::new("version_conflict_engine_exception", reason).with("index", request.index.as_str()))
        }
        Err(WriteError::NoIndex(index)) => rejected(Failure::new("index_not_found_exception", format!("no such index [{index}]")).with("index", index)),
        Err(WriteError::Refused(failure)) => rejected(failure),
        Err(WriteError::Unavailable(text)) => failed(|reason| Outcome::Retry { reason }, Failure::new("unavailable_shards_exception", text)),
        Err(WriteError::NotTried) => failed(|reason| Outcome::Retry { reason }, Failure::new("unavailable_shards_exception", "not tried")),
        Err(WriteError::Unknown(text)) => failed(|reason| Outcome::Ambiguous { reason }, Failure::new("i_o_exception", text)),
        // the enum grows: what is not known may have happened
        Err(other) => failed(|reason| Outcome::Ambiguous { reason }, Failure::new("exception", other.to_string())),
    }
}

/// The object a record shows as `response`.
fn response(written: &Written) -> Json {
    shape(&written.index, &written.id, written.version, written.result == WriteResult::Created)
}

fn shape(index: &str, id: &str, version: i64, created: bool) -> Json {
    Json::object()
        .with("created", created)
        .with("result", if created { "created" } else { "updated" })
        .with("id", id)
        .with("version", version)
        .with("index", index)
}

fn failed(outcome: impl FnOnce(String) -> Outcome, failure: Failure) -> Attempt {
    Attempt { outcome: outcome(failure.to_string()), response: None, error: Some(failure) }
}

fn rejected(failure: Failure) -> Attempt {
    failed(|reason| Outcome::Rejected { reason }, failure)
}

fn unknown_cluster(name: &str) -> Attempt {
    failed(|reason| Outcome::Misconfigured { reason }, Failure::illegal_argument(format!("no cluster [{name}] is configured")))
}

fn timed_out(limit: Duration) -> Attempt {
    let reason = format!("the write was not acknowledged within [{}ms]", limit.as_millis());
    failed(|reason| Outcome::Ambiguous { reason }, Failure::new("timeout_exception", reason))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use watchbell_json::json;
    use watchbell_store::Revision;
    use watchbell_time::{ManualClock, Timestamp};

    /// Answers every write with the same, or never.
    #[derive(Debug)]
    struct Fixed {
        result: Option<Result<Written, WriteError>>,
        seen: Mutex<Vec<(DocumentWrite, Refresh)>>,
    }

    #[async_trait::async_trait]
    impl IndexTarget for Fixed {
        async fn index_documents(&self, writes: Vec<DocumentWrite>, refresh: Refresh) -> Vec<Result<Written, WriteError>> {
            self.seen.lock().unwrap().extend(writes.into_iter().map(|write| (write, refresh)));
            match &self.result {
                Some(result) => vec![result.clone()],
                None => std::future::pending().await,
            }
        }
    }

    fn request() -> IndexRequest {
        IndexRequest {
            cluster: None,
            index: "<alerts-{now/d}>".into(),
            id: "k1".into(),
            create: false,
            id_is_own: false,
            refresh: None,
            source: json!({"a": 1.0}),
            timeout_millis: 30_000,
        }
    }

    async fn deliver(request: &IndexRequest, result: Option<Result<Written, WriteError>>) -> (Attempt, Vec<(DocumentWrite, Refresh)>) {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let target = Arc::new(Fixed { result, seen: Mutex::default() });
        let sender = IndexSender::new(target.clone(), BTreeMap::new(), Arc::new(clock.clone()));
        let attempt = {
            let delivering = std::pin::pin!(sender.deliver(request, Duration::from_secs(60)));
            let waiting = async { clock.advance(Duration::from_secs(30)) };
            futures_util::future::join(delivering, waiting).await.0
        };
        let seen = target.seen.lock().unwrap().clone();
        (attempt, seen)
    }

    fn written(result: WriteResult, version: i64) -> Written {
        Written { index: "alerts-2026.11.24".into(), id: "k1".into(), revision: Revision { seq_no: 3, primary_term: 1 }, version, result }
    }

    #[tokio::test]
    async fn writes_carry_what_the_action_said() {
        let ok = Some(Ok(written(WriteResult::Created, 1)));
        for (create, own, refresh, expect, expected_refresh) in [
            (false, false, None, Expect::Anything, Refresh::No),
            (true, false, Some("false"), Expect::Absent, Refresh::No),
            (false, true, Some("wait_for"), Expect::Absent, Refresh::WaitFor),
            (false, false, Some("true"), Expect::Anything, Refresh::Now),
        ] {
            let request = IndexRequest { create, id_is_own: own, refresh: refresh.map(Into::into), ..request() };
            let (attempt, seen) = deliver(&request, ok.clone()).await;
            assert_eq!(seen[0].0.write, Write::put("<alerts-{now/d}>", "k1", expect, r#"{"a":1.0}"#));
            assert_eq!(seen[0].1, expected_refresh);
            assert_eq!(attempt.response.unwrap().to_string(), r#"{"created":true,"result":"created","id":"k1","version":1,"index":"alerts-2026.11.24"}"#);
        }
        let (attempt, seen) = deliver(&IndexRequest { refresh: Some("now".into()), ..request() }, ok).await;
        assert!(matches!(attempt.outcome, Outcome::Rejected { .. }) && seen.is_empty());
    }

    #[tokio::test]
    async fn an_index_may_name_its_cluster() {
        let target = || Arc::new(Fixed { result: Some(Ok(written(WriteResult::Created, 1))), seen: Mutex::default() });
        let (default, logs) = (target(), target());
        let named = BTreeMap::from([("logs".to_owned(), logs.clone() as Arc<dyn IndexTarget>)]);
        let sender = IndexSender::new(default.clone(), named, Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH)));
        for (cluster, index) in [(None, "logs:a"), (Some("logs"), "b"), (None, "c"), (None, "other:d")] {
            let request = IndexRequest { cluster: cluster.map(str::to_owned), index: index.into(), ..request() };
            assert_eq!(sender.deliver(&request, Duration::from_secs(60)).await.outcome, Outcome::Delivered);
        }
        let indices = |target: &Fixed| target.seen.lock().unwrap().iter().map(|(write, _)| write.write.index.clone()).collect::<Vec<_>>();
        assert_eq!(indices(&logs), ["a", "b"]);
        assert_eq!(indices(&default), ["c", "other:d"]);
    }

    #[tokio::test]
    async fn a_document_of_our_own_was_delivered_before() {
        let conflict = || Some(Err(WriteError::Conflict { current: None, current_version: Some(1) }));
        let (own, _) = deliver(&IndexRequest { id_is_own: true, ..request() }, conflict()).await;
        assert_eq!(own.outcome, Outcome::Delivered);
        assert_eq!(own.response.unwrap().to_string(), r#"{"created":true,"result":"created","id":"k1","version":1,"index":"<alerts-{now/d}>"}"#);
        let (foreign, _) = deliver(&IndexRequest { create: true, ..request() }, conflict()).await;
        assert!(matches!(foreign.outcome, Outcome::Rejected { .. }));
        assert_eq!(foreign.error.unwrap().reason_text(), "[k1]: version conflict, document already exists (current version [1])");
    }

    #[tokio::test]
    async fn every_error_of_a_store_has_its_outcome() {
        let of = async |error| deliver(&request(), Some(Err(error))).await.0.outcome;
        assert!(matches!(of(WriteError::NoIndex("i".into())).await, Outcome::Rejected { .. }));
        assert!(matches!(of(WriteError::Refused(Failure::new("mapper_parsing_exception", "r"))).await, Outcome::Rejected { .. }));
        assert!(matches!(of(WriteError::Unavailable("down".into())).await, Outcome::Retry { .. }));
        assert!(matches!(of(WriteError::Unknown("lost".into())).await, Outcome::Ambiguous { .. }));
        let (late, _) = deliver(&request(), None).await;
        assert!(matches!(late.outcome, Outcome::Ambiguous { .. }));
        assert_eq!(late.error.unwrap().kind, "timeout_exception");
        let (nowhere, seen) = deliver(&IndexRequest { cluster: Some("logs".into()), ..request() }, None).await;
        assert!(matches!(nowhere.outcome, Outcome::Misconfigured { .. }) && seen.is_empty());
    }
}
