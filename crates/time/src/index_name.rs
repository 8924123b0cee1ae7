//! Date math in index names: `<logs-{now/d{yyyy.MM.dd|+01:00}}>` (spec watcher-parts §1.5).

use std::borrow::Cow;

use jiff::Timestamp;

use crate::date::{DateFormat, FormatError, Rounding};
use crate::date_math::{self, DateMathError};
use crate::zone::{Zone, ZoneError};

/// Without a format of its own an expression prints, and reads its anchor, like this.
const FORMAT: &str = "uuuu.MM.dd";

/// Why a name cannot be resolved: prints as the reason of the exception that [`IndexNameError::kind`] names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexNameError {
    /// The name as the reference shows it, and what is wrong with it.
    Expression {
        name: String,
        detail: String,
    },
    /// Nothing is left of the name.
    Empty,
    Format(FormatError),
    Zone(ZoneError),
    Math(DateMathError),
}

impl IndexNameError {
    /// The exception's name in snake case.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            IndexNameError::Expression { .. } | IndexNameError::Empty | IndexNameError::Math(_) => "parse_exception",
            IndexNameError::Format(_) => "illegal_argument_exception",
            IndexNameError::Zone(error) => error.kind(),
        }
    }
}

impl std::fmt::Display for IndexNameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            IndexNameError::Expression { name, detail } => {
                write!(f, "invalid dynamic name expression [{name}]. {detail}")
            }
            IndexNameError::Empty => f.write_str("nothing captured"),
            IndexNameError::Format(error) => error.fmt(f),
            IndexNameError::Zone(error) => error.fmt(f),
            IndexNameError::Math(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for IndexNameError {}

/// The name that `name` stands for at `now`; anything but `<…>` stands for itself.
///
/// # Errors
/// [`IndexNameError`], in Elasticsearch's words.
pub fn resolve(name: &str, now: Timestamp) -> Result<Cow<'_, str>, IndexNameError> {
    let Some(body) = name.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) else {
        return Ok(Cow::Borrowed(name));
    };
    // The reference shows the name without its first character only.
    let fail = |detail: String| IndexNameError::Expression { name: name[1..].into(), detail };
    let mut resolved = String::new();
    let mut placeholder: Option<String> = None;
    let (mut in_format, mut escaped) = (false, false);
    for (at, c) in body.chars().enumerate() {
        let literal = std::mem::take(&mut escaped);
        if c == '\\' {
            escaped = true;
            continue;
        }
        match (&mut placeholder, c) {
            (None, '{') if !literal => placeholder = Some(String::new()),
            (None, '}') if !literal => return Err(fail(reserved(at + 1))),
            (None, _) => resolved.push(c),
            (Some(_), '{') if in_format && !literal => {
                return Err(fail(format!("invalid character in placeholder at position [{}]", at + 1)));
            }
            (Some(expression), '{') if !in_format => {
                in_format = true;
                expression.push(c);
            }
            (Some(expression), '}') if in_format => {
                in_format = literal;
                expression.push(c);
            }
            (Some(expression), '}') => {
                resolved.push_str(&evaluate(expression, now)?);
                placeholder = None;
            }
            (Some(expression), _) => expression.push(c),
        }
    }
    if placeholder.is_some() {
        return Err(fail("date math placeholder is open ended".into()));
    }
    if resolved.is_empty() { Err(IndexNameError::Empty) } else { Ok(Cow::Owned(resolved)) }
}

fn reserved(at: usize) -> String {
    format!(
        "invalid character at position [{at}]. `{{` and `}}` are reserved characters and should be escaped when used as part of the index name using `\\` (e.g. `\\{{text\\}}`)"
    )
}

/// `math`, `math{format}`, `math{format|zone}`.
fn evaluate(expression: &str, now: Timestamp) -> Result<String, IndexNameError> {
    let fail = |detail: &str| IndexNameError::Expression { name: expression.into(), detail: detail.into() };
    let (math, format, zone) = match expression.split_once('{') {
        None => (expression, FORMAT, Zone::utc()),
        Some((math, rest)) => {
            let format = rest.strip_suffix('}').ok_or_else(|| fail("missing closing `}` for date math format"))?;
            if format.is_empty() {
                return Err(fail("missing date format"));
            }
            match format.split_once('|') {
                Some((format, zone)) => (math, format, Zone::parse(zone).map_err(IndexNameError::Zone)?),
                None => (math, format, Zone::utc()),
            }
        }
    };
    let format = DateFormat::new(format).map_err(IndexNameError::Format)?;
    let at = date_math::parse(math, now, &format, zone.rules(), Rounding::Down).map_err(IndexNameError::Math)?;
    Ok(format.print(at, zone.rules()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resolved(name: &str) -> Result<String, String> {
        let now = "2026-11-24T23:30:00Z".parse().unwrap();
        resolve(name, now).map(Cow::into_owned).map_err(|e| e.to_string())
    }

    #[test]
    fn names_with_dates() {
        for (name, expected) in [
            ("logs", "logs"),
            ("logs-{now/d}", "logs-{now/d}"),
            ("<logs>", "logs"),
            ("<logs-{now/d}>", "logs-2026.11.24"),
            ("<logs-{now-1d/d{yyyy.MM.dd|+01:00}}>", "logs-2026.11.24"),
            ("<logs-{now/d{yyyy.MM.dd|+01:00}}-{now/M{yyyy.MM}}*>", "logs-2026.11.25-2026.11*"),
            ("<t-d-{2026.03.01||-1d}>", "t-d-2026.02.28"),
            ("<t-{2026.11||{yyyy.MM}}>", "t-2026.11"),
            ("<t-d-{2026.11||/M{yyyy.MM}}>", "t-d-2026.11"),
            ("<t-{2026||/y{yyyy}}>", "t-2026"),
            ("<t-\\{x\\}-{2026.11.24||}>", "t-{x}-2026.11.24"),
        ] {
            assert_eq!(resolved(name).as_deref(), Ok(expected), "{name}");
        }
    }

    #[test]
    fn errors_have_elasticsearchs_words() {
        for (name, expected) in [
            ("<wbc-t-{now/>", "invalid dynamic name expression [wbc-t-{now/>]. date math placeholder is open ended"),
            ("<a-{now/d{}}>", "invalid dynamic name expression [now/d{}]. missing date format"),
            ("<a-{now/d{yyyy}x}>", "invalid dynamic name expression [now/d{yyyy}x]. missing closing `}` for date math format"),
            ("<a-{now/d{yyyy{MM}}}>", "invalid dynamic name expression [a-{now/d{yyyy{MM}}}>]. invalid character in placeholder at position [14]"),
            ("<>", "nothing captured"),
            ("<a-{now/d{yyyy|Pangea/Tethys}}>", "Unknown time-zone ID: Pangea/Tethys"),
            ("<a-{now/x}>", "unit [x] not supported for date math [/x]"),
            (
                "<t-d-{2026-11-24||/d}>",
                "failed to parse date field [2026-11-24] with format [uuuu.MM.dd]: [failed to parse date field [2026-11-24] with format [uuuu.MM.dd]]",
            ),
        ] {
            assert_eq!(resolved(name).unwrap_err(), expected, "{name}");
        }
        assert!(resolved("<a-}>").unwrap_err().starts_with("invalid dynamic name expression [a-}>]. invalid character at position [3]. `{` and `}`"));
    }

    proptest! {
        #[test]
        fn nothing_panics(name in "<\\PC{0,24}>|<[a{}|\\\\now/dy:0-9]{0,20}>") {
            let _any = resolved(&name);
        }
    }
}
