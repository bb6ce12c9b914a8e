use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::*;

async fn send(
    github: &Github,
    method: &str,
    path: &str,
    auth: &str,
    body: Value,
) -> (StatusCode, String, Value) {
    let request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
    let (parts, ()) =
        request.header("authorization", auth).header("host", "api.github.com").body(()).unwrap().into_parts();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = github.answer(Inbound { parts, body: body.into(), stream: None }, &[]).await;
    let location =
        answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let status = answer.status();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (status, location, serde_json::from_slice(&bytes).unwrap_or_default())
}

async fn ask(github: &Github, method: &str, path: &str, body: Value) -> (u16, Value) {
    let (status, _, body) = send(github, method, path, &format!("Bearer {TOKEN}"), body).await;
    (status.as_u16(), body)
}

#[tokio::test]
async fn a_repository_is_read_changed_and_deleted() {
    let github = Github::seeded();
    assert_eq!(ask(&github, "GET", "/repos/Atlas/API", Value::Null).await.1["full_name"], "atlas/api");
    assert_eq!(
        ask(&github, "PATCH", "/repos/atlas/api", json!({"private": false})).await.1["private"],
        false
    );
    assert_eq!(ask(&github, "DELETE", "/repos/atlas/%61pi", Value::Null).await.0, 204);
    assert!(github.world().find("atlas", "api").is_none());
    assert_eq!(ask(&github, "GET", "/repos/atlas/api", Value::Null).await.0, 404);
}

#[tokio::test]
async fn every_carrier_of_a_token_is_taken_and_nothing_else() {
    let github = Github::seeded();
    let basic = format!("Basic {}", STANDARD.encode(format!("x-access-token:{TOKEN}")));
    for auth in [format!("Bearer {TOKEN}"), format!("token {TOKEN}"), basic] {
        assert_eq!(send(&github, "GET", "/user", &auth, Value::Null).await.2["login"], "robin", "{auth}");
    }
    assert_eq!(
        send(&github, "DELETE", "/repos/atlas/api", "Bearer wrong", Value::Null).await.0,
        StatusCode::UNAUTHORIZED
    );
    assert!(github.world().find("atlas", "api").is_some());
}

#[tokio::test]
async fn a_renamed_repository_leads_on_and_its_number_works() {
    let github = Github::seeded();
    let id = github.world().find("atlas", "web").unwrap().id;
    ask(&github, "PATCH", "/repos/atlas/web", json!({"name": "site"})).await;
    let auth = format!("Bearer {TOKEN}");
    let (status, location, _) = send(&github, "GET", "/repos/atlas/web/issues", &auth, Value::Null).await;
    assert_eq!(
        (status.as_u16(), location),
        (301, format!("https://api.github.com/repositories/{id}/issues"))
    );
    assert_eq!(send(&github, "DELETE", "/repos/atlas/web", &auth, Value::Null).await.0.as_u16(), 307);
    assert!(github.world().find("atlas", "site").is_some());
    assert_eq!(ask(&github, "DELETE", &format!("/repositories/{id}"), Value::Null).await.0, 204);
    assert!(github.world().find("atlas", "site").is_none());
}

#[tokio::test]
async fn issues_files_refs_secrets_and_transfers() {
    let github = Github::seeded();
    assert_eq!(ask(&github, "POST", "/repos/atlas/api/issues", json!({"title": "two"})).await.1["number"], 2);
    assert_eq!(
        ask(&github, "PATCH", "/repos/atlas/api/issues/2", json!({"state": "closed"})).await.1["state"],
        "closed"
    );
    let second = ask(&github, "GET", "/repos/atlas/api/issues?per_page=1&page=2", Value::Null).await.1;
    assert_eq!((second.as_array().unwrap().len(), &second[0]["number"]), (1, &json!(2)));
    assert_eq!(ask(&github, "POST", "/repos/atlas/api/issues", json!({})).await.0, 422);

    let put = json!({"message": "x", "content": STANDARD.encode("hello")});
    assert_eq!(ask(&github, "PUT", "/repos/atlas/api/contents/docs/a.md", put).await.0, 201);
    let read = ask(&github, "GET", "/repos/atlas/api/contents/docs/a.md", Value::Null).await.1;
    assert_eq!(read["content"], STANDARD.encode("hello"));

    let moved = json!({"sha": "f".repeat(40)});
    assert_eq!(ask(&github, "PATCH", "/repos/atlas/api/git/refs/heads/main", moved.clone()).await.0, 422);
    let forced = json!({"sha": "f".repeat(40), "force": true});
    assert_eq!(ask(&github, "PATCH", "/repos/atlas/api/git/refs/heads/main", forced).await.0, 200);
    assert_eq!(ask(&github, "DELETE", "/repos/atlas/api/git/refs/heads/release", Value::Null).await.0, 204);

    let secret = json!({"encrypted_value": "c2VhbGVk", "key_id": "1"});
    assert_eq!(ask(&github, "PUT", "/repos/atlas/api/actions/secrets/NEW", secret).await.0, 201);
    assert_eq!(
        ask(&github, "GET", "/repos/atlas/api/actions/secrets", Value::Null).await.1["total_count"],
        2
    );
    assert_eq!(ask(&github, "DELETE", "/repos/atlas/api/environments/staging", Value::Null).await.0, 204);

    assert_eq!(
        ask(&github, "POST", "/repos/atlas/api/transfer", json!({"new_owner": "mallory"})).await.0,
        202
    );
    assert!(github.world().find("mallory", "api").is_some());
}

#[test]
fn templates_name_what_the_words_name() {
    for (path, template) in [
        ("/repos/a/b", "/repos/{owner}/{repo}"),
        ("/repos/a/b/issues/3/comments", "/repos/{owner}/{repo}/issues/{issue_number}/comments"),
        ("/repos/a/b/contents/x/y.md", "/repos/{owner}/{repo}/contents/{path}"),
        ("/repos/a/b/git/refs/heads/main", "/repos/{owner}/{repo}/git/refs/{ref}"),
        ("/repos/a/b/git/refs", "/repos/{owner}/{repo}/git/refs"),
        ("/repos/a/b/actions/secrets/K", "/repos/{owner}/{repo}/actions/secrets/{secret_name}"),
        ("/user", "/user"),
    ] {
        assert_eq!(route::template(path), template);
    }
}
