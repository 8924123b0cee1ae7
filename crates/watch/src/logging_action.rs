//! The logging action (spec watcher-parts §7.2).

use watchbell_json::{Failure, Json, token_name};

use crate::{ActionId, WatchId, template::TextTemplate};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }

    /// In any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<LogLevel> {
        [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace].into_iter().find(|level| level.name().eq_ignore_ascii_case(text))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct LoggingAction {
    pub text: TextTemplate,
    pub level: LogLevel,
    pub category: Option<String>,
}

impl LoggingAction {
    pub(crate) fn parse(watch: &WatchId, id: &ActionId, value: &Json) -> Result<LoggingAction, Failure> {
        let broken = |what: String| Failure::parse(format!("failed to parse [logging] action [{watch}/{id}]. {what}"));
        let Json::Map(map) = value else {
            return Err(broken(format!("expected an object but found [{}] instead", token_name(value))));
        };
        let (mut text, mut level, mut category) = (None, LogLevel::Info, None);
        for (field, value) in map.iter() {
            let string = || value.as_str().ok_or_else(|| broken(format!("unexpected token [{}] for field [{field}]", token_name(value))));
            match &**field {
                "text" => text = Some(TextTemplate::parse(value).map_err(|cause| broken("failed to parse [text] field".into()).caused_by(cause))?),
                "level" => {
                    let name = string()?;
                    level = LogLevel::parse(name).ok_or_else(|| broken(format!("unknown logging level [{name}]")))?;
                }
                "category" => category = Some(string()?.to_owned()),
                unknown => return Err(broken(format!("unexpected field [{unknown}]"))),
            }
        }
        let text = text.ok_or_else(|| broken("missing required [text] field".into()))?;
        Ok(LoggingAction { text, level, category })
    }

    pub(crate) fn to_json(&self) -> Json {
        Json::object().with_some("category", self.category.as_deref()).with("level", self.level.name()).with("text", self.text.0.clone())
    }
}
