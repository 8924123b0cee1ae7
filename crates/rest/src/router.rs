//! The route table.
//!
//! The reference's routing is peculiar, so it is ours: an explicit segment beats a `{name}`, but only for the methods it is
//! registered for; a known path with an unknown method is 405 with `Allow`; an unknown path is a 400 of its own form; trailing
//! slashes do not matter; `HEAD` exists only where it is registered.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::Method;

use crate::parameters::percent_decode;
use crate::problem::Problem;
use crate::request::Request;
use crate::response::Response;
use crate::rest::Rest;

/// What a handler returns: its answer, or why there is none.
pub type Handled = Result<Response, Problem>;

type Handler = Arc<dyn Fn(Arc<Rest>, Request) -> Pin<Box<dyn Future<Output = Handled> + Send>> + Send + Sync>;

/// What becomes of a body that comes with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyRule {
    /// 400: the API has no body.
    Refused,
    Taken,
    /// Neither read nor refused, as a few of the reference's APIs are.
    Ignored,
}

/// Which parameters an API knows.
#[derive(Clone, Copy, Debug)]
pub enum KnownParameters {
    /// Exactly these, besides the common ones; checked before the handler runs.
    Only(&'static [&'static [&'static str]]),
    /// The handler checks with [`refuse_unknown_parameters`].
    Unchecked,
}

/// One API: its methods, its path, what it knows, and who answers.
#[derive(Clone)]
pub struct Route {
    pub(crate) methods: Vec<Method>,
    pub(crate) pattern: &'static str,
    segments: Vec<Segment>,
    pub(crate) parameters: KnownParameters,
    pub(crate) body: BodyRule,
    pub(crate) handler: Handler,
    last_resort: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(&'static str),
    Name(&'static str),
}

impl Route {
    /// Without parameters of its own and without a body, until told otherwise.
    pub fn new<F, A>(methods: &[Method], pattern: &'static str, handler: F) -> Route
    where
        F: Fn(Arc<Rest>, Request) -> A + Send + Sync + 'static,
        A: Future<Output = Handled> + Send + 'static,
    {
        let segments = pattern
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => Segment::Name(name),
                None => Segment::Literal(segment),
            })
            .collect();
        let handler: Handler = Arc::new(move |rest, request| Box::pin(handler(rest, request)));
        let parameters = KnownParameters::Only(&[]);
        Route { methods: methods.to_vec(), pattern, segments, parameters, body: BodyRule::Refused, handler, last_resort: false }
    }

    /// The parameters it knows, in groups that several APIs share.
    #[must_use]
    pub fn parameters(mut self, groups: &'static [&'static [&'static str]]) -> Route {
        self.parameters = KnownParameters::Only(groups);
        self
    }

    /// The handler checks the parameters itself.
    #[must_use]
    pub fn unchecked_parameters(mut self) -> Route {
        self.parameters = KnownParameters::Unchecked;
        self
    }

    #[must_use]
    pub fn with_body(mut self) -> Route {
        self.body = BodyRule::Taken;
        self
    }

    #[must_use]
    pub fn ignoring_body(mut self) -> Route {
        self.body = BodyRule::Ignored;
        self
    }

    /// Asked only where no other route knows the path, and then for its own methods alone: such a route makes no 405.
    #[must_use]
    pub fn last_resort(mut self) -> Route {
        self.last_resort = true;
        self
    }

    fn matches(&self, path: &[&str]) -> bool {
        self.segments.len() == path.len()
            && self.segments.iter().zip(path).all(|(segment, part)| match segment {
                Segment::Literal(literal) => literal == part,
                Segment::Name(_) => true,
            })
    }

    pub(crate) fn path_params(&self, path: &[String]) -> Vec<(&'static str, String)> {
        let named = self.segments.iter().zip(path).filter_map(|(segment, part)| match segment {
            Segment::Name(name) => Some((*name, part.clone())),
            Segment::Literal(_) => None,
        });
        named.collect()
    }
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}", self.methods, self.pattern)
    }
}

/// What a request's method and path lead to.
#[derive(Debug)]
pub(crate) enum Found<'r> {
    Route(&'r Route),
    /// The path is known, with these methods.
    WrongMethod(Vec<Method>),
    Nothing,
}

/// All routes, by the number of their segments; the explicit ones first.
#[derive(Debug, Default)]
pub struct Router {
    by_length: HashMap<usize, Vec<Route>>,
}

impl Router {
    #[must_use]
    pub fn new() -> Router {
        Router::default()
    }

    pub fn add(&mut self, route: Route) {
        let routes = self.by_length.entry(route.segments.len()).or_default();
        let place = routes.partition_point(|known| precedence(known) <= precedence(&route));
        routes.insert(place, route);
    }

    pub(crate) fn find(&self, method: &Method, path: &[String]) -> Found<'_> {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let Some(routes) = self.by_length.get(&path.len()) else { return Found::Nothing };
        let mut allowed: Vec<Method> = Vec::new();
        let mut explicit = false;
        for route in routes.iter().filter(|route| route.matches(&path)) {
            if route.last_resort && !allowed.is_empty() {
                break;
            }
            // No index is called as an API is: where an explicit route knows the path, `/{index}` does not.
            let begins_free = matches!(route.segments.first(), Some(Segment::Name(_)));
            if begins_free && explicit && path.first().is_some_and(|first| first.starts_with('_')) {
                break;
            }
            explicit |= !begins_free;
            if route.methods.contains(method) {
                return Found::Route(route);
            }
            if !route.last_resort {
                allowed.extend(route.methods.iter().filter(|other| !allowed.contains(other)).cloned().collect::<Vec<_>>());
            }
        }
        if allowed.is_empty() { Found::Nothing } else { Found::WrongMethod(allowed) }
    }
}

/// The last resort last; else whoever has the earlier explicit segment first.
fn precedence(route: &Route) -> (bool, Vec<bool>) {
    (route.last_resort, route.segments.iter().map(|segment| matches!(segment, Segment::Name(_))).collect())
}

/// The decoded segments of a path; `None` when one of them is empty, which no route has.
pub(crate) fn segments_of(raw_path: &str) -> Option<Vec<String>> {
    let inner = raw_path.strip_prefix('/').unwrap_or(raw_path);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if inner.is_empty() {
        return Some(Vec::new());
    }
    inner.split('/').map(|segment| (!segment.is_empty()).then(|| percent_decode(segment))).collect()
}

/// Parameters that every API understands.
pub(crate) const COMMON_PARAMETERS: &[&str] = &["pretty", "human", "error_trace", "filter_path", "format"];

/// Refuses parameters that are neither common nor `known`, in the reference's words.
///
/// # Errors
/// There is such a parameter.
pub fn refuse_unknown_parameters(request: &Request, known: &[&[&str]]) -> Result<(), Problem> {
    let is_known = |name: &str| COMMON_PARAMETERS.contains(&name) || known.iter().any(|group| group.contains(&name));
    let mut unknown: Vec<&str> = request.params.names().filter(|name| !is_known(name)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    unknown.sort_unstable();
    let plural = if unknown.len() > 1 { "s" } else { "" };
    let listed: Vec<String> = unknown
        .iter()
        .map(|name| format!("[{name}]{}", crate::suggestions::did_you_mean(name, known.iter().flat_map(|group| group.iter().copied()))))
        .collect();
    Err(Problem::illegal_argument(format!("request [{}] contains unrecognized parameter{plural}: {}", request.raw_path, listed.join(", "))))
}

/// The answer for a path that nobody knows.
#[must_use]
pub fn no_handler(request: &Request) -> Response {
    no_handler_for(&request.raw_uri, &request.method)
}

pub(crate) fn no_handler_for(uri: &str, method: &Method) -> Response {
    let text = format!("no handler found for uri [{uri}] and method [{method}]");
    Response::json(http::StatusCode::BAD_REQUEST, watchbell_json::Json::object().with("error", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn nobody(_: Arc<Rest>, _: Request) -> Handled {
        Ok(Response::acknowledged())
    }

    fn router() -> Router {
        let mut router = Router::new();
        for (methods, pattern) in [
            (vec![Method::PUT, Method::GET], "/_watcher/watch/{id}"),
            (vec![Method::PUT, Method::POST], "/_watcher/watch/_execute"),
            (vec![Method::GET], "/{index}/_search"),
            (vec![Method::GET], "/_cat/indices"),
            (vec![Method::GET], "/{index}"),
            (vec![Method::HEAD], "/{index}"),
            (vec![Method::POST], "/_bulk"),
        ] {
            router.add(Route::new(&methods, pattern, nobody));
        }
        router.add(Route::new(&[Method::POST], "/{index}/{type}", nobody).last_resort());
        router
    }

    fn find(method: &Method, path: &str) -> String {
        match router().find(method, &segments_of(path).unwrap_or_default()) {
            Found::Route(route) => route.pattern.to_owned(),
            Found::WrongMethod(methods) => format!("{methods:?}"),
            Found::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn explicit_segments_win_for_their_own_methods() {
        assert_eq!(find(&Method::PUT, "/_watcher/watch/_execute"), "/_watcher/watch/_execute");
        assert_eq!(find(&Method::GET, "/_watcher/watch/_execute/"), "/_watcher/watch/{id}");
        assert_eq!(find(&Method::DELETE, "/_watcher/watch/_execute"), "[PUT, POST, GET]");
        assert_eq!(find(&Method::GET, "/a%2Fb/_search"), "/{index}/_search");
        assert_eq!(find(&Method::POST, "/_cat/indices"), "[GET]", "a last resort does not answer where the path is known");
        assert_eq!(find(&Method::POST, "/logs/event"), "/{index}/{type}");
        assert_eq!(find(&Method::GET, "/logs/event"), "nothing");
        assert_eq!(find(&Method::GET, "/a/b/c/d"), "nothing");
        assert_eq!(find(&Method::GET, "/_bulk"), "[POST]", "no index is called _bulk");
        assert_eq!(find(&Method::HEAD, "/_nope"), "/{index}");
    }

    #[test]
    fn empty_segments_are_no_path() {
        assert_eq!(segments_of("//a//_count"), None);
        assert_eq!(segments_of("/a/_count/"), Some(vec!["a".to_owned(), "_count".to_owned()]));
        assert_eq!(segments_of("/"), Some(Vec::new()));
    }
}
