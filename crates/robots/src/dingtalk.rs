//! The DingTalk custom robot (spec robots §1, §5.1).

mod account;
mod answer;
mod keyword;
mod message;
mod prepare;
pub mod sign;

pub use account::{Account, AccountError, AllowedHosts, OWN_HOST, SEND_PATH, SignedUrl, Webhook};
pub use answer::{Answer, Reading, classify, meaning};
pub use keyword::{KEYWORD_BYTES_MAX, KEYWORDS_MAX, KeywordError, Keywords};
pub use message::{ERRCODE_FIELD, ERRCODE_JSON, ERRCODE_SIZE, ERRCODE_TYPE, Invalid, Kind, Message};
pub use prepare::{BODY_BYTES_MAX, Prepared, Unfit};
