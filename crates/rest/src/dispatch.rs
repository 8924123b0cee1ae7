//! One request from the wire to its answer.
//!
//! The order of the checks is the reference's: who asks, media types, path, method, body, parameters, then the handler.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use watchbell_json::{Failure, Json};

use crate::body_reader::read_body;
use crate::media_type::{self, HeaderType, MediaType, NamedMediaType, NotAcceptable};
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::render::Rendering;
use crate::request::Request;
use crate::response::{Body, Response};
use crate::rest::Rest;
use crate::router::{BodyRule, Found, Handled, KnownParameters, Route, no_handler_for, refuse_unknown_parameters, segments_of};

/// The two ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    pub(crate) local: SocketAddr,
    pub(crate) peer: SocketAddr,
}

pub(crate) async fn answer(rest: Arc<Rest>, ends: Ends, request: http::Request<Incoming>) -> http::Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let params = Parameters::decode(parts.uri.query().unwrap_or(""));
    let types = MediaTypes::of(&parts.headers);
    let asked_for = types.as_ref().ok().and_then(MediaTypes::answer);
    let rendering = Rendering::of(&parts.method, &params, &parts.headers, asked_for);
    let generation = rest.generation();
    let handled = match types {
        Ok(types) => handle(rest, ends, parts, params, types, body).await,
        Err(problem) => Err(problem),
    };
    rendering.render(handled.unwrap_or_else(Problem::into_response), generation)
}

async fn handle(rest: Arc<Rest>, ends: Ends, parts: Parts, params: Parameters, types: MediaTypes, body: Incoming) -> Handled {
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    let raw_path = parts.uri.path();
    let user = rest.settings.access.admit(&parts.method, authority, &parts.headers, ends.local, raw_path)?;
    let raw_uri = parts.uri.path_and_query().map_or_else(|| raw_path.to_owned(), ToString::to_string);
    let segments = segments_of(raw_path);
    let found = segments.as_ref().map_or(Found::Nothing, |segments| rest.router.find(&parts.method, segments));
    let route = match found {
        Found::Route(route) => route.clone(),
        Found::WrongMethod(allowed) if parts.method == Method::OPTIONS => return Ok(options(&allowed)),
        Found::WrongMethod(allowed) => return Ok(wrong_method(&raw_uri, &parts.method, &allowed)),
        Found::Nothing if parts.method == Method::OPTIONS => return Ok(options(&[])),
        Found::Nothing => return Ok(no_handler_for(&raw_uri, &parts.method)),
    };
    let read = read_body(&rest, &parts.headers, body).await?;
    let request = Request {
        method: parts.method.clone(),
        raw_uri,
        raw_path: raw_path.to_owned(),
        pattern: route.pattern,
        path_params: route.path_params(&segments.unwrap_or_default()),
        params,
        headers: parts.headers.clone(),
        body: read.bytes.clone(),
        content_type: types.content.known(),
        accept: types.accept,
        peer: ends.peer,
        user,
        now: rest.clock.now(),
        started: rest.clock.elapsed(),
    };
    check(&route, &request, &types)?;
    let handler = route.handler;
    match AssertUnwindSafe(handler(Arc::clone(&rest), request)).catch_unwind().await {
        Ok(handled) => handled,
        Err(_) => {
            tracing::error!(route = route.pattern, "a handler panicked");
            Err(Problem::WithStatus(StatusCode::INTERNAL_SERVER_ERROR, Failure::illegal_state("internal error")))
        }
    }
}

/// What holds for every API before its handler runs.
fn check(route: &Route, request: &Request, types: &MediaTypes) -> Result<(), Problem> {
    let has_body = !request.body.is_empty();
    if has_body {
        types.content.is_readable()?;
    }
    if let KnownParameters::Only(known) = route.parameters {
        let source: &[&str] = if route.body == BodyRule::Taken { &["source", "source_content_type"] } else { &[] };
        let groups: Vec<&[&str]> = known.iter().copied().chain([source]).collect();
        refuse_unknown_parameters(request, &groups)?;
    }
    if has_body && route.body == BodyRule::Refused {
        return Err(Problem::illegal_argument(format!("request [{} {}] does not support having a body", request.method, request.raw_path)));
    }
    Ok(())
}

/// The media types of a request's headers.
#[derive(Clone, Debug)]
struct MediaTypes {
    content: ContentType,
    accept: Option<NamedMediaType>,
}

#[derive(Clone, Debug)]
enum ContentType {
    Missing,
    Known(NamedMediaType),
    Unsupported(String),
}

impl ContentType {
    fn known(&self) -> Option<NamedMediaType> {
        match self {
            ContentType::Known(known) => Some(*known),
            ContentType::Missing | ContentType::Unsupported(_) => None,
        }
    }

    /// JSON and NDJSON are read; YAML, CBOR and SMILE are refused as unknown types are.
    fn is_readable(&self) -> Result<(), Problem> {
        let named = match self {
            ContentType::Known(NamedMediaType { media_type: MediaType::Json | MediaType::Ndjson, .. }) => return Ok(()),
            ContentType::Known(other) => other.header(),
            ContentType::Missing => String::new(),
            ContentType::Unsupported(named) => named.clone(),
        };
        let named = named.split(';').next().unwrap_or("").to_owned();
        Err(Problem::Plain(StatusCode::NOT_ACCEPTABLE, format!("Content-Type header [{named}] is not supported")))
    }
}

impl MediaTypes {
    fn of(headers: &HeaderMap) -> Result<MediaTypes, Problem> {
        let text = |name| headers.get(name).map(|value: &http::HeaderValue| value.to_str().unwrap_or("?"));
        let content = match text(header::CONTENT_TYPE) {
            None => ContentType::Missing,
            Some(value) => match media_type::parse("Content-Type", value)? {
                HeaderType::Known(known) => ContentType::Known(known),
                HeaderType::Unsupported => ContentType::Unsupported(value.to_owned()),
            },
        };
        let accept = match text(header::ACCEPT).map(media_type::accept) {
            None => None,
            Some(Ok(accept)) => accept,
            Some(Err(NotAcceptable::Malformed(failure))) => return Err(failure.into()),
            Some(Err(NotAcceptable::Unsupported)) => {
                let value = text(header::ACCEPT).unwrap_or("");
                return Err(Problem::Plain(StatusCode::NOT_ACCEPTABLE, format!("Accept header [{value}] is not supported")));
            }
        };
        Ok(MediaTypes { content, accept })
    }

    /// The type of the answer: what `Accept` says, else the vendor's type of the body.
    fn answer(&self) -> Option<NamedMediaType> {
        self.accept.or_else(|| {
            self.content.known().filter(|known| known.compatible_with.is_some()).map(|known| NamedMediaType { media_type: MediaType::Json, ..known })
        })
    }
}

fn allow(allowed: &[Method], separator: &str) -> String {
    allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(separator)
}

fn options(allowed: &[Method]) -> Response {
    let answer = Response::new(StatusCode::OK, Body::Empty);
    if allowed.is_empty() { answer } else { answer.with_header(header::ALLOW, &allow(allowed, ",")) }
}

fn wrong_method(uri: &str, method: &Method, allowed: &[Method]) -> Response {
    let text = format!("Incorrect HTTP method for uri [{uri}] and method [{method}], allowed: [{}]", allow(allowed, ", "));
    let status = StatusCode::METHOD_NOT_ALLOWED;
    Response::json(status, Json::object().with("error", text).with("status", status.as_u16())).with_header(header::ALLOW, &allow(allowed, ","))
}
