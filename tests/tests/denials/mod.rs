//! What a program is told when the broker refuses: one file a person can read, `shown.txt`, of what each protocol's
//! clients get to see, reason by reason. A change of words or shapes is a change of that file.

use std::fmt::Write as _;
use std::{fs, path::Path};

use serde_json::Value;
use stint_standin::{Echo, Standin};
use stint_tests::{Options, TestBroker, packs};
use tokio::runtime::Builder;

/// Provider, reason, and what `curl` is given in the session.
const CASES: &[(&str, &str, &str)] = &[
    ("anthropic", "a key that was found", "https://api.anthropic.com/v1/models -H 'x-api-key: sk-ant-found'"),
    (
        "anthropic",
        "an operation that is not known",
        "https://api.anthropic.com/v1/nothing -H \"x-api-key: $ANTHROPIC_API_KEY\"",
    ),
    (
        "cloudflare",
        "a key that was found",
        "https://api.cloudflare.com/client/v4/zones -H 'authorization: Bearer found'",
    ),
    (
        "cloudflare",
        "a thing that no environment maps",
        "-X DELETE https://api.cloudflare.com/client/v4/zones/0123456789abcdef0123456789abcdef -H \"authorization: Bearer $CLOUDFLARE_API_TOKEN\"",
    ),
    (
        "digitalocean",
        "an operation that is not known",
        "https://api.digitalocean.com/v2/nothing -H \"authorization: Bearer $DIGITALOCEAN_ACCESS_TOKEN\"",
    ),
    (
        "fly",
        "a thing that no environment maps",
        "-X DELETE https://api.machines.dev/v1/apps/shop -H \"authorization: Bearer $FLY_API_TOKEN\"",
    ),
    (
        "gcp",
        "a thing that no environment maps",
        "-X DELETE https://storage.googleapis.com/storage/v1/b/backups -H \"authorization: Bearer $CLOUDSDK_AUTH_ACCESS_TOKEN\"",
    ),
    (
        "github",
        "a key that was found",
        "https://api.github.com/repos/atlas/sandbox -H 'authorization: Bearer ghp_0123456789abcdefghijABCDEFGHIJ012345'",
    ),
    (
        "github",
        "a thing that no environment maps",
        "https://api.github.com/repos/atlas/api -H \"authorization: Bearer $GH_TOKEN\"",
    ),
    (
        "github",
        "what a person must approve",
        "-X DELETE https://api.github.com/repos/atlas/sandbox -H \"authorization: Bearer $GH_TOKEN\"",
    ),
    (
        "github",
        "a path in two readings",
        "--path-as-is https://api.github.com/repos/atlas/sandbox/../api -H \"authorization: Bearer $GH_TOKEN\"",
    ),
    (
        "github by GraphQL",
        "a document that is no document",
        "https://api.github.com/graphql -H \"authorization: Bearer $GH_TOKEN\" --json '{\"query\":\"mutation {\"}'",
    ),
    (
        "github by git",
        "a list of references that no environment maps",
        "'https://github.com/atlas/api/info/refs?service=git-upload-pack' -u x-access-token:$GH_TOKEN",
    ),
    (
        "github by git",
        "a fetch that no environment maps",
        "https://github.com/atlas/api/git-upload-pack -u x-access-token:$GH_TOKEN -H 'content-type: application/x-git-upload-pack-request' --data-binary 0000",
    ),
    (
        "github by git",
        "a push that deletes a branch",
        "https://github.com/atlas/sandbox/git-receive-pack -u x-access-token:$GH_TOKEN -H 'content-type: application/x-git-receive-pack-request' --data-binary @push",
    ),
    (
        "github by gRPC",
        "what is not known",
        "https://api.github.com/repos.Service/Delete -H \"authorization: Bearer $GH_TOKEN\" -H 'content-type: application/grpc' --data-binary x",
    ),
    ("gitlab", "a provider that the session has nothing for", "https://gitlab.com/api/v4/projects/1"),
    (
        "kubernetes",
        "a thing that no environment maps",
        "-X DELETE https://kubernetes.default.svc/api/v1/namespaces/shop -H \"authorization: Bearer $K8S_AUTH_API_KEY\"",
    ),
    (
        "openai",
        "a key that was found",
        "https://api.openai.com/v1/models -H 'authorization: Bearer sk-found'",
    ),
    (
        "openai",
        "an operation that is not known",
        "https://api.openai.com/v1/nothing -H \"authorization: Bearer $OPENAI_API_KEY\"",
    ),
    (
        "railway",
        "a thing whose owner the provider does not tell",
        "https://backboard.railway.com/graphql/v2 -H \"authorization: Bearer $RAILWAY_API_TOKEN\" --json '{\"query\":\"mutation { volumeDelete(volumeId: \\\"3d2c42fb-1111-4222-8333-444455556666\\\") }\"}'",
    ),
    (
        "render",
        "an operation that is not known",
        "https://api.render.com/v1/nothing -H \"authorization: Bearer $RENDER_API_KEY\"",
    ),
    ("slack", "a key that was found", "https://slack.com/api/auth.test -H 'authorization: Bearer found'"),
    (
        "slack",
        "an operation that is not known",
        "https://slack.com/api/no.such -H \"authorization: Bearer $SLACK_BOT_TOKEN\"",
    ),
    ("stripe", "a key that was found", "https://api.stripe.com/v1/charges -u sk_live_0123456789abcdef:"),
    (
        "stripe",
        "a thing that no environment maps",
        "https://api.stripe.com/v1/refunds -u $STRIPE_API_KEY: -d charge=ch_1",
    ),
    (
        "supabase",
        "a thing that no environment maps",
        "-X DELETE https://api.supabase.com/v1/projects/abcdefghijklmnopqrst -H \"authorization: Bearer $SUPABASE_ACCESS_TOKEN\"",
    ),
    (
        "vercel",
        "a thing that no environment maps",
        "-X DELETE https://api.vercel.com/v9/projects/shop -H \"authorization: Bearer $VERCEL_TOKEN\"",
    ),
    (
        "mcp",
        "a tool that is not known",
        "https://mcp.example.com/mcp -H \"authorization: Bearer $CLUSTER_TOKEN\" --json '{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"remove_all\",\"arguments\":{}}}'",
    ),
    (
        "mcp",
        "a key that was found",
        "https://mcp.example.com/mcp -H 'authorization: Bearer found' --json '{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"tools/list\"}'",
    ),
];

const PACKS: &[&str] = &[
    "anthropic",
    "cloudflare",
    "digitalocean",
    "fly",
    "gcp",
    "github",
    "kubernetes",
    "openai",
    "railway",
    "render",
    "slack",
    "stripe",
    "supabase",
    "vercel",
    "cluster",
];

#[test]
fn what_each_protocols_clients_are_shown() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let provider = runtime.block_on(Standin::loopback(Echo)).unwrap();
    let tools = "what\tname\tclass\tresources\tscope\ntool\tlist_volumes\tread\t\tshared\n";
    let owners = "provider = \"cluster\"\n[kind.volume]\nby = \"self\"\n";
    let files = [("pack.toml", packs::CLUSTER), ("operations.tsv", tools), ("resolvers.toml", owners)];
    let packs = packs::folder("cluster", &files);
    let variables = vec![
        ("STINT_BROKER_APPROVAL_HOLD".to_owned(), "0s".to_owned()),
        ("STINT_BROKER_PACKS".to_owned(), packs.path().to_str().unwrap().to_owned()),
    ];
    let broker = TestBroker::start(Options { variables, ..Options::default() });
    broker.login();
    broker.add_environment("staging", "staging");
    broker.map("staging", "github:repository/atlas/sandbox");
    broker.add_agent("coder");
    for pack in PACKS {
        broker.add_credential(pack, pack, &provider.url(), provider.ca_pem(), &broker.secret(pack));
    }
    let old = "1111111111111111111111111111111111111111";
    let zero = "0000000000000000000000000000000000000000";
    let command = format!("{old} {zero} refs/heads/main\\000report-status side-band-64k");
    let length = 4 + command.len() - "\\000".len() + 1;
    let mut script = format!("cd $(mktemp -d); printf '{length:04x}{command}0000' > push\n");
    for (_, _, arguments) in CASES {
        writeln!(script, "curl -sS -i {arguments} 2>&1; printf '\\036'").unwrap();
    }
    let output = broker.run("staging", "coder", &["sh", "-c", &script]).ok();
    let answers: Vec<&str> = output.stdout.split('\u{1e}').collect();
    assert_eq!(answers.len(), CASES.len() + 1, "{output:?}");
    assert!(
        provider.log.entries().iter().all(|entry| !entry.header("user-agent").unwrap_or("").contains("curl")),
        "{:?}",
        provider.log
    );
    let mut shown = String::new();
    for ((protocol, reason, _), answer) in CASES.iter().zip(answers) {
        writeln!(shown, "=== {protocol}: {reason}\n{}", readable(answer)).unwrap();
    }
    let held = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/denials/shown.txt");
    let now = Path::new(env!("CARGO_TARGET_TMPDIR")).join("denials.txt");
    fs::write(&now, &shown).unwrap();
    let held = fs::read_to_string(held).unwrap_or_default();
    assert!(held == shown, "tests/denials/shown.txt is not what is shown now: {}", now.display());
}

/// Status, the headers that say something, and the body; what differs from run to run is named instead.
fn readable(answer: &str) -> String {
    // Behind the answer of the sidecar's own proxy, if any.
    let at = answer.rfind("HTTP/").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let (head, body) = answer[at..].split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {answer:?}"));
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default().split(' ').nth(1).unwrap_or_default();
    let mut out = format!("{status}\n");
    for line in lines {
        if line.starts_with("content-type:") || line.starts_with("grpc-") {
            writeln!(out, "{line}").unwrap();
        }
    }
    match serde_json::from_str::<Value>(body) {
        Ok(value) => out.push_str(&serde_json::to_string_pretty(&value).unwrap()),
        Err(_) => out.push_str(&body.escape_debug().to_string().replace("\\n", "\\n\n").replace("\\'", "'")),
    }
    out.push('\n');
    steady(&out)
}

fn steady(text: &str) -> String {
    let mut out = text.to_owned();
    for (pattern, name) in [
        (r"\b(rec|apr|crd|ses)_[0-9a-f]{32}\b", "${1}_<id>"),
        (r"\b\d\d:\d\d:\d\d UTC\b", "<time>"),
        (r#""\d{4}-\d\d-\d\dT[0-9:.]+Z""#, "\"<time>\""),
        (r"fingerprint [0-9a-f]{12}", "fingerprint <hex>"),
        (r"127\.0\.0\.1:\d+", "<broker>"),
    ] {
        out = regex::Regex::new(pattern).unwrap().replace_all(&out, name).into_owned();
    }
    out
}
