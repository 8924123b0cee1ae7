//! Actions: what they are, how they are read and printed (spec watcher-parts §7).

use watchbell_json::{Failure, Json, Map, token_name};

use crate::{
    ActionId, WatchId,
    condition::Condition,
    http_request::HttpRequestTemplate,
    secret::{RedactedSecret, Secrets},
    time_value::{parse_integer, parse_millis, parse_time_value},
};
pub use crate::{
    index_action::{Documents, IndexAction, OpType, TargetedDocument},
    logging_action::{LogLevel, LoggingAction},
};

/// How many elements of a list a `foreach` action runs for at most, unless it says otherwise.
pub const MAX_ITERATIONS_DEFAULT: usize = 100;

#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    pub id: ActionId,
    pub throttle_period_millis: Option<i64>,
    pub condition: Option<Condition>,
    pub foreach: Option<Foreach>,
    pub kind: ActionKind,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Foreach {
    pub path: String,
    /// [`MAX_ITERATIONS_DEFAULT`] unless given.
    pub max_iterations: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ActionKind {
    Webhook(HttpRequestTemplate),
    Logging(LoggingAction),
    Index(IndexAction),
}

impl ActionKind {
    /// The type's name in definitions and records.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            ActionKind::Webhook(_) => "webhook",
            ActionKind::Logging(_) => "logging",
            ActionKind::Index(_) => "index",
        }
    }

    fn to_json(&self, secrets: Secrets) -> Json {
        match self {
            ActionKind::Webhook(request) => request.to_json(secrets),
            ActionKind::Logging(logging) => logging.to_json(),
            ActionKind::Index(index) => index.to_json(),
        }
    }
}

/// All actions of a watch, in the order of the document; a member that is no object is dropped, as the reference drops it.
///
/// # Errors
/// `parse_exception`.
pub(crate) fn parse_actions(watch: &WatchId, value: &Json, secrets: RedactedSecret) -> Result<Vec<Action>, Failure> {
    let Json::Map(map) = value else {
        let found = token_name(value);
        return Err(Failure::parse(format!("could not parse actions for watch [{watch}]. expected an object but found [{found}] instead")));
    };
    let mut actions = Vec::with_capacity(map.len().min(64));
    for (name, body) in map.iter() {
        let id = ActionId::parse(name).map_err(|_| Failure::parse(format!("could not parse action [{name}] for watch [{watch}]. id contains whitespace")))?;
        if matches!(body, Json::Map(_)) {
            actions.push(Action::parse(watch, id, body, secrets)?);
        }
    }
    Ok(actions)
}

impl Action {
    fn parse(watch: &WatchId, id: ActionId, body: &Json, secrets: RedactedSecret) -> Result<Action, Failure> {
        let broken = |what: String| Failure::parse(format!("could not parse action [{watch}/{id}]. {what}"));
        let (mut throttle_period_millis, mut condition, mut path, mut max_iterations, mut kind) = (None, None, None, MAX_ITERATIONS_DEFAULT, None);
        for (field, value) in body.as_map().into_iter().flat_map(Map::iter) {
            match &**field {
                "condition" => condition = Some(Condition::parse(watch, value)?),
                "transform" => no_transform(watch, value)?,
                "throttle_period" => {
                    throttle_period_millis = parse_time_value(value, field)
                        .map_err(|cause| broken("failed to parse field [throttle_period] as time value".into()).caused_by(cause))?;
                }
                "throttle_period_in_millis" => throttle_period_millis = Some(parse_millis(value, field)?),
                "foreach" => {
                    path = Some(value.as_str().ok_or_else(|| broken(format!("unexpected token [{}] for field [foreach]", token_name(value))))?.to_owned())
                }
                "max_iterations" => {
                    let given = parse_integer(value, field)?;
                    max_iterations = usize::try_from(given).unwrap_or(0);
                }
                "webhook" => kind = Some(ActionKind::Webhook(webhook(watch, &id, value, secrets)?)),
                "logging" => kind = Some(ActionKind::Logging(LoggingAction::parse(watch, &id, value)?)),
                "index" => kind = Some(ActionKind::Index(IndexAction::parse(watch, &id, value)?)),
                unknown => return Err(broken(format!("unknown action type [{unknown}]"))),
            }
        }
        let kind = kind.ok_or_else(|| Failure::parse(format!("could not parse watch action [{watch}/{id}]. missing action type")))?;
        Ok(Action { id, throttle_period_millis, condition, foreach: path.map(|path| Foreach { path, max_iterations }), kind })
    }

    /// The canonical form of what stands under the action's id.
    #[must_use]
    pub fn to_json(&self, secrets: Secrets) -> Json {
        let mut json = Json::object()
            .with_some("throttle_period_in_millis", self.throttle_period_millis)
            .with_some("condition", self.condition.as_ref().map(Condition::to_json));
        if let Some(foreach) = &self.foreach {
            json.set("foreach", &*foreach.path);
            json.set("max_iterations", foreach.max_iterations);
        }
        json.with(self.kind.name(), self.kind.to_json(secrets))
    }
}

fn webhook(watch: &WatchId, id: &ActionId, value: &Json, secrets: RedactedSecret) -> Result<HttpRequestTemplate, Failure> {
    HttpRequestTemplate::parse(value, secrets)
        .map_err(|cause| Failure::parse(format!("could not parse [webhook] action [{watch}/{id}]. failed parsing http request template")).caused_by(cause))
}

/// No kind of transform is built yet, so that every one of them is an unknown type; an empty object is no transform.
pub(crate) fn no_transform(watch: &WatchId, value: &Json) -> Result<(), Failure> {
    let outer = format!("could not parse transform for watch [{watch}]");
    match value {
        Json::Map(map) => match map.keys().next() {
            None => Ok(()),
            Some(unknown) => Err(Failure::parse(format!("{outer}. unknown transform type [{unknown}]"))),
        },
        other => Err(Failure::parse(format!("{outer}. expected an object but found [{}] instead", token_name(other)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    fn parse(value: &Json) -> Result<Vec<Action>, Failure> {
        parse_actions(&WatchId::parse("w").unwrap(), value, RedactedSecret::Refuse)
    }

    #[test]
    fn canonical_forms() {
        for (given, printed) in [
            (json!({"logging": {"text": "t"}}), r#"{"logging":{"level":"info","text":"t"}}"#),
            (
                json!({"logging": {"text": "t", "level": "WARN", "category": "c"}, "foreach": "ctx.payload.hits.hits", "throttle_period": "5m", "condition": {"never": {}}}),
                r#"{"throttle_period_in_millis":300000,"condition":{"never":{}},"foreach":"ctx.payload.hits.hits","max_iterations":100,"logging":{"category":"c","level":"warn","text":"t"}}"#,
            ),
            (json!({"index": {}, "max_iterations": 5, "transform": {}}), r#"{"index":{}}"#),
            (
                json!({"index": {"index": "i", "doc_id": "d", "op_type": "create", "refresh": "wait_for", "timeout": "1m", "execution_time_field": "t", "doc_type": "_doc"}}),
                r#"{"index":{"index":"i","doc_id":"d","op_type":"create","execution_time_field":"t","timeout_in_millis":60000,"refresh":"wait_for"}}"#,
            ),
            (json!({"index": {}, "logging": {"text": "last wins"}}), r#"{"logging":{"level":"info","text":"last wins"}}"#),
        ] {
            let action = parse(&Json::object().with("a", given)).unwrap().remove(0);
            assert_eq!(action.to_json(Secrets::Plain).to_string(), printed);
            assert_eq!(parse(&Json::object().with("a", action.to_json(Secrets::Plain))).unwrap(), [action]);
        }
        assert_eq!(parse(&json!({"dropped": 1, "too": []})).unwrap(), []);
    }

    #[test]
    fn what_is_no_action_is_refused() {
        for (given, reason) in [
            (json!([]), "could not parse actions for watch [w]. expected an object but found [START_ARRAY] instead"),
            (json!({"a b": {}}), "could not parse action [a b] for watch [w]. id contains whitespace"),
            (json!({"": {}}), "could not parse action [] for watch [w]. id contains whitespace"),
            (json!({"a": {}}), "could not parse watch action [w/a]. missing action type"),
            (json!({"a": {"carrier_pigeon": {}}}), "could not parse action [w/a]. unknown action type [carrier_pigeon]"),
            (json!({"a": {"email": {}}}), "could not parse action [w/a]. unknown action type [email]"),
            (json!({"a": {"throttle_period": 5, "index": {}}}), "could not parse action [w/a]. failed to parse field [throttle_period] as time value"),
            (json!({"a": {"webhook": {}}}), "could not parse [webhook] action [w/a]. failed parsing http request template"),
            (json!({"a": {"index": {"refresh": true}}}), "could not parse [index] action [w/a]. unexpected boolean field [refresh]"),
            (json!({"a": {"index": {"bogus": "x"}}}), "could not parse [index] action [w/a]. unexpected string field [bogus]"),
            (json!({"a": {"logging": {"level": "info"}}}), "failed to parse [logging] action [w/a]. missing required [text] field"),
            (json!({"a": {"logging": {"text": "t", "level": "loud"}}}), "failed to parse [logging] action [w/a]. unknown logging level [loud]"),
            (json!({"a": {"index": {}, "transform": {"script": "x"}}}), "could not parse transform for watch [w]. unknown transform type [script]"),
        ] {
            assert_eq!(parse(&given).unwrap_err().reason_text(), reason, "{given}");
        }
    }
}
