//! Searches: the caller's body as it is, index options in the URL, the answer with its total as an object.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use watchbell_json::{Failure, Json};
use watchbell_store::{IndicesOptions, Search, SearchRequest, StoreError};

use crate::cluster::{RemoteCluster, without_stage};
use crate::dialect::object_totals;
use crate::encode::{expressions, segment};
use crate::errors::{failure_of, store_error};
use crate::transport::{Body, Call, CallError, Transport};

/// Answers above this are parsed on a thread of their own: a megabyte takes some milliseconds, which other tasks would wait.
const PARSE_INLINE_BYTES_MAX: usize = 256 * 1024;

#[async_trait::async_trait]
impl Search for RemoteCluster {
    async fn search(&self, request: SearchRequest) -> Result<Json, StoreError> {
        let started = self.clock().elapsed();
        let hidden = request.options.expand_hidden && self.dialect().await.map_err(no_answer)?.knows_hidden();
        let left = request.timeout.saturating_sub(self.clock().elapsed().saturating_sub(started));
        let (path, body) = (path(&request, hidden), request.body.as_ref().map(ToString::to_string));
        let transport = self.transport().clone();
        let running =
            self.together.join(&path, body.as_deref().unwrap_or_default(), self.clock().elapsed(), || Box::pin(ask(transport, path.clone(), body.clone())));
        let late = || Err(StoreError::Unavailable(self.transport().too_late(request.timeout)));
        self.transport().within(left, running).await.unwrap_or_else(late)
    }
}

async fn ask(transport: Arc<Transport>, path: String, body: Option<String>) -> Result<Json, StoreError> {
    let body = body.map_or(Body::None, |body| Body::Json(Bytes::from(body)));
    let answer = transport.call(Call::read(Method::POST, path, body)).await.map_err(no_answer)?;
    if !answer.is_success() {
        return Err(store_error(answer.status, failure_of(answer.status, &answer.body)));
    }
    let answer = parse(answer.body).await?;
    // a page for signing in or a gateway may say 200 too; taken for an answer it would be a watch that never finds anything
    if answer.get("hits").and_then(Json::as_map).is_none() {
        return Err(StoreError::Unavailable(Failure::new("exception", "the cluster's answer is none to a search: it has no [hits]")));
    }
    Ok(object_totals(answer))
}

fn path(request: &SearchRequest, hidden: bool) -> String {
    let indices = expressions(&request.indices).map(|names| format!("/{names}")).unwrap_or_default();
    let options = &request.options;
    let mut path = format!(
        "{indices}/_search?search_type={}&ignore_unavailable={}&allow_no_indices={}&expand_wildcards={}",
        segment(&request.search_type),
        options.ignore_unavailable,
        options.allow_no_indices,
        expand(options, hidden),
    );
    if let Some(ignore_throttled) = options.ignore_throttled {
        path.push_str(&format!("&ignore_throttled={ignore_throttled}"));
    }
    path
}

fn expand(options: &IndicesOptions, hidden: bool) -> String {
    let names = [(options.expand_open, "open"), (options.expand_closed, "closed"), (hidden, "hidden")];
    let wanted: Vec<&str> = names.into_iter().filter(|(wanted, _)| *wanted).map(|(_, name)| name).collect();
    if wanted.is_empty() { "none".into() } else { wanted.join(",") }
}

async fn parse(body: Bytes) -> Result<Json, StoreError> {
    let parsed = if body.len() <= PARSE_INLINE_BYTES_MAX {
        Json::parse(&body)
    } else {
        match tokio::task::spawn_blocking(move || Json::parse(&body)).await {
            Ok(parsed) => parsed,
            Err(_) => return Err(StoreError::Unavailable(Failure::illegal_state("the answer could not be parsed"))),
        }
    };
    parsed.map_err(|error| StoreError::Unavailable(Failure::new("exception", format!("the cluster's answer is no JSON: {error}"))))
}

pub(crate) fn no_answer(error: CallError) -> StoreError {
    match error {
        error @ CallError::TooLarge(_) => StoreError::Refused(without_stage(error)),
        error @ (CallError::NotSent(_) | CallError::Sent(_)) => StoreError::Unavailable(without_stage(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use watchbell_time::Timestamp;

    fn request(indices: &[&str], options: IndicesOptions) -> SearchRequest {
        SearchRequest {
            indices: indices.iter().map(ToString::to_string).collect(),
            options,
            search_type: "query_then_fetch".into(),
            body: None,
            now: Timestamp::UNIX_EPOCH,
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn options_go_into_the_url() {
        let watcher = IndicesOptions::watcher();
        assert_eq!(
            path(&request(&["logs-*", "<a-{now/d}>"], watcher.clone()), false),
            "/logs-*,%3Ca-%7Bnow%2Fd%7D%3E/_search?search_type=query_then_fetch&ignore_unavailable=true&allow_no_indices=true&expand_wildcards=open"
        );
        let all = IndicesOptions { expand_closed: true, expand_hidden: true, allow_no_indices: false, ignore_throttled: Some(false), ..watcher.clone() };
        assert_eq!(
            path(&request(&[], all), true),
            "/_search?search_type=query_then_fetch&ignore_unavailable=true&allow_no_indices=false&expand_wildcards=open,closed,hidden&ignore_throttled=false"
        );
        assert_eq!(expand(&IndicesOptions { expand_open: false, ..watcher }, false), "none");
    }
}
