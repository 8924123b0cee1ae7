//! Measures the store by itself: durable bulk, counting, and starting again. Prints one JSON object a line.
//!
//! `cargo run --release --example store_bench -- [--docs N] [--batch N] [--clients N] [--dir FOLDER]`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use watchbell_json::{Json, json};
use watchbell_store::{DocumentWrite, Expect, Indices, IndicesOptions, Refresh, SearchRequest, Write};
use watchbell_store_embedded::{EmbeddedStore, StoreSettings};
use watchbell_time::{Clock, Sleep, Timestamp};

#[derive(Debug)]
struct RealClock(Instant);

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep_until(&self, at: Duration) -> Sleep {
        Box::pin(tokio::time::sleep_until((self.0 + at).into()))
    }
}

struct Options {
    docs: usize,
    batch: usize,
    clients: usize,
    folder: PathBuf,
}

fn options() -> Options {
    let mut options = Options { docs: 200_000, batch: 1_000, clients: 4, folder: PathBuf::from("target/store-bench") };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().expect("every option has a value");
        match name.as_str() {
            "--docs" => options.docs = value.parse().expect("a number"),
            "--batch" => options.batch = value.parse().expect("a number"),
            "--clients" => options.clients = value.parse().expect("a number"),
            "--dir" => options.folder = value.into(),
            other => panic!("unknown option {other}"),
        }
    }
    options
}

const LEVELS: [&str; 4] = ["info", "info", "warn", "error"];
const WORDS: [&str; 16] = [
    "connection",
    "refused",
    "upstream",
    "timeout",
    "payment",
    "order",
    "user",
    "cache",
    "miss",
    "retry",
    "error",
    "disk",
    "slow",
    "query",
    "failed",
    "accepted",
];

/// A log line of about 300 bytes.
fn line(n: usize) -> String {
    let mut state = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let message: Vec<&str> = (0..14).map(|_| WORDS[next(WORDS.len())]).collect();
    let time = Timestamp::from_millisecond(1_795_000_000_000 + i64::try_from(n).unwrap() * 37).unwrap();
    format!(
        r#"{{"@timestamp":"{time}","level":"{}","service":"service-{}","host":"host-{:03}","status":{},"took_ms":{},"message":"{} {n}"}}"#,
        LEVELS[next(4)],
        next(20),
        next(50),
        [200, 200, 201, 404, 500][next(5)],
        next(2_000),
        message.join(" ")
    )
}

fn write(n: usize, now: Timestamp) -> DocumentWrite {
    let write = Write::put("logs", format!("{n:012}"), Expect::Anything, line(n));
    DocumentWrite { write, version: None, routing: None, require_existing: false, now }
}

fn request(body: Json, now: Timestamp) -> SearchRequest {
    SearchRequest {
        indices: vec!["logs".to_owned()],
        options: IndicesOptions::search(),
        search_type: "query_then_fetch".to_owned(),
        body: Some(body),
        now,
        timeout: Duration::from_secs(60),
    }
}

fn open(folder: &std::path::Path) -> Arc<EmbeddedStore> {
    EmbeddedStore::open(folder, Arc::new(RealClock(Instant::now())), StoreSettings::with_seed(1)).expect("the folder opens")
}

async fn timed(store: &Arc<EmbeddedStore>, name: &str, rounds: usize, body: Json) {
    let mut times = Vec::with_capacity(rounds);
    let mut total = 0;
    for _ in 0..rounds {
        let begin = Instant::now();
        total = store.count(&request(body.clone(), Timestamp::now())).await.expect("a count").0;
        times.push(begin.elapsed());
    }
    times.sort();
    let micros = |at: usize| times[at.min(times.len() - 1)].as_micros();
    println!(
        r#"{{"measure":"{name}","count":{total},"p50_us":{},"p99_us":{},"first_or_worst_us":{}}}"#,
        micros(rounds / 2),
        micros(rounds * 99 / 100),
        micros(rounds)
    );
}

async fn bulk(store: &Arc<EmbeddedStore>, options: &Options) {
    let next = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let (docs, batch) = (options.docs, options.batch);
    let clients: Vec<_> = (0..options.clients)
        .map(|_| {
            let (store, next) = (store.clone(), next.clone());
            tokio::spawn(async move {
                let mut bytes = 0;
                loop {
                    let from = next.fetch_add(batch, Ordering::Relaxed);
                    if from >= docs {
                        return bytes;
                    }
                    let writes: Vec<DocumentWrite> = (from..docs.min(from + batch)).map(|n| write(n, Timestamp::now())).collect();
                    bytes += writes.iter().map(|w| if let watchbell_store::WriteOp::Put(source) = &w.write.op { source.len() } else { 0 }).sum::<usize>();
                    store.write_documents(writes, Refresh::No).await.into_iter().for_each(|answer| drop(answer.expect("written")));
                }
            })
        })
        .collect();
    let mut bytes = 0;
    for client in clients {
        bytes += client.await.expect("a client");
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        r#"{{"measure":"bulk","docs":{docs},"bytes":{bytes},"seconds":{seconds:.2},"mb_per_s":{:.2},"docs_per_s":{:.0}}}"#,
        bytes as f64 / 1e6 / seconds,
        docs as f64 / seconds
    );
}

#[tokio::main]
async fn main() {
    let options = options();
    drop(std::fs::remove_dir_all(&options.folder));
    let store = open(&options.folder);
    bulk(&store, &options).await;

    let begin = Instant::now();
    store.refresh(&["logs".to_owned()], &IndicesOptions::search()).await.expect("a refresh");
    println!(r#"{{"measure":"refresh after bulk","ms":{}}}"#, begin.elapsed().as_millis());

    for n in (0..options.docs).step_by(100).collect::<Vec<_>>().chunks(1_000) {
        let writes = n.iter().map(|n| write(*n, Timestamp::now())).collect();
        store.write_documents(writes, Refresh::No).await.into_iter().for_each(|answer| drop(answer.expect("written")));
    }
    store.refresh(&["logs".to_owned()], &IndicesOptions::search()).await.expect("a refresh");

    timed(&store, "count of one term", 500, json!({"query": {"match": {"message": "error"}}})).await;
    let two = json!({"query": {"bool": {"must": [{"match": {"level": "error"}}, {"match": {"message": "timeout"}}]}}});
    timed(&store, "count of two terms", 500, two.clone()).await;
    let begin = Instant::now();
    for n in 0..200 {
        let body = json!({"query": {"bool": {"filter": [{"term": {"service.keyword": format!("service-{}", n % 20)}}, {"term": {"host.keyword": format!("host-{:03}", n % 50)}}]}}});
        store.count(&request(body, Timestamp::now())).await.expect("a count");
    }
    println!(r#"{{"measure":"count of two terms, many pairs","mean_us":{}}}"#, begin.elapsed().as_micros() / 200);
    let begin = Instant::now();
    for _ in 0..50 {
        let body = json!({"query": {"match": {"message": "error timeout"}}});
        store.search_documents(&request(body, Timestamp::now())).await.expect("a search");
    }
    println!(r#"{{"measure":"ten best of two terms","mean_us":{}}}"#, begin.elapsed().as_micros() / 50);

    store.close().await;
    drop(store);
    let begin = Instant::now();
    let store = open(&options.folder);
    let opened = begin.elapsed();
    let count = store.count(&request(two, Timestamp::now())).await.expect("a count").0;
    println!(r#"{{"measure":"start to first answer","open_ms":{},"answer_ms":{},"count":{count}}}"#, opened.as_millis(), begin.elapsed().as_millis());
    store.close().await;
}
