//! Where in a body a member stands: errors name line and column, which the parsed value has forgotten.

use watchbell_json::Failure;

/// Line and column, from 1, of the first member called `name`; `(1, 1)` when there is none.
pub(super) fn key_position(text: &[u8], name: &str) -> (usize, usize) {
    find(text, name).map_or((1, 1), |(key, _)| position(text, key))
}

/// As [`key_position`], of the member's value.
pub(super) fn value_position(text: &[u8], name: &str) -> (usize, usize) {
    find(text, name).map_or((1, 1), |(_, value)| position(text, value))
}

/// Offsets of a member's name and of its value.
fn find(text: &[u8], name: &str) -> Option<(usize, usize)> {
    let mut quoted = String::new();
    watchbell_json::write_string(name, &mut quoted);
    let mut from = 0;
    while let Some(found) = memchr::memmem::find(&text[from..], quoted.as_bytes()) {
        let (key, end) = (from + found, from + found + quoted.len());
        let colon = end + blanks(&text[end..]);
        if text.get(colon) == Some(&b':') {
            return Some((key, colon + 1 + blanks(&text[colon + 1..])));
        }
        from = end;
    }
    None
}

fn blanks(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// Puts the places of a document's text into the exception about it, which was made where only the parsed document was known.
pub(super) fn placed(mut failure: Failure, source: &[u8]) -> Failure {
    let named = failure.reason_text().split_once("failed to parse field [").and_then(|(_, rest)| rest.split_once(']')).map(|(name, _)| name.to_owned());
    let leaf = named.as_deref().map(|name| name.rsplit('.').next().unwrap_or(name));
    let Some((_, value)) = leaf.and_then(|leaf| find(source, leaf)) else { return failure };
    let at_object = value + source[value..].iter().position(|byte| *byte == b'{').unwrap_or(0);
    let put = |failure: &mut Failure| {
        let Some(reason) = &failure.reason else { return };
        let ((line, column), (object_line, object_column)) = (position(source, value), position(source, at_object));
        let reason = reason.strip_prefix("[1:1]").map_or_else(|| reason.clone(), |rest| format!("[{line}:{column}]{rest}"));
        failure.reason = Some(match reason.strip_suffix("START_OBJECT at 1:1") {
            Some(before) => format!("{before}START_OBJECT at {object_line}:{object_column}"),
            None => reason,
        });
    };
    put(&mut failure);
    if let Some(cause) = failure.caused_by.as_deref_mut() {
        put(cause);
    }
    failure
}

/// Line and column of an offset.
pub(super) fn position(text: &[u8], at: usize) -> (usize, usize) {
    let before = &text[..at.min(text.len())];
    let line = 1 + memchr::memchr_iter(b'\n', before).count();
    let column = 1 + before.iter().rev().take_while(|b| **b != b'\n').count();
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_members_not_values() {
        assert_eq!(key_position(b"{\n  \"a\": \"b\",\n  \"b\" : 1}", "b"), (3, 3));
        assert_eq!(value_position(b"{\n  \"a\": \"b\",\n  \"b\" : 1}", "b"), (3, 9));
        assert_eq!(key_position(b"{}", "b"), (1, 1));
    }

    #[test]
    fn exceptions_about_documents_are_placed() {
        let cause = Failure::illegal_argument("Can't get text on a START_OBJECT at 1:1");
        let failure = Failure::new("document_parsing_exception", "[1:1] failed to parse field [o.f] of type [text]").caused_by(cause);
        let placed = placed(failure, b"{\"o\":\n{\"f\": [{\"x\": 1}]}}");
        assert_eq!(placed.reason_text(), "[2:7] failed to parse field [o.f] of type [text]");
        assert_eq!(placed.caused_by.map(|cause| cause.reason_text().to_owned()).as_deref(), Some("Can't get text on a START_OBJECT at 2:8"));
    }
}
