use serde_json::{Value, json};

use super::*;
use crate::{ClientAssertion, NewAssertion, NewProof, Proof, ProofExpect, access_token_hash, verify_proof};

const TOKEN: &str = "the.access.token";
const URL: &str = "https://broker.example/gateway/railway/graphql";

fn holder() -> SigningKey {
    SigningKey::from_seed(&[7; 32]).unwrap()
}

fn new() -> NewProof<'static> {
    NewProof { htm: "POST", htu: URL, access_token: Some(TOKEN), nonce: None, jti: "p-1", iat: NOW }
}

fn make(new: &NewProof<'_>) -> String {
    Proof::make(&holder(), new).unwrap()
}

fn check(proof: &str) -> Result<Proof, Error> {
    check_at(proof, URL, Some(TOKEN), NOW)
}

fn check_at(proof: &str, htu: &str, token: Option<&str>, now: i64) -> Result<Proof, Error> {
    let ath = token.map(access_token_hash);
    verify_proof(proof, &ProofExpect { htm: "POST", htu, ath: ath.as_deref(), now, nonce: &|_, _| true })
}

fn proof_header() -> Value {
    json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": holder().public().to_value()})
}

fn proof_claims() -> Value {
    json!({"jti": "p-1", "htm": "POST", "htu": URL, "iat": NOW, "ath": access_token_hash(TOKEN)})
}

/// Signed by the holder, whatever it says.
fn forge(header: &Value, claims: &Value) -> String {
    let message =
        format!("{}.{}", base64url::encode(header.to_string()), base64url::encode(claims.to_string()));
    format!("{message}.{}", base64url::encode(holder().sign(message.as_bytes())))
}

#[test]
fn a_proof_of_the_holder_is_accepted() {
    let proof = check(&make(&new())).unwrap();
    assert_eq!((proof.jti.as_str(), proof.iat, &proof.nonce), ("p-1", NOW, &None));
    assert_eq!(proof.jkt, holder().public().thumbprint());
    assert_eq!(check(&forge(&proof_header(), &proof_claims())).unwrap(), proof);
}

#[test]
fn b02_two_proofs_in_one_value_are_none() {
    let proof = make(&new());
    for joined in
        [format!("{proof},{proof}"), format!("{proof}, {proof}"), format!("{proof} {proof}"), String::new()]
    {
        assert!(matches!(check(&joined), Err(Error::Malformed(_) | Error::Signature)), "{joined}");
    }
}

#[test]
fn b03_a_proof_for_another_request_is_refused() {
    for htm in ["GET", "post", "POST ", "DELETE"] {
        let proof = make(&NewProof { htm, ..new() });
        assert_eq!(check(&proof).unwrap_err(), Error::Claim("htm is not the request's method"), "{htm}");
    }
    for htu in [
        "https://broker.example/gateway/github/graphql",
        "https://other.example/gateway/railway/graphql",
        "http://broker.example/gateway/railway/graphql",
        "https://broker.example:8443/gateway/railway/graphql",
        "https://broker.example/gateway/railway/graphql/",
    ] {
        let proof = make(&NewProof { htu, ..new() });
        assert_eq!(check(&proof).unwrap_err(), Error::Claim("htu is not the request's URL"), "{htu}");
    }
}

#[test]
fn b04_b05_htu_is_compared_normalised_with_the_configured_origin() {
    for htu in [
        "https://BROKER.example:443/gateway/railway/graphql?a=b#c",
        "https://broker.example/gateway/./x/../r%61ilway/graphql?",
    ] {
        assert!(check(&forge(&proof_header(), &with(proof_claims(), "htu", json!(htu)))).is_ok(), "{htu}");
    }
    // A poisoned Host header changes nothing: what is compared with is the caller's, and the proof says another host.
    assert!(
        check_at(&make(&new()), "https://attacker.example/gateway/railway/graphql", Some(TOKEN), NOW)
            .is_err()
    );
    for htu in ["/gateway/railway/graphql", "https://u@broker.example/gateway/railway/graphql", ""] {
        assert!(check(&forge(&proof_header(), &with(proof_claims(), "htu", json!(htu)))).is_err(), "{htu}");
    }
}

#[test]
fn b07_a_stale_or_early_proof_is_refused_as_such() {
    for iat in [NOW - 61, NOW + 6, 0, NOW + 86_400] {
        assert_eq!(check(&make(&NewProof { iat, ..new() })).unwrap_err(), Error::Stale, "{iat}");
    }
    for iat in [NOW - 60, NOW + 5] {
        let proof = check(&make(&NewProof { iat, ..new() })).unwrap();
        assert!(proof.remember_until() > NOW);
        let again = check_at(&make(&NewProof { iat, ..new() }), URL, Some(TOKEN), proof.remember_until());
        assert_eq!(again.unwrap_err(), Error::Stale, "forgotten no sooner than it is stale");
    }
    for iat in [json!(NOW.to_string()), json!(NOW as f64 + 0.5), json!(-1), Value::Null] {
        let proof = forge(&proof_header(), &with(proof_claims(), "iat", iat.clone()));
        assert!(matches!(check(&proof), Err(Error::Claim(_))), "{iat}");
    }
    let ended = with(proof_claims(), "exp", json!(NOW - 1));
    assert_eq!(check(&forge(&proof_header(), &ended)).unwrap_err(), Error::Expired);
}

#[test]
fn b07_the_nonce_is_the_callers_to_judge_and_sees_the_iat() {
    let ath = access_token_hash(TOKEN);
    let judge = |proof: &str| {
        let nonce = |nonce: Option<&str>, iat: i64| nonce == Some("good") && iat == NOW;
        verify_proof(proof, &ProofExpect { htm: "POST", htu: URL, ath: Some(&ath), now: NOW, nonce: &nonce })
    };
    let with_nonce = |nonce| make(&NewProof { nonce, ..new() });
    assert_eq!(judge(&with_nonce(Some("good"))).unwrap().nonce.as_deref(), Some("good"));
    assert_eq!(judge(&with_nonce(Some("bad"))).unwrap_err(), Error::Nonce);
    assert_eq!(judge(&with_nonce(None)).unwrap_err(), Error::Nonce);
    let listed = forge(&proof_header(), &with(proof_claims(), "nonce", json!(["good"])));
    assert_eq!(judge(&listed).unwrap_err(), Error::Claim("nonce is not a string"));
}

#[test]
fn b08_ath_is_of_this_very_token() {
    let wrong = Error::Claim("ath is not of the token");
    for token in [None, Some("another.access.token"), Some("the.access.token "), Some("")] {
        assert_eq!(check(&make(&NewProof { access_token: token, ..new() })).unwrap_err(), wrong, "{token:?}");
    }
    for ath in
        [json!([access_token_hash(TOKEN)]), json!(format!("{}=", access_token_hash(TOKEN))), json!(TOKEN)]
    {
        assert_eq!(check(&forge(&proof_header(), &with(proof_claims(), "ath", ath))).unwrap_err(), wrong);
    }
    assert_eq!(check_at(&make(&new()), URL, None, NOW).unwrap_err(), Error::Claim("ath without a token"));
    assert!(check_at(&make(&NewProof { access_token: None, ..new() }), URL, None, NOW).is_ok());
}

#[test]
fn b09_the_thumbprint_is_of_the_whole_key() {
    let (pair, jwk) = p256_key();
    let header = with(with(proof_header(), "alg", json!("ES256")), "jwk", jwk.to_value());
    let sign = |header: &Value| {
        let message = format!(
            "{}.{}",
            base64url::encode(header.to_string()),
            base64url::encode(proof_claims().to_string())
        );
        let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", base64url::encode(signature.as_ref()))
    };
    assert_eq!(check(&sign(&header)).unwrap().jkt, jwk.thumbprint());
    // The same x with the other y is the negated point: another key, another thumbprint, another signature.
    let prime = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    ];
    let mut y: [u8; 32] = base64url::decode_exact(jwk.to_value()["y"].as_str().unwrap()).unwrap();
    let mut borrow = 0i16;
    for (byte, p) in y.iter_mut().zip(prime).rev() {
        let difference = p - i16::from(*byte) - borrow;
        borrow = i16::from(difference < 0);
        *byte = (difference & 0xff) as u8;
    }
    let other = Jwk::from_value(&with(jwk.to_value(), "y", json!(base64url::encode(y)))).unwrap();
    assert_ne!(other.thumbprint(), jwk.thumbprint());
    assert_eq!(check(&sign(&with(header.clone(), "jwk", other.to_value()))).unwrap_err(), Error::Signature);
    let p384 = json!({"kty": "EC", "crv": "P-384", "x": base64url::encode([1; 48]), "y": base64url::encode([1; 48])});
    assert!(matches!(check(&sign(&with(header.clone(), "jwk", p384))), Err(Error::Key(_))));
    let mislabelled = with(jwk.to_value(), "crv", json!("P-384"));
    assert!(matches!(check(&sign(&with(header, "jwk", mislabelled))), Err(Error::Key(_))));
}

#[test]
fn b10_only_a_public_asymmetric_key_is_taken() {
    let public = holder().public().to_value();
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let header = with(proof_header(), "jwk", with(public.clone(), name, json!("AA")));
        assert_eq!(
            check(&forge(&header, &proof_claims())).unwrap_err(),
            Error::Key("holds private members"),
            "{name}"
        );
    }
    for jwk in [
        json!({"kty": "oct", "k": "AA"}),
        json!({"kty": "oct"}),
        json!({"kty": "none"}),
        json!({}),
        json!([]),
        json!("key"),
        json!({"kty": "okp", "crv": "Ed25519", "x": public["x"]}),
        json!({"kty": "OKP", "crv": "X25519", "x": public["x"]}),
        json!({"kty": "OKP", "crv": "Ed448", "x": public["x"]}),
        json!({"kty": "OKP", "x": public["x"]}),
        json!({"kty": "OKP", "crv": "Ed25519"}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": [public["x"]]}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": public["x"], "y": public["x"]}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": public["x"], "use": "enc"}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": public["x"], "alg": "ES256"}),
    ] {
        let header = with(proof_header(), "jwk", jwk.clone());
        assert!(matches!(check(&forge(&header, &proof_claims())), Err(Error::Key(_))), "{jwk}");
    }
    for alg in ["HS256", "none", "ES256", "RS256", "EdDSA2"] {
        let header = with(proof_header(), "alg", json!(alg));
        assert!(matches!(check(&forge(&header, &proof_claims())), Err(Error::Header(_))), "{alg}");
    }
    let keyless = with(proof_header(), "jwk", Value::Null);
    assert_eq!(check(&forge(&keyless, &proof_claims())).unwrap_err(), Error::Key("no key for this token"));
    let padded = format!("{}=", public["x"].as_str().unwrap());
    let header = with(proof_header(), "jwk", with(public, "x", json!(padded)));
    assert!(check(&forge(&header, &proof_claims())).is_err());
}

#[test]
fn b11_a_point_that_is_none_verifies_nothing() {
    let point = |x: [u8; 32], y: [u8; 32]| json!({"kty": "EC", "crv": "P-256", "x": base64url::encode(x), "y": base64url::encode(y)});
    for jwk in [point([0; 32], [0; 32]), point([1; 32], [1; 32]), point([0xff; 32], [0xff; 32])] {
        let header = with(with(proof_header(), "alg", json!("ES256")), "jwk", jwk.clone());
        let message = format!(
            "{}.{}",
            base64url::encode(header.to_string()),
            base64url::encode(proof_claims().to_string())
        );
        for signature in [[0; 64], [1; 64]] {
            let proof = format!("{message}.{}", base64url::encode(signature));
            assert_eq!(check(&proof).unwrap_err(), Error::Signature, "{jwk}");
        }
    }
    // Infinity in the one form it has (SEC 1), and coordinates of other lengths.
    for (x, y) in [("", ""), ("AA", "AA")] {
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y});
        assert!(matches!(
            check(&forge(&with(proof_header(), "jwk", jwk), &proof_claims())),
            Err(Error::Key(_))
        ));
    }
}

#[test]
fn a_proof_without_one_of_its_claims_is_refused() {
    for name in ["jti", "htm", "htu", "iat"] {
        let proof = forge(&proof_header(), &with(proof_claims(), name, Value::Null));
        assert!(matches!(check(&proof), Err(Error::Claim(_))), "{name}");
        let proof = forge(&proof_header(), &with(proof_claims(), name, json!(["POST"])));
        assert!(matches!(check(&proof), Err(Error::Claim(_))), "{name}");
    }
    for jti in [json!(""), json!("j".repeat(129))] {
        assert!(matches!(
            check(&forge(&proof_header(), &with(proof_claims(), "jti", jti))),
            Err(Error::Claim(_))
        ));
    }
}

#[test]
fn c04_c06_an_assertion_is_for_one_issuer_and_short() {
    let key = holder();
    let check = |assertion: &str| {
        ClientAssertion::verify(assertion, "cli_1", ISSUER, NOW, &|_| Some(key.public().clone()))
    };
    let new = NewAssertion { client_id: "cli_1", audience: ISSUER, jti: "a-1", iat: NOW };
    let made = ClientAssertion::make(&key, None, &new).unwrap();
    assert_eq!(ClientAssertion::claimed_client(&made).unwrap(), "cli_1");
    assert_eq!(check(&made).unwrap().expires_at, NOW + 65);
    let header = json!({"alg": "EdDSA"});
    let claims = json!({"iss": "cli_1", "sub": "cli_1", "aud": ISSUER, "jti": "a-1", "exp": NOW + 300});
    for typ in [Value::Null, json!("JWT"), json!("client-authentication+jwt")] {
        assert!(check(&forge(&with(header.clone(), "typ", typ.clone()), &claims)).is_ok(), "{typ}");
    }
    assert!(check(&forge(&header, &with(claims.clone(), "aud", json!([ISSUER])))).is_ok());
    for typ in ["at+jwt", "dpop+jwt", "x+jwt"] {
        assert!(matches!(
            check(&forge(&with(header.clone(), "typ", json!(typ)), &claims)),
            Err(Error::Header(_))
        ));
    }
    for (name, value) in [
        ("aud", json!([ISSUER, "https://other.example"])),
        ("aud", json!("https://broker.example/oauth/token")),
        ("aud", json!("https://other.example")),
        ("aud", json!([])),
        ("aud", json!([[ISSUER]])),
        ("aud", Value::Null),
        ("iss", json!("cli_2")),
        ("sub", json!("cli_2")),
        ("iss", Value::Null),
        ("sub", Value::Null),
        ("jti", Value::Null),
        ("exp", Value::Null),
        ("exp", json!(NOW + 86_400)),
        ("exp", json!(NOW + 306)),
        ("iat", json!(NOW + 6)),
        ("nbf", json!(NOW + 6)),
    ] {
        let assertion = forge(&header, &with(claims.clone(), name, value.clone()));
        assert!(matches!(check(&assertion), Err(Error::Claim(_))), "{name} {value}");
    }
    assert_eq!(
        check(&forge(&header, &with(claims.clone(), "exp", json!(NOW - 5)))).unwrap_err(),
        Error::Expired
    );
    assert!(check(&forge(&header, &with(claims, "exp", json!(NOW - 4)))).is_ok());
}
