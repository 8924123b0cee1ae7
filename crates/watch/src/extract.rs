//! `extract`: the parts of an answer that a watch keeps (spec watcher-parts §3.7).

use watchbell_json::{Json, Map, split_path};

/// What of `value` the dot paths name, in its own structure. Lists are transparent and keep their length; nulls and missing
/// paths are absent. No paths keep everything.
#[must_use]
pub fn extract(value: &Json, paths: &[String]) -> Json {
    if paths.is_empty() {
        return value.clone();
    }
    let paths: Vec<Vec<&str>> = paths.iter().map(|path| split_path(path)).collect();
    let paths: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
    keep(value, &paths).unwrap_or_else(Json::object)
}

/// `None`: nothing of it is wanted.
fn keep(value: &Json, paths: &[&[&str]]) -> Option<Json> {
    if value.is_null() || paths.is_empty() {
        return None;
    }
    if paths.iter().any(|path| path.is_empty()) {
        return Some(value.clone());
    }
    match value {
        Json::Map(map) => {
            let mut kept = Map::new();
            for (name, member) in map.iter() {
                let below: Vec<&[&str]> =
                    paths.iter().filter_map(|path| path.split_first()).filter(|(first, _)| **first == &**name).map(|(_, rest)| rest).collect();
                if let Some(part) = keep(member, &below) {
                    kept.insert(name.clone(), part);
                }
            }
            (!kept.is_empty()).then(|| kept.into())
        }
        Json::List(items) => Some(items.iter().map(|item| keep(item, paths).unwrap_or_else(Json::object)).collect()),
        Json::Null | Json::Bool(_) | Json::Int(_) | Json::Big(_) | Json::Double(_) | Json::Str(_) | Json::Time(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    #[test]
    fn structure_stays_and_lists_are_transparent() {
        let answer = json!({"took": 3, "hits": {"total": 2, "hits": [{"_id": "1", "_source": {"a": 1}}, {"_id": "2"}], "max_score": null}, "hit": 1});
        for (paths, kept) in [
            (&["hits.total"][..], json!({"hits": {"total": 2}})),
            (&["hits"], json!({"hits": {"total": 2, "hits": [{"_id": "1", "_source": {"a": 1}}, {"_id": "2"}], "max_score": null}})),
            (&["hits.hits._source.a"], json!({"hits": {"hits": [{"_source": {"a": 1}}, {}]}})),
            (&["took", "hits.total"], json!({"took": 3, "hits": {"total": 2}})),
            (&["hits.max_score", "gone.x"], json!({})),
            (&["hits.total", "hits.total.deeper"], json!({"hits": {"total": 2}})),
        ] {
            let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
            assert_eq!(extract(&answer, &paths), kept, "{paths:?}");
        }
        assert_eq!(extract(&answer, &[]), answer);
    }
}
