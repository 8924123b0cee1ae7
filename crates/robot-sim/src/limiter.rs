//! The limiter in front of a robot: it counts requests, not deliveries, and bans.

use std::collections::VecDeque;

use watchbell_json::Json;

/// How the robot words a refusal for speed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LimitStyle {
    /// 660026, seen in 2026.
    #[default]
    PerMinute,
    /// 130101, seen in 2020–2022.
    TooFast,
    /// 410100, the documented one.
    Documented,
    /// 130101 in the answer of the edge.
    Edge,
}

impl LimitStyle {
    const NAMES: &[(&str, LimitStyle)] =
        &[("660026", LimitStyle::PerMinute), ("130101", LimitStyle::TooFast), ("410100", LimitStyle::Documented), ("x5", LimitStyle::Edge)];

    fn parse(text: &str) -> Option<LimitStyle> {
        Self::NAMES.iter().find(|(name, _)| *name == text).map(|(_, style)| *style)
    }

    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, style)| *style == self).map_or("", |(name, _)| name)
    }
}

/// How many requests a robot takes, and what follows when there are more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub requests: usize,
    pub window_millis: i64,
    pub ban_millis: i64,
    pub style: LimitStyle,
    /// A request during the ban makes it begin anew.
    pub extend_on_attempt: bool,
    /// Calendar minutes instead of a sliding window.
    pub calendar: bool,
}

impl Default for Limit {
    /// The published numbers: 20 a minute, then ten minutes of silence.
    fn default() -> Limit {
        Limit { requests: 20, window_millis: 60_000, ban_millis: 600_000, style: LimitStyle::default(), extend_on_attempt: false, calendar: false }
    }
}

impl Limit {
    /// `{n, window_s, ban_s, style, extend, calendar}`, every member optional.
    pub(crate) fn parse(json: &Json) -> Result<Limit, String> {
        let mut limit = Limit::default();
        for (name, value) in json.as_map().ok_or("[limit] must be an object")?.iter() {
            let seconds = || value.as_f64().filter(|s| *s >= 0.0 && *s < 1e9).ok_or(format!("[limit.{name}] must be a number"));
            #[allow(clippy::cast_possible_truncation)] // bounded above
            let millis = || seconds().map(|s| (s * 1000.0) as i64);
            let flag = || value.as_bool().ok_or(format!("[limit.{name}] must be true or false"));
            match &**name {
                "n" => limit.requests = value.as_i64().and_then(|n| usize::try_from(n).ok()).ok_or("[limit.n] must be a whole number")?,
                "window_s" => limit.window_millis = millis()?,
                "ban_s" => limit.ban_millis = millis()?,
                "style" => {
                    let style = value.as_str().and_then(LimitStyle::parse);
                    limit.style = style.ok_or("[limit.style] must be one of 660026, 130101, 410100, x5")?;
                }
                "extend" => limit.extend_on_attempt = flag()?,
                "calendar" => limit.calendar = flag()?,
                _ => return Err(format!("unknown member [limit.{name}]")),
            }
        }
        Ok(limit)
    }

    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn to_json(self) -> Json {
        Json::object()
            .with("n", self.requests)
            .with("window_s", self.window_millis as f64 / 1000.0)
            .with("ban_s", self.ban_millis as f64 / 1000.0)
            .with("style", self.style.name())
            .with("extend", self.extend_on_attempt)
            .with("calendar", self.calendar)
    }
}

/// What the limiter knows about one token.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    times: VecDeque<i64>,
    banned_until: Option<i64>,
    pub(crate) bans: u64,
}

impl Limiter {
    /// Counts a request. `false`: refused.
    pub(crate) fn admit(&mut self, now: i64, limit: &Limit) -> bool {
        if self.banned_until(now).is_some() {
            if limit.extend_on_attempt {
                self.banned_until = Some(now + limit.ban_millis);
            }
            return false;
        }
        let start = match limit.calendar && limit.window_millis > 0 {
            true => now.div_euclid(limit.window_millis) * limit.window_millis,
            false => now - limit.window_millis + 1,
        };
        while self.times.front().is_some_and(|at| *at < start) {
            self.times.pop_front();
        }
        self.times.push_back(now);
        if self.times.len() <= limit.requests {
            return true;
        }
        self.ban(now + limit.ban_millis);
        false
    }

    pub(crate) fn ban(&mut self, until: i64) {
        self.banned_until = Some(until);
        self.times.clear();
        self.bans += 1;
    }

    pub(crate) fn lift(&mut self) {
        self.banned_until = None;
    }

    pub(crate) fn banned_until(&self, now: i64) -> Option<i64> {
        self.banned_until.filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_twenty_first_in_a_minute_bans_for_ten() {
        let (mut limiter, limit) = (Limiter::default(), Limit::default());
        for at in 0..20 {
            assert!(limiter.admit(at * 1000, &limit));
        }
        assert!(!limiter.admit(59_999, &limit));
        assert!(!limiter.admit(659_998, &limit));
        assert!(limiter.admit(659_999, &limit));
        assert_eq!(limiter.bans, 1);
    }

    #[test]
    fn the_window_slides_or_follows_the_calendar() {
        let sliding = Limit { requests: 2, ..Limit::default() };
        let calendar = Limit { calendar: true, ..sliding };
        for (limit, passes) in [(sliding, false), (calendar, true)] {
            let mut limiter = Limiter::default();
            assert!(limiter.admit(59_000, &limit) && limiter.admit(59_500, &limit));
            assert_eq!(limiter.admit(60_500, &limit), passes);
        }
        let mut limiter = Limiter::default();
        assert!(limiter.admit(0, &sliding) && limiter.admit(1, &sliding) && limiter.admit(60_000, &sliding));
    }

    #[test]
    fn an_attempt_during_the_ban_prolongs_it_only_where_that_is_switched_on() {
        for extend in [false, true] {
            let limit = Limit { requests: 0, extend_on_attempt: extend, ..Limit::default() };
            let mut limiter = Limiter::default();
            assert!(!limiter.admit(0, &limit) && !limiter.admit(599_000, &limit));
            assert_eq!(limiter.banned_until(600_000).is_some(), extend);
        }
    }
}
