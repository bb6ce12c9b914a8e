//! From the bytes of a request to what is asked: document, variables, name of the operation.

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method};
use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use super::{code, json};
use crate::catalog::Refusal;
use crate::model::Request;

/// What one document of a request asks for.
#[derive(Debug, PartialEq)]
pub(super) struct Posted {
    pub query: String,
    pub variables: Map<String, Value>,
    pub operation_name: Option<String>,
}

/// A body, read.
#[derive(Debug, PartialEq)]
pub(super) struct Body {
    pub posted: Vec<Posted>,
    /// Whether the body was an array, so that its answer is one too.
    pub batch: bool,
}

/// Larger bodies are refused before they are parsed: refusing a deep one costs time in proportion to its length.
const MAX_BODY: usize = 128 * 1024;
const MAX_BATCH: usize = 10;

/// Reads a request in whichever of the known forms its body really has.
///
/// The content type does not decide alone: the best known delete in this field was JSON under curl's default form
/// type, and servers accept that. A body that has a meaning in two forms is refused.
pub(super) fn read(request: &Request, endpoints: &[String]) -> Result<Body, Refusal> {
    if !endpoints.contains(&request.path) {
        return Err(Refusal::new(code::UNKNOWN_ENDPOINT, "the pack knows no GraphQL endpoint at this path"));
    }
    if request.method != Method::POST {
        return Err(Refusal::new(code::METHOD_REFUSED, "send GraphQL documents with POST"));
    }
    if request.query.is_some() {
        return Err(Refusal::new(code::QUERY_IN_URL, "send the document in the body and nothing in the URL"));
    }
    if request.headers.contains_key(CONTENT_ENCODING) {
        return Err(Refusal::new(code::ENCODED_BODY, "send the body without a content coding"));
    }
    let media = media_type(request)?;
    let text = text(request)?;
    match media.as_str() {
        "application/json" => from_json(text),
        "application/x-www-form-urlencoded" if !looks_like_json(text) => from_form(text),
        "application/x-www-form-urlencoded" => {
            unambiguous(text)?;
            from_json(text)
        }
        "" | "text/plain" if looks_like_json(text) => from_json(text),
        "application/graphql" => {
            Ok(one(Posted { query: text.to_owned(), variables: Map::new(), operation_name: None }))
        }
        media if media.starts_with("multipart/") => {
            Err(Refusal::new(code::MULTIPART, "send the document as application/json"))
        }
        _ => Err(Refusal::new(code::UNKNOWN_CONTENT_TYPE, "send the document as application/json")),
    }
}

/// The request that says what was judged, and nothing else: POST, JSON, canonical bytes.
///
/// `documents` are `(document, variables, operation name)` as written again.
pub(super) fn write(
    mut request: Request,
    documents: Vec<(String, Map<String, Value>, Option<String>)>,
    batch: bool,
) -> Request {
    let mut items = documents.into_iter().map(|(query, variables, name)| {
        let mut item = Map::new();
        item.insert("query".to_owned(), query.into());
        if !variables.is_empty() {
            item.insert("variables".to_owned(), variables.into());
        }
        if let Some(name) = name {
            item.insert("operationName".to_owned(), name.into());
        }
        Value::Object(item)
    });
    let body = if batch { Value::Array(items.collect()) } else { items.next().unwrap_or(Value::Null) };
    request.body = body.to_string().into();
    request.headers.remove(CONTENT_LENGTH);
    request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request
}

fn one(posted: Posted) -> Body {
    Body { posted: vec![posted], batch: false }
}

/// The media type in lower case without parameters; empty when there is none.
fn media_type(request: &Request) -> Result<String, Refusal> {
    let wrong = || Refusal::new(code::CHARSET_REFUSED, "send one content type, with no charset but utf-8");
    let mut values = request.headers.get_all(CONTENT_TYPE).iter();
    let Some(value) = values.next() else { return Ok(String::new()) };
    if values.next().is_some() {
        return Err(wrong());
    }
    let text = value.to_str().map_err(|_| wrong())?.to_ascii_lowercase();
    let (media, parameters) = text.split_once(';').unwrap_or((&text, ""));
    let media = media.trim();
    if media.contains(',') {
        return Err(wrong());
    }
    let utf8 = parameters
        .split(';')
        .map(str::trim)
        .filter(|parameter| !parameter.is_empty())
        .all(|parameter| matches!(parameter, "charset=utf-8" | "charset=\"utf-8\"" | "charset=utf8"));
    if utf8 || media.starts_with("multipart/") { Ok(media.to_owned()) } else { Err(wrong()) }
}

fn text(request: &Request) -> Result<&str, Refusal> {
    if request.body.len() > MAX_BODY {
        return Err(Refusal::new(code::BODY_TOO_LARGE, "a GraphQL body can have 128 KiB"));
    }
    let text = std::str::from_utf8(&request.body)
        .map_err(|_| Refusal::new(code::NOT_UTF8, "the body is not UTF-8"))?;
    if text.contains('\u{feff}') {
        return Err(Refusal::new(code::BYTE_ORDER_MARK, "there is a byte order mark in the body"));
    }
    if text.trim().is_empty() {
        return Err(Refusal::new(code::EMPTY_BODY, "there is no document in the body"));
    }
    Ok(text)
}

fn looks_like_json(text: &str) -> bool {
    matches!(text.trim_start().chars().next(), Some('{' | '['))
}

fn from_json(text: &str) -> Result<Body, Refusal> {
    match json::parse(text)? {
        Value::Object(members) => posted(members).map(one),
        Value::Array(items) => {
            if items.is_empty() || items.len() > MAX_BATCH {
                return Err(Refusal::new(
                    code::BATCH,
                    format!("a batch can have 1 to {MAX_BATCH} documents"),
                ));
            }
            let posted = items.into_iter().map(|item| match item {
                Value::Object(members) => posted(members),
                _ => Err(Refusal::new(code::BATCH, "each part of a batch is an object")),
            });
            Ok(Body { posted: posted.collect::<Result<_, _>>()?, batch: true })
        }
        _ => Err(Refusal::new(code::MALFORMED_BODY, "the body is neither an object nor an array")),
    }
}

/// Member names that some server reads as the name of a stored document.
const STORED: [&str; 6] = ["id", "documentId", "doc_id", "queryId", "hash", "sha256Hash"];

fn posted(mut members: Map<String, Value>) -> Result<Posted, Refusal> {
    extensions(members.remove("extensions"))?;
    let query = members.remove("query");
    let variables = members.remove("variables");
    let operation_name = members.remove("operationName");
    if let Some(key) = members.keys().next() {
        if STORED.contains(&key.as_str()) {
            return Err(Refusal::new(code::PERSISTED_QUERY, "send the document itself"));
        }
        // A look-alike (`Query`, a long s, a Kelvin sign) ends here as well.
        return Err(Refusal::new(
            code::UNKNOWN_KEY,
            "the body has a member that GraphQL over HTTP does not have",
        ));
    }
    let query = match query {
        Some(Value::String(text)) => text,
        None | Some(Value::Null) => {
            return Err(Refusal::new(code::MALFORMED_BODY, "the body has no 'query' with a document"));
        }
        Some(_) => return Err(Refusal::new(code::MALFORMED_BODY, "'query' is not a string")),
    };
    let variables = match variables {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(map)) => map,
        Some(_) => return Err(Refusal::new(code::MALFORMED_BODY, "'variables' is not an object")),
    };
    let operation_name = match operation_name {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name),
        Some(_) => return Err(Refusal::new(code::MALFORMED_BODY, "'operationName' is not a string")),
    };
    Ok(Posted { query, variables, operation_name })
}

fn extensions(value: Option<Value>) -> Result<(), Refusal> {
    match value {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Object(map)) if map.is_empty() => Ok(()),
        Some(Value::Object(map)) if map.contains_key("persistedQuery") => {
            Err(Refusal::new(code::PERSISTED_QUERY, "send the document without the hash"))
        }
        Some(_) => Err(Refusal::new(code::EXTENSIONS, "send the document without extensions")),
    }
}

/// A true form: `query=...&variables=...&operationName=...`, each once.
fn from_form(text: &str) -> Result<Body, Refusal> {
    let mut members = Map::new();
    for pair in text.split('&') {
        let (name, value) = pair.split_once('=').ok_or_else(malformed_form)?;
        let (name, value) = (form_text(name)?, form_text(value)?);
        let value = match name.as_str() {
            "variables" | "extensions" => json::parse(&value)?,
            _ => Value::String(value),
        };
        if members.insert(name, value).is_some() {
            return Err(Refusal::new(code::DUPLICATE_KEY, "the form has a name twice"));
        }
    }
    posted(members).map(one)
}

fn form_text(text: &str) -> Result<String, Refusal> {
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr(b'%', rest) {
        let digits = rest.get(at + 1..at + 3).ok_or_else(malformed_form)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(malformed_form());
        }
        rest = rest.get(at + 3..).unwrap_or_default();
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode(spaced.as_bytes()).decode_utf8().map_err(|_| malformed_form())?;
    if decoded.contains('\u{feff}') {
        return Err(Refusal::new(code::BYTE_ORDER_MARK, "there is a byte order mark in the form"));
    }
    Ok(decoded.into_owned())
}

fn malformed_form() -> Refusal {
    Refusal::new(code::MALFORMED_BODY, "the body is neither JSON nor a strict form")
}

/// JSON under the form type: refused when a form reader would find a document in it as well.
fn unambiguous(text: &str) -> Result<(), Refusal> {
    const NAMES: [&str; 6] = ["query", "variables", "operationname", "extensions", "operations", "map"];
    for pair in text.split(['&', ';']).skip(1) {
        let name = pair.split('=').next().unwrap_or_default();
        let name = percent_decode(name.as_bytes()).decode_utf8_lossy().to_lowercase();
        let name = name.split('[').next().unwrap_or_default().trim();
        if NAMES.contains(&name) {
            return Err(Refusal::new(
                code::AMBIGUOUS_BODY,
                "as JSON and as a form, the body says different things",
            ));
        }
    }
    Ok(())
}
