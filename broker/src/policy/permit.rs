use crate::model::CredentialId;

/// Proof that a decision allowed *this* request with *this* credential, once.
///
/// INVARIANT: only `policy` makes one. It is neither `Clone` nor `Copy`, so what takes it by value uses it up.
#[derive(Debug)]
#[must_use = "a permit that is not used allows nothing"]
pub struct Permit {
    credential: CredentialId,
    digest: [u8; 32],
    purpose: Purpose,
}

/// What the credential is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A request of an agent, as judged.
    Request,
    /// A read-only look-up of the broker's own, from the pack's list.
    Lookup,
    /// A snapshot that a policy wants before a request goes on, as the pack says it is taken.
    Snapshot,
}

impl Permit {
    pub(in crate::policy) fn new(credential: CredentialId, digest: [u8; 32], purpose: Purpose) -> Self {
        Permit { credential, digest, purpose }
    }

    /// For the unit tests of the room that takes permits; no build but a test's has it.
    #[cfg(test)]
    pub(crate) fn for_test(credential: CredentialId, digest: [u8; 32]) -> Self {
        Permit::new(credential, digest, Purpose::Request)
    }

    pub fn credential(&self) -> &CredentialId {
        &self.credential
    }

    /// SHA-256 of the canonical request that was judged.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    pub fn purpose(&self) -> Purpose {
        self.purpose
    }
}
