//! `/_sim/**`: define robots, inject faults, look at what arrived (spec robots §9.7).

use std::time::Duration;

use watchbell_json::Json;

use crate::fault::Fault;
use crate::record::RequestRecord;
use crate::robot::{Robot, parse_state};
use crate::sim::RobotSim;

/// Longest wait of `expect`.
const EXPECT_MAX: Duration = Duration::from_secs(300);
/// A page of records, unless the caller asks for fewer.
const PAGE_MAX: usize = 10_000;

/// An answer of the control interface.
#[derive(Debug)]
pub(crate) struct ControlAnswer {
    pub(crate) status: u16,
    pub(crate) body: Json,
}

type Answered = Result<Json, (u16, String)>;

pub(crate) async fn control(sim: &RobotSim, method: &str, path: &str, query: &str, body: &[u8]) -> ControlAnswer {
    match answer(sim, method, path, query, body).await {
        Ok(body) => ControlAnswer { status: 200, body },
        Err((status, reason)) => ControlAnswer { status, body: Json::object().with("error", reason) },
    }
}

async fn answer(sim: &RobotSim, method: &str, path: &str, query: &str, body: &[u8]) -> Answered {
    let body = || Json::parse(body).map_err(|error| (400, error.to_string()));
    let done = || Ok(Json::object().with("ok", true));
    let parts: Vec<&str> = path.trim_start_matches("/_sim").trim_matches('/').split('/').collect();
    match (method, parts.as_slice()) {
        ("GET", ["robots"]) => Ok(robots(sim)),
        ("PUT", ["robots", name]) => {
            sim.define(Robot::parse(name, &body()?).map_err(bad)?);
            done()
        }
        ("GET", ["robots", name]) => sim.read(|world| world.robots().find(|robot| robot.name == *name).map(Robot::to_json)).ok_or_else(|| missing(name)),
        ("DELETE", ["robots", name]) => {
            if sim.change(|world| world.remove(name)) {
                done()
            } else {
                Err(missing(name))
            }
        }
        ("POST", ["robots", name, "state"]) => {
            set_state(sim, name, &body()?)?;
            done()
        }
        ("POST", ["faults"]) => {
            sim.inject(Fault::parse(&body()?).map_err(bad)?);
            done()
        }
        ("DELETE", ["faults"]) => {
            sim.clear_faults();
            done()
        }
        ("GET", ["messages"]) => Ok(messages(sim, &Filter::parse(query))),
        ("GET", ["requests"]) => Ok(requests(sim, &Filter::parse(query))),
        ("GET", ["chat"]) => Ok(chat(sim, &Filter::parse(query))),
        ("GET", ["snapshot"]) => Ok(crate::page::snapshot(sim)),
        ("GET", ["stats"]) => Ok(sim.stats()),
        ("GET", ["clock"]) => Ok(Json::object().with("now_ms", sim.clock().now_millis())),
        ("POST", ["clock"]) => set_clock(sim, &body()?),
        ("POST", ["expect"]) => expect(sim, &body()?).await,
        ("POST", ["reset"]) => {
            sim.change(crate::world::World::reset);
            done()
        }
        ("GET", ["leaks"]) => Ok(leaks(sim, query)),
        _ => Err((404, format!("no such call: {method} {path}"))),
    }
}

fn bad(reason: String) -> (u16, String) {
    (400, reason)
}

fn missing(name: &str) -> (u16, String) {
    (404, format!("no robot [{name}]"))
}

pub(crate) fn robots(sim: &RobotSim) -> Json {
    sim.read(|world| world.robots().map(Robot::to_json).collect())
}

/// `?robot=&since=&size=`; `since` is a `seq`, exclusive.
#[derive(Debug, Default)]
struct Filter {
    robot: Option<String>,
    since: u64,
    size: usize,
}

impl Filter {
    fn parse(query: &str) -> Filter {
        let mut filter = Filter { size: PAGE_MAX, ..Filter::default() };
        for (name, value) in pairs(query) {
            match name.as_str() {
                "robot" if !value.is_empty() => filter.robot = Some(value),
                "since" => filter.since = value.parse().unwrap_or(0),
                "size" => filter.size = value.parse().unwrap_or(PAGE_MAX).min(PAGE_MAX),
                _ => {}
            }
        }
        filter
    }

    fn takes(&self, robot: Option<&str>, seq: u64) -> bool {
        seq > self.since && (self.robot.is_none() || self.robot.as_deref() == robot)
    }
}

fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (name.to_owned(), crate::dingtalk::form_decode(value)))
}

fn messages(sim: &RobotSim, filter: &Filter) -> Json {
    let found = sim.messages().into_iter().filter(|message| filter.takes(Some(&message.robot), message.seq));
    found.take(filter.size).map(|message| message.to_json()).collect()
}

fn requests(sim: &RobotSim, filter: &Filter) -> Json {
    sim.read(|world| {
        world.requests().filter(|record| filter.takes(record.robot.as_deref(), record.seq)).take(filter.size).map(RequestRecord::to_json).collect()
    })
}

/// The newest entries, in order: what the page shows.
fn chat(sim: &RobotSim, filter: &Filter) -> Json {
    let mut newest: Vec<Json> = sim.read(|world| {
        let shown = world.requests().rev().filter(|record| record.robot.is_some() && filter.takes(record.robot.as_deref(), record.seq));
        shown.take(filter.size).map(RequestRecord::to_chat_json).collect()
    });
    newest.reverse();
    newest.into()
}

fn set_state(sim: &RobotSim, name: &str, body: &Json) -> Result<(), (u16, String)> {
    let state = body.get("state").map(parse_state).transpose().map_err(bad)?;
    let quota = body.get("quota").map(|quota| {
        let count = |member| quota.get(member).and_then(Json::as_i64).and_then(|n| u64::try_from(n).ok());
        crate::robot::Quota { month: count("month"), used: count("used").unwrap_or(0) }
    });
    let known = sim.edit(name, |robot| {
        robot.state = state.unwrap_or(robot.state);
        robot.quota = quota.unwrap_or(robot.quota);
    });
    if !known {
        return Err(missing(name));
    }
    match body.get("ban_s").map(Json::as_i64) {
        Some(Some(seconds)) if seconds >= 0 => sim.ban(name, Some(Duration::from_secs(seconds.unsigned_abs()))),
        Some(_) => return Err(bad("[ban_s] must be a whole number".to_owned())),
        None if body.get("lift_ban").and_then(Json::as_bool) == Some(true) => sim.ban(name, None),
        None => true,
    };
    Ok(())
}

fn set_clock(sim: &RobotSim, body: &Json) -> Answered {
    for (member, value) in body.as_map().ok_or_else(|| bad("an object is needed".to_owned()))?.iter() {
        let number = || value.as_i64().ok_or_else(|| bad(format!("[{member}] must be a whole number")));
        match &**member {
            "advance_ms" => sim.advance(Duration::from_millis(u64::try_from(number()?).map_err(|_| bad("[advance_ms] must not be negative".to_owned()))?)),
            "set" => sim.clock().set_millis(number()?),
            "freeze" => sim.clock().freeze(value.as_bool().ok_or_else(|| bad("[freeze] must be true or false".to_owned()))?),
            _ => return Err(bad(format!("unknown member [{member}]"))),
        }
    }
    sim.poke();
    Ok(Json::object().with("now_ms", sim.clock().now_millis()))
}

async fn expect(sim: &RobotSim, body: &Json) -> Answered {
    let texts = match body.get("contains") {
        None => Vec::new(),
        Some(Json::Str(text)) => vec![text.to_string()],
        Some(Json::List(texts)) => texts.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        Some(_) => return Err(bad("[contains] must be a string or a list".to_owned())),
    };
    let number = |member, default| body.get(member).and_then(Json::as_i64).and_then(|n| u64::try_from(n).ok()).unwrap_or(default);
    let count = usize::try_from(number("count", 1)).unwrap_or(usize::MAX);
    let within = Duration::from_millis(number("within_ms", 5000)).min(EXPECT_MAX);
    match sim.expect(body.get("robot").and_then(Json::as_str), &texts, count, within).await {
        true => Ok(Json::object().with("met", true)),
        false => Err((408, "not met in time".to_owned())),
    }
}

/// `?needles=a,b`: where a secret of the caller's side arrived, by request and place.
fn leaks(sim: &RobotSim, query: &str) -> Json {
    let needles: Vec<String> =
        pairs(query).filter(|(name, _)| name == "needles").flat_map(|(_, value)| value.split(',').map(str::to_owned).collect::<Vec<_>>()).collect();
    let needles: Vec<&String> = needles.iter().filter(|needle| !needle.is_empty()).collect();
    let found = |needle: &&&String, text: &str| text.to_ascii_lowercase().contains(&needle.to_ascii_lowercase());
    sim.read(|world| {
        let mut leaks = Vec::new();
        for record in world.requests() {
            let headers = record.request.headers.iter().map(|(name, value)| (format!("header {name}"), format!("{name}: {value}")));
            let body = ("body".to_owned(), String::from_utf8_lossy(&record.request.body).into_owned());
            for (place, text) in headers.chain(std::iter::once(body)) {
                for needle in needles.iter().filter(|needle| found(needle, &text)) {
                    leaks.push(Json::object().with("seq", record.seq).with("place", place.as_str()).with("needle", needle.as_str()));
                }
            }
        }
        leaks.into()
    })
}
