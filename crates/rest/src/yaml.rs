//! Answers as YAML (`format=yaml`), in the reference's form: every string quoted.

use watchbell_json::Json;

#[must_use]
pub(crate) fn to_yaml(value: &Json) -> String {
    let mut out = "---".to_owned();
    write(value, 0, Place::Root, &mut out);
    out.push('\n');
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Member,
    Item,
}

fn write(value: &Json, indent: usize, place: Place, out: &mut String) {
    match value {
        Json::Map(members) if members.is_empty() => out.push_str(" {}"),
        Json::List(items) if items.is_empty() => out.push_str(" []"),
        Json::Map(members) => {
            let mut first_in_item = place == Place::Item;
            for (name, member) in members.iter() {
                if first_in_item {
                    out.push(' ');
                } else {
                    new_line(indent, out);
                }
                first_in_item = false;
                write_name(name, out);
                out.push(':');
                // A list stands at its member's own indent, an object one step in.
                let deeper = if matches!(member, Json::List(_)) { indent } else { indent + 2 };
                write(member, deeper, Place::Member, out);
            }
        }
        Json::List(items) => {
            for item in items.iter() {
                new_line(indent, out);
                out.push('-');
                write(item, indent + 2, Place::Item, out);
            }
        }
        scalar => {
            out.push(' ');
            scalar.write_to(out);
        }
    }
}

fn new_line(indent: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

fn write_name(name: &str, out: &mut String) {
    if !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-@".contains(&b)) {
        out.push_str(name);
    } else {
        watchbell_json::write_string(name, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    #[test]
    fn looks_like_the_reference() {
        assert_eq!(to_yaml(&json!([{"index": "a", "docs.count": "2"}, {"index": "b"}])), "---\n- index: \"a\"\n  docs.count: \"2\"\n- index: \"b\"\n");
        assert_eq!(to_yaml(&json!({"a": {"b": 1, "c": []}, "d": [1, true]})), "---\na:\n  b: 1\n  c: []\nd:\n- 1\n- true\n");
    }
}
