//! `_template`, `_component_template`, `_index_template`, `_ilm/policy`: what shippers put before they send data.

use std::sync::Arc;

use http::{Method, StatusCode};
use watchbell_json::{Failure, Json, Map, json};
use watchbell_store::search::resolve_name;
use watchbell_store::{CreateIndex, IndicesOptions, StoreError};
use watchbell_time::Timestamp;

use super::mapping::without_type;
use super::registry::{Entries, Kind};
use super::template_merge::{by_name, list, named, normal_settings, over_template, overlap, priority, template_for};
use crate::parameters::split_list;
use crate::problem::Problem;
use crate::request::Request;
use crate::response::{Body, Response};
use crate::rest::Rest;
use crate::router::{Handled, Route, Router};

const TEMPLATE_PARAMETERS: &[&str] =
    &["create", "order", "cause", "timeout", "master_timeout", "local", "flat_settings", "include_type_name", "include_defaults"];

pub(super) fn routes(router: &mut Router) {
    let put = &[Method::PUT, Method::POST];
    router.add(Route::new(put, "/_template/{name}", put_legacy).parameters(&[TEMPLATE_PARAMETERS]).with_body());
    router.add(Route::new(put, "/_component_template/{name}", put_component).parameters(&[TEMPLATE_PARAMETERS]).with_body());
    router.add(Route::new(put, "/_index_template/{name}", put_index_template).parameters(&[TEMPLATE_PARAMETERS]).with_body());
    router.add(Route::new(&[Method::PUT], "/_ilm/policy/{name}", put_policy).parameters(&[TEMPLATE_PARAMETERS]).with_body());
    let get = &[Method::GET, Method::HEAD];
    for path in ["/_template", "/_template/{name}"] {
        router.add(Route::new(get, path, get_legacy).parameters(&[TEMPLATE_PARAMETERS]));
    }
    for path in ["/_component_template", "/_component_template/{name}"] {
        router.add(Route::new(get, path, get_component).parameters(&[TEMPLATE_PARAMETERS]));
    }
    for path in ["/_index_template", "/_index_template/{name}"] {
        router.add(Route::new(get, path, get_index_template).parameters(&[TEMPLATE_PARAMETERS]));
    }
    for path in ["/_ilm/policy", "/_ilm/policy/{name}"] {
        router.add(Route::new(&[Method::GET], path, get_policy).parameters(&[TEMPLATE_PARAMETERS]));
    }
    let delete = &[Method::DELETE];
    router.add(Route::new(delete, "/_template/{name}", delete_legacy).parameters(&[TEMPLATE_PARAMETERS]));
    router.add(Route::new(delete, "/_component_template/{name}", delete_component).parameters(&[TEMPLATE_PARAMETERS]));
    router.add(Route::new(delete, "/_index_template/{name}", delete_index_template).parameters(&[TEMPLATE_PARAMETERS]));
    router.add(Route::new(delete, "/_ilm/policy/{name}", delete_policy).parameters(&[TEMPLATE_PARAMETERS]));
    // There are no pipelines and no data streams; to ask for one is the ordinary case of a shipper.
    for path in ["/_ingest/pipeline", "/_ingest/pipeline/{name}"] {
        router.add(Route::new(get, path, get_pipeline).parameters(&[TEMPLATE_PARAMETERS, &["summary"]]));
    }
    for path in ["/_data_stream", "/_data_stream/{name}"] {
        router.add(Route::new(&[Method::GET], path, get_data_stream).parameters(&[
            TEMPLATE_PARAMETERS,
            super::expressions::EXPRESSION_PARAMETERS,
            &["verbose"],
        ]));
    }
}

/// Makes indices that a write needs and a template describes, before the write would make them plainly.
///
/// # Errors
/// The store cannot be read, or a template is refused.
pub(super) async fn make_templated(rest: &Rest, index: &str, now: Timestamp) -> Result<(), Problem> {
    let entries = rest.registry.entries(rest).await?;
    if entries.is_empty() || rest.made_indices.contains(index) {
        return Ok(());
    }
    let index = &resolve_name(index, now)?;
    let Some(template) = template_for(&entries, index) else { return Ok(()) };
    let options = IndicesOptions { expand_hidden: true, ..IndicesOptions::search() };
    match rest.indices.indices(std::slice::from_ref(index), &options).await {
        Ok(_) => {}
        Err(StoreError::NoIndex(_)) => match rest.indices.create_index(index, template).await {
            Ok(()) => {}
            Err(StoreError::Refused(failure)) if failure.kind == "resource_already_exists_exception" => {}
            Err(error) => return Err(error.into()),
        },
        Err(error) => return Err(error.into()),
    }
    rest.made_indices.add(index);
    Ok(())
}

/// What is asked for, over what templates give.
///
/// # Errors
/// The store cannot be read.
pub(super) async fn with_templates(rest: &Rest, index: &str, request: CreateIndex) -> Result<CreateIndex, Problem> {
    let entries = rest.registry.entries(rest).await?;
    Ok(match template_for(&entries, index) {
        Some(template) => over_template(template, &request),
        None => request,
    })
}

async fn put_legacy(rest: Arc<Rest>, request: Request) -> Handled {
    let body = request.required_object()?;
    let mut template = Map::new();
    template.insert("order", request.params.int("order")?.unwrap_or(0));
    for (name, value) in body.as_map().into_iter().flat_map(Map::iter) {
        match &**name {
            "index_patterns" | "template" => drop(template.insert("index_patterns", list(Some(value)))),
            "order" | "version" => drop(template.insert(name.clone(), value.clone())),
            "settings" => drop(template.insert("settings", normal_settings(value))),
            "mappings" => drop(template.insert("mappings", without_type(value))),
            "aliases" => drop(template.insert("aliases", value.clone())),
            other => return Err(Failure::parse(format!("unknown key [{other}] in the template ")).into()),
        }
    }
    if template.get("index_patterns").and_then(Json::as_list).is_none_or(<[Json]>::is_empty) {
        return Err(Problem::validation(&["index patterns are missing"]));
    }
    for part in ["settings", "mappings", "aliases"] {
        if !template.contains_key(part) {
            template.insert(part, Json::object());
        }
    }
    put(&rest, &request, Kind::LegacyTemplate, template.into()).await
}

/// The `template` of index and component templates.
fn read_template_part(value: &Json) -> Result<Json, Problem> {
    let mut part = Map::new();
    for (name, value) in value.as_map().into_iter().flat_map(Map::iter) {
        match &**name {
            "settings" => drop(part.insert("settings", normal_settings(value))),
            "mappings" => drop(part.insert("mappings", without_type(value))),
            "aliases" | "lifecycle" | "data_stream_options" => drop(part.insert(name.clone(), value.clone())),
            other => return Err(unknown_field("template", other)),
        }
    }
    Ok(part.into())
}

fn unknown_field(object: &str, name: &str) -> Problem {
    Failure::new("x_content_parse_exception", format!("[1:1] [{object}] unknown field [{name}]")).into()
}

async fn put_component(rest: Arc<Rest>, request: Request) -> Handled {
    let body = request.required_object()?;
    let mut template = Map::new();
    for (name, value) in body.as_map().into_iter().flat_map(Map::iter) {
        match &**name {
            "template" => drop(template.insert("template", read_template_part(value)?)),
            "version" | "_meta" | "deprecated" => drop(template.insert(name.clone(), value.clone())),
            other => return Err(unknown_field("component_template", other)),
        }
    }
    if !template.contains_key("template") {
        return Err(Problem::illegal_argument("Required [template]"));
    }
    put(&rest, &request, Kind::ComponentTemplate, template.into()).await
}

async fn put_index_template(rest: Arc<Rest>, request: Request) -> Handled {
    let body = request.required_object()?;
    let name = request.path_param("name");
    let entries = rest.registry.entries(&rest).await?;
    let mut template = Map::new();
    for (member, value) in body.as_map().into_iter().flat_map(Map::iter) {
        match &**member {
            "index_patterns" | "composed_of" | "ignore_missing_component_templates" => drop(template.insert(member.clone(), list(Some(value)))),
            "template" => drop(template.insert("template", read_template_part(value)?)),
            "priority" | "version" | "_meta" | "data_stream" | "allow_auto_create" | "deprecated" => drop(template.insert(member.clone(), value.clone())),
            other => return Err(unknown_field("index_template", other)),
        }
    }
    if !template.contains_key("index_patterns") {
        return Err(Problem::illegal_argument("Required [index_patterns]"));
    }
    if !template.contains_key("composed_of") {
        template.insert("composed_of", Json::from(Vec::<Json>::new()));
    }
    let template = Json::from(template);
    validate_index_template(&entries, name, &template)?;
    put(&rest, &request, Kind::IndexTemplate, template).await
}

fn validate_index_template(entries: &Entries, name: &str, template: &Json) -> Result<(), Problem> {
    if priority(template) < 0 {
        return Err(Problem::validation(&["index template priority must be >= 0"]));
    }
    let ignored = list(template.get("ignore_missing_component_templates"));
    let missing: Vec<String> = list(template.get("composed_of"))
        .into_iter()
        .filter(|part| !entries.contains_key(&(Kind::ComponentTemplate, part.clone())) && !ignored.contains(part))
        .collect();
    if !missing.is_empty() {
        let reason = format!(
            "index_template [{name}] invalid, cause [index template [{name}] specifies component templates [{}] that do not exist]",
            missing.join(", ")
        );
        return Err(Failure::new("invalid_index_template_exception", reason).into());
    }
    let patterns = list(template.get("index_patterns"));
    let rivals: Vec<(&str, Vec<String>)> = named(entries, Kind::IndexTemplate, &[])
        .into_iter()
        .filter(|(other, rival)| *other != name && priority(rival) == priority(template))
        .map(|(other, rival)| (other, list(rival.get("index_patterns"))))
        .filter(|(_, theirs)| patterns.iter().any(|mine| theirs.iter().any(|other| overlap(mine, other))))
        .collect();
    if rivals.is_empty() {
        return Ok(());
    }
    let names = rivals.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let described = rivals.iter().map(|(name, theirs)| format!("{name} => [{}]", theirs.join(", "))).collect::<Vec<_>>().join(", ");
    Err(Problem::illegal_argument(format!(
        "index template [{name}] has index patterns [{}] matching patterns from existing templates [{names}] with patterns ({described}) that have the same priority [{}], multiple index templates may not match during index creation, please use a different priority",
        patterns.join(", "),
        priority(template)
    )))
}

async fn put(rest: &Rest, request: &Request, kind: Kind, value: Json) -> Handled {
    let name = request.path_param("name");
    if request.params.flag_or("create", false)? && rest.registry.entries(rest).await?.contains_key(&(kind, name.to_owned())) {
        let what = match kind {
            Kind::LegacyTemplate => "index_template",
            Kind::ComponentTemplate => "component template",
            Kind::IndexTemplate | Kind::LifecyclePolicy => "index template",
        };
        return Err(Problem::illegal_argument(format!("{what} [{name}] already exists")));
    }
    rest.registry.put(rest, kind, name, value).await?;
    Ok(Response::acknowledged())
}

async fn put_policy(rest: Arc<Rest>, request: Request) -> Handled {
    let body = request.required_object()?;
    let Some(policy) = body.get("policy").filter(|policy| policy.as_map().is_some()) else {
        return Err(Failure::new("x_content_parse_exception", "[1:1] [put_lifecycle_request] unknown field, expected [policy]").into());
    };
    let name = request.path_param("name").to_owned();
    let before = rest.registry.entries(&rest).await?.get(&(Kind::LifecyclePolicy, name)).and_then(|policy| policy.get("version")).and_then(Json::as_i64);
    let modified = watchbell_json::iso_instant(watchbell_time::epoch_nanos(request.now));
    let stored = json!({"version": (before.unwrap_or(0) + 1), "modified_date": modified}).with("policy", policy.clone());
    let stored = stored.with("in_use_by", json!({"indices": [], "data_streams": [], "composable_templates": []}));
    put(&rest, &request, Kind::LifecyclePolicy, stored).await
}

fn wanted(request: &Request) -> Vec<String> {
    split_list(request.path_param("name"))
}

async fn get_legacy(rest: Arc<Rest>, request: Request) -> Handled {
    let entries = rest.registry.entries(&rest).await?;
    let wanted = wanted(&request);
    let found = named(&entries, Kind::LegacyTemplate, &wanted);
    let status = if found.is_empty() && wanted.iter().any(|name| !name.contains('*')) { StatusCode::NOT_FOUND } else { StatusCode::OK };
    Ok(Response::new(status, Body::Json(by_name(found))))
}

async fn get_component(rest: Arc<Rest>, request: Request) -> Handled {
    get_listed(&rest, &request, Kind::ComponentTemplate, "component_template", "component template").await
}

async fn get_index_template(rest: Arc<Rest>, request: Request) -> Handled {
    get_listed(&rest, &request, Kind::IndexTemplate, "index_template", "index template").await
}

async fn get_listed(rest: &Rest, request: &Request, kind: Kind, member: &str, words: &str) -> Handled {
    let entries = rest.registry.entries(rest).await?;
    let wanted = wanted(request);
    let found = named(&entries, kind, &wanted);
    if found.is_empty() && wanted.iter().any(|name| !name.contains('*')) {
        return Err(Failure::new("resource_not_found_exception", format!("{words} matching [{}] not found", wanted.join(","))).into());
    }
    let listed: Json = found.into_iter().map(|(name, value)| Json::object().with("name", name).with(member, value.clone())).collect();
    Ok(Response::ok(Json::object().with(format!("{member}s"), listed)))
}

async fn get_policy(rest: Arc<Rest>, request: Request) -> Handled {
    let entries = rest.registry.entries(&rest).await?;
    let wanted = wanted(&request);
    let found = named(&entries, Kind::LifecyclePolicy, &wanted);
    if let Some(missing) = wanted.iter().find(|name| !name.contains('*') && found.iter().all(|(known, _)| known != name)) {
        return Err(Failure::new("resource_not_found_exception", format!("Lifecycle policy not found: {missing}")).into());
    }
    Ok(Response::ok(by_name(found)))
}

async fn delete_legacy(rest: Arc<Rest>, request: Request) -> Handled {
    delete(&rest, &request, Kind::LegacyTemplate).await
}

async fn delete_component(rest: Arc<Rest>, request: Request) -> Handled {
    delete(&rest, &request, Kind::ComponentTemplate).await
}

async fn delete_index_template(rest: Arc<Rest>, request: Request) -> Handled {
    delete(&rest, &request, Kind::IndexTemplate).await
}

async fn delete_policy(rest: Arc<Rest>, request: Request) -> Handled {
    delete(&rest, &request, Kind::LifecyclePolicy).await
}

async fn delete(rest: &Rest, request: &Request, kind: Kind) -> Handled {
    let entries = rest.registry.entries(rest).await?;
    let wanted = wanted(request);
    let found: Vec<String> = named(&entries, kind, &wanted).into_iter().map(|(name, _)| name.to_owned()).collect();
    if found.is_empty() && wanted.iter().any(|name| name != "*") {
        let name = wanted.join(",");
        return Err(match kind {
            Kind::LifecyclePolicy => Failure::new("resource_not_found_exception", format!("Lifecycle policy not found: {name}")).into(),
            _ => Failure::new("index_template_missing_exception", format!("index_template [{name}] missing")).into(),
        });
    }
    let used: Vec<&str> = named(&entries, Kind::IndexTemplate, &[])
        .into_iter()
        .filter(|(_, template)| kind == Kind::ComponentTemplate && list(template.get("composed_of")).iter().any(|part| found.contains(part)))
        .map(|(name, _)| name)
        .collect();
    if !used.is_empty() {
        let reason = format!("component templates [{}] cannot be removed as they are still in use by index templates [{}]", found.join(", "), used.join(", "));
        return Err(Problem::illegal_argument(reason));
    }
    rest.registry.remove(rest, kind, &found).await?;
    Ok(Response::acknowledged())
}

async fn get_pipeline(_rest: Arc<Rest>, request: Request) -> Handled {
    let named = wanted(&request).iter().any(|name| !name.contains('*'));
    Ok(Response::json(if named { StatusCode::NOT_FOUND } else { StatusCode::OK }, Json::object()))
}

async fn get_data_stream(_rest: Arc<Rest>, request: Request) -> Handled {
    match wanted(&request).iter().find(|name| !name.contains('*')) {
        Some(name) => Err(super::write_outcome::no_index_expression(name).into()),
        None => Ok(Response::ok(json!({"data_streams": []}))),
    }
}
