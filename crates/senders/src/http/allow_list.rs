//! `xpack.http.whitelist`: globs over `scheme://host:port` of a target and over the whole URL of a redirect.

/// Which hosts may be called. `*` stands for any run of characters; an empty list allows everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowList(Vec<String>);

impl Default for AllowList {
    /// Everything, as the reference ships.
    fn default() -> AllowList {
        AllowList(vec!["*".into()])
    }
}

impl AllowList {
    #[must_use]
    pub fn new(patterns: impl IntoIterator<Item = impl Into<String>>) -> AllowList {
        AllowList(patterns.into_iter().map(Into::into).collect())
    }

    #[must_use]
    pub fn allows(&self, text: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| matches(pattern.as_bytes(), text.as_bytes()))
    }
}

/// One pass with one point of return: linear in practice, never exponential.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p + 1, t));
            p += 1;
        } else if pattern.get(p) == text.get(t) {
            p += 1;
            t += 1;
        } else if let Some((after, from)) = star {
            star = Some((after, from + 1));
            (p, t) = (after, from + 1);
        } else {
            return false;
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (patterns, text, allowed) in [
            (&["*"][..], "http://a:80", true),
            (&[], "http://a:80", true),
            (&["http://a:80"], "http://a:80", true),
            (&["http://a:80"], "http://a:8080", false),
            (&["http://a"], "http://a:80", false),
            (&["https://*.example.com:443*"], "https://hooks.example.com:443", true),
            (&["https://*.example.com:443*"], "https://hooks.example.com:443/x?y", true),
            (&["https://*.example.com:443"], "https://example.com:443", false),
            (&["http://x:1", "*://b:*"], "https://b:9", true),
            (&["*a*b*c"], "xxaxxbxxbc", true),
            (&["*a*b*c"], "xxaxxbxxb", false),
            (&["http://A:80"], "http://a:80", false),
        ] {
            assert_eq!(AllowList::new(patterns.iter().copied()).allows(text), allowed, "{patterns:?} {text}");
        }
    }
}
