//! Dotted paths as conditions, `foreach` and `list_path` resolve them (spec watcher-parts §6).

use crate::Json;

/// Why a path could not be followed; a missing value is no error but [`Json::Null`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathError {
    /// A list index beyond its end or below zero: the reference throws here instead of finding nothing.
    IndexOutOfBounds { index: i64, length: usize },
}

impl std::fmt::Display for PathError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PathError::IndexOutOfBounds { index, length } => write!(f, "Index {index} out of bounds for length {length}"),
        }
    }
}

impl std::error::Error for PathError {}

/// The parts of a dotted path; trailing empty parts are dropped, as Java's `split` does.
#[must_use]
pub fn split_path(path: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = path.split('.').collect();
    while parts.last().is_some_and(|part| part.is_empty()) {
        parts.pop();
    }
    parts
}

impl Json {
    /// The value at a dotted path: members by name, list elements by index. Missing is [`Json::Null`].
    ///
    /// # Errors
    /// [`PathError::IndexOutOfBounds`] for a list index that does not exist.
    pub fn path(&self, path: &str) -> Result<Json, PathError> {
        let mut value = self;
        for part in split_path(path) {
            value = match value {
                Json::Map(map) => match map.get(part) {
                    Some(value) => value,
                    None => return Ok(Json::Null),
                },
                Json::List(items) => {
                    let Ok(index) = part.parse::<i32>() else { return Ok(Json::Null) };
                    let index = i64::from(index);
                    match usize::try_from(index).ok().and_then(|at| items.get(at)) {
                        Some(value) => value,
                        None => return Err(PathError::IndexOutOfBounds { index, length: items.len() }),
                    }
                }
                _ => return Ok(Json::Null),
            };
        }
        Ok(value.clone())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Json, PathError, json};

    #[test]
    fn follows_members_and_indices() {
        let value = json!({"hits": {"hits": [{"_source": {"x": 1}}], "total": 3}, "s": "t"});
        assert_eq!(value.path("hits.hits.0._source.x"), Ok(Json::Int(1)));
        assert_eq!(value.path("hits.total.x"), Ok(Json::Null));
        assert_eq!(value.path("hits.hits.first"), Ok(Json::Null));
        assert_eq!(value.path("hits.hits.1"), Err(PathError::IndexOutOfBounds { index: 1, length: 1 }));
        assert_eq!(value.path("hits.hits.-1"), Err(PathError::IndexOutOfBounds { index: -1, length: 1 }));
        assert_eq!(value.path("s."), Ok(Json::from("t")));
        assert_eq!(value.path(""), Ok(value.clone()));
    }
}
