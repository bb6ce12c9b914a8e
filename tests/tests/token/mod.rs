//! Tokens: bound to a key, good for one request at a time, and for no longer than their session.

mod endpoint;

use serde_json::{Value, json};
use stint_standin::railway::ids;
use stint_tests::proof::{key_of, new_key, proof, signed};
use stint_tests::wire::Answer;
use stint_tests::{Lab, Options};

use crate::place::on_both;

const PATH: &str = "/graphql/v2";

fn me() -> String {
    json!({ "query": "{ me { name } }" }).to_string()
}

fn ask(lab: &Lab, headers: &[String]) -> Answer {
    lab.gateway("POST", PATH, headers, &me())
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{}", answer.text());
}

/// `stint token --json`.
fn token(lab: &Lab) -> Value {
    let args = ["token", "--environment", "staging", "--agent", "coder", "--credential", "railway", "--json"];
    lab.broker.stint(&args).ok().json()
}

fn url(lab: &Lab) -> String {
    format!("{}/gateway/railway{PATH}", lab.broker.url)
}

on_both! {
    fn b06_headers_are_good_for_one_request(options) {
        let mut lab = Lab::start(options);
        let headers = lab.headers("POST", PATH);
        assert_eq!(headers.len(), 2, "{headers:?}");
        assert!(headers[0].starts_with("Authorization: DPoP ") && headers[1].starts_with("DPoP: "), "{headers:?}");
        let answer = ask(&lab, &headers);
        assert_eq!((answer.status, &answer.json()["data"]["me"]["name"]), (200, &json!("Robin Park")), "{}", answer.text());
        assert!(answer.header("stint-record").is_some(), "{:?}", answer.headers);
        let arrived = lab.railway.log.len();
        refused(&ask(&lab, &headers), 401, "invalid_dpop_proof");
        // Nor after a restart, when what is in memory is gone.
        lab.broker.restart();
        let again = ask(&lab, &headers);
        assert_eq!(again.status, 401, "{}", again.text());
        assert_eq!(lab.railway.log.len(), arrived, "a replayed request reached the provider");
    }

    fn b03_a_proof_is_for_one_method_and_one_url(options) {
        let lab = Lab::start(options);
        for (method, path) in [("GET", PATH), ("POST", "/graphql/v1"), ("POST", "/graphql"), ("POST", "/graphql/v2/x")] {
            let headers = lab.headers(method, path);
            refused(&ask(&lab, &headers), 401, "invalid_dpop_proof");
        }
        let token = token(&lab);
        for other in [
            format!("http://localhost:{}/gateway/railway{PATH}", lab.broker.addr.port()),
            format!("https://{}/gateway/railway{PATH}", lab.broker.addr),
            format!("http://{}/gateway/other{PATH}", lab.broker.addr),
            "https://backboard.railway.com/graphql/v2".to_owned(),
        ] {
            refused(&ask(&lab, &signed(&token, "POST", &other)), 401, "invalid_dpop_proof");
        }
        assert!(lab.railway.log.is_empty());
        // The host that a client names decides nothing: the configured origin does (B5).
        let good = signed(&token, "POST", &url(&lab));
        let poisoned = [&good[..], &["Host: evil.example".to_owned()]].concat();
        let answer = ask(&lab, &poisoned);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    fn b09_a_token_is_worth_nothing_without_its_key(options) {
        let lab = Lab::start(options);
        let token = token(&lab);
        let access = token["access_token"].as_str().unwrap();
        let authorization = format!("Authorization: DPoP {access}");
        let by = |proof: String| vec![authorization.clone(), format!("DPoP: {proof}")];
        let other = new_key();
        refused(&ask(&lab, &by(proof(&other, Some(access), "POST", &url(&lab)))), 401, "invalid_dpop_proof");
        // B1: no proof, or as a bearer.
        refused(&ask(&lab, std::slice::from_ref(&authorization)), 401, "invalid_dpop_proof");
        let good = signed(&token, "POST", &url(&lab));
        refused(&ask(&lab, &[format!("Authorization: Bearer {access}"), good[1].clone()]), 401, "invalid_token");
        refused(&ask(&lab, &[format!("Authorization: Bearer {access}")]), 401, "invalid_token");
        // B2: two proofs.
        let key = key_of(&token);
        let twice = [by(proof(&key, Some(access), "POST", &url(&lab))), vec![good[1].clone()]].concat();
        refused(&ask(&lab, &twice), 401, "invalid_dpop_proof");
        // B8: without the token's hash, or with another's.
        refused(&ask(&lab, &by(proof(&key, None, "POST", &url(&lab)))), 401, "invalid_dpop_proof");
        refused(&ask(&lab, &by(proof(&key, Some("x"), "POST", &url(&lab)))), 401, "invalid_dpop_proof");
        // Nothing at all.
        refused(&ask(&lab, &[]), 401, "not_authenticated");
        assert!(lab.railway.log.is_empty());
        assert_eq!(ask(&lab, &by(proof(&key, Some(access), "POST", &url(&lab)))).status, 200);
    }

    fn a_token_is_for_its_own_credentials_and_for_the_gateway_only(options) {
        let lab = Lab::start(options);
        lab.broker.add_credential("second", "railway", &lab.railway.url(), lab.railway.ca_pem(), &lab.secret);
        let token = token(&lab);
        assert_eq!(token["credentials"], json!(["railway"]));
        let second = format!("{}/gateway/second{PATH}", lab.broker.url);
        let [authorization, proof] = signed(&token, "POST", &second);
        let answer = lab.broker.curl(&["-sS", "-i", "-H", &authorization, "-H", &proof, "-d", &me(), &second]).answer();
        refused(&answer, 404, "not_found");
        for path in ["/v1/credentials", "/v1/sessions", "/v1/whoami", "/v1/audit"] {
            let url = format!("{}{path}", lab.broker.url);
            let [authorization, proof] = signed(&token, "GET", &url);
            let answer = lab.broker.curl(&["-sS", "-i", "-H", &authorization, "-H", &proof, &url]).answer();
            refused(&answer, 401, "invalid_token");
        }
    }

    fn a30_the_end_of_a_session_is_the_end_of_its_tokens(options) {
        let lab = Lab::start(options);
        for end in [&["session", "end", "ID"][..], &["session", "end", "--all"]] {
            let token = token(&lab);
            assert_eq!(ask(&lab, &signed(&token, "POST", &url(&lab))).status, 200);
            let id = token["session"].as_str().unwrap();
            let args: Vec<&str> = end.iter().map(|arg| if *arg == "ID" { id } else { arg }).collect();
            let ended = lab.broker.stint(&[&args[..], &["--json"]].concat()).ok().json();
            assert_eq!(ended["ended"], json!([id]));
            let arrived = lab.railway.log.len();
            refused(&ask(&lab, &signed(&token, "POST", &url(&lab))), 401, "session_ended");
            assert_eq!(lab.railway.log.len(), arrived);
            // The session's key gets no new token either: the client starts another session.
            assert_ne!(crate::token::token(&lab)["session"], token["session"]);
        }
        let live = lab.broker.stint(&["session", "list", "--json"]).ok().json();
        lab.broker.stint(&["session", "end", "--all"]).ok();
        assert_eq!(live["sessions"].as_array().unwrap().len(), 1);
        assert_eq!(lab.broker.stint(&["session", "list", "--json"]).ok().json()["sessions"], json!([]));
        let reasons: Vec<Value> = lab.records("session_ended").iter().map(|r| r["facts"]["reason"].clone()).collect();
        assert_eq!(reasons, [json!("kill_switch"), json!("kill_switch"), json!("revoked")]);
    }

    fn a22_a_token_ends_by_time(options) {
        let variables = vec![("STINT_BROKER_TOKEN_TTL".to_owned(), "2s".to_owned())];
        let lab = Lab::start(Options { variables, ..options });
        let token = token(&lab);
        assert!(token["expires_in"].as_i64().unwrap() <= 2);
        assert_eq!(ask(&lab, &signed(&token, "POST", &url(&lab))).status, 200);
        // Two seconds and the leeway of five at most.
        stint_tests::until("the token is refused", || {
            let answer = ask(&lab, &signed(&token, "POST", &url(&lab)));
            (answer.status == 401).then(|| refused(&answer, 401, "invalid_token"))
        });
        // A command does not notice: the sidecar renews.
        let replies = lab.script("ask '{ me { name } }'; sleep 3; ask '{ me { name } }'; sleep 3; ask '{ me { name } }'").replies();
        assert_eq!(replies.len(), 3);
        replies.iter().for_each(|reply| { reply.done(); });
        assert!(lab.records("token_minted").len() >= 4);
    }

    fn a_delete_by_token_needs_the_same_approval(options) {
        let lab = Lab::start(options);
        let body = json!({ "query": Lab::delete(ids::VOLUME_STAGING) }).to_string();
        let token = token(&lab);
        let send = || lab.gateway("POST", PATH, &signed(&token, "POST", &url(&lab)), &body);
        let answer = send();
        refused(&answer, 403, "approval_required");
        let id = answer.json()["approval"]["id"].as_str().unwrap().to_owned();
        lab.broker.two_say_yes(&id, "staging-cache");
        assert_eq!(send().status, 200);
        refused(&send(), 403, "unresolved");
    }
}
