use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Carried, Parts, is_carrier};
use crate::catalog::BUILTIN;
use crate::model::Placeholder;

const PLACEHOLDER: &str = "ghp_PlaceholderPlaceholderPlaceholder012";
const REAL: &str = "ghp_0123456789abcdefghijABCDEFGHIJ012345";

fn look(headers: &[(&str, &str)], path: &str, query: Option<&str>, body: &[u8]) -> Carried {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
    }
    let parts = Parts { headers: &map, path, query, body };
    BUILTIN.carried(&parts, &[Placeholder(PLACEHOLDER.to_owned())])
}

fn foreign(carried: &Carried) -> Vec<(&str, &str)> {
    carried.foreign.iter().map(|one| (one.carrier.as_str(), one.kind.as_str())).collect()
}

fn cut(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

#[test]
fn a_placeholder_in_a_carrier_is_known_whatever_the_scheme() {
    let by_basic = basic(&format!("x-access-token:{PLACEHOLDER}"));
    let as_user = basic(&format!("{PLACEHOLDER}:x-oauth-basic"));
    for value in [
        PLACEHOLDER,
        &format!("Bearer {PLACEHOLDER}"),
        &format!("bearer  {PLACEHOLDER}"),
        &format!("token {PLACEHOLDER}"),
        &by_basic,
        &as_user,
    ] {
        let carried = look(&[("authorization", value)], "/", None, b"");
        assert_eq!(carried.placeholders.len(), 1, "{value}");
        assert!(carried.foreign.is_empty(), "{value}: {:?}", carried.foreign);
    }
}

#[test]
fn h2_what_is_not_a_placeholder_in_a_carrier_is_foreign() {
    let long = format!("Bearer {PLACEHOLDER}x");
    let short = format!("Bearer {}", cut(PLACEHOLDER, 39));
    let mixed = basic(&format!("{REAL}:{PLACEHOLDER}"));
    for (name, value, kind) in [
        ("authorization", "Bearer 11111111-2222-4333-8444-555555555555", "railway token"),
        ("project-access-token", "11111111-2222-4333-8444-555555555555", "railway token"),
        ("authorization", "token gho_0123456789abcdefghijABCDEFGHIJ012345", "github app or oauth token"),
        ("authorization", &long, "github personal access token"),
        ("authorization", &short, "credential"),
        ("authorization", "Basic %%%", "credential"),
        ("authorization", &basic("user:hunter2"), "credential"),
        ("authorization", &mixed, "github personal access token"),
        ("proxy-authorization", "Bearer x", "credential"),
        ("stint-downstream-authorization", &format!("Bearer {REAL}"), "github personal access token"),
        ("x-api-key", "k", "credential"),
        ("private-token", "glpat-0123456789abcdefghij", "GitLab token"),
        ("x_auth_token", "t", "credential"),
        ("project-access-token", "x", "credential"),
        ("cookie", "user_session=abc", "credential"),
    ] {
        let carried = look(&[(name, value)], "/", None, b"");
        let carrier = if name.starts_with("stint-") { "authorization" } else { name };
        assert!(
            foreign(&carried).contains(&(&format!("header {carrier}"), kind)),
            "{name}: {value}: {carried:?}"
        );
    }
}

#[test]
fn a_real_key_beside_the_placeholder_is_still_foreign() {
    let bearer = format!("Bearer {PLACEHOLDER}");
    let other = format!("Bearer {REAL}");
    let carried =
        look(&[("authorization", &bearer), ("authorization", &other), ("x-api-key", "abc")], "/", None, b"");
    assert_eq!(carried.placeholders.len(), 1);
    let expected =
        [("header authorization", "github personal access token"), ("header x-api-key", "credential")];
    assert_eq!(foreign(&carried), expected);
}

#[test]
fn ordinary_headers_and_front_door_cookies_are_no_credentials() {
    let headers = [
        ("accept", "application/vnd.github+json"),
        ("x-github-api-version", "2022-11-28"),
        ("idempotency-key", "0123456789abcdef"),
        ("user-agent", "gh/2.23"),
        ("cookie", "__cf_bm=abc; _cfuvid=def"),
        ("dpop", "eyJ.eyJ.sig"),
        ("stint-host", "api.github.com"),
        ("if-none-match", "\"0123456789abcdef0123456789abcdef\""),
        ("authorization", ""),
    ];
    assert!(
        look(&headers, "/repos/o/r", Some("per_page=100&q=token+secret"), b"{\"a\":1}").foreign.is_empty()
    );
}

#[test]
fn keys_are_found_in_path_query_and_body() {
    let in_path = format!("/repos/o/r/contents/{REAL}");
    assert_eq!(foreign(&look(&[], &in_path, None, b"")), [("path", "github personal access token")]);
    let carried = look(&[], "/", Some(&format!("q={REAL}")), b"");
    assert_eq!(foreign(&carried), [("query", "github personal access token")]);
    let carried = look(&[], "/", Some("access_token=anything"), b"");
    assert_eq!(foreign(&carried), [("query access_token", "credential")]);
    let body = format!("{{\"body\":\"use {REAL} please\"}}");
    assert_eq!(foreign(&look(&[], "/", None, body.as_bytes())), [("body", "github personal access token")]);
    let header = format!("see {REAL}");
    assert_eq!(
        foreign(&look(&[("x-note", &header)], "/", None, b"")),
        [("header x-note", "github personal access token")]
    );
}

#[test]
fn keys_are_found_escaped_and_in_base64() {
    let escaped = REAL.replace('_', "%5F");
    assert_eq!(
        foreign(&look(&[], "/", Some(&format!("q={escaped}")), b"")),
        [("query", "github personal access token")]
    );
    let unicode = REAL.replace('g', "\\u0067");
    assert_eq!(
        foreign(&look(&[], "/", None, unicode.as_bytes())),
        [("body", "github personal access token")]
    );
    for text in [format!("TOKEN={REAL}\n"), format!("a TOKEN={REAL}\n"), format!("ab TOKEN={REAL}\n")] {
        let encoded = STANDARD.encode(&text);
        let plain = format!("{{\"content\":\"{encoded}\"}}");
        let after_escape = format!("{{\"content\":\"AAAA\\n{encoded}\"}}");
        let url_safe = encoded.replace('+', "-").replace('/', "_").replace('=', "");
        for body in [plain, after_escape, url_safe] {
            assert_eq!(
                foreign(&look(&[], "/", None, body.as_bytes())),
                [("body", "github personal access token")],
                "{body}"
            );
        }
    }
}

#[test]
fn a_placeholder_in_a_body_is_no_foreign_credential() {
    let body = format!("{{\"token\":\"{PLACEHOLDER}\"}}");
    assert!(look(&[], "/", None, body.as_bytes()).foreign.is_empty());
}

#[test]
fn well_known_keys_are_recognised() {
    let hex = "0123456789abcdef".repeat(8);
    let word = "aB3dE5gH7jK9mN1pQ3sT".repeat(8);
    let samples = [
        ("AKIAIOSFODNN7EXAMPLE".to_owned(), "AWS access key id"),
        (format!("sk_live_{}", cut(&word, 24)), "Stripe secret key"),
        (format!("rk_test_{}", cut(&word, 24)), "Stripe secret key"),
        (format!("sk-ant-api03-{}AA", cut(&word, 93)), "Anthropic key"),
        (format!("sk-proj-{}", cut(&word, 100)), "OpenAI key"),
        (format!("xoxb-123456789012-{}", cut(&word, 24)), "Slack token"),
        (format!("dop_v1_{}", cut(&hex, 64)), "DigitalOcean token"),
        (format!("npm_{}", cut(&word, 36)), "npm token"),
        (format!("SG.{}.{}", cut(&word, 22), cut(&word, 43)), "SendGrid key"),
        (format!("AIza{}", cut(&word, 35)), "Google API key"),
        (format!("sbp_{}", cut(&hex, 40)), "Supabase token"),
        (format!("rnd_{}", cut(&word, 28)), "Render key"),
        (format!("fo1_{}", cut(&word, 43)), "Fly token"),
        (format!("fm2_{}", cut(&word, 140)), "Fly token"),
        (format!("pscale_tkn_{}", cut(&word, 43)), "PlanetScale token"),
        (format!("github_pat_{}_{}", cut(&word, 22), cut(&word, 59)), "github fine-grained token"),
        (
            format!("ghs_12345_{}.{}.{}", cut(&word, 30), cut(&word, 60), cut(&word, 40)),
            "github app or oauth token",
        ),
        ("-----BEGIN OPENSSH PRIVATE KEY-----".to_owned(), "private key"),
        ("-----BEGIN PRIVATE KEY-----".to_owned(), "private key"),
        (format!("hvs.{}", cut(&word, 90)), "HashiCorp Vault token"),
    ];
    for (sample, kind) in samples {
        let body = format!("{{\"value\": \"{sample}\"}}");
        assert_eq!(foreign(&look(&[], "/", None, body.as_bytes())), [("body", kind)], "{sample}");
    }
}

#[test]
fn what_only_looks_a_little_like_a_key_is_none() {
    for text in [
        "task-manager sk-ip",
        "AKIA",
        "npm_config_registry",
        "xAKIAIOSFODNN7EXAMPLE",
        "ghp_short",
        "-----BEGIN CERTIFICATE-----",
        "rnd_x dp.pt SG.1",
    ] {
        assert!(look(&[], "/", None, text.as_bytes()).foreign.is_empty(), "{text}");
    }
}

#[test]
fn nothing_of_a_foreign_value_is_shown() {
    let carried = look(&[("authorization", &format!("Bearer {REAL}"))], "/", None, b"");
    assert_eq!(carried.foreign[0].value.expose(), REAL.as_bytes());
    assert!(!format!("{carried:?}").contains("0123456789"));
}

#[test]
fn a_flood_of_keys_is_cut_short() {
    let body = format!("{REAL} ").repeat(10_000);
    assert_eq!(look(&[], "/", None, body.as_bytes()).foreign.len(), 1);
    let headers: Vec<(String, String)> = (0..90).map(|n| (format!("x-{n}-token"), format!("v{n}"))).collect();
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(look(&headers, "/", None, b"").foreign.len(), 16);
}

#[test]
fn carriers_are_told_from_other_headers() {
    for name in [
        "authorization",
        "x-api-key",
        "apikey",
        "api_key",
        "x-amz-security-token",
        "x-auth-anything",
        "cookie",
    ] {
        assert!(is_carrier(name), "{name}");
    }
    for name in
        ["accept", "idempotency-key", "x-tokenize", "content-type", "x-request-id", "x-github-api-version"]
    {
        assert!(!is_carrier(name), "{name}");
    }
}

#[test]
fn keys_are_found_behind_two_layers_of_encoding() {
    let twice = STANDARD.encode(STANDARD.encode(format!("GH_TOKEN={REAL}")));
    let escaped_in_base64 = STANDARD.encode(format!("t={}", REAL.replace('_', "%5F")));
    let base64_escaped = STANDARD.encode(format!(">>>{REAL}???")).replace('=', "%3D").replace('/', "%2F");
    let percent_twice = REAL.replace('_', "%255F");
    let json_in_json = REAL.replace('g', "\\\\u0067").replace("\\\\u0067", "%5Cu0067");
    for text in [twice, escaped_in_base64, base64_escaped, percent_twice, json_in_json] {
        let body = format!("{{\"content\":\"{text}\"}}");
        let found = look(&[], "/", None, body.as_bytes());
        assert_eq!(foreign(&found), [("body", "github personal access token")], "{body}");
    }
}

/// `base64` breaks its lines at 76; a key that stands across the break is one key.
#[test]
fn a_key_across_the_lines_of_base64_is_found() {
    for width in [60, 64, 76] {
        for before in 0..width {
            let encoded = STANDARD.encode(format!("{}{REAL} is it", " ".repeat(before)));
            let lines: Vec<&str> =
                encoded.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
            for end in ["\n", "\r\n", "\\n"] {
                let body = format!("{{\"content\":\"{}\"}}", lines.join(end));
                let found = look(&[], "/", None, body.as_bytes());
                assert_eq!(
                    foreign(&found),
                    [("body", "github personal access token")],
                    "{width} {before} {end:?}"
                );
            }
        }
    }
}

/// Railway's keys are bare UUIDs, as every id is: they are told by the name beside them.
#[test]
fn a_key_without_a_shape_is_told_by_its_name() {
    let key = "11111111-2222-4333-8444-5a55b5c5d555";
    for body in [
        format!("{{\"token\":\"{key}\"}}"),
        format!("{{\"body\":\"run with RAILWAY_API_TOKEN={key}\"}}"),
        format!("token={key}&x=1"),
        STANDARD.encode(format!("RAILWAY_TOKEN={key}\n")),
    ] {
        let found = look(&[], "/", None, body.as_bytes());
        assert_eq!(foreign(&found), [("body", "railway token")], "{body}");
    }
    let query = format!("token={key}");
    assert_eq!(foreign(&look(&[], "/", Some(&query), b"")), [("query", "railway token")]);
    let body = format!("{{\"variables\":{{\"id\":\"{key}\",\"projectId\":\"{key}\"}}}}");
    assert!(look(&[], "/", None, body.as_bytes()).foreign.is_empty());
}
