//! `filter_path`: which parts of an answer the client wants to see.

use watchbell_json::{Json, Map};

/// The patterns of `filter_path`, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FilterPath {
    includes: Vec<Vec<String>>,
    excludes: Vec<Vec<String>>,
}

impl FilterPath {
    /// A comma separated list of dotted patterns; one that begins with `-` excludes.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<FilterPath> {
        let mut filter = FilterPath::default();
        for pattern in text.split(',').map(str::trim).filter(|pattern| !pattern.is_empty()) {
            let (list, pattern) = match pattern.strip_prefix('-') {
                Some(pattern) => (&mut filter.excludes, pattern),
                None => (&mut filter.includes, pattern),
            };
            list.push(pattern.split('.').map(str::to_owned).collect());
        }
        (!filter.includes.is_empty() || !filter.excludes.is_empty()).then_some(filter)
    }

    #[must_use]
    pub(crate) fn apply(&self, value: &Json) -> Json {
        let empty = || if matches!(value, Json::List(_)) { Json::List(std::sync::Arc::default()) } else { Json::object() };
        let included = if self.includes.is_empty() { value.clone() } else { include(value, &all(&self.includes)).unwrap_or_else(empty) };
        if self.excludes.is_empty() { included } else { exclude(&included, &all(&self.excludes)).unwrap_or_else(empty) }
    }
}

type Patterns<'p> = Vec<&'p [String]>;

fn all(patterns: &[Vec<String>]) -> Patterns<'_> {
    patterns.iter().map(Vec::as_slice).collect()
}

/// What is left of `patterns` below a member; `true` if one of them ends here.
fn below<'p>(patterns: &Patterns<'p>, name: &str) -> (Patterns<'p>, bool) {
    let (mut rest, mut ends) = (Vec::new(), false);
    for pattern in patterns {
        step(pattern, name, &mut rest, &mut ends);
    }
    (rest, ends)
}

fn step<'p>(pattern: &'p [String], name: &str, rest: &mut Patterns<'p>, ends: &mut bool) {
    match pattern {
        [first, tail @ ..] if first == "**" => {
            rest.push(pattern);
            if tail.is_empty() {
                *ends = true;
            } else {
                step(tail, name, rest, ends);
            }
        }
        [first, tail @ ..] if wildcard_matches(first, name) => match tail {
            [] => *ends = true,
            tail => rest.push(tail),
        },
        _ => {}
    }
}

fn include(value: &Json, patterns: &Patterns<'_>) -> Option<Json> {
    match value {
        Json::Map(members) => {
            let mut kept = Map::new();
            for (name, member) in members.iter() {
                let (rest, ends) = below(patterns, name);
                let member = if ends { Some(member.clone()) } else { include(member, &rest) };
                if let Some(member) = member {
                    kept.insert(name.clone(), member);
                }
            }
            (!kept.is_empty()).then(|| kept.into())
        }
        Json::List(items) => {
            let kept: Vec<Json> = items.iter().filter_map(|item| include(item, patterns)).collect();
            (!kept.is_empty()).then(|| kept.into())
        }
        _ => None,
    }
}

fn exclude(value: &Json, patterns: &Patterns<'_>) -> Option<Json> {
    match value {
        Json::Map(members) => {
            let mut kept = Map::new();
            for (name, member) in members.iter() {
                let (rest, ends) = below(patterns, name);
                if ends {
                    continue;
                }
                if let Some(member) = exclude(member, &rest) {
                    kept.insert(name.clone(), member);
                }
            }
            (members.is_empty() || !kept.is_empty()).then(|| kept.into())
        }
        Json::List(items) => {
            let kept: Vec<Json> = items.iter().filter_map(|item| exclude(item, patterns)).collect();
            (items.is_empty() || !kept.is_empty()).then(|| kept.into())
        }
        scalar => Some(scalar.clone()),
    }
}

/// `*` stands for any run of characters.
#[must_use]
pub(crate) fn wildcard_matches(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = tail.split('*').collect();
    let last = parts.pop().unwrap_or("");
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    #[test]
    fn keeps_what_the_patterns_name() {
        let value = json!({"took": 1, "errors": false, "items": [{"index": {"status": 201, "_id": "1"}}, {"index": {"status": 400, "error": {"type": "x"}}}]});
        for (pattern, expected) in [
            ("errors,items.*.error", json!({"errors": false, "items": [{"index": {"error": {"type": "x"}}}]})),
            ("items.*.status", json!({"items": [{"index": {"status": 201}}, {"index": {"status": 400}}]})),
            ("**.type", json!({"items": [{"index": {"error": {"type": "x"}}}]})),
            ("nothing", json!({})),
            ("-items,-took", json!({"errors": false})),
            ("items.index.*,-**.error", json!({"items": [{"index": {"status": 201, "_id": "1"}}, {"index": {"status": 400}}]})),
        ] {
            assert_eq!(FilterPath::parse(pattern).map(|filter| filter.apply(&value)), Some(expected), "{pattern}");
        }
        assert_eq!(FilterPath::parse(""), None);
    }

    #[test]
    fn wildcards() {
        for (pattern, text, matches) in
            [("*", "", true), ("a*", "abc", true), ("a*c", "abc", true), ("a*c", "ab", false), ("*b*", "abc", true), ("a*a", "a", false), ("abc", "abc", true)]
        {
            assert_eq!(wildcard_matches(pattern, text), matches, "{pattern} {text}");
        }
    }
}
