//! The page that shows the group chats, and its event stream.
//!
//! A message is hostile input. The page builds its elements one by one and never parses a message as HTML; the policy below
//! lets nothing run but the page's own script and loads nothing from elsewhere.

use std::convert::Infallible;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::Stream;
use sha2::{Digest as _, Sha256};
use watchbell_json::Json;

use crate::control::robots;
use crate::sim::RobotSim;

pub(crate) const PAGE: &str = include_str!("page.html");

/// At most so many entries are sent to a page that has just opened.
const BACKLOG_MAX: usize = 500;

/// The Content-Security-Policy: the script is named by its hash.
pub(crate) fn policy() -> String {
    let script = PAGE.split_once("<script>").and_then(|(_, rest)| rest.split_once("</script>")).map_or("", |(script, _)| script);
    let hash = STANDARD.encode(Sha256::digest(script.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{hash}'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// Server-sent events: what is new since `last`, then whatever comes.
pub(crate) fn events(sim: RobotSim, last: u64) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
    let changes = sim.changes();
    futures_util::stream::unfold((sim, changes, last, true), |(sim, mut changes, last, first)| async move {
        if first {
            changes.mark_changed();
        }
        changes.changed().await.ok()?;
        let (text, last) = news(&sim, last);
        Some((Ok(Bytes::from(text)), (sim, changes, last, false)))
    })
}

fn news(sim: &RobotSim, since: u64) -> (String, u64) {
    let (entries, last) = entries(sim, since);
    let mut text = format!("event: status\ndata: {}\n\n", status(sim));
    for (seq, entry) in entries {
        text.push_str(&format!("id: {seq}\nevent: entry\ndata: {entry}\n\n"));
    }
    (text, last)
}

/// The same once, as one document: for a page that is to stand still (`/?still`), as for a picture.
pub(crate) fn snapshot(sim: &RobotSim) -> Json {
    let entries: Json = entries(sim, 0).0.into_iter().map(|(_, entry)| entry).collect();
    Json::object().with("status", status(sim)).with("entries", entries)
}

fn status(sim: &RobotSim) -> Json {
    Json::object().with("robots", robots(sim)).with("stats", sim.stats()).with("now_ms", sim.clock().now_millis()).with("epoch", sim.epoch())
}

fn entries(sim: &RobotSim, since: u64) -> (Vec<(u64, Json)>, u64) {
    sim.read(|world| {
        // a page from before a restart knows higher numbers
        let since = if since > world.last_seq() { 0 } else { since };
        let shown = world.requests().rev().take_while(|record| record.seq > since).filter(|record| record.robot.is_some());
        let mut entries: Vec<(u64, Json)> = shown.take(BACKLOG_MAX).map(|record| (record.seq, record.to_chat_json())).collect();
        entries.reverse();
        (entries, world.last_seq())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_everything_it_needs() {
        assert!(!PAGE.contains("http://") && !PAGE.contains("https://"), "nothing from elsewhere");
        assert_eq!(PAGE.matches("<script").count(), 1);
        for door in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
            assert!(!PAGE.contains(door), "{door} would parse a message as HTML");
        }
        assert!(policy().contains("'sha256-") && !policy().contains("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="), "the hash is of the script");
    }
}
