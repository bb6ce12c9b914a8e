use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use stint_jose::{NewAssertion, NewProof, Proof};

use super::*;
use crate::model::{Name, Principal, SessionId};

pub(super) const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "http://127.0.0.1:7380";
const URL: &str = "http://127.0.0.1:7380/gateway/railway/graphql/v2";

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&[n; 32]).unwrap()
}

/// The key of the session.
fn holder() -> SigningKey {
    key(7)
}

pub(super) fn broker() -> Tokens {
    Tokens::new(ISSUER.to_owned(), vec![TokenKey::active("k1", key(1))]).unwrap()
}

pub(super) fn gateway_mint() -> Mint {
    Mint {
        subject: Principal::Person(name("alice")),
        client_id: "cli_0190".to_owned(),
        agent: Some(name("ci")),
        session: Some(SessionId::from_uuid(uuid::Uuid::from_u128(5))),
        environment: Some(name("staging")),
        credentials: vec![name("railway")],
        audience: Audience::Gateway,
        jkt: holder().public().thumbprint(),
        ttl_seconds: 600,
        jti: "t-1".to_owned(),
        now: NOW,
    }
}

/// Signed with the broker's key, whatever it says.
fn forge(claims: &Value) -> String {
    stint_jose::sign(&key(1), "at+jwt", Some("k1"), claims).unwrap()
}

/// The claims of a good gateway token.
fn good() -> Value {
    json!({
        "iss": ISSUER, "sub": "person:alice", "aud": format!("{ISSUER}/gateway"), "client_id": "cli_0190",
        "iat": NOW, "exp": NOW + 600, "jti": "t-1", "cnf": {"jkt": holder().public().thumbprint()},
        "act": {"sub": "agent:ci"},
        "authorization_details": [{"type": "stint", "environment": "staging", "credentials": ["railway"]}],
        "https://stint.dev/session": "ses_00000000000000000000000000000005",
        "https://stint.dev/environment": "staging",
    })
}

fn with(mut value: Value, name: &str, member: Value) -> Value {
    let members = value.as_object_mut().unwrap();
    match member {
        Value::Null => members.remove(name),
        member => members.insert(name.to_owned(), member),
    };
    value
}

fn shown<'a>(proof: &'a str, now: i64) -> Shown<'a> {
    Shown { proof, htm: "POST", htu: URL, nonce: &|_, _| true, now }
}

fn proof(key: &SigningKey, token: Option<&str>, jti: &str) -> String {
    let new = NewProof { htm: "POST", htu: URL, access_token: token, nonce: None, jti, iat: NOW };
    Proof::make(key, &new).unwrap()
}

#[test]
fn what_is_minted_is_verified_and_says_the_same() {
    let tokens = broker();
    let minted = tokens.mint(gateway_mint()).unwrap();
    assert_eq!((minted.jti.as_str(), minted.expires_at), ("t-1", NOW + 600));
    let verified = tokens.verify(&minted.token, Audience::Gateway, NOW + 599).unwrap();
    assert_eq!(verified.subject(), &Principal::Person(name("alice")));
    assert_eq!(verified.client_id(), "cli_0190");
    assert_eq!(verified.agent(), Some(&name("ci")));
    assert_eq!(verified.session().unwrap().as_str(), "ses_00000000000000000000000000000005");
    assert_eq!(verified.environment(), Some(&name("staging")));
    assert_eq!(verified.credentials(), [name("railway")]);
    assert!(verified.covers(&name("railway")) && !verified.covers(&name("github")));
    assert_eq!(verified.jkt(), holder().public().thumbprint());
    assert_eq!((verified.jti(), verified.issued_at(), verified.expires_at()), ("t-1", NOW, NOW + 600));
    // The wire form, whole: what others may rely on.
    let claims = minted.token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(claims, good());
}

#[test]
fn a_persons_token_needs_no_environment_and_covers_nothing() {
    let tokens = broker();
    let mint = Mint {
        agent: None,
        session: None,
        environment: None,
        credentials: vec![],
        audience: Audience::Control,
        ..gateway_mint()
    };
    let minted = tokens.mint(mint).unwrap();
    assert!(minted.authorization_details.is_empty());
    let verified = tokens.verify(&minted.token, Audience::Control, NOW).unwrap();
    assert!(verified.environment().is_none() && !verified.covers(&name("railway")));
}

#[test]
fn what_does_not_hold_together_is_not_minted() {
    let tokens = broker();
    let refused = |mint: Mint| matches!(tokens.mint(mint), Err(Error::Mint(_)));
    assert!(refused(Mint { session: None, ..gateway_mint() }));
    assert!(refused(Mint { environment: None, ..gateway_mint() }));
    assert!(refused(Mint { environment: None, credentials: vec![], ..gateway_mint() }));
    assert!(refused(Mint { agent: None, ..gateway_mint() }));
    assert!(refused(Mint { ttl_seconds: 0, ..gateway_mint() }));
    assert!(refused(Mint { ttl_seconds: -1, ..gateway_mint() }));
    assert!(refused(Mint { jti: String::new(), ..gateway_mint() }));
    assert!(refused(Mint { client_id: "a b".to_owned(), ..gateway_mint() }));
    assert!(refused(Mint { jkt: "short".to_owned(), ..gateway_mint() }));
    assert!(refused(Mint { environment: None, audience: Audience::Control, ..gateway_mint() }));
}

#[test]
fn a11_keys_that_share_a_name_or_do_not_have_one_active_are_refused() {
    let setup =
        |keys| Tokens::new(ISSUER.to_owned(), keys).is_err_and(|error| matches!(error, Error::Setup(_)));
    assert!(setup(vec![]));
    assert!(setup(vec![TokenKey::active("k1", key(1)), TokenKey::retired("k1", key(2), NOW)]));
    assert!(setup(vec![TokenKey::active("k1", key(1)), TokenKey::active("k2", key(2))]));
    assert!(setup(vec![TokenKey::retired("k1", key(1), NOW)]));
    assert!(setup(vec![TokenKey::active("", key(1))]));
    for issuer in [
        "",
        "broker.example",
        "https://broker.example/",
        "https://b.example?x",
        "https://b.example#",
        "ftp://b",
    ] {
        assert!(Tokens::new(issuer.to_owned(), vec![TokenKey::active("k1", key(1))]).is_err(), "{issuer}");
    }
}

#[test]
fn a15_a25_a_token_for_one_half_is_refused_by_the_other() {
    let tokens = broker();
    let gateway = tokens.mint(gateway_mint()).unwrap().token;
    let control = tokens.mint(Mint { audience: Audience::Control, ..gateway_mint() }).unwrap().token;
    for (token, right, wrong) in
        [(&gateway, Audience::Gateway, Audience::Control), (&control, Audience::Control, Audience::Gateway)]
    {
        assert!(tokens.verify(token, right, NOW).is_ok());
        assert!(tokens.verify(token, wrong, NOW).is_err());
        assert!(tokens.verify_cached(token, right, NOW).is_ok());
        assert!(matches!(tokens.verify_cached(token, wrong, NOW), Err(Error::Token(_))), "from memory");
        assert!(tokens.verify_cached(token, right, NOW).is_ok());
    }
}

#[test]
fn a15_other_tokens_under_our_own_key_are_refused() {
    let tokens = broker();
    for typ in ["JWT", "dpop+jwt", "client-authentication+jwt"] {
        let token = stint_jose::sign(&key(1), typ, Some("k1"), &good()).unwrap();
        assert!(matches!(tokens.verify(&token, Audience::Gateway, NOW), Err(Error::Token(_))), "{typ}");
    }
    for kid in [None, Some("k2"), Some("K1")] {
        let token = stint_jose::sign(&key(1), "at+jwt", kid, &good()).unwrap();
        assert!(matches!(tokens.verify(&token, Audience::Gateway, NOW), Err(Error::Token(_))), "{kid:?}");
    }
}

#[test]
fn a22_no_token_lives_longer_than_an_hour_or_after_its_end() {
    let tokens = broker();
    let minted = tokens.mint(Mint { ttl_seconds: 10 * 365 * 86_400, ..gateway_mint() }).unwrap();
    assert_eq!(minted.expires_at, NOW + MAX_TTL);
    for check in [
        |tokens: &Tokens, token: &str, now| tokens.verify(token, Audience::Gateway, now).err(),
        |tokens: &Tokens, token: &str, now| tokens.verify_cached(token, Audience::Gateway, now).err(),
    ] {
        assert_eq!(check(&tokens, &minted.token, NOW + MAX_TTL - 1), None);
        assert_eq!(check(&tokens, &minted.token, NOW + MAX_TTL), Some(Error::Expired));
        assert_eq!(check(&tokens, &minted.token, NOW + MAX_TTL + 1), Some(Error::Expired));
    }
    let stolen_tool = forge(&with(good(), "exp", json!(NOW + 3601)));
    assert!(matches!(tokens.verify(&stolen_tool, Audience::Gateway, NOW), Err(Error::Token(_))));
}

#[test]
fn a24_a26_d05_claims_that_are_not_the_profile_are_refused_though_signed() {
    let tokens = broker();
    assert!(tokens.verify(&forge(&good()), Audience::Gateway, NOW).is_ok());
    let nested = json!({"sub": "agent:ci", "act": {"sub": "person:root"}});
    let detail = |environment: &str| json!([{"type": "stint", "environment": environment}]);
    for (claim, value) in [
        ("sub", json!("alice")),
        ("sub", json!("agent:")),
        ("sub", json!("person:Alice")),
        ("sub", json!("person:аlice")),
        ("sub", json!("root:alice")),
        ("sub", Value::Null),
        ("act", nested),
        ("act", json!({"sub": "person:alice"})),
        ("act", json!({"sub": "ci"})),
        ("act", Value::Null),
        ("cnf", Value::Null),
        ("cnf", json!({})),
        ("cnf", json!({"jkt": ""})),
        ("cnf", json!({"jkt": holder().public().thumbprint(), "x5t#S256": "AA"})),
        ("client_id", Value::Null),
        ("jti", Value::Null),
        ("iat", Value::Null),
        ("scope", json!("admin")),
        ("nbf", json!(NOW)),
        ("authorization_details", Value::Null),
        ("authorization_details", detail("production")),
        ("authorization_details", json!([detail("staging")[0], detail("staging")[0]])),
        ("authorization_details", json!([{"type": "other", "environment": "staging"}])),
        (
            "authorization_details",
            json!([{"type": "stint", "environment": "staging", "credentials": ["../x"]}]),
        ),
        ("authorization_details", json!([{"type": "stint", "environment": "staging", "actions": ["*"]}])),
        ("https://stint.dev/session", json!("ses_1")),
        ("https://stint.dev/session", Value::Null),
        ("https://stint.dev/environment", json!("production")),
        ("https://stint.dev/environment", Value::Null),
        ("iss", json!("http://127.0.0.1:7380/")),
    ] {
        let token = forge(&with(good(), claim, value.clone()));
        let refused = tokens.verify(&token, Audience::Gateway, NOW);
        assert!(matches!(refused, Err(Error::Token(_))), "{claim} {value}");
    }
}

#[test]
fn a29_a_retired_keys_tokens_pass_inside_the_overlap_only() {
    let old = broker().mint(gateway_mint()).unwrap().token;
    let until = NOW + 300;
    let tokens = Tokens::new(
        ISSUER.to_owned(),
        vec![TokenKey::retired("k1", key(1), until), TokenKey::active("k2", key(2))],
    )
    .unwrap();
    for _ in 0..2 {
        assert!(tokens.verify_cached(&old, Audience::Gateway, until - 1).is_ok());
    }
    assert!(matches!(tokens.verify(&old, Audience::Gateway, until), Err(Error::Token(_))));
    assert!(
        matches!(tokens.verify_cached(&old, Audience::Gateway, until), Err(Error::Token(_))),
        "from memory"
    );
    // New ones are of the new key, and the set that is published has both.
    let new = tokens.mint(gateway_mint()).unwrap().token;
    assert!(tokens.verify(&new, Audience::Gateway, until).is_ok());
    assert!(broker().verify(&new, Audience::Gateway, NOW).is_err());
    let jwks = tokens.jwks();
    let kids: Vec<&Value> = jwks["keys"].as_array().unwrap().iter().map(|key| &key["kid"]).collect();
    assert_eq!(kids, ["k2", "k1"]);
}

#[test]
fn the_published_keys_are_public_and_debug_shows_no_seed() {
    let tokens = broker();
    let jwks = tokens.jwks();
    let members = jwks["keys"][0].as_object().unwrap();
    let mut names: Vec<&str> = members.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"]);
    assert_eq!((&members["use"], &members["alg"]), (&json!("sig"), &json!("EdDSA")));
    let seed = URL_SAFE_NO_PAD.encode([1; 32]);
    let nonces = Nonces::new([1; 32], NOW);
    let debug = format!("{tokens:?} {nonces:?}");
    assert!(
        !jwks.to_string().contains(&seed) && !debug.contains(&seed) && !debug.contains("1, 1, 1"),
        "{debug}"
    );
}

#[test]
fn a_token_is_verified_once_and_then_remembered() {
    let tokens = broker();
    let token = tokens.mint(gateway_mint()).unwrap().token;
    let first = tokens.verify_cached(&token, Audience::Gateway, NOW).unwrap();
    let second = tokens.verify_cached(&token, Audience::Gateway, NOW).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    // One character of the signature changed is another token, remembered or not.
    let (message, signature) = token.rsplit_once('.').unwrap();
    let first_letter = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("{message}.{first_letter}{}", signature.split_at(1).1);
    assert!(matches!(tokens.verify_cached(&forged, Audience::Gateway, NOW), Err(Error::Token(_))));
}

#[test]
fn b08_b09_a_proof_is_bound_to_the_token_and_to_its_key() {
    let tokens = broker();
    let token = tokens.mint(gateway_mint()).unwrap().token;
    let verified = tokens.verify_cached(&token, Audience::Gateway, NOW).unwrap();
    let prove = |proof: &str| prove(Arc::clone(&verified), &shown(proof, NOW));
    let proven = prove(&proof(&holder(), Some(&token), "p-1")).unwrap();
    assert_eq!((proven.key().jti(), proven.key().iat()), ("p-1", NOW));
    assert_eq!(proven.verified().jti(), "t-1");
    let other = tokens.mint(Mint { jti: "t-2".to_owned(), ..gateway_mint() }).unwrap().token;
    for wrong in [
        proof(&key(66), Some(&token), "p-1"),
        proof(&holder(), Some(&other), "p-1"),
        proof(&holder(), Some(&format!("{token} ")), "p-1"),
        proof(&holder(), None, "p-1"),
        token.clone(),
    ] {
        assert!(matches!(prove(&wrong), Err(Error::Proof(_))), "{wrong}");
    }
}

#[test]
fn b06_a_proof_is_taken_once_and_another_keys_jti_is_another_proof() {
    let tokens = broker();
    let token = tokens.mint(gateway_mint()).unwrap().token;
    let memory = ReplayMemory::new(1000);
    let use_once = |jti: &str| {
        let verified = tokens.verify_cached(&token, Audience::Gateway, NOW)?;
        let proven = prove(verified, &shown(&proof(&holder(), Some(&token), jti), NOW))?;
        memory.check_and_insert(proven.key().replay_key(), proven.key().remember_until(), NOW)
    };
    assert_eq!(use_once("p-1"), Ok(()));
    assert_eq!(use_once("p-1"), Err(Error::Replayed));
    assert_eq!(use_once("p-2"), Ok(()));
    let stranger = prove_key(&shown(&proof(&key(66), None, "p-1"), NOW)).unwrap();
    assert_eq!(memory.check_and_insert(stranger.replay_key(), stranger.remember_until(), NOW), Ok(()));
}

#[test]
fn b07_a_proof_out_of_time_or_without_a_good_nonce_is_asked_for_one() {
    let made = proof(&holder(), None, "p-1");
    for now in [NOW - 6, NOW + 61] {
        assert_eq!(prove_key(&shown(&made, now)).unwrap_err(), Error::UseNonce, "{now}");
    }
    let nonces = Nonces::new([9; 32], NOW);
    let accepts = |nonce: Option<&str>, iat| nonces.accepts(nonce, iat, NOW + 1);
    let shown = |proof| Shown { nonce: &accepts, ..shown(proof, NOW + 1) };
    assert_eq!(prove_key(&shown(&made)).unwrap_err(), Error::UseNonce, "from before the start");
    let nonce = nonces.issue(NOW + 1);
    let new =
        NewProof { htm: "POST", htu: URL, access_token: None, nonce: Some(&nonce), jti: "p-2", iat: NOW };
    assert!(prove_key(&shown(&Proof::make(&holder(), &new).unwrap())).is_ok());
}

#[test]
fn b12_the_token_endpoint_learns_the_key_that_signed_and_no_other() {
    let proven = prove_key(&shown(&proof(&holder(), None, "p-1"), NOW)).unwrap();
    assert_eq!(proven.jkt(), holder().public().thumbprint());
    assert_eq!(proven.jwk(), holder().public());
    assert_ne!(prove_key(&shown(&proof(&key(66), None, "p-1"), NOW)).unwrap().jkt(), proven.jkt());
}

#[test]
fn c03_c04_an_assertion_is_of_the_client_with_its_key_for_this_issuer() {
    let tokens = broker();
    let make = |key: &SigningKey, client_id, audience| {
        let new = NewAssertion { client_id, audience, jti: "a-1", iat: NOW };
        ClientAssertion::make(key, Some("anything"), &new).unwrap()
    };
    let check = |assertion: &str| verify_client(&tokens, assertion, "cli_0190", holder().public(), NOW);
    let made = make(&holder(), "cli_0190", ISSUER);
    assert_eq!(claimed_client(&made).unwrap(), "cli_0190");
    assert_eq!(check(&made).unwrap().jti, "a-1");
    for wrong in [
        make(&key(66), "cli_0190", ISSUER),
        make(&holder(), "cli_0191", ISSUER),
        make(&holder(), "cli_0190", "http://127.0.0.1:7380/oauth/token"),
        make(&holder(), "cli_0190", "https://other.example"),
        tokens.mint(gateway_mint()).unwrap().token,
    ] {
        assert!(matches!(check(&wrong), Err(Error::Client(_))));
    }
}
