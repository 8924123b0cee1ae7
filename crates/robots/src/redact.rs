//! Takes secrets out of texts that people or records see.
//!
//! Two nets: the secrets of the accounts we know, verbatim and percent-encoded, and the forms credentials of chat robots have
//! (`access_token=…`, `sign=…`, `key=…`, `hook/…`, `SEC…`), because an answer or an error may quote a credential that is not ours.

use crate::secret::{Secret, percent_encode};

/// What stands in place of a secret.
pub const REDACTED: &str = "::redacted::";

/// Shorter secrets are not searched for verbatim: they would eat innocent text. Real tokens have 36 characters and more.
const NEEDLE_BYTES_MIN: usize = 4;

/// From so many hexadecimal digits on, `SEC…` is a signing secret.
const SIGNING_SECRET_DIGITS_MIN: usize = 32;

/// Query parameters whose values are credentials.
const PARAMETERS: &[&str] = &["access_token=", "sign=", "key="];

/// Removes known secrets and everything that looks like one.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    needles: Vec<Secret>,
}

impl Redactor {
    #[must_use]
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s Secret>) -> Redactor {
        let mut needles: Vec<Secret> = Vec::new();
        for secret in secrets {
            let text = secret.reveal();
            if text.len() < NEEDLE_BYTES_MIN {
                continue;
            }
            for form in [text.to_owned(), percent_encode(text)] {
                let needle = Secret::new(form);
                if !needles.contains(&needle) {
                    needles.push(needle);
                }
            }
        }
        // the longest first: one secret may be the beginning of another
        needles.sort_by_key(|needle| std::cmp::Reverse(needle.reveal().len()));
        Redactor { needles }
    }

    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let known = self.needles.iter().fold(text.to_owned(), |text, needle| text.replace(needle.reveal(), REDACTED));
        redact_forms(&known)
    }
}

/// Removes what has the form of a robot's credential.
#[must_use]
pub fn redact_forms(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match credential_at(rest, out.chars().next_back()) {
            Some((keep, drop)) => {
                out.push_str(&rest[..keep]);
                out.push_str(REDACTED);
                rest = &rest[keep + drop..];
            }
            None => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}

/// If a credential begins here: bytes to keep, bytes to drop.
fn credential_at(text: &str, before: Option<char>) -> Option<(usize, usize)> {
    let starts_word = before.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_');
    if !starts_word {
        return None;
    }
    for name in PARAMETERS {
        if let Some(value) = text.strip_prefix(name) {
            let length = value.find(|c: char| !(c.is_ascii_alphanumeric() || "-._~%+/=".contains(c))).unwrap_or(value.len());
            // `key=1` in a log line is no credential
            let long_enough = if *name == "key=" { 16 } else { 1 };
            return (length >= long_enough).then_some((name.len(), length));
        }
    }
    if let Some(value) = text.strip_prefix("hook/") {
        let length = value.find(|c: char| !(c.is_ascii_hexdigit() || c == '-')).unwrap_or(value.len());
        return (length >= 32).then_some(("hook/".len(), length));
    }
    let digits = text.strip_prefix("SEC")?;
    let length = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
    (length >= SIGNING_SECRET_DIGITS_MIN).then_some((0, "SEC".len() + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_secrets_go_in_both_spellings() {
        let redactor = Redactor::new([&Secret::new("to/ken+1"), &Secret::new("abc")]);
        assert_eq!(redactor.redact("a to/ken+1 b to%2Fken%2B1 c abc"), format!("a {REDACTED} b {REDACTED} c abc"));
        assert!(!format!("{redactor:?}").contains("ken"));
    }

    #[test]
    fn forms_of_credentials_go_without_being_known() {
        for (text, expected) in [
            (
                "POST /robot/send?access_token=0123abcd&timestamp=17&sign=aB%2Fc%3D failed",
                format!("POST /robot/send?access_token={REDACTED}&timestamp=17&sign={REDACTED} failed"),
            ),
            (&format!("secret SEC{}.", "0a".repeat(20)), format!("secret {REDACTED}.")),
            ("hook/6f1c2b3a-0000-4000-8000-1234567890ab?", format!("hook/{REDACTED}?")),
            ("webhook/send?key=6f1c2b3a-0000-4000-8000-1234567890ab", format!("webhook/send?key={REDACTED}")),
            (
                "key=1, monkey=6f1c2b3a-0000-4000-8000-1234567890ab, SECOND, design=x",
                "key=1, monkey=6f1c2b3a-0000-4000-8000-1234567890ab, SECOND, design=x".to_owned(),
            ),
            ("中文 sign=签", "中文 sign=签".to_owned()),
        ] {
            assert_eq!(redact_forms(text), expected);
        }
    }
}
