//! The next moment that a cron expression matches, on a calendar without zones.
//!
//! A month's matching days are a set of bits; the search goes from month to month, day to day, and then looks the time up. It
//! ends after [`YEARS_AHEAD`].

use jiff::civil::{Date, DateTime, Time};

use super::cron::{Cron, Days, YEAR_LAST, Years};

/// An expression without years is looked for this far ahead; only one that names no real day reaches it.
const YEARS_AHEAD: i16 = 100;

impl Cron {
    /// The first match at or after `from`, whose fraction of a second must be zero.
    pub(super) fn next_local(&self, from: DateTime) -> Option<DateTime> {
        let last = i16::try_from(YEAR_LAST).unwrap_or(i16::MAX).min(from.year().saturating_add(YEARS_AHEAD));
        (from.year()..=last).filter(|year| self.fires_in(*year)).find_map(|year| {
            let first = if year == from.year() { from.month() } else { 1 };
            (first..=12).filter(|month| self.months >> month & 1 == 1).find_map(|month| self.next_in_month(year, month, from))
        })
    }

    fn fires_in(&self, year: i16) -> bool {
        match &self.years {
            Years::Any => true,
            Years::Of(years) => years.binary_search(&year).is_ok(),
        }
    }

    fn next_in_month(&self, year: i16, month: i8, from: DateTime) -> Option<DateTime> {
        let days = self.days.in_month(year, month)?;
        let start = Date::new(year, month, 1).ok()?;
        (1..=start.days_in_month()).filter(|day| days >> day & 1 == 1).find_map(|day| {
            let date = Date::new(year, month, day).ok()?;
            if date < from.date() {
                return None;
            }
            let earliest = if date == from.date() { from.time() } else { Time::midnight() };
            Some(DateTime::from_parts(date, self.next_in_day(earliest)?))
        })
    }

    fn next_in_day(&self, from: Time) -> Option<Time> {
        let hour = next_bit(self.hours, from.hour())?;
        if hour == from.hour() {
            if let Some((minute, second)) = self.next_in_hour(from.minute(), from.second()) {
                return Time::new(hour, minute, second, 0).ok();
            }
            let hour = next_bit(self.hours, from.hour() + 1)?;
            return Time::new(hour, first_bit(self.minutes), first_bit(self.seconds), 0).ok();
        }
        Time::new(hour, first_bit(self.minutes), first_bit(self.seconds), 0).ok()
    }

    fn next_in_hour(&self, minute: i8, second: i8) -> Option<(i8, i8)> {
        let found = next_bit(self.minutes, minute)?;
        if found == minute {
            if let Some(second) = next_bit(self.seconds, second) {
                return Some((minute, second));
            }
            return Some((next_bit(self.minutes, minute + 1)?, first_bit(self.seconds)));
        }
        Some((found, first_bit(self.seconds)))
    }
}

fn next_bit(bits: u64, from: i8) -> Option<i8> {
    let rest = bits.checked_shr(u32::try_from(from).ok()?)?;
    if rest == 0 { None } else { i8::try_from(rest.trailing_zeros()).ok().map(|more| from + more) }
}

fn first_bit(bits: u64) -> i8 {
    next_bit(bits, 0).unwrap_or(0)
}

impl Days {
    /// The matching days of a month as bits.
    fn in_month(self, year: i16, month: i8) -> Option<u64> {
        let first = Date::new(year, month, 1).ok()?;
        let length = first.days_in_month();
        // 1 is Sunday.
        let weekday_of = |day: i8| (first.weekday().to_sunday_zero_offset() + day - 1) % 7 + 1;
        let first_on = |weekday: u8| i8::try_from(weekday).ok().map(|weekday| (weekday - weekday_of(1)).rem_euclid(7) + 1);
        let bit = |day: i8| {
            if (1..=length).contains(&day) { 1 << day } else { 0 }
        };
        Some(match self {
            Days::OfMonth(days) => days,
            Days::BeforeLast { days, weekday } => {
                let day = length - i8::try_from(days).ok()?;
                if weekday && day >= 1 { bit(nearest_weekday(day, weekday_of(day), length)) } else { bit(day) }
            }
            Days::NearestWeekday(day) => {
                let day = i8::try_from(day).ok()?;
                if day > length { 0 } else { bit(nearest_weekday(day, weekday_of(day), length)) }
            }
            Days::OfWeek(weekdays) => (1..=length).filter(|day| weekdays >> weekday_of(*day) & 1 == 1).fold(0, |days, day| days | bit(day)),
            Days::LastOfWeek(weekday) => {
                let first = first_on(weekday)?;
                bit(first + (length - first) / 7 * 7)
            }
            Days::NthOfWeek { weekday, nth } => bit(first_on(weekday)? + (i8::try_from(nth).ok()? - 1) * 7),
        })
    }
}

/// Monday to Friday, never leaving the month.
fn nearest_weekday(day: i8, weekday: i8, length: i8) -> i8 {
    match weekday {
        7 if day == 1 => 3,
        7 => day - 1,
        1 if day == length => day - 2,
        1 => day + 1,
        _ => day,
    }
}
