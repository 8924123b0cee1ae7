//! `_alias`, read.

use std::sync::Arc;

use http::{Method, StatusCode};
use watchbell_json::{Json, Map};

use super::expressions::{EXPRESSION_PARAMETERS, names, read_options, strict_expand_open_and_closed};
use crate::filter_path::wildcard_matches;
use crate::request::Request;
use crate::response::Response;
use crate::rest::Rest;
use crate::router::{Handled, Route, Router};

const ALIAS_PARAMETERS: &[&str] = &["local", "master_timeout"];

pub(super) fn routes(router: &mut Router) {
    let both = &[Method::GET, Method::HEAD];
    for path in ["/_alias", "/_alias/{name}", "/{index}/_alias", "/{index}/_alias/{name}"] {
        router.add(Route::new(both, path, get_alias).parameters(&[ALIAS_PARAMETERS, EXPRESSION_PARAMETERS]));
    }
}

async fn get_alias(rest: Arc<Rest>, request: Request) -> Handled {
    let options = read_options(&request.params, watchbell_store::IndicesOptions { expand_hidden: true, ..strict_expand_open_and_closed() })?;
    let wanted = request.path_list("name");
    let all = wanted.is_empty() || wanted.iter().any(|name| name == "_all" || name == "*");
    let infos = rest.indices.indices(&names(&request)?, &options).await?;
    let mut answer = Json::object();
    let mut missing: Vec<&String> = wanted.iter().filter(|name| !name.contains('*') && *name != "_all").collect();
    for info in &infos {
        let mut shown = Map::new();
        for (alias, definition) in info.aliases.as_map().into_iter().flat_map(Map::iter) {
            if all || wanted.iter().any(|pattern| wildcard_matches(pattern, alias)) {
                shown.insert(alias.clone(), definition.clone());
                missing.retain(|name| ***name != **alias);
            }
        }
        if wanted.is_empty() || !shown.is_empty() {
            answer.set(info.name.as_str(), Json::object().with("aliases", shown));
        }
    }
    if missing.is_empty() {
        return Ok(Response::ok(answer));
    }
    missing.sort();
    let plural = if missing.len() > 1 { "aliases" } else { "alias" };
    let names = missing.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(",");
    let mut problem = Json::object().with("error", format!("{plural} [{names}] missing")).with("status", 404);
    for (name, value) in answer.as_map().into_iter().flat_map(Map::iter) {
        problem.set(name.clone(), value.clone());
    }
    Ok(Response::json(StatusCode::NOT_FOUND, problem))
}
