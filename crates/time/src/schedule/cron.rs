//! Cron expressions of Quartz's kind (spec watcher-parts §2.4): seconds, minutes, hours, day of month, month, day of week, and
//! optionally years.
//!
//! Reading only; which instants match is the business of `search`.

/// A cron expression.
#[derive(Clone, Debug)]
pub struct Cron {
    text: String,
    pub(super) seconds: u64,
    pub(super) minutes: u64,
    pub(super) hours: u64,
    pub(super) days: Days,
    pub(super) months: u64,
    pub(super) years: Years,
}

/// Equal texts are equal expressions.
impl PartialEq for Cron {
    fn eq(&self, other: &Cron) -> bool {
        self.text == other.text
    }
}

impl Eq for Cron {}

/// Which days of a month; numbers are bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Days {
    OfMonth(u64),
    /// So many days before the last.
    BeforeLast {
        days: u8,
        weekday: bool,
    },
    /// Monday to Friday nearest to this day, within the month.
    NearestWeekday(u8),
    /// 1 is Sunday.
    OfWeek(u64),
    LastOfWeek(u8),
    NthOfWeek {
        weekday: u8,
        nth: u8,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Years {
    Any,
    /// Sorted.
    Of(Vec<i16>),
}

/// An expression that is none: prints as the reason of the `illegal_argument_exception`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronError {
    expression: String,
    detail: String,
}

impl CronError {
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The reason of its cause.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl std::fmt::Display for CronError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "invalid cron expression [{}]", self.expression)
    }
}

impl std::error::Error for CronError {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Seconds,
    Minutes,
    Hours,
    DayOfMonth,
    Month,
    DayOfWeek,
    Year,
}

const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// The first year that counts.
const YEAR_FIRST: u32 = 1970;

/// No expression fires later; also bounds how much a list of years takes.
pub(super) const YEAR_LAST: u32 = 2999;

/// `L-n` reaches back at most so far.
const BEFORE_LAST_MAX: u8 = 30;

impl Field {
    fn name(self) -> &'static str {
        match self {
            Field::Seconds => "seconds",
            Field::Minutes => "minutes",
            Field::Hours => "hours",
            Field::DayOfMonth => "day of month",
            Field::Month => "month",
            Field::DayOfWeek => "day of week",
            Field::Year => "year",
        }
    }

    fn range(self) -> (u32, u32) {
        match self {
            Field::Seconds | Field::Minutes => (0, 59),
            Field::Hours => (0, 23),
            Field::DayOfMonth => (1, 31),
            Field::Month => (1, 12),
            Field::DayOfWeek => (1, 7),
            Field::Year => (YEAR_FIRST, YEAR_LAST),
        }
    }

    fn names(self) -> &'static [&'static str] {
        match self {
            Field::Month => &MONTHS,
            Field::DayOfWeek => &WEEKDAYS,
            Field::Seconds | Field::Minutes | Field::Hours | Field::DayOfMonth | Field::Year => &[],
        }
    }

    /// The number of a name at the start of `text`, by its first three letters.
    fn named(self, text: &str) -> Option<u32> {
        let at = self.names().iter().position(|name| text.starts_with(name))?;
        u32::try_from(at + 1).ok()
    }
}

impl Cron {
    /// Reads an expression; case does not matter, what follows the seventh field is ignored.
    ///
    /// # Errors
    /// [`CronError`] names the expression and says what is wrong with it.
    pub fn parse(expression: &str) -> Result<Cron, CronError> {
        let text = expression.to_uppercase();
        read(&text).map_err(|detail| CronError { expression: expression.into(), detail })
    }

    /// In upper case, as it prints.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Every hour of the day is a match.
    pub(super) fn any_hour(&self) -> bool {
        self.hours == mask(0, 23)
    }
}

fn mask(low: u32, high: u32) -> u64 {
    (low..=high).fold(0, |bits, bit| bits | 1 << bit)
}

fn read(text: &str) -> Result<Cron, String> {
    let fields: Vec<&str> = text.split([' ', '\t']).filter(|field| !field.is_empty()).collect();
    let &[seconds, minutes, hours, day_of_month, month, day_of_week, ref rest @ ..] = fields.as_slice() else {
        return Err("unexpected end of expression: a cron expression has at least 6 fields".into());
    };
    let days = match (day_of_month, day_of_week) {
        ("?", "?") => {
            return Err("'?' can only be specified for day of month or day of week, not for both".into());
        }
        ("?", day_of_week) => days_of_week(day_of_week)?,
        (day_of_month, "?") => days_of_month(day_of_month)?,
        _ => return Err("one of day of month and day of week must be '?'".into()),
    };
    let years = match rest.first().copied() {
        None | Some("*") => Years::Any,
        Some(years) => Years::Of(numbers(Field::Year, years)?.into_iter().filter_map(|year| i16::try_from(year).ok()).collect()),
    };
    Ok(Cron {
        text: text.to_owned(),
        seconds: bits(Field::Seconds, seconds)?,
        minutes: bits(Field::Minutes, minutes)?,
        hours: bits(Field::Hours, hours)?,
        days,
        months: bits(Field::Month, month)?,
        years,
    })
}

fn bits(field: Field, list: &str) -> Result<u64, String> {
    Ok(numbers(field, list)?.into_iter().fold(0, |bits, number| bits | 1_u64.checked_shl(number).unwrap_or(0)))
}

/// The members of a comma list, sorted, each once.
fn numbers(field: Field, list: &str) -> Result<Vec<u32>, String> {
    let mut all = Vec::new();
    for item in list.split(',').filter(|item| !item.is_empty()) {
        all.extend(item_numbers(field, item)?);
    }
    if all.is_empty() {
        return Err(format!("the {} field [{list}] is empty", field.name()));
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// `*`, `*/n`, `/n`, `a`, `a/n`, `a-b`, `a-b/n`, `NAME`, `NAME-NAME`.
fn item_numbers(field: Field, item: &str) -> Result<Vec<u32>, String> {
    let (first, last) = field.range();
    if item.contains('?') {
        return Err("'?' can only be specified for day of month or day of week".into());
    }
    if let Some(step) = item.strip_prefix("*/").or_else(|| item.strip_prefix('/')) {
        let step = number(field, step)?;
        if step > last {
            return Err(format!("increment of {} is greater than {last}: {step}", field.name()));
        }
        return stepped(field, first, last, step.max(1));
    }
    if item == "*" {
        return stepped(field, first, last, 1);
    }
    if let Some(from) = field.named(item) {
        let to = match item.get(3..).and_then(|rest| rest.strip_prefix('-')) {
            None => from,
            Some(name) => field.named(name).ok_or_else(|| format!("invalid {} value: [{name}]", field.name()))?,
        };
        return stepped(field, from, to, 1);
    }
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(number(field, step)?)),
        None => (item, None),
    };
    let (from, to) = match range.split_once('-') {
        Some((from, to)) => (in_range(field, from)?, Some(in_range(field, to)?)),
        None => (in_range(field, range)?, None),
    };
    let to = match (to, step) {
        (Some(to), _) => to,
        (None, Some(1..)) => last,
        (None, None | Some(0)) => from,
    };
    stepped(field, from, to, step.unwrap_or(1).max(1))
}

/// A range that ends before it begins goes round, except in years.
fn stepped(field: Field, from: u32, to: u32, step: u32) -> Result<Vec<u32>, String> {
    let (first, last) = field.range();
    let size = last - first + 1;
    let end = match field {
        _ if from <= to => to,
        Field::Year => return Err("start year must be less than stop year".into()),
        _ => to + size,
    };
    let step = usize::try_from(step).unwrap_or(usize::MAX);
    if field == Field::Year {
        return Ok((from..=end).step_by(step).collect());
    }
    Ok((from..=end).step_by(step).map(|number| (number - first) % size + first).collect())
}

fn number(field: Field, text: &str) -> Result<u32, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| format!("unexpected [{text}] in the {} field", field.name()))
}

fn in_range(field: Field, text: &str) -> Result<u32, String> {
    let (first, last) = field.range();
    let value = number(field, text)?;
    // Years outside never fire, but are no mistake.
    if field != Field::Year && !(first..=last).contains(&value) {
        return Err(format!("{} values must be between {first} and {last}: {value}", field.name()));
    }
    if field == Field::Year && value > YEAR_LAST {
        return Ok(YEAR_LAST + 1);
    }
    Ok(value)
}

fn small(field: Field, text: &str) -> Result<u8, String> {
    let value = in_range(field, text)?;
    u8::try_from(value).map_err(|_| format!("unexpected [{text}] in the {} field", field.name()))
}

/// `L`, `L-n`, `LW`, `L-nW`, `nW`, or numbers.
fn days_of_month(list: &str) -> Result<Days, String> {
    let field = Field::DayOfMonth;
    if let Some(rest) = list.strip_prefix('L') {
        let (rest, weekday) = match rest.strip_suffix('W') {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let days = match rest.strip_prefix('-') {
            Some(days) => number(field, days)?,
            None if rest.is_empty() => 0,
            None => {
                return Err(format!("'L' cannot be combined with other days of the month: [{list}]"));
            }
        };
        return match u8::try_from(days) {
            Ok(days) if days <= BEFORE_LAST_MAX => Ok(Days::BeforeLast { days, weekday }),
            _ => Err(format!("offset from last day must be <= {BEFORE_LAST_MAX}: {days}")),
        };
    }
    if list.contains('L') {
        return Err(format!("'L' cannot be combined with other days of the month: [{list}]"));
    }
    if !list.contains('W') {
        return bits(field, list).map(Days::OfMonth);
    }
    // Of several days the smallest counts alone once a 'W' is among them, as in the reference.
    let mut smallest = 31;
    for item in list.split(',').filter(|item| !item.is_empty()) {
        let day = match item.strip_suffix('W') {
            Some(day) => small(field, day)?,
            None => item_numbers(field, item)?.into_iter().filter_map(|day| u8::try_from(day).ok()).min().unwrap_or(31),
        };
        smallest = smallest.min(day);
    }
    Ok(Days::NearestWeekday(smallest))
}

/// `L`, `nL`, `n#k`, or numbers.
fn days_of_week(list: &str) -> Result<Days, String> {
    let field = Field::DayOfWeek;
    if list == "L" {
        return Ok(Days::OfWeek(1 << 7));
    }
    let weekday = |text: &str| match field.named(text) {
        Some(weekday) => u8::try_from(weekday).map_err(|e| e.to_string()),
        None => small(field, text),
    };
    if list.matches('#').count() > 1 {
        return Err(format!("only one '#' is allowed in the day of week field: [{list}]"));
    }
    if let Some((day, nth)) = list.split_once('#') {
        return match (day, nth.parse()) {
            (day, Ok(nth @ 1..=5)) if !day.contains(',') => Ok(Days::NthOfWeek { weekday: weekday(day)?, nth }),
            _ => Err(format!("a number between 1 and 5 must follow the '#': [{list}]")),
        };
    }
    let last = list.strip_suffix('L').or_else(|| list.get(3..).filter(|rest| field.named(list).is_some() && rest.starts_with('L')).map(|_| list));
    if let Some(day) = last {
        if day.contains(',') {
            return Err(format!("'L' cannot be combined with other days of the week: [{list}]"));
        }
        return weekday(day).map(Days::LastOfWeek);
    }
    if list.contains('L') && list.contains(',') {
        return Err(format!("'L' cannot be combined with other days of the week: [{list}]"));
    }
    bits(field, list).map(Days::OfWeek)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron(text: &str) -> Cron {
        Cron::parse(text).unwrap_or_else(|e| panic!("{text}: {}", e.detail()))
    }

    fn days_of(bits: u64) -> Vec<u32> {
        (0..64).filter(|bit| bits >> bit & 1 == 1).collect()
    }

    #[test]
    fn ranges_steps_and_names() {
        assert_eq!(days_of(cron("0 0 22-2 * * ?").hours), [0, 1, 2, 22, 23]);
        assert_eq!(days_of(cron("0 0 22-3/2 * * ?").hours), [0, 2, 22]);
        assert_eq!(days_of(cron("0 7/20 * * * ?").minutes), [7, 27, 47]);
        assert_eq!(days_of(cron("0 10-30/10 * * * ?").minutes), [10, 20, 30]);
        assert_eq!(days_of(cron("0 5/0 * * * ?").minutes), [5]);
        assert_eq!(days_of(cron("0 5/100 * * * ?").minutes), [5]);
        assert_eq!(cron("0 */0 * * * ?").minutes, mask(0, 59));
        assert_eq!(cron("0 /15 * * * ?").minutes, cron("0 */15 * * * ?").minutes);
        assert_eq!(days_of(cron("0 0 0 1 NOV-FEB ?").months), [1, 2, 11, 12]);
        assert_eq!(days_of(cron("0 0 0 1 january,JUL ?").months), [1, 7]);
        assert_eq!(days_of(cron("0\t0  12 * * ? ").hours), [12]);
        assert!(cron("0 0 * * * ?").any_hour());
        for (day, expected) in [
            ("FRI-MON", Days::OfWeek(0b1100_0110)),
            ("MONDAY", Days::OfWeek(1 << 2)),
            ("MON/2", Days::OfWeek(1 << 2)),
            ("MON-FRI/2", Days::OfWeek(0b111_1100)),
            ("L", Days::OfWeek(1 << 7)),
            ("6L", Days::LastOfWeek(6)),
            ("THUL", Days::LastOfWeek(5)),
            ("THU#2", Days::NthOfWeek { weekday: 5, nth: 2 }),
            ("2#5", Days::NthOfWeek { weekday: 2, nth: 5 }),
            ("*", Days::OfWeek(0b1111_1110)),
            ("2/2", Days::OfWeek(0b101_0100)),
        ] {
            assert_eq!(cron(&format!("0 0 0 ? * {day}")).days, expected, "{day}");
        }
        for (day, expected) in [
            ("L", Days::BeforeLast { days: 0, weekday: false }),
            ("L-3", Days::BeforeLast { days: 3, weekday: false }),
            ("LW", Days::BeforeLast { days: 0, weekday: true }),
            ("L-3W", Days::BeforeLast { days: 3, weekday: true }),
            ("15W", Days::NearestWeekday(15)),
            ("20W,15W", Days::NearestWeekday(15)),
            ("1,31", Days::OfMonth(1 << 1 | 1 << 31)),
        ] {
            assert_eq!(cron(&format!("0 0 0 {day} * ?")).days, expected, "{day}");
        }
        assert_eq!(cron("0 0 0 1 1 ? 2024-2026").years, Years::Of(vec![2024, 2025, 2026]));
        assert_eq!(cron("0 0 0 1 1 ? 5,2998/1").years, Years::Of(vec![5, 2998, 2999]));
        assert_eq!(cron("0 0 0 1 1 ? * surplus").years, Years::Any);
        assert_eq!(cron("0 0 5 ? * mon").text(), "0 0 5 ? * MON");
    }

    #[test]
    fn what_the_reference_refuses_is_refused() {
        for text in [
            "",
            "0 0 12 * *",
            "0 0 12 ? * ?",
            "0 0 12 * * *",
            "0 6,18 * * * SAT-SUN",
            "60 0 0 * * ?",
            "0 60 0 * * ?",
            "0 0 24 * * ?",
            "0 0 0 0 * ?",
            "0 0 0 32 * ?",
            "0 0 0 1 0 ?",
            "0 0 0 1 13 ?",
            "0 0 0 ? * 0",
            "0 0 0 ? * 8",
            "*/60 * * * * ?",
            "0 0 */24 * * ?",
            "0 0 0 */32 * ?",
            "0 0 0 1 */13 ?",
            "0 0 0 ? * */8",
            "? 0 0 * * ?",
            "0 0 0 ? ? MON",
            "0 0 0 L,15 * ?",
            "0 0 0 15,L * ?",
            "0 0 0 L-31 * ?",
            "0 0 0 ? * 2L,4",
            "0 0 0 ? * MON,FRIL",
            "0 0 0 ? * 2#1,3#2",
            "0 0 0 ? * 2#6",
            "0 0 0 ? * 2#0",
            "0 0 0 ? * MON-5",
            "0 0 0 ? * 2-FRI",
            "0 0 0 1 1 ? 2026-2024",
            "x 0 0 * * ?",
            "0 -1 0 * * ?",
            "0 1- 0 * * ?",
            "0 1/ 0 * * ?",
            "0 , 0 * * ?",
            "0 0 0 é * ?",
        ] {
            assert!(Cron::parse(text).is_err(), "{text}");
        }
        assert_eq!(Cron::parse("0 0 24 * * ?").unwrap_err().to_string(), "invalid cron expression [0 0 24 * * ?]");
    }
}
