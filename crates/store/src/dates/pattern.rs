//! One date pattern in Java's letters (`yyyy-MM-dd'T'HH:mm:ss.SSSXXX`), compiled: it reads and it prints.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

use super::Edge;
use super::zone::parse_offset;

/// Deepest nesting of optional sections in a pattern.
const OPTIONAL_MAX: usize = 16;

#[derive(Clone, Debug, PartialEq)]
enum Item {
    Literal(String),
    Field { letter: char, width: usize },
    Optional(Vec<Item>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern {
    items: Vec<Item>,
}

/// What a text said, unit by unit.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    pub(super) year: Option<i16>,
    pub(super) month: Option<i8>,
    pub(super) day: Option<i8>,
    pub(super) day_of_year: Option<i16>,
    pub(super) hour: Option<i8>,
    pub(super) half_hour: Option<i8>,
    pub(super) afternoon: Option<bool>,
    pub(super) minute: Option<i8>,
    pub(super) second: Option<i8>,
    pub(super) nanos: Option<i32>,
    pub(super) zone: Option<TimeZone>,
}

impl Parts {
    /// The instant. Of units that were not said, a date's are its first; a time's are its first or its last: the end of
    /// `2026-11` is the end of its first day, as in the reference.
    pub(super) fn instant(&self, edge: Edge, zone: &TimeZone) -> Option<Timestamp> {
        let last = edge == Edge::Last;
        let year = self.year.unwrap_or(1970);
        let date = match self.day_of_year {
            Some(day) => Date::new(year, 1, 1).ok()?.checked_add(jiff::Span::new().try_days(i64::from(day) - 1).ok()?).ok().filter(|d| d.year() == year)?,
            None => Date::new(year, self.month.unwrap_or(1), self.day.unwrap_or(1)).ok()?,
        };
        let hour = match (self.hour, self.half_hour) {
            (Some(hour), _) => Some(hour),
            (None, Some(half)) => Some(half % 12 + if self.afternoon == Some(true) { 12 } else { 0 }),
            (None, None) => None,
        };
        let time = Time::new(
            hour.unwrap_or(if last { 23 } else { 0 }),
            self.minute.unwrap_or(if last { 59 } else { 0 }),
            self.second.unwrap_or(if last { 59 } else { 0 }),
            self.nanos.unwrap_or(if last { 999_999_999 } else { 0 }),
        )
        .ok()?;
        let civil = DateTime::from_parts(date, time);
        self.zone.as_ref().unwrap_or(zone).to_ambiguous_timestamp(civil).compatible().ok()
    }
}

const MONTHS: [&str; 12] = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl Pattern {
    /// # Errors
    /// What the reference says of a pattern it cannot read.
    pub(super) fn compile(pattern: &str) -> Result<Pattern, String> {
        let chars: Vec<char> = pattern.chars().collect();
        let mut at = 0;
        let items = compile_until(&chars, &mut at, 0)?;
        Ok(Pattern { items })
    }

    pub(super) fn read(&self, text: &str) -> Option<Parts> {
        let mut parts = Parts::default();
        let rest = read_items(&self.items, text, &mut parts, None)?;
        rest.is_empty().then_some(parts)
    }

    pub(super) fn print(&self, at: &Zoned) -> String {
        let mut out = String::new();
        print_items(&self.items, at, &mut out);
        out
    }
}

fn compile_until(chars: &[char], at: &mut usize, depth: usize) -> Result<Vec<Item>, String> {
    let mut items: Vec<Item> = Vec::new();
    while let Some(c) = chars.get(*at).copied() {
        *at += 1;
        match c {
            '\'' => items.push(Item::Literal(quoted(chars, at)?)),
            '[' if depth < OPTIONAL_MAX => items.push(Item::Optional(compile_until(chars, at, depth + 1)?)),
            '[' => return Err("Too many optional sections".to_owned()),
            ']' if depth > 0 => return Ok(items),
            ']' => return Err("Pattern invalid as it contains ] without previous [".to_owned()),
            '{' | '}' | '#' => return Err(format!("Pattern includes reserved character: '{c}'")),
            c if c.is_ascii_alphabetic() => {
                let mut width = 1;
                while chars.get(*at) == Some(&c) {
                    *at += 1;
                    width += 1;
                }
                if !"yuMLqQdDHkKhmsSnNaEeXxZzVO".contains(c) {
                    return Err(format!("Unknown pattern letter: {c}"));
                }
                items.push(Item::Field { letter: c, width });
            }
            c => items.push(Item::Literal(c.to_string())),
        }
    }
    Ok(items)
}

fn quoted(chars: &[char], at: &mut usize) -> Result<String, String> {
    let mut literal = String::new();
    if chars.get(*at) == Some(&'\'') {
        *at += 1;
        return Ok("'".to_owned());
    }
    loop {
        match chars.get(*at) {
            Some('\'') if chars.get(*at + 1) == Some(&'\'') => {
                literal.push('\'');
                *at += 2;
            }
            Some('\'') => {
                *at += 1;
                return Ok(literal);
            }
            Some(c) => {
                literal.push(*c);
                *at += 1;
            }
            None => return Err("Pattern ends with an incomplete string literal".to_owned()),
        }
    }
}

/// What remains after the items. `after` tells a numeric field whether another follows at once: then it takes its width only.
fn read_items<'t>(items: &[Item], mut text: &'t str, parts: &mut Parts, after: Option<&Item>) -> Option<&'t str> {
    for (at, item) in items.iter().enumerate() {
        let next = items.get(at + 1).or(after);
        text = match item {
            Item::Literal(literal) => text.strip_prefix(literal.as_str())?,
            Item::Optional(inner) => {
                let mut tried = parts.clone();
                match read_items(inner, text, &mut tried, next) {
                    Some(rest) => {
                        *parts = tried;
                        rest
                    }
                    None => text,
                }
            }
            Item::Field { letter, width } => {
                let adjacent = matches!(next, Some(Item::Field { letter, .. }) if "yuMdDHhkKmsS".contains(*letter));
                read_field(*letter, *width, adjacent, text, parts)?
            }
        };
    }
    Some(text)
}

fn digits(text: &str, least: usize, most: usize) -> Option<(i64, usize, &str)> {
    let length = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if length < least {
        return None;
    }
    Some((text[..length].parse().ok()?, length, &text[length..]))
}

fn small(value: i64, least: i64, most: i64) -> Option<i8> {
    (least..=most).contains(&value).then(|| i8::try_from(value).ok()).flatten()
}

fn read_field<'t>(letter: char, width: usize, adjacent: bool, text: &'t str, parts: &mut Parts) -> Option<&'t str> {
    let (least, most) = if width == 1 { (1, if adjacent { 1 } else { 9 }) } else { (width, if adjacent { width } else { width.max(2) }) };
    let number = |low, high| digits(text, least, most).and_then(|(value, _, rest)| small(value, low, high).map(|value| (value, rest)));
    match letter {
        'y' | 'u' => {
            let (least, most) = match width {
                1 => (1, 4),
                2 => (2, 2),
                _ => (width, if adjacent { width } else { width.max(4) }),
            };
            let (value, length, rest) = digits(text, least, most)?;
            let value = if width == 2 && length == 2 { value + 2000 } else { value };
            parts.year = Some(i16::try_from(value).ok()?);
            Some(rest)
        }
        'M' | 'L' if width >= 3 => {
            let (index, rest) = read_name(&MONTHS, width, text)?;
            parts.month = i8::try_from(index + 1).ok();
            Some(rest)
        }
        'M' | 'L' => number(1, 12).map(|(value, rest)| (parts.month = Some(value), rest).1),
        'd' => number(1, 31).map(|(value, rest)| (parts.day = Some(value), rest).1),
        'D' => {
            let (value, _, rest) = digits(text, 1, 3)?;
            parts.day_of_year = (1..=366).contains(&value).then(|| i16::try_from(value).ok()).flatten();
            parts.day_of_year.map(|_| rest)
        }
        'H' => number(0, 23).map(|(value, rest)| (parts.hour = Some(value), rest).1),
        'k' => number(1, 24).map(|(value, rest)| (parts.hour = Some(value % 24), rest).1),
        'h' => number(1, 12).map(|(value, rest)| (parts.half_hour = Some(value), rest).1),
        'K' => number(0, 11).map(|(value, rest)| (parts.half_hour = Some(value), rest).1),
        'm' => number(0, 59).map(|(value, rest)| (parts.minute = Some(value), rest).1),
        's' => number(0, 59).map(|(value, rest)| (parts.second = Some(value), rest).1),
        'S' => {
            let (value, length, rest) = digits(text, width, width)?;
            let scale = 10_i64.checked_pow(u32::try_from(9_usize.checked_sub(length)?).ok()?)?;
            parts.nanos = i32::try_from(value * scale).ok();
            Some(rest)
        }
        'a' => {
            let head = text.get(..2)?;
            parts.afternoon = Some(match head {
                "AM" | "am" => false,
                "PM" | "pm" => true,
                _ => return None,
            });
            Some(&text[2..])
        }
        'E' | 'e' => read_name(&DAYS, width, text).map(|(_, rest)| rest),
        'X' | 'x' | 'Z' | 'O' => read_zone_offset(letter, text, parts),
        'z' | 'V' => read_zone_name(text, parts),
        _ => None,
    }
}

fn read_name<'t>(names: &[&str], width: usize, text: &'t str) -> Option<(usize, &'t str)> {
    names.iter().enumerate().find_map(|(index, name)| {
        let name = if width >= 4 { name } else { &name[..3] };
        text.strip_prefix(name).map(|rest| (index, rest))
    })
}

fn read_zone_offset<'t>(letter: char, text: &'t str, parts: &mut Parts) -> Option<&'t str> {
    if letter != 'x' && text.starts_with('Z') {
        parts.zone = Some(TimeZone::UTC);
        return Some(&text[1..]);
    }
    let end = 1 + text.get(1..)?.bytes().take_while(|b| b.is_ascii_digit() || *b == b':').count();
    let seconds = parse_offset(text.get(..end)?)?;
    parts.zone = Some(TimeZone::fixed(Offset::from_seconds(seconds).ok()?));
    Some(&text[end..])
}

fn read_zone_name<'t>(text: &'t str, parts: &mut Parts) -> Option<&'t str> {
    let end = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"/_+-:".contains(b)).count();
    parts.zone = Some(super::parse_zone(&text[..end]).ok()?);
    Some(&text[end..])
}

fn print_items(items: &[Item], at: &Zoned, out: &mut String) {
    for item in items {
        match item {
            Item::Literal(literal) => out.push_str(literal),
            Item::Optional(inner) => print_items(inner, at, out),
            Item::Field { letter, width } => print_field(*letter, *width, at, out),
        }
    }
}

fn print_field(letter: char, width: usize, at: &Zoned, out: &mut String) {
    use std::fmt::Write as _;
    let mut number = |value: i64| {
        // Writing into a String cannot fail.
        write!(out, "{value:0width$}").ok();
    };
    let hour = i64::from(at.hour());
    match letter {
        'y' | 'u' if width == 2 => number(i64::from(at.year()).rem_euclid(100)),
        'y' | 'u' => number(i64::from(at.year())),
        'M' | 'L' if width >= 3 => out.push_str(name_of(&MONTHS, at.month() - 1, width)),
        'M' | 'L' => number(i64::from(at.month())),
        'q' | 'Q' => number(i64::from((at.month() - 1) / 3 + 1)),
        'd' => number(i64::from(at.day())),
        'D' => number(i64::from(at.day_of_year())),
        'H' => number(hour),
        'k' => number(if hour == 0 { 24 } else { hour }),
        'h' => number(if hour % 12 == 0 { 12 } else { hour % 12 }),
        'K' => number(hour % 12),
        'm' => number(i64::from(at.minute())),
        's' => number(i64::from(at.second())),
        'S' => {
            let nanos = format!("{:09}", at.subsec_nanosecond());
            out.push_str(nanos.get(..width.min(9)).unwrap_or(&nanos));
        }
        'n' => number(i64::from(at.subsec_nanosecond())),
        'a' => out.push_str(if hour < 12 { "AM" } else { "PM" }),
        'E' if width >= 3 || width == 1 => out.push_str(name_of(&DAYS, weekday(at.weekday()), width)),
        'E' | 'e' => number(i64::from(weekday(at.weekday())) + 1),
        'X' | 'x' | 'Z' | 'O' => print_offset(letter, width, at.offset().seconds(), out),
        'z' | 'V' => out.push_str(at.time_zone().iana_name().unwrap_or("Z")),
        _ => {}
    }
}

fn weekday(day: Weekday) -> i8 {
    day.to_monday_zero_offset()
}

fn name_of(names: &'static [&'static str], index: i8, width: usize) -> &'static str {
    let name = usize::try_from(index).ok().and_then(|at| names.get(at)).copied().unwrap_or("");
    if width >= 4 { name } else { name.get(..3).unwrap_or(name) }
}

fn print_offset(letter: char, width: usize, seconds: i32, out: &mut String) {
    use std::fmt::Write as _;
    if letter == 'X' && seconds == 0 {
        out.push('Z');
        return;
    }
    let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
    let sign = if seconds < 0 { '-' } else { '+' };
    let colon = if (letter == 'Z' && width == 5) || (letter != 'Z' && width == 3) { ":" } else { "" };
    let written =
        if letter != 'Z' && width == 1 && minutes == 0 { write!(out, "{sign}{hours:02}") } else { write!(out, "{sign}{hours:02}{colon}{minutes:02}") };
    written.ok();
}
