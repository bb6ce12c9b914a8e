use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::table::{self, Row, Segment};
use super::trie::Trie;
use super::{Table, Understood};
use crate::catalog::pack::{Pack, Tables};
use crate::catalog::refusal::{Refusal, code};
use crate::catalog::{BUILTIN, Catalog, canonical};
use crate::model::{Class, Operation, Scope};

fn catalog() -> &'static Catalog {
    &BUILTIN
}

fn github(catalog: &Catalog) -> (&Pack, &Table) {
    let pack = catalog.pack("github").unwrap();
    let Tables::Rest(table) = &pack.tables else { panic!("github is a REST pack") };
    (pack, table)
}

fn send(
    catalog: &Catalog,
    host: &str,
    method: &str,
    target: &str,
    body: &str,
) -> Result<Understood, Refusal> {
    let pack = catalog.pack("github").unwrap();
    let mut headers = HeaderMap::new();
    if !body.is_empty() {
        headers.insert(HeaderName::from_static("content-type"), HeaderValue::from_static("application/json"));
    }
    let body = Bytes::copy_from_slice(body.as_bytes());
    let request =
        canonical::request(method, host, target, &headers, body, false, pack.provider(&pack.manifest.hosts))?;
    catalog.classify(pack, request)
}

fn one(method: &str, target: &str, body: &str) -> Operation {
    let understood = send(catalog(), "api.github.com", method, target, body);
    let understood = understood.unwrap_or_else(|refusal| panic!("{method} {target}: {refusal}"));
    assert_eq!(understood.request.target(), target);
    assert_eq!(understood.operations.len(), 1);
    understood.operations.into_iter().next().unwrap()
}

fn refused(method: &str, target: &str, body: &str) -> &'static str {
    send(catalog(), "api.github.com", method, target, body).err().map_or("understood", |refusal| refusal.code)
}

fn class(method: &str, target: &str, body: &str) -> (String, Class) {
    let operation = one(method, target, body);
    (operation.operation.strip_prefix("github:").unwrap().to_owned(), operation.class)
}

fn resources(operation: &Operation) -> Vec<String> {
    operation.resources.iter().map(|one| format!("{}={}", one.kind, one.id)).collect()
}

fn filled(row: &Row) -> String {
    let text = |segment: &Segment| match segment {
        Segment::Literal(text) => text.clone(),
        Segment::Parameter { name, .. } => format!("Some-{name}"),
        Segment::Verb { name, verb } => format!("Some-{name}:{verb}"),
        Segment::Rest { holds: "", name } => format!("Some-{name}/and/more"),
        Segment::Rest { holds, .. } => format!("one{holds}two/three"),
    };
    format!("/{}", row.segments.iter().map(text).collect::<Vec<_>>().join("/"))
}

/// The rules of `overrides.toml`: the class by method and words alone.
fn rule(row: &Row) -> Class {
    let literal = |segment: &Segment| match segment {
        Segment::Literal(text) => Some(text.to_lowercase()),
        _ => None,
    };
    let text =
        row.segments.iter().filter_map(literal).collect::<Vec<_>>().join(" ") + " " + &row.id.to_lowercase();
    let words: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let any = |list: &str| list.split_whitespace().any(|word| words.contains(word));
    let removal = "delete remove revoke destroy purge wipe reset detach force";
    let reveals = "token tokens secret secrets key keys credential credentials hook hooks webhook webhooks feeds downloads";
    let opens = "token tokens secret secrets key keys credential credentials grant grants permission permissions access \
        collaborator collaborators invitation invitations member members membership memberships team teams role roles hook \
        hooks webhook webhooks protection ruleset rulesets installation installations oidc jitconfig runner runners \
        transfer visibility migrations import registries bypass bypasses policies";
    match row.methods[0] {
        Method::GET if any(reveals) => Class::Reveal,
        Method::GET => Class::Read,
        Method::DELETE => Class::Destroy,
        _ if any(removal) => Class::Destroy,
        _ if any(opens) => Class::Grant,
        _ => Class::Write,
    }
}

fn overrides() -> BTreeMap<String, Class> {
    let text = include_str!("../../../../policies/packs/github/overrides.toml");
    table::overrides(&|file| (file == "overrides.toml").then(|| text.to_owned())).unwrap()
}

#[test]
fn all_1223_operations_are_there() {
    let catalog = catalog();
    let (_, table) = github(catalog);
    let count = |method: Method| table.rows().iter().filter(|row| row.methods.contains(&method)).count();
    let counts = [Method::GET, Method::POST, Method::PATCH, Method::DELETE, Method::PUT].map(count);
    assert_eq!((table.rows().len(), counts), (1223, [639, 193, 70, 187, 134]));
}

#[test]
fn every_row_is_found_by_its_own_path() {
    let catalog = catalog();
    let (_, table) = github(catalog);
    for row in table.rows() {
        let host =
            if row.id == "repos/upload-release-asset" { "uploads.github.com" } else { "api.github.com" };
        let path = filled(row);
        let understood = send(catalog, host, row.methods[0].as_str(), &path, "");
        let understood =
            understood.unwrap_or_else(|refusal| panic!("{} {path}: {refusal}", row.method_names()));
        let operation = &understood.operations[0];
        assert_eq!(operation.operation, format!("github:{}", row.id), "{} {path}", row.method_names());
        assert_eq!((operation.class, operation.scope), (row.class, row.scope), "{}", row.id);
        assert!(operation.resources.len() >= row.resources.len(), "{}", row.id);
    }
}

/// With and without are two paths, and the end after the slash is in no parameter and in no rest.
#[test]
fn a_slash_at_the_end_is_part_of_a_path() {
    let table = |paths: &[&str]| {
        let line = |path: &&str| format!("GET\t{path}\t{}\tread\t\taccount\t\n", path.len());
        let head = "method\tpath\toperation\tclass\tresources\tscope\tmarks\n".to_owned();
        let text = head + &paths.iter().map(line).collect::<String>();
        table::rows(&|file| (file == "operations.tsv").then(|| text.clone()))
    };
    let paths = ["/simple/{name}/", "/simple/{name}/files/{rest*}", "/plain/{name}"];
    let rows = table(&paths).unwrap();
    let trie = Trie::of(rows.iter().enumerate()).unwrap();
    let find = |path| trie.find(&Method::GET, &super::segments(path)).map(|index| paths[index]);
    assert!(trie.slash_at_end());
    assert_eq!(find("/simple/a/"), Some(paths[0]));
    assert_eq!((find("/simple/a/files/b"), find("/plain/a")), (Some(paths[1]), Some(paths[2])));
    for path in ["/simple/a", "/simple//", "/simple/", "/simple/a/files/b/", "/plain/a/", "/plain/"] {
        assert_eq!(find(path), None, "{path}");
    }
    for path in ["//", "/a//", "/a//b", "//a"] {
        assert!(table(&[path]).is_err(), "{path}");
    }
    assert!(!Trie::of(table(&paths[1..]).unwrap().iter().enumerate()).unwrap().slash_at_end());
}

#[test]
fn no_operation_is_weaker_than_the_rules_without_a_reason() {
    let catalog = catalog();
    let (_, table) = github(catalog);
    let mut overrides = overrides();
    for row in table.rows() {
        let rule = rule(row);
        match overrides.remove(&row.id) {
            Some(class) => assert!(class < rule && class == row.class, "{}: override without need", row.id),
            None => assert!(row.class >= rule, "{} is {} and the rule says {rule}", row.id, row.class),
        }
    }
    assert!(overrides.is_empty(), "{overrides:?}");
}

#[test]
fn shared_scope_is_for_reads_and_resources_name_something() {
    let catalog = catalog();
    let (_, table) = github(catalog);
    for row in table.rows() {
        match row.scope {
            Scope::Shared => assert_eq!(row.class, Class::Read, "{}", row.id),
            Scope::Resources => assert!(!row.resources.is_empty(), "{}", row.id),
            Scope::Account => {}
        }
        let names = |name: &str| row.segments.iter().any(|segment| segment.name() == Some(name));
        if names("owner") && names("repo") && !row.template.starts_with("/user/starred/") {
            let path = filled(row).to_lowercase();
            let host =
                if row.id == "repos/upload-release-asset" { "uploads.github.com" } else { "api.github.com" };
            let understood = send(catalog, host, row.methods[0].as_str(), &filled(row), "").unwrap();
            let named = resources(&understood.operations[0]);
            assert!(
                named.contains(&"repository=some-owner/some-repo".to_owned()),
                "{} {path}: {named:?}",
                row.id
            );
        }
    }
}

#[test]
fn what_loses_things_at_github_is_destroy() {
    for (method, target) in [
        ("DELETE", "/repos/o/r"),
        ("DELETE", "/repos/o/r/git/refs/heads/main"),
        ("DELETE", "/repos/o/r/branches/main/protection"),
        ("DELETE", "/repos/o/r/environments/production"),
        ("DELETE", "/repos/o/r/releases/1"),
        ("DELETE", "/repos/o/r/hooks/1"),
        ("DELETE", "/repos/o/r/keys/1"),
        ("DELETE", "/repos/o/r/actions/secrets/X"),
        ("DELETE", "/repos/o/r/actions/runs/1/logs"),
        ("DELETE", "/repos/o/r/actions/caches"),
        ("DELETE", "/orgs/o/packages/npm/x"),
        ("DELETE", "/orgs/o"),
        ("DELETE", "/user/packages/npm/x/versions/1"),
        ("POST", "/credentials/revoke"),
        ("POST", "/orgs/o/attestations/delete-request"),
        ("POST", "/repos/o/r/actions/runs/1/force-cancel"),
    ] {
        assert_eq!(class(method, target, "").1, Class::Destroy, "{method} {target}");
    }
}

#[test]
fn what_opens_doors_is_grant() {
    for (method, target) in [
        ("POST", "/repos/o/r/keys"),
        ("POST", "/repos/o/r/hooks"),
        ("PUT", "/repos/o/r/collaborators/eve"),
        ("PUT", "/repos/o/r/actions/secrets/X"),
        ("PUT", "/repos/o/r/branches/main/protection"),
        ("POST", "/repos/o/r/rulesets"),
        ("POST", "/repos/o/r/transfer"),
        ("POST", "/repos/o/r/forks"),
        ("PUT", "/repos/o/r/environments/production"),
        ("PUT", "/repos/o/r/actions/permissions"),
        ("POST", "/repos/o/r/actions/runners/registration-token"),
        ("POST", "/repos/o/r/actions/runs/1/pending_deployments"),
        ("PUT", "/orgs/o/memberships/eve"),
        ("PUT", "/orgs/o/teams/t/repos/o/r"),
        ("POST", "/app/installations/1/access_tokens"),
        ("POST", "/user/keys"),
        ("POST", "/orgs/o/code_scanning/disable_all"),
    ] {
        assert_eq!(class(method, target, "").1, Class::Grant, "{method} {target}");
    }
}

#[test]
fn everyday_work_stays_read_and_write() {
    for (method, target, expected) in [
        ("GET", "/repos/o/r", Class::Read),
        ("HEAD", "/repos/o/r", Class::Read),
        ("GET", "/repos/o/r/contents", Class::Read),
        ("GET", "/repos/o/r/contents/src/main.rs?ref=main", Class::Read),
        ("GET", "/repos/o/r/tarball", Class::Read),
        ("GET", "/repos/o/r/actions/secrets", Class::Read),
        ("GET", "/repos/o/r/hooks", Class::Reveal),
        ("GET", "/repos/o/r/secret-scanning/alerts", Class::Reveal),
        ("GET", "/repos/o/r/actions/runners/downloads", Class::Reveal),
        ("POST", "/repos/o/r/issues", Class::Write),
        ("POST", "/repos/o/r/pulls", Class::Write),
        ("PUT", "/repos/o/r/pulls/1/merge", Class::Write),
        ("PUT", "/repos/o/r/contents/a.txt", Class::Write),
        ("DELETE", "/repos/o/r/contents/a.txt", Class::Write),
        ("DELETE", "/repos/o/r/issues/1/labels/bug", Class::Write),
        ("POST", "/repos/o/r/actions/workflows/ci.yml/dispatches", Class::Write),
        ("POST", "/markdown", Class::Read),
    ] {
        assert_eq!(class(method, target, "").1, expected, "{method} {target}");
    }
}

#[test]
fn g15_names_of_repositories_ignore_case_and_words_of_the_path_do_not() {
    let operation = one("DELETE", "/repos/OctoCat/Hello-World/environments/Production%20EU", "");
    let expected = ["repository=octocat/hello-world", "environment=octocat/hello-world/production%20eu"];
    assert_eq!(resources(&operation), expected);
    for target in ["/Repos/o/r", "/REPOS/o/r", "/repos/o/r/ISSUES"] {
        assert_eq!(refused("GET", target, ""), code::UNKNOWN_OPERATION, "{target}");
    }
}

#[test]
fn a_name_has_one_id_however_it_is_escaped() {
    let id = |target| resources(&one("GET", target, "")).pop().unwrap();
    assert_eq!(id("/repos/o/r/environments/a!b"), id("/repos/o/r/environments/a%21b"));
    assert_eq!(id("/repos/o/r/environments/%C3%89T%C3%89"), id("/repos/o/r/environments/%C3%A9t%C3%A9"));
    assert_eq!(id("/repos/o/r/environments/a%2Fb"), "environment=o/r/a/b");
}

#[test]
fn g25_g26_other_doors_are_unknown() {
    for (method, target) in [
        ("GET", "/repositories/1296269"),
        ("DELETE", "/repositories/1296269"),
        ("GET", "/repositories/1296269/contents/x"),
        ("GET", "/api/v3/repos/o/r"),
        ("POST", "/api/graphql"),
        ("GET", "/raw/o/r/main/x"),
        ("GET", "/repos/o"),
        ("DELETE", "/repos"),
        ("GET", "/repos/o/r/nothing"),
        ("PUT", "/repos/o/r"),
        ("OPTIONS", "/repos/o/r"),
        ("PATCH", "/repos/o/r/git/refs"),
        ("DELETE", "/repos/o/r/contents"),
        ("POST", "/o/r.git/git-receive-pack"),
        ("GET", "/o/r.git/info/refs?service=git-upload-pack"),
    ] {
        assert_eq!(refused(method, target, ""), code::UNKNOWN_OPERATION, "{method} {target}");
    }
}

#[test]
fn hosts_with_few_operations_serve_only_those() {
    let catalog = catalog();
    let on = |method: &str, target: &str| send(catalog, "uploads.github.com", method, target, "").map(|_| ());
    assert!(on("POST", "/repos/o/r/releases/1/assets?name=a.zip").is_ok());
    assert_eq!(on("DELETE", "/repos/o/r").unwrap_err().code, code::UNKNOWN_OPERATION);
}

#[test]
fn g5_g22_an_escaped_slash_is_part_of_a_name_only_where_the_table_says_so() {
    assert_eq!(class("GET", "/repos/o/r/branches/feature%2Fx", "").0, "repos/get-branch");
    assert_eq!(class("GET", "/repos/o/r/branches/feature/x", "").0, "repos/get-branch");
    assert_eq!(
        class("DELETE", "/repos/o/r/branches/feature%2Fx/protection", "").0,
        "repos/delete-branch-protection"
    );
    assert_eq!(class("GET", "/repos/o/r/labels/area%2Fui", "").0, "issues/get-label");
    for (method, target) in [
        ("GET", "/repos/o%2Fr"),
        ("GET", "/repos/o/r%2Fissues"),
        ("GET", "/repos/o/r%2Fx/issues"),
        ("DELETE", "/repos/o/r/keys/1%2F2"),
        ("GET", "/repos/o/r/branches/main%2Fprotection"),
        ("GET", "/repos%2Fo/r"),
        ("GET", "/orgs/o%2Fhooks"),
    ] {
        let code = refused(method, target, "");
        assert!(
            [code::ENCODED_DELIMITER, code::UNKNOWN_OPERATION].contains(&code),
            "{method} {target}: {code}"
        );
    }
}

#[test]
fn literal_words_win_over_parameters() {
    assert_eq!(class("GET", "/gists/public", "").0, "gists/list-public");
    assert_eq!(class("GET", "/gists/abc", "").0, "gists/get");
    assert_eq!(class("GET", "/gists/public/comments", "").0, "gists/list-comments");
    assert_eq!(class("GET", "/repos/o/r/releases/latest", "").0, "repos/get-latest-release");
    assert_eq!(class("GET", "/repos/o/r/compare/a...b", "").0, "repos/compare-commits");
    assert_eq!(class("GET", "/repos/o/r/compare/main", "").0, "repos/compare-commits-with-basehead");
    assert_eq!(class("GET", "/repos/o/r/commits/main/status", "").0, "repos/get-combined-status-for-ref");
}

#[test]
fn g29_the_body_makes_an_operation_stronger() {
    for (method, target, body, expected) in [
        ("PATCH", "/repos/o/r", r#"{"description":"x"}"#, Class::Write),
        ("PATCH", "/repos/o/r", "", Class::Write),
        ("PATCH", "/repos/o/r", r#"{"private":false}"#, Class::Grant),
        ("PATCH", "/repos/o/r", r#"{"visibility":"public"}"#, Class::Grant),
        ("PATCH", "/repos/o/r", r#"{"visib\u0069lity":"public"}"#, Class::Grant),
        ("PATCH", "/repos/o/r", r#"{"archived":true}"#, Class::Grant),
        ("PATCH", "/repos/o/r/git/refs/heads/main", r#"{"sha":"a"}"#, Class::Write),
        ("PATCH", "/repos/o/r/git/refs/heads/main", r#"{"sha":"a","force":false}"#, Class::Write),
        ("PATCH", "/repos/o/r/git/refs/heads/main", r#"{"sha":"a","force":true}"#, Class::Destroy),
        ("PATCH", "/repos/o/r/git/refs/heads/main", r#"{"sha":"a","force":"true"}"#, Class::Destroy),
        ("PATCH", "/repos/o/r/git/refs/heads/main", r#"{"sha":"a","force":1}"#, Class::Destroy),
        ("POST", "/repos/o/r/pulls/1/reviews", r#"{"event":"COMMENT"}"#, Class::Write),
        ("POST", "/repos/o/r/pulls/1/reviews", r#"{"event":"APPROVE"}"#, Class::Grant),
        ("POST", "/repos/o/r/pulls/1/reviews", r#"{"event":"approve "}"#, Class::Grant),
    ] {
        assert_eq!(class(method, target, body).1, expected, "{method} {target} {body}");
    }
}

#[test]
fn a_body_that_decides_is_read_one_way_only() {
    let target = "/repos/o/r/git/refs/heads/main";
    for (body, expected) in [
        (r#"{"force":false,"force":true}"#, code::MALFORMED_BODY),
        (r#"{"force":false,"f\u006frce":true}"#, code::MALFORMED_BODY),
        (r#"{"Force":true}"#, code::AMBIGUOUS_BODY),
        ("{\"\u{17F}ha\":1,\"force \":true}", code::AMBIGUOUS_BODY),
        ("{\"force\":false} {\"force\":true}", code::MALFORMED_BODY),
        ("\u{FEFF}{\"force\":true}", code::MALFORMED_BODY),
        ("[{\"force\":true}]", code::MALFORMED_BODY),
        ("force=true", code::MALFORMED_BODY),
        ("{\"force\":true", code::MALFORMED_BODY),
        ("{\"_method\":\"DELETE\"}", code::METHOD_OVERRIDE),
    ] {
        assert_eq!(refused("PATCH", target, body), expected, "{body}");
    }
    // A member twice is refused even where no member decides.
    assert_eq!(refused("POST", "/repos/o/r/issues", r#"{"title":"a","title":"b"}"#), code::MALFORMED_BODY);
}

#[test]
fn a_deployment_names_its_environment_in_the_body() {
    let named = |body| resources(&one("POST", "/repos/O/R/deployments", body)).pop().unwrap();
    assert_eq!(named(r#"{"ref":"main","environment":"Staging"}"#), "environment=o/r/staging");
    assert_eq!(named(r#"{"ref":"main"}"#), "environment=o/r/production");
    assert_eq!(named(""), "environment=o/r/production");
    assert_eq!(refused("POST", "/repos/o/r/deployments", r#"{"environment":["a"]}"#), code::AMBIGUOUS_BODY);
}

#[test]
fn no_known_query_key_of_github_counts_as_a_carrier() {
    let mut headers = HeaderMap::new();
    headers.insert("accept", HeaderValue::from_static("*/*"));
    let query =
        "per_page=1&page=2&key=k&token=t&secret_type=s&q=x&ref=main&hide_secret=true&scope=x&client_ip=1";
    let parts = crate::catalog::Parts { headers: &headers, path: "/", query: Some(query), body: b"" };
    assert!(catalog().carried(&parts, &[]).foreign.is_empty());
}
