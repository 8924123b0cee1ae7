//! The definition as a whole (spec watcher-api §3).

use watchbell_json::{Failure, Json, Map, token_name};
use watchbell_time::schedule::Schedule;

use crate::{
    Generation, WatchId,
    action::{self, Action, parse_actions},
    condition::Condition,
    input::Input,
    secret::{RedactedSecret, Secrets, restore},
    status::WatchStatus,
    time_value::{parse_millis, parse_time_value},
    trigger::{parse_trigger, trigger_json},
};

/// The member of stored watches that is ours; dropped from what users send.
pub const OWN_MEMBER: &str = "_watchbell";

/// A parsed definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    pub id: WatchId,
    pub schedule: Schedule,
    pub input: Input,
    pub condition: Condition,
    pub throttle_period_millis: Option<i64>,
    /// In the order of the document, which is the order of execution.
    pub actions: Vec<Action>,
    pub metadata: Option<Json>,
}

/// In which situation a definition is read.
#[derive(Clone, Debug, Default)]
pub struct ParseMode<'s> {
    pub generation: Generation,
    /// The stored watch with its secrets, when this is an update of it: a redacted secret then keeps the stored one. Without
    /// it a redacted secret is an error.
    pub updates: Option<&'s Json>,
}

impl<'s> ParseMode<'s> {
    #[must_use]
    pub fn new(generation: Generation) -> ParseMode<'static> {
        ParseMode { generation, updates: None }
    }

    #[must_use]
    pub fn update_of(generation: Generation, stored: &'s Json) -> ParseMode<'s> {
        ParseMode { generation, updates: Some(stored) }
    }
}

impl Watch {
    /// Reads a definition: one that was sent, or a stored one (whose `status` is skipped here; see [`WatchStatus::parse`]).
    ///
    /// # Errors
    /// `parse_exception` and its like, with the reference's reasons.
    pub fn parse(id: &WatchId, body: &Json, mode: &ParseMode<'_>) -> Result<Watch, Failure> {
        match mode.updates {
            None => Draft::new(id, mode.generation, RedactedSecret::Refuse).read(body),
            Some(stored) => Draft::new(id, mode.generation, RedactedSecret::Drop).read(&restore(body, stored)),
        }
    }

    /// The canonical form: what GET shows, without status.
    #[must_use]
    pub fn to_json(&self, secrets: Secrets) -> Json {
        let actions: Map = self.actions.iter().map(|action| (action.id.as_str(), action.to_json(secrets))).collect();
        Json::object()
            .with("trigger", trigger_json(&self.schedule))
            .with("input", self.input.to_json())
            .with("condition", self.condition.to_json())
            .with_some("throttle_period_in_millis", self.throttle_period_millis)
            .with("actions", actions)
            .with_some("metadata", self.metadata.clone())
    }

    /// The canonical form as it is stored: secrets in clear, with its status.
    #[must_use]
    pub fn to_stored_json(&self, status: &WatchStatus) -> Json {
        self.to_json(Secrets::Plain).with("status", status.to_stored_json())
    }

    #[must_use]
    pub fn action(&self, id: &str) -> Option<&Action> {
        self.actions.iter().find(|action| action.id.as_str() == id)
    }
}

struct Draft<'i> {
    id: &'i WatchId,
    generation: Generation,
    secrets: RedactedSecret,
    schedule: Option<Schedule>,
    input: Option<Input>,
    condition: Option<Condition>,
    throttle_period_millis: Option<i64>,
    actions: Vec<Action>,
    metadata: Option<Json>,
}

impl Draft<'_> {
    fn new(id: &WatchId, generation: Generation, secrets: RedactedSecret) -> Draft<'_> {
        Draft { id, generation, secrets, schedule: None, input: None, condition: None, throttle_period_millis: None, actions: Vec::new(), metadata: None }
    }

    fn read(mut self, body: &Json) -> Result<Watch, Failure> {
        let id = self.id;
        let map = match body {
            Json::Map(map) => map,
            Json::List(_) => {
                return Err(Failure::parse(format!("could not parse watch [{id}], unexpected token [{}]", token_name(body))));
            }
            Json::Null | Json::Bool(_) | Json::Int(_) | Json::Big(_) | Json::Double(_) | Json::Str(_) | Json::Time(_) => {
                return Err(Failure::parse(format!("could not parse watch [{id}]. null token")));
            }
        };
        for (field, value) in map.iter() {
            self.member(field, value)?;
        }
        let schedule = self.schedule.ok_or_else(|| Failure::parse(format!("could not parse watch [{id}]. missing required field [trigger]")))?;
        Ok(Watch {
            id: id.clone(),
            schedule,
            input: self.input.unwrap_or(Input::None),
            condition: self.condition.unwrap_or(Condition::Always),
            throttle_period_millis: self.throttle_period_millis,
            actions: self.actions,
            metadata: self.metadata,
        })
    }

    fn member(&mut self, field: &str, value: &Json) -> Result<(), Failure> {
        let id = self.id;
        match field {
            "trigger" => self.schedule = Some(parse_trigger(id, value)?),
            "input" => self.input = Some(Input::parse(id, value)?),
            "condition" => self.condition = Some(Condition::parse(id, value)?),
            "transform" => action::no_transform(id, value)?,
            "throttle_period" => {
                self.throttle_period_millis = parse_time_value(value, field).map_err(|cause| {
                    Failure::parse(format!("could not parse watch [{id}]. failed to parse time value for field [throttle_period]")).caused_by(cause)
                })?;
            }
            "throttle_period_in_millis" => self.throttle_period_millis = Some(parse_millis(value, field)?),
            "actions" => self.actions = parse_actions(id, value, self.secrets)?,
            // whatever it is, it is taken for an object
            "metadata" => self.metadata = Some(if matches!(value, Json::Map(_)) { value.clone() } else { Json::object() }),
            "status" | OWN_MEMBER => {}
            // documents of the sixth generation may carry their version
            "version" | "_version" if self.generation == Generation::G6 => {}
            unknown => {
                return Err(Failure::parse(format!("could not parse watch [{id}]. unexpected field [{unknown}]")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::REDACTED;
    use watchbell_json::json;

    fn id() -> WatchId {
        WatchId::parse("w").unwrap()
    }

    fn parse(body: &Json) -> Result<Watch, Failure> {
        Watch::parse(&id(), body, &ParseMode::default())
    }

    #[test]
    fn the_vendor_guide_s_watch_is_taken_as_it_is() {
        let guide = json!({
            "trigger": {"schedule": {"interval": "10s"}},
            "input": {"search": {"request": {"indices": ["logs"], "body": {"query": {"match": {"message": "error"}}}}}},
            "condition": {"compare": {"ctx.payload.hits.total": {"gt": 0}}},
            "actions": {"test_issue": {"webhook": {"method": "POST", "url": "http://127.0.0.1:8080", "body": "{\"msgtype\": \"text\"}"}}}
        });
        let watch = parse(&guide).unwrap();
        assert_eq!(
            watch.to_json(Secrets::Redacted).to_string(),
            concat!(
                r#"{"trigger":{"schedule":{"interval":"10s"}},"#,
                r#""input":{"search":{"request":{"search_type":"query_then_fetch","indices":["logs"],"rest_total_hits_as_int":true,"body":{"query":{"match":{"message":"error"}}}}}},"#,
                r#""condition":{"compare":{"ctx.payload.hits.total":{"gt":0}}},"#,
                r#""actions":{"test_issue":{"webhook":{"scheme":"http","host":"127.0.0.1","port":8080,"method":"post","params":{},"headers":{},"body":"{\"msgtype\": \"text\"}"}}}}"#
            )
        );
    }

    #[test]
    fn what_is_missing_gets_its_default_and_members_their_order() {
        let watch = parse(&json!({"metadata": null, "throttle_period": "10s", "trigger": {"schedule": {"interval": 60}}, "status": "whatever", "_watchbell": {}, "transform": {}})).unwrap();
        assert_eq!(
            watch.to_json(Secrets::Plain).to_string(),
            r#"{"trigger":{"schedule":{"interval":"60s"}},"input":{"none":{}},"condition":{"always":{}},"throttle_period_in_millis":10000,"actions":{},"metadata":{}}"#
        );
        let later_wins = parse(&json!({"trigger": {"schedule": {"interval": 60}}, "throttle_period_in_millis": 5, "throttle_period": "1s"})).unwrap();
        assert_eq!(later_wins.throttle_period_millis, Some(1000));
    }

    #[test]
    fn what_is_no_watch_is_refused() {
        for (body, reason) in [
            (json!({}), "could not parse watch [w]. missing required field [trigger]"),
            (json!([]), "could not parse watch [w], unexpected token [START_ARRAY]"),
            (json!("x"), "could not parse watch [w]. null token"),
            (json!({"bogus": 1}), "could not parse watch [w]. unexpected field [bogus]"),
            (json!({"throttle_period": 5}), "could not parse watch [w]. failed to parse time value for field [throttle_period]"),
            (json!({"actions": 5}), "could not parse actions for watch [w]. expected an object but found [VALUE_NUMBER] instead"),
        ] {
            assert_eq!(parse(&body).unwrap_err().reason_text(), reason);
        }
    }

    #[test]
    fn the_sixth_generation_takes_a_version_in_the_document() {
        let body = json!({"trigger": {"schedule": {"interval": "1m"}}, "_version": 3});
        assert!(Watch::parse(&id(), &body, &ParseMode::new(Generation::G6)).is_ok());
        assert_eq!(parse(&body).unwrap_err().reason_text(), "could not parse watch [w]. unexpected field [_version]");
    }

    fn with_password(password: &str, user: &str) -> Json {
        json!({
            "trigger": {"schedule": {"interval": "10s"}},
            "actions": {"a": {"webhook": {"url": "http://h", "headers": {"Authorization": password}, "auth": {"basic": {"username": user, "password": password}}}}}
        })
    }

    #[test]
    fn redacted_secrets_keep_what_is_stored_only_in_an_update() {
        let stored = parse(&with_password("s3cret", "u")).unwrap().to_json(Secrets::Plain);
        assert!(!parse(&with_password("s3cret", "u")).unwrap().to_json(Secrets::Redacted).to_string().contains("s3cret"));
        let failure = parse(&with_password(REDACTED, "u")).unwrap_err();
        assert_eq!(failure.root_cause().reason_text(), "found redacted password in field [password]");
        let updated = Watch::parse(&id(), &with_password(REDACTED, "v"), &ParseMode::update_of(Generation::G8, &stored)).unwrap();
        assert_eq!(updated, parse(&with_password("s3cret", "v")).unwrap());
        let nothing_stored = Watch::parse(&id(), &with_password(REDACTED, "v"), &ParseMode::update_of(Generation::G8, &json!({}))).unwrap();
        assert!(!nothing_stored.to_json(Secrets::Plain).to_string().contains("password"));
    }
}
