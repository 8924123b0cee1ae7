//! Whether an action runs: the throttle period, then the acknowledgement (spec watcher-api §5.3, §8.4).

use watchbell_time::Timestamp;

use crate::{
    action::Action,
    status::{AckState, ActionStatus},
    time_value::render_time_value,
};

/// The period that counts when neither action nor watch has one, unless the setting says otherwise.
pub const DEFAULT_THROTTLE_MILLIS: i64 = 5_000;

/// How an action is to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ActionMode {
    #[default]
    Execute,
    ForceExecute,
    Simulate,
    ForceSimulate,
    Skip,
}

impl ActionMode {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ActionMode::Execute => "execute",
            ActionMode::ForceExecute => "force_execute",
            ActionMode::Simulate => "simulate",
            ActionMode::ForceSimulate => "force_simulate",
            ActionMode::Skip => "skip",
        }
    }

    /// Neither period nor acknowledgement hold it back.
    #[must_use]
    pub fn is_forced(self) -> bool {
        matches!(self, ActionMode::ForceExecute | ActionMode::ForceSimulate)
    }

    /// Nothing leaves the house.
    #[must_use]
    pub fn is_simulated(self) -> bool {
        matches!(self, ActionMode::Simulate | ActionMode::ForceSimulate)
    }

    /// In any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<ActionMode> {
        [ActionMode::Execute, ActionMode::ForceExecute, ActionMode::Simulate, ActionMode::ForceSimulate, ActionMode::Skip]
            .into_iter()
            .find(|mode| mode.name().eq_ignore_ascii_case(text))
    }
}

/// The decision about one action of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionPlan {
    Run,
    /// As [`ActionPlan::Run`], but nothing leaves the house.
    Simulate,
    Throttled {
        reason: String,
    },
    Acknowledged {
        reason: String,
    },
}

/// Decides about one action. `now` is the wall clock, not the run's execution time. The period is looked at before the
/// acknowledgement, and its limit still throttles.
#[must_use]
pub fn plan_action(
    action: &Action,
    status: &ActionStatus,
    mode: ActionMode,
    watch_throttle_millis: Option<i64>,
    default_throttle_millis: i64,
    now: Timestamp,
) -> ActionPlan {
    let (run, forced) = match mode {
        ActionMode::Skip => {
            return ActionPlan::Throttled { reason: "manually skipped".into() };
        }
        ActionMode::Execute => (ActionPlan::Run, false),
        ActionMode::ForceExecute => (ActionPlan::Run, true),
        ActionMode::Simulate => (ActionPlan::Simulate, false),
        ActionMode::ForceSimulate => (ActionPlan::Simulate, true),
    };
    if forced {
        return run;
    }
    let period = action.throttle_period_millis.or(watch_throttle_millis).unwrap_or(default_throttle_millis);
    if let Some(elapsed) = status.last_successful_execution.map(|last| now.as_millisecond() - last.as_millisecond()).filter(|elapsed| *elapsed <= period) {
        let (period, elapsed) = (render_time_value(period), render_time_value(elapsed));
        return ActionPlan::Throttled { reason: format!("throttling interval is set to [{period}] but time elapsed since last execution is [{elapsed}]") };
    }
    if status.ack == AckState::Acked {
        let since = watchbell_json::iso_instant(watchbell_time::epoch_nanos(status.ack_changed));
        return ActionPlan::Acknowledged { reason: format!("action [{}] was acked at [{since}]", action.id) };
    }
    run
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ActionId,
        action::{ActionKind, IndexAction},
    };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    fn action(throttle: Option<i64>) -> Action {
        Action {
            id: ActionId::parse("a").unwrap(),
            throttle_period_millis: throttle,
            condition: None,
            foreach: None,
            kind: ActionKind::Index(IndexAction::default()),
        }
    }

    #[test]
    fn the_period_counts_from_the_last_success_and_includes_its_end() {
        let mut status = ActionStatus::new(at(0));
        let plan = |status: &ActionStatus, own, watch, now| plan_action(&action(own), status, ActionMode::Execute, watch, DEFAULT_THROTTLE_MILLIS, at(now));
        assert_eq!(plan(&status, None, None, 0), ActionPlan::Run);
        status.last_successful_execution = Some(at(1_000));
        for (own, watch, now, elapsed) in [
            (None, None, 6_000, Some(("5s", "5s"))),
            (None, None, 6_001, None),
            (Some(60_000), Some(1), 31_250, Some(("1m", "30.2s"))),
            (None, Some(100), 1_100, Some(("100ms", "100ms"))),
            (Some(0), None, 1_000, Some(("0s", "0s"))),
            (Some(0), None, 1_001, None),
            (None, None, 0, Some(("5s", "-1000"))),
        ] {
            let expected = elapsed.map_or(ActionPlan::Run, |(period, elapsed)| ActionPlan::Throttled {
                reason: format!("throttling interval is set to [{period}] but time elapsed since last execution is [{elapsed}]"),
            });
            assert_eq!(plan(&status, own, watch, now), expected);
        }
    }

    #[test]
    fn the_period_comes_before_the_acknowledgement_and_force_beats_both() {
        let mut status = ActionStatus::new(at(0));
        status.ack = AckState::Acked;
        status.ack_changed = at(2_000);
        status.last_successful_execution = Some(at(1_000));
        let plan = |mode, now| plan_action(&action(None), &status, mode, None, DEFAULT_THROTTLE_MILLIS, at(now));
        assert!(matches!(plan(ActionMode::Execute, 3_000), ActionPlan::Throttled { .. }));
        assert_eq!(plan(ActionMode::Execute, 60_000), ActionPlan::Acknowledged { reason: "action [a] was acked at [1970-01-01T00:00:02.000Z]".into() });
        assert!(matches!(plan(ActionMode::Simulate, 60_000), ActionPlan::Acknowledged { .. }));
        assert_eq!(plan(ActionMode::ForceExecute, 3_000), ActionPlan::Run);
        assert_eq!(plan(ActionMode::ForceSimulate, 3_000), ActionPlan::Simulate);
        assert_eq!(plan(ActionMode::Skip, 60_000), ActionPlan::Throttled { reason: "manually skipped".into() });
    }
}
