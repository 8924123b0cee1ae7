//! How values print (as Java's `toString`), and JSON.

use watchbell_json::{Failure, Json, iso_instant_java};

use crate::{DateStyle, OUTPUT_MAX};

/// Deepest value that prints; the parser refuses deeper text already.
const VALUE_DEPTH_MAX: usize = 1_000;

/// Why rendering stopped in the middle of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overflow {
    Output,
    Depth,
}

impl Overflow {
    pub(crate) fn failure(self) -> Failure {
        Failure::illegal_state(match self {
            Overflow::Output => format!("The rendered text is longer than {OUTPUT_MAX} bytes"),
            Overflow::Depth => format!("The value is nested deeper than {VALUE_DEPTH_MAX}"),
        })
    }
}

/// A value as a tag prints it. A list prints as a map of its indices; lists inside print as lists.
pub(crate) fn print(value: &Json, dates: DateStyle, out: &mut String) -> Result<(), Overflow> {
    let Json::List(items) = value else { return nested(value, dates, 0, out) };
    out.push('{');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        out.push_str(&index.to_string());
        out.push('=');
        nested(item, dates, 1, out)?;
    }
    out.push('}');
    Ok(())
}

/// A value inside another, or in a joined list.
pub(crate) fn nested(value: &Json, dates: DateStyle, depth: usize, out: &mut String) -> Result<(), Overflow> {
    check(depth, out)?;
    match value {
        Json::Str(text) => out.push_str(text),
        Json::Double(number) => out.push_str(&watchbell_json::java_double(*number)),
        Json::Time(nanos) => out.push_str(&date(*nanos, dates)),
        Json::Null | Json::Bool(_) | Json::Int(_) | Json::Big(_) => value.write_to(out),
        Json::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                nested(item, dates, depth + 1, out)?;
            }
            out.push(']');
        }
        Json::Map(map) => {
            out.push('{');
            for (index, (key, value)) in map.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                out.push_str(key);
                out.push('=');
                nested(value, dates, depth + 1, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// Compact JSON.
pub(crate) fn json(value: &Json, depth: usize, out: &mut String) -> Result<(), Overflow> {
    check(depth, out)?;
    match value {
        Json::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                json(item, depth + 1, out)?;
            }
            out.push(']');
        }
        Json::Map(map) => {
            out.push('{');
            for (index, (key, value)) in map.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                watchbell_json::write_string(key, out);
                out.push(':');
                json(value, depth + 1, out)?;
            }
            out.push('}');
        }
        scalar => scalar.write_to(out),
    }
    Ok(())
}

fn check(depth: usize, out: &str) -> Result<(), Overflow> {
    if depth > VALUE_DEPTH_MAX {
        return Err(Overflow::Depth);
    }
    if out.len() > OUTPUT_MAX { Err(Overflow::Output) } else { Ok(()) }
}

fn date(nanos: i64, style: DateStyle) -> String {
    match style {
        DateStyle::Java8 => iso_instant_java(nanos),
        DateStyle::Millis => {
            let millis = nanos.div_euclid(1_000_000) * 1_000_000;
            watchbell_json::iso_instant(millis)
        }
    }
}
