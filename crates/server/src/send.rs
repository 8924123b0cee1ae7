//! `watchbell send`: one test message, the robot's answer, and what it means.

use std::io::Write;
use std::time::Duration;

use watchbell_json::json;
use watchbell_outbox::{Attempt, Deliver, Delivery, DeliveryKey, Message, Outcome, RobotMessage};
use watchbell_time::uuid_v4;

use crate::End;
use crate::outgoing;
use crate::serve::system_ports;
use crate::settings::{Settings, find};

/// How long the robot may take.
const DEADLINE: Duration = Duration::from_secs(15);

pub(crate) async fn run(settings: &Settings, account: &str, text: &str) -> End {
    let account = match find(settings.accounts.keys(), account) {
        Ok(account) => account.to_string(),
        Err(text) => return End::Usage(text),
    };
    let (clock, entropy) = system_ports();
    let senders = match outgoing::senders_without_store(settings, &clock) {
        Ok(senders) => senders,
        Err(error) => return End::Usage(error.to_string()),
    };
    let body = json!({"msgtype": "text", "text": {"content": text}});
    let delivery =
        Delivery { key: DeliveryKey(format!("send/{}", uuid_v4(&*entropy))), message: Message::Robot(RobotMessage { account: account.clone(), body }) };
    let attempt = senders.deliver(&delivery, DEADLINE).await;
    report(&account, &attempt, &mut std::io::stdout())
}

fn report(account: &str, attempt: &Attempt, out: &mut impl Write) -> End {
    if let Some(response) = &attempt.response {
        let _nobody_reads = writeln!(out, "{account} answered: {response}");
    }
    match meaning(&attempt.outcome) {
        Ok(text) => {
            let _nobody_reads = writeln!(out, "{text}");
            End::Well
        }
        Err(text) => End::Failed(text),
    }
}

/// What the outcome means to the person who asked.
fn meaning(outcome: &Outcome) -> Result<String, String> {
    match outcome {
        Outcome::Delivered => Ok("delivered: the robot took the message".to_owned()),
        Outcome::Retry { reason } => Err(format!("not delivered, but may be later: {reason}")),
        Outcome::Limited { reason, wait } => Err(format!("not delivered: the robot is limited for {} s: {reason}", wait.as_secs())),
        Outcome::Fixable { reason, repair } => Err(format!("refused, a changed message would pass ({repair:?}): {reason}")),
        Outcome::Rejected { reason } => Err(format!("refused: {reason}")),
        Outcome::Misconfigured { reason } => Err(format!("refused: the account is not right: {reason}")),
        Outcome::Ambiguous { reason } => Err(format!("sent, but no answer came; it may have arrived: {reason}")),
        Outcome::Unrecognised { reason } => Err(format!("the robot gave an answer that nobody knows: {reason}")),
    }
}
