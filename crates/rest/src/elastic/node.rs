//! What clients ask about the node and its cluster before they send data: `_nodes`, `_license`, `_xpack`, `_cluster/settings`, …

use std::sync::Arc;

use http::Method;
use watchbell_json::{Json, json};
use watchbell_store::IndicesOptions;

use super::expressions::strict_expand_open_and_closed;
use super::health::ClusterHealth;
use crate::problem::Problem;
use crate::request::Request;
use crate::response::Response;
use crate::rest::Rest;
use crate::router::{Handled, Route, Router};

const NODES_PARAMETERS: &[&str] = &["timeout", "flat_settings", "local", "master_timeout"];
const SETTINGS_PARAMETERS: &[&str] = &["flat_settings", "include_defaults", "local", "timeout", "master_timeout"];
const TASKS_PARAMETERS: &[&str] = &["actions", "detailed", "group_by", "nodes", "parent_task_id", "timeout", "wait_for_completion", "master_timeout"];
const LICENSE_PARAMETERS: &[&str] = &["local", "accept_enterprise", "categories", "master_timeout"];

pub(super) fn routes(router: &mut Router) {
    let get = &[Method::GET];
    for path in ["/_nodes", "/_nodes/{node}", "/_nodes/{node}/{metric}"] {
        router.add(Route::new(get, path, nodes).parameters(&[NODES_PARAMETERS]));
    }
    router.add(Route::new(get, "/_cluster/settings", cluster_settings).parameters(&[SETTINGS_PARAMETERS]));
    router.add(Route::new(&[Method::PUT], "/_cluster/settings", put_cluster_settings).parameters(&[SETTINGS_PARAMETERS]).with_body());
    router.add(Route::new(get, "/_tasks", tasks).parameters(&[TASKS_PARAMETERS]));
    router.add(Route::new(get, "/_cluster/stats", cluster_stats).parameters(&[NODES_PARAMETERS]));
    router.add(Route::new(&[Method::GET, Method::HEAD], "/_license", license).parameters(&[LICENSE_PARAMETERS]));
    router.add(Route::new(get, "/_xpack", xpack).parameters(&[LICENSE_PARAMETERS]));
    router.add(Route::new(get, "/_xpack/usage", xpack_usage).parameters(&[LICENSE_PARAMETERS]));
    for path in ["/_remote/info", "/_snapshot"] {
        router.add(Route::new(get, path, none).parameters(&[NODES_PARAMETERS]));
    }
}

/// There is none of what is asked for, which is said by an empty object.
async fn none(_rest: Arc<Rest>, _request: Request) -> Handled {
    Ok(Response::ok(Json::object()))
}

async fn nodes(rest: Arc<Rest>, _request: Request) -> Handled {
    let address = rest.publish_address();
    let ip = address.rsplit_once(':').map_or(address.as_str(), |(ip, _)| ip);
    let node = Json::object()
        .with("name", rest.settings.node_name.as_str())
        .with("transport_address", address.as_str())
        .with("host", ip)
        .with("ip", ip)
        .with("version", rest.version())
        .with("build_flavor", "default")
        .with("build_type", "tar")
        .with("build_hash", super::root::BUILD_HASH)
        .with("roles", vec!["data", "ingest", "master"])
        .with("http", json!({"bound_address": [address.as_str()], "publish_address": (address.as_str()), "max_content_length_in_bytes": (rest.settings.max_content_length)}));
    let answer = Json::object()
        .with("_nodes", json!({"total": 1, "successful": 1, "failed": 0}))
        .with("cluster_name", rest.settings.cluster_name.as_str())
        .with("nodes", Json::object().with(rest.node_id.as_str(), node));
    Ok(Response::ok(answer))
}

async fn cluster_settings(_rest: Arc<Rest>, request: Request) -> Handled {
    let flat = request.params.flag_or("flat_settings", false)?;
    let answer = json!({"persistent": {}, "transient": {}});
    if !request.params.flag_or("include_defaults", false)? {
        return Ok(Response::ok(answer));
    }
    let defaults = if flat {
        json!({"action.auto_create_index": "true", "action.destructive_requires_name": "false", "search.max_buckets": "65535"})
    } else {
        json!({"action": {"auto_create_index": "true", "destructive_requires_name": "false"}, "search": {"max_buckets": "65535"}})
    };
    Ok(Response::ok(answer.with("defaults", defaults)))
}

/// The cluster has no settings that could change while it runs: a setting is refused as an unknown one.
async fn put_cluster_settings(_rest: Arc<Rest>, request: Request) -> Handled {
    let body = request.required_object()?;
    for kind in ["persistent", "transient"] {
        let named = body.get(kind).and_then(Json::as_map).and_then(|settings| settings.keys().next());
        if let Some(name) = named {
            return Err(Problem::illegal_argument(format!("{kind} setting [{name}], not recognized")));
        }
    }
    Err(Problem::validation(&["no settings to update"]))
}

/// Nothing runs in the background that a client could see or stop.
async fn tasks(rest: Arc<Rest>, _request: Request) -> Handled {
    let node = json!({"name": (rest.settings.node_name), "transport_address": (rest.publish_address()), "host": (rest.publish_address()), "ip": (rest.publish_address()),
        "roles": ["data", "ingest", "master"], "tasks": {}});
    Ok(Response::ok(Json::object().with("nodes", Json::object().with(rest.node_id.as_str(), node))))
}

async fn cluster_stats(rest: Arc<Rest>, _request: Request) -> Handled {
    let options = IndicesOptions { expand_hidden: true, ..strict_expand_open_and_closed() };
    let infos = rest.indices.indices(&[], &options).await?;
    let health = ClusterHealth::of_all(&rest).await?;
    let documents: u64 = infos.iter().map(|info| info.documents).sum();
    let deleted: u64 = infos.iter().map(|info| info.deleted_documents).sum();
    let bytes: u64 = infos.iter().map(|info| info.bytes).sum();
    let answer = json!({"_nodes": {"total": 1, "successful": 1, "failed": 0}, "cluster_name": (rest.settings.cluster_name), "cluster_uuid": (rest.cluster_uuid),
        "timestamp": (rest.clock.now().as_millisecond()), "status": (health.status().name()),
        "indices": {"count": (infos.len()), "shards": {"total": (health.active()), "primaries": (health.active())},
            "docs": {"count": documents, "deleted": deleted}, "store": {"size_in_bytes": bytes}},
        "nodes": {"count": {"total": 1, "data": 1, "master": 1, "ingest": 1}, "versions": [(rest.version())]}});
    Ok(Response::ok(answer))
}

/// Shippers stop without an active licence.
async fn license(rest: Arc<Rest>, _request: Request) -> Handled {
    let license = json!({"status": "active", "uid": (rest.cluster_uuid), "type": "basic", "issue_date": (watchbell_json::iso_instant(rest.started_at_millis.saturating_mul(1_000_000))),
        "issue_date_in_millis": (rest.started_at_millis), "max_nodes": 1, "max_resource_units": null, "issued_to": (rest.settings.cluster_name), "issuer": "watchbell", "start_date_in_millis": -1});
    Ok(Response::ok(Json::object().with("license", license)))
}

async fn xpack(rest: Arc<Rest>, _request: Request) -> Handled {
    let enabled = rest.watcher.is_some();
    let answer = json!({"build": {"hash": (super::root::BUILD_HASH), "date": (super::root::BUILD_DATE)},
        "license": {"uid": (rest.cluster_uuid), "type": "basic", "mode": "basic", "status": "active"},
        "features": {"watcher": {"available": true, "enabled": enabled}}, "tagline": "You know, for X"});
    Ok(Response::ok(answer))
}

async fn xpack_usage(rest: Arc<Rest>, _request: Request) -> Handled {
    Ok(Response::ok(Json::object().with("watcher", crate::watcher::usage::usage(&rest).await?)))
}
