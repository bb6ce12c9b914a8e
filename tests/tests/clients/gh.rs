//! GitHub's command line, against a stand-in that follows GitHub's published description.

use stint_standin::{Github, Handle, Standin};
use stint_tests::{Options, Output, TestBroker};
use tokio::runtime::{Builder, Runtime};

struct Desk {
    broker: TestBroker,
    github: Handle<Github>,
    _runtime: Runtime,
}

impl Desk {
    fn new() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let github = runtime.block_on(Standin::loopback(Github::seeded())).unwrap();
        let hold = ("STINT_BROKER_APPROVAL_HOLD".to_owned(), "1s".to_owned());
        let broker = TestBroker::start(Options { variables: vec![hold], ..Options::default() });
        let secret = broker.secret("github");
        github.site.world().admit(&secret, "robin");
        broker.login();
        broker.add_environment("staging", "staging");
        broker.map("staging", "github:repository/atlas/sandbox");
        broker.add_credential("github", "github", &github.url(), github.ca_pem(), &secret);
        broker.add_agent("coder");
        Desk { broker, github, _runtime: runtime }
    }

    /// A shell line in a session; `gh` finds only what the session gives it.
    fn gh(&self, line: &str) -> Output {
        self.broker.run("staging", "coder", &["sh", "-c", line])
    }
}

#[test]
fn gh_works_in_its_repository_with_the_placeholder() {
    let desk = Desk::new();
    let read = desk.gh("gh api repos/atlas/sandbox --jq .full_name").ok();
    assert_eq!(read.stdout.trim(), "atlas/sandbox");
    let made = desk.gh("gh api repos/atlas/sandbox/issues -f title='from an agent' --jq .title").ok();
    assert_eq!(made.stdout.trim(), "from an agent");
    assert_eq!(desk.github.log.reached("POST /repos/{owner}/{repo}/issues"), 1);
}

#[test]
fn gh_reads_why_it_may_not_reach_another_repository() {
    let desk = Desk::new();
    let refused = desk.gh("gh api repos/atlas/api").exits(1);
    assert!(refused.stdout.contains("\"code\":\"denied\""), "{refused:?}");
    assert!(refused.stderr.contains("HTTP 403"), "{refused:?}");
    assert_eq!(desk.github.log.reached("GET /repos/{owner}/{repo}"), 0, "{:?}", desk.github.log);
    // Its porcelain speaks GraphQL, which this pack does not know: refused, with the reason.
    let porcelain = desk.gh("gh issue list -R atlas/sandbox 2>&1").exits(1);
    assert!(
        porcelain.stdout.contains("unknown_operation") || porcelain.stdout.contains("403"),
        "{porcelain:?}"
    );
}

#[test]
fn gh_cannot_delete_without_a_person_and_not_with_a_key_it_found() {
    let desk = Desk::new();
    let asked = desk.gh("gh api -X DELETE repos/atlas/sandbox").exits(1);
    assert!(asked.stdout.contains("approval"), "{asked:?}");
    let found =
        desk.gh("GH_TOKEN=ghp_0123456789abcdefghijABCDEFGHIJ012345 gh api repos/atlas/sandbox").exits(1);
    assert!(found.stdout.contains("foreign_credential"), "{found:?}");
    assert_eq!(desk.github.log.reached("DELETE /repos/{owner}/{repo}"), 0);
    assert!(desk.github.site.world().find("atlas", "sandbox").is_some());
}

/// What was found is on record even where the session has nothing for that provider.
#[test]
fn gh_with_a_found_key_is_refused_where_the_session_has_nothing_for_github() {
    let lab = stint_tests::Lab::start(Options::default());
    let found = "GH_TOKEN=ghp_0123456789abcdefghijABCDEFGHIJ012345 gh api repos/atlas/sandbox";
    let refused = lab.run(&["sh", "-c", found]).exits(1);
    assert!(refused.stdout.contains("foreign_credential"), "{refused:?}");
    let records = lab.records("request_refused");
    assert_eq!(
        (&records[0]["facts"]["code"], &records[0]["facts"]["agent"]),
        (&"foreign_credential".into(), &"coder".into())
    );
    let plain = lab.run(&["curl", "-sS", "https://api.github.com/repos/atlas/sandbox"]).ok();
    assert!(plain.stdout.contains("the session has no credential for api.github.com"), "{plain:?}");
    assert_eq!(lab.records("request_refused").len(), 2);
}
