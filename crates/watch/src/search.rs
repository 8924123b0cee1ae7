//! A search as a watch writes it (spec watcher-parts §3.3).

use watchbell_json::{Failure, Json, token_name};

use crate::template::TextTemplate;

#[derive(Clone, Debug, PartialEq)]
pub struct SearchInput {
    pub request: SearchRequestTemplate,
    /// Dot paths; empty means the whole answer.
    pub extract: Option<Vec<String>>,
    pub timeout_millis: Option<i64>,
    pub dynamic_name_timezone: Option<String>,
}

/// A search as a watch writes it; its body is a template.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchRequestTemplate {
    /// Lower case; `query_then_fetch` unless said otherwise.
    pub search_type: String,
    pub indices: Vec<String>,
    pub options: SearchIndicesOptions,
    pub rest_total_hits_as_int: bool,
    /// Rendered as an inline template in its JSON text, unless `template` is there.
    pub body: Option<Json>,
    /// If given, this is what makes the body, and `body` counts for nothing.
    pub template: Option<TextTemplate>,
}

/// `indices_options`; the defaults are Watcher's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchIndicesOptions {
    /// Any of `open`, `closed`, `hidden`, `none`, `all`, as given.
    pub expand_wildcards: Vec<String>,
    pub ignore_unavailable: bool,
    pub allow_no_indices: bool,
    pub ignore_throttled: Option<bool>,
}

impl Default for SearchIndicesOptions {
    fn default() -> SearchIndicesOptions {
        SearchIndicesOptions { expand_wildcards: vec!["open".into()], ignore_unavailable: true, allow_no_indices: true, ignore_throttled: None }
    }
}

const SEARCH_TYPES: [&str; 2] = ["query_then_fetch", "dfs_query_then_fetch"];
const WILDCARDS: [&str; 5] = ["open", "closed", "hidden", "none", "all"];

fn broken(what: impl std::fmt::Display) -> Failure {
    Failure::parse(format!("could not read search request. {what}"))
}

fn unexpected(field: &str, value: &Json) -> Failure {
    broken(format_args!("unexpected token [{}] for field [{field}]", token_name(value)))
}

/// `true`, `false`, or these as strings.
fn boolean(field: &str, value: &Json) -> Result<bool, Failure> {
    match value {
        Json::Bool(value) => Ok(*value),
        Json::Str(text) if &**text == "true" => Ok(true),
        Json::Str(text) if &**text == "false" => Ok(false),
        Json::Str(text) => Err(Failure::illegal_argument(format!("Failed to parse value [{text}] as only [true] or [false] are allowed."))),
        other => Err(unexpected(field, other)),
    }
}

/// A list of strings, or one string with commas.
fn names(field: &str, value: &Json) -> Result<Vec<String>, Failure> {
    match value {
        Json::Str(text) => Ok(text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()),
        Json::List(items) => items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(|| unexpected(field, item))).collect(),
        other => Err(unexpected(field, other)),
    }
}

impl SearchRequestTemplate {
    /// # Errors
    /// `parse_exception`, or `illegal_argument_exception` for an unknown search type.
    pub fn parse(value: &Json) -> Result<SearchRequestTemplate, Failure> {
        let Json::Map(map) = value else {
            return Err(broken(format_args!("expected an object but found [{}] instead", token_name(value))));
        };
        let mut request = SearchRequestTemplate {
            search_type: SEARCH_TYPES[0].to_owned(),
            indices: Vec::new(),
            options: SearchIndicesOptions::default(),
            rest_total_hits_as_int: true,
            body: None,
            template: None,
        };
        for (field, value) in map.iter() {
            match &**field {
                "search_type" => request.search_type = search_type(value.as_str().ok_or_else(|| unexpected(field, value))?)?,
                "indices" => request.indices = names(field, value)?,
                // of old watches; there are no types any more
                "types" => drop(names(field, value)?),
                "indices_options" => request.options = SearchIndicesOptions::parse(value)?,
                "rest_total_hits_as_int" => request.rest_total_hits_as_int = boolean(field, value)?,
                "body" => match value {
                    Json::Map(map) => request.body = (!map.is_empty()).then(|| value.clone()),
                    other => return Err(unexpected(field, other)),
                },
                "template" => request.template = Some(template(value)?),
                unknown => return Err(broken(format_args!("unexpected field [{unknown}]"))),
            }
        }
        Ok(request)
    }

    /// The canonical form.
    #[must_use]
    pub fn to_json(&self) -> Json {
        self.with_body(self.body.clone())
    }

    /// The canonical form with a rendered body, as records show it.
    #[must_use]
    pub fn with_body(&self, body: Option<Json>) -> Json {
        let options = (self.options != SearchIndicesOptions::default()).then(|| self.options.to_json());
        Json::object()
            .with("search_type", &*self.search_type)
            .with("indices", self.indices.clone())
            .with("rest_total_hits_as_int", self.rest_total_hits_as_int)
            .with_some("body", body)
            .with_some("indices_options", options)
            .with_some("template", self.template.as_ref().map(|template| template.0.clone()))
    }
}

fn search_type(text: &str) -> Result<String, Failure> {
    let lower = text.to_lowercase();
    if SEARCH_TYPES.contains(&&*lower) { Ok(lower) } else { Err(Failure::illegal_argument(format!("No search type for [{text}]"))) }
}

/// A template object says its language when it is inline.
fn template(value: &Json) -> Result<TextTemplate, Failure> {
    let object = match value {
        Json::Str(text) => Json::object().with("source", text.clone()),
        other => other.clone(),
    };
    let mut template = TextTemplate::parse(&object)?;
    if template.stored_id().is_none() && template.0.get("lang").is_none() {
        template.0.set("lang", "mustache");
    }
    Ok(template)
}

impl SearchIndicesOptions {
    fn parse(value: &Json) -> Result<SearchIndicesOptions, Failure> {
        let Json::Map(map) = value else {
            return Err(unexpected("indices_options", value));
        };
        let mut options = SearchIndicesOptions::default();
        for (field, value) in map.iter() {
            match &**field {
                "expand_wildcards" => {
                    options.expand_wildcards = names(field, value)?.into_iter().map(|name| name.to_lowercase()).collect();
                    if let Some(unknown) = options.expand_wildcards.iter().find(|name| !WILDCARDS.contains(&&***name)) {
                        return Err(broken(format_args!("unknown value [{unknown}] for field [expand_wildcards]")));
                    }
                }
                "ignore_unavailable" => options.ignore_unavailable = boolean(field, value)?,
                "allow_no_indices" => options.allow_no_indices = boolean(field, value)?,
                "ignore_throttled" => options.ignore_throttled = Some(boolean(field, value)?),
                unknown => {
                    return Err(broken(format_args!("unexpected field [{unknown}] in [indices_options]")));
                }
            }
        }
        Ok(options)
    }

    fn to_json(&self) -> Json {
        Json::object()
            .with("expand_wildcards", self.expand_wildcards.clone())
            .with("ignore_unavailable", self.ignore_unavailable)
            .with("allow_no_indices", self.allow_no_indices)
            .with("ignore_throttled", self.ignore_throttled.unwrap_or(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    #[test]
    fn canonical_forms() {
        for (given, printed) in [
            (json!({}), r#"{"search_type":"query_then_fetch","indices":[],"rest_total_hits_as_int":true}"#),
            (
                json!({"search_type": "DFS_query_then_fetch", "types": ["_doc"], "rest_total_hits_as_int": "false", "body": {}}),
                r#"{"search_type":"dfs_query_then_fetch","indices":[],"rest_total_hits_as_int":false}"#,
            ),
            (
                json!({"indices_options": {"expand_wildcards": "open,closed"}}),
                r#"{"search_type":"query_then_fetch","indices":[],"rest_total_hits_as_int":true,"indices_options":{"expand_wildcards":["open","closed"],"ignore_unavailable":true,"allow_no_indices":true,"ignore_throttled":false}}"#,
            ),
            (
                json!({"template": {"inline": "{}", "params": {"a": 1}}}),
                r#"{"search_type":"query_then_fetch","indices":[],"rest_total_hits_as_int":true,"template":{"source":"{}","params":{"a":1},"lang":"mustache"}}"#,
            ),
        ] {
            let request = SearchRequestTemplate::parse(&given).unwrap();
            assert_eq!(request.to_json().to_string(), printed);
            assert_eq!(SearchRequestTemplate::parse(&request.to_json()).unwrap().to_json(), request.to_json());
        }
    }

    #[test]
    fn what_is_no_search_is_refused() {
        for (given, reason) in [
            (json!({"search_type": "count"}), "No search type for [count]"),
            (json!({"indices_options": {"bogus": 1}}), "could not read search request. unexpected field [bogus] in [indices_options]"),
            (json!({"body": "{}"}), "could not read search request. unexpected token [VALUE_STRING] for field [body]"),
            (json!({"bogus": 1}), "could not read search request. unexpected field [bogus]"),
        ] {
            assert_eq!(SearchRequestTemplate::parse(&given).unwrap_err().reason_text(), reason);
        }
    }
}
