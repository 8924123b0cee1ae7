//! Which answers lead elsewhere, and whether one goes along.

use std::collections::BTreeSet;

use http::Method;
use watchbell_json::Failure;

use super::failure::SendFailure;
use super::target::Target;

/// Longest chain that is followed; the reference's library stops there too.
const REDIRECTS_MAX: usize = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirects {
    /// As the reference: 303 always, the others for GET and HEAD only.
    Follow,
    /// The answer is the answer: a credential must not travel on.
    Never,
}

impl Redirects {
    /// Whether an answer with this status is followed.
    pub(crate) fn follows(self, status: u16, method: &Method) -> bool {
        match (self, status) {
            (Redirects::Never, _) => false,
            (Redirects::Follow, 303) => true,
            (Redirects::Follow, 301 | 302 | 307 | 308) => matches!(*method, Method::GET | Method::HEAD),
            (Redirects::Follow, _) => false,
        }
    }
}

/// Where a request has been already.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    seen: BTreeSet<String>,
    length: usize,
}

impl Trail {
    /// # Errors
    /// For a circle, and for a chain without end.
    pub(crate) fn step(&mut self, target: &Target) -> Result<(), SendFailure> {
        if self.length > REDIRECTS_MAX {
            return Err(refused("redirect_exception", format!("Maximum redirects ({REDIRECTS_MAX}) exceeded")));
        }
        self.length += 1;
        if self.seen.insert(target.url().as_str().to_owned()) {
            return Ok(());
        }
        Err(refused("circular_redirect_exception", format!("Circular redirect to [{}]", target.origin())))
    }
}

/// The other side answered, so that repeating is pointless.
fn refused(kind: &'static str, reason: String) -> SendFailure {
    let outer = Failure { reason: None, ..Failure::new("client_protocol_exception", "") };
    SendFailure::forbidden(outer.caused_by(Failure::new(kind, reason)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reading_requests_follow_except_after_303() {
        for status in [301, 302, 307, 308] {
            assert!(Redirects::Follow.follows(status, &Method::GET));
            assert!(Redirects::Follow.follows(status, &Method::HEAD));
            assert!(!Redirects::Follow.follows(status, &Method::POST));
            assert!(!Redirects::Never.follows(status, &Method::GET));
        }
        assert!(Redirects::Follow.follows(303, &Method::POST));
        assert!(!Redirects::Never.follows(303, &Method::POST));
        assert!(!Redirects::Follow.follows(304, &Method::GET));
        assert!(!Redirects::Follow.follows(300, &Method::GET));
    }
}
