//! The body of an update, and what it makes of a document: pure.

use bytes::Bytes;
use watchbell_json::{Failure, Json, token_name};

use super::key_position::key_position;
use super::source_filter::SourceFilter;

const KNOWN: &[&str] = &["doc", "upsert", "doc_as_upsert", "detect_noop", "scripted_upsert", "script", "_source", "if_seq_no", "if_primary_term"];

/// What to make of a document.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct UpdateRequest {
    doc: Option<Json>,
    upsert: Option<Json>,
    script: Option<Json>,
    doc_as_upsert: bool,
    scripted_upsert: bool,
    detect_noop: Option<bool>,
    pub(super) source: Option<SourceFilter>,
    pub(super) if_seq_no: Option<i64>,
    pub(super) if_primary_term: Option<i64>,
}

/// What an update comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum UpdatePlan {
    /// Put this in the document's place.
    Replace(Bytes),
    /// There was no document: put this, if still there is none.
    Create(Bytes),
    /// Nothing changes.
    Noop,
    /// There is no document, and nothing to make one of.
    Missing,
}

impl UpdateRequest {
    /// # Errors
    /// An unknown member, or one of the wrong kind.
    pub(super) fn parse(text: &[u8], body: &Json) -> Result<UpdateRequest, Failure> {
        let mut update = UpdateRequest::default();
        let Some(members) = body.as_map() else {
            return Err(Failure::new("parsing_exception", format!("[UpdateRequest] Expected START_OBJECT but was: {}", token_name(body)))
                .with("line", 1)
                .with("col", 1));
        };
        for (name, value) in members.iter() {
            match &**name {
                "doc" => update.doc = Some(object(text, name, value)?),
                "upsert" => update.upsert = Some(object(text, name, value)?),
                "script" => update.script = Some(value.clone()),
                "doc_as_upsert" => update.doc_as_upsert = boolean(text, name, value)?,
                "scripted_upsert" => update.scripted_upsert = boolean(text, name, value)?,
                "detect_noop" => update.detect_noop = Some(boolean(text, name, value)?),
                "_source" => update.source = Some(SourceFilter::from_json(value)?),
                "if_seq_no" => update.if_seq_no = value.as_i64(),
                "if_primary_term" => update.if_primary_term = value.as_i64(),
                unknown => return Err(unknown_field(text, unknown)),
            }
        }
        Ok(update)
    }

    /// What contradicts itself, in the reference's words.
    pub(super) fn validate(&self) -> Vec<String> {
        let mut errors = Vec::new();
        if self.script.is_some() && self.doc.is_some() {
            errors.push("can't provide both script and doc".to_owned());
        }
        if self.script.is_none() && self.doc.is_none() {
            errors.push("script or doc is missing".to_owned());
        }
        if self.doc_as_upsert && self.doc.is_none() {
            errors.push("doc must be specified if doc_as_upsert is enabled".to_owned());
        }
        errors
    }

    /// What the update makes of the document's source, or of its absence.
    ///
    /// # Errors
    /// A script would have to run; or the stored document is no object.
    pub(super) fn plan(&self, source: Option<&[u8]>) -> Result<UpdatePlan, Failure> {
        let Some(source) = source else { return self.plan_missing() };
        if self.script.is_some() {
            return Err(script_unsupported());
        }
        let mut document = Json::parse(source).map_err(|error| Failure::illegal_state(format!("the stored document cannot be read: {error}")))?;
        let before = document.clone();
        if let Some(doc) = &self.doc {
            document.merge(doc);
        }
        if self.detect_noop.unwrap_or(true) && document == before {
            return Ok(UpdatePlan::Noop);
        }
        Ok(UpdatePlan::Replace(document.to_string().into()))
    }

    fn plan_missing(&self) -> Result<UpdatePlan, Failure> {
        if self.scripted_upsert && self.script.is_some() && self.upsert.is_some() {
            return Err(script_unsupported());
        }
        let made_of = if self.doc_as_upsert { &self.doc } else { &self.upsert };
        Ok(made_of.as_ref().map_or(UpdatePlan::Missing, |document| UpdatePlan::Create(document.to_string().into())))
    }
}

/// Scripts come with the languages; until then this is a node that knows none.
fn script_unsupported() -> Failure {
    Failure::illegal_argument("failed to execute script").caused_by(Failure::illegal_argument("script_lang not supported [painless]"))
}

fn object(text: &[u8], name: &str, value: &Json) -> Result<Json, Failure> {
    if value.as_map().is_some() {
        return Ok(value.clone());
    }
    Err(wrong_kind(text, name, value))
}

fn boolean(text: &[u8], name: &str, value: &Json) -> Result<bool, Failure> {
    match (value.as_bool(), value.as_str()) {
        (Some(flag), _) => Ok(flag),
        (None, Some("true")) => Ok(true),
        (None, Some("false")) => Ok(false),
        _ => Err(wrong_kind(text, name, value)),
    }
}

fn wrong_kind(text: &[u8], name: &str, value: &Json) -> Failure {
    let (line, column) = key_position(text, name);
    Failure::new("x_content_parse_exception", format!("[{line}:{column}] [UpdateRequest] {name} doesn't support values of type: {}", token_name(value)))
}

fn unknown_field(text: &[u8], name: &str) -> Failure {
    let (line, column) = key_position(text, name);
    let near = crate::suggestions::did_you_mean(name, KNOWN.iter().copied());
    let near = near.strip_prefix(" ->").unwrap_or("");
    Failure::new("x_content_parse_exception", format!("[{line}:{column}] [UpdateRequest] unknown field [{name}]{near}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: &str) -> UpdateRequest {
        UpdateRequest::parse(body.as_bytes(), &Json::parse(body.as_bytes()).unwrap()).unwrap()
    }

    fn plan(body: &str, source: Option<&str>) -> UpdatePlan {
        request(body).plan(source.map(str::as_bytes)).unwrap()
    }

    #[test]
    fn updates_merge_objects_and_notice_that_nothing_changed() {
        let source = Some(r#"{"a": 1, "o": {"x": 5, "y": "z"}}"#);
        assert_eq!(plan(r#"{"doc": {"o": {"x": 9}, "n": null}}"#, source), UpdatePlan::Replace(Bytes::from_static(br#"{"a":1,"o":{"x":9,"y":"z"},"n":null}"#)));
        assert_eq!(plan(r#"{"doc": {"a": 1}}"#, source), UpdatePlan::Noop);
        assert!(matches!(plan(r#"{"doc": {"a": 1}, "detect_noop": false}"#, source), UpdatePlan::Replace(_)));
        assert_eq!(plan(r#"{"doc": {"a": 1}}"#, None), UpdatePlan::Missing);
        assert_eq!(plan(r#"{"doc": {"a": 1}, "upsert": {"b": 2}}"#, None), UpdatePlan::Create(Bytes::from_static(br#"{"b":2}"#)));
        assert_eq!(plan(r#"{"doc": {"a": 1}, "doc_as_upsert": true}"#, None), UpdatePlan::Create(Bytes::from_static(br#"{"a":1}"#)));
        assert_eq!(plan(r#"{"script": "x", "upsert": {"b": 2}}"#, None), UpdatePlan::Create(Bytes::from_static(br#"{"b":2}"#)));
        assert!(request(r#"{"script": "x"}"#).plan(Some(b"{}")).is_err());
    }

    #[test]
    fn contradictions_and_unknown_members_are_named() {
        assert_eq!(request("{}").validate(), ["script or doc is missing"]);
        assert_eq!(request(r#"{"doc": {}, "script": "1"}"#).validate(), ["can't provide both script and doc"]);
        assert_eq!(request(r#"{"doc_as_upsert": true}"#).validate().len(), 2);
        let text = br#"{"docs": {}}"#;
        let failure = UpdateRequest::parse(text, &Json::parse(text).unwrap()).unwrap_err();
        assert_eq!(failure.reason_text(), "[1:2] [UpdateRequest] unknown field [docs] did you mean [doc]?");
    }
}
