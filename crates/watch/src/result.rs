//! The results of a run's parts. Each prints as the record shows it and reads back from there, so that a run that was
//! interrupted can be finished from its journal.

use watchbell_json::{Failure, Json};

use crate::ActionId;

#[derive(Clone, Debug, PartialEq)]
pub struct InputResult {
    pub kind: String,
    /// The payload, or the failure's object.
    pub outcome: Result<Json, Json>,
    /// What the record shows under the type's name, `{request: …}` of a search.
    pub detail: Option<Json>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ConditionResult {
    pub kind: String,
    pub met: bool,
    /// Of the comparing conditions.
    pub resolved_values: Option<Json>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionResultStatus {
    Success,
    Failure,
    PartialFailure,
    Acknowledged,
    Throttled,
    ConditionFailed,
    Simulated,
}

/// What became of one action.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionResult {
    pub id: ActionId,
    pub kind: String,
    pub status: ActionResultStatus,
    pub condition: Option<ConditionResult>,
    pub reason: Option<String>,
    /// The exception's object, with `root_cause`.
    pub error: Option<Json>,
    /// What the record shows under the type's name.
    pub detail: Option<Json>,
    pub foreach: Option<ForeachResult>,
    /// Members of our own, below `watchbell`.
    pub own: Option<Json>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ForeachResult {
    /// What is specific to the type, of each single run.
    pub items: Vec<Json>,
    pub max_iterations: usize,
}

impl ActionResultStatus {
    const ALL: [ActionResultStatus; 7] = [
        ActionResultStatus::Success,
        ActionResultStatus::Failure,
        ActionResultStatus::PartialFailure,
        ActionResultStatus::Acknowledged,
        ActionResultStatus::Throttled,
        ActionResultStatus::ConditionFailed,
        ActionResultStatus::Simulated,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ActionResultStatus::Success => "success",
            ActionResultStatus::Failure => "failure",
            ActionResultStatus::PartialFailure => "partial_failure",
            ActionResultStatus::Acknowledged => "acknowledged",
            ActionResultStatus::Throttled => "throttled",
            ActionResultStatus::ConditionFailed => "condition_failed",
            ActionResultStatus::Simulated => "simulated",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<ActionResultStatus> {
        ActionResultStatus::ALL.into_iter().find(|status| status.name() == text)
    }

    /// The status of a `foreach` action: that of all its runs, or `partial_failure`. No runs are a failure.
    #[must_use]
    pub fn common(statuses: &[ActionResultStatus]) -> ActionResultStatus {
        match statuses {
            [] => ActionResultStatus::Failure,
            [first, others @ ..] if others.iter().all(|other| other == first) => *first,
            _ => ActionResultStatus::PartialFailure,
        }
    }
}

impl InputResult {
    #[must_use]
    pub fn success(kind: impl Into<String>, payload: Json) -> InputResult {
        InputResult { kind: kind.into(), outcome: Ok(payload), detail: None }
    }

    #[must_use]
    pub fn failure(kind: impl Into<String>, failure: &Failure) -> InputResult {
        InputResult { kind: kind.into(), outcome: Err(failure.to_json()), detail: None }
    }

    #[must_use]
    pub fn with_detail(self, detail: Json) -> InputResult {
        InputResult { detail: Some(detail), ..self }
    }

    #[must_use]
    pub fn to_json(&self) -> Json {
        let json = Json::object().with("type", &*self.kind);
        let json = match &self.outcome {
            Ok(payload) => json.with("status", "success").with("payload", payload.clone()),
            Err(error) => json.with("status", "failure").with("error", error.clone()),
        };
        json.with_some(&*self.kind, self.detail.clone())
    }

    #[must_use]
    pub fn from_json(json: &Json) -> Option<InputResult> {
        let kind = json.get("type")?.as_str()?;
        let outcome = match json.get("status")?.as_str()? {
            "success" => Ok(json.get("payload")?.clone()),
            _ => Err(json.get("error").cloned().unwrap_or_default()),
        };
        Some(InputResult { kind: kind.to_owned(), outcome, detail: json.get(kind).cloned() })
    }
}

impl ConditionResult {
    #[must_use]
    pub fn always_met() -> ConditionResult {
        ConditionResult { kind: "always".into(), met: true, resolved_values: None }
    }

    #[must_use]
    pub fn to_json(&self) -> Json {
        let detail = self.resolved_values.as_ref().map(|values| Json::object().with("resolved_values", values.clone()));
        Json::object().with("type", &*self.kind).with("status", "success").with("met", self.met).with_some(&*self.kind, detail)
    }

    #[must_use]
    pub fn from_json(json: &Json) -> Option<ConditionResult> {
        let kind = json.get("type")?.as_str()?;
        Some(ConditionResult { kind: kind.to_owned(), met: json.get("met")?.as_bool()?, resolved_values: json.at(&[kind, "resolved_values"]).cloned() })
    }
}

impl ActionResult {
    #[must_use]
    pub fn new(id: ActionId, kind: impl Into<String>, status: ActionResultStatus) -> ActionResult {
        ActionResult { id, kind: kind.into(), status, condition: None, reason: None, error: None, detail: None, foreach: None, own: None }
    }

    /// An exception escaped.
    #[must_use]
    pub fn failed(id: ActionId, kind: impl Into<String>, failure: &Failure) -> ActionResult {
        ActionResult { error: Some(failure.to_json()), ..ActionResult::new(id, kind, ActionResultStatus::Failure) }
    }

    #[must_use]
    pub fn with_reason(self, reason: impl Into<String>) -> ActionResult {
        ActionResult { reason: Some(reason.into()), ..self }
    }

    #[must_use]
    pub fn with_detail(self, detail: Json) -> ActionResult {
        ActionResult { detail: Some(detail), ..self }
    }

    #[must_use]
    pub fn with_condition(self, condition: Option<ConditionResult>) -> ActionResult {
        ActionResult { condition, ..self }
    }

    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut json = Json::object()
            .with("id", self.id.as_str())
            .with("type", &*self.kind)
            .with("status", self.status.name())
            .with_some("condition", self.condition.as_ref().map(ConditionResult::to_json))
            .with_some("reason", self.reason.as_deref())
            .with_some("error", self.error.clone())
            .with_some(&*self.kind, self.detail.clone())
            .with_some("watchbell", self.own.clone());
        if let Some(foreach) = &self.foreach {
            json.set("number_of_actions_executed", foreach.items.len());
            json.set("foreach", foreach.items.clone());
            json.set("max_iterations", foreach.max_iterations);
        }
        json
    }

    #[must_use]
    pub fn from_json(json: &Json) -> Option<ActionResult> {
        let kind = json.get("type")?.as_str()?;
        let foreach = json.get("foreach").and_then(Json::as_list).map(|items| ForeachResult {
            items: items.to_vec(),
            max_iterations: json.get("max_iterations").and_then(Json::as_i64).and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
        });
        Some(ActionResult {
            id: ActionId::parse(json.get("id")?.as_str()?).ok()?,
            kind: kind.to_owned(),
            status: ActionResultStatus::parse(json.get("status")?.as_str()?)?,
            condition: json.get("condition").and_then(ConditionResult::from_json),
            reason: json.get("reason").and_then(Json::as_str).map(str::to_owned),
            error: json.get("error").cloned(),
            detail: json.get(kind).cloned(),
            foreach,
            own: json.get("watchbell").cloned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    #[test]
    fn results_read_back_as_they_print() {
        let input = InputResult::failure("search", &Failure::parse("no")).with_detail(json!({"request": {}}));
        assert_eq!(
            input.to_json().to_string(),
            r#"{"type":"search","status":"failure","error":{"root_cause":[{"type":"parse_exception","reason":"no"}],"type":"parse_exception","reason":"no"},"search":{"request":{}}}"#
        );
        assert_eq!(InputResult::from_json(&input.to_json()), Some(input));
        let condition = ConditionResult { kind: "compare".into(), met: false, resolved_values: Some(json!({"ctx.x": 1})) };
        assert_eq!(condition.to_json().to_string(), r#"{"type":"compare","status":"success","met":false,"compare":{"resolved_values":{"ctx.x":1}}}"#);
        assert_eq!(ConditionResult::from_json(&condition.to_json()), Some(condition.clone()));
        let mut action = ActionResult::new(ActionId::parse("a").unwrap(), "webhook", ActionResultStatus::Failure)
            .with_reason("received [500] status code")
            .with_detail(json!({"request": {}, "response": {"status": 500}}))
            .with_condition(Some(condition));
        action.foreach = Some(ForeachResult { items: vec![json!({"webhook": {}})], max_iterations: 100 });
        assert_eq!(
            action.to_json().to_string(),
            r#"{"id":"a","type":"webhook","status":"failure","condition":{"type":"compare","status":"success","met":false,"compare":{"resolved_values":{"ctx.x":1}}},"reason":"received [500] status code","webhook":{"request":{},"response":{"status":500}},"number_of_actions_executed":1,"foreach":[{"webhook":{}}],"max_iterations":100}"#
        );
        assert_eq!(ActionResult::from_json(&action.to_json()), Some(action));
    }

    #[test]
    fn a_common_status_or_a_partial_failure() {
        use ActionResultStatus as S;
        assert_eq!(S::common(&[S::Success, S::Success]), S::Success);
        assert_eq!(S::common(&[S::Failure]), S::Failure);
        assert_eq!(S::common(&[S::Success, S::Failure]), S::PartialFailure);
    }
}
