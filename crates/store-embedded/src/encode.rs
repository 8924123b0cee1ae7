//! A row on its way into the derived index.

use watchbell_json::Json;
use watchbell_store::Value;
use watchbell_store::mapping::{FieldContent, IndexedFields, index_document};

use crate::columns::{IGNORED_PATH, IndexedDocument, IndexedText};
use crate::index::Definition;
use crate::rows::Row;

pub(crate) enum Encoded {
    Document(IndexedDocument),
    /// The id whose document is gone.
    Tombstone(String),
}

/// Never fails: what was acknowledged fitted its mapping then. A row that no longer does (a mapping may grow a limit) is found
/// by its id alone.
pub(crate) fn document(definition: &Definition, row: Row) -> Encoded {
    let Some(source) = row.source else { return Encoded::Tombstone(row.id) };
    let parsed = Json::parse(&source).ok();
    let indexing = parsed.and_then(|json| index_document(&definition.mapping, &definition.settings.limits(), &row.id, &json).ok());
    let mut document = indexing.map_or_else(IndexedDocument::default, |indexing| columns_of(indexing.fields));
    document.seq_no = row.seq_no;
    document.id = row.id;
    Encoded::Document(document)
}

fn columns_of(fields: IndexedFields) -> IndexedDocument {
    let mut document = IndexedDocument::default();
    for (path, content) in fields.fields {
        match content {
            FieldContent::Text(text) => {
                let tokens = text.tokens.into_iter().map(|token| (token.position, token.text)).collect();
                document.texts.push(IndexedText { path: path.to_string(), tokens });
            }
            FieldContent::Values(values) => document.values.extend(values.into_iter().map(|value| (path.to_string(), value))),
        }
    }
    document.values.extend(fields.ignored.into_iter().map(|path| (IGNORED_PATH.to_owned(), Value::Keyword(path))));
    document
}
