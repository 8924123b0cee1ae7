//! Where in a body a member stands: errors name line and column, which the parsed value has forgotten.

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
}
