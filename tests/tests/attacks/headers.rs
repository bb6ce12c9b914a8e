//! Group H, and the carriers in which a credential of one's own would travel.

use std::collections::BTreeSet;

use serde_json::Value;
use stint_standin::{Echo, Entry};

use super::client::fresh;
use super::ground::{CREDENTIAL, Call, Ground, REDACTED};

const TARGET: &str = "/repos/atlas/sandbox";

fn get() -> Call {
    Call::get(TARGET)
}

/// The one request that the provider got.
fn arrived(ground: &Ground<Echo>, call: &Call) -> Entry {
    ground.standin.log().clear();
    let answer = ground.send(call);
    assert_eq!(answer.status, 200, "{}: {}", call.label(), answer.text());
    let entries = ground.standin.log().entries();
    assert_eq!(entries.len(), 1, "{}", call.label());
    let entry = entries.into_iter().next().unwrap();
    // Whatever else was asked for, exactly one credential arrived, and it is the one of the vault.
    let authorization: Vec<_> = entry.headers.get_all("authorization").iter().collect();
    assert_eq!(authorization, [&format!("Bearer {}", ground.secret)], "{}", call.label());
    entry
}

/// The host is among the headers or not, with the version of HTTP.
fn names(entry: &Entry) -> BTreeSet<String> {
    entry.headers.keys().map(ToString::to_string).filter(|name| name != "host").collect()
}

#[test]
fn h1_connection_does_not_take_the_injected_credential_away() {
    let ground = Ground::lay(Echo);
    for named in [
        "Authorization",
        "authorization",
        "close, Authorization",
        "X-Api-Key, Authorization, Host",
        "Accept-Encoding",
        "close, X-Forwarded-For",
        "Content-Length, Host, Accept",
        ",,, Authorization ,",
    ] {
        // Beside `connection: close`, which every call has.
        let entry = arrived(&ground, &get().line(format!("connection: {named}")).line("x-kept: 1"));
        assert_eq!(entry.header("accept-encoding"), Some("identity"), "{named}");
        assert_eq!(entry.header("x-kept"), Some("1"), "{named}");
        assert!(!entry.headers.contains_key("connection"), "{named}");
    }
    // What it names is of this hop, and stays on it.
    let entry = arrived(&ground, &get().line("connection: x-hop").line("x-hop: 1").line("x-kept: 1"));
    assert!(!entry.headers.contains_key("x-hop") && entry.headers.contains_key("x-kept"));
    ground.refused(&get().line("connection: a b"), "malformed_request");
    ground.refused(&get().line("connection: upgrade").line("upgrade: websocket"), "upgrade_refused");
    let post = Call::new("POST", "/repos/atlas/sandbox/issues").json("{\"title\":\"x\"}");
    ground.refused(&post.line("connection: content-type"), "ambiguous_request");
}

#[test]
fn h2_a_credential_of_ones_own_is_refused_in_every_carrier() {
    let ground = Ground::lay(Echo);
    let key = "some-key-that-was-found-on-a-disk-0123456789";
    for name in [
        "cookie",
        "x-api-key",
        "X-API-KEY",
        "x_api_key",
        "api-key",
        "apikey",
        "private-token",
        "PRIVATE_TOKEN",
        "x-auth-token",
        "x-auth-key",
        "x-access-token",
        "x-github-token",
        "x-amz-security-token",
        "proxy-authorization",
        "x-authorization",
        "x_authorization",
        "project-access-token",
        "team-access-token",
        "x-vault-token",
        "token",
        "x-goog-api-key",
        "x-client-secret",
        "cookie2",
    ] {
        ground.refused(&get().line(format!("{name}: {key}")), "foreign_credential");
    }
    for value in [
        format!("Bearer {key}"),
        format!("token {key}"),
        format!("Basic {}", super::forge::encode(key)),
        key.to_owned(),
    ] {
        ground.refused(&get().line(format!("stint-downstream-authorization: {value}")), "foreign_credential");
    }
    // A second Authorization is neither ours nor a credential: two readers would pick two of them.
    ground.refused(&get().line(format!("Authorization: Bearer {key}")), "ambiguous_request");
    ground.refused(&get().line(format!("authorization: DPoP {}", ground.token)), "ambiguous_request");
}

#[test]
fn h2_a_known_shape_is_refused_wherever_it_stands() {
    let ground = Ground::lay(Echo);
    let key = format!("ghp_{}", "aB3dE6gH9jK2mN5pQ8sT1vW4xY7z0123456789AB".get(..36).unwrap());
    ground.refused(&get().line(format!("x-note: {key}")), "foreign_credential");
    ground.refused(&get().line(format!("user-agent: curl {key}")), "foreign_credential");
    ground.refused(&Call::get(&format!("{TARGET}/issues?q={key}")), "foreign_credential");
    ground.refused(&Call::get(&format!("{TARGET}/contents/{key}")), "foreign_credential");
    ground.refused(&Call::get(&format!("{TARGET}?access_token=anything")), "foreign_credential");
    ground.refused(&Call::get(&format!("{TARGET}?ACCESS_TOKEN=anything")), "foreign_credential");
    let issue = |text: &str| {
        Call::new("POST", "/repos/atlas/sandbox/issues")
            .json(serde_json::json!({ "title": text }).to_string())
    };
    ground.refused(&issue(&key), "foreign_credential");
    let escaped: String = key.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    ground.refused(
        &Call::new("POST", "/repos/atlas/sandbox/issues").json(format!("{{\"title\":\"{escaped}\"}}")),
        "foreign_credential",
    );
    use base64::Engine as _;
    let coded = base64::engine::general_purpose::STANDARD.encode(format!("key: {key}\n"));
    ground.refused(&issue(&coded), "foreign_credential");
    let percent: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
    ground.refused(&Call::get(&format!("{TARGET}/issues?q={percent}")), "foreign_credential");
}

/// RIVALS: a placeholder in one header, and a real key in another.
#[test]
fn a_placeholder_does_not_cover_for_a_key_beside_it() {
    let ground = Ground::lay(Echo);
    let placeholder = ground.started["credentials"][0]["placeholder"].as_str().unwrap().to_owned();
    let own = format!("stint-downstream-authorization: Bearer {placeholder}");
    let entry = arrived(&ground, &get().line(&own));
    assert!(!ground.standin.log().holds(&placeholder), "{entry:?}");
    for other in ["x-api-key: 1234567890abcdef", "cookie: session=1234567890abcdef", "x-auth-token: 1234"] {
        ground.refused(&get().line(&own).line(other), "foreign_credential");
        ground.refused(&get().line(other).line(&own), "foreign_credential");
    }
    // Both at once in one carrier.
    let second = "stint-downstream-authorization: Bearer 1234567890abcdef";
    ground.refused(&get().line(&own).line(second), "foreign_credential");
    // A placeholder is worth nothing in another session.
    let (other, started) = ground.person.start_session("staging", "coder");
    let foreign = started["credentials"][0]["placeholder"].as_str().unwrap();
    assert_ne!(foreign, placeholder);
    ground.refused(
        &get().line(format!("stint-downstream-authorization: Bearer {foreign}")),
        "foreign_credential",
    );
    drop(other);
}

#[test]
fn h4_h5_claims_about_who_asks_and_where_do_not_go_on() {
    let ground = Ground::lay(Echo);
    let mut call = get().line("x-kept: 1").line("accept: application/json");
    for name in [
        "X-Original-URL",
        "X-Original-Host",
        "X-Rewrite-URL",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Prefix",
        "X-Forwarded-Uri",
        "X-Forwarded-Server",
        "X_Forwarded_For",
        "X_Forwarded_User",
        "X-Forwarded_User",
        "Forwarded",
        "X-Real-IP",
        "X-Client-IP",
        "X-Cluster-Client-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
        "X-Envoy-Original-Path",
        "X-Accel-Redirect",
        "Via",
        "Content_Length",
        "Transfer_Encoding",
        "stint-session",
        "stint-anything",
    ] {
        call = call.line(format!("{name}: /admin"));
    }
    let entry = arrived(&ground, &call);
    let expected = ["accept", "accept-encoding", "authorization", "x-kept"];
    assert_eq!(names(&entry), expected.map(str::to_owned).into(), "{entry:?}");
    assert!(!ground.standin.log().holds("/admin"));
}

#[test]
fn h6_h11_headers_of_one_hop_stay_on_it() {
    let ground = Ground::lay(Echo);
    let call = get()
        .line("Proxy-Connection: keep-alive")
        .line("TE: trailers, deflate")
        .line("Trailer: Authorization")
        .line("Keep-Alive: timeout=5")
        .line("Expect: 100-continue");
    let entry = arrived(&ground, &call);
    assert_eq!(names(&entry), ["accept-encoding", "authorization"].map(str::to_owned).into());
}

#[test]
fn h8_k3_the_provider_is_asked_not_to_encode() {
    let ground = Ground::lay(Echo);
    for asked in
        ["gzip", "gzip, br, zstd, deflate", "*", "identity;q=0", "gzip;q=1.0, identity; q=0.5, *;q=0"]
    {
        let entry = arrived(&ground, &get().line(format!("Accept-Encoding: {asked}")));
        assert_eq!(entry.header("accept-encoding"), Some("identity"), "{asked}");
    }
    let twice = get().line("Accept-Encoding: gzip").line("Accept-Encoding: br");
    assert_eq!(arrived(&ground, &twice).header("accept-encoding"), Some("identity"));
    // A body in a coding cannot be judged.
    for coding in ["gzip", "br", "deflate", "aws-chunked", "identity, gzip", "GZIP"] {
        let post =
            Call::new("POST", "/repos/atlas/sandbox/issues").line(format!("content-encoding: {coding}"));
        ground.refused(&post.json("{\"title\":\"x\"}"), "not_canonical");
    }
}

/// A range lets one read an echoed secret in pieces that no scanner knows.
#[test]
fn h8_a_range_that_cuts_the_answer_does_not_show_the_secret() {
    let ground = Ground::lay(Echo);
    ground.standin.log().clear();
    for range in ["bytes=0-10", "bytes=5-", "bytes=-5", "bytes=0-1,3-4", "items=1"] {
        let entry = arrived(&ground, &get().line(format!("Range: {range}")).line("If-Range: \"x\""));
        assert!(!entry.headers.contains_key("range") && !entry.headers.contains_key("if-range"), "{range}");
    }
}

#[test]
fn h12_too_many_and_too_large_headers_are_431() {
    let ground = Ground::lay(Echo);
    let many = (0..200).fold(get(), |call, number| call.line(format!("x-{number}: 1")));
    let large = get().line(format!("x-large: {}", "a".repeat(70_000)));
    for call in [many, large] {
        let before = ground.recorded("request_refused");
        let answer = ground.answer("431", &ground.bytes(&call));
        assert_eq!((answer.status, &answer.json()["code"]), (431, &"headers_too_large".into()));
        assert_eq!(ground.recorded("request_refused"), before + 1);
    }
    assert!(ground.standin.log().is_empty());
}

/// The answer's own headers: nothing of the hop, nothing that says what the credential can do.
#[test]
fn k1_what_the_provider_mirrors_is_redacted_in_the_answer() {
    let ground = Ground::lay(Echo);
    let answer = ground.send(&get().line(format!("x-correlation: {}", fresh())));
    assert_eq!(answer.status, 200);
    let mirrored = answer.json();
    let header = |name: &str| {
        let headers = mirrored["headers"].as_array().unwrap();
        headers.iter().find(|pair| pair[0] == name).map(|pair| pair[1].clone())
    };
    assert_eq!(header("authorization"), Some(Value::from(format!("Bearer {REDACTED}"))), "{mirrored}");
    assert_eq!(mirrored["path"], TARGET, "{CREDENTIAL}: the provider sees its own path");
    let closed = ground.audit("?kind=request_closed&limit=1");
    assert_eq!(closed["records"][0]["body"]["facts"]["redacted"], true, "{closed}");
}

#[test]
fn h7_a_secret_that_would_be_two_header_lines_is_not_stored() {
    let ground = Ground::lay(Echo);
    for secret in ["abc\r\nx-injected: 1", "abc\nx: 1", "abc\u{0}def", "abc\u{7f}"] {
        let add = serde_json::json!({ "name": "second", "provider": "github", "secret": secret });
        let answer = ground.person.call("POST", "/v1/credentials", Some(&add));
        assert_eq!(answer.status, 400, "{secret:?}: {}", answer.text());
        assert!(!answer.text().contains("abc"), "{}", answer.text());
    }
    assert_eq!(
        ground.person.call("GET", "/v1/credentials", None).json()["credentials"].as_array().unwrap().len(),
        1
    );
}

/// A page in a browser on the same machine, or whoever finds the port, has not the sidecar's own secret. (Inside a
/// confinement nobody but the command finds it: `confine::silent`.)
#[test]
fn h10_the_sidecar_serves_nobody_who_only_found_its_port() {
    let lab = stint_tests::Lab::start(stint_tests::Options::default());
    let script = r#"
        proxy="http://${HTTPS_PROXY##*@}"
        curl -s -o /dev/null -w '%{http_connect}\n' -x "$proxy" https://backboard.railway.com/graphql/v2 || true
        curl -s -o /dev/null -w '%{http_code}\n' -H 'Host: backboard.railway.com' -H 'Origin: https://evil.test' "$proxy/graphql/v2" || true
        curl -s -o /dev/null -w '%{http_code}\n' -H 'Host: evil.test' "$proxy/" || true
    "#;
    let run = ["run", "-e", "staging", "-a", "coder", "--no-confine", "--", "bash", "-c", script];
    let out = lab.broker.stint(&run).ok();
    assert_eq!(out.stdout.split_whitespace().collect::<Vec<_>>(), ["407", "407", "407"], "{out:?}");
    assert!(lab.railway.log.is_empty());
}
