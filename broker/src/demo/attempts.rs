//! The requests of the story, as data: the published one, and the same effect in other clothes.

use http::Method;
use serde_json::{Value, json};
use stint_api::Code;
use stint_standin::railway::ids;

use super::http::Request;
use super::{HOST, LEGACY_HOST};

const PATH: &str = "/graphql/v2";
const OTHER_ENVIRONMENT: &str = "guardrail.other-environment";

/// Something that must not get through.
pub(super) struct Attempt {
    pub(super) tried: &'static str,
    pub(super) request: Request,
    /// The mutation that must not arrive.
    pub(super) field: &'static str,
    pub(super) code: Code,
    /// A policy that must be among those that decided.
    pub(super) policy: Option<&'static str>,
}

/// The request as published, with curl's own content type and the legacy host.
pub(super) fn published(token: &str) -> Request {
    let query = format!("mutation {{ volumeDelete(volumeId: \"{}\") }}", ids::VOLUME_PRODUCTION);
    Request {
        method: Method::POST,
        host: LEGACY_HOST,
        path: PATH.to_owned(),
        headers: vec![
            ("authorization", format!("Bearer {token}")),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ],
        body: json!({ "query": query }).to_string(),
    }
}

/// A GraphQL request as the provider's own tools send it.
pub(super) fn graphql(token: &str, query: &str, variables: &Value) -> Request {
    let body = if variables.is_null() {
        json!({ "query": query })
    } else {
        json!({ "query": query, "variables": variables })
    };
    with_body(token, body.to_string())
}

/// With credentials that the session was not given.
pub(super) fn foreign(placeholder: &str) -> Vec<Attempt> {
    let mut beside = published(placeholder);
    beside.headers.push(("project-access-token", ids::STAGING_TOKEN.to_owned()));
    let attempt = |tried, request| Attempt {
        tried,
        request,
        field: "volumeDelete",
        code: Code::ForeignCredential,
        policy: None,
    };
    vec![
        attempt("the published curl, the found token", published(ids::ACCOUNT_TOKEN)),
        attempt("a found project token in its header", beside),
    ]
}

/// The published request and its disguises, all with the session's own placeholder.
pub(super) fn deletions(token: &str) -> Vec<Attempt> {
    let id = ids::VOLUME_PRODUCTION;
    let delete = format!("volumeDelete(volumeId: \"{id}\")");
    let query = |query: String| graphql(token, &query, &Value::Null);
    let denied = |tried, request| Attempt {
        tried,
        request,
        field: "volumeDelete",
        code: Code::Denied,
        policy: Some(OTHER_ENVIRONMENT),
    };
    let batch = json!([{ "query": "query { me { id } }" }, { "query": format!("mutation {{ {delete} }}") }]);
    let named = json!({
        "query": format!("query Look {{ me {{ id }} }} mutation Tidy {{ {delete} }}"),
        "operationName": "Tidy",
    });
    let form: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("query", &format!("mutation {{ {delete} }}"))
        .finish();
    vec![
        denied("the published curl, the placeholder", published(token)),
        denied("under an alias", query(format!("mutation {{ tidy: {delete} }}"))),
        denied(
            "in a fragment",
            query(format!("mutation {{ ...Work }} fragment Work on Mutation {{ {delete} }}")),
        ),
        denied("in an inline fragment", query(format!("mutation {{ ... on Mutation {{ {delete} }} }}"))),
        denied(
            "by a variable",
            graphql(token, "mutation($v: String!) { volumeDelete(volumeId: $v) }", &json!({ "v": id })),
        ),
        denied(
            "by a variable's default",
            query(format!("mutation($v: String! = \"{id}\") {{ volumeDelete(volumeId: $v) }}")),
        ),
        denied(
            "as a block string",
            query(format!("mutation {{ volumeDelete(volumeId: \"\"\"{id}\"\"\") }}")),
        ),
        denied("in a batch, behind a query", with_body(token, batch.to_string())),
        denied("one of two, by operationName", with_body(token, named.to_string())),
        denied("as a form: query=…", Request { body: form.clone(), ..published(token) }),
        Attempt {
            tried: "as a GET: ?query=…",
            request: Request {
                method: Method::GET,
                path: format!("{PATH}?{form}"),
                headers: vec![("authorization", format!("Bearer {token}"))],
                body: String::new(),
                ..published(token)
            },
            field: "volumeDelete",
            // Refused before it is looked at: the provider changes nothing by GET, and neither does the pack.
            code: Code::MethodNotAllowed,
            policy: None,
        },
    ]
}

/// The same loss, or as great a one, by other operations.
pub(super) fn detours(token: &str) -> Vec<Attempt> {
    let attempt = |tried, field, query: &str, variables: Value, policy| Attempt {
        tried,
        request: graphql(token, query, &variables),
        field,
        code: Code::Denied,
        policy: Some(policy),
    };
    vec![
        attempt(
            "volumeInstanceUpdate(state: DELETED)",
            "volumeInstanceUpdate",
            "mutation($v: String!, $e: String, $i: VolumeInstanceUpdateInput!) { volumeInstanceUpdate(volumeId: $v, environmentId: $e, input: $i) }",
            json!({ "v": ids::VOLUME_PRODUCTION, "e": ids::STAGING, "i": { "state": "DELETED" } }),
            OTHER_ENVIRONMENT,
        ),
        attempt(
            "stage the deletion in production",
            "environmentStageChanges",
            "mutation($e: String!, $i: EnvironmentConfig!) { environmentStageChanges(environmentId: $e, input: $i) { id } }",
            json!({ "e": ids::PRODUCTION, "i": removal(ids::VOLUME_PRODUCTION) }),
            OTHER_ENVIRONMENT,
        ),
        attempt(
            "serviceDelete, environmentId: staging",
            "serviceDelete",
            "mutation($s: String!, $e: String) { serviceDelete(id: $s, environmentId: $e) }",
            json!({ "s": ids::SERVICE_POSTGRES, "e": ids::STAGING }),
            OTHER_ENVIRONMENT,
        ),
        attempt(
            "delete a backup of production",
            "volumeInstanceBackupDelete",
            BACKUP_DELETE,
            json!({ "v": ids::INSTANCE_PRODUCTION, "b": ids::BACKUP_PRODUCTION }),
            OTHER_ENVIRONMENT,
        ),
        attempt(
            "make a project token for production",
            "projectTokenCreate",
            "mutation($i: ProjectTokenCreateInput!) { projectTokenCreate(input: $i) }",
            json!({ "i": { "projectId": ids::PROJECT, "environmentId": ids::PRODUCTION, "name": "ci-2" } }),
            OTHER_ENVIRONMENT,
        ),
    ]
}

/// A person has staged `removal` in the dashboard, and the agent would commit it.
pub(super) fn commit_staged(token: &str) -> Attempt {
    Attempt {
        tried: "commit a deletion staged by a person",
        request: graphql(
            token,
            "mutation($e: String!) { environmentPatchCommitStaged(environmentId: $e) }",
            &json!({ "e": ids::PRODUCTION }),
        ),
        field: "environmentPatchCommitStaged",
        code: Code::Denied,
        policy: Some(OTHER_ENVIRONMENT),
    }
}

/// A backup is protected in staging too.
pub(super) fn delete_staging_backup(token: &str, backup: &str) -> Attempt {
    Attempt {
        tried: "delete the backup made in staging",
        request: graphql(token, BACKUP_DELETE, &json!({ "v": ids::INSTANCE_STAGING, "b": backup })),
        field: "volumeInstanceBackupDelete",
        code: Code::Denied,
        policy: Some("guardrail.backups"),
    }
}

/// A patch of an environment that deletes a volume.
pub(super) fn removal(volume: &str) -> Value {
    json!({ "volumes": { volume: { "isDeleted": true } } })
}

const BACKUP_DELETE: &str = "mutation($v: String!, $b: String!) { volumeInstanceBackupDelete(volumeInstanceId: $v, volumeInstanceBackupId: $b) { workflowId } }";

fn with_body(token: &str, body: String) -> Request {
    Request {
        method: Method::POST,
        host: HOST,
        path: PATH.to_owned(),
        headers: vec![
            ("authorization", format!("Bearer {token}")),
            ("content-type", "application/json".to_owned()),
        ],
        body,
    }
}
