//! Groups A and B at `/v1`: a person's token is held to the same rules, and each refusal is on record.

use serde_json::json;
use stint_standin::Github;
use stint_tests::wire;

use super::client::{fresh, new_key, now, proof_of};
use super::forge::{taken_apart, with};
use super::ground::Ground;
use super::issuer::Issuer;

#[test]
fn a24_a25_the_same_tokens_are_refused_at_the_control_plane() {
    let ground = Ground::lay(Github::seeded());
    let issuer = Issuer::stolen_from(&ground.broker);
    let token = ground.person.token();
    let (header, claims) = taken_apart(&token);
    let path = "/v1/agents";
    let mut nonce = None;
    let mut ask = |token: &str| {
        for _ in 0..2 {
            let proof = ground.person.proof("GET", path, Some(token), nonce.as_deref());
            let lines = [format!("authorization: DPoP {token}"), format!("dpop: {proof}")];
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let answer = wire::request(ground.addr(), "GET", path, &lines, b"").unwrap();
            match answer.header("dpop-nonce") {
                Some(asked) => nonce = Some(asked.to_owned()),
                None => return answer,
            }
        }
        panic!("a nonce is asked for twice")
    };
    assert_eq!(ask(&token).status, 200);
    assert_eq!(ask(&issuer.sign(&header, &claims)).status, 200, "control");
    let before = ground.recorded("request_refused");
    let changes = [
        ("aud", json!(format!("{}/gateway", ground.person.issuer))),
        ("aud", json!([claims["aud"]])),
        ("iss", json!(format!("{}/", ground.person.issuer))),
        ("exp", json!(now() - 1)),
        ("exp", json!(now() + 86400)),
        ("sub", json!("")),
        ("client_id", json!("cli_00000000000000000000000000000000")),
        ("client_id", json!(ground.session.id)),
        ("role", json!("owner")),
        ("cnf", json!({ "jkt": new_key().public().thumbprint() })),
    ];
    let count = changes.len();
    for (name, value) in changes {
        let answer = ask(&issuer.sign(&header, &with(&claims, name, value.clone())));
        let code = answer.json()["code"].clone();
        assert_eq!(answer.status, 401, "{name} {value}: {}", answer.text());
        assert!(
            code == "invalid_token" || (name == "cnf" && code == "invalid_dpop_proof"),
            "{name} {value}: {code}"
        );
    }
    assert_eq!(ground.recorded("request_refused"), before + count, "each is on record");
}

/// The control plane holds the same rules; a person's reads too.
#[test]
fn b1_b3_b6_proofs_at_the_control_plane() {
    let mut ground = Ground::lay(Github::seeded());
    let token = ground.person.token();
    let path = "/v1/agents";
    let ask = |ground: &Ground<Github>, lines: &[String]| {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        wire::request(ground.addr(), "GET", path, &lines, b"").unwrap()
    };
    let nonce = |ground: &Ground<Github>| {
        let stale = proof_of(
            &ground.person.key,
            "GET",
            &format!("{}{path}", ground.person.issuer),
            Some(&token),
            None,
            1,
        );
        let answer = ask(ground, &[format!("authorization: DPoP {token}"), format!("dpop: {stale}")]);
        answer.header("dpop-nonce").expect("a nonce").to_owned()
    };
    let proof = ground.person.proof("GET", path, Some(&token), Some(&nonce(&ground)));
    let lines = [format!("authorization: DPoP {token}"), format!("dpop: {proof}")];
    assert_eq!(ask(&ground, &lines).status, 200);
    let replay = ask(&ground, &lines);
    assert_eq!((replay.status, &replay.json()["code"]), (401, &json!("invalid_dpop_proof")));
    ground.broker.restart();
    let replay = ask(&ground, &lines);
    assert_eq!((replay.status, &replay.json()["code"]), (401, &json!("use_dpop_nonce")), "after a restart");
    for (what, lines, code) in [
        ("nothing", vec![], "not_authenticated"),
        ("Bearer", vec![format!("authorization: Bearer {token}")], "invalid_token"),
        ("no proof", vec![format!("authorization: DPoP {token}")], "invalid_dpop_proof"),
        (
            "for another path",
            vec![
                format!("authorization: DPoP {token}"),
                format!(
                    "dpop: {}",
                    ground.person.proof("GET", "/v1/people", Some(&token), Some(&nonce(&ground)))
                ),
            ],
            "invalid_dpop_proof",
        ),
        (
            "for another method",
            vec![
                format!("authorization: DPoP {token}"),
                format!("dpop: {}", ground.person.proof("POST", path, Some(&token), Some(&nonce(&ground)))),
            ],
            "invalid_dpop_proof",
        ),
        (
            "by another key",
            vec![
                format!("authorization: DPoP {token}"),
                format!("dpop: {}", ground.session.proof("GET", path, Some(&token), Some(&nonce(&ground)))),
            ],
            "invalid_dpop_proof",
        ),
        (
            "two proofs",
            vec![
                format!("authorization: DPoP {token}"),
                format!("dpop: {}", fresh()),
                format!("dpop: {}", fresh()),
            ],
            "invalid_dpop_proof",
        ),
        (
            "two tokens",
            vec![
                format!("authorization: DPoP {token}"),
                format!("authorization: DPoP {token}"),
                format!("dpop: {}", fresh()),
            ],
            "ambiguous_request",
        ),
    ] {
        let before = ground.recorded("request_refused");
        let answer = ask(&ground, &lines);
        assert_eq!(answer.json()["code"], code, "{what}: {}", answer.text());
        assert!(matches!(answer.status, 400 | 401), "{what}");
        assert!(answer.status != 401 || answer.header("www-authenticate").is_some(), "{what}");
        assert_eq!(ground.recorded("request_refused"), before + 1, "{what}: not on record");
    }
}
