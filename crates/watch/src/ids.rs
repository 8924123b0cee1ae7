//! Identifiers.

/// A watch's id: not empty, no white space.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchId(std::sync::Arc<str>);

/// Why a text is no id of a watch or an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidId {
    Empty,
    Whitespace,
}

fn check(raw: &str) -> Result<(), InvalidId> {
    if raw.is_empty() {
        return Err(InvalidId::Empty);
    }
    if raw.contains(char::is_whitespace) {
        return Err(InvalidId::Whitespace);
    }
    Ok(())
}

impl WatchId {
    /// The id under which inline watches run (spec watcher-api §8.3).
    #[must_use]
    pub fn inlined() -> WatchId {
        WatchId("_inlined_".into())
    }

    /// # Errors
    /// [`InvalidId`] if `raw` is empty or holds white space.
    pub fn parse(raw: &str) -> Result<WatchId, InvalidId> {
        check(raw).map(|()| WatchId(raw.into()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for WatchId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// An action's id within its watch: not empty, no white space.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId(std::sync::Arc<str>);

impl ActionId {
    /// # Errors
    /// [`InvalidId`] if `raw` is empty or holds white space.
    pub fn parse(raw: &str) -> Result<ActionId, InvalidId> {
        check(raw).map(|()| ActionId(raw.into()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ActionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The public id of one execution, `<watch>_<uuid>-<instant>` (spec watcher-api §7.3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutionId(std::sync::Arc<str>);

impl ExecutionId {
    #[must_use]
    pub fn from_stored(raw: &str) -> ExecutionId {
        ExecutionId(raw.into())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
