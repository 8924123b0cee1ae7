//! Analysis: text to tokens with positions. One implementation for indexing, for queries and for every store.

mod cjk;
mod porter;
mod standard;
mod words;

/// Longest token in characters; longer ones are cut, as the standard tokenizer does.
pub const TOKEN_MAX: usize = 255;
/// Positions between the values of a multi-valued text, so that phrases do not match across them.
pub const POSITION_GAP: u32 = 100;

/// What a token is made of, by the name `_analyze` gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Word,
    Alphanumeric,
    Number,
    Ideographic,
    Hiragana,
    Katakana,
    Hangul,
    SoutheastAsian,
    Emoji,
    /// Two characters, from the cjk analyser.
    Double,
    /// A character that found no neighbour in the cjk analyser.
    Single,
}

impl TokenKind {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TokenKind::Word => "word",
            TokenKind::Alphanumeric => "<ALPHANUM>",
            TokenKind::Number => "<NUM>",
            TokenKind::Ideographic => "<IDEOGRAPHIC>",
            TokenKind::Hiragana => "<HIRAGANA>",
            TokenKind::Katakana => "<KATAKANA>",
            TokenKind::Hangul => "<HANGUL>",
            TokenKind::SoutheastAsian => "<SOUTHEAST_ASIAN>",
            TokenKind::Emoji => "<EMOJI>",
            TokenKind::Double => "<DOUBLE>",
            TokenKind::Single => "<SINGLE>",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    /// Counted from 0; removed stop words leave a gap.
    pub position: u32,
    /// In bytes of the analysed text.
    pub start: usize,
    pub end: usize,
    pub kind: TokenKind,
}

/// The analysers that a mapping may name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Analyzer {
    #[default]
    Standard,
    Simple,
    Whitespace,
    Keyword,
    Stop,
    English,
    Cjk,
}

impl Analyzer {
    pub const ALL: [Analyzer; 7] =
        [Analyzer::Standard, Analyzer::Simple, Analyzer::Whitespace, Analyzer::Keyword, Analyzer::Stop, Analyzer::English, Analyzer::Cjk];

    #[must_use]
    pub fn named(name: &str) -> Option<Analyzer> {
        match name {
            "default" => Some(Analyzer::Standard),
            name => Analyzer::ALL.into_iter().find(|analyzer| analyzer.name() == name),
        }
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Analyzer::Standard => "standard",
            Analyzer::Simple => "simple",
            Analyzer::Whitespace => "whitespace",
            Analyzer::Keyword => "keyword",
            Analyzer::Stop => "stop",
            Analyzer::English => "english",
            Analyzer::Cjk => "cjk",
        }
    }

    #[must_use]
    pub fn analyze(self, text: &str) -> Vec<Token> {
        match self {
            Analyzer::Standard => lower(standard::tokenize(text)),
            Analyzer::Simple => lower(words::letters(text)),
            Analyzer::Whitespace => words::whitespace(text),
            Analyzer::Keyword => words::whole(text),
            Analyzer::Stop => without(lower(words::letters(text)), words::STOP_WORDS),
            Analyzer::English => english(text),
            Analyzer::Cjk => without(cjk::bigrams(lower(cjk::fold_width(standard::tokenize(text)))), words::CJK_STOP_WORDS),
        }
    }

    /// As a wildcard, a prefix or a regular expression on a text field is treated: lower-cased where the analyser does that,
    /// never cut into tokens.
    #[must_use]
    pub fn normalize(self, text: &str) -> String {
        match self {
            Analyzer::Whitespace | Analyzer::Keyword => text.to_owned(),
            _ => lowercase(text),
        }
    }
}

/// The `lowercase` normaliser of keyword fields, and the token filter: character by character, as Lucene does, so that the
/// length in characters stays.
#[must_use]
pub fn lowercase(text: &str) -> String {
    let lower = |c: char| {
        let mut lowered = c.to_lowercase();
        match (lowered.next(), lowered.next()) {
            (Some(one), None) => one,
            (Some(first), Some(_)) => first,
            (None, _) => c,
        }
    };
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.chars().map(lower).collect() }
}

fn lower(mut tokens: Vec<Token>) -> Vec<Token> {
    for token in &mut tokens {
        token.text = lowercase(&token.text);
    }
    tokens
}

fn without(mut tokens: Vec<Token>, stop: &[&str]) -> Vec<Token> {
    tokens.retain(|token| !stop.contains(&&*token.text));
    tokens
}

fn english(text: &str) -> Vec<Token> {
    let mut tokens = standard::tokenize(text);
    for token in &mut tokens {
        for ending in ["'s", "'S", "\u{2019}s", "\u{2019}S", "\u{ff07}s", "\u{ff07}S"] {
            if let Some(owner) = token.text.strip_suffix(ending) {
                token.text = owner.to_owned();
                break;
            }
        }
    }
    let mut tokens = without(lower(tokens), words::STOP_WORDS);
    for token in &mut tokens {
        token.text = porter::stem(&token.text);
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(analyzer: Analyzer, text: &str) -> Vec<String> {
        analyzer.analyze(text).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn standard_cuts_where_the_reference_does() {
        for (text, expected) in [
            ("The QUICK brown-fox's 2 e-mails: a@b.com, 10.0.0.1 v2.3", "the quick brown fox's 2 e mails a b.com 10.0.0.1 v2.3"),
            ("bob_smith 1,234.5 v2.3.1 user's", "bob_smith 1,234.5 v2.3.1 user's"),
            ("OrderService.createOrder", "orderservice.createorder"),
            ("\u{201c}quoted\u{201d} NAÏVE", "quoted naïve"),
            ("支付失败，error日志 ﾊﾝｶｸ ひら カタカナ 한국어", "支 付 失 败 error 日 志 ﾊﾝｶｸ ひ ら カタカナ 한국어"),
            ("down \u{1f525} ok", "down \u{1f525} ok"),
            ("a-b_c d.e f/g", "a b_c d.e f g"),
            ("...!? --", ""),
        ] {
            assert_eq!(texts(Analyzer::Standard, text).join(" "), expected, "{text}");
        }
    }

    #[test]
    fn long_tokens_are_cut() {
        let tokens = Analyzer::Standard.analyze(&"x".repeat(600));
        assert_eq!(tokens.iter().map(|t| t.text.len()).collect::<Vec<_>>(), [255, 255, 90]);
        assert_eq!(tokens[2].position, 2);
    }

    #[test]
    fn the_other_analysers() {
        assert_eq!(texts(Analyzer::Simple, "Don't 42 stop_now"), ["don", "t", "stop", "now"]);
        assert_eq!(texts(Analyzer::Whitespace, "The QUICK\tbrown\nfox."), ["The", "QUICK", "brown", "fox."]);
        assert_eq!(texts(Analyzer::Keyword, "The QUICK fox"), ["The QUICK fox"]);
        assert_eq!(texts(Analyzer::English, "running runs happily foxes"), ["run", "run", "happili", "fox"]);
        let stop: Vec<_> = Analyzer::Stop.analyze("The fox is over it").into_iter().map(|t| (t.text, t.position)).collect();
        assert_eq!(stop, [("fox".to_owned(), 1), ("over".to_owned(), 3)]);
    }

    #[test]
    fn cjk_pairs_neighbours_and_folds_width() {
        let tokens = Analyzer::Cjk.analyze("支付失败 error 日志１２ 盘");
        let shown: Vec<_> = tokens.iter().map(|t| (t.text.as_str(), t.position, t.kind.name())).collect();
        assert_eq!(
            shown,
            [
                ("支付", 0, "<DOUBLE>"),
                ("付失", 1, "<DOUBLE>"),
                ("失败", 2, "<DOUBLE>"),
                ("error", 3, "<ALPHANUM>"),
                ("日志", 4, "<DOUBLE>"),
                ("12", 5, "<NUM>"),
                ("盘", 6, "<SINGLE>")
            ]
        );
    }

    proptest! {
        #[test]
        fn no_text_panics_and_offsets_lie_in_it(text in "\\PC{0,60}") {
            for analyzer in Analyzer::ALL {
                for token in analyzer.analyze(&text) {
                    prop_assert!(token.start <= token.end && text.get(token.start..token.end).is_some());
                }
            }
        }
    }
}
