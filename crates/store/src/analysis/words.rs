//! The plain tokenizers and the lists of stop words.

use super::{Token, TokenKind};

/// English stop words of Lucene's classic list.
pub(super) const STOP_WORDS: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no", "not", "of", "on", "or", "such", "that", "the",
    "their", "then", "there", "these", "they", "this", "to", "was", "will", "with",
];

/// Those of the cjk analyser.
pub(super) const CJK_STOP_WORDS: &[&str] = &[
    "a", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no", "not", "of", "on", "or", "s", "such", "t", "that", "the",
    "their", "then", "there", "these", "they", "this", "to", "was", "will", "with", "www",
];

pub(super) fn letters(text: &str) -> Vec<Token> {
    runs(text, char::is_alphabetic)
}

pub(super) fn whitespace(text: &str) -> Vec<Token> {
    runs(text, |c| !c.is_whitespace())
}

pub(super) fn whole(text: &str) -> Vec<Token> {
    if text.is_empty() {
        return Vec::new();
    }
    vec![Token { text: text.to_owned(), position: 0, start: 0, end: text.len(), kind: TokenKind::Word }]
}

fn runs(text: &str, belongs: impl Fn(char) -> bool) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut begin: Option<usize> = None;
    let mut push = |start: usize, end: usize| {
        let position = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
        tokens.push(Token { text: text.get(start..end).unwrap_or("").to_owned(), position, start, end, kind: TokenKind::Word });
    };
    for (at, c) in text.char_indices() {
        match (belongs(c), begin) {
            (true, None) => begin = Some(at),
            (false, Some(start)) => {
                push(start, at);
                begin = None;
            }
            _ => {}
        }
    }
    if let Some(start) = begin {
        push(start, text.len());
    }
    tokens
}
