use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::{Provider, request};
use crate::catalog::refusal::{Refusal, code};
use crate::model::Request;

fn hosts() -> Vec<String> {
    vec!["api.github.com".to_owned(), "uploads.github.com".to_owned()]
}

fn provider(hosts: &[String]) -> Provider<'_> {
    Provider { hosts, slash_at_end: false }
}

fn with(
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &'static str,
) -> Result<Request, Refusal> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    request(
        method,
        "api.github.com",
        target,
        &map,
        Bytes::from_static(body.as_bytes()),
        false,
        provider(&hosts()),
    )
}

fn refused(result: Result<Request, Refusal>) -> &'static str {
    result.err().map_or("accepted", |refusal| refusal.code)
}

fn targets(table: &[(&str, &str)]) {
    for (target, expected) in table {
        assert_eq!(refused(with("GET", target, &[], "")), *expected, "{target:?}");
    }
}

#[test]
fn what_is_canonical_goes_on_byte_for_byte() {
    for target in [
        "/",
        "/repos/o/r",
        "/repos/o/r/contents/a%20b/caf%C3%A9.md?ref=main&per_page=100",
        "/repos/o/r/branches/feature%2Fx",
        "/repos/o/r/compare/main...dev",
        "/search/code?q=a+b%20repo%3Ao%2Fr%26c",
        "/x?empty=&flag&",
        "/orgs/o/packages/npm/@scope%2Fname",
        "/repos/o/r/issues?since=2024-01-01T00:00:00Z&x=%2D%7E",
    ] {
        let request = with("GET", target, &[], "").unwrap_or_else(|refusal| panic!("{target}: {refusal}"));
        assert_eq!(request.target(), target);
    }
}

#[test]
fn g1_to_g5_and_g8_dot_segments_are_refused() {
    targets(&[
        ("/a/../admin", code::DOT_SEGMENT),
        ("/a/%2e%2e/admin", code::BAD_ESCAPE),
        ("/a/%2E%2E/admin", code::DOT_SEGMENT),
        ("/.%2E/", code::DOT_SEGMENT),
        ("/%252e%252e", code::DOUBLE_ENCODING),
        ("/%252E%252E", code::DOUBLE_ENCODING),
        ("/%25%32E", code::NEEDLESS_ESCAPE),
        ("/a/%2f../x", code::BAD_ESCAPE),
        ("/a/%2F../x", code::DOT_SEGMENT),
        ("/a/x%2F..%2Fy", code::DOT_SEGMENT),
        ("/a/x%2F%2E%2E", code::DOT_SEGMENT),
        ("/a/./b", code::DOT_SEGMENT),
        ("/..", code::DOT_SEGMENT),
    ]);
}

#[test]
fn g6_g7_g9_g10_g23_separators_have_one_spelling() {
    targets(&[
        ("/a\\b", code::MALFORMED_TARGET),
        ("/a%5Cb", code::ENCODED_DELIMITER),
        ("//evil/x", code::EMPTY_SEGMENT),
        ("/a//b", code::EMPTY_SEGMENT),
        ("/a/%2Fb", code::EMPTY_SEGMENT),
        ("/a/", code::EMPTY_SEGMENT),
        ("/a;/../b", code::PATH_PARAMETER),
        ("/a..;/b", code::PATH_PARAMETER),
        ("/a%3Bx", code::ENCODED_DELIMITER),
        ("/a?x=1;_method=DELETE", code::PATH_PARAMETER),
    ]);
}

/// Where a pack has paths that end in a slash, one slash is there, after a path that is canonical without it.
#[test]
fn a_slash_at_the_end_is_canonical_where_the_provider_has_it() {
    let slashed = |target: &str| {
        let hosts = hosts();
        let provider = Provider { hosts: &hosts, slash_at_end: true };
        refused(request("GET", &hosts[0], target, &HeaderMap::new(), Bytes::new(), false, provider))
    };
    for target in ["/", "/a", "/a/", "/a/b/?c=d"] {
        assert_eq!(slashed(target), "accepted", "{target}");
    }
    for target in ["//", "/a//", "//a/", "/a//b", "/a%2F/"] {
        assert_eq!(slashed(target), code::EMPTY_SEGMENT, "{target}");
    }
    assert_eq!((slashed("/../"), slashed("/a/%2E/")), (code::DOT_SEGMENT, code::DOT_SEGMENT));
}

#[test]
fn g11_g12_control_characters_are_refused() {
    targets(&[
        ("/a%00", code::ENCODED_CONTROL),
        ("/a%09b", code::ENCODED_CONTROL),
        ("/a%0D%0AHost:%20x", code::ENCODED_CONTROL),
        ("/a?x=%0A", code::ENCODED_CONTROL),
        ("/a%7F", code::ENCODED_CONTROL),
        ("/a\tb", code::MALFORMED_TARGET),
        ("/a\r\nX: y", code::MALFORMED_TARGET),
        ("/a b", code::MALFORMED_TARGET),
    ]);
}

#[test]
fn g13_letters_have_one_spelling() {
    targets(&[
        ("/caf\u{e9}", code::MALFORMED_TARGET),
        ("/%C0%AE%C0%AE/", code::NOT_UTF8),
        ("/a%C0%AE", code::NOT_UTF8),
        ("/%ED%A0%80", code::NOT_UTF8),
        // Full-width full stop and slash, one-dot leader, division slash.
        ("/%EF%BC%8E%EF%BC%8E%EF%BC%8Fx", code::ENCODED_DELIMITER),
        ("/%E2%80%A4%E2%80%A4", code::ENCODED_DELIMITER),
        ("/a%E2%88%95b", code::ENCODED_DELIMITER),
        // Zero-width space, right-to-left override, C1 control.
        ("/a%E2%80%8Bb", code::ENCODED_CONTROL),
        ("/a%E2%80%AEb", code::ENCODED_CONTROL),
        ("/a%C2%85b", code::ENCODED_CONTROL),
        ("/%72epos/o/r", code::NEEDLESS_ESCAPE),
        ("/repos/o%7E", code::NEEDLESS_ESCAPE),
        ("/a?%70er_page=1", code::NEEDLESS_ESCAPE),
        ("/a%zz", code::BAD_ESCAPE),
        ("/a%", code::BAD_ESCAPE),
        ("/a%2", code::BAD_ESCAPE),
        ("/a%c3%a9", code::BAD_ESCAPE),
        ("/a%u002e", code::BAD_ESCAPE),
    ]);
}

#[test]
fn g14_path_query_and_fragment_end_where_they_end() {
    targets(&[
        ("/a#frag", code::MALFORMED_TARGET),
        ("/a?x#frag", code::MALFORMED_TARGET),
        ("/a%23frag", code::ENCODED_DELIMITER),
        ("/a%3Fx=1", code::ENCODED_DELIMITER),
        ("", code::MALFORMED_TARGET),
        ("*", code::MALFORMED_TARGET),
        ("a", code::MALFORMED_TARGET),
        ("?x", code::MALFORMED_TARGET),
        ("https://api.github.com/a", code::MALFORMED_TARGET),
        ("/a?x=%zz", code::BAD_ESCAPE),
        ("/a?x=[1]", code::MALFORMED_TARGET),
        ("/a?x[b]=[1]", code::MALFORMED_TARGET),
        ("/a[b]?x=1", code::MALFORMED_TARGET),
        ("/a?x=%FF", code::NOT_UTF8),
    ]);
}

#[test]
fn g16_g17_query_keys_appear_once_and_name_no_method() {
    targets(&[
        ("/a?x=1&x=2", code::REPEATED_QUERY_KEY),
        ("/a?x=1&X=2", code::REPEATED_QUERY_KEY),
        ("/a?x%5B%5D=1&x%5B%5D=2", code::REPEATED_QUERY_KEY),
        ("/a?x=1&x%5B%5D=2", code::REPEATED_QUERY_KEY),
        ("/a?x[]=1&x[]=2", code::REPEATED_QUERY_KEY),
        ("/a?x[b]=1&x%5Bb%5D=2", code::REPEATED_QUERY_KEY),
        ("/a?_method[]=DELETE", code::METHOD_OVERRIDE),
        ("/a?x=1&+x=2", code::REPEATED_QUERY_KEY),
        ("/a?_method=DELETE", code::METHOD_OVERRIDE),
        ("/a?_METHOD=delete", code::METHOD_OVERRIDE),
        ("/a?x=%2525", code::DOUBLE_ENCODING),
        ("/a?x=100%25&y=1", "accepted"),
    ]);
}

#[test]
fn g18_a_target_has_at_most_8_kib() {
    let fits = format!("/{}", "a".repeat(8 * 1024 - 1));
    targets(&[(&fits, "accepted"), (&format!("{fits}a"), code::TARGET_TOO_LONG)]);
    assert_eq!(refused(with("GET", &format!("/?x={}", "a".repeat(9000)), &[], "")), code::TARGET_TOO_LONG);
}

#[test]
fn g19_g20_g21_the_host_is_exactly_one_of_the_packs() {
    for host in [
        "api.github.com.",
        "API.GITHUB.COM",
        "api.github.com:443",
        "user@api.github.com",
        "api.github.com@evil.test",
        "api.github.com.evil.test",
        "evilapi.github.com",
        "github.com",
        "xn--pi-7ka.github.com",
        "\u{430}pi.github.com",
        "140.82.112.6",
        "[::1]",
        "127.1",
        "api.github.com\0",
        " api.github.com",
        "",
    ] {
        let result = request("GET", host, "/", &HeaderMap::new(), Bytes::new(), false, provider(&hosts()));
        assert_eq!(refused(result), code::UNKNOWN_HOST, "{host:?}");
    }
    assert!(
        request("GET", "uploads.github.com", "/", &HeaderMap::new(), Bytes::new(), false, provider(&hosts()))
            .is_ok()
    );
}

#[test]
fn g28_f17_methods_are_seven_words_in_upper_case() {
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        assert_eq!(with(method, "/a", &[], "").unwrap().method.as_str(), method);
    }
    for method in ["get", "Delete", "TRACE", "CONNECT", "PROPFIND", "M-SEARCH", "LINK", "DEL ETE", "GET ", ""]
    {
        assert_eq!(refused(with(method, "/a", &[], "")), code::METHOD_REFUSED, "{method:?}");
    }
}

#[test]
fn f11_a_method_without_a_body_gets_none() {
    for method in ["GET", "HEAD", "OPTIONS"] {
        assert_eq!(refused(with(method, "/a", &[], "GET /b HTTP/1.1\r\n\r\n")), code::BODY_REFUSED);
    }
    assert!(with("DELETE", "/a", &[], "{}").is_ok());
}

#[test]
fn f1_to_f5_the_length_is_given_once_and_rightly() {
    let post = |headers: &[(&str, &str)]| refused(with("POST", "/a", headers, "abc"));
    assert_eq!(post(&[("content-length", "3")]), "accepted");
    assert_eq!(post(&[("transfer-encoding", "chunked")]), "accepted");
    for length in ["4", "2", "+3", "0x3", " 3", "3, 3", "-3", "3_0", "18446744073709551616", ""] {
        assert_eq!(post(&[("content-length", length)]), code::AMBIGUOUS_FRAMING, "{length:?}");
    }
    for coding in
        ["xchunked", "chunked, identity", ", chunked", "identity", "gzip, chunked", "Chunked", "chunked "]
    {
        assert_eq!(post(&[("transfer-encoding", coding)]), code::AMBIGUOUS_FRAMING, "{coding:?}");
    }
    let both = [("content-length", "3"), ("transfer-encoding", "chunked")];
    assert_eq!(post(&both), code::AMBIGUOUS_FRAMING);
    let twice = [("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")];
    assert_eq!(post(&twice), code::REPEATED_HEADER);
    assert_eq!(post(&[("content-length", "3"), ("content-length", "3")]), code::REPEATED_HEADER);
}

#[test]
fn f10_two_hosts_are_refused() {
    let hosts = [("host", "api.github.com"), ("host", "evil.test")];
    assert_eq!(refused(with("GET", "/a", &hosts, "")), code::REPEATED_HEADER);
}

#[test]
fn f12_f13_h11_expectations_and_upgrades_are_refused() {
    let get = |name, value| refused(with("GET", "/a", &[(name, value)], ""));
    assert_eq!(get("expect", "200-ok"), code::EXPECTATION_REFUSED);
    assert_eq!(get("expect", "100-continue"), "accepted");
    assert_eq!(get("upgrade", "h2c"), code::UPGRADE_REFUSED);
    assert_eq!(get("upgrade", "websocket"), code::UPGRADE_REFUSED);
    assert_eq!(get("connection", "keep-alive, Upgrade"), code::UPGRADE_REFUSED);
    assert_eq!(get("http2-settings", "AAMAAABk"), code::UPGRADE_REFUSED);
}

#[test]
fn h1_headers_of_one_connection_end_here_and_nothing_else() {
    let headers = [
        ("connection", "close, X-Api-Key, x-trace"),
        ("connection", "X-Other"),
        ("x-trace", "1"),
        ("x-other", "2"),
        ("x-kept", "3"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("trailer", "authorization"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authorization", "Basic eDp5"),
        ("transfer-encoding", "chunked"),
    ];
    let request = with("POST", "/a", &headers, "x").unwrap();
    let mut names: Vec<&str> = request.headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept-encoding", "x-kept"]);
    assert_eq!(refused(with("GET", "/a", &[("connection", "a b")], "")), code::MALFORMED_HEADER);
    let unread = [("connection", "content-type"), ("content-type", "application/json")];
    assert_eq!(refused(with("POST", "/a", &unread, "{}")), code::AMBIGUOUS_FRAMING);
}

#[test]
fn h2_headers_that_carry_credentials_are_removed() {
    let carriers = [
        "authorization",
        "proxy-authorization",
        "cookie",
        "x-api-key",
        "private-token",
        "project-access-token",
        "x-auth-key",
        "x-auth-email",
        "dd-api-key",
        "dd-application-key",
        "x-amz-security-token",
        "x-access_token",
        "api_key",
        "x-vault-token",
        "x-goog-api-key",
        "x-client-secret",
    ];
    let headers: Vec<(&str, &str)> = carriers.iter().flat_map(|name| [(*name, "v"), (*name, "w")]).collect();
    let request = with("GET", "/a", &headers, "").unwrap();
    assert_eq!(request.headers.len(), 1, "{:?}", request.headers);
}

#[test]
fn h3_other_methods_are_not_asked_for() {
    for name in [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
        "x-method",
        "x_http_method_override",
        "x-http_method-override",
    ] {
        assert_eq!(refused(with("POST", "/a", &[(name, "DELETE")], "")), code::METHOD_OVERRIDE, "{name}");
    }
    let form = [("content-type", "application/x-www-form-urlencoded; charset=UTF-8")];
    for body in ["_method=delete", "a=1&_method=DELETE", "%5fmethod=DELETE", "_METHOD=x"] {
        assert_eq!(refused(with("POST", "/a", &form, body)), code::METHOD_OVERRIDE, "{body}");
    }
    let multipart = [("content-type", "multipart/form-data; boundary=x")];
    let body = "--x\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nDELETE\r\n--x--";
    assert_eq!(refused(with("POST", "/a", &multipart, body)), code::METHOD_OVERRIDE);
}

#[test]
fn h4_h5_h6_claims_about_the_way_are_stripped() {
    let headers = [
        ("forwarded", "for=1.2.3.4"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-uri", "/admin"),
        ("x-forwarded-prefix", "/admin"),
        ("x-original-url", "/admin"),
        ("x-rewrite-url", "/admin"),
        ("x-original-host", "evil.test"),
        ("x-real-ip", "1.2.3.4"),
        ("x_forwarded_user", "admin"),
        ("x_anything", "1"),
        ("stint-host", "backboard.railway.app"),
        ("stint-downstream-authorization", "Bearer x"),
        ("dpop", "x.y.z"),
        ("via", "1.1 x"),
        ("host", "api.github.com"),
    ];
    let request = with("GET", "/a", &headers, "").unwrap();
    assert_eq!(request.headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["accept-encoding"]);
}

#[test]
fn h8_answers_come_uncompressed_and_whole_and_conditions_are_kept() {
    let headers = [
        ("accept-encoding", "gzip, br"),
        ("range", "bytes=0-9"),
        ("if-range", "\"x\""),
        ("if-none-match", "\"x\""),
        ("accept", "a/b"),
    ];
    let request = with("GET", "/a", &headers, "").unwrap();
    assert_eq!(request.headers.get_all("accept-encoding").iter().collect::<Vec<_>>(), ["identity"]);
    assert!(!request.headers.contains_key("range") && !request.headers.contains_key("if-range"));
    assert_eq!(request.headers.get("if-none-match").unwrap(), "\"x\"");
    assert_eq!(request.headers.get("accept").unwrap(), "a/b");
}

#[test]
fn h12_headers_have_limits() {
    let many: Vec<(&str, &str)> = (0..101).map(|_| ("x-a", "1")).collect();
    assert_eq!(refused(with("GET", "/a", &many, "")), code::HEADERS_TOO_LARGE);
    let large = "a".repeat(70_000);
    assert_eq!(refused(with("GET", "/a", &[("x-a", &large)], "")), code::HEADERS_TOO_LARGE);
    assert_eq!(refused(with("GET", "/a", &[("x-a", "caf\u{e9}")], "")), code::MALFORMED_HEADER);
}

#[test]
fn bodies_have_one_encoding() {
    let post = |headers: &[(&str, &str)]| refused(with("POST", "/a", headers, "{}"));
    for coding in ["gzip", "br", "deflate", "identity, gzip", "x"] {
        assert_eq!(post(&[("content-encoding", coding)]), code::ENCODED_BODY);
    }
    assert_eq!(post(&[("content-encoding", "identity")]), "accepted");
    for kind in [
        "application/json; charset=utf-16",
        "application/json; charset=\"UTF-7\"",
        "application/json;charset=utf-8;charset=utf-16",
        "application/json; charset",
        "application/json, text/plain",
        "json",
        "",
    ] {
        assert_eq!(post(&[("content-type", kind)]), code::CHARSET_REFUSED, "{kind:?}");
    }
    for kind in [
        "application/json",
        "application/vnd.github+json; charset=UTF-8",
        "multipart/form-data; boundary=----x",
    ] {
        assert_eq!(post(&[("content-type", kind)]), "accepted", "{kind:?}");
    }
    let twice = [("content-type", "application/json"), ("content-type", "text/plain")];
    assert_eq!(post(&twice), code::REPEATED_HEADER);
}

#[test]
fn every_refusal_code_is_listed_once_with_a_meaning() {
    let mut codes: Vec<&str> = code::ALL.iter().map(|row| row.code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), code::ALL.len());
    assert!(code::ALL.iter().all(|row| !row.meaning.is_empty()));
}

proptest! {
    /// What is accepted survives a forgiving reader: decoding it once more, or removing dot segments, changes nothing.
    #[test]
    fn accepted_targets_have_no_second_reading(target in "/[ -~]{0,40}") {
        if let Ok(request) = with("GET", &target, &[], "") {
            prop_assert_eq!(request.target(), target);
            let decoded = super::decode(&request.path).into_owned();
            let text = String::from_utf8(decoded).unwrap();
            prop_assert!(text.split('/').skip(1).all(|part| part != "." && part != ".."));
            prop_assert!(text == "/" || !text.contains("//"));
            prop_assert!(!text.contains(['\\', ';', '?', '#', '\0']));
        }
    }

    #[test]
    fn no_input_panics(method in "\\PC{0,8}", host in "\\PC{0,20}", target in "\\PC{0,60}") {
        let _ = request(&method, &host, &target, &HeaderMap::new(), Bytes::new(), false, provider(&hosts()));
        let _ = request("GET", "api.github.com", &target, &HeaderMap::new(), Bytes::new(), false, provider(&hosts()));
    }
}
