//! `/repos/{owner}/{repo}` and what is below it.

use http::Method;
use serde_json::{Value, json};

use super::world::World;
use super::{Reply, contents, invalid, issues, not_found, refs};

pub(crate) fn all(world: &World, owner: Option<&str>) -> Reply {
    let mine = world.all().iter().filter(|r| owner.is_none_or(|owner| r.owner.eq_ignore_ascii_case(owner)));
    Reply::Json(200, mine.map(super::Repository::json).collect())
}

pub(crate) fn create(world: &mut World, owner: &str, body: &Value) -> Reply {
    let Some(name) = text(body, "name") else { return invalid("name") };
    let id = world.create(owner, name, body.get("private") == Some(&Value::Bool(true)));
    Reply::Json(201, world.repository(id).map(super::Repository::json).unwrap_or_default())
}

pub(crate) fn answer(
    world: &mut World,
    id: u64,
    method: &Method,
    rest: &[&str],
    query: &str,
    body: &Value,
) -> Reply {
    match (method.as_str(), rest) {
        ("GET", []) => match world.repository(id) {
            Some(repository) => Reply::Json(200, repository.json()),
            None => not_found(),
        },
        ("PATCH", []) => update(world, id, body),
        ("DELETE", []) => {
            world.delete(id);
            Reply::Empty(204)
        }
        ("POST", ["transfer"]) => {
            let Some(owner) = text(body, "new_owner") else { return invalid("new_owner") };
            let name = text(body, "new_name").map(str::to_owned);
            let name = name.or_else(|| world.repository(id).map(|r| r.name.clone())).unwrap_or_default();
            world.rename(id, owner, &name);
            Reply::Json(202, world.repository(id).map(super::Repository::json).unwrap_or_default())
        }
        (_, ["issues", below @ ..]) => issues::answer(world, id, method, below, query, body),
        (_, ["contents", path @ ..]) => contents::answer(world, id, method, &path.join("/"), body),
        (_, ["git", below @ ..]) => refs::answer(world, id, method, below, body),
        ("GET", ["branches"]) => refs::branches(world, id),
        (_, ["actions", "secrets", below @ ..]) => secrets(world, id, method, below, body),
        (_, ["environments", below @ ..]) => environments(world, id, method, below),
        ("POST", ["keys"]) => {
            Reply::Json(201, json!({"id": 1, "key": body.get("key"), "read_only": body.get("read_only")}))
        }
        _ => not_found(),
    }
}

pub(crate) fn text<'a>(body: &'a Value, field: &str) -> Option<&'a str> {
    body.get(field).and_then(Value::as_str)
}

fn update(world: &mut World, id: u64, body: &Value) -> Reply {
    let Some(repository) = world.repository_mut(id) else { return not_found() };
    if let Some(private) = body.get("private").and_then(Value::as_bool) {
        repository.private = private;
    }
    if let Some(archived) = body.get("archived").and_then(Value::as_bool) {
        repository.archived = archived;
    }
    if let Some(description) = text(body, "description") {
        repository.description = description.to_owned();
    }
    if let Some(branch) = text(body, "default_branch") {
        repository.default_branch = branch.to_owned();
    }
    let (owner, before) = (repository.owner.clone(), repository.name.clone());
    if let Some(name) = text(body, "name").filter(|name| *name != before) {
        world.rename(id, &owner, name);
    }
    Reply::Json(200, world.repository(id).map(super::Repository::json).unwrap_or_default())
}

fn secrets(world: &mut World, id: u64, method: &Method, below: &[&str], body: &Value) -> Reply {
    let Some(repository) = world.repository_mut(id) else { return not_found() };
    match (method.as_str(), below) {
        ("GET", []) => {
            let names: Vec<Value> = repository.secrets.keys().map(|name| json!({ "name": name })).collect();
            Reply::Json(200, json!({"total_count": names.len(), "secrets": names}))
        }
        ("GET", ["public-key"]) => Reply::Json(
            200,
            json!({"key_id": "568250167242549743", "key": "2Sg8iYjAxxmI2LvUXpJjkYrMxURPc8r+dB7TJyvvcCU="}),
        ),
        ("GET", [name]) if repository.secrets.contains_key(*name) => {
            Reply::Json(200, json!({ "name": name }))
        }
        ("PUT", [name]) => {
            let Some(value) = text(body, "encrypted_value") else { return invalid("encrypted_value") };
            let known = repository.secrets.insert((*name).to_owned(), value.to_owned()).is_some();
            Reply::Empty(if known { 204 } else { 201 })
        }
        ("DELETE", [name]) if repository.secrets.remove(*name).is_some() => Reply::Empty(204),
        _ => not_found(),
    }
}

fn environments(world: &mut World, id: u64, method: &Method, below: &[&str]) -> Reply {
    let Some(repository) = world.repository_mut(id) else { return not_found() };
    match (method.as_str(), below) {
        ("GET", []) => {
            let all: Vec<Value> =
                repository.environments.iter().map(|name| json!({ "name": name })).collect();
            Reply::Json(200, json!({"total_count": all.len(), "environments": all}))
        }
        ("PUT", [name]) => {
            if !repository.environments.iter().any(|known| known == name) {
                repository.environments.push((*name).to_owned());
            }
            Reply::Json(200, json!({ "name": name }))
        }
        ("DELETE", [name]) if repository.environments.iter().any(|known| known == name) => {
            repository.environments.retain(|known| known != name);
            Reply::Empty(204)
        }
        _ => not_found(),
    }
}
