//! Settings as they were written: dotted names to text, from the file, `${ENV}`, `<name>_file` and `-E`.

use std::collections::BTreeMap;
use std::path::Path;

use super::SettingsError;

/// Largest settings file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A value: one text, or a list of them. Its `Debug` form is for tests; settings are never logged with their values.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value {
    One(String),
    Many(Vec<String>),
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Value::One(_) => "One(…)",
            Value::Many(_) => "Many(…)",
        })
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    values: BTreeMap<String, Value>,
}

impl Written {
    /// Reads the file, if one is given, and puts the overrides on top.
    pub(crate) fn read(file: Option<&Path>, overrides: &[String]) -> Result<Written, SettingsError> {
        let mut written = match file {
            Some(path) => Written::from_yaml(&read_text(path)?, &path.display().to_string())?,
            None => Written::default(),
        };
        for pair in overrides {
            let (name, value) = pair.split_once('=').ok_or_else(|| SettingsError::Override(pair.clone()))?;
            written.set(name.trim(), value);
        }
        written.resolve()
    }

    pub(crate) fn from_yaml(text: &str, path: &str) -> Result<Written, SettingsError> {
        // a quoted line of the file may hold a secret
        let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
        let tree: Option<serde_json::Value> =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| SettingsError::Yaml { path: path.to_owned(), reason: error.to_string() })?;
        let mut written = Written::default();
        match tree {
            None | Some(serde_json::Value::Null) => {}
            Some(serde_json::Value::Object(members)) => {
                for (name, value) in members {
                    written.flatten(&name, value)?;
                }
            }
            Some(_) => return Err(SettingsError::Yaml { path: path.to_owned(), reason: "expected settings as `name: value`".to_owned() }),
        }
        Ok(written)
    }

    fn flatten(&mut self, name: &str, value: serde_json::Value) -> Result<(), SettingsError> {
        use serde_json::Value as Yaml;
        let value = match value {
            Yaml::Object(members) => {
                for (member, value) in members {
                    self.flatten(&format!("{name}.{member}"), value)?;
                }
                return Ok(());
            }
            Yaml::Array(items) => Value::Many(items.iter().map(|item| scalar(name, item)).collect::<Result<_, _>>()?),
            one => Value::One(scalar(name, &one)?),
        };
        match self.values.insert(name.to_owned(), value) {
            None => Ok(()),
            Some(_) => Err(SettingsError::invalid(name, "is written twice, nested and dotted")),
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let value = match value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(list) => Value::Many(list.split(',').map(|item| item.trim().trim_matches('"').to_owned()).filter(|item| !item.is_empty()).collect()),
            None => Value::One(value.to_owned()),
        };
        self.values.insert(name.to_owned(), value);
    }

    /// `${NAME}` and `${NAME:default}` become the environment's text, `<name>_file` becomes `<name>` with the file's text.
    fn resolve(self) -> Result<Written, SettingsError> {
        let mut resolved = BTreeMap::new();
        for (name, value) in self.values {
            let value = match value {
                Value::One(text) => Value::One(expand(&name, &text)?),
                Value::Many(items) => Value::Many(items.iter().map(|item| expand(&name, item)).collect::<Result<_, _>>()?),
            };
            match (name.strip_suffix("_file"), value) {
                (Some(real), Value::One(path)) if super::known::takes_file(real) => {
                    let text = read_text(Path::new(&path))?;
                    resolved.insert(real.to_owned(), Value::One(text.trim_end_matches(['\r', '\n']).to_owned()));
                }
                (_, value) => {
                    resolved.insert(name, value);
                }
            }
        }
        Ok(Written { values: resolved })
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, SettingsError> {
        match self.values.get(name) {
            None => Ok(None),
            Some(Value::One(text)) => Ok(Some(text)),
            Some(Value::Many(_)) => Err(SettingsError::invalid(name, "takes one value, not a list")),
        }
    }

    /// A list, or one text with commas.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<String>> {
        match self.values.get(name)? {
            Value::Many(items) => Some(items.clone()),
            Value::One(text) => Some(text.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()),
        }
    }

    pub(crate) fn parsed<T: std::str::FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, SettingsError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        text.trim().parse().map(Some).map_err(|_| SettingsError::invalid(name, format!("[{text}] is not {expected}")))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, SettingsError> {
        match self.text(name)? {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(SettingsError::invalid(name, format!("[{other}] is not true or false"))),
        }
    }

    /// The names one level below `prefix.`: accounts, clusters.
    pub(crate) fn children(&self, prefix: &str) -> Vec<String> {
        let mut names: Vec<String> = self
            .values
            .keys()
            .filter_map(|name| name.strip_prefix(prefix)?.strip_prefix('.'))
            .filter_map(|rest| rest.split_once('.').map(|(child, _)| child.to_owned()))
            .collect();
        names.dedup();
        names
    }
}

fn scalar(name: &str, value: &serde_json::Value) -> Result<String, SettingsError> {
    match value {
        serde_json::Value::String(text) => Ok(text.clone()),
        serde_json::Value::Bool(value) => Ok(value.to_string()),
        serde_json::Value::Number(value) => Ok(value.to_string()),
        serde_json::Value::Null => Ok(String::new()),
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => Err(SettingsError::invalid(name, "takes a value or a list of values")),
    }
}

fn read_text(path: &Path) -> Result<String, SettingsError> {
    let unreadable = |error| SettingsError::Unreadable { path: path.display().to_string(), error };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > FILE_BYTES_MAX {
        return Err(unreadable(std::io::Error::other(format!("{size} bytes, more than {FILE_BYTES_MAX} allowed"))));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

#[expect(clippy::disallowed_methods, reason = "settings are the door to the environment")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn expand(setting: &str, text: &str) -> Result<String, SettingsError> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, tail) = after.split_once('}').ok_or_else(|| SettingsError::invalid(setting, "has ${ without }"))?;
        let (name, default) = match name.split_once(':') {
            Some((name, default)) => (name, Some(default.to_owned())),
            None => (name, None),
        };
        let value = environment(name).or(default);
        out.push_str(before);
        out.push_str(&value.ok_or_else(|| SettingsError::invalid(setting, format!("the environment has no ${{{name}}}")))?);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_and_dotted_names_are_the_same() {
        let written =
            Written::from_yaml("http:\n  port: 9280\nxpack.watcher.enabled: false\nwatchbell:\n  relay.allow: [10.0.0.0/8, 127.0.0.1]\n", "test").unwrap();
        assert_eq!(written.text("http.port").unwrap(), Some("9280"));
        assert_eq!(written.flag("xpack.watcher.enabled").unwrap(), Some(false));
        assert_eq!(written.list("watchbell.relay.allow").unwrap(), ["10.0.0.0/8", "127.0.0.1"]);
        assert!(Written::from_yaml("a.b: 1\na:\n  b: 2\n", "test").is_err());
        assert!(Written::from_yaml("- a\n", "test").is_err());
        assert!(Written::from_yaml("", "test").unwrap().values.is_empty());
    }

    #[test]
    fn errors_in_the_file_name_the_place_and_quote_nothing() {
        for yaml in [
            "secure_webhook: \"https://x/?access_token=CANARY\nb: [",
            "a:\n  b:\n    secure_webhook: https://x/?access_token=CANARY: yes: no\n   c: 1",
            "a: &x CANARY\nb: *y",
            "secure_webhook: !!int CANARY",
            "- CANARY",
            "CANARY",
        ] {
            let error = Written::from_yaml(yaml, "watchbell.yml").unwrap_err().to_string();
            assert!(error.starts_with("watchbell.yml is no valid YAML: ") && !error.contains("CANARY"), "{error}");
        }
        let error = Written::from_yaml("a: 1\nb: \"x", "watchbell.yml").unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }

    #[test]
    fn the_environment_is_put_in_or_missed() {
        assert_eq!(expand("s", "a${WATCHBELL_SURELY_UNSET:x}b").unwrap(), "axb");
        let error = expand("s", "${WATCHBELL_SURELY_UNSET}").unwrap_err().to_string();
        assert_eq!(error, "setting [s]: the environment has no ${WATCHBELL_SURELY_UNSET}");
    }

    #[test]
    fn overrides_win_and_lists_are_written_in_brackets() {
        let written = Written::read(None, &["http.port=1".to_owned(), "a=[x, y]".to_owned()]).unwrap();
        assert_eq!(written.text("http.port").unwrap(), Some("1"));
        assert_eq!(written.list("a").unwrap(), ["x", "y"]);
        assert!(Written::read(None, &["nonsense".to_owned()]).is_err());
    }
}
