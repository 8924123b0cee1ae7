//! Sorting: which value of a document counts, where missing ones go, how values are shown.

use std::cmp::Ordering;
use std::sync::Arc;

use watchbell_json::{Failure, Json};
use watchbell_time::date::DateFormat;
use watchbell_time::{TimeZone, Timestamp};

use super::answer::shown_score;
use crate::Value;
use crate::mapping::{Coercion, Field, FieldType, IndexedFields, coerce, java_text};
use crate::plan::PlanContext;
use crate::query::{FieldSort, Missing, Order, SortKey, SortMode};
use crate::value::ip_text;

/// What a document is sorted by, one a key.
#[derive(Clone, Debug, PartialEq)]
pub enum SortValue {
    Long(i64),
    Unsigned(u64),
    Double(f64),
    /// Of a `float` field: shown in its own digits.
    Float(f64),
    Text(Arc<str>),
    Ip(u128),
    /// A missing keyword or address: shown as null. `true` sorts last.
    Null {
        last: bool,
    },
}

/// What sorting sees of a document.
#[derive(Clone, Copy, Debug)]
pub struct SortRow<'a> {
    pub id: &'a str,
    pub index: &'a str,
    pub seq_no: i64,
    /// Its place in the index.
    pub place: u64,
    pub score: f32,
    pub fields: &'a IndexedFields,
}

/// Sort keys bound to one index.
#[derive(Clone, Debug)]
pub struct SortPlan {
    keys: Vec<Key>,
}

#[derive(Clone, Debug)]
struct Key {
    order: Order,
    by: By,
}

#[derive(Clone, Debug)]
enum By {
    Score,
    Place,
    SeqNo,
    Index,
    Field { name: Arc<str>, path: Arc<str>, field: Arc<Field>, mode: SortMode, missing: SortValue, as_double: bool },
}

/// What a key looks at, for stores that sort by columns of their own.
#[derive(Clone, Copy, Debug)]
pub enum SortColumn<'a> {
    Score,
    Place,
    SeqNo,
    Index,
    Field { path: &'a Arc<str>, field: &'a Field, mode: SortMode, missing: &'a SortValue, as_double: bool },
}

impl SortPlan {
    /// The keys, most significant first.
    pub fn columns(&self) -> impl Iterator<Item = (Order, SortColumn<'_>)> {
        self.keys.iter().map(|key| {
            let column = match &key.by {
                By::Score => SortColumn::Score,
                By::Place => SortColumn::Place,
                By::SeqNo => SortColumn::SeqNo,
                By::Index => SortColumn::Index,
                By::Field { path, field, mode, missing, as_double, .. } => SortColumn::Field { path, field, mode: *mode, missing, as_double: *as_double },
            };
            (key.order, column)
        })
    }

    /// # Errors
    /// `query_shard_exception` and `illegal_argument_exception` as an index fails with.
    pub fn bind(keys: &[SortKey], context: &PlanContext<'_>) -> Result<SortPlan, Failure> {
        let bind = |key: &SortKey| match key {
            SortKey::Score(order) => Ok(Key { order: *order, by: By::Score }),
            SortKey::Doc(order) => Ok(Key { order: *order, by: By::Place }),
            SortKey::Field(sort) => field_key(sort, context),
        };
        Ok(SortPlan { keys: keys.iter().map(bind).collect::<Result<_, _>>()? })
    }

    #[must_use]
    pub fn values(&self, row: &SortRow<'_>) -> Vec<SortValue> {
        self.keys.iter().map(|key| key.value(row)).collect()
    }

    /// Which of two comes first, in the keys' orders.
    #[must_use]
    pub fn compare(&self, a: &[SortValue], b: &[SortValue]) -> Ordering {
        let each = self.keys.iter().zip(a.iter().zip(b));
        each.map(|(key, (a, b))| compare(a, b, key.order)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    /// As the `sort` of a hit.
    #[must_use]
    pub fn shown(&self, values: &[SortValue]) -> Vec<Json> {
        values.iter().map(SortValue::shown).collect()
    }

    /// The values of a `search_after`.
    ///
    /// # Errors
    /// `illegal_argument_exception` for a value of another type than its key's.
    pub fn after(&self, values: &[Json]) -> Result<Vec<SortValue>, Failure> {
        self.keys.iter().zip(values).map(|(key, value)| key.after(value)).collect()
    }
}

fn compare(a: &SortValue, b: &SortValue, order: Order) -> Ordering {
    let directed = |ordering: Ordering| if order == Order::Ascending { ordering } else { ordering.reverse() };
    let missing = |last: bool| if last { Ordering::Greater } else { Ordering::Less };
    match (a, b) {
        (SortValue::Null { .. }, SortValue::Null { .. }) => Ordering::Equal,
        (SortValue::Null { last }, _) => missing(*last),
        (_, SortValue::Null { last }) => missing(*last).reverse(),
        (SortValue::Long(a), SortValue::Long(b)) => directed(a.cmp(b)),
        (SortValue::Unsigned(a), SortValue::Unsigned(b)) => directed(a.cmp(b)),
        (SortValue::Text(a), SortValue::Text(b)) => directed(a.cmp(b)),
        (SortValue::Ip(a), SortValue::Ip(b)) => directed(a.cmp(b)),
        (a, b) => directed(a.as_double().total_cmp(&b.as_double())),
    }
}

impl SortValue {
    #[allow(clippy::cast_precision_loss)] // only where types differ between indices
    fn as_double(&self) -> f64 {
        match self {
            SortValue::Long(value) => *value as f64,
            SortValue::Unsigned(value) => *value as f64,
            SortValue::Double(value) | SortValue::Float(value) => *value,
            SortValue::Text(_) | SortValue::Ip(_) | SortValue::Null { .. } => f64::INFINITY,
        }
    }

    fn shown(&self) -> Json {
        match self {
            SortValue::Long(value) => Json::Int(*value),
            SortValue::Unsigned(value) => Json::from(*value),
            SortValue::Double(value) | SortValue::Float(value) if !value.is_finite() => Json::from(watchbell_json::java_double(*value)),
            SortValue::Double(value) => Json::Double(*value),
            #[allow(clippy::cast_possible_truncation)] // it was a 32-bit number
            SortValue::Float(value) => Json::Double(shown_score(*value as f32)),
            SortValue::Text(text) => Json::Str(text.clone()),
            SortValue::Ip(bits) => Json::from(ip_text(*bits)),
            SortValue::Null { .. } => Json::Null,
        }
    }
}

fn field_key(sort: &FieldSort, context: &PlanContext<'_>) -> Result<Key, Failure> {
    let key = |by| Ok(Key { order: sort.order, by });
    match &*sort.field {
        "_seq_no" => return key(By::SeqNo),
        "_index" => return key(By::Index),
        "_id" => {
            let reason =
                "Fielddata access on the _id field is disallowed, you can re-enable it by updating the dynamic cluster setting: indices.id_field_data.enabled";
            return Err(Failure::illegal_argument(reason));
        }
        _ => {}
    }
    let (path, field) = match context.mapping.field(&sort.field) {
        Some(found) => (found.path, found.field),
        None => (sort.field.clone(), Arc::new(unmapped(sort, context)?)),
    };
    sortable(&sort.field, &field, context)?;
    let texts = matches!(field.kind, FieldType::Keyword | FieldType::Ip | FieldType::Text);
    if texts && matches!(sort.mode, Some(SortMode::Sum | SortMode::Avg | SortMode::Median)) {
        return Err(context.shard_failure("we only support AVG, MEDIAN and SUM on number based fields"));
    }
    let mode = sort.mode.unwrap_or(if sort.order == Order::Ascending { SortMode::Min } else { SortMode::Max });
    let as_double = sort.numeric_type.as_deref() == Some("double");
    let missing = missing_value(sort, &field, as_double)?;
    key(By::Field { name: sort.field.clone(), path, field, mode, missing, as_double })
}

fn unmapped(sort: &FieldSort, context: &PlanContext<'_>) -> Result<Field, Failure> {
    let Some(kind) = &sort.unmapped_type else {
        return Err(context.shard_failure(format!("No mapping found for [{}] in order to sort on", sort.field)));
    };
    FieldType::named(kind).map(Field::of).ok_or_else(|| Failure::illegal_argument(format!("No mapper found for type [{kind}]")))
}

/// # Errors
/// `illegal_argument_exception` for a field without columns.
pub(super) fn sortable(name: &str, field: &Field, context: &PlanContext<'_>) -> Result<(), Failure> {
    if field.kind == FieldType::Text {
        if field.fielddata {
            return Ok(());
        }
        let reason = format!(
            "Fielddata is disabled on [{name}] in [{}]. Text fields are not optimised for operations that require per-document field data like aggregations and sorting, so these operations are disabled by default. Please use a keyword field instead. Alternatively, set fielddata=true on [{name}] in order to load field data by uninverting the inverted index. Note that this can use significant memory.",
            context.index
        );
        return Err(Failure::illegal_argument(reason));
    }
    if !field.doc_values {
        let reason =
            format!("Can't load fielddata on [{name}] because fielddata is unsupported on fields of type [{}]. Use doc values instead.", field.kind.name());
        return Err(Failure::illegal_argument(reason));
    }
    Ok(())
}

fn missing_value(sort: &FieldSort, field: &Field, as_double: bool) -> Result<SortValue, Failure> {
    if let Missing::Value(value) = &sort.missing {
        return Ok(match coerce(field, value, Coercion::Query)? {
            Some(value) => sort_value(&value, field, as_double),
            None => SortValue::Text(java_text(value).into()),
        });
    }
    let last = sort.missing == Missing::Last;
    // The greatest value sorts last when ascending and first when descending.
    let greatest = last == (sort.order == Order::Ascending);
    Ok(match &field.kind {
        FieldType::Keyword | FieldType::Ip | FieldType::Text | FieldType::Binary | FieldType::Alias(_) => SortValue::Null { last },
        FieldType::UnsignedLong => SortValue::Unsigned(if greatest { u64::MAX } else { 0 }),
        kind if kind.is_fraction() || as_double => SortValue::Double(if greatest { f64::INFINITY } else { f64::NEG_INFINITY }),
        _ => SortValue::Long(if greatest { i64::MAX } else { i64::MIN }),
    })
}

fn sort_value(value: &Value, field: &Field, as_double: bool) -> SortValue {
    match value {
        #[allow(clippy::cast_precision_loss)] // asked for
        Value::Long(number) if as_double => SortValue::Double(*number as f64),
        Value::Long(number) | Value::Date(number) => SortValue::Long(*number),
        Value::Unsigned(number) => SortValue::Unsigned(*number),
        Value::Double(number) if matches!(field.kind, FieldType::Float | FieldType::HalfFloat) && !as_double => SortValue::Float(*number),
        Value::Double(number) => SortValue::Double(*number),
        Value::Bool(value) => SortValue::Long(i64::from(*value)),
        Value::Ip(bits) => SortValue::Ip(*bits),
        Value::Keyword(text) => SortValue::Text(text.clone()),
    }
}

impl Key {
    fn value(&self, row: &SortRow<'_>) -> SortValue {
        match &self.by {
            By::Score => SortValue::Float(f64::from(row.score)),
            By::Place => SortValue::Long(i64::try_from(row.place).unwrap_or(i64::MAX)),
            By::SeqNo => SortValue::Long(row.seq_no),
            By::Index => SortValue::Text(row.index.into()),
            By::Field { path, field, mode, missing, as_double, .. } => {
                let values = match row.fields.text(path) {
                    Some(text) => text.tokens.iter().map(|token| Value::Keyword(token.text.as_str().into())).collect(),
                    None => row.fields.values(path).to_vec(),
                };
                pick(values, *mode).map_or_else(|| missing.clone(), |value| sort_value(&value, field, *as_double))
            }
        }
    }

    fn after(&self, value: &Json) -> Result<SortValue, Failure> {
        let unreadable = |name: &str| Failure::illegal_argument(format!("Failed to parse search_after value for field [{name}]."));
        match &self.by {
            By::Score => value.as_f64().map(SortValue::Float).ok_or_else(|| unreadable("_score")),
            By::Place => value.as_i64().map(SortValue::Long).ok_or_else(|| unreadable("_doc")),
            By::SeqNo => value.as_i64().map(SortValue::Long).ok_or_else(|| unreadable("_seq_no")),
            By::Index => Ok(SortValue::Text(java_text(value).into())),
            By::Field { missing, .. } if value.is_null() => Ok(missing.clone()),
            By::Field { name, field, as_double, .. } => match (&field.kind, value) {
                (kind, Json::Int(number)) if kind.is_date() => Ok(SortValue::Long(*number)),
                (FieldType::Boolean, Json::Int(number)) => Ok(SortValue::Long(*number)),
                // What an extreme of a whole number or a fraction was shown as.
                (kind, Json::Str(text)) if kind.is_fraction() && text.ends_with("Infinity") => {
                    Ok(SortValue::Double(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }))
                }
                (FieldType::Long | FieldType::Integer | FieldType::Short | FieldType::Byte, Json::Int(number)) if !as_double => Ok(SortValue::Long(*number)),
                (FieldType::Text, other) => Ok(SortValue::Text(java_text(other).into())),
                (_, other) => match coerce(field, other, Coercion::Query) {
                    Ok(Some(value)) => Ok(sort_value(&value, field, *as_double)),
                    Ok(None) | Err(_) => Err(unreadable(name)),
                },
            },
        }
    }
}

/// The one value of several that counts.
fn pick(mut values: Vec<Value>, mode: SortMode) -> Option<Value> {
    match mode {
        SortMode::Min => values.into_iter().min(),
        SortMode::Max => values.into_iter().max(),
        SortMode::Median => {
            values.sort();
            let middle = values.len() / 2;
            if values.len() % 2 == 1 {
                return values.into_iter().nth(middle);
            }
            let (low, high) = (values.get(middle.checked_sub(1)?)?, values.get(middle)?);
            mean(&[low.clone(), high.clone()])
        }
        SortMode::Avg => mean(&values),
        SortMode::Sum => sum(&values),
    }
}

fn sum(values: &[Value]) -> Option<Value> {
    let first = values.first()?;
    Some(match first {
        Value::Double(_) => Value::Double(values.iter().map(as_double).sum()),
        Value::Date(_) => Value::Date(values.iter().fold(0, |sum, value| sum.wrapping_add(as_long(value)))),
        _ => Value::Long(values.iter().fold(0, |sum: i64, value| sum.wrapping_add(as_long(value)))),
    })
}

fn mean(values: &[Value]) -> Option<Value> {
    #[allow(clippy::cast_precision_loss)] // a document's values
    let count = values.len() as f64;
    let mean = values.iter().map(as_double).sum::<f64>() / count;
    // Whole numbers stay whole, rounded half up as Java rounds.
    #[allow(clippy::cast_possible_truncation)] // saturates
    let whole = (mean + 0.5).floor() as i64;
    Some(match values.first()? {
        Value::Double(_) => Value::Double(mean),
        Value::Date(_) => Value::Date(whole),
        _ => Value::Long(whole),
    })
}

fn as_long(value: &Value) -> i64 {
    match value {
        Value::Long(number) | Value::Date(number) => *number,
        Value::Bool(value) => i64::from(*value),
        Value::Unsigned(number) => i64::try_from(*number).unwrap_or(i64::MAX),
        Value::Double(_) | Value::Ip(_) | Value::Keyword(_) => 0,
    }
}

#[allow(clippy::cast_precision_loss)] // as Java's mean over longs
fn as_double(value: &Value) -> f64 {
    match value {
        Value::Double(number) => *number,
        other => as_long(other) as f64,
    }
}

/// A date column as text.
pub(super) fn printed_date(stored: i64, nanos: bool, format: &DateFormat) -> String {
    let at = if nanos { Timestamp::from_nanosecond(i128::from(stored)) } else { Timestamp::from_millisecond(stored) };
    at.map_or_else(|_| stored.to_string(), |at| format.print(at, &TimeZone::UTC))
}
