//! What a run makes of a watch's status. A function of values: it is applied again to whatever status stands there when it is
//! written.

use watchbell_time::Timestamp;
use watchbell_watch::status::{LastExecution, WatchStatus};

use crate::manifest::Manifest;
use crate::results::ActionEnd;

/// Instants from the future come from a clock that was wrong; they count as now, or else an action would be throttled until
/// that future has come.
pub(crate) fn clamp_future(status: &mut WatchStatus, now: Timestamp) {
    let clamp = |at: &mut Timestamp| *at = (*at).min(now);
    status.last_checked.as_mut().map(clamp);
    status.last_met_condition.as_mut().map(clamp);
    for action in status.actions.values_mut() {
        clamp(&mut action.ack_changed);
        action.last_successful_execution.as_mut().map(clamp);
        if let Some((at, _)) = &mut action.last_throttle {
            clamp(at);
        }
        match &mut action.last_execution {
            Some(LastExecution::Successful(at) | LastExecution::Failed { at, .. }) => clamp(at),
            None => {}
        }
    }
}

/// The status after the run.
pub(crate) fn status_after(mut status: WatchStatus, manifest: &Manifest, ends: &[ActionEnd], now: Timestamp) -> WatchStatus {
    clamp_future(&mut status, now);
    let at = manifest.execution_time;
    if let Some(condition) = &manifest.condition {
        status.on_condition(condition.met, at);
    }
    for end in ends {
        if let Some(decided) = end.condition_not_met {
            status.on_action_condition_not_met(&end.result.id, decided);
        }
        status.on_action_result(&end.result.id, end.result.status, end.result.reason.as_deref(), at);
    }
    status.execution_state = Some(manifest.state);
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_watch::ActionId;
    use watchbell_watch::record::ActionResultStatus;

    #[test]
    fn instants_from_the_future_become_now() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let id = ActionId::parse("a").unwrap();
        let mut status = WatchStatus::on_put([&id], true, at(0));
        status.on_condition(true, at(900));
        status.on_action_result(&id, ActionResultStatus::Success, None, at(900));
        clamp_future(&mut status, at(50));
        assert_eq!(status.last_checked, Some(at(50)));
        let action = &status.actions[&id];
        assert_eq!((action.last_successful_execution, action.ack_changed), (Some(at(50)), at(50)));
        assert_eq!(action.last_execution, Some(LastExecution::Successful(at(50))));
        let before = status.clone();
        clamp_future(&mut status, at(60));
        assert_eq!(status, before);
    }
}
