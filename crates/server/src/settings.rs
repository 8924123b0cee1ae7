//! Settings: what was written ([`Written`]), then what it means ([`Settings`]).
//!
//! `watchbell.yml` is in the style of `elasticsearch.yml`: dotted or nested keys, `${ENV}`, original names where they exist.
//! `-E key=value` overrides. An unknown setting stops the start and names the nearest known one; a setting of the reference
//! that has no meaning here is accepted, ignored and warned about once.

mod accounts;
mod known;
mod meaning;
mod written;

pub(crate) use accounts::{Account, AccountKind, AccountName, find};
pub(crate) use meaning::{Cluster, MissedRuns, Settings, Watcher};
pub(crate) use written::Written;

/// Why the settings cannot be used; its text is for the person who wrote them and never shows a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("cannot read {path}: {error}")]
    Unreadable { path: String, error: std::io::Error },
    #[error("{path} is no valid YAML: {reason}")]
    Yaml { path: String, reason: String },
    #[error("unknown setting [{name}]{}", .nearest.as_ref().map(|n| format!(", did you mean [{n}]?")).unwrap_or_default())]
    Unknown { name: String, nearest: Option<String> },
    #[error("setting [{name}]: {reason}")]
    Invalid { name: String, reason: String },
    #[error("-E takes key=value, not [{0}]")]
    Override(String),
}

impl SettingsError {
    pub(crate) fn invalid(name: &str, reason: impl Into<String>) -> SettingsError {
        SettingsError::Invalid { name: name.to_owned(), reason: reason.into() }
    }
}
