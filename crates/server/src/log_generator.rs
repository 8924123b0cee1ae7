//! Ordinary log lines, and now and then an error: what the demo watches.

use watchbell_json::{Json, write_string};
use watchbell_time::{Entropy, Timestamp};

const ORDINARY: &[&str] = &[
    "GET /api/orders 200 in 12 ms",
    "user 4711 logged in",
    "cache refreshed, 1832 entries",
    "payment 88213 accepted",
    "GET /health 200 in 1 ms",
    "queue drained, 0 waiting",
    "nightly report written",
    "connection to replica established",
];

const ERRORS: &[&str] = &[
    "error: database connection refused after 3 attempts",
    "error: payment gateway answered 502",
    "error: disk /var/lib/data is 97 % full",
    "error: order 91244 could not be stored, rolled back",
];

const HOSTS: &[&str] = &["web-1", "web-2", "worker-1"];

fn pick<'a>(entropy: &dyn Entropy, from: &[&'a str]) -> &'a str {
    let at = usize::try_from(entropy.next_u64() % from.len().max(1) as u64).unwrap_or_default();
    from.get(at).copied().unwrap_or_default()
}

fn line(entropy: &dyn Entropy, now: Timestamp, level: &str, message: &str) -> Json {
    Json::object().with("@timestamp", now.to_string()).with("level", level).with("host", pick(entropy, HOSTS)).with("message", message)
}

/// A `_bulk` body of some ordinary lines, and one error if wanted.
pub(crate) fn bulk(entropy: &dyn Entropy, now: Timestamp, ordinary: usize, error: bool) -> String {
    let mut lines: Vec<Json> = (0..ordinary).map(|_| line(entropy, now, "info", pick(entropy, ORDINARY))).collect();
    if error {
        lines.push(line(entropy, now, "error", pick(entropy, ERRORS)));
    }
    let mut body = String::new();
    for line in lines {
        body.push_str("{\"create\":{}}\n");
        line.write_to(&mut body);
        body.push('\n');
    }
    body
}

/// The guide's watch, to the letter.
pub(crate) const GUIDE: &str = include_str!("../../../docs/guide-watch.txt");

/// A `curl` command that sends a line with this message.
pub(crate) fn curl_line(url: &str, message: &str) -> String {
    let mut quoted = String::new();
    write_string(message, &mut quoted);
    format!("curl -X POST '{url}/logs/_doc' -H 'Content-Type: application/json' -d '{{\"message\": {quoted}}}'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_time::SeededEntropy;

    #[test]
    fn a_batch_holds_an_error_only_when_wanted() {
        let entropy = SeededEntropy::new(1);
        for error in [false, true] {
            let body = bulk(&entropy, Timestamp::UNIX_EPOCH, 20, error);
            assert_eq!(body.lines().count(), 2 * (20 + usize::from(error)));
            assert_eq!(body.contains("\"error: "), error);
            assert!(body.lines().all(|line| Json::parse(line.as_bytes()).is_ok()));
        }
    }

    #[test]
    fn the_guides_watch_is_one_request() {
        let requests = crate::dev::parse(GUIDE).unwrap();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].path, "/_xpack/watcher/watch/log_error_watch");
    }
}
