//! The query string: decoded once, read by name, every reading strict.

use std::time::Duration;

use watchbell_json::Failure;
use watchbell_store::time_value;

/// The parameters of a request's URL in their order; a parameter without a value has the value `""`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Decodes `a=b&c`: plus is a space, the last of equal names counts.
    #[must_use]
    pub fn decode(query: &str) -> Parameters {
        let mut decoded: Vec<(String, String)> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (percent_decode(&name.replace('+', " ")), percent_decode(&value.replace('+', " ")));
            if name.is_empty() {
                continue;
            }
            match decoded.iter_mut().find(|(known, _)| *known == name) {
                Some(pair) => pair.1 = value,
                None => decoded.push((name, value)),
            }
        }
        Parameters(decoded)
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// A comma separated list without its empty parts.
    #[must_use]
    pub fn list(&self, name: &str) -> Option<Vec<String>> {
        self.get(name).map(split_list)
    }

    /// # Errors
    /// Neither `true`, `false` nor empty, which is true.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Failure> {
        self.get(name).map(parse_boolean).transpose()
    }

    /// # Errors
    /// As [`Parameters::flag`].
    pub fn flag_or(&self, name: &str, default: bool) -> Result<bool, Failure> {
        Ok(self.flag(name)?.unwrap_or(default))
    }

    /// # Errors
    /// Not a 32-bit number.
    pub fn int(&self, name: &str) -> Result<Option<i32>, Failure> {
        self.number(name, "int")
    }

    /// # Errors
    /// Not a 64-bit number.
    pub fn long(&self, name: &str) -> Result<Option<i64>, Failure> {
        self.number(name, "long")
    }

    /// # Errors
    /// Not a fraction.
    pub fn float(&self, name: &str) -> Result<Option<f64>, Failure> {
        self.number(name, "float")
    }

    fn number<T: std::str::FromStr>(&self, name: &str, kind: &str) -> Result<Option<T>, Failure> {
        let Some(value) = self.get(name).filter(|value| !value.is_empty()) else { return Ok(None) };
        value.parse().map(Some).map_err(|_| {
            Failure::illegal_argument(format!("Failed to parse {kind} parameter [{name}] with value [{value}]"))
                .caused_by(Failure::new("number_format_exception", format!("For input string: \"{value}\"")))
        })
    }

    /// A span of time, `30s`.
    ///
    /// # Errors
    /// A number without unit, or no number.
    pub fn duration(&self, name: &str) -> Result<Option<Duration>, Failure> {
        let Some(value) = self.get(name).filter(|value| !value.is_empty()) else { return Ok(None) };
        // `-1`, without limit, means not to wait.
        time_value(name, value).map(|span| Some(span.unwrap_or(Duration::ZERO)))
    }
}

/// `true`, `false`, or empty for true.
///
/// # Errors
/// Anything else.
pub fn parse_boolean(value: &str) -> Result<bool, Failure> {
    match value {
        "" | "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Failure::illegal_argument(format!("Failed to parse value [{value}] as only [true] or [false] are allowed."))),
    }
}

/// Splits at commas; empty parts are left out.
#[must_use]
pub fn split_list(value: &str) -> Vec<String> {
    value.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Decodes `%41`; what is no valid escape stays, what is no UTF-8 becomes the replacement character.
#[must_use]
pub fn percent_decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escape = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (byte, escape) {
            (b'%', Some(value)) => {
                decoded.push(value);
                at += 3;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Encodes as Java's URLEncoder does, which is what `Location` shows: a space is a plus.
#[must_use]
pub fn form_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => encoded.push(char::from(byte)),
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_a_query_string() {
        let params = Parameters::decode("a=1&b&c=x%20y+z&a=2&=q&d=%zz");
        assert_eq!(params.get("a"), Some("2"));
        assert_eq!(params.get("b"), Some(""));
        assert_eq!(params.get("c"), Some("x y z"));
        assert_eq!(params.get("d"), Some("%zz"));
        assert_eq!(params.names().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
        assert_eq!(params.flag("b"), Ok(Some(true)));
    }

    #[test]
    fn readings_are_strict() {
        let params = Parameters::decode("size=ten&timeout=soon&flag=perhaps&wait=90s&half=1.5m&none=");
        assert_eq!(params.int("size").map_err(|f| f.reason_text().to_owned()), Err("Failed to parse int parameter [size] with value [ten]".to_owned()));
        assert!(params.duration("timeout").is_err_and(|f| f.reason_text().ends_with("unit is missing or unrecognized")));
        assert!(params.flag("flag").is_err());
        assert_eq!(params.duration("wait"), Ok(Some(Duration::from_secs(90))));
        assert!(params.duration("half").is_err_and(|f| f.reason_text() == "failed to parse [1.5m], fractional time values are not supported"));
        assert_eq!(params.int("none"), Ok(None));
        assert_eq!(params.int("absent"), Ok(None));
    }

    #[test]
    fn encodes_and_decodes_what_paths_hold() {
        assert_eq!(form_encode("a b/日"), "a+b%2F%E6%97%A5");
        assert_eq!(percent_decode("a%2Fb%20c%3F%23%25%E6%97%A5"), "a/b c?#%日");
        assert_eq!(percent_decode("%ff"), "\u{fffd}");
        assert_eq!(percent_decode("100%"), "100%");
    }
}
