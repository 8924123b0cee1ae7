//! Names looked up in values: keys of maps, places of lists, and what Java's reflection finds in other objects.

use watchbell_json::{Failure, Json, iso_instant, iso_instant_java};

use crate::node::{Part, Path};

/// A value of the model, or one made on the way.
#[derive(Clone, Debug)]
pub(crate) enum Value<'m> {
    Model(&'m Json),
    Made(Json),
}

impl<'m> Value<'m> {
    pub(crate) fn json(&self) -> &Json {
        match self {
            Value::Model(value) => value,
            Value::Made(value) => value,
        }
    }

    /// An element of a list.
    pub(crate) fn element(&self, index: usize) -> Option<Value<'m>> {
        match self {
            Value::Model(list) => list.as_list()?.get(index).map(Value::Model),
            Value::Made(list) => list.as_list()?.get(index).cloned().map(Value::Made),
        }
    }

    fn key(&self, key: &str) -> Option<Value<'m>> {
        match self {
            Value::Model(map) => map.get(key).map(Value::Model),
            Value::Made(map) => map.get(key).cloned().map(Value::Made),
        }
    }
}

/// A list was asked for a place that it does not have: in the reference an exception, not a missing value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoSuchElement(i32);

impl NoSuchElement {
    /// The last two links of the chain.
    pub(crate) fn failure(self, line: usize) -> Failure {
        let cause = if self.0 < 0 { Failure::illegal_argument("position >= 0") } else { Failure::new("index_out_of_bounds_exception", self.0.to_string()) };
        crate::parse::at_line(cause.reason_text(), line).caused_by(cause)
    }
}

type Found<'m> = Result<Option<Value<'m>>, NoSuchElement>;

/// The value of a name in the scopes, the innermost last.
///
/// In each scope the whole name is tried as one key first. If instead its first part is found, the search is bound to this
/// scope: what is missing below is missing.
pub(crate) fn look_up<'m>(scopes: &[Value<'m>], path: &Path) -> Found<'m> {
    if path.is_here() {
        return Ok(scopes.last().cloned());
    }
    for scope in scopes.iter().rev() {
        if let Some(found) = member(scope, &path.whole)? {
            return Ok(Some(found));
        }
        let Some((first, rest)) = path.parts.split_first() else { continue };
        let Some(mut found) = member(scope, first)? else { continue };
        for part in rest {
            match member(&found, part)? {
                Some(below) => found = below,
                None => return Ok(None),
            }
        }
        return Ok(Some(found));
    }
    Ok(None)
}

fn member<'m>(value: &Value<'m>, part: &Part) -> Found<'m> {
    match value.json() {
        Json::Map(_) => Ok(value.key(&part.text)),
        Json::List(items) => match part.index {
            Some(index) => match usize::try_from(index).ok().and_then(|index| value.element(index)) {
                Some(element) => Ok(Some(element)),
                None => Err(NoSuchElement(index)),
            },
            None if part.text == "size" => Ok(Some(Value::Made(Json::from(items.len())))),
            None => Ok(None),
        },
        Json::Null => Ok(None),
        scalar => Ok(method(scalar, &part.text).map(Value::Made)),
    }
}

/// `name()`, `getName()` or `isName()` of a Java object: watches use them by accident.
fn method(value: &Json, name: &str) -> Option<Json> {
    match value {
        Json::Str(text) => of_string(text, name),
        Json::Bool(value) => match name {
            "booleanValue" => Some(Json::Bool(*value)),
            "hashCode" => Some(Json::from(if *value { 1231 } else { 1237 })),
            "toString" => Some(Json::from(value.to_string())),
            _ => None,
        },
        Json::Int(_) | Json::Big(_) | Json::Double(_) => of_number(value, name),
        Json::Time(nanos) => of_date(*nanos, name),
        Json::Null | Json::List(_) | Json::Map(_) => None,
    }
}

fn of_string(text: &str, name: &str) -> Option<Json> {
    match name {
        "length" => Some(Json::from(text.encode_utf16().count())),
        "isEmpty" | "empty" => Some(Json::Bool(text.is_empty())),
        "isBlank" | "blank" => Some(Json::Bool(text.trim().is_empty())),
        "bytes" | "getBytes" => Some(text.bytes().map(u8::cast_signed).collect()),
        "hashCode" => Some(Json::from(text.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit))))),
        "toString" | "intern" => Some(Json::from(text)),
        "trim" | "strip" => Some(Json::from(text.trim())),
        "toUpperCase" => Some(Json::from(text.to_uppercase())),
        "toLowerCase" => Some(Json::from(text.to_lowercase())),
        _ => None,
    }
}

fn of_number(value: &Json, name: &str) -> Option<Json> {
    let number = value.as_f64()?;
    match name {
        #[allow(clippy::cast_possible_truncation)] // what Java's narrowing does
        "intValue" | "longValue" => Some(match value {
            Json::Int(whole) if name == "longValue" => Json::Int(*whole),
            Json::Int(whole) => Json::from(*whole as i32),
            _ if name == "longValue" => Json::Int(number as i64),
            _ => Json::from(number as i32),
        }),
        "doubleValue" => Some(Json::Double(number)),
        "isNaN" | "naN" | "NaN" if matches!(value, Json::Double(_)) => Some(Json::Bool(number.is_nan())),
        "isInfinite" | "infinite" | "Infinite" if matches!(value, Json::Double(_)) => Some(Json::Bool(number.is_infinite())),
        "hashCode" => Some(Json::from(number_hash(value)?)),
        "toString" => Some(Json::from(value.to_string())),
        _ => None,
    }
}

/// `hashCode` of `Integer`, `Long` and `Double`.
fn number_hash(value: &Json) -> Option<i32> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // the halves are what is hashed
    let fold = |bits: u64| (bits ^ (bits >> 32)) as i32;
    match value {
        Json::Int(whole) => Some(i32::try_from(*whole).unwrap_or_else(|_| fold(whole.cast_unsigned()))),
        Json::Double(number) => Some(fold(number.to_bits())),
        _ => None,
    }
}

const MONTHS: [&str; 12] = ["JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY", "AUGUST", "SEPTEMBER", "OCTOBER", "NOVEMBER", "DECEMBER"];
const WEEKDAYS: [&str; 7] = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];

/// Days of a common year before each month.
const DAYS_BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// The getters of `java.time.ZonedDateTime` in UTC, and `millis`, which older generations had.
fn of_date(nanos: i64, name: &str) -> Option<Json> {
    let text = iso_instant(nanos);
    let number = |from: usize, to: usize| text.get(from..to).and_then(|digits| digits.parse::<i64>().ok());
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let month_index = usize::try_from(month - 1).ok()?;
    let seconds = nanos.div_euclid(1_000_000_000);
    let getter = match name.strip_prefix("get").and_then(|rest| rest.chars().next().map(|first| (first, rest))) {
        Some((first, rest)) if first.is_ascii_uppercase() => format!("{}{}", first.to_ascii_lowercase(), rest.get(1..)?),
        _ => name.to_owned(),
    };
    Some(match getter.as_str() {
        "year" => Json::Int(year),
        "monthValue" => Json::Int(month),
        "month" => Json::from(*MONTHS.get(month_index)?),
        "dayOfMonth" => Json::Int(day),
        "dayOfYear" => {
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            Json::Int(DAYS_BEFORE.get(month_index)? + day + i64::from(leap && month > 2))
        }
        // 1970-01-01 was a Thursday.
        "dayOfWeek" => Json::from(*WEEKDAYS.get(usize::try_from((seconds.div_euclid(86_400) + 3).rem_euclid(7)).ok()?)?),
        "hour" => Json::Int(number(11, 13)?),
        "minute" => Json::Int(number(14, 16)?),
        "second" => Json::Int(number(17, 19)?),
        "nano" => Json::Int(nanos.rem_euclid(1_000_000_000)),
        "millis" => Json::Int(nanos.div_euclid(1_000_000)),
        "zone" | "offset" => Json::from("Z"),
        "chronology" => Json::from("ISO"),
        "toEpochSecond" => Json::Int(seconds),
        "toLocalDate" => Json::from(text.get(..10)?),
        "toLocalTime" => Json::from(iso_instant_java(nanos).get(11..)?.trim_end_matches('Z')),
        "toLocalDateTime" => Json::from(iso_instant_java(nanos).trim_end_matches('Z')),
        "toOffsetDateTime" | "toString" => Json::from(iso_instant_java(nanos)),
        "toInstant" => Json::from(instant(nanos)),
        _ => return None,
    })
}

/// As `java.time.Instant` prints: seconds always, the fraction in groups of three digits.
fn instant(nanos: i64) -> String {
    let text = iso_instant_java(nanos);
    if text.len() == "2024-01-02T03:04Z".len() { text.replace('Z', ":00Z") } else { text }
}
