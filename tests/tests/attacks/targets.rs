//! Group G: what a path, a query or a host may be written as, at the door of a provider that forgives everything.

use stint_standin::{Echo, Github};

use super::ground::{Call, Ground};

/// Each target is refused with the code beside it, and nothing is sent.
fn refused<S: super::ground::Provider>(ground: &Ground<S>, rows: &[(&str, &str)]) {
    for (target, code) in rows {
        ground.refused(&Call::get(target), code);
    }
}

/// What is allowed is sent byte for byte.
fn sent<S: super::ground::Provider>(ground: &Ground<S>, targets: &[&str]) {
    for target in targets {
        ground.standin.log().clear();
        let answer = ground.send(&Call::get(target));
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        let paths: Vec<String> = ground.standin.log().entries().into_iter().map(|entry| entry.path).collect();
        assert_eq!(paths, [*target], "{target}");
    }
}

#[test]
fn g1_to_g8_dot_segments_and_empty_segments_are_refused() {
    let ground = Ground::lay(Github::seeded());
    sent(&ground, &["/repos/atlas/sandbox", "/repos/atlas/sandbox/issues?state=open"]);
    refused(
        &ground,
        &[
            ("/repos/atlas/sandbox/../api", "not_canonical"),
            ("/repos/atlas/sandbox/issues/../../api", "not_canonical"),
            ("/repos/atlas/sandbox/./issues", "not_canonical"),
            ("/./repos/atlas/sandbox", "not_canonical"),
            ("/../repos/atlas/sandbox", "not_canonical"),
            ("/repos/atlas/sandbox/..", "not_canonical"),
            ("/repos/atlas/sandbox/.", "not_canonical"),
            ("/repos/atlas/sandbox/%2e%2e/api", "not_canonical"),
            ("/repos/atlas/sandbox/%2E%2E/api", "not_canonical"),
            ("/repos/atlas/sandbox/.%2E/api", "not_canonical"),
            ("/repos/atlas/sandbox/%2E./api", "not_canonical"),
            ("/repos/atlas/sandbox/%252e%252e/api", "ambiguous_request"),
            ("/repos/atlas/sandbox/%252E%252E%252Fapi", "ambiguous_request"),
            ("/repos/atlas/sandbox/%25%32%65/api", "not_canonical"),
            ("/repos/atlas/sandbox/%2f../api", "not_canonical"),
            ("/repos/atlas/sandbox/%2F../api", "not_canonical"),
            ("/repos/atlas/sandbox%2F..%2Fapi", "not_canonical"),
            ("/repos/atlas%2Fapi", "unknown_operation"),
            ("/repos/atlas/sandbox/..%5Capi", "ambiguous_request"),
            ("/repos/atlas/sandbox/%5C..%5Capi", "ambiguous_request"),
            ("/repos/atlas/sandbox\\..\\api", "invalid_dpop_proof"),
            ("//repos/atlas/sandbox", "not_canonical"),
            ("//evil.test/repos/atlas/sandbox", "not_canonical"),
            ("/repos//atlas/sandbox", "not_canonical"),
            ("/repos/atlas/sandbox//", "not_canonical"),
        ],
    );
}

#[test]
fn g9_g10_g25_trailing_slashes_dots_and_path_parameters_are_refused() {
    let ground = Ground::lay(Github::seeded());
    refused(
        &ground,
        &[
            ("/repos/atlas/sandbox/", "not_canonical"),
            ("/repos/atlas/sandbox/issues/", "not_canonical"),
            ("/repos/atlas/sandbox;x=y", "ambiguous_request"),
            ("/repos/atlas/sandbox;/../api", "ambiguous_request"),
            ("/repos/atlas/sandbox/..;/api", "ambiguous_request"),
            ("/repos/atlas/sandbox/;/api", "ambiguous_request"),
            ("/repos/atlas/sandbox%3B/api", "ambiguous_request"),
            ("/repos/atlas/sandbox/issues?state=open;per_page=1", "ambiguous_request"),
        ],
    );
    // A name that ends in a dot is another name, and belongs to no environment.
    for target in [
        "/repos/atlas/sandbox.",
        "/repos/atlas./sandbox",
        "/repos/atlas/sandbox.git",
        "/repos/atlas/sandbox.json",
    ] {
        let answer = ground.send(&Call::get(target));
        assert_ne!(answer.status, 200, "{target}: {}", answer.text());
        assert!(ground.standin.log().is_empty(), "{target}");
    }
}

#[test]
fn g11_to_g14_controls_other_scripts_and_fragments_are_refused() {
    let ground = Ground::lay(Github::seeded());
    refused(
        &ground,
        &[
            ("/repos/atlas/sandbox%00", "not_canonical"),
            ("/repos/atlas/sandbox%00/../api", "not_canonical"),
            ("/repos/atlas/sandbox%0D%0Ahost:%20evil.test", "not_canonical"),
            ("/repos/atlas/sandbox%09", "not_canonical"),
            ("/repos/atlas/sandbox%7F", "not_canonical"),
            ("/repos/atlas/%C0%AE%C0%AE/api", "not_canonical"),
            ("/repos/atlas/sandbox%FF", "not_canonical"),
            ("/repos/atlas/sandbox%ED%A0%80", "not_canonical"),
            ("/repos/atlas/%EF%BC%8E%EF%BC%8E/api", "ambiguous_request"),
            ("/repos/atlas/sandbox%EF%BC%8Fissues", "ambiguous_request"),
            ("/repos/atlas/sandbox%E2%88%95issues", "ambiguous_request"),
            ("/repos/atlas/sandbox%E2%80%8B", "not_canonical"),
            ("/repos/atlas/sandbox%E2%80%AE", "not_canonical"),
            ("/repos/atlas/%73andbox", "not_canonical"),
            ("/repos/atlas/sandbox%3Fx", "ambiguous_request"),
            ("/repos/atlas/sandbox%23x", "ambiguous_request"),
            // No proof can be for these: they are no URL.
            ("/repos/atlas/sandbox%2", "invalid_dpop_proof"),
            ("/repos/atlas/sandbox%zz", "invalid_dpop_proof"),
            ("/repos/atlas/sandbox%2a", "not_canonical"),
            ("/repos/atlas/sandbox%u002e", "invalid_dpop_proof"),
        ],
    );
}

/// What HTTP itself does not allow never gets as far as the gateway.
#[test]
fn g12_g13_g14_raw_bytes_that_no_target_may_hold_close_the_connection() {
    let ground = Ground::lay(Github::seeded());
    for target in [
        &b"/repos/atlas/sandbox#x"[..],
        b"/repos/atlas/sandbox\t",
        b"/repos/atlas/s\xc3\xa4ndbox",
        b"/repos/\xc0\xae/x",
        b"/a b",
        b"/a\x00b",
        b"/a\x7fb",
    ] {
        let mut bytes = b"GET /gateway/main".to_vec();
        bytes.extend_from_slice(target);
        bytes.extend_from_slice(format!(" HTTP/1.1\r\nhost: {}\r\n", ground.addr()).as_bytes());
        bytes.extend_from_slice(ground.credentials("GET", "/repos/atlas/sandbox").join("\r\n").as_bytes());
        bytes.extend_from_slice(b"\r\n\r\n");
        let what = target.escape_ascii().to_string();
        let before = ground.recorded("request_refused");
        let answer = ground.answer(&what, &bytes);
        assert_eq!((answer.status, &answer.json()["code"]), (400, &"malformed_request".into()), "{what}");
        assert_eq!(answer.header("connection"), Some("close"), "{what}");
        assert_eq!(ground.recorded("request_refused"), before + 1, "{what}");
    }
    assert!(ground.standin.log().is_empty());
}

#[test]
fn g15_case_does_not_lead_to_another_environment() {
    let ground = Ground::lay(Github::seeded());
    // The provider ignores case, and so does the mapping: these are the session's own repository.
    sent(&ground, &["/repos/Atlas/Sandbox", "/repos/ATLAS/SANDBOX/issues"]);
    for target in ["/repos/atlas/api", "/repos/Atlas/API", "/repos/ATLAS/Api/issues"] {
        ground.refused(&Call::get(target), "denied");
        ground.refused(&Call::new("DELETE", target.trim_end_matches("/issues")), "denied");
    }
    // Words of the route are not names: no template is written so.
    refused(
        &ground,
        &[
            ("/Repos/atlas/sandbox", "unknown_operation"),
            ("/REPOS/atlas/sandbox/ISSUES", "unknown_operation"),
        ],
    );
}

#[test]
fn g16_repeated_query_keys_are_refused_in_every_spelling() {
    let ground = Ground::lay(Github::seeded());
    refused(
        &ground,
        &[
            ("/repos/atlas/sandbox/issues?state=open&state=closed", "ambiguous_request"),
            ("/repos/atlas/sandbox/issues?state=open&State=closed", "ambiguous_request"),
            ("/repos/atlas/sandbox/issues?labels[]=a&labels[]=b", "ambiguous_request"),
            ("/repos/atlas/sandbox/issues?labels%5B%5D=a&labels=b", "ambiguous_request"),
            ("/repos/atlas/sandbox/issues?state=open&st%61te=closed", "not_canonical"),
            ("/repos/atlas/sandbox/issues?state=open&state%20=closed", "ambiguous_request"),
            ("/repos/atlas/sandbox/issues?state=open&+state=closed", "ambiguous_request"),
            ("/repos/atlas/sandbox/issues?q=%00", "not_canonical"),
            ("/repos/atlas/sandbox/issues?q=%2e", "not_canonical"),
        ],
    );
    sent(&ground, &["/repos/atlas/sandbox/issues?state=open&per_page=5"]);
}

#[test]
fn g17_h3_another_method_is_not_asked_for_in_the_query_the_body_or_a_header() {
    let ground = Ground::lay(Github::seeded());
    refused(
        &ground,
        &[
            ("/repos/atlas/sandbox?_method=DELETE", "ambiguous_request"),
            ("/repos/atlas/sandbox?_METHOD=DELETE", "ambiguous_request"),
            ("/repos/atlas/sandbox?%5Fmethod=DELETE", "not_canonical"),
            ("/repos/atlas/sandbox?_method[]=DELETE", "ambiguous_request"),
        ],
    );
    let post = Call::new("POST", "/repos/atlas/sandbox/issues");
    for (kind, body) in [
        ("application/x-www-form-urlencoded", "_method=DELETE&title=x"),
        ("application/x-www-form-urlencoded", "title=x&%5Fmethod=DELETE"),
        (
            "multipart/form-data; boundary=b",
            "--b\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nDELETE\r\n--b--\r\n",
        ),
    ] {
        let call = post.clone().line(format!("content-type: {kind}")).body(body);
        let answer = ground.send(&call);
        assert!(matches!(answer.status, 400 | 403), "{kind} {body}: {}", answer.text());
        assert!(ground.standin.log().is_empty(), "{kind} {body}");
    }
    for name in [
        "X-HTTP-Method-Override",
        "x-http-method",
        "X-Method-Override",
        "X_HTTP_METHOD_OVERRIDE",
        "X-HTTP_Method-Override",
        "x-method",
    ] {
        ground
            .refused(&Call::get("/repos/atlas/sandbox").line(format!("{name}: DELETE")), "ambiguous_request");
    }
}

#[test]
fn g18_a_very_long_path_is_refused() {
    let ground = Ground::lay(Github::seeded());
    // The proof names the path, and no token is longer than 8 KiB.
    let long = format!("/repos/atlas/sandbox/contents/{}", "a".repeat(9000));
    ground.refused(&Call::get(&long), "invalid_dpop_proof");
    let query = format!("/repos/atlas/sandbox/issues?q={}", "a".repeat(9000));
    ground.refused(&Call::get(&query), "not_canonical");
}

#[test]
fn g19_g20_g21_h9_only_an_exact_host_of_the_pack_is_named() {
    let ground = Ground::lay(Github::seeded());
    let get = Call::get("/repos/atlas/sandbox");
    for host in [
        "api.github.com.",
        "API.GITHUB.COM",
        "Api.github.com",
        "api.github.com:443",
        "api.github.com:22",
        "user@api.github.com",
        "user:pass@api.github.com",
        "api.github.com@evil.test",
        "api.github.com.evil.test",
        "evilapi.github.com",
        "evil.test",
        "127.0.0.1",
        "[::1]",
        "2130706433",
        "169.254.169.254",
        "xn--api-github-com",
        "api.github.com/",
        "api.github.com/repos",
        "api.github.com#",
        "api.github.com?",
        "api.github.com, evil.test",
        "api%2Egithub.com",
        "backboard.railway.app",
        "localhost",
        "",
    ] {
        ground.refused(&get.clone().line(format!("stint-host: {host}")), "not_canonical");
    }
    // A host of the pack that serves repositories by git, and nothing of the API.
    ground.refused(&get.clone().line("stint-host: github.com"), "unknown_operation");
    ground.refused(
        &get.clone().line("stint-host: api.github.com").line("stint-host: api.github.com"),
        "malformed_request",
    );
    ground.standin.log().clear();
    let answer = ground.send(&get.line("stint-host: api.github.com"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(ground.standin.log().last().unwrap().host, "api.github.com");
}

/// The `Host` of the request is the broker's own, whatever it says; the provider sees the host of the pack.
#[test]
fn b5_h9_the_host_header_of_a_request_chooses_nothing() {
    let ground = Ground::lay(Github::seeded());
    let call = Call::get("/repos/atlas/sandbox");
    let bytes = String::from_utf8(ground.bytes(&call)).unwrap();
    let poisoned = bytes.replace(&format!("host: {}", ground.addr()), "host: evil.test");
    assert_ne!(bytes, poisoned);
    let answer = ground.answer("evil host", poisoned.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(ground.standin.log().last().unwrap().host, "api.github.com");
}

#[test]
fn g22_g23_g26_g28_aliases_and_other_methods_are_unknown() {
    let ground = Ground::lay(Github::seeded());
    refused(
        &ground,
        &[
            ("/repositories/1003", "unknown_operation"),
            ("/repositories/1001/issues", "unknown_operation"),
            ("/api/v3/repos/atlas/sandbox", "unknown_operation"),
            ("/raw/atlas/sandbox/main/README.md", "unknown_operation"),
            ("/uploads/x", "unknown_operation"),
            ("/graphql", "method_not_allowed"),
            ("/repos/atlas/sandbox/issues/x/y/z/w", "unknown_operation"),
            ("/repos/atlas", "unknown_operation"),
        ],
    );
    ground.refused(&Call::new("DELETE", "/repositories/1001"), "unknown_operation");
    let query = "{\"query\":\"mutation { deleteEnterprise(input: {enterpriseId: \\\"x\\\"}) { clientMutationId } }\"}";
    ground.refused(&Call::new("POST", "/graphql").json(query), "unknown_operation");
    for method in ["PROPFIND", "M-SEARCH", "TRACE", "QUERY", "PURGE", "LINK", "COPY", "MOVE", "LOCK"] {
        ground.refused(&Call::new(method, "/repos/atlas/sandbox"), "method_not_allowed");
    }
    // HEAD is not GET with less in the answer: it is in no table, or it is a read.
    for method in ["OPTIONS", "HEAD"] {
        ground.standin.log().clear();
        let bytes = ground.bytes(&Call::new(method, "/repos/atlas/api"));
        let answer = ground.answer(method, &bytes);
        assert!(matches!(answer.status, 403 | 405), "{method}: {}", answer.status);
        assert!(ground.standin.log().is_empty(), "{method}");
    }
}

#[test]
fn g27_j5_a_redirect_of_a_renamed_repository_is_not_followed() {
    let ground = Ground::lay(Github::seeded());
    {
        let mut world = ground.standin.handle().site.world();
        let id = world.find("atlas", "sandbox").unwrap().id;
        world.rename(id, "atlas", "production");
    }
    let answer = ground.send(&Call::get("/repos/atlas/sandbox"));
    assert_eq!(answer.status, 301, "{}", answer.text());
    assert_eq!(ground.standin.log().len(), 1, "the broker followed: {:?}", ground.standin.log());
    // Where it leads is an alias that says nothing of the owner.
    ground.refused(&Call::get("/repositories/1003"), "unknown_operation");
    ground.refused(&Call::get("/repos/atlas/production"), "denied");
}

#[test]
fn g30_git_over_http_is_no_way_around_the_tables() {
    let ground = Ground::lay(Echo);
    for target in [
        "/atlas/sandbox.git/info/refs?service=git-receive-pack",
        "/atlas/sandbox.git/info/refs?service=git-upload-pack",
        "/atlas/sandbox.git/git-receive-pack",
    ] {
        // At the host of the API these are no paths of git's; it is told in the words that git shows.
        ground.refused_to_git(&Call::get(target), "unknown_operation");
        ground.refused_to_git(&Call::new("POST", target).body("0000"), "unknown_operation");
    }
    ground.refused_to_git(
        &Call::get("/repos/atlas/sandbox.git/info/refs?service=git-receive-pack"),
        "unknown_operation",
    );
    // At the host of git a push is judged by what it changes, and one that cannot be read is refused.
    let push = |body: &str| {
        let call = Call::new("POST", "/atlas/sandbox.git/git-receive-pack").line("stint-host: github.com");
        call.line("content-type: application/x-git-receive-pack-request").body(body)
    };
    for body in ["0005", "zzzz", "00000", "0032deadbeef"] {
        ground.refused_to_git(&push(body), "malformed_request");
    }
}

#[test]
fn paths_of_the_gateway_itself_are_taken_apart_once() {
    let ground = Ground::lay(Github::seeded());
    for (path, code) in [
        ("/gateway/", "malformed_request"),
        ("/gateway/main", "malformed_request"),
        ("/gateway/../v1/agents", "malformed_request"),
        ("/gateway/main%2Frepos/x", "malformed_request"),
        ("/gateway/MAIN/repos/atlas/sandbox", "malformed_request"),
        ("/gateway//repos/atlas/sandbox", "malformed_request"),
        ("/gateway/%6Dain/repos/atlas/sandbox", "malformed_request"),
    ] {
        let proof = ground.session.proof("GET", path, Some(&ground.token), None);
        let bytes = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: DPoP {}\r\ndpop: {proof}\r\n\r\n",
            ground.addr(),
            ground.token
        );
        ground.refused_bytes(path, bytes.as_bytes(), code);
    }
    // Other spellings of the prefix are not the gateway, and are nothing else either.
    for path in [
        "/Gateway/main/repos/atlas/sandbox",
        "//gateway/main/x",
        "/gateway%2Fmain/x",
        "/v1/../gateway/main/x",
    ] {
        let answer = stint_tests::wire::get(ground.addr(), path).unwrap();
        assert_eq!(answer.status, 404, "{path}");
    }
    assert!(ground.standin.log().is_empty());
}
