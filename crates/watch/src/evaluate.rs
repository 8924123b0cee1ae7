//! Deciding conditions: path lookup, resolved values, and the comparison table (spec watcher-parts §4.2–4.4).

use std::cmp::Ordering;

use watchbell_json::{Failure, Json, PathError};
use watchbell_time::{Timestamp, epoch_nanos};

use crate::{
    condition::{ArrayCompare, Compare, CompareOp, Condition, Quantifier},
    dates, java,
    record::ConditionResult,
};

impl Condition {
    /// Decides over `model`, which is `{"ctx": …}`; `now` is what date math counts from.
    ///
    /// # Errors
    /// The exceptions the reference throws: an index out of bounds in a path, something that is no array, bad date math.
    pub fn evaluate(&self, model: &Json, now: Timestamp) -> Result<ConditionResult, Failure> {
        let (met, resolved_values) = match self {
            Condition::Always => (true, None),
            Condition::Never => (false, None),
            Condition::Compare(compare) => {
                let mut resolved = Json::object();
                (compare.is_met(model, now, &mut resolved)?, Some(resolved))
            }
            Condition::ArrayCompare(compare) => {
                let mut resolved = Json::object();
                (compare.is_met(model, now, &mut resolved)?, Some(resolved))
            }
        };
        Ok(ConditionResult { kind: self.kind().to_owned(), met, resolved_values })
    }
}

/// The value at a path, with the reference's exception for an index beyond a list's end.
///
/// # Errors
/// `index_out_of_bounds_exception`.
pub fn lookup(model: &Json, path: &str) -> Result<Json, Failure> {
    model.path(path).map_err(|error @ PathError::IndexOutOfBounds { .. }| Failure::new("index_out_of_bounds_exception", error.to_string()))
}

/// A configured value as it counts: `<{…}>` is date math, `{{…}}` a path, everything else itself.
fn resolve(value: &Json, model: &Json, now: Timestamp, resolved: &mut Json) -> Result<Json, Failure> {
    let Json::Str(text) = value else {
        return Ok(value.clone());
    };
    if let Some(math) = text.strip_prefix("<{").and_then(|rest| rest.strip_suffix("}>")) {
        let at = dates::date_math(math, now)?;
        let found = Json::Time(epoch_nanos(at));
        resolved.set(math, found.clone());
        return Ok(found);
    }
    if let Some(path) = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) {
        let found = lookup(model, path)?;
        resolved.set(path, found.clone());
        return Ok(found);
    }
    Ok(value.clone())
}

impl Compare {
    fn is_met(&self, model: &Json, now: Timestamp, resolved: &mut Json) -> Result<bool, Failure> {
        let right = resolve(&self.value, model, now, resolved)?;
        let left = lookup(model, &self.path)?;
        resolved.set(&*self.path, left.clone());
        let order = compare(&left, &right);
        Ok(match self.op {
            CompareOp::NotEq => order != Some(Ordering::Equal),
            op => order.is_some_and(|order| op.holds(order)),
        })
    }
}

impl ArrayCompare {
    fn is_met(&self, model: &Json, now: Timestamp, resolved: &mut Json) -> Result<bool, Failure> {
        let right = resolve(&self.value, model, now, resolved)?;
        let array = lookup(model, &self.array_path)?;
        let items = match &array {
            Json::Null => &[][..],
            Json::List(items) => items,
            other => {
                let reason = format!("array path {} did not evaluate to array, was {}", self.array_path, java::text(other));
                return Err(Failure::illegal_state(reason));
            }
        };
        resolved.set(&*self.array_path, array.clone());
        for item in items {
            let left = lookup(item, &self.path)?;
            let holds = compare(&left, &right).is_some_and(|order| self.op.holds(order));
            match self.quantifier {
                Quantifier::Some if holds => return Ok(true),
                Quantifier::All if !holds => return Ok(false),
                Quantifier::Some | Quantifier::All => {}
            }
        }
        Ok(self.quantifier == Quantifier::All)
    }
}

impl CompareOp {
    fn holds(self, order: Ordering) -> bool {
        match self {
            CompareOp::Eq => order.is_eq(),
            CompareOp::NotEq => order.is_ne(),
            CompareOp::Gt => order.is_gt(),
            CompareOp::Gte => order.is_ge(),
            CompareOp::Lt => order.is_lt(),
            CompareOp::Lte => order.is_le(),
        }
    }
}

/// The comparison table; `None` is incomparable. The right side decides how.
fn compare(left: &Json, right: &Json) -> Option<Ordering> {
    if equals(left, right) {
        return Some(Ordering::Equal);
    }
    if left.is_null() || right.is_null() || is_nan(left) || is_nan(right) {
        return None;
    }
    match right {
        Json::Int(_) | Json::Big(_) | Json::Double(_) => {
            let number = if left.is_number() { left.as_f64() } else { java::parse_double(&java::text(left)) };
            number?.partial_cmp(&right.as_f64()?)
        }
        Json::Str(text) => Some(java::text(left).encode_utf16().cmp(text.encode_utf16())),
        Json::Time(nanos) => Some(instant(left)?.cmp(nanos)),
        Json::Null | Json::Bool(_) | Json::List(_) | Json::Map(_) => None,
    }
}

/// Java's `equals`: deep, of the same types, and NaN equals itself.
fn equals(left: &Json, right: &Json) -> bool {
    left == right || (is_nan(left) && is_nan(right))
}

fn is_nan(value: &Json) -> bool {
    matches!(value, Json::Double(value) if value.is_nan())
}

/// A value read as an instant in nanoseconds: a date, a text in a date's form, milliseconds.
fn instant(value: &Json) -> Option<i64> {
    match value {
        Json::Time(nanos) => Some(*nanos),
        Json::Str(text) => dates::parse_date(text).map(epoch_nanos),
        Json::Int(millis) => Timestamp::from_millisecond(*millis).ok().map(epoch_nanos),
        #[expect(clippy::cast_possible_truncation, reason = "Java's longValue() of a double")]
        Json::Double(millis) => Timestamp::from_millisecond(*millis as i64).ok().map(epoch_nanos),
        Json::Null | Json::Bool(_) | Json::Big(_) | Json::List(_) | Json::Map(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    fn now() -> Timestamp {
        "2024-03-10T10:15:30.500Z".parse().unwrap()
    }

    fn met(left: &Json, op: &str, right: &Json) -> bool {
        let condition = Condition::parse(
            &crate::WatchId::parse("w").unwrap(),
            &Json::object().with("compare", Json::object().with("ctx.v", Json::object().with(op, right.clone()))),
        );
        let model = Json::object().with("ctx", Json::object().with("v", left.clone()));
        condition.unwrap().evaluate(&model, now()).unwrap().met
    }

    #[test]
    fn the_comparison_table() {
        for (left, op, right, expected) in [
            (json!(5), "eq", json!(5), true),
            (json!(5), "eq", json!(5.0), true),
            (json!("10"), "gt", json!(9), true),
            (json!(10), "lt", json!("9"), true),
            (json!(null), "eq", json!(null), true),
            (json!(null), "lt", json!(5), false),
            (json!(null), "not_eq", json!(5), true),
            (json!(null), "eq", json!(5), false),
            (json!(true), "eq", json!(true), true),
            (json!(true), "gt", json!(false), false),
            (json!(true), "not_eq", json!(false), true),
            (json!(true), "eq", json!("true"), true),
            (json!("x"), "gt", json!(1), false),
            (json!("x"), "not_eq", json!(1), true),
            (json!(" 1e3 "), "eq", json!(1000), true),
            (json!("12d"), "eq", json!(12), true),
            (json!("NaN"), "lte", json!(1), false),
            (json!(5.0), "eq", json!("5.0"), true),
            (json!(5), "eq", json!("5"), true),
            (json!([1, 2]), "eq", json!("[1, 2]"), true),
            (json!({"k": "v"}), "eq", json!("{k=v}"), true),
            (json!([1, 2]), "eq", json!([1, 2]), true),
            (json!([1, 2]), "eq", json!([1.0, 2]), false),
            (json!({"a": 1, "b": 2}), "eq", json!({"b": 2, "a": 1}), true),
            (json!("b"), "gte", json!("a"), true),
            (json!("\u{ffff}"), "gt", json!("\u{10000}"), true),
            (json!("2024-03-10T10:10:00Z"), "lt", json!("<{now-5m}>"), true),
            (json!("2024-03-10T10:11:00Z"), "gte", json!("<{now-5m}>"), true),
            (json!(1_710_065_400_000_i64), "lte", json!("<{now-5m}>"), true),
            (json!("yesterday"), "lt", json!("<{now-5m}>"), false),
            (json!("now-10m"), "lt", json!("<{now-5m}>"), false),
            (json!(true), "lt", json!("<{now-5m}>"), false),
            (json!("a{{ctx.v}}"), "eq", json!("a{{ctx.v}}"), true),
        ] {
            assert_eq!(met(&left, op, &right), expected, "{left} {op} {right}");
        }
        assert!(met(&Json::Time(epoch_nanos(now())), "gt", &json!("<{now-1s}>")));
        assert!(met(&Json::Double(f64::NAN), "eq", &Json::Double(f64::NAN)));
    }

    fn evaluate(condition: &Json, model: &Json) -> Result<ConditionResult, Failure> {
        Condition::parse(&crate::WatchId::parse("w").unwrap(), condition).unwrap().evaluate(model, now())
    }

    #[test]
    fn resolved_values_are_recorded_under_what_was_written() {
        let model = json!({"ctx": {"payload": {"n": 5, "limit": 3, "when": "2024-03-10T10:00:00Z"}}});
        for (condition, resolved) in [
            (json!({"compare": {"ctx.payload.n": {"gt": 3}}}), r#"{"ctx.payload.n":5}"#),
            (json!({"compare": {"ctx.payload.n": {"gt": "{{ctx.payload.limit}}"}}}), r#"{"ctx.payload.limit":3,"ctx.payload.n":5}"#),
            (json!({"compare": {"ctx.payload.n": {"not_eq": "{{ ctx.payload.limit }}"}}}), r#"{" ctx.payload.limit ":null,"ctx.payload.n":5}"#),
            (
                json!({"compare": {"ctx.payload.when": {"lt": "<{now-5m}>"}}}),
                r#"{"now-5m":"2024-03-10T10:10:30.500Z","ctx.payload.when":"2024-03-10T10:00:00Z"}"#,
            ),
            (json!({"compare": {"ctx.payload.gone": {"not_eq": 1}}}), r#"{"ctx.payload.gone":null}"#),
        ] {
            let result = evaluate(&condition, &model).unwrap();
            assert!(result.met, "{condition}");
            assert_eq!(result.resolved_values.unwrap().to_string(), resolved);
        }
    }

    #[test]
    fn arrays_are_compared_element_by_element() {
        let model = json!({"ctx": {"b": [{"n": 10}, {"n": 30}, {}], "all": [{"n": 30}, {"n": 40}], "s": "x", "plain": [1, 2]}});
        for (array, inner, expected) in [
            ("ctx.b", json!({"path": "n", "gte": {"value": 25}}), true),
            ("ctx.b", json!({"path": "n", "gte": {"value": 25, "quantifier": "all"}}), false),
            ("ctx.all", json!({"path": "n", "gte": {"value": 25, "quantifier": "all"}}), true),
            ("ctx.gone", json!({"gte": {"value": 25, "quantifier": "all"}}), true),
            ("ctx.gone", json!({"gte": {"value": 25}}), false),
            ("ctx.plain", json!({"eq": {"value": 2}}), true),
            ("ctx.b", json!({"path": "gone", "not_eq": {"value": 1}}), false),
        ] {
            let condition = Json::object().with("array_compare", Json::object().with(array, inner));
            let result = evaluate(&condition, &model).unwrap();
            assert_eq!(result.met, expected, "{condition}");
            assert!(result.resolved_values.unwrap().get(array).is_some());
        }
        let failure = evaluate(&json!({"array_compare": {"ctx.s": {"eq": {"value": 1}}}}), &model).unwrap_err();
        assert_eq!((&*failure.kind, failure.reason_text()), ("illegal_state_exception", "array path ctx.s did not evaluate to array, was x"));
    }

    #[test]
    fn an_index_beyond_the_end_is_an_exception() {
        let failure = evaluate(&json!({"compare": {"ctx.l.3": {"eq": 1}}}), &json!({"ctx": {"l": [1]}})).unwrap_err();
        assert_eq!((&*failure.kind, failure.reason_text()), ("index_out_of_bounds_exception", "Index 3 out of bounds for length 1"));
        assert!(evaluate(&json!({"compare": {"ctx.l.x": {"eq": null}}}), &json!({"ctx": {"l": [1]}})).unwrap().met);
    }
}
