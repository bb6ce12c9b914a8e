//! The ways in which a GraphQL request may be written. Lenient on purpose: what some real server accepts is accepted
//! here, so that a broker which reads less strictly than the provider is found out.

use bytes::Bytes;
use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use crate::serve::Inbound;

/// One operation to execute.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) query: String,
    pub(crate) operation_name: Option<String>,
    pub(crate) variables: Map<String, Value>,
    /// A GET may not change anything.
    pub(crate) read_only: bool,
}

/// One request, or a batch that is answered by an array.
#[derive(Debug)]
pub(crate) enum Ask {
    One(Asked),
    Batch(Vec<Asked>),
}

/// `None` when there is no query in it anywhere.
pub(crate) fn read(inbound: &Inbound) -> Option<Ask> {
    let in_url = inbound.parts.uri.query().and_then(|query| form(query.as_bytes()));
    if inbound.parts.method == Method::GET {
        return in_url.map(|asked| Ask::One(Asked { read_only: true, ..asked }));
    }
    in_body(inbound).or(in_url.map(Ask::One))
}

/// The content type does not matter to a body that is JSON: `curl -d` says that it is a form.
fn in_body(inbound: &Inbound) -> Option<Ask> {
    match serde_json::from_slice::<Value>(&inbound.body) {
        Ok(Value::Array(all)) => Some(Ask::Batch(all.into_iter().filter_map(from_json).collect())),
        Ok(value @ Value::Object(_)) => from_json(value).map(Ask::One),
        _ => not_json(inbound).map(Ask::One),
    }
}

fn not_json(inbound: &Inbound) -> Option<Asked> {
    let kind =
        inbound.parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/graphql") {
        let query = String::from_utf8(inbound.body.to_vec()).ok()?;
        return Some(Asked { query, ..Asked::default() });
    }
    if kind.starts_with("multipart/form-data") {
        return multipart(&inbound.body);
    }
    form(&inbound.body)
}

/// The GraphQL multipart convention: a part named `operations` holds the JSON.
fn multipart(body: &Bytes) -> Option<Asked> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("name=\"operations\"")?;
    let (_, part) = rest.split_once("\r\n\r\n")?;
    let (json, _) = part.split_once("\r\n--")?;
    from_json(serde_json::from_str(json).ok()?)
}

fn from_json(value: Value) -> Option<Asked> {
    let query = value.get("query")?.as_str()?.to_owned();
    let variables = match value.get("variables") {
        Some(Value::Object(variables)) => variables.clone(),
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
        _ => Map::new(),
    };
    let operation_name = value.get("operationName").and_then(Value::as_str).map(str::to_owned);
    Some(Asked { query, operation_name, variables, read_only: false })
}

fn form(bytes: &[u8]) -> Option<Asked> {
    let mut asked = Asked::default();
    for (name, value) in form_urlencoded::parse(bytes) {
        match name.as_ref() {
            "query" => asked.query = value.into_owned(),
            "operationName" => asked.operation_name = Some(value.into_owned()),
            "variables" => asked.variables = serde_json::from_str(&value).unwrap_or_default(),
            _ => {}
        }
    }
    (!asked.query.is_empty()).then_some(asked)
}
