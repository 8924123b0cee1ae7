//! `watchbell serve`: everything wired together, from settings to an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use watchbell_engine::{EnginePorts, EngineSettings, Tasks, Watcher};
use watchbell_outbox::Deliver;
use watchbell_rest::{Access, Rest, RestSettings};
use watchbell_store::IndexTarget;
use watchbell_store_embedded::{EmbeddedStore, StoreSettings};
use watchbell_time::{Clock, Entropy};

use crate::clusters::{self, Clusters};
use crate::history_retention;
use crate::introspection::Parts;
use crate::outgoing;
use crate::port_taken;
use crate::relay;
use crate::settings::{self, MissedRuns, Settings};
use crate::system::{SystemClock, SystemEntropy};

/// What runs may take to finish after a signal; the rest is resumed at the next start.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// What must not end while the server runs.
#[derive(Clone, Copy)]
enum Part {
    Engine,
    Rest,
    Relay,
}

/// A started server.
#[derive(Debug)]
pub(crate) struct Server {
    store: Arc<EmbeddedStore>,
    tasks: Option<Tasks>,
    /// `None` once it has ended: a task's end can be awaited once.
    rest: Option<tokio::task::JoinHandle<std::io::Result<()>>>,
    relay: Option<relay::Running>,
    /// Deletes old history; has nothing to finish.
    retention: Option<tokio::task::JoinHandle<()>>,
    stop: watch::Sender<bool>,
    /// Where the API listens.
    pub(crate) api: SocketAddr,
}

/// The clock and the randomness of the whole process.
pub(crate) fn system_ports() -> (Arc<dyn Clock>, Arc<dyn Entropy>) {
    (Arc::new(SystemClock::new()), Arc::new(SystemEntropy))
}

/// Ends when `stop` says so, or its sender is gone.
pub(crate) async fn stopped(mut stop: watch::Receiver<bool>) {
    let _gone = stop.wait_for(|stop| *stop).await;
}

impl Server {
    /// Opens the folder, binds the ports, resumes what was begun, and answers.
    pub(crate) async fn start(settings: &Settings) -> Result<Server, String> {
        let (clock, entropy) = system_ports();
        for name in &settings.ignored {
            tracing::warn!("setting [{name}] has no meaning here and is ignored");
        }
        access(settings).permits_listener(settings.api).map_err(|error| error.to_string())?;
        let listener = listen(settings.api, "-E http.port=").await?;
        let api = listener.local_addr().map_err(|error| error.to_string())?;
        let relay_listener = match &settings.relay {
            Some(relay) => Some(listen(relay.listen, "-E watchbell.relay.http.port=").await?),
            None => None,
        };
        let store = open_store(settings, &clock, &*entropy).await?;
        let wrong = |error: settings::SettingsError| error.to_string();
        let remotes = clusters::connect(&settings.clusters, &clock).map_err(wrong)?;
        let embedded: Arc<dyn IndexTarget> = Arc::new(store.clone());
        let senders = outgoing::senders(settings, clusters::index_targets(embedded, &remotes), &clock).map_err(wrong)?;
        let deliver: Arc<dyn Deliver> = Arc::new(senders);
        let ports = EnginePorts {
            clock: clock.clone(),
            entropy: entropy.clone(),
            state: store.clone(),
            search: Arc::new(Clusters::new(store.clone(), remotes.clone())),
            watches: Some(store.clone()),
            deliver: deliver.clone(),
        };
        let tasks = start_engine(settings, ports).await?;
        let (stop, stopping) = watch::channel(false);
        let relay = match (&settings.relay, relay_listener) {
            (Some(_), Some(listener)) => Some(relay::start(settings, listener, deliver, clock.clone(), stopping.clone())?),
            _ => None,
        };
        let watcher = tasks.as_ref().map(|tasks| tasks.watcher().clone());
        let keep = settings.watcher.as_ref().map(|watcher| watcher.history_retention.unwrap_or(history_retention::KEEP));
        let retention = keep.map(|keep| tokio::spawn(history_retention::run(store.clone(), clock.clone(), keep)));
        let parts = Parts { store: store.clone(), clusters: remotes };
        let rest = rest(settings, parts, watcher, &clock, &entropy);
        let rest = Some(tokio::spawn(watchbell_rest::serve(listener, rest, stopped(stopping))));
        Ok(Server { store, tasks, rest, relay, retention, stop, api })
    }

    /// Ends with a text when a task that must not end has ended.
    pub(crate) async fn failed(&mut self) -> String {
        let engine = async {
            match &mut self.tasks {
                Some(tasks) => tasks.failed().await,
                None => std::future::pending().await,
            }
        };
        let rest = async {
            match &mut self.rest {
                Some(rest) => rest.await,
                None => std::future::pending().await,
            }
        };
        let relay = async {
            match &mut self.relay {
                Some(relay) => relay.failed().await,
                None => std::future::pending().await,
            }
        };
        let (part, text) = tokio::select! {
            biased;
            text = engine => (Part::Engine, text),
            end = rest => (Part::Rest, format!("the API ended: {end:?}")),
            text = relay => (Part::Relay, text),
        };
        // what has ended cannot be awaited again by `shutdown`
        match part {
            Part::Engine => self.tasks = None,
            Part::Rest => self.rest = None,
            Part::Relay => self.relay = None,
        }
        text
    }

    /// No new request, no new run; what runs may finish; then the store closes.
    pub(crate) async fn shutdown(self) {
        let _nobody_listens = self.stop.send(true);
        if let Some(retention) = self.retention {
            retention.abort();
        }
        if let Some(tasks) = self.tasks {
            tasks.shutdown(SHUTDOWN_GRACE).await;
        }
        if let Some(rest) = self.rest
            && let Err(error) = rest.await
        {
            tracing::error!("the API did not end well: {error}");
        }
        if let Some(relay) = self.relay {
            relay.ended().await;
        }
        self.store.close().await;
    }
}

/// Binds, or says who has the port.
pub(crate) async fn listen(address: SocketAddr, option: &str) -> Result<TcpListener, String> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) => Err(port_taken::explain(address, option, &error).await),
    }
}

async fn open_store(settings: &Settings, clock: &Arc<dyn Clock>, entropy: &dyn Entropy) -> Result<Arc<EmbeddedStore>, String> {
    let (path, clock, seed) = (settings.data.clone(), clock.clone(), entropy.next_u64());
    let opened = tokio::task::spawn_blocking(move || EmbeddedStore::open(&path, clock, StoreSettings::with_seed(seed))).await;
    opened.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

async fn start_engine(settings: &Settings, ports: EnginePorts) -> Result<Option<Tasks>, String> {
    let Some(watcher) = &settings.watcher else { return Ok(None) };
    let engine = engine_settings(settings, watcher);
    let tasks = Watcher::start_up(ports, engine).await.map_err(|error| format!("the watches cannot be loaded: {error}"))?;
    Ok(Some(tasks))
}

/// What was written, over the engine's own defaults.
fn engine_settings(settings: &Settings, watcher: &settings::Watcher) -> EngineSettings {
    let mut engine = EngineSettings { generation: settings.generation, node_id: settings.node_name.clone(), ..EngineSettings::default() };
    let set = |to: &mut Duration, from: Option<Duration>| *to = from.unwrap_or(*to);
    set(&mut engine.default_throttle_period, watcher.default_throttle);
    set(&mut engine.search_timeout, watcher.search_timeout);
    set(&mut engine.index_timeout, watcher.index_timeout);
    set(&mut engine.bulk_timeout, watcher.bulk_timeout);
    engine.pool_size = watcher.pool_size.unwrap_or(engine.pool_size);
    engine.queue_size = watcher.queue_size.unwrap_or(engine.queue_size);
    if let Some(bytes) = watcher.history_record_bytes.and_then(|bytes| usize::try_from(bytes).ok()) {
        engine.history_record_max = bytes;
    }
    engine.missed_runs = match (watcher.missed_runs, watcher.missed_runs_max_age) {
        (MissedRuns::None, _) => watchbell_engine::MissedRuns::None,
        (MissedRuns::Latest, None) => engine.missed_runs,
        (MissedRuns::Latest, Some(max_age)) => watchbell_engine::MissedRuns::Latest { max_age },
    };
    engine
}

fn access(settings: &Settings) -> Access {
    Access { allow_anonymous: settings.allow_anonymous, ..Access::default() }
}

fn rest(settings: &Settings, parts: Parts, watcher: Option<Watcher>, clock: &Arc<dyn Clock>, entropy: &Arc<dyn Entropy>) -> Arc<Rest> {
    let store = parts.store.clone();
    let rest = RestSettings {
        generation: settings.generation,
        cluster_name: settings.cluster_name.clone(),
        node_name: settings.node_name.clone(),
        access: access(settings),
        max_content_length: usize::try_from(settings.max_content_bytes).unwrap_or(usize::MAX),
        introspection: Some(Arc::new(parts)),
        ..RestSettings::default()
    };
    Rest::new(rest, store, watcher, clock.clone(), entropy.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Written;

    fn settings(yaml: &str, folder: &std::path::Path) -> Settings {
        let mut written = Written::from_yaml(yaml, "test").unwrap();
        written.set("path.data", &folder.display().to_string());
        Settings::of(&written).unwrap()
    }

    #[test]
    fn every_setting_of_watcher_reaches_the_engine() {
        let of = |yaml: &str| {
            let settings = settings(yaml, std::path::Path::new("unused"));
            engine_settings(&settings, settings.watcher.as_ref().unwrap())
        };
        let shown = |engine: &EngineSettings| format!("{engine:?}");
        let default = shown(&of(""));
        for (setting, value, expected) in [
            ("node.name", "n1", "node_id: \"n1\""),
            ("watchbell.compatibility.generation", "6", "generation: G6"),
            ("xpack.watcher.execution.default_throttle_period", "7s", "default_throttle_period: 7s"),
            ("xpack.watcher.input.search.default_timeout", "8s", "search_timeout: 8s"),
            ("xpack.watcher.actions.index.default_timeout", "9s", "index_timeout: 9s"),
            ("xpack.watcher.actions.bulk.default_timeout", "10s", "bulk_timeout: 10s"),
            ("xpack.watcher.thread_pool.size", "11", "pool_size: 11"),
            ("xpack.watcher.thread_pool.queue_size", "12", "queue_size: 12"),
            ("xpack.watcher.max.history.record.size", "13kb", "history_record_max: 13312"),
            ("watchbell.missed_runs", "none", "missed_runs: None"),
            ("watchbell.missed_runs_max_age", "14s", "max_age: 14s"),
        ] {
            let engine = shown(&of(&format!("{setting}: {value}\n")));
            assert!(!default.contains(expected) && engine.contains(expected), "{setting}: {engine}");
        }
    }

    #[tokio::test]
    async fn an_address_open_to_strangers_is_refused_before_anything_starts() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let refused = Server::start(&settings("http.host: 0.0.0.0\nhttp.port: 0\n", &data)).await.err();
        assert!(refused.is_some_and(|text| text.contains("watchbell.security.allow_anonymous")));
        assert!(!data.exists());
    }

    #[tokio::test]
    async fn the_end_of_a_part_is_told_and_the_rest_ends_in_order() {
        let account = "xpack.notification.dingtalk.account.ops.secure_webhook: token0123\nwatchbell.relay.default: ops\nwatchbell.relay.http.port: 0\n";
        for part in ["API", "relay"] {
            let folder = tempfile::tempdir().unwrap();
            let mut server = Server::start(&settings(&format!("http.port: 0\n{account}"), folder.path())).await.unwrap();
            match part {
                "API" => server.rest.as_ref().unwrap().abort(),
                _ => server.relay.as_ref().unwrap().abort(),
            }
            let text = server.failed().await;
            assert!(text.contains(part), "{text}");
            server.shutdown().await;
        }
    }
}
