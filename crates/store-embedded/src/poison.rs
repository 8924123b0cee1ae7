//! The store's end: after an error of the disk nothing more is acknowledged.
//!
//! A failed fsync leaves the kernel's and the disk's idea of a file apart, and trying again may report success for what is lost
//! (as PostgreSQL found out in 2018). So the first such error stops all writing until the process is started anew; reads go on.

use std::sync::OnceLock;

#[derive(Debug, Default)]
pub(crate) struct Poison(OnceLock<String>);

impl Poison {
    /// The first reason stays.
    pub(crate) fn poison(&self, reason: String) {
        let mut fresh = false;
        let kept = self.0.get_or_init(|| {
            fresh = true;
            reason
        });
        if fresh {
            tracing::error!(reason = %kept, "the store stops taking writes");
        }
    }

    pub(crate) fn reason(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}
