//! Inputs (spec watcher-parts §3).

use watchbell_json::{Failure, Json, Map, token_name};

pub use crate::search::{SearchIndicesOptions, SearchInput, SearchRequestTemplate};
use crate::{
    WatchId,
    time_value::{parse_millis, parse_time_value},
};

#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    None,
    /// A static payload.
    Simple(Json),
    Search(Box<SearchInput>),
}

impl Input {
    /// The type's name in definitions and records.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Input::None => "none",
            Input::Simple(_) => "simple",
            Input::Search(_) => "search",
        }
    }

    /// # Errors
    /// `parse_exception`.
    pub fn parse(watch: &WatchId, value: &Json) -> Result<Input, Failure> {
        let outer = format!("could not parse input for watch [{watch}]");
        let Json::Map(map) = value else {
            return Err(Failure::parse(format!("{outer}. expected an object but found [{}] instead", token_name(value))));
        };
        let mut last = None;
        for (kind, body) in map.iter() {
            last = Some(match &**kind {
                "none" => none(watch, body)?,
                "simple" => simple(watch, body)?,
                "search" => Input::Search(Box::new(SearchInput::parse(watch, body)?)),
                unknown => {
                    return Err(Failure::parse(format!("{outer}. unknown input type [{unknown}]")));
                }
            });
        }
        last.ok_or_else(|| Failure::parse(format!("{outer}. expected an input type but found [END_OBJECT] instead")))
    }

    /// The canonical form: an object with the type as its only member.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let body = match self {
            Input::None => Json::object(),
            Input::Simple(payload) => payload.clone(),
            Input::Search(search) => search.to_json(),
        };
        Json::object().with(self.kind(), body)
    }
}

fn broken(watch: &WatchId, kind: &str, what: impl std::fmt::Display) -> Failure {
    Failure::parse(format!("could not parse [{kind}] input for watch [{watch}]. {what}"))
}

fn object<'j>(watch: &WatchId, kind: &str, body: &'j Json) -> Result<&'j Map, Failure> {
    body.as_map().ok_or_else(|| broken(watch, kind, format_args!("expected an object but found [{}] instead", token_name(body))))
}

fn none(watch: &WatchId, body: &Json) -> Result<Input, Failure> {
    if object(watch, "none", body)?.is_empty() { Ok(Input::None) } else { Err(broken(watch, "none", "expected an empty object")) }
}

fn simple(watch: &WatchId, body: &Json) -> Result<Input, Failure> {
    object(watch, "simple", body).map(|_| Input::Simple(body.clone()))
}

impl SearchInput {
    fn parse(watch: &WatchId, body: &Json) -> Result<SearchInput, Failure> {
        const KIND: &str = "search";
        let (mut request, mut extract, mut timeout_millis, mut dynamic_name_timezone) = (None, None, None, None);
        for (field, value) in object(watch, KIND, body)?.iter() {
            let unexpected = || broken(watch, KIND, format_args!("unexpected token [{}] for field [{field}]", token_name(value)));
            match &**field {
                "request" => {
                    request = Some(SearchRequestTemplate::parse(value).map_err(|cause| broken(watch, KIND, "failed to parse [request]").caused_by(cause))?)
                }
                "extract" => {
                    let items = value.as_list().ok_or_else(unexpected)?;
                    let paths = items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(unexpected));
                    extract = Some(paths.collect::<Result<Vec<_>, _>>()?);
                }
                "timeout" => {
                    timeout_millis = parse_time_value(value, field)
                        .map_err(|cause| broken(watch, KIND, format_args!("failed to parse time value for field [{field}]")).caused_by(cause))?;
                }
                "timeout_in_millis" => timeout_millis = Some(parse_millis(value, field)?),
                "dynamic_name_timezone" => dynamic_name_timezone = Some(value.as_str().ok_or_else(unexpected)?.to_owned()),
                unknown => {
                    return Err(broken(watch, KIND, format_args!("unexpected field [{unknown}]")));
                }
            }
        }
        let request = request.ok_or_else(|| broken(watch, KIND, "missing required [request] field"))?;
        Ok(SearchInput { request, extract, timeout_millis, dynamic_name_timezone })
    }

    fn to_json(&self) -> Json {
        Json::object()
            .with("request", self.request.to_json())
            .with_some("extract", self.extract.clone())
            .with_some("timeout_in_millis", self.timeout_millis)
            .with_some("dynamic_name_timezone", self.dynamic_name_timezone.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    fn parse(value: &Json) -> Result<Input, Failure> {
        Input::parse(&WatchId::parse("w").unwrap(), value)
    }

    #[test]
    fn canonical_forms() {
        for (given, printed) in [
            (json!({"none": {}}), r#"{"none":{}}"#),
            (json!({"simple": {"a": "{{b}}", "n": 1.0}}), r#"{"simple":{"a":"{{b}}","n":1.0}}"#),
            (json!({"search": {"request": {}}}), r#"{"search":{"request":{"search_type":"query_then_fetch","indices":[],"rest_total_hits_as_int":true}}}"#),
            (
                json!({"search": {"request": {"indices": "a, b", "body": {"size": 0}}, "extract": ["hits.total"], "timeout": "30s"}}),
                r#"{"search":{"request":{"search_type":"query_then_fetch","indices":["a","b"],"rest_total_hits_as_int":true,"body":{"size":0}},"extract":["hits.total"],"timeout_in_millis":30000}}"#,
            ),
        ] {
            let input = parse(&given).unwrap();
            assert_eq!(input.to_json().to_string(), printed);
            assert_eq!(parse(&input.to_json()).unwrap(), input);
        }
    }

    #[test]
    fn what_is_no_input_is_refused() {
        for (given, reason) in [
            (json!({}), "could not parse input for watch [w]. expected an input type but found [END_OBJECT] instead"),
            (json!("none"), "could not parse input for watch [w]. expected an object but found [VALUE_STRING] instead"),
            (json!({"http": {}}), "could not parse input for watch [w]. unknown input type [http]"),
            (json!({"none": {"a": 1}}), "could not parse [none] input for watch [w]. expected an empty object"),
            (json!({"simple": "x"}), "could not parse [simple] input for watch [w]. expected an object but found [VALUE_STRING] instead"),
            (json!({"search": {}}), "could not parse [search] input for watch [w]. missing required [request] field"),
            (
                json!({"search": {"request": {}, "extract": "a"}}),
                "could not parse [search] input for watch [w]. unexpected token [VALUE_STRING] for field [extract]",
            ),
        ] {
            assert_eq!(parse(&given).unwrap_err().reason_text(), reason, "{given}");
        }
    }
}
