//! What was read, and the instant it amounts to.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, ISOWeekDate, Time, Weekday};
use jiff::tz::TimeZone;

use super::Rounding;
use super::pattern::Field;

/// The parts of a date that a text gave.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    year: Option<i64>,
    week_year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    week: Option<i64>,
    weekday: Option<i64>,
    quarter: Option<i64>,
    hour: Option<i64>,
    clock_hour: Option<i64>,
    half_day_hour: Option<i64>,
    clock_half_day_hour: Option<i64>,
    minute: Option<i64>,
    second: Option<i64>,
    nano: Option<i64>,
    milli_of_day: Option<i64>,
    pub(super) afternoon: Option<bool>,
    pub(super) before_christ: bool,
    pub(super) zone: Option<TimeZone>,
}

/// Name, range and how Java's errors print the latter.
fn range(field: Field) -> (&'static str, i64, i64, &'static str) {
    match field {
        Field::Year => ("YearOfEra", -9998, 9999, "1 - 999999999/1000000000"),
        Field::WeekYear => ("WeekBasedYear", -9998, 9999, "-999999999 - 999999999"),
        Field::Month => ("MonthOfYear", 1, 12, "1 - 12"),
        Field::Day => ("DayOfMonth", 1, 31, "1 - 28/31"),
        Field::DayOfYear => ("DayOfYear", 1, 366, "1 - 365/366"),
        Field::Week => ("WeekOfWeekBasedYear", 1, 53, "1 - 52/53"),
        Field::Weekday => ("DayOfWeek", 1, 7, "1 - 7"),
        Field::Quarter => ("QuarterOfYear", 1, 4, "1 - 4"),
        Field::Hour => ("HourOfDay", 0, 23, "0 - 23"),
        Field::ClockHour => ("ClockHourOfDay", 1, 24, "1 - 24"),
        Field::HalfDayHour => ("HourOfAmPm", 0, 11, "0 - 11"),
        Field::ClockHalfDayHour => ("ClockHourOfAmPm", 1, 12, "1 - 12"),
        Field::Minute => ("MinuteOfHour", 0, 59, "0 - 59"),
        Field::Second => ("SecondOfMinute", 0, 59, "0 - 59"),
        Field::Nano => ("NanoOfSecond", 0, 999_999_999, "0 - 999999999"),
        Field::MilliOfDay => ("MilliOfDay", 0, 86_399_999, "0 - 86399999"),
    }
}

impl Fields {
    pub(super) fn set(&mut self, field: Field, value: i64) {
        let slot = match field {
            Field::Year => &mut self.year,
            Field::WeekYear => &mut self.week_year,
            Field::Month => &mut self.month,
            Field::Day => &mut self.day,
            Field::DayOfYear => &mut self.day_of_year,
            Field::Week => &mut self.week,
            Field::Weekday => &mut self.weekday,
            Field::Quarter => &mut self.quarter,
            Field::Hour => &mut self.hour,
            Field::ClockHour => &mut self.clock_hour,
            Field::HalfDayHour => &mut self.half_day_hour,
            Field::ClockHalfDayHour => &mut self.clock_half_day_hour,
            Field::Minute => &mut self.minute,
            Field::Second => &mut self.second,
            Field::Nano => &mut self.nano,
            Field::MilliOfDay => &mut self.milli_of_day,
        };
        *slot = Some(value);
    }

    /// # Errors
    /// What Java says after `could not be parsed: `.
    pub(super) fn resolve(&self, zone: &TimeZone, rounding: Rounding) -> Result<Timestamp, String> {
        self.check_ranges()?;
        let local = DateTime::from_parts(self.date()?, self.time(rounding)?);
        // In a gap the hour that was skipped is added, in an overlap the first occurrence counts, as in Java.
        let zone = self.zone.as_ref().unwrap_or(zone);
        zone.to_timestamp(local).map_err(|_| format!("{local} is beyond the supported years"))
    }

    fn check_ranges(&self) -> Result<(), String> {
        for (field, value) in [
            (Field::Year, self.year),
            (Field::WeekYear, self.week_year),
            (Field::Month, self.month),
            (Field::Day, self.day),
            (Field::DayOfYear, self.day_of_year),
            (Field::Week, self.week),
            (Field::Weekday, self.weekday),
            (Field::Quarter, self.quarter),
            (Field::Hour, self.hour),
            (Field::ClockHour, self.clock_hour),
            (Field::HalfDayHour, self.half_day_hour),
            (Field::ClockHalfDayHour, self.clock_half_day_hour),
            (Field::Minute, self.minute),
            (Field::Second, self.second),
            (Field::Nano, self.nano),
            (Field::MilliOfDay, self.milli_of_day),
        ] {
            let (name, low, high, shown) = range(field);
            if let Some(value) = value.filter(|value| !(low..=high).contains(value)) {
                return Err(format!("Invalid value for {name} (valid values {shown}): {value}"));
            }
        }
        Ok(())
    }

    fn date(&self) -> Result<Date, String> {
        if self.week_year.is_some() || (self.week.is_some() && self.year.is_some()) {
            return self.week_date();
        }
        let year = match self.year {
            Some(year) if self.before_christ => 1 - year,
            Some(year) => year,
            None => 1970,
        };
        let year = small(year)?;
        if let Some(day) = self.day_of_year {
            let first = Date::new(year, 1, 1).map_err(|e| e.to_string())?;
            if day > i64::from(first.days_in_year()) {
                return Err(format!("Invalid date 'DayOfYear {day}' as '{year}' is not a leap year"));
            }
            return first.checked_add(jiff::Span::new().days(day - 1)).map_err(|e| e.to_string());
        }
        let month = self.month.or_else(|| self.quarter.map(|quarter| quarter * 3 - 2)).unwrap_or(1);
        let (month, day): (i8, i8) = (small(month)?, small(self.day.unwrap_or(1))?);
        Date::new(year, month, day).map_err(|_| match (month, day) {
            (2, 29) => format!("Invalid date 'February 29' as '{year}' is not a leap year"),
            _ => format!("Invalid date '{} {day}'", month_name(month).to_uppercase()),
        })
    }

    fn week_date(&self) -> Result<Date, String> {
        let year: i16 = small(self.week_year.or(self.year).unwrap_or(1970))?;
        let (week, weekday): (i8, i8) = (small(self.week.unwrap_or(1))?, small(self.weekday.unwrap_or(1))?);
        let weekday = Weekday::from_monday_one_offset(weekday).map_err(|e| e.to_string())?;
        ISOWeekDate::new(year, week, weekday).map(ISOWeekDate::date).map_err(|_| format!("Invalid value for WeekOfWeekBasedYear (valid values 1 - 52): {week}"))
    }

    fn time(&self, rounding: Rounding) -> Result<Time, String> {
        if let Some(millis) = self.milli_of_day {
            let (second, nano) = (millis / 1000, millis % 1000 * 1_000_000);
            return clock(second / 3600, second / 60 % 60, second % 60, nano);
        }
        let half_day = self.half_day_hour.or_else(|| self.clock_half_day_hour.map(|hour| hour % 12));
        let hour = match (self.hour.or_else(|| self.clock_hour.map(|hour| hour % 24)), half_day) {
            (Some(hour), _) => Some(hour),
            (None, Some(hour)) => Some(hour + if self.afternoon == Some(true) { 12 } else { 0 }),
            (None, None) => None,
        };
        let missing = |most: i64| if rounding == Rounding::Up { most } else { 0 };
        clock(hour.unwrap_or(missing(23)), self.minute.unwrap_or(missing(59)), self.second.unwrap_or(missing(59)), self.nano.unwrap_or(missing(999_999_999)))
    }
}

fn clock(hour: i64, minute: i64, second: i64, nano: i64) -> Result<Time, String> {
    let nano = i32::try_from(nano).map_err(|e| e.to_string())?;
    Time::new(small(hour)?, small(minute)?, small(second)?, nano).map_err(|e| e.to_string())
}

/// The ranges were checked; this only narrows.
fn small<T: TryFrom<i64>>(value: i64) -> Result<T, String> {
    T::try_from(value).map_err(|_| format!("{value} is out of range"))
}

/// The English name; months count from 1.
pub(super) fn month_name(month: i8) -> &'static str {
    const NAMES: [&str; 12] = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
    usize::try_from(month).ok().and_then(|month| NAMES.get(month.wrapping_sub(1))).copied().unwrap_or("")
}

/// The English name; Monday is 1.
pub(super) fn weekday_name(weekday: i8) -> &'static str {
    const NAMES: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    usize::try_from(weekday).ok().and_then(|day| NAMES.get(day.wrapping_sub(1))).copied().unwrap_or("")
}
