//! Files of the default branch.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

use super::repository::text;
use super::world::World;
use super::{Reply, invalid, not_found};

pub(crate) fn answer(world: &mut World, id: u64, method: &Method, path: &str, body: &Value) -> Reply {
    let commit = world.next_commit();
    let Some(repository) = world.repository_mut(id) else { return not_found() };
    match method.as_str() {
        "GET" if path.is_empty() => Reply::Json(
            200,
            repository.files.keys().map(|path| json!({"path": path, "type": "file"})).collect(),
        ),
        "GET" => match repository.files.get(path) {
            Some(bytes) => Reply::Json(200, show(path, bytes)),
            None => not_found(),
        },
        "PUT" => {
            let decoded =
                text(body, "content").and_then(|content| STANDARD.decode(content.replace('\n', "")).ok());
            let Some(bytes) = decoded.filter(|_| text(body, "message").is_some()) else {
                return invalid("content");
            };
            let shown = show(path, &bytes);
            let known = repository.files.insert(path.to_owned(), bytes).is_some();
            repository.refs.insert(format!("heads/{}", repository.default_branch), commit.clone());
            Reply::Json(if known { 200 } else { 201 }, json!({"content": shown, "commit": {"sha": commit}}))
        }
        "DELETE" => match repository.files.remove(path) {
            Some(_) => Reply::Json(200, json!({"content": null, "commit": {"sha": commit}})),
            None => not_found(),
        },
        _ => not_found(),
    }
}

fn show(path: &str, bytes: &[u8]) -> Value {
    json!({"type": "file", "path": path, "size": bytes.len(), "encoding": "base64", "content": STANDARD.encode(bytes)})
}
