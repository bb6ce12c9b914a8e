use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use stint_standin::{Body, Fault, Inbound, Site};

/// Stands behind the providers of the matrix: what is asked there is plain, and what a client checks of an answer is as
/// its provider gives it. What the gateway understands is under test, and not what a provider does.
#[derive(Debug, Clone, Copy, Default)]
pub struct Anything;

impl Site for Anything {
    fn operations(&self, request: &Inbound) -> Vec<String> {
        vec![format!("{} {}", request.parts.method, request.parts.uri.path())]
    }

    async fn answer(&self, request: Inbound, _faults: &[Fault]) -> Response<Body> {
        let host = request.parts.headers.get(HOST).and_then(|value| value.to_str().ok());
        let host = host.or(request.parts.uri.host()).unwrap_or_default().to_owned();
        let path = request.parts.uri.path();
        match host.as_str() {
            "kubernetes.default.svc" => json_of(&kubernetes(path)),
            "mcp.example.com" => mcp(&request),
            "registry.example.com" => registry(&request),
            _ => json_of(&plausible(path, request.parts.uri.query())),
        }
    }
}

/// Members that clients of several providers look for; none looks at another's. Of a list there is one page: some ask for
/// the next one until it is empty.
fn plausible(path: &str, query: Option<&str>) -> Value {
    let mut pairs = query.unwrap_or_default().split('&');
    let later = pairs.any(|pair| pair.strip_prefix("page=").is_some_and(|page| page != "1"));
    let id = path.rsplit('/').next().unwrap_or_default();
    let one = json!({ "id": "thing_1", "object": "file", "name": "thing", "title": "thing", "type": "message_batch" });
    let result = match path.ends_with("s") {
        true if later => json!([]),
        true => json!([one]),
        false => json!({ "id": id, "name": "atlas.example" }),
    };
    json!({
        "id": id, "name": id, "object": "list", "ok": true, "success": true, "errors": [], "messages": [],
        "data": [one], "items": [one], "channels": [{ "id": "C1" }], "droplets": [one], "has_more": false,
        "result": result, "result_info": { "page": 1, "per_page": 20, "count": 1, "total_count": 1 },
    })
}

fn kubernetes(path: &str) -> Value {
    let resource = |name: &str, kind: &str| {
        json!({ "name": name, "singularName": kind.to_lowercase(), "namespaced": true, "kind": kind,
            "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"] })
    };
    let pod = json!({
        "metadata": { "name": "web", "namespace": "staging", "uid": "1" },
        "spec": { "containers": [{ "name": "web", "image": "web:1" }] }, "status": { "phase": "Running" },
    });
    match path {
        "/api" => json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] }),
        "/apis" => json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": [] }),
        "/api/v1" => json!({
            "kind": "APIResourceList", "groupVersion": "v1",
            "resources": [resource("pods", "Pod"), resource("configmaps", "ConfigMap")],
        }),
        "/version" => json!({ "major": "1", "minor": "32", "gitVersion": "v1.32.0" }),
        _ if path.ends_with("/pods") => {
            json!({ "kind": "PodList", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": [pod] })
        }
        _ => {
            let mut one = pod;
            if let Some(members) = one.as_object_mut() {
                members.insert("kind".to_owned(), json!("Pod"));
                members.insert("apiVersion".to_owned(), json!("v1"));
            }
            one
        }
    }
}

/// Streamable HTTP of the Model Context Protocol, 2025-06-18: each request is answered by one JSON document.
fn mcp(request: &Inbound) -> Response<Body> {
    if request.parts.method != Method::POST {
        return empty(StatusCode::METHOD_NOT_ALLOWED);
    }
    let message: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let Some(id) = message.get("id") else { return empty(StatusCode::ACCEPTED) };
    let tool = |name: &str| json!({ "name": name, "inputSchema": { "type": "object" } });
    let result = match message["method"].as_str().unwrap_or_default() {
        "initialize" => json!({
            "protocolVersion": message["params"]["protocolVersion"], "capabilities": { "tools": {} },
            "serverInfo": { "name": "cluster", "version": "1" },
        }),
        "tools/list" => json!({ "tools": [tool("list_volumes"), tool("remove_volume")] }),
        "tools/call" => json!({ "content": [{ "type": "text", "text": "v1" }] }),
        _ => json!({}),
    };
    json_of(&json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

/// Packages of Python, Node and Rust, and a state of Terraform.
fn registry(request: &Inbound) -> Response<Body> {
    let path = request.parts.uri.path();
    match path.trim_start_matches('/').split('/').next().unwrap_or_default() {
        "simple" => {
            let link =
                "<a href=\"/files/widget-1.0-py3-none-any.whl#sha256=00\">widget-1.0-py3-none-any.whl</a>";
            typed(format!("<!DOCTYPE html><html><body>{link}</body></html>"), "text/html")
        }
        "npm" => json_of(&json!({
            "_id": "widget", "_rev": "1-1", "name": "widget", "dist-tags": { "latest": "1.0.0" }, "time": {},
            "versions": { "1.0.0": { "name": "widget", "version": "1.0.0",
                "dist": { "tarball": "https://registry.example.com/npm/widget/-/widget-1.0.0.tgz", "shasum": "00" } } },
        })),
        "cargo" if path.ends_with("config.json") => json_of(&json!({
            "dl": "https://registry.example.com/cargo/dl", "api": "https://registry.example.com/cargo",
        })),
        "cargo" => json_of(&json!({
            "crates": [{ "name": "widget", "max_version": "1.0.0", "description": "a widget" }], "meta": { "total": 1 },
        })),
        _ => empty(StatusCode::NOT_FOUND),
    }
}

fn json_of(value: &Value) -> Response<Body> {
    let mut response = typed(value.to_string(), "application/json");
    // Anthropic's and OpenAI's clients show it with an error.
    response.headers_mut().insert(HeaderName::from_static("request-id"), HeaderValue::from_static("req_1"));
    response
}

fn typed(text: String, kind: &'static str) -> Response<Body> {
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = typed(String::new(), "text/plain");
    *response.status_mut() = status;
    response
}
