//! Cutting texts to a byte limit without breaking what a reader sees (spec robots §6.2).

use unicode_segmentation::GraphemeCursor;

/// A line end this near to the limit, as a share of it, is where to cut.
const LINE_END_WITHIN_PERCENT: usize = 20;

/// The notice at the end of a cut text.
#[must_use]
pub fn notice(total_bytes: usize) -> String {
    format!("…（已截断，共 {total_bytes} 字节）")
}

/// The text if it fits into `bytes_max`, else a beginning of it and a notice that names its whole size. Where not even the
/// notice fits, just a beginning.
#[must_use]
pub fn truncate(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let notice = notice(text.len());
    match bytes_max.checked_sub(notice.len()) {
        Some(room) => format!("{}{notice}", beginning(text, room)),
        None => beginning(text, bytes_max).to_owned(),
    }
}

/// As [`truncate`], leaving no markdown construct open at the cut.
#[must_use]
pub fn truncate_markdown(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let notice = notice(text.len());
    let Some(room) = bytes_max.checked_sub(notice.len() + CLOSERS_BYTES_MAX) else {
        return truncate(text, bytes_max);
    };
    format!("{}{notice}", close_constructs(beginning(text, room)))
}

/// Room for what [`close_constructs`] may add: `</font>`, a backtick and `**`.
const CLOSERS_BYTES_MAX: usize = 7 + 1 + 2;

fn beginning(text: &str, bytes_max: usize) -> &str {
    let mut end = floor_boundary(text, bytes_max);
    let near = end - end * LINE_END_WITHIN_PERCENT / 100;
    if let Some(at) = text[..end].rfind('\n').filter(|at| *at >= near) {
        end = at + 1;
    } else if let Some(at) = text[..end].rfind(' ').filter(|at| *at >= near) {
        end = at + 1;
    }
    &text[..end]
}

/// The last grapheme boundary at or before `at`; inside a cluster longer than the whole limit the last character boundary.
fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let mut cursor = GraphemeCursor::new(at, text.len(), true);
    match cursor.is_boundary(text, 0) {
        Ok(false) => match cursor.prev_boundary(text, 0) {
            Ok(Some(before)) if before > 0 => before,
            _ => at,
        },
        _ => at,
    }
}

/// Drops an unfinished tag or link at the end, closes what is open.
fn close_constructs(text: &str) -> String {
    let mut text = text;
    if let Some(open) = text.rfind('<').filter(|open| !text[*open..].contains('>')) {
        text = &text[..open];
    }
    if let Some(open) = text.rfind('[')
        && is_unfinished_link(&text[open..])
    {
        text = text[..open].strip_suffix('!').unwrap_or(&text[..open]);
    }
    let mut out = text.to_owned();
    if text.matches('`').count() % 2 == 1 {
        out.push('`');
    }
    if text.matches("**").count() % 2 == 1 {
        out.push_str("**");
    }
    if text.matches("<font").count() > text.matches("</font>").count() {
        out.push_str("</font>");
    }
    out
}

/// `[`, `[text`, `[text]` or `[text](url` at the end of the text.
fn is_unfinished_link(from_bracket: &str) -> bool {
    match from_bracket.split_once(']') {
        None => true,
        Some((_, after)) => after.is_empty() || after.starts_with('(') && !after.contains(')'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn chinese_text_is_cut_between_characters_at_every_offset() {
        let text = "磁盘空间不足，请尽快处理。".repeat(5);
        for limit in 0..text.len() {
            let cut = truncate(&text, limit);
            assert!(cut.len() <= limit);
            assert!(limit < notice(text.len()).len() || cut.ends_with(&notice(text.len())));
        }
    }

    #[test]
    fn clusters_and_lines_stay_whole() {
        let family = "👨‍👩‍👧‍👦";
        assert_eq!(beginning(&format!("ab{family}"), 10), "ab");
        assert_eq!(beginning(&family.repeat(2), 30), family);
        assert_eq!(beginning("eeee\u{301}x", 5), "eee");
        assert_eq!(beginning("0123456789 123456\n89", 19), "0123456789 123456\n");
        assert_eq!(beginning("0123456789 12345678901234", 20), "0123456789 123456789");
        assert_eq!(beginning("0123456789012345 789", 18), "0123456789012345 ");
    }

    #[test]
    fn markdown_is_left_closed() {
        for (text, closed) in [
            ("a **bold", "a **bold**"),
            ("a `code", "a `code`"),
            ("see [the", "see "),
            ("see [the](https://x", "see "),
            ("see ![p](https://x", "see "),
            ("see [the](https://x) a", "see [the](https://x) a"),
            ("<font color=red>x", "<font color=red>x</font>"),
            ("x <font color=", "x "),
        ] {
            assert_eq!(close_constructs(text), closed);
        }
    }

    proptest! {
        #[test]
        fn fits_is_a_beginning_and_stays_the_same_when_cut_again(text in "(\\PC|[\n 中🇨🇳é`*<\\[]){0,80}", limit in 0_usize..200) {
            for cut in [truncate(&text, limit), truncate_markdown(&text, limit)] {
                prop_assert!(cut.len() <= limit);
                prop_assert_eq!(&truncate(&cut, limit), &cut);
                prop_assert_eq!(&truncate_markdown(&cut, limit), &cut);
            }
            let cut = truncate(&text, limit);
            if text.len() <= limit {
                prop_assert_eq!(&cut, &text);
            } else {
                let kept = cut.strip_suffix(&notice(text.len())).unwrap_or(&cut);
                prop_assert!(text.starts_with(kept));
            }
        }
    }
}
