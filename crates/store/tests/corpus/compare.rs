//! How recorded answers are compared (tests/corpus/store/README.md, section 2), as far as the store's answers need it.

use watchbell_json::Json;

/// Members that may have any value of the right type.
const ANY: &[&str] = &["took", "_scroll_id", "pit_id", "node", "index_uuid", "line", "col", "skipped", "caused_by"];

pub(crate) fn same(expected: &Json, actual: &Json, rules: &Json) -> Result<(), String> {
    let exact_scores = rules.get("score").and_then(Json::as_str) == Some("exact");
    let ignored = rules.get("ignore").and_then(Json::as_list).unwrap_or(&[]).iter().filter_map(Json::as_str);
    let compare = Compare {
        exact_scores,
        subset: rules.get("subset").is_some(),
        unordered: rules.get("unordered").is_some(),
        ignored: ignored.map(|path| path.split(['.', '/']).map(str::to_owned).collect()).collect(),
    };
    compare.value(expected, actual, &mut Vec::new())
}

struct Compare {
    exact_scores: bool,
    subset: bool,
    unordered: bool,
    ignored: Vec<Vec<String>>,
}

impl Compare {
    fn value(&self, expected: &Json, actual: &Json, path: &mut Vec<String>) -> Result<(), String> {
        let is_ignored = |pattern: &Vec<String>| pattern.len() == path.len() && pattern.iter().zip(path.iter()).all(|(p, s)| p == "*" || p == s);
        if self.ignored.iter().any(is_ignored) {
            return Ok(());
        }
        let differs = || Err(format!("{}: {actual:.120} instead of {expected:.120}", path.join(".")));
        match (expected, actual) {
            (Json::Str(wanted), _) if wanted.starts_with("<<") && wanted.ends_with(">>") => {
                if placeholder(wanted, actual) {
                    Ok(())
                } else {
                    differs()
                }
            }
            (Json::Map(_), Json::Map(_)) => self.objects(expected, actual, path),
            (Json::List(wanted), Json::List(found)) => self.lists(wanted, found, path),
            (Json::Str(wanted), Json::Str(found)) if positionless(wanted) == positionless(found) => Ok(()),
            (Json::Double(wanted), Json::Double(found)) if (wanted - found).abs() <= wanted.abs() * 1e-9 => Ok(()),
            _ if expected == actual => Ok(()),
            _ => differs(),
        }
    }

    fn objects(&self, expected: &Json, actual: &Json, path: &mut Vec<String>) -> Result<(), String> {
        let (wanted, found) = (expected.as_map().unwrap(), actual.as_map().unwrap());
        let in_error = path.first().is_some_and(|name| name == "error");
        for (name, value) in wanted.iter() {
            if name.as_ref() == "caused_by" && in_error {
                continue;
            }
            let Some(other) = found.get(name) else { return Err(format!("{}: no [{name}]", path.join("."))) };
            let any = ANY.contains(&&**name) || (path.last().is_some_and(|name| name == "_shards") && &**name != "failed");
            let score = matches!(&**name, "_score" | "max_score") && !self.exact_scores && value.is_number() && other.is_number();
            if any || score {
                continue;
            }
            path.push(name.to_string());
            self.value(value, other, path)?;
            path.pop();
        }
        let surplus = found.keys().find(|name| !wanted.contains_key(name));
        match surplus {
            Some(name) if !in_error && !self.subset => Err(format!("{}: surplus [{name}]", path.join("."))),
            _ => Ok(()),
        }
    }

    fn lists(&self, wanted: &[Json], found: &[Json], path: &mut Vec<String>) -> Result<(), String> {
        if wanted.len() != found.len() {
            return Err(format!("{}: {} elements instead of {}", path.join("."), found.len(), wanted.len()));
        }
        let last = path.last().map(String::as_str);
        let loose = self.unordered || matches!(last, Some("root_cause" | "failed_shards"));
        let mut remaining: Vec<&Json> = found.iter().collect();
        for (at, value) in wanted.iter().enumerate() {
            path.push(at.to_string());
            let score = |hit: &Json| hit.get("_score").and_then(Json::as_f64);
            let ranked = last_is_hits(path) && score(value).is_some() && value.get("sort").is_none();
            let tied = |other: &Json| score(other) == score(value);
            // Hits of equal score come in any order, and a page may end inside a tie.
            let until = if ranked { at + wanted.iter().skip(at).take_while(|other| tied(other)).count() } else { at + 1 };
            let reach = if loose { remaining.len() } else { (until - at).max(1).min(remaining.len()) };
            let position = (0..reach).find(|candidate| self.value(value, remaining[*candidate], &mut path.clone()).is_ok());
            match position {
                Some(position) => {
                    remaining.remove(position);
                }
                None if ranked && until == wanted.len() && wanted.len() > 1 && tied(&wanted[wanted.len() - 1]) => {
                    remaining.remove(0);
                }
                None => self.value(value, remaining[0], path)?,
            }
            path.pop();
        }
        Ok(())
    }
}

fn last_is_hits(path: &[String]) -> bool {
    path.len() >= 2 && path[path.len() - 2] == "hits"
}

/// `[3:14] text` is `[l:c] text`; lists in brackets in any order.
fn positionless(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        out.push('[');
        let (inside, tail) = after.split_once(']').unwrap_or((after, ""));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        match inside.split_once(':') {
            Some((line, column)) if digits(line) && digits(column) => out.push_str("l:c"),
            _ => {
                let mut parts: Vec<&str> = inside.split(", ").collect();
                parts.sort_unstable();
                out.push_str(&parts.join(", "));
            }
        }
        out.push(']');
        rest = tail;
    }
    out.push_str(rest);
    out
}

fn placeholder(what: &str, actual: &Json) -> bool {
    match what {
        "<<int>>" => matches!(actual, Json::Int(_) | Json::Big(_)),
        "<<num>>" => actual.is_number(),
        "<<str>>" => actual.as_str().is_some_and(|text| !text.is_empty()),
        "<<bool>>" => actual.as_bool().is_some(),
        "<<list>>" => actual.as_list().is_some(),
        "<<obj>>" => actual.as_map().is_some(),
        "<<any>>" => true,
        _ => {
            let pattern = what.trim_start_matches("<<re:").trim_end_matches(">>");
            actual.as_str().is_some_and(|text| fits(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>()))
        }
    }
}

/// The regular expressions of the corpus: literals, `\d+`, `[^\]]+`, `.*`.
fn fits(pattern: &[char], text: &[char]) -> bool {
    let run = |rest: usize, holds: &dyn Fn(char) -> bool, least: usize| {
        let most = text.iter().take_while(|c| holds(**c)).count();
        (least..=most).rev().any(|length| fits(&pattern[rest..], &text[length..]))
    };
    match pattern {
        [] => text.is_empty(),
        ['\\', 'd', '+', ..] => run(3, &|c| c.is_ascii_digit(), 1),
        ['.', '*', ..] => run(2, &|_| true, 0),
        ['[', '^', '\\', ']', ']', '+', ..] => run(6, &|c| c != ']', 1),
        ['\\', c, rest @ ..] | [c, rest @ ..] => text.first() == Some(c) && fits(rest, &text[1..]),
    }
}
