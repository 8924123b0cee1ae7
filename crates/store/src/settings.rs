//! An index's settings: given flat or nested, kept flat, given back nested with every value as a string.

use std::collections::BTreeMap;

use watchbell_json::{Failure, Json};

use crate::mapping::{MappingLimits, java_text};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct IndexSettings {
    /// By full name, `index.number_of_shards`.
    values: BTreeMap<String, Json>,
}

/// Settings that only the store itself sets.
const PRIVATE: &[&str] = &["index.uuid", "index.creation_date", "index.version.created", "index.provided_name"];

impl IndexSettings {
    /// # Errors
    /// `illegal_argument_exception` for values that cannot be.
    pub fn parse(settings: Option<&Json>) -> Result<IndexSettings, Failure> {
        let mut flat = BTreeMap::new();
        if let Some(settings) = settings {
            flatten(settings, "", &mut flat, 0)?;
        }
        let prefixed = |name: String| if name.starts_with("index.") { name } else { format!("index.{name}") };
        let values: BTreeMap<String, Json> = flat.into_iter().map(|(name, value)| (prefixed(name), value)).collect();
        for name in PRIVATE {
            if values.contains_key(*name) {
                return Err(Failure::illegal_argument(format!("private index setting [{name}] can not be set explicitly")));
            }
        }
        let settings = IndexSettings { values };
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), Failure> {
        for (name, least) in [("index.number_of_shards", 1), ("index.number_of_replicas", 0)] {
            let Some(text) = self.text(name) else { continue };
            let number: i64 = text.parse().map_err(|_| Failure::illegal_argument(format!("Failed to parse value [{text}] for setting [{name}]")))?;
            if number < least {
                return Err(Failure::illegal_argument(format!("Failed to parse value [{text}] for setting [{name}] must be >= {least}")));
            }
        }
        if let Some(text) = self.text("index.refresh_interval") {
            crate::dates::time_value("index.refresh_interval", &text)?;
        }
        Ok(())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.values.get(name).filter(|value| !value.is_null()).map(java_text)
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.text(name).and_then(|text| text.parse().ok())
    }

    #[must_use]
    pub fn hidden(&self) -> bool {
        self.text("index.hidden").as_deref() == Some("true")
    }

    #[must_use]
    pub fn limits(&self) -> MappingLimits {
        let default = MappingLimits::default();
        MappingLimits {
            fields: self.number("index.mapping.total_fields.limit").unwrap_or(default.fields),
            depth: self.number("index.mapping.depth.limit").unwrap_or(default.depth),
            field_name: self.number("index.mapping.field_name_length.limit").unwrap_or(default.field_name),
        }
    }

    /// As `GET _settings` shows them, with those the store sets itself.
    #[must_use]
    pub fn to_json(&self, name: &str, uuid: &str, created_millis: i64) -> Json {
        let mut all = self.values.clone();
        for (setting, default) in [("index.number_of_shards", "1"), ("index.number_of_replicas", "1")] {
            all.entry(setting.to_owned()).or_insert_with(|| Json::from(default));
        }
        let own = [
            ("index.creation_date", created_millis.to_string()),
            ("index.uuid", uuid.to_owned()),
            ("index.version.created", VERSION_CREATED.to_owned()),
            ("index.provided_name", name.to_owned()),
        ];
        all.extend(own.into_iter().map(|(setting, value)| (setting.to_owned(), Json::from(value))));
        let mut nested = Json::object();
        for (setting, value) in all {
            place(&mut nested, &setting, as_strings(&value));
        }
        nested
    }
}

/// The version that indices say they were made by, in Elasticsearch's numbering of 8.x.
const VERSION_CREATED: &str = "8503000";

fn as_strings(value: &Json) -> Json {
    match value {
        Json::List(items) => items.iter().map(|item| Json::from(java_text(item))).collect(),
        Json::Null => Json::Null,
        other => Json::from(java_text(other)),
    }
}

/// Deepest nesting of settings: no setting's name has more parts.
const SETTINGS_DEPTH: usize = 20;

fn flatten(value: &Json, path: &str, out: &mut BTreeMap<String, Json>, depth: usize) -> Result<(), Failure> {
    if depth > SETTINGS_DEPTH {
        return Err(Failure::illegal_argument(format!("settings are nested deeper than {SETTINGS_DEPTH} levels")));
    }
    match value.as_map() {
        Some(members) => {
            for (name, value) in members.iter() {
                let path = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
                flatten(value, &path, out, depth + 1)?;
            }
        }
        None if path.is_empty() => {}
        None => {
            out.insert(path.to_owned(), value.clone());
        }
    }
    Ok(())
}

fn place(object: &mut Json, path: &str, value: Json) {
    let members = object.make_map();
    match path.split_once('.') {
        None => {
            members.insert(path, value);
        }
        Some((name, rest)) => {
            if members.get(name).is_none_or(|inner| inner.as_map().is_none()) {
                members.insert(name, Json::object());
            }
            if let Some(inner) = members.get_mut(name) {
                place(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    #[test]
    fn flat_and_nested_settings_are_the_same() {
        let nested = json!({"index.number_of_shards": "1", "index": {"refresh_interval": "5s"}, "hidden": true});
        let settings = IndexSettings::parse(Some(&nested)).unwrap();
        assert!(settings.hidden());
        let shown = settings.to_json("a", "u", 5);
        assert_eq!(shown.at(&["index", "refresh_interval"]), Some(&Json::from("5s")));
        assert_eq!(shown.at(&["index", "number_of_replicas"]), Some(&Json::from("1")));
        assert_eq!(shown.at(&["index", "hidden"]), Some(&Json::from("true")));
    }

    #[test]
    fn impossible_values_are_refused() {
        for (settings, reason) in [
            (json!({"number_of_shards": 0}), "Failed to parse value [0] for setting [index.number_of_shards] must be >= 1"),
            (
                json!({"refresh_interval": "10"}),
                "failed to parse setting [index.refresh_interval] with value [10] as a time value: unit is missing or unrecognized",
            ),
            (json!({"index.uuid": "x"}), "private index setting [index.uuid] can not be set explicitly"),
        ] {
            assert_eq!(IndexSettings::parse(Some(&settings)).unwrap_err().reason_text(), reason);
        }
    }
}
