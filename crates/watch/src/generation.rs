//! Which generation of Elasticsearch is spoken, and what differs between them for a watch.

use watchbell_json::{Failure, ParseError};
use watchbell_time::Timestamp;

use crate::WatchId;

/// The generation of the reference whose texts, shapes and version number are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Generation {
    G6,
    G7,
    #[default]
    G8,
    G9,
}

/// How templates print dates (spec watcher-parts §1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateText {
    /// Always with at least milliseconds.
    Millis,
    /// As `java.time` prints: zero parts dropped.
    Java,
}

impl Generation {
    pub const ALL: [Generation; 4] = [Generation::G6, Generation::G7, Generation::G8, Generation::G9];

    /// From the number of the setting, 6 to 9.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Generation> {
        Generation::ALL.into_iter().find(|generation| i64::from(generation.number()) == number)
    }

    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Generation::G6 => 6,
            Generation::G7 => 7,
            Generation::G8 => 8,
            Generation::G9 => 9,
        }
    }

    /// The version a node of this generation claims.
    #[must_use]
    pub fn version(self) -> &'static str {
        match self {
            Generation::G6 => "6.8.23",
            Generation::G7 => "7.17.29",
            Generation::G8 => "8.19.0",
            Generation::G9 => "9.1.0",
        }
    }

    #[must_use]
    pub fn date_text(self) -> DateText {
        match self {
            Generation::G6 | Generation::G7 => DateText::Millis,
            Generation::G8 | Generation::G9 => DateText::Java,
        }
    }

    /// An instant as this generation's clock knows it: milliseconds in generation 6, microseconds later.
    #[must_use]
    pub fn clock_reading(self, at: Timestamp) -> Timestamp {
        let cut = match self {
            Generation::G6 => Timestamp::from_millisecond(at.as_millisecond()),
            Generation::G7 | Generation::G8 | Generation::G9 => Timestamp::from_microsecond(at.as_microsecond()),
        };
        cut.unwrap_or(at)
    }

    /// Whether records carry `@timestamp`.
    #[must_use]
    pub fn records_have_timestamp(self) -> bool {
        self >= Generation::G8
    }

    /// Whether `throttle`-like stats metrics bear the names that were repaired in 7.0 (spec watcher-api §9.5).
    #[must_use]
    pub fn metric_names_are_shifted(self) -> bool {
        self == Generation::G6
    }

    /// The reason of `document_missing_exception` for a watch.
    #[must_use]
    pub fn document_missing_reason(self, id: &WatchId) -> String {
        match self {
            Generation::G6 => format!("[doc][{id}]: document missing"),
            Generation::G7 => format!("[_doc][{id}]: document missing"),
            Generation::G8 | Generation::G9 => format!("[{id}]: document missing"),
        }
    }

    /// What a body that is no JSON comes to where a watch was expected (spec watcher-api §12).
    #[must_use]
    pub fn malformed_watch(self, id: &WatchId, error: &ParseError) -> Failure {
        let cause = self.malformed_json(error);
        match self {
            Generation::G6 | Generation::G7 => Failure::new("i_o_exception", format!("could not parse watch [{id}]")).caused_by(cause),
            Generation::G8 | Generation::G9 => cause,
        }
    }

    /// The parser's own exception for a text that is no JSON.
    #[must_use]
    pub fn malformed_json(self, error: &ParseError) -> Failure {
        let located = format!("{}\n at [Source: (byte[]); line: {}, column: {}]", error.message, error.line, error.column);
        let cause = Failure::new("json_parse_exception", located);
        match self {
            Generation::G6 | Generation::G7 => cause,
            Generation::G8 | Generation::G9 => Failure::new("x_content_parse_exception", error.to_string()).caused_by(cause),
        }
    }
}

impl std::fmt::Display for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::Json;

    #[test]
    fn malformed_json_is_an_io_error_until_7_and_a_client_error_from_8_on() {
        let id = WatchId::parse("w").unwrap();
        let error = Json::parse(b"{\"a\":").unwrap_err();
        assert_eq!(Generation::G7.malformed_watch(&id, &error).reason_text(), "could not parse watch [w]");
        assert_eq!(Generation::G6.malformed_watch(&id, &error).kind, "i_o_exception");
        assert_eq!(Generation::G8.malformed_watch(&id, &error).kind, "x_content_parse_exception");
        assert_eq!(Generation::from_number(9), Some(Generation::G9));
        assert_eq!(Generation::from_number(5), None);
    }

    #[test]
    fn clocks_of_generation_6_have_milliseconds() {
        let at: Timestamp = "2021-02-03T08:20:58.317471234Z".parse().unwrap();
        assert_eq!(Generation::G6.clock_reading(at).to_string(), "2021-02-03T08:20:58.317Z");
        assert_eq!(Generation::G8.clock_reading(at).to_string(), "2021-02-03T08:20:58.317471Z");
    }
}
