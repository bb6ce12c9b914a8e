//! Requests made ahead of time, so that signing them is no part of what is measured.

use std::fmt::Write as _;

use http::Method;
use stint::api::Holder;
use stint::clock::Clock;
use stint_api::CLIENT_ASSERTION_TYPE;
use stint_jose::{ClientAssertion, NewAssertion, NewProof, Proof};

use crate::Result;

/// The bytes of requests, one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Supply {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Supply {
    pub(crate) fn push(&mut self, request: &str) {
        self.bytes.extend_from_slice(request.as_bytes());
        self.ends.push(self.bytes.len());
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).filter_map(|(start, end)| self.bytes.get(start..*end))
    }

    /// The same request so many times.
    pub(crate) fn same(request: &str, count: usize) -> Self {
        let mut supply = Supply::default();
        (0..count).for_each(|_| supply.push(request));
        supply
    }
}

/// What goes to the gateway, but for the proof.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// `/gateway/{credential}/{path}`
    pub(crate) path: String,
    /// More header lines, each with its end.
    pub(crate) headers: String,
    /// Made for the number of the request, so that no two bodies are alike.
    pub(crate) body: fn(usize) -> String,
}

/// Requests for tokens of one session: an assertion and a proof each (RFC 7523 s2.2, RFC 9449 s5).
pub(crate) fn mints(holder: &Holder, count: usize) -> Result<Supply> {
    let identity = holder.identity();
    let (host, path) = split(&identity.token_endpoint)?;
    let clock = Clock::system();
    let mut supply = Supply::default();
    for _ in 0..count {
        let (one, other) = (clock.unguessable()?, clock.unguessable()?);
        let iat = clock.unix();
        let new = NewAssertion { client_id: &identity.client_id, audience: &identity.issuer, jti: &one, iat };
        let assertion = ClientAssertion::make(holder.key(), None, &new)?;
        let proof = NewProof {
            htm: "POST",
            htu: &identity.token_endpoint,
            access_token: None,
            nonce: None,
            jti: &other,
            iat,
        };
        let proof = Proof::make(holder.key(), &proof)?;
        // Neither an assertion nor a type holds what a form escapes, but for the colons, which may stand.
        let body = format!(
            "grant_type=client_credentials&client_id={}&client_assertion_type={CLIENT_ASSERTION_TYPE}&client_assertion={assertion}",
            identity.client_id
        );
        supply.push(&format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-www-form-urlencoded\r\ndpop: {proof}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ));
    }
    Ok(supply)
}

/// Requests to the gateway of one session, each with a proof of its own.
pub(crate) async fn calls(holder: &Holder, base: &str, call: &Call, count: usize) -> Result<Supply> {
    let token = holder.token().await?;
    let (host, _) = split(base)?;
    let url = format!("{base}{}", call.path);
    let mut supply = Supply::default();
    let mut request = String::new();
    for number in 0..count {
        let proof = holder.proof(&call.method, &url, Some(&token))?;
        let body = (call.body)(number);
        request.clear();
        write!(
            request,
            "{} {} HTTP/1.1\r\nhost: {host}\r\nauthorization: DPoP {}\r\ndpop: {}\r\n{}",
            call.method,
            call.path,
            token.access_token.expose(),
            proof.to_str()?,
            call.headers
        )?;
        if !body.is_empty() {
            write!(request, "content-length: {}\r\n", body.len())?;
        }
        write!(request, "\r\n{body}")?;
        supply.push(&request);
    }
    Ok(supply)
}

/// Host with port, and path.
fn split(url: &str) -> Result<(&str, &str)> {
    let rest = url.strip_prefix("http://").ok_or("the broker is not at a plain URL")?;
    let at = rest.find('/').unwrap_or(rest.len());
    Ok(rest.split_at_checked(at).unwrap_or((rest, "")))
}
