//! The sidecar, as real programs in a session meet it.

mod support;

use std::time::Duration;

use support::{FOUND, PLACEHOLDER, World, text};

const RAILWAY: &str = "https://backboard.railway.app";

#[test]
fn the_incidents_request_reaches_the_gateway_to_be_judged() {
    let world = World::logged_in();
    let body = r#"{"query":"mutation { volumeDelete(volumeId: \"3d2c42fb-1f64-4c8e-9d6f-0d0a4b6f2f12\") }"}"#;
    std::fs::write(world.folder.path().join("body"), body).unwrap();
    world.output(&format!(
        "curl -sS -X POST {RAILWAY}/graphql/v2 -H 'Authorization: Bearer {FOUND}' -d @body"
    ));
    let seen = world.broker.only_seen();
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/railway/graphql/v2"));
    assert_eq!(text(&seen.body), body);
    assert_eq!(seen.headers["stint-downstream-authorization"], format!("Bearer {FOUND}"));
    assert_eq!(seen.headers["stint-host"], "backboard.railway.app");
    assert_eq!(seen.headers["content-type"], "application/x-www-form-urlencoded");
    assert!(seen.headers["authorization"].starts_with("DPoP token-"));
}

#[test]
fn a_request_goes_on_byte_for_byte_without_its_placeholder() {
    let world = World::logged_in();
    let path = "/a%2fb/%2E%2e/c;d=1/?q=a+b%20c&&x=%ff=";
    let version = world.output(&format!(
        "curl -sS -o /dev/null -w '%{{http_version}}' --path-as-is '{RAILWAY}{path}' \
         -H \"Authorization: Bearer $RAILWAY_API_TOKEN\" -H 'X-Odd:  kept ' -H 'Connection: x-hop' -H 'X-Hop: 1' \
         -H 'stint-host: api.github.com' -H 'DPoP: forged'"
    ));
    assert_eq!(version, "2");
    let seen = world.broker.only_seen();
    assert_eq!(seen.path, format!("/railway{path}"));
    assert_eq!(seen.headers["x-odd"], "kept");
    assert_eq!(seen.headers["stint-host"], "backboard.railway.app");
    assert!(!seen.headers.contains_key("stint-downstream-authorization"));
    assert!(!seen.headers.values().any(|value| value.contains(PLACEHOLDER)));
}

#[test]
fn http_1_works_and_hop_by_hop_headers_end_here() {
    let world = World::logged_in();
    let version = world.output(&format!(
        "curl -sS --http1.1 -o /dev/null -w '%{{http_version}}' {RAILWAY}/x -H \"Project-Access-Token: $RAILWAY_API_TOKEN\" \
         -H 'Connection: x-hop, authorization' -H 'X-Hop: 1' -H 'TE: trailers' -H 'Authorization: Bearer {FOUND}'"
    ));
    assert_eq!(version, "1.1");
    let seen = world.broker.only_seen();
    for gone in ["x-hop", "te", "connection", "project-access-token"] {
        assert!(!seen.headers.contains_key(gone), "{gone}");
    }
    // A credential cannot be hidden from the gateway by calling it hop-by-hop.
    assert_eq!(seen.headers["stint-downstream-authorization"], format!("Bearer {FOUND}"));
}

#[test]
fn bodies_large_and_small_arrive_whole() {
    let world = World::logged_in();
    world.output(&format!(
        "head -c 3000000 /dev/urandom > large; curl -sS -T large {RAILWAY}/large; \
         curl -sS -T - {RAILWAY}/chunked < large; curl -sS -X POST {RAILWAY}/none"
    ));
    let large = std::fs::read(world.folder.path().join("large")).unwrap();
    let state = world.broker.state();
    let sizes: Vec<_> = state.seen.iter().map(|seen| (seen.path.as_str(), seen.body.len())).collect();
    assert_eq!(sizes, [("/railway/large", 3_000_000), ("/railway/chunked", 3_000_000), ("/railway/none", 0)]);
    assert!(state.seen[0].body == large && state.seen[1].body == large);
}

#[test]
fn a_denial_is_handed_on_as_it_is() {
    let world = World::logged_in();
    let said = world.output(&format!("curl -sS -i --suppress-connect-headers {RAILWAY}/denied"));
    assert!(said.starts_with("HTTP/2 403"), "{said}");
    assert!(said.contains("stint-record: r-1"), "{said}");
    assert!(said.ends_with(r#"{"code":"denied","errors":[{"message":"no"}],"odd":"  kept  "}"#), "{said}");
}

#[test]
fn an_answer_streams() {
    let world = World::logged_in();
    let said = world.output(&format!("curl -sSN --max-time 3 {RAILWAY}/stream | head -n 1"));
    assert_eq!(said, "first\n");
}

/// The gateway refuses it there, and records what was found.
#[test]
fn a_provider_without_a_credential_is_left_to_the_gateway() {
    let world = World::logged_in();
    world.output("curl -sS https://api.github.com/graphql -H 'Authorization: token x'");
    let seen = world.broker.only_seen();
    assert_eq!(seen.path, "/github/graphql");
    assert_eq!(seen.headers["stint-host"], "api.github.com");
    assert_eq!(seen.headers["stint-downstream-authorization"], "token x");
}

#[test]
fn l1_who_does_not_know_the_secret_is_refused() {
    let world = World::logged_in();
    let script = format!(
        "port=${{HTTPS_PROXY##*:}}; for who in '' 'stint:' 'stint:wrong' 'other:x'; do \
           curl -s -o /dev/null -w '%{{http_connect}} ' --proxy http://127.0.0.1:$port ${{who:+--proxy-user $who}} {RAILWAY}/; \
         done; curl -s -o /dev/null -w '%{{http_code}}' --noproxy '*' http://127.0.0.1:$port/"
    );
    let said = text(&world.run(&script).output().unwrap().stdout);
    assert_eq!(said, "407 407 407 407 407");
    assert!(world.broker.state().seen.is_empty());
}

#[test]
fn one_tunnel_speaks_for_one_host() {
    let world = World::logged_in();
    // Another host in the request than in CONNECT and in the TLS greeting.
    let host = world
        .output(&format!("curl -sS -o /dev/null -w '%{{http_code}}' {RAILWAY}/ -H 'Host: api.github.com'"));
    assert_eq!(host, "400");
    // Another host in the TLS greeting than in CONNECT.
    let greeting = world.run(
        "curl -sS --connect-to api.github.com:443:backboard.railway.app:443 https://api.github.com/; echo $?",
    );
    let said = text(&{ greeting }.output().unwrap().stdout);
    assert!(!said.trim().ends_with('\n') && said.trim() != "0", "{said}");
    assert!(world.broker.state().seen.is_empty());
}

#[test]
fn the_proxy_leads_neither_to_this_machine_nor_past_the_gateway() {
    let world = World::logged_in();
    let connect = |target: &str| {
        let script = format!("curl -s -o /dev/null -w '%{{http_connect}}' --noproxy '' {target}");
        text(&world.run(&script).output().unwrap().stdout)
    };
    assert_eq!(connect("https://localhost/"), "502");
    assert_eq!(connect("https://169.254.169.254/"), "502");
    assert_eq!(connect("https://backboard.railway.app:8443/"), "403");
    assert_eq!(connect("https://example.com:22/"), "403");
    let plain = world.output("curl -sS -o /dev/null -w '%{http_code}' http://backboard.railway.app/");
    assert_eq!(plain, "403");
    let closed = world
        .run_with(&["--egress", "deny"], "curl -s -o /dev/null -w '%{http_connect}' https://example.com/");
    assert_eq!(text(&{ closed }.output().unwrap().stdout), "403");
}

#[test]
fn a_websocket_is_refused_in_words() {
    let world = World::logged_in();
    let said = world.output(&format!(
        "curl -sS --http1.1 {RAILWAY}/graphql/v2 -H 'Connection: Upgrade' -H 'Upgrade: websocket'"
    ));
    assert!(said.contains("upgrade_refused"), "{said}");
}

#[test]
fn the_gateway_is_told_when_a_session_is_over() {
    let world = World::logged_in();
    let script = format!(
        "curl -sS {RAILWAY}/1; touch first; while [ ! -e ended ]; do sleep 0.05; done; curl -sS {RAILWAY}/2"
    );
    let child = world.run(&script).stdout(std::process::Stdio::piped()).spawn().unwrap();
    support::eventually("the first request", || world.folder.path().join("first").exists());
    world.broker.end_all();
    std::fs::write(world.folder.path().join("ended"), "").unwrap();
    let said = text(&child.wait_with_output().unwrap().stdout);
    assert!(said.contains("session_ended"), "{said}");
    assert_eq!(world.broker.state().seen.len(), 1);
}

#[test]
fn a_request_waits_for_a_broker_that_comes_back() {
    let world = World::logged_in();
    let script =
        format!("touch ready; while [ ! -e stopped ]; do sleep 0.05; done; curl -sS -d x=1 {RAILWAY}/after");
    let child = world.run(&script).stdout(std::process::Stdio::piped()).spawn().unwrap();
    support::eventually("the command", || world.folder.path().join("ready").exists());
    world.broker.stop();
    std::fs::write(world.folder.path().join("stopped"), "").unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    world.broker.resume();
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stdout), r#"{"data":{"ok":true}}"#);
    assert_eq!(world.broker.only_seen().body, b"x=1");
}

#[test]
fn one_token_serves_many_requests() {
    let world = World::logged_in();
    world.output(&format!("for i in 1 2 3 4 5 6 7 8; do curl -sS -o /dev/null {RAILWAY}/$i & done; wait"));
    assert_eq!(world.broker.state().seen.len(), 8);
    // One for the person who started the session, one for the session.
    assert_eq!(world.broker.state().minted, 2);
}
