//! Dynamic mapping: which type a field gets that the mapping does not know.

use std::sync::Arc;

use watchbell_json::{Failure, Json, Map};
use watchbell_time::TimeZone;
use watchbell_time::date::DateFormat;

use super::coerce::java_parse_double;
use super::{Field, FieldType, Mapping, java_text};
use crate::names::matches_pattern;

/// Longest string that dynamic strings index as keyword.
const KEYWORD_ABOVE: usize = 256;

/// What a template may be asked for.
const MATCH_TYPES: &[&str] = &["object", "string", "long", "double", "boolean", "date", "binary"];

#[derive(Clone, Debug, PartialEq)]
pub struct DynamicTemplate {
    pub name: Arc<str>,
    definition: Json,
    match_type: Option<Arc<str>>,
    matches: Vec<Arc<str>>,
    unmatches: Vec<Arc<str>>,
    path_matches: Vec<Arc<str>>,
    path_unmatches: Vec<Arc<str>>,
}

fn mapper_parsing(reason: impl Into<String>) -> Failure {
    Failure::new("mapper_parsing_exception", reason)
}

fn patterns(value: &Json) -> Vec<Arc<str>> {
    value.as_list().map_or_else(|| vec![value.clone()], <[Json]>::to_vec).iter().map(|pattern| java_text(pattern).into()).collect()
}

impl DynamicTemplate {
    pub(super) fn parse_all(value: &Json) -> Result<Vec<DynamicTemplate>, Failure> {
        let Some(items) = value.as_list() else {
            return Err(mapper_parsing("Dynamic template syntax error. An array of named objects is expected."));
        };
        items.iter().map(DynamicTemplate::parse).collect()
    }

    fn parse(item: &Json) -> Result<DynamicTemplate, Failure> {
        let single = item.as_map().filter(|map| map.len() == 1).and_then(|map| map.iter().next());
        let Some((name, definition)) = single else {
            return Err(mapper_parsing("A dynamic template must be defined with a name"));
        };
        let Some(members) = definition.as_map() else {
            return Err(mapper_parsing("A dynamic template must be defined with a name"));
        };
        let mut template = DynamicTemplate {
            name: name.clone(),
            definition: definition.clone(),
            match_type: None,
            matches: Vec::new(),
            unmatches: Vec::new(),
            path_matches: Vec::new(),
            path_unmatches: Vec::new(),
        };
        for (key, value) in members.iter() {
            match &**key {
                "match" => template.matches = patterns(value),
                "unmatch" => template.unmatches = patterns(value),
                "path_match" => template.path_matches = patterns(value),
                "path_unmatch" => template.path_unmatches = patterns(value),
                "match_mapping_type" => template.match_type = Some(java_text(value).into()),
                "mapping" => {}
                "match_pattern" if java_text(value) == "simple" => {}
                _ => return Err(Failure::illegal_argument(format!("Illegal dynamic template parameter: [{key}]"))),
            }
        }
        if members.get("mapping").and_then(Json::as_map).is_none() {
            return Err(mapper_parsing("template must have mapping set"));
        }
        if template.matches.is_empty() && template.path_matches.is_empty() && template.match_type.is_none() {
            return Err(mapper_parsing(format!("template must have match, path_match or match_mapping_type set {}", java_text(definition))));
        }
        if let Some(wanted) = template.match_type.as_deref().filter(|wanted| *wanted != "*" && !MATCH_TYPES.contains(wanted)) {
            return Err(Failure::illegal_argument(format!("No field type matched on [{wanted}], possible values are [{}]", MATCH_TYPES.join(", "))));
        }
        Ok(template)
    }

    #[must_use]
    pub fn to_json(&self) -> Json {
        Json::object().with(self.name.clone(), self.definition.clone())
    }

    fn applies(&self, path: &str, name: &str, match_type: &str) -> bool {
        let any = |patterns: &[Arc<str>], text: &str| patterns.iter().any(|pattern| matches_pattern(pattern, text));
        self.match_type.as_deref().is_none_or(|wanted| wanted == "*" || wanted == match_type)
            && (self.matches.is_empty() || any(&self.matches, name))
            && (self.path_matches.is_empty() || any(&self.path_matches, path))
            && !any(&self.unmatches, name)
            && !any(&self.path_unmatches, path)
    }

    /// The template's mapping with its placeholders filled.
    fn mapping(&self, name: &str, dynamic_type: &str) -> Map {
        let filled = self.definition.get("mapping").map(|mapping| fill(mapping, name, dynamic_type));
        filled.and_then(|mapping| mapping.as_map().cloned()).unwrap_or_default()
    }
}

fn fill(value: &Json, name: &str, dynamic_type: &str) -> Json {
    let replace = |text: &str| text.replace("{name}", name).replace("{dynamic_type}", dynamic_type).replace("{dynamicType}", dynamic_type);
    match value {
        Json::Str(text) => Json::from(replace(text)),
        Json::List(items) => items.iter().map(|item| fill(item, name, dynamic_type)).collect(),
        Json::Map(map) => map.iter().map(|(key, value)| (replace(key), fill(value, name, dynamic_type))).collect::<Map>().into(),
        other => other.clone(),
    }
}

/// What a value looks like: what templates ask for, and the type without one.
struct Guess {
    match_type: &'static str,
    field: Field,
    /// What `{dynamic_type}` stands for.
    dynamic_type: &'static str,
}

fn plain(match_type: &'static str, kind: FieldType) -> Guess {
    Guess { match_type, dynamic_type: kind.name(), field: Field::of(kind) }
}

fn text_with_keyword() -> Field {
    let mut keyword = Field::of(FieldType::Keyword);
    keyword.ignore_above = Some(KEYWORD_ABOVE);
    keyword.parameters.insert("ignore_above".into(), Json::from(KEYWORD_ABOVE));
    let mut text = Field::of(FieldType::Text);
    text.fields.insert("keyword".into(), Arc::new(keyword));
    text
}

fn guess(mapping: &Mapping, value: &Json) -> Option<Guess> {
    Some(match value {
        Json::Int(_) | Json::Big(_) => plain("long", FieldType::Long),
        Json::Double(_) => plain("double", FieldType::Float),
        Json::Bool(_) => plain("boolean", FieldType::Boolean),
        Json::Str(text) => guess_text(mapping, text),
        Json::Time(_) => plain("date", FieldType::Date),
        Json::Null | Json::List(_) | Json::Map(_) => return None,
    })
}

fn guess_text(mapping: &Mapping, text: &str) -> Guess {
    let number = java_parse_double(text);
    if mapping.numeric_detection == Some(true) && number.is_some_and(f64::is_finite) {
        return if text.parse::<i64>().is_ok() { plain("long", FieldType::Long) } else { plain("double", FieldType::Float) };
    }
    // What reads as a number is never taken for a date, or years and counts would be.
    if mapping.date_detection != Some(false)
        && number.is_none()
        && let Some(field) = guess_date(mapping, text)
    {
        return Guess { match_type: "date", dynamic_type: "date", field };
    }
    Guess { match_type: "string", dynamic_type: "text", field: text_with_keyword() }
}

fn guess_date(mapping: &Mapping, text: &str) -> Option<Field> {
    let fits = |format: &str| {
        // Shortest date is `2026-11`: cheap refusal of what cannot be one.
        let format = DateFormat::new(format).ok().filter(|_| text.len() >= 4)?;
        format.parse(text, &TimeZone::UTC).ok().map(|_| format)
    };
    match &mapping.dynamic_date_formats {
        Some(formats) => formats.iter().find_map(|format| fits(format)).map(dated),
        None if !text.starts_with(|c: char| c.is_ascii_digit()) => None,
        None => {
            let [iso, slashed] = DateFormat::DYNAMIC;
            fits(iso).map(|_| Field::of(FieldType::Date)).or_else(|| fits(slashed).map(dated))
        }
    }
}

fn dated(format: DateFormat) -> Field {
    let mut field = Field::of(FieldType::Date);
    if format.as_str() != DateFormat::DEFAULT {
        field.parameters.insert("format".into(), Json::from(format.as_str()));
    }
    field.format = Some(Arc::new(format));
    field
}

impl Mapping {
    /// The field that a value makes under a name nothing is known of; `None` for what makes none.
    ///
    /// # Errors
    /// `mapper_parsing_exception` when a template's mapping cannot be read.
    pub(super) fn dynamic_field(&self, path: &str, name: &str, value: &Json) -> Result<Option<Field>, Failure> {
        let Some(guess) = guess(self, value) else { return Ok(None) };
        let Some(template) = self.templates.iter().find(|template| template.applies(path, name, guess.match_type)) else {
            return Ok(Some(guess.field));
        };
        let definition = template.mapping(name, guess.dynamic_type);
        let kind = definition.get("type").map_or_else(|| guess.dynamic_type.to_owned(), java_text);
        super::parse::field(&kind, &definition, name, true).map(Some)
    }

    /// The field that a new object becomes by a template that gives it a leaf's type or switches it off; `None` for an
    /// ordinary object.
    pub(super) fn dynamic_object(&self, path: &str, name: &str) -> Option<Map> {
        let template = self.templates.iter().find(|template| template.applies(path, name, "object"))?;
        Some(template.mapping(name, "object"))
    }
}
