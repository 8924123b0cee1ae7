//! The value itself.

use std::sync::Arc;

use crate::{Limits, Map, ParseError};

/// A JSON value, cheap to clone.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Json {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    /// A whole number beyond 64 bits, in its digits.
    Big(Arc<str>),
    Double(f64),
    Str(Arc<str>),
    /// An instant in nanoseconds since the epoch; printed as an ISO date in UTC. Never comes out of the parser.
    Time(i64),
    List(Arc<Vec<Json>>),
    Map(Arc<Map>),
}

impl Json {
    /// Parses one JSON text, as Elasticsearch reads request bodies: a byte order mark and `/* comments */` are skipped, a
    /// duplicate member is an error.
    ///
    /// # Errors
    /// [`ParseError`] with line and column.
    pub fn parse(text: &[u8]) -> Result<Json, ParseError> {
        crate::parse::parse(text, Limits::default())
    }

    /// As [`Json::parse`], within limits of one's own.
    ///
    /// # Errors
    /// [`ParseError`], also when a limit is passed.
    pub fn parse_within(text: &[u8], limits: Limits) -> Result<Json, ParseError> {
        crate::parse::parse(text, limits)
    }

    #[must_use]
    pub fn object() -> Json {
        Json::Map(Arc::default())
    }

    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.as_map().and_then(|map| map.get(key))
    }

    /// The value below several keys; `None` where one is missing or not an object.
    #[must_use]
    pub fn at(&self, keys: &[&str]) -> Option<&Json> {
        keys.iter().try_fold(self, |value, key| value.get(key))
    }

    #[must_use]
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Json::Map(map) => Some(map),
            _ => None,
        }
    }

    #[must_use]
    pub fn as_list(&self) -> Option<&[Json]> {
        match self {
            Json::List(items) => Some(items),
            _ => None,
        }
    }

    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::Str(text) => Some(text),
            _ => None,
        }
    }

    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A whole number; a fraction is not one.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Json::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// Any number as a 64-bit float.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            #[allow(clippy::cast_precision_loss)] // what Java's doubleValue() does too
            Json::Int(value) => Some(*value as f64),
            Json::Double(value) => Some(*value),
            Json::Big(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }

    #[must_use]
    pub fn is_number(&self) -> bool {
        matches!(self, Json::Int(_) | Json::Big(_) | Json::Double(_))
    }

    #[must_use]
    pub fn is_scalar(&self) -> bool {
        !matches!(self, Json::Null | Json::List(_) | Json::Map(_))
    }

    /// The members for writing; a value that is no object becomes an empty one first. Shared subtrees are copied here.
    pub fn make_map(&mut self) -> &mut Map {
        if !matches!(self, Json::Map(_)) {
            *self = Json::object();
        }
        match self {
            Json::Map(map) => Arc::make_mut(map),
            _ => unreachable!("made an object above"),
        }
    }

    /// Sets a member; see [`Json::make_map`].
    pub fn set(&mut self, key: impl Into<Arc<str>>, value: impl Into<Json>) {
        self.make_map().insert(key, value);
    }

    /// With one member more; for building answers.
    #[must_use]
    pub fn with(mut self, key: impl Into<Arc<str>>, value: impl Into<Json>) -> Json {
        self.set(key, value);
        self
    }

    /// With one member more if there is a value.
    #[must_use]
    pub fn with_some(self, key: impl Into<Arc<str>>, value: Option<impl Into<Json>>) -> Json {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// Objects merged member by member, everything else replaced, as `_update` with `doc` does.
    pub fn merge(&mut self, other: &Json) {
        match (&mut *self, other) {
            (Json::Map(mine), Json::Map(theirs)) => {
                let mine = Arc::make_mut(mine);
                for (key, value) in theirs.iter() {
                    match mine.get_mut(key) {
                        Some(old) => old.merge(value),
                        None => {
                            mine.insert(key.clone(), value.clone());
                        }
                    }
                }
            }
            (mine, theirs) => *mine = theirs.clone(),
        }
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Json {
        Json::Bool(value)
    }
}

macro_rules! from_integers {
    ($($t:ty),*) => { $(impl From<$t> for Json {
        fn from(value: $t) -> Json { Json::Int(i64::from(value)) }
    })* };
}
from_integers!(i8, i16, i32, i64, u8, u16, u32);

impl From<u64> for Json {
    fn from(value: u64) -> Json {
        i64::try_from(value).map_or_else(|_| Json::Big(value.to_string().into()), Json::Int)
    }
}

impl From<usize> for Json {
    fn from(value: usize) -> Json {
        Json::from(value as u64)
    }
}

impl From<u128> for Json {
    fn from(value: u128) -> Json {
        i64::try_from(value).map_or_else(|_| Json::Big(value.to_string().into()), Json::Int)
    }
}

impl From<f64> for Json {
    fn from(value: f64) -> Json {
        Json::Double(value)
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Json {
        Json::Str(value.into())
    }
}

impl From<String> for Json {
    fn from(value: String) -> Json {
        Json::Str(value.into())
    }
}

impl From<&String> for Json {
    fn from(value: &String) -> Json {
        Json::Str(value.as_str().into())
    }
}

impl From<Arc<str>> for Json {
    fn from(value: Arc<str>) -> Json {
        Json::Str(value)
    }
}

impl From<Map> for Json {
    fn from(value: Map) -> Json {
        Json::Map(Arc::new(value))
    }
}

impl<T: Into<Json>> From<Vec<T>> for Json {
    fn from(items: Vec<T>) -> Json {
        Json::List(Arc::new(items.into_iter().map(Into::into).collect()))
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Json {
        value.map_or(Json::Null, Into::into)
    }
}

impl<T: Into<Json>> FromIterator<T> for Json {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Json {
        Json::List(Arc::new(items.into_iter().map(Into::into).collect()))
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Json {
        use serde_json::Value;
        match value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(value),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(value), _) => Json::Int(value),
                (None, Some(value)) => Json::from(value),
                (None, None) => Json::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => Json::from(text),
            Value::Array(items) => items.into_iter().collect(),
            Value::Object(members) => Json::from(members.into_iter().collect::<Map>()),
        }
    }
}

impl From<&Json> for serde_json::Value {
    fn from(value: &Json) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Int(value) => Value::from(*value),
            Json::Double(value) => Value::from(*value),
            Json::Big(digits) => digits.parse::<u64>().map_or_else(|_| Value::from(digits.parse::<f64>().unwrap_or(f64::NAN)), Value::from),
            Json::Str(text) => Value::from(&**text),
            Json::Time(nanos) => Value::from(crate::iso_instant(*nanos)),
            Json::List(items) => Value::Array(items.iter().map(Value::from).collect()),
            Json::Map(map) => Value::Object(map.iter().map(|(k, v)| (k.to_string(), Value::from(v))).collect()),
        }
    }
}
