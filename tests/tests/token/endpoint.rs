//! `POST /oauth/token`: `client_credentials` of an agent that has a key of its own.

use serde_json::{Value, json};
use stint_jose::{SigningKey, sign};
use stint_tests::proof::{assertion, new_key, now, proof, unique};
use stint_tests::wire::Answer;
use stint_tests::{Lab, Options};

use crate::place::on_both;

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A change to the claims of an assertion.
type Change = Box<dyn Fn(&mut Value)>;

/// An agent with a key, and what it says to the token endpoint.
struct Agent {
    lab: Lab,
    key: SigningKey,
    /// Key of the session that it asks for: another one.
    session_key: SigningKey,
    client_id: String,
}

impl Agent {
    fn register(options: Options) -> Self {
        let lab = Lab::start(options);
        let key = new_key();
        let file = lab.broker.scratch().join("agent.jwk");
        std::fs::write(&file, key.public().to_value().to_string()).unwrap();
        let file = file.display().to_string();
        let args = ["agent", "add", "nightly", "--key", &file, "--environment", "staging", "--json"];
        let added = lab.broker.stint(&args).ok().json();
        let client_id = added["client_id"].as_str().unwrap().to_owned();
        Agent { lab, key, session_key: new_key(), client_id }
    }

    fn endpoint(&self) -> String {
        format!("{}/oauth/token", self.lab.broker.url)
    }

    fn assertion(&self) -> String {
        assertion(&self.key, &self.client_id, &self.lab.broker.url)
    }

    /// Claims of the test's own, signed by the agent.
    fn claims(&self, change: impl Fn(&mut Value)) -> String {
        let id = self.client_id.as_str();
        let mut claims = json!({ "iss": id, "sub": id, "aud": self.lab.broker.url, "jti": unique(), "iat": now(), "exp": now() + 60 });
        change(&mut claims);
        sign(&self.key, "client-authentication+jwt", None, &claims).unwrap()
    }

    fn form<'a>(&'a self, assertion: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("grant_type", "client_credentials"),
            ("client_id", &self.client_id),
            ("client_assertion_type", JWT_BEARER),
            ("client_assertion", assertion),
        ]
    }

    fn send(&self, form: &[(&str, &str)]) -> Answer {
        let proof = proof(&self.session_key, None, "POST", &self.endpoint());
        self.send_as(&proof, form, &[])
    }

    fn send_as(&self, proof: &str, form: &[(&str, &str)], more: &[&str]) -> Answer {
        let proof = format!("DPoP: {proof}");
        let fields: Vec<String> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut args = vec!["-sS", "-i", "-H", &proof];
        fields.iter().for_each(|field| args.extend(["--data-urlencode", field.as_str()]));
        args.extend(more);
        let endpoint = self.endpoint();
        args.push(&endpoint);
        self.lab.broker.curl(&args).answer()
    }
}

#[track_caller]
fn refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status, answer.json()["error"].as_str()), (status, Some(error)), "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.json()["access_token"].is_null());
}

on_both! {
    fn an_agent_gets_a_token_by_its_own_key_and_works_with_it(options) {
        let agent = Agent::register(options);
        let answer = agent.send(&agent.form(&agent.assertion()));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        assert_eq!((&body["token_type"], answer.header("cache-control")), (&json!("DPoP"), Some("no-store")));
        assert!(body["expires_in"].as_u64().unwrap() <= 600);
        assert_eq!(body["authorization_details"][0]["environment"], "staging");
        let access = body["access_token"].as_str().unwrap();
        let url = format!("{}/gateway/railway/graphql/v2", agent.lab.broker.url);
        let headers = |key: &SigningKey| {
            [format!("Authorization: DPoP {access}"), format!("DPoP: {}", proof(key, Some(access), "POST", &url))]
        };
        let me = json!({ "query": "{ me { name } }" }).to_string();
        let done = agent.lab.gateway("POST", "/graphql/v2", &headers(&agent.session_key), &me);
        assert_eq!(done.status, 200, "{}", done.text());
        // The agent's own key is not the session's.
        assert_eq!(agent.lab.gateway("POST", "/graphql/v2", &headers(&agent.key), &me).status, 401);
        let record = &agent.lab.records("request_decided")[0];
        assert_eq!((&record["actor"], &record["facts"]["agent"]), (&json!("agent:nightly"), &json!("nightly")));
        // It says what it is for, and may ask for nothing else.
        let wanted = |environment: &str| json!([{ "type": "stint", "environment": environment }]).to_string();
        let (first, second) = (agent.assertion(), agent.assertion());
        let staging = wanted("staging");
        assert_eq!(agent.send(&[&agent.form(&first)[..], &[("authorization_details", &staging)]].concat()).status, 200);
        let production = wanted("production");
        let answer = agent.send(&[&agent.form(&second)[..], &[("authorization_details", &production)]].concat());
        refused(&answer, 400, "invalid_authorization_details");
    }

    fn c01_a_parameter_stands_once(options) {
        let agent = Agent::register(options);
        for twice in [("grant_type", "client_credentials"), ("client_id", agent.client_id.as_str())] {
            let assertion = agent.assertion();
            refused(&agent.send(&[&agent.form(&assertion)[..], &[twice]].concat()), 400, "invalid_request");
        }
        let assertion = agent.assertion();
        refused(&agent.send(&[&agent.form(&assertion)[..], &[("scope", "read")]].concat()), 400, "invalid_scope");
        refused(&agent.send(&[("grant_type", "password")]), 400, "unsupported_grant_type");
    }

    fn c02_only_a_form_in_a_body_is_read(options) {
        let agent = Agent::register(options);
        let assertion = agent.assertion();
        let json = json!({ "grant_type": "client_credentials", "client_assertion": assertion, "client_assertion_type": JWT_BEARER });
        let new_proof = || proof(&agent.session_key, None, "POST", &agent.endpoint());
        let answer = agent.send_as(&new_proof(), &[], &["-H", "content-type: application/json", "-d", &json.to_string()]);
        refused(&answer, 400, "invalid_request");
        let answer = agent.send_as(&new_proof(), &[], &["-F", "grant_type=client_credentials"]);
        refused(&answer, 400, "invalid_request");
        let query: String = agent.form(&assertion).iter().map(|(name, value)| format!("{name}={value}&")).collect();
        let url = format!("{}?{query}", agent.endpoint());
        let get = agent.lab.broker.curl(&["-sS", "-i", "-g", &url]).answer();
        assert_eq!(get.status, 405, "{}", get.text());
        let dpop = format!("DPoP: {}", new_proof());
        let post = agent.lab.broker.curl(&["-sS", "-i", "-g", "-H", &dpop, "-d", "x=y", &url]).answer();
        assert_eq!(post.status, 400, "{}", post.text());
        assert!(!agent.lab.broker.logs().contains(&assertion), "a query was logged");
    }

    fn c03_c04_c06_an_assertion_is_for_this_client_this_broker_and_a_short_time(options) {
        let agent = Agent::register(options);
        let broker = agent.lab.broker.url.clone();
        let endpoint = agent.endpoint();
        let changes: Vec<(&str, Change)> = vec![
            ("another server", Box::new(|claims| claims["aud"] = json!("https://other.example"))),
            ("the token endpoint", Box::new(move |claims| claims["aud"] = json!(endpoint))),
            ("two audiences", Box::new(move |claims| claims["aud"] = json!([broker, "https://other.example"]))),
            ("a day", Box::new(|claims| claims["exp"] = json!(now() + 86_400))),
            ("over", Box::new(|claims| claims["exp"] = json!(now() - 60))),
            ("no end", Box::new(|claims| drop(claims.as_object_mut().unwrap().remove("exp")))),
            ("no jti", Box::new(|claims| drop(claims.as_object_mut().unwrap().remove("jti")))),
            ("another issuer", Box::new(|claims| claims["iss"] = json!("https://other.example"))),
        ];
        for (name, change) in &changes {
            let assertion = agent.claims(change);
            let answer = agent.send(&agent.form(&assertion));
            assert_eq!((answer.status, answer.json()["error"].as_str()), (401, Some("invalid_client")), "{name}: {}", answer.text());
        }
        let assertion = agent.assertion();
        let mut form = agent.form(&assertion);
        form[1].1 = "cli_00000000000000000000000000000000";
        refused(&agent.send(&form), 401, "invalid_client");
        let forged = stint_tests::proof::assertion(&new_key(), &agent.client_id, &agent.lab.broker.url);
        refused(&agent.send(&agent.form(&forged)), 401, "invalid_client");
        assert_eq!(agent.send(&agent.form(&agent.claims(|_| ()))).status, 200, "unchanged claims are good");
    }

    fn c05_an_assertion_works_once_even_when_sent_at_once(options) {
        let agent = Agent::register(options);
        let assertion = agent.assertion();
        let form = agent.form(&assertion);
        let done = std::thread::scope(|scope| {
            let sent: Vec<_> = (0..8).map(|_| scope.spawn(|| agent.send(&form).status)).collect();
            sent.into_iter().map(|one| one.join().unwrap()).filter(|status| *status == 200).count()
        });
        assert_eq!(done, 1);
        refused(&agent.send(&form), 401, "invalid_client");
        assert_eq!(agent.lab.records("token_minted").iter().filter(|r| r["actor"] == "agent:nightly").count(), 1);
    }

    fn c07_one_way_to_authenticate_at_a_time(options) {
        let agent = Agent::register(options);
        let assertion = agent.assertion();
        let answer = agent.send(&[&agent.form(&assertion)[..], &[("client_secret", "x")]].concat());
        refused(&answer, 401, "invalid_client");
        let proof = proof(&agent.session_key, None, "POST", &agent.endpoint());
        let answer = agent.send_as(&proof, &agent.form(&assertion), &["-u", "nightly:secret"]);
        refused(&answer, 401, "invalid_client");
    }

    fn a_token_is_not_given_without_a_proof_of_a_key(options) {
        let agent = Agent::register(options);
        let assertion = agent.assertion();
        let fields: Vec<String> = agent.form(&assertion).iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut args = vec!["-sS", "-i"];
        fields.iter().for_each(|field| args.extend(["--data-urlencode", field.as_str()]));
        let endpoint = agent.endpoint();
        args.push(&endpoint);
        refused(&agent.lab.broker.curl(&args).answer(), 400, "invalid_dpop_proof");
        let elsewhere = proof(&agent.session_key, None, "POST", "https://other.example/oauth/token");
        refused(&agent.send_as(&elsewhere, &agent.form(&assertion), &[]), 400, "invalid_dpop_proof");
    }

    fn a_private_key_is_not_registered(options) {
        let lab = Lab::start(options);
        let file = lab.broker.scratch().join("private.jwk");
        std::fs::write(&file, r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#).unwrap();
        let out = lab.broker.stint(&["agent", "add", "leaky", "--key", &file.display().to_string()]).exits(2);
        assert!(out.stderr.contains("private key"), "{}", out.stderr);
    }
}
