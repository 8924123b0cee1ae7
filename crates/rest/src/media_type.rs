//! Content types: what a body is, and what the answer shall be (spec watcher-api §1.1).

use watchbell_json::Failure;

/// What a request's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    Json,
    Ndjson,
    Yaml,
    /// `text/plain`: understood as an answer's type only.
    Text,
}

/// A media type as it was named: with the vendor's compatibility version, if there was one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedMediaType {
    pub media_type: MediaType,
    /// `compatible-with` of `application/vnd.elasticsearch+json`.
    pub compatible_with: Option<u8>,
}

impl NamedMediaType {
    /// How the type is written in an answer's header.
    #[must_use]
    pub fn header(self) -> String {
        let subtype = match self.media_type {
            MediaType::Json => "json",
            MediaType::Ndjson => "x-ndjson",
            MediaType::Yaml => "yaml",
            MediaType::Text => return "text/plain; charset=UTF-8".to_owned(),
        };
        match self.compatible_with {
            Some(version) => format!("application/vnd.elasticsearch+{subtype};compatible-with={version}"),
            None if self.media_type == MediaType::Yaml => "application/yaml".to_owned(),
            None => format!("application/{subtype}"),
        }
    }
}

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderType {
    Known(NamedMediaType),
    /// Well formed, and not ours.
    Unsupported,
}

/// Reads one media type.
///
/// # Errors
/// `media_type_header_exception` when it has not even the form of one, or names a compatibility nobody has.
pub fn parse(header: &'static str, value: &str) -> Result<HeaderType, Failure> {
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or("").to_ascii_lowercase();
    let Some((kind, subtype)) = essence.split_once('/').filter(|(kind, subtype)| is_token(kind) && is_token(subtype)) else {
        return Err(invalid(header, value));
    };
    let mut compatible_with = None;
    for parameter in parts.filter(|part| !part.is_empty()) {
        let Some((name, given)) = parameter.split_once('=') else { return Err(invalid(header, value)) };
        if name.trim().eq_ignore_ascii_case("compatible-with") {
            compatible_with = Some(given.trim().parse::<u8>().map_err(|_| invalid(header, value))?);
        }
    }
    let media_type = match (kind, subtype) {
        ("application", "json" | "vnd.elasticsearch+json") => MediaType::Json,
        ("application", "x-ndjson" | "vnd.elasticsearch+x-ndjson") => MediaType::Ndjson,
        ("application", "yaml" | "vnd.elasticsearch+yaml") => MediaType::Yaml,
        ("text", "plain") => MediaType::Text,
        _ => return Ok(HeaderType::Unsupported),
    };
    let vendor = subtype.starts_with("vnd.elasticsearch+");
    match compatible_with {
        // A real 8.x refuses 9; being kind to the 9.x clients is a listed deviation.
        Some(version) if vendor && !(6..=9).contains(&version) => Err(Failure::new(
            "media_type_header_exception",
            format!(
                "A compatible version is required on both Content-Type and Accept headers if either one has requested a compatible version. {header}={value}"
            ),
        )),
        Some(version) if vendor => Ok(HeaderType::Known(NamedMediaType { media_type, compatible_with: Some(version) })),
        _ => Ok(HeaderType::Known(NamedMediaType { media_type, compatible_with: None })),
    }
}

/// The answer's type that an `Accept` header asks for; `None` leaves it to the API.
///
/// # Errors
/// [`NotAcceptable`] when nothing of the list can be given.
pub fn accept(value: &str) -> Result<Option<NamedMediaType>, NotAcceptable> {
    let mut any = false;
    for range in value.split(',').map(str::trim).filter(|range| !range.is_empty()) {
        if range.starts_with("*/*") || range.starts_with("application/*") {
            any = true;
            continue;
        }
        match parse("Accept", range) {
            Ok(HeaderType::Known(known)) => return Ok(Some(known)),
            Ok(HeaderType::Unsupported) => {}
            Err(failure) => return Err(NotAcceptable::Malformed(failure)),
        }
    }
    if any || value.trim().is_empty() { Ok(None) } else { Err(NotAcceptable::Unsupported) }
}

#[derive(Clone, Debug, PartialEq)]
pub enum NotAcceptable {
    Malformed(Failure),
    Unsupported,
}

fn invalid(header: &str, value: &str) -> Failure {
    Failure::new("media_type_header_exception", format!("Invalid media-type value on headers [{header}]"))
        .caused_by(Failure::illegal_argument(format!("invalid {header} header [{value}]")))
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+.^_`|~-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_clients_send() {
        let json = |compatible_with| Ok(HeaderType::Known(NamedMediaType { media_type: MediaType::Json, compatible_with }));
        for (text, expected) in [
            ("application/json", json(None)),
            ("Application/JSON; charset=UTF-8", json(None)),
            ("application/vnd.elasticsearch+json; compatible-with=8", json(Some(8))),
            ("application/vnd.elasticsearch+json;compatible-with=9", json(Some(9))),
            ("text/html", Ok(HeaderType::Unsupported)),
        ] {
            assert_eq!(parse("Content-Type", text), expected, "{text}");
        }
        for text in ["nonsense", "", "application/", "application/vnd.elasticsearch+json;compatible-with=77"] {
            assert!(parse("Content-Type", text).is_err_and(|f| f.kind == "media_type_header_exception"), "{text}");
        }
    }

    #[test]
    fn accepts_what_can_be_given() {
        assert_eq!(accept("*/*"), Ok(None));
        assert_eq!(accept("text/html,application/xhtml+xml,*/*;q=0.8"), Ok(None));
        assert_eq!(accept("text/html"), Err(NotAcceptable::Unsupported));
        let vendor = accept("application/vnd.elasticsearch+json;compatible-with=8").ok().flatten().map(NamedMediaType::header);
        assert_eq!(vendor.as_deref(), Some("application/vnd.elasticsearch+json;compatible-with=8"));
    }
}
