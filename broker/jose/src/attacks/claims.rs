use serde_json::{Value, json};

use super::*;

const NOT_OURS: Error = Error::Claim("aud is not the audience asked for");

#[test]
fn a20_a_claim_twice_is_refused() {
    let base = claims().to_string();
    let open = base.strip_suffix('}').unwrap();
    for member in [
        r#""sub":"agent:admin""#.to_owned(),
        format!(r#""aud":"{AUDIENCE}""#),
        format!(r#""exp":{}"#, NOW + 600),
        format!(r#""\u0061ud":"{AUDIENCE}""#),
        r#""x":{"y":1,"\u0079":1}"#.to_owned(),
    ] {
        let token = signed(header(), format!("{open},{member}}}"));
        assert_eq!(
            check(&token).unwrap_err(),
            Error::Malformed("the claims are not strict JSON"),
            "{member}"
        );
    }
    assert!(check(&signed(header(), format!(r#"{open},"x":{{"y":1}}}}"#))).is_ok());
}

#[test]
fn a21_times_are_whole_seconds() {
    let wrong = Error::Claim("a time is not an integer");
    for name in ["exp", "iat", "nbf"] {
        let seconds = NOW + 60;
        for value in [
            json!(seconds.to_string()),
            json!(seconds as f64),
            json!(1e300),
            json!(-1),
            json!([seconds]),
            json!(true),
        ] {
            assert_eq!(claims_with(name, value.clone()), wrong, "{name} {value}");
        }
        let null = claims().to_string().replacen('{', &format!(r#"{{"{name}":null,"#), 1);
        assert!(check(&signed(header(), null)).is_err(), "{name} null");
    }
    // Beyond 64 bits, and a fraction that is none.
    for text in ["18446744073709551616", "9223372036854775808", "1800000300.0", "18e8"] {
        let token =
            claims().to_string().replace(&format!(r#""exp":{}"#, NOW + 600), &format!(r#""exp":{text}"#));
        assert_eq!(check(&signed(header(), token)).unwrap_err(), wrong, "{text}");
    }
    assert_eq!(claims_with("exp", Value::Null), Error::Claim("exp is missing"));
    assert_eq!(claims_with("exp", json!(i64::MAX)), Error::Claim("lives longer than is allowed"));
}

#[test]
fn a22_an_ended_or_too_long_life_is_refused() {
    for exp in [NOW, NOW - 1, NOW - 5, 0] {
        let claims = with(with(claims(), "iat", json!(exp.clamp(0, NOW - 10))), "exp", json!(exp));
        assert_eq!(check(&signed(header(), claims)).unwrap_err(), Error::Expired, "{exp}");
    }
    let last = with(with(claims(), "iat", json!(NOW - 599)), "exp", json!(NOW + 1));
    assert!(check(&signed(header(), last)).is_ok());
    assert!(check(&signed(header(), with(claims(), "exp", json!(NOW + 3600)))).is_ok());
    for exp in [NOW + 3601, NOW + 10 * 365 * 86_400] {
        assert_eq!(claims_with("exp", json!(exp)), Error::Claim("lives longer than is allowed"), "{exp}");
    }
    // Without `iat` it counts from now; an early `iat` does not make room for a long life.
    let undated = with(claims(), "iat", Value::Null);
    assert!(check(&signed(header(), with(undated, "exp", json!(NOW + 3606)))).is_err());
    let old = with(with(claims(), "iat", json!(NOW - 86_400)), "exp", json!(NOW + 60));
    assert!(check(&signed(header(), old)).is_err());
}

#[test]
fn a23_what_begins_in_the_future_is_refused() {
    assert_eq!(claims_with("nbf", json!(NOW + 6)), Error::Claim("nbf is in the future"));
    assert_eq!(claims_with("iat", json!(NOW + 6)), Error::Claim("iat is in the future"));
    let ahead = with(with(claims(), "iat", json!(NOW + 5)), "nbf", json!(NOW + 5));
    assert!(check(&signed(header(), ahead)).is_ok());
}

#[test]
fn a24_iss_is_the_issuer_byte_for_byte() {
    for iss in [
        "https://broker.example/",
        "https://BROKER.example",
        "HTTPS://broker.example",
        "https://brokеr.example",
        "https://broker.example.evil",
        "http://broker.example",
        " https://broker.example",
    ] {
        assert_eq!(claims_with("iss", json!(iss)), Error::Claim("iss is not the issuer asked for"), "{iss}");
    }
    assert_eq!(claims_with("iss", Value::Null), Error::Claim("iss is not the issuer asked for"));
    for iss in [json!([ISSUER]), json!(["evil", ISSUER]), json!({ISSUER: 1}), json!(1)] {
        assert!(matches!(claims_with("iss", iss.clone()), Error::Claim(_)), "{iss}");
    }
}

#[test]
fn a25_aud_is_one_string_and_ours() {
    for aud in [
        json!([AUDIENCE]),
        json!([AUDIENCE, "https://other.example"]),
        json!([]),
        json!(ISSUER),
        json!(format!("{AUDIENCE}/")),
        json!("https://broker.example/Gateway"),
        json!("https://broker.example/gateway2"),
        json!("https://broker.example/v1"),
        json!(""),
        json!("*"),
        json!({AUDIENCE: 1}),
        json!(1),
        Value::Null,
    ] {
        assert_eq!(claims_with("aud", aud.clone()), NOT_OURS, "{aud}");
    }
}

#[test]
fn a26_sub_is_a_plain_string() {
    for sub in [
        json!(""),
        json!("agent:ci\u{0}"),
        json!("agent\n:ci"),
        json!("agent:\u{85}"),
        json!(["agent:ci"]),
        json!(7),
        json!("a".repeat(513)),
    ] {
        assert_eq!(
            claims_with("sub", sub.clone()),
            Error::Claim("iss, sub or jti is not a plain string"),
            "{sub}"
        );
    }
    assert!(matches!(claims_with("jti", json!("j".repeat(129))), Error::Claim(_)));
}

#[test]
fn a27_depth_length_and_number_are_bounded() {
    let deep = |n: usize| {
        let nested = format!("{}{}", "[".repeat(n), "]".repeat(n));
        signed(header(), claims().to_string().replacen('{', &format!(r#"{{"x":{nested},"#), 1))
    };
    assert!(check(&deep(30)).is_ok());
    assert_eq!(check(&deep(2500)).unwrap_err(), Error::Malformed("the claims are not strict JSON"));
    assert_eq!(check(&deep(10_000)).unwrap_err(), Error::Malformed("longer than 8 KiB"));
    let many: serde_json::Map<String, Value> = (0..100_000).map(|n| (n.to_string(), json!(n))).collect();
    assert_eq!(
        check(&signed(header(), Value::Object(many))).unwrap_err(),
        Error::Malformed("longer than 8 KiB")
    );
    assert_eq!(check(&"a".repeat(1 << 20)).unwrap_err(), Error::Malformed("longer than 8 KiB"));
    assert_eq!(check(&".".repeat(8192)).unwrap_err(), Error::Malformed("not three parts of base64url"));
}

#[test]
fn a28_claims_in_another_encoding_are_refused() {
    let json = claims().to_string();
    let utf16: Vec<u8> = json.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let bom = format!("\u{feff}{json}");
    let overlong = [json.replacen('}', r#","x":""#, 1).as_bytes(), b"\xc0\xaf\"}"].concat();
    let surrogate = json.replacen('{', r#"{"x":"\udead","#, 1);
    for bytes in [&utf16, bom.as_bytes(), &overlong, surrogate.as_bytes(), b"\"text\"", b"null", b""] {
        let token = signed_bytes(header().to_string().as_bytes(), bytes);
        assert!(matches!(check(&token), Err(Error::Malformed(_))), "{bytes:?}");
    }
}
