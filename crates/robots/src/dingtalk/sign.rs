//! DingTalk's signature (spec robots §1.2): HMAC-SHA256 with the secret as key over `timestamp LF secret`, Base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::Secret;

/// How far the time stamp of a signature may lie from DingTalk's clock.
pub const CLOCK_SKEW_MAX_MILLIS: i64 = 3_600_000;

/// The signature in Base64, not yet percent-encoded.
///
/// It does not cover the body: who holds a signed URL may send anything for an hour, so signed URLs are secrets too.
#[must_use]
pub fn signature(timestamp_millis: i64, secret: &Secret) -> String {
    let key = secret.reveal().as_bytes();
    // HMAC takes keys of every length, so there is always one; without it the signature is empty and refused
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return String::new();
    };
    mac.update(timestamp_millis.to_string().as_bytes());
    mac.update(b"\n");
    mac.update(key);
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Whether a signature, as it arrives after one percent-decoding, is right.
#[must_use]
pub fn verify(timestamp_millis: i64, secret: &Secret, given: &str) -> bool {
    let (Ok(given), Ok(right)) = (STANDARD.decode(given), STANDARD.decode(signature(timestamp_millis, secret))) else {
        return false;
    };
    given.len() == right.len() && given.iter().zip(&right).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::percent_encode;

    #[test]
    fn vectors() {
        let secret = Secret::new(format!("SECwatchbell{}", "0".repeat(52)));
        for (at, base64, in_url) in [
            (1_700_000_000_000, "C6nCaCDmtbMvjzroEKyfIlXRxRfGvXYHKWcOlYZZ16A=", "C6nCaCDmtbMvjzroEKyfIlXRxRfGvXYHKWcOlYZZ16A%3D"),
            (1_700_000_000_001, "gfD1mcNAIt6vBRPpXZiza1gacclh3F+U+o2YvM1Jgfs=", "gfD1mcNAIt6vBRPpXZiza1gacclh3F%2BU%2Bo2YvM1Jgfs%3D"),
            (1_700_000_000_002, "OUf8HPQHaisvgRhRSvS3SqHAlVQXMrHX2tkr/fG9mEk=", "OUf8HPQHaisvgRhRSvS3SqHAlVQXMrHX2tkr%2FfG9mEk%3D"),
            (1_700_000_000_003, "Psf7FuPPJSm/qm7pVy24SQqB4fm5VHh9LmmJGM4YDj4=", "Psf7FuPPJSm%2Fqm7pVy24SQqB4fm5VHh9LmmJGM4YDj4%3D"),
        ] {
            let sign = signature(at, &secret);
            assert_eq!(sign, base64);
            assert_eq!(percent_encode(&sign), in_url);
            assert!(verify(at, &secret, base64));
            assert!(!verify(at + 1, &secret, base64));
            assert!(!verify(at, &secret, in_url), "encoded twice");
        }
    }
}
