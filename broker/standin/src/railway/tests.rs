//! The world without Stint: what each way of asking really does here.

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::*;
use crate::serve::Inbound;

const FORM: &str = "application/x-www-form-urlencoded";

async fn send(
    railway: &Railway,
    method: Method,
    path: &str,
    kind: &str,
    token: Option<(&str, &str)>,
    body: &str,
) -> (StatusCode, Value) {
    let mut request = Request::builder().method(method).uri(path);
    if !kind.is_empty() {
        request = request.header(CONTENT_TYPE, kind);
    }
    if let Some((name, value)) = token {
        request = request.header(HeaderName::try_from(name).unwrap(), value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let inbound = Inbound { parts, body: body.to_owned().into(), stream: None };
    let answer = railway.answer(inbound, &[]).await;
    let status = answer.status();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}

async fn post(railway: &Railway, kind: &str, body: &str) -> Value {
    let bearer = format!("Bearer {}", ids::ACCOUNT_TOKEN);
    send(railway, Method::POST, "/graphql/v2", kind, Some((AUTHORIZATION.as_str(), &bearer)), body).await.1
}

pub(super) async fn ask(railway: &Railway, query: &str, variables: Value) -> Value {
    post(railway, "application/json", &json!({"query": query, "variables": variables}).to_string()).await
}

fn gone(railway: &Railway, volume: &str) -> bool {
    let world = railway.world();
    world.volume(volume).is_none() && world.backups(volume) == 0
}

/// The bytes that curl sends for the published command line.
fn incident() -> String {
    format!("{{\"query\":\"mutation {{ volumeDelete(volumeId: \\\"{}\\\") }}\"}}", ids::VOLUME_PRODUCTION)
}

#[tokio::test]
async fn the_incident_deletes_the_volume_and_its_backups() {
    let railway = Railway::seeded();
    assert_eq!(railway.world().backups(ids::VOLUME_PRODUCTION), 3);
    assert_eq!(post(&railway, FORM, &incident()).await, json!({"data": {"volumeDelete": true}}));
    assert!(gone(&railway, ids::VOLUME_PRODUCTION));
    assert!(!railway.world().exists("VolumeInstanceBackup", ids::BACKUP_PRODUCTION));
    assert!(railway.world().exists("Volume", ids::VOLUME_SHARED));
}

#[tokio::test]
async fn every_disguise_works_here() {
    let id = ids::VOLUME_PRODUCTION;
    let json = |query: String| json!({ "query": query }).to_string();
    let form: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("query", &format!("mutation {{ volumeDelete(volumeId: \"{id}\") }}"))
        .finish();
    let bodies = [
        ("", json(format!("mutation {{ tidy: volumeDelete(volumeId: \"{id}\") }}"))),
        ("text/plain", json(format!("mutation {{ ...a }} fragment a on Mutation {{ volumeDelete(volumeId: \"{id}\") }}"))),
        (FORM, form),
        ("application/json", format!("[{}]", json(format!("mutation {{ volumeDelete(volumeId: \"{id}\") }}")))),
        ("application/json", json!({"query": "mutation d($v: String!) { volumeDelete(volumeId: $v) }", "variables": {"v": id}}).to_string()),
        ("application/json", json!({
            "query": format!("query q {{ me {{ id }} }} mutation d {{ volumeDelete(volumeId: \"{id}\") }}"), "operationName": "d",
        }).to_string()),
        ("application/json", json(format!("mutation {{ volumeInstanceUpdate(volumeId: \"{id}\", input: {{state: DELETED}}) }}"))),
        ("application/json", json(format!("mutation {{ volumeDelete(volumeId: \"\"\"{id}\"\"\") }}"))),
        ("application/graphql", format!("mutation {{ volumeDelete(volumeId: \"{id}\") }}")),
    ];
    for (kind, body) in bodies {
        let railway = Railway::seeded();
        let answer = post(&railway, kind, &body).await;
        assert!(gone(&railway, id), "{kind}: {body}: {answer}");
    }
}

#[tokio::test]
async fn a_staged_patch_deletes_at_its_commit() {
    let railway = Railway::seeded();
    let patch = json!({"volumes": {ids::VOLUME_PRODUCTION: {"isDeleted": true}}});
    let stage = "mutation($e: String!, $p: EnvironmentConfig!) { environmentStageChanges(environmentId: $e, input: $p) { id status } }";
    let staged = ask(&railway, stage, json!({"e": ids::PRODUCTION, "p": patch})).await;
    assert_eq!(staged["data"]["environmentStageChanges"]["status"], "STAGED", "{staged}");
    assert!(!gone(&railway, ids::VOLUME_PRODUCTION));
    let read = "query($e: String!) { environmentStagedChanges(environmentId: $e) { patch(decryptVariables: false) } }";
    let seen = ask(&railway, read, json!({"e": ids::PRODUCTION})).await;
    assert_eq!(seen["data"]["environmentStagedChanges"]["patch"], patch);
    let commit = "mutation($e: String!) { environmentPatchCommitStaged(environmentId: $e) }";
    ask(&railway, commit, json!({"e": ids::PRODUCTION})).await;
    assert!(gone(&railway, ids::VOLUME_PRODUCTION));
    let empty = ask(&railway, read, json!({"e": ids::PRODUCTION})).await;
    assert_eq!(empty["data"]["environmentStagedChanges"]["patch"], json!({}));
}

#[tokio::test]
async fn a_service_goes_from_all_environments_unless_the_one_named_is_a_fork() {
    let query = "mutation($s: String!, $e: String) { serviceDelete(id: $s, environmentId: $e) }";
    let left =
        |railway: &Railway| railway.world().ids("ServiceInstance", "serviceId", ids::SERVICE_API).len();
    let railway = Railway::seeded();
    ask(&railway, query, json!({"s": ids::SERVICE_API, "e": ids::FORK})).await;
    assert_eq!(left(&railway), 2);
    let railway = Railway::seeded();
    ask(&railway, query, json!({"s": ids::SERVICE_API, "e": ids::STAGING})).await;
    assert_eq!(left(&railway), 1, "production went with staging");
    assert!(railway.world().variable(ids::PRODUCTION, Some(ids::SERVICE_API), "DATABASE_URL").is_none());
}

#[tokio::test]
async fn pages_are_small_and_lead_to_the_end() {
    let railway = Railway::seeded();
    let query = "query($p: String!, $after: String) { project(id: $p) { volumes(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor } edges { node { id volumeInstances { edges { node { environmentId } } } } } } } }";
    let (mut after, mut seen, mut pages) = (Value::Null, Vec::new(), 0);
    loop {
        let answer = ask(&railway, query, json!({"p": ids::PROJECT, "after": after})).await;
        let volumes = &answer["data"]["project"]["volumes"];
        seen.extend(
            volumes["edges"].as_array().unwrap().iter().map(|e| e["node"]["id"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        if volumes["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = volumes["pageInfo"]["endCursor"].clone();
    }
    assert_eq!((pages, seen.len()), (2, 7));
    assert!(seen.iter().skip(5).any(|id| id == ids::VOLUME_PRODUCTION), "on the second page");
}

#[tokio::test]
async fn without_a_token_it_says_not_authorized_with_status_200() {
    let railway = Railway::seeded();
    for token in [
        None,
        Some(("authorization", "Bearer nobody")),
        Some(("authorization", &format!("Basic {}", ids::ACCOUNT_TOKEN)[..])),
    ] {
        let (status, body) = send(&railway, Method::POST, "/graphql/v2", FORM, token, &incident()).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body["errors"][0]["message"], "Not Authorized", "{body}");
    }
    assert!(railway.world().exists("Volume", ids::VOLUME_PRODUCTION));
}

#[tokio::test]
async fn a_project_token_reaches_its_environment_only() {
    let railway = Railway::seeded();
    let token = Some(("project-access-token", ids::STAGING_TOKEN));
    let ask = async |query: String| {
        let body = json!({ "query": query }).to_string();
        send(&railway, Method::POST, "/graphql/v2", "application/json", token, &body).await.1
    };
    let scope = ask("{ projectToken { environmentId environment { name } } }".to_owned()).await;
    assert_eq!(scope["data"]["projectToken"]["environment"]["name"], "staging");
    let refused =
        ["volumeDelete(volumeId: \"{V}\")", "projectDelete(id: \"{P}\")", "environmentDelete(id: \"{E}\")"];
    for field in refused {
        let field = field
            .replace("{V}", ids::VOLUME_PRODUCTION)
            .replace("{P}", ids::PROJECT)
            .replace("{E}", ids::PRODUCTION);
        let answer = ask(format!("mutation {{ {field} }}")).await;
        assert_eq!(answer["errors"][0]["message"], "Not Authorized", "{field}: {answer}");
    }
    let answer = ask(format!("mutation {{ volumeDelete(volumeId: \"{}\") }}", ids::VOLUME_STAGING)).await;
    assert_eq!(answer, json!({"data": {"volumeDelete": true}}));
}

#[tokio::test]
async fn what_the_schema_does_not_have_is_an_error_in_graphql_shape() {
    let railway = Railway::seeded();
    for query in [
        "{ volume(id: \"x\") { id } }",
        "{ me { id ",
        "mutation { volumeDelete }",
        "query a { me { id } } query b { me { id } }",
    ] {
        let answer = ask(&railway, query, json!({})).await;
        assert!(answer["errors"][0]["message"].is_string(), "{query}: {answer}");
        assert!(answer.get("data").is_none(), "{query}: {answer}");
    }
}

#[tokio::test]
async fn a_get_reads_and_changes_nothing() {
    let railway = Railway::seeded();
    let bearer = format!("Bearer {}", ids::ACCOUNT_TOKEN);
    let get = async |query: &str| {
        let query: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
        send(
            &railway,
            Method::GET,
            &format!("/graphql/v2?query={query}"),
            "",
            Some(("authorization", &bearer)),
            "",
        )
        .await
        .1
    };
    assert_eq!(get("{me{name}}").await["data"]["me"]["name"], "Robin Park");
    get(&format!("mutation{{volumeDelete(volumeId:\"{}\")}}", ids::VOLUME_PRODUCTION)).await;
    assert!(railway.world().exists("Volume", ids::VOLUME_PRODUCTION));
}

#[tokio::test]
async fn variables_show_their_values_and_take_new_ones() {
    let railway = Railway::seeded();
    let read = "query($p: String!, $e: String!, $s: String) { variables(projectId: $p, environmentId: $e, serviceId: $s) }";
    let place = json!({"p": ids::PROJECT, "e": ids::PRODUCTION, "s": ids::SERVICE_API});
    let seen = ask(&railway, read, place.clone()).await;
    assert!(seen["data"]["variables"]["DATABASE_URL"].as_str().unwrap().contains("pw-production"), "{seen}");
    let write = "mutation($i: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $i) }";
    let input = json!({"projectId": ids::PROJECT, "environmentId": ids::PRODUCTION, "serviceId": ids::SERVICE_API,
        "variables": {"ONLY": "this"}, "replace": true});
    ask(&railway, write, json!({ "i": input })).await;
    assert_eq!(
        ask(&railway, read, place).await["data"]["variables"],
        json!({"ONLY": "this", "REGION": "europe-west4"})
    );
}

#[tokio::test]
async fn a_token_that_is_created_works_until_it_is_deleted() {
    let railway = Railway::seeded();
    let made = ask(
        &railway,
        "mutation($i: ProjectTokenCreateInput!) { projectTokenCreate(input: $i) }",
        json!({"i": {"projectId": ids::PROJECT, "environmentId": ids::PRODUCTION, "name": "x"}}),
    )
    .await;
    let token = made["data"]["projectTokenCreate"].as_str().unwrap().to_owned();
    let whose = json!({"query": "{ projectToken { id environmentId } }"}).to_string();
    let seen =
        send(&railway, Method::POST, "/graphql/v2", "", Some(("project-access-token", &token)), &whose)
            .await
            .1;
    assert_eq!(seen["data"]["projectToken"]["environmentId"], ids::PRODUCTION);
    let id = &seen["data"]["projectToken"]["id"];
    ask(&railway, "mutation($i: String!) { projectTokenDelete(id: $i) }", json!({ "i": id })).await;
    let seen =
        send(&railway, Method::POST, "/graphql/v2", "", Some(("project-access-token", &token)), &whose)
            .await
            .1;
    assert_eq!(seen["errors"][0]["message"], "Not Authorized");
}

#[test]
fn two_seeded_worlds_are_the_same_and_a_snapshot_restores() {
    let railway = Railway::seeded();
    let before = railway.snapshot();
    assert_eq!(format!("{before:?}"), format!("{:?}", World::seeded()));
    railway.world().remove("Project", ids::PROJECT);
    assert!(railway.world().volume(ids::VOLUME_PRODUCTION).is_none());
    railway.restore(before);
    assert_eq!(railway.world().backups(ids::VOLUME_PRODUCTION), 3);
}

#[test]
fn ids_of_things_that_are_made_look_like_uuids() {
    let mut world = World::seeded();
    let (a, b) = (world.fresh(), world.fresh());
    assert_ne!(a, b);
    let shape: Vec<usize> = a.split('-').map(str::len).collect();
    assert_eq!(shape, [8, 4, 4, 4, 12], "{a}");
    assert_eq!(a.as_bytes()[14], b'4', "{a}");
}
