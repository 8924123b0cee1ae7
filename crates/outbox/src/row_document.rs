//! Rows as documents.

use std::time::Duration;

use watchbell_json::{Failure, Json};
use watchbell_time::Timestamp;
use watchbell_watch::definition::OWN_MEMBER;
use watchbell_watch::{ActionId, WatchId};

use crate::row::{AttemptRow, CancelledBy, Origin, Row, RowState};
use crate::{Delivery, DeliveryKey, Outcome, Repair, message_document};

/// An answer longer than this is not kept in the ledger; the execution's record has it whole.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

pub(crate) fn print(row: &Row) -> Json {
    let attempts: Vec<Json> = row.attempts.iter().map(print_attempt).collect();
    let head = Json::object()
        .with("key", &row.delivery.key.0)
        .with("state", row.state.name())
        .with("watch_id", row.origin.watch.as_str())
        .with("action_id", row.origin.action.as_str())
        .with("execution", &row.origin.execution)
        .with_some("incarnation", row.origin.incarnation.as_ref())
        .with("cancels", row.origin.cancels)
        .with("created", row.decided.to_string())
        .with("updated", updated(row).to_string())
        .with_some("ended", row.ended.map(|at| at.to_string()));
    print_state(&row.state, head).with("attempts", attempts).with(OWN_MEMBER, Json::object().with("message", message_document::print(&row.delivery.message)))
}

impl Row {
    /// What users may see of it: as it is stored, without the secrets of its message.
    #[must_use]
    pub fn shown(&self) -> Json {
        let mut shown = print(self).with("message", message_document::shown(&self.delivery.message));
        shown.make_map().remove(OWN_MEMBER);
        shown
    }
}

/// The last moment at which something happened to the row.
fn updated(row: &Row) -> Timestamp {
    row.ended.or_else(|| row.attempts.last().map(|attempt| attempt.ended.unwrap_or(attempt.started))).unwrap_or(row.decided)
}

fn print_state(state: &RowState, head: Json) -> Json {
    match state {
        RowState::Decided | RowState::Delivered => head,
        RowState::InFlight { by, until } => head.with("by", by).with("until", until.to_string()),
        RowState::Waiting { not_before } => head.with("not_before", not_before.to_string()),
        RowState::Merged { into } => head.with("into", &into.0),
        RowState::Refused { reason } | RowState::Expired { reason } | RowState::Unconfirmed { reason } => head.with("reason", reason),
        RowState::Cancelled { by } => head.with("by", by.name()),
    }
}

/// Reads [`print`]'s form; `None` if it is not that.
pub(crate) fn parse(stored: &Json) -> Option<Row> {
    let key = DeliveryKey(text(stored, "key")?);
    let message = message_document::parse(stored.at(&[OWN_MEMBER, "message"])?)?;
    Some(Row {
        delivery: Delivery { key, message },
        origin: Origin {
            watch: WatchId::parse(&text(stored, "watch_id")?).ok()?,
            incarnation: text(stored, "incarnation"),
            action: ActionId::parse(&text(stored, "action_id")?).ok()?,
            execution: text(stored, "execution")?,
            cancels: stored.get("cancels")?.as_i64()?,
        },
        decided: instant(stored, "created")?,
        state: parse_state(stored)?,
        attempts: stored.get("attempts")?.as_list()?.iter().map(parse_attempt).collect::<Option<_>>()?,
        ended: instant(stored, "ended"),
    })
}

fn parse_state(stored: &Json) -> Option<RowState> {
    Some(match text(stored, "state")?.as_str() {
        "decided" => RowState::Decided,
        "inflight" => RowState::InFlight { by: text(stored, "by")?, until: instant(stored, "until")? },
        "waiting" => RowState::Waiting { not_before: instant(stored, "not_before")? },
        "delivered" => RowState::Delivered,
        "merged" => RowState::Merged { into: DeliveryKey(text(stored, "into")?) },
        "refused" => RowState::Refused { reason: text(stored, "reason")? },
        "expired" => RowState::Expired { reason: text(stored, "reason")? },
        "unconfirmed" => RowState::Unconfirmed { reason: text(stored, "reason")? },
        "cancelled" => RowState::Cancelled { by: CancelledBy::from_name(&text(stored, "by")?)? },
        _ => return None,
    })
}

fn print_attempt(attempt: &AttemptRow) -> Json {
    let response = attempt.response.as_ref().map(|response| {
        if response.to_string().len() > ANSWER_BYTES_MAX { Json::object().with("truncated", "longer than the ledger keeps") } else { response.clone() }
    });
    Json::object()
        .with("started", attempt.started.to_string())
        .with_some("ended", attempt.ended.map(|at| at.to_string()))
        .with_some("outcome", attempt.outcome.as_ref().map(print_outcome))
        .with_some("response", response)
        .with_some("error", attempt.error.as_ref().map(Failure::to_exception_json))
}

fn parse_attempt(stored: &Json) -> Option<AttemptRow> {
    Some(AttemptRow {
        started: instant(stored, "started")?,
        ended: instant(stored, "ended"),
        outcome: match stored.get("outcome") {
            Some(outcome) => Some(parse_outcome(outcome)?),
            None => None,
        },
        response: stored.get("response").cloned(),
        error: stored.get("error").map(Failure::from_json),
    })
}

fn print_outcome(outcome: &Outcome) -> Json {
    let named = |name: &str, reason: &String| Json::object().with("kind", name).with("reason", reason);
    match outcome {
        Outcome::Delivered => Json::object().with("kind", "delivered"),
        Outcome::Retry { reason } => named("retry", reason),
        Outcome::Limited { reason, wait } => named("limited", reason).with("wait_millis", wait.as_millis()),
        Outcome::Fixable { reason, repair } => named("fixable", reason).with("repair", repair_name(*repair)),
        Outcome::Rejected { reason } => named("rejected", reason),
        Outcome::Misconfigured { reason } => named("misconfigured", reason),
        Outcome::Ambiguous { reason } => named("ambiguous", reason),
        Outcome::Unrecognised { reason } => named("unrecognised", reason),
    }
}

fn parse_outcome(stored: &Json) -> Option<Outcome> {
    let reason = text(stored, "reason").unwrap_or_default();
    Some(match text(stored, "kind")?.as_str() {
        "delivered" => Outcome::Delivered,
        "retry" => Outcome::Retry { reason },
        "limited" => Outcome::Limited { reason, wait: Duration::from_millis(u64::try_from(stored.get("wait_millis")?.as_i64()?).ok()?) },
        "fixable" => Outcome::Fixable { reason, repair: repair(&text(stored, "repair")?)? },
        "rejected" => Outcome::Rejected { reason },
        "misconfigured" => Outcome::Misconfigured { reason },
        "ambiguous" => Outcome::Ambiguous { reason },
        "unrecognised" => Outcome::Unrecognised { reason },
        _ => return None,
    })
}

fn repair_name(repair: Repair) -> &'static str {
    match repair {
        Repair::AddKeyword => "add_keyword",
        Repair::Shrink => "shrink",
        Repair::NeutralNotice => "neutral_notice",
    }
}

fn repair(name: &str) -> Option<Repair> {
    [Repair::AddKeyword, Repair::Shrink, Repair::NeutralNotice].into_iter().find(|repair| repair_name(*repair) == name)
}

fn text(object: &Json, member: &str) -> Option<String> {
    object.get(member)?.as_str().map(str::to_owned)
}

fn instant(object: &Json, member: &str) -> Option<Timestamp> {
    object.get(member)?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Attempt;
    use watchbell_json::json;

    fn round_trip(row: &Row) {
        let text = print(row).to_string();
        assert_eq!(parse(&Json::parse(text.as_bytes()).unwrap()).as_ref(), Some(row), "{text}");
    }

    #[test]
    fn every_state_and_outcome_reads_back_as_it_was() {
        let at = Timestamp::UNIX_EPOCH;
        let reason = || "why".to_owned();
        for state in [
            RowState::Decided,
            RowState::InFlight { by: "boot".into(), until: at },
            RowState::Waiting { not_before: at },
            RowState::Delivered,
            RowState::Merged { into: DeliveryKey("d".into()) },
            RowState::Refused { reason: reason() },
            RowState::Expired { reason: reason() },
            RowState::Unconfirmed { reason: reason() },
            RowState::Cancelled { by: CancelledBy::Ack },
        ] {
            round_trip(&Row { state, ..crate::row::tests::row() });
        }
        for outcome in [
            Outcome::Delivered,
            Outcome::Retry { reason: reason() },
            Outcome::Limited { reason: reason(), wait: Duration::from_millis(1500) },
            Outcome::Fixable { reason: reason(), repair: Repair::Shrink },
            Outcome::Rejected { reason: reason() },
            Outcome::Misconfigured { reason: reason() },
            Outcome::Ambiguous { reason: reason() },
            Outcome::Unrecognised { reason: reason() },
        ] {
            let error = Failure::new("connect_exception", "refused").with("host", "h").caused_by(Failure::illegal_state("x"));
            let mut row = crate::row::tests::row();
            row.begin("boot", at, Duration::from_secs(1));
            row.conclude(&Attempt { outcome, response: Some(json!({"status": 200})), error: Some(error) }, at);
            round_trip(&row);
        }
    }

    #[test]
    fn secrets_lie_below_the_hidden_member() {
        let mut row = crate::row::tests::row();
        row.delivery.message = crate::message_document::tests::with_secrets();
        let stored = print(&row);
        assert!(stored.get(OWN_MEMBER).unwrap().to_string().contains("s3cret"));
        let shown = row.shown().to_string();
        assert!(!shown.contains("s3cret") && !shown.contains(OWN_MEMBER) && shown.contains("example.org"), "{shown}");
        let mut visible = stored;
        visible.make_map().remove(OWN_MEMBER);
        assert!(!visible.to_string().contains("s3cret"));
    }

    #[test]
    fn long_answers_are_not_kept() {
        let mut row = crate::row::tests::row();
        row.begin("boot", Timestamp::UNIX_EPOCH, Duration::from_secs(1));
        row.conclude(&Attempt::delivered(Some(json!({"body": "x".repeat(100_000)}))), Timestamp::UNIX_EPOCH);
        assert!(print(&row).to_string().len() < 20_000);
    }
}
