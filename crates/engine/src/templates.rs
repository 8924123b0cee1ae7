//! The one place that renders templates (spec watcher-parts §7.1, §3.3).

use watchbell_json::{Failure, Json, Map};
use watchbell_mustache::{DateStyle, MediaType, Options, Template, split_prefix};
use watchbell_watch::template::TextTemplate;
use watchbell_watch::{DateText, Generation};

/// Renders as one generation of the reference does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Templates {
    options: Options,
}

impl Templates {
    pub(crate) fn of(generation: Generation) -> Templates {
        let date_style = match generation.date_text() {
            DateText::Millis => DateStyle::Millis,
            DateText::Java => DateStyle::Java8,
        };
        Templates { options: Options { date_style } }
    }

    /// A text field of an action: the template's own `params` lie at the root of the model, below `ctx`.
    ///
    /// # Errors
    /// What the template language throws; a stored template, which there is none of.
    pub(crate) fn text(self, template: &TextTemplate, model: &Json) -> Result<String, Failure> {
        let source = template.source().ok_or_else(|| no_such_template(template))?;
        let (media, text) = split_prefix(&source);
        if !Template::has_tags(text) {
            return Ok(text.to_owned());
        }
        match template.params() {
            Some(params) => self.render(text, media, &overlaid(params, model)),
            None => self.render(text, media, model),
        }
    }

    /// A search body: JSON text with JSON escaping; here `params` win over `ctx`.
    ///
    /// # Errors
    /// As [`Templates::text`].
    pub(crate) fn search_body(self, body: &Json, model: &Json) -> Result<String, Failure> {
        self.json(body.to_string(), None, model)
    }

    /// The same from a template of its own.
    ///
    /// # Errors
    /// As [`Templates::text`].
    pub(crate) fn search_template(self, template: &TextTemplate, model: &Json) -> Result<String, Failure> {
        let source = template.source().ok_or_else(|| no_such_template(template))?;
        self.json(source, template.params(), model)
    }

    fn json(self, source: String, params: Option<&Json>, model: &Json) -> Result<String, Failure> {
        if !Template::has_tags(&source) {
            return Ok(source);
        }
        match params {
            Some(params) => self.render(&source, MediaType::Json, &overlaid(model, params)),
            None => self.render(&source, MediaType::Json, model),
        }
    }

    fn render(self, text: &str, media: MediaType, model: &Json) -> Result<String, Failure> {
        Template::compile(text, media)?.render(model, &self.options)
    }
}

/// Members of `upper` hide those of `lower`.
fn overlaid(lower: &Json, upper: &Json) -> Json {
    let members = |value: &Json| value.as_map().cloned().unwrap_or_default();
    members(lower).into_iter().chain(members(upper)).collect::<Map>().into()
}

fn no_such_template(template: &TextTemplate) -> Failure {
    let id = template.stored_id().unwrap_or_default();
    Failure::new("resource_not_found_exception", format!("unable to find script [{id}] in cluster state"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    fn model() -> Json {
        json!({"ctx": {"payload": {"q": "say \"hi\""}, "n": 1}})
    }

    #[test]
    fn texts_see_params_below_ctx_and_search_templates_above_it() {
        let templates = Templates::of(Generation::G8);
        let template = |json: Json| TextTemplate::parse(&json).unwrap();
        for (given, text) in [
            (json!("no tags: } {"), "no tags: } {"),
            (json!("{{ctx.payload.q}}"), "say \"hi\""),
            (json!("__json__::{{ctx.payload.q}}"), "say \\\"hi\\\""),
            (json!({"source": "{{a}} {{ctx.n}}", "params": {"a": 2, "ctx": {"n": 9}}}), "2 1"),
        ] {
            assert_eq!(templates.text(&template(given), &model()).as_deref(), Ok(text));
        }
        let search = template(json!({"source": {"a": "{{a}}", "n": "{{ctx.n}}"}, "params": {"a": 2, "ctx": {"n": 9}}}));
        assert_eq!(templates.search_template(&search, &model()).as_deref(), Ok(r#"{"a":"2","n":"9"}"#));
        assert_eq!(
            templates.search_body(&json!({"query": {"match": {"f": "{{ctx.payload.q}}"}}}), &model()).as_deref(),
            Ok(r#"{"query":{"match":{"f":"say \"hi\""}}}"#)
        );
        assert!(templates.text(&template(json!({"id": "stored"})), &model()).is_err());
    }
}
