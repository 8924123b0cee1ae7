//! JSON to mappings, with the reference's errors.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchbell_json::{Failure, Json, Map};

use super::coerce::{Coercion, coerce};
use super::{Dynamic, DynamicTemplate, Field, FieldType, Mapping, Node, ObjectField, java_text};
use crate::analysis::Analyzer;
use crate::dates;

/// Deepest nesting that is parsed at all, whatever an index's own limit says: the parser recurses.
const NESTING_MAX: usize = 64;

fn mapper_parsing(reason: impl Into<String>) -> Failure {
    Failure::new("mapper_parsing_exception", reason)
}

impl Mapping {
    /// Parses `{"properties": …}`, also an empty object.
    ///
    /// # Errors
    /// `mapper_parsing_exception` and `illegal_argument_exception` as the reference words them.
    pub fn parse(body: &Json) -> Result<Mapping, Failure> {
        let Some(members) = body.as_map() else {
            return Err(mapper_parsing(format!("Expected map for mapping but got {}", java_text(body))));
        };
        if members.len() == 1 && members.get("_doc").is_some_and(|inner| inner.as_map().is_some()) {
            return Err(Failure::illegal_argument("The mapping definition cannot be nested under a type [_doc] unless include_type_name is set to true."));
        }
        let mut mapping = Mapping::default();
        let mut unsupported = Vec::new();
        for (name, value) in members.iter() {
            match &**name {
                "properties" => mapping.root.properties = properties(value, "", 0)?,
                "dynamic" => mapping.root.dynamic = Some(dynamic(value, "dynamic")?),
                "enabled" => mapping.root.disabled = !boolean(value, "enabled", "")?,
                "date_detection" => mapping.date_detection = Some(boolean(value, "date_detection", "")?),
                "numeric_detection" => mapping.numeric_detection = Some(boolean(value, "numeric_detection", "")?),
                "dynamic_date_formats" => mapping.dynamic_date_formats = Some(date_formats(value)?),
                "dynamic_templates" => mapping.templates = DynamicTemplate::parse_all(value)?,
                "_meta" | "_source" | "_routing" | "_data_stream_timestamp" | "_field_names" | "_size" => {
                    mapping.meta.insert(name.clone(), value.clone());
                }
                "runtime" if value.as_map().is_some_and(Map::is_empty) => {}
                _ => unsupported.push(format!("[{name} : {}]", java_text(value))),
            }
        }
        if unsupported.is_empty() {
            return Ok(mapping);
        }
        Err(mapper_parsing(format!("Root mapping definition has unsupported parameters:  {}", unsupported.join(" "))))
    }

    /// As [`Mapping::parse`], with errors wrapped as the creation of an index does.
    ///
    /// # Errors
    /// `mapper_parsing_exception`, `Failed to parse mapping: …`.
    pub fn parse_at_creation(body: &Json) -> Result<Mapping, Failure> {
        Mapping::parse(body).map_err(|failure| {
            if failure.reason_text().starts_with("The mapping definition cannot be nested") {
                return failure;
            }
            // The reference itself names the type in this one alone.
            let of = if failure.reason_text().starts_with("template must have match,") { " [_doc]" } else { "" };
            mapper_parsing(format!("Failed to parse mapping{of}: {}", failure.reason_text())).caused_by(failure)
        })
    }
}

fn date_formats(value: &Json) -> Result<Vec<Arc<str>>, Failure> {
    let list = value.as_list().map_or_else(|| vec![value.clone()], <[Json]>::to_vec);
    let texts = list.iter().filter_map(Json::as_str).map(Arc::<str>::from).filter(|text| &**text != "none");
    texts.map(|text| dates::format(&text).map(|_| text.clone())).collect()
}

fn dynamic(value: &Json, name: &str) -> Result<Dynamic, Failure> {
    match value {
        Json::Bool(true) => Ok(Dynamic::True),
        Json::Bool(false) => Ok(Dynamic::False),
        Json::Str(text) if &**text == "true" => Ok(Dynamic::True),
        Json::Str(text) if &**text == "false" => Ok(Dynamic::False),
        Json::Str(text) if text.eq_ignore_ascii_case("strict") => Ok(Dynamic::Strict),
        other => Err(not_boolean(other, &format!("{name}.dynamic"))),
    }
}

fn not_boolean(value: &Json, name: &str) -> Failure {
    let cause = Failure::illegal_argument(format!("Failed to parse value [{}] as only [true] or [false] are allowed.", java_text(value)));
    Failure::illegal_argument(format!("Could not convert [{name}] to boolean")).caused_by(cause)
}

pub(super) fn boolean(value: &Json, parameter: &str, field: &str) -> Result<bool, Failure> {
    match value {
        Json::Bool(value) => Ok(*value),
        Json::Str(text) if &**text == "true" => Ok(true),
        Json::Str(text) if &**text == "false" => Ok(false),
        other if field.is_empty() => Err(not_boolean(other, parameter)),
        other => Err(not_boolean(other, &format!("{field}.{parameter}"))),
    }
}

fn properties(value: &Json, parent: &str, depth: usize) -> Result<BTreeMap<Arc<str>, Node>, Failure> {
    if depth > NESTING_MAX {
        return Err(mapper_parsing(format!("mapping is nested deeper than {NESTING_MAX} levels")));
    }
    let members = match value {
        Json::Map(map) => map,
        Json::List(items) if items.is_empty() => return Ok(BTreeMap::new()),
        other => return Err(mapper_parsing(format!("Expected map for property [properties] on field [{parent}] but got {}", java_text(other)))),
    };
    let mut out = BTreeMap::new();
    for (name, definition) in members.iter() {
        if name.trim().is_empty() {
            return Err(Failure::illegal_argument("field name cannot be an empty string"));
        }
        let parts: Vec<&str> = name.split('.').collect();
        if parts.iter().any(|part| part.trim().is_empty()) {
            return Err(Failure::illegal_argument(format!("name cannot be empty string or contain empty parts, found [{name}]")));
        }
        let node = node(definition, &super::join(parent, name), name, depth)?;
        place(&mut out, &parts, node)?;
    }
    Ok(out)
}

/// Puts `a.b.c` where it belongs, making the objects on the way.
fn place(properties: &mut BTreeMap<Arc<str>, Node>, parts: &[&str], node: Node) -> Result<(), Failure> {
    match parts {
        [] => Ok(()),
        [name] => {
            let merged = match properties.remove(*name) {
                Some(old) => super::merge::merge_nodes(old, node, name)?,
                None => node,
            };
            properties.insert((*name).into(), merged);
            Ok(())
        }
        [name, rest @ ..] => match properties.entry((*name).into()).or_insert_with(|| Node::Object(ObjectField::default())) {
            Node::Object(object) => place(&mut object.properties, rest, node),
            Node::Leaf(_) => Err(Failure::illegal_argument(format!("can't merge a non object mapping [{name}] with an object mapping"))),
        },
    }
}

fn node(definition: &Json, path: &str, name: &str, depth: usize) -> Result<Node, Failure> {
    let Some(members) = definition.as_map() else {
        return Err(mapper_parsing(format!("Expected map for property [fields] on field [{name}] but got a class java.lang.String")));
    };
    let kind = members.get("type").map(java_text);
    match kind.as_deref() {
        Some("object") => object(members, path, name, depth).map(Node::Object),
        None if members.contains_key("properties") || is_plain_object(members) => object(members, path, name, depth).map(Node::Object),
        None => Err(mapper_parsing(format!("No type specified for field [{name}]"))),
        Some(kind) => field(kind, members, name, false).map(|field| Node::Leaf(Arc::new(field))),
    }
}

/// `{"enabled": false}` or `{"dynamic": …}` alone means an object too.
fn is_plain_object(members: &Map) -> bool {
    !members.is_empty() && members.keys().all(|key| matches!(key, "enabled" | "dynamic"))
}

fn object(members: &Map, path: &str, name: &str, depth: usize) -> Result<ObjectField, Failure> {
    let mut object = ObjectField::default();
    let mut unsupported = Vec::new();
    for (key, value) in members.iter() {
        match &**key {
            "type" | "subobjects" => {}
            "dynamic" => object.dynamic = Some(dynamic(value, name)?),
            "enabled" => object.disabled = !boolean(value, "enabled", name)?,
            "properties" => object.properties = properties(value, path, depth + 1)?,
            _ => unsupported.push(format!("[{key} : {}]", java_text(value))),
        }
    }
    if unsupported.is_empty() {
        return Ok(object);
    }
    Err(mapper_parsing(format!("Mapping definition for [{name}] has unsupported parameters:  {}", unsupported.join(" "))))
}

/// One leaf; `dynamic_template` forgives what a template's placeholders bring along.
pub(super) fn field(kind: &str, members: &Map, name: &str, dynamic_template: bool) -> Result<Field, Failure> {
    let Some(kind) = FieldType::named(kind) else {
        return Err(mapper_parsing(format!("No handler for type [{kind}] declared on field [{name}]")));
    };
    let mut field = Field::of(kind);
    for (key, value) in members.iter() {
        if &**key != "type" {
            parameter(&mut field, key, value, name, dynamic_template)?;
        }
    }
    if let FieldType::Alias(path) = &field.kind
        && path.is_empty()
    {
        return Err(mapper_parsing(format!("The [path] property must be specified for field [{name}].")));
    }
    if matches!(field.kind, FieldType::ScaledFloat(_)) && !field.parameters.contains_key("scaling_factor") {
        return Err(mapper_parsing(format!("Failed to parse mapping: Field [{name}] misses required parameter [scaling_factor]")));
    }
    check_null_value(&field, name)?;
    Ok(field)
}

fn check_null_value(field: &Field, name: &str) -> Result<(), Failure> {
    let Some(value) = &field.null_value else { return Ok(()) };
    match coerce(field, value, Coercion::Index) {
        Ok(_) => Ok(()),
        Err(failure) => {
            let reason = format!("Error parsing [null_value] on field [{name}]: {}", failure.reason_text());
            Err(mapper_parsing(reason).caused_by(failure))
        }
    }
}

fn unknown(key: &str, name: &str, field: &Field) -> Failure {
    mapper_parsing(format!("unknown parameter [{key}] on mapper [{name}] of type [{}]", field.kind.name()))
}

/// Reads one parameter into the field, and keeps it for printing when it differs from the default.
fn parameter(field: &mut Field, key: &str, value: &Json, name: &str, dynamic_template: bool) -> Result<(), Failure> {
    let number = field.kind.is_number();
    let date = field.kind.is_date();
    let text = field.kind == FieldType::Text;
    let keyword = field.kind == FieldType::Keyword;
    let alias = matches!(field.kind, FieldType::Alias(_));
    let flag = || boolean(value, key, name);
    let (kept, default): (Json, Json) = match key {
        "path" if alias => {
            field.kind = FieldType::Alias(java_text(value).into());
            return Ok(());
        }
        _ if alias => return Err(mapper_parsing(format!("Mapping definition for [{name}] has unsupported parameters:  [{key} : {}]", java_text(value)))),
        "fields" => return multi_fields(field, value, name),
        "copy_to" => {
            let list = value.as_list().map_or_else(|| vec![value.clone()], <[Json]>::to_vec);
            field.copy_to = list.iter().map(|target| java_text(target).into()).collect();
            (field.copy_to.iter().cloned().collect(), Json::List(Arc::default()))
        }
        "meta" => (value.clone(), Json::object()),
        "store" => (Json::Bool(flag()?), Json::Bool(false)),
        "index" if field.kind != FieldType::Binary => {
            field.index = flag()?;
            (Json::Bool(field.index), Json::Bool(true))
        }
        "doc_values" if text && dynamic_template => return Ok(()),
        "doc_values" if !text => {
            let default = field.kind != FieldType::Binary;
            field.doc_values = flag()?;
            (Json::Bool(field.doc_values), Json::Bool(default))
        }
        "null_value" if !text => {
            field.null_value = (!value.is_null()).then(|| value.clone());
            (value.clone(), Json::Null)
        }
        "coerce" if number => {
            field.coerce = flag()?;
            (Json::Bool(field.coerce), Json::Bool(true))
        }
        "ignore_malformed" if number || date || matches!(field.kind, FieldType::Ip | FieldType::Boolean) => {
            field.ignore_malformed = flag()?;
            (Json::Bool(field.ignore_malformed), Json::Bool(false))
        }
        "scaling_factor" if matches!(field.kind, FieldType::ScaledFloat(_)) => {
            let factor = value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok())).filter(|factor| *factor > 0.0);
            let factor = factor.ok_or_else(|| Failure::illegal_argument(format!("[scaling_factor] must be a positive number, got [{}]", java_text(value))))?;
            field.kind = FieldType::ScaledFloat(factor);
            (Json::Double(factor), Json::Null)
        }
        "format" if date => {
            let text = java_text(value);
            let format = dates::format(&text)
                .map_err(|error| Failure::illegal_argument(format!("Error parsing [format] on field [{name}]: {}", error.reason_text())).caused_by(error))?;
            let default = field.format.as_ref().map(|format| Json::from(format.as_str())).unwrap_or_default();
            field.format = Some(Arc::new(format));
            (Json::from(text), default)
        }
        "locale" if date => (value.clone(), Json::from("en")),
        "ignore_above" if keyword => {
            let limit = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
            let limit = limit
                .and_then(|limit| usize::try_from(limit).ok())
                .ok_or_else(|| Failure::illegal_argument(format!("[ignore_above] must be positive, got [{}]", java_text(value))))?;
            field.ignore_above = Some(limit);
            (Json::from(limit), Json::Int(i64::from(i32::MAX)))
        }
        "normalizer" if keyword => {
            let normalizer = java_text(value);
            if normalizer != "lowercase" {
                return Err(mapper_parsing(format!("normalizer [{normalizer}] not found for field [{name}]")));
            }
            field.lowercase = true;
            (value.clone(), Json::Null)
        }
        "split_queries_on_whitespace" if keyword => (Json::Bool(flag()?), Json::Bool(false)),
        "analyzer" if text => {
            field.analyzer = analyzer(value)?;
            field.search_analyzer = field.analyzer;
            (Json::from(java_text(value)), Json::from("default"))
        }
        "search_analyzer" | "search_quote_analyzer" if text => {
            analyzer(value)?;
            (Json::from(java_text(value)), Json::Null)
        }
        "fielddata" if text => {
            field.fielddata = flag()?;
            (Json::Bool(field.fielddata), Json::Bool(false))
        }
        "norms" if text => (Json::Bool(flag()?), Json::Bool(true)),
        "norms" if keyword => (Json::Bool(flag()?), Json::Bool(false)),
        "eager_global_ordinals" if text || keyword => (Json::Bool(flag()?), Json::Bool(false)),
        "index_options" if text => (value.clone(), Json::from("positions")),
        "index_options" if keyword => (value.clone(), Json::from("docs")),
        "similarity" if text || keyword => (value.clone(), Json::from("BM25")),
        "term_vector" if text => (value.clone(), Json::from("no")),
        "index_phrases" if text => (Json::Bool(flag()?), Json::Bool(false)),
        "position_increment_gap" if text => (value.clone(), Json::Int(100)),
        "index_prefixes" | "fielddata_frequency_filter" if text => (value.clone(), Json::Null),
        "time_series_dimension" | "time_series_metric" if number || keyword => (value.clone(), Json::Null),
        _ => return Err(unknown(key, name, field)),
    };
    if kept != default {
        field.parameters.insert(key.into(), kept);
    }
    // The order of members must not matter: a search analyser given before the analyser stays.
    if let Some(search) = field.parameters.get("search_analyzer").and_then(Json::as_str).and_then(Analyzer::named) {
        field.search_analyzer = search;
    }
    Ok(())
}

fn analyzer(value: &Json) -> Result<Analyzer, Failure> {
    let name = java_text(value);
    Analyzer::named(&name).ok_or_else(|| Failure::illegal_argument(format!("analyzer [{name}] has not been configured in mappings")))
}

fn multi_fields(field: &mut Field, value: &Json, name: &str) -> Result<(), Failure> {
    let members = match value {
        Json::Map(map) => map,
        Json::List(items) if items.is_empty() => return Ok(()),
        other => return Err(mapper_parsing(format!("expected map for property [fields] on field [{name}] but got {}", java_text(other)))),
    };
    for (sub, definition) in members.iter() {
        if sub.contains('.') {
            return Err(mapper_parsing(format!("Field name [{sub}] which is a multi field of [{name}] cannot contain '.'")));
        }
        let Some(definition) = definition.as_map() else {
            return Err(mapper_parsing(format!("illegal field [{sub}], only fields can be specified inside fields")));
        };
        let Some(kind) = definition.get("type").map(java_text) else {
            return Err(mapper_parsing(format!("no type specified for property [{sub}]")));
        };
        if matches!(kind.as_str(), "object" | "nested" | "alias") {
            return Err(mapper_parsing(format!("Type [{kind}] cannot be used in multi field")));
        }
        field.fields.insert(sub.clone(), Arc::new(self::field(&kind, definition, sub, false)?));
    }
    Ok(())
}
