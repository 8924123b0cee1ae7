//! Secrets of a definition, and how they come and go (spec watcher-api §3.5).

use watchbell_json::{Failure, Json};

/// What stands in the place of a secret in every answer and record.
pub const REDACTED: &str = "::es_redacted::";

/// The prefix of a secret that was stored encrypted; such a text is shown as it is.
const ENCRYPTED_PREFIX: &str = "::es_encrypted::";

/// A password or the like; its `Debug` form never shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    #[must_use]
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// For the wire and the store only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// As answers and records show it.
    #[must_use]
    pub fn redacted(&self) -> Json {
        if self.0.starts_with(ENCRYPTED_PREFIX) { Json::from(&*self.0) } else { REDACTED.into() }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How a definition is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// For answers and records.
    Redacted,
    /// For the store.
    Plain,
}

impl Secrets {
    pub(crate) fn print(self, secret: &Secret) -> Json {
        match self {
            Secrets::Redacted => secret.redacted(),
            Secrets::Plain => Json::from(secret.reveal()),
        }
    }
}

/// What a redacted secret in a definition means: kept from what is stored (an update), or an error (everything else).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedactedSecret {
    Refuse,
    /// Those that had a stored counterpart were put back by [`restore`]; the others are dropped.
    Drop,
}

impl RedactedSecret {
    /// # Errors
    /// `parse_exception` for the redacted marker where it has no meaning.
    pub fn read(self, text: &str, field: &str) -> Result<Option<Secret>, Failure> {
        if text != REDACTED {
            return Ok(Some(Secret::new(text)));
        }
        match self {
            RedactedSecret::Drop => Ok(None),
            RedactedSecret::Refuse => Err(Failure::parse(format!("found redacted password in field [{field}]"))),
        }
    }
}

/// `body` with every redacted marker replaced by the text that `stored` has at the same place.
///
/// The reference merges the whole new definition into the stored one for this one purpose; here a new definition replaces the
/// old one, and only secrets survive.
#[must_use]
pub fn restore(body: &Json, stored: &Json) -> Json {
    match (body, stored) {
        (Json::Str(text), Json::Str(_)) if &**text == REDACTED => stored.clone(),
        (Json::Map(map), Json::Map(old)) => {
            let restored = map.iter().map(|(name, value)| (name.clone(), old.get(name).map_or_else(|| value.clone(), |old| restore(value, old))));
            Json::from(restored.collect::<watchbell_json::Map>())
        }
        (Json::List(items), Json::List(old)) => {
            items.iter().enumerate().map(|(at, value)| old.get(at).map_or_else(|| value.clone(), |old| restore(value, old))).collect()
        }
        _ => body.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    #[test]
    fn markers_are_replaced_at_their_own_place_only() {
        let stored = json!({"a": {"p": "secret", "q": "other"}, "l": [{"p": "one"}], "n": 1});
        let body = json!({"a": {"p": REDACTED, "q": "new"}, "l": [{"p": REDACTED}, {"p": REDACTED}], "n": REDACTED, "x": REDACTED});
        assert_eq!(restore(&body, &stored), json!({"a": {"p": "secret", "q": "new"}, "l": [{"p": "one"}, {"p": REDACTED}], "n": REDACTED, "x": REDACTED}));
    }

    #[test]
    fn encrypted_secrets_are_shown_as_they_are() {
        assert_eq!(Secret::new("x").redacted(), Json::from(REDACTED));
        assert_eq!(Secret::new("::es_encrypted::abc").redacted(), Json::from("::es_encrypted::abc"));
        assert!(RedactedSecret::Refuse.read(REDACTED, "password").is_err());
        assert_eq!(RedactedSecret::Drop.read(REDACTED, "password"), Ok(None));
        assert_eq!(RedactedSecret::Refuse.read("x", "password"), Ok(Some(Secret::new("x"))));
    }
}
