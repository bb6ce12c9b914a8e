use std::sync::LazyLock;

use bytes::Bytes;
use http::HeaderMap;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::catalog::{Asked, Catalog, Pack};
use crate::model::Resource;

const MANIFEST: &str = include_str!("../../../../tests/src/packs/cluster.toml");

const ROWS: &str = "what\tname\tclass\tresources\tscope
tool\tlist_volumes\tread\t\tshared
tool\tremove_volume\tdestroy\tvolume=volume_id\tresources
tool\tmove_volumes\twrite\tvolume=ids,volume=target\tresources
method\tresources/read\treveal\t\taccount
";

fn load(rows: &str) -> Result<Catalog, PackError> {
    let pack = Pack::load("cluster", &|file| match file {
        "pack.toml" => Some(MANIFEST.to_owned()),
        "operations.tsv" => Some(rows.to_owned()),
        _ => None,
    })?;
    Catalog::new(vec![pack], crate::catalog::embedded::KEYS)
}

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| load(ROWS).unwrap());

fn ask(method: Method, path: &str, body: &str) -> Result<Vec<Operation>, Refusal> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, "application/json".parse().unwrap());
    let request = Request {
        method,
        host: "mcp.example.com".to_owned(),
        path: path.to_owned(),
        query: None,
        headers,
        body: Bytes::copy_from_slice(body.as_bytes()),
        partial: false,
    };
    CATALOG.classify(CATALOG.pack("cluster").unwrap(), request).map(|understood| understood.operations)
}

fn post(body: &str) -> Result<Vec<Operation>, &'static str> {
    ask(Method::POST, "/mcp", body).map_err(|refusal| refusal.code)
}

fn call(name: &str, arguments: Value) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}).to_string()
}

fn names(asked: Result<Vec<Operation>, &'static str>) -> Vec<(String, Class)> {
    asked.unwrap().into_iter().map(|one| (one.operation, one.class)).collect()
}

#[test]
fn a_tool_is_what_the_table_says_and_names_what_its_arguments_do() {
    let removed =
        post(&call("remove_volume", json!({"volume_id": "v1", "confirm": true}))).unwrap().remove(0);
    assert_eq!((removed.operation.as_str(), removed.class), ("cluster:tool/remove_volume", Class::Destroy));
    assert_eq!(removed.resources, [Resource::new("volume", "v1")]);
    let moved =
        post(&call("move_volumes", json!({"ids": ["a", "b", "a"], "target": "c"}))).unwrap().remove(0);
    assert_eq!(moved.resources, ["a", "b", "c"].map(|id| Resource::new("volume", id)));
    for arguments in [
        json!({}),
        json!({"volume_id": null}),
        json!({"volume_id": 7}),
        json!({"volume_id": ""}),
        json!({"volume_id": "a b"}),
        json!({"volume_id": []}),
        json!({"volume_id": [["a"]]}),
    ] {
        assert_eq!(
            post(&call("remove_volume", arguments.clone())).unwrap_err(),
            "bad_parameter",
            "{arguments}"
        );
    }
    let doubled = json!({"volume_id": "v1", "Volume_Id": "v2"});
    assert_eq!(post(&call("remove_volume", doubled)).unwrap_err(), "ambiguous_body");
}

#[test]
fn a_tool_that_nobody_described_is_the_worst() {
    for name in ["drop_everything", "remove_volume ", "REMOVE_VOLUME", "list_volumes\u{200b}"] {
        assert_eq!(
            names(post(&call(name, json!({})))),
            [("cluster:tools/call".to_owned(), Class::Unknown)],
            "{name}"
        );
    }
}

#[test]
fn the_protocol_itself_reads_and_other_methods_are_unknown() {
    for method in OWN {
        let message = json!({"jsonrpc": "2.0", "id": "x", "method": method, "params": {}}).to_string();
        assert_eq!(names(post(&message)), [(format!("cluster:{method}"), Class::Read)]);
    }
    let read = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "file:///x"}});
    assert_eq!(names(post(&read.to_string())), [("cluster:resources/read".to_owned(), Class::Reveal)]);
    for method in ["prompts/get", "completion/complete", "tools/list ", "sampling/createMessage", ""] {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method}).to_string();
        assert_eq!(post(&message).unwrap_err(), "unknown_operation", "{method}");
    }
    assert_eq!(ask(Method::GET, "/mcp", "").unwrap()[0].operation, "cluster:stream");
    assert_eq!(ask(Method::DELETE, "/mcp", "").unwrap()[0].operation, "cluster:session/end");
    for (method, path) in
        [(Method::PUT, "/mcp"), (Method::POST, "/sse"), (Method::GET, "/mcp/x"), (Method::DELETE, "/")]
    {
        assert_eq!(ask(method, path, "").unwrap_err().code, "unknown_operation");
    }
}

#[test]
fn every_message_of_a_batch_is_judged() {
    let batch = format!(
        "[{},{}]",
        call("list_volumes", json!({})),
        call("remove_volume", json!({"volume_id": "v1"}))
    );
    let classes: Vec<Class> = post(&batch).unwrap().into_iter().map(|one| one.class).collect();
    assert_eq!(classes, [Class::Read, Class::Destroy]);
    assert_eq!(post("[]").unwrap_err(), "malformed_body");
    let many = format!("[{}]", vec![call("list_volumes", json!({})); 51].join(","));
    assert_eq!(post(&many).unwrap_err(), "malformed_body");
}

#[test]
fn messages_with_two_readings_are_refused() {
    for body in [
        "",
        "null",
        "{}",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":1,"m\u0065thod":"tools/list","method":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":1,"Method":"tools/call","method":"tools/list"}"#,
        r#"{"jsonrpc":"1.0","id":1,"method":"tools/list"}"#,
        r#"{"id":1,"method":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","id":1.5,"method":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","id":[1],"method":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_volumes","Name":"remove_volume"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_volumes","arguments":[]}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#,
        r#"{"jsonrpc":"2.0","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#,
    ] {
        assert_eq!(post(body).unwrap_err(), "malformed_body", "{body}");
    }
}

#[test]
fn what_a_server_asks_of_its_client_is_not_answered() {
    let answer = |result: Value| post(&json!({"jsonrpc": "2.0", "id": 1, "result": result}).to_string());
    assert_eq!(names(answer(json!({}))), [("cluster:answer".to_owned(), Class::Read)]);
    assert_eq!(answer(json!({"action": "accept"})).unwrap_err(), "unknown_operation");
    let error = json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "no"}});
    assert_eq!(names(post(&error.to_string())), [("cluster:answer".to_owned(), Class::Read)]);
}

#[test]
fn a_wrong_row_is_named() {
    for (row, reason) in [
        ("tool\tx\tread\t", "4 cells"),
        ("thing\tx\tread\t\tshared", "neither tool"),
        ("tool\ta b\tread\t\tshared", "not a name"),
        ("tool\tx\tsoft\t\tshared", "unknown class"),
        ("tool\tx\twrite\t\tshared", "for reads"),
        ("tool\tx\twrite\t\tresources", "without a resource"),
        ("tool\tx\twrite\tvolume\tresources", "KIND=ARGUMENT"),
        ("tool\tlist_volumes\tread\t\tshared", "there twice"),
        ("method\ttools/call\tread\t\tshared", "not a name"),
    ] {
        let error = load(&format!("{ROWS}{row}\n")).unwrap_err();
        assert_eq!((error.file.as_str(), error.row), ("cluster/operations.tsv", Some(6)), "{row}");
        assert!(error.reason.contains(reason), "{row}: {error}");
    }
}

#[test]
fn a_refusal_answers_each_request_that_waits() {
    let told = |body: &str| {
        let reply = Reply::to(&Asked {
            method: &Method::POST,
            host: "mcp.example.com",
            path: "/mcp",
            content_type: "application/json",
            body: body.as_bytes(),
            partial: false,
        })?;
        Some(serde_json::from_slice::<Value>(&reply.body("stint: no", &json!({"code": "denied"}))).unwrap())
    };
    let one = told(&call("x", json!({}))).unwrap();
    assert_eq!((&one["id"], &one["error"]["message"]), (&json!(1), &json!("stint: no")));
    let batch = told(r#"[{"jsonrpc":"2.0","id":"a","method":"x"},{"jsonrpc":"2.0","method":"n"}]"#).unwrap();
    assert_eq!((batch.as_array().unwrap().len(), &batch[0]["id"]), (1, &json!("a")));
    assert_eq!(told(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_body_panics(text in "\\PC{0,80}", name in "\\PC{0,20}", id in "\\PC{0,20}") {
        let _ = post(&text);
        let asked = post(&call(&name, json!({"volume_id": id})));
        // Whatever it is called, only the described tools are weaker than unknown.
        if let Ok(asked) = asked && asked[0].class != Class::Unknown {
            prop_assert!(["list_volumes", "remove_volume", "move_volumes"].contains(&name.as_str()));
        }
    }
}

/// As version 2.3.0 of the SDK for Python sends them, in order.
#[test]
fn an_sdks_own_messages_are_understood() {
    let posted = [
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"mcp","version":"0.1.0"}}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"list_volumes","arguments":{"a":1}}}"#,
    ];
    let named: Vec<String> = posted.iter().map(|body| post(body).unwrap().remove(0).operation).collect();
    assert_eq!(
        named,
        [
            "cluster:initialize",
            "cluster:notifications/initialized",
            "cluster:tools/list",
            "cluster:tool/list_volumes"
        ]
    );
}
