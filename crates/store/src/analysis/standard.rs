//! The standard tokenizer: Unicode word segmentation (UAX #29) with Lucene's particulars: what holds no letter, digit or
//! pictograph is no token, and long tokens are cut.

use unicode_segmentation::UnicodeSegmentation;

use super::{TOKEN_MAX, Token, TokenKind};

pub(super) fn tokenize(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for (start, word) in text.split_word_bound_indices() {
        let Some(kind) = kind_of(word) else { continue };
        match tokens.last_mut() {
            // The segmentation rules leave these scripts to a dictionary; Lucene keeps a run of them whole.
            Some(last) if kind == TokenKind::SoutheastAsian && last.kind == kind && last.end == start => {
                last.text.push_str(word);
                last.end = start + word.len();
            }
            _ => tokens.push(Token { text: word.to_owned(), position: 0, start, end: start + word.len(), kind }),
        }
    }
    let mut cut = Vec::with_capacity(tokens.len());
    for token in tokens {
        push_cut(token, &mut cut);
    }
    for (position, token) in (0..).zip(&mut cut) {
        token.position = position;
    }
    cut
}

fn push_cut(token: Token, out: &mut Vec<Token>) {
    if token.text.len() <= TOKEN_MAX || token.text.chars().count() <= TOKEN_MAX {
        out.push(token);
        return;
    }
    let mut start = token.start;
    let mut rest = token.text.as_str();
    while !rest.is_empty() {
        let at = rest.char_indices().nth(TOKEN_MAX).map_or(rest.len(), |(at, _)| at);
        let (piece, tail) = rest.split_at(at);
        out.push(Token { text: piece.to_owned(), position: 0, start, end: start + piece.len(), kind: token.kind });
        start += piece.len();
        rest = tail;
    }
}

fn kind_of(word: &str) -> Option<TokenKind> {
    let mut number = false;
    for c in word.chars() {
        match script(c) {
            Some(kind) => return Some(kind),
            None if c.is_alphabetic() => return Some(TokenKind::Alphanumeric),
            None if c.is_numeric() => number = true,
            None => {}
        }
    }
    if number {
        return Some(TokenKind::Number);
    }
    word.chars().any(is_pictograph).then_some(TokenKind::Emoji)
}

fn script(c: char) -> Option<TokenKind> {
    let kind = match u32::from(c) {
        0x3041..=0x309F => TokenKind::Hiragana,
        0x30A1..=0x30FF | 0x31F0..=0x31FF | 0xFF66..=0xFF9D => TokenKind::Katakana,
        0x1100..=0x11FF | 0x3130..=0x318F | 0xA960..=0xA97F | 0xAC00..=0xD7FF => TokenKind::Hangul,
        0x3005..=0x3007 | 0x3021..=0x3029 | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x323AF => TokenKind::Ideographic,
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x1950..=0x19DF | 0x1A20..=0x1AAF => TokenKind::SoutheastAsian,
        _ => return None,
    };
    Some(kind)
}

fn is_pictograph(c: char) -> bool {
    matches!(u32::from(c), 0x231A..=0x231B | 0x23E9..=0x23F3 | 0x2600..=0x27BF | 0x2B05..=0x2B07 | 0x2B1B..=0x2B1C | 0x2B50 | 0x2B55 | 0x1F000..=0x1FAFF)
}
