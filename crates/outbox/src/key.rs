//! The key of a delivery: the same for every repeat of one message, different for every other message.

/// An action id longer than this in its escaped form is cut, and told apart by its length and checksum; document ids and
/// header values have limits (512 bytes, some kilobytes), action ids have none.
const ACTION_MAX: usize = 128;

/// `<execution>/<action>/<item>`: the same for every repeat of one message. Safe as a header value and as a document id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryKey(pub String);

impl DeliveryKey {
    /// The key of one item of one action of one execution.
    #[must_use]
    pub fn of(execution: &str, action: &str, item: usize) -> DeliveryKey {
        DeliveryKey(format!("{execution}/{}/{item}", escape(action)))
    }
}

impl std::fmt::Display for DeliveryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Letters, digits, `_`, `-` and `.` stay; every other byte becomes `%xx`.
fn escape(action: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for byte in action.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') {
            out.push(char::from(byte));
        } else if write!(out, "%{byte:02x}").is_err() {
            break;
        }
    }
    if out.len() > ACTION_MAX {
        out.truncate(ACTION_MAX - 32);
        out.push_str(&format!("~{}~{:016x}", action.len(), fingerprint(action.as_bytes())));
    }
    out
}

/// FNV-1a: tells two overlong ids of one watch apart; nothing secret rests on it.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_plain_and_distinct() {
        assert_eq!(DeliveryKey::of("ab12", "notify", 0).0, "ab12/notify/0");
        assert_eq!(DeliveryKey::of("ab12", "a/b c\u{e9}", 3).0, "ab12/a%2fb%20c%c3%a9/3");
        let (long, longer) = ("x".repeat(400), format!("{}y", "x".repeat(399)));
        assert_ne!(DeliveryKey::of("e", &long, 0), DeliveryKey::of("e", &longer, 0));
        assert!(DeliveryKey::of("e", &long, 0).0.len() < 200);
    }
}
