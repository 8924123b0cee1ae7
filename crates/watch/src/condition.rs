//! Conditions: what they are, how they are read and printed (spec watcher-parts §4). How they are decided is in
//! [`crate::evaluate`].

use watchbell_json::{Failure, Json, Map, token_name};

use crate::WatchId;

#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    Always,
    Never,
    Compare(Compare),
    ArrayCompare(ArrayCompare),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Compare {
    pub path: String,
    pub op: CompareOp,
    pub value: Json,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ArrayCompare {
    pub array_path: String,
    /// `""` is the element itself.
    pub path: String,
    pub op: CompareOp,
    pub value: Json,
    pub quantifier: Quantifier,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    Eq,
    NotEq,
    Gt,
    Gte,
    Lt,
    Lte,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    Some,
    All,
}

impl CompareOp {
    fn parse(name: &str) -> Option<CompareOp> {
        Some(match &*name.to_lowercase() {
            "eq" => CompareOp::Eq,
            "not_eq" => CompareOp::NotEq,
            "gt" => CompareOp::Gt,
            "gte" => CompareOp::Gte,
            "lt" => CompareOp::Lt,
            "lte" => CompareOp::Lte,
            _ => return None,
        })
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            CompareOp::Eq => "eq",
            CompareOp::NotEq => "not_eq",
            CompareOp::Gt => "gt",
            CompareOp::Gte => "gte",
            CompareOp::Lt => "lt",
            CompareOp::Lte => "lte",
        }
    }

    /// Whether an object or a list may stand on the right.
    fn takes_structures(self) -> bool {
        matches!(self, CompareOp::Eq | CompareOp::NotEq)
    }
}

impl Quantifier {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Quantifier::Some => "some",
            Quantifier::All => "all",
        }
    }
}

impl Condition {
    /// The type's name in definitions and records.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Condition::Always => "always",
            Condition::Never => "never",
            Condition::Compare(_) => "compare",
            Condition::ArrayCompare(_) => "array_compare",
        }
    }

    /// # Errors
    /// `parse_exception`.
    pub fn parse(watch: &WatchId, value: &Json) -> Result<Condition, Failure> {
        let outer = format!("could not parse condition for watch [{watch}]");
        let Json::Map(map) = value else {
            return Err(Failure::parse(format!("{outer}. expected an object but found [{}] instead", token_name(value))));
        };
        let mut last = None;
        for (kind, body) in map.iter() {
            last = Some(match &**kind {
                "always" => empty(watch, kind, body, Condition::Always)?,
                "never" => empty(watch, kind, body, Condition::Never)?,
                "compare" => Condition::Compare(Compare::parse(watch, body)?),
                "array_compare" => Condition::ArrayCompare(ArrayCompare::parse(watch, body)?),
                unknown => {
                    return Err(Failure::parse(format!("{outer}. unknown condition type [{unknown}]")));
                }
            });
        }
        last.ok_or_else(|| Failure::parse(format!("{outer}. expected a condition type but found [END_OBJECT] instead")))
    }

    /// The canonical form: an object with the type as its only member.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let body = match self {
            Condition::Always | Condition::Never => Json::object(),
            Condition::Compare(compare) => Json::object().with(&*compare.path, Json::object().with(compare.op.name(), compare.value.clone())),
            Condition::ArrayCompare(compare) => {
                let operator = Json::object().with("value", compare.value.clone()).with("quantifier", compare.quantifier.name());
                Json::object().with(&*compare.array_path, Json::object().with("path", &*compare.path).with(compare.op.name(), operator))
            }
        };
        Json::object().with(self.kind(), body)
    }
}

fn broken(watch: &WatchId, kind: &str, what: impl std::fmt::Display) -> Failure {
    Failure::parse(format!("could not parse [{kind}] condition for watch [{watch}]. {what}"))
}

fn empty(watch: &WatchId, kind: &str, body: &Json, condition: Condition) -> Result<Condition, Failure> {
    match body {
        Json::Map(map) if map.is_empty() => Ok(condition),
        _ => Err(broken(watch, kind, "expected an empty object")),
    }
}

fn object<'j>(watch: &WatchId, kind: &str, value: &'j Json, what: &str) -> Result<&'j Map, Failure> {
    value.as_map().ok_or_else(|| broken(watch, kind, format_args!("expected {what} but found [{}] instead", token_name(value))))
}

fn operand(watch: &WatchId, kind: &str, op: CompareOp, value: &Json) -> Result<Json, Failure> {
    if matches!(value, Json::List(_) | Json::Map(_)) && !op.takes_structures() {
        let what = format!("operation [{}] cannot be performed on a structured value, but found [{}]", op.name(), token_name(value));
        return Err(broken(watch, kind, what));
    }
    Ok(value.clone())
}

impl Compare {
    fn parse(watch: &WatchId, body: &Json) -> Result<Compare, Failure> {
        const KIND: &str = "compare";
        let mut last = None;
        for (path, inner) in object(watch, KIND, body, "an object")?.iter() {
            let mut members = object(watch, KIND, inner, "an object with a comparison operator")?.iter();
            let Some((name, value)) = members.next() else {
                return Err(broken(watch, KIND, format_args!("expected a comparison operator for [{path}] but found [END_OBJECT] instead")));
            };
            let op = CompareOp::parse(name).ok_or_else(|| broken(watch, KIND, format_args!("unknown comparison operator [{name}]")))?;
            let value = operand(watch, KIND, op, value)?;
            if let Some((second, _)) = members.next() {
                return Err(broken(watch, KIND, format_args!("expected the end of the comparison of [{path}] but found field [{second}] instead")));
            }
            last = Some(Compare { path: path.to_string(), op, value });
        }
        last.ok_or_else(|| broken(watch, KIND, "expected a path but found [END_OBJECT] instead"))
    }
}

impl ArrayCompare {
    fn parse(watch: &WatchId, body: &Json) -> Result<ArrayCompare, Failure> {
        const KIND: &str = "array_compare";
        let mut last = None;
        for (array_path, inner) in object(watch, KIND, body, "an object")?.iter() {
            let (mut path, mut comparison) = (String::new(), None);
            for (name, value) in object(watch, KIND, inner, "an object with a comparison operator")?.iter() {
                if &**name == "path" {
                    let Json::Str(text) = value else {
                        return Err(broken(watch, KIND, format_args!("expected a string for [path] but found [{}] instead", token_name(value))));
                    };
                    path = text.to_string();
                    continue;
                }
                let op = CompareOp::parse(name).ok_or_else(|| broken(watch, KIND, format_args!("unknown comparison operator [{name}]")))?;
                if comparison.is_some() {
                    return Err(broken(watch, KIND, format_args!("encountered a second comparison operator [{name}]")));
                }
                let (value, quantifier) = ArrayCompare::operator(watch, op, value)?;
                comparison = Some((op, value, quantifier));
            }
            let Some((op, value, quantifier)) = comparison else {
                return Err(broken(watch, KIND, format_args!("expected a comparison operator for [{array_path}] but found [END_OBJECT] instead")));
            };
            last = Some(ArrayCompare { array_path: array_path.to_string(), path, op, value, quantifier });
        }
        last.ok_or_else(|| broken(watch, KIND, "expected an array path but found [END_OBJECT] instead"))
    }

    fn operator(watch: &WatchId, op: CompareOp, body: &Json) -> Result<(Json, Quantifier), Failure> {
        const KIND: &str = "array_compare";
        let (mut operand_value, mut quantifier) = (None, Quantifier::Some);
        for (name, value) in object(watch, KIND, body, "an object with [value] and [quantifier]")?.iter() {
            match &**name {
                "value" => operand_value = Some(operand(watch, KIND, op, value)?),
                "quantifier" => {
                    let text = crate::java::text(value);
                    quantifier = match &*text.to_lowercase() {
                        "some" => Quantifier::Some,
                        "all" => Quantifier::All,
                        _ => {
                            return Err(broken(watch, KIND, format_args!("unknown comparison quantifier [{text}]")));
                        }
                    };
                }
                unknown => {
                    return Err(broken(watch, KIND, format_args!("unexpected field [{unknown}] in [{}]", op.name())));
                }
            }
        }
        operand_value.map(|value| (value, quantifier)).ok_or_else(|| broken(watch, KIND, format_args!("missing required field [value] in [{}]", op.name())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    fn parse(value: &Json) -> Result<Condition, Failure> {
        Condition::parse(&WatchId::parse("w").unwrap(), value)
    }

    #[test]
    fn canonical_forms() {
        for (given, printed) in [
            (json!({"always": {}}), json!({"always": {}})),
            (json!({"never": {}}), json!({"never": {}})),
            (json!({"never": {}, "compare": {"ctx.x": {"GTE": 3}}}), json!({"compare": {"ctx.x": {"gte": 3}}})),
            (json!({"compare": {"ctx.a": {"eq": 1}, "ctx.b": {"not_eq": [1]}}}), json!({"compare": {"ctx.b": {"not_eq": [1]}}})),
            (
                json!({"array_compare": {"ctx.payload.b": {"gte": {"value": 25}}}}),
                json!({"array_compare": {"ctx.payload.b": {"path": "", "gte": {"value": 25, "quantifier": "some"}}}}),
            ),
            (
                json!({"array_compare": {"p": {"path": "k", "eq": {"quantifier": "ALL", "value": null}}}}),
                json!({"array_compare": {"p": {"path": "k", "eq": {"value": null, "quantifier": "all"}}}}),
            ),
        ] {
            let condition = parse(&given).unwrap();
            assert_eq!(condition.to_json().to_string(), printed.to_string());
            assert_eq!(parse(&printed).unwrap(), condition);
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for (given, reason) in [
            (json!({}), "could not parse condition for watch [w]. expected a condition type but found [END_OBJECT] instead"),
            (json!([]), "could not parse condition for watch [w]. expected an object but found [START_ARRAY] instead"),
            (json!({"script": "return true"}), "could not parse condition for watch [w]. unknown condition type [script]"),
            (json!({"always": {"x": 1}}), "could not parse [always] condition for watch [w]. expected an empty object"),
            (json!({"compare": {"a": {"like": 1}}}), "could not parse [compare] condition for watch [w]. unknown comparison operator [like]"),
            (
                json!({"compare": {"a": {"gt": 1, "lt": 5}}}),
                "could not parse [compare] condition for watch [w]. expected the end of the comparison of [a] but found field [lt] instead",
            ),
            (
                json!({"compare": {"a": {"gt": {}}}}),
                "could not parse [compare] condition for watch [w]. operation [gt] cannot be performed on a structured value, but found [START_OBJECT]",
            ),
            (
                json!({"array_compare": {"a": {"gt": {"value": 1, "quantifier": "most"}}}}),
                "could not parse [array_compare] condition for watch [w]. unknown comparison quantifier [most]",
            ),
        ] {
            assert_eq!(parse(&given).unwrap_err().reason_text(), reason, "{given}");
        }
    }
}
