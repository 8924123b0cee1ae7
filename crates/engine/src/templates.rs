//! The one place that renders templates (spec watcher-parts §7.1, §3.3).

use watchbell_json::{Failure, Json};
use watchbell_watch::template::TextTemplate;

/// What marks a text as holding a template at all.
const TAG: &str = "{{";

/// Before a text: it is rendered with JSON escaping.
const JSON_PREFIX: &str = "__json__::";
const TEXT_PREFIX: &str = "__text__::";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escaping {
    Plain,
    Json,
}

/// A text field of an action: its own `params` lie at the root of the model, below `ctx`.
///
/// # Errors
/// What the template language throws; a stored template that does not exist.
pub(crate) fn text(template: &TextTemplate, model: &Json) -> Result<String, Failure> {
    let Some(source) = template.source() else {
        let id = template.stored_id().unwrap_or_default();
        return Err(Failure::new("resource_not_found_exception", format!("unable to find script [{id}] in cluster state")));
    };
    let (source, escaping) = match (source.strip_prefix(JSON_PREFIX), source.strip_prefix(TEXT_PREFIX)) {
        (Some(rest), _) => (rest, Escaping::Json),
        (None, Some(rest)) => (rest, Escaping::Plain),
        (None, None) => (source.as_str(), Escaping::Plain),
    };
    let mut root = template.params().cloned().unwrap_or_else(Json::object);
    root.merge(&Json::object()); // an empty set of params is an object all the same
    for (name, value) in model.as_map().into_iter().flat_map(watchbell_json::Map::iter) {
        root.set(name.clone(), value.clone());
    }
    render(source, &root, escaping)
}

/// A search body: JSON text with JSON escaping; here `params` win over `ctx`.
///
/// # Errors
/// As [`text`].
pub(crate) fn search_body(source: &str, params: Option<&Json>, model: &Json) -> Result<String, Failure> {
    let mut root = model.clone();
    for (name, value) in params.and_then(Json::as_map).into_iter().flat_map(watchbell_json::Map::iter) {
        root.set(name.clone(), value.clone());
    }
    render(source, &root, Escaping::Json)
}

fn render(source: &str, _model: &Json, _escaping: Escaping) -> Result<String, Failure> {
    if !source.contains(TAG) {
        return Ok(source.to_owned());
    }
    Err(Failure::new("general_script_exception", "templates are not built yet"))
}
