//! The lines of a bulk request: which actions they ask for. Pure, and fast: sources are slices of the body, not read here.

use bytes::Bytes;
use watchbell_json::{Failure, Json, Map, token_name};

use super::document_write::{Conditions, Operation, VersionType};
use super::update_request::UpdateRequest;
use crate::problem::{Problem, unreadable_failure};

/// What the URL says for all actions.
#[derive(Clone, Debug, Default)]
pub(super) struct Defaults {
    pub(super) index: String,
    pub(super) routing: Option<String>,
    pub(super) pipeline: Option<String>,
    pub(super) require_alias: bool,
}

/// One action, read and valid.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Action {
    pub(super) kind: ActionKind,
    pub(super) index: String,
    /// `None`: make one up.
    pub(super) id: Option<String>,
    pub(super) routing: Option<String>,
    pub(super) pipeline: Option<String>,
    pub(super) require_alias: bool,
    pub(super) conditions: Conditions,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ActionKind {
    Index(Bytes),
    Create(Bytes),
    Delete,
    Update { request: Box<UpdateRequest>, retries: i32 },
}

impl ActionKind {
    /// The action's name in its item.
    pub(super) fn name(&self) -> &'static str {
        match self {
            ActionKind::Index(_) => "index",
            ActionKind::Create(_) => "create",
            ActionKind::Delete => "delete",
            ActionKind::Update { .. } => "update",
        }
    }
}

/// Reads all lines.
///
/// # Errors
/// A line of action and metadata is broken, the last line has no end, nothing is asked for, or an action contradicts itself: the
/// whole request fails.
pub(super) fn read_actions(body: &Bytes, defaults: &Defaults) -> Result<Vec<Action>, Problem> {
    let mut lines = Lines { body, at: 0, number: 0 };
    let mut actions = Vec::new();
    let mut errors = Vec::new();
    while let Some(line) = lines.next_line()? {
        if line.is_empty() {
            continue;
        }
        let number = lines.number;
        let Some(action) = read_action(&line, number, defaults, &mut lines)? else { break };
        validate(&action, &mut errors);
        actions.push(action);
    }
    if actions.is_empty() {
        errors.push("no requests added".to_owned());
    }
    if errors.is_empty() { Ok(actions) } else { Err(Problem::validation(&errors)) }
}

struct Lines<'b> {
    body: &'b Bytes,
    at: usize,
    number: usize,
}

impl Lines<'_> {
    /// The next line without its end.
    fn next_line(&mut self) -> Result<Option<Bytes>, Problem> {
        if self.at == self.body.len() {
            return Ok(None);
        }
        let Some(length) = memchr::memchr(b'\n', &self.body[self.at..]) else {
            return Err(Problem::illegal_argument("The bulk request must be terminated by a newline [\\n]"));
        };
        let line = self.body.slice(self.at..self.at + length);
        self.at += length + 1;
        self.number += 1;
        Ok(Some(if line.ends_with(b"\r") { line.slice(..line.len() - 1) } else { line }))
    }
}

/// The action of a line, with its source; `None` when the source's line is missing at the end, which ends the request.
fn read_action(line: &Bytes, number: usize, defaults: &Defaults, lines: &mut Lines<'_>) -> Result<Option<Action>, Problem> {
    let (name, metadata) = action_and_metadata(line, number)?;
    let kinds = ["create", "delete", "index", "update"];
    if !kinds.contains(&&*name) {
        let reason = format!("Malformed action/metadata line [{number}], expected one of [create, delete, index, update] but found [{name}]");
        return Err(Problem::illegal_argument(reason));
    }
    let metadata = Metadata::read(&metadata, number)?;
    let source = if name == "delete" {
        Bytes::new()
    } else {
        match lines.next_line()? {
            Some(source) => source,
            None => return Ok(None),
        }
    };
    let kind = match (&*name, metadata.op_type.as_deref()) {
        ("delete", _) => ActionKind::Delete,
        ("update", _) => ActionKind::Update { request: Box::new(read_update(&source)?), retries: metadata.retries },
        ("create", _) | (_, Some("create")) => ActionKind::Create(source),
        _ => ActionKind::Index(source),
    };
    Ok(Some(Action {
        kind,
        index: metadata.index.unwrap_or_else(|| defaults.index.clone()),
        id: metadata.id,
        routing: metadata.routing.or_else(|| defaults.routing.clone()),
        pipeline: metadata.pipeline.or_else(|| defaults.pipeline.clone()),
        require_alias: metadata.require_alias.unwrap_or(defaults.require_alias),
        conditions: metadata.conditions,
    }))
}

/// The first member of the line's object; what follows it is not looked at, as in the reference.
fn action_and_metadata(line: &[u8], number: usize) -> Result<(String, Json), Problem> {
    let parsed = Json::parse(line).map_err(|error| unreadable_failure(&error))?;
    let malformed =
        |expected: &str, found: &str| Problem::illegal_argument(format!("Malformed action/metadata line [{number}], expected {expected} but found [{found}]"));
    let Some(members) = parsed.as_map() else {
        return Err(malformed("START_OBJECT", &token_name(&parsed).to_string()));
    };
    let Some((name, metadata)) = members.iter().next() else {
        return Err(malformed("FIELD_NAME", "END_OBJECT"));
    };
    match metadata {
        Json::Map(_) => Ok((name.to_string(), metadata.clone())),
        other => Err(malformed("START_OBJECT or END_OBJECT", &token_name(other).to_string())),
    }
}

#[derive(Debug, Default)]
struct Metadata {
    index: Option<String>,
    id: Option<String>,
    op_type: Option<String>,
    routing: Option<String>,
    pipeline: Option<String>,
    require_alias: Option<bool>,
    retries: i32,
    conditions: Conditions,
}

impl Metadata {
    fn read(object: &Json, number: usize) -> Result<Metadata, Problem> {
        let mut read = Metadata::default();
        for (name, value) in object.as_map().into_iter().flat_map(Map::iter) {
            if matches!(value, Json::Map(_) | Json::List(_)) && &**name != "dynamic_templates" {
                let reason = format!("Malformed action/metadata line [{number}], expected a simple value for field [{name}] but found [{}]", token_name(value));
                return Err(Problem::illegal_argument(reason));
            }
            read.member(name, value, number)?;
        }
        Ok(read)
    }

    fn member(&mut self, name: &str, value: &Json, number: usize) -> Result<(), Problem> {
        let text = || match value {
            Json::Null => None,
            Json::Str(text) => Some(text.to_string()),
            other => Some(other.to_string()),
        };
        match name {
            "_index" => self.index = text(),
            "_id" => self.id = text(),
            // Shippers of the 7.x age send it; it is taken and dropped.
            "_type" => {}
            "op_type" => self.op_type = text(),
            "routing" | "_routing" => self.routing = text(),
            "pipeline" => self.pipeline = text(),
            "require_alias" => self.require_alias = value.as_bool().or_else(|| value.as_str().map(|text| text == "true")),
            "retry_on_conflict" | "_retry_on_conflict" => self.retries = i32::try_from(number_of(name, value)?).unwrap_or(i32::MAX),
            "version" | "_version" => self.conditions.version = Some(number_of(name, value)?),
            "version_type" | "_version_type" => self.conditions.version_type = VersionType::parse(&text().unwrap_or_default())?,
            "if_seq_no" => self.conditions.if_seq_no = Some(number_of(name, value)?),
            "if_primary_term" => self.conditions.if_primary_term = Some(number_of(name, value)?),
            "dynamic_templates" | "list_executed_pipelines" | "require_data_stream" | "_source" => {}
            unknown => return Err(Problem::illegal_argument(format!("Action/metadata line [{number}] contains an unknown parameter [{unknown}]"))),
        }
        Ok(())
    }
}

fn number_of(name: &str, value: &Json) -> Result<i64, Failure> {
    let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    number.ok_or_else(|| Failure::illegal_argument(format!("Failed to parse long parameter [{name}] with value [{value}]")))
}

fn read_update(source: &[u8]) -> Result<UpdateRequest, Problem> {
    let body = Json::parse(source).map_err(|error| unreadable_failure(&error))?;
    Ok(UpdateRequest::parse(source, &body)?)
}

fn validate(action: &Action, errors: &mut Vec<String>) {
    if action.index.is_empty() {
        errors.push("index is missing".to_owned());
    }
    let id = action.id.as_deref();
    match &action.kind {
        ActionKind::Index(_) => errors.extend(action.conditions.validate(Operation::Index, id)),
        ActionKind::Create(_) => errors.extend(action.conditions.validate(Operation::Create, id)),
        ActionKind::Delete => errors.extend(action.conditions.validate(Operation::Delete, id)),
        ActionKind::Update { request, .. } => {
            if id.is_none() {
                errors.push("id is missing".to_owned());
            }
            if action.conditions.version.is_some() || action.conditions.version_type != VersionType::Internal {
                errors.push(
                    "internal versioning can not be used for optimistic concurrency control. Please use `if_seq_no` and `if_primary_term` instead".to_owned(),
                );
            }
            errors.extend(request.validate());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Vec<Action>, String> {
        let defaults = Defaults { index: "logs".to_owned(), ..Defaults::default() };
        read_actions(&Bytes::copy_from_slice(body.as_bytes()), &defaults).map_err(|problem| match problem {
            Problem::Failure(failure) => failure.reason_text().to_owned(),
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn reads_all_actions() {
        let actions = read(
            "{\"index\":{\"_type\":\"events\"}}\n{ \"a\": 1.0 }\r\n\n{\"delete\":{\"_index\":\"x\",\"_id\":7}}\n{\"index\":{\"op_type\":\"create\"}}\n{}\n",
        )
        .unwrap();
        assert_eq!(actions[0].kind, ActionKind::Index(Bytes::from_static(b"{ \"a\": 1.0 }")));
        assert_eq!((actions[0].index.as_str(), &actions[0].id), ("logs", &None));
        assert_eq!((actions[1].index.as_str(), actions[1].id.as_deref()), ("x", Some("7")));
        assert_eq!(actions[2].kind.name(), "create");
    }

    #[test]
    fn refuses_broken_lines() {
        for (body, expected) in [
            ("\n", "Validation Failed: 1: no requests added;"),
            ("{\"index\":{}}\n{\"a\":1}", "The bulk request must be terminated by a newline [\\n]"),
            ("{\"index\":{}}\n", "Validation Failed: 1: no requests added;"),
            ("{\"upsert\":{}}\n{}\n", "Malformed action/metadata line [1], expected one of [create, delete, index, update] but found [upsert]"),
            ("{\"index\":{\"foo\":\"x\"}}\n{}\n", "Action/metadata line [1] contains an unknown parameter [foo]"),
            ("{\"index\":[1]}\n{}\n", "Malformed action/metadata line [1], expected START_OBJECT or END_OBJECT but found [START_ARRAY]"),
            ("{}\n{}\n", "Malformed action/metadata line [1], expected FIELD_NAME but found [END_OBJECT]"),
            ("{\"delete\":{}}\n", "Validation Failed: 1: id is missing;"),
            ("{\"update\":{\"_id\":\"1\"}}\n{}\n", "Validation Failed: 1: script or doc is missing;"),
            (
                "{\"create\":{\"_id\":\"1\",\"version\":3}}\n{}\n",
                "Validation Failed: 1: create operations do not support explicit versions. use index instead;",
            ),
        ] {
            assert_eq!(read(body), Err(expected.to_owned()), "{body}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            drop(read_actions(&Bytes::from(bytes), &Defaults::default()));
        }
    }
}
