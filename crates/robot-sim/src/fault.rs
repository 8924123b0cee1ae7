//! Faults on demand (spec robots §9.6): which requests, and what happens to them.

use watchbell_json::Json;
use watchbell_time::{Entropy as _, SeededEntropy};

/// Which requests a fault hits. Everything given must hold.
#[derive(Clone, Debug, Default)]
pub struct When {
    /// Only the nth request after the fault was set, counted from 1.
    pub nth: Option<u64>,
    /// Every kth.
    pub every: Option<u64>,
    pub from_millis: Option<i64>,
    pub to_millis: Option<i64>,
    /// The body contains this.
    pub contains: Option<String>,
    /// A share of the requests, drawn from `seed`.
    pub probability: Option<f64>,
    pub seed: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The answer comes so much later.
    Delay {
        millis: u64,
    },
    /// The connection ends before the body is read: certainly not stored.
    ResetBeforeRead,
    /// The message is stored, no answer comes: the ambiguous case.
    ResetAfterRead,
    /// The request is read, nothing is stored, no answer ever comes.
    Hang,
    /// An HTTP status instead of the robot's answer; nothing is stored.
    Status {
        status: u16,
        retry_after: Option<u64>,
    },
    Body(Garble),
    /// The message appears twice.
    DuplicateStore,
}

/// What the answer looks like instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Garble {
    /// A page of the edge; nothing is stored.
    Html,
    /// The JSON of the edge; nothing is stored.
    Edge,
    /// Nothing at all; nothing is stored.
    Empty,
    /// A code nobody knows; nothing is stored.
    UnknownErrcode,
    /// The real answer, cut off.
    Truncated,
    /// The real answer, labelled as a page.
    WrongContentType,
    /// The real answer behind a byte order mark.
    ByteOrderMark,
    /// The real answer with its code as a string.
    ErrcodeAsString,
}

impl Garble {
    const NAMES: &[(&str, Garble)] = &[
        ("html", Garble::Html),
        ("edge", Garble::Edge),
        ("empty", Garble::Empty),
        ("unknown_errcode", Garble::UnknownErrcode),
        ("truncated", Garble::Truncated),
        ("wrong_content_type", Garble::WrongContentType),
        ("bom", Garble::ByteOrderMark),
        ("errcode_as_string", Garble::ErrcodeAsString),
    ];

    /// Whether the robot itself sees the request.
    pub(crate) fn reaches_robot(self) -> bool {
        matches!(self, Garble::Truncated | Garble::WrongContentType | Garble::ByteOrderMark | Garble::ErrcodeAsString)
    }
}

/// A fault as set by a test.
#[derive(Clone, Debug)]
pub struct Fault {
    /// `None`: every robot.
    pub robot: Option<String>,
    pub when: When,
    pub effect: Effect,
    /// How many requests it hits before it is spent; `None`: all.
    pub count: Option<u64>,
}

impl Fault {
    /// Hits every request to `robot`.
    #[must_use]
    pub fn on(robot: &str, effect: Effect) -> Fault {
        Fault { robot: Some(robot.to_owned()), when: When::default(), effect, count: None }
    }

    #[must_use]
    pub fn times(mut self, count: u64) -> Fault {
        self.count = Some(count);
        self
    }

    /// `{robot, match: {nth, every, from_ms, to_ms, contains, probability, seed}, effect: "…", …, count}`.
    ///
    /// # Errors
    /// Which member is wrong.
    pub fn parse(json: &Json) -> Result<Fault, String> {
        let whole = |value: &Json| value.as_i64().and_then(|n| u64::try_from(n).ok());
        for (member, _) in json.as_map().ok_or("a fault is an object")?.iter() {
            if !["robot", "match", "effect", "count", "ms", "status", "retry_after", "kind"].contains(&&**member) {
                return Err(format!("unknown member [{member}]"));
            }
        }
        let mut when = When::default();
        for (member, value) in json.get("match").and_then(Json::as_map).into_iter().flat_map(watchbell_json::Map::iter) {
            match &**member {
                "nth" => when.nth = whole(value),
                "every" => when.every = whole(value).filter(|k| *k > 0),
                "from_ms" => when.from_millis = value.as_i64(),
                "to_ms" => when.to_millis = value.as_i64(),
                "contains" => when.contains = value.as_str().map(str::to_owned),
                "probability" => when.probability = value.as_f64(),
                "seed" => when.seed = whole(value).unwrap_or(0),
                _ => return Err(format!("unknown member [match.{member}]")),
            }
        }
        let number = |member| json.get(member).and_then(whole);
        let effect = match json.get("effect").and_then(Json::as_str) {
            Some("delay") => Effect::Delay { millis: number("ms").ok_or("[delay] needs ms")? },
            Some("reset_before_read") => Effect::ResetBeforeRead,
            Some("reset_after_read") => Effect::ResetAfterRead,
            Some("hang") => Effect::Hang,
            Some("duplicate_store") => Effect::DuplicateStore,
            Some("status") => {
                let status = number("status").and_then(|n| u16::try_from(n).ok()).filter(|n| (200..600).contains(n));
                Effect::Status { status: status.ok_or("[status] needs status, from 200 to 599")?, retry_after: number("retry_after") }
            }
            Some("body") => {
                let kind = json.get("kind").and_then(Json::as_str);
                let found = kind.and_then(|kind| Garble::NAMES.iter().find(|(name, _)| *name == kind));
                let names: Vec<&str> = Garble::NAMES.iter().map(|(name, _)| *name).collect();
                Effect::Body(found.ok_or(format!("[body] needs kind, one of {}", names.join(", ")))?.1)
            }
            _ => return Err("[effect] must be delay, reset_before_read, reset_after_read, hang, status, body or duplicate_store".to_owned()),
        };
        Ok(Fault { robot: json.get("robot").and_then(Json::as_str).map(str::to_owned), when, effect, count: number("count") })
    }
}

/// A fault with its memory.
#[derive(Debug)]
pub(crate) struct ActiveFault {
    fault: Fault,
    seen: u64,
    hits: u64,
    entropy: SeededEntropy,
}

/// What the faults do to one request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Effects {
    pub(crate) delay_millis: u64,
    pub(crate) effect: Option<Effect>,
}

impl ActiveFault {
    pub(crate) fn new(fault: Fault) -> ActiveFault {
        let entropy = SeededEntropy::new(fault.when.seed);
        ActiveFault { fault, seen: 0, hits: 0, entropy }
    }

    pub(crate) fn is_before_read(&self) -> bool {
        self.fault.effect == Effect::ResetBeforeRead
    }

    fn hits(&mut self, robot: Option<&str>, body: &[u8], now: i64) -> bool {
        let Fault { robot: of, when, count, .. } = &self.fault;
        if of.is_some() && of.as_deref() != robot || count.is_some_and(|count| self.hits >= count) {
            return false;
        }
        self.seen += 1;
        #[allow(clippy::cast_precision_loss)]
        let drawn = when.probability.is_none_or(|share| (self.entropy.next_u64() >> 11) as f64 / ((1_u64 << 53) as f64) < share);
        let hit = drawn
            && when.nth.is_none_or(|nth| nth == self.seen)
            && when.every.is_none_or(|every| self.seen.is_multiple_of(every))
            && when.from_millis.is_none_or(|from| from <= now)
            && when.to_millis.is_none_or(|to| now <= to)
            && when.contains.as_ref().is_none_or(|text| String::from_utf8_lossy(body).contains(text.as_str()));
        self.hits += u64::from(hit);
        hit
    }
}

/// All delays that hit, and the first other effect.
pub(crate) fn effects(faults: &mut [ActiveFault], robot: Option<&str>, body: &[u8], now: i64) -> Effects {
    let mut effects = Effects::default();
    for fault in faults {
        let is_delay = matches!(fault.fault.effect, Effect::Delay { .. });
        if effects.effect.is_some() && !is_delay || !fault.hits(robot, body, now) {
            continue;
        }
        match &fault.fault.effect {
            Effect::Delay { millis } => effects.delay_millis = effects.delay_millis.saturating_add(*millis),
            other => effects.effect = Some(other.clone()),
        }
    }
    effects
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    fn active(json: &Json) -> Vec<ActiveFault> {
        vec![ActiveFault::new(Fault::parse(json).unwrap())]
    }

    fn hits(faults: &mut [ActiveFault], robot: &str, times: usize) -> Vec<bool> {
        (0..times).map(|_| effects(faults, Some(robot), b"body", 0) != Effects::default()).collect()
    }

    #[test]
    fn faults_hit_what_they_name() {
        assert_eq!(hits(&mut active(&json!({"effect": "hang", "match": {"nth": 2}})), "a", 3), [false, true, false]);
        assert_eq!(hits(&mut active(&json!({"effect": "hang", "match": {"every": 2}, "count": 1})), "a", 4), [false, true, false, false]);
        assert_eq!(hits(&mut active(&json!({"effect": "hang", "robot": "b"})), "a", 1), [false]);
        assert_eq!(hits(&mut active(&json!({"effect": "hang", "match": {"contains": "od"}})), "a", 1), [true]);
        assert_eq!(hits(&mut active(&json!({"effect": "hang", "match": {"from_ms": 1}})), "a", 1), [false]);
        let drawn = hits(&mut active(&json!({"effect": "hang", "match": {"probability": 0.5, "seed": 3}})), "a", 100);
        assert_eq!(drawn, hits(&mut active(&json!({"effect": "hang", "match": {"probability": 0.5, "seed": 3}})), "a", 100));
        assert!((20..80).contains(&drawn.iter().filter(|hit| **hit).count()));
    }

    #[test]
    fn delays_add_up_beside_one_other_effect() {
        let faults =
            [json!({"effect": "delay", "ms": 5}), json!({"effect": "status", "status": 502}), json!({"effect": "hang"}), json!({"effect": "delay", "ms": 7})];
        let mut faults: Vec<ActiveFault> = faults.iter().map(|json| ActiveFault::new(Fault::parse(json).unwrap())).collect();
        let expected = Effects { delay_millis: 12, effect: Some(Effect::Status { status: 502, retry_after: None }) };
        assert_eq!(effects(&mut faults, None, b"", 0), expected);
    }

    #[test]
    fn mistakes_are_named() {
        for (body, says) in [
            (json!({"effect": "explode"}), "[effect]"),
            (json!({"effect": "body", "kind": "x"}), "html"),
            (json!({"effect": "status", "status": 99}), "[status]"),
            (json!({"effect": "hang", "match": {"first": 1}}), "[match.first]"),
            (json!({"effect": "hang", "times": 1}), "[times]"),
        ] {
            assert!(Fault::parse(&body).unwrap_err().contains(says));
        }
    }
}
