//! What the relay is told.

use std::time::Duration;

use ipnet::IpNet;
use watchbell_robots::dingtalk::Account;

/// Larger requests are refused unread; a robot takes 20,000 bytes, the rest is room for what gets cut.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// How long a caller waits for the robot's word. Watcher gives up after 10 s.
pub const SYNC_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest alias; it is a path segment and a label in logs.
pub const ALIAS_BYTES_MAX: usize = 64;

/// Paths of the relay itself, and one that clients of DingTalk use.
const RESERVED: &[&str] = &["send", "robot", "healthz", "readyz", "metrics"];

/// A robot and the name callers use for it.
#[derive(Clone, Debug)]
pub struct RelayRobot {
    pub alias: String,
    pub account: Account,
}

#[derive(Clone, Debug)]
pub struct RelaySettings {
    pub robots: Vec<RelayRobot>,
    /// The alias that answers `POST /`.
    pub default: Option<String>,
    /// Who may call, by peer address; empty: this machine only.
    pub allow: Vec<IpNet>,
    pub body_bytes_max: usize,
    pub sync_timeout: Duration,
}

impl Default for RelaySettings {
    fn default() -> RelaySettings {
        RelaySettings { robots: Vec::new(), default: None, allow: Vec::new(), body_bytes_max: BODY_BYTES_MAX, sync_timeout: SYNC_TIMEOUT }
    }
}

/// Settings that contradict themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsError {
    BadAlias(String),
    ReservedAlias(String),
    RepeatedAlias(String),
    UnknownDefault(String),
}

impl std::fmt::Display for SettingsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SettingsError::BadAlias(alias) => {
                write!(
                    f,
                    "the relay cannot serve a robot named [{alias}]: an alias has letters a-z, digits, '-' and '_', begins with a letter or digit and has at most {ALIAS_BYTES_MAX} characters"
                )
            }
            SettingsError::ReservedAlias(alias) => write!(f, "the alias [{alias}] is reserved"),
            SettingsError::RepeatedAlias(alias) => write!(f, "two robots have the alias [{alias}]"),
            SettingsError::UnknownDefault(alias) => write!(f, "the default robot [{alias}] is not configured"),
        }
    }
}

impl std::error::Error for SettingsError {}

impl RelaySettings {
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        for (at, robot) in self.robots.iter().enumerate() {
            let alias = &robot.alias;
            if !is_alias(alias) {
                return Err(SettingsError::BadAlias(alias.clone()));
            }
            if RESERVED.contains(&alias.as_str()) {
                return Err(SettingsError::ReservedAlias(alias.clone()));
            }
            if self.robots[..at].iter().any(|other| other.alias == *alias) {
                return Err(SettingsError::RepeatedAlias(alias.clone()));
            }
        }
        match &self.default {
            Some(default) if !self.robots.iter().any(|robot| robot.alias == *default) => Err(SettingsError::UnknownDefault(default.clone())),
            _ => Ok(()),
        }
    }

    pub(crate) fn allows(&self, peer: std::net::IpAddr) -> bool {
        // a listener on [::] sees IPv4 callers in their IPv6 form
        let peer = peer.to_canonical();
        if self.allow.is_empty() { peer.is_loopback() } else { self.allow.iter().any(|network| network.contains(&peer)) }
    }
}

fn is_alias(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.len() <= ALIAS_BYTES_MAX && text.bytes().next().is_some_and(plain) && text.bytes().all(|b| plain(b) || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_robots::dingtalk::AllowedHosts;

    fn settings(aliases: &[&str], default: Option<&str>) -> RelaySettings {
        let account = Account::new("a", "token", None, [""; 0], &AllowedHosts::default()).unwrap();
        let robots = aliases.iter().map(|alias| RelayRobot { alias: (*alias).to_owned(), account: account.clone() }).collect();
        RelaySettings { robots, default: default.map(str::to_owned), ..RelaySettings::default() }
    }

    #[test]
    fn contradictions_are_named() {
        assert_eq!(settings(&["ops", "2nd_one-x"], Some("ops")).check(), Ok(()));
        for alias in ["", "Ops", "-a", "a/b", "a b", "群", &"a".repeat(65)] {
            assert_eq!(settings(&[alias], None).check(), Err(SettingsError::BadAlias(alias.to_owned())));
        }
        assert_eq!(settings(&["send"], None).check(), Err(SettingsError::ReservedAlias("send".into())));
        assert_eq!(settings(&["a", "a"], None).check(), Err(SettingsError::RepeatedAlias("a".into())));
        assert_eq!(settings(&["a"], Some("b")).check(), Err(SettingsError::UnknownDefault("b".into())));
    }

    #[test]
    fn without_a_list_only_this_machine_may_call() {
        let mut settings = settings(&[], None);
        let allows = |settings: &RelaySettings, peer: &str| settings.allows(peer.parse().unwrap());
        assert!(allows(&settings, "127.0.0.1") && allows(&settings, "::1") && allows(&settings, "::ffff:127.0.0.1"));
        assert!(!allows(&settings, "10.0.0.1"));
        settings.allow = vec!["10.0.0.0/8".parse().unwrap()];
        assert!(allows(&settings, "10.9.9.9") && allows(&settings, "::ffff:10.1.1.1"));
        assert!(!allows(&settings, "127.0.0.1") && !allows(&settings, "11.0.0.1"));
    }
}
