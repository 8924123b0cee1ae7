//! Dates as mappings and queries write them: Elasticsearch's format strings, alternatives joined by `||`.
//!
//! A [`DateFormat`] is compiled once from its text: named formats (`strict_date_optional_time`, `epoch_millis`, …) and Java's
//! pattern letters. It parses to an instant, says with [`Rounding::Up`] what the *end* of an incomplete date is (`2026-11-19`
//! ends with its last nanosecond, whose millisecond is .999), and prints with its first alternative.
//!
//! Which *strings* become dates by dynamic mapping is the store's rule, narrower than the grammar: `2026` parses here, but
//! dynamic detection looks only at text that holds a `-`, `:` or `/`.

mod fields;
mod named;
mod pattern;
mod print;
mod scan;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use fields::Fields;
use pattern::Element;

/// Longest format string in bytes: no honest one comes near, and what is compiled from it is kept with the mapping.
const FORMAT_MAX: usize = 1024;

/// Which instant an incomplete or rounded date stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// The first: for `gte` and `lt`.
    Down,
    /// The last: for `gt` and `lte`.
    Up,
}

/// A format string, compiled.
#[derive(Clone, Debug)]
pub struct DateFormat {
    text: String,
    alternatives: Vec<Alternative>,
}

/// Equal texts are equal formats.
impl PartialEq for DateFormat {
    fn eq(&self, other: &DateFormat) -> bool {
        self.text == other.text
    }
}

#[derive(Clone, Debug)]
enum Alternative {
    EpochMillis,
    EpochSecond,
    Pattern { parser: Vec<Element>, printer: Vec<Element> },
}

/// A format string that is none: prints as the reason of Elasticsearch's `illegal_argument_exception`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatError {
    Empty,
    EmptyElement { format: String },
    Pattern { pattern: String, cause: String },
}

impl FormatError {
    /// The reason of its cause, if it has one: an `illegal_argument_exception` too (`Unknown pattern letter: o`).
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        match self {
            FormatError::Pattern { cause, .. } => Some(cause),
            FormatError::Empty | FormatError::EmptyElement { .. } => None,
        }
    }
}

impl std::fmt::Display for FormatError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FormatError::Empty => f.write_str("No date pattern provided"),
            FormatError::EmptyElement { format } => write!(f, "Cannot have empty element in multi date format pattern: {format}"),
            FormatError::Pattern { pattern, cause } => write!(f, "Invalid format: [{pattern}]: {cause}"),
        }
    }
}

impl std::error::Error for FormatError {}

/// A text that does not fit: prints as the reason of Elasticsearch's `illegal_argument_exception`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateError {
    text: String,
    format: String,
    cause: Option<String>,
}

impl DateError {
    /// The reason of the cause, a `date_time_parse_exception`; none for an empty text.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }
}

impl std::fmt::Display for DateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.text.is_empty() {
            return f.write_str("cannot parse empty date");
        }
        write!(f, "failed to parse date field [{}] with format [{}]", self.text, self.format)
    }
}

impl std::error::Error for DateError {}

impl DateFormat {
    /// The default of `date` fields.
    pub const DEFAULT: &'static str = "strict_date_optional_time||epoch_millis";

    /// The default of `date_nanos` fields.
    pub const DEFAULT_NANOS: &'static str = "strict_date_optional_time_nanos||epoch_millis";

    /// The two formats that dynamic mapping tries, in this order.
    pub const DYNAMIC: [&'static str; 2] = ["strict_date_optional_time", "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"];

    /// # Errors
    /// [`FormatError`]: a name or pattern letter that nobody knows, quotes or brackets that do not match.
    pub fn new(text: &str) -> Result<DateFormat, FormatError> {
        // A leading 8 marked a java-time pattern while both kinds were known.
        let body = text.strip_prefix('8').unwrap_or(text);
        if body.is_empty() {
            return Err(FormatError::Empty);
        }
        if body.len() > FORMAT_MAX {
            return Err(FormatError::Pattern { pattern: scan::shown(body), cause: format!("Pattern is longer than {FORMAT_MAX} bytes") });
        }
        let mut alternatives = Vec::new();
        for pattern in body.split("||") {
            if pattern.is_empty() {
                return Err(FormatError::EmptyElement { format: text.into() });
            }
            alternatives.push(Alternative::new(pattern).map_err(|cause| FormatError::Pattern { pattern: pattern.into(), cause })?);
        }
        Ok(DateFormat { text: text.into(), alternatives })
    }

    /// `strict_date_optional_time||epoch_millis`.
    #[must_use]
    pub fn default_format() -> DateFormat {
        DateFormat { text: DateFormat::DEFAULT.into(), alternatives: vec![named::strict_date_optional_time(), Alternative::EpochMillis] }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first instant that `text` stands for; `zone` applies to a text without one of its own.
    ///
    /// # Errors
    /// [`DateError`] if no alternative fits, or the date does not exist.
    pub fn parse(&self, text: &str, zone: &TimeZone) -> Result<Timestamp, DateError> {
        self.parse_rounding(text, zone, Rounding::Down)
    }

    /// As [`DateFormat::parse`]; `Rounding::Up` fills what is missing of the time of day with its maximum. A missing month or
    /// day is the first either way, as in Elasticsearch: `lte: 2026-11` ends with the first of November.
    ///
    /// # Errors
    /// [`DateError`] if no alternative fits, or the date does not exist.
    pub fn parse_rounding(&self, text: &str, zone: &TimeZone, rounding: Rounding) -> Result<Timestamp, DateError> {
        let mut cause = String::new();
        if !text.is_empty() {
            for alternative in &self.alternatives {
                match alternative.parse(text, zone, rounding) {
                    Ok(at) => return Ok(at),
                    Err(why) => cause = why,
                }
            }
        }
        // The epoch formats are several parsers in one.
        if !matches!(self.alternatives.as_slice(), [Alternative::Pattern { .. }]) {
            cause = "Failed to parse with all enclosed parsers".into();
        }
        Err(DateError { text: text.into(), format: self.text.clone(), cause: (!text.is_empty()).then_some(cause) })
    }

    /// The instant in the first alternative, as seen in `zone`.
    #[must_use]
    pub fn print(&self, at: Timestamp, zone: &TimeZone) -> String {
        match self.alternatives.first() {
            Some(Alternative::EpochMillis) | None => print::epoch(at, 6),
            Some(Alternative::EpochSecond) => print::epoch(at, 9),
            Some(Alternative::Pattern { printer, .. }) => print::print(printer, at, zone),
        }
    }
}

impl Alternative {
    fn new(part: &str) -> Result<Alternative, String> {
        if let Some(named) = named::lookup(part) {
            return Ok(named);
        }
        let elements = pattern::compile(part, pattern::Widths::Java)?;
        Ok(Alternative::Pattern { parser: elements.clone(), printer: elements })
    }

    fn parse(&self, text: &str, zone: &TimeZone, rounding: Rounding) -> Result<Timestamp, String> {
        match self {
            Alternative::EpochMillis => scan::epoch(text, 6, rounding),
            Alternative::EpochSecond => scan::epoch(text, 9, rounding),
            Alternative::Pattern { parser, .. } => {
                let mut fields = Fields::default();
                scan::scan(parser, text, &mut fields)?;
                fields.resolve(zone, rounding).map_err(|why| format!("Text '{}' could not be parsed: {why}", scan::shown(text)))
            }
        }
    }
}

#[cfg(test)]
mod tests;
