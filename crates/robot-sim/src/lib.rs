//! A stand-in for the chat robots, with a page that shows the group chat (spec robots §9).
//!
//! It answers `POST /robot/send` as DingTalk does, in the order DingTalk checks, and remembers everything. `/_sim/**` defines
//! robots, injects faults and shows what arrived; `GET /` is the chat. Where the real service's behaviour is not known, both
//! possibilities are a switch. WeCom and Feishu are not imitated yet: their paths answer as unknown ones.
//!
//! * [`RobotSim`] and [`serve`]: the handle and the listener;
//! * [`Robot`], [`Limit`], [`Fault`]: what a test sets up;
//! * [`MessageRecord`], [`RequestRecord`]: what it finds afterwards.
//!
//! Invariants: no answer of the control interface and nothing on the page shows a robot's token or secret; every memory here is
//! bounded.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod control;
mod dingtalk;
mod fault;
mod limiter;
mod mention;
mod page;
mod record;
mod robot;
mod server;
mod sim;
mod virtual_clock;
mod wording;
mod world;

pub use fault::{Effect, Fault, Garble, When};
pub use limiter::{Limit, LimitStyle};
pub use mention::Mention;
pub use record::{Fate, MessageRecord, Request, RequestRecord};
pub use robot::{BadWord, Dialect, Member, Quota, Robot, State, Switches};
pub use server::serve;
pub use sim::{RobotSim, Settings};
