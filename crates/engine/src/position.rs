//! Where a watch stands: the object `_watchbell` of its document, hidden from users.
//!
//! It carries what must outlive a restart: which run is next, and from where its schedule counts. Transitions are pure.

use std::collections::BTreeMap;

use watchbell_json::{Json, Map};
use watchbell_time::Timestamp;
use watchbell_time::schedule::Schedule;
use watchbell_watch::ActionId;

/// The member of the watch document that holds the position.
pub(crate) const MEMBER: &str = watchbell_watch::definition::OWN_MEMBER;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Position {
    /// New with every watch that is created, also under an id used before.
    pub(crate) incarnation: String,
    /// How often the watch was PUT: a status decided on an older edition is not written to a newer one.
    pub(crate) edition: i64,
    /// The number of the next run.
    pub(crate) fires: i64,
    /// Where an interval's grid begins.
    pub(crate) anchor: Timestamp,
    /// Due times up to here are accounted for: run, or counted as skipped.
    pub(crate) last_scheduled: Timestamp,
    /// Tells whether the anchor belongs to the schedule that stands in the document.
    pub(crate) schedule_hash: String,
    /// How many due times were passed over.
    pub(crate) skipped: i64,
    cancels: Cancels,
    /// Deliveries that wait, by action: `{action: [time, keys]}`. Kept as it stands; the outbox's queue writes it.
    waiting: Json,
}

/// How often deliveries were cancelled: of the whole watch, and of single actions.
#[derive(Clone, Debug, Default, PartialEq)]
struct Cancels {
    all: i64,
    by_action: BTreeMap<String, i64>,
}

/// What one finished run does to the position.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Advance {
    /// The due time that ran; `None` for a manual run, which moves no schedule.
    pub(crate) scheduled: Option<Timestamp>,
    /// Due times passed over before it.
    pub(crate) missed: i64,
    /// The last due time that found the run still going, and how many did.
    pub(crate) overlap: Option<(Timestamp, i64)>,
}

impl Position {
    pub(crate) fn new(incarnation: String, schedule: &Schedule, now: Timestamp) -> Position {
        Position {
            incarnation,
            edition: 0,
            fires: 0,
            anchor: now,
            last_scheduled: now,
            schedule_hash: fingerprint(schedule),
            skipped: 0,
            cancels: Cancels::default(),
            waiting: Json::object(),
        }
    }

    /// The position after the watch was PUT again: an equal schedule keeps counting where it counted.
    pub(crate) fn replaced(&self, schedule: &Schedule, was_active: bool, now: Timestamp) -> Position {
        let mut next = Position { edition: self.edition + 1, ..self.clone() };
        if next.schedule_hash != fingerprint(schedule) {
            next.schedule_hash = fingerprint(schedule);
            next.anchor = now;
            next.last_scheduled = now;
        }
        if was_active { next } else { next.activated(now) }
    }

    /// Due times of the inactive period do not count.
    pub(crate) fn activated(&self, now: Timestamp) -> Position {
        Position { anchor: now, last_scheduled: now, ..self.clone() }
    }

    /// The position after run number `fires`; `None` if it stands beyond that already.
    pub(crate) fn advanced(&self, fires: i64, advance: &Advance, now: Timestamp) -> Option<Position> {
        if self.fires != fires {
            return None;
        }
        let mut next = Position { fires: fires + 1, ..self.clone() };
        // an instant from a future that a corrected clock took back does not hold anything up
        let standing = self.last_scheduled.min(now);
        next.last_scheduled = advance.scheduled.map_or(standing, |scheduled| scheduled.max(standing));
        next.skipped += advance.missed;
        if let Some((last, count)) = advance.overlap
            && last > next.last_scheduled
        {
            next.last_scheduled = last;
            next.skipped += count;
        }
        Some(next)
    }

    /// How often deliveries of `action` were cancelled; a delivery decided at a lower count must not leave.
    pub(crate) fn cancels(&self, action: &ActionId) -> i64 {
        self.cancels.all + self.cancels.by_action.get(action.as_str()).copied().unwrap_or(0)
    }

    pub(crate) fn cancel_all(&mut self) {
        self.cancels.all += 1;
    }

    pub(crate) fn cancel(&mut self, action: &ActionId) {
        *self.cancels.by_action.entry(action.as_str().to_owned()).or_default() += 1;
    }

    pub(crate) fn to_json(&self) -> Json {
        let by_action: Map = self.cancels.by_action.iter().map(|(action, count)| (action.as_str(), *count)).collect();
        Json::object()
            .with("incarnation", &self.incarnation)
            .with("edition", self.edition)
            .with("fires", self.fires)
            .with("anchor", self.anchor.to_string())
            .with("last_scheduled", self.last_scheduled.to_string())
            .with("schedule_hash", &self.schedule_hash)
            .with("skipped", self.skipped)
            .with("cancels", Json::object().with("all", self.cancels.all).with("by_action", by_action))
            .with("waiting", self.waiting.clone())
    }

    /// Reads the stored form; `None` if it is not that.
    pub(crate) fn parse(stored: &Json) -> Option<Position> {
        let number = |member: &str| stored.get(member).and_then(Json::as_i64);
        let instant = |member: &str| stored.get(member).and_then(Json::as_str).and_then(|text| text.parse::<Timestamp>().ok());
        let text = |member: &str| stored.get(member).and_then(Json::as_str).map(str::to_owned);
        let cancels = stored.get("cancels")?;
        let by_action = cancels.get("by_action").and_then(Json::as_map)?;
        Some(Position {
            incarnation: text("incarnation")?,
            edition: number("edition")?,
            fires: number("fires")?,
            anchor: instant("anchor")?,
            last_scheduled: instant("last_scheduled")?,
            schedule_hash: text("schedule_hash")?,
            skipped: number("skipped")?,
            cancels: Cancels {
                all: cancels.get("all")?.as_i64()?,
                by_action: by_action.iter().map(|(action, count)| Some((action.to_string(), count.as_i64()?))).collect::<Option<_>>()?,
            },
            waiting: stored.get("waiting").cloned().unwrap_or_else(Json::object),
        })
    }
}

/// Equal for schedules that fire alike.
pub(crate) fn fingerprint(schedule: &Schedule) -> String {
    match schedule {
        Schedule::Interval(interval) => format!("interval:{}", interval.millis),
        #[allow(unreachable_patterns, reason = "more kinds of schedule are to come")]
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_time::schedule::Interval;

    fn every(seconds: i64) -> Schedule {
        Schedule::Interval(Interval { millis: seconds * 1000, text: format!("{seconds}s") })
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn standing(last: i64) -> Position {
        Position { last_scheduled: at(last), ..Position::new("i".into(), &every(10), at(0)) }
    }

    #[test]
    fn a_position_reads_back_as_it_was() {
        let mut position = standing(30);
        position.cancel_all();
        position.cancel(&ActionId::parse("a").unwrap());
        let text = position.to_json().to_string();
        assert_eq!(Position::parse(&Json::parse(text.as_bytes()).unwrap()), Some(position));
        assert_eq!(Position::parse(&Json::object()), None);
    }

    #[test]
    fn put_keeps_the_grid_of_an_equal_schedule_and_starts_another_one_anew() {
        let minute = Schedule::Interval(Interval { millis: 60_000, text: "1m".into() });
        let position = Position { anchor: at(3), ..Position::new("i".into(), &every(60), at(0)) };
        let same = position.replaced(&minute, true, at(100));
        assert_eq!((same.anchor, same.edition, same.fires), (at(3), 1, 0));
        assert_eq!(position.replaced(&every(30), true, at(100)).anchor, at(100));
        let reactivated = position.replaced(&minute, false, at(100));
        assert_eq!((reactivated.anchor, reactivated.last_scheduled), (at(100), at(100)));
    }

    #[test]
    fn a_run_advances_the_position_once() {
        let advance = |scheduled: Option<i64>, missed, overlap: Option<(i64, i64)>| Advance {
            scheduled: scheduled.map(at),
            missed,
            overlap: overlap.map(|(last, count)| (at(last), count)),
        };
        for (name, last, advance, now, expected) in [
            ("a plain run", 0, advance(Some(10), 0, None), 10, (1, 10, 0)),
            ("after missed ones", 0, advance(Some(40), 3, None), 41, (1, 40, 3)),
            ("overlapped", 0, advance(Some(10), 0, Some((30, 2))), 31, (1, 30, 2)),
            ("an overlap that is accounted for already", 0, advance(Some(40), 0, Some((30, 2))), 41, (1, 40, 0)),
            ("a manual run", 20, advance(None, 0, None), 25, (1, 20, 0)),
            ("never lowered", 40, advance(Some(30), 0, None), 41, (1, 40, 0)),
            ("unless it lies in the future", 9000, advance(Some(30), 0, None), 31, (1, 31, 0)),
        ] {
            let next = standing(last).advanced(0, &advance, at(now)).unwrap();
            assert_eq!((next.fires, next.last_scheduled.as_second(), next.skipped), expected, "{name}");
            assert_eq!(next.advanced(0, &advance, at(now)), None, "{name}: twice");
        }
    }

    #[test]
    fn cancels_of_the_watch_count_for_every_action() {
        let (a, b) = (ActionId::parse("a").unwrap(), ActionId::parse("b").unwrap());
        let mut position = standing(0);
        position.cancel(&a);
        assert_eq!((position.cancels(&a), position.cancels(&b)), (1, 0));
        position.cancel_all();
        assert_eq!((position.cancels(&a), position.cancels(&b)), (2, 1));
    }
}
