//! Requests of agents: `METHOD URL`, lines of headers, an empty line, the body.
//!
//! What is understood is what is sent, so it is put through the same door again: it has to be in canonical form, and to
//! mean the same.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use stint_broker::catalog::{Catalog, Pack, Refusal, canonical, git};
use stint_broker::model::{Operation, Request};

use super::{Target, texts};

const MCP_PACK: &str = "name = \"cluster\"\ntitle = \"Cluster\"\nprotocol = \"mcp\"\nhosts = [\"mcp.example.com\"]\nendpoints = [\"/mcp\"]\ncarriers = [\"authorization\"]\nenvironment-kinds = [\"volume\"]\n[[credential]]\nname = \"token\"\ndefault = true\ncarrier = { header = \"authorization\", format = \"Bearer {}\" }\nvariables = [\"CLUSTER_TOKEN\"]\nplaceholder = { prefix = \"mcp_\", alphabet = \"base62\", length = 24 }\n";
const MCP_ROWS: &str = "what\tname\tclass\tresources\tscope\ntool\tlist_volumes\tread\t\tshared\ntool\tremove_volume\tdestroy\tvolume=volume_id\tresources\ntool\tmove_volumes\twrite\tvolume=ids,volume=target\tresources\nmethod\tresources/read\treveal\t\taccount\n";
const GIT_LIMIT: usize = 256 * 1024;

static CATALOG: LazyLock<Option<Catalog>> = LazyLock::new(|| {
    let own = Pack::load("cluster", &|file| match file {
        "pack.toml" => Some(MCP_PACK.to_owned()),
        "operations.tsv" => Some(MCP_ROWS.to_owned()),
        _ => None,
    });
    Catalog::with(vec![own.ok()?]).ok()
});

pub(super) const TARGET: Target = Target {
    name: "target",
    seeds: || {
        texts(&[
            "GET https://api.github.com/repos/a/b/contents/c%2Fd?ref=main&per_page=3\naccept: text/plain\n\n",
            "DELETE https://api.github.com/repos/a/b\nconnection: close, x-a\nx-a: b\n\n",
            "GET https://kubernetes.default.svc/api/v1/namespaces/a/pods/p/exec?command=ls\n\n",
            "GET https://storage.googleapis.com/storage/v1/b/pictures/o/a%2Fb.png\n\n",
        ])
    },
    words: &[
        "%2F",
        "%2e",
        "%252e",
        "..",
        "//",
        ";",
        "\\",
        "?",
        "&",
        "=",
        "[]",
        "#",
        "%00",
        "_method",
        "x-http-method-override: DELETE\n",
        "transfer-encoding: chunked\n",
        "content-length: 3\n",
        "\u{ff0e}",
        "{\"a\":1}",
    ],
    run,
};

pub(super) const REST: Target = Target {
    name: "rest",
    seeds: || {
        texts(&[
            "PATCH https://api.github.com/repos/a/b\ncontent-type: application/json\n\n{\"private\":false,\"archived\":true}",
            "PUT https://api.github.com/repos/a/b/branches/main/protection\ncontent-type: application/json\n\n{\"enforce_admins\":null}",
            "PATCH https://kubernetes.default.svc/apis/apps/v1/namespaces/a/deployments/d\ncontent-type: application/merge-patch+json\n\n{\"spec\":{\"replicas\":0}}",
            "POST https://api.vercel.com/v13/deployments\ncontent-type: application/json\n\n{\"name\":\"x\",\"target\":\"production\"}",
            "POST https://run.googleapis.com/v2/projects/p/locations/l/services?validateOnly=true\ncontent-type: application/json\n\n{\"a\":[{\"b\":1e3}]}",
        ])
    },
    words: &[
        "\"spec\":",
        "\"replicas\":0",
        "{",
        "}",
        "[",
        "]",
        ",",
        "\\u0061",
        "\u{17f}",
        "\u{212a}",
        "null",
        "true",
        "\"_method\":\"DELETE\"",
        "content-type: text/yaml\n",
        "charset=utf-16",
        "PATCH ",
        "DELETE ",
    ],
    run,
};

pub(super) const FORMS: Target = Target {
    name: "forms",
    seeds: || {
        texts(&[
            "POST https://api.stripe.com/v1/subscriptions/sub_1\ncontent-type: application/x-www-form-urlencoded\n\ncancel_at_period_end=true&items[0][price]=p",
            "POST https://api.stripe.com/v1/customers\ncontent-type: application/x-www-form-urlencoded\n\nemail=a%40b.test&metadata[order]=6735",
            "POST https://slack.com/api/chat.delete\ncontent-type: application/x-www-form-urlencoded\n\nchannel=C1&ts=1",
            "POST https://storage.googleapis.com/upload/storage/v1/b/a/o?uploadType=multipart\ncontent-type: multipart/related; boundary=b\n\n--b\r\ncontent-type: application/json\r\n\r\n{\"acl\":[]}\r\n--b--",
        ])
    },
    words: &[
        "&",
        "=",
        "[",
        "]",
        "[]",
        "%5B",
        "%00",
        "+",
        "cancel_at=1",
        "_method=DELETE",
        "--b",
        "\r\n",
        "boundary=",
        "name=\"_method\"",
    ],
    run,
};

pub(super) const GRAPHQL: Target = Target {
    name: "graphql",
    seeds: || {
        let railway = |body: &str| {
            format!("POST https://backboard.railway.app/graphql/v2\ncontent-type: application/json\n\n{body}")
        };
        let github = |body: &str| {
            format!("POST https://api.github.com/graphql\ncontent-type: application/json\n\n{body}")
        };
        [
            railway(r#"{"query":"mutation { volumeDelete(volumeId: \"3d2c42fb-0000-4000-8000-000000000000\") }"}"#),
            railway(r#"{"query":"query Q($id: String!, $on: Boolean = true) { a: project(id: $id) { ...F } me @include(if: $on) { id } } fragment F on Project { name }","variables":{"id":"3d2c42fb-0000-4000-8000-000000000000"},"operationName":"Q"}"#),
            railway(r#"[{"query":"{ me { id } }"},{"query":"{ projects { edges { node { id } } } }"}]"#),
            github(r#"{"query":"query { viewer { login } repository(owner: \"a\", name: \"b\") { id issues(first: 3) { nodes { title } } } }"}"#),
            github(r#"{"query":"mutation($i: CloseIssueInput!) { closeIssue(input: $i) { issue { id } } }","variables":{"i":{"issueId":"I_kwDO"}}}"#),
        ]
        .into_iter()
        .map(String::into_bytes)
        .collect()
    },
    words: &[
        "{",
        "}",
        "(",
        ")",
        "...",
        "... on Mutation",
        "fragment F on Query",
        "@skip(if: true)",
        "@include(if: $on)",
        "$id",
        "mutation",
        "subscription",
        "query",
        "\\\"\\\"\\\"",
        "volumeDelete",
        "__schema",
        "__typename",
        "\"variables\":",
        "\"operationName\":\"Q\"",
        "\"extensions\":{\"persistedQuery\":{}}",
        "#",
        "\\u0061",
        "a: ",
    ],
    run,
};

pub(super) const GIT: Target = Target {
    name: "git",
    seeds: || {
        let push = "POST https://github.com/a/b.git/git-receive-pack\ncontent-type: application/x-git-receive-pack-request\n\n";
        let zero = "0".repeat(40);
        let (old, new) = ("1".repeat(40), "2".repeat(40));
        let line = |text: String| format!("{:04x}{text}", text.len() + 4);
        let said = "\0report-status-v2 side-band-64k object-format=sha1 agent=git/2.47.3";
        let commands = [
            format!("{old} {new} refs/heads/main{said}"),
            format!("{old} {zero} refs/heads/main{said}"),
            format!("{zero} {new} refs/tags/v1{said}"),
        ];
        let mut all: Vec<Vec<u8>> = commands
            .into_iter()
            .map(|command| {
                [push.as_bytes(), line(command).as_bytes(), b"0000PACK\0\0\0\x02\0\0\0\0"].concat()
            })
            .collect();
        all.extend(texts(&[
            "GET https://github.com/a/b.git/info/refs?service=git-upload-pack\ngit-protocol: version=2\n\n",
            "GET https://github.com/a/b/info/refs?service=git-receive-pack\n\n",
            "POST https://github.com/a/b.git/git-upload-pack\ncontent-type: application/x-git-upload-pack-request\n\n0014command=ls-refs\n0000",
            "POST https://github.com/a/b.git/info/lfs/objects/batch\ncontent-type: application/vnd.git-lfs+json\n\n{\"operation\":\"upload\",\"objects\":[]}",
        ]));
        all
    },
    words: &[
        "0000",
        "0001",
        "0004",
        "refs/heads/",
        "refs/tags/",
        "PACK",
        "\0",
        "x\u{9c}",
        "service=git-receive-pack",
        "content-encoding: gzip\n",
        " ",
    ],
    run,
};

pub(super) const MCP: Target = Target {
    name: "mcp",
    seeds: || {
        let post = |body: &str| {
            format!("POST https://mcp.example.com/mcp\ncontent-type: application/json\n\n{body}").into_bytes()
        };
        vec![
            post(
                r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"remove_volume","arguments":{"volume_id":"v1"}}}"#,
            ),
            post(
                r#"[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"move_volumes","arguments":{"ids":["a","b"],"target":"c"}}},{"jsonrpc":"2.0","method":"notifications/initialized"}]"#,
            ),
            post(r#"{"jsonrpc":"2.0","id":"x","result":{}}"#),
            post(r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b"}}"#),
        ]
    },
    words: &[
        "\"method\":",
        "\"params\":",
        "\"id\":",
        "tools/call",
        "tools/list",
        "remove_volume",
        "list_volumes",
        "[",
        "]",
        "{",
        "}",
        ",",
        "null",
        "\\u0074",
        "\"jsonrpc\":\"2.0\"",
    ],
    run,
};

pub(super) const AWS: Target = Target {
    name: "aws",
    seeds: || {
        texts(&[
            "POST https://ec2.eu-west-1.amazonaws.com/\ncontent-type: application/x-www-form-urlencoded\n\nAction=TerminateInstances&Version=2016-11-15&InstanceId.1=i-0a",
            "POST https://dynamodb.eu-west-1.amazonaws.com/\ncontent-type: application/x-amz-json-1.0\nx-amz-target: DynamoDB_20120810.DeleteTable\n\n{\"TableName\":\"t\"}",
            "PUT https://pictures.s3.eu-west-1.amazonaws.com/a/b.png?acl\nx-amz-acl: public-read\n\n",
            "PUT https://s3.eu-west-1.amazonaws.com/pictures/a.png\nx-amz-copy-source: /secrets/key?versionId=1\n\n",
            "POST https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/f/invocations\ncontent-type: application/json\n\n{}",
            "POST https://monitoring.eu-west-1.amazonaws.com/\ncontent-type: application/x-www-form-urlencoded\n\nAction=DeleteAlarms&Version=2010-08-01",
        ])
    },
    words: &[
        "Action=",
        "Version=",
        "&",
        "x-amz-target: ",
        "DynamoDB_20120810.",
        "amazonaws.com",
        "s3.",
        "eu-west-1",
        ".s3-fips",
        "dualstack.",
        "uploadId=1",
        "?delete",
        "x-amz-copy-source: ",
        "smithy-protocol: rpc-v2-cbor\n",
        "BackupRetentionPeriod=0",
        "{",
        "}",
    ],
    run,
};

fn run(input: &[u8]) -> Result<String, String> {
    let Some(catalog) = CATALOG.as_ref() else { return Err("the packs do not load".to_owned()) };
    let Some(raw) = Raw::of(input) else { return Ok("no request".to_owned()) };
    let Some(pack) = catalog.by_host(raw.host) else { return Ok("no host".to_owned()) };
    match understood(catalog, pack, &raw) {
        Err(refusal) => Ok(format!("refused {}", refusal.code)),
        Ok((operations, request)) => {
            if operations.is_empty() {
                return Err("it was understood, and does nothing".to_owned());
            }
            let (target, body) = (request.target(), request.body.clone());
            let method = request.method.as_str();
            let again = Raw { method, host: &request.host, target: &target, headers: request.headers, body };
            match understood(catalog, pack, &again) {
                Ok((same, _)) if same == operations => Ok(names(&operations)),
                Ok((other, _)) => {
                    Err(format!("what is sent means {other:?}, what was judged {operations:?}"))
                }
                Err(refusal) => Err(format!("what is sent would be refused: {refusal}")),
            }
        }
    }
}

fn understood(catalog: &Catalog, pack: &Pack, raw: &Raw<'_>) -> Result<(Vec<Operation>, Request), Refusal> {
    let path = raw.target.split('?').next().unwrap_or_default();
    let decoded = match pack.git_door(raw.host, path) {
        Some(_) => git::decoded(&raw.headers, path, &raw.body, false, GIT_LIMIT)?,
        None => None,
    };
    let (headers, body) = decoded.unwrap_or_else(|| (raw.headers.clone(), raw.body.clone()));
    let hosts = [raw.host.to_owned()];
    let request =
        canonical::request(raw.method, raw.host, raw.target, &headers, body, false, pack.provider(&hosts))?;
    let done = catalog.classify(pack, request)?;
    Ok((done.operations, done.request))
}

fn names(operations: &[Operation]) -> String {
    let one = |operation: &Operation| {
        format!("{} {} {}", operation.operation, operation.class, operation.resources.len())
    };
    operations.iter().take(4).map(one).collect::<Vec<_>>().join(", ")
}

struct Raw<'a> {
    method: &'a str,
    host: &'a str,
    target: &'a str,
    headers: HeaderMap,
    body: Bytes,
}

impl<'a> Raw<'a> {
    fn of(input: &'a [u8]) -> Option<Self> {
        let end = input.windows(2).position(|pair| pair == b"\n\n")?;
        let (head, body) = input.split_at_checked(end)?;
        let mut lines = std::str::from_utf8(head).ok()?.split('\n');
        let (method, url) = lines.next()?.split_once(' ')?;
        let rest = url.strip_prefix("https://")?;
        let slash = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (host, target) = rest.split_at_checked(slash)?;
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(':')?;
            let name = HeaderName::try_from(name).ok()?;
            headers.append(name, HeaderValue::from_str(value.trim()).ok()?);
        }
        headers.remove(header::HOST);
        let body = Bytes::copy_from_slice(body.get(2..).unwrap_or_default());
        Some(Raw { method, host, target: if target.is_empty() { "/" } else { target }, headers, body })
    }
}
