//! What the operator says about a cluster (`watchbell.clusters.<name>.*`), parsed once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use reqwest::Url;

/// Where a cluster listens when its address names no port.
const PORT_DEFAULT: u16 = 9200;

#[derive(Clone, Debug, Default)]
pub struct ClusterSettings {
    /// For log lines and errors.
    pub name: String,
    /// `https://host:port/prefix`; scheme, port and prefix may be left out. A user and password in it are taken as such.
    pub hosts: Vec<String>,
    pub credentials: Credentials,
    /// PEM; these authorities are believed and no others.
    pub ca: Option<Vec<u8>>,
    /// Believe any certificate.
    pub insecure: bool,
}

/// Why a cluster cannot be used. Shows no credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsError {
    NoHosts,
    BadHost { position: usize, why: String },
    BadCredentials,
    BadAuthorities,
    Client(String),
}

impl std::fmt::Display for SettingsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SettingsError::NoHosts => f.write_str("no hosts are given"),
            SettingsError::BadHost { position, why } => write!(f, "host number {} is no address: {why}", position + 1),
            SettingsError::BadCredentials => f.write_str("the credentials hold characters that cannot be sent"),
            SettingsError::BadAuthorities => f.write_str("the certificate authorities hold no PEM certificate"),
            SettingsError::Client(why) => write!(f, "the HTTP client cannot be built: {why}"),
        }
    }
}

impl std::error::Error for SettingsError {}

/// Who we are to the cluster. Its `Debug` form shows only that there is something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials(Option<HeaderValue>);

impl Credentials {
    #[must_use]
    pub fn none() -> Credentials {
        Credentials(None)
    }

    /// # Errors
    /// [`SettingsError::BadCredentials`].
    pub fn basic(username: &str, password: &str) -> Result<Credentials, SettingsError> {
        Credentials::header(format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))))
    }

    /// An API key as the cluster gave it: `id:key`, or the two already encoded.
    ///
    /// # Errors
    /// [`SettingsError::BadCredentials`].
    pub fn api_key(key: &str) -> Result<Credentials, SettingsError> {
        let key = key.trim();
        let encoded = if key.contains(':') { STANDARD.encode(key) } else { key.to_owned() };
        Credentials::header(format!("ApiKey {encoded}"))
    }

    fn header(text: String) -> Result<Credentials, SettingsError> {
        let mut value = HeaderValue::try_from(text).map_err(|_| SettingsError::BadCredentials)?;
        value.set_sensitive(true);
        Ok(Credentials(Some(value)))
    }

    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        self.0.clone()
    }
}

/// A host, and the credentials its address held.
pub(crate) struct Host {
    pub(crate) base: Url,
    pub(crate) credentials: Option<Credentials>,
}

pub(crate) fn parse_host(text: &str) -> Result<Host, String> {
    let text = text.trim();
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let mut base = Url::parse(&with_scheme).map_err(|error| error.to_string())?;
    if !matches!(base.scheme(), "http" | "https") {
        return Err(format!("scheme [{}] is not http or https", base.scheme()));
    }
    if base.host_str().is_none_or(str::is_empty) {
        return Err("it names no host".into());
    }
    let credentials = match (base.username(), base.password()) {
        ("", None) => None,
        (user, password) => {
            let (user, password) = (decode(user), decode(password.unwrap_or_default()));
            Some(Credentials::basic(&user, &password).map_err(|error| error.to_string())?)
        }
    };
    // neither fails on an address with a host
    if base.set_username("").is_err() || base.set_password(None).is_err() {
        return Err("it names no host".into());
    }
    if base.port().is_none() && !names_port(&with_scheme) && base.set_port(Some(PORT_DEFAULT)).is_err() {
        return Err("it names no host".into());
    }
    base.set_query(None);
    base.set_fragment(None);
    let prefix = base.path().trim_end_matches('/').to_owned();
    base.set_path(&prefix);
    Ok(Host { base, credentials })
}

/// The parser forgets a port that is its scheme's own, so the text is asked.
fn names_port(url: &str) -> bool {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let after_bracket = host.rsplit(']').next().unwrap_or_default();
    after_bracket.contains(':')
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let pair = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok()).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (byte, pair) {
            (b'%', Some(decoded)) => {
                out.push(decoded);
                at += 3;
            }
            (other, _) => {
                out.push(*other);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_in_their_forms() {
        for (text, expected) in [
            ("localhost", "http://localhost:9200/"),
            ("10.0.0.1:9201", "http://10.0.0.1:9201/"),
            ("https://es.example", "https://es.example:9200/"),
            ("https://es.example:443", "https://es.example/"),
            ("http://[::1]", "http://[::1]:9200/"),
            ("https://es.example:9243/cluster/a/", "https://es.example:9243/cluster/a"),
        ] {
            assert_eq!(parse_host(text).unwrap().base.as_str(), expected, "{text}");
        }
        for text in ["", "ftp://a", "http://", "a b"] {
            assert!(parse_host(text).is_err(), "{text}");
        }
    }

    #[test]
    fn credentials_never_show() {
        let host = parse_host("https://elastic:can%40ary@es:9200").unwrap();
        assert_eq!(host.base.as_str(), "https://es:9200/");
        let credentials = host.credentials.unwrap();
        assert_eq!(credentials, Credentials::basic("elastic", "can@ary").unwrap());
        let settings = ClusterSettings { credentials, ..ClusterSettings::default() };
        let shown = format!("{settings:?}");
        assert!(!shown.contains("ary") && !shown.contains("Basic"), "{shown}");
        assert_eq!(Credentials::api_key("id:key").unwrap(), Credentials::api_key("aWQ6a2V5").unwrap());
        assert!(Credentials::basic("a", "b\n").is_ok(), "encoded, so anything can be sent");
        assert_eq!(Credentials::api_key("a\nb"), Err(SettingsError::BadCredentials));
    }
}
