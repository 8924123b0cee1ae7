//! Custom keywords: a robot refuses a message that contains none of its own (spec robots §1.2, §6.5).
//!
//! The check is made on the final strings, byte-exact and case-sensitive, because escaping and templates change texts.

use super::message::Message;

/// A robot has at most so many keywords.
pub const KEYWORDS_MAX: usize = 10;

/// Longer keywords are a mistake: one must leave room for a message.
pub const KEYWORD_BYTES_MAX: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeywordError {
    Empty,
    LineBreak,
    TooLong,
    TooMany,
}

impl std::fmt::Display for KeywordError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            KeywordError::Empty => f.write_str("a keyword is empty"),
            KeywordError::LineBreak => f.write_str("a keyword contains a line break or another control character"),
            KeywordError::TooLong => write!(f, "a keyword has more than {KEYWORD_BYTES_MAX} bytes"),
            KeywordError::TooMany => write!(f, "a robot has at most {KEYWORDS_MAX} keywords"),
        }
    }
}

/// The keywords of a robot; none means that the robot does not check them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keywords(Vec<String>);

impl Keywords {
    /// # Errors
    /// [`KeywordError`].
    pub fn new(words: impl IntoIterator<Item = impl Into<String>>) -> Result<Keywords, KeywordError> {
        let words: Vec<String> = words.into_iter().map(Into::into).collect();
        for word in &words {
            match word {
                word if word.trim().is_empty() => return Err(KeywordError::Empty),
                word if word.chars().any(char::is_control) => return Err(KeywordError::LineBreak),
                word if word.len() > KEYWORD_BYTES_MAX => return Err(KeywordError::TooLong),
                _ => {}
            }
        }
        if words.len() > KEYWORDS_MAX { Err(KeywordError::TooMany) } else { Ok(Keywords(words)) }
    }

    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.0
    }

    /// Whether the robot would let the message pass.
    #[must_use]
    pub fn pass(&self, message: &Message) -> bool {
        self.0.is_empty() || message.keyword_fields().iter().any(|text| self.0.iter().any(|word| text.contains(word.as_str())))
    }

    /// Puts the first keyword in front of title and text if none is there. Says whether it did.
    pub fn ensure(&self, message: &mut Message) -> bool {
        let Some(word) = self.0.first() else {
            return false;
        };
        if self.pass(message) {
            return false;
        }
        let markdown = message.kind().is_markdown();
        message.edit_title(|title| format!("【{word}】{title}"));
        message.edit_text(|text| match markdown {
            true => format!("【{}】{}{text}", markdown_literal(word), if starts_block(text) { "\n\n" } else { "" }),
            false => format!("【{word}】{text}"),
        });
        true
    }
}

/// A word with markdown's own signs goes into a code span, which keeps it as it is.
fn markdown_literal(word: &str) -> String {
    if word.contains(['_', '*', '[', ']']) && !word.contains('`') { format!("`{word}`") } else { word.to_owned() }
}

/// Whether markdown reads the text's first line as something that something in front of it would undo.
fn starts_block(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.starts_with(['#', '>', '-', '*', '+', '!']) || digits > 0 && text[digits..].starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::{Json, json};

    fn keywords(words: &[&str]) -> Keywords {
        Keywords::new(words.iter().copied()).unwrap()
    }

    #[track_caller]
    fn ensured(words: &[&str], body: &Json) -> Json {
        let mut message = Message::parse(body).unwrap();
        let words = keywords(words);
        let changed = words.ensure(&mut message);
        assert!(words.pass(&message), "{}", message.body());
        assert_eq!(changed, message.body() != body);
        message.body().clone()
    }

    #[test]
    fn a_message_with_a_keyword_in_title_or_text_stays_as_it_is() {
        for body in [
            json!({"msgtype": "text", "text": {"content": "Please fix the error log"}}),
            json!({"msgtype": "markdown", "markdown": {"title": "error", "text": "x"}}),
            json!({"msgtype": "feedCard", "feedCard": {"links": [{"title": "a", "messageURL": "b", "picURL": "c"}, {"title": "error", "messageURL": "b", "picURL": "c"}]}}),
        ] {
            assert_eq!(ensured(&["nothing", "error"], &body), body);
            assert_eq!(ensured(&[], &body), body);
        }
    }

    #[test]
    fn case_counts_and_urls_and_mentions_do_not() {
        assert_eq!(
            ensured(&["Error"], &json!({"msgtype": "text", "text": {"content": "error"}, "at": {"atUserIds": ["Error"]}})).at(&["text", "content"]),
            Some(&Json::from("【Error】error"))
        );
        let link = ensured(&["告警"], &json!({"msgtype": "link", "link": {"title": "t", "text": "x", "messageUrl": "https://a/告警"}}));
        assert_eq!((link.at(&["link", "title"]), link.at(&["link", "text"])), (Some(&Json::from("【告警】t")), Some(&Json::from("【告警】x"))));
    }

    #[test]
    fn markdown_keeps_its_first_block_and_the_keyword_its_letters() {
        let text = |words: &[&str], text: &str| {
            let body = ensured(words, &json!({"msgtype": "markdown", "markdown": {"title": "t", "text": text}}));
            body.at(&["markdown", "text"]).and_then(Json::as_str).unwrap().to_owned()
        };
        assert_eq!(text(&["告警"], "# head"), "【告警】\n\n# head");
        assert_eq!(text(&["告警"], "1. one"), "【告警】\n\n1. one");
        assert_eq!(text(&["告警"], "2026 was"), "【告警】2026 was");
        assert_eq!(text(&["disk_full"], "x"), "【`disk_full`】x");
    }

    #[test]
    fn bad_keywords_are_errors_of_the_configuration() {
        assert_eq!(Keywords::new(["a", " "]), Err(KeywordError::Empty));
        assert_eq!(Keywords::new(["a\nb"]), Err(KeywordError::LineBreak));
        assert_eq!(Keywords::new(["a".repeat(257)]), Err(KeywordError::TooLong));
        assert_eq!(Keywords::new(vec!["a"; 11]), Err(KeywordError::TooMany));
    }
}
