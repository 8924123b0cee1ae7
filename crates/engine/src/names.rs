//! Where the engine keeps its documents.

/// `SERVICE`: whether Watcher was stopped by hand, which outlives restarts.
pub(crate) use watchbell_store::system::{SERVICE_STATE as SERVICE, TRIGGERED_WATCHES as JOURNAL, WATCHES};
use watchbell_time::Timestamp;

pub(crate) const SERVICE_ID: &str = "watcher";

/// The history index of the day on which a run was triggered.
pub(crate) fn history_index(prefix: &str, triggered: Timestamp) -> String {
    let iso = triggered.to_string();
    format!("{prefix}{}", iso.get(..10).unwrap_or(&iso).replace('-', "."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_goes_by_the_utc_day_of_the_trigger() {
        let at = "2026-11-24T23:59:59.999Z".parse().unwrap();
        assert_eq!(history_index(".watcher-history-16-", at), ".watcher-history-16-2026.11.24");
    }
}
