//! Text fields that may be templates (spec watcher-parts §7.1). Rendering is the engine's; here they are read and printed.

use watchbell_json::{Failure, Json, Map, token_name};

/// A text field that may be a template: a string, or an object with `source`/`id` and `params`; kept as it prints back.
#[derive(Clone, Debug, PartialEq)]
pub struct TextTemplate(pub Json);

impl TextTemplate {
    #[must_use]
    pub fn text(text: impl Into<String>) -> TextTemplate {
        TextTemplate(Json::from(text.into()))
    }

    /// A string, number or boolean, or a script object; old names (`inline`, `stored`) are taken and printed as the new ones.
    ///
    /// # Errors
    /// `parse_exception`.
    pub fn parse(value: &Json) -> Result<TextTemplate, Failure> {
        match value {
            Json::Str(_) => Ok(TextTemplate(value.clone())),
            Json::Bool(_) | Json::Int(_) | Json::Big(_) | Json::Double(_) => Ok(TextTemplate::text(crate::java::text(value))),
            Json::Map(map) => script_object(map).map(TextTemplate),
            Json::Null | Json::Time(_) | Json::List(_) => {
                Err(Failure::parse(format!("expected a string or an object as a template but found [{}] instead", token_name(value))))
            }
        }
    }

    /// The template's text: a string's own, or an inline `source` (an object as source in its JSON text). `None`: stored.
    #[must_use]
    pub fn source(&self) -> Option<String> {
        match self.0.get("source") {
            None => self.0.as_str().map(str::to_owned),
            Some(Json::Str(text)) => Some(text.to_string()),
            Some(object) => Some(object.to_string()),
        }
    }

    /// The id of a stored template.
    #[must_use]
    pub fn stored_id(&self) -> Option<&str> {
        self.0.get("id").and_then(Json::as_str)
    }

    #[must_use]
    pub fn params(&self) -> Option<&Json> {
        self.0.get("params")
    }

    /// The content type that a body in this template presets: given in `options`, or JSON for an object as `source`.
    #[must_use]
    pub fn content_type(&self) -> Option<String> {
        if let Some(given) = self.0.at(&["options", "content_type"]).and_then(Json::as_str) {
            return Some(given.to_owned());
        }
        matches!(self.0.get("source"), Some(Json::Map(_) | Json::List(_))).then(|| "application/json".to_owned())
    }
}

fn script_object(map: &Map) -> Result<Json, Failure> {
    let mut canonical = Json::object();
    for (name, value) in map.iter() {
        let (name, fits) = match &**name {
            "source" | "inline" => ("source", matches!(value, Json::Str(_) | Json::Map(_))),
            "id" | "stored" => ("id", matches!(value, Json::Str(_))),
            "lang" => ("lang", matches!(value, Json::Str(_))),
            "params" => ("params", matches!(value, Json::Map(_))),
            "options" => ("options", matches!(value, Json::Map(_))),
            unknown => {
                return Err(Failure::parse(format!("unexpected field [{unknown}] in a template")));
            }
        };
        if !fits {
            return Err(Failure::parse(format!("unexpected token [{}] for [{name}] in a template", token_name(value))));
        }
        canonical.set(name, value.clone());
    }
    match (canonical.get("source"), canonical.get("id")) {
        (None, None) => Err(Failure::illegal_argument("must specify either [source] for an inline script or [id] for a stored script")),
        (Some(_), Some(_)) => Err(Failure::illegal_argument("must specify either [source] for an inline script or [id] for a stored script, not both")),
        _ => Ok(canonical),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    #[test]
    fn strings_stay_strings_and_objects_objects() {
        for (given, printed) in [
            (json!("a {{b}}"), json!("a {{b}}")),
            (json!({"inline": "x", "params": {"a": 1}}), json!({"source": "x", "params": {"a": 1}})),
            (json!({"stored": "t"}), json!({"id": "t"})),
            (json!({"source": {"a": "{{b}}"}}), json!({"source": {"a": "{{b}}"}})),
            (json!(5), json!("5")),
        ] {
            assert_eq!(TextTemplate::parse(&given).unwrap().0, printed);
        }
        for bad in [json!(null), json!([]), json!({}), json!({"source": 1}), json!({"source": "x", "id": "y"}), json!({"file": "x"})] {
            assert!(TextTemplate::parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_object_as_source_is_json() {
        let template = TextTemplate::parse(&json!({"source": {"a": "{{b}}"}})).unwrap();
        assert_eq!(template.source().as_deref(), Some(r#"{"a":"{{b}}"}"#));
        assert_eq!(template.content_type().as_deref(), Some("application/json"));
        assert_eq!(TextTemplate::text("x").content_type(), None);
    }
}
