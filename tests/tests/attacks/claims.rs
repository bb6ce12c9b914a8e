//! Group A, what a token says: signed by the broker's own key, and refused all the same.

use serde_json::{Value, json};
use stint_standin::Github;

use super::client::now;
use super::forge::{encode, jws, jws_bytes, taken_apart, with};
use super::ground::{Call, Ground};
use super::issuer::Issuer;
use super::tokens::{TARGET, presented, refused};

#[test]
fn a17_a18_a19_only_one_spelling_of_a_compact_token_is_read() {
    let ground = Ground::lay(Github::seeded());
    let parts: Vec<&str> = ground.token.split('.').collect();
    let [head, body, signature] = parts[..] else { panic!() };
    let flattened = json!({"protected": head, "payload": body, "signature": signature}).to_string();
    let general = json!({"payload": body, "signatures": [{"protected": head, "signature": signature}, {"protected": head, "signature": signature}]});
    let jwe = json!({"alg": "PBES2-HS512+A256KW", "enc": "A256GCM", "p2c": 1_000_000_000, "p2s": "AA", "zip": "DEF"});
    let spare = |part: &str| {
        let (rest, last) = part.split_at(part.len() - 1);
        format!("{rest}{}", char::from(last.as_bytes()[0] + 1))
    };
    for token in [
        flattened,
        general.to_string(),
        format!("{}.AA.AA.AA.AA", encode(jwe.to_string())),
        format!("{head}.{body}.{signature}.{signature}"),
        format!("{head}.{body}.{signature}."),
        format!(".{head}.{body}.{signature}"),
        format!("{head}..{signature}"),
        format!("{head}.{body}"),
        format!("{head}.{body}."),
        "..".to_owned(),
        "x".to_owned(),
        format!("{head}=.{body}.{signature}"),
        format!("{head}.{body}.{signature}=="),
        format!("{head}.{body}.{signature}="),
        format!("{head}.{body}.{}", spare(signature)),
        format!("{head}.{body}.{}", signature.replace(['-', '_'], "+") + "+"),
        format!("{head}.{body} .{signature}"),
        format!(" {head}.{body}.{signature}"),
        format!("{head}.{body}.{signature},{head}.{body}.{signature}"),
        format!("{head}.{body}.{signature} x"),
    ] {
        refused(&ground, &token.chars().take(80).collect::<String>(), &token);
    }
}

#[test]
fn a20_a27_a28_json_that_reads_two_ways_is_refused() {
    let ground = Ground::lay(Github::seeded());
    let issuer = Issuer::stolen_from(&ground.broker);
    let (header, claims) = taken_apart(&ground.token);
    let (header, claims) = (header.to_string(), claims.to_string());
    let session = "\"https://stint.dev/session\":\"ses_00000000000000000000000000000000\"";
    let add = |text: &str, more: &str| format!("{{{more},{}", text.strip_prefix('{').unwrap());
    let deep = format!("{}{}", "[".repeat(1500), "]".repeat(1500));
    for (what, header, claims) in [
        ("two algs", add(&header, "\"alg\":\"none\""), claims.clone()),
        ("two subs", header.clone(), add(&claims, "\"sub\":\"person:admin\"")),
        ("two auds", header.clone(), add(&claims, "\"aud\":\"x\"")),
        ("escaped aud", header.clone(), add(&claims, "\"\\u0061ud\":\"x\"")),
        ("two exps", header.clone(), add(&claims, "\"exp\":99999999999")),
        ("two sessions", header.clone(), add(&claims, session)),
        ("deep", header.clone(), add(&claims, &format!("\"x\":{deep}"))),
        ("deep header", add(&header, &format!("\"x\":{deep}")), claims.clone()),
        ("an unknown claim", header.clone(), add(&claims, "\"admin\":true")),
        ("a comment", header.clone(), format!("{claims}//x")),
        ("two objects", header.clone(), format!("{claims}{claims}")),
        ("an array", header.clone(), format!("[{claims}]")),
        ("a lone surrogate", header.clone(), add(&claims, "\"x\":\"\\ud800\"")),
        ("a trailing comma", header.clone(), claims.replace('}', ",}")),
    ] {
        refused(&ground, what, &jws(&issuer.key, header, claims));
    }
    let utf16: Vec<u8> = header.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (what, header, claims) in [
        ("BOM", [b"\xef\xbb\xbf", header.as_bytes()].concat(), claims.clone().into_bytes()),
        ("UTF-16", utf16, claims.clone().into_bytes()),
        (
            "not UTF-8",
            header.clone().into_bytes(),
            claims.replace("staging", "st\u{0}ging").replace('\0', "\u{fffd}").into_bytes(),
        ),
        (
            "invalid UTF-8",
            header.clone().into_bytes(),
            [&claims.as_bytes()[..claims.len() - 1], b",\"x\":\"\xff\"}"].concat(),
        ),
    ] {
        refused(&ground, what, &jws_bytes(&issuer.key, &header, &claims));
    }
    // Larger than a head: refused before anyone reads it as a token.
    let large = jws(&issuer.key, &header, add(&claims, &format!("\"x\":\"{}\"", "a".repeat(20_000))));
    refused(&ground, "20 KB", &large);
    let huge = format!("{}.{}.AA", encode(&header), "A".repeat(1_000_000));
    let bytes = ground.bytes_with(&Call::get(TARGET), &[format!("authorization: DPoP {huge}")]);
    assert_eq!(ground.answer("1 MB", &bytes).status, 431);
}

#[test]
fn a21_to_a26_claims_that_are_not_exactly_right_are_refused() {
    let ground = Ground::lay(Github::seeded());
    let issuer = Issuer::stolen_from(&ground.broker);
    let (header, claims) = taken_apart(&ground.token);
    let at = now();
    let origin = ground.session.issuer.clone();
    let (iss, aud) = (claims["iss"].as_str().unwrap(), claims["aud"].as_str().unwrap());
    let rows = [
        (
            "exp",
            vec![
                json!("9999999999"),
                Value::Null,
                json!(1e300),
                json!(at as f64 + 60.5),
                json!(-1),
                json!(0),
                json!([at + 60]),
                json!(true),
                json!(at),
                json!(at - 1),
                json!(at - 5),
                json!(at + 10 * 365 * 86400),
                json!(at + 3700),
            ],
        ),
        ("iat", vec![json!(at + 60), json!("x"), Value::Null, json!(at - 4000)]),
        ("nbf", vec![json!(at + 60), json!("0"), json!(1e300), json!([0])]),
        (
            "iss",
            vec![
                json!([iss]),
                json!([iss, "x"]),
                json!(format!("{iss}/")),
                json!(iss.to_uppercase()),
                json!("http://localhost"),
                json!(""),
                Value::Null,
                json!(format!("{iss}\u{0}")),
                json!(iss.replace("127", "\u{ff11}27")),
            ],
        ),
        (
            "aud",
            vec![
                json!([aud]),
                json!([aud, "x"]),
                json!(origin),
                json!(format!("{origin}/v1")),
                json!(format!("{aud}/")),
                json!(format!("{aud}/main")),
                json!(aud.to_uppercase()),
                json!(""),
                Value::Null,
                json!({ "aud": aud }),
            ],
        ),
        (
            "sub",
            vec![
                json!(""),
                json!("person:"),
                json!("person:ad\u{0}min"),
                json!("person:\u{430}dmin"),
                json!("person:Admin"),
                json!("admin"),
                json!("root:admin"),
                Value::Null,
                json!(["person:admin"]),
                json!(7),
            ],
        ),
        ("jti", vec![Value::Null, json!(""), json!(7), json!("a".repeat(200))]),
        ("client_id", vec![Value::Null, json!(""), json!([1])]),
        (
            "cnf",
            vec![
                Value::Null,
                json!({}),
                json!({"jkt": ""}),
                json!({"jkt": ["x"]}),
                json!({"x5t#S256": "x"}),
                json!("x"),
            ],
        ),
        (
            "act",
            vec![
                Value::Null,
                json!({}),
                json!({"sub": "person:admin"}),
                json!({"sub": "agent:coder", "act": {"sub": "person:admin"}}),
            ],
        ),
        (
            "authorization_details",
            vec![
                Value::Null,
                json!([]),
                json!([{"type": "stint", "environment": "production"}]),
                json!([{"type": "other", "environment": "staging"}]),
                json!("x"),
            ],
        ),
        ("https://stint.dev/session", vec![Value::Null, json!("ses_x"), json!(""), json!(["x"])]),
        (
            "https://stint.dev/environment",
            vec![Value::Null, json!("production"), json!("Staging"), json!("")],
        ),
    ];
    for (name, values) in rows {
        for value in values {
            refused(
                &ground,
                &format!("{name} {value}"),
                &issuer.sign(&header, &with(&claims, name, value.clone())),
            );
        }
    }
    // All of it consistent, and the session is in staging all the same.
    let details = json!([{ "type": "stint", "environment": "production" }]);
    let elsewhere = with(
        &with(&claims, "authorization_details", details),
        "https://stint.dev/environment",
        json!("production"),
    );
    refused(&ground, "another environment throughout", &issuer.sign(&header, &elsewhere));
    // A session that never was is answered as one that is over.
    let unknown = with(&claims, "https://stint.dev/session", json!("ses_00000000000000000000000000000000"));
    let bytes = presented(&ground, &issuer.sign(&header, &unknown));
    ground.refused_bytes("no such session", &bytes, "session_ended");
}
