//! A document through a mapping: typed values by field, and what the mapping learns.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use watchbell_json::{Failure, Json, Map, ParseError};

use super::coerce::{Coercion, coerce, text};
use super::{Dynamic, Field, FieldType, Mapping, MappingLimits, Node, ObjectField, java_text, join};
use crate::Value;
use crate::analysis::{Analyzer, POSITION_GAP, Token};

/// Fields of a document that its store keeps itself.
const METADATA_FIELDS: &[&str] = &["_id", "_index", "_source", "_type", "_routing", "_field_names", "_ignored", "_seq_no", "_version", "_size", "_doc_count"];

/// The values of one document, by path.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IndexedFields {
    pub fields: BTreeMap<Arc<str>, FieldContent>,
    /// Fields whose values were malformed: `_ignored`.
    pub ignored: BTreeSet<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum FieldContent {
    Text(TextContent),
    /// In the order of the document.
    Values(Vec<Value>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct TextContent {
    pub analyzer: Analyzer,
    /// Of all values, later ones [`POSITION_GAP`] positions further.
    pub tokens: Vec<Token>,
    next_position: u32,
}

impl IndexedFields {
    /// The values of a field that is not a text.
    #[must_use]
    pub fn values(&self, path: &str) -> &[Value] {
        match self.fields.get(path) {
            Some(FieldContent::Values(values)) => values,
            _ => &[],
        }
    }

    #[must_use]
    pub fn text(&self, path: &str) -> Option<&TextContent> {
        match self.fields.get(path) {
            Some(FieldContent::Text(text)) => Some(text),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Indexing {
    pub fields: IndexedFields,
    /// The whole new mapping, when the document taught it something.
    pub update: Option<Mapping>,
}

/// A document's values by field.
///
/// # Errors
/// `document_parsing_exception`, `strict_dynamic_mapping_exception`, `illegal_argument_exception` as the reference words them.
pub fn index_document(mapping: &Mapping, limits: &MappingLimits, id: &str, source: &Json) -> Result<Indexing, Failure> {
    let Some(members) = source.as_map() else {
        return Err(document_failure("failed to parse").caused_by(not_an_object()));
    };
    let mut indexer = Indexer { mapping, limits, id, out: IndexedFields::default(), added: Mapping::default() };
    if !mapping.root.disabled {
        let dynamic = mapping.root.dynamic.unwrap_or(Dynamic::True);
        members.iter().try_for_each(|(name, value)| indexer.named("", Some(&mapping.root), dynamic, name, value))?;
    }
    let Indexer { out, added, .. } = indexer;
    let update = if added.root.properties.is_empty() {
        None
    } else {
        let merged = mapping.merge(added)?;
        merged.check_limits(limits)?;
        Some(merged)
    };
    Ok(Indexing { fields: out, update })
}

/// What a source that is no JSON object is answered with.
#[must_use]
pub fn unreadable_document(source: &[u8], error: &ParseError) -> Failure {
    let mut bytes = source.iter().filter(|b| !b.is_ascii_whitespace());
    match bytes.next() {
        None => document_failure("failed to parse, document is empty"),
        Some(b'{') => {
            let cause = Failure::new("json_parse_exception", error.message.clone());
            Failure::new("document_parsing_exception", format!("[{}:{}] failed to parse", error.line, error.column)).caused_by(cause)
        }
        Some(_) => document_failure("failed to parse").caused_by(not_an_object()),
    }
}

fn not_an_object() -> Failure {
    Failure::new("not_x_content_exception", "Compressor detection can only be called on some xcontent bytes or compressed xcontent bytes")
}

/// Positions are not kept in parsed documents; the first one stands for all.
fn document_failure(reason: impl std::fmt::Display) -> Failure {
    Failure::new("document_parsing_exception", format!("[1:1] {reason}"))
}

struct Indexer<'m> {
    mapping: &'m Mapping,
    limits: &'m MappingLimits,
    id: &'m str,
    out: IndexedFields,
    /// Only what this document introduces.
    added: Mapping,
}

impl<'m> Indexer<'m> {
    /// A member, whose name may have dots.
    fn named(&mut self, parent: &str, object: Option<&'m ObjectField>, dynamic: Dynamic, name: &str, value: &Json) -> Result<(), Failure> {
        if name.is_empty() {
            return Err(document_failure("failed to parse").caused_by(Failure::illegal_argument("field name cannot be an empty string")));
        }
        if parent.is_empty() && METADATA_FIELDS.contains(&name) {
            let reason = format!("Field [{name}] is a metadata field and cannot be added inside a document. Use the index API request parameters.");
            return Err(self.field_failure(name, name, value, Failure::new("mapper_parsing_exception", reason)));
        }
        let (head, tail) = match name.split_once('.') {
            None => return self.member(parent, object, dynamic, name, value),
            Some(parts) => parts,
        };
        if name.bytes().all(|b| b == b'.') {
            let cause = Failure::new("array_index_out_of_bounds_exception", "Index -1 out of bounds for length 0");
            return Err(document_failure("failed to parse").caused_by(cause));
        }
        if head.trim().is_empty() || tail.trim().is_empty() {
            let reason = format!("field name starting or ending with a [.] makes object resolution ambiguous: [{name}]");
            return Err(document_failure("failed to parse").caused_by(Failure::illegal_argument(reason)));
        }
        let path = join(parent, head);
        match object.and_then(|object| object.properties.get(head)) {
            Some(Node::Object(inner)) if inner.disabled => Ok(()),
            Some(Node::Object(inner)) => self.named(&path, Some(inner), inner.dynamic.unwrap_or(dynamic), tail, value),
            Some(Node::Leaf(field)) => {
                let reason = format!(
                    "Could not dynamically add mapping for field [{}]. Existing mapping for [{path}] must be of type object but found [{}].",
                    join(&path, tail),
                    field.kind.name()
                );
                Err(document_failure("failed to parse").caused_by(Failure::new("mapper_parsing_exception", reason)))
            }
            None => match dynamic {
                Dynamic::False => Ok(()),
                Dynamic::Strict => Err(strict(head, parent)),
                Dynamic::True => {
                    self.add_object(&path)?;
                    self.named(&path, None, dynamic, tail, value)
                }
            },
        }
    }

    fn member(&mut self, parent: &str, object: Option<&'m ObjectField>, dynamic: Dynamic, name: &str, value: &Json) -> Result<(), Failure> {
        let path = join(parent, name);
        match object.and_then(|object| object.properties.get(name)) {
            Some(Node::Object(inner)) => self.known_object(&path, name, inner, dynamic, value),
            Some(Node::Leaf(field)) => self.leaf(&path, field, value),
            None => self.unknown(parent, &path, dynamic, name, value),
        }
    }

    fn known_object(&mut self, path: &str, name: &str, inner: &'m ObjectField, dynamic: Dynamic, value: &Json) -> Result<(), Failure> {
        if inner.disabled {
            return Ok(());
        }
        match value {
            Json::Null => Ok(()),
            Json::Map(members) => {
                let dynamic = inner.dynamic.unwrap_or(dynamic);
                members.iter().try_for_each(|(name, value)| self.named(path, Some(inner), dynamic, name, value))
            }
            Json::List(items) => flattened(items).into_iter().try_for_each(|item| self.known_object(path, name, inner, dynamic, item)),
            _ => Err(concrete_value(path, name)),
        }
    }

    fn unknown(&mut self, parent: &str, path: &str, dynamic: Dynamic, name: &str, value: &Json) -> Result<(), Failure> {
        match (value, dynamic) {
            (Json::Null, _) | (_, Dynamic::False) => Ok(()),
            (_, Dynamic::Strict) => Err(strict(name, parent)),
            (Json::List(items), Dynamic::True) => flattened(items).into_iter().try_for_each(|item| self.unknown(parent, path, dynamic, name, item)),
            (Json::Map(members), Dynamic::True) => self.new_object(path, dynamic, name, members, value),
            (scalar, Dynamic::True) => {
                let Some(field) = self.mapping.dynamic_field(path, name, scalar)? else { return Ok(()) };
                let field = Arc::new(field);
                self.add(path, Node::Leaf(field.clone()))?;
                self.leaf(path, &field, scalar)
            }
        }
    }

    fn new_object(&mut self, path: &str, dynamic: Dynamic, name: &str, members: &Map, value: &Json) -> Result<(), Failure> {
        if let Some(definition) = self.mapping.dynamic_object(path, name) {
            let kind = definition.get("type").map_or_else(|| "object".to_owned(), java_text);
            if kind != "object" {
                let field = Arc::new(super::parse::field(&kind, &definition, name, true)?);
                self.add(path, Node::Leaf(field.clone()))?;
                return self.leaf(path, &field, value);
            }
            if definition.get("enabled").is_some_and(|on| *on == Json::Bool(false) || on.as_str() == Some("false")) {
                return self.add(path, Node::Object(ObjectField { disabled: true, ..ObjectField::default() }));
            }
        }
        self.add_object(path)?;
        members.iter().try_for_each(|(name, value)| self.named(path, None, dynamic, name, value))
    }

    fn add_object(&mut self, path: &str) -> Result<(), Failure> {
        if path.matches('.').count() + 2 > self.limits.depth {
            let reason = format!("Limit of mapping depth [{}] has been exceeded due to object field [{path}]", self.limits.depth);
            return Err(Failure::illegal_argument(reason));
        }
        self.add(path, Node::Object(ObjectField::default()))
    }

    /// Remembers what this document introduces; the same field twice must agree with itself.
    fn add(&mut self, path: &str, node: Node) -> Result<(), Failure> {
        let mut object = &mut self.added.root;
        let mut rest = path;
        while let Some((name, tail)) = rest.split_once('.') {
            let entry = object.properties.entry(name.into()).or_insert_with(|| Node::Object(ObjectField::default()));
            let Node::Object(inner) = entry else {
                return Err(Failure::illegal_argument(format!("can't merge a non object mapping [{path}] with an object mapping")));
            };
            object = inner;
            rest = tail;
        }
        let node = match object.properties.remove(rest) {
            Some(old) => super::merge::merge_nodes(old, node, path)?,
            None => node,
        };
        object.properties.insert(rest.into(), node);
        Ok(())
    }

    /// All values of one field, with its multi-fields and copies.
    fn leaf(&mut self, path: &str, field: &Arc<Field>, value: &Json) -> Result<(), Failure> {
        if let Json::List(items) = value {
            return flattened(items).into_iter().try_for_each(|item| self.leaf(path, field, item));
        }
        if matches!(field.kind, FieldType::Alias(_)) {
            return Err(document_failure("failed to parse").caused_by(Failure::illegal_argument(format!("Cannot write to a field alias [{path}]."))));
        }
        self.put(path, path, field, value)?;
        for (name, sub) in &field.fields {
            self.put(&join(path, name), path, sub, value)?;
        }
        for target in &field.copy_to {
            self.copy(target, value)?;
        }
        Ok(())
    }

    fn copy(&mut self, target: &str, value: &Json) -> Result<(), Failure> {
        if let Some(found) = self.mapping.field(target) {
            // Without the target's own copies, which the reference does not follow either.
            return self.put(&found.path, &found.path, &found.field, value);
        }
        self.named("", Some(&self.mapping.root), self.mapping.root.dynamic.unwrap_or(Dynamic::True), target, value)
    }

    fn put(&mut self, path: &str, named: &str, field: &Field, value: &Json) -> Result<(), Failure> {
        let value = match (value, &field.null_value) {
            (Json::Null, Some(instead)) => instead,
            (Json::Null, None) => return Ok(()),
            (value, _) => value,
        };
        let outcome = if field.kind == FieldType::Text { self.put_text(path, field, value) } else { self.put_value(path, field, value) };
        match outcome {
            Ok(()) => Ok(()),
            Err(_) if field.ignore_malformed && value.is_scalar() => {
                self.out.ignored.insert(path.into());
                Ok(())
            }
            Err(cause) => Err(self.field_failure(named, field.kind.name(), value, cause)),
        }
    }

    fn put_text(&mut self, path: &str, field: &Field, value: &Json) -> Result<(), Failure> {
        let text = text(value)?;
        if !field.index {
            return Ok(());
        }
        let content = self
            .out
            .fields
            .entry(path.into())
            .or_insert_with(|| FieldContent::Text(TextContent { analyzer: field.analyzer, tokens: Vec::new(), next_position: 0 }));
        if let FieldContent::Text(content) = content {
            let base = content.next_position;
            let mut last = base;
            for mut token in field.analyzer.analyze(&text) {
                token.position = token.position.saturating_add(base);
                last = token.position.saturating_add(1);
                content.tokens.push(token);
            }
            content.next_position = last.saturating_add(POSITION_GAP);
        }
        Ok(())
    }

    fn put_value(&mut self, path: &str, field: &Field, value: &Json) -> Result<(), Failure> {
        let Some(value) = coerce(field, value, Coercion::Index)? else { return Ok(()) };
        if let (Value::Keyword(text), Some(limit)) = (&value, field.ignore_above)
            && text.len() > limit
            && text.chars().count() > limit
        {
            return Ok(());
        }
        if !field.index && !field.doc_values {
            return Ok(());
        }
        match self.out.fields.entry(path.into()).or_insert_with(|| FieldContent::Values(Vec::new())) {
            FieldContent::Values(values) => values.push(value),
            FieldContent::Text(_) => {}
        }
        Ok(())
    }

    fn field_failure(&self, path: &str, kind: &str, value: &Json, cause: Failure) -> Failure {
        let reason =
            format!("failed to parse field [{path}] of type [{kind}] in document with id '{}'. Preview of field's value: '{}'", self.id, java_text(value));
        document_failure(reason).caused_by(cause)
    }
}

/// The elements of lists in lists, in their order; without recursion, as lists nest as deep as a document may.
pub(crate) fn flattened(items: &[Json]) -> Vec<&Json> {
    let mut out = Vec::with_capacity(items.len());
    let mut open = vec![items.iter()];
    while let Some(list) = open.last_mut() {
        match list.next() {
            Some(Json::List(inner)) => open.push(inner.iter()),
            Some(other) => out.push(other),
            None => {
                open.pop();
            }
        }
    }
    out
}

fn strict(name: &str, parent: &str) -> Failure {
    let parent = if parent.is_empty() { "_doc" } else { parent };
    Failure::new("strict_dynamic_mapping_exception", format!("[1:1] mapping set to strict, dynamic introduction of [{name}] within [{parent}] is not allowed"))
}

fn concrete_value(path: &str, name: &str) -> Failure {
    document_failure(format!("object mapping for [{path}] tried to parse field [{name}] as object, but found a concrete value"))
}
