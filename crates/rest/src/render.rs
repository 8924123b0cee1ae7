//! From an answer to bytes: format, filter, pretty printing, compression, the headers every answer carries.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use http_body_util::Full;
use watchbell_json::{Json, Limits};
use watchbell_watch::Generation;

use crate::filter_path::FilterPath;
use crate::media_type::{MediaType, NamedMediaType};
use crate::parameters::Parameters;
use crate::response::{Body, Response};

/// The reference's `http.compression_level`.
const COMPRESSION_LEVEL: u32 = 3;

/// Answers nest stored documents, which have a limit of their own, a few levels deeper.
const ANSWER_DEPTH_MAX: usize = 1100;

/// How one client wants its answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rendering {
    head: bool,
    pretty: bool,
    error_trace: bool,
    filter: Option<FilterPath>,
    format: Option<NamedMediaType>,
    gzip: bool,
    opaque_id: Option<HeaderValue>,
}

impl Rendering {
    pub(crate) fn of(method: &Method, params: &Parameters, headers: &HeaderMap, accept: Option<NamedMediaType>) -> Rendering {
        let flag = |name: &str| params.get(name).is_some_and(|value| value.is_empty() || value == "true");
        Rendering {
            head: *method == Method::HEAD,
            pretty: flag("pretty"),
            error_trace: flag("error_trace"),
            filter: params.get("filter_path").and_then(FilterPath::parse),
            format: format_parameter(params).or(accept),
            gzip: headers.get_all(header::ACCEPT_ENCODING).iter().any(accepts_gzip),
            opaque_id: headers.get("x-opaque-id").cloned(),
        }
    }

    pub(crate) fn render(&self, response: Response, generation: Generation) -> http::Response<Full<Bytes>> {
        let Response { status, headers, body } = response;
        let (bytes, content_type) = self.write_body(body, generation);
        let (bytes, packed) = self.pack(bytes);
        let mut answer = http::Response::new(Full::new(if self.head { Bytes::new() } else { bytes.clone() }));
        *answer.status_mut() = status;
        let out = answer.headers_mut();
        let own_type = headers.iter().any(|(name, _)| *name == header::CONTENT_TYPE);
        if let Some(value) = HeaderValue::from_str(&content_type).ok().filter(|_| !own_type) {
            out.insert(header::CONTENT_TYPE, value);
        }
        out.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        out.insert(HeaderName::from_static("x-elastic-product"), HeaderValue::from_static("Elasticsearch"));
        out.insert(HeaderName::from_static("x-watchbell"), HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
        if packed {
            out.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if let Some(id) = &self.opaque_id {
            out.insert(HeaderName::from_static("x-opaque-id"), id.clone());
        }
        for (name, value) in headers {
            out.append(name, value);
        }
        answer
    }

    fn write_body(&self, body: Body, generation: Generation) -> (Bytes, String) {
        let json_type = || match self.format.filter(|format| format.media_type == MediaType::Json && format.compatible_with.is_some()) {
            Some(vendor) => vendor.header(),
            None if generation <= Generation::G7 => "application/json; charset=UTF-8".to_owned(),
            None => "application/json".to_owned(),
        };
        match body {
            Body::Empty => (Bytes::new(), "text/plain; charset=UTF-8".to_owned()),
            Body::Text(text) => (text.into(), "text/plain; charset=UTF-8".to_owned()),
            Body::JsonText(text) if self.takes_text_as_it_is() => (text, json_type()),
            Body::JsonText(text) => match Json::parse_within(&text, Limits { depth: ANSWER_DEPTH_MAX, ..Limits::default() }) {
                Ok(json) => self.write_json(json, json_type),
                // Stored documents were read when they were stored, so this does not happen; the text is right all the same.
                Err(_) => (text, json_type()),
            },
            Body::Json(json) => self.write_json(json, json_type),
        }
    }

    fn takes_text_as_it_is(&self) -> bool {
        !self.pretty && self.filter.is_none() && !self.is_yaml()
    }

    fn is_yaml(&self) -> bool {
        self.format.is_some_and(|format| format.media_type == MediaType::Yaml)
    }

    fn write_json(&self, mut json: Json, json_type: impl Fn() -> String) -> (Bytes, String) {
        if self.error_trace {
            add_stack_trace(&mut json);
        }
        if let Some(filter) = &self.filter {
            json = filter.apply(&json);
        }
        if self.is_yaml() {
            let yaml = self.format.map_or_else(String::new, NamedMediaType::header);
            return (crate::yaml::to_yaml(&json).into(), yaml);
        }
        let mut text = if self.pretty { json.pretty() } else { json.to_string() };
        if self.pretty && !text.ends_with('\n') {
            text.push('\n');
        }
        (text.into(), json_type())
    }

    fn pack(&self, bytes: Bytes) -> (Bytes, bool) {
        if !self.gzip || bytes.is_empty() {
            return (bytes, false);
        }
        let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::new(COMPRESSION_LEVEL));
        match encoder.write_all(&bytes).and_then(|()| encoder.finish()) {
            Ok(packed) => (packed.into(), true),
            Err(_) => (bytes, false),
        }
    }
}

/// What `format=` asks for; an unknown format is ignored, as in the reference.
pub(crate) fn format_parameter(params: &Parameters) -> Option<NamedMediaType> {
    let media_type = match params.get("format")?.to_ascii_lowercase().as_str() {
        "json" | "application/json" => MediaType::Json,
        "yaml" | "application/yaml" => MediaType::Yaml,
        "text" | "txt" | "text/plain" => MediaType::Text,
        _ => return None,
    };
    Some(NamedMediaType { media_type, compatible_with: None })
}

fn accepts_gzip(value: &HeaderValue) -> bool {
    value.to_str().unwrap_or("").split(',').map(str::trim).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip") && !matches!(weight.trim().replace(' ', "").as_str(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

fn add_stack_trace(json: &mut Json) {
    let trace = json.get("error").filter(|error| error.as_map().is_some()).map(|error| {
        let part = |name: &str| error.get(name).and_then(Json::as_str).unwrap_or("");
        format!("[{}]: {}", part("type"), part("reason"))
    });
    if let (Some(trace), Some(error)) = (trace, json.make_map().get_mut("error")) {
        error.set("stack_trace", trace);
    }
}
