//! Local matches of a cron expression as instants, over changes of the clock (spec watcher-parts §2.1).
//!
//! An expression with certain hours fires once in an hour that occurs twice, the first time, and as much later as the clock
//! jumps in an hour that is skipped. An expression for any hour just goes on, second by second of real time.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::cron::Cron;

/// How many changes of the clock an expression for any hour is followed over. Zones change at most a few times a year.
const CHANGES_MAX: usize = 2_000;

/// A match that lies in the second pass of an hour is skipped, at most this often: more than a pass of an hour has seconds.
const SKIPS_MAX: usize = 100_000;

/// The first match strictly after `after`, with its fraction of a second cut.
pub(super) fn next_after(cron: &Cron, after: Timestamp, zone: Option<&TimeZone>) -> Option<Timestamp> {
    let from = Timestamp::from_second(after.as_nanosecond().div_euclid(1_000_000_000).try_into().ok()?).ok()?;
    let from = from.checked_add(jiff::SignedDuration::from_secs(1)).ok()?;
    match zone {
        None => TimeZone::UTC.to_timestamp(cron.next_local(TimeZone::UTC.to_datetime(from))?).ok(),
        Some(zone) if cron.any_hour() => next_of_any_hour(cron, from, zone),
        Some(zone) => next_of_certain_hours(cron, from, zone),
    }
}

/// Between two changes the offset is fixed.
fn next_of_any_hour(cron: &Cron, mut from: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    for _ in 0..CHANGES_MAX {
        let offset = zone.to_offset(from);
        let found = offset.to_timestamp(cron.next_local(offset.to_datetime(from))?).ok()?;
        match zone.following(from).next() {
            Some(change) if change.timestamp() <= found => from = change.timestamp(),
            Some(_) | None => return Some(found),
        }
    }
    None
}

fn next_of_certain_hours(cron: &Cron, from: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let local = zone.to_datetime(from);
    let usual = first_not_before(cron, from, local, zone);
    match skipped_hour_still_due(cron, from, zone) {
        Some(late) => Some(usual.map_or(late, |usual| usual.min(late))),
        None => usual,
    }
}

fn first_not_before(cron: &Cron, from: Timestamp, local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let mut local = local;
    for _ in 0..SKIPS_MAX {
        let found = cron.next_local(local)?;
        match zone.to_ambiguous_timestamp(found).offset() {
            AmbiguousOffset::Unambiguous { offset } => return offset.to_timestamp(found).ok(),
            AmbiguousOffset::Gap { before, after } => {
                let late = before.to_timestamp(found).ok()?;
                return Some(after_gap(cron, found, before, after, zone).map_or(late, |other| other.min(late)));
            }
            AmbiguousOffset::Fold { before, .. } => {
                let first = before.to_timestamp(found).ok()?;
                if first >= from {
                    return Some(first);
                }
            }
        }
        local = found.checked_add(jiff::SignedDuration::from_secs(1)).ok()?;
    }
    None
}

/// The first match on the clock's face behind the gap that `inside` lies in: it may come before the late one.
fn after_gap(cron: &Cron, inside: DateTime, before: Offset, after: Offset, zone: &TimeZone) -> Option<Timestamp> {
    let late = before.to_timestamp(inside).ok()?;
    let change = zone.preceding(late.checked_add(jiff::SignedDuration::from_secs(1)).ok()?).next()?;
    let found = cron.next_local(after.to_datetime(change.timestamp()))?;
    zone.to_timestamp(found).ok()
}

/// Shortly after a gap: what was skipped and is due as much later as the clock jumped.
fn skipped_hour_still_due(cron: &Cron, from: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let change = zone.preceding(from.checked_add(jiff::SignedDuration::from_secs(1)).ok()?).next()?;
    let before = zone.to_offset(change.timestamp().checked_sub(jiff::SignedDuration::from_secs(1)).ok()?);
    let jump = i64::from(change.offset().seconds()) - i64::from(before.seconds());
    let end = change.timestamp().checked_add(jiff::SignedDuration::from_secs(jump.max(0))).ok()?;
    if from >= end {
        return None;
    }
    let found = before.to_timestamp(cron.next_local(before.to_datetime(from))?).ok()?;
    (found < end).then_some(found)
}
