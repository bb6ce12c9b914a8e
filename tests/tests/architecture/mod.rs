//! The arrows of the house, read from the source: a room that names what it must not know fails here.

mod arrows;

use std::fs;
use std::path::{Path, PathBuf};

use arrows::{Source, faults};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn sources(folder: &Path, under: &Path, into: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, under, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(under).unwrap().to_str().unwrap().to_owned();
            into.push(Source { path: name, text: fs::read_to_string(&path).unwrap() });
        }
    }
}

fn planted(path: &str, text: &str) -> Vec<String> {
    faults(&[Source { path: path.to_owned(), text: text.to_owned() }])
}

fn dependencies(manifest: &str, table: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(manifest)).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let found = manifest.get(table).and_then(|table| table.as_table());
    found.map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

#[test]
fn no_room_of_the_broker_names_what_it_must_not_know() {
    let under = root().join("broker/src");
    let mut all = Vec::new();
    sources(&under, &under, &mut all);
    for room in [
        "vault", "token", "policy", "audit", "catalog", "provider", "store", "app", "gateway", "http",
        "model",
    ] {
        assert!(all.iter().any(|source| source.path.starts_with(room)), "{room} was not read");
    }
    assert_eq!(faults(&all), Vec::<String>::new());
}

#[test]
fn a_planted_arrow_is_found() {
    let wrong = [
        ("gateway/open.rs", "use crate::store::Store;"),
        ("http/mod.rs", "use crate::{app, vault::Vault};"),
        ("http/mod.rs", "fn f() { crate::gateway::serve() }"),
        ("console/page.rs", "use crate::http::error;"),
        ("vault/kek.rs", "use crate::policy::Engine;"),
        ("vault/kek.rs", "use crate::store::{Receipt, Store};"),
        ("policy/engine.rs", "use crate::store::Receipt;"),
        ("catalog/rest/mod.rs", "use super::super::provider::Resolver;"),
        ("provider/resolve.rs", "use crate::app::Authorize;"),
        ("app/mint.rs", "use crate::http::problem;"),
        ("model/ids.rs", "use crate::token::Verified;"),
        ("listen/mod.rs", "use crate::app::App;"),
        ("listen/guard.rs", "use crate::gateway::Gateway;"),
        ("policy/engine.rs", "use std::{collections::BTreeMap, fs};"),
        ("audit/chain.rs", "async fn f() { tokio::time::sleep(d).await }"),
        ("token/mint.rs", "use crate::clock::Clock;"),
        ("vault/kek.rs", "fn f(c: &Clock) { let t = c.now(); }"),
        ("app/mint.rs", "fn f() { sqlx::query(\"x\"); }"),
        ("gateway/decide.rs", "use cedar_policy::Context;"),
        ("token/verify.rs", "use jsonwebtoken as jwt;"),
        ("gateway/forward.rs", "use hyper_util::client::legacy::Client;"),
        ("gateway/forward.rs", "use hyper_util::{client, rt::TokioIo};"),
        ("provider/inject.rs", "fn f(s: &Secret) { s.expose(); }"),
        ("app/run.rs", "use stint_standin::Railway;"),
        ("command/audit.rs", "use crate::store::Store;"),
        ("serve/mod.rs", "use crate::vault::Vault;"),
        ("serve/mod.rs", "use crate::command::main;"),
        ("problem.rs", "use crate::gateway::handle;"),
        ("app/mint.rs", "fn f(s: &Secret) { s.expose(); }"),
    ];
    for (path, text) in wrong {
        assert_eq!(planted(path, text).len(), 1, "{path}: {text}: {:?}", planted(path, text));
    }
}

#[test]
fn what_the_design_allows_is_let_through() {
    let right = [
        ("gateway/decide.rs", "use crate::app::{authorize, Authorized};\nuse crate::listen::Refused;"),
        ("gateway/classify.rs", "use crate::catalog::Refusal;\nuse crate::model::{Request, Touch};"),
        ("app/mint.rs", "use crate::{store::Store, vault::Vault, policy, clock::Clock};"),
        ("vault/injection.rs", "use crate::policy::{Permit, Purpose};\nuse crate::store::Receipt;"),
        ("vault/seal.rs", "use crate::clock::Clock;"),
        ("vault/open.rs", "fn f(s: &Secret) -> &[u8] { s.expose() }"),
        ("demo/mod.rs", "use stint_standin::Railway; use crate::{store, vault, gateway};"),
        ("store/writer.rs", "use sqlx::SqlitePool; use tokio::sync::mpsc; use super::sql;"),
        (
            "policy/engine.rs",
            "// crate::store::Store is not known here\nconst S: &str = \"crate::store\"; use super::permit::Permit;",
        ),
        ("catalog/rest.rs", "fn f() {}\n#[cfg(test)]\nmod tests { use crate::store::Store; use std::fs; }"),
        ("catalog/tests.rs", "use std::fs;"),
        ("provider/upstream.rs", "use hyper_util::client::legacy::Client; use tokio::net::TcpStream;"),
    ];
    for (path, text) in right {
        assert_eq!(planted(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}

#[test]
fn code_after_a_test_module_in_another_file_is_still_read() {
    let text = "#[cfg(test)]\nmod tests;\nuse crate::store::Store;";
    assert_eq!(planted("gateway/mod.rs", text).len(), 1);
}

#[test]
fn packages_link_only_what_they_may() {
    let ours = |manifest: &str| -> Vec<String> {
        let all = dependencies(manifest, "dependencies");
        all.into_iter().filter(|name| name.starts_with("stint")).collect()
    };
    assert_eq!(ours("broker/api/Cargo.toml"), Vec::<String>::new());
    assert_eq!(ours("broker/jose/Cargo.toml"), Vec::<String>::new());
    assert_eq!(ours("broker/standin/Cargo.toml"), Vec::<String>::new());
    assert_eq!(ours("client/Cargo.toml"), ["stint-api", "stint-jose"]);
    assert!(!dependencies("client/Cargo.toml", "dev-dependencies").contains(&"stint-broker".to_owned()));
    for manifest in ["broker", "broker/api", "broker/standin", "client", "tests", "tests/bench", "tests/fuzz"]
    {
        let all = dependencies(&format!("{manifest}/Cargo.toml"), "dependencies");
        assert!(!all.contains(&"jsonwebtoken".to_owned()), "{manifest}: jsonwebtoken belongs to stint-jose");
    }
    assert!(dependencies("broker/jose/Cargo.toml", "dependencies").contains(&"jsonwebtoken".to_owned()));
    for dependency in dependencies("broker/api/Cargo.toml", "dependencies") {
        // Schemas, for the broker alone: behind a feature that the client does not ask for.
        let known = ["serde", "serde_json", "chrono", "utoipa"].contains(&dependency.as_str());
        assert!(known, "the contract is serde only: {dependency}");
    }
    let client = fs::read_to_string(root().join("client/Cargo.toml")).unwrap();
    assert!(!client.contains("openapi") && !client.contains("utoipa"), "schemas are the broker's");
}
