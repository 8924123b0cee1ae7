//! Days and months by number and by name (spec watcher-parts §2.3).

use super::ScheduleError;

const WEEKDAYS: [&str; 7] = ["SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"];

const MONTHS: [&str; 12] = ["JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY", "AUGUST", "SEPTEMBER", "OCTOBER", "NOVEMBER", "DECEMBER"];

/// Stands for the last day of whichever month.
const LAST_DAY: u8 = 32;

/// A day of the week; 1 is Sunday, as in Quartz.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weekday(u8);

/// A month; 1 is January.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(u8);

/// A day of the month; 32 is the last, whichever that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonthDay(u8);

/// The place of `text` among `names`, by its whole name or its first three letters, in any case; counted from 1.
fn by_name(names: &[&str], text: &str) -> Option<u8> {
    let at = names.iter().position(|name| text.eq_ignore_ascii_case(name) || name.get(..3).is_some_and(|short| text.eq_ignore_ascii_case(short)))?;
    u8::try_from(at + 1).ok()
}

fn short(names: &[&'static str], number: u8) -> &'static str {
    names.get(usize::from(number).wrapping_sub(1)).and_then(|name| name.get(..3)).unwrap_or("")
}

fn in_range(number: i64, most: u8) -> Option<u8> {
    u8::try_from(number).ok().filter(|number| (1..=most).contains(number))
}

impl Weekday {
    pub const MONDAY: Weekday = Weekday(2);

    /// # Errors
    /// [`ScheduleError::Weekday`] outside 1 (Sunday) to 7.
    pub fn new(number: i64) -> Result<Weekday, ScheduleError> {
        in_range(number, 7).map(Weekday).ok_or_else(|| ScheduleError::Weekday(number.to_string()))
    }

    /// `1`, `sun`, `Sunday`.
    ///
    /// # Errors
    /// [`ScheduleError::Weekday`] for anything else.
    pub fn parse(text: &str) -> Result<Weekday, ScheduleError> {
        match text.parse() {
            Ok(number) => Weekday::new(number),
            Err(_) => by_name(&WEEKDAYS, text).map(Weekday).ok_or_else(|| ScheduleError::Weekday(text.into())),
        }
    }

    /// `SUN`.
    #[must_use]
    pub fn name(self) -> &'static str {
        short(&WEEKDAYS, self.0)
    }
}

impl Month {
    pub const JANUARY: Month = Month(1);

    /// # Errors
    /// [`ScheduleError::Month`] outside 1 to 12.
    pub fn new(number: i64) -> Result<Month, ScheduleError> {
        in_range(number, 12).map(Month).ok_or_else(|| ScheduleError::Month(number.to_string()))
    }

    /// `1`, `jan`, `January`, `first`, `last`.
    ///
    /// # Errors
    /// [`ScheduleError::Month`] for anything else.
    pub fn parse(text: &str) -> Result<Month, ScheduleError> {
        if let Ok(number) = text.parse() {
            return Month::new(number);
        }
        if text.eq_ignore_ascii_case("first") {
            return Ok(Month(1));
        }
        if text.eq_ignore_ascii_case("last") {
            return Ok(Month(12));
        }
        by_name(&MONTHS, text).map(Month).ok_or_else(|| ScheduleError::Month(text.into()))
    }

    /// `JAN`.
    #[must_use]
    pub fn name(self) -> &'static str {
        short(&MONTHS, self.0)
    }
}

impl MonthDay {
    pub const FIRST: MonthDay = MonthDay(1);

    /// # Errors
    /// [`ScheduleError::MonthDay`] outside 1 to 32.
    pub fn new(number: i64) -> Result<MonthDay, ScheduleError> {
        in_range(number, LAST_DAY).map(MonthDay).ok_or_else(|| ScheduleError::MonthDay(number.to_string()))
    }

    /// `1`, `first_day`, `last_day`.
    ///
    /// # Errors
    /// [`ScheduleError::MonthDay`] for anything else.
    pub fn parse(text: &str) -> Result<MonthDay, ScheduleError> {
        match text.parse() {
            Ok(number) => MonthDay::new(number),
            Err(_) if text.eq_ignore_ascii_case("first_day") => Ok(MonthDay(1)),
            Err(_) if text.eq_ignore_ascii_case("last_day") => Ok(MonthDay(LAST_DAY)),
            Err(_) => Err(ScheduleError::MonthDay(text.into())),
        }
    }

    /// As it prints; 32 is the last day.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    #[must_use]
    pub fn is_last(self) -> bool {
        self.0 == LAST_DAY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        for (text, name) in [("1", "SUN"), ("sunday", "SUN"), ("Sat", "SAT"), ("7", "SAT")] {
            assert_eq!(Weekday::parse(text).unwrap().name(), name);
        }
        for text in ["", "0", "8", "mo", "mond", "x"] {
            assert!(Weekday::parse(text).is_err(), "{text}");
        }
        for (text, name) in [("1", "JAN"), ("MAY", "MAY"), ("september", "SEP"), ("first", "JAN"), ("LAST", "DEC")] {
            assert_eq!(Month::parse(text).unwrap().name(), name);
        }
        assert!(Month::parse("13").is_err());
        assert_eq!(MonthDay::parse("last_day").unwrap().number(), 32);
        assert_eq!(MonthDay::parse("first_day"), MonthDay::new(1));
        assert_eq!(MonthDay::new(33).unwrap_err().to_string(), "invalid month day [33]");
    }
}
