//! Groups A, B and C at the token endpoint and at `/v1`.

use serde_json::{Value, json};
use stint_standin::Github;

use super::client::{escaped, fresh, new_key, now, proof_of};
use super::forge::{encode, jws, taken_apart, with};
use super::ground::Ground;

/// C3-C7 as far as the token endpoint has them: a client is who its registered key says.
#[test]
fn a15_c3_c4_c6_c7_assertions_that_are_almost_right_get_no_token() {
    let ground = Ground::lay(Github::seeded());
    let client = &ground.session;
    let (header, claims) = taken_apart(&client.assertion());
    let other = new_key();
    let at = now();
    let fresh_claims = || with(&claims, "jti", json!(fresh()));
    let signed = |header: &Value, claims: &Value| jws(&client.key, header, claims);
    let mut forged = vec![
        ("another's key".to_owned(), jws(&other, &header, fresh_claims())),
        (
            "no signature".to_owned(),
            format!("{}.{}.", encode(header.to_string()), encode(claims.to_string())),
        ),
    ];
    for (name, value) in [
        ("typ", json!("at+jwt")),
        ("typ", json!("dpop+jwt")),
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("jwk", other.public().to_value()),
        ("jku", json!("http://127.0.0.1:1/")),
        ("crit", json!(["x"])),
    ] {
        forged.push((format!("{name} {value}"), signed(&with(&header, name, value), &fresh_claims())));
    }
    for (name, value) in [
        ("aud", json!("https://other.example")),
        ("aud", json!(format!("{}/oauth/token", client.issuer))),
        ("aud", json!([client.issuer, "https://other.example"])),
        ("aud", Value::Null),
        ("aud", json!([])),
        ("exp", json!(at + 86400)),
        ("exp", json!(at - 60)),
        ("exp", Value::Null),
        ("exp", json!("9999999999")),
        ("iss", json!("someone")),
        ("iss", Value::Null),
        ("sub", json!("cli_00000000000000000000000000000000")),
        ("sub", Value::Null),
        ("jti", Value::Null),
        ("jti", json!("")),
        ("jti", json!(7)),
        ("nbf", json!(at + 60)),
        ("iat", json!(at + 60)),
    ] {
        forged.push((format!("{name} {value}"), signed(&header, &with(&fresh_claims(), name, value))));
    }
    let before = ground.recorded("token_refused");
    let minted = ground.recorded("token_minted");
    let count = forged.len();
    for (what, assertion) in &forged {
        let proof = client.proof("POST", "/oauth/token", None, None);
        let answer = client.ask_token(&client.form(assertion), &[&proof]);
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (401, &json!("invalid_client")),
            "{what}: {}",
            answer.text()
        );
        assert!(!answer.text().contains(assertion), "{what}");
    }
    // Each audit page needs a token of the person's, so what is counted is those of the session.
    assert_eq!(ground.recorded("token_refused"), before + count);
    let of_session = |ground: &Ground<Github>| {
        ground.audit(&format!("?kind=token_minted&session={}&limit=500", client.id))["records"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(of_session(&ground), 1, "{minted}");

    let good = client.assertion();
    let form = client.form(&good);
    let alter = |name: &str, value: &str| -> Vec<(String, String)> {
        let mut form: Vec<(String, String)> =
            form.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        form.retain(|(known, _)| known != name);
        if !value.is_empty() {
            form.push((name.to_owned(), value.to_owned()));
        }
        form
    };
    for (what, form, error) in [
        ("another client_id", alter("client_id", &ground.person.id), "invalid_client"),
        ("a secret too", alter("client_secret", "x"), "invalid_client"),
        (
            "another type",
            alter("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
            "invalid_client",
        ),
        ("no type", alter("client_assertion_type", ""), "invalid_client"),
        ("no assertion", alter("client_assertion", ""), "invalid_client"),
        ("another grant", alter("grant_type", "password"), "unsupported_grant_type"),
        ("no grant", alter("grant_type", ""), "invalid_request"),
        ("a scope", alter("scope", "admin"), "invalid_scope"),
        (
            "another environment",
            alter("authorization_details", "[{\"type\":\"stint\",\"environment\":\"production\"}]"),
            "invalid_authorization_details",
        ),
        (
            "another credential",
            alter(
                "authorization_details",
                "[{\"type\":\"stint\",\"environment\":\"staging\",\"credentials\":[\"other\"]}]",
            ),
            "invalid_authorization_details",
        ),
        (
            "two details",
            alter(
                "authorization_details",
                "[{\"type\":\"stint\",\"environment\":\"staging\"},{\"type\":\"stint\",\"environment\":\"staging\"}]",
            ),
            "invalid_authorization_details",
        ),
        (
            "twice a member",
            alter(
                "authorization_details",
                "[{\"type\":\"stint\",\"environment\":\"production\",\"environment\":\"staging\"}]",
            ),
            "invalid_authorization_details",
        ),
    ] {
        let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let assertion = client.assertion();
        let form: Vec<(&str, &str)> = form
            .into_iter()
            .map(|(n, v)| (n, if n == "client_assertion" { assertion.as_str() } else { v }))
            .collect();
        let proof = client.proof("POST", "/oauth/token", None, None);
        let answer = client.ask_token(&form, &[&proof]);
        assert!(matches!(answer.status, 400 | 401), "{what}: {}", answer.text());
        assert_eq!(answer.json()["error"], error, "{what}: {}", answer.text());
    }
    assert_eq!(of_session(&ground), 1);
}

#[test]
fn c1_c2_the_form_of_a_token_request_has_one_reading() {
    let ground = Ground::lay(Github::seeded());
    let client = &ground.session;
    let ask = |method: &str, path: &str, kind: &str, body: &str| {
        let proof = client.proof("POST", "/oauth/token", None, None);
        let lines = [format!("content-type: {kind}"), format!("dpop: {proof}")];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        stint_tests::wire::request(ground.addr(), method, path, &lines, body.as_bytes()).unwrap()
    };
    let form = "application/x-www-form-urlencoded";
    let body = |assertion: &str| {
        let pairs: Vec<String> =
            client.form(assertion).iter().map(|(n, v)| format!("{n}={}", escaped(v))).collect();
        pairs.join("&")
    };
    assert_eq!(ask("POST", "/oauth/token", form, &body(&client.assertion())).status, 200);
    let good = || body(&client.assertion());
    for (what, answer) in [
        (
            "grant twice",
            ask("POST", "/oauth/token", form, &format!("{}&grant_type=client_credentials", good())),
        ),
        ("client twice", ask("POST", "/oauth/token", form, &format!("{}&client_id={}", good(), client.id))),
        ("escaped twice", ask("POST", "/oauth/token", form, &format!("{}&%67rant_type=password", good()))),
        ("scope twice", ask("POST", "/oauth/token", form, &format!("{}&scope=&scope=", good()))),
        ("JSON", ask("POST", "/oauth/token", "application/json", "{\"grant_type\":\"client_credentials\"}")),
        ("multipart", ask("POST", "/oauth/token", "multipart/form-data; boundary=x", &good())),
        (
            "in the query",
            ask("POST", &format!("/oauth/token?{}", good()), form, "grant_type=client_credentials"),
        ),
        ("64 KB", ask("POST", "/oauth/token", form, &format!("{}&x={}", good(), "a".repeat(70_000)))),
        ("not UTF-8", ask("POST", "/oauth/token", form, &format!("{}&scope=%FF%FE", good()))),
    ] {
        assert!(matches!(answer.status, 400 | 401), "{what}: {} {}", answer.status, answer.text());
    }
    let answer = ask("GET", &format!("/oauth/token?{}", good()), form, "");
    assert_eq!(answer.status, 405, "{}", answer.text());
    assert!(!ground.broker.logs().contains("client_assertion"), "the query is in the log");
}

#[test]
fn b12_a_session_gets_no_token_for_another_key() {
    let ground = Ground::lay(Github::seeded());
    let session = &ground.session;
    let url = format!("{}/oauth/token", session.issuer);
    let own = new_key();
    let other_url = format!("{}/v1/sessions", session.issuer);
    let good = || session.proof("POST", "/oauth/token", None, None);
    let replayed = good();
    let ask = |proofs: &[&str]| session.ask_token(&session.form(&session.assertion()), proofs);
    assert_eq!(ask(&[&replayed]).status, 200);
    let before = ground.recorded("token_refused");
    let mut count = 0;
    for (what, proofs) in [
        ("another key", vec![proof_of(&own, "POST", &url, None, None, now())]),
        ("another URL", vec![proof_of(&session.key, "POST", &other_url, None, None, now())]),
        ("another method", vec![proof_of(&session.key, "GET", &url, None, None, now())]),
        ("with an ath", vec![proof_of(&session.key, "POST", &url, Some(&ground.token), None, now())]),
        ("none", vec![]),
        ("two", vec![good(), good()]),
        ("a replay", vec![replayed.clone()]),
        ("no proof", vec![session.assertion()]),
    ] {
        let proofs: Vec<&str> = proofs.iter().map(String::as_str).collect();
        let answer = ask(&proofs);
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (400, &json!("invalid_dpop_proof")),
            "{what}: {}",
            answer.text()
        );
        count += 1;
    }
    for iat in [-120, 60] {
        let stale = proof_of(&session.key, "POST", &url, None, None, now() + iat);
        let answer = ask(&[&stale]);
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (400, &json!("use_dpop_nonce")),
            "{}",
            answer.text()
        );
    }
    assert_eq!(ground.recorded("token_refused"), before + count);
    // An assertion works once, with however good a proof.
    let assertion = session.assertion();
    assert_eq!(session.ask_token(&session.form(&assertion), &[&good()]).status, 200);
    let again = session.ask_token(&session.form(&assertion), &[&good()]);
    assert_eq!((again.status, &again.json()["error"]), (401, &json!("invalid_client")), "{}", again.text());
}
