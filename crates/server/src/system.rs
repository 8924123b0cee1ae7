//! The two doors to the real world's time and randomness.

use std::time::{Duration, Instant};

use watchbell_time::{Clock, Entropy, Sleep, Timestamp};

/// The machine's clocks: the wall clock and the monotonic one, the latter counted from the start of the process.
#[derive(Debug)]
pub(crate) struct SystemClock {
    started: Instant,
}

impl SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the door to the clock")]
    pub(crate) fn new() -> SystemClock {
        SystemClock { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the door to the clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the door to the clock")]
    fn sleep_until(&self, at: Duration) -> Sleep {
        let wait = at.saturating_sub(self.elapsed());
        Box::pin(tokio::time::sleep(wait))
    }
}

/// The operating system's randomness.
#[derive(Debug)]
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            tracing::error!("the system gives no random bytes");
        }
    }
}
