//! `watchbell send`: one test message, the robot's answer, and what it means.
//!
//! Where a relay runs with these settings it sends, so that its budget counts the message. Without one the message goes straight
//! to the robot, and the output says so.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use watchbell_json::{Json, json};
use watchbell_outbox::{Attempt, Deliver, Delivery, DeliveryKey, Message, Outcome, RobotMessage};
use watchbell_time::uuid_v4;

use crate::End;
use crate::outgoing;
use crate::serve::system_ports;
use crate::settings::{AccountName, Settings, find};

/// How long the robot may take, or the relay, which waits for the robot less than this.
const DEADLINE: Duration = Duration::from_secs(15);

/// How long a relay may take to say that it is one.
const ASK_FOR: Duration = Duration::from_secs(2);

pub(crate) async fn run(settings: &Settings, account: &str, text: &str) -> End {
    let account = match find(settings.accounts.keys(), account) {
        Ok(account) => account,
        Err(text) => return End::Usage(text),
    };
    let body = json!({"msgtype": "text", "text": {"content": text}});
    let out = &mut std::io::stdout();
    match by_relay(settings, account, &body).await {
        Asked::Answered(status, answer) => report_relay(account, status, &answer, out),
        Asked::Silent(reason) => End::Failed(reason),
        Asked::Nobody(reason) => {
            let _nobody_reads = writeln!(out, "{reason}: this command sends by itself, and no running server counts the message");
            by_itself(settings, account, body, out).await
        }
    }
}

/// What came of asking the relay.
enum Asked {
    /// There is none that would send this.
    Nobody(String),
    Answered(u16, Json),
    /// It took the message and said nothing: sending again might be twice.
    Silent(String),
}

async fn by_relay(settings: &Settings, account: &AccountName, body: &Json) -> Asked {
    let Some(relay) = &settings.relay else { return Asked::Nobody("these settings have no relay".to_owned()) };
    let at = reachable(relay.listen);
    let Ok(client) = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build() else {
        return Asked::Nobody("no HTTP client can be made".to_owned());
    };
    // whatever listens there gets the text only if it is a relay that knows the robot
    match get_json(client.get(format!("http://{at}/readyz")).timeout(ASK_FOR)).await {
        None => return Asked::Nobody(format!("no relay answers on {at}")),
        Some(ready) => match ready.get("robots") {
            None => return Asked::Nobody(format!("what answers on {at} is no relay, or its list of callers leaves this machine out")),
            Some(robots) if robots.get(&account.name).is_none() => return Asked::Nobody(format!("the relay on {at} does not know [{}]", account.name)),
            Some(_) => {}
        },
    }
    let post = client.post(format!("http://{at}/robot/{}", account.name)).header("content-type", "application/json");
    match post.body(body.to_string()).timeout(DEADLINE).send().await {
        Err(error) if error.is_connect() => Asked::Nobody(format!("no relay answers on {at}")),
        Err(error) => Asked::Silent(format!("the relay on {at} took the message and did not answer; it may have arrived: {}", error.without_url())),
        Ok(response) => {
            let status = response.status().as_u16();
            match response.bytes().await.ok().and_then(|bytes| Json::parse(&bytes).ok()) {
                Some(answer) => Asked::Answered(status, answer),
                None => Asked::Silent(format!("the relay on {at} took the message and gave no whole answer; it may have arrived")),
            }
        }
    }
}

async fn get_json(request: reqwest::RequestBuilder) -> Option<Json> {
    Json::parse(&request.send().await.ok()?.bytes().await.ok()?).ok()
}

/// Where this machine reaches what listens on `address`.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The relay's words are those of the robot, with a hint where there is one.
fn report_relay(account: &AccountName, status: u16, answer: &Json, out: &mut impl Write) -> End {
    let _nobody_reads = writeln!(out, "{account} answered, by the relay: {answer}");
    let errmsg = answer.get("errmsg").and_then(Json::as_str).unwrap_or("no reason was given");
    let hint = answer.at(&["watchbell", "hint"]).and_then(Json::as_str);
    match (status, hint) {
        (200, _) => {
            let _nobody_reads = writeln!(out, "{DELIVERED}");
            End::Well
        }
        (_, Some(hint)) => End::Failed(format!("not delivered: {errmsg} ({hint})")),
        (_, None) => End::Failed(format!("not delivered: {errmsg}")),
    }
}

async fn by_itself(settings: &Settings, account: &AccountName, body: Json, out: &mut impl Write) -> End {
    let (clock, entropy) = system_ports();
    let senders = match outgoing::senders_without_store(settings, &clock) {
        Ok(senders) => senders,
        Err(error) => return End::Usage(error.to_string()),
    };
    let message = Message::Robot(RobotMessage { account: account.to_string(), body });
    let delivery = Delivery { key: DeliveryKey(format!("send/{}", uuid_v4(&*entropy))), message };
    report(account, &senders.deliver(&delivery, DEADLINE).await, out)
}

fn report(account: &AccountName, attempt: &Attempt, out: &mut impl Write) -> End {
    if let Some(response) = &attempt.response {
        let _nobody_reads = writeln!(out, "{account} answered: {response}");
    }
    match meaning(attempt) {
        Ok(text) => {
            let _nobody_reads = writeln!(out, "{text}");
            End::Well
        }
        Err(text) => End::Failed(text),
    }
}

const DELIVERED: &str = "delivered: the robot took the message";

/// What the attempt means to the person who asked.
fn meaning(attempt: &Attempt) -> Result<String, String> {
    let said = match &attempt.outcome {
        Outcome::Delivered => return Ok(DELIVERED.to_owned()),
        Outcome::Retry { reason } => format!("not delivered, but may be later: {reason}"),
        Outcome::Limited { reason, wait } => format!("not delivered: the robot is limited for {} s: {reason}", wait.as_secs()),
        Outcome::Fixable { reason, .. } => format!("refused, a changed message would pass: {reason}"),
        Outcome::Rejected { reason } => format!("refused: {reason}"),
        Outcome::Misconfigured { reason } => format!("refused: the account is not right: {reason}"),
        Outcome::Ambiguous { reason } => format!("sent, but no answer came; it may have arrived: {reason}"),
        Outcome::Unrecognised { reason } => format!("the robot gave an answer that nobody knows: {reason}"),
    };
    let response = attempt.response.as_ref();
    let errcode = response.and_then(|answer| answer.get("errcode")).and_then(Json::as_i64);
    let errmsg = response.and_then(|answer| answer.get("errmsg")).and_then(Json::as_str).unwrap_or_default();
    match errcode.and_then(|code| watchbell_robots::dingtalk::meaning(code, errmsg)) {
        Some(hint) => Err(format!("{said} ({hint})")),
        None => Err(said),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::serve;
    use crate::settings::Written;
    use watchbell_robot_sim::{Robot, RobotSim};

    const TOKEN: &str = "c4n4ry0123456789";

    struct Bench {
        sim: RobotSim,
        robots: SocketAddr,
        relay_port: u16,
        _folder: tempfile::TempDir,
    }

    impl Bench {
        async fn start() -> Bench {
            drop(rustls::crypto::ring::default_provider().install_default());
            let (clock, _) = serve::system_ports();
            let sim = RobotSim::new(clock, watchbell_robot_sim::Settings { robots: vec![Robot::dingtalk("ops", TOKEN)] });
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let robots = listener.local_addr().unwrap();
            tokio::spawn(watchbell_robot_sim::serve(listener, sim.clone(), std::future::pending()));
            // a port that is free
            let relay_port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
            Bench { sim, robots, relay_port, _folder: tempfile::tempdir().unwrap() }
        }

        fn settings(&self, more: &str) -> Settings {
            let yaml = format!(
                "xpack.notification.dingtalk.account.ops.secure_webhook: http://{0}/robot/send?access_token={TOKEN}\nwatchbell.robots.allow_hosts: '{0}'\n{more}",
                self.robots
            );
            Settings::of(&Written::from_yaml(&yaml, "test").unwrap()).unwrap()
        }

        fn with_relay(&self) -> Settings {
            self.settings(&format!("watchbell.relay.default: ops\nwatchbell.relay.http.port: {}\n", self.relay_port))
        }

        async fn start_relay(&self) {
            let settings = self.with_relay();
            let (clock, _) = serve::system_ports();
            let listener = serve::listen(settings.relay.as_ref().unwrap().listen, "").await.unwrap();
            let senders = outgoing::senders_without_store(&settings, &clock).unwrap();
            let (stop, stopping) = tokio::sync::watch::channel(false);
            crate::relay::start(&settings, listener, Arc::new(senders), clock, stopping).unwrap();
            // runs to the end of the test
            tokio::spawn(async move { stop.closed().await });
        }
    }

    #[tokio::test]
    async fn a_running_relay_sends_and_without_one_it_is_said() {
        let bench = Bench::start().await;
        let body = json!({"msgtype": "text", "text": {"content": "x"}});
        let account = AccountName { kind: crate::settings::AccountKind::DingTalk, name: "ops".to_owned() };
        let nobody = async |settings: &Settings| match by_relay(settings, &account, &body).await {
            Asked::Nobody(reason) => reason,
            Asked::Answered(..) | Asked::Silent(_) => panic!("somebody answered"),
        };
        assert_eq!(nobody(&bench.settings("")).await, "these settings have no relay");
        assert_eq!(nobody(&bench.with_relay()).await, format!("no relay answers on 127.0.0.1:{}", bench.relay_port));
        let stranger = bench.settings(&format!("watchbell.relay.default: ops\nwatchbell.relay.http.port: {}\n", bench.robots.port()));
        assert!(nobody(&stranger).await.contains("is no relay"), "a stranger gets nothing");
        assert!(bench.sim.messages().is_empty());

        bench.start_relay().await;
        assert!(matches!(by_relay(&bench.with_relay(), &account, &body).await, Asked::Answered(200, _)));
        assert_eq!(bench.sim.messages().len(), 1);
        assert!(matches!(run(&bench.settings(""), "ops", "straight").await, End::Well));
        assert_eq!(bench.sim.messages().len(), 2);
        bench.sim.edit("ops", |robot| robot.state = watchbell_robot_sim::State::Disabled);
        for settings in [bench.with_relay(), bench.settings("")] {
            let End::Failed(text) = run(&settings, "ops", "refused").await else { panic!("it is disabled") };
            assert!(text.contains("the robot is disabled in the group's settings") && !text.contains("c4n4ry"), "{text}");
        }
    }

    #[test]
    fn an_address_of_every_interface_is_reached_on_this_machine() {
        for (listen, reached) in [("0.0.0.0:8080", "127.0.0.1:8080"), ("[::]:8080", "[::1]:8080"), ("10.1.2.3:1", "10.1.2.3:1")] {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), reached);
        }
    }
}
