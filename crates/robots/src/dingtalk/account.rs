//! An account: one robot of one group, with its credential.

use sha2::{Digest as _, Sha256};
use watchbell_time::{Timestamp, epoch_millis};

use super::keyword::{KeywordError, Keywords};
use super::sign::signature;
use crate::{Redactor, Secret, percent_encode};

/// The service's own host; tokens go nowhere else unless the operator says so.
pub const OWN_HOST: &str = "oapi.dingtalk.com";

/// The path of the robot's endpoint, used where only the token is given.
pub const SEND_PATH: &str = "/robot/send";

/// Hosts besides [`OWN_HOST`] that may get a token: `host` or `host:port`, as in `watchbell.robots.allow_hosts`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    #[must_use]
    pub fn new(hosts: impl IntoIterator<Item = impl Into<String>>) -> AllowedHosts {
        AllowedHosts(hosts.into_iter().map(|host| host.into().to_ascii_lowercase()).collect())
    }

    fn allow(&self, authority: &str) -> bool {
        self.0.iter().any(|host| host == authority || host == host_of(authority))
    }
}

fn host_of(authority: &str) -> &str {
    let after_bracket = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[after_bracket..].find(':') {
        Some(at) => &authority[..after_bracket + at],
        None => authority,
    }
}

/// Why an account cannot be used. No variant quotes the value: it is a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountError {
    Empty,
    /// Neither a URL nor a token.
    NotAWebhook,
    NoToken,
    /// `http` to the service itself would show the token to everybody on the way.
    NotEncrypted,
    HostNotAllowed {
        host: String,
    },
    Keyword(KeywordError),
}

impl std::fmt::Display for AccountError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AccountError::Empty => f.write_str("the webhook is empty; give the robot's URL or its token"),
            AccountError::NotAWebhook => f.write_str("the webhook is neither a URL nor a token"),
            AccountError::NoToken => f.write_str("the webhook URL has no access_token"),
            AccountError::NotEncrypted => write!(f, "the webhook of {OWN_HOST} must use https"),
            AccountError::HostNotAllowed { host } => {
                write!(f, "the webhook's host [{host}] is not {OWN_HOST}; list it in watchbell.robots.allow_hosts if that is meant")
            }
            AccountError::Keyword(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AccountError {}

/// The address of a robot. The token in it is the whole credential, so it shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    scheme: &'static str,
    authority: String,
    path: String,
    /// As it stands in the URL, encoded.
    token: Secret,
    /// What else stood in the query; not `timestamp` and `sign`, which are made afresh for every attempt.
    others: Vec<Secret>,
}

impl Webhook {
    /// Reads a full URL or only its token. A pasted `timestamp` and `sign` are dropped: they are valid for an hour.
    ///
    /// # Errors
    /// [`AccountError`], without the value.
    pub fn parse(text: &str, allowed: &AllowedHosts) -> Result<Webhook, AccountError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AccountError::Empty);
        }
        match text.split_once("://") {
            None => Webhook::from_token(text),
            Some((scheme, rest)) => Webhook::from_url(scheme, rest, allowed),
        }
    }

    fn from_token(token: &str) -> Result<Webhook, AccountError> {
        if !token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b)) {
            return Err(AccountError::NotAWebhook);
        }
        Ok(Webhook { scheme: "https", authority: OWN_HOST.to_owned(), path: SEND_PATH.to_owned(), token: Secret::new(token), others: Vec::new() })
    }

    fn from_url(scheme: &str, rest: &str, allowed: &AllowedHosts) -> Result<Webhook, AccountError> {
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => "https",
            "http" => "http",
            _ => return Err(AccountError::NotAWebhook),
        };
        // a blank or a control character would end up in the request line
        if rest.bytes().any(|b| b <= b' ' || b == 0x7f || !b.is_ascii()) {
            return Err(AccountError::NotAWebhook);
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = address.find('/').map_or((address, "/"), |at| address.split_at(at));
        let authority = authority.to_ascii_lowercase();
        if authority.is_empty() || authority.contains('@') {
            return Err(AccountError::NotAWebhook);
        }
        let own = authority == OWN_HOST || authority == format!("{OWN_HOST}:443");
        if own && scheme != "https" {
            return Err(AccountError::NotEncrypted);
        }
        if !own && !allowed.allow(&authority) {
            return Err(AccountError::HostNotAllowed { host: host_of(&authority).to_owned() });
        }
        let (mut token, mut others) = (None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("access_token", value)) if !value.is_empty() => token = token.or(Some(Secret::new(value))),
                Some(("access_token" | "timestamp" | "sign", _)) => {}
                _ => others.push(Secret::new(pair)),
            }
        }
        let token = token.ok_or(AccountError::NoToken)?;
        Ok(Webhook { scheme, authority, path: path.to_owned(), token, others })
    }

    /// Host and port, without anything secret.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    fn url(&self) -> String {
        let mut url = format!("{}://{}{}?access_token={}", self.scheme, self.authority, self.path, self.token.reveal());
        for pair in &self.others {
            url.push('&');
            url.push_str(pair.reveal());
        }
        url
    }
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Webhook({}://{}{}?…)", self.scheme, self.authority, self.path)
    }
}

/// A DingTalk robot as configured.
#[derive(Clone, Debug)]
pub struct Account {
    name: String,
    webhook: Webhook,
    secret: Option<Secret>,
    keywords: Keywords,
}

impl Account {
    /// `name` without the type; `webhook` a full URL or only the token; `secret` if the robot signs.
    ///
    /// # Errors
    /// [`AccountError`], without any secret in it.
    pub fn new(
        name: impl Into<String>,
        webhook: &str,
        secret: Option<&str>,
        keywords: impl IntoIterator<Item = impl Into<String>>,
        allowed: &AllowedHosts,
    ) -> Result<Account, AccountError> {
        let webhook = Webhook::parse(webhook, allowed)?;
        let secret = secret.map(str::trim).filter(|text| !text.is_empty()).map(Secret::new);
        let keywords = Keywords::new(keywords).map_err(AccountError::Keyword)?;
        Ok(Account { name: name.into(), webhook, secret, keywords })
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `dingtalk/<name>`: how messages name their account.
    #[must_use]
    pub fn id(&self) -> String {
        format!("dingtalk/{}", self.name)
    }

    #[must_use]
    pub fn keywords(&self) -> &Keywords {
        &self.keywords
    }

    #[must_use]
    pub fn webhook(&self) -> &Webhook {
        &self.webhook
    }

    /// What a budget belongs to: the same for every account with this token, and nothing can be learnt from it.
    #[must_use]
    pub fn credential(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.webhook.authority.as_bytes());
        hash.update(b"\n");
        hash.update(self.webhook.token.reveal().as_bytes());
        hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.secret.is_some()
    }

    /// The URL to post to, signed for `now`. Ask for a fresh one for every attempt.
    #[must_use]
    pub fn sign_url(&self, now: Timestamp) -> SignedUrl {
        let mut url = self.webhook.url();
        if let Some(secret) = &self.secret {
            let timestamp = epoch_millis(now);
            url.push_str(&format!("&timestamp={timestamp}&sign={}", percent_encode(&signature(timestamp, secret))));
        }
        SignedUrl(Secret::new(url))
    }

    /// Takes this account's secrets out of a text.
    #[must_use]
    pub fn redactor(&self) -> Redactor {
        Redactor::new(std::iter::once(&self.webhook.token).chain(&self.webhook.others).chain(&self.secret))
    }
}

/// A URL that anybody could send with for an hour; for the wire only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedUrl(Secret);

impl SignedUrl {
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "canary0123456789abcdef";

    fn account(webhook: &str, secret: Option<&str>) -> Account {
        Account::new("ops", webhook, secret, ["告警"], &AllowedHosts::new(["127.0.0.1:8090", "robots.example"])).unwrap()
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    #[test]
    fn a_url_and_its_token_alone_mean_the_same() {
        let expected = format!("https://oapi.dingtalk.com/robot/send?access_token={TOKEN}");
        for text in [
            TOKEN.to_owned(),
            format!(" {TOKEN}\n"),
            expected.clone(),
            format!("{expected}&timestamp=1700000000000&sign=abc%3D"),
            format!("https://OAPI.dingtalk.com/robot/send?sign=a&access_token={TOKEN}&timestamp=1#x"),
        ] {
            assert_eq!(account(&text, None).sign_url(at(0)).reveal(), expected);
        }
    }

    #[test]
    fn every_attempt_is_signed_for_its_own_time() {
        let secret = format!("SECwatchbell{}", "0".repeat(52));
        let account = account(&format!("http://127.0.0.1:8090/robot/send?access_token={TOKEN}&timestamp=1&sign=x"), Some(&secret));
        assert_eq!(
            account.sign_url(at(1_700_000_000_002)).reveal(),
            format!("http://127.0.0.1:8090/robot/send?access_token={TOKEN}&timestamp=1700000000002&sign=OUf8HPQHaisvgRhRSvS3SqHAlVQXMrHX2tkr%2FfG9mEk%3D")
        );
        assert_ne!(account.sign_url(at(1)), account.sign_url(at(2)));
    }

    #[test]
    fn bad_webhooks_are_refused_without_quoting_them() {
        let own = format!("oapi.dingtalk.com/robot/send?access_token={TOKEN}");
        for (text, expected) in [
            (String::new(), AccountError::Empty),
            (format!("{TOKEN} {TOKEN}"), AccountError::NotAWebhook),
            (format!("ftp://{own}"), AccountError::NotAWebhook),
            (format!("http://{own}"), AccountError::NotEncrypted),
            (format!("https://user@{own}"), AccountError::NotAWebhook),
            (format!("https://oapi.dingtalk.com/robot/send?access_token={TOKEN}\r\nX: y"), AccountError::NotAWebhook),
            ("https://oapi.dingtalk.com/robot/send".to_owned(), AccountError::NoToken),
            ("https://oapi.dingtalk.com/robot/send?access_token=".to_owned(), AccountError::NoToken),
            (
                format!("https://oapi.dingtalk.com.evil.example/robot/send?access_token={TOKEN}"),
                AccountError::HostNotAllowed { host: "oapi.dingtalk.com.evil.example".into() },
            ),
            (format!("http://127.0.0.1:8091/robot/send?access_token={TOKEN}"), AccountError::HostNotAllowed { host: "127.0.0.1".into() }),
        ] {
            let error = Account::new("ops", &text, None, [""; 0], &AllowedHosts::new(["127.0.0.1:8090"])).unwrap_err();
            assert!(!error.to_string().contains(TOKEN));
            assert_eq!(error, expected, "{text}");
        }
    }

    #[test]
    fn accounts_with_one_token_share_a_credential() {
        let one = account(TOKEN, Some("SECone"));
        let same = account(&format!("https://oapi.dingtalk.com/robot/send?access_token={TOKEN}"), None);
        let other = account(&format!("https://robots.example/robot/send?access_token={TOKEN}"), None);
        assert_eq!(one.credential(), same.credential());
        assert_ne!(one.credential(), other.credential());
        assert!(!one.credential().contains("canary"));
    }

    #[test]
    fn nothing_prints_a_secret() {
        let account = account(&format!("https://robots.example:8443/robot/send?access_token={TOKEN}&x=canary-extra"), Some("SECcanary-secret"));
        let shown = format!("{account:?} {:?} {:?}", account.sign_url(at(5)), account.redactor());
        assert!(!shown.contains("canary"), "{shown}");
        let redacted = account.redactor().redact(&format!("{} and SECcanary-secret", account.sign_url(at(5)).reveal()));
        assert!(!redacted.contains("canary"), "{redacted}");
    }
}
