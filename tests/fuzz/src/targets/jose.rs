//! Tokens, proofs and keys, and the JSON inside them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use stint_jose::{
    ClientAssertion, Jwk, KeySet, ProofExpect, SigningKey, normalise_htu, strict_json, verify_proof,
};

use super::{Target, texts};

const NOW: i64 = 1_790_000_000;
const HTU: &str = "https://broker.example/gateway/railway/graphql/v2";
const DEPTH: usize = 32;

/// Header and claims on a line each: a key signs them, so that what comes after the signature is reached.
pub(super) const TOKENS: Target = Target {
    name: "tokens",
    seeds: || {
        let Some(key) = key() else { return Vec::new() };
        let jwk = key.public().to_value();
        let proof = format!(
            "{{\"typ\":\"dpop+jwt\",\"alg\":\"EdDSA\",\"jwk\":{jwk}}}\n{{\"jti\":\"0123456789abcdef\",\"htm\":\"POST\",\"htu\":\"{HTU}\",\"iat\":{NOW}}}"
        );
        let set = format!("{{\"keys\":[{jwk},{{\"kty\":\"oct\",\"k\":\"AA\"}}]}}\n{HTU}");
        let assertion = "{\"typ\":\"client-authentication+jwt\",\"alg\":\"EdDSA\",\"kid\":\"a\"}\n{\"iss\":\"cli_1\",\"sub\":\"cli_1\",\"aud\":\"https://broker.example\",\"jti\":\"x\",\"iat\":1790000000,\"exp\":1790000060}";
        let mut all = texts(&[assertion]);
        all.extend([proof.into_bytes(), set.into_bytes(), jwk.to_string().into_bytes()]);
        all
    },
    words: &[
        "\"alg\":\"none\"",
        "\"alg\":\"HS256\"",
        "\"alg\":\"ES256\"",
        "\"crit\":[\"exp\"]",
        "\"b64\":false",
        "\"jwk\":",
        "\"kty\":\"OKP\"",
        "\"crv\":\"P-256\"",
        "\"d\":\"AA\"",
        "\"x5c\":[]",
        "\"iat\":",
        "1e300",
        "null",
        "[]",
        "{}",
        "\\u0061",
        "=",
        "%7E",
        ":443",
        "/../",
        "?",
        "#",
    ],
    run: |input| {
        let Some(key) = key() else { return Err("no key".to_owned()) };
        let (head, claims) = halves(input);
        let mut token = format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(claims));
        let signature = key.sign(token.as_bytes());
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature));
        let nonce = |_: Option<&str>, _: i64| true;
        let expect = ProofExpect { htm: "POST", htu: HTU, ath: None, now: NOW, nonce: &nonce };
        let mut said = Vec::new();
        let proof = verify_proof(&token, &expect);
        if let Ok(proof) = &proof {
            // Whatever was accepted says what was asked for.
            let claims: Value = serde_json::from_slice(claims).map_err(|_| "claims that are no JSON")?;
            if claims.get("htm") != Some(&Value::from("POST")) || proof.jkt != key.public().thumbprint() {
                return Err("a proof for something else was accepted".to_owned());
            }
        }
        said.push(outcome(&proof));
        said.push(outcome(&ClientAssertion::verify(&token, "cli_1", "https://broker.example", NOW, &|_| {
            Some(key.public().clone())
        })));
        said.push(outcome(&ClientAssertion::claimed_client(&token)));
        said.push(outcome(&KeySet::parse(head)));
        if let Ok(text) = std::str::from_utf8(head) {
            let jwk = Jwk::parse(text);
            if let Ok(jwk) = &jwk
                && Jwk::from_value(&jwk.to_value()).ok().as_ref().map(Jwk::thumbprint)
                    != Some(jwk.thumbprint())
            {
                return Err("a key that is written out is another".to_owned());
            }
            said.push(outcome(&jwk));
            // As it comes over the wire, in no form at all.
            said.push(outcome(&verify_proof(text, &expect)));
        }
        if let Ok(text) = std::str::from_utf8(claims)
            && let Ok(normal) = normalise_htu(text)
            && normalise_htu(&normal).ok().as_ref() != Some(&normal)
        {
            return Err(format!("{text:?} is not normal after it was made so: {normal:?}"));
        }
        Ok(said.join("; "))
    },
};

/// Strict JSON against a lenient reader: what is taken means the same to both, and has no member twice.
pub(super) const JSON: Target = Target {
    name: "json",
    seeds: || {
        texts(&[
            "{\"a\":{\"b\":[1,2.5e3,-0,true,null]},\"c\":\"\\u00e9\\n\"}",
            "[[[[]]]]",
            "{\"a\":1,\"\\u0061\":2}",
            "\"\\ud83d\\ude00\"",
            "18446744073709551616",
        ])
    },
    words: &[
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"a\":",
        "\\u0061",
        "\\ud800",
        "\u{feff}",
        "1e999",
        "-0",
        "01",
        "NaN",
        "//",
        "\u{0}",
        "[[[[[[[[[[[[[[[[",
    ],
    run: |input| match strict_json::parse(input, DEPTH) {
        Err(error) => Ok(format!("refused {error}")),
        Ok(value) => {
            let other: Value =
                serde_json::from_slice(input).map_err(|error| format!("only one takes it: {error}"))?;
            if other != value {
                return Err(format!("{value} is {other} to another reader"));
            }
            let written = value.to_string();
            if !strict_json::parse(written.as_bytes(), DEPTH).is_ok_and(|again| near(&again, &value)) {
                return Err(format!("{written} is not read as it was written"));
            }
            Ok(shape(&value, 3))
        }
    },
};

/// The same, but for the last bit of fractions, which the reader rounds.
fn near(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= a.abs() * 1e-14,
            _ => false,
        },
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| near(a, b)))
        }
        _ => one == other,
    }
}

fn key() -> Option<SigningKey> {
    SigningKey::from_seed(&[7; 32]).ok()
}

fn halves(input: &[u8]) -> (&[u8], &[u8]) {
    match input.iter().position(|byte| *byte == b'\n') {
        Some(at) => (input.get(..at).unwrap_or_default(), input.get(at + 1..).unwrap_or_default()),
        None => (input, b""),
    }
}

fn outcome<T, E: std::fmt::Display>(result: &Result<T, E>) -> String {
    match result {
        Ok(_) => "taken".to_owned(),
        Err(error) => error.to_string().chars().filter(|c| !c.is_ascii_digit()).collect(),
    }
}

fn shape(value: &Value, depth: usize) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(number) => if number.is_f64() { "float" } else { "int" }.to_owned(),
        Value::String(_) => "text".to_owned(),
        _ if depth == 0 => "deep".to_owned(),
        Value::Array(items) => {
            format!(
                "[{}]",
                items.iter().take(3).map(|item| shape(item, depth - 1)).collect::<Vec<_>>().join(",")
            )
        }
        Value::Object(members) => {
            format!(
                "{{{}}}",
                members.values().take(3).map(|item| shape(item, depth - 1)).collect::<Vec<_>>().join(",")
            )
        }
    }
}
