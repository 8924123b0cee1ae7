//! The index action: reading, printing, and which documents a payload makes (spec watcher-parts §7.3).

use watchbell_json::{Failure, Json, Map};

use crate::{
    ActionId, WatchId,
    time_value::{parse_millis, parse_time_value},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpType {
    Index,
    Create,
}

impl OpType {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            OpType::Index => "index",
            OpType::Create => "create",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct IndexAction {
    pub index: Option<String>,
    pub doc_id: Option<String>,
    pub op_type: Option<OpType>,
    pub execution_time_field: Option<String>,
    pub timeout_millis: Option<i64>,
    /// `true`, `false` or `wait_for`.
    pub refresh: Option<String>,
    pub dynamic_name_timezone: Option<String>,
}

/// What one payload makes of an index action.
#[derive(Clone, Debug, PartialEq)]
pub enum Documents {
    Single(TargetedDocument),
    Bulk(Vec<TargetedDocument>),
}

/// One document with its own idea of where it goes; what is `None` comes from the action.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetedDocument {
    pub index: Option<String>,
    pub id: Option<String>,
    pub source: Map,
}

impl IndexAction {
    pub(crate) fn parse(watch: &WatchId, id: &ActionId, value: &Json) -> Result<IndexAction, Failure> {
        let broken = |what: String| Failure::parse(format!("could not parse [index] action [{watch}/{id}]. {what}"));
        let Json::Map(map) = value else {
            return Err(broken("expected an object".into()));
        };
        let mut action = IndexAction::default();
        for (field, value) in map.iter() {
            let unexpected = || broken(format!("unexpected {} field [{field}]", kind_word(value)));
            let string = || value.as_str().map(str::to_owned).ok_or_else(unexpected);
            match &**field {
                "index" if value.is_scalar() => action.index = Some(crate::java::text(value)),
                "doc_id" => action.doc_id = Some(string()?),
                "op_type" => {
                    action.op_type = Some(match &*string()?.to_lowercase() {
                        "index" => OpType::Index,
                        "create" => OpType::Create,
                        other => {
                            return Err(broken(format!("failed to parse op_type value [{other}] for field [op_type], must be one of [index, create]")));
                        }
                    });
                }
                "execution_time_field" => action.execution_time_field = Some(string()?),
                "timeout" => {
                    action.timeout_millis = parse_time_value(value, field).map_err(|cause| broken("failed to parse field [timeout]".into()).caused_by(cause))?
                }
                "timeout_in_millis" => action.timeout_millis = Some(parse_millis(value, field)?),
                "refresh" => {
                    let refresh = string()?;
                    if !["true", "false", "wait_for"].contains(&&*refresh) {
                        return Err(Failure::illegal_argument(format!("Unknown value for refresh: [{refresh}].")));
                    }
                    action.refresh = Some(refresh);
                }
                "dynamic_name_timezone" => action.dynamic_name_timezone = Some(string()?),
                // of old watches; there are no types any more
                "doc_type" => drop(string()?),
                _ => return Err(unexpected()),
            }
        }
        Ok(action)
    }

    pub(crate) fn to_json(&self) -> Json {
        Json::object()
            .with_some("index", self.index.as_deref())
            .with_some("doc_id", self.doc_id.as_deref())
            .with_some("op_type", self.op_type.map(OpType::name))
            .with_some("execution_time_field", self.execution_time_field.as_deref())
            .with_some("timeout_in_millis", self.timeout_millis)
            .with_some("refresh", self.refresh.as_deref())
            .with_some("dynamic_name_timezone", self.dynamic_name_timezone.as_deref())
    }

    /// The documents that `payload` makes: its `_doc` if it has one, else itself.
    ///
    /// # Errors
    /// What the reference throws: no document where one was expected, a target given twice.
    pub fn documents(&self, payload: &Json) -> Result<Documents, Failure> {
        match payload.get("_doc") {
            None => self.single(payload),
            Some(Json::List(items)) => self.bulk(items),
            Some(document @ Json::Map(_)) => self.single(document),
            Some(Json::Null) => Err(Failure { reason: None, ..Failure::new("null_pointer_exception", "") }),
            Some(_) => Err(Failure::illegal_state(
                "could not execute action. failed to index payload data. [_data] field must either hold a Map or an List/Array of Maps",
            )),
        }
    }

    fn single(&self, document: &Json) -> Result<Documents, Failure> {
        let document = self.target(document.as_map().cloned().unwrap_or_default())?;
        if document.id.is_some() && self.doc_id.is_some() {
            return Err(set_twice("_id", "doc_id"));
        }
        Ok(Documents::Single(document))
    }

    fn bulk(&self, items: &[Json]) -> Result<Documents, Failure> {
        if self.doc_id.is_some() {
            return Err(Failure::illegal_state("could not execute action {} of watch {}. [doc_id] cannot be used with bulk [_doc] indexing"));
        }
        if items.is_empty() {
            return Err(crate::validation::failed(["no requests added"]));
        }
        let documents = items.iter().map(|item| match item {
            Json::Map(map) => self.target((**map).clone()),
            _ => Err(Failure::illegal_state(
                "could not execute action. failed to index payload data. [_data] field must either hold a Map or an List/Array of Maps",
            )),
        });
        Ok(Documents::Bulk(documents.collect::<Result<_, _>>()?))
    }

    fn target(&self, mut source: Map) -> Result<TargetedDocument, Failure> {
        source.remove("_type");
        let mut take = |name: &str| source.remove(name).filter(|value| !value.is_null()).map(|value| crate::java::text(&value));
        let (index, id) = (take("_index"), take("_id"));
        if index.is_some() && self.index.is_some() {
            return Err(set_twice("_index", "index"));
        }
        Ok(TargetedDocument { index, id, source })
    }
}

fn set_twice(payload_field: &str, action_field: &str) -> Failure {
    Failure::illegal_state(format!(
        "could not execute action. [ctx.payload.{payload_field}] or [ctx.payload._doc.{payload_field}] were set together with action [{action_field}] field. Only set one of them"
    ))
}

/// How the reference's messages call the kind of a value.
pub(crate) fn kind_word(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Int(_) | Json::Big(_) | Json::Double(_) => "number",
        Json::Str(_) | Json::Time(_) => "string",
        Json::List(_) => "array",
        Json::Map(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    type Target = (Option<String>, Option<String>, String);

    fn documents(action: &IndexAction, payload: &Json) -> Result<Vec<Target>, Failure> {
        let documents = match action.documents(payload)? {
            Documents::Single(document) => vec![document],
            Documents::Bulk(documents) => documents,
        };
        Ok(documents.into_iter().map(|d| (d.index, d.id, Json::from(d.source).to_string())).collect())
    }

    #[test]
    fn documents_come_from_the_payload_and_say_where_they_go() {
        let open = IndexAction::default();
        let named = IndexAction { index: Some("i".into()), doc_id: Some("d".into()), ..IndexAction::default() };
        assert_eq!(documents(&open, &json!({"a": 1})), Ok(vec![(None, None, r#"{"a":1}"#.into())]));
        assert_eq!(
            documents(&open, &json!({"_doc": {"a": 1, "_index": "x", "_id": 5, "_type": "t"}})),
            Ok(vec![(Some("x".into()), Some("5".into()), r#"{"a":1}"#.into())])
        );
        assert_eq!(
            documents(&open, &json!({"_doc": [{"a": 1}, {"_id": "y"}]})),
            Ok(vec![(None, None, r#"{"a":1}"#.into()), (None, Some("y".into()), "{}".into())])
        );
        for (action, payload, kind) in [
            (&open, json!({"_doc": "x"}), "illegal_state_exception"),
            (&open, json!({"_doc": null}), "null_pointer_exception"),
            (&open, json!({"_doc": []}), "action_request_validation_exception"),
            (&open, json!({"_doc": [1]}), "illegal_state_exception"),
            (&named, json!({"_index": "x"}), "illegal_state_exception"),
            (&named, json!({"_id": "x"}), "illegal_state_exception"),
            (&named, json!({"_doc": [{}]}), "illegal_state_exception"),
        ] {
            assert_eq!(documents(action, &payload).unwrap_err().kind, kind, "{payload}");
        }
    }
}
