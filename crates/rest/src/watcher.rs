//! The Watcher API (spec watcher-api): every path of every generation at once, under both prefixes.
//!
//! The handlers read a request in the reference's order (parameters, then what is unknown among them, then a body that is not
//! taken, then validation, then the content), call one use case of the engine, and give its answer the reference's shape.
//! What the engine answers is a value; which HTTP status it has is decided here and in [`crate::problem`].

mod acknowledge;
mod deprecation;
mod execute;
mod lookup;
mod put;
mod query;
mod request_rules;
mod service;
mod settings;
pub(crate) mod usage;

use std::future::Future;
use std::sync::Arc;

use http::Method;
use watchbell_engine::Watcher;

use crate::request::Request;
use crate::rest::Rest;
use crate::router::{Handled, Route, Router, no_handler};

const WRITE: &[Method] = &[Method::PUT, Method::POST];
const READ: &[Method] = &[Method::GET];
const DELETE: &[Method] = &[Method::DELETE];

/// Start, stop and restart were PUT before they were POST.
const COMMAND: &[Method] = &[Method::POST, Method::PUT];

/// A query may come as the body of a GET.
const QUERY: &[Method] = &[Method::GET, Method::POST];

/// A path under both prefixes; the router keeps patterns as they are written here.
macro_rules! both {
    ($path:literal) => {
        [concat!("/_watcher", $path), concat!("/_xpack/watcher", $path)]
    };
}

/// Registers the Watcher API.
pub fn routes(router: &mut Router) {
    add(router, WRITE, both!("/watch/{id}"), put::put_watch);
    add(router, READ, both!("/watch/{id}"), lookup::get_watch);
    add(router, DELETE, both!("/watch/{id}"), lookup::delete_watch);
    add(router, WRITE, both!("/watch/{id}/_execute"), execute::execute_watch);
    add(router, WRITE, both!("/watch/_execute"), execute::execute_watch);
    add(router, WRITE, both!("/watch/{id}/_ack"), acknowledge::ack_watch);
    add(router, WRITE, both!("/watch/{id}/_ack/{actions}"), acknowledge::ack_watch);
    // the spelling of the fifth and sixth generation
    add(router, WRITE, both!("/watch/{id}/{actions}/_ack"), acknowledge::ack_watch);
    add(router, WRITE, both!("/watch/{id}/_activate"), acknowledge::activate_watch);
    add(router, WRITE, both!("/watch/{id}/_deactivate"), acknowledge::deactivate_watch);
    add(router, READ, both!("/stats"), service::stats);
    add(router, READ, both!("/stats/{metric}"), service::stats);
    add(router, COMMAND, both!("/_start"), service::start);
    add(router, COMMAND, both!("/_stop"), service::stop);
    add(router, COMMAND, both!("/_restart"), service::restart);
    add(router, QUERY, both!("/_query/watches"), query::query_watches);
    add(router, QUERY, both!("/_list_watches"), query::query_watches);
    add(router, READ, both!("/settings"), settings::get_settings);
    add(router, &[Method::PUT], both!("/settings"), settings::put_settings);
}

fn add<F, A>(router: &mut Router, methods: &[Method], patterns: [&'static str; 2], handler: F)
where
    F: Fn(Watcher, Arc<Rest>, Request) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Handled> + Send + 'static,
{
    for pattern in patterns {
        let handler = handler.clone();
        // what is unknown is refused by the handlers, after what is known was read
        let answer = move |rest: Arc<Rest>, request: Request| answer(handler.clone(), rest, request);
        router.add(Route::new(methods, pattern, answer).unchecked_parameters().ignoring_body());
    }
}

async fn answer<F, A>(handler: F, rest: Arc<Rest>, request: Request) -> Handled
where
    F: Fn(Watcher, Arc<Rest>, Request) -> A,
    A: Future<Output = Handled>,
{
    let Some(watcher) = rest.watcher.clone() else { return Ok(no_handler(&request)) };
    let (warnings, version) = (deprecation::warnings(rest.generation(), &request), rest.version());
    let handled = handler(watcher, rest, request).await;
    if warnings.is_empty() {
        return handled;
    }
    let response = handled.unwrap_or_else(crate::Problem::into_response);
    Ok(warnings.iter().fold(response, |response, text| response.with_deprecation(version, text)))
}
