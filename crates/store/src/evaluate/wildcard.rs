//! `*`, `?` and `\` in patterns.

/// Whether the pattern takes the whole text. Linear in memory, at worst the product of both lengths in time.
#[must_use]
pub fn wildcard_matches(pattern: &str, text: &str) -> bool {
    let pattern = compile(pattern);
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(Part::Any) => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(Part::One) => {
                p += 1;
                t += 1;
            }
            Some(Part::Char(c)) if *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((after, from)) => {
                    p = after;
                    t = from + 1;
                    retry = Some((after, t));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|part| matches!(part, Part::Any))
}

enum Part {
    Any,
    One,
    Char(char),
}

fn compile(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        parts.push(match c {
            '*' => Part::Any,
            '?' => Part::One,
            '\\' => Part::Char(chars.next().unwrap_or('\\')),
            c => Part::Char(c),
        });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::wildcard_matches;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("a*c", "abbc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            (r"a\*c", "a*c", true),
            (r"a\*c", "abc", false),
            ("*ab*ab", "abcab", true),
            ("日?", "日志", true),
        ] {
            assert_eq!(wildcard_matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
