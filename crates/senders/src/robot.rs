//! Chat robots by account.
//!
//! Invariants: the URL is signed for the moment of each attempt; a redirect is never followed, because the token would travel
//! with it; what the robot answers decides, not the HTTP status alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use watchbell_json::Failure;
use watchbell_outbox::{Attempt, DeliveryKey, Outcome, RobotMessage};
use watchbell_robots::dingtalk::{Account, Answer, OWN_HOST, Reading, SEND_PATH, classify};
use watchbell_robots::{Redactor, Secret};
use watchbell_time::Clock;
use watchbell_watch::http_request::HttpRequest;

use crate::http::{HttpClient, HttpResponse, SendFailure, Target};
use crate::webhook::failed;

/// What the operator says about robots.
#[derive(Clone, Debug, Default)]
pub struct RobotSettings {
    pub accounts: Vec<Account>,
    /// `watchbell.robots.allow_hosts`, as `host` or `host:port`: robots stand there too.
    pub allow_hosts: Vec<String>,
    /// The opposite of `watchbell.webhook.robot_aware`: judge robots behind plain webhooks by their status only.
    pub judge_webhooks_by_status: bool,
}

/// Sends to robots, and knows one when a webhook names its URL.
#[derive(Debug)]
pub struct RobotSender {
    accounts: BTreeMap<String, Account>,
    allow_hosts: Vec<String>,
    judge_webhooks_by_status: bool,
    clock: Arc<dyn Clock>,
}

impl RobotSender {
    #[must_use]
    pub fn new(settings: RobotSettings, clock: Arc<dyn Clock>) -> RobotSender {
        RobotSender {
            accounts: settings.accounts.into_iter().map(|account| (account.id(), account)).collect(),
            allow_hosts: settings.allow_hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            judge_webhooks_by_status: settings.judge_webhooks_by_status,
            clock,
        }
    }

    /// The accounts, by `<type>/<name>`.
    pub fn accounts(&self) -> impl Iterator<Item = (&str, &Account)> {
        self.accounts.iter().map(|(id, account)| (id.as_str(), account))
    }

    pub(crate) async fn deliver(&self, client: &HttpClient, message: &RobotMessage, key: &DeliveryKey, deadline: Duration) -> Attempt {
        let Some(account) = self.accounts.get(&message.account) else {
            let reason = format!("no account [{}] is configured", message.account);
            return failed_with(Outcome::Misconfigured { reason: reason.clone() }, Failure::illegal_argument(reason));
        };
        let prepared = match account.prepare(&message.body, Some(&key.0)) {
            Ok(prepared) => prepared,
            Err(unfit) => {
                let reason = unfit.to_string();
                return failed_with(Outcome::Rejected { reason: reason.clone() }, Failure::illegal_argument(reason));
            }
        };
        let url = account.sign_url(self.clock.now());
        match client.post_json(url.reveal(), Bytes::from(prepared.bytes), deadline).await {
            Ok(response) => attempt(&self.read(&response, |answer| account.read(answer))),
            Err(failure) => failed(redacted(failure, &account.redactor())),
        }
    }

    /// Whether a webhook's target is a robot. The service itself answers on every path as a robot does, 200 and a code of refusal
    /// for a misspelt one too; other hosts may serve something else beside their robots.
    pub(crate) fn stands_behind(&self, target: &Target) -> bool {
        if self.judge_webhooks_by_status {
            return false;
        }
        let (host, authority) = (target.host(), format!("{}:{}", target.host(), target.port()));
        let sends = target.url().path().trim_end_matches('/') == SEND_PATH;
        host == OWN_HOST || (sends && self.allow_hosts.iter().any(|allowed| allowed == host || *allowed == authority))
    }

    /// The answer to a webhook, in the words of the robot behind it; the record shows it as a webhook's.
    pub(crate) fn judge_webhook(&self, request: &HttpRequest, response: &HttpResponse) -> Attempt {
        let secrets: Vec<Secret> = request.params.values().map(|value| Secret::new(value.as_str())).collect();
        let redactor = Redactor::new(&secrets);
        let outcome = Outcome::from(self.read(response, |answer| classify(answer, &redactor)).verdict);
        let shown = HttpResponse { body: Bytes::from(redactor.redact(&response.text())), ..response.clone() };
        Attempt { outcome, response: Some(shown.to_record()), error: None }
    }

    fn read(&self, response: &HttpResponse, judge: impl FnOnce(&Answer<'_>) -> Reading) -> Reading {
        let headers: Vec<(&str, &str)> =
            response.headers.iter().flat_map(|(name, values)| values.iter().map(move |value| (name.as_str(), value.as_str()))).collect();
        let answer = Answer { status: response.status, headers: &headers, body: &response.body, now: self.clock.now() };
        judge(&answer)
    }
}

fn attempt(reading: &Reading) -> Attempt {
    Attempt { outcome: Outcome::from(reading.verdict.clone()), response: Some(reading.to_json()), error: None }
}

fn failed_with(outcome: Outcome, failure: Failure) -> Attempt {
    Attempt { outcome, response: None, error: Some(failure) }
}

/// The client's errors show no URL; this is the second net.
fn redacted(mut failure: SendFailure, redactor: &Redactor) -> SendFailure {
    failure.failure.reason = failure.failure.reason.map(|reason| redactor.redact(&reason));
    failure
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::request;
    use watchbell_time::ManualClock;

    #[test]
    fn webhooks_to_the_service_are_judged_on_every_path() {
        let sender = |judge_webhooks_by_status| {
            let settings = RobotSettings { allow_hosts: vec!["Robots.example:8443".into()], judge_webhooks_by_status, ..RobotSettings::default() };
            RobotSender::new(settings, Arc::new(ManualClock::at(watchbell_time::Timestamp::UNIX_EPOCH)))
        };
        for (host, port, path, robot) in [
            (OWN_HOST, 443, "/robot/send", true),
            ("OAPI.DingTalk.com", 443, "/robot/send/", true),
            (OWN_HOST, 443, "/robot/sent", true),
            (OWN_HOST, 80, "/", true),
            ("robots.example", 8443, "/robot/send", true),
            ("robots.example", 8443, "//robot//send/", true),
            ("robots.example", 8443, "/other", false),
            ("robots.example", 443, "/robot/send", false),
            ("oapi.dingtalk.com.example", 443, "/robot/send", false),
        ] {
            let target = Target::of(&HttpRequest { path: Some(path.into()), ..request(host, port) }).unwrap();
            assert_eq!(sender(false).stands_behind(&target), robot, "{host}:{port}{path}");
            assert!(!sender(true).stands_behind(&target));
        }
    }
}
