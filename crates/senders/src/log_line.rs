//! The logging channel: a line in the server's log (spec watcher-parts §7.2).

use tracing::Level;
use watchbell_outbox::{Attempt, LogLine};
use watchbell_watch::action::LogLevel;

/// The logger of actions that name no category.
pub const DEFAULT_CATEGORY: &str = "watchbell.actions.logging";

/// A log line cannot fail.
pub(crate) fn deliver(line: &LogLine) -> Attempt {
    let category = line.category.as_deref().unwrap_or(DEFAULT_CATEGORY);
    let text = line.text.as_str();
    // the target of an event is fixed when the program is built, so a category of a watch is a field
    match level(line.level) {
        Level::ERROR => tracing::error!(target: DEFAULT_CATEGORY, category, "{text}"),
        Level::WARN => tracing::warn!(target: DEFAULT_CATEGORY, category, "{text}"),
        Level::INFO => tracing::info!(target: DEFAULT_CATEGORY, category, "{text}"),
        Level::DEBUG => tracing::debug!(target: DEFAULT_CATEGORY, category, "{text}"),
        Level::TRACE => tracing::trace!(target: DEFAULT_CATEGORY, category, "{text}"),
    }
    Attempt::delivered(None)
}

fn level(level: LogLevel) -> Level {
    match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;

    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<String>>>);

    struct Fields(String);

    impl Visit for Fields {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            self.0.push_str(&format!(" {field}={value:?}"));
        }
    }

    impl Subscriber for Heard {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            let mut fields = Fields(String::new());
            event.record(&mut fields);
            self.0.lock().unwrap().push(format!("{} {}{}", event.metadata().level(), event.metadata().target(), fields.0));
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn lines_come_out_at_their_level_with_their_category() {
        let heard = Heard::default();
        tracing::subscriber::with_default(heard.clone(), || {
            for (level, category) in
                [(LogLevel::Error, None), (LogLevel::Warn, Some("ops")), (LogLevel::Info, None), (LogLevel::Debug, None), (LogLevel::Trace, None)]
            {
                let line = LogLine { level, category: category.map(Into::into), text: "告警 {} 1".into() };
                assert!(deliver(&line).outcome.is_delivered());
            }
        });
        let lines = heard.0.lock().unwrap().clone();
        assert_eq!(lines[1], "WARN watchbell.actions.logging message=告警 {} 1 category=\"ops\"");
        let levels: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(levels, ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"]);
        assert!(lines[0].contains("category=\"watchbell.actions.logging\""));
    }
}
