//! The Watcher API.

use crate::router::Router;

/// Registers the Watcher API.
pub fn routes(_router: &mut Router) {}
