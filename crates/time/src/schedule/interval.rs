//! Every so often (spec watcher-parts §2.2).

use jiff::Timestamp;

use super::ScheduleError;

/// The reference refuses anything shorter: a watch is no busy loop.
pub(super) const MILLIS_MIN: i64 = 1000;

/// Every so often, on a fixed grid from an anchor.
#[derive(Clone, Debug)]
pub struct Interval {
    /// At least 1000.
    pub millis: i64,
    /// As it prints: digits and one of `s m h d w`.
    pub text: String,
}

/// `60s` is `1m`.
impl PartialEq for Interval {
    fn eq(&self, other: &Interval) -> bool {
        self.millis == other.millis
    }
}

impl Interval {
    /// Digits and one of `s m h d w`; nothing else.
    ///
    /// # Errors
    /// [`ScheduleError::IntervalUnit`] for any other form, [`ScheduleError::IntervalTooShort`] below one second.
    pub fn parse(text: &str) -> Result<Interval, ScheduleError> {
        let malformed = || ScheduleError::IntervalUnit(text.into());
        let unit = match text.bytes().last() {
            Some(b's') => 1_000,
            Some(b'm') => 60_000,
            Some(b'h') => 3_600_000,
            Some(b'd') => 86_400_000,
            Some(b'w') => 7 * 86_400_000,
            _ => return Err(malformed()),
        };
        let digits = &text[..text.len() - 1];
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(malformed());
        }
        let count: i64 = digits.parse().map_err(|_| malformed())?;
        let millis = count.checked_mul(unit).ok_or_else(malformed)?;
        Interval::checked(millis, text.into())
    }

    /// A bare number counts seconds.
    ///
    /// # Errors
    /// [`ScheduleError::IntervalTooShort`] below one second.
    pub fn seconds(count: i64) -> Result<Interval, ScheduleError> {
        let millis = count.checked_mul(1_000).ok_or_else(|| ScheduleError::IntervalUnit(count.to_string()))?;
        Interval::checked(millis, format!("{count}s"))
    }

    fn checked(millis: i64, text: String) -> Result<Interval, ScheduleError> {
        if millis < MILLIS_MIN {
            return Err(ScheduleError::IntervalTooShort);
        }
        Ok(Interval { millis, text })
    }

    pub(super) fn next_after(&self, after: Timestamp, anchor: Timestamp) -> Option<Timestamp> {
        let (after, anchor) = (after.as_millisecond(), anchor.as_millisecond());
        let slots = (after - anchor).div_euclid(self.millis.max(MILLIS_MIN)) + 1;
        Timestamp::from_millisecond(anchor.checked_add(slots.checked_mul(self.millis)?)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forms_are_strict() {
        for (text, millis) in [("1s", 1_000), ("5m", 300_000), ("2h", 7_200_000), ("1d", 86_400_000), ("1w", 604_800_000)] {
            assert_eq!(Interval::parse(text).unwrap().millis, millis, "{text}");
        }
        for text in ["", "s", "5", "5M", "100ms", "1.5h", " 5m", "5 m", "-5m", "+5m", "99999999999999999w", "5é"] {
            assert_eq!(Interval::parse(text), Err(ScheduleError::IntervalUnit(text.into())));
        }
        assert_eq!(Interval::parse("0s").unwrap_err().to_string(), "interval can't be lower than 1000 ms");
        assert_eq!(Interval::seconds(-5), Err(ScheduleError::IntervalTooShort));
        assert_eq!(Interval::seconds(60).unwrap().text, "60s");
        assert_eq!(Interval::seconds(60), Interval::parse("1m"));
    }

    proptest! {
        #[test]
        fn the_next_is_the_first_grid_point_after(millis in 1_000_i64..1_000_000_000, anchor in 0_i64..1_000_000_000_000, later in 0_i64..1_000_000_000_000) {
            let interval = Interval { millis, text: String::new() };
            let (anchor_at, after) = (Timestamp::from_millisecond(anchor).unwrap(), Timestamp::from_millisecond(anchor + later).unwrap());
            let next = interval.next_after(after, anchor_at).unwrap().as_millisecond();
            prop_assert_eq!((next - anchor) % millis, 0);
            prop_assert!(next > anchor + later && next - millis <= anchor + later);
        }
    }
}
