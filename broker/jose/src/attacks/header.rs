use serde_json::{Value, json};

use super::*;

#[test]
fn a01_alg_none_in_any_spelling_is_refused() {
    for alg in ["none", "None", "nOnE", "NONE", "", "eddsa", "EdDSA ", "Ed25519", "HS256"] {
        assert!(matches!(header_with("alg", json!(alg)), Error::Header(_)), "{alg}");
        let unsigned = base64url::encode(with(header(), "alg", json!(alg)).to_string());
        let bare = format!("{unsigned}.{}.", base64url::encode(claims().to_string()));
        assert!(check(&bare).is_err(), "{alg}");
    }
    assert!(matches!(header_with("alg", Value::Null), Error::Header(_)));
    assert!(matches!(header_with("alg", json!(["EdDSA"])), Error::Header(_)));
    assert!(matches!(header_with("alg", json!(null)), Error::Header(_)));
}

#[test]
fn a06_a_key_in_the_header_is_refused() {
    // Signed by the attacker, who brings the key along.
    let jwk = attacker_key().public().to_value();
    let forged = crate::sign::sign_embedding_key(&attacker_key(), "at+jwt", &claims()).unwrap();
    assert_eq!(check(&forged).unwrap_err(), Error::Header("a key of its own is not accepted"));
    // And even where the signature is the issuer's.
    assert_eq!(header_with("jwk", jwk), Error::Header("a key of its own is not accepted"));
}

#[test]
fn a07_a08_a13_a18_parameters_that_fetch_or_change_the_reading_are_refused() {
    for (name, value) in [
        ("jku", json!("https://attacker.example/jwks")),
        ("x5u", json!("https://attacker.example/cert")),
        ("x5c", json!(["MIIB"])),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("p2c", json!(1_000_000_000)),
        ("epk", json!({})),
    ] {
        assert_eq!(header_with(name, value), Error::Header("a parameter that is not accepted"), "{name}");
    }
    let unencoded = with(with(header(), "b64", json!(false)), "crit", json!(["b64"]));
    assert!(matches!(check(&signed(unencoded, claims())), Err(Error::Header(_))));
    // What selects nothing is ignored (RFC 7515 s4).
    assert!(check(&signed(with(header(), "x5t", json!("AA")), claims())).is_ok());
}

#[test]
fn a09_kid_is_a_name_and_nothing_else() {
    let long = "k".repeat(129);
    for kid in ["", "k 1", "k\u{0}1", "k\n1", "ké1", long.as_str(), &"k".repeat(4000)] {
        assert!(matches!(header_with("kid", json!(kid)), Error::Header(_)), "{kid:?}");
    }
    for kid in [json!(["k1"]), json!(1), json!({"k1": 1}), json!(null)] {
        assert!(matches!(header_with("kid", kid.clone()), Error::Header(_) | Error::Key(_)), "{kid}");
    }
    for kid in ["../../dev/null", "'OR/**/1=1--", "*)(", "K1", "k2", "k1%00"] {
        assert_eq!(header_with("kid", json!(kid)), Error::Key("no key for this token"), "{kid}");
    }
    assert_eq!(header_with("kid", Value::Null), Error::Key("no key for this token"));
}

#[test]
fn a12_crit_is_refused() {
    for crit in [json!(["x"]), json!([]), json!(["exp"]), json!(["absent"]), json!("x"), json!(1)] {
        assert_eq!(
            header_with("crit", crit.clone()),
            Error::Header("a parameter that is not accepted"),
            "{crit}"
        );
    }
}

#[test]
fn a14_another_typ_is_refused() {
    let kinds = [
        "JWT",
        "jwt",
        "dpop+jwt",
        "txntoken+jwt",
        "oauth-id-jag+jwt",
        "client-authentication+jwt",
        "",
        "at+jwt ",
        "at+jwt;x=1",
        "application/application/at+jwt",
        "text/at+jwt",
        "at jwt",
        "at+jwt\u{0}",
        "ат+jwt",
    ];
    for typ in kinds {
        assert_eq!(header_with("typ", json!(typ)), Error::Header("typ is of another kind of token"), "{typ}");
    }
    assert_eq!(header_with("typ", Value::Null), Error::Header("typ is of another kind of token"));
    assert!(matches!(header_with("typ", json!(["at+jwt"])), Error::Header(_)));
}

#[test]
fn a16_typ_is_a_media_type_so_case_and_the_prefix_do_not_count() {
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"] {
        assert!(check(&signed(with(header(), "typ", json!(typ)), claims())).is_ok(), "{typ}");
    }
}

#[test]
fn a20_a_header_member_twice_is_refused() {
    for text in [
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k1","alg":"EdDSA"}"#,
        r#"{"typ":"at+jwt","alg":"none","kid":"k1","alg":"EdDSA"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k1","\u0061lg":"EdDSA"}"#,
        r#"{"typ":"JWT","alg":"EdDSA","kid":"k1","\u0074yp":"at+jwt"}"#,
    ] {
        assert_eq!(
            check(&signed(text, claims())).unwrap_err(),
            Error::Malformed("the header is not strict JSON")
        );
    }
    assert!(check(&signed(r#"{"\u0074yp":"at+jwt","alg":"EdDSA","kid":"k1"}"#, claims())).is_ok());
}

#[test]
fn a27_a28_a_header_that_is_deep_or_in_another_encoding_is_refused() {
    let deep = format!(
        r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"k1","x":{}{}}}"#,
        "[".repeat(2000),
        "]".repeat(2000)
    );
    let bom = format!("\u{feff}{}", header());
    let utf16: Vec<u8> = header().to_string().encode_utf16().flat_map(u16::to_le_bytes).collect();
    let surrogate = r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k1","x":"\ud800"}"#;
    for bytes in [
        deep.as_bytes(),
        bom.as_bytes(),
        &utf16,
        surrogate.as_bytes(),
        b"{\"typ\":\"at+jwt\xff\"}",
        b"[]",
        b"1",
    ] {
        let claims = claims().to_string();
        assert!(matches!(check(&signed_bytes(bytes, claims.as_bytes())), Err(Error::Malformed(_))));
    }
}
