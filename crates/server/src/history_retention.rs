//! Old history goes: a day's index is deleted when it is older than `watchbell.history.retention`.
//!
//! The reference's life-cycle policy keeps records for seven days (spec watcher-api §7.4). Index, not record, is what is
//! deleted, so the cost does not depend on how many records there are.

use std::sync::Arc;
use std::time::Duration;

use watchbell_store::{Indices, IndicesOptions};
use watchbell_time::{Clock, Timestamp};

/// The reference's seven days.
pub(crate) const KEEP: Duration = Duration::from_secs(7 * 24 * 3600);

/// How often is looked: days end once a day, and a look is cheap.
const LOOK_EVERY: Duration = Duration::from_secs(3600);

const HISTORY: &str = ".watcher-history-*";

/// Looks now and every hour; ends only with the process.
pub(crate) async fn run(indices: Arc<dyn Indices>, clock: Arc<dyn Clock>, keep: Duration) {
    loop {
        sweep(&*indices, clock.now(), keep).await;
        clock.sleep(LOOK_EVERY).await;
    }
}

async fn sweep(indices: &dyn Indices, now: Timestamp, keep: Duration) {
    let options = IndicesOptions { expand_hidden: true, ..IndicesOptions::watcher() };
    let found = match indices.indices(&[HISTORY.to_owned()], &options).await {
        Ok(found) => found,
        Err(error) => return tracing::warn!("old history cannot be looked for: {error}"),
    };
    let old: Vec<String> = found.into_iter().map(|index| index.name).filter(|name| is_expired(name, now, keep)).collect();
    for name in old {
        match indices.delete_indices(std::slice::from_ref(&name), &options).await {
            Ok(_) => tracing::info!("history of [{name}] is older than {} days and was deleted", keep.as_secs() / 86_400),
            Err(error) => tracing::warn!("old history [{name}] cannot be deleted: {error}"),
        }
    }
}

/// Whether the whole day that the name ends in (`yyyy.MM.dd`, UTC) lies further back than `keep`.
fn is_expired(name: &str, now: Timestamp, keep: Duration) -> bool {
    let day = name.rsplit('-').next().unwrap_or_default();
    let Ok(start) = format!("{}T00:00:00Z", day.replace('.', "-")).parse::<Timestamp>() else { return false };
    let age = now.as_second().saturating_sub(start.as_second() + 86_400);
    u64::try_from(age).is_ok_and(|age| age > keep.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_store::{DocumentStore, Expect, MemoryStore, Write};
    use watchbell_time::ManualClock;

    #[test]
    fn a_day_expires_when_its_end_is_too_far_back() {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        for (name, expired) in [
            (".watcher-history-16-2026.11.24", false),
            (".watcher-history-16-2026.11.17", false),
            (".watcher-history-16-2026.11.16", true),
            (".watcher-history-16-2025.01.01", true),
            (".watcher-history-16-2027.01.01", false),
            (".watcher-history-16", false),
            (".watcher-history-16-today", false),
        ] {
            assert_eq!(is_expired(name, now, KEEP), expired, "{name}");
        }
    }

    #[tokio::test]
    async fn only_old_history_goes() {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let clock = ManualClock::at(now);
        let store = MemoryStore::new(Arc::new(clock));
        for index in [".watcher-history-16-2026.11.01", ".watcher-history-16-2026.11.23", "logs-2020.01.01"] {
            store.write(Write::put(index, "1", Expect::Absent, "{}")).await.unwrap();
        }
        sweep(&store, now, KEEP).await;
        assert_eq!(store.get(".watcher-history-16-2026.11.01", "1").await.unwrap(), None);
        for index in [".watcher-history-16-2026.11.23", "logs-2020.01.01"] {
            assert!(store.get(index, "1").await.unwrap().is_some(), "{index}");
        }
    }
}
