//! Ways around that have worked at other brokers of this kind, each by its name; `pack classify` is what the gateway asks.
//!
//! Two more are tested where a gateway runs: padding past what is read (`uploads::only_content_streams`, `an_upload_has_a_limit_too`) and
//! a real key beside a placeholder (`headers::h2_a_credential_of_ones_own_is_refused_in_every_carrier`); and a tunnel (`framing::f12_f13_expectations_upgrades_and_tunnels_are_refused`).

use serde_json::{Value, json};
use stint_tests::{Options, TestBroker};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const RAILWAY: &str = "https://backboard.railway.app/graphql/v2";
const DEPLOYMENTS: &str = "https://api.vercel.com/v13/deployments";

fn line(method: &str, url: &str, kind: &str, body: &str) -> Value {
    let headers = if kind.is_empty() { json!({}) } else { json!({ "content-type": kind }) };
    json!({ "method": method, "url": url, "headers": headers, "body": body })
}

/// `class operation` of each request's first operation, or the code of its refusal.
fn said(lines: &[Value]) -> Vec<String> {
    let mut broker = TestBroker::prepare(Options::default());
    broker.without_checks();
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let out = broker.broker_command(&["pack", "classify", "--jsonl"]).input(input).run().ok().stdout;
    let one = |line: &str| {
        let answer: Value = serde_json::from_str(line).unwrap();
        let first = &answer["operations"][0];
        match answer["refused"].as_str() {
            Some(code) => code.to_owned(),
            None => format!("{} {}", first["class"].as_str().unwrap(), first["operation"].as_str().unwrap()),
        }
    };
    let all: Vec<String> = out.lines().map(one).collect();
    assert_eq!(all.len(), lines.len());
    all
}

#[track_caller]
fn all_refused(lines: &[Value]) {
    for (line, said) in lines.iter().zip(said(lines)) {
        assert!(!said.contains(' '), "{line} is {said}");
    }
}

#[test]
fn duplicate_escaped_and_case_folded_keys_of_json() {
    let post = |body: &str| line("POST", DEPLOYMENTS, JSON, body);
    all_refused(&[
        post(r#"{"name":"x","target":"preview","target":"production"}"#),
        post(r#"{"name":"x","target":"preview","t\u0061rget":"production"}"#),
        post(r#"{"name":"x","Target":"production"}"#),
        post("{\"name\":\"x\",\"TARGET\":\"production\"}"),
        line(
            "POST",
            RAILWAY,
            JSON,
            "{\"query\":\"{ me { id } }\",\"Query\":\"mutation { projectDelete(id: \\\"x\\\") }\"}",
        ),
    ]);
    let scale = |key: &str| {
        let url = "https://kubernetes.default.svc/apis/apps/v1/namespaces/a/deployments/d";
        line("PATCH", url, "application/merge-patch+json", &format!("{{\"{key}\":{{\"replicas\":0}}}}"))
    };
    // U+017F is an 's' and U+212A a 'k' to a reader that folds case.
    all_refused(&[scale("\u{17f}pec"), scale("Spec"), scale("\\u017fpec")]);
}

#[test]
fn a_byte_order_mark() {
    all_refused(&[
        line("POST", DEPLOYMENTS, JSON, "\u{feff}{\"name\":\"x\"}"),
        line("POST", RAILWAY, JSON, "\u{feff}{\"query\":\"{ me { id } }\"}"),
        line("POST", "https://api.stripe.com/v1/customers", FORM, "\u{feff}email=a&email=b"),
    ]);
}

#[test]
fn graphql_in_the_query_string_over_the_body() {
    let url = format!("{RAILWAY}?query=mutation%20%7B%20projectDelete(id:%20%22x%22)%20%7D");
    all_refused(&[line("POST", &url, JSON, "{\"query\":\"{ me { id } }\"}"), line("GET", &url, "", "")]);
}

#[test]
fn a_form_reading_of_a_body_of_json() {
    all_refused(&[
        line("POST", "https://api.stripe.com/v1/refunds", FORM, "{\"charge\":\"ch_1\"}"),
        line("POST", "https://api.stripe.com/v1/customers", FORM, "[1]"),
        line(
            "POST",
            "https://ec2.eu-west-1.amazonaws.com/",
            JSON,
            "Action=DescribeInstances&Version=2016-11-15",
        ),
    ]);
}

#[test]
fn another_method_by_a_field_or_a_header() {
    let repository = "https://api.github.com/repos/a/b";
    let mut lines = vec![
        line("PATCH", repository, JSON, "{\"_method\":\"DELETE\"}"),
        line("GET", &format!("{repository}?_method=DELETE"), "", ""),
        line("POST", "https://api.stripe.com/v1/customers", FORM, "_method=DELETE"),
    ];
    for name in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "x_http_method_override"] {
        lines.push(json!({ "method": "GET", "url": repository, "headers": { name: "DELETE" } }));
    }
    all_refused(&lines);
}

#[test]
fn semicolons_double_slashes_and_suffixes_of_paths() {
    let at = |path: &str| line("GET", &format!("https://api.github.com{path}"), "", "");
    all_refused(&[
        at("/repos/a/b;x"),
        at("/repos/a;x/b"),
        at("//repos/a/b"),
        at("/repos//a/b"),
        at("/user.json"),
        at("/repos/a/b/issues.json"),
        at("/rate_limit.xml"),
        at("/REPOS/a/b"),
    ]);
}

#[test]
fn head_for_get_is_the_same_read() {
    let url = "https://api.github.com/repos/a/b/actions/secrets";
    let all = said(&[line("GET", url, "", ""), line("HEAD", url, "", "")]);
    assert_eq!(all[0], all[1]);
    assert!(all[0].contains("github:"), "{all:?}");
}

#[test]
fn charsets_that_are_not_utf8() {
    let lines: Vec<Value> = ["utf-16", "utf-7", "iso-8859-1", "utf-8; charset=utf-16"]
        .iter()
        .map(|charset| line("POST", DEPLOYMENTS, &format!("{JSON}; charset={charset}"), "{\"name\":\"x\"}"))
        .collect();
    all_refused(&lines);
}

#[test]
fn repeated_parameters_of_forms_and_queries() {
    let stripe = "https://api.stripe.com/v1/subscriptions/sub_1";
    all_refused(&[
        line("POST", stripe, FORM, "metadata[a]=b&metadata[a]=c"),
        line("POST", stripe, FORM, "a=1&a[b]=2"),
        line("GET", "https://api.github.com/repos/a/b/issues?state=open&STATE=all", "", ""),
        line("GET", "https://api.github.com/repos/a/b/issues?state=open&state[]=all", "", ""),
    ]);
}

#[test]
fn other_doors_to_the_same_effect_are_as_strong() {
    let supabase = "https://api.supabase.com/v1/projects/abc/database";
    let d1 = "https://api.cloudflare.com/client/v4/accounts/a/d1/database/b";
    let lines = [
        line("POST", &format!("{supabase}/query"), JSON, "{\"query\":\"select 1\"}"),
        line("POST", &format!("{supabase}/migrations"), JSON, "{\"query\":\"drop table x\"}"),
        line("POST", &format!("{d1}/query"), JSON, "{\"sql\":\"drop table x\"}"),
        line("POST", &format!("{d1}/import"), JSON, "{\"action\":\"init\"}"),
        line("POST", &format!("{d1}/time_travel/restore?bookmark=x"), "", ""),
    ];
    for (line, said) in lines.iter().zip(said(&lines)) {
        assert!(said.starts_with("destroy "), "{line} is {said}");
    }
}

/// The body, and not the line, names the operation: JSON-RPC and its batches, `?delete` of S3, a signature in the URL.
#[test]
fn g29_an_operation_that_the_body_or_the_query_selects() {
    let bucket = "https://pictures.s3.eu-west-1.amazonaws.com";
    let lines = [
        line("POST", &format!("{bucket}/?delete"), "application/xml", "<Delete/>"),
        line("PUT", &format!("{bucket}/a.png?acl"), "", ""),
        line("GET", &format!("{bucket}/a.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0"), "", ""),
        line(
            "POST",
            "https://ec2.eu-west-1.amazonaws.com/?Action=DescribeInstances",
            FORM,
            "Action=TerminateInstances&Version=2016-11-15",
        ),
        line(
            "POST",
            "https://ec2.eu-west-1.amazonaws.com/",
            FORM,
            "Action=TerminateInstances&Version=2016-11-15",
        ),
        line(
            "POST",
            RAILWAY,
            JSON,
            "[{\"query\":\"{ me { id } }\"},{\"query\":\"mutation { projectDelete(id: \\\"3d2c42fb-0000-4000-8000-000000000000\\\") }\"}]",
        ),
    ];
    let said = said(&lines);
    assert_eq!(said[0], "destroy aws:s3.DeleteObjects");
    assert_eq!(said[1], "grant aws:s3.PutObjectAcl");
    assert_eq!(said[2..5], ["bad_parameter", "ambiguous_body", "destroy aws:ec2.TerminateInstances"]);
    assert!(said[5].starts_with("read ") || !said[5].contains(' '), "the first of the batch: {}", said[5]);
}
