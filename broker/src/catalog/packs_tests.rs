//! What every pack that ships has to hold, and what the packs of providers mean.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::pack::Tables;
use super::{BUILTIN, build, lines};
use crate::model::Class;

fn ask(line: &Value) -> Value {
    serde_json::from_str(&lines::answer(&BUILTIN, None, &line.to_string())).unwrap()
}

fn class(method: &str, url: &str, kind: &str, body: &str) -> String {
    let headers = if kind.is_empty() { json!({}) } else { json!({ "content-type": kind }) };
    let answer = ask(&json!({ "method": method, "url": url, "headers": headers, "body": body }));
    let class = answer["operations"][0]["class"].as_str().map(str::to_owned);
    class.unwrap_or_else(|| format!("refused: {}", answer["refused"].as_str().unwrap_or_default()))
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// No row of a table of the REST protocol is guarded less than the rules say, unless a person wrote down why.
#[test]
fn no_row_is_weaker_than_the_rules_without_a_reason() {
    let mut weaker = Vec::new();
    for pack in BUILTIN.packs().iter().filter(|pack| pack.name() != "github") {
        let Tables::Rest(table) = &pack.tables else { continue };
        let overrides = super::embedded::overrides(pack.name());
        for row in table.rows() {
            let style = if pack.name() == "gcp" { row.id.split('.').next().unwrap_or_default() } else { "" };
            let described = build::Described {
                method: row.methods[0].to_string(),
                path: row.template.clone(),
                id: row.id.clone(),
                service: style.to_owned(),
                ..build::Described::default()
            };
            let rule = build::judge(&described).class;
            if row.class < rule && overrides.get(&row.id) != Some(&row.class) {
                weaker.push(format!("{}:{} is {}, the rules say {rule}", pack.name(), row.id, row.class));
            }
        }
    }
    assert!(weaker.is_empty(), "{weaker:#?}");
}

#[test]
fn stripe_reads_forms_with_brackets() {
    let at = |path: &str| format!("https://api.stripe.com{path}");
    assert_eq!(class("POST", &at("/v1/customers"), FORM, "email=a%40b.test&metadata[order]=6735"), "write");
    assert_eq!(class("POST", &at("/v1/refunds"), FORM, "charge=ch_1"), "destroy");
    assert_eq!(class("POST", &at("/v1/subscriptions/sub_1"), FORM, "cancel_at_period_end=true"), "destroy");
    assert_eq!(class("POST", &at("/v1/subscriptions/sub_1"), FORM, "metadata[a]=b"), "write");
    assert_eq!(class("POST", &at("/v1/subscriptions/sub_1"), FORM, "Cancel_At=1"), "refused: ambiguous_body");
    assert_eq!(class("POST", &at("/v1/customers"), FORM, "email=a&email=b"), "refused: ambiguous_body");
    assert_eq!(class("POST", &at("/v1/customers"), FORM, "{\"email\":\"a\"}"), "refused: ambiguous_body");
    assert_eq!(
        class("POST", &at("/v1/payment_intents"), FORM, "amount=1&transfer_data[destination]=acct_1"),
        "destroy"
    );
    assert_eq!(class("GET", &at("/v1/charges?limit=3"), "", ""), "read");
    assert_eq!(
        class("POST", "https://files.stripe.com/v1/refunds", FORM, "charge=ch_1"),
        "refused: unknown_operation"
    );
}

#[test]
fn the_method_does_not_hide_what_a_request_does() {
    for (method, url, kind, body, expected) in [
        ("GET", "https://slack.com/api/auth.revoke?test=1", "", "", "destroy"),
        ("POST", "https://slack.com/api/conversations.list", FORM, "limit=3", "read"),
        ("GET", "https://slack.com/api/chat.delete?channel=C1&ts=1", "", "", "destroy"),
        (
            "POST",
            "https://api.cloudflare.com/client/v4/accounts/a/d1/database/b/query",
            JSON,
            "{\"sql\":\"drop table x\"}",
            "destroy",
        ),
        ("GET", "https://api.cloudflare.com/client/v4/accounts/a/cfd_tunnel/b/token", "", "", "reveal"),
        ("DELETE", "https://api.digitalocean.com/v2/droplets?tag_name=web", "", "", "destroy"),
        (
            "POST",
            "https://api.digitalocean.com/v2/droplets/1/actions",
            JSON,
            "{\"type\":\"reboot\"}",
            "destroy",
        ),
        (
            "POST",
            "https://api.supabase.com/v1/projects/abc/database/query",
            JSON,
            "{\"query\":\"select 1\"}",
            "destroy",
        ),
        (
            "PATCH",
            "https://api.supabase.com/v1/projects/abc/functions/f?verify_jwt=false",
            JSON,
            "{}",
            "grant",
        ),
        (
            "PATCH",
            "https://api.supabase.com/v1/projects/abc/functions/f",
            "application/vnd.denoland.eszip",
            "\u{1}",
            "grant",
        ),
        ("POST", "https://api.machines.dev/v1/apps/a/machines/m/exec", JSON, "{}", "destroy"),
        ("POST", "https://api.render.com/v1/services/s/suspend", "", "", "destroy"),
        (
            "POST",
            "https://api.vercel.com/v13/deployments",
            JSON,
            "{\"name\":\"x\",\"target\":\"production\"}",
            "grant",
        ),
        ("POST", "https://api.vercel.com/v13/deployments", JSON, "{\"name\":\"x\"}", "write"),
        ("POST", "https://api.openai.com/v1/chat/completions", JSON, "{}", "write"),
        ("POST", "https://api.openai.com/v1/organization/admin_api_keys", JSON, "{}", "grant"),
        ("POST", "https://api.anthropic.com/v1/messages", JSON, "{}", "write"),
        ("POST", "https://api.anthropic.com/v1/tunnels/t/reveal_token", JSON, "{}", "grant"),
        (
            "GET",
            "https://kubernetes.default.svc/api/v1/namespaces/a/pods/p/exec?command=ls",
            "",
            "",
            "destroy",
        ),
        ("GET", "https://kubernetes.default.svc/api/v1/namespaces/a/secrets", "", "", "reveal"),
        ("DELETE", "https://kubernetes.default.svc/api/v1/namespaces/a/pods", "", "", "destroy"),
        (
            "PATCH",
            "https://kubernetes.default.svc/apis/apps/v1/namespaces/a/deployments/d",
            "application/merge-patch+json",
            "{\"spec\":{\"replicas\":0}}",
            "destroy",
        ),
        (
            "PATCH",
            "https://kubernetes.default.svc/apis/apps/v1/namespaces/a/deployments/d",
            "application/merge-patch+json",
            "{\"spec\":{\"replicas\":3}}",
            "write",
        ),
        (
            "PATCH",
            "https://kubernetes.default.svc/apis/apps/v1/namespaces/a/deployments/d",
            "application/apply-patch+yaml",
            "spec: {replicas: 0}",
            "refused: malformed_body",
        ),
        (
            "PATCH",
            "https://kubernetes.default.svc/apis/apps/v1/namespaces/a/deployments/d?fieldManager=m&force=true",
            "application/apply-patch+yaml",
            "{\"spec\":{\"replicas\":3}}",
            "destroy",
        ),
        (
            "PATCH",
            "https://kubernetes.default.svc/apis/apps/v1/namespaces/a/deployments/d?fieldManager=m&force=false",
            "application/apply-patch+yaml",
            "{\"spec\":{\"replicas\":3}}",
            "write",
        ),
        (
            "PATCH",
            "https://kubernetes.default.svc/api/v1/namespaces/a/configmaps/c?Force=1",
            "application/apply-patch+yaml",
            "{\"data\":{}}",
            "destroy",
        ),
        (
            "POST",
            "https://secretmanager.googleapis.com/v1/projects/p/secrets/s/versions/1:destroy",
            JSON,
            "{}",
            "destroy",
        ),
        (
            "GET",
            "https://secretmanager.googleapis.com/v1/projects/p/secrets/s/versions/1:access",
            "",
            "",
            "reveal",
        ),
        (
            "GET",
            "https://secretmanager.googleapis.com/v1/projects/p/secrets/s/versions/1:open",
            "",
            "",
            "refused: unknown_operation",
        ),
        (
            "GET",
            "https://secretmanager.googleapis.com/compute/v1/projects/p/zones/z/instances",
            "",
            "",
            "refused: unknown_operation",
        ),
        (
            "POST",
            "https://storage.googleapis.com/upload/storage/v1/b/a/o?uploadType=media&name=x",
            "",
            "{",
            "write",
        ),
        (
            "POST",
            "https://storage.googleapis.com/upload/storage/v1/b/a/o?uploadType=media&name=x&predefinedAcl=publicRead",
            "",
            "x",
            "grant",
        ),
        (
            "POST",
            "https://storage.googleapis.com/upload/storage/v1/b/a/o?uploadType=multipart",
            "multipart/related; boundary=b",
            "--b",
            "grant",
        ),
        (
            "POST",
            "https://storage.googleapis.com/storage/v1/b/a/o?predefinedAcl=publicRead",
            JSON,
            "{}",
            "grant",
        ),
    ] {
        assert_eq!(class(method, url, kind, body), expected, "{method} {url} {body}");
    }
}

#[test]
fn a_request_names_what_an_environment_can_map() {
    for (url, kind, id) in [
        ("https://api.stripe.com/v1/charges", "account", "self"),
        ("https://api.cloudflare.com/client/v4/zones/z1/dns_records", "zone", "z1"),
        ("https://api.cloudflare.com/client/v4/accounts/a1/workers/scripts", "account", "a1"),
        ("https://api.supabase.com/v1/projects/abc/functions", "project", "abc"),
        ("https://api.machines.dev/v1/apps/web/machines", "app", "web"),
        ("https://kubernetes.default.svc/api/v1/namespaces/team/pods", "namespace", "team"),
        ("https://kubernetes.default.svc/api/v1/nodes", "cluster", "self"),
        ("https://run.googleapis.com/v2/projects/p1/locations/l/services", "project", "p1"),
        ("https://storage.googleapis.com/storage/v1/b/pictures/o/a%2Fb.png", "bucket", "pictures"),
    ] {
        let answer = ask(&json!({ "method": "GET", "url": url }));
        assert_eq!(
            answer["operations"][0]["resources"],
            json!([{ "kind": kind, "id": id }]),
            "{url}: {answer}"
        );
    }
}

#[test]
fn tables_are_wide() {
    let counts: BTreeMap<&str, usize> =
        BUILTIN.packs().iter().map(|pack| (pack.name(), pack.operations().len())).collect();
    for (name, least) in [
        ("stripe", 650),
        ("cloudflare", 2700),
        ("openai", 270),
        ("anthropic", 270),
        ("slack", 174),
        ("vercel", 216),
        ("digitalocean", 658),
        ("supabase", 163),
        ("fly", 34),
        ("render", 247),
        ("kubernetes", 1110),
        ("gcp", 1290),
    ] {
        assert!(counts.get(name).is_some_and(|count| *count >= least), "{name}: {:?}", counts.get(name));
    }
    // A ref that is neither branch nor tag is the one thing that is known to be unknown.
    let unknown = BUILTIN.operations().filter(|one| one.class == Class::Unknown);
    let unknown: Vec<String> = unknown.map(|one| one.operation).collect();
    assert!(unknown.iter().all(|operation| operation.ends_with("/change-other-ref")), "{unknown:?}");
}
