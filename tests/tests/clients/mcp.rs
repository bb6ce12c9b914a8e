//! A remote MCP server that the owner described in a pack of their own.

use serde_json::{Value, json};
use stint_standin::{Echo, Handle, Standin};
use stint_tests::{Options, TestBroker, packs};
use tokio::runtime::{Builder, Runtime};

const TOOLS: &str = "what\tname\tclass\tresources\tscope\n\
    tool\tlist_volumes\tread\t\tshared\n\
    tool\tresize_volume\twrite\tvolume=volume_id\tresources\n\
    tool\tremove_volume\tdestroy\tvolume=volume_id\tresources\n";

const OWNERS: &str = "provider = \"cluster\"\n[kind.volume]\nby = \"self\"\n";

struct Desk {
    broker: TestBroker,
    server: Handle<Echo>,
    _runtime: Runtime,
    _packs: tempfile::TempDir,
}

const GOOD: [(&str, &str); 3] =
    [("pack.toml", packs::CLUSTER), ("operations.tsv", TOOLS), ("resolvers.toml", OWNERS)];

impl Desk {
    fn new() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(Standin::loopback(Echo)).unwrap();
        let packs = packs::folder("cluster", &GOOD);
        let folder = packs.path().to_str().unwrap().to_owned();
        let hold = ("STINT_BROKER_APPROVAL_HOLD".to_owned(), "1s".to_owned());
        let variables = vec![hold, ("STINT_BROKER_PACKS".to_owned(), folder)];
        let broker = TestBroker::start(Options { variables, ..Options::default() });
        broker.login();
        broker.add_environment("staging", "staging");
        broker.map("staging", "cluster:volume/v1");
        let secret = broker.secret("cluster");
        broker.add_credential("cluster", "cluster", &server.url(), server.ca_pem(), &secret);
        broker.add_agent("coder");
        Desk { broker, server, _runtime: runtime, _packs: packs }
    }

    fn post(&self, message: &Value) -> Value {
        const CURL: &str = "exec curl -sS https://mcp.example.com/mcp -H \"Authorization: Bearer $CLUSTER_TOKEN\" \
            -H 'content-type: application/json' -H 'accept: application/json, text/event-stream' --data-binary @-";
        let args = ["run", "--environment", "staging", "--agent", "coder", "--", "sh", "-c", CURL];
        self.broker.command(&args).input(message.to_string()).run().ok().json()
    }

    fn call(&self, tool: &str, arguments: &Value) -> Value {
        let params = json!({ "name": tool, "arguments": arguments });
        self.post(&json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params }))
    }
}

#[test]
fn tools_are_called_where_the_table_and_the_environment_allow_them() {
    let desk = Desk::new();
    let start = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": { "protocolVersion": "2025-06-18" } });
    assert_eq!(desk.post(&start)["method"], "POST", "it reached the server");
    assert_eq!(desk.call("list_volumes", &json!({}))["path"], "/mcp");
    assert_eq!(desk.call("resize_volume", &json!({ "volume_id": "v1", "size": 2 }))["path"], "/mcp");
    let sent = desk.server.log.len();
    for (tool, arguments, why) in [
        ("resize_volume", json!({ "volume_id": "v2", "size": 2 }), "unmapped"),
        ("resize_volume", json!({ "size": 2 }), "volume_id"),
        ("remove_volume", json!({ "volume_id": "v1" }), "approval"),
        ("format_disk", json!({}), "guardrail"),
    ] {
        let refused = desk.call(tool, &arguments);
        assert_eq!((&refused["jsonrpc"], &refused["id"]), (&json!("2.0"), &json!(7)), "{tool}: {refused}");
        assert!(refused["error"]["message"].as_str().unwrap().starts_with("stint: "), "{refused}");
        assert!(refused["error"].to_string().contains(why), "{tool}: {refused}");
    }
    assert_eq!(desk.server.log.len(), sent, "nothing of it was sent");
}

#[test]
fn a_pack_with_an_error_is_named_by_file_row_and_reason() {
    let mut broker = TestBroker::prepare(Options::default());
    broker.without_checks();
    let check = |files: &[(&str, &str)]| {
        let packs = packs::folder("cluster", files);
        broker.broker_command(&["pack", "check", "--packs", packs.path().to_str().unwrap()]).run()
    };
    let good = check(&GOOD).ok();
    assert!(good.stdout.contains("cluster: sound") && good.stdout.contains("github: sound"), "{good:?}");
    let wrong = TOOLS.replace("write", "wirte");
    let bad = check(&[("pack.toml", packs::CLUSTER), ("operations.tsv", &wrong)]);
    assert!(bad.code != 0 && bad.stderr.contains("cluster/operations.tsv, row 3: "), "{bad:?}");
    let taken = packs::CLUSTER.replace("mcp.example.com", "api.github.com");
    let bad = check(&[("pack.toml", &taken), ("operations.tsv", TOOLS)]);
    assert!(bad.code != 0 && bad.stderr.contains("'api.github.com' is a host of both"), "{bad:?}");
    let other = packs::CLUSTER.replace("\"cluster\"", "\"clutter\"");
    let bad = check(&[("pack.toml", &other), ("operations.tsv", TOOLS)]);
    assert!(bad.code != 0 && bad.stderr.contains("not as its folder"), "{bad:?}");
}
