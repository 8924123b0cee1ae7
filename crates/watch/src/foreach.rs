//! The elements that a `foreach` action runs for (spec watcher-api §5.3).

use watchbell_json::{Failure, Json};

use crate::{action::Foreach, evaluate::lookup};

impl Foreach {
    /// The payloads of the single runs: an object as it is, anything else wrapped. `model` is `{"ctx": …}` with the watch's
    /// payload.
    ///
    /// # Errors
    /// When the path leads to nothing, to no list, or to an empty one.
    pub fn payloads(&self, model: &Json) -> Result<Vec<Json>, Failure> {
        let path = &self.path;
        let found = lookup(model, path)?;
        match &found {
            Json::Null => Err(Failure::new("exception", format!("specified foreach object was null: [{path}]"))),
            Json::List(items) if items.is_empty() => {
                Err(Failure::new("exception", format!("foreach object [{path}] was an empty list, could not run any action")))
            }
            Json::List(items) => Ok(items.iter().take(self.max_iterations).map(payload).collect()),
            _ => Err(Failure::new("exception", format!("specified foreach object was not a an array/collection: [{path}]"))),
        }
    }
}

fn payload(item: &Json) -> Json {
    if matches!(item, Json::Map(_)) { item.clone() } else { Json::object().with("_value", item.clone()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    #[test]
    fn lists_give_payloads_and_all_else_an_exception() {
        let model = json!({"ctx": {"payload": {"l": [{"a": 1}, 2, null], "e": [], "s": "x"}}});
        let foreach = |path: &str, max_iterations| Foreach { path: path.into(), max_iterations };
        assert_eq!(foreach("ctx.payload.l", 100).payloads(&model), Ok(vec![json!({"a": 1}), json!({"_value": 2}), json!({"_value": null})]));
        assert_eq!(foreach("ctx.payload.l", 1).payloads(&model), Ok(vec![json!({"a": 1})]));
        for (path, reason) in [
            ("ctx.payload.gone", "specified foreach object was null: [ctx.payload.gone]"),
            ("ctx.payload.s", "specified foreach object was not a an array/collection: [ctx.payload.s]"),
            ("ctx.payload.e", "foreach object [ctx.payload.e] was an empty list, could not run any action"),
        ] {
            let failure = foreach(path, 100).payloads(&model).unwrap_err();
            assert_eq!((&*failure.kind, failure.reason_text()), ("exception", reason));
        }
    }
}
