//! From a valid message to the bytes that are posted (spec robots §6.1): mentions, keyword, size.
//!
//! Preparing twice gives the same bytes: a repeat after an unknown outcome must be the same message.

use sha2::{Digest as _, Sha256};
use watchbell_json::Json;

use super::account::Account;
use super::message::{ERRCODE_SIZE, Invalid, Message};
use crate::truncate::{truncate, truncate_markdown};

/// DingTalk refuses bodies above 20,000 bytes; which bytes it counts is not documented, so some room is left.
pub const BODY_BYTES_MAX: usize = 19_500;

/// Rounds of cutting: each removes at least what was too much, one is enough unless the cut removed the keyword.
const CUTS_MAX: usize = 4;

/// A message ready to be posted.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    pub message: Message,
    /// UTF-8 JSON without ASCII escapes, which would double Chinese text.
    pub bytes: String,
    pub keyword_added: bool,
    pub truncated: bool,
}

/// Why a message cannot be made to pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    Invalid(Invalid),
    TooLarge { bytes: usize },
}

impl Unfit {
    /// The code DingTalk itself would answer.
    #[must_use]
    pub fn errcode(&self) -> i64 {
        match self {
            Unfit::Invalid(invalid) => invalid.errcode(),
            Unfit::TooLarge { .. } => ERRCODE_SIZE,
        }
    }
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unfit::Invalid(invalid) => invalid.fmt(f),
            Unfit::TooLarge { bytes } => write!(f, "message too long: {bytes} bytes, {BODY_BYTES_MAX} are sent at most, and there is no text to cut"),
        }
    }
}

impl std::error::Error for Unfit {}

impl Account {
    /// Checks the message and completes it for this robot. With a `key` the message carries a `msgUuid` that stands for this
    /// key and this message, so that a repeat after a time-out is not shown twice.
    ///
    /// # Errors
    /// [`Unfit`]: it can never pass.
    pub fn prepare(&self, body: &Json, key: Option<&str>) -> Result<Prepared, Unfit> {
        let message = Message::parse(body).map_err(Unfit::Invalid)?;
        let whole = message.text().map_or(0, str::len);
        let mut room = whole;
        let mut prepared = self.compose(&message, room, key);
        for _ in 0..CUTS_MAX {
            let excess = prepared.bytes.len().saturating_sub(BODY_BYTES_MAX);
            if excess == 0 {
                return Ok(prepared);
            }
            if room == 0 || message.kind().text_field().is_none() {
                break;
            }
            // a byte of text is at least a byte of JSON, so this removes enough
            room = room.saturating_sub(excess);
            prepared = self.compose(&message, room, key);
            prepared.truncated = true;
        }
        if prepared.bytes.len() <= BODY_BYTES_MAX {
            return Ok(prepared);
        }
        Err(Unfit::TooLarge { bytes: prepared.bytes.len() })
    }

    fn compose(&self, message: &Message, text_bytes_max: usize, key: Option<&str>) -> Prepared {
        let mut message = message.clone();
        let markdown = message.kind().is_markdown();
        message.edit_text(|text| if markdown { truncate_markdown(text, text_bytes_max) } else { truncate(text, text_bytes_max) });
        ensure_mentions(&mut message);
        let keyword_added = self.keywords().ensure(&mut message);
        if let Some(key) = key
            && message.body().get("msgUuid").is_none()
        {
            let uuid = msg_uuid(key, message.body());
            message.set("msgUuid", uuid);
        }
        Prepared { bytes: message.body().to_string(), message, keyword_added, truncated: false }
    }
}

/// A mention reaches somebody for certain only if the person is listed in `at` and named in the text.
fn ensure_mentions(message: &mut Message) {
    if !message.kind().takes_mentions() {
        return;
    }
    let text = message.text().unwrap_or_default();
    let missing: Vec<String> = message.listed_mentions().into_iter().filter(|mention| !names(text, mention)).collect();
    if !missing.is_empty() {
        let separator = if message.kind().is_markdown() { "\n\n" } else { "\n" };
        let missing = missing.join(" ");
        message.edit_text(|text| format!("{text}{separator}{missing}"));
    }
}

/// Whether the text has the mention as a whole word: `@138` is not in `@13800000000`.
fn names(text: &str, mention: &str) -> bool {
    text.match_indices(mention).any(|(at, _)| !text[at + mention.len()..].starts_with(|c: char| c.is_ascii_alphanumeric()))
}

/// The same for the same key and message, another one as soon as the message was repaired.
fn msg_uuid(key: &str, body: &Json) -> String {
    let mut hash = Sha256::new();
    hash.update((key.len() as u64).to_le_bytes());
    hash.update(key.as_bytes());
    hash.update(body.to_string().as_bytes());
    let hex: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dingtalk::AllowedHosts;
    use watchbell_json::json;

    fn account(keywords: &[&str]) -> Account {
        Account::new("ops", "token0123", None, keywords.iter().copied(), &AllowedHosts::default()).unwrap()
    }

    #[test]
    fn a_message_in_order_is_sent_as_written() {
        let body = json!({"msgtype": "text", "text": {"content": "An error log has appeared. 请尽快处理"}});
        let prepared = account(&["error"]).prepare(&body, None).unwrap();
        assert_eq!(prepared.bytes, r#"{"msgtype":"text","text":{"content":"An error log has appeared. 请尽快处理"}}"#);
        assert_eq!((prepared.keyword_added, prepared.truncated), (false, false));
    }

    #[test]
    fn long_chinese_text_is_cut_to_the_limit_with_keyword_and_mentions_kept() {
        let text = "磁盘\"满\"了\n".repeat(3000);
        for body in [
            json!({"msgtype": "text", "text": {"content": text}, "at": {"atMobiles": ["13800000000"]}}),
            json!({"msgtype": "markdown", "markdown": {"title": "t", "text": text}, "at": {"atMobiles": ["13800000000"]}}),
        ] {
            let prepared = account(&["告警"]).prepare(&body, Some("k")).unwrap();
            assert!(prepared.bytes.len() <= BODY_BYTES_MAX && prepared.bytes.len() > BODY_BYTES_MAX * 3 / 5, "{}", prepared.bytes.len());
            assert!(prepared.truncated && prepared.keyword_added);
            let text = prepared.message.text().unwrap();
            assert!(text.starts_with("【告警】") && text.contains("已截断，共") && text.ends_with("@13800000000"), "{text}");
            assert_eq!(Json::parse(prepared.bytes.as_bytes()).as_ref(), Ok(prepared.message.body()));
        }
    }

    #[test]
    fn a_keyword_that_the_cut_removes_is_put_back() {
        let body = json!({"msgtype": "text", "text": {"content": format!("{}告警", "x".repeat(30_000))}});
        let prepared = account(&["告警"]).prepare(&body, None).unwrap();
        assert!(prepared.bytes.len() <= BODY_BYTES_MAX && prepared.keyword_added && prepared.truncated);
    }

    #[test]
    fn what_cannot_be_cut_is_too_large() {
        let body = json!({"msgtype": "text", "text": {"content": "a"}, "extra": "x".repeat(BODY_BYTES_MAX)});
        let error = account(&[]).prepare(&body, None).unwrap_err();
        assert_eq!(error.errcode(), 460_101);
        let links = vec![json!({"title": "t".repeat(7000), "messageURL": "u", "picURL": "p"}); 3];
        let feed = Json::object().with("msgtype", "feedCard").with("feedCard", Json::object().with("links", links));
        assert!(matches!(account(&[]).prepare(&feed, None), Err(Unfit::TooLarge { .. })));
    }

    #[test]
    fn people_in_at_are_named_in_the_text_once() {
        let body = json!({"msgtype": "markdown", "markdown": {"title": "t", "text": "hi @138, x"}, "at": {"atMobiles": ["138", 139], "atUserIds": ["zhang"]}});
        let prepared = account(&[]).prepare(&body, None).unwrap();
        assert_eq!(prepared.message.text(), Some("hi @138, x\n\n@139 @zhang"));
        assert_eq!(account(&[]).prepare(prepared.message.body(), None).unwrap().bytes, prepared.bytes);
        assert!(!names("@13800000000", "@138"));
    }

    #[test]
    fn the_idempotency_key_stands_for_one_key_and_one_message() {
        let uuid = |key, text: &str, words: &[&str]| {
            let prepared = account(words).prepare(&json!({"msgtype": "text", "text": {"content": text}}), Some(key)).unwrap();
            prepared.message.body().get("msgUuid").and_then(Json::as_str).unwrap().to_owned()
        };
        assert_eq!(uuid("k", "a", &[]), uuid("k", "a", &[]));
        assert_eq!(uuid("k", "a", &[]).len(), 36);
        assert_ne!(uuid("k", "a", &[]), uuid("l", "a", &[]));
        assert_ne!(uuid("k", "a", &[]), uuid("k", "a", &["b"]), "a repaired message is another one");
        let own = account(&[]).prepare(&json!({"msgtype": "text", "text": {"content": "a"}, "msgUuid": "mine"}), Some("k")).unwrap();
        assert_eq!(own.message.body().get("msgUuid").and_then(Json::as_str), Some("mine"));
    }

    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_is_written_fits_names_its_keyword_and_stays_as_prepared(
            text in "(\\PC|[\u{0}-\u{1f}]|[\n 中🇨🇳\"\\\\`*<\\[@#>]){1,60}",
            repeat in 1_usize..600,
            markdown in any::<bool>(),
            mobile in "[0-9]{0,11}",
        ) {
            let text = text.repeat(repeat);
            let body = match markdown {
                true => json!({"msgtype": "markdown", "markdown": {"title": "t", "text": text}, "at": {"atMobiles": [mobile]}}),
                false => json!({"msgtype": "text", "text": {"content": text}, "at": {"atMobiles": [mobile]}}),
            };
            let account = account(&["告_警"]);
            let prepared = account.prepare(&body, None).unwrap();
            prop_assert!(prepared.bytes.len() <= BODY_BYTES_MAX);
            prop_assert!(account.keywords().pass(&prepared.message));
            prop_assert_eq!(&Json::parse(prepared.bytes.as_bytes()).unwrap(), prepared.message.body());
            let again = account.prepare(prepared.message.body(), None).unwrap();
            prop_assert_eq!((again.bytes, again.keyword_added, again.truncated), (prepared.bytes, false, false));
        }
    }
}
