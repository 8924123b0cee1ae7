//! A mapping as `GET _mapping` shows it, and values as Java's own printing shows them in errors.

use watchbell_json::{Json, Map, java_double};

use super::{Dynamic, Field, FieldType, Mapping, Node, ObjectField};

impl Mapping {
    /// `{}` when nothing is mapped.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut out = Json::object();
        if let Some(dynamic) = self.root.dynamic {
            out.set("dynamic", dynamic.name());
        }
        for (name, value) in &self.meta {
            out.set(name.clone(), value.clone());
        }
        if let Some(formats) = &self.dynamic_date_formats {
            out.set("dynamic_date_formats", formats.iter().cloned().collect::<Json>());
        }
        if !self.templates.is_empty() {
            out.set("dynamic_templates", self.templates.iter().map(super::DynamicTemplate::to_json).collect::<Json>());
        }
        if let Some(on) = self.date_detection {
            out.set("date_detection", on);
        }
        if let Some(on) = self.numeric_detection {
            out.set("numeric_detection", on);
        }
        if self.root.disabled {
            out.set("enabled", false);
        }
        if !self.root.properties.is_empty() {
            out.set("properties", properties(&self.root));
        }
        out
    }
}

impl Dynamic {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Dynamic::True => "true",
            Dynamic::False => "false",
            Dynamic::Strict => "strict",
        }
    }
}

fn properties(object: &ObjectField) -> Json {
    object.properties.iter().map(|(name, node)| (name.clone(), node.to_json())).collect::<Map>().into()
}

impl Node {
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Node::Leaf(field) => field.to_json(),
            Node::Object(object) => {
                let mut out = Json::object();
                if object.properties.is_empty() {
                    out.set("type", "object");
                }
                if let Some(dynamic) = object.dynamic {
                    out.set("dynamic", dynamic.name());
                }
                if object.disabled {
                    out.set("enabled", false);
                }
                if !object.properties.is_empty() {
                    out.set("properties", properties(object));
                }
                out
            }
        }
    }
}

impl Field {
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut out = Json::object().with("type", self.kind.name());
        if let FieldType::Alias(path) = &self.kind {
            out.set("path", path.clone());
        }
        for (name, value) in &self.parameters {
            out.set(name.clone(), value.clone());
        }
        if !self.fields.is_empty() {
            out.set("fields", self.fields.iter().map(|(name, field)| (name.clone(), field.to_json())).collect::<Map>());
        }
        out
    }
}

/// Deepest level that errors show of a value: they repeat what was sent, and recurse.
const SHOWN_DEPTH: usize = 20;

/// A value as Java prints maps and lists: `{a=1, b=[x, y]}`; what lies too deep is `...`.
#[must_use]
pub fn java_text(value: &Json) -> String {
    shown(value, 0)
}

fn shown(value: &Json, depth: usize) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::Str(text) => text.to_string(),
        Json::Double(number) => java_double(*number),
        Json::List(_) | Json::Map(_) if depth >= SHOWN_DEPTH => "...".to_owned(),
        Json::List(items) => format!("[{}]", items.iter().map(|item| shown(item, depth + 1)).collect::<Vec<_>>().join(", ")),
        Json::Map(map) => {
            let members: Vec<String> = map.iter().map(|(key, value)| format!("{key}={}", shown(value, depth + 1))).collect();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}
