//! `watchbell demo`: the main job on real input, from logs to the bell.
//!
//! The embedded store, the chat stand-in with its page, the relay, the vendor guide's watch put through the API as it stands,
//! and a generator that writes ordinary lines and now and then an error.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use watchbell_robot_sim::{Robot, RobotSim};
use watchbell_time::{Clock, Entropy};

use crate::cli;
use crate::dev;
use crate::log_generator;
use crate::robot_sim;
use crate::serve::{Server, system_ports};
use crate::settings::{Settings, Written};

const ROBOT: &str = "ops";
const KEYWORD: &str = "error";
/// The address the guide's watch posts to.
const GUIDE_RELAY: &str = "http://127.0.0.1:8080";
/// Lines are written this often.
const BATCH_EVERY: Duration = Duration::from_secs(1);
/// The first error comes with this batch, so that the bell rings soon.
const FIRST_ERROR: u64 = 3;
/// A further error with every so many batches.
const ERROR_EVERY: u64 = 45;
pub(crate) async fn run(arguments: &cli::Demo) -> Result<(), String> {
    let (clock, entropy) = system_ports();
    let folder = Folder::of(arguments, &*entropy);
    let (token, secret) = (random_hex(&*entropy, 32), format!("SEC{}", random_hex(&*entropy, 32)));
    let robot = Robot::dingtalk(ROBOT, &token).with_secret(&secret).with_keywords([KEYWORD]).in_group("On-call 值班");
    let chat = robot_sim::start(arguments.chat, "--chat", watchbell_robot_sim::Settings { robots: vec![robot] }).await?;

    let settings = settings(arguments, &folder, &token, &secret)?;
    let mut server = Server::start(&settings).await?;
    let api = format!("http://{}", server.api);
    let relay = settings.relay.as_ref().map(|relay| format!("http://{}", relay.listen)).unwrap_or_default();
    put_guide(&api, &relay).await?;
    introduce(&api, &relay, arguments, &mut std::io::stdout()).map_err(|error| error.to_string())?;

    let generator = tokio::spawn(generate(api, clock, entropy));
    let result = tokio::select! {
        biased;
        () = crate::signal() => Ok(()),
        text = server.failed() => Err(text),
        result = ring(&chat.sim, arguments.once) => result.map_err(|error| error.to_string()),
    };
    generator.abort();
    server.shutdown().await;
    chat.shutdown().await;
    result
}

/// Where the demo's data lives; a folder of its own goes with the demo.
struct Folder {
    path: PathBuf,
    ours: bool,
}

impl Folder {
    fn of(arguments: &cli::Demo, entropy: &dyn Entropy) -> Folder {
        match &arguments.settings.data {
            Some(path) => Folder { path: path.clone(), ours: false },
            None => Folder { path: std::env::temp_dir().join(format!("watchbell-demo-{}", random_hex(entropy, 6))), ours: true },
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.ours {
            drop(std::fs::remove_dir_all(&self.path));
        }
    }
}

fn random_hex(entropy: &dyn Entropy, bytes: usize) -> String {
    let mut random = vec![0; bytes];
    entropy.fill(&mut random);
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The user's settings, with what the demo needs put in.
fn settings(arguments: &cli::Demo, folder: &Folder, token: &str, secret: &str) -> Result<Settings, String> {
    let mut written = Written::read(arguments.settings.config.as_deref(), &arguments.settings.overrides).map_err(|error| error.to_string())?;
    let account = |member: &str| format!("xpack.notification.dingtalk.account.{ROBOT}.{member}");
    written.set("path.data", &folder.path.display().to_string());
    written.set(&account("secure_webhook"), &format!("http://{}/robot/send?access_token={token}", arguments.chat));
    written.set(&account("secure_secret"), secret);
    written.set(&account("keywords"), KEYWORD);
    written.set("watchbell.robots.allow_hosts", &arguments.chat.to_string());
    written.set("watchbell.relay.enabled", "true");
    written.set("watchbell.relay.default", &format!("dingtalk/{ROBOT}"));
    Settings::of(&written).map_err(|error| error.to_string())
}

/// Puts the guide's watch through the API, as a person would.
async fn put_guide(api: &str, relay: &str) -> Result<(), String> {
    let text = log_generator::GUIDE.replace(GUIDE_RELAY, relay);
    let requests = dev::parse(&text).map_err(|error| error.to_string())?;
    let mut answers = Vec::new();
    match dev::run(&requests, api, &mut answers).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("the guide's watch was refused:\n{}", String::from_utf8_lossy(&answers))),
        Err(error) => Err(error.to_string()),
    }
}

fn introduce(api: &str, relay: &str, arguments: &cli::Demo, out: &mut impl Write) -> std::io::Result<()> {
    let chat = arguments.chat;
    writeln!(out, "\nWatchbell demo: logs are being written; now and then one is an error, and the guide's watch looks every 10 s.\n")?;
    writeln!(out, "  the group chat       http://{chat}/          open it and wait for the bell")?;
    writeln!(out, "  the API              {api}")?;
    writeln!(out, "  the relay            {relay}\n")?;
    writeln!(out, "Try, in another terminal:\n")?;
    writeln!(out, "  {}", log_generator::curl_line(api, "an error of my own"))?;
    writeln!(out, "  curl '{api}/_watcher/watch/log_error_watch?pretty'")?;
    writeln!(out, "  curl '{api}/.watcher-history-*/_search?pretty&size=1'")?;
    writeln!(out, "  curl -X POST '{api}/_watcher/watch/log_error_watch/_execute?pretty'")?;
    writeln!(out, "  curl -X PUT '{api}/_watcher/watch/log_error_watch/_ack?pretty'")?;
    writeln!(out, "  curl -X DELETE '{api}/_xpack/watcher/watch/log_error_watch'\n")?;
    writeln!(out, "Ctrl-C ends it.\n")?;
    out.flush()
}

/// Says every message that reached the group, with the terminal's bell.
async fn ring(sim: &RobotSim, once: bool) -> std::io::Result<()> {
    let mut changes = sim.changes();
    let mut last = 0;
    loop {
        let new: Vec<_> = sim.messages().into_iter().filter(|message| message.seq > last).collect();
        let mut out = std::io::stdout();
        for message in &new {
            last = message.seq;
            writeln!(out, "\u{7}DING  {}", message.text.as_deref().unwrap_or_default().replace('\n', "\n      "))?;
        }
        out.flush()?;
        if once && !new.is_empty() {
            return Ok(());
        }
        if changes.changed().await.is_err() {
            return Ok(());
        }
    }
}

async fn generate(api: String, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) {
    let Ok(client) = reqwest::Client::builder().no_proxy().build() else { return };
    for batch in 0_u64.. {
        let error = batch >= FIRST_ERROR && (batch - FIRST_ERROR).is_multiple_of(ERROR_EVERY);
        let body = log_generator::bulk(&*entropy, clock.now(), 3, error);
        let sent = client.post(format!("{api}/logs/_bulk")).header("content-type", "application/x-ndjson").body(body).send().await;
        if let Err(error) = sent.and_then(reqwest::Response::error_for_status) {
            tracing::warn!("the demo's log lines were not taken: {}", error.without_url());
        }
        clock.sleep(BATCH_EVERY).await;
    }
}
