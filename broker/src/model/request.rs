use bytes::Bytes;
use http::{HeaderMap, Method};
use ring::digest::{Context, Digest, SHA256};

/// A request in canonical form: what is judged, and what is sent.
///
/// Made by `catalog::canonical` only from input that already *is* canonical; anything else is refused there.
/// `headers` are end-to-end headers without hop-by-hop, identity or credential-shaped ones.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    /// Lower case, no port, no trailing dot: a host of the pack.
    pub host: String,
    /// Starts with `/`. Canonical: no dot segments, empty segments, encoded separators or needless escapes.
    pub path: String,
    /// Without the `?`.
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Whether more follows after `body`, which nobody has read: what decides must be content to know only the beginning.
    pub partial: bool,
}

impl Request {
    /// Path and query, as in a request line.
    pub fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// Whether it calls itself gRPC: its answer ends with a status in the trailers.
    pub fn is_grpc(&self) -> bool {
        let kind = self.headers.get(http::header::CONTENT_TYPE);
        kind.is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"application/grpc"))
    }

    pub fn header(&self, name: http::header::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// SHA-256 over method, host, target, content type and body, each with its length before it.
    ///
    /// Approvals are bound to it: a request that differs in anything that could change its meaning has another digest.
    /// Of a partial request it covers the beginning, which is why no approval is bound to one.
    pub fn digest(&self) -> Digest {
        let mut context = Context::new(&SHA256);
        context.update(b"stint request v1\n");
        let content_type = self.headers.get(http::header::CONTENT_TYPE).map_or(&b""[..], |v| v.as_bytes());
        let target = self.target();
        for part in [
            self.method.as_str().as_bytes(),
            self.host.as_bytes(),
            target.as_bytes(),
            content_type,
            &self.body,
        ] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        if self.partial {
            context.update(b"and more");
        }
        context.finish()
    }
}

/// Lower-case hex of a digest.
pub fn digest_hex(bytes: impl AsRef<[u8]>) -> String {
    use std::fmt::Write as _;
    bytes.as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
