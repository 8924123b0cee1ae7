//! The settings of the index of watches (spec watcher-api §10.2): kept and shown, without any effect on this store.

use std::sync::Arc;

use watchbell_engine::Watcher;
use watchbell_json::{Failure, Json, Map};
use watchbell_store::system::{SERVICE_STATE, WATCHES};
use watchbell_store::{Expect, IndicesOptions, Write, WriteError};

use super::request_rules::{refuse_unknown, refuse_unknown_and_body};
use crate::problem::Problem;
use crate::request::Request;
use crate::response::Response;
use crate::rest::Rest;
use crate::router::Handled;

/// Where the values are kept, in the index of the service's state.
const STATE_ID: &str = "watches-settings";

/// What may be set, and what it is unless it is set.
const SETTABLE: [(&str, &str); 2] = [("index.auto_expand_replicas", "0-1"), ("index.number_of_replicas", "0")];

/// Any attribute below these may be set too, except the hidden one.
const SETTABLE_BELOW: [&str; 3] = ["index.routing.allocation.exclude.", "index.routing.allocation.include.", "index.routing.allocation.require."];
const HIDDEN: &str = "index.routing.allocation.include._tier_preference";

/// A name of an attribute is no long text, and there is a handful of them. Every dot of a name is a level of the answer.
const SETTINGS_MAX: usize = 100;
const NAME_BYTES_MAX: usize = 256;
const VALUE_BYTES_MAX: usize = 1024;

pub(super) async fn get_settings(_: Watcher, rest: Arc<Rest>, request: Request) -> Handled {
    refuse_unknown_and_body(&request, &[])?;
    if !watches_exist(&rest).await? {
        return Ok(Response::ok(Json::object()));
    }
    let mut shown: Map = SETTABLE.iter().map(|(name, value)| (*name, *value)).collect();
    for (name, value) in stored(&rest).await? {
        shown.insert(name, value);
    }
    let mut answer = Json::object();
    for (name, value) in shown.iter() {
        nest(&mut answer, name, value);
    }
    Ok(Response::ok(answer))
}

/// Puts `a.b.c` as `{"a": {"b": {"c": …}}}`.
fn nest(into: &mut Json, name: &str, value: &Json) {
    match name.split_once('.') {
        None => into.set(name, value.clone()),
        Some((first, rest)) => {
            let mut below = into.get(first).cloned().unwrap_or_else(Json::object);
            nest(&mut below, rest, value);
            into.set(first, below);
        }
    }
}

pub(super) async fn put_settings(_: Watcher, rest: Arc<Rest>, request: Request) -> Handled {
    let body = request.required_object()?;
    refuse_unknown(&request, &["timeout"])?;
    let given = body.as_map().cloned().unwrap_or_default();
    let illegal: Vec<&str> = given.keys().filter(|name| !is_settable(name)).collect();
    if !illegal.is_empty() {
        return Err(Problem::validation(&[not_settable(&illegal)]));
    }
    if !watches_exist(&rest).await? {
        return Err(Failure::new("resource_not_found_exception", "no Watches found on which to modify settings").into());
    }
    let mut values = stored(&rest).await?;
    for (name, value) in given {
        if value.is_null() {
            values.remove(&name);
        } else {
            let value = watchbell_watch::java::text(&value);
            if value.len() > VALUE_BYTES_MAX {
                return Err(Problem::illegal_argument(format!("the value of [{name}] is longer than {VALUE_BYTES_MAX} bytes")));
            }
            values.insert(name, value);
        }
    }
    if values.len() > SETTINGS_MAX {
        return Err(Problem::illegal_argument(format!("more than {SETTINGS_MAX} settings")));
    }
    let write = Write::put(SERVICE_STATE, STATE_ID, Expect::Anything, Json::from(values).to_string());
    match rest.indices.write(write).await {
        Ok(_) => Ok(Response::acknowledged()),
        Err(WriteError::Refused(failure)) => Err(failure.into()),
        Err(error) => Err(Problem::WithStatus(http::StatusCode::SERVICE_UNAVAILABLE, Failure::new("unavailable_shards_exception", error.to_string()))),
    }
}

fn is_settable(name: &str) -> bool {
    let below = |prefix: &&str| name.strip_prefix(*prefix).is_some_and(|attribute| !attribute.is_empty() && !attribute.ends_with('.'));
    SETTABLE.iter().any(|(known, _)| *known == name) || (name != HIDDEN && name.len() <= NAME_BYTES_MAX && SETTABLE_BELOW.iter().any(below))
}

fn not_settable(illegal: &[&str]) -> String {
    let known: Vec<&str> = SETTABLE.iter().map(|(name, _)| *name).collect();
    format!(
        "illegal settings: [{}], these settings may not be configured. Only the following settings may be configured: [{}], and those below [{}]",
        illegal.join(", "),
        known.join(", "),
        SETTABLE_BELOW.join(", ")
    )
}

async fn watches_exist(rest: &Rest) -> Result<bool, Problem> {
    let options = IndicesOptions { expand_hidden: true, ..IndicesOptions::watcher() };
    Ok(!rest.indices.indices(&[WATCHES.to_owned()], &options).await?.is_empty())
}

async fn stored(rest: &Rest) -> Result<Map, Problem> {
    let document = rest.indices.get(SERVICE_STATE, STATE_ID).await?;
    let values = document.and_then(|document| Json::parse(&document.source).ok());
    Ok(values.as_ref().and_then(Json::as_map).cloned().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_flat_names_of_a_few_kinds_may_be_set() {
        for (name, settable) in [
            ("index.number_of_replicas", true),
            ("index.routing.allocation.include.zone", true),
            ("index.routing.allocation.include._tier_preference", false),
            ("index.routing.allocation.include.", false),
            (&format!("index.routing.allocation.include{}", ".a".repeat(112)), true),
            (&format!("index.routing.allocation.include{}", ".a".repeat(113)), false),
            ("index.refresh_interval", false),
            ("index", false),
        ] {
            assert_eq!(is_settable(name), settable, "{name}");
        }
        let mut nested = Json::object();
        nest(&mut nested, "index.a.b", &Json::from("1"));
        nest(&mut nested, "index.c", &Json::from("2"));
        assert_eq!(nested.to_string(), r#"{"index":{"a":{"b":"1"},"c":"2"}}"#);
    }
}
