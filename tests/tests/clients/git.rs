//! git itself, against `git http-backend` behind a stand-in of GitHub.

use stint_standin::{Handle, Standin};
use stint_tests::git::GitHost;
use stint_tests::{Options, Output, TestBroker, until};
use tokio::runtime::{Builder, Runtime};

struct Desk {
    broker: TestBroker,
    github: Handle<GitHost>,
    _runtime: Runtime,
}

/// git as nobody has set it up, and a fresh clone in `$HOME/work`.
const CLONE: &str = r#"set -e
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.com
cd "$(mktemp -d)"
git clone -q https://github.com/atlas/sandbox work
cd work
"#;

impl Desk {
    fn new() -> Self {
        Desk::with(&[])
    }

    fn with(variables: &[(&str, &str)]) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let github = runtime.block_on(Standin::loopback(GitHost::seeded())).unwrap();
        let mut all = vec![("STINT_BROKER_APPROVAL_HOLD".to_owned(), "1s".to_owned())];
        all.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let broker = TestBroker::start(Options { variables: all, ..Options::default() });
        let secret = broker.secret("github");
        github.site.api.world().admit(&secret, "robin");
        broker.login();
        broker.add_environment("staging", "staging");
        broker.add_environment("production", "production");
        broker.map("staging", "github:repository/atlas/sandbox");
        broker.map("production", "github:repository/atlas/api");
        broker.add_credential("github", "github", &github.url(), github.ca_pem(), &secret);
        broker.add_agent("coder");
        Desk { broker, github, _runtime: runtime }
    }

    fn run(&self, script: &str) -> Output {
        self.broker.run("staging", "coder", &["sh", "-c", script])
    }

    /// In a fresh clone of the repository of staging.
    fn cloned(&self, script: &str) -> Output {
        self.run(&format!("{CLONE}{script}"))
    }

    fn at(&self, reference: &str) -> Option<String> {
        self.github.site.reference("atlas/sandbox", reference)
    }

    /// Operations of the newest records of requests that were sent.
    fn sent(&self) -> Vec<String> {
        let records = self.broker.records("request_decided");
        let of = |record: &serde_json::Value| record["facts"]["operations"].as_array().cloned();
        let all = records.iter().filter_map(of).flatten();
        all.filter_map(|operation| operation.as_str().map(str::to_owned)).collect()
    }
}

#[test]
fn git_clones_and_pushes_a_branch_of_its_environment() {
    let desk = Desk::new();
    let script =
        "git checkout -q -b topic && git commit -q --allow-empty -m one && git push origin topic 2>&1
        git commit -q --allow-empty -m two && git push origin topic 2>&1
        git fetch origin && git rev-parse topic";
    let done = desk.cloned(script).ok();
    assert_eq!(desk.at("refs/heads/topic").as_deref(), done.stdout.lines().last(), "{done:?}");
    let sent = desk.sent();
    for operation in
        ["fetch/list-refs", "fetch/objects", "push/list-refs", "push/create-branch", "push/update-branch"]
    {
        assert!(sent.contains(&format!("github:{operation}")), "{operation}: {sent:?}");
    }
}

#[test]
fn git_written_for_ssh_goes_the_same_way() {
    let desk = Desk::new();
    let listed =
        desk.run("GIT_CONFIG_GLOBAL=/dev/null git ls-remote git@github.com:Atlas/Sandbox.git main").ok();
    assert!(listed.stdout.starts_with(&desk.at("main").unwrap()), "{listed:?}");
}

#[test]
fn git_shows_why_another_repository_is_refused() {
    let desk = Desk::new();
    let refused = desk.run("git clone https://github.com/atlas/api 2>&1").exits(128);
    assert!(refused.stdout.contains("remote: stint: "), "{refused:?}");
    assert!(
        refused.stdout.contains("production") && refused.stdout.contains("guardrail.other-environment"),
        "{refused:?}"
    );
    assert_eq!(desk.github.log.reached("git GET /atlas/api/info/refs"), 0);
    let unknown = desk.run("git clone https://github.com/atlas/nowhere 2>&1").exits(128);
    assert!(unknown.stdout.contains("guardrail.unmapped"), "{unknown:?}");
    assert!(desk.github.log.entries().is_empty(), "{:?}", desk.github.log);
}

#[test]
fn git_shows_why_main_is_not_deleted_and_a_person_may_allow_it() {
    let desk = Desk::new();
    let (asked, go) = (desk.broker.scratch().join("asked"), desk.broker.scratch().join("go"));
    let script = format!(
        "git push origin :main 2>&1 || touch {asked}; while [ ! -e {go} ]; do sleep 0.05; done; git push origin :main 2>&1",
        asked = asked.display(),
        go = go.display(),
    );
    let script = format!("{CLONE}{script}");
    let args = ["run", "--environment", "staging", "--agent", "coder", "--", "sh", "-c", &script];
    let agent = desk.broker.command(&args).start();
    let list = || desk.broker.stint(&["approval", "list", "--json"]).ok().json();
    let waiting = until("an approval waits", || list()["approvals"].get(0).cloned());
    assert_eq!(waiting["operations"], serde_json::json!(["github:push/delete-branch"]));
    assert!(waiting.to_string().contains("atlas/sandbox:refs/heads/main"), "{waiting}");
    until("git was told", || asked.exists().then_some(()));
    assert!(desk.at("refs/heads/main").is_some());
    let (id, confirm) = (waiting["id"].as_str().unwrap(), waiting["confirm"]["text"].as_str().unwrap());
    desk.broker.stint(&["approval", "approve", id, "--confirm", confirm]).ok();
    std::fs::write(&go, "").unwrap();
    let done = agent.wait().ok();
    assert_eq!(desk.at("refs/heads/main"), None, "{done:?}");
    assert!(done.stdout.contains("! [remote rejected] main (stint: approval_required)"), "{done:?}");
    assert!(done.stdout.contains("remote: stint: ask a person to run: stint approval approve"), "{done:?}");
    assert!(done.stdout.contains("- [deleted]         main"), "{done:?}");
}

#[test]
fn git_moves_no_tag_and_rewrites_no_branch_without_a_person() {
    let desk = Desk::new();
    let (main, tag) = (desk.at("refs/heads/main"), desk.at("refs/tags/v1"));
    let script = "git commit -q --amend --allow-empty -m other
        git push --force origin main 2>&1 || true
        git push --force origin HEAD:refs/tags/v1 2>&1 || true
        git push origin HEAD:refs/tags/v2 2>&1
        git push origin HEAD:refs/odd/thing 2>&1 || true";
    let done = desk.cloned(script).ok();
    assert_eq!((desk.at("refs/heads/main"), desk.at("refs/tags/v1")), (main, tag), "{done:?}");
    assert_eq!(done.stdout.matches("(stint: approval_required)").count(), 2, "{done:?}");
    assert!(done.stdout.contains("(stint: denied)") && done.stdout.contains("guardrail.unknown"), "{done:?}");
    assert!(desk.at("refs/tags/v2").is_some(), "a new tag is a write");
    let all = desk.broker.stint(&["approval", "list", "--json"]).ok().stdout;
    assert!(all.contains("push/rewrite-branch") && all.contains("push/move-tag"), "{all}");
}

/// Git compresses long requests; a pack that is longer than what is read of a body streams past its commands.
#[test]
fn git_fetches_many_branches_and_pushes_a_large_file() {
    let desk = Desk::with(&[("STINT_BROKER_LIMITS_BODY", "65536")]);
    let script = "for i in $(seq 60); do git branch b$i $(git commit-tree -m $i HEAD^{tree}); done
        git push -q origin --all 2>&1
        cd .. && git clone -q https://github.com/atlas/sandbox again && cd again && git branch -r | wc -l
        head -c 3000000 /dev/urandom >large && git add large && git commit -q -m large
        git push origin HEAD:main 2>&1 && git rev-parse HEAD";
    let done = desk.cloned(script).ok();
    assert!(done.stdout.starts_with("62"), "{done:?}");
    assert_eq!(desk.at("refs/heads/main").as_deref(), done.stdout.lines().last(), "{done:?}");
    assert!(desk.sent().contains(&"github:push/update-branch".to_owned()), "{:?}", desk.sent());
    let refused = desk
        .cloned(
            "head -c 3000000 /dev/urandom >large && git add large && git commit -q --amend -m x
        git push --force origin HEAD:main 2>&1",
        )
        .exits(1);
    assert!(refused.stdout.contains("stint:"), "{refused:?}");
}

#[test]
fn git_sends_no_credential_that_it_found() {
    let desk = Desk::new();
    let found = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    let refused = desk
        .run(&format!("GIT_CONFIG_COUNT=0 git ls-remote https://x:{found}@github.com/atlas/sandbox 2>&1"));
    // What a URL holds is sent once the provider asks for it, and here nobody asks.
    assert_eq!(refused.code, 0, "{refused:?}");
    let header = format!(
        "git -c http.extraHeader='Authorization: Bearer {found}' ls-remote https://github.com/atlas/sandbox 2>&1"
    );
    let refused = desk.run(&format!("GIT_CONFIG_COUNT=0 {header}")).exits(128);
    assert!(refused.stdout.contains("was not given"), "{refused:?}");
    let kinds = || desk.broker.records("request_refused");
    let records = until("the refusal is on record", || Some(kinds()).filter(|records| !records.is_empty()));
    assert_eq!(records[0]["facts"]["code"], "foreign_credential");
}
