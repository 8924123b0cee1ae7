//! What Watchbell keeps in its documents beside Watcher's own members is nobody's business (DESIGN §4): positions of watches, and
//! in journal and ledger whole messages with their secrets.

use bytes::Bytes;
use watchbell_json::Json;
use watchbell_store::system::{DELIVERIES, TRIGGERED_WATCHES, WATCHES};

/// The indices whose documents carry it.
const INDICES: [&str; 3] = [WATCHES, TRIGGERED_WATCHES, DELIVERIES];

/// The member that is never shown.
const HIDDEN_MEMBER: &str = "_watchbell";

/// The document's text as users see it: byte for byte, but for the hidden member.
pub(super) fn visible_source(index: &str, source: Bytes) -> Bytes {
    if !INDICES.contains(&index) {
        return source;
    }
    match Json::parse(&source) {
        Ok(mut document) if document.get(HIDDEN_MEMBER).is_some() => {
            document.make_map().remove(HIDDEN_MEMBER);
            document.to_string().into()
        }
        _ => source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hidden_member_is_left_out_of_our_own_indices_only() {
        let source = Bytes::from_static(br#"{ "a": 1.50, "_watchbell": {"fires": 3}}"#);
        for index in INDICES {
            assert_eq!(visible_source(index, source.clone()), Bytes::from_static(br#"{"a":1.5}"#));
        }
        assert_eq!(visible_source("logs", source.clone()), source);
        let plain = Bytes::from_static(br#"{ "a": 1.50 }"#);
        assert_eq!(visible_source(".watches", plain.clone()), plain);
    }
}
