//! GitLab end to end: git itself, REST by a token's header, and what nobody has judged.

use std::sync::{Arc, Mutex};

use http::Response;
use serde_json::json;
use stint_standin::{Body, Fault, Handle, Inbound, Said, Scripted, Site, Standin};
use stint_tests::git::{Forge, GitHost};
use stint_tests::{Options, Output, TestBroker};
use tokio::runtime::{Builder, Runtime};

/// GitLab's API as far as it was told, for one token.
#[derive(Debug, Clone, Default)]
struct Gitlab {
    api: Scripted,
    token: Arc<Mutex<String>>,
}

impl Site for Gitlab {
    fn operations(&self, request: &Inbound) -> Vec<String> {
        self.api.operations(request)
    }

    async fn answer(&self, request: Inbound, faults: &[Fault]) -> Response<Body> {
        let token = request.parts.headers.get("private-token").and_then(|value| value.to_str().ok());
        let known = token.is_some_and(|token| self.admits(token));
        let mut answer = self.api.answer(request, faults).await;
        if !known {
            *answer.status_mut() = http::StatusCode::UNAUTHORIZED;
        }
        answer
    }
}

impl Forge for Gitlab {
    const USER: &'static str = "oauth2";

    fn is_git(request: &Inbound) -> bool {
        let path = request.parts.uri.path();
        ["/info/refs", "/git-upload-pack", "/git-receive-pack"].iter().any(|end| path.ends_with(end))
    }

    fn admits(&self, token: &str) -> bool {
        *self.token.lock().unwrap() == token
    }
}

struct Desk {
    broker: TestBroker,
    gitlab: Handle<GitHost<Gitlab>>,
    _runtime: Runtime,
}

const CLONE: &str = r#"set -e
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.com
cd "$(mktemp -d)"
git clone -q https://gitlab.com/Atlas/Tools/sandbox.git work
cd work
"#;

impl Desk {
    fn new() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let host = GitHost::beside(Gitlab::default(), &["atlas/tools/sandbox", "atlas/api"]);
        let project = "/api/v4/projects/atlas%2Ftools%2Fsandbox";
        host.api.api.say(&format!("{project}/issues"), Said::json(&json!([{ "iid": 1, "title": "one" }])));
        let gitlab = runtime.block_on(Standin::loopback(host)).unwrap();
        let variables = vec![("STINT_BROKER_APPROVAL_HOLD".to_owned(), "1s".to_owned())];
        let broker = TestBroker::start(Options { variables, ..Options::default() });
        let secret = broker.secret("gitlab");
        *gitlab.site.api.token.lock().unwrap() = secret.clone();
        broker.login();
        broker.add_environment("staging", "staging");
        broker.add_environment("production", "production");
        broker.map("staging", "gitlab:project/atlas/tools/sandbox");
        broker.map("production", "gitlab:project/atlas/api");
        broker.add_credential("gitlab", "gitlab", &gitlab.url(), gitlab.ca_pem(), &secret);
        broker.add_agent("coder");
        Desk { broker, gitlab, _runtime: runtime }
    }

    fn run(&self, script: &str) -> Output {
        self.broker.run("staging", "coder", &["sh", "-c", script])
    }

    fn at(&self, reference: &str) -> Option<String> {
        self.gitlab.site.reference("atlas/tools/sandbox", reference)
    }

    /// What curl shows of a call to the API, and its status at the end.
    fn api(&self, call: &str) -> String {
        let script = format!(
            "curl -sS -w ' %{{http_code}}' -H \"PRIVATE-TOKEN: $GITLAB_TOKEN\" -H 'content-type: application/json' {call}"
        );
        self.run(&script).ok().stdout
    }
}

#[test]
fn gitlab_is_cloned_and_pushed_to_within_its_environment() {
    let desk = Desk::new();
    let script = format!(
        "{CLONE}git checkout -q -b topic && git commit -q --allow-empty -m one && git push origin topic 2>&1
        git push origin :refs/tags/v1 2>&1 || true
        git rev-parse topic"
    );
    let done = desk.run(&script).ok();
    assert_eq!(desk.at("refs/heads/topic").as_deref(), done.stdout.lines().last(), "{done:?}");
    assert!(desk.at("refs/tags/v1").is_some(), "a tag was deleted without a person: {done:?}");
    assert!(done.stdout.contains("stint: approval_required"), "{done:?}");
    let refused = desk.run("git clone https://gitlab.com/atlas/api.git 2>&1").exits(128);
    assert!(refused.stdout.contains("guardrail.other-environment"), "{refused:?}");
    assert!(!desk.gitlab.log.holds("/atlas/api"), "{:?}", desk.gitlab.log);
}

#[test]
fn gitlab_answers_by_rest_and_nothing_else_is_understood() {
    let desk = Desk::new();
    let project = "https://gitlab.com/api/v4/projects";
    let own = format!("{project}/atlas%2Ftools%2Fsandbox");
    let read = desk.api(&format!("{own}/issues"));
    assert!(read.contains("\"title\":\"one\"") && read.ends_with(" 200"), "{read}");
    let made = desk.api(&format!("-X POST -d '{{\"title\":\"two\"}}' {own}/issues"));
    assert!(made.ends_with(" 200"), "{made}");
    // The same project in other letters is the same project; another is another environment's.
    let same =
        desk.api(&format!("-X POST -d '{{\"title\":\"x\"}}' {project}/Atlas%2FTools%2FSandbox/issues"));
    assert!(same.ends_with(" 200"), "{same}");
    desk.gitlab.log.clear();
    for (call, code, says) in [
        (format!("{project}/atlas%2Fapi/issues"), "403", "guardrail.other-environment"),
        (format!("-X DELETE {own}"), "403", ""),
        (format!("-X PUT -d '{{\"visibility\":\"public\"}}' {own}"), "403", ""),
        (format!("{own}/nothing"), "403", "unknown_operation"),
        (format!("{project}/atlas/tools/sandbox/issues"), "403", "unknown_operation"),
        (
            "-d '{\"query\":\"mutation { projectDelete(input: {id: 1}) { errors } }\"}' https://gitlab.com/api/graphql".to_owned(),
            "403",
            "unknown_operation",
        ),
        (format!("-H 'job-token: glpat-abcdefghij0123456789' {own}/issues"), "403", ""),
    ] {
        let said = desk.api(&call);
        assert!(said.ends_with(&format!(" {code}")), "{call}: {said}");
        let records = desk.broker.records("request_refused");
        assert!(said.contains(says) || records.iter().any(|one| one.to_string().contains(says)), "{call}: {said}");
    }
    assert!(desk.gitlab.log.is_empty(), "{:?}", desk.gitlab.log);
}
