//! The egress relay: what NGINX did in the vendor guide, made safe (spec robots §8).
//!
//! A watch posts to `http://<relay>:8080/` as it did to the proxy; the robot's token stays here. The body is read as UTF-8 JSON
//! whatever its label, checked, completed (mentions, keyword, size) and sent through [`watchbell_outbox::Deliver`]. The answer
//! is what happened: a refusal by the robot is a failure to Watcher too.
//!
//! There is no queue yet: a message that must wait is answered with 503, errcode -1 and `Retry-After`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod answer;
mod budget;
mod relay;
mod serve;
mod settings;

pub use answer::Answer;
pub use budget::{ATTEMPTS_MAX, WINDOW};
pub use relay::{DELIVERY_HEADER, Head, Relay};
pub use serve::serve;
pub use settings::{ALIAS_BYTES_MAX, BODY_BYTES_MAX, RelayRobot, RelaySettings, SYNC_TIMEOUT, SettingsError};
