//! GraphQL beside REST, at GitHub.

use http::{HeaderMap, Method};
use serde_json::json;

use crate::catalog::{BUILTIN, Refusal};
use crate::model::{Class, Operation, Request, Resource, Scope};

fn ask_at(host: &str, path: &str, document: &str) -> Result<Operation, Refusal> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    let request = Request {
        method: Method::POST,
        host: host.to_owned(),
        path: path.to_owned(),
        query: None,
        headers,
        body: json!({ "query": document }).to_string().into(),
        partial: false,
    };
    BUILTIN.classify(BUILTIN.pack("github").unwrap(), request).map(|found| found.operations[0].clone())
}

fn ask(document: &str) -> Result<Operation, Refusal> {
    ask_at("api.github.com", "/graphql", document)
}

#[test]
fn a_repository_is_named_by_both_of_its_parts() {
    let named =
        ask("{ repository(owner: \"Atlas\", name: \"API\") { issues(first: 1) { nodes { title } } } }")
            .unwrap();
    assert_eq!(named.resources, [Resource::new("named-repository", "atlas/api")]);
    assert_eq!((named.class, named.scope), (Class::Read, Scope::Resources));
    assert_eq!(ask("{ repository(owner: \"a/b\", name: \"c\") { name } }").unwrap_err().code, "malformed_id");
    assert!(ask("{ repository(owner: \"\", name: \"c\") { name } }").is_err());
}

#[test]
fn what_lies_beyond_the_repository_is_the_accounts() {
    let repository = |inner: &str| ask(&format!("{{ repository(owner: \"a\", name: \"b\") {{ {inner} }} }}"));
    let parent = repository("parent { name description viewerPermission }").unwrap();
    assert_eq!(parent.scope, Scope::Resources, "names and what one may do");
    for inner in [
        "parent { issues(first: 1) { nodes { title } } }",
        "pullRequests(first: 1) { nodes { headRepository { issues(first: 1) { totalCount } } } }",
        "issues(first: 1) { nodes { repository { releases(first: 1) { nodes { name } } } } }",
    ] {
        assert_eq!(repository(inner).unwrap().scope, Scope::Account, "{inner}");
    }
    assert_eq!(
        repository("owner { ... on Organization { repositories { nodes { name } } } }").unwrap_err().code,
        "unknown_field"
    );
}

#[test]
fn a_search_stays_in_one_repository_or_is_over_everything() {
    let search = |query: &str| {
        let found =
            ask(&format!("{{ search(query: {}, type: ISSUE, first: 1) {{ issueCount }} }}", json!(query)))
                .unwrap();
        (found.scope == Scope::Resources).then(|| found.resources[0].id.clone())
    };
    for query in [
        "repo:Atlas/API",
        "is:open repo:atlas/api label:bug text",
        "repo:atlas/api -author:@me sort:created-desc",
    ] {
        assert_eq!(search(query).as_deref(), Some("atlas/api"), "{query}");
    }
    for query in [
        "",
        "secret",
        "repo:atlas/api OR repo:atlas/web",
        "repo:atlas/api repo:atlas/web",
        "repo:atlas/api org:atlas",
        "repo:atlas/api user:robin",
        "-repo:atlas/api",
        "(repo:atlas/api)",
        "\"repo:atlas/api\"",
        "REPO:atlas/api",
        "repo:atlas/api OR is:open",
        "repo:atlas",
        "repo:atlas/api/x",
        "x\trepo:atlas/api",
    ] {
        assert_eq!(search(query), None, "{query}");
    }
}

#[test]
fn mutations_name_what_they_change_by_its_id() {
    let mutation = |text: &str| ask(&format!("mutation {{ {text} {{ clientMutationId }} }}"));
    let close = mutation("closeIssue(input: { issueId: \"I_x\" })").unwrap();
    assert_eq!((close.class, close.resources), (Class::Write, vec![Resource::new("node", "I_x")]));
    let pull = "createPullRequest(input: { repositoryId: \"R_1\", headRepositoryId: \"R_2\", baseRefName: \"m\", headRefName: \"t\", title: \"t\" })";
    assert_eq!(
        mutation(pull).unwrap().resources,
        [Resource::new("node", "R_1"), Resource::new("node", "R_2")]
    );
    let review = |event: &str| {
        mutation(&format!("addPullRequestReview(input: {{ pullRequestId: \"P\", event: {event} }})"))
    };
    assert_eq!(review("COMMENT").unwrap().class, Class::Write);
    assert_eq!(review("APPROVE").unwrap().class, Class::Grant);
    for destroy in ["deleteRef(input: { refId: \"x\" })", "deleteIssue(input: { issueId: \"x\" })"] {
        assert_eq!(mutation(destroy).unwrap().class, Class::Destroy, "{destroy}");
    }
    assert_eq!(mutation("deleteEnvironment(input: { id: \"x\" })").unwrap_err().code, "unknown_operation");
    assert!(mutation("closeIssue(input: { issueId: \"I\", novelty: 1 })").is_err());
}

#[test]
fn other_paths_and_hosts_take_no_documents() {
    let document = "{ viewer { login } }";
    assert_eq!(ask(document).unwrap().scope, Scope::Shared);
    assert_eq!(ask_at("api.github.com", "/graphql/v2", document).unwrap_err().code, "unknown_operation");
    assert_eq!(ask_at("github.com", "/graphql", document).unwrap_err().code, "unknown_operation");
    assert_eq!(ask_at("uploads.github.com", "/graphql", document).unwrap_err().code, "unknown_operation");
}
