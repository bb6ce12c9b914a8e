use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::super::foreign;
use super::super::refusal::{Refusal, code};

const COUNT: usize = 100;
const SIZE: usize = 64 * 1024;

/// Headers that may appear once.
const SINGLE: [HeaderName; 8] = [
    header::HOST,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::TRANSFER_ENCODING,
    header::EXPECT,
    header::RANGE,
    header::UPGRADE,
];

/// Of one connection (RFC 9110 s7.6.1), or made anew by the client that sends the request on. A range is among them
/// because the piece of an answer that it asks for could begin inside a secret, where no search finds it; a server may
/// always answer with the whole (RFC 9110 s14.2).
const DROPPED: [&str; 20] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "dpop",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "if-range",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "true-client-ip",
];

/// Claims about who asks, from where, or for what; our own names.
const DROPPED_PREFIXES: [&str; 10] = [
    "cf-",
    "stint-",
    "x-accel-",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-",
    "x-forwarded",
    "x-original-",
    "x-real-ip",
    "x-rewrite-",
];

const OVERRIDES: [&str; 4] = ["x-http-method", "x-http-method-override", "x-method", "x-method-override"];

/// The headers that go on, or why the request cannot be judged by them.
pub(super) fn end_to_end(headers: &HeaderMap, read: usize, partial: bool) -> Result<HeaderMap, Refusal> {
    limits(headers)?;
    for name in &SINGLE {
        if headers.get_all(name).iter().nth(1).is_some() {
            return Err(Refusal::new(code::REPEATED_HEADER, format!("'{name}' appears twice")));
        }
    }
    framing(headers, read, partial)?;
    if let Some(value) = headers.get(header::CONTENT_TYPE) {
        content_type(value)?;
    }
    let named = connection(headers)?;
    let mut kept = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let text = name.as_str();
        if OVERRIDES.contains(&text.replace('_', "-").as_str()) {
            return Err(Refusal::new(code::METHOD_OVERRIDE, format!("'{text}' asks for another method")));
        }
        if !dropped(text) && !named.iter().any(|other| other == text) {
            kept.append(name, value.clone());
        }
    }
    // A compressed answer could not be searched for secrets.
    kept.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    Ok(kept)
}

fn limits(headers: &HeaderMap) -> Result<(), Refusal> {
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if headers.len() > COUNT || size > SIZE {
        return Err(Refusal::new(
            code::HEADERS_TOO_LARGE,
            format!("more than {COUNT} headers or {SIZE} bytes"),
        ));
    }
    for (name, value) in headers {
        if !value.as_bytes().iter().all(|byte| matches!(byte, b'\t' | 0x20..=0x7E)) {
            return Err(Refusal::new(
                code::MALFORMED_HEADER,
                format!("the value of '{name}' is not plain ASCII"),
            ));
        }
    }
    Ok(())
}

/// One length, and the true one (RFC 9112 s6): of a body whose beginning was read, no shorter than that.
fn framing(headers: &HeaderMap, read: usize, partial: bool) -> Result<(), Refusal> {
    let wrong = |detail: &str| Err(Refusal::new(code::AMBIGUOUS_FRAMING, detail));
    let length = headers.get(header::CONTENT_LENGTH);
    if let Some(coding) = headers.get(header::TRANSFER_ENCODING) {
        if coding != "chunked" {
            return wrong("a transfer coding other than 'chunked'");
        }
        if length.is_some() {
            return wrong("both a length and a transfer coding");
        }
    }
    if let Some(length) = length {
        let digits = length.as_bytes();
        let given = length.to_str().ok().and_then(|text| text.parse::<usize>().ok());
        if !digits.iter().all(u8::is_ascii_digit)
            || !given.is_some_and(|given| if partial { given >= read } else { given == read })
        {
            return wrong("the length is not that of the body");
        }
    }
    if let Some(coding) = headers.get(header::CONTENT_ENCODING)
        && coding != "identity"
    {
        return Err(Refusal::new(code::ENCODED_BODY, "send the body without a content coding"));
    }
    if let Some(expect) = headers.get(header::EXPECT)
        && !expect.as_bytes().eq_ignore_ascii_case(b"100-continue")
    {
        return Err(Refusal::new(code::EXPECTATION_REFUSED, "the only expectation is 100-continue"));
    }
    if headers.contains_key(header::UPGRADE) || headers.contains_key("http2-settings") {
        return Err(Refusal::new(code::UPGRADE_REFUSED, "connection upgrades are not carried"));
    }
    Ok(())
}

/// `type/subtype` with at most one charset, and that UTF-8.
fn content_type(value: &HeaderValue) -> Result<(), Refusal> {
    let refuse = |detail: &str| Err(Refusal::new(code::CHARSET_REFUSED, detail));
    let text = value.to_str().unwrap_or_default();
    let mut parts = text.split(';');
    let essence = parts.next().unwrap_or_default().trim();
    let token = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    if !essence.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype)) {
        return refuse("the content type is not one media type");
    }
    let mut names = Vec::new();
    for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
        let Some((name, value)) = part.split_once('=') else {
            return refuse("the content type has a parameter without a value");
        };
        let name = name.to_ascii_lowercase();
        if !token(&name) || names.contains(&name) {
            return refuse("the content type has a parameter twice, or one that cannot be read");
        }
        if name == "charset"
            && !matches!(value.trim_matches('"').to_ascii_lowercase().as_str(), "utf-8" | "utf8")
        {
            return refuse("bodies are UTF-8");
        }
        names.push(name);
    }
    Ok(())
}

/// The headers that `Connection` names: of this connection only, whatever they are (RFC 9110 s7.6.1).
fn connection(headers: &HeaderMap) -> Result<Vec<String>, Refusal> {
    let mut named = Vec::new();
    for value in headers.get_all(header::CONNECTION) {
        for word in
            value.to_str().unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty())
        {
            let name = HeaderName::try_from(word)
                .map_err(|_| Refusal::new(code::MALFORMED_HEADER, "'connection' names what is no header"))?;
            if name == header::UPGRADE {
                return Err(Refusal::new(code::UPGRADE_REFUSED, "connection upgrades are not carried"));
            }
            if name == header::CONTENT_TYPE {
                let detail = "'connection' names 'content-type', which says how to read the body";
                return Err(Refusal::new(code::AMBIGUOUS_FRAMING, detail));
            }
            named.push(name.as_str().to_owned());
        }
    }
    Ok(named)
}

fn dropped(name: &str) -> bool {
    name.contains('_')
        || DROPPED.contains(&name)
        || DROPPED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || foreign::is_carrier(name)
}
