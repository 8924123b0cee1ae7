//! A simulated robot: what its owner set, and the switches for what is not known of the real one (spec robots §9.5).

use ipnet::IpNet;
use watchbell_json::Json;
use watchbell_robots::Secret;

use crate::limiter::Limit;

/// The wording of refusals; it changed over the years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    Year2019,
    Year2020,
    /// `description:…;solution:…;`
    #[default]
    FormA,
    /// `错误描述:…;解决方案:…;`
    FormB,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Active,
    Disabled,
    Dissolved,
    /// Removed from the group.
    Absent,
}

/// A name in the robot's JSON for every variant.
trait Named: Sized + Copy + PartialEq + 'static {
    const NAMES: &'static [(&'static str, Self)];

    fn parse(member: &str, value: &Json) -> Result<Self, String> {
        let found = value.as_str().and_then(|text| Self::NAMES.iter().find(|(name, _)| *name == text));
        found.map(|(_, variant)| *variant).ok_or_else(|| {
            let names: Vec<&str> = Self::NAMES.iter().map(|(name, _)| *name).collect();
            format!("[{member}] must be one of {}", names.join(", "))
        })
    }

    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, variant)| *variant == self).map_or("", |(name, _)| name)
    }
}

impl Named for Dialect {
    const NAMES: &'static [(&'static str, Dialect)] =
        &[("2019", Dialect::Year2019), ("2020", Dialect::Year2020), ("formA", Dialect::FormA), ("formB", Dialect::FormB)];
}

impl Named for State {
    const NAMES: &'static [(&'static str, State)] =
        &[("active", State::Active), ("disabled", State::Disabled), ("dissolved", State::Dissolved), ("absent", State::Absent)];
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    pub mobile: String,
    pub user_id: String,
    pub name: String,
}

/// Messages of a month; `None` as limit is no quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    pub month: Option<u64>,
    pub used: u64,
}

/// Content the service refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadWord {
    pub contains: String,
    pub errcode: i64,
}

/// Where the real service's behaviour is not known, both are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switches {
    /// Take any Content-Type.
    pub lenient_content_type: bool,
    /// Measure the content without JSON escapes instead of the raw body.
    pub size_of_content: bool,
    /// Of repeated query parameters the last counts.
    pub last_parameter_wins: bool,
    /// 300001 instead of 300005 for an unknown token.
    pub legacy_token_code: bool,
    pub errcode_as_string: bool,
    pub dedup_millis: i64,
    /// How far the robot's view of time is off.
    pub clock_skew_millis: i64,
}

impl Default for Switches {
    fn default() -> Switches {
        Switches {
            lenient_content_type: false,
            size_of_content: false,
            last_parameter_wins: false,
            legacy_token_code: false,
            errcode_as_string: false,
            dedup_millis: 600_000,
            clock_skew_millis: 0,
        }
    }
}

/// A DingTalk robot of a group.
#[derive(Clone, Debug)]
pub struct Robot {
    pub name: String,
    /// The group's name on the page.
    pub group: String,
    pub token: Secret,
    pub secret: Option<Secret>,
    pub keywords: Vec<String>,
    /// Empty: every address.
    pub allow: Vec<IpNet>,
    pub state: State,
    pub limit: Limit,
    pub quota: Quota,
    pub dialect: Dialect,
    /// Empty: everybody who is mentioned is a member.
    pub members: Vec<Member>,
    pub bad_words: Vec<BadWord>,
    pub switches: Switches,
}

impl Robot {
    #[must_use]
    pub fn dingtalk(name: impl Into<String>, token: impl Into<String>) -> Robot {
        let name = name.into();
        Robot {
            group: name.clone(),
            name,
            token: Secret::new(token),
            secret: None,
            keywords: Vec::new(),
            allow: Vec::new(),
            state: State::default(),
            limit: Limit::default(),
            quota: Quota::default(),
            dialect: Dialect::default(),
            members: Vec::new(),
            bad_words: Vec::new(),
            switches: Switches::default(),
        }
    }

    #[must_use]
    pub fn with_secret(mut self, secret: impl Into<String>) -> Robot {
        self.secret = Some(Secret::new(secret));
        self
    }

    #[must_use]
    pub fn with_keywords(mut self, keywords: impl IntoIterator<Item = impl Into<String>>) -> Robot {
        self.keywords = keywords.into_iter().map(Into::into).collect();
        self
    }

    #[must_use]
    pub fn in_group(mut self, group: impl Into<String>) -> Robot {
        self.group = group.into();
        self
    }

    /// Reads the body of `PUT /_sim/robots/{name}`. An unknown member is an error: a test with a typo would test nothing.
    ///
    /// # Errors
    /// Which member is wrong.
    pub fn parse(name: &str, json: &Json) -> Result<Robot, String> {
        let members = json.as_map().ok_or("a robot is an object")?;
        match json.get("service").map(Json::as_str) {
            None | Some(Some("dingtalk")) => {}
            Some(_) => return Err("[service] must be dingtalk".to_owned()),
        }
        let mut robot = Robot::dingtalk(name, string("token", json.get("token").unwrap_or(&Json::Null))?);
        if robot.token.reveal().is_empty() {
            return Err("[token] is empty".to_owned());
        }
        for (member, value) in members.iter() {
            match &**member {
                "service" | "token" => {}
                "group" => robot.group = string(member, value)?,
                "secret" => robot.secret = Some(Secret::new(string(member, value)?)).filter(|secret| !secret.reveal().is_empty()),
                "keywords" => robot.keywords = items(member, value)?.iter().map(|word| string(member, word)).collect::<Result<_, _>>()?,
                "allow_cidrs" => robot.allow = items(member, value)?.iter().map(|net| network(member, net)).collect::<Result<_, _>>()?,
                "state" => robot.state = State::parse(member, value)?,
                "limit" => robot.limit = Limit::parse(value)?,
                "quota" => robot.quota = Quota { month: count(value, "month"), used: count(value, "used").unwrap_or(0) },
                "dialect" => robot.dialect = Dialect::parse(member, value)?,
                "members" => robot.members = items(member, value)?.iter().map(person).collect(),
                "bad_words" => robot.bad_words = items(member, value)?.iter().map(bad_word).collect::<Result<_, _>>()?,
                "switches" => robot.switches = switches(value)?,
                _ => return Err(format!("unknown member [{member}]")),
            }
        }
        Ok(robot)
    }

    /// Without token and secret: the page and every test can read this.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let person = |m: &Member| Json::object().with("mobile", &m.mobile).with("userid", &m.user_id).with("name", &m.name);
        Json::object()
            .with("name", &self.name)
            .with("service", "dingtalk")
            .with("group", &self.group)
            .with("signed", self.secret.is_some())
            .with("keywords", self.keywords.clone())
            .with("allow_cidrs", self.allow.iter().map(ToString::to_string).collect::<Json>())
            .with("state", self.state.name())
            .with("limit", self.limit.to_json())
            .with("quota", Json::object().with("month", self.quota.month).with("used", self.quota.used))
            .with("dialect", self.dialect.name())
            .with("members", self.members.iter().map(person).collect::<Json>())
    }
}

fn string(member: &str, value: &Json) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("[{member}] must be a string"))
}

fn items<'j>(member: &str, value: &'j Json) -> Result<&'j [Json], String> {
    value.as_list().ok_or_else(|| format!("[{member}] must be a list"))
}

fn network(member: &str, value: &Json) -> Result<IpNet, String> {
    let text = string(member, value)?;
    let single = || text.parse::<std::net::IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| single()).map_err(|_| format!("[{member}] has no address or network in [{text}]"))
}

fn count(value: &Json, member: &str) -> Option<u64> {
    value.get(member)?.as_i64()?.try_into().ok()
}

fn person(value: &Json) -> Member {
    let field = |name| value.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    Member { mobile: field("mobile"), user_id: field("userid"), name: field("name") }
}

fn bad_word(value: &Json) -> Result<BadWord, String> {
    let contains = string("bad_words.contains", value.get("contains").unwrap_or(&Json::Null))?;
    match value.get("errcode").map_or(Some(430_104), Json::as_i64) {
        Some(errcode @ 430_101..=430_104) if !contains.is_empty() => Ok(BadWord { contains, errcode }),
        _ => Err("[bad_words] needs contains and an errcode from 430101 to 430104".to_owned()),
    }
}

fn switches(value: &Json) -> Result<Switches, String> {
    let mut switches = Switches::default();
    for (name, value) in value.as_map().ok_or("[switches] must be an object")?.iter() {
        let flag = || value.as_bool().ok_or(format!("[switches.{name}] must be true or false"));
        let number = || value.as_i64().filter(|n| n.abs() < 1 << 40).ok_or(format!("[switches.{name}] must be a whole number"));
        match &**name {
            "lenient_content_type" => switches.lenient_content_type = flag()?,
            "size_of_content" => switches.size_of_content = flag()?,
            "last_parameter_wins" => switches.last_parameter_wins = flag()?,
            "legacy_token_code" => switches.legacy_token_code = flag()?,
            "errcode_as_string" => switches.errcode_as_string = flag()?,
            "dedup_ttl_s" => switches.dedup_millis = number()? * 1000,
            "clock_skew_s" => switches.clock_skew_millis = number()? * 1000,
            _ => return Err(format!("unknown member [switches.{name}]")),
        }
    }
    Ok(switches)
}

pub(crate) fn parse_state(value: &Json) -> Result<State, String> {
    State::parse("state", value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    #[test]
    fn a_definition_is_read_whole_and_shown_without_its_credentials() {
        let robot = Robot::parse(
            "ops",
            &json!({"service": "dingtalk", "token": "canary-token", "secret": "SECcanary", "group": "运维群", "keywords": ["告警"],
                "allow_cidrs": ["127.0.0.0/8", "10.1.2.3"], "state": "disabled", "limit": {"n": 3, "window_s": 1.5, "style": "x5"},
                "quota": {"month": 100, "used": 7}, "dialect": "formB", "members": [{"mobile": "138", "userid": "u", "name": "张三"}],
                "bad_words": [{"contains": "x", "errcode": 430102}], "switches": {"errcode_as_string": true, "clock_skew_s": 7200}}),
        )
        .unwrap();
        assert_eq!((robot.state, robot.dialect, robot.limit.requests, robot.limit.window_millis), (State::Disabled, Dialect::FormB, 3, 1500));
        assert_eq!((robot.quota.month, robot.members[0].name.as_str(), robot.switches.clock_skew_millis), (Some(100), "张三", 7_200_000));
        let shown = format!("{} {robot:?}", robot.to_json());
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn mistakes_are_named() {
        for (body, says) in [
            (json!([]), "object"),
            (json!({}), "[token]"),
            (json!({"token": ""}), "[token]"),
            (json!({"token": "t", "keyword": ["a"]}), "[keyword]"),
            (json!({"token": "t", "service": "wecom"}), "[service]"),
            (json!({"token": "t", "dialect": "2021"}), "2019, 2020, formA, formB"),
            (json!({"token": "t", "allow_cidrs": ["10.0.0.0/33"]}), "10.0.0.0/33"),
            (json!({"token": "t", "limit": {"max": 1}}), "[limit.max]"),
            (json!({"token": "t", "limit": {"style": "fast"}}), "[limit.style]"),
            (json!({"token": "t", "switches": {"x": true}}), "[switches.x]"),
        ] {
            let error = Robot::parse("r", &body).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
