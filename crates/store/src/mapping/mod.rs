//! Mappings: what an index knows of its fields.
//!
//! A mapping is parsed once ([`Mapping::parse`]), grows by merging ([`Mapping::merge`]) and by the documents themselves
//! ([`index_document`]), and prints as it was given ([`Mapping::to_json`]).
//!
//! Invariants: property names hold no dots (`a.b` is a property of a property); what equals a default is not kept among a
//! field's printed parameters, so that equal mappings print equally.

mod coerce;
mod dynamic;
mod field;
mod indexing;
mod merge;
mod parse;
mod print;

use std::collections::BTreeMap;
use std::sync::Arc;

use watchbell_json::{Failure, Json};

pub use coerce::{Coercion, coerce};
pub use dynamic::DynamicTemplate;
pub use field::{Field, FieldType};
pub(crate) use indexing::flattened;
pub use indexing::{FieldContent, IndexedFields, Indexing, TextContent, index_document, unreadable_document};
pub use print::java_text;

/// `index.mapping.total_fields.limit`: more fields make every document and every search slower.
pub const FIELDS_MAX: usize = 1000;
/// `index.mapping.depth.limit`.
pub const DEPTH_MAX: usize = 20;

/// What a mapping may grow to; indices may set their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappingLimits {
    pub fields: usize,
    pub depth: usize,
    pub field_name: usize,
}

impl Default for MappingLimits {
    fn default() -> MappingLimits {
        MappingLimits { fields: FIELDS_MAX, depth: DEPTH_MAX, field_name: usize::MAX }
    }
}

/// What happens to a field the mapping does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dynamic {
    True,
    /// Accepted, not indexed.
    False,
    /// Refused.
    Strict,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Object(ObjectField),
    Leaf(Arc<Field>),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectField {
    /// `None` takes the parent's.
    pub dynamic: Option<Dynamic>,
    /// `false`: kept in the source, never looked at.
    pub disabled: bool,
    pub properties: BTreeMap<Arc<str>, Node>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping {
    pub root: ObjectField,
    pub templates: Vec<DynamicTemplate>,
    pub date_detection: Option<bool>,
    pub numeric_detection: Option<bool>,
    pub dynamic_date_formats: Option<Vec<Arc<str>>>,
    /// `_meta`, `_source`, `_routing`: kept and printed.
    pub meta: BTreeMap<Arc<str>, Json>,
}

/// A field that a path names, with the path under which its values are indexed (an alias field names another).
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub path: Arc<str>,
    pub field: Arc<Field>,
}

impl Mapping {
    /// `_source: {"enabled": false}`.
    #[must_use]
    pub fn source_disabled(&self) -> bool {
        self.meta.get("_source").and_then(|source| source.get("enabled")).and_then(Json::as_bool) == Some(false)
    }

    /// The field a path names, multi-fields and alias fields included.
    #[must_use]
    pub fn field(&self, path: &str) -> Option<Found> {
        let field = self.leaf(path)?;
        match &field.kind {
            FieldType::Alias(target) => self.leaf(target).map(|field| Found { path: target.clone(), field }),
            _ => Some(Found { path: path.into(), field }),
        }
    }

    fn leaf(&self, path: &str) -> Option<Arc<Field>> {
        let mut object = &self.root;
        let mut rest = path;
        loop {
            let (name, tail) = rest.split_once('.').map_or((rest, None), |(name, tail)| (name, Some(tail)));
            match (object.properties.get(name)?, tail) {
                (Node::Leaf(field), None) => return Some(field.clone()),
                (Node::Leaf(field), Some(tail)) => return field.fields.get(tail).cloned(),
                (Node::Object(_), None) => return None,
                (Node::Object(inner), Some(tail)) => {
                    object = inner;
                    rest = tail;
                }
            }
        }
    }

    /// The object a path names.
    #[must_use]
    pub fn object(&self, path: &str) -> Option<&ObjectField> {
        path.split('.').try_fold(&self.root, |object, name| match object.properties.get(name) {
            Some(Node::Object(inner)) => Some(inner),
            _ => None,
        })
    }

    /// Every leaf with its path, multi-fields included, in the order of paths.
    #[must_use]
    pub fn leaves(&self) -> Vec<(String, Arc<Field>)> {
        let mut leaves = Vec::new();
        collect_leaves(&self.root, "", &mut leaves);
        leaves
    }

    /// # Errors
    /// `illegal_argument_exception` when a limit is passed.
    pub fn check_limits(&self, limits: &MappingLimits) -> Result<(), Failure> {
        check_object(&self.root, "", limits)?;
        if count(&self.root) > limits.fields {
            return Err(Failure::illegal_argument(format!("Limit of total fields [{}] has been exceeded", limits.fields)));
        }
        Ok(())
    }
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

fn collect_leaves(object: &ObjectField, parent: &str, out: &mut Vec<(String, Arc<Field>)>) {
    for (name, node) in &object.properties {
        let path = join(parent, name);
        match node {
            Node::Object(inner) => collect_leaves(inner, &path, out),
            Node::Leaf(field) => {
                out.push((path.clone(), field.clone()));
                out.extend(field.fields.iter().map(|(sub, field)| (join(&path, sub), field.clone())));
            }
        }
    }
}

fn count(object: &ObjectField) -> usize {
    let of = |node: &Node| match node {
        Node::Object(inner) => 1 + count(inner),
        Node::Leaf(field) => 1 + field.fields.len(),
    };
    object.properties.values().map(of).sum()
}

fn check_object(object: &ObjectField, path: &str, limits: &MappingLimits) -> Result<(), Failure> {
    // Counted as the reference does: an object in the root is two levels deep.
    if !path.is_empty() && path.matches('.').count() + 2 > limits.depth {
        return Err(Failure::illegal_argument(format!("Limit of mapping depth [{}] has been exceeded due to object field [{path}]", limits.depth)));
    }
    for (name, node) in &object.properties {
        if name.chars().count() > limits.field_name {
            return Err(Failure::illegal_argument(format!("Field name [{name}] is longer than the limit of [{}] characters", limits.field_name)));
        }
        if let Node::Object(inner) = node {
            check_object(inner, &join(path, name), limits)?;
        }
    }
    Ok(())
}
