//! `_cat`: the cluster as tables for people and scripts.

use std::sync::Arc;

use http::{Method, StatusCode};
use watchbell_store::{IndexInfo, IndicesOptions, SearchRequest};

use super::cat_table::{Cell, Column, TABLE_PARAMETERS, Table, number, on_request, size, text};
use super::expressions::{EXPRESSION_PARAMETERS, names, read_options, strict_expand_open_and_closed};
use super::health::{ClusterHealth, IndexHealth};
use super::registry::Kind;
use super::search::SEARCH_MAX;
use super::template_merge::{list as list_of, named};
use crate::request::Request;
use crate::response::Response;
use crate::rest::Rest;
use crate::router::{Handled, Route, Router};

const INDICES_PARAMETERS: &[&str] = &["health", "pri", "include_unloaded_segments"];

pub(super) fn routes(router: &mut Router) {
    let get = &[Method::GET];
    let groups: &[&[&str]] = &[TABLE_PARAMETERS, EXPRESSION_PARAMETERS, INDICES_PARAMETERS];
    router.add(Route::new(get, "/_cat", list));
    for path in ["/_cat/indices", "/_cat/indices/{index}"] {
        router.add(Route::new(get, path, indices).parameters(groups));
    }
    for path in ["/_cat/count", "/_cat/count/{index}"] {
        router.add(Route::new(get, path, count).parameters(groups));
    }
    for path in ["/_cat/aliases", "/_cat/aliases/{name}"] {
        router.add(Route::new(get, path, aliases).parameters(groups));
    }
    for path in ["/_cat/templates", "/_cat/templates/{name}"] {
        router.add(Route::new(get, path, templates).parameters(&[TABLE_PARAMETERS]));
    }
    for path in ["/_cat/shards", "/_cat/shards/{index}"] {
        router.add(Route::new(get, path, shards).parameters(groups));
    }
    // rsyslog asks with HEAD before each batch; the reference refuses that, and rsyslog takes any answer.
    router.add(Route::new(get, "/_cat/health", health).parameters(&[TABLE_PARAMETERS]));
    router.add(Route::new(get, "/_cat/nodes", nodes).parameters(&[TABLE_PARAMETERS, &["full_id"]]));
    router.add(Route::new(get, "/_cat/master", master).parameters(&[TABLE_PARAMETERS]));
    router.add(Route::new(get, "/_cat/plugins", plugins).parameters(&[TABLE_PARAMETERS]));
    for path in ["/_cat/fielddata", "/_cat/fielddata/{fields}"] {
        router.add(Route::new(get, path, fielddata).parameters(&[TABLE_PARAMETERS, &["fields"]]));
    }
}

async fn list(_rest: Arc<Rest>, _request: Request) -> Handled {
    let paths = ["aliases", "count", "fielddata", "health", "indices", "master", "nodes", "plugins", "shards", "templates"];
    Ok(Response::text(StatusCode::OK, paths.map(|name| format!("/_cat/{name}\n")).concat()))
}

const INDEX_COLUMNS: &[Column] = &[
    text("health", &["h"], "current health status"),
    text("status", &["s"], "open/close status"),
    text("index", &["i", "idx"], "index name"),
    text("uuid", &["id"], "index uuid"),
    number("pri", &["p", "shards.primary", "shardsPrimary"], "number of primary shards"),
    number("rep", &["r", "shards.replica", "shardsReplica"], "number of replica shards"),
    number("docs.count", &["dc", "docsCount"], "available docs"),
    number("docs.deleted", &["dd", "docsDeleted"], "deleted docs"),
    on_request(number("creation.date", &["cd"], "index creation date (millisecond value)")),
    on_request(text("creation.date.string", &["cds"], "index creation date (as string)")),
    number("store.size", &["ss", "storeSize"], "store size of primaries & replicas"),
    number("pri.store.size", &[], "store size of primaries"),
    number("dataset.size", &["dataset.size"], "total size of dataset"),
];

async fn indices(rest: Arc<Rest>, request: Request) -> Handled {
    let options = read_options(&request.params, strict_expand_open_and_closed())?;
    let unit = request.params.get("bytes");
    let wanted_health = request.params.get("health");
    let mut table = Table::new(INDEX_COLUMNS);
    for info in rest.indices.indices(&names(&request)?, &options).await? {
        let health = IndexHealth::of(&info);
        if wanted_health.is_none_or(|wanted| wanted.eq_ignore_ascii_case(health.status().name())) {
            table.rows.push(index_row(&info, &health, unit));
        }
    }
    table.answer(&request)
}

fn index_row(info: &IndexInfo, health: &IndexHealth, unit: Option<&str>) -> Vec<Cell> {
    let bytes = size(info.bytes, unit);
    [
        health.status().name().to_owned(),
        "open".to_owned(),
        info.name.clone(),
        info.uuid.clone(),
        health.shards.to_string(),
        health.replicas.to_string(),
        info.documents.to_string(),
        info.deleted_documents.to_string(),
        info.created_millis.to_string(),
        watchbell_json::iso_instant(info.created_millis.saturating_mul(1_000_000)),
        bytes.clone(),
        bytes.clone(),
        bytes,
    ]
    .map(Some)
    .to_vec()
}

const COUNT_COLUMNS: &[Column] = &[
    number("epoch", &["t", "time"], "seconds since 1970-01-01 00:00:00"),
    text("timestamp", &["ts", "hms", "hhmmss"], "time in HH:MM:SS"),
    number("count", &["dc", "docs.count", "docsCount"], "the document count"),
];

async fn count(rest: Arc<Rest>, request: Request) -> Handled {
    let search = SearchRequest {
        indices: names(&request)?,
        options: read_options(&request.params, IndicesOptions::search())?,
        search_type: "query_then_fetch".to_owned(),
        body: None,
        now: request.now,
        timeout: SEARCH_MAX,
    };
    let (count, _) = rest.indices.count(&search).await?;
    let mut table = Table::new(COUNT_COLUMNS);
    table.rows.push(vec![Some(request.now.as_second().to_string()), Some(time_of_day(&request)), Some(count.to_string())]);
    table.answer(&request)
}

fn time_of_day(request: &Request) -> String {
    let second = request.now.as_second().rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

const HEALTH_COLUMNS: &[Column] = &[
    number("epoch", &["t", "time"], "seconds since 1970-01-01 00:00:00"),
    text("timestamp", &["ts", "hms", "hhmmss"], "time in HH:MM:SS"),
    text("cluster", &["cl"], "cluster name"),
    text("status", &["st"], "health status"),
    number("node.total", &["nt", "nodeTotal"], "total number of nodes"),
    number("node.data", &["nd", "nodeData"], "number of nodes that can store data"),
    number("shards", &["t", "sh", "shards.total", "shardsTotal"], "total number of shards"),
    number("pri", &["p", "shards.primary", "shardsPrimary"], "number of primary shards"),
    number("relo", &["r", "shards.relocating", "shardsRelocating"], "number of relocating nodes"),
    number("init", &["i", "shards.initializing", "shardsInitializing"], "number of initializing nodes"),
    number("unassign", &["u", "shards.unassigned", "shardsUnassigned"], "number of unassigned shards"),
    number("pending_tasks", &["pt", "pendingTasks"], "number of pending tasks"),
    number("max_task_wait_time", &["mtwt", "maxTaskWaitTime"], "wait time of longest task pending"),
    number("active_shards_percent", &["asp", "activeShardsPercent"], "active number of shards in percent"),
];

async fn health(rest: Arc<Rest>, request: Request) -> Handled {
    let health = ClusterHealth::of_all(&rest).await?;
    let mut table = Table::new(HEALTH_COLUMNS);
    let row = [
        request.now.as_second().to_string(),
        time_of_day(&request),
        rest.settings.cluster_name.clone(),
        health.status().name().to_owned(),
        "1".to_owned(),
        "1".to_owned(),
        health.active().to_string(),
        health.active().to_string(),
        "0".to_owned(),
        "0".to_owned(),
        health.unassigned().to_string(),
        "0".to_owned(),
        "-".to_owned(),
        format!("{:.1}%", health.active_percent()),
    ];
    table.rows.push(row.map(Some).to_vec());
    table.answer(&request)
}

const ALIAS_COLUMNS: &[Column] = &[
    text("alias", &["a"], "alias name"),
    text("index", &["i", "idx"], "index alias points to"),
    text("filter", &["f", "fi"], "filter"),
    text("routing.index", &["ri", "routingIndex"], "index routing"),
    text("routing.search", &["rs", "routingSearch"], "search routing"),
    text("is_write_index", &["w", "isWriteIndex"], "write index"),
];

async fn aliases(rest: Arc<Rest>, request: Request) -> Handled {
    let options = IndicesOptions { expand_hidden: true, ..strict_expand_open_and_closed() };
    let wanted = request.path_list("name");
    let mut table = Table::new(ALIAS_COLUMNS);
    for info in rest.indices.indices(&[], &options).await? {
        for (alias, definition) in info.aliases.as_map().into_iter().flat_map(watchbell_json::Map::iter) {
            if wanted.is_empty() || wanted.iter().any(|pattern| crate::filter_path::wildcard_matches(pattern, alias)) {
                let member = |name: &str| definition.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
                let or_dash = |cell: Option<String>| Some(cell.unwrap_or_else(|| "-".to_owned()));
                table.rows.push(vec![
                    Some(alias.to_string()),
                    Some(info.name.clone()),
                    or_dash(definition.get("filter").map(|_| "*".to_owned())),
                    or_dash(member("index_routing")),
                    or_dash(member("search_routing")),
                    or_dash(member("is_write_index")),
                ]);
            }
        }
    }
    table.answer(&request)
}

const SHARD_COLUMNS: &[Column] = &[
    text("index", &["i", "idx"], "index name"),
    text("shard", &["s", "sh"], "shard name"),
    text("prirep", &["p", "pr", "primaryOrReplica"], "primary or replica"),
    text("state", &["st"], "shard state"),
    number("docs", &["d", "dc"], "number of docs in shard"),
    number("store", &["sto"], "store size of shard"),
    text("ip", &[], "ip of node where it lives"),
    on_request(text("id", &[], "unique id of node where it lives")),
    text("node", &["n"], "name of node where it lives"),
    on_request(text("unassigned.reason", &["ur"], "reason shard became unassigned")),
];

async fn shards(rest: Arc<Rest>, request: Request) -> Handled {
    let options = read_options(&request.params, strict_expand_open_and_closed())?;
    let unit = request.params.get("bytes");
    let mut table = Table::new(SHARD_COLUMNS);
    for info in rest.indices.indices(&names(&request)?, &options).await? {
        let health = IndexHealth::of(&info);
        let named = |kind: &str, state: &str| [info.name.clone(), "0".to_owned(), kind.to_owned(), state.to_owned()].map(Some).to_vec();
        let mut primary = named("p", "STARTED");
        primary.extend([info.documents.to_string(), size(info.bytes, unit), node_ip(&rest), rest.node_id.clone(), rest.settings.node_name.clone()].map(Some));
        primary.push(None);
        table.rows.push(primary);
        for _ in 0..health.replicas {
            let mut replica = named("r", "UNASSIGNED");
            replica.extend([None, None, None, None, None, Some("INDEX_CREATED".to_owned())]);
            table.rows.push(replica);
        }
    }
    table.answer(&request)
}

fn node_ip(rest: &Rest) -> String {
    rest.address.get().map_or_else(|| "127.0.0.1".to_owned(), |address| address.ip().to_string())
}

const NODE_COLUMNS: &[Column] = &[
    on_request(text("id", &["nodeId"], "unique node id")),
    text("ip", &["i"], "ip address"),
    on_request(text("port", &["po"], "bound transport port")),
    on_request(text("http_address", &["http"], "bound http address")),
    on_request(text("version", &["v"], "es version")),
    text("node.role", &["r", "role", "nodeRole"], "roles of the node"),
    text("master", &["m"], "*:current master"),
    text("name", &["n"], "node name"),
];

async fn nodes(rest: Arc<Rest>, request: Request) -> Handled {
    let mut table = Table::new(NODE_COLUMNS);
    let row = [
        rest.node_id.clone(),
        node_ip(&rest),
        rest.address.get().map_or_else(String::new, |address| address.port().to_string()),
        rest.publish_address(),
        rest.version().to_owned(),
        "dim".to_owned(),
        "*".to_owned(),
        rest.settings.node_name.clone(),
    ];
    table.rows.push(row.map(Some).to_vec());
    table.answer(&request)
}

const MASTER_COLUMNS: &[Column] =
    &[text("id", &[], "node id"), text("host", &["h"], "host name"), text("ip", &[], "ip address"), text("node", &["n"], "node name")];

async fn master(rest: Arc<Rest>, request: Request) -> Handled {
    let mut table = Table::new(MASTER_COLUMNS);
    table.rows.push([rest.node_id.clone(), node_ip(&rest), node_ip(&rest), rest.settings.node_name.clone()].map(Some).to_vec());
    table.answer(&request)
}

const PLUGIN_COLUMNS: &[Column] = &[text("name", &["n"], "node name"), text("component", &["c"], "component"), text("version", &["v"], "component version")];

/// There are none.
async fn plugins(_rest: Arc<Rest>, request: Request) -> Handled {
    Table::new(PLUGIN_COLUMNS).answer(&request)
}

const FIELDDATA_COLUMNS: &[Column] = &[
    text("id", &[], "node id"),
    text("host", &["h"], "host name"),
    text("ip", &[], "ip address"),
    text("node", &["n"], "node name"),
    text("field", &["f"], "field name"),
    text("size", &["s"], "field data usage"),
];

/// Text fields are never loaded to be sorted by.
async fn fielddata(_rest: Arc<Rest>, request: Request) -> Handled {
    Table::new(FIELDDATA_COLUMNS).answer(&request)
}

const TEMPLATE_COLUMNS: &[Column] = &[
    text("name", &["n"], "template name"),
    text("index_patterns", &["t"], "template index patterns"),
    text("order", &["o", "p"], "template application order/priority number"),
    text("version", &["v"], "version"),
    text("composed_of", &["c"], "component templates comprising index template"),
];

async fn templates(rest: Arc<Rest>, request: Request) -> Handled {
    let entries = rest.registry.entries(&rest).await?;
    let wanted = request.path_list("name");
    let member = |template: &watchbell_json::Json, name: &str| template.get(name).map(ToString::to_string);
    let listed = |template: &watchbell_json::Json, name: &str| format!("[{}]", list_of(template.get(name)).join(", "));
    let mut table = Table::new(TEMPLATE_COLUMNS);
    for (name, template) in named(&entries, Kind::LegacyTemplate, &wanted) {
        let row =
            [Some(name.to_owned()), Some(listed(template, "index_patterns")), member(template, "order"), member(template, "version"), Some(String::new())];
        table.rows.push(row.to_vec());
    }
    for (name, template) in named(&entries, Kind::IndexTemplate, &wanted) {
        let row = [
            Some(name.to_owned()),
            Some(listed(template, "index_patterns")),
            member(template, "priority"),
            member(template, "version"),
            Some(listed(template, "composed_of")),
        ];
        table.rows.push(row.to_vec());
    }
    table.answer(&request)
}
