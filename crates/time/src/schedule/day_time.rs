//! Times of day (spec watcher-parts §2.3).

use super::ScheduleError;

/// One time of day, or the product of hours and minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DayTime {
    /// `noon`, `midnight`, `5:00`: printed as it was written.
    At { text: String, hour: u8, minute: u8 },
    /// `{"hour": […], "minute": […]}`.
    Each { hours: Vec<u8>, minutes: Vec<u8> },
}

impl DayTime {
    /// `noon`, `midnight`, `H:mm`, `HH:mm`.
    ///
    /// # Errors
    /// [`ScheduleError::DayTime`] for anything else.
    pub fn parse(text: &str) -> Result<DayTime, ScheduleError> {
        let (hour, minute) = match text {
            "noon" => (12, 0),
            "midnight" => (0, 0),
            _ => hour_and_minute(text).ok_or_else(|| ScheduleError::DayTime(text.into()))?,
        };
        Ok(DayTime::At { text: text.into(), hour, minute })
    }

    /// Every hour with every minute; an empty list is zero.
    ///
    /// # Errors
    /// [`ScheduleError::Hour`], [`ScheduleError::Minute`] out of range.
    pub fn each(hours: &[i64], minutes: &[i64]) -> Result<DayTime, ScheduleError> {
        Ok(DayTime::Each { hours: checked(hours, 23, ScheduleError::Hour)?, minutes: checked(minutes, 59, ScheduleError::Minute)? })
    }

    /// What daily schedules default to.
    #[must_use]
    pub fn midnight() -> DayTime {
        DayTime::At { text: "midnight".into(), hour: 0, minute: 0 }
    }

    /// What the other calendar schedules default to; it prints as an object.
    #[must_use]
    pub fn zero() -> DayTime {
        DayTime::Each { hours: vec![0], minutes: vec![0] }
    }

    /// Seconds, minutes and hours of a cron expression.
    pub(super) fn cron(&self) -> String {
        match self {
            DayTime::At { hour, minute, .. } => format!("0 {minute} {hour}"),
            DayTime::Each { hours, minutes } => format!("0 {} {}", list(minutes), list(hours)),
        }
    }
}

/// In the order given, each once; an empty list is zero.
pub(super) fn checked(numbers: &[i64], most: u8, error: fn(i64) -> ScheduleError) -> Result<Vec<u8>, ScheduleError> {
    let mut kept = Vec::with_capacity(numbers.len().max(1));
    for number in numbers {
        let small = u8::try_from(*number).ok().filter(|small| *small <= most).ok_or_else(|| error(*number))?;
        if !kept.contains(&small) {
            kept.push(small);
        }
    }
    if kept.is_empty() {
        kept.push(0);
    }
    Ok(kept)
}

/// `1,2,3`.
pub(super) fn list<T: std::fmt::Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

fn hour_and_minute(text: &str) -> Option<(u8, u8)> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if !matches!(hour.len(), 1 | 2) || minute.len() != 2 || !digits(hour) || !digits(minute) {
        return None;
    }
    let (hour, minute): (u8, u8) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some((hour, minute))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day() {
        for (text, cron) in [("noon", "0 0 12"), ("midnight", "0 0 0"), ("5:00", "0 0 5"), ("23:59", "0 59 23"), ("05:07", "0 7 5")] {
            assert_eq!(DayTime::parse(text).unwrap().cron(), cron);
        }
        for text in ["", "NOON", "5:0", "17", "17:00:00", "24:00", "12:60", ":30", "123:00", "-1:00", "é:00"] {
            assert_eq!(DayTime::parse(text), Err(ScheduleError::DayTime(text.into())));
        }
        assert_eq!(DayTime::each(&[0, 12, 0], &[0, 30]).unwrap().cron(), "0 0,30 0,12");
        assert_eq!(DayTime::each(&[], &[]), Ok(DayTime::zero()));
        assert_eq!(DayTime::each(&[24], &[]), Err(ScheduleError::Hour(24)));
    }
}
