//! `_analyze`: what a text becomes in the index. Named analysers and fields; chains put together in the request are refused.

use std::sync::Arc;

use http::Method;
use watchbell_json::{Failure, Json, Map};
use watchbell_store::analysis::{Analyzer, POSITION_GAP};

use super::document_get::{document_problem, mapped_field};
use super::expressions::strict_expand_open;
use super::key_position::key_position;
use crate::problem::Problem;
use crate::request::Request;
use crate::response::Response;
use crate::rest::Rest;
use crate::router::{Handled, Route, Router};

/// The reference's `index.analyze.max_token_count`.
const TOKENS_MAX: usize = 10_000;

/// What analyses where nothing is named.
const DEFAULT: Analyzer = Analyzer::Standard;

pub(super) fn routes(router: &mut Router) {
    let both = &[Method::GET, Method::POST];
    router.add(Route::new(both, "/_analyze", analyze).parameters(&[&["index"]]).with_body());
    router.add(Route::new(both, "/{index}/_analyze", analyze).parameters(&[&["index"]]).with_body());
}

/// The body, taken apart.
#[derive(Debug, Default)]
struct Asked {
    texts: Vec<String>,
    analyzer: Option<String>,
    field: Option<String>,
    tokenizer: Option<Json>,
    filters: Vec<Json>,
}

async fn analyze(rest: Arc<Rest>, request: Request) -> Handled {
    let text = request.content()?;
    let body = request.json_object()?.ok_or_else(|| Problem::from(Failure::parse("request body or source parameter is required")))?;
    let asked = read(&body, &text)?;
    let index = Some(request.path_param("index")).filter(|index| !index.is_empty()).or_else(|| request.params.get("index"));
    let mut errors = Vec::new();
    if asked.texts.is_empty() {
        errors.push("text is missing");
    }
    if asked.analyzer.is_some() && (asked.tokenizer.is_some() || !asked.filters.is_empty()) {
        errors.push("cannot define extra components on a named analyzer");
    }
    if !errors.is_empty() {
        return Err(Problem::validation(&errors));
    }
    let mapping = match index {
        Some(index) => {
            rest.indices.indices(&[index.to_owned()], &strict_expand_open()).await.map_err(document_problem)?.into_iter().next().map(|info| info.mapping)
        }
        None => None,
    };
    let (analyzer, gap) = choose(&asked, mapping.as_ref())?;
    let tokens = tokens(analyzer, gap, &asked.texts)?;
    Ok(Response::ok(Json::object().with("tokens", tokens)))
}

fn read(body: &Json, text: &[u8]) -> Result<Asked, Problem> {
    let mut asked = Asked::default();
    let name = |value: &Json| value.as_str().map(str::to_owned);
    for (member, value) in body.as_map().into_iter().flat_map(Map::iter) {
        match &**member {
            "text" => {
                asked.texts = match value {
                    Json::List(items) => items.iter().map(|item| name(item).unwrap_or_else(|| item.to_string())).collect(),
                    other => vec![name(other).unwrap_or_else(|| other.to_string())],
                };
            }
            "analyzer" => asked.analyzer = name(value),
            "field" => asked.field = name(value),
            "tokenizer" => asked.tokenizer = Some(value.clone()),
            "filter" | "char_filter" => asked.filters.extend(value.as_list().map_or_else(|| vec![value.clone()], <[Json]>::to_vec)),
            unknown => {
                let (line, column) = key_position(text, unknown);
                return Err(Failure::new("x_content_parse_exception", format!("[{line}:{column}] [analyze_request] unknown field [{unknown}]")).into());
            }
        }
    }
    Ok(asked)
}

/// The analyser, and the gap it leaves between the values of a field.
fn choose(asked: &Asked, mapping: Option<&Json>) -> Result<(Analyzer, u32), Problem> {
    let shown = |value: &Json| value.as_str().map_or_else(|| value.get("type").and_then(Json::as_str).unwrap_or("").to_owned(), str::to_owned);
    if let Some(filter) = asked.filters.first() {
        return Err(Problem::illegal_argument(format!("failed to find global filter under [{}]", shown(filter))));
    }
    if let Some(tokenizer) = &asked.tokenizer {
        return Err(Problem::illegal_argument(format!("failed to find global tokenizer under [{}]", shown(tokenizer))));
    }
    if let Some(name) = &asked.analyzer {
        let found = Analyzer::named(name).ok_or_else(|| {
            let place = if mapping.is_some() { "analyzer" } else { "global analyzer" };
            Problem::illegal_argument(format!("failed to find {place} [{name}]"))
        })?;
        return Ok((found, 0));
    }
    let Some(field) = asked.field.as_deref() else { return Ok((DEFAULT, 0)) };
    let Some(definition) = mapping.and_then(|mapping| mapped_field(mapping, field)) else { return Ok((DEFAULT, 0)) };
    let kind = definition.get("type").and_then(Json::as_str).unwrap_or("object");
    match kind {
        "text" => Ok((definition.get("analyzer").and_then(Json::as_str).and_then(Analyzer::named).unwrap_or(DEFAULT), POSITION_GAP)),
        "keyword" => Ok((Analyzer::Keyword, 0)),
        _ => Err(Problem::illegal_argument(format!("Can't process field [{field}], Analysis requests are only supported on tokenized fields"))),
    }
}

fn tokens(analyzer: Analyzer, gap: u32, texts: &[String]) -> Result<Json, Problem> {
    let mut all = Vec::new();
    let (mut first_position, mut first_offset) = (0, 0);
    for text in texts {
        let mut offsets = Utf16::of(text);
        let mut last = None;
        for token in analyzer.analyze(text) {
            if all.len() >= TOKENS_MAX {
                let reason = format!(
                    "The number of tokens produced by calling _analyze has exceeded the allowed maximum of [{TOKENS_MAX}]. This limit can be set by changing the [index.analyze.max_token_count] index level setting."
                );
                return Err(Failure::illegal_state(reason).into());
            }
            last = Some(token.position);
            let (start, end) = (offsets.at(token.start), offsets.at(token.end));
            let shown = Json::object()
                .with("token", token.text)
                .with("start_offset", first_offset + start)
                .with("end_offset", first_offset + end)
                .with("type", token.kind.name())
                .with("position", first_position + token.position);
            all.push(shown);
        }
        first_position += last.map_or(0, |last| last + 1) + gap;
        first_offset += offsets.at(text.len()) + 1;
    }
    Ok(all.into())
}

/// Offsets of a text in UTF-16 units, as Java counts them, from offsets in bytes.
struct Utf16<'t> {
    text: &'t str,
    bytes: usize,
    units: usize,
}

impl Utf16<'_> {
    fn of(text: &str) -> Utf16<'_> {
        Utf16 { text, bytes: 0, units: 0 }
    }

    fn at(&mut self, bytes: usize) -> usize {
        if bytes < self.bytes {
            (self.bytes, self.units) = (0, 0);
        }
        self.units += self.text.get(self.bytes..bytes).map_or(0, |part| part.encode_utf16().count());
        self.bytes = bytes;
        self.units
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    #[test]
    fn offsets_are_javas() {
        let shown = tokens(Analyzer::Standard, 0, &["🔥 ok".to_owned(), "日".to_owned()]).unwrap();
        let places: Vec<_> = shown
            .as_list()
            .unwrap()
            .iter()
            .map(|token| [token.get("start_offset"), token.get("end_offset"), token.get("position")].map(|n| n.and_then(Json::as_i64).unwrap()))
            .collect();
        assert_eq!(places, [[0, 2, 0], [3, 5, 1], [6, 7, 2]]);
    }

    #[test]
    fn analysers_come_from_names_and_fields() {
        let mapping = json!({"properties": {"t": {"type": "text", "analyzer": "simple", "fields": {"k": {"type": "keyword"}}}, "n": {"type": "long"}}});
        let asked = |field: &str| Asked { field: Some(field.to_owned()), ..Asked::default() };
        assert_eq!(choose(&asked("t"), Some(&mapping)), Ok((Analyzer::Simple, POSITION_GAP)));
        assert_eq!(choose(&asked("t.k"), Some(&mapping)), Ok((Analyzer::Keyword, 0)));
        assert!(choose(&asked("n"), Some(&mapping)).is_err());
        assert!(choose(&Asked { analyzer: Some("nope".to_owned()), ..Asked::default() }, None).is_err());
    }
}
