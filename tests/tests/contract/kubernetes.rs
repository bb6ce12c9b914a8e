//! What requests to Kubernetes mean, as `kubectl` and others send them: patches of every form, subresources, streams.

use serde_json::{Value, json};
use stint_tests::{Options, TestBroker};

#[test]
fn patches_subresources_and_streams_are_as_strong_as_what_they_do() {
    let pod = "/api/v1/namespaces/a/pods/p";
    let deployment = "/apis/apps/v1/namespaces/a/deployments/d";
    let none = "{\"spec\":{\"replicas\":0}}";
    let two = "{\"spec\":{\"replicas\":2}}";
    let cases = [
        // Server-side apply, which kubectl sends as JSON; strategic and plain merges.
        ("PATCH", deployment, "application/apply-patch+yaml", none, "destroy"),
        ("PATCH", deployment, "application/apply-patch+yaml", two, "write"),
        ("PATCH", deployment, "application/strategic-merge-patch+json", none, "destroy"),
        ("PATCH", deployment, "application/merge-patch+json", two, "write"),
        // What is not read is not sent, where it decides: YAML, and JSON Patch, whose paths name members in their own way.
        ("PATCH", deployment, "application/apply-patch+yaml", "spec:\n  replicas: 0\n", "malformed_body"),
        ("PUT", deployment, "application/yaml", "spec: {replicas: 0}", "malformed_body"),
        (
            "PATCH",
            deployment,
            "application/json-patch+json",
            "[{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":0}]",
            "malformed_body",
        ),
        (
            "PATCH",
            deployment,
            "application/merge-patch+json",
            "{\"spec\":{\"replicas\":2,\"replicas\":0}}",
            "malformed_body",
        ),
        ("PUT", "/apis/apps/v1/namespaces/a/deployments/d/scale", "application/json", none, "destroy"),
        // A trial run is judged as the run: whether the server honours it is the server's.
        ("DELETE", "/apis/apps/v1/namespaces/a/deployments/d?dryRun=All", "", "", "destroy"),
        ("DELETE", "/api/v1/namespaces/a/pods?labelSelector=x", "", "", "destroy"),
        ("POST", "/api/v1/namespaces/a/pods/p/eviction", "application/json", "{}", "destroy"),
        ("GET", "/api/v1/namespaces/a/pods/p/exec?command=ls", "", "", "destroy"),
        ("GET", "/api/v1/namespaces/a/pods/p/attach", "", "", "destroy"),
        ("GET", "/api/v1/namespaces/a/pods/p/portforward", "", "", "destroy"),
        ("GET", "/api/v1/namespaces/a/pods/p/proxy/x", "", "", "destroy"),
        ("GET", pod, "", "", "read"),
        ("GET", "/api/v1/watch/namespaces/a/secrets", "", "", "reveal"),
        ("POST", "/api/v1/namespaces/a/serviceaccounts/s/token", "application/json", "{}", "grant"),
        ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", "application/json", "{}", "grant"),
        ("GET", "/apis/example.com/v1/widgets", "", "", "unknown_operation"),
    ];
    let mut broker = TestBroker::prepare(Options::default());
    broker.without_checks();
    let line = |(method, path, kind, body, _): &(&str, &str, &str, &str, &str)| {
        let headers = if kind.is_empty() { json!({}) } else { json!({ "content-type": kind }) };
        let url = format!("https://kubernetes.default.svc{path}");
        format!("{}\n", json!({ "method": method, "url": url, "headers": headers, "body": body }))
    };
    let input: String = cases.iter().map(line).collect();
    let out = broker.broker_command(&["pack", "classify", "--jsonl"]).input(input).run().ok().stdout;
    for (case, line) in cases.iter().zip(out.lines()) {
        let answer: Value = serde_json::from_str(line).unwrap();
        let said = answer["refused"].as_str().or(answer["operations"][0]["class"].as_str());
        assert_eq!(said, Some(case.4), "{case:?}");
    }
    assert_eq!(out.lines().count(), cases.len());
}
