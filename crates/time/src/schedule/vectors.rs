//! The vectors of the specification, and the search against brute force.

use jiff::civil::{Date, DateTime, Time};
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use super::*;
use crate::Zone;

fn fires(expression: &str, zone: Option<&str>, from: &str, count: usize) -> Vec<String> {
    let zone = zone.map(|zone| Zone::parse(zone).unwrap());
    let schedule = Schedule::Calendar(Calendar::new(Rule::cron([expression]).unwrap(), zone).unwrap());
    let mut at: Timestamp = from.parse().unwrap();
    std::iter::from_fn(|| {
        at = schedule.next_after(at, Timestamp::UNIX_EPOCH)?;
        Some(at.to_string())
    })
    .take(count)
    .collect()
}

#[test]
fn cron_vectors() {
    for (expression, from, expected) in [
        ("0 0 12 * * ?", "", ["2024-01-15T12:00", "2024-01-16T12:00", "2024-01-17T12:00"]),
        ("0 0/5 14 * * ?", "", ["2024-01-15T14:00", "2024-01-15T14:05", "2024-01-15T14:10"]),
        ("30 7/20 */6 * * ?", "", ["2024-01-15T12:07:30", "2024-01-15T12:27:30", "2024-01-15T12:47:30"]),
        ("0 0 12 ? * MON-FRI", "", ["2024-01-15T12:00", "2024-01-16T12:00", "2024-01-17T12:00"]),
        ("0 0 22-2 ? * FRI-MON", "", ["2024-01-15T22:00", "2024-01-15T23:00", "2024-01-19T00:00"]),
        ("0 15 10 L * ?", "", ["2024-01-31T10:15", "2024-02-29T10:15", "2024-03-31T10:15"]),
        ("0 15 10 L-3 * ?", "", ["2024-01-28T10:15", "2024-02-26T10:15", "2024-03-28T10:15"]),
        ("0 15 10 LW * ?", "", ["2024-01-31T10:15", "2024-02-29T10:15", "2024-03-29T10:15"]),
        ("0 0 9 15W * ?", "", ["2024-02-15T09:00", "2024-03-15T09:00", "2024-04-15T09:00"]),
        ("0 0 9 1W * ?", "2024-05-15T00:00:00Z", ["2024-06-03T09:00", "2024-07-01T09:00", "2024-08-01T09:00"]),
        ("0 15 10 ? * 6L", "", ["2024-01-26T10:15", "2024-02-23T10:15", "2024-03-29T10:15"]),
        ("0 15 10 ? * 6#3", "", ["2024-01-19T10:15", "2024-02-16T10:15", "2024-03-15T10:15"]),
        ("0 0 0 ? * 2#5", "", ["2024-01-29T00:00", "2024-04-29T00:00", "2024-07-29T00:00"]),
        ("0 0 0 31 * ?", "", ["2024-01-31T00:00", "2024-03-31T00:00", "2024-05-31T00:00"]),
        ("0 0 0 29 2 ?", "", ["2024-02-29T00:00", "2028-02-29T00:00", "2032-02-29T00:00"]),
        ("0 0 0 1 NOV-FEB ?", "", ["2024-02-01T00:00", "2024-11-01T00:00", "2024-12-01T00:00"]),
        ("0 0 0 ? * L", "", ["2024-01-20T00:00", "2024-01-27T00:00", "2024-02-03T00:00"]),
    ] {
        let from = if from.is_empty() { "2024-01-15T10:00:00Z" } else { from };
        let expected = expected.map(|at| if at.len() == 16 { format!("{at}:00Z") } else { format!("{at}Z") });
        assert_eq!(fires(expression, None, from, 3), expected, "{expression}");
    }
}

#[test]
fn what_never_fires_again_says_so() {
    let from = "2024-01-15T10:00:00.999Z";
    for expression in ["0 0 0 1 1 ? 2020", "0 0 0 30 2 ?", "0 0 0 1 1 ? 3000", "0 0 0 L-30 2 ?", "0 0 0 31W 2 ?"] {
        assert_eq!(fires(expression, None, from, 1), Vec::<String>::new(), "{expression}");
    }
    assert_eq!(fires("* * * * * ?", None, from, 2), ["2024-01-15T10:00:01Z", "2024-01-15T10:00:02Z"]);
    assert_eq!(fires("0 0 * 30 2 ?", Some("Europe/London"), from, 1), Vec::<String>::new());
    assert_eq!(fires("0 0 * 29 2 ?", Some("Europe/London"), "2025-01-01T00:00:00Z", 1), ["2028-02-29T00:00:00Z"]);
    assert_eq!(fires("0 0 0 1 1 ? 2024,2026", None, from, 5), ["2026-01-01T00:00:00Z"]);
}

#[test]
fn zone_vectors() {
    let london = Some("Europe/London");
    for (expression, zone, from, expected) in [
        // A gap: as late as the clock jumped; the next day as usual.
        ("0 30 1 * * ?", london, "2025-03-30T00:00:00Z", vec!["2025-03-30T01:30:00Z", "2025-03-31T00:30:00Z"]),
        // An overlap: the first occurrence only.
        ("0 30 1 * * ?", london, "2024-10-27T00:00:00Z", vec!["2024-10-27T00:30:00Z", "2024-10-28T01:30:00Z"]),
        ("0 30 1 * * ?", london, "2024-10-27T01:10:00Z", vec!["2024-10-28T01:30:00Z"]),
        ("0 0 2 * * ?", Some("+1"), "2020-01-01T00:00:00Z", vec!["2020-01-01T01:00:00Z"]),
        ("0 0 2 * * ?", london, "2020-03-01T00:00:00Z", vec!["2020-03-01T02:00:00Z"]),
        ("0 0 2 * * ?", london, "2020-03-30T00:00:00Z", vec!["2020-03-30T01:00:00Z"]),
        // Any hour: on through the second pass, and no hole at a gap.
        (
            "0 0/30 * * * ?",
            london,
            "2024-10-27T00:15:00Z",
            vec!["2024-10-27T00:30:00Z", "2024-10-27T01:00:00Z", "2024-10-27T01:30:00Z", "2024-10-27T02:00:00Z"],
        ),
        ("0 0/30 * * * ?", london, "2025-03-30T00:15:00Z", vec!["2025-03-30T00:30:00Z", "2025-03-30T01:00:00Z", "2025-03-30T01:30:00Z"]),
        // What follows the gap on the clock's face may come before what was skipped.
        ("0 15,45 1,2 * * ?", london, "2025-03-30T00:50:00Z", vec!["2025-03-30T01:15:00Z", "2025-03-30T01:45:00Z", "2025-03-31T00:15:00Z"]),
        ("0 45 1 * * ?", london, "2025-03-30T01:20:00Z", vec!["2025-03-30T01:45:00Z", "2025-03-31T00:45:00Z"]),
    ] {
        assert_eq!(fires(expression, zone, from, expected.len()), expected, "{expression} from {from}");
    }
}

/// A day's match, written anew from the rules: counting days instead of computing them.
fn day_matches(field: &str, date: Date) -> bool {
    let weekday = |date: Date| date.weekday().to_sunday_zero_offset() + 1;
    let last = date.last_of_month().day();
    let workday = |date: Date| !matches!(weekday(date), 1 | 7);
    let nearest = |wanted: Date| {
        (0..=2)
            .flat_map(|by| [wanted.checked_sub(i64::from(by).days()).unwrap(), wanted.checked_add(i64::from(by).days()).unwrap()])
            .find(|near| near.month() == wanted.month() && workday(*near))
            .unwrap()
    };
    match field.as_bytes() {
        b"L" => date.day() == last,
        b"LW" => date == nearest(date.last_of_month()),
        [.., b'W'] => {
            let day: i8 = field[..field.len() - 1].parse().unwrap();
            day <= last && date == nearest(Date::new(date.year(), date.month(), day).unwrap())
        }
        [b'L', b'-', ..] => date.day() == last - field[2..].parse::<i8>().unwrap(),
        [day, b'#', nth] => weekday(date) == (day - b'0') as i8 && (date.day() - 1) / 7 + 1 == (nth - b'0') as i8,
        [day, b'L'] => weekday(date) == (day - b'0') as i8 && date.day() + 7 > last,
        [b'<', rest @ ..] => rest.contains(&(b'0' + weekday(date) as u8)),
        _ => field.split(',').any(|day| day.parse() == Ok(date.day())),
    }
}

fn days() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("L".to_owned()),
        Just("LW".to_owned()),
        (1_u8..32).prop_map(|day| format!("{day}W")),
        (0_u8..31).prop_map(|day| format!("L-{day}")),
        (1_u8..8, 1_u8..6).prop_map(|(day, nth)| format!("{day}#{nth}")),
        (1_u8..8).prop_map(|day| format!("{day}L")),
        prop::collection::vec(1_u8..8, 1..4).prop_map(|days| format!("<{}", days.iter().map(u8::to_string).collect::<Vec<_>>().join(","))),
        prop::collection::vec(1_u8..32, 1..4).prop_map(|days| days.iter().map(u8::to_string).collect::<Vec<_>>().join(",")),
    ]
}

fn some(most: u8) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..most, 1..4)
}

proptest! {
    #[test]
    fn the_search_finds_what_brute_force_finds(seconds in some(60), minutes in some(60), hours in some(24), day in days(), start in 0_i64..2_000_000_000) {
        let join = |numbers: &[u8]| numbers.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
        let of_week = day.contains('#') || day.starts_with('<') || (day.ends_with('L') && day.len() == 2);
        let field = day.trim_start_matches('<');
        let (of_month, of_week) = if of_week { ("?", field) } else { (field, "?") };
        let cron = Cron::parse(&format!("{} {} {} {of_month} * {of_week}", join(&seconds), join(&minutes), join(&hours))).unwrap();
        let from = Timestamp::from_second(start).unwrap().to_zoned(jiff::tz::TimeZone::UTC).datetime();

        let mut times: Vec<Time> = Vec::new();
        for hour in &hours {
            for minute in &minutes {
                times.extend(seconds.iter().map(|second| Time::new(*hour as i8, *minute as i8, *second as i8, 0).unwrap()));
            }
        }
        let brute = (0..800)
            .map(|later| from.date().checked_add(i64::from(later).days()).unwrap())
            .filter(|date| day_matches(&day, *date))
            .find_map(|date| times.iter().map(|time| DateTime::from_parts(date, *time)).filter(|at| *at >= from).min());
        prop_assert_eq!(cron.next_local(from), brute);
    }

    #[test]
    fn a_zone_never_sends_backwards(hours in some(24), minute in 0_u8..60, start in 1_600_000_000_i64..1_800_000_000) {
        let hours = hours.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
        for (zone, hours) in [("America/New_York", hours.as_str()), ("Australia/Lord_Howe", &hours), ("Europe/London", "*")] {
            let zone = Zone::parse(zone).unwrap();
            let rule = Rule::cron([format!("0 {minute} {hours} * * ?").as_str()]).unwrap();
            let calendar = Calendar::new(rule, Some(zone)).unwrap();
            let after = Timestamp::from_second(start).unwrap();
            let next = calendar.next_after(after).unwrap();
            prop_assert!(next > after);
            // Nothing is missed: from any moment between, the same one is next.
            let between = Timestamp::from_second((after.as_second() + next.as_second()) / 2).unwrap();
            prop_assert_eq!(calendar.next_after(between.min(next.checked_sub(1.second()).unwrap())).unwrap(), next);
        }
    }

    #[test]
    fn no_expression_panics(text in "\\PC{0,30}|[0-9*/,?LW#A-Z -]{0,30}") {
        if let Ok(cron) = Cron::parse(&text) {
            let _any = cron.next_local(DateTime::constant(2024, 1, 15, 10, 0, 0, 0));
        }
    }
}
