//! `PUT|GET|HEAD|DELETE /{index}`, `_refresh`, `_flush`, `_forcemerge`.

use std::sync::Arc;

use http::{Method, StatusCode};
use watchbell_json::{Failure, Json};
use watchbell_store::search::resolve_name;
use watchbell_store::{CreateIndex, IndexInfo, StoreError};

use super::expressions::{EXPRESSION_PARAMETERS, names, read_options, strict_expand_open, strict_expand_open_and_closed};
use super::index_settings::shown_settings;
use super::mapping::without_type;
use super::templates::with_templates;
use crate::problem::Problem;
use crate::request::Request;
use crate::response::{Body, Response};
use crate::rest::Rest;
use crate::router::{Handled, Route, Router};

const CREATE_PARAMETERS: &[&str] = &["timeout", "master_timeout", "wait_for_active_shards", "include_type_name"];
const GET_PARAMETERS: &[&str] = &["flat_settings", "include_defaults", "local", "master_timeout", "include_type_name"];
const DELETE_PARAMETERS: &[&str] = &["timeout", "master_timeout"];
const FLUSH_PARAMETERS: &[&str] = &["force", "wait_if_ongoing"];
const FORCE_MERGE_PARAMETERS: &[&str] = &["flush", "max_num_segments", "only_expunge_deletes", "wait_for_completion"];

pub(super) fn routes(router: &mut Router) {
    router.add(Route::new(&[Method::PUT], "/{index}", create).parameters(&[CREATE_PARAMETERS]).with_body());
    router.add(Route::new(&[Method::GET], "/{index}", get).parameters(&[GET_PARAMETERS, EXPRESSION_PARAMETERS]));
    router.add(Route::new(&[Method::HEAD], "/{index}", exists).parameters(&[GET_PARAMETERS, EXPRESSION_PARAMETERS]));
    router.add(Route::new(&[Method::DELETE], "/{index}", delete).parameters(&[DELETE_PARAMETERS, EXPRESSION_PARAMETERS]));
    let both = &[Method::GET, Method::POST];
    router.add(Route::new(both, "/_refresh", refresh).parameters(&[EXPRESSION_PARAMETERS]));
    router.add(Route::new(both, "/{index}/_refresh", refresh).parameters(&[EXPRESSION_PARAMETERS]));
    router.add(Route::new(both, "/_flush", flush).parameters(&[FLUSH_PARAMETERS, EXPRESSION_PARAMETERS]));
    router.add(Route::new(both, "/{index}/_flush", flush).parameters(&[FLUSH_PARAMETERS, EXPRESSION_PARAMETERS]));
    router.add(Route::new(&[Method::POST], "/_forcemerge", flush).parameters(&[FORCE_MERGE_PARAMETERS, EXPRESSION_PARAMETERS]));
    router.add(Route::new(&[Method::POST], "/{index}/_forcemerge", flush).parameters(&[FORCE_MERGE_PARAMETERS, EXPRESSION_PARAMETERS]));
}

async fn create(rest: Arc<Rest>, request: Request) -> Handled {
    let name = resolve_name(request.path_param("index"), request.now)?;
    let body = read_create_body(request.json_object()?.as_ref())?;
    let body = with_templates(&rest, &name, body).await?;
    rest.indices.create_index(&name, body).await?;
    Ok(Response::ok(Json::object().with("acknowledged", true).with("shards_acknowledged", true).with("index", name)))
}

fn read_create_body(body: Option<&Json>) -> Result<CreateIndex, Problem> {
    let mut create = CreateIndex::default();
    for (name, value) in body.into_iter().filter_map(Json::as_map).flat_map(watchbell_json::Map::iter) {
        if value.as_map().is_none() {
            return Err(Failure::parse(format!("key [{name}] must be an object")).into());
        }
        match &**name {
            "settings" => create.settings = Some(value.clone()),
            "mappings" => create.mappings = Some(without_type(value)),
            "aliases" => create.aliases = Some(value.clone()),
            other => return Err(Failure::parse(format!("unknown key [{other}] for create index")).into()),
        }
    }
    Ok(create)
}

async fn get(rest: Arc<Rest>, request: Request) -> Handled {
    let options = read_options(&request.params, strict_expand_open())?;
    let flat = request.params.flag_or("flat_settings", false)?;
    let defaults = request.params.flag_or("include_defaults", false)?;
    let infos = rest.indices.indices(&names(&request)?, &options).await?;
    let mut answer = Json::object();
    for info in &infos {
        let mut shown = Json::object().with("aliases", info.aliases.clone()).with("mappings", info.mapping.clone());
        for (name, value) in shown_settings(info, &[], flat, defaults).as_map().into_iter().flat_map(watchbell_json::Map::iter) {
            shown.set(name.clone(), value.clone());
        }
        answer.set(info.name.as_str(), shown);
    }
    Ok(Response::ok(answer))
}

async fn exists(rest: Arc<Rest>, request: Request) -> Handled {
    let options = read_options(&request.params, strict_expand_open())?;
    let status = match rest.indices.indices(&names(&request)?, &options).await {
        Ok(_) => StatusCode::OK,
        Err(StoreError::NoIndex(_)) => StatusCode::NOT_FOUND,
        Err(other) => return Err(other.into()),
    };
    Ok(Response::new(status, Body::Json(Json::object())))
}

async fn delete(rest: Arc<Rest>, request: Request) -> Handled {
    let options = read_options(&request.params, strict_expand_open_and_closed())?;
    let names = match names(&request)? {
        none if none.is_empty() => vec!["*".to_owned()],
        names => names,
    };
    rest.indices.delete_indices(&names, &options).await?;
    rest.made_indices.forget();
    Ok(Response::acknowledged())
}

async fn refresh(rest: Arc<Rest>, request: Request) -> Handled {
    let options = read_options(&request.params, strict_expand_open())?;
    let count = rest.indices.refresh(&names(&request)?, &options).await?;
    Ok(Response::ok(Json::object().with("_shards", all_successful(count))))
}

/// What is acknowledged is durable already, and segments are merged as they come: nothing is left to do but to look the names up.
async fn flush(rest: Arc<Rest>, request: Request) -> Handled {
    let options = read_options(&request.params, strict_expand_open())?;
    let infos: Vec<IndexInfo> = rest.indices.indices(&names(&request)?, &options).await?;
    Ok(Response::ok(Json::object().with("_shards", all_successful(infos.len()))))
}

fn all_successful(shards: usize) -> Json {
    Json::object().with("total", shards).with("successful", shards).with("failed", 0)
}
