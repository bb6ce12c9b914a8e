//! Base64url without padding, one encoding per value (RFC 4648 s3.5, s5; RFC 7515 s2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// `None` for padding, another alphabet, white space, or a last character with bits that the value does not need.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Exactly `N` bytes.
pub(crate) fn decode_exact<const N: usize>(text: &str) -> Option<[u8; N]> {
    decode(text)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::{decode, decode_exact, encode};

    #[test]
    fn a19_one_encoding_per_value() {
        assert_eq!(encode([0xff, 0xef]), "_-8");
        assert_eq!(decode("_-8"), Some(vec![0xff, 0xef]));
        for other in ["_-9", "_-8=", "/+8", "_-8\n", " _-8", "_-", "_", "_-8A=", "_-8\u{0}"] {
            assert_ne!(decode(other), Some(vec![0xff, 0xef]), "{other:?}");
        }
        for refused in ["_-9", "_-8=", "/+8", "_-8\n", "_", "é"] {
            assert_eq!(decode(refused), None, "{refused:?}");
        }
        assert_eq!(decode_exact::<3>("_-8"), None);
    }
}
