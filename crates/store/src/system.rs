//! Watcher's own indices: mappings that are fixed, whoever makes the index.
//!
//! Roots take no unknown fields into the mapping. What is searched of history is what the reference indexes of it;
//! `result.actions` are plain objects (the reference also includes its nested ones in their parent).

use watchbell_json::{Json, json};

use crate::CreateIndex;

pub const WATCHES: &str = ".watches";
pub const TRIGGERED_WATCHES: &str = ".triggered_watches";
/// Before the template's version and the day.
pub const HISTORY_PREFIX: &str = ".watcher-history-";
pub const DELIVERIES: &str = ".watchbell-deliveries";
/// What is remembered beside watches: whether Watcher was stopped by hand, settings of the index of watches.
pub const SERVICE_STATE: &str = ".watchbell-state";

/// What such an index is made with; `None` for others.
#[must_use]
pub fn system_index(name: &str) -> Option<CreateIndex> {
    let mapping = match name {
        WATCHES => watches(),
        TRIGGERED_WATCHES => triggered_watches(),
        DELIVERIES => deliveries(),
        SERVICE_STATE => json!({"dynamic": "false"}),
        name if name.starts_with(HISTORY_PREFIX) => history(),
        _ => return None,
    };
    let settings = json!({"index": {"number_of_shards": 1, "number_of_replicas": 0, "hidden": true}});
    Some(CreateIndex { settings: Some(settings), mappings: Some(mapping), aliases: None })
}

fn off() -> Json {
    json!({"type": "object", "enabled": false})
}

/// Only `_id` and `metadata` can be searched.
fn watches() -> Json {
    json!({
        "dynamic": "false",
        "properties": {
            "metadata": {"type": "object", "dynamic": "true"}
        }
    })
}

fn triggered_watches() -> Json {
    json!({
        "dynamic": "false",
        "properties": {
            "watch_id": {"type": "keyword"},
            "state": {"type": "keyword"}
        }
    })
}

fn history() -> Json {
    let keyword = json!({"type": "keyword"});
    let date = json!({"type": "date"});
    let typed = Json::object().with("properties", Json::object().with("type", keyword.clone()).with("status", keyword.clone()));
    let mut condition = typed.clone();
    let met = json!({"type": "boolean"});
    if let Some(properties) = condition.make_map().get_mut("properties") {
        properties.set("met", met);
    }
    let schedule = json!({"properties": {"scheduled_time": {"type": "date"}}});
    let result = Json::object()
        .with("execution_time", date.clone())
        .with("execution_duration", json!({"type": "long"}))
        .with("input", typed.clone())
        .with("condition", condition)
        .with("transform", typed)
        .with("actions", Json::object().with("properties", actions()));
    let trigger = Json::object()
        .with("type", keyword.clone())
        .with("triggered_time", date.clone())
        .with("schedule", schedule.clone())
        .with("manual", Json::object().with("properties", Json::object().with("schedule", schedule)));
    let properties = Json::object()
        .with("watch_id", keyword.clone())
        .with("node", keyword.clone())
        .with("state", keyword)
        .with("@timestamp", date)
        .with("messages", json!({"type": "text"}))
        .with("user", json!({"type": "text"}))
        .with("trigger_event", Json::object().with("properties", trigger))
        .with("result", Json::object().with("properties", result))
        .with("status", off())
        .with("vars", off())
        .with("input", off())
        .with("condition", off())
        .with("exception", off())
        .with("metadata", json!({"type": "object", "dynamic": "true"}));
    Json::object().with("dynamic", "false").with("properties", properties)
}

/// Of each action: what it was and how it ended, and where it went.
fn actions() -> Json {
    json!({
        "id": {"type": "keyword"},
        "type": {"type": "keyword"},
        "status": {"type": "keyword"},
        "reason": {"type": "keyword"},
        "number_of_actions_executed": {"type": "integer"},
        "webhook": {"properties": {"request": {"properties": {"host": {"type": "keyword"}, "path": {"type": "keyword"}}}}},
        "index": {"properties": {"response": {"properties": {"index": {"type": "keyword"}, "id": {"type": "keyword"}}}}},
        "email": {"properties": {"message": {"properties": {
            "from": {"type": "keyword"},
            "to": {"type": "keyword"},
            "cc": {"type": "keyword"},
            "bcc": {"type": "keyword"},
            "reply_to": {"type": "keyword"}
        }}}},
        "slack": {"properties": {"sent_messages": {"properties": {
            "status": {"type": "keyword"},
            "reason": {"type": "text"},
            "to": {"type": "keyword"}
        }}}},
        "watchbell": {"properties": {"delivery": {"properties": {"id": {"type": "keyword"}, "state": {"type": "keyword"}}}}}
    })
}

/// What can be asked of the ledger: the head of a row. Attempts and messages are not searched.
fn deliveries() -> Json {
    json!({
        "dynamic": "false",
        "properties": {
            "state": {"type": "keyword"},
            "key": {"type": "keyword"},
            "watch_id": {"type": "keyword"},
            "action_id": {"type": "keyword"},
            "execution": {"type": "keyword"},
            "incarnation": {"type": "keyword"},
            "created": {"type": "date"},
            "updated": {"type": "date"},
            "ended": {"type": "date"},
            "not_before": {"type": "date"},
            "until": {"type": "date"},
            "into": {"type": "keyword"},
            "by": {"type": "keyword"},
            "reason": {"type": "text"}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::{Mapping, MappingLimits, index_document};

    #[test]
    fn every_system_mapping_is_one_and_does_not_grow_by_unknown_fields() {
        for name in [WATCHES, TRIGGERED_WATCHES, DELIVERIES, SERVICE_STATE, ".watcher-history-16-2026.11.24"] {
            let index = system_index(name).unwrap();
            let mapping = Mapping::parse(&index.mappings.unwrap()).unwrap();
            let document = json!({"watch_id": "w", "surprise": {"x": [1, {"y": 2}]}, "status": {"state": {"active": true}}, "input": {"none": {}}});
            let indexing = index_document(&mapping, &MappingLimits::default(), "1", &document).unwrap();
            assert_eq!(indexing.update, None, "{name}");
        }
        assert!(system_index("logs").is_none());
    }

    #[test]
    fn a_delivery_is_found_by_the_head_of_its_row() {
        let mapping = Mapping::parse(&system_index(DELIVERIES).unwrap().mappings.unwrap()).unwrap();
        // An instant as rows print it, to the nanosecond.
        let at = "2026-11-24T01:02:03.123456789Z";
        let row = json!({
            "key": "e/a/0", "state": "merged", "into": "d", "watch_id": "w", "action_id": "a", "execution": "e", "incarnation": "i",
            "created": at, "updated": at, "ended": at, "cancels": 0, "attempts": [{"started": at}], "_watchbell": {"message": {"webhook": {}}}
        });
        let fields = index_document(&mapping, &MappingLimits::default(), "e/a/0", &row).unwrap().fields;
        for name in ["key", "state", "into", "watch_id", "action_id", "execution", "incarnation", "created", "updated", "ended"] {
            assert_eq!(fields.values(name).len(), 1, "{name}");
        }
        assert!(fields.values("attempts.started").is_empty());
    }

    #[test]
    fn actions_of_history_are_searched_as_plain_arrays() {
        let mapping = Mapping::parse(&system_index(".watcher-history-16-2026.11.24").unwrap().mappings.unwrap()).unwrap();
        let record = json!({"watch_id": "w", "result": {"actions": [{"id": "a", "status": "success"}, {"id": "b", "status": "failure"}]}});
        let fields = index_document(&mapping, &MappingLimits::default(), "1", &record).unwrap().fields;
        assert_eq!(fields.values("result.actions.id").len(), 2);
    }
}
