//! Branches and tags. A forced update loses what the branch held before.

use http::Method;
use serde_json::{Value, json};

use super::repository::text;
use super::world::World;
use super::{Reply, invalid, not_found};

pub(crate) fn answer(world: &mut World, id: u64, method: &Method, below: &[&str], body: &Value) -> Reply {
    let Some(repository) = world.repository_mut(id) else { return not_found() };
    let (Some(word), name) = (below.first(), below.get(1..).unwrap_or_default().join("/")) else {
        return not_found();
    };
    match (method.as_str(), *word) {
        ("GET", "ref" | "refs") if !name.is_empty() => match repository.refs.get(&name) {
            Some(commit) => Reply::Json(200, show(&name, commit)),
            None => not_found(),
        },
        ("GET", "matching-refs") => {
            let matching = repository.refs.iter().filter(|(known, _)| known.starts_with(&name));
            Reply::Json(200, matching.map(|(name, commit)| show(name, commit)).collect())
        }
        ("POST", "refs") if name.is_empty() => {
            let given = text(body, "ref").and_then(|name| name.strip_prefix("refs/")).zip(text(body, "sha"));
            let Some((name, commit)) = given else { return invalid("ref") };
            if repository.refs.contains_key(name) {
                return Reply::Json(422, json!({"message": "Reference already exists", "status": "422"}));
            }
            repository.refs.insert(name.to_owned(), commit.to_owned());
            Reply::Json(201, show(name, commit))
        }
        ("PATCH", "refs") if repository.refs.contains_key(&name) => {
            let Some(commit) = text(body, "sha") else { return invalid("sha") };
            let forced = body.get("force") == Some(&Value::Bool(true));
            // Commits have no parents here: what is not forced moves on only from where it is.
            if !forced && repository.refs.get(&name).is_some_and(|now| now != commit) {
                return Reply::Json(422, json!({"message": "Update is not a fast forward", "status": "422"}));
            }
            let commit = commit.to_owned();
            repository.refs.insert(name.clone(), commit.clone());
            Reply::Json(200, show(&name, &commit))
        }
        ("DELETE", "refs") if repository.refs.remove(&name).is_some() => Reply::Empty(204),
        ("DELETE", "refs") => {
            Reply::Json(422, json!({"message": "Reference does not exist", "status": "422"}))
        }
        _ => not_found(),
    }
}

pub(crate) fn branches(world: &World, id: u64) -> Reply {
    let Some(repository) = world.repository(id) else { return not_found() };
    let heads =
        repository.refs.iter().filter_map(|(name, commit)| Some((name.strip_prefix("heads/")?, commit)));
    Reply::Json(
        200,
        heads
            .map(|(name, commit)| json!({"name": name, "commit": {"sha": commit}, "protected": false}))
            .collect(),
    )
}

fn show(name: &str, commit: &str) -> Value {
    json!({"ref": format!("refs/{name}"), "object": {"type": "commit", "sha": commit}})
}
