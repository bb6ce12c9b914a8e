//! Requests as they arrive, against the real tables of the Railway pack. The attack ids are those of the threat list.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};

use super::{Tables, Understood, classify};
use crate::catalog::Refusal;
use crate::catalog::pack::Manifest;
use crate::model::{Class, Operation, Request, Resource};

mod bodies;
mod disguises;
mod documents;
mod github;
mod payloads;
mod selections;
mod tables;

macro_rules! pack {
    ($file:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/packs/railway/", $file))
    };
}

fn file(name: &str) -> Option<String> {
    let text = match name {
        "operations.tsv" => pack!("operations.tsv"),
        "types.tsv" => pack!("types.tsv"),
        "inputs.tsv" => pack!("inputs.tsv"),
        "pack.toml" => pack!("pack.toml"),
        "overrides.toml" => pack!("overrides.toml"),
        _ => return None,
    };
    Some(text.to_owned())
}

fn railway() -> &'static (Tables, Manifest) {
    static PACK: std::sync::LazyLock<(Tables, Manifest)> = std::sync::LazyLock::new(|| {
        (Tables::load(&file).unwrap(), toml::from_str(&file("pack.toml").unwrap()).unwrap())
    });
    &PACK
}

fn request(media: Option<&'static str>, body: impl Into<Vec<u8>>) -> Request {
    let mut headers = HeaderMap::new();
    if let Some(media) = media {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    }
    Request {
        method: Method::POST,
        host: "backboard.railway.com".to_owned(),
        path: "/graphql/v2".to_owned(),
        query: None,
        headers,
        body: body.into().into(),
        partial: false,
    }
}

const JSON: Option<&str> = Some("application/json");
const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

/// Classifies, and holds what must be true of every request that is understood: what is sent on means the same when it is read
/// again, to the byte.
fn judge(request: Request) -> Result<Understood, Refusal> {
    let (tables, manifest) = railway();
    let understood = classify(tables, manifest, request)?;
    assert!(!understood.operations.is_empty());
    let again =
        classify(tables, manifest, understood.request.clone()).expect("what is sent on is understood");
    assert_eq!(again.operations, understood.operations, "what is sent on means the same");
    assert_eq!(again.request.body, understood.request.body, "and is written the same");
    assert_eq!(understood.request.headers.get(CONTENT_TYPE).unwrap(), "application/json");
    Ok(understood)
}

fn operations(request: Request) -> Vec<Operation> {
    judge(request).unwrap().operations
}

fn refused(request: Request) -> &'static str {
    judge(request).expect_err("is refused").code
}

/// A document without variables.
fn document(text: &str) -> Request {
    request(JSON, json!({ "query": text }).to_string())
}

fn with_variables(text: &str, variables: Value) -> Request {
    request(JSON, json!({ "query": text, "variables": variables }).to_string())
}

/// The one operation of a document.
fn only(request: Request) -> Operation {
    let mut all = operations(request);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn class(request: Request) -> Class {
    only(request).class
}

/// The volume of the incident.
const VOLUME: &str = "3d2c42fb-0000-4000-8000-000000000001";

fn assert_deletes_the_volume(request: Request) {
    let all = operations(request);
    let found = all.iter().any(|operation| {
        operation.operation == "railway:volumeDelete"
            && operation.class == Class::Destroy
            && operation.resources == [Resource::new("volume", VOLUME)]
    });
    assert!(found, "{all:?}");
}
