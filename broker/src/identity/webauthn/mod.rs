//! Passkeys: Web Authentication Level 3 (W3C), the relying party's half, verified by hand on ring.
//!
//! No attestation is asked for and none is believed: who made an authenticator decides nothing here.

mod cose;
mod data;

use ring::digest::{SHA256, digest};
use serde::Deserialize;
use thiserror::Error;

use cose::PublicKey;
use data::AuthenticatorData;

/// Most bytes of any one part that a browser sends.
const MOST: usize = 16 * 1024;

/// Why a ceremony is not good. The text is for the log and the record: it holds nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Refused(pub &'static str);

pub type Result<T> = std::result::Result<T, Refused>;

/// The broker as browsers know it: its host, and its origin (s5.1.2, s13.4.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    id: String,
    origin: String,
}

/// What a browser sends after `navigator.credentials.create()` (s5.2.1).
#[derive(Debug, Clone, Copy)]
pub struct Registration<'a> {
    pub client_data: &'a [u8],
    pub attestation: &'a [u8],
}

/// What a browser sends after `navigator.credentials.get()` (s5.2.2).
#[derive(Debug, Clone, Copy)]
pub struct Assertion<'a> {
    pub client_data: &'a [u8],
    pub authenticator_data: &'a [u8],
    pub signature: &'a [u8],
}

/// A credential that was registered just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    pub id: Vec<u8>,
    /// The COSE key, as it came.
    pub public: Vec<u8>,
    pub counter: u32,
    /// Whether it may be copied to other devices (BE).
    pub eligible: bool,
}

/// A credential as it is kept (s4, credential record).
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    pub public: &'a [u8],
    pub counter: u32,
    pub eligible: bool,
}

/// s5.8.1. Members that are not known are passed over, as the standard wants.
#[derive(Debug, Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: bool,
    #[serde(default, rename = "topOrigin")]
    top_origin: Option<String>,
}

/// The challenge that a browser says it answers, as base64url. Whether it is one of ours is for the caller to find out.
pub fn challenge_of(client_data: &[u8]) -> Result<String> {
    ClientData::parse(client_data).map(|data| data.challenge)
}

// === impl RelyingParty ===

impl RelyingParty {
    /// `None` where browsers have no passkeys: on an IP address, which is no valid RP ID (s5.1.2), and over plain HTTP
    /// from another machine, which is no secure context.
    pub fn of(origin: &str) -> Option<Self> {
        let (host, secure) = match (origin.strip_prefix("https://"), origin.strip_prefix("http://")) {
            (Some(host), _) => (host, true),
            (None, Some(host)) => (host, false),
            (None, None) => return None,
        };
        let host = host.split(['/', ':']).next().unwrap_or_default();
        let local = host == "localhost" || host.ends_with(".localhost");
        let named = !host.is_empty() && !host.starts_with('[');
        // The last label of a name is never a number (WHATWG URL s3.5): 127.0.0.1 and 127.1 are addresses.
        let last = host.rsplit('.').next().unwrap_or_default();
        let number = last.starts_with(|c: char| c.is_ascii_digit());
        (named && !number && (secure || local))
            .then(|| RelyingParty { id: host.to_owned(), origin: origin.to_owned() })
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// s7.1, for an answer to `challenge`, which the caller has found to be its own, unused and in time.
    pub fn register(&self, registration: &Registration<'_>, challenge: &str) -> Result<Registered> {
        self.check_client(registration.client_data, "webauthn.create", challenge)?;
        if registration.attestation.len() > MOST {
            return Err(Refused("the attestation is too long"));
        }
        // Any statement but none is passed over: it was not asked for (s8.7).
        let bytes = data::attested(registration.attestation)?;
        let data = AuthenticatorData::parse(&bytes)?;
        self.check_data(&data)?;
        let credential = data.credential.ok_or(Refused("no credential was made"))?;
        // s7.1: a credential id is at most 1023 bytes long.
        if credential.id.is_empty() || credential.id.len() > 1023 {
            return Err(Refused("the credential id has no valid length"));
        }
        PublicKey::parse(&credential.public)?;
        Ok(Registered {
            id: credential.id,
            public: credential.public,
            counter: data.counter,
            eligible: data.eligible,
        })
    }

    /// s7.2, for an answer to `challenge`, which the caller has found to be its own, unused and in time. Answers the
    /// counter to keep.
    pub fn authenticate(&self, assertion: &Assertion<'_>, challenge: &str, kept: &Kept<'_>) -> Result<u32> {
        self.check_client(assertion.client_data, "webauthn.get", challenge)?;
        if assertion.authenticator_data.len() > MOST || assertion.signature.len() > MOST {
            return Err(Refused("the assertion is too long"));
        }
        let data = AuthenticatorData::parse(assertion.authenticator_data)?;
        self.check_data(&data)?;
        if data.eligible != kept.eligible {
            return Err(Refused("the passkey has become another kind of passkey"));
        }
        let mut signed = assertion.authenticator_data.to_vec();
        signed.extend_from_slice(digest(&SHA256, assertion.client_data).as_ref());
        PublicKey::parse(kept.public)?.verify(&signed, assertion.signature)?;
        // s6.1.1: a counter that does not go on belongs to a copy.
        if (data.counter != 0 || kept.counter != 0) && data.counter <= kept.counter {
            return Err(Refused("the counter did not go on: the passkey may have been copied"));
        }
        Ok(data.counter)
    }

    fn check_client(&self, client_data: &[u8], kind: &str, challenge: &str) -> Result<()> {
        let client = ClientData::parse(client_data)?;
        if client.kind != kind {
            return Err(Refused("the client data is of another ceremony"));
        }
        if client.challenge != challenge {
            return Err(Refused("the challenge is another"));
        }
        if client.origin != self.origin {
            return Err(Refused("the client data is of another origin"));
        }
        if client.cross_origin || client.top_origin.is_some() {
            return Err(Refused("the ceremony was in a frame of another origin"));
        }
        Ok(())
    }

    /// What holds for both ceremonies (s7.1, s7.2): the RP ID, UP, UV, and BS only with BE (s6.1.3).
    fn check_data(&self, data: &AuthenticatorData) -> Result<()> {
        if data.rp_id_hash != digest(&SHA256, self.id.as_bytes()).as_ref() {
            return Err(Refused("the authenticator answered for another host"));
        }
        if !data.present {
            return Err(Refused("nobody was present"));
        }
        if !data.verified {
            return Err(Refused("the authenticator did not verify its user"));
        }
        if data.backed_up && !data.eligible {
            return Err(Refused("the backup flags contradict each other"));
        }
        Ok(())
    }
}

impl ClientData {
    fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MOST {
            return Err(Refused("the client data is too long"));
        }
        serde_json::from_slice(bytes).map_err(|_| Refused("the client data cannot be read"))
    }
}

#[cfg(test)]
mod tests {
    use super::RelyingParty;

    #[test]
    fn only_named_hosts_in_secure_contexts_have_passkeys() {
        for (origin, id) in [
            ("https://stint.example", "stint.example"),
            ("https://stint.example:8443", "stint.example"),
            ("http://localhost:7380", "localhost"),
            ("http://a.localhost", "a.localhost"),
        ] {
            assert_eq!(RelyingParty::of(origin).map(|party| party.id), Some(id.to_owned()), "{origin}");
        }
        for origin in [
            "http://127.0.0.1:7380",
            "https://127.0.0.1",
            "https://127.1",
            "https://[::1]:7380",
            "http://stint.example",
            "ftp://localhost",
            "https://",
        ] {
            assert_eq!(RelyingParty::of(origin), None, "{origin}");
        }
    }
}
