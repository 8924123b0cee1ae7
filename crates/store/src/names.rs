//! Names: which an index may have, which an expression means.

use watchbell_json::Failure;

/// Longest index name in bytes: file systems end there.
pub const INDEX_NAME_MAX: usize = 255;
/// Longest document id in bytes, as Elasticsearch has it.
pub const ID_MAX: usize = 512;

const FORBIDDEN: &[char] = &['\\', '/', '*', '?', '"', '<', '>', '|', ' ', ','];

fn invalid(name: &str, why: &str) -> Failure {
    Failure::new("invalid_index_name_exception", format!("Invalid index name [{name}], {why}")).with("index_uuid", "_na_").with("index", name)
}

/// # Errors
/// `invalid_index_name_exception`.
pub fn check_index_name(name: &str) -> Result<(), Failure> {
    if name.contains(FORBIDDEN) {
        return Err(invalid(name, "must not contain the following characters [ , \", *, \\, <, |, ,, >, /, ?]"));
    }
    if name.is_empty() {
        return Err(invalid(name, "must not be empty"));
    }
    if name.contains('#') {
        return Err(invalid(name, "must not contain '#'"));
    }
    if name.contains(':') {
        return Err(invalid(name, "must not contain ':'"));
    }
    if name.starts_with(['_', '-', '+']) {
        return Err(invalid(name, "must not start with '_', '-', or '+'"));
    }
    if name.len() > INDEX_NAME_MAX {
        return Err(invalid(name, &format!("index name is too long, ({} > {INDEX_NAME_MAX})", name.len())));
    }
    if name == "." || name == ".." {
        return Err(invalid(name, "must not be '.' or '..'"));
    }
    if name.chars().any(char::is_uppercase) {
        return Err(invalid(name, "must be lowercase"));
    }
    Ok(())
}

/// # Errors
/// `illegal_argument_exception` for an id that no document may have.
pub fn check_id(id: &str) -> Result<(), Failure> {
    if id.is_empty() {
        return Err(Failure::illegal_argument("if _id is specified it must not be empty"));
    }
    if id.len() > ID_MAX {
        return Err(Failure::illegal_argument(format!("id [{id}] is too long, must be no longer than {ID_MAX} bytes but was: {}", id.len())));
    }
    Ok(())
}

/// `*` stands for any characters, also none.
#[must_use]
pub fn matches_pattern(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_as_the_reference_does() {
        assert!(check_index_name("wbc-logs-2026.11.18").is_ok());
        assert!(check_index_name(".watches").is_ok());
        for (name, why) in [("Upper", "must be lowercase"), ("_x", "must not start with"), ("a#b", "'#'"), ("a b", "characters"), ("..", "'..'")] {
            let failure = check_index_name(name).expect_err(name);
            assert!(failure.reason_text().contains(why), "{failure}");
        }
    }

    #[test]
    fn patterns() {
        assert!(matches_pattern("*", ""));
        assert!(matches_pattern("a*c*", "abcd"));
        assert!(matches_pattern("a*b", "ab"));
        assert!(!matches_pattern("a*bc", "ab"));
        assert!(!matches_pattern("ab*b", "ab"));
        assert!(matches_pattern("logs-*-x", "logs-1-2-x"));
    }
}
