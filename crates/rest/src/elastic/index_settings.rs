//! `_settings`, read: nested or flat, all or some, with or without the defaults.

use std::sync::Arc;

use http::Method;
use watchbell_json::{Json, Map};
use watchbell_store::IndexInfo;

use super::expressions::{EXPRESSION_PARAMETERS, names, read_options, strict_expand_open_and_closed};
use crate::filter_path::wildcard_matches;
use crate::request::Request;
use crate::response::Response;
use crate::rest::Rest;
use crate::router::{Handled, Route, Router};

const SETTINGS_PARAMETERS: &[&str] = &["flat_settings", "include_defaults", "local", "master_timeout"];

/// What holds where nothing is set.
const DEFAULTS: &[(&str, &str)] = &[
    ("index.mapping.coerce", "false"),
    ("index.mapping.depth.limit", "20"),
    ("index.mapping.ignore_malformed", "false"),
    ("index.mapping.total_fields.limit", "1000"),
    ("index.max_inner_result_window", "100"),
    ("index.max_result_window", "10000"),
    ("index.max_terms_count", "65536"),
    ("index.refresh_interval", "1s"),
];

pub(super) fn routes(router: &mut Router) {
    for path in ["/_settings", "/_settings/{name}", "/{index}/_settings", "/{index}/_settings/{name}"] {
        router.add(Route::new(&[Method::GET], path, get_settings).parameters(&[SETTINGS_PARAMETERS, EXPRESSION_PARAMETERS]));
    }
}

async fn get_settings(rest: Arc<Rest>, request: Request) -> Handled {
    let options = read_options(&request.params, strict_expand_open_and_closed())?;
    let flat = request.params.flag_or("flat_settings", false)?;
    let defaults = request.params.flag_or("include_defaults", false)?;
    let wanted: Vec<String> = request.path_list("name").into_iter().filter(|name| name != "_all" && name != "*").collect();
    let infos = rest.indices.indices(&names(&request)?, &options).await?;
    let mut answer = Json::object();
    for info in &infos {
        let shown = shown_settings(info, &wanted, flat, defaults);
        let nothing = shown.get("settings").and_then(Json::as_map).is_none_or(Map::is_empty) && shown.get("defaults").is_none();
        if wanted.is_empty() || !nothing {
            answer.set(info.name.as_str(), shown);
        }
    }
    Ok(Response::ok(answer))
}

/// `{"settings": …}`, and `defaults` where they are asked for; only the `wanted` ones, all if none is named.
pub(super) fn shown_settings(info: &IndexInfo, wanted: &[String], flat: bool, defaults: bool) -> Json {
    let set = flat_settings(info);
    let keep = |name: &str| wanted.is_empty() || wanted.iter().any(|pattern| wildcard_matches(pattern, name));
    let shape = |settings: Vec<(String, Json)>| if flat { settings.into_iter().collect::<Map>().into() } else { nested(settings) };
    let shown = set.iter().filter(|(name, _)| keep(name)).cloned().collect();
    let answer = Json::object().with("settings", shape(shown));
    if !defaults {
        return answer;
    }
    let unset = DEFAULTS.iter().filter(|(name, _)| keep(name) && set.iter().all(|(known, _)| known != name));
    answer.with("defaults", shape(unset.map(|(name, value)| ((*name).to_owned(), Json::from(*value))).collect()))
}

/// All settings by their dotted names.
pub(super) fn flat_settings(info: &IndexInfo) -> Vec<(String, Json)> {
    let mut flat = Vec::new();
    let prefix = if info.settings.get("index").is_some() { "" } else { "index" };
    flatten(&info.settings, prefix, &mut flat);
    flat
}

fn flatten(value: &Json, prefix: &str, out: &mut Vec<(String, Json)>) {
    match value {
        Json::Map(members) => {
            for (name, member) in members.iter() {
                let path = if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") };
                flatten(member, &path, out);
            }
        }
        other => out.push((prefix.to_owned(), other.clone())),
    }
}

fn nested(settings: Vec<(String, Json)>) -> Json {
    let mut root = Json::object();
    for (name, value) in settings {
        let parts: Vec<&str> = name.split('.').collect();
        set_at(&mut root, &parts, value);
    }
    root
}

pub(super) fn set_at(at: &mut Json, parts: &[&str], value: Json) {
    match parts {
        [] => *at = value,
        [name, rest @ ..] => {
            let members = at.make_map();
            if !members.contains_key(name) {
                members.insert(*name, Json::Null);
            }
            if let Some(member) = members.get_mut(name) {
                set_at(member, rest, value);
            }
        }
    }
}

/// A whole number among the settings, `number_of_replicas` for one.
pub(super) fn number_setting(info: &IndexInfo, name: &str) -> Option<u64> {
    let value = info.settings.at(&["index", name]).or_else(|| info.settings.get(name))?;
    value.as_str().and_then(|text| text.parse().ok()).or_else(|| value.as_i64().and_then(|number| number.try_into().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    fn info() -> IndexInfo {
        IndexInfo {
            name: "logs".to_owned(),
            uuid: "u".to_owned(),
            created_millis: 0,
            settings: json!({"index": {"number_of_shards": "1", "number_of_replicas": "0", "version": {"created": "1"}}}),
            mapping: json!({}),
            aliases: json!({}),
            hidden: false,
            documents: 0,
            deleted_documents: 0,
            bytes: 0,
        }
    }

    #[test]
    fn settings_are_shown_as_asked() {
        let wanted = ["index.number_of_*".to_owned()];
        assert_eq!(shown_settings(&info(), &wanted, true, false), json!({"settings": {"index.number_of_shards": "1", "index.number_of_replicas": "0"}}));
        assert_eq!(shown_settings(&info(), &wanted, false, false), json!({"settings": {"index": {"number_of_shards": "1", "number_of_replicas": "0"}}}));
        assert_eq!(shown_settings(&info(), &[], false, true).at(&["defaults", "index", "refresh_interval"]), Some(&Json::from("1s")));
        assert_eq!(number_setting(&info(), "number_of_replicas"), Some(0));
    }
}
