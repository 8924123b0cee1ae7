//! The binary `watchbell`: settings, wiring, life cycle.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod cli;
mod clusters;
mod demo;
mod dev;
mod history_retention;
mod introspection;
mod log_generator;
mod outgoing;
mod port_taken;
mod relay;
mod robot_sim;
mod send;
mod serve;
mod settings;
mod system;

use std::io::{Read, Write};
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command, SettingsArgs};
use settings::{Settings, Written};

/// How a command ends, beside well: what it was for did not happen, or it was asked for wrongly.
enum End {
    Well,
    Failed(String),
    Usage(String),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_log();
    // another part of the process may have chosen already, which is as good
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return say(&format!("watchbell: {error}"), 1),
    };
    match runtime.block_on(run(cli.command)) {
        End::Well => ExitCode::SUCCESS,
        End::Failed(text) => say(&text, 1),
        End::Usage(text) => say(&text, 2),
    }
}

fn say(text: &str, code: u8) -> ExitCode {
    if !text.is_empty() {
        let _nobody_reads = writeln!(std::io::stderr(), "watchbell: {text}");
    }
    ExitCode::from(code)
}

/// To standard error; `WATCHBELL_LOG` in the form of `RUST_LOG` sets what is logged.
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("WATCHBELL_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,tantivy=warn,hyper=warn,reqwest=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(true)
        .compact()
        .init();
}

async fn run(command: Command) -> End {
    match command {
        Command::Serve(arguments) => {
            let attach = arguments.attach.iter().map(|url| format!("watchbell.clusters.default.hosts={url}")).collect();
            match read_settings(&arguments.settings, attach) {
                Ok(settings) => serve(&settings).await,
                Err(text) => End::Usage(text),
            }
        }
        Command::Relay(arguments) => match read_settings(&arguments, vec!["watchbell.relay.enabled=true".to_owned()]) {
            Ok(settings) => end_of(relay::run(&settings).await),
            Err(text) => End::Usage(text),
        },
        Command::Demo(arguments) => end_of(demo::run(&arguments).await),
        Command::RobotSim(arguments) => end_of(robot_sim::run(arguments.listen).await),
        Command::Send(arguments) => match read_settings(&arguments.settings, Vec::new()) {
            Ok(settings) => send::run(&settings, &arguments.account, &arguments.text).await,
            Err(text) => End::Usage(text),
        },
        Command::Dev(arguments) => dev_text(&arguments).await,
    }
}

fn end_of(result: Result<(), String>) -> End {
    match result {
        Ok(()) => End::Well,
        Err(text) => End::Failed(text),
    }
}

fn read_settings(arguments: &SettingsArgs, more: Vec<String>) -> Result<Settings, String> {
    let mut overrides = more;
    overrides.extend(arguments.all_overrides());
    let written = Written::read(arguments.config.as_deref(), &overrides).map_err(|error| error.to_string())?;
    Settings::of(&written).map_err(|error| error.to_string())
}

async fn serve(settings: &Settings) -> End {
    let mut server = match serve::Server::start(settings).await {
        Ok(server) => server,
        Err(text) => return End::Failed(text),
    };
    tracing::info!("Watchbell {} answers on http://{}", env!("CARGO_PKG_VERSION"), server.api);
    if let Some(relay) = &settings.relay {
        tracing::info!("the relay answers on http://{}", relay.listen);
    }
    let failed = tokio::select! {
        biased;
        () = signal() => None,
        text = server.failed() => Some(text),
    };
    server.shutdown().await;
    match failed {
        None => End::Well,
        Some(text) => End::Failed(text),
    }
}

/// Ends at SIGTERM or SIGINT.
pub(crate) async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            tracing::warn!("SIGTERM cannot be awaited: {error}");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

async fn dev_text(arguments: &cli::Dev) -> End {
    let text = match read_text(&arguments.file) {
        Ok(text) => text,
        Err(error) => return End::Usage(format!("{}: {error}", arguments.file)),
    };
    let requests = match dev::parse(&text) {
        Ok(requests) => requests,
        Err(error) => return End::Usage(format!("{}: {error}", arguments.file)),
    };
    match dev::run(&requests, &arguments.url, &mut std::io::stdout()).await {
        Ok(true) => End::Well,
        Ok(false) => End::Failed(String::new()),
        Err(error) => End::Failed(error.to_string()),
    }
}

fn read_text(file: &str) -> std::io::Result<String> {
    let limit = dev::TEXT_BYTES_MAX as u64;
    let mut text = String::new();
    let read = match file {
        "-" => std::io::stdin().take(limit + 1).read_to_string(&mut text)?,
        path => std::fs::File::open(path)?.take(limit + 1).read_to_string(&mut text)?,
    };
    match read as u64 > limit {
        true => Err(std::io::Error::other(format!("more than {limit} bytes"))),
        false => Ok(text),
    }
}
