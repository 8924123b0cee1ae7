//! The API over the reference store in memory, for trying it out and for the corpus of recorded answers:
//!
//! ```text
//! cargo run -p watchbell-rest --example memory_node -- 127.0.0.1:9299
//! python3 tests/corpus/store/check.py --url http://127.0.0.1:9299
//! ```

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "an example is its own shell")]

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use watchbell_rest::{Rest, RestSettings, serve};
use watchbell_store::{Indices as _, IndicesOptions, MemoryStore};
use watchbell_time::{Clock, Entropy, Sleep, Timestamp};

/// The reference's `index.refresh_interval`.
const REFRESH: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct SystemClock(Instant);

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep_until(&self, at: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(at.saturating_sub(self.elapsed())))
    }
}

#[derive(Debug)]
struct HasherEntropy;

impl Entropy for HasherEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let random = RandomState::new().build_hasher().finish().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9299".to_owned());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock(Instant::now()));
    let store = Arc::new(MemoryStore::new(Arc::clone(&clock)));
    let rest = Rest::new(RestSettings::default(), Arc::clone(&store) as _, None, Arc::clone(&clock), Arc::new(HasherEntropy));
    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        loop {
            clock.sleep(REFRESH).await;
            let all = IndicesOptions { expand_hidden: true, ..IndicesOptions::watcher() };
            drop(store.refresh(&[], &all).await);
        }
    });
    serve(listener, rest, std::future::pending()).await
}
