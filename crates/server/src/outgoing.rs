//! The channels, made from settings.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use watchbell_robots::dingtalk;
use watchbell_senders::{AllowList, HttpClient, HttpSettings, IndexSender, RobotSender, RobotSettings, Senders, SystemLookup, Trust};
use watchbell_store::{DocumentWrite, IndexTarget, Refresh, WriteError, Written};
use watchbell_time::Clock;
use watchbell_watch::http_request::{Proxy, Scheme};

use crate::settings::{AccountKind, Settings, SettingsError};

pub(crate) fn senders(
    settings: &Settings,
    index: (Arc<dyn IndexTarget>, BTreeMap<String, Arc<dyn IndexTarget>>),
    clock: &Arc<dyn Clock>,
) -> Result<Senders, SettingsError> {
    let client = HttpClient::new(http_settings(settings)?, Arc::new(SystemLookup), clock.clone())
        .map_err(|error| SettingsError::invalid("xpack.http.ssl.certificate_authorities", error.to_string()))?;
    let robots = RobotSender::new(
        RobotSettings { accounts: accounts(settings)?, allow_hosts: settings.robot_hosts.clone(), judge_webhooks_by_status: !settings.robot_aware_webhooks },
        clock.clone(),
    );
    Ok(Senders::new(Arc::new(client), robots, IndexSender::new(index.0, index.1, clock.clone())))
}

/// The accounts as robots know them; what is wrong with one is said without its secrets.
pub(crate) fn accounts(settings: &Settings) -> Result<Vec<dingtalk::Account>, SettingsError> {
    let allowed = dingtalk::AllowedHosts::new(settings.robot_hosts.iter().cloned());
    let make = |(name, account): (&crate::settings::AccountName, &crate::settings::Account)| match name.kind {
        AccountKind::DingTalk => dingtalk::Account::new(&name.name, &account.webhook, account.secret.as_deref(), account.keywords.clone(), &allowed)
            .map_err(|error| SettingsError::invalid(&format!("xpack.notification.dingtalk.account.{}", name.name), error.to_string())),
    };
    settings.accounts.iter().map(make).collect()
}

fn http_settings(settings: &Settings) -> Result<HttpSettings, SettingsError> {
    let outgoing = &settings.outgoing;
    let defaults = HttpSettings::default();
    let proxy = match &outgoing.proxy {
        None => None,
        Some((host, port, scheme)) => Some(Proxy {
            host: host.clone(),
            port: *port,
            scheme: Some(match scheme.to_ascii_lowercase().as_str() {
                "http" => Scheme::Http,
                "https" => Scheme::Https,
                other => return Err(SettingsError::invalid("xpack.http.proxy.scheme", format!("[{other}] is not http or https"))),
            }),
        }),
    };
    let mut authorities = Vec::new();
    for path in &outgoing.certificate_authorities {
        authorities.extend(read_pem(path)?);
    }
    Ok(HttpSettings {
        connection_timeout: outgoing.connect_timeout.unwrap_or(defaults.connection_timeout),
        read_timeout: outgoing.read_timeout.unwrap_or(defaults.read_timeout),
        max_response_bytes: outgoing.max_response_bytes.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(defaults.max_response_bytes),
        proxy,
        allow_list: outgoing.whitelist.clone().map_or(defaults.allow_list, AllowList::new),
        allow_link_local: outgoing.allow_link_local,
        tcp_keep_alive: defaults.tcp_keep_alive,
        trust: if authorities.is_empty() { Trust::System } else { Trust::Authorities(authorities) },
    })
}

fn read_pem(path: &Path) -> Result<Vec<u8>, SettingsError> {
    std::fs::read(path).map_err(|error| SettingsError::invalid("xpack.http.ssl.certificate_authorities", format!("cannot read {}: {error}", path.display())))
}

/// Where index actions go in a process that has no store: nowhere.
#[derive(Debug)]
pub(crate) struct NoStore;

#[async_trait::async_trait]
impl IndexTarget for NoStore {
    async fn index_documents(&self, writes: Vec<DocumentWrite>, _refresh: Refresh) -> Vec<Result<Written, WriteError>> {
        writes.iter().map(|_| Err(WriteError::Unavailable("this process has no store".to_owned()))).collect()
    }
}

/// The channels of a process that has no store: robots and webhooks.
pub(crate) fn senders_without_store(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Senders, SettingsError> {
    senders(settings, (Arc::new(NoStore), BTreeMap::new()), clock)
}
