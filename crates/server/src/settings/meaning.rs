//! What the settings mean: parsed once, with every default in one place.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use watchbell_watch::Generation;

use super::{Account, AccountName, SettingsError, Written, accounts, known};

/// A cluster whose data watches search.
#[derive(Clone, Default)]
pub(crate) struct Cluster {
    pub(crate) hosts: Vec<String>,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) api_key: Option<String>,
    pub(crate) tls: Tls,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("hosts", &self.hosts.len()).field("username", &self.username).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Tls {
    /// A PEM file.
    pub(crate) ca: Option<PathBuf>,
    pub(crate) insecure: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Relay {
    pub(crate) listen: SocketAddr,
    pub(crate) default: Option<String>,
    pub(crate) allow: Vec<ipnet::IpNet>,
    pub(crate) sync_timeout: Duration,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct OutgoingHttp {
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) read_timeout: Option<Duration>,
    pub(crate) max_response_bytes: Option<u64>,
    pub(crate) whitelist: Option<Vec<String>>,
    pub(crate) proxy: Option<(String, u16, String)>,
    pub(crate) certificate_authorities: Vec<PathBuf>,
    pub(crate) allow_link_local: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Watcher {
    pub(crate) default_throttle: Option<Duration>,
    pub(crate) search_timeout: Option<Duration>,
    pub(crate) index_timeout: Option<Duration>,
    pub(crate) bulk_timeout: Option<Duration>,
    pub(crate) pool_size: Option<usize>,
    pub(crate) queue_size: Option<usize>,
    pub(crate) history_record_bytes: Option<u64>,
    pub(crate) missed_runs: MissedRuns,
    pub(crate) missed_runs_max_age: Option<Duration>,
    /// How long records are kept.
    pub(crate) history_retention: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MissedRuns {
    Latest,
    None,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) api: SocketAddr,
    pub(crate) max_content_bytes: u64,
    pub(crate) allow_anonymous: bool,
    pub(crate) data: PathBuf,
    pub(crate) node_name: String,
    pub(crate) cluster_name: String,
    pub(crate) generation: Generation,
    /// `None`: switched off.
    pub(crate) watcher: Option<Watcher>,
    pub(crate) clusters: BTreeMap<String, Cluster>,
    pub(crate) accounts: BTreeMap<AccountName, Account>,
    /// `None`: switched off.
    pub(crate) relay: Option<Relay>,
    pub(crate) outgoing: OutgoingHttp,
    /// Hosts that are taken for robots besides the services' own.
    pub(crate) robot_hosts: Vec<String>,
    pub(crate) robot_aware_webhooks: bool,
    /// Settings of the reference that were accepted and have no meaning here.
    pub(crate) ignored: Vec<String>,
}

/// The reference's `http.max_content_length`.
const MAX_CONTENT_BYTES: u64 = 100 << 20;

/// More cannot be set for it: the reference counts with 31 bits.
const MAX_CONTENT_BYTES_MAX: u64 = i32::MAX as u64;

/// More cannot be set for `xpack.http.max_response_size`, as in the reference.
const MAX_RESPONSE_BYTES_MAX: u64 = 50 << 20;

/// A caller of the relay, Watcher, gives up after this and would record a failure of what is delivered then.
const CALLER_PATIENCE: Duration = Duration::from_secs(10);

impl Settings {
    pub(crate) fn of(written: &Written) -> Result<Settings, SettingsError> {
        let ignored = check_names(written)?;
        let host = host(written, &["http.host", "network.host"])?;
        Ok(Settings {
            api: SocketAddr::new(host, written.parsed("http.port", "a port")?.unwrap_or(9200)),
            max_content_bytes: bytes_up_to(written, "http.max_content_length", MAX_CONTENT_BYTES_MAX)?.unwrap_or(MAX_CONTENT_BYTES),
            allow_anonymous: written.flag("watchbell.security.allow_anonymous")?.unwrap_or(false),
            data: written.text("path.data")?.unwrap_or("data").into(),
            node_name: written.text("node.name")?.unwrap_or("watchbell").to_owned(),
            cluster_name: written.text("cluster.name")?.unwrap_or("watchbell").to_owned(),
            generation: generation(written)?,
            watcher: watcher(written)?,
            clusters: clusters(written)?,
            accounts: accounts::read(written)?,
            relay: relay(written)?,
            outgoing: outgoing(written)?,
            robot_hosts: written.list("watchbell.robots.allow_hosts").unwrap_or_default(),
            robot_aware_webhooks: written.flag("watchbell.webhook.robot_aware")?.unwrap_or(true),
            ignored,
        })
    }
}

fn check_names(written: &Written) -> Result<Vec<String>, SettingsError> {
    let mut ignored = Vec::new();
    for name in written.names() {
        match known::known(name) {
            Some(known::Known::Used | known::Known::Secret) => {}
            Some(known::Known::Ignored) => ignored.push(name.to_owned()),
            None => return Err(SettingsError::Unknown { name: name.to_owned(), nearest: known::nearest(name) }),
        }
    }
    Ok(ignored)
}

fn host(written: &Written, names: &[&str]) -> Result<IpAddr, SettingsError> {
    for name in names {
        let Some(text) = written.text(name)? else { continue };
        return match text.trim() {
            "localhost" | "_local_" => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            other => other.parse().map_err(|_| SettingsError::invalid(name, format!("[{other}] is not an address like 127.0.0.1, ::1 or 0.0.0.0"))),
        };
    }
    Ok(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

fn generation(written: &Written) -> Result<Generation, SettingsError> {
    const NAME: &str = "watchbell.compatibility.generation";
    match written.text(NAME)? {
        None | Some("8") => Ok(Generation::G8),
        Some("6") => Ok(Generation::G6),
        Some("7") => Ok(Generation::G7),
        Some("9") => Ok(Generation::G9),
        Some(other) => Err(SettingsError::invalid(NAME, format!("[{other}] is not 6, 7, 8 or 9"))),
    }
}

fn duration(written: &Written, name: &str) -> Result<Option<Duration>, SettingsError> {
    let Some(text) = written.text(name)? else { return Ok(None) };
    let wrong = || SettingsError::invalid(name, format!("[{text}] is not a time value like 30s, 5m or 1h"));
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let micros_each = match unit {
        "micros" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        "" if number == 0 => 0,
        _ => return Err(wrong()),
    };
    Ok(Some(Duration::from_micros(number.checked_mul(micros_each).ok_or_else(wrong)?)))
}

/// A duration that is not 0: a timeout of 0 would fail everything.
fn positive(written: &Written, name: &str) -> Result<Option<Duration>, SettingsError> {
    match duration(written, name)? {
        Some(Duration::ZERO) => Err(SettingsError::invalid(name, "must be positive")),
        other => Ok(other),
    }
}

fn bytes_up_to(written: &Written, name: &str, max: u64) -> Result<Option<u64>, SettingsError> {
    match bytes(written, name)? {
        Some(given) if given == 0 || given > max => Err(SettingsError::invalid(name, format!("must be between 1b and {max}b"))),
        other => Ok(other),
    }
}

fn bytes(written: &Written, name: &str) -> Result<Option<u64>, SettingsError> {
    let Some(text) = written.text(name)? else { return Ok(None) };
    let wrong = || SettingsError::invalid(name, format!("[{text}] is not a size like 10mb"));
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = lower.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let each: u64 = match unit.trim() {
        "b" => 1,
        "k" | "kb" => 1 << 10,
        "m" | "mb" => 1 << 20,
        "g" | "gb" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(each).map(Some).ok_or_else(wrong)
}

fn watcher(written: &Written) -> Result<Option<Watcher>, SettingsError> {
    if !written.flag("xpack.watcher.enabled")?.unwrap_or(true) {
        return Ok(None);
    }
    let missed_runs = match written.text("watchbell.missed_runs")? {
        None | Some("latest") => MissedRuns::Latest,
        Some("none") => MissedRuns::None,
        Some(other) => return Err(SettingsError::invalid("watchbell.missed_runs", format!("[{other}] is not latest or none"))),
    };
    if written.flag("xpack.watcher.encrypt_sensitive_data")? == Some(true) {
        return Err(SettingsError::invalid("xpack.watcher.encrypt_sensitive_data", "is not supported: secrets in watches would be stored as they are"));
    }
    Ok(Some(Watcher {
        default_throttle: positive(written, "xpack.watcher.execution.default_throttle_period")?,
        search_timeout: positive(written, "xpack.watcher.input.search.default_timeout")?,
        index_timeout: positive(written, "xpack.watcher.actions.index.default_timeout")?,
        bulk_timeout: positive(written, "xpack.watcher.actions.bulk.default_timeout")?,
        pool_size: written.parsed::<std::num::NonZeroUsize>("xpack.watcher.thread_pool.size", "a number from 1 on")?.map(std::num::NonZeroUsize::get),
        queue_size: written.parsed("xpack.watcher.thread_pool.queue_size", "a number")?,
        history_record_bytes: bytes_up_to(written, "xpack.watcher.max.history.record.size", u64::MAX)?,
        missed_runs,
        missed_runs_max_age: duration(written, "watchbell.missed_runs_max_age")?,
        history_retention: duration(written, "watchbell.history.retention")?,
    }))
}

fn clusters(written: &Written) -> Result<BTreeMap<String, Cluster>, SettingsError> {
    let mut clusters = BTreeMap::new();
    for name in written.children("watchbell.clusters") {
        let of = |member: &str| format!("watchbell.clusters.{name}.{member}");
        let owned = |member: &str| Ok(written.text(&of(member))?.map(str::to_owned));
        let hosts = written.list(&of("hosts")).unwrap_or_default();
        if hosts.is_empty() {
            return Err(SettingsError::invalid(&of("hosts"), "is missing: one URL or several"));
        }
        let cluster = Cluster {
            hosts,
            username: owned("username")?,
            password: owned("password")?,
            api_key: owned("api_key")?,
            tls: Tls { ca: owned("ca")?.map(PathBuf::from), insecure: written.flag(&of("insecure"))?.unwrap_or(false) },
        };
        clusters.insert(name, cluster);
    }
    Ok(clusters)
}

fn relay(written: &Written) -> Result<Option<Relay>, SettingsError> {
    let default = written.text("watchbell.relay.default")?.map(str::to_owned);
    let enabled = written.flag("watchbell.relay.enabled")?;
    if !enabled.unwrap_or(default.is_some()) {
        return match written.names().find(|name| name.starts_with("watchbell.relay.")) {
            Some(name) if enabled.is_none() => {
                Err(SettingsError::invalid(name, "has no effect: nothing switches the relay on (watchbell.relay.enabled, or watchbell.relay.default)"))
            }
            _ => Ok(None),
        };
    }
    match written.text("watchbell.relay.mode")? {
        None | Some("sync") => {}
        Some("queue") => {
            return Err(SettingsError::invalid("watchbell.relay.mode", "[queue] is not supported yet: the relay answers what became of a message"));
        }
        Some(other) => return Err(SettingsError::invalid("watchbell.relay.mode", format!("[{other}] is not sync"))),
    }
    let default = default.or(written.text("xpack.notification.dingtalk.default_account")?.map(|name| format!("dingtalk/{name}")));
    let mut allow = Vec::new();
    for text in written.list("watchbell.relay.allow").unwrap_or_default() {
        let net = text.parse::<ipnet::IpNet>().or_else(|_| text.parse::<IpAddr>().map(ipnet::IpNet::from));
        allow.push(net.map_err(|_| SettingsError::invalid("watchbell.relay.allow", format!("[{text}] is not an address or CIDR range")))?);
    }
    let listen = SocketAddr::new(host(written, &["watchbell.relay.http.host"])?, written.parsed("watchbell.relay.http.port", "a port")?.unwrap_or(8080));
    if !listen.ip().is_loopback() && allow.is_empty() {
        return Err(SettingsError::invalid(
            "watchbell.relay.http.host",
            format!("{} is reachable from outside: say who may use it with watchbell.relay.allow: [CIDR, …]", listen.ip()),
        ));
    }
    let sync_timeout = positive(written, "watchbell.relay.sync_timeout")?.unwrap_or(watchbell_relay::SYNC_TIMEOUT);
    if sync_timeout >= CALLER_PATIENCE {
        return Err(SettingsError::invalid("watchbell.relay.sync_timeout", "must be less than the 10 s that Watcher waits for an answer"));
    }
    Ok(Some(Relay { listen, default, allow, sync_timeout }))
}

fn outgoing(written: &Written) -> Result<OutgoingHttp, SettingsError> {
    let proxy = match (written.text("xpack.http.proxy.host")?, written.parsed::<u16>("xpack.http.proxy.port", "a port")?) {
        (None, None) => None,
        (Some(host), Some(port)) => Some((host.to_owned(), port, written.text("xpack.http.proxy.scheme")?.unwrap_or("http").to_owned())),
        _ => return Err(SettingsError::invalid("xpack.http.proxy.host", "and xpack.http.proxy.port come together")),
    };
    Ok(OutgoingHttp {
        connect_timeout: positive(written, "xpack.http.default_connection_timeout")?,
        read_timeout: positive(written, "xpack.http.default_read_timeout")?,
        max_response_bytes: bytes_up_to(written, "xpack.http.max_response_size", MAX_RESPONSE_BYTES_MAX)?,
        whitelist: written.list("xpack.http.whitelist"),
        proxy,
        certificate_authorities: written.list("xpack.http.ssl.certificate_authorities").unwrap_or_default().into_iter().map(PathBuf::from).collect(),
        allow_link_local: written.flag("watchbell.webhook.allow_link_local")?.unwrap_or(false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(yaml: &str) -> Result<Settings, String> {
        Settings::of(&Written::from_yaml(yaml, "test").unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_those_of_the_design() {
        let settings = settings("").unwrap();
        assert_eq!(settings.api.to_string(), "127.0.0.1:9200");
        assert_eq!(settings.data, PathBuf::from("data"));
        assert!(settings.watcher.is_some() && settings.relay.is_none() && settings.clusters.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (yaml, error) in [
            ("http.prot: 1", "unknown setting [http.prot], did you mean [http.port]?"),
            ("http.port: many", "setting [http.port]: [many] is not a port"),
            ("http.host: nowhere", "setting [http.host]: [nowhere] is not an address like 127.0.0.1, ::1 or 0.0.0.0"),
            ("xpack.watcher.enabled: yes", "setting [xpack.watcher.enabled]: [yes] is not true or false"),
            ("watchbell.compatibility.generation: 5", "setting [watchbell.compatibility.generation]: [5] is not 6, 7, 8 or 9"),
            ("watchbell.missed_runs_max_age: 1w", "setting [watchbell.missed_runs_max_age]: [1w] is not a time value like 30s, 5m or 1h"),
            ("xpack.watcher.execution.default_throttle_period: 0s", "setting [xpack.watcher.execution.default_throttle_period]: must be positive"),
            ("xpack.http.default_read_timeout: 0", "setting [xpack.http.default_read_timeout]: must be positive"),
            ("xpack.http.max_response_size: 51mb", "setting [xpack.http.max_response_size]: must be between 1b and 52428800b"),
            ("http.max_content_length: 0b", "setting [http.max_content_length]: must be between 1b and 2147483647b"),
            ("xpack.watcher.thread_pool.size: 0", "setting [xpack.watcher.thread_pool.size]: [0] is not a number from 1 on"),
            (
                "xpack.watcher.encrypt_sensitive_data: true",
                "setting [xpack.watcher.encrypt_sensitive_data]: is not supported: secrets in watches would be stored as they are",
            ),
            (
                "watchbell.relay.allow: 10.0.0.0/8",
                "setting [watchbell.relay.allow]: has no effect: nothing switches the relay on (watchbell.relay.enabled, or watchbell.relay.default)",
            ),
            (
                "watchbell.relay.enabled: true\nwatchbell.relay.sync_timeout: 10s",
                "setting [watchbell.relay.sync_timeout]: must be less than the 10 s that Watcher waits for an answer",
            ),
            (
                "watchbell.relay.enabled: true\nwatchbell.relay.mode: queue",
                "setting [watchbell.relay.mode]: [queue] is not supported yet: the relay answers what became of a message",
            ),
            ("watchbell.relay.enabled: true\nwatchbell.relay.allow: nonsense", "setting [watchbell.relay.allow]: [nonsense] is not an address or CIDR range"),
            (
                "watchbell.relay.enabled: true\nwatchbell.relay.http.host: 0.0.0.0",
                "setting [watchbell.relay.http.host]: 0.0.0.0 is reachable from outside: say who may use it with watchbell.relay.allow: [CIDR, …]",
            ),
            ("watchbell.clusters.prod.username: u", "setting [watchbell.clusters.prod.hosts]: is missing: one URL or several"),
        ] {
            assert_eq!(settings(yaml).map(|_| ()), Err(error.to_owned()), "{yaml}");
        }
    }

    #[test]
    fn the_default_account_answers_for_the_relay_unless_it_names_another() {
        let account = "xpack.notification.dingtalk.default_account: ops\nwatchbell.relay.enabled: true\n";
        let default = |yaml: &str| settings(yaml).unwrap().relay.unwrap().default;
        assert_eq!(default(account).as_deref(), Some("dingtalk/ops"));
        assert_eq!(default(&format!("{account}watchbell.relay.default: two")).as_deref(), Some("two"));
        assert!(settings("watchbell.relay.enabled: false\nwatchbell.relay.default: ops\nwatchbell.relay.allow: ::1").unwrap().relay.is_none());
    }

    #[test]
    fn settings_of_the_reference_without_meaning_are_listed() {
        let settings = settings("xpack.security.enabled: false\ndiscovery.type: single-node\n").unwrap();
        assert_eq!(settings.ignored, ["discovery.type", "xpack.security.enabled"]);
    }

    #[test]
    fn durations_and_sizes_have_units() {
        let written = Written::from_yaml("xpack.watcher.input.search.default_timeout: 90s\nxpack.http.max_response_size: 10mb\n", "test").unwrap();
        assert_eq!(duration(&written, "xpack.watcher.input.search.default_timeout").unwrap(), Some(Duration::from_secs(90)));
        assert_eq!(bytes(&written, "xpack.http.max_response_size").unwrap(), Some(10 << 20));
    }
}
