use proptest::prelude::*;
use ring::hmac;
use serde_json::json;

use super::*;
use crate::{ClientAssertion, NewAssertion, NewProof, Proof, ProofExpect, verify_proof};

fn unsigned(alg: &str) -> String {
    let header = with(header(), "alg", json!(alg)).to_string();
    format!("{}.{}", base64url::encode(header), base64url::encode(claims().to_string()))
}

fn hs256(secret: &[u8]) -> String {
    let message = unsigned("HS256");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", base64url::encode(tag.as_ref()))
}

fn es256(signature: &[u8]) -> String {
    format!("{}.{}", unsigned("ES256"), base64url::encode(signature))
}

#[test]
fn a02_a_public_key_is_never_an_hmac_secret() {
    let key = issuer_key();
    let jwk = key.public().to_value();
    let raw = base64url::decode(jwk["x"].as_str().unwrap()).unwrap();
    let der = [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..], &raw].concat();
    let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----";
    let json = jwk.to_string();
    for secret in [&raw[..], &der, pem.as_bytes(), format!("{pem}\n").as_bytes(), json.as_bytes()] {
        assert!(matches!(check(&hs256(secret)).unwrap_err(), Error::Header(_)));
    }
    // The other way: an algorithm of the list, but not of the key.
    let (_, p256) = p256_key();
    let token = signed(header(), claims());
    assert_eq!(check_with(&token, &p256).unwrap_err(), Error::Header("alg is not the key's"));
    for alg in ["ES256", "RS256"] {
        assert_eq!(header_with("alg", json!(alg)), Error::Header("alg is not the key's"));
    }
}

#[test]
fn a03_an_empty_hmac_key_is_no_key() {
    assert!(matches!(check(&hs256(b"")).unwrap_err(), Error::Header(_)));
    assert!(Jwk::from_value(&json!({"kty": "oct", "k": ""})).is_err());
}

#[test]
fn a04_es256_signatures_that_psychics_make_are_refused() {
    let (pair, jwk) = p256_key();
    let good = pair.sign(&SystemRandom::new(), unsigned("ES256").as_bytes()).unwrap();
    assert!(check_with(&es256(good.as_ref()), &jwk).is_ok());
    let order = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
        0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let (r, s) = good.as_ref().split_at(32);
    // DER, with both integers padded so that neither is negative.
    let der = [&[0x30, 70, 2, 33, 0], r, &[2, 33, 0], s].concat();
    for signature in [
        vec![0; 64],
        [&order[..], &order].concat(),
        [r, &order].concat(),
        [&order, s].concat(),
        [r, &[0; 32]].concat(),
        [&[0; 32], s].concat(),
        [r, s, &[0]].concat(),
        [r, &s[..31]].concat(),
        der,
        vec![1],
    ] {
        assert_eq!(check_with(&es256(&signature), &jwk).unwrap_err(), Error::Signature, "{signature:?}");
    }
}

#[test]
fn a05_an_ed25519_signature_has_one_form() {
    let token = signed(header(), claims());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = base64url::decode(signature).unwrap();
    // S + L: the same residue, written a second way.
    let order = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0u16;
    let mut second = signature.clone();
    for (byte, add) in second[32..].iter_mut().zip(order) {
        carry += u16::from(*byte) + add;
        *byte = carry as u8;
        carry >>= 8;
    }
    assert_eq!(carry, 0);
    for forged in [second, vec![0; 64], signature[..63].to_vec(), [&signature[..], &[0]].concat()] {
        let token = format!("{message}.{}", base64url::encode(forged));
        assert_eq!(check(&token).unwrap_err(), Error::Signature);
    }
}

#[test]
fn a05_a_small_order_key_is_no_key() {
    for x in [[0; 32], [0xff; 32]] {
        assert!(
            Jwk::from_value(&json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(x)})).is_err()
        );
    }
}

#[test]
fn a10_the_same_kid_of_another_issuer_is_another_key() {
    let forged = crate::sign(&attacker_key(), "at+jwt", Some("k1"), &claims()).unwrap();
    assert_eq!(check(&forged).unwrap_err(), Error::Signature);
}

#[test]
fn a15_no_kind_of_token_passes_as_another() {
    let key = issuer_key();
    let access = signed(header(), claims());
    let new = NewProof { htm: "GET", htu: AUDIENCE, access_token: None, nonce: None, jti: "p", iat: NOW };
    let proof = Proof::make(&key, &new).unwrap();
    let new = NewAssertion { client_id: "cli_1", audience: ISSUER, jti: "a", iat: NOW };
    let assertion = ClientAssertion::make(&key, Some("k1"), &new).unwrap();
    let identity = signed(with(header(), "typ", json!("JWT")), claims());

    let as_access = |token: &str| check(token).is_ok();
    let as_proof = |token: &str| {
        let expect = ProofExpect { htm: "GET", htu: AUDIENCE, ath: None, now: NOW, nonce: &|_, _| true };
        verify_proof(token, &expect).is_ok()
    };
    let as_assertion = |token: &str| {
        ClientAssertion::verify(token, "cli_1", ISSUER, NOW, &|_| Some(key.public().clone())).is_ok()
    };
    let row = |token: &str| (as_access(token), as_proof(token), as_assertion(token));
    assert_eq!(row(&access), (true, false, false));
    assert_eq!(row(&proof), (false, true, false));
    assert_eq!(row(&assertion), (false, false, true));
    assert_eq!(row(&identity), (false, false, false));
}

#[test]
fn a17_a18_only_a_compact_jws_is_read() {
    let token = signed(header(), claims());
    let parts: Vec<&str> = token.split('.').collect();
    let flattened = json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]}).to_string();
    let general = json!({"payload": parts[1], "signatures": [
        {"protected": parts[0], "signature": parts[2]}, {"protected": parts[0], "signature": parts[2]},
    ]});
    for other in [
        flattened,
        general.to_string(),
        format!("{token}.{}", parts[2]),
        format!("{token}."),
        format!(".{token}"),
        format!("{}..{}.{}.{}", parts[0], parts[1], parts[2], parts[2]),
        format!("{}..{}", parts[0], parts[2]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{}.{}.", parts[0], parts[1]),
        "..".to_owned(),
        String::new(),
        format!("Bearer {token}"),
        format!("{token},{token}"),
    ] {
        assert!(check(&other).is_err(), "{other}");
    }
    let encrypted = json!({"alg": "PBES2-HS512+A256KW", "enc": "A256GCM", "p2c": 1_000_000_000, "p2s": "AA"});
    let jwe = format!("{}.AA.AA.AA.AA", base64url::encode(encrypted.to_string()));
    assert_eq!(check(&jwe).unwrap_err(), Error::Malformed("not three parts of base64url"));
}

#[test]
fn a19_a_token_has_one_encoding() {
    // A header of 1 byte over a multiple of 3, so that its last character has bits to spare.
    let header = with(header(), "x", json!("ab"));
    let token = signed(&header, claims());
    assert!(check(&token).is_ok());
    let parts: Vec<&str> = token.split('.').collect();
    let [head, body, signature] = parts[..] else { panic!() };
    assert_ne!(head.len() % 4, 0, "the case needs spare bits");
    let spare = |part: &str| {
        let (rest, last) = part.split_at(part.len() - 1);
        let next = char::from(last.as_bytes()[0] + 1);
        format!("{rest}{next}")
    };
    for other in [
        format!("{head}={}.{body}.{signature}", if head.len() % 4 == 2 { "=" } else { "" }),
        format!("{}.{body}.{signature}", spare(head)),
        format!("{head}.{body}.{}", spare(signature)),
        format!("{head}.{body}.{signature}=="),
        format!("{head}.{body}.{signature}\n"),
        format!(" {token}"),
        format!("{head}.{body} .{signature}"),
        format!("{head}.\n{body}.{signature}"),
        format!("{head}.{body}.{}", signature.replace(['-', '_'], "+")),
        format!("{head}.{body}.{signature}A"),
    ] {
        assert!(other != token && check(&other).is_err(), "{other}");
    }
}

#[test]
fn rs256_is_verified_and_never_with_a_short_key() {
    // RFC 7515 appendix A.2: no typ, no kid, so by rules of its own.
    let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    let jwk = |n: &str, e: &str| Jwk::from_value(&json!({"kty": "RSA", "n": n, "e": e}));
    let key = jwk(n, "AQAB").unwrap();
    let expect = Expect {
        typ: Typ::AbsentOr(&[]),
        embedded_key: false,
        issuer: Some("joe"),
        subject: None,
        audience: Audience::Unasked,
        lifetime: Lifetime::Ends { max: 600, leeway: 0 },
        now: 1_300_819_000,
    };
    assert!(verify(token, &expect, &|_| Some(key.clone())).is_ok());
    let changed = token.replace(".cC4h", ".cC4i");
    assert_eq!(verify(&changed, &expect, &|_| Some(key.clone())).unwrap_err(), Error::Signature);
    for (n, e) in
        [(n, "Aw"), (n, "AAEAAQ"), (n.split_at(172).0, "AQAB"), (&format!("AAAA{n}"), "AQAB"), ("", "AQAB")]
    {
        assert!(jwk(n, e).is_err(), "{e}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_byte_changed_is_refused(at in 0usize..1000, byte in 0u8..=127) {
        let token = signed(header(), claims());
        let at = at % token.len();
        let mut bytes = token.clone().into_bytes();
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        prop_assert!(check(std::str::from_utf8(&bytes).unwrap()).is_err());
    }

    #[test]
    fn any_piece_removed_or_doubled_is_refused(from in 0usize..1000, length in 1usize..8) {
        let token = signed(header(), claims());
        let from = from % token.len();
        let to = (from + length).min(token.len());
        let ((before, after), (through, beyond)) = (token.split_at(from), token.split_at(to));
        let (removed, doubled) = (format!("{before}{beyond}"), format!("{through}{after}"));
        prop_assert!(check(&removed).is_err() && check(&doubled).is_err());
    }

    #[test]
    fn any_text_is_refused_without_a_panic(text in "[ -~]{0,40}(\\.[A-Za-z0-9_=-]{0,40}){0,3}") {
        prop_assert!(check(&text).is_err());
    }
}
