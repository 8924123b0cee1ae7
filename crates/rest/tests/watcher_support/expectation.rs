//! Comparing an answer with what a table expects of it.

use watchbell_json::Json;

const ANY: &str = "<any>";
const MORE: &str = "<more>";

/// Where and how `found` differs from `expected`; `None` if it does not.
pub(crate) fn mismatch(expected: &Json, found: &Json) -> Option<String> {
    compare("", expected, found)
}

fn compare(at: &str, expected: &Json, found: &Json) -> Option<String> {
    let differs = || Some(format!("at [{at}]: expected {expected}\n          found {found}"));
    match (expected, found) {
        (Json::Str(text), _) if &**text == ANY => None,
        (Json::Str(text), Json::Str(other)) if text.contains(ANY) => {
            if fits(text, other) {
                None
            } else {
                differs()
            }
        }
        (Json::Map(map), Json::Map(other)) => {
            for (name, value) in map.iter().filter(|(name, _)| &***name != MORE) {
                let at = format!("{at}.{name}");
                match other.get(name) {
                    None => return Some(format!("at [{at}]: missing, expected {value}")),
                    Some(found) => {
                        if let Some(reason) = compare(&at, value, found) {
                            return Some(reason);
                        }
                    }
                }
            }
            let closed = !map.contains_key(MORE);
            let extra = other.iter().find(|(name, _)| closed && !map.contains_key(name));
            extra.map(|(name, value)| format!("at [{at}.{name}]: not expected, found {value}"))
        }
        (Json::List(items), Json::List(others)) if items.len() == others.len() => {
            items.iter().zip(others.iter()).enumerate().find_map(|(index, (expected, found))| compare(&format!("{at}[{index}]"), expected, found))
        }
        _ if expected == found => None,
        _ => differs(),
    }
}

/// Whether the pieces between the wildcards occur in their order, the first and last at the ends.
fn fits(pattern: &str, text: &str) -> bool {
    let pieces: Vec<&str> = pattern.split(ANY).collect();
    let (Some((first, rest)), true) = (pieces.split_first(), pieces.len() > 1) else { return pattern == text };
    let (last, middle) = rest.split_last().expect("there are two pieces");
    let Some(mut text) = text.strip_prefix(first) else { return false };
    for piece in middle {
        let Some(found) = text.find(piece) else { return false };
        text = &text[found + piece.len()..];
    }
    text.ends_with(last)
}

#[test]
fn expectations_can_fail() {
    use watchbell_json::json;
    for (expected, found, fit) in [
        (json!({"a": 1}), json!({"a": 1}), true),
        (json!({"a": 1}), json!({"a": 1, "b": 2}), false),
        (json!({"a": 1, "<more>": true}), json!({"a": 1, "b": 2}), true),
        (json!({"a": 1, "<more>": true}), json!({"b": 2}), false),
        (json!(["<any>", 2]), json!([{}, 2]), true),
        (json!(["<any>"]), json!([]), false),
        (json!("w_<any>-2024<any>Z"), json!("w_abc-2024-01-01Z"), true),
        (json!("w_<any>-2024<any>Z"), json!("v_abc-2024-01-01Z"), false),
    ] {
        assert_eq!(mismatch(&expected, &found).is_none(), fit, "{expected} {found}");
    }
}
