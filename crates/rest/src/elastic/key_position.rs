//! Where in a body a member stands: errors name line and column, which the parsed value has forgotten.

/// Line and column, from 1, of the first member called `name`; `(1, 1)` when there is none.
pub(super) fn key_position(text: &[u8], name: &str) -> (usize, usize) {
    let mut quoted = String::new();
    watchbell_json::write_string(name, &mut quoted);
    let mut from = 0;
    while let Some(found) = memchr::memmem::find(&text[from..], quoted.as_bytes()) {
        let at = from + found;
        let after = &text[at + quoted.len()..];
        if after.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b':') {
            return position(text, at);
        }
        from = at + quoted.len();
    }
    (1, 1)
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
        assert_eq!(key_position(b"{}", "b"), (1, 1));
    }
}
