//! When a watch runs next: pure functions of schedule, position and now, and the set of watches ordered by due instant.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use watchbell_time::Timestamp;
use watchbell_time::schedule::Schedule;
use watchbell_watch::WatchId;

/// Missed due times are counted one by one up to this many, where a schedule allows no arithmetic.
const COUNT_MAX: i64 = 100_000;

/// What the timetable needs to know of a watch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Registration {
    pub(crate) schedule: Schedule,
    pub(crate) incarnation: String,
    pub(crate) fires: i64,
    pub(crate) anchor: Timestamp,
    pub(crate) last_scheduled: Timestamp,
    /// The watch document's sequence number: of two registrations the later one holds.
    pub(crate) seq_no: i64,
}

/// The next run of a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NextRun {
    /// When to trigger it.
    pub(crate) at: Timestamp,
    /// The due time it is for.
    pub(crate) scheduled: Timestamp,
    /// Due times passed over before that one.
    pub(crate) missed: i64,
}

/// The next run, given that everything up to `last_scheduled` is accounted for. Of due times that have passed the latest runs
/// now, if it is not older than `max_age`; the others are missed. `None`: never again.
pub(crate) fn next_run(watch: &Registration, now: Timestamp, max_age: Duration) -> Option<NextRun> {
    // a stored instant in the future comes from a clock that was wrong: it counts as now
    let from = watch.last_scheduled.min(now);
    let first = watch.schedule.next_after(from, watch.anchor)?;
    if first > now {
        return Some(NextRun { at: first, scheduled: first, missed: 0 });
    }
    let (count, latest) = passed(&watch.schedule, from, now, watch.anchor).unwrap_or((1, first));
    if is_within(latest, now, max_age) {
        return Some(NextRun { at: now, scheduled: latest, missed: count - 1 });
    }
    let next = watch.schedule.next_after(now, watch.anchor)?;
    Some(NextRun { at: next, scheduled: next, missed: count })
}

fn is_within(then: Timestamp, now: Timestamp, max_age: Duration) -> bool {
    now.duration_since(then).unsigned_abs() <= max_age
}

/// How many due times lie after `from` and not after `until`, and the latest of them.
fn passed(schedule: &Schedule, from: Timestamp, until: Timestamp, anchor: Timestamp) -> Option<(i64, Timestamp)> {
    if let Schedule::Interval(interval) = schedule {
        let slot = |at: Timestamp| (at.as_millisecond() - anchor.as_millisecond()).div_euclid(interval.millis);
        let count = slot(until) - slot(from);
        let latest = anchor.as_millisecond().checked_add(slot(until).checked_mul(interval.millis)?)?;
        return (count > 0).then_some((count, Timestamp::from_millisecond(latest).ok()?));
    }
    let mut count = 0;
    let mut at = schedule.next_after(from, anchor).filter(|at| *at <= until)?;
    loop {
        count += 1;
        if count == COUNT_MAX {
            return Some((count, latest_before(schedule, until, anchor).unwrap_or(at)));
        }
        match schedule.next_after(at, anchor).filter(|next| *next <= until) {
            Some(next) => at = next,
            None => return Some((count, at)),
        }
    }
}

/// The latest due time not after `until`, found by looking back further and further.
fn latest_before(schedule: &Schedule, until: Timestamp, anchor: Timestamp) -> Option<Timestamp> {
    let mut back = Duration::from_secs(1);
    loop {
        let mut found = None;
        let mut at = until.checked_sub(back).ok()?;
        while let Some(next) = schedule.next_after(at, anchor).filter(|next| *next <= until) {
            found = Some(next);
            at = next;
        }
        if found.is_some() {
            return found;
        }
        back = back.checked_mul(2)?;
    }
}

/// Watches by due instant.
#[derive(Debug, Default)]
pub(crate) struct Timetable {
    due: BTreeSet<(Timestamp, WatchId)>,
    armed: HashMap<WatchId, Timestamp>,
}

impl Timetable {
    /// Sets when the watch is due next, instead of what was set before.
    pub(crate) fn arm(&mut self, id: &WatchId, at: Timestamp) {
        self.disarm(id);
        self.due.insert((at, id.clone()));
        self.armed.insert(id.clone(), at);
    }

    pub(crate) fn disarm(&mut self, id: &WatchId) {
        if let Some(at) = self.armed.remove(id) {
            self.due.remove(&(at, id.clone()));
        }
    }

    /// When the next watch is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes out the earliest watch that is due by `now`.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<WatchId> {
        if self.next_due()? > now {
            return None;
        }
        let (_, id) = self.due.pop_first()?;
        self.armed.remove(&id);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_time::schedule::Interval;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn every_ten(anchor: i64, last: i64) -> Registration {
        Registration {
            schedule: Schedule::Interval(Interval { millis: 10_000, text: "10s".into() }),
            incarnation: "i".into(),
            fires: 0,
            anchor: at(anchor),
            last_scheduled: at(last),
            seq_no: 0,
        }
    }

    #[test]
    fn the_next_run_is_a_function_of_position_and_now() {
        let hour = Duration::from_secs(3600);
        for (name, anchor, last, now, max_age, expected) in [
            ("fresh", 3, 3, 3, hour, (13, 13, 0)),
            ("between two", 3, 13, 20, hour, (23, 23, 0)),
            ("due now", 3, 13, 23, hour, (23, 23, 0)),
            ("late", 3, 13, 24, hour, (24, 23, 0)),
            ("after a pause the latest runs, the others are missed", 3, 13, 60, hour, (60, 53, 3)),
            ("too old: all are missed, the next one runs", 3, 13, 60, Duration::from_secs(5), (63, 63, 4)),
            ("no missed runs wanted", 3, 13, 60, Duration::ZERO, (63, 63, 4)),
            ("a restart resets nothing", 3, 13, 14, Duration::ZERO, (23, 23, 0)),
            ("the last run lies in the future", 3, 9003, 20, hour, (23, 23, 0)),
            ("the anchor lies in the future", 9003, 13, 20, hour, (23, 23, 0)),
        ] {
            let next = next_run(&every_ten(anchor, last), at(now), max_age).unwrap();
            assert_eq!((next.at.as_second(), next.scheduled.as_second(), next.missed), expected, "{name}");
        }
    }

    #[test]
    fn every_due_time_is_run_or_missed_exactly_once() {
        // whatever the moments at which somebody looks: scheduled and missed add up to the grid
        let mut watch = every_ten(3, 3);
        let (mut runs, mut missed, mut now) = (0, 0, 3);
        let mut step = 1_u64;
        while now < 5000 {
            step = step.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            now += i64::try_from(step >> 33).unwrap() % 47;
            let next = next_run(&watch, at(now), Duration::from_secs(u64::from(now % 2 == 0) * 3600)).unwrap();
            if next.at <= at(now) {
                runs += 1;
                missed += next.missed;
                watch.last_scheduled = next.scheduled;
            }
        }
        assert_eq!(runs + missed, (watch.last_scheduled.as_second() - 3) / 10);
        assert!(runs > 20 && missed > 20);
    }

    #[test]
    fn the_set_gives_watches_in_the_order_they_are_due() {
        let id = |name: &str| WatchId::parse(name).unwrap();
        let mut table = Timetable::default();
        table.arm(&id("a"), at(30));
        table.arm(&id("b"), at(10));
        table.arm(&id("c"), at(20));
        table.arm(&id("a"), at(5));
        table.disarm(&id("c"));
        assert_eq!(table.next_due(), Some(at(5)));
        assert_eq!(table.pop_due(at(4)), None);
        assert_eq!(table.pop_due(at(50)), Some(id("a")));
        assert_eq!(table.pop_due(at(50)), Some(id("b")));
        assert_eq!(table.pop_due(at(50)), None);
    }
}
