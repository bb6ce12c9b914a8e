use ring::hmac;

use super::base32;
use crate::secret::Secret;

/// Seconds of one step (RFC 6238 s4.1).
const STEP: i64 = 30;
const DIGITS: usize = 6;

/// The secret that an authenticator app shares with the broker (RFC 6238, HMAC-SHA-1, 6 digits, 30 seconds: what every
/// app takes).
pub struct OneTimeSecret(Secret);

impl OneTimeSecret {
    /// From 20 random bytes (RFC 4226 s4: 160 bits), or as it was kept.
    pub fn new(secret: Secret) -> Self {
        OneTimeSecret(secret)
    }

    /// The step of this code if it is good at `now` (unix seconds): of the present step, or of the one before or after
    /// (RFC 6238 s5.2), and later than the last one that was used. A code is good once (E19).
    pub fn step_of(&self, code: &str, now: i64, last: i64) -> Option<i64> {
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        if code.len() != DIGITS || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let present = now.div_euclid(STEP);
        (present - 1..=present + 1).find(|step| *step > last && same(&self.code(*step), &code))
    }

    /// The code of a step (RFC 4226 s5.3).
    pub fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.0.expose());
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let offset = tag.last().map_or(0, |byte| usize::from(byte & 15));
        let cut = tag.get(offset..offset + 4).and_then(|cut| cut.try_into().ok()).unwrap_or_default();
        format!("{:06}", (u32::from_be_bytes(cut) & 0x7fff_ffff) % 1_000_000)
    }

    /// For typing into an app, in groups of four.
    pub fn text(&self) -> String {
        let text = base32::encode(self.0.expose());
        let letters: Vec<char> = text.chars().collect();
        letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
    }

    /// For a camera: the URI that authenticator apps read. `person` is a name, which needs no escaping.
    pub fn uri(&self, person: &str) -> String {
        let secret = base32::encode(self.0.expose());
        format!(
            "otpauth://totp/Stint:{person}?secret={secret}&issuer=Stint&algorithm=SHA1&digits={DIGITS}&period={STEP}"
        )
    }
}

/// Takes as long wherever the two differ.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

impl std::fmt::Debug for OneTimeSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> OneTimeSecret {
        OneTimeSecret::new(Secret::new(b"12345678901234567890".to_vec()))
    }

    #[test]
    fn the_vectors_of_rfc_6238_appendix_b() {
        for (time, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(secret().code(time / 30), code);
            assert_eq!(secret().step_of(code, time, -1), Some(time / 30));
        }
    }

    #[test]
    fn e19_a_code_is_good_once_and_only_around_its_time() {
        let secret = secret();
        let code = secret.code(1000);
        for (now, good) in [
            (999 * 30, true),
            (1000 * 30, true),
            (1001 * 30 + 29, true),
            (1002 * 30, false),
            (998 * 30, false),
        ] {
            assert_eq!(secret.step_of(&code, now, -1).is_some(), good, "{now}");
        }
        assert_eq!(secret.step_of(&code, 30_000, 999), Some(1000));
        assert_eq!(secret.step_of(&code, 30_000, 1000), None, "used before");
        assert_eq!(secret.step_of(&secret.code(999), 30_000, 1000), None, "older than the one that was used");
        for wrong in ["", "000000000000", "12345", "1234567", "abcdef", "１２３４５６"] {
            assert_eq!(secret.step_of(wrong, 30_000, -1), None, "{wrong}");
        }
    }

    #[test]
    fn it_is_shown_as_apps_take_it_and_hidden_otherwise() {
        assert_eq!(secret().text(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert!(
            secret().uri("alice").starts_with(
                "otpauth://totp/Stint:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Stint&"
            )
        );
        assert_eq!(format!("{:?}", secret()), "[redacted]");
    }
}
