//! Which 32 bytes are an Ed25519 public key worth having (RFC 8032 s5.1.3 and s5.1.7).

/// `y` of the points whose order divides 8: with one of these as the key, a signature can be made by anybody for
/// any message, and ring would accept it.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    little_endian(1),
    // p - 1
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
    // The two `y` of order 8.
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

/// False for a small-order point, and for a `y` that is not reduced modulo p: one point has one encoding, so that one
/// key has one thumbprint. Whether the point is on the curve is left to ring, which refuses at verification.
pub(crate) fn is_sound(key: &[u8; 32]) -> bool {
    let mut y = *key;
    // The top bit is the sign of x.
    y[31] &= 0x7f;
    is_reduced(&y) && !SMALL_ORDER.contains(&y)
}

/// Whether `y` (255 bits) is below p = 2^255 - 19.
fn is_reduced(y: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = y;
    !(*high == 0x7f && *low >= 0xed && middle.iter().all(|byte| *byte == 0xff))
}

const fn little_endian(low: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = low;
    bytes
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::{SMALL_ORDER, is_sound};

    /// `s = 0` and `R` the neutral element: valid for a key of small order whenever the hash is a multiple of its order.
    fn forged() -> [u8; 64] {
        let mut signature = [0; 64];
        signature[0] = 1;
        signature
    }

    #[test]
    fn a05_every_refused_point_is_one_for_which_ring_accepts_a_forgery() {
        for y in SMALL_ORDER {
            for sign in [0, 0x80] {
                let mut key = y;
                key[31] |= sign;
                assert!(!is_sound(&key), "{key:?}");
            }
            // Without the sign bit each is a point on the curve.
            let accepted = (0..=255u8)
                .any(|message| UnparsedPublicKey::new(&ED25519, y).verify(&[message], &forged()).is_ok());
            assert!(accepted, "not of small order: {y:?}");
        }
    }

    #[test]
    fn a05_an_unreduced_encoding_is_refused() {
        for low in 0xed..=0xff {
            for high in [0x7f, 0xff] {
                let mut key = [0xff; 32];
                (key[0], key[31]) = (low, high);
                assert!(!is_sound(&key));
            }
        }
        let mut largest = [0xff; 32];
        (largest[0], largest[31]) = (0xeb, 0x7f);
        assert!(is_sound(&largest));
    }
}
