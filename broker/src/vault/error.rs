use thiserror::Error;

/// What goes wrong in the vault. Says nothing about keys, plaintexts or why a ciphertext does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Error {
    /// No KEK is held: the broker is sealed and can open nothing.
    #[error("the broker is sealed")]
    Sealed,
    /// The key file or passphrase is not the one that this store was sealed with.
    #[error("the key or passphrase is not the one that this store was sealed with")]
    WrongKey,
    /// The key file's text, or the stored seal, is not of the form that this version writes.
    #[error("not a key file or seal of this version: {0}")]
    Form(&'static str),
    /// A secret that cannot be stored; the text says what is wrong with it and holds nothing of it.
    #[error("the secret cannot be used: {0}")]
    Secret(&'static str),
    /// Permit, receipt, credential, carrier or request do not belong together.
    #[error("the credential is not permitted here")]
    NotPermitted,
    /// Sealing or opening failed. Deliberately without a cause.
    #[error("the vault could not do this")]
    Failed,
}

impl From<ring::error::Unspecified> for Error {
    fn from(_: ring::error::Unspecified) -> Self {
        Error::Failed
    }
}
