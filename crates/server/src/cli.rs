//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "watchbell", version, about = "Elasticsearch Watcher outside the cluster, with alerts that arrive", max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server: Watcher API, embedded store, relay.
    Serve(Serve),
    /// Run only the egress relay (for those who keep their own Watcher).
    Relay(SettingsArgs),
    /// Show the main job on real input: the vendor guide's watch, a log generator, a chat stand-in.
    Demo(Demo),
    /// Run the chat stand-in alone.
    RobotSim(RobotSim),
    /// Send a test message and say what the robot's answer means.
    Send(Send),
    /// Run Dev-Tools text (METHOD path + body, several, comments, """ strings) against a server.
    Dev(Dev),
}

#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SettingsArgs {
    /// The settings file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The data folder (path.data).
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Override a setting.
    #[arg(short = 'E', value_name = "key=value")]
    pub(crate) overrides: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
    /// Search and write this Elasticsearch or OpenSearch instead of the embedded store (watchbell.clusters.default.hosts).
    #[arg(long, value_name = "URL")]
    pub(crate) attach: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Demo {
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
    /// End after the first alert arrived.
    #[arg(long)]
    pub(crate) once: bool,
    /// Where the chat stand-in and its page listen.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    pub(crate) chat: SocketAddr,
}

#[derive(Args, Debug)]
pub(crate) struct RobotSim {
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    pub(crate) listen: SocketAddr,
}

#[derive(Args, Debug)]
pub(crate) struct Send {
    /// `<type>/<name>`, or the name alone where it is unique.
    pub(crate) account: String,
    pub(crate) text: String,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

#[derive(Args, Debug)]
pub(crate) struct Dev {
    /// A file, or - for standard input.
    pub(crate) file: String,
    #[arg(long, default_value = "http://127.0.0.1:9200")]
    pub(crate) url: String,
}

impl SettingsArgs {
    /// The overrides with what the other options mean put in.
    pub(crate) fn all_overrides(&self) -> Vec<String> {
        let data = self.data.iter().map(|data| format!("path.data={}", data.display()));
        data.chain(self.overrides.iter().cloned()).collect()
    }
}
