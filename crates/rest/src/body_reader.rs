//! Reads a request's body: bounded in length, bounded in waiting, unpacked.

use std::io::Read as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use watchbell_json::Failure;

use crate::problem::Problem;
use crate::rest::Rest;

/// A client that sends nothing for this long has gone.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// All bodies together may hold this many times the longest single one.
const BODIES_IN_FLIGHT_MAX: usize = 4;

/// So much of a body that is too large is read and thrown away: a client that writes before it reads would else see a broken
/// connection instead of the 413.
const DRAIN_BYTES_MAX: usize = 8 * 1024 * 1024;

/// And not for longer than this.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(2);

/// The body, and its share of the memory for bodies, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct ReadBody<'r> {
    pub(crate) bytes: Bytes,
    _share: Share<'r>,
}

#[derive(Debug)]
struct Share<'r> {
    rest: &'r Rest,
    bytes: usize,
}

impl Share<'_> {
    fn grow(&mut self, by: usize) -> Result<(), Problem> {
        let limit = self.rest.settings.max_content_length.saturating_mul(BODIES_IN_FLIGHT_MAX);
        let before = self.rest.bytes_in_flight.fetch_add(by, Ordering::Relaxed);
        self.bytes += by;
        if before.saturating_add(by) > limit {
            let reason = format!(
                "[in_flight_requests] Data too large, data for [<http_request>] would be [{}], which is larger than the limit of [{limit}]",
                before + by
            );
            return Err(Failure::new("circuit_breaking_exception", reason)
                .with("bytes_wanted", before + by)
                .with("bytes_limit", limit)
                .with("durability", "TRANSIENT")
                .into());
        }
        Ok(())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.rest.bytes_in_flight.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// # Errors
/// 413 for a body beyond the limit, 408 for a client that stopped sending, 400 for a broken or unknown encoding.
pub(crate) async fn read_body<'r>(rest: &'r Rest, headers: &HeaderMap, body: Incoming) -> Result<ReadBody<'r>, Problem> {
    let mut share = Share { rest, bytes: 0 };
    if body.is_end_stream() {
        return Ok(ReadBody { bytes: Bytes::new(), _share: share });
    }
    let limit = rest.settings.max_content_length;
    if body.size_hint().lower() > limit as u64 {
        // who asks before sending is answered before sending, and sends nothing
        if !headers.contains_key(header::EXPECT) {
            drain(rest, body);
        }
        return Err(too_large(limit));
    }
    let encoding = Encoding::of(headers)?;
    let packed = read_frames(rest, body, limit, &mut share).await?;
    let bytes = match encoding {
        Encoding::Identity => packed,
        Encoding::Gzip => unpack(&packed, limit, &mut share)?,
    };
    Ok(ReadBody { bytes, _share: share })
}

#[derive(Clone, Copy, Debug)]
enum Encoding {
    Identity,
    Gzip,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Result<Encoding, Problem> {
        match headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").trim().to_ascii_lowercase()).as_deref() {
            None | Some("" | "identity") => Ok(Encoding::Identity),
            Some("gzip" | "x-gzip") => Ok(Encoding::Gzip),
            Some(other) => Err(Problem::illegal_argument(format!("Content-Encoding [{other}] is not supported"))),
        }
    }
}

async fn read_frames(rest: &Rest, mut body: Incoming, limit: usize, share: &mut Share<'_>) -> Result<Bytes, Problem> {
    let mut first: Option<Bytes> = None;
    let mut all = BytesMut::new();
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(0).min(limit);
    loop {
        let frame = match select(body.frame(), rest.clock.sleep(IDLE_MAX)).await {
            Either::Left((frame, _)) => frame,
            Either::Right(_) => return Err(Problem::Plain(StatusCode::REQUEST_TIMEOUT, "the request's body did not come in time".to_owned())),
        };
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| Problem::illegal_argument(format!("the request's body could not be read: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if first.as_ref().map_or(all.len(), Bytes::len) + data.len() > limit {
            drain(rest, body);
            return Err(too_large(limit));
        }
        share.grow(data.len())?;
        match first.take() {
            // A body in one piece, which is the usual case, is not copied.
            None if all.is_empty() => first = Some(data),
            Some(head) => {
                all.reserve(expected.max(head.len() + data.len()));
                all.extend_from_slice(&head);
                all.extend_from_slice(&data);
            }
            None => all.extend_from_slice(&data),
        }
    }
    Ok(first.unwrap_or_else(|| all.freeze()))
}

/// Reads on beside the refusal, without keeping anything, within limits.
fn drain(rest: &Rest, mut body: Incoming) {
    let time = rest.clock.sleep(DRAIN_TIME_MAX);
    tokio::spawn(async move {
        let reading = async {
            let mut left = DRAIN_BYTES_MAX;
            while let Some(Ok(frame)) = body.frame().await {
                left = left.saturating_sub(frame.data_ref().map_or(1, Bytes::len));
                if left == 0 {
                    return;
                }
            }
        };
        select(std::pin::pin!(reading), time).await;
    });
}

fn unpack(packed: &[u8], limit: usize, share: &mut Share<'_>) -> Result<Bytes, Problem> {
    let mut bytes = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(packed).take(limit as u64 + 1);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = reader.read(&mut buffer).map_err(|error| Problem::illegal_argument(format!("the request's body is no valid gzip: {error}")))?;
        if read == 0 {
            return Ok(bytes.into());
        }
        share.grow(read)?;
        bytes.extend_from_slice(&buffer[..read]);
        if bytes.len() > limit {
            return Err(too_large(limit));
        }
    }
}

fn too_large(limit: usize) -> Problem {
    let failure = Failure::new("content_too_long_exception", format!("the request's body is longer than http.max_content_length [{limit}b]"));
    let answer = crate::problem::error_response(StatusCode::PAYLOAD_TOO_LARGE, &failure);
    // What is left of the body is not read, so the connection can carry no further request.
    Problem::Answer(answer.with_header(header::CONNECTION, "close"))
}
