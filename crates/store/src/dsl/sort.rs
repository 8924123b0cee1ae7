//! `sort`.

use watchbell_json::{Failure, Json, Map};

use super::members::{name, unknown_field, x_content};
use crate::mapping::java_text;
use crate::query::{FieldSort, Missing, Order, SortKey, SortMode};

const OPTIONS: &[&str] = &["order", "missing", "mode", "unmapped_type", "numeric_type"];

pub(super) fn parse(value: &Json) -> Result<Vec<SortKey>, Failure> {
    match value {
        Json::List(items) => items.iter().map(entry).collect::<Result<Vec<_>, _>>().map(|keys| keys.into_iter().flatten().collect()),
        value => entry(value),
    }
}

fn entry(value: &Json) -> Result<Vec<SortKey>, Failure> {
    match value {
        Json::Str(field) => Ok(vec![key(field, None)?]),
        Json::Map(members) => members.iter().map(|(field, options)| key(field, Some(options))).collect(),
        _ => Err(Failure::illegal_argument("malformed sort format, within the sort array, an object, or an actual string are allowed")),
    }
}

fn key(field: &str, options: Option<&Json>) -> Result<SortKey, Failure> {
    let default = if field == "_score" { Order::Descending } else { Order::Ascending };
    let empty = Map::new();
    let (direction, options) = match options {
        None | Some(Json::Null) => (default, &empty),
        Some(Json::Map(options)) => (default, &**options),
        Some(other) => (order(other)?, &empty),
    };
    let mut sort =
        FieldSort { field: field.into(), order: direction, mode: None, missing: Missing::Last, unmapped_type: None, numeric_type: None, format: None };
    let parser = if field == "_score" { "_score_sort" } else { "field_sort" };
    for (option, value) in options.iter() {
        match &**option {
            "order" => sort.order = order(value)?,
            _ if field == "_score" => return Err(unknown_field("_score", option, &["order"])),
            "missing" => sort.missing = missing(value),
            "mode" => sort.mode = Some(mode(value)?),
            "unmapped_type" => sort.unmapped_type = (!value.is_null()).then(|| name(value)),
            "numeric_type" => sort.numeric_type = Some(name(value)),
            _ => return Err(unknown_field(parser, option, OPTIONS)),
        }
    }
    Ok(match field {
        "_score" => SortKey::Score(sort.order),
        "_doc" => SortKey::Doc(sort.order),
        _ => SortKey::Field(sort),
    })
}

fn order(value: &Json) -> Result<Order, Failure> {
    let text = java_text(value);
    match text.to_ascii_lowercase().as_str() {
        "asc" => Ok(Order::Ascending),
        "desc" => Ok(Order::Descending),
        _ => {
            let cause = Failure::illegal_argument(format!("No enum constant org.elasticsearch.search.sort.SortOrder.{}", text.to_uppercase()));
            Err(x_content("[field_sort] failed to parse field [order]").caused_by(cause))
        }
    }
}

fn missing(value: &Json) -> Missing {
    match value.as_str() {
        Some("_last") => Missing::Last,
        Some("_first") => Missing::First,
        _ => Missing::Value(value.clone()),
    }
}

fn mode(value: &Json) -> Result<SortMode, Failure> {
    let text = java_text(value);
    Ok(match text.to_ascii_lowercase().as_str() {
        "min" => SortMode::Min,
        "max" => SortMode::Max,
        "sum" => SortMode::Sum,
        "avg" => SortMode::Avg,
        "median" => SortMode::Median,
        _ => {
            let cause = Failure::illegal_argument(format!("Unknown SortMode [{text}]"));
            return Err(x_content("[field_sort] failed to parse field [mode]").caused_by(cause));
        }
    })
}

pub(super) fn from_text(text: &str) -> Json {
    let one = |part: &str| match part.rsplit_once(':') {
        Some((field, order)) => Json::object().with(field, Json::object().with("order", order)),
        None => Json::from(part),
    };
    text.split(',').map(one).collect()
}
