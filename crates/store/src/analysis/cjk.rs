//! The cjk analyser's filters: full-width forms folded, neighbouring characters paired.

use super::{Token, TokenKind};

/// Full-width ASCII to ASCII, half-width katakana to katakana.
pub(super) fn fold_width(mut tokens: Vec<Token>) -> Vec<Token> {
    for token in &mut tokens {
        if token.text.chars().any(|c| folded(c) != c) {
            token.text = token.text.chars().map(folded).collect();
        }
    }
    tokens
}

/// Katakana of U+FF66 to U+FF9D, in their order.
const KATAKANA: &str = "ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン";

fn folded(c: char) -> char {
    match u32::from(c) {
        code @ 0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(c),
        code @ 0xFF66..=0xFF9D => usize::try_from(code - 0xFF66).ok().and_then(|at| KATAKANA.chars().nth(at)).unwrap_or(c),
        _ => c,
    }
}

fn pairs(token: &Token) -> bool {
    matches!(token.kind, TokenKind::Ideographic | TokenKind::Hiragana | TokenKind::Katakana | TokenKind::Hangul)
}

/// Runs of adjacent characters become overlapping pairs; a character alone stays alone.
pub(super) fn bigrams(tokens: Vec<Token>) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::new();
    let mut run: Vec<(char, usize, usize)> = Vec::new();
    for token in tokens {
        if !pairs(&token) {
            flush(&mut run, &mut out);
            push(token.text, token.start, token.end, token.kind, &mut out);
            continue;
        }
        if run.last().is_some_and(|(_, _, end)| *end != token.start) {
            flush(&mut run, &mut out);
        }
        // Where folding changed the length in bytes, the parts of a token cannot be told apart in the text.
        let same_length = token.text.len() == token.end - token.start;
        for (at, c) in token.text.char_indices() {
            let at = token.start + at;
            run.push(if same_length { (c, at, at + c.len_utf8()) } else { (c, token.start, token.end) });
        }
    }
    flush(&mut run, &mut out);
    out
}

fn flush(run: &mut Vec<(char, usize, usize)>, out: &mut Vec<Token>) {
    if let [(c, start, end)] = run.as_slice() {
        push(c.to_string(), *start, *end, TokenKind::Single, out);
    }
    for pair in run.windows(2) {
        if let [(first, start, _), (second, _, end)] = pair {
            push([*first, *second].iter().collect(), *start, *end, TokenKind::Double, out);
        }
    }
    run.clear();
}

fn push(text: String, start: usize, end: usize, kind: TokenKind, out: &mut Vec<Token>) {
    let position = out.last().map_or(0, |last| last.position + 1);
    out.push(Token { text, position, start, end, kind });
}
