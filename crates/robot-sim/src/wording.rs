//! What the robot says when it refuses, in all its dialects (spec robots §1.8, §1.9).

use std::net::IpAddr;

use crate::robot::Dialect;

/// The appendix of the texts of 2020.
const MORE: &str = ", more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]";

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoSuchPath,
    TooFastPerMinute,
    TooFast,
    TooFastDocumented,
    TooFastEdge,
    UnknownToken {
        legacy: bool,
    },
    Disabled,
    Dissolved,
    Absent,
    QuotaUsed,
    ContentType,
    TooLarge,
    NotJson,
    Address(IpAddr),
    Timestamp,
    Sign,
    MessageType,
    MissingField(String),
    Keyword,
    Content {
        errcode: i64,
    },
    /// A code nobody knows, for tests of the unknown.
    Unheard,
}

impl Refusal {
    pub(crate) fn errcode(&self) -> i64 {
        match self {
            Refusal::NoSuchPath => 404,
            Refusal::TooFastPerMinute => 660_026,
            Refusal::TooFast | Refusal::TooFastEdge => 130_101,
            Refusal::TooFastDocumented => 410_100,
            Refusal::UnknownToken { legacy: true } => 300_001,
            Refusal::UnknownToken { legacy: false } => 300_005,
            Refusal::Disabled => 400_102,
            Refusal::Dissolved => 400_013,
            Refusal::Absent => 400_106,
            Refusal::QuotaUsed => 90_030,
            Refusal::ContentType => 43_004,
            Refusal::TooLarge => 460_101,
            Refusal::NotJson => 40_035,
            Refusal::Address(_) | Refusal::Timestamp | Refusal::Sign | Refusal::Keyword => 310_000,
            Refusal::MessageType => 400_105,
            Refusal::MissingField(_) => 400_403,
            Refusal::Content { errcode } => *errcode,
            Refusal::Unheard => 987_654,
        }
    }

    pub(crate) fn errmsg(&self, dialect: Dialect) -> String {
        match self {
            Refusal::NoSuchPath => "请求的URI地址不存在".to_owned(),
            Refusal::TooFastPerMinute => "sending too many messages per minute".to_owned(),
            Refusal::TooFast | Refusal::TooFastEdge => "send too fast, exceed 20 times per minute".to_owned(),
            Refusal::TooFastDocumented => "发送速度太快而限流".to_owned(),
            Refusal::UnknownToken { .. } => "token is not exist".to_owned(),
            Refusal::Disabled => "机器人已停用".to_owned(),
            Refusal::Dissolved => "群已被解散".to_owned(),
            Refusal::Absent => "机器人不存在".to_owned(),
            Refusal::QuotaUsed => "webhook over limit".to_owned(),
            Refusal::ContentType => "无效的HTTP HEADER Content-Type".to_owned(),
            Refusal::TooLarge => described(dialect, "message too long, exceed 20000 bytes", "body 大小不合法", "请保持大小在 20000bytes 以内"),
            Refusal::NotJson => "缺少参数 json".to_owned(),
            Refusal::Address(peer) => old_only(dialect, &format!("ip {peer} not in whitelist")),
            Refusal::Timestamp => old_only(dialect, "invalid timestamp"),
            Refusal::Sign => described(
                dialect,
                "sign not match",
                "机器人发送签名不匹配",
                "请确认签名和生成签名的时间戳timestamp必须都放在调用的网址中，请确认机器人的密钥加密和填写正确",
            ),
            Refusal::MessageType => "不支持的消息类型".to_owned(),
            Refusal::MissingField(path) => match dialect {
                Dialect::Year2019 | Dialect::Year2020 | Dialect::FormA => format!("miss param : {path}"),
                Dialect::FormB => format!("错误描述:参数 {} 缺失，或者参数格式不正确;", path.replace("->", " --》 ")),
            },
            Refusal::Keyword => {
                described(dialect, "keywords not in content", "关键词不匹配", "请联系群管理员查看此机器人的关键词，并在发送的信息中包含此关键词")
            }
            Refusal::Content { errcode } => match errcode {
                430_101 => "包含不安全的外链",
                430_102 => "包含不合适的文本",
                430_103 => "包含不合适的图片",
                _ => "包含不合适的内容",
            }
            .to_owned(),
            Refusal::Unheard => "an error nobody has heard of".to_owned(),
        }
    }
}

/// Texts that exist in both old and new forms.
fn described(dialect: Dialect, old: &str, description: &str, solution: &str) -> String {
    match dialect {
        Dialect::Year2019 => old.to_owned(),
        Dialect::Year2020 => format!("{old}{MORE}"),
        Dialect::FormA => format!("description:{description};solution:{solution};"),
        Dialect::FormB => format!("错误描述:{description};解决方案:{solution};"),
    }
}

/// Texts whose new forms nobody has recorded: the form of 2020 stands in.
fn old_only(dialect: Dialect, old: &str) -> String {
    match dialect {
        Dialect::Year2019 => old.to_owned(),
        Dialect::Year2020 | Dialect::FormA | Dialect::FormB => format!("{old}{MORE}"),
    }
}
