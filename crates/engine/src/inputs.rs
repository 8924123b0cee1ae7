//! Running a watch's input (spec watcher-parts §3). A failure is a result, which the record shows.

use std::time::Duration;

use futures_util::future::{Either, select};
use watchbell_json::{Failure, Json};
use watchbell_store::{IndicesOptions, SearchRequest};
use watchbell_watch::extract::extract;
use watchbell_watch::input::{Input, SearchIndicesOptions, SearchInput, SearchRequestTemplate};
use watchbell_watch::record::InputResult;

use crate::engine::{Engine, store_failure};
use crate::templates::Templates;

/// A search that is given up by its own deadline gets this much longer to say so.
const DEADLINE_GRACE: Duration = Duration::from_secs(1);

/// Runs the input; `model` is `{"ctx": …}` without a payload.
pub(crate) async fn run(engine: &Engine, input: &Input, model: &Json) -> InputResult {
    match input {
        Input::None => InputResult::success("none", Json::object()),
        Input::Simple(payload) => InputResult::success("simple", payload.clone()),
        Input::Search(search) => run_search(engine, search, model).await,
        #[allow(unreachable_patterns, reason = "more kinds of input are to come")]
        other => InputResult::failure(other.kind(), &Failure::illegal_state(format!("the input [{}] is not supported", other.kind()))),
    }
}

async fn run_search(engine: &Engine, search: &SearchInput, model: &Json) -> InputResult {
    let body = match rendered_body(engine.templates(), &search.request, model) {
        Ok(body) => body,
        Err(failure) => return InputResult::failure("search", &failure),
    };
    let shown = Json::object().with("request", search.request.with_body(body.clone()));
    let result = match ask(engine, search, body).await {
        Ok(answer) => InputResult::success("search", payload(search, answer)),
        Err(failure) => InputResult::failure("search", &failure),
    };
    result.with_detail(shown)
}

/// The body as it is sent: from the template if there is one, else the body as a template of itself.
fn rendered_body(templates: Templates, request: &SearchRequestTemplate, model: &Json) -> Result<Option<Json>, Failure> {
    let text = match (&request.template, &request.body) {
        (Some(template), _) => templates.search_template(template, model)?,
        (None, Some(body)) => templates.search_body(body, model)?,
        (None, None) => return Ok(None),
    };
    Json::parse(text.as_bytes()).map(Some).map_err(|error| Failure::parse(format!("could not read the rendered search body. {error}")))
}

async fn ask(engine: &Engine, search: &SearchInput, body: Option<Json>) -> Result<Json, Failure> {
    let given = search.timeout_millis.and_then(|millis| u64::try_from(millis).ok()).map(Duration::from_millis);
    let timeout = given.unwrap_or(engine.settings.search_timeout);
    let request = SearchRequest {
        indices: search.request.indices.clone(),
        options: indices_options(&search.request.options),
        search_type: search.request.search_type.clone(),
        body,
        now: engine.ports.clock.now(),
        timeout,
    };
    match select(engine.ports.search.search(request), engine.ports.clock.sleep(timeout + DEADLINE_GRACE)).await {
        Either::Left((answer, _)) => answer.map_err(store_failure),
        Either::Right(_) => Err(Failure::new("timeout_exception", "java.util.concurrent.TimeoutException: Timeout waiting for task.")),
    }
}

fn indices_options(given: &SearchIndicesOptions) -> IndicesOptions {
    let names = |name: &str| given.expand_wildcards.iter().any(|given| given == name || given == "all");
    IndicesOptions {
        ignore_unavailable: given.ignore_unavailable,
        allow_no_indices: given.allow_no_indices,
        expand_open: names("open"),
        expand_closed: names("closed"),
        expand_hidden: names("hidden"),
        ignore_throttled: given.ignore_throttled,
    }
}

fn payload(search: &SearchInput, mut answer: Json) -> Json {
    if search.request.rest_total_hits_as_int {
        flatten_total(&mut answer);
    }
    match &search.extract {
        Some(paths) => extract(&answer, paths),
        None => answer,
    }
}

/// `{"value": n, "relation": …}` becomes `n`; a total that was not tracked is -1.
fn flatten_total(answer: &mut Json) {
    let Some(hits) = answer.make_map().get_mut("hits").filter(|hits| hits.as_map().is_some()) else { return };
    match hits.get("total") {
        Some(total) if total.is_number() => {}
        Some(total) => {
            let value = total.get("value").cloned().unwrap_or(Json::Int(-1));
            hits.set("total", value);
        }
        None => hits.set("total", -1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    #[test]
    fn the_total_is_an_integer_whatever_the_engine_says() {
        for (answer, flat) in [
            (json!({"hits": {"total": {"value": 3, "relation": "eq"}, "hits": []}}), json!({"hits": {"total": 3, "hits": []}})),
            (json!({"hits": {"total": 3}}), json!({"hits": {"total": 3}})),
            (json!({"hits": {"hits": []}}), json!({"hits": {"hits": [], "total": -1}})),
            (json!({"took": 1}), json!({"took": 1})),
        ] {
            let mut given = answer;
            flatten_total(&mut given);
            assert_eq!(given, flat);
        }
    }
}
