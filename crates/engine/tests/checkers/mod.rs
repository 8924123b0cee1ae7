//! What must hold of every run; names as in the design.

use std::collections::{BTreeMap, BTreeSet};

use watchbell_json::Json;

use crate::scenario::Way;
use crate::world::World;

#[derive(Clone, Debug)]
pub struct Violation {
    pub checker: &'static str,
    pub what: String,
    pub crash: Option<(usize, Way)>,
}

impl Violation {
    pub fn at(self, call: usize, way: Way) -> Violation {
        Violation { crash: Some((call, way)), ..self }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (crash at {:?}): {}", self.checker, self.crash, self.what)
    }
}

/// What was seen at the ports.
#[derive(Debug, Default)]
pub struct Observed {
    /// Manifests by execution: watch, incarnation, number, keys, text.
    pub manifests: BTreeMap<String, Manifested>,
    /// Final states of rows.
    pub finals: BTreeMap<String, String>,
    /// Every attempt: key, message, whether it arrived and was accepted.
    pub attempts: Vec<(String, String)>,
    pub accepted: BTreeSet<String>,
    /// Incarnations whose deletion was acknowledged, with the number of attempts at that time.
    pub deleted: Vec<(String, usize)>,
    pub violations: Vec<Violation>,
    pub crashes: usize,
}

#[derive(Clone, Debug)]
pub struct Manifested {
    pub watch: String,
    pub incarnation: String,
    pub fires: i64,
    pub keys: Vec<String>,
    pub text: String,
}

impl Observed {
    pub fn bad(&mut self, checker: &'static str, what: String) {
        self.violations.push(Violation { checker, what, crash: None });
    }

    /// A journal document was written, or a row.
    pub fn wrote(&mut self, index: &str, id: &str, source: &Json) {
        match index {
            ".triggered_watches" if source.get("state").and_then(Json::as_str) == Some("committed") => self.committed(id, source),
            ".watchbell-deliveries" => self.row(id, source),
            _ => {}
        }
    }

    /// D1: at most one manifest for one number of one incarnation.
    fn committed(&mut self, id: &str, source: &Json) {
        let own = source.get("_watchbell").unwrap();
        let manifest = own.get("manifest").unwrap();
        let new = Manifested {
            watch: source.get("watch_id").and_then(Json::as_str).unwrap().to_owned(),
            incarnation: own.get("incarnation").and_then(Json::as_str).unwrap().to_owned(),
            fires: own.get("fires").and_then(Json::as_i64).unwrap(),
            keys: keys_of(id, manifest),
            text: manifest.to_string(),
        };
        if let Some(old) = self.manifests.get(id)
            && old.text != new.text
        {
            self.bad("D1", format!("two manifests for run {} of [{}]", new.fires, new.watch));
        }
        self.manifests.insert(id.to_owned(), new);
    }

    /// D4: a final state never changes.
    fn row(&mut self, id: &str, source: &Json) {
        let state = source.get("state").and_then(Json::as_str).unwrap_or_default().to_owned();
        if let Some(before) = self.finals.get(id)
            && *before != state
        {
            let what = format!("[{id}] went from {before} to {state}");
            self.bad("D4", what);
        }
        if !["decided", "inflight", "waiting"].contains(&state.as_str()) {
            self.finals.insert(id.to_owned(), state);
        }
    }

    /// A message leaves: D2, D3, D6, and D4 where it was known to have arrived.
    pub fn attempt(&mut self, key: &str, message: String, journal: Option<&Json>, row: Option<&Json>) {
        let execution = key.split('/').next().unwrap_or_default().to_owned();
        let committed = journal.and_then(|journal| journal.at(&["_watchbell", "manifest"])).map(|manifest| keys_of(&execution, manifest));
        if !committed.is_some_and(|keys| keys.iter().any(|committed| committed == key)) {
            self.bad("D2", format!("[{key}] left without a durable manifest"));
        }
        if row.and_then(|row| row.get("state")).and_then(Json::as_str) != Some("inflight") {
            self.bad("D4", format!("[{key}] left while its row was {:?}", row.and_then(|row| row.get("state")).map(ToString::to_string)));
        }
        if self.finals.get(key).is_some_and(|state| state == "delivered") {
            self.bad("D4", format!("[{key}] left again after it was delivered"));
        }
        if self.attempts.iter().any(|(other, text)| other == key && *text != message) {
            self.bad("D3", format!("[{key}] carried two messages"));
        }
        let incarnation = self.manifests.get(&execution).map(|manifest| manifest.incarnation.clone()).unwrap_or_default();
        if self.deleted.iter().any(|(deleted, _)| *deleted == incarnation) {
            self.bad("D6", format!("[{key}] left after its watch was deleted"));
        }
        self.attempts.push((key.to_owned(), message));
        let times = self.attempts.iter().filter(|(other, _)| other == key).count();
        if times > self.crashes + 1 {
            self.bad("D4", format!("[{key}] left {times} times with {} crashes", self.crashes));
        }
    }
}

/// The keys of a manifest's messages.
fn keys_of(execution: &str, manifest: &Json) -> Vec<String> {
    let mut keys = Vec::new();
    for action in manifest.get("actions").and_then(Json::as_list).unwrap_or_default() {
        let id = action.get("id").and_then(Json::as_str).unwrap_or_default();
        let iterations = action.at(&["send", "iterations"]).and_then(Json::as_list).unwrap_or_default();
        let messages = iterations.iter().filter_map(|iteration| iteration.get("messages").and_then(Json::as_list)).map(<[Json]>::len).sum::<usize>();
        keys.extend((0..messages).map(|item| format!("{execution}/{id}/{item}")));
    }
    keys
}

/// What must hold when all is calm again.
pub async fn check_end(observed: &mut Observed, world: &World, period: i64) {
    let manifests: Vec<Manifested> = observed.manifests.values().cloned().collect();
    for key in manifests.iter().flat_map(|manifest| &manifest.keys) {
        match observed.finals.get(key).map(String::as_str) {
            None => observed.bad("D4", format!("[{key}] was decided and has no end")),
            Some("delivered") if !observed.accepted.contains(key) => observed.bad("D4", format!("[{key}] is called delivered and is not")),
            Some("delivered" | "cancelled") => {}
            Some(other) => observed.bad("D4", format!("[{key}] ended {other} though every receiver is well")),
        }
    }
    for left in world.documents(".triggered_watches").await.keys() {
        observed.bad("D5", format!("the journal document [{left}] is left"));
    }
    let records = world.records().await;
    check_records(observed, &records);
    for (id, document) in world.documents(".watches").await {
        check_position(observed, &id, document.get("_watchbell").unwrap(), &records, &manifests, period);
    }
}

/// No due time has two records, none is reported sent that was not, and every watch has some.
fn check_records(observed: &mut Observed, records: &[Json]) {
    let mut seen = BTreeSet::new();
    for record in records {
        let watch = record.get("watch_id").map(ToString::to_string).unwrap_or_default();
        let scheduled = record.at(&["trigger_event", "schedule", "scheduled_time"]).map(ToString::to_string).unwrap_or_default();
        if record.get("state").and_then(Json::as_str) != Some("not_executed_already_queued") && !seen.insert((watch.clone(), scheduled.clone())) {
            observed.bad("D5", format!("{watch} has two records for {scheduled}"));
        }
        for action in record.at(&["result", "actions"]).and_then(Json::as_list).unwrap_or_default() {
            let text = action.at(&["logging", "logged_text"]).or_else(|| action.at(&["webhook", "request", "body"])).and_then(Json::as_str);
            let sent = |text: &str| observed.attempts.iter().any(|(_, message)| message.contains(text));
            if action.get("status").and_then(Json::as_str) == Some("success") && text.is_some_and(|text| !sent(text)) {
                observed.bad("D4", format!("{watch} reports a success for {scheduled} that nobody received"));
            }
        }
    }
}

/// D5: runs and counted skips add up to the grid since the anchor, and each number has one record.
fn check_position(observed: &mut Observed, id: &str, position: &Json, records: &[Json], manifests: &[Manifested], period: i64) {
    let second = |json: &Json| json.as_str().unwrap().parse::<watchbell_time::Timestamp>().unwrap().as_second();
    let number = |member: &str| position.get(member).and_then(Json::as_i64).unwrap();
    let (anchor, last) = (second(position.get("anchor").unwrap()), second(position.get("last_scheduled").unwrap()));
    let of_this = records.iter().filter(|record| {
        let scheduled = record.at(&["trigger_event", "schedule", "scheduled_time"]).map_or(0, second);
        record.get("watch_id").and_then(Json::as_str) == Some(id)
            && scheduled > anchor
            && record.get("state").and_then(Json::as_str) != Some("not_executed_already_queued")
    });
    let runs = i64::try_from(of_this.count()).unwrap();
    let (skipped, fires) = (number("skipped"), number("fires"));
    if runs + skipped != (last - anchor) / period {
        observed.bad("D5", format!("[{id}] has {runs} records and {skipped} skips for {} due times", (last - anchor) / period));
    }
    if runs != fires {
        observed.bad("D5", format!("[{id}] counts {fires} runs and has {runs} records"));
    }
    let incarnation = position.get("incarnation").and_then(Json::as_str).unwrap_or_default();
    let beyond = manifests.iter().any(|manifest| manifest.incarnation == incarnation && manifest.fires >= fires);
    if beyond {
        observed.bad("D5", format!("[{id}] decided a run that its position does not know"));
    }
}
