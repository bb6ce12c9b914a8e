use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

/// DPoP nonces (RFC 9449 s8) as keyed MACs over the time of issue: unpredictable, good at every replica that has the
/// secret, and nothing to remember.
#[derive(Debug)]
pub struct Nonces {
    key: hmac::Key,
    /// Seconds since the epoch when this process started to remember proofs.
    started: i64,
}

/// Seconds that a nonce is good.
const LIFETIME: i64 = 300;
/// Seconds by which the clock of the replica that issued a nonce, or of a proof's maker, may be ahead.
const AHEAD: i64 = 5;
/// Named and versioned, so that the secret may serve other purposes too.
const CONTEXT: &[u8] = b"stint dpop nonce v1";

impl Nonces {
    /// `started` is when this process's `ReplayMemory` was made, in seconds since the epoch.
    pub fn new(secret: [u8; 32], started: i64) -> Self {
        Nonces { key: hmac::Key::new(hmac::HMAC_SHA256, &secret), started }
    }

    /// A nonce for the `DPoP-Nonce` header: 54 characters.
    pub fn issue(&self, now: i64) -> String {
        // Never of the second of the start, in which an earlier process may have issued some too.
        let issued = now.max(self.started.saturating_add(1)).to_be_bytes();
        let mut bytes = issued.to_vec();
        bytes.extend_from_slice(hmac::sign(&self.key, &message(issued)).as_ref());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Whether a nonce is ours and not older than five minutes.
    pub fn check(&self, nonce: &str, now: i64) -> bool {
        self.issued_at(nonce, now).is_some()
    }

    /// Whether a proof made at `iat` is known to be newer than this process, and its nonce, if it has one, good.
    ///
    /// A proof from before the start may have been used before the start, and nobody here remembers: it needs a nonce that
    /// was issued since. A nonce that is not good is refused whatever the `iat` says.
    pub fn accepts(&self, nonce: Option<&str>, iat: i64, now: i64) -> bool {
        let made_since = iat > self.started.saturating_add(AHEAD);
        match nonce {
            None => made_since,
            Some(nonce) => {
                self.issued_at(nonce, now).is_some_and(|issued| made_since || issued > self.started)
            }
        }
    }

    fn issued_at(&self, nonce: &str, now: i64) -> Option<i64> {
        let bytes: [u8; 40] = URL_SAFE_NO_PAD.decode(nonce).ok()?.try_into().ok()?;
        let (issued, tag) = bytes.split_first_chunk::<8>()?;
        hmac::verify(&self.key, &message(*issued), tag).ok()?;
        let issued = i64::from_be_bytes(*issued);
        let good = now.saturating_sub(LIFETIME)..=now.saturating_add(AHEAD);
        good.contains(&issued).then_some(issued)
    }
}

fn message(issued: [u8; 8]) -> Vec<u8> {
    [CONTEXT, &issued].concat()
}

#[cfg(test)]
mod tests {
    use super::Nonces;

    const START: i64 = 1_000_000;

    #[test]
    fn b07_a_nonce_is_good_for_five_minutes_at_every_replica_with_the_secret() {
        let (here, there, foreign) =
            (Nonces::new([1; 32], START), Nonces::new([1; 32], START - 900), Nonces::new([2; 32], START));
        let nonce = here.issue(START + 10);
        assert_eq!(nonce.len(), 54);
        assert!(here.check(&nonce, START + 10) && there.check(&nonce, START + 310));
        assert!(!here.check(&nonce, START + 311), "expired");
        assert!(!here.check(&nonce, START + 4), "from the future");
        assert!(!foreign.check(&nonce, START + 10), "foreign");
        for wrong in [
            "",
            "A",
            nonce.split_at(1).1,
            &format!("{nonce}="),
            &format!("A{nonce}"),
            &nonce.replace('A', "B"),
        ] {
            assert!(!here.check(wrong, START + 10), "{wrong}");
        }
    }

    #[test]
    fn b06_b07_a_proof_from_before_the_start_needs_a_nonce_from_after_it() {
        let before = Nonces::new([1; 32], START - 100);
        let after = Nonces::new([1; 32], START);
        let now = START + 1;
        assert!(!after.accepts(None, now, now));
        assert!(!after.accepts(Some(&before.issue(START)), now, now), "issued before the start");
        assert!(after.accepts(Some(&after.issue(START)), now, now));
        let later = START + 6;
        assert!(after.accepts(None, later, later));
        assert!(after.accepts(Some(&before.issue(START)), later, later));
        assert!(
            !after.accepts(Some("other"), later, later),
            "a wrong nonce is wrong even when none is needed"
        );
    }
}
