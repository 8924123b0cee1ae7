//! A server that plays recorded answers, one a request, and remembers the requests.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Once};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

pub(crate) enum Answer {
    Json {
        status: u16,
        body: String,
    },
    /// The connection ends in the middle of the answer.
    Cut,
    /// None comes.
    Never,
    /// This again and again.
    Endless(Bytes),
}

impl Answer {
    pub(crate) fn ok(body: &str) -> Answer {
        Answer::status(200, body)
    }

    pub(crate) fn status(status: u16, body: &str) -> Answer {
        Answer::Json { status, body: body.to_owned() }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

#[derive(Default)]
struct Stage {
    answers: Mutex<VecDeque<Answer>>,
    seen: Mutex<Vec<Seen>>,
    arrived: Notify,
}

pub(crate) struct Player {
    address: SocketAddr,
    stage: Arc<Stage>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Player {
    pub(crate) async fn start(answers: Vec<Answer>) -> Player {
        Player::start_at("127.0.0.1:0".parse().unwrap(), answers).await
    }

    pub(crate) async fn start_at(address: SocketAddr, answers: Vec<Answer>) -> Player {
        let stage = Arc::new(Stage { answers: Mutex::new(answers.into()), ..Stage::default() });
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let app = Router::new().fallback(play).with_state(stage.clone());
        let serving = tokio::spawn(async move {
            let serve = axum::serve(listener, app);
            tokio::select! {
                served = serve => served.unwrap(),
                _ = stopped => {}
            }
        });
        Player { address, stage, stop, serving }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.stage.seen.lock().unwrap().clone()
    }

    /// Waits until so many requests have come.
    pub(crate) async fn has_seen(&self, requests: usize) {
        while self.seen().len() < requests {
            self.stage.arrived.notified().await;
        }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap();
    }
}

async fn play(State(stage): State<Arc<Stage>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let line = format!("{} {}", head.method, head.uri);
    stage.seen.lock().unwrap().push(Seen { line, headers: head.headers, body: String::from_utf8(body.to_vec()).unwrap() });
    stage.arrived.notify_one();
    let answer = stage.answers.lock().unwrap().pop_front();
    match answer {
        Some(Answer::Json { status, body }) => {
            (StatusCode::from_u16(status).unwrap(), [("content-type", "application/json"), ("x-elastic-product", "Elasticsearch")], body).into_response()
        }
        Some(Answer::Cut) => {
            let pieces = futures_util::stream::iter([Ok(Bytes::from_static(b"{\"took\":")), Err(std::io::Error::other("cut"))]);
            Response::new(axum::body::Body::from_stream(pieces))
        }
        Some(Answer::Endless(chunk)) => {
            Response::new(axum::body::Body::from_stream(futures_util::stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()))))
        }
        Some(Answer::Never) => std::future::pending().await,
        None => (StatusCode::IM_A_TEAPOT, "no answer left").into_response(),
    }
}

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Levels and texts of what is logged on this thread. One subscriber serves the whole program: whether a line is logged at all is
/// remembered for all threads together, so that subscribers that come and go make others miss lines.
pub(crate) struct Log;

impl Log {
    pub(crate) fn start() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| tracing::subscriber::set_global_default(Log).unwrap());
        LINES.with_borrow_mut(Vec::clear);
    }

    pub(crate) fn lines() -> Vec<String> {
        LINES.with_borrow(Vec::clone)
    }
}

struct Fields(String);

impl tracing::field::Visit for Fields {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!(" {field}={value:?}"));
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("watchbell")
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields(event.metadata().level().to_string());
        event.record(&mut fields);
        LINES.with_borrow_mut(|lines| lines.push(fields.0));
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}
