//! What the parsers share: reading members and the errors of wrong ones.

use std::sync::Arc;

use watchbell_json::{Failure, Json, Map, token_name};

use crate::mapping::java_text;

/// Where every error is said to be; see the module header.
const POSITION: i64 = 1;

pub(super) fn parsing(reason: impl Into<String>) -> Failure {
    Failure::new("parsing_exception", reason).with("line", POSITION).with("col", POSITION)
}

pub(super) fn x_content(reason: impl std::fmt::Display) -> Failure {
    Failure::new("x_content_parse_exception", format!("[1:1] {reason}"))
}

/// `[match] query does not support [foo]`.
pub(super) fn unsupported(query: &str, option: &str) -> Failure {
    parsing(format!("[{query}] query does not support [{option}]"))
}

/// `[ids] unknown field [foo]`, with a guess.
pub(super) fn unknown_field(parser: &str, field: &str, known: &[&str]) -> Failure {
    x_content(format!("[{parser}] unknown field [{field}]{}", suggestion(field, known)))
}

/// ` did you mean [x]?`, of the names that are nearer than half.
pub(super) fn suggestion(wrong: &str, known: &[&str]) -> String {
    let mut near: Vec<(f64, &str)> = known.iter().map(|name| (nearness(wrong, name), *name)).filter(|(nearness, _)| *nearness > 0.5).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    match near.as_slice() {
        [] => String::new(),
        [(_, name)] => format!(" did you mean [{name}]?"),
        several => format!(" did you mean any of [{}]?", several.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ")),
    }
}

/// Longest name that is compared with known ones: the comparison is quadratic.
const COMPARED_MAX: usize = 64;

fn nearness(a: &str, b: &str) -> f64 {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len() > COMPARED_MAX || a.is_empty() {
        return 0.0;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    #[allow(clippy::cast_precision_loss)] // short names
    let distance = row[b.len()] as f64 / a.len().max(b.len()) as f64;
    1.0 - distance
}

/// `boost`.
pub(super) fn boost(query: &str, value: &Json) -> Result<f32, Failure> {
    let boost = float(value)?;
    if boost < 0.0 || boost.is_nan() {
        return Err(Failure::illegal_argument(format!("negative [boost] are not allowed in [{query}], use a value between 0 and 1 to deboost")));
    }
    Ok(boost)
}

pub(super) fn float(value: &Json) -> Result<f32, Failure> {
    let number = match value {
        Json::Str(text) => text.trim().parse().ok().filter(|_| text.bytes().any(|b| b.is_ascii_digit())),
        other => other.as_f64(),
    };
    #[allow(clippy::cast_possible_truncation)] // scores are 32 bits wide
    number.map(|number: f64| number as f32).ok_or_else(|| number_format(value))
}

pub(super) fn number_format(value: &Json) -> Failure {
    Failure::new("number_format_exception", format!("For input string: \"{}\"", java_text(value)))
}

pub(super) fn integer(value: &Json) -> Result<i64, Failure> {
    match value {
        Json::Int(number) => Ok(*number),
        #[allow(clippy::cast_possible_truncation)] // whole and small
        Json::Double(number) if number.abs() < 1e15 => Ok(*number as i64),
        Json::Str(text) => text.trim().parse().map_err(|_| number_format(value)),
        _ => Err(number_format(value)),
    }
}

pub(super) fn flag(value: &Json) -> Result<bool, Failure> {
    match value {
        Json::Bool(value) => Ok(*value),
        Json::Str(text) if &**text == "true" => Ok(true),
        Json::Str(text) if matches!(&**text, "false" | "") => Ok(false),
        other => Err(Failure::illegal_argument(format!("Failed to parse value [{}] as only [true] or [false] are allowed.", java_text(other)))),
    }
}

pub(super) fn name(value: &Json) -> Arc<str> {
    java_text(value).into()
}

/// `{field: body}`: the one field of a query, without the named options beside it.
pub(super) fn single_field<'j>(query: &str, members: &'j Map) -> Result<Option<(&'j Arc<str>, &'j Json)>, Failure> {
    let mut fields = members.iter();
    match (fields.next(), fields.next()) {
        (Some((first, _)), Some((second, _))) => Err(parsing(format!("[{query}] query doesn't support multiple fields, found [{first}] and [{second}]"))),
        (first, _) => Ok(first),
    }
}

pub(super) fn unknown_token(query: &str, value: &Json, after: &str) -> Failure {
    parsing(format!("[{query}] unknown token [{}] after [{after}]", token_name(value)))
}
