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
    let porcelain = desk.gh("gh issue list -R atlas/api 2>&1").exits(1);
    assert!(porcelain.stdout.contains("guardrail") || porcelain.stdout.contains("stint:"), "{porcelain:?}");
    assert_eq!(
        desk.github.log.reached("repository"),
        1,
        "the broker's own question alone: {:?}",
        desk.github.log
    );
}

/// Its porcelain speaks GraphQL; what the mutations name by an id is asked for.
#[test]
fn gh_lists_makes_comments_on_and_closes_issues_of_its_repository() {
    let desk = Desk::new();
    let script = "set -e; R='-R atlas/sandbox'
        gh issue list $R; gh issue view 1 $R; gh issue create $R --title from-gh --body b
        gh issue comment 1 $R --body noted; gh issue edit 1 $R --title renamed; gh issue status $R
        gh issue close 1 $R; gh repo view atlas/sandbox --json name,defaultBranchRef; gh label list $R; gh release list $R";
    let done = desk.gh(script).ok();
    assert!(done.stdout.contains("first") && done.stdout.contains("\"name\":\"sandbox\""), "{done:?}");
    let world = desk.github.site.world();
    let sandbox = world.find("atlas", "sandbox").unwrap();
    assert_eq!(sandbox.issues[1].title, "from-gh");
    assert_eq!((sandbox.issues[0].title.as_str(), sandbox.issues[0].open), ("renamed", false));
    assert_eq!(sandbox.issues[0].comments, ["noted"]);
}

#[test]
fn gh_makes_lists_views_and_merges_pull_requests_of_its_repository() {
    let desk = Desk::new();
    let script = "set -e; R='-R atlas/sandbox'
        gh pr create $R --title change --body b --head topic --base main
        gh pr list $R; gh pr view 100 $R; gh pr status $R; gh pr review 100 $R --comment --body fine; gh pr close 100 $R";
    let done = desk.gh(script).ok();
    assert!(done.stdout.contains("change"), "{done:?}");
    assert!(!desk.github.site.world().find("atlas", "sandbox").unwrap().pulls[0].open);
    // An approval opens what branch protection keeps shut.
    let asked = desk.gh("gh pr review 100 -R atlas/sandbox --approve 2>&1").exits(1);
    assert!(asked.stdout.contains("approval"), "{asked:?}");
    let asked = desk.gh("gh issue delete 1 -R atlas/sandbox --yes 2>&1").exits(1);
    assert!(asked.stdout.contains("approval"), "{asked:?}");
}

/// A document of one's own: by an id of another repository, by a name that it had, and to where nothing is known.
#[test]
fn gh_reaches_no_other_repository_by_graphql() {
    let desk = Desk::new();
    let (api, sandbox) = {
        let world = desk.github.site.world();
        let id = |name: &str| world.find("atlas", name).unwrap().id;
        (id("api"), id("sandbox"))
    };
    desk.github.site.world().rename(api, "atlas", "engine");
    desk.github.site.world().rename(sandbox, "atlas", "sand");
    let ask = |document: &str| desk.gh(&format!("gh api graphql -f query='{document}' 2>&1")).exits(1).stdout;
    for document in [
        format!(
            "{{ node(id: \"R_{api}\") {{ ... on Repository {{ issues(first: 1) {{ nodes {{ title }} }} }} }} }}"
        ),
        format!("mutation {{ closeIssue(input: {{ issueId: \"I_{api}_1\" }}) {{ issue {{ id }} }} }}"),
        format!(
            "mutation {{ a: addComment(input: {{ subjectId: \"I_{api}_1\", body: \"x\" }}) {{ clientMutationId }} }}"
        ),
        "{ repository(owner: \"atlas\", name: \"engine\") { name } }".to_owned(),
        // It is another repository now, by the name that is mapped.
        "{ repository(owner: \"atlas\", name: \"sandbox\") { name } }".to_owned(),
        "{ search(query: \"secret\", type: ISSUE, first: 1) { issueCount } }".to_owned(),
        "{ search(query: \"repo:atlas/sandbox OR repo:atlas/api\", type: ISSUE, first: 1) { issueCount } }"
            .to_owned(),
        "{ viewer { repositories(first: 9) { nodes { name } } } }".to_owned(),
        "mutation { deleteEnvironment(input: { id: \"x\" }) { clientMutationId } }".to_owned(),
    ] {
        let said = ask(&document);
        assert!(said.contains("stint:"), "{document}: {said}");
    }
    assert!(desk.github.site.world().find("atlas", "engine").unwrap().issues[0].open);
    assert!(desk.github.site.world().find("atlas", "engine").unwrap().issues[0].comments.is_empty());
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
