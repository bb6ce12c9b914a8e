//! Who calls the token endpoint: `private_key_jwt` (RFC 7523).

use stint_jose::{ClientAssertion, Jwk};

use super::{Error, Tokens};

/// Who an assertion says its maker is, unchecked: to find the key for `verify_client`.
pub fn claimed_client(assertion: &str) -> Result<String, Error> {
    ClientAssertion::claimed_client(assertion).map_err(Error::Client)
}

/// Check that an assertion was made by `client_id`, with its registered key, for this issuer.
///
/// The `kid` in it is the client's own word for its key and chooses nothing. Single use is for the caller: the `jti`
/// goes to the store until `expires_at`.
pub fn verify_client(
    tokens: &Tokens,
    assertion: &str,
    client_id: &str,
    key: &Jwk,
    now: i64,
) -> Result<ClientAssertion, Error> {
    ClientAssertion::verify(assertion, client_id, tokens.issuer(), now, &|_| Some(key.clone()))
        .map_err(Error::Client)
}
