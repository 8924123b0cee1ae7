//! Schedules by the calendar, each one or more cron expressions underneath (spec watcher-parts §2.3).

use jiff::Timestamp;

use super::cron::Cron;
use super::day_time::{checked, list};
use super::names::{Month, MonthDay, Weekday};
use super::{DayTime, ScheduleError, zoned};
use crate::Zone;

/// A schedule by the calendar, in a zone.
#[derive(Clone, Debug)]
pub struct Calendar {
    rule: Rule,
    zone: Option<Zone>,
    crons: Vec<Cron>,
}

/// Two schedules that differ in zone alone are different.
impl PartialEq for Calendar {
    fn eq(&self, other: &Calendar) -> bool {
        self.rule == other.rule && self.zone == other.zone
    }
}

/// What the definition says, in canonical order.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Upper case, sorted.
    Cron(Vec<Cron>),
    /// Minutes, in the order given.
    Hourly(Vec<u8>),
    Daily(Vec<DayTime>),
    Weekly(Vec<WeekTimes>),
    Monthly(Vec<MonthTimes>),
    Yearly(Vec<YearTimes>),
}

/// Days from Sunday to Saturday, each once.
#[derive(Clone, Debug, PartialEq)]
pub struct WeekTimes {
    pub on: Vec<Weekday>,
    pub at: Vec<DayTime>,
}

/// Days in order, each once.
#[derive(Clone, Debug, PartialEq)]
pub struct MonthTimes {
    pub on: Vec<MonthDay>,
    pub at: Vec<DayTime>,
}

/// Months and days in order, each once.
#[derive(Clone, Debug, PartialEq)]
pub struct YearTimes {
    pub r#in: Vec<Month>,
    pub on: Vec<MonthDay>,
    pub at: Vec<DayTime>,
}

fn ordered<T: Ord>(mut items: Vec<T>, default: T) -> Vec<T> {
    if items.is_empty() {
        items.push(default);
    }
    items.sort_unstable();
    items.dedup();
    items
}

fn times(at: Vec<DayTime>) -> Vec<DayTime> {
    if at.is_empty() { vec![DayTime::zero()] } else { at }
}

impl WeekTimes {
    /// What is empty is the default: Monday, midnight.
    #[must_use]
    pub fn new(on: Vec<Weekday>, at: Vec<DayTime>) -> WeekTimes {
        WeekTimes { on: ordered(on, Weekday::MONDAY), at: times(at) }
    }
}

impl MonthTimes {
    /// What is empty is the default: the first, midnight.
    #[must_use]
    pub fn new(on: Vec<MonthDay>, at: Vec<DayTime>) -> MonthTimes {
        MonthTimes { on: ordered(on, MonthDay::FIRST), at: times(at) }
    }
}

impl YearTimes {
    /// What is empty is the default: January, the first, midnight.
    #[must_use]
    pub fn new(r#in: Vec<Month>, on: Vec<MonthDay>, at: Vec<DayTime>) -> YearTimes {
        YearTimes { r#in: ordered(r#in, Month::JANUARY), on: ordered(on, MonthDay::FIRST), at: times(at) }
    }
}

impl Rule {
    /// # Errors
    /// [`ScheduleError::NoCron`] for an empty list, [`ScheduleError::Cron`] for an expression that is none.
    pub fn cron<'e>(expressions: impl IntoIterator<Item = &'e str>) -> Result<Rule, ScheduleError> {
        let mut crons = expressions.into_iter().map(Cron::parse).collect::<Result<Vec<_>, _>>()?;
        if crons.is_empty() {
            return Err(ScheduleError::NoCron);
        }
        crons.sort_by(|a, b| a.text().cmp(b.text()));
        crons.dedup();
        Ok(Rule::Cron(crons))
    }

    /// An empty list is minute 0.
    ///
    /// # Errors
    /// [`ScheduleError::Minute`] out of range.
    pub fn hourly(minutes: &[i64]) -> Result<Rule, ScheduleError> {
        checked(minutes, 59, ScheduleError::Minute).map(Rule::Hourly)
    }

    /// An empty list is midnight.
    #[must_use]
    pub fn daily(at: Vec<DayTime>) -> Rule {
        Rule::Daily(if at.is_empty() { vec![DayTime::midnight()] } else { at })
    }

    /// An empty list is the default.
    #[must_use]
    pub fn weekly(times: Vec<WeekTimes>) -> Rule {
        Rule::Weekly(if times.is_empty() { vec![WeekTimes::new(Vec::new(), Vec::new())] } else { times })
    }

    /// An empty list is the default.
    #[must_use]
    pub fn monthly(times: Vec<MonthTimes>) -> Rule {
        Rule::Monthly(if times.is_empty() { vec![MonthTimes::new(Vec::new(), Vec::new())] } else { times })
    }

    /// An empty list is the default.
    #[must_use]
    pub fn yearly(times: Vec<YearTimes>) -> Rule {
        Rule::Yearly(if times.is_empty() { vec![YearTimes::new(Vec::new(), Vec::new(), Vec::new())] } else { times })
    }

    /// The name of its type in the definition.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Rule::Cron(_) => "cron",
            Rule::Hourly(_) => "hourly",
            Rule::Daily(_) => "daily",
            Rule::Weekly(_) => "weekly",
            Rule::Monthly(_) => "monthly",
            Rule::Yearly(_) => "yearly",
        }
    }

    fn expressions(&self) -> Vec<String> {
        match self {
            Rule::Cron(crons) => crons.iter().map(|cron| cron.text().to_owned()).collect(),
            Rule::Hourly(minutes) => vec![format!("0 {} * * * ?", list(minutes))],
            Rule::Daily(at) => at.iter().map(|time| format!("{} * * ?", time.cron())).collect(),
            Rule::Weekly(times) => times
                .iter()
                .flat_map(|week| {
                    let days: Vec<_> = week.on.iter().map(|day| day.name()).collect();
                    week.at.iter().map(move |time| format!("{} ? * {}", time.cron(), list(&days)))
                })
                .collect(),
            Rule::Monthly(times) => times.iter().flat_map(|month| on_days(&month.on, &month.at, "*")).collect(),
            Rule::Yearly(times) => times
                .iter()
                .flat_map(|year| {
                    let months: Vec<_> = year.r#in.iter().map(|month| month.name()).collect();
                    on_days(&year.on, &year.at, &list(&months))
                })
                .collect(),
        }
    }
}

/// Cron allows `L` alone only: the last day beside others is an expression of its own.
fn on_days(on: &[MonthDay], at: &[DayTime], months: &str) -> Vec<String> {
    let days: Vec<_> = on.iter().filter(|day| !day.is_last()).map(|day| day.number()).collect();
    let mut fields = Vec::new();
    if !days.is_empty() {
        fields.push(list(&days));
    }
    if on.iter().any(|day| day.is_last()) {
        fields.push("L".into());
    }
    at.iter().flat_map(|time| fields.iter().map(move |days| format!("{} {days} {months} ?", time.cron()))).collect()
}

impl Calendar {
    /// # Errors
    /// [`ScheduleError::Cron`] in theory: a rule's parts are checked, so that its expressions are valid.
    pub fn new(rule: Rule, zone: Option<Zone>) -> Result<Calendar, ScheduleError> {
        let crons = match &rule {
            Rule::Cron(crons) => crons.clone(),
            _ => rule.expressions().iter().map(|text| Cron::parse(text)).collect::<Result<Vec<_>, _>>()?,
        };
        Ok(Calendar { rule, zone, crons })
    }

    #[must_use]
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// As the definition gave it; none is UTC.
    #[must_use]
    pub fn zone(&self) -> Option<&Zone> {
        self.zone.as_ref()
    }

    /// The earliest of all its expressions.
    pub(super) fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        self.crons.iter().filter_map(|cron| zoned::next_after(cron, after, self.zone.as_ref().map(Zone::rules))).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(rule: Rule, count: usize) -> Vec<String> {
        let calendar = Calendar::new(rule, None).unwrap();
        let mut at: Timestamp = "2024-01-15T10:00:00Z".parse().unwrap();
        std::iter::from_fn(|| {
            at = calendar.next_after(at)?;
            Some(at.to_string())
        })
        .take(count)
        .collect()
    }

    #[test]
    fn kinds_compile_to_the_crons_of_the_specification() {
        let at = |text: &str| DayTime::parse(text).unwrap();
        let day = |text: &str| MonthDay::parse(text).unwrap();
        assert_eq!(Rule::hourly(&[30, 0]).unwrap().expressions(), ["0 30,0 * * * ?"]);
        assert_eq!(Rule::hourly(&[]).unwrap(), Rule::Hourly(vec![0]));
        assert_eq!(Rule::daily(vec![at("noon"), at("5:00")]).expressions(), ["0 0 12 * * ?", "0 0 5 * * ?"]);
        assert_eq!(Rule::daily(vec![]), Rule::Daily(vec![DayTime::midnight()]));
        assert_eq!(Rule::weekly(vec![]).expressions(), ["0 0 0 ? * MON"]);
        let week = WeekTimes::new(vec![Weekday::parse("fri").unwrap(), Weekday::parse("1").unwrap(), Weekday::parse("6").unwrap()], vec![at("noon")]);
        assert_eq!(Rule::weekly(vec![week]).expressions(), ["0 0 12 ? * SUN,FRI"]);
        let month = MonthTimes::new(vec![day("last_day"), day("15"), day("first_day")], vec![]);
        assert_eq!(month.on.iter().map(|day| day.number()).collect::<Vec<_>>(), [1, 15, 32]);
        assert_eq!(Rule::monthly(vec![month]).expressions(), ["0 0 0 1,15 * ?", "0 0 0 L * ?"]);
        assert_eq!(Rule::yearly(vec![]).expressions(), ["0 0 0 1 JAN ?"]);
        let year = YearTimes::new(vec![Month::parse("last").unwrap(), Month::parse("feb").unwrap()], vec![day("2")], vec![at("8:30")]);
        assert_eq!(Rule::yearly(vec![year]).expressions(), ["0 30 8 2 FEB,DEC ?"]);
    }

    #[test]
    fn the_earliest_expression_is_next() {
        let daily = Rule::daily(vec![DayTime::parse("noon").unwrap(), DayTime::each(&[0, 18], &[15]).unwrap()]);
        assert_eq!(next(daily, 3), ["2024-01-15T12:00:00Z", "2024-01-15T18:15:00Z", "2024-01-16T00:15:00Z"]);
    }

    #[test]
    fn canonical_crons_are_sorted_and_upper_case() {
        let Rule::Cron(crons) = Rule::cron(["0 0 5 ? * mon", "0 0 1 * * ?"]).unwrap() else { panic!("cron") };
        assert_eq!(crons.iter().map(|cron| cron.text().to_owned()).collect::<Vec<_>>(), ["0 0 1 * * ?", "0 0 5 ? * MON"]);
        assert_eq!(Rule::cron([]), Err(ScheduleError::NoCron));
    }

    #[test]
    fn the_zone_distinguishes() {
        let rule = || Rule::hourly(&[0]).unwrap();
        let zone = |id: &str| Some(Zone::parse(id).unwrap());
        assert_eq!(Calendar::new(rule(), zone("+1")).unwrap(), Calendar::new(rule(), zone("+01:00")).unwrap());
        assert_ne!(Calendar::new(rule(), zone("+1")).unwrap(), Calendar::new(rule(), None).unwrap());
    }
}
