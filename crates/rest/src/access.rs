//! Who may ask, and from where (DNS rebinding, cross-site requests, users).

use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use http::{HeaderMap, Method, StatusCode, header};
use watchbell_json::Failure;

use crate::problem::Problem;

/// A user with all rights.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub password: String,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Who may use the API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// With users, every request must name one of them.
    pub users: Vec<User>,
    /// Lets everybody in on addresses other than loopback too.
    pub allow_anonymous: bool,
    /// Names, besides those of loopback, that a `Host` header may carry on an unauthenticated loopback listener.
    pub allowed_hosts: Vec<String>,
}

/// A listener that would let strangers in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenToStrangers {
    pub address: SocketAddr,
}

impl std::fmt::Display for OpenToStrangers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is not a loopback address: binding to it needs users, or watchbell.security.allow_anonymous: true", self.address)
    }
}

impl std::error::Error for OpenToStrangers {}

impl Access {
    /// Whether a listener may be bound to this address.
    ///
    /// # Errors
    /// Anybody could come in.
    pub fn permits_listener(&self, address: SocketAddr) -> Result<(), OpenToStrangers> {
        if address.ip().is_loopback() || self.allow_anonymous || !self.users.is_empty() { Ok(()) } else { Err(OpenToStrangers { address }) }
    }

    /// Admits a request, and says as whom; `local` is the address of the listener's end.
    ///
    /// # Errors
    /// 403 for a foreign `Host` or `Origin` where nothing else protects, 401 without a known user.
    pub fn admit(&self, method: &Method, authority: Option<&str>, headers: &HeaderMap, local: SocketAddr, path: &str) -> Result<Option<String>, Problem> {
        if !self.users.is_empty() {
            return self.authenticate(headers, path).map(Some);
        }
        if local.ip().is_loopback() {
            self.refuse_foreign(method, authority, headers)?;
        }
        Ok(None)
    }

    /// A page of some web site reaches a loopback listener through the browser of whoever visits it: by a name that resolves to
    /// 127.0.0.1 (then `Host` is foreign) or by a plain form (then `Origin` is).
    fn refuse_foreign(&self, method: &Method, authority: Option<&str>, headers: &HeaderMap) -> Result<(), Problem> {
        let hosts = headers.get_all(header::HOST).iter().map(|value| value.to_str().unwrap_or("?"));
        if let Some(host) = hosts.chain(authority).find(|host| !self.is_own_host(host)) {
            let text = format!("Host header [{host}] is not allowed on an unauthenticated loopback listener");
            return Err(Problem::Plain(StatusCode::FORBIDDEN, text));
        }
        let writes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        let origin = headers.get(header::ORIGIN).map(|value| value.to_str().unwrap_or("?"));
        if let Some(origin) = origin.filter(|origin| writes && !self.is_own_host(origin.split_once("://").map_or(origin, |(_, host)| host))) {
            let text = format!("Origin [{origin}] may not write on an unauthenticated loopback listener");
            return Err(Problem::Plain(StatusCode::FORBIDDEN, text));
        }
        Ok(())
    }

    fn is_own_host(&self, host_and_port: &str) -> bool {
        let host = host_of(host_and_port);
        let named = host.eq_ignore_ascii_case("localhost") || self.allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host));
        named || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    fn authenticate(&self, headers: &HeaderMap, path: &str) -> Result<String, Problem> {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return Err(unauthorized(format!("missing authentication credentials for REST request [{path}]")));
        };
        let named = basic_credentials(value.as_bytes());
        let known = named.as_ref().and_then(|(name, password)| {
            let mut found = None;
            for user in &self.users {
                // Every user is compared, so that the time says nothing about names.
                if same_bytes(user.name.as_bytes(), name.as_bytes()) & same_bytes(user.password.as_bytes(), password.as_bytes()) {
                    found = Some(user.name.clone());
                }
            }
            found
        });
        known.ok_or_else(|| {
            let name = named.map_or_else(String::new, |(name, _)| format!(" user [{name}]"));
            unauthorized(format!("unable to authenticate{name} for REST request [{path}]"))
        })
    }
}

fn unauthorized(reason: String) -> Problem {
    let failure = Failure::new("security_exception", reason);
    let answer = crate::problem::error_response(StatusCode::UNAUTHORIZED, &failure);
    Problem::Answer(answer.with_header(header::WWW_AUTHENTICATE, "Basic realm=\"security\", charset=\"UTF-8\""))
}

fn host_of(host_and_port: &str) -> &str {
    match host_and_port.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host_and_port.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host_and_port, |(host, _)| host),
    }
}

fn basic_credentials(value: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(value).ok()?;
    let (scheme, encoded) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    decoded.split_once(':').map(|(name, password)| (name.to_owned(), password.to_owned()))
}

/// Compares in a time that depends on the lengths alone.
fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differing, (x, y)| differing | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn admit(access: &Access, method: &Method, pairs: &[(&'static str, &str)]) -> Result<Option<String>, u16> {
        let local = "127.0.0.1:9200".parse().unwrap();
        access.admit(method, None, &headers(pairs), local, "/x").map_err(|problem| problem.into_response().status.as_u16())
    }

    #[test]
    fn foreign_hosts_and_origins_are_refused_on_loopback() {
        let access = Access { allowed_hosts: vec!["watchbell.test".to_owned()], ..Access::default() };
        for host in ["localhost:9200", "127.0.0.1", "127.8.0.1:1", "[::1]:9200", "LOCALHOST", "watchbell.test:80"] {
            assert_eq!(admit(&access, &Method::GET, &[("host", host)]), Ok(None), "{host}");
        }
        for host in ["evil.example:9200", "127.0.0.1.evil.example", "10.0.0.1", ""] {
            assert_eq!(admit(&access, &Method::GET, &[("host", host)]), Err(403), "{host}");
        }
        assert_eq!(admit(&access, &Method::GET, &[]), Ok(None), "HTTP/1.0 has no Host");
        let foreign = [("host", "127.0.0.1:9200"), ("origin", "http://evil.example")];
        assert_eq!(admit(&access, &Method::POST, &foreign), Err(403));
        assert_eq!(admit(&access, &Method::GET, &foreign), Ok(None));
        assert_eq!(admit(&access, &Method::POST, &[("origin", "http://localhost:9200")]), Ok(None));
    }

    #[test]
    fn users_are_asked_for_their_password() {
        let access = Access { users: vec![User { name: "ann".to_owned(), password: "s3cret".to_owned() }], ..Access::default() };
        let basic = |text: &str| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text));
        assert_eq!(admit(&access, &Method::GET, &[("host", "evil.example"), ("authorization", &basic("ann:s3cret"))]), Ok(Some("ann".to_owned())));
        for credentials in [basic("ann:wrong"), basic("bob:s3cret"), basic("ann"), "Basic !!".to_owned(), "ApiKey x".to_owned()] {
            assert_eq!(admit(&access, &Method::GET, &[("authorization", &credentials)]), Err(401), "{credentials}");
        }
        assert_eq!(admit(&access, &Method::GET, &[]), Err(401));
        assert!(!format!("{access:?}").contains("s3cret"));
    }

    #[test]
    fn strangers_need_permission() {
        let open = "0.0.0.0:9200".parse().unwrap();
        assert!(Access::default().permits_listener(open).is_err());
        assert!(Access { allow_anonymous: true, ..Access::default() }.permits_listener(open).is_ok());
        assert!(Access::default().permits_listener("[::1]:9200".parse().unwrap()).is_ok());
    }
}
