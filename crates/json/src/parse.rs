//! The parser: strict JSON as Elasticsearch's Jackson reads it, with its positions and, where users meet them, its words.

use std::collections::HashSet;
use std::sync::Arc;

use crate::{Json, Map};

/// What a text may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Deepest nesting; Elasticsearch 8 refuses more than 1000 levels.
    pub depth: usize,
    /// Longest number in characters; Jackson refuses more than 1000.
    pub number: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { depth: 1000, number: 1000 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in bytes.
    pub column: usize,
    pub offset: usize,
    pub message: String,
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{}:{}] {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for ParseError {}

/// A kind of token by the name that parse errors give it (spec watcher-api §0.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    StartObject,
    EndObject,
    StartArray,
    EndArray,
    FieldName,
    ValueString,
    ValueNumber,
    ValueBoolean,
    ValueNull,
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Token::StartObject => "START_OBJECT",
            Token::EndObject => "END_OBJECT",
            Token::StartArray => "START_ARRAY",
            Token::EndArray => "END_ARRAY",
            Token::FieldName => "FIELD_NAME",
            Token::ValueString => "VALUE_STRING",
            Token::ValueNumber => "VALUE_NUMBER",
            Token::ValueBoolean => "VALUE_BOOLEAN",
            Token::ValueNull => "VALUE_NULL",
        })
    }
}

/// The token a value begins with.
#[must_use]
pub fn token_name(value: &Json) -> Token {
    match value {
        Json::Null => Token::ValueNull,
        Json::Bool(_) => Token::ValueBoolean,
        Json::Int(_) | Json::Big(_) | Json::Double(_) => Token::ValueNumber,
        Json::Str(_) | Json::Time(_) => Token::ValueString,
        Json::List(_) => Token::StartArray,
        Json::Map(_) => Token::StartObject,
    }
}

pub(crate) fn parse(text: &[u8], limits: Limits) -> Result<Json, ParseError> {
    let mut parser = Parser { text, at: 0, limits };
    if text.starts_with(b"\xef\xbb\xbf") {
        parser.at = 3;
    }
    parser.skip_blanks()?;
    if parser.at == text.len() {
        return Err(parser.error("No content to map due to end-of-input"));
    }
    let value = parser.value(0)?;
    parser.skip_blanks()?;
    if parser.at < text.len() {
        return Err(parser.unexpected("expected end of the text after the value"));
    }
    Ok(value)
}

struct Parser<'t> {
    text: &'t [u8],
    at: usize,
    limits: Limits,
}

impl Parser<'_> {
    fn error(&self, message: impl Into<String>) -> ParseError {
        let before = &self.text[..self.at.min(self.text.len())];
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|b| **b != b'\n').count();
        ParseError { line, column, offset: self.at, message: message.into() }
    }

    fn unexpected(&self, expected: &str) -> ParseError {
        let Some(byte) = self.peek() else {
            return self.error(format!("Unexpected end-of-input: {expected}"));
        };
        let rest = &self.text[self.at..];
        let found = match std::str::from_utf8(&rest[..rest.len().min(4)]) {
            Ok(text) => text.chars().next(),
            Err(error) => std::str::from_utf8(&rest[..error.valid_up_to()]).ok().and_then(|text| text.chars().next()),
        };
        match found {
            Some(c) if c.is_ascii_alphabetic() => {
                let word: String = rest.iter().take(40).take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').map(|b| char::from(*b)).collect();
                self.error(format!("Unrecognized token '{word}': {expected}"))
            }
            Some(c) if !c.is_control() => self.error(format!("Unexpected character ('{c}' (code {})): {expected}", u32::from(c))),
            _ => self.error(format!("Unexpected character ((CTRL-CHAR, code {byte})): {expected}")),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_blanks(&mut self) -> Result<(), ParseError> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(b'/') => self.skip_comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn skip_comment(&mut self) -> Result<(), ParseError> {
        let rest = &self.text[self.at..];
        if rest.starts_with(b"/*") {
            match rest.windows(2).skip(2).position(|pair| pair == b"*/") {
                Some(end) => self.at += end + 4,
                None => {
                    self.at = self.text.len();
                    return Err(self.error("Unexpected end-of-input in a comment"));
                }
            }
        } else if rest.starts_with(b"//") {
            self.at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        } else {
            return Err(self.unexpected("expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"));
        }
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Json, ParseError> {
        const EXPECTED: &str = "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')";
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(|text| Json::Str(text.into())),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true), EXPECTED),
            Some(b'f') => self.word("false", Json::Bool(false), EXPECTED),
            Some(b'n') => self.word("null", Json::Null, EXPECTED),
            _ => Err(self.unexpected(EXPECTED)),
        }
    }

    fn word(&mut self, word: &str, value: Json, expected: &str) -> Result<Json, ParseError> {
        let rest = &self.text[self.at..];
        let goes_on = rest.get(word.len()).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
        if !rest.starts_with(word.as_bytes()) || goes_on {
            return Err(self.unexpected(expected));
        }
        self.at += word.len();
        Ok(value)
    }

    fn deeper(&self, depth: usize) -> Result<usize, ParseError> {
        if depth >= self.limits.depth {
            return Err(self.error(format!("Document nesting depth ({}) exceeds the maximum allowed ({})", depth + 1, self.limits.depth)));
        }
        Ok(depth + 1)
    }

    fn object(&mut self, depth: usize) -> Result<Json, ParseError> {
        let depth = self.deeper(depth)?;
        self.at += 1;
        let mut map = Map::new();
        self.skip_blanks()?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::from(map));
        }
        let mut seen_large: Option<HashSet<Arc<str>>> = None;
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("was expecting double-quote to start field name"));
            }
            let start = self.at;
            let key: Arc<str> = self.string()?.into();
            let duplicate = match &mut seen_large {
                Some(seen) => !seen.insert(key.clone()),
                None => map.contains_key(&key),
            };
            if duplicate {
                self.at = start;
                return Err(self.error(format!("Duplicate field '{key}'")));
            }
            self.skip_blanks()?;
            if self.peek() != Some(b':') {
                return Err(self.unexpected("was expecting a colon to separate field name and value"));
            }
            self.at += 1;
            self.skip_blanks()?;
            let value = self.value(depth)?;
            map.insert(key, value);
            if seen_large.is_none() && map.len() == 64 {
                seen_large = Some(map.iter().map(|(key, _)| key.clone()).collect());
            }
            self.skip_blanks()?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Json::from(map));
                }
                _ => return Err(self.unexpected("was expecting comma to separate Object entries")),
            }
            self.skip_blanks()?;
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, ParseError> {
        let depth = self.deeper(depth)?;
        self.at += 1;
        let mut items = Vec::new();
        self.skip_blanks()?;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::List(Arc::new(items)));
        }
        loop {
            items.push(self.value(depth)?);
            self.skip_blanks()?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Json::List(Arc::new(items)));
                }
                _ => return Err(self.unexpected("was expecting comma to separate Array entries")),
            }
            self.skip_blanks()?;
        }
    }

    fn string(&mut self) -> Result<String, ParseError> {
        let start = self.at + 1;
        self.at = start;
        let plain = self.text[start..].iter().position(|b| *b == b'"' || *b == b'\\' || *b < 0x20);
        let Some(plain) = plain else {
            self.at = self.text.len();
            return Err(self.error("Unexpected end-of-input: was expecting closing quote for a string value"));
        };
        self.at += plain;
        if self.peek() == Some(b'"') {
            let text = self.utf8(start, self.at)?.to_owned();
            self.at += 1;
            return Ok(text);
        }
        let mut text = self.utf8(start, self.at)?.to_owned();
        loop {
            match self.peek() {
                None => return Err(self.error("Unexpected end-of-input: was expecting closing quote for a string value")),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(control) if control < 0x20 => {
                    return Err(self.error(format!(
                        "Illegal unquoted character ((CTRL-CHAR, code {control})): has to be escaped using backslash to be included in string value"
                    )));
                }
                Some(_) => {
                    let from = self.at;
                    let rest = &self.text[from..];
                    self.at += rest.iter().position(|b| *b == b'"' || *b == b'\\' || *b < 0x20).unwrap_or(rest.len());
                    text.push_str(self.utf8(from, self.at)?);
                }
            }
        }
    }

    fn utf8(&self, from: usize, to: usize) -> Result<&str, ParseError> {
        std::str::from_utf8(&self.text[from..to]).map_err(|error| {
            let at = from + error.valid_up_to();
            let byte = self.text.get(at).copied().unwrap_or_default();
            let mut error = self.error(format!("Invalid UTF-8 start byte 0x{byte:x}"));
            error.offset = at;
            error
        })
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        let escaped = self.text.get(self.at + 1).copied();
        let plain = match escaped {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            Some(other) => {
                self.at += 1;
                return Err(self.error(format!("Unrecognized character escape '{}' (code {other})", char::from(other))));
            }
            None => return Err(self.error("Unexpected end-of-input in character escape sequence")),
        };
        self.at += 2;
        Ok(plain)
    }

    fn hex4(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 4)?;
        digits.iter().try_fold(0, |sum, digit| char::from(*digit).to_digit(16).map(|d| sum * 16 + d))
    }

    /// A lone surrogate has no place in UTF-8 and becomes U+FFFD, as Java writes it out.
    fn unicode_escape(&mut self) -> Result<char, ParseError> {
        let Some(first) = self.hex4(self.at + 2) else {
            self.at += 2;
            return Err(self.unexpected("expected a hex-digit for character escape sequence"));
        };
        self.at += 6;
        if (0xd800..0xdc00).contains(&first)
            && self.text[self.at..].starts_with(b"\\u")
            && let Some(second) = self.hex4(self.at + 2).filter(|low| (0xdc00..0xe000).contains(low))
        {
            self.at += 6;
            let joined = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            return Ok(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn digits(&mut self) -> usize {
        let count = self.text[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += count;
        count
    }

    fn number(&mut self) -> Result<Json, ParseError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let leading = self.at;
        let whole = self.digits();
        if whole == 0 {
            return Err(self.unexpected("expected digit (0-9) to follow minus sign, for valid numeric value"));
        }
        if whole > 1 && self.text[leading] == b'0' {
            self.at = leading;
            return Err(self.error("Invalid numeric value: Leading zeroes not allowed"));
        }
        let mut fraction = false;
        if self.peek() == Some(b'.') {
            self.at += 1;
            fraction = true;
            if self.digits() == 0 {
                return Err(self.unexpected("Decimal point not followed by a digit"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            fraction = true;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(self.unexpected("Exponent indicator not followed by a digit"));
            }
        }
        if self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.' || b == b'"') {
            return Err(self.unexpected("Expected space separating root-level values"));
        }
        if self.at - start > self.limits.number {
            return Err(self.error(format!("Number value length ({}) exceeds the maximum allowed ({})", self.at - start, self.limits.number)));
        }
        let text = self.utf8(start, self.at)?;
        if fraction {
            return text.parse().map(Json::Double).map_err(|_| self.error("Invalid numeric value"));
        }
        Ok(text.parse().map_or_else(|_| Json::Big(text.into()), Json::Int))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_elasticsearch_reads() {
        for (text, printed) in [
            ("\u{feff}{\"a\" : /* note */ [1, -2.5e3, true, null, \"x\\u00e9\\n\"]}", r#"{"a":[1,-2500.0,true,null,"xé\n"]}"#),
            ("12345678901234567890123", "12345678901234567890123"),
            ("-0", "0"),
            ("\"\\ud83d\\ude00\"", "\"😀\""),
            ("\"\\ud83d\"", "\"\u{fffd}\""),
            (" { } ", "{}"),
        ] {
            assert_eq!(Json::parse(text.as_bytes()).map(|value| value.to_string()), Ok(printed.to_owned()), "{text}");
        }
    }

    #[test]
    fn refuses_what_elasticsearch_refuses() {
        for (text, message) in [
            ("", "[1:1] No content to map due to end-of-input"),
            ("{\"a\":1,\"a\":2}", "[1:8] Duplicate field 'a'"),
            ("{\"a\":01}", "[1:6] Invalid numeric value: Leading zeroes not allowed"),
            ("{\"a\":1,}", "[1:8] Unexpected character ('}' (code 125)): was expecting double-quote to start field name"),
            (
                "{\n  \"a\": nope }",
                "[2:8] Unrecognized token 'nope': expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
            ),
            ("[1", "[1:3] Unexpected end-of-input: was expecting comma to separate Array entries"),
            ("{\"a\":NaN}", "[1:6] Unrecognized token 'NaN': expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"),
            ("{} x", "[1:4] Unrecognized token 'x': expected end of the text after the value"),
            ("\"a\nb\"", "[1:3] Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in string value"),
        ] {
            assert_eq!(Json::parse(text.as_bytes()).map_err(|error| error.to_string()), Err(message.to_owned()), "{text}");
        }
        assert!(Json::parse(b"\"\xff\"").is_err());
        let deep = "[".repeat(1001) + &"]".repeat(1001);
        assert!(Json::parse(deep.as_bytes()).is_err_and(|error| error.message.contains("nesting depth")));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            drop(Json::parse(&bytes));
        }

        #[test]
        fn what_is_printed_reads_back(text in "\\PC*", number in proptest::prelude::any::<i64>(), double in -1e300f64..1e300) {
            let value = Json::object().with(text.as_str(), number).with("d", double).with("l", vec![Json::from(text), Json::Null]);
            proptest::prop_assert_eq!(Json::parse(value.to_string().as_bytes()), Ok(value));
        }
    }
}
