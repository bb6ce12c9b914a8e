//! Requests that real programs sent, recorded before a loopback server with a session's placeholders as their keys: none
//! of them carries a credential of its own, so none may be refused for one. `ordinary/` has a file for each program.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use stint_broker::catalog::{Catalog, Parts};
use stint_broker::model::Placeholder;

/// What the programs were given as their keys.
const PLACEHOLDERS: &[&str] = &[
    "ghp_PlaceholderPlaceholderPlaceholder012",
    "sk-proj-PlaceholderPlaceholderPlaceholder0123456789",
    "sk-ant-api03-PlaceholderPlaceholder0123456789",
    "sk_test_PlaceholderPlaceholder0123456789",
    "xoxb-PlaceholderPlaceholderPlaceholder0123456789abcdef01",
    "k8s-PlaceholderPlaceholderPlaceholderPlaceholderPlaceholder0123",
    "npm_PlaceholderPlaceholderPlaceholder012345",
    "PlaceholderPlaceholderPlaceholder0123456",
];

#[derive(Debug)]
struct Recorded {
    line: String,
    target: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

fn recorded(file: &Path) -> Vec<Recorded> {
    let read = |line: &str| {
        let value: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut headers = HeaderMap::new();
        for pair in value["headers"].as_array().unwrap() {
            let name = HeaderName::try_from(pair[0].as_str().unwrap()).unwrap();
            headers.append(name, HeaderValue::try_from(pair[1].as_str().unwrap()).unwrap());
        }
        let body = match (value["body"].as_str(), value["body_base64"].as_str()) {
            (Some(text), _) => text.as_bytes().to_vec(),
            (None, Some(coded)) => STANDARD.decode(coded).unwrap(),
            (None, None) => panic!("{}: no body", file.display()),
        };
        let target = value["target"].as_str().unwrap().to_owned();
        let line = format!("{} {target}", value["method"].as_str().unwrap());
        Recorded { line, target, headers, body }
    };
    fs::read_to_string(file).unwrap().lines().map(read).collect()
}

#[test]
fn no_ordinary_request_of_a_real_program_is_refused_as_foreign() {
    let catalog = Catalog::builtin().unwrap();
    let placeholders: Vec<Placeholder> =
        PLACEHOLDERS.iter().map(|text| Placeholder((*text).to_owned())).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/custody/ordinary");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut requests, mut carrying, mut refused) = (0, 0, Vec::new());
    for file in &files {
        let program = file.file_stem().unwrap().to_string_lossy();
        for request in recorded(file) {
            requests += 1;
            let (path, query) = match request.target.split_once('?') {
                Some((path, query)) => (path, Some(query)),
                None => (request.target.as_str(), None),
            };
            let parts = Parts { headers: &request.headers, path, query, body: &request.body };
            let carried = catalog.carried(&parts, &placeholders);
            carrying += usize::from(!carried.placeholders.is_empty());
            let found =
                carried.foreign.iter().map(|foreign| format!("{} in {}", foreign.kind, foreign.carrier));
            refused.extend(found.map(|found| format!("{program}: {}: {found}", request.line)));
        }
    }
    println!(
        "{} of {requests} ordinary requests of {} programs refused ({:.2}%); {carrying} carry a placeholder",
        refused.len(),
        files.len(),
        100.0 * refused.len() as f64 / requests as f64
    );
    assert!(files.len() >= 20 && requests >= 70, "{} programs, {requests} requests", files.len());
    assert!(
        carrying * 4 >= requests * 3,
        "{carrying} of {requests} carry a placeholder: what was recorded is not read"
    );
    assert!(refused.is_empty(), "{refused:#?}");
}
