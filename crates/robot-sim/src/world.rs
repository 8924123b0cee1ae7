//! The state behind the simulator, and what one request does to it. Synchronous; time is handed in.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use watchbell_json::Json;
use watchbell_robots::Secret;

use crate::dingtalk::{Credentials, Passed, check};
use crate::fault::{ActiveFault, Effect, Effects, Garble, effects};
use crate::limiter::{Limit, LimitStyle, Limiter};
use crate::mention::{Mention, resolve};
use crate::record::{Fate, MessageRecord, Request, RequestRecord};
use crate::robot::{Dialect, Robot};
use crate::wording::Refusal;

/// The path of DingTalk's endpoint.
pub(crate) const SEND_PATH: &str = "/robot/send";

/// Remembered requests; the oldest go first. Enough for a flood of 10,000 alerts.
const REQUESTS_MAX: usize = 20_000;
/// Bytes of remembered bodies.
const REQUEST_BYTES_MAX: usize = 64 << 20;
/// Tokens a limiter is kept for; beyond, unknown ones are forgotten.
const LIMITERS_MAX: usize = 10_000;
/// Remembered idempotency keys and body hashes.
const KEYS_MAX: usize = 100_000;

/// What goes back over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    fn json(body: &Json) -> Reply {
        Reply { status: 200, content_type: "application/json", retry_after: None, body: body.to_string().into_bytes() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    Answer(Reply),
    /// The connection ends without an answer.
    Close,
    /// It stays open, without an answer.
    Hang,
}

#[derive(Debug, Default)]
struct Counters {
    accepted: u64,
    duplicates: u64,
    same_bodies: u64,
    faults: u64,
    refused: BTreeMap<i64, u64>,
    /// Attempts of the last minute, and the most there ever were.
    minute: VecDeque<i64>,
    most_in_a_minute: usize,
    last_at: Option<i64>,
}

#[derive(Debug, Default)]
pub(crate) struct World {
    robots: BTreeMap<String, Robot>,
    limiters: HashMap<Secret, Limiter>,
    seen_keys: HashMap<(String, String), i64>,
    seen_bodies: HashMap<(String, u64), u64>,
    faults: Vec<ActiveFault>,
    requests: VecDeque<RequestRecord>,
    request_bytes: usize,
    counters: BTreeMap<String, Counters>,
    seq: u64,
    generation: u64,
}

/// The name unknown tokens are counted under.
const UNKNOWN: &str = "(unknown token)";

impl World {
    pub(crate) fn define(&mut self, robot: Robot) {
        self.robots.insert(robot.name.clone(), robot);
    }

    pub(crate) fn remove(&mut self, name: &str) -> bool {
        self.robots.remove(name).is_some()
    }

    pub(crate) fn robots(&self) -> impl Iterator<Item = &Robot> {
        self.robots.values()
    }

    pub(crate) fn robot_mut(&mut self, name: &str) -> Option<&mut Robot> {
        self.robots.get_mut(name)
    }

    pub(crate) fn inject(&mut self, fault: ActiveFault) {
        self.faults.push(fault);
    }

    pub(crate) fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    pub(crate) fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// Everything but the robots' definitions is forgotten.
    pub(crate) fn reset(&mut self) {
        let (robots, seq, generation) = (std::mem::take(&mut self.robots), self.seq, self.generation + 1);
        *self = World { robots, seq, generation, ..World::default() };
    }

    pub(crate) fn ban(&mut self, name: &str, until: Option<i64>) -> bool {
        let Some(robot) = self.robots.get(name) else { return false };
        let limiter = self.limiters.entry(robot.token.clone()).or_default();
        match until {
            Some(until) => limiter.ban(until),
            None => limiter.lift(),
        }
        true
    }

    pub(crate) fn requests(&self) -> impl DoubleEndedIterator<Item = &RequestRecord> {
        self.requests.iter()
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = MessageRecord> {
        self.requests.iter().filter_map(MessageRecord::of)
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn last_seq(&self) -> u64 {
        self.seq
    }

    fn robot_of(&self, token: &str) -> Option<&Robot> {
        self.robots.values().find(|robot| robot.token.reveal() == token)
    }

    /// Whether a fault ends the connection before the body is read. Faults that look into the body cannot do this.
    pub(crate) fn resets_before_read(&mut self, request: &Request, query: &str, now: i64) -> bool {
        let credentials = Credentials::parse(query);
        let name = self.robot_of(credentials.token()).map(|robot| robot.name.clone());
        let (mut early, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.faults).into_iter().partition(ActiveFault::is_before_read);
        let hit = effects(&mut early, name.as_deref(), b"", now).effect.is_some();
        self.faults = early.into_iter().chain(rest).collect();
        if hit {
            let fate = Fate::Faulted { effect: "reset_before_read".to_owned() };
            self.record(name, request.clone(), &credentials, fate, Vec::new(), now);
        }
        hit
    }

    /// One request to an imitated path; also how long the answer is held back, in milliseconds.
    pub(crate) fn receive(&mut self, request: Request, query: &str, now: i64) -> (Reaction, u64) {
        let credentials = Credentials::parse(query);
        if request.path != SEND_PATH || request.method != "POST" {
            let body = refusal_json(&Refusal::NoSuchPath, Dialect::default(), false);
            self.record(None, request, &credentials, refused(&Refusal::NoSuchPath, Dialect::default()), Vec::new(), now);
            return (Reaction::Answer(Reply::json(&body)), 0);
        }
        let name = self.robot_of(credentials.token()).map(|robot| robot.name.clone());
        let mut late: Vec<ActiveFault> = std::mem::take(&mut self.faults);
        let (early, mut rest): (Vec<_>, Vec<_>) = late.drain(..).partition(ActiveFault::is_before_read);
        let Effects { delay_millis, effect } = effects(&mut rest, name.as_deref(), &request.body, now);
        self.faults = early.into_iter().chain(rest).collect();
        if let Some((effect, reaction)) = effect.as_ref().and_then(|effect| Some((effect, reaction_instead(effect)?))) {
            let fate = Fate::Faulted { effect: format!("{effect:?}") };
            self.record(name, request, &credentials, fate, Vec::new(), now);
            return (reaction, delay_millis);
        }
        let copies = if effect == Some(Effect::DuplicateStore) { 2 } else { 1 };
        let reply = self.judge(name, request, &credentials, copies, now);
        let reaction = match effect {
            Some(Effect::ResetAfterRead) => Reaction::Close,
            Some(Effect::Body(garble)) => Reaction::Answer(garbled(reply, garble)),
            _ => Reaction::Answer(reply),
        };
        (reaction, delay_millis)
    }

    fn judge(&mut self, name: Option<String>, request: Request, credentials: &Credentials, copies: u32, now: i64) -> Reply {
        let robot = name.as_ref().and_then(|name| self.robots.get(name)).cloned();
        let dialect = robot.as_ref().map_or_else(Dialect::default, |robot| robot.dialect);
        let as_string = robot.as_ref().is_some_and(|robot| robot.switches.errcode_as_string);
        let result = self.admit(robot.as_ref(), credentials, now).and_then(|()| match &robot {
            None => Err(Refusal::UnknownToken { legacy: self.robots.values().any(|robot| robot.switches.legacy_token_code) }),
            Some(robot) => check(robot, &request, credentials, now),
        });
        match (result, robot) {
            (Ok(passed), Some(robot)) => {
                let (fate, mentions) = self.accept(&robot, passed, copies, now);
                self.record(name, request, credentials, fate, mentions, now);
                Reply::json(&code_json(0, "ok", as_string))
            }
            (Err(refusal), _) => {
                self.record(name, request, credentials, refused(&refusal, dialect), Vec::new(), now);
                Reply::json(&refusal_json(&refusal, dialect, as_string))
            }
            (Ok(_), None) => Reply::json(&refusal_json(&Refusal::UnknownToken { legacy: false }, dialect, as_string)),
        }
    }

    /// The limiter's key is the token as text, and it is asked before anybody looks whether the token exists.
    fn admit(&mut self, robot: Option<&Robot>, credentials: &Credentials, now: i64) -> Result<(), Refusal> {
        let limit = robot.map_or_else(Limit::default, |robot| robot.limit);
        let token = Secret::new(credentials.token());
        if self.limiters.len() >= LIMITERS_MAX && !self.limiters.contains_key(&token) {
            let known: Vec<Secret> = self.robots.values().map(|robot| robot.token.clone()).collect();
            self.limiters.retain(|token, _| known.contains(token));
        }
        let limiter = self.limiters.entry(token).or_default();
        if limiter.admit(now, &limit) {
            return Ok(());
        }
        Err(match limit.style {
            LimitStyle::PerMinute => Refusal::TooFastPerMinute,
            LimitStyle::TooFast => Refusal::TooFast,
            LimitStyle::Documented => Refusal::TooFastDocumented,
            LimitStyle::Edge => Refusal::TooFastEdge,
        })
    }

    fn accept(&mut self, robot: &Robot, passed: Passed, copies: u32, now: i64) -> (Fate, Vec<Mention>) {
        if let Some(uuid) = passed.msg_uuid {
            if self.seen_keys.len() >= KEYS_MAX {
                self.seen_keys.retain(|_, at| now - *at < robot.switches.dedup_millis);
            }
            let key = (robot.name.clone(), uuid);
            if self.seen_keys.get(&key).is_some_and(|at| now - at < robot.switches.dedup_millis) {
                return (Fate::Duplicate, Vec::new());
            }
            self.seen_keys.insert(key, now);
        }
        if let Some(robot) = self.robots.get_mut(&robot.name) {
            robot.quota.used += 1;
        }
        (Fate::Accepted { copies }, resolve(robot, &passed.message))
    }

    fn record(&mut self, robot: Option<String>, request: Request, credentials: &Credentials, fate: Fate, mentions: Vec<Mention>, now: i64) {
        self.seq += 1;
        let name = robot.clone().unwrap_or_else(|| UNKNOWN.to_owned());
        let same_body = self.is_same_body(&name, &request.body, &fate);
        let counters = self.counters.entry(name).or_default();
        let gap_millis = counters.last_at.replace(now).map(|last| now - last);
        counters.count(&fate, same_body, now);
        let timestamp = credentials.timestamp(false).map(str::to_owned);
        self.request_bytes += request.body.len();
        self.requests.push_back(RequestRecord { seq: self.seq, at_millis: now, robot, request, timestamp, fate, gap_millis, mentions });
        while self.requests.len() > REQUESTS_MAX || self.request_bytes > REQUEST_BYTES_MAX {
            let Some(oldest) = self.requests.pop_front() else { break };
            self.request_bytes -= oldest.request.body.len();
        }
    }

    fn is_same_body(&mut self, name: &str, body: &[u8], fate: &Fate) -> bool {
        if !matches!(fate, Fate::Accepted { .. }) {
            return false;
        }
        if self.seen_bodies.len() >= KEYS_MAX {
            self.seen_bodies.clear();
        }
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let seen = self.seen_bodies.entry((name.to_owned(), hasher.finish())).or_default();
        *seen += 1;
        *seen > 1
    }

    /// Per robot: counters, bans and until when it is silent.
    pub(crate) fn stats(&self, now: i64) -> Json {
        let nothing = Counters::default();
        let known = self.robots.values().map(|robot| {
            let limiter = self.limiters.get(&robot.token);
            let counters = self.counters.get(&robot.name).unwrap_or(&nothing);
            let until = limiter.and_then(|limiter| limiter.banned_until(now));
            let stats = counters.to_json().with("bans", limiter.map_or(0, |limiter| limiter.bans)).with("limited_until_ms", until);
            (robot.name.clone(), stats.with("limited_for_ms", until.map_or(0, |until| until - now)))
        });
        let unknown = self.counters.get(UNKNOWN).map(|counters| (UNKNOWN.to_owned(), counters.to_json()));
        Json::from(known.chain(unknown).collect::<watchbell_json::Map>())
    }
}

impl Counters {
    fn count(&mut self, fate: &Fate, same_body: bool, now: i64) {
        match fate {
            Fate::Accepted { .. } => self.accepted += 1,
            Fate::Duplicate => self.duplicates += 1,
            Fate::Refused { errcode, .. } => *self.refused.entry(*errcode).or_default() += 1,
            Fate::Faulted { .. } => self.faults += 1,
        }
        self.same_bodies += u64::from(same_body);
        self.minute.push_back(now);
        while self.minute.front().is_some_and(|at| *at <= now - 60_000) {
            self.minute.pop_front();
        }
        self.most_in_a_minute = self.most_in_a_minute.max(self.minute.len());
    }

    fn to_json(&self) -> Json {
        let refused: watchbell_json::Map = self.refused.iter().map(|(code, count)| (code.to_string(), *count)).collect();
        Json::object()
            .with("accepted", self.accepted)
            .with("refused", self.refused.values().sum::<u64>())
            .with("refused_by_code", Json::from(refused))
            .with("duplicates", self.duplicates)
            .with("duplicate_bodies", self.same_bodies)
            .with("faults", self.faults)
            .with("max_in_60s", self.most_in_a_minute)
    }
}

/// Effects that keep the request from the robot.
fn reaction_instead(effect: &Effect) -> Option<Reaction> {
    match effect {
        Effect::Hang => Some(Reaction::Hang),
        Effect::ResetBeforeRead => Some(Reaction::Close),
        Effect::Status { status, retry_after } => {
            let body = format!("<html><body>{status}</body></html>").into_bytes();
            Some(Reaction::Answer(Reply { status: *status, content_type: "text/html", retry_after: *retry_after, body }))
        }
        Effect::Body(garble) if !garble.reaches_robot() => Some(Reaction::Answer(garbled(Reply::json(&Json::object()), *garble))),
        Effect::Body(_) | Effect::Delay { .. } | Effect::ResetAfterRead | Effect::DuplicateStore => None,
    }
}

fn garbled(mut reply: Reply, garble: Garble) -> Reply {
    match garble {
        Garble::Html => {
            reply.content_type = "text/html";
            reply.body = b"<!DOCTYPE html><html><body>blocked</body></html>".to_vec();
        }
        Garble::Edge => reply.body = edge_json().to_string().into_bytes(),
        Garble::Empty => reply.body.clear(),
        Garble::UnknownErrcode => reply.body = refusal_json(&Refusal::Unheard, Dialect::default(), false).to_string().into_bytes(),
        Garble::Truncated => reply.body.truncate(reply.body.len() / 2),
        Garble::WrongContentType => reply.content_type = "text/html",
        Garble::ByteOrderMark => reply.body.splice(0..0, *b"\xef\xbb\xbf").for_each(drop),
        Garble::ErrcodeAsString => {
            if let Ok(mut body) = Json::parse(&reply.body)
                && let Some(code) = body.get("errcode").and_then(Json::as_i64)
            {
                body.set("errcode", code.to_string());
                reply.body = body.to_string().into_bytes();
            }
        }
    }
    reply
}

fn edge_json() -> Json {
    watchbell_json::json!({"status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": "0a1b2c3d4e5f"})
}

fn refused(refusal: &Refusal, dialect: Dialect) -> Fate {
    Fate::Refused { errcode: refusal.errcode(), errmsg: refusal.errmsg(dialect) }
}

fn refusal_json(refusal: &Refusal, dialect: Dialect, as_string: bool) -> Json {
    let mut body = code_json(refusal.errcode(), &refusal.errmsg(dialect), as_string);
    if *refusal == Refusal::TooFastEdge {
        body.merge(&edge_json());
    }
    body
}

fn code_json(errcode: i64, errmsg: &str, as_string: bool) -> Json {
    let code = if as_string { Json::from(errcode.to_string()) } else { Json::from(errcode) };
    Json::object().with("errcode", code).with("errmsg", errmsg)
}
