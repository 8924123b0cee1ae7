//! What the operator says about outgoing requests (`xpack.http.*`).

use std::time::Duration;

use watchbell_watch::http_request::Proxy;

use super::AllowList;

/// The reference's default for connecting and for a silent socket.
pub(crate) const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

/// The reference's default of `xpack.http.max_response_size`; its largest allowed value is 50 MB.
pub(crate) const RESPONSE_BYTES_DEFAULT: usize = 10 * 1024 * 1024;

#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// `xpack.http.default_connection_timeout`.
    pub connection_timeout: Duration,
    /// `xpack.http.default_read_timeout`: how long a socket may be silent.
    pub read_timeout: Duration,
    /// `xpack.http.max_response_size`, in bytes after decompression.
    pub max_response_bytes: usize,
    /// `xpack.http.proxy.*`.
    pub proxy: Option<Proxy>,
    /// `xpack.http.whitelist`.
    pub allow_list: AllowList,
    /// Whether link-local and metadata addresses may be reached.
    pub allow_link_local: bool,
    /// `xpack.http.tcp.keep_alive`.
    pub tcp_keep_alive: bool,
    pub trust: Trust,
}

impl Default for HttpSettings {
    fn default() -> HttpSettings {
        HttpSettings {
            connection_timeout: TIMEOUT_DEFAULT,
            read_timeout: TIMEOUT_DEFAULT,
            max_response_bytes: RESPONSE_BYTES_DEFAULT,
            proxy: None,
            allow_list: AllowList::default(),
            allow_link_local: false,
            tcp_keep_alive: true,
            trust: Trust::System,
        }
    }
}

/// Whose certificates are believed (`xpack.http.ssl.*`).
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// The system's authorities.
    #[default]
    System,
    /// `certificate_authorities`: these, as PEM, and no others.
    Authorities(Vec<u8>),
    /// `verification_mode: none`.
    Anyone,
}
