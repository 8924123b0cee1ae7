//! Mappings grow: new fields are added, known ones may change what does not touch what is indexed already.

use std::sync::Arc;

use watchbell_json::{Failure, Json};

use super::{Field, Mapping, Node, ObjectField, java_text};

/// Parameters that may change at any time.
const CHANGEABLE: &[&str] = &[
    "ignore_above",
    "search_analyzer",
    "search_quote_analyzer",
    "coerce",
    "ignore_malformed",
    "copy_to",
    "meta",
    "fielddata",
    "eager_global_ordinals",
    "norms",
    "split_queries_on_whitespace",
];

/// Defaults of parameters that may not change, as the error names them.
const DEFAULTS: &[(&str, &str)] = &[
    ("analyzer", "default"),
    ("doc_values", "true"),
    ("index", "true"),
    ("store", "false"),
    ("similarity", "BM25"),
    ("term_vector", "no"),
    ("index_options", "positions"),
    ("position_increment_gap", "100"),
];

impl Mapping {
    /// This mapping with another merged into it.
    ///
    /// # Errors
    /// `illegal_argument_exception` for what may not change.
    pub fn merge(&self, other: Mapping) -> Result<Mapping, Failure> {
        let mut merged = self.clone();
        merged.root = merge_objects(merged.root, other.root, "")?;
        merged.date_detection = other.date_detection.or(merged.date_detection);
        merged.numeric_detection = other.numeric_detection.or(merged.numeric_detection);
        merged.dynamic_date_formats = other.dynamic_date_formats.or(merged.dynamic_date_formats);
        merged.meta.extend(other.meta);
        for template in other.templates {
            match merged.templates.iter_mut().find(|known| known.name == template.name) {
                Some(known) => *known = template,
                None => merged.templates.push(template),
            }
        }
        Ok(merged)
    }
}

fn merge_objects(mut mine: ObjectField, theirs: ObjectField, path: &str) -> Result<ObjectField, Failure> {
    mine.dynamic = theirs.dynamic.or(mine.dynamic);
    if mine.disabled != theirs.disabled && !path.is_empty() && theirs.disabled {
        return Err(Failure::illegal_argument(format!("the [enabled] parameter can't be updated for the object mapping [{path}]")));
    }
    for (name, node) in theirs.properties {
        let path = super::join(path, &name);
        let merged = match mine.properties.remove(&name) {
            Some(old) => merge_nodes(old, node, &path)?,
            None => node,
        };
        mine.properties.insert(name, merged);
    }
    Ok(mine)
}

pub(super) fn merge_nodes(mine: Node, theirs: Node, path: &str) -> Result<Node, Failure> {
    match (mine, theirs) {
        (Node::Object(mine), Node::Object(theirs)) => merge_objects(mine, theirs, path).map(Node::Object),
        (Node::Leaf(mine), Node::Leaf(theirs)) => merge_fields(&mine, &theirs, path).map(|field| Node::Leaf(Arc::new(field))),
        _ => Err(Failure::illegal_argument(format!("can't merge a non object mapping [{path}] with an object mapping"))),
    }
}

fn merge_fields(mine: &Field, theirs: &Field, path: &str) -> Result<Field, Failure> {
    if mine.kind.name() != theirs.kind.name() {
        return Err(Failure::illegal_argument(format!("mapper [{path}] cannot be changed from type [{}] to [{}]", mine.kind.name(), theirs.kind.name())));
    }
    let mut conflicts = Vec::new();
    let names: std::collections::BTreeSet<&Arc<str>> = mine.parameters.keys().chain(theirs.parameters.keys()).collect();
    for name in names {
        let (old, new) = (mine.parameters.get(name), theirs.parameters.get(name));
        if old != new && !CHANGEABLE.contains(&&**name) {
            conflicts.push(format!("\tCannot update parameter [{name}] from [{}] to [{}]", shown(name, old, mine), shown(name, new, mine)));
        }
    }
    if !conflicts.is_empty() {
        return Err(Failure::illegal_argument(format!("Mapper for [{path}] conflicts with existing mapper:\n{}", conflicts.join("\n"))));
    }
    let mut merged = theirs.clone();
    merged.fields = mine.fields.clone();
    for (name, field) in &theirs.fields {
        let field = match mine.fields.get(name) {
            Some(old) => Arc::new(merge_fields(old, field, &super::join(path, name))?),
            None => field.clone(),
        };
        merged.fields.insert(name.clone(), field);
    }
    Ok(merged)
}

fn shown(name: &str, value: Option<&Json>, field: &Field) -> String {
    match value {
        Some(value) => java_text(value),
        None if name == "format" => Field::of(field.kind.clone()).format.map(|format| format.as_str().to_owned()).unwrap_or_default(),
        None => DEFAULTS.iter().find(|(known, _)| *known == name).map_or("null", |(_, default)| default).to_owned(),
    }
}
