//! One leaf of a mapping: its type and its parameters.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchbell_json::Json;

use crate::analysis::Analyzer;
use watchbell_time::date::DateFormat;

#[derive(Clone, Debug, PartialEq)]
pub enum FieldType {
    Text,
    Keyword,
    Long,
    Integer,
    Short,
    Byte,
    UnsignedLong,
    Double,
    Float,
    HalfFloat,
    /// With its scaling factor.
    ScaledFloat(f64),
    Date,
    DateNanos,
    Boolean,
    Ip,
    Binary,
    /// Another name for the field at this path.
    Alias(Arc<str>),
}

impl FieldType {
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            FieldType::Text => "text",
            FieldType::Keyword => "keyword",
            FieldType::Long => "long",
            FieldType::Integer => "integer",
            FieldType::Short => "short",
            FieldType::Byte => "byte",
            FieldType::UnsignedLong => "unsigned_long",
            FieldType::Double => "double",
            FieldType::Float => "float",
            FieldType::HalfFloat => "half_float",
            FieldType::ScaledFloat(_) => "scaled_float",
            FieldType::Date => "date",
            FieldType::DateNanos => "date_nanos",
            FieldType::Boolean => "boolean",
            FieldType::Ip => "ip",
            FieldType::Binary => "binary",
            FieldType::Alias(_) => "alias",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<FieldType> {
        Some(match name {
            "text" => FieldType::Text,
            "keyword" => FieldType::Keyword,
            "long" => FieldType::Long,
            "integer" => FieldType::Integer,
            "short" => FieldType::Short,
            "byte" => FieldType::Byte,
            "unsigned_long" => FieldType::UnsignedLong,
            "double" => FieldType::Double,
            "float" => FieldType::Float,
            "half_float" => FieldType::HalfFloat,
            "scaled_float" => FieldType::ScaledFloat(1.0),
            "date" => FieldType::Date,
            "date_nanos" => FieldType::DateNanos,
            "boolean" => FieldType::Boolean,
            "ip" => FieldType::Ip,
            "binary" => FieldType::Binary,
            "alias" => FieldType::Alias("".into()),
            _ => return None,
        })
    }

    #[must_use]
    pub fn is_number(&self) -> bool {
        self.is_whole_number() || self.is_fraction()
    }

    #[must_use]
    pub fn is_whole_number(&self) -> bool {
        matches!(self, FieldType::Long | FieldType::Integer | FieldType::Short | FieldType::Byte | FieldType::UnsignedLong)
    }

    #[must_use]
    pub fn is_fraction(&self) -> bool {
        matches!(self, FieldType::Double | FieldType::Float | FieldType::HalfFloat | FieldType::ScaledFloat(_))
    }

    #[must_use]
    pub fn is_date(&self) -> bool {
        matches!(self, FieldType::Date | FieldType::DateNanos)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub kind: FieldType,
    /// The parameters that differ from their defaults, as they print, without `type` and `fields`.
    pub parameters: BTreeMap<Arc<str>, Json>,
    pub index: bool,
    pub doc_values: bool,
    pub coerce: bool,
    pub ignore_malformed: bool,
    /// Sortable and aggregatable although a text.
    pub fielddata: bool,
    pub null_value: Option<Json>,
    /// Longest keyword in characters that is indexed.
    pub ignore_above: Option<usize>,
    pub copy_to: Vec<Arc<str>>,
    /// Of dates.
    pub format: Option<Arc<DateFormat>>,
    pub analyzer: Analyzer,
    pub search_analyzer: Analyzer,
    /// The keyword's `normalizer: lowercase`.
    pub lowercase: bool,
    /// Multi-fields.
    pub fields: BTreeMap<Arc<str>, Arc<Field>>,
}

impl Field {
    /// A field of a type with nothing else said.
    #[must_use]
    pub fn of(kind: FieldType) -> Field {
        let format = match kind {
            FieldType::Date => Some(DateFormat::default_format()),
            FieldType::DateNanos => DateFormat::new(DateFormat::DEFAULT_NANOS).ok(),
            _ => None,
        };
        Field {
            doc_values: !matches!(kind, FieldType::Text | FieldType::Binary),
            kind,
            parameters: BTreeMap::new(),
            index: true,
            coerce: true,
            ignore_malformed: false,
            fielddata: false,
            null_value: None,
            ignore_above: None,
            copy_to: Vec::new(),
            format: format.map(Arc::new),
            analyzer: Analyzer::Standard,
            search_analyzer: Analyzer::Standard,
            lowercase: false,
            fields: BTreeMap::new(),
        }
    }
}
