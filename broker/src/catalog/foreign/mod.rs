//! Credentials that come from downstream: the session's placeholders, and everything else that is or looks like one.
//!
//! Two rules. In a *carrier* (a header or query key that credentials travel in) whatever is not exactly one of the
//! session's placeholders is foreign, whether or not its shape is known. Anywhere else (path, query, body) a text is
//! foreign if it has the shape of a well-known key, or is random and stands behind a name that only credentials have
//! (`context`). Both are read as the provider might read them: Basic is taken apart, escapes and base64 are undone, twice.

mod context;
mod keys;
mod scan;

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use http::HeaderMap;

use super::pack::Manifest;
use crate::model::Placeholder;
use crate::secret::Secret;

pub use keys::Keys;

/// A refusal names a few; nobody reads more.
const MOST: usize = 16;

/// A request as it came from downstream, before it is made canonical.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    pub headers: &'a HeaderMap,
    /// Raw path.
    pub path: &'a str,
    /// Raw query, without the `?`.
    pub query: Option<&'a str>,
    pub body: &'a [u8],
}

/// What a request carries.
#[derive(Debug, Default)]
pub struct Carried {
    /// Those of the session's placeholders that stood in a carrier, each once.
    pub placeholders: Vec<Placeholder>,
    /// At most 16.
    pub foreign: Vec<Foreign>,
}

/// A credential that this session was not given.
#[derive(Debug)]
pub struct Foreign {
    /// `header authorization`, `query access_token`, `path`, `body`.
    pub carrier: String,
    /// Name of its shape, `railway token`; `credential` for one of no known shape.
    pub kind: String,
    /// For a keyed digest; never for a message.
    pub value: Secret,
}

/// Whether credentials travel in a header of this name (lower case; `_` counts as `-`).
pub fn is_carrier(name: &str) -> bool {
    let name = name.replace('_', "-");
    let known = ["authorization", "cookie", "cookie2", "x-apikey", "apikey", "api-key", "token"];
    let innocent = ["idempotency-key", "x-idempotency-key", "surrogate-key", "sec-websocket-key"];
    let ends = [
        "-authorization",
        "-token",
        "-api-key",
        "-apikey",
        "-key",
        "-secret",
        "-password",
        "-credential",
        "-credentials",
        "-jwt",
    ];
    known.contains(&name.as_str())
        || name.starts_with("x-auth-")
        || (ends.iter().any(|end| name.ends_with(end)) && !innocent.contains(&name.as_str()))
}

impl Keys {
    pub fn find(&self, parts: &Parts<'_>, placeholders: &[Placeholder]) -> Carried {
        let mut look = Look { keys: self, placeholders, carried: Carried::default() };
        for (name, value) in parts.headers {
            look.header(name.as_str(), value.as_bytes());
        }
        if let Some(query) = parts.query {
            for (key, value) in form_urlencoded::parse(query.as_bytes()) {
                // Even a placeholder: a credential in a query ends up in every log on the way.
                if self.is_query_carrier(&key) && !value.is_empty() {
                    look.foreign(&format!("query {}", key.to_ascii_lowercase()), value.as_bytes());
                }
            }
            look.search("query", query.as_bytes());
        }
        look.search("path", parts.path.as_bytes());
        look.search("body", parts.body);
        look.carried
    }
}

/// One search through one request.
struct Look<'a> {
    keys: &'a Keys,
    placeholders: &'a [Placeholder],
    carried: Carried,
}

impl Look<'_> {
    fn header(&mut self, name: &str, value: &[u8]) {
        // What the sidecar hands on of the command's own header is judged as that header.
        let name = match name {
            stint_api::HEADER_DOWNSTREAM_AUTHORIZATION => "authorization",
            _ if name.starts_with("stint-") || name == "dpop" => return,
            _ => name,
        };
        let carrier = format!("header {name}");
        let plain = name.replace('_', "-");
        if plain == "cookie" {
            self.cookies(&carrier, value);
        } else if plain.ends_with("authorization") {
            self.authorization(&carrier, value);
        } else if is_carrier(name) || self.keys.is_header_carrier(name) {
            self.whole(&carrier, value);
        } else {
            self.search(&carrier, value);
        }
    }

    /// `scheme credentials`, RFC 9110 s11.6.2; Basic is RFC 7617.
    fn authorization(&mut self, carrier: &str, value: &[u8]) {
        let value = value.trim_ascii();
        let (scheme, rest) = match value.iter().position(u8::is_ascii_whitespace) {
            Some(at) => value.split_at_checked(at).unwrap_or((value, &[])),
            None => (&[][..], value),
        };
        let rest = rest.trim_ascii();
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return self.whole(carrier, rest);
        }
        let decoded = STANDARD.decode(rest).or_else(|_| STANDARD_NO_PAD.decode(rest));
        let Ok(decoded) = decoded else { return self.foreign(carrier, rest) };
        let at = decoded.iter().position(|byte| *byte == b':').unwrap_or(decoded.len());
        let (user, password) = decoded.split_at_checked(at).unwrap_or((&decoded, &[]));
        let password = password.strip_prefix(b":").unwrap_or(password);
        self.basic(carrier, user, password);
    }

    /// One half is the credential and the other names an account, or nothing. A half counts as a name only beside a
    /// placeholder, and only if it has not the shape of a key.
    fn basic(&mut self, carrier: &str, user: &[u8], password: &[u8]) {
        let halves = [user, password];
        let given = halves.iter().any(|half| self.is_placeholder(half));
        for half in halves {
            if given && !self.is_placeholder(half) && self.keys.whole(half).is_none() {
                continue;
            }
            self.whole(carrier, half);
        }
    }

    fn cookies(&mut self, carrier: &str, value: &[u8]) {
        for pair in value.split(|byte| *byte == b';').map(<[u8]>::trim_ascii) {
            let at = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = at.and_then(|at| pair.split_at_checked(at)).unwrap_or((&[], pair));
            // Set by a provider's front door on every answer, and sent back by ordinary clients: they prove nothing.
            let door: [&[u8]; 4] = [b"__cf_bm", b"_cfuvid", b"__cflb", b"cf_clearance"];
            if !door.contains(&name) {
                self.whole(carrier, value.strip_prefix(b"=").unwrap_or(value));
            }
        }
    }

    /// A value that is a credential as a whole.
    fn whole(&mut self, carrier: &str, value: &[u8]) {
        let value = value.trim_ascii();
        if value.is_empty() {
            return;
        }
        match self.placeholders.iter().find(|placeholder| placeholder.0.as_bytes() == value) {
            Some(placeholder) if self.carried.placeholders.contains(placeholder) => {}
            Some(placeholder) => self.carried.placeholders.push(placeholder.clone()),
            None => self.foreign(carrier, value),
        }
    }

    /// A text that may hold keys.
    fn search(&mut self, carrier: &str, text: &[u8]) {
        let keys = self.keys;
        for (kind, value) in keys.search(text) {
            if !self.is_placeholder(&value) {
                self.add(carrier, kind, value);
            }
        }
    }

    fn foreign(&mut self, carrier: &str, value: &[u8]) {
        let keys = self.keys;
        let kind = keys.whole(value).unwrap_or("credential");
        self.add(carrier, kind, value.to_vec());
    }

    fn add(&mut self, carrier: &str, kind: &str, value: Vec<u8>) {
        let known = |other: &Foreign| other.carrier == carrier && other.kind == kind;
        if self.carried.foreign.len() < MOST && !self.carried.foreign.iter().any(known) {
            let foreign =
                Foreign { carrier: carrier.to_owned(), kind: kind.to_owned(), value: Secret::new(value) };
            self.carried.foreign.push(foreign);
        }
    }

    fn is_placeholder(&self, value: &[u8]) -> bool {
        self.placeholders.iter().any(|placeholder| placeholder.0.as_bytes() == value)
    }
}

/// What the packs say about carriers must agree with what [`is_carrier`] removes from every request.
pub(super) fn unknown_carrier(manifest: &Manifest) -> Option<&str> {
    manifest.carriers.iter().map(String::as_str).find(|name| !is_carrier(name))
}
