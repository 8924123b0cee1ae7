//! What is counted since the start.

use std::sync::Mutex;
use std::sync::PoisonError;

use crate::answers::Metrics;

#[derive(Debug, Default)]
pub(crate) struct Counters {
    metrics: Mutex<Metrics>,
    trouble: Mutex<Option<String>>,
}

impl Counters {
    pub(crate) fn count(&self, change: impl FnOnce(&mut Metrics)) {
        change(&mut self.metrics.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn read(&self) -> Metrics {
        *self.metrics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says why nothing is triggered, or that it is again; logged once at each change.
    pub(crate) fn set_trouble(&self, trouble: Option<String>) {
        let mut current = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*current, &trouble) {
            (None, Some(reason)) => tracing::error!(reason, "no watch is triggered: the state cannot be written"),
            (Some(_), None) => tracing::info!("watches are triggered again"),
            _ => {}
        }
        *current = trouble;
    }

    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
