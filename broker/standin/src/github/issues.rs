//! Issues, in pages of `per_page`.

use http::Method;
use serde_json::{Value, json};

use super::repository::text;
use super::world::{Issue, World};
use super::{Reply, invalid, not_found};

pub(crate) fn answer(
    world: &mut World,
    id: u64,
    method: &Method,
    below: &[&str],
    query: &str,
    body: &Value,
) -> Reply {
    let Some(repository) = world.repository_mut(id) else { return not_found() };
    if repository.archived && method != Method::GET {
        return Reply::Json(
            403,
            json!({"message": "Repository was archived so is read-only.", "status": "403"}),
        );
    }
    let number = below.first().and_then(|word| word.parse::<usize>().ok());
    let at = number.and_then(|number| number.checked_sub(1)).filter(|at| *at < repository.issues.len());
    match (method.as_str(), below, at) {
        ("GET", [], _) => Reply::Json(200, page(&repository.issues, query)),
        ("POST", [], _) => {
            let Some(title) = text(body, "title") else { return invalid("title") };
            let said = text(body, "body").unwrap_or_default().to_owned();
            repository.issues.push(Issue {
                title: title.to_owned(),
                body: said,
                open: true,
                comments: Vec::new(),
            });
            Reply::Json(
                201,
                repository
                    .issues
                    .last()
                    .map(|issue| show(repository.issues.len(), issue))
                    .unwrap_or_default(),
            )
        }
        ("GET", [_], Some(at)) => {
            Reply::Json(200, repository.issues.get(at).map(|issue| show(at + 1, issue)).unwrap_or_default())
        }
        ("PATCH", [_], Some(at)) => {
            let Some(issue) = repository.issues.get_mut(at) else { return not_found() };
            if let Some(state) = text(body, "state") {
                issue.open = state == "open";
            }
            if let Some(title) = text(body, "title") {
                issue.title = title.to_owned();
            }
            Reply::Json(200, show(at + 1, issue))
        }
        ("POST", [_, "comments"], Some(at)) => {
            let (Some(issue), Some(said)) = (repository.issues.get_mut(at), text(body, "body")) else {
                return invalid("body");
            };
            issue.comments.push(said.to_owned());
            Reply::Json(201, json!({"id": issue.comments.len(), "body": said}))
        }
        ("GET", [_, "comments"], Some(at)) => {
            let comments = repository.issues.get(at).map(|issue| issue.comments.clone()).unwrap_or_default();
            Reply::Json(200, comments.into_iter().map(|said| json!({ "body": said })).collect())
        }
        _ => not_found(),
    }
}

fn page(issues: &[Issue], query: &str) -> Value {
    let asked = |name: &str, default: usize| {
        let found = form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name);
        found.and_then(|(_, value)| value.parse::<usize>().ok()).unwrap_or(default)
    };
    let (size, page) = (asked("per_page", 30).clamp(1, 100), asked("page", 1).max(1));
    let shown = issues.iter().enumerate().skip((page - 1).saturating_mul(size)).take(size);
    shown.map(|(at, issue)| show(at + 1, issue)).collect()
}

fn show(number: usize, issue: &Issue) -> Value {
    json!({
        "number": number, "title": issue.title, "body": issue.body, "state": if issue.open { "open" } else { "closed" },
        "comments": issue.comments.len(),
    })
}
