//! The relay, wired: beside the server, or alone (`watchbell relay`).

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use watchbell_outbox::Deliver;
use watchbell_relay::{Relay, RelayRobot, RelaySettings};
use watchbell_time::Clock;

use crate::outgoing;
use crate::serve::{self, system_ports};
use crate::settings::{self, Settings, find};

/// A relay that answers.
#[derive(Debug)]
pub(crate) struct Running(tokio::task::JoinHandle<()>);

impl Running {
    /// Ends with a text when the relay has ended, which it must not by itself.
    pub(crate) async fn failed(&mut self) -> String {
        format!("the relay ended: {:?}", (&mut self.0).await)
    }

    #[cfg(test)]
    pub(crate) fn abort(&self) {
        self.0.abort();
    }

    /// Ends when what was being answered is answered.
    pub(crate) async fn ended(self) {
        if let Err(error) = self.0.await {
            tracing::error!("the relay did not end well: {error}");
        }
    }
}

pub(crate) fn start(
    settings: &Settings,
    listener: TcpListener,
    deliver: Arc<dyn Deliver>,
    clock: Arc<dyn Clock>,
    stopping: watch::Receiver<bool>,
) -> Result<Running, String> {
    let relay = Relay::new(relay_settings(settings)?, deliver, clock).map_err(|error| error.to_string())?;
    Ok(Running(tokio::spawn(watchbell_relay::serve(listener, relay, serve::stopped(stopping)))))
}

fn relay_settings(settings: &Settings) -> Result<RelaySettings, String> {
    let Some(relay) = &settings.relay else { return Ok(RelaySettings::default()) };
    let accounts = outgoing::accounts(settings).map_err(|error| error.to_string())?;
    let default = match &relay.default {
        None => None,
        Some(wanted) => Some(find(settings.accounts.keys(), wanted).map_err(|error| format!("setting [watchbell.relay.default]: {error}"))?.name.clone()),
    };
    Ok(RelaySettings {
        robots: accounts.into_iter().map(|account| RelayRobot { alias: account.name().to_owned(), account }).collect(),
        default,
        allow: relay.allow.clone(),
        sync_timeout: relay.sync_timeout,
        ..RelaySettings::default()
    })
}

/// Only the relay, until a signal.
pub(crate) async fn run(settings: &Settings) -> Result<(), String> {
    let Some(relay) = &settings.relay else { return Err("the relay is switched off (watchbell.relay.enabled)".to_owned()) };
    if settings.accounts.is_empty() {
        return Err("the relay has no robot to speak to: xpack.notification.dingtalk.account.<name>.secure_webhook".to_owned());
    }
    let (clock, _) = system_ports();
    let listener = serve::listen(relay.listen, "-E watchbell.relay.http.port=").await?;
    let senders = outgoing::senders_without_store(settings, &clock).map_err(|error: settings::SettingsError| error.to_string())?;
    let (stop, stopping) = watch::channel(false);
    let mut running = start(settings, listener, Arc::new(senders), clock, stopping)?;
    tracing::info!("the relay answers on http://{}", relay.listen);
    tokio::select! {
        biased;
        () = crate::signal() => {}
        text = running.failed() => return Err(text),
    }
    let _nobody_listens = stop.send(true);
    running.ended().await;
    Ok(())
}
