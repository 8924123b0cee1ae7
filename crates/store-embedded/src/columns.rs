//! The constant schema of the derived index, and a document's way into it.
//!
//! Nothing of a mapping is in the schema: a field's path is part of the term (`path`, a zero byte, the token) or the name of a
//! column, so a new field never touches it and one index serves every analyser. tantivy's own JSON terms are not used: they take
//! strings that look like dates for dates, have no lengths for scoring, and know one analyser a column.
//!
//! | column | holds |
//! | --- | --- |
//! | `text` | the tokens of analysed fields, with positions |
//! | `term` | whole values of keyword fields, unless they are long, and `_id` |
//! | `keyword`, `ip` | ordered strings; an address as 32 hexadecimal digits, so that their order is its order |
//! | `long` | whole numbers, booleans (0, 1), dates (milliseconds), unsigned numbers (shifted to keep their order) |
//! | `double` | fractions |
//! | `length` | how many tokens an analysed field has, which scoring and `exists` need |
//! | `seq_no` | the row |

use std::collections::BTreeMap;

use tantivy::TantivyDocument;
use tantivy::schema::{Field, IndexRecordOption, JsonObjectOptions, NumericOptions, OwnedValue, STRING, Schema, SchemaBuilder, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer, TokenizerManager};
use watchbell_store::Value;

/// What this code puts into an index and where; an index of another layout is made again.
pub(crate) const LAYOUT: u32 = 2;
/// Longest keyword that is a term as well as a column value. Longer ones are whole messages, hardly ever asked for, and each a
/// term of its own: as terms they would be most of an index and of the time it takes to make one.
pub(crate) const TERM_KEYWORD_MAX: usize = 64;
/// Path of the document id among the terms; no field may be called so.
pub(crate) const ID_PATH: &str = "_id";
/// Path of the names of the fields whose values were malformed.
pub(crate) const IGNORED_PATH: &str = "_ignored";
pub(crate) const SEQ_NO: &str = "seq_no";
const PACKED: &str = "packed";

/// What one document puts into the index.
#[derive(Debug, Default)]
pub(crate) struct IndexedDocument {
    pub seq_no: i64,
    pub id: String,
    pub texts: Vec<IndexedText>,
    pub values: Vec<(String, Value)>,
}

/// The tokens of one analysed field.
#[derive(Debug)]
pub(crate) struct IndexedText {
    pub path: String,
    pub tokens: Vec<(u32, String)>,
}

/// The columns by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Keyword,
    Ip,
    Long,
    Double,
    Length,
}

impl Column {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Column::Keyword => "keyword",
            Column::Ip => "ip",
            Column::Long => "long",
            Column::Double => "double",
            Column::Length => "length",
        }
    }

    /// As tantivy finds a path's column.
    pub(crate) fn at(self, path: &str) -> String {
        format!("{}.{}", self.name(), column_path(path))
    }
}

/// tantivy reads a backslash as an escape.
fn column_path(path: &str) -> String {
    path.replace('\\', "\u{2}")
}

/// A term of a path, as `text` and `term` have it.
pub(crate) fn term_text(path: &str, token: &str) -> String {
    format!("{path}\0{token}")
}

/// Unsigned numbers as signed ones of the same order.
pub(crate) fn ordered(unsigned: u64) -> i64 {
    (unsigned ^ (1 << 63)).cast_signed()
}

pub(crate) fn unordered(signed: i64) -> u64 {
    signed.cast_unsigned() ^ (1 << 63)
}

pub(crate) fn ip_key(bits: u128) -> String {
    format!("{bits:032x}")
}

#[derive(Clone, Debug)]
pub(crate) struct Columns {
    pub schema: Schema,
    pub text: Field,
    pub term: Field,
    keyword: Field,
    ip: Field,
    long: Field,
    double: Field,
    length: Field,
    seq_no: Field,
}

impl Columns {
    pub(crate) fn new() -> Columns {
        let mut builder = SchemaBuilder::new();
        let packed = TextFieldIndexing::default().set_tokenizer(PACKED).set_fieldnorms(false).set_index_option(IndexRecordOption::WithFreqsAndPositions);
        let text = builder.add_text_field("text", TextOptions::default().set_indexing_options(packed));
        let term = builder.add_text_field("term", STRING);
        let ordered = || JsonObjectOptions::default().set_fast("raw").set_expand_dots_enabled();
        let keyword = builder.add_json_field(Column::Keyword.name(), ordered());
        let ip = builder.add_json_field(Column::Ip.name(), ordered());
        let long = builder.add_json_field(Column::Long.name(), ordered());
        let double = builder.add_json_field(Column::Double.name(), ordered());
        let length = builder.add_json_field(Column::Length.name(), ordered());
        let seq_no = builder.add_i64_field(SEQ_NO, NumericOptions::default().set_fast());
        Columns { schema: builder.build(), text, term, keyword, ip, long, double, length, seq_no }
    }

    pub(crate) fn tokenizers() -> TokenizerManager {
        let manager = TokenizerManager::default();
        manager.register(PACKED, TextAnalyzer::from(PackedTokenizer::default()));
        manager
    }

    pub(crate) fn document(&self, document: IndexedDocument) -> TantivyDocument {
        let mut out = TantivyDocument::new();
        out.add_i64(self.seq_no, document.seq_no);
        out.add_text(self.term, term_text(ID_PATH, &document.id));
        let mut lengths = BTreeMap::new();
        for text in &document.texts {
            out.add_text(self.text, pack(&text.path, &text.tokens));
            lengths.insert(column_path(&text.path), OwnedValue::I64(i64::try_from(text.tokens.len()).unwrap_or(i64::MAX)));
        }
        let mut objects: [BTreeMap<String, OwnedValue>; 4] = Default::default();
        let [keywords, ips, longs, doubles] = &mut objects;
        for (path, value) in document.values {
            let name = column_path(&path);
            match value {
                Value::Keyword(word) => {
                    if word.len() <= TERM_KEYWORD_MAX {
                        out.add_text(self.term, term_text(&path, &word));
                    }
                    push(keywords, name, OwnedValue::Str(word.to_string()));
                }
                Value::Ip(bits) => push(ips, name, OwnedValue::Str(ip_key(bits))),
                Value::Long(value) | Value::Date(value) => push(longs, name, OwnedValue::I64(value)),
                Value::Bool(value) => push(longs, name, OwnedValue::I64(i64::from(value))),
                Value::Unsigned(value) => push(longs, name, OwnedValue::I64(ordered(value))),
                Value::Double(value) => push(doubles, name, OwnedValue::F64(value)),
            }
        }
        let fields = [self.keyword, self.ip, self.long, self.double];
        for (field, object) in fields.into_iter().zip(objects).chain([(self.length, lengths)]) {
            if !object.is_empty() {
                out.add_object(field, object);
            }
        }
        out
    }
}

fn push(object: &mut BTreeMap<String, OwnedValue>, name: String, value: OwnedValue) {
    match object.entry(name) {
        std::collections::btree_map::Entry::Vacant(entry) => {
            entry.insert(value);
        }
        std::collections::btree_map::Entry::Occupied(mut entry) => match entry.get_mut() {
            OwnedValue::Array(values) => values.push(value),
            single => {
                let first = std::mem::replace(single, OwnedValue::Null);
                *single = OwnedValue::Array(vec![first, value]);
            }
        },
    }
}

/// Tokens as one text, which is how they get through tantivy's interface without a copy each: the path's length and the path,
/// then for each token its position, its length and itself.
fn pack(path: &str, tokens: &[(u32, String)]) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(path.len() + 8 + tokens.iter().map(|(_, token)| token.len() + 8).sum::<usize>());
    let _infallible = write!(out, "{}:{path}", path.len());
    for (position, token) in tokens {
        let _infallible = write!(out, "{position}:{}:{token}", token.len());
    }
    out
}

fn unpack_number(text: &str) -> Option<(usize, &str)> {
    let (digits, rest) = text.split_once(':')?;
    Some((digits.parse().ok()?, rest))
}

/// Unpacks what [`pack`] packed: analysis happened before.
#[derive(Clone, Default)]
struct PackedTokenizer {
    token: Token,
}

struct PackedStream<'a> {
    prefix: usize,
    rest: &'a str,
    token: &'a mut Token,
}

impl Tokenizer for PackedTokenizer {
    type TokenStream<'a> = PackedStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> PackedStream<'a> {
        self.token.reset();
        let (length, rest) = unpack_number(text).unwrap_or((0, ""));
        let (path, rest) = rest.split_at_checked(length).unwrap_or(("", ""));
        self.token.text.push_str(path);
        self.token.text.push('\0');
        PackedStream { prefix: self.token.text.len(), rest, token: &mut self.token }
    }
}

impl TokenStream for PackedStream<'_> {
    fn advance(&mut self) -> bool {
        let next = unpack_number(self.rest).and_then(|(position, rest)| {
            let (length, rest) = unpack_number(rest)?;
            let (token, rest) = rest.split_at_checked(length)?;
            Some((position, token, rest))
        });
        let Some((position, token, rest)) = next else { return false };
        self.token.position = position;
        self.token.text.truncate(self.prefix);
        self.token.text.push_str(token);
        self.rest = rest;
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_out_as_they_went_in() {
        let tokens = vec![(0, "a:1:b".to_owned()), (7, "错误".to_owned()), (8, String::new())];
        let packed = pack("m.s\u{0}g", &tokens);
        let mut tokenizer = PackedTokenizer::default();
        let mut stream = tokenizer.token_stream(&packed);
        let mut seen = Vec::new();
        stream.process(&mut |token| seen.push((token.position, token.text.clone())));
        let expected: Vec<(usize, String)> = vec![(0, term_text("m.s\u{0}g", "a:1:b")), (7, term_text("m.s\u{0}g", "错误")), (8, term_text("m.s\u{0}g", ""))];
        assert_eq!(seen, expected);
    }

    #[test]
    fn unsigned_numbers_keep_their_order() {
        let numbers = [0, 1, i64::MAX.cast_unsigned(), i64::MAX.cast_unsigned() + 1, u64::MAX];
        assert!(numbers.is_sorted_by_key(|n| ordered(*n)));
        assert!(numbers.iter().all(|n| unordered(ordered(*n)) == *n));
    }
}
