//! `watchbell robot-sim`: the chat stand-in alone.

use std::net::SocketAddr;

use tokio::sync::watch;
use watchbell_robot_sim::{RobotSim, Settings};

use crate::serve;

/// A running stand-in.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) sim: RobotSim,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

pub(crate) async fn start(address: SocketAddr, option: &str, settings: Settings) -> Result<Running, String> {
    let listener = serve::listen(address, &format!("{option} {}:", address.ip())).await?;
    let (clock, _) = serve::system_ports();
    let sim = RobotSim::new(clock, settings);
    let (stop, stopping) = watch::channel(false);
    let task = tokio::spawn(watchbell_robot_sim::serve(listener, sim.clone(), serve::stopped(stopping)));
    Ok(Running { sim, stop, task })
}

impl Running {
    pub(crate) async fn shutdown(self) {
        let _nobody_listens = self.stop.send(true);
        if let Err(error) = self.task.await {
            tracing::error!("the chat stand-in did not end well: {error}");
        }
    }
}

pub(crate) async fn run(address: SocketAddr) -> Result<(), String> {
    let running = start(address, "--listen", Settings::default()).await?;
    tracing::info!("the chat stand-in answers on http://{address}");
    crate::signal().await;
    running.shutdown().await;
    Ok(())
}
