//! Which templates make an index, and what of: pure.

use watchbell_json::{Json, Map};
use watchbell_store::CreateIndex;

use super::mapping::without_type;
use super::registry::{Entries, Kind};
use crate::filter_path::wildcard_matches;

/// Settings, mappings and aliases that the templates give an index of this name; `None` when none fits.
///
/// The best fitting index template counts alone; without one, all fitting legacy templates are merged in their order.
pub(super) fn template_for(entries: &Entries, index: &str) -> Option<CreateIndex> {
    let fitting = |kind: Kind| entries.iter().filter(move |((known, _), template)| *known == kind && fits(template, index));
    if let Some((_, template)) = fitting(Kind::IndexTemplate).max_by_key(|(_, template)| priority(template)) {
        return Some(composed(entries, template));
    }
    let mut legacy: Vec<&Json> = fitting(Kind::LegacyTemplate).map(|(_, template)| template).collect();
    legacy.sort_by_key(|template| template.get("order").and_then(Json::as_i64).unwrap_or(0));
    (!legacy.is_empty()).then(|| {
        let mut made = CreateIndex::default();
        for template in legacy {
            add(&mut made, template);
        }
        made
    })
}

/// An index template over its components, in their order.
fn composed(entries: &Entries, template: &Json) -> CreateIndex {
    let mut made = CreateIndex::default();
    for name in list(template.get("composed_of")) {
        if let Some(part) = entries.get(&(Kind::ComponentTemplate, name)).and_then(|component| component.get("template")) {
            add(&mut made, part);
        }
    }
    if let Some(own) = template.get("template") {
        add(&mut made, own);
    }
    made
}

/// What a request asks for, over what templates give.
pub(super) fn over_template(template: CreateIndex, request: &CreateIndex) -> CreateIndex {
    let mut made = template;
    let normal = |settings: &Json| normal_settings(settings);
    merge_into(&mut made.settings, request.settings.as_ref().map(normal).as_ref());
    merge_into(&mut made.mappings, request.mappings.as_ref());
    merge_into(&mut made.aliases, request.aliases.as_ref());
    made
}

fn add(made: &mut CreateIndex, part: &Json) {
    merge_into(&mut made.settings, part.get("settings").map(normal_settings).as_ref());
    merge_into(&mut made.mappings, part.get("mappings").map(without_type).as_ref());
    merge_into(&mut made.aliases, part.get("aliases"));
}

fn merge_into(made: &mut Option<Json>, part: Option<&Json>) {
    let Some(part) = part else { return };
    let mut part = part.clone();
    // Dynamic templates are a list: later ones stand before earlier ones, which thereby stay in force.
    if let (Some(old), Some(new)) =
        (made.as_ref().and_then(|made| made.get("dynamic_templates")).and_then(Json::as_list), part.get("dynamic_templates").and_then(Json::as_list))
    {
        let both: Json = new.iter().chain(old).cloned().collect();
        part.set("dynamic_templates", both);
    }
    made.get_or_insert_with(Json::object).merge(&part);
}

fn fits(template: &Json, index: &str) -> bool {
    list(template.get("index_patterns")).iter().any(|pattern| wildcard_matches(pattern, index))
}

pub(super) fn priority(template: &Json) -> i64 {
    template.get("priority").and_then(Json::as_i64).unwrap_or(0)
}

/// A string, or a list of them.
pub(super) fn list(value: Option<&Json>) -> Vec<String> {
    match value {
        Some(Json::Str(one)) => vec![one.to_string()],
        Some(Json::List(items)) => items.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Whether some index could be called so that both patterns fit.
pub(super) fn overlap(a: &str, b: &str) -> bool {
    match (a.as_bytes(), b.as_bytes()) {
        ([], []) => true,
        ([b'*', rest @ ..], other) | (other, [b'*', rest @ ..]) => {
            let rest = std::str::from_utf8(rest).unwrap_or("");
            let other = std::str::from_utf8(other).unwrap_or("");
            (0..=other.len()).filter(|at| other.is_char_boundary(*at)).any(|at| overlap(rest, &other[at..]))
                || other.starts_with('*') && overlap(rest, &other[1..])
        }
        ([x, ..], [y, ..]) if x == y => overlap(&a[1..], &b[1..]),
        _ => false,
    }
}

/// Settings as they are given back: nested below `index`, values as text.
pub(super) fn normal_settings(settings: &Json) -> Json {
    let mut flat = Vec::new();
    flatten(settings, "", &mut flat);
    let mut root = Json::object();
    for (name, value) in flat {
        let name = if name.starts_with("index.") { name } else { format!("index.{name}") };
        let parts: Vec<&str> = name.split('.').collect();
        super::index_settings::set_at(&mut root, &parts, value);
    }
    root
}

fn flatten(value: &Json, prefix: &str, out: &mut Vec<(String, Json)>) {
    match value {
        Json::Map(members) => {
            for (name, member) in members.iter() {
                flatten(member, &if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") }, out);
            }
        }
        Json::List(items) => out.push((prefix.to_owned(), items.iter().map(as_text).collect())),
        other => out.push((prefix.to_owned(), as_text(other))),
    }
}

fn as_text(value: &Json) -> Json {
    match value {
        Json::Str(_) | Json::Null => value.clone(),
        other => other.to_string().into(),
    }
}

/// Entries of one kind whose names fit one of the patterns; all if there are none.
pub(super) fn named<'e>(entries: &'e Entries, kind: Kind, patterns: &[String]) -> Vec<(&'e str, &'e Json)> {
    let all = patterns.is_empty();
    let fitting = entries.iter().filter(|((known, name), _)| *known == kind && (all || patterns.iter().any(|pattern| wildcard_matches(pattern, name))));
    fitting.map(|((_, name), value)| (name.as_str(), value)).collect()
}

/// As an object by name.
pub(super) fn by_name<'e>(entries: impl IntoIterator<Item = (&'e str, &'e Json)>) -> Json {
    entries.into_iter().map(|(name, value)| (name, value.clone())).collect::<Map>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    fn entries(all: &[(Kind, &str, Json)]) -> Entries {
        all.iter().map(|(kind, name, value)| ((*kind, (*name).to_owned()), value.clone())).collect()
    }

    #[test]
    fn legacy_templates_are_merged_in_their_order() {
        let entries = entries(&[
            (
                Kind::LegacyTemplate,
                "b",
                json!({"index_patterns": ["logs-*"], "order": 1, "settings": {"index.refresh_interval": "8s"}, "mappings": {"properties": {"b": {"type": "long"}}}}),
            ),
            (
                Kind::LegacyTemplate,
                "a",
                json!({"index_patterns": "*", "order": 0, "settings": {"refresh_interval": "9s", "number_of_replicas": 0}, "mappings": {"properties": {"a": {"type": "keyword"}}}}),
            ),
        ]);
        let made = template_for(&entries, "logs-1").unwrap();
        assert_eq!(made.settings, Some(json!({"index": {"refresh_interval": "8s", "number_of_replicas": "0"}})));
        assert_eq!(made.mappings, Some(json!({"properties": {"a": {"type": "keyword"}, "b": {"type": "long"}}})));
    }

    #[test]
    fn the_best_index_template_counts_alone() {
        let entries = entries(&[
            (Kind::LegacyTemplate, "l", json!({"index_patterns": ["*"], "mappings": {"properties": {"l": {"type": "long"}}}})),
            (Kind::ComponentTemplate, "c", json!({"template": {"mappings": {"properties": {"c": {"type": "ip"}}}}})),
            (Kind::IndexTemplate, "low", json!({"index_patterns": ["logs-*"], "priority": 1})),
            (
                Kind::IndexTemplate,
                "high",
                json!({"index_patterns": ["logs-*"], "priority": 5, "composed_of": ["c"], "template": {"mappings": {"properties": {"z": {"type": "long"}}}}}),
            ),
        ]);
        let made = template_for(&entries, "logs-1").unwrap();
        assert_eq!(made.mappings, Some(json!({"properties": {"c": {"type": "ip"}, "z": {"type": "long"}}})));
        assert_eq!(template_for(&entries, "other").unwrap().mappings, Some(json!({"properties": {"l": {"type": "long"}}})));
        assert!(template_for(&Entries::new(), "other").is_none());
    }

    #[test]
    fn patterns_overlap_or_not() {
        for (a, b, expected) in
            [("wbc-t-*", "wbc-t-1*", true), ("a*", "b*", false), ("*", "x", true), ("a*c", "ab*", true), ("ab", "ab", true), ("ab", "abc", false)]
        {
            assert_eq!(overlap(a, b), expected, "{a} {b}");
            assert_eq!(overlap(b, a), expected, "{b} {a}");
        }
    }
}
