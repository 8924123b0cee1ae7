//! `_mapping`: read, extended, and read field by field.

use std::sync::Arc;

use http::{Method, StatusCode};
use watchbell_json::{Json, Map};

use super::expressions::{EXPRESSION_PARAMETERS, names, read_options, strict_expand_open};
use crate::filter_path::wildcard_matches;
use crate::request::Request;
use crate::response::Response;
use crate::rest::Rest;
use crate::router::{Handled, Route, Router, no_handler};

const GET_PARAMETERS: &[&str] = &["local", "master_timeout", "include_type_name", "include_defaults"];
const PUT_PARAMETERS: &[&str] = &["timeout", "master_timeout", "write_index_only", "include_type_name"];

/// Members of a mapping's root; anything else there is a type of the old kind.
const ROOT_MEMBERS: &[&str] = &[
    "properties",
    "dynamic",
    "dynamic_templates",
    "dynamic_date_formats",
    "date_detection",
    "numeric_detection",
    "runtime",
    "enabled",
    "subobjects",
    "_source",
    "_routing",
    "_meta",
    "_all",
    "_size",
    "_field_names",
    "_data_stream_timestamp",
];

pub(super) fn routes(router: &mut Router) {
    for path in ["/_mapping", "/{index}/_mapping"] {
        router.add(Route::new(&[Method::GET], path, get_mapping).parameters(&[GET_PARAMETERS, EXPRESSION_PARAMETERS]));
    }
    for path in ["/_mapping/field/{fields}", "/{index}/_mapping/field/{fields}"] {
        router.add(Route::new(&[Method::GET], path, get_field_mapping).parameters(&[GET_PARAMETERS, EXPRESSION_PARAMETERS]));
    }
    let both = &[Method::PUT, Method::POST];
    router.add(Route::new(both, "/{index}/_mapping", put_mapping).parameters(&[PUT_PARAMETERS, EXPRESSION_PARAMETERS]).with_body());
    // Old clients name a type; it is dropped.
    for path in ["/{index}/_mapping/{type}", "/{index}/{type}/_mapping"] {
        router.add(Route::new(both, path, put_typed_mapping).parameters(&[PUT_PARAMETERS, EXPRESSION_PARAMETERS]).with_body().last_resort());
    }
}

async fn get_mapping(rest: Arc<Rest>, request: Request) -> Handled {
    let options = read_options(&request.params, strict_expand_open())?;
    let infos = rest.indices.indices(&names(&request)?, &options).await?;
    let answer: Map = infos.into_iter().map(|info| (info.name, Json::object().with("mappings", info.mapping))).collect();
    Ok(Response::ok(answer.into()))
}

async fn put_mapping(rest: Arc<Rest>, request: Request) -> Handled {
    let options = read_options(&request.params, strict_expand_open())?;
    let body = request.required_object()?;
    rest.indices.put_mapping(&names(&request)?, &options, &without_type(&body)).await?;
    Ok(Response::acknowledged())
}

async fn put_typed_mapping(rest: Arc<Rest>, request: Request) -> Handled {
    if request.path_param("index").starts_with('_') || request.path_param("type") == "field" {
        return Ok(no_handler(&request));
    }
    put_mapping(rest, request).await
}

/// The mapping without the type that old clients wrap it in.
pub(super) fn without_type(mapping: &Json) -> Json {
    let Some(members) = mapping.as_map() else { return mapping.clone() };
    let mut entries = members.iter();
    match (entries.next(), entries.next()) {
        (Some((name, inner)), None) if !ROOT_MEMBERS.contains(&&**name) && is_mapping(inner) => inner.clone(),
        _ => mapping.clone(),
    }
}

fn is_mapping(value: &Json) -> bool {
    value.as_map().is_some_and(|members| members.is_empty() || members.keys().all(|name| ROOT_MEMBERS.contains(&name)))
}

async fn get_field_mapping(rest: Arc<Rest>, request: Request) -> Handled {
    let options = read_options(&request.params, strict_expand_open())?;
    let wanted = request.path_list("fields");
    let infos = rest.indices.indices(&names(&request)?, &options).await?;
    if infos.is_empty() && !names(&request)?.is_empty() {
        return Ok(Response::json(StatusCode::NOT_FOUND, Json::object()));
    }
    let mut answer = Json::object();
    for info in &infos {
        let mut fields = Map::new();
        collect_fields(&info.mapping, "", &wanted, &mut fields);
        answer.set(info.name.as_str(), Json::object().with("mappings", fields));
    }
    Ok(Response::ok(answer))
}

/// Fields whose full or own name is wanted; objects are no fields.
fn collect_fields(at: &Json, prefix: &str, wanted: &[String], out: &mut Map) {
    for group in ["properties", "fields"] {
        for (name, definition) in at.get(group).and_then(Json::as_map).into_iter().flat_map(Map::iter) {
            let full = if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") };
            if definition.get("properties").is_none() && wanted.iter().any(|pattern| wildcard_matches(pattern, &full)) {
                let shown = Json::object().with("full_name", full.as_str()).with("mapping", Json::object().with(name.clone(), definition.clone()));
                out.insert(full.as_str(), shown);
            }
            collect_fields(definition, &full, wanted, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    #[test]
    fn types_of_old_clients_are_dropped() {
        let mapping = json!({"properties": {"a": {"type": "keyword"}}});
        assert_eq!(without_type(&json!({"doc": (serde_json(&mapping))})), mapping);
        assert_eq!(without_type(&mapping), mapping);
        let unknown = json!({"foo": {"bar": 1}});
        assert_eq!(without_type(&unknown), unknown, "what is no mapping inside is no type");
    }

    fn serde_json(value: &Json) -> watchbell_json::serde_json::Value {
        value.into()
    }

    #[test]
    fn fields_are_found_by_pattern() {
        let mapping = json!({"properties": {"a": {"type": "text", "fields": {"raw": {"type": "keyword"}}}, "o": {"properties": {"x": {"type": "long"}}}}});
        let mut found = Map::new();
        collect_fields(&mapping, "", &["a*".to_owned(), "o.*".to_owned()], &mut found);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "a.raw", "o.x"]);
        assert_eq!(found.get("o.x"), Some(&json!({"full_name": "o.x", "mapping": {"x": {"type": "long"}}})));
    }
}
