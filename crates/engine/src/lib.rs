//! From due to done: the timetable, the executions, the journal, and what users ask of them.
//!
//! The engine is the imperative shell around the pure crates: it reads like Watcher's own documentation and touches the world
//! through [`EnginePorts`] alone.
//!
//! * A due time becomes a document of the journal, created if absent; the document decides what runs, not the clock.
//! * A run decides everything first, makes the decision durable, then sends, then finishes: position and status, record,
//!   and the end of the journal document, in this order.
//! * Recovery is no special path: the sweep resumes whatever the journal holds, at start and every few seconds.
//!
//! Invariants: nothing is sent before its manifest is durable; one decision for each (watch, incarnation, number of the run);
//! no lock is held across an await; time and randomness come through the ports.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod actions;
mod answers;
mod counters;
mod decide;
mod engine;
mod execution;
mod executor;
mod finish;
mod identity;
mod inputs;
mod journal;
mod manifest;
mod manual;
mod names;
mod position;
mod results;
mod runs;
mod scheduler;
mod settings;
mod status_after;
mod stored_watch;
mod sweep;
mod templates;
mod timetable;
mod trigger;
mod use_cases;
mod watcher;

pub use answers::{
    ActionMode, DeleteAnswer, ExecuteAnswer, ExecuteRequest, ExecuteTarget, LATENESS_EDGES_MILLIS, Lateness, Metrics, PutAnswer, PutMode, PutRequest,
    QueryAnswer, RunInfo, RunPhase, ServiceState, Stats, WatchView,
};
pub use settings::{EnginePorts, EngineSettings, MissedRuns};
pub use watchbell_watch::Generation;
pub use watcher::{Tasks, Watcher};
