//! A15: every kind of signed thing in the place of every other, as holders of both could try.

use serde_json::{Value, json};
use stint_standin::Github;
use stint_tests::wire;

use super::client::proof_of;
use super::client::now;
use super::forge::{jws, proof_claims, proof_header, taken_apart, with};
use super::ground::{Call, Ground, door};
use super::issuer::Issuer;

const TARGET: &str = "/repos/atlas/sandbox";

/// Things of one session and one person, each good in its own place.
fn things(ground: &Ground<Github>) -> Vec<(&'static str, String)> {
    let session = &ground.session;
    vec![
        ("gateway token", ground.token.clone()),
        ("control token", ground.person.token()),
        ("proof", session.proof("GET", &door(TARGET), Some(&ground.token), None)),
        ("proof without ath", session.proof("POST", "/oauth/token", None, None)),
        ("assertion", session.assertion()),
        ("a person's assertion", ground.person.assertion()),
    ]
}

#[test]
fn a15_nothing_but_a_gateway_token_is_one_at_the_gateway() {
    let ground = Ground::lay(Github::seeded());
    for (what, thing) in things(&ground).into_iter().skip(1) {
        for client in [&ground.session, &ground.person] {
            let proof = client.proof("GET", &door(TARGET), Some(&thing), None);
            let lines = [format!("authorization: DPoP {thing}"), format!("dpop: {proof}")];
            ground.refused_bytes(what, &ground.bytes_with(&Call::get(TARGET), &lines), "invalid_token");
        }
    }
}

#[test]
fn a15_nothing_but_a_proof_is_one() {
    let ground = Ground::lay(Github::seeded());
    for (what, thing) in things(&ground).into_iter().filter(|(what, _)| *what != "proof") {
        let lines = [format!("authorization: DPoP {}", ground.token), format!("dpop: {thing}")];
        ground.refused_bytes(what, &ground.bytes_with(&Call::get(TARGET), &lines), "invalid_dpop_proof");
        if what != "proof without ath" {
            let assertion = ground.session.assertion();
            let answer = ground.session.ask_token(&ground.session.form(&assertion), &[&thing]);
            assert_eq!(answer.json()["error"], "invalid_dpop_proof", "{what}: {}", answer.text());
        }
    }
}

#[test]
fn a15_nothing_but_an_assertion_is_one() {
    let ground = Ground::lay(Github::seeded());
    let session = &ground.session;
    for (what, thing) in things(&ground).into_iter().filter(|(what, _)| *what != "assertion") {
        let proof = session.proof("POST", "/oauth/token", None, None);
        let answer = session.ask_token(&session.form(&thing), &[&proof]);
        assert_eq!((answer.status, &answer.json()["error"]), (401, &json!("invalid_client")), "{what}: {}", answer.text());
        // Nor without a client_id to hold it against.
        let mut form = session.form(&thing);
        form.retain(|(name, _)| *name != "client_id");
        let proof = session.proof("POST", "/oauth/token", None, None);
        let answer = session.ask_token(&form, &[&proof]);
        assert_ne!(answer.status, 200, "{what}: {}", answer.text());
    }
    // The contents of one under the type of another.
    let (_, claims) = taken_apart(&session.assertion());
    for typ in ["at+jwt", "dpop+jwt", "JWT"] {
        let header = json!({"typ": typ, "alg": "EdDSA"});
        let proof = session.proof("POST", "/oauth/token", None, None);
        let answer = session.ask_token(&session.form(&jws(&session.key, header, &claims)), &[&proof]);
        // RFC 7523 names no type, so `JWT` is one that clients send.
        assert_eq!(answer.status == 200, typ == "JWT", "{typ}: {}", answer.text());
    }
}

#[test]
fn a15_nothing_but_a_control_token_is_one_at_the_control_plane() {
    let ground = Ground::lay(Github::seeded());
    for (method, path) in [("GET", "/v1/agents"), ("GET", "/v1/audit"), ("GET", "/v1/credentials"), ("POST", "/v1/sessions"), ("POST", "/v1/sessions/end-all"), ("POST", "/v1/credentials"), ("POST", "/v1/environments/staging/selectors")] {
        for (what, thing) in things(&ground).into_iter().filter(|(what, _)| *what != "control token") {
            for client in [&ground.session, &ground.person] {
                let proof = client.proof(method, path, Some(&thing), None);
                let lines = [format!("authorization: DPoP {thing}"), format!("dpop: {proof}"), "content-type: application/json".to_owned()];
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                let answer = wire::request(ground.addr(), method, path, &lines, if method == "POST" { b"{}" } else { b"" }).unwrap();
                assert_eq!((answer.status, &answer.json()["code"]), (401, &json!("invalid_token")), "{method} {path} with {what}: {}", answer.text());
            }
        }
    }
}

/// A session is no person: what it can do at the control plane is about itself (E4, E16).
#[test]
fn e4_e16_a_session_sees_and_does_only_what_is_its_own() {
    let ground = Ground::lay(Github::seeded());
    let (other, _) = ground.person.start_session("staging", "coder");
    let session = &ground.session;
    let own = session.call("GET", &format!("/v1/sessions/{}", session.id), None);
    assert_eq!(own.status, 200, "{}", own.text());
    for (method, path) in [
        ("GET", format!("/v1/sessions/{}", other.id)),
        ("POST", format!("/v1/sessions/{}/end", other.id)),
        ("POST", format!("/v1/sessions/{}/heartbeat", other.id)),
        ("GET", "/v1/approvals/apr_00000000000000000000000000000000".to_owned()),
    ] {
        let body = json!({});
        let answer = session.call(method, &path, (method == "POST").then_some(&body));
        assert_eq!((answer.status, &answer.json()["code"]), (404, &json!("not_found")), "{path}: {}", answer.text());
    }
    let deletes = ground.session.call("DELETE", "/v1/environments/staging/selectors", Some(&json!({"selector": "x:y/z"})));
    assert_eq!(deletes.status, 401, "{}", deletes.text());
    for path in ["/v1/approvals/apr_00000000000000000000000000000000/approve", "/v1/approvals/apr_00000000000000000000000000000000/deny"] {
        let answer = session.call("POST", path, Some(&json!({})));
        assert_eq!((answer.status, &answer.json()["code"]), (401, &json!("invalid_token")), "{path}: {}", answer.text());
    }
    assert_eq!(other.call("GET", &format!("/v1/sessions/{}", other.id), None).json()["state"], "live");
}

/// One session's token with another's key and proof, and a token that names a session it was not minted for.
#[test]
fn b9_l2_a_token_is_of_use_to_its_own_session_only() {
    let ground = Ground::lay(Github::seeded());
    let issuer = Issuer::stolen_from(&ground.broker);
    let (other, _) = ground.person.start_session("staging", "coder");
    let url = format!("{}{}", ground.session.issuer, door(TARGET));
    let proof = proof_of(&other.key, "GET", &url, Some(&ground.token), None, now());
    let lines = [format!("authorization: DPoP {}", ground.token), format!("dpop: {proof}")];
    ground.refused_bytes("another session's key", &ground.bytes_with(&Call::get(TARGET), &lines), "invalid_dpop_proof");
    let (header, claims) = taken_apart(&ground.token);
    for (what, changed) in [
        ("session of another", with(&claims, "https://stint.dev/session", json!(other.id))),
        ("key of another", with(&claims, "cnf", json!({ "jkt": other.key.public().thumbprint() }))),
    ] {
        let token = issuer.sign(&header, &changed);
        for client in [&ground.session, &other] {
            let proof = jws(&client.key, proof_header(&client.key), proof_claims("GET", &url, Some(&token)));
            let lines = [format!("authorization: DPoP {token}"), format!("dpop: {proof}")];
            let bytes = ground.bytes_with(&Call::get(TARGET), &lines);
            ground.standin.log().clear();
            let answer = ground.answer(what, &bytes);
            let code = answer.json()["code"].clone();
            assert!(answer.status == 401 && (code == "invalid_token" || code == "invalid_dpop_proof"), "{what}: {}", answer.text());
            ground.is_refusal(what, &answer, code.as_str().unwrap());
            assert!(ground.standin.log().is_empty());
        }
    }
    // A credential that the session was not given is not there, whether it exists or not.
    for name in ["other", "nothing"] {
        let path = format!("/gateway/{name}{TARGET}");
        let proof = ground.session.proof("GET", &path, Some(&ground.token), None);
        let bytes = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: DPoP {}\r\ndpop: {proof}\r\n\r\n", ground.token);
        ground.refused_bytes(name, bytes.as_bytes(), "not_found");
    }
    let narrowed = with(&claims, "authorization_details", json!([{"type": "stint", "environment": "staging", "credentials": ["other"]}]));
    let token = issuer.sign(&header, &narrowed);
    let proof = ground.session.proof("GET", &door(TARGET), Some(&token), None);
    let lines = [format!("authorization: DPoP {token}"), format!("dpop: {proof}")];
    ground.refused_bytes("narrowed to another", &ground.bytes_with(&Call::get(TARGET), &lines), "not_found");
    assert_ne!(header, Value::Null);
}
