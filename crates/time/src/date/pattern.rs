//! Java's pattern letters (`DateTimeFormatter`), compiled to elements.

/// What a number in a date means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Year,
    WeekYear,
    Month,
    Day,
    DayOfYear,
    Week,
    Weekday,
    Quarter,
    Hour,
    /// 1 to 24.
    ClockHour,
    /// 0 to 11.
    HalfDayHour,
    /// 1 to 12.
    ClockHalfDayHour,
    Minute,
    Second,
    Nano,
    MilliOfDay,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Month,
    Weekday,
    HalfDay,
    Era,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Short,
    Full,
    Narrow,
}

/// How an offset is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OffsetStyle {
    /// `+01:00`, or `+0100`, `+01` and regions when read; zero is `Z`. Of the named formats.
    Any,
    /// As `Any`, printed without colon. Of the named formats.
    AnyBasic,
    /// `+HH` with minutes if there are any.
    Hour { zero: &'static str },
    /// `+HHMM`.
    Basic { zero: &'static str },
    /// `+HH:MM`.
    Colon { zero: &'static str },
    /// `GMT+01:00`.
    Localised,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Element {
    Literal(String),
    Number {
        field: Field,
        min: usize,
        max: usize,
        /// Digits when printed.
        print: usize,
    },
    /// Two digits of a year, 2000 to 2099.
    ShortYear(Field),
    /// Digits of a second's fraction, after a `point` of their own, which may be a comma.
    Fraction {
        min: usize,
        max: usize,
        print_min: usize,
        print_max: usize,
        point: Option<char>,
    },
    Name(Name, Style),
    Offset(OffsetStyle),
    /// A region or an offset.
    ZoneId,
    Optional(Vec<Element>),
}

/// How many digits a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Widths {
    /// As `DateTimeFormatterBuilder.appendPattern` has it.
    Java,
    /// Of the named formats: exactly the letters.
    Strict,
    /// Of the named formats without `strict_`: from one digit.
    Lenient,
}

/// Deepest nesting of `[` `]`: no real format has more than a few, and it bounds recursion.
const OPTIONAL_DEPTH_MAX: usize = 32;

/// Most letters of one kind that Java takes for a number.
const LETTERS_MAX: usize = 19;

/// From so many letters on a year takes more digits only where digits of other fields follow.
pub(super) const YEAR_EXACT_MIN: usize = 4;

pub(super) fn compile(pattern: &str, widths: Widths) -> Result<Vec<Element>, String> {
    let mut stack: Vec<Vec<Element>> = vec![Vec::new()];
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        let element = match c {
            'A'..='Z' | 'a'..='z' => {
                let mut count = 1;
                while chars.next_if_eq(&c).is_some() {
                    count += 1;
                }
                letter(c, count, widths)?
            }
            '\'' => Element::Literal(quoted(&mut chars, pattern)?),
            '[' if stack.len() > OPTIONAL_DEPTH_MAX => {
                return Err("Pattern nests too many optional sections".into());
            }
            '[' => {
                stack.push(Vec::new());
                continue;
            }
            ']' => match stack.pop() {
                Some(inner) if !stack.is_empty() => Element::Optional(inner),
                _ => return Err("Pattern invalid as it contains ] without previous [".into()),
            },
            '{' | '}' | '#' => return Err(format!("Pattern includes reserved character: '{c}'")),
            other => Element::Literal(other.into()),
        };
        if let Some(top) = stack.last_mut() {
            push(top, element);
        }
    }
    // Java closes what is open.
    while stack.len() > 1 {
        if let (Some(inner), Some(outer)) = (stack.pop(), stack.last_mut()) {
            outer.push(Element::Optional(inner));
        }
    }
    Ok(stack.pop().unwrap_or_default())
}

/// A fraction in the named formats owns the point before it.
fn push(elements: &mut Vec<Element>, mut element: Element) {
    if let Element::Fraction { point: point @ None, print_max: 9, .. } = &mut element {
        let separator = match elements.last() {
            Some(Element::Literal(text)) if text == "." => Some('.'),
            Some(Element::Literal(text)) if text == "," => Some(','),
            _ => None,
        };
        if separator.is_some() {
            elements.pop();
            *point = separator;
        }
    }
    elements.push(element);
}

fn quoted(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, pattern: &str) -> Result<String, String> {
    if chars.next_if_eq(&'\'').is_some() {
        return Ok("'".into());
    }
    let mut literal = String::new();
    loop {
        match chars.next() {
            None => {
                return Err(format!("Pattern ends with an incomplete string literal: {pattern}"));
            }
            Some('\'') if chars.next_if_eq(&'\'').is_some() => literal.push('\''),
            Some('\'') => return Ok(literal),
            Some(other) => literal.push(other),
        }
    }
}

fn letter(c: char, count: usize, widths: Widths) -> Result<Element, String> {
    let too_many = || Err(format!("Too many pattern letters: {c}"));
    let two = |field| number(field, count, 2, widths);
    let name = |kind| match count {
        1..=3 => Ok(Element::Name(kind, Style::Short)),
        4 => Ok(Element::Name(kind, Style::Full)),
        5 => Ok(Element::Name(kind, Style::Narrow)),
        _ => too_many(),
    };
    match c {
        'y' | 'u' => year(Field::Year, count, widths),
        'Y' => year(Field::WeekYear, count, widths),
        'M' | 'L' if count <= 2 => two(Field::Month),
        'M' | 'L' => name(Name::Month),
        'Q' | 'q' if count <= 2 => two(Field::Quarter),
        'd' => two(Field::Day),
        'D' => number(Field::DayOfYear, count, 3, widths),
        'w' => two(Field::Week),
        'e' | 'c' if count <= 2 => Ok(Element::Number { field: Field::Weekday, min: count, max: count, print: count }),
        'E' | 'e' | 'c' => name(Name::Weekday),
        'a' if count == 1 => Ok(Element::Name(Name::HalfDay, Style::Short)),
        'a' => too_many(),
        'G' => name(Name::Era),
        'H' => two(Field::Hour),
        'k' => two(Field::ClockHour),
        'K' => two(Field::HalfDayHour),
        'h' => two(Field::ClockHalfDayHour),
        'm' => two(Field::Minute),
        's' => two(Field::Second),
        'S' if count > 9 => Err(format!("Minimum width must be from 0 to 9 inclusive but was {count}")),
        'S' if widths == Widths::Java => Ok(Element::Fraction { min: count, max: count, print_min: count, print_max: count, point: None }),
        'S' => Ok(Element::Fraction { min: 1, max: 9, print_min: count, print_max: 9, point: None }),
        'n' => number(Field::Nano, count, LETTERS_MAX, widths),
        'A' => number(Field::MilliOfDay, count, LETTERS_MAX, widths),
        'Z' if widths != Widths::Java => Ok(Element::Offset(if count == 1 { OffsetStyle::Any } else { OffsetStyle::AnyBasic })),
        'Z' | 'X' | 'x' | 'O' => offset(c, count),
        'V' if count == 2 => Ok(Element::ZoneId),
        'V' => Err(format!("Pattern letter count must be 2: {c}")),
        'z' | 'v' if count <= 4 => Ok(Element::ZoneId),
        'z' | 'v' => too_many(),
        _ => Err(format!("Unknown pattern letter: {c}")),
    }
}

fn year(field: Field, count: usize, widths: Widths) -> Result<Element, String> {
    let (min, max) = match (widths, count) {
        (_, 2) => return Ok(Element::ShortYear(field)),
        (Widths::Java | Widths::Strict, 1..=LETTERS_MAX) => (count, LETTERS_MAX),
        (Widths::Java | Widths::Strict, _) => return Err("Too many pattern letters: y".into()),
        (Widths::Lenient, _) => (1, count),
    };
    Ok(Element::Number { field, min, max, print: count })
}

/// One letter takes any number of digits, several take exactly as many.
fn number(field: Field, count: usize, most: usize, widths: Widths) -> Result<Element, String> {
    if count > most {
        return Err(format!("Too many pattern letters: {}", letter_of(field)));
    }
    let (min, max) = match (widths, count) {
        (Widths::Java, 1) => (1, LETTERS_MAX),
        (Widths::Lenient, _) => (1, count),
        _ => (count, count),
    };
    Ok(Element::Number { field, min, max, print: count })
}

fn letter_of(field: Field) -> char {
    match field {
        Field::Year => 'y',
        Field::WeekYear => 'Y',
        Field::Month => 'M',
        Field::Day => 'd',
        Field::DayOfYear => 'D',
        Field::Week => 'w',
        Field::Weekday => 'e',
        Field::Quarter => 'Q',
        Field::Hour => 'H',
        Field::ClockHour => 'k',
        Field::HalfDayHour => 'K',
        Field::ClockHalfDayHour => 'h',
        Field::Minute => 'm',
        Field::Second => 's',
        Field::Nano => 'n',
        Field::MilliOfDay => 'A',
    }
}

fn offset(c: char, count: usize) -> Result<Element, String> {
    let zero = |x: &'static str| if c == 'X' { "Z" } else { x };
    let style = match (c, count) {
        ('Z', 1..=3) => OffsetStyle::Basic { zero: "+0000" },
        ('Z' | 'O', 4) | ('O', 1) => OffsetStyle::Localised,
        ('Z', 5) => OffsetStyle::Colon { zero: "Z" },
        ('X' | 'x', 1) => OffsetStyle::Hour { zero: zero("+00") },
        ('X' | 'x', 2 | 4) => OffsetStyle::Basic { zero: zero("+0000") },
        ('X' | 'x', 3 | 5) => OffsetStyle::Colon { zero: zero("+00:00") },
        ('O', _) => return Err("Pattern letter count must be 1 or 4: O".into()),
        _ => return Err(format!("Too many pattern letters: {c}")),
    };
    Ok(Element::Offset(style))
}
