use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{CredentialId, Name};

/// A credential's metadata: everything but the secret.
#[derive(Debug, Clone)]
pub struct CredentialRow {
    pub id: CredentialId,
    pub name: Name,
    /// Pack name.
    pub provider: String,
    /// Kind as the pack lists it.
    pub kind: String,
    /// Environment that it is pinned to.
    pub environment: Option<Name>,
    pub upstream: Upstream,
    /// Version in use, counted from 1.
    pub version: i64,
    /// 12 hex digits of a keyed digest.
    pub fingerprint: String,
    pub created_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
    /// Of a secret that was taken out of a provider's answer.
    pub captured: Option<Captured>,
}

pub use stint_api::Captured;

/// Where requests with a credential are sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Upstream {
    /// `https://127.0.0.1:8443`, no path; `None` means the host that the request names, over TLS on port 443.
    pub url: Option<String>,
    /// PEM certificates to trust instead of the system's roots.
    pub ca: Option<String>,
}

/// One sealed secret, as stored. `version` and `credential` are bound into the ciphertext.
#[derive(Debug, Clone)]
pub struct SecretVersion {
    pub credential: CredentialId,
    pub version: i64,
    pub sealed: Sealed,
    pub created_at: DateTime<Utc>,
}

/// An envelope: a secret under its own data key, and that key under the key-encryption key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Names the KEK that wrapped the data key.
    pub kek: String,
    /// Salt, wrapped key, tag.
    pub wrapped_key: Vec<u8>,
    /// Salt, ciphertext, tag.
    pub ciphertext: Vec<u8>,
}

/// How a provider wants a credential carried: chosen by the pack, never by a caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carrier {
    /// Header name, lower case.
    pub header: String,
    /// `Bearer {}`: the secret stands for `{}`. `Basic user:{}` is written in base64 (RFC 7617 s2).
    pub format: String,
    /// A second header, lower case: for what stands before the first `:` of the secret, which is then no part of what
    /// `header` carries (`EMAIL:KEY`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_header: Option<String>,
}

impl Carrier {
    /// One header, with the secret in the place of `{}`.
    pub fn new(header: impl Into<String>, format: impl Into<String>) -> Self {
        Carrier { header: header.into(), format: format.into(), user_header: None }
    }

    /// The headers that it fills.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        [Some(&self.header), self.user_header.as_ref()].into_iter().flatten().map(String::as_str)
    }
}
