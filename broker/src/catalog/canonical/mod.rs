//! The one canonical form of a request. Whatever is not already in it is refused, never repaired.
//!
//! Two readers of one request (this room and the provider) must not be able to understand two things. So nothing is
//! decoded, lowered, joined or cut here; a request whose bytes a careless reader could normalise into another request
//! gets a refusal that says what to write instead. The only changes are to headers: those that belong to one
//! connection, that claim who asks or where from, or that carry a credential are left out.

mod headers;
mod target;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::refusal::{Refusal, code};
use crate::model::Request;

pub use target::decode;

/// What requests to a provider may look like, beside what is so for all.
#[derive(Debug, Clone, Copy)]
pub struct Provider<'a> {
    /// Lower case.
    pub hosts: &'a [String],
    /// Whether a path may end in a slash: where the pack has paths that do. It is then part of the path, and a path
    /// without it is another one.
    pub slash_at_end: bool,
}

const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// `host` is the bare host that the request is for, `target` the raw path and query as received. `body` is the body after transfer coding: whole, or its beginning where more follows.
pub fn request(
    method: &str,
    host: &str,
    target: &str,
    headers: &HeaderMap,
    body: Bytes,
    partial: bool,
    provider: Provider<'_>,
) -> Result<Request, Refusal> {
    let method = METHODS.into_iter().find(|known| known.as_str() == method).ok_or_else(|| {
        Refusal::new(
            code::METHOD_REFUSED,
            "methods are GET HEAD POST PUT PATCH DELETE OPTIONS, in upper case",
        )
    })?;
    if !provider.hosts.iter().any(|known| known == host) {
        let detail = format!("the host is none of {}, written exactly so", provider.hosts.join(", "));
        return Err(Refusal::new(code::UNKNOWN_HOST, detail));
    }
    let (path, query) = target::split(target, provider.slash_at_end)?;
    let bodiless = matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
    if bodiless && !body.is_empty() {
        return Err(Refusal::new(code::BODY_REFUSED, format!("{method} takes no body")));
    }
    let headers = headers::end_to_end(headers, body.len(), partial)?;
    target::refuse_form_override(&headers, &body, partial)?;
    Ok(Request {
        method,
        host: host.to_owned(),
        path: path.to_owned(),
        query: query.map(str::to_owned),
        headers,
        body,
        partial,
    })
}
