//! What browsers send for people: passkeys, forms with files, and what a provider of identities answers.

use std::fmt::Write as _;

use stint_broker::console;
use stint_broker::identity::oidc;
use stint_broker::identity::webauthn::{Assertion, Kept, Registration, RelyingParty, challenge_of};

use super::{Target, texts};

const ORIGIN: &str = "https://broker.example";
const CHALLENGE: &str = "AAAAAAAAAAAAAAAAAAAAAA";
/// SHA-256 of `broker.example`.
const RP_ID_HASH: [u8; 32] = [
    0x7b, 0x97, 0xb3, 0x6c, 0xd7, 0x7b, 0x73, 0xb8, 0x82, 0x8a, 0x2c, 0xf7, 0xc0, 0xea, 0x1d, 0x8f, 0x22,
    0xde, 0xba, 0x2e, 0x63, 0xb0, 0xf9, 0xb3, 0xdc, 0x83, 0xc9, 0x5b, 0xc4, 0x2b, 0x60, 0xd9,
];
/// The base point of P-256 (SEC 2 s2.4.2): a public key like any other.
const POINT: [&[u8; 32]; 2] = [
    b"\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96",
    b"\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5",
];

/// COSE keys (RFC 9053): ES256 on P-256, and EdDSA.
fn keys() -> [Vec<u8>; 2] {
    let [x, y] = POINT;
    let ec = [b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20".as_slice(), x, b"\x22\x58\x20", y].concat();
    let ed = [b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20".as_slice(), x].concat();
    [ec, ed]
}

/// Authenticator data (WebAuthn s6.1): a person was there and proved who they are; with a credential where a key is given.
fn data(key: Option<&[u8]>) -> Vec<u8> {
    let flags: u8 = if key.is_some() { 0x45 } else { 0x05 };
    let mut all = [RP_ID_HASH.as_slice(), &[flags, 0, 0, 0, 7]].concat();
    if let Some(key) = key {
        all.extend([0; 16]);
        all.extend(b"\x00\x04abcd");
        all.extend(key);
    }
    all
}

fn client(kind: &str) -> String {
    format!(
        "{{\"type\":\"{kind}\",\"challenge\":\"{CHALLENGE}\",\"origin\":\"{ORIGIN}\",\"crossOrigin\":false}}\n"
    )
}

/// The client's data on a line, then the attestation, or authenticator data.
pub(super) const PASSKEYS: Target = Target {
    name: "passkeys",
    seeds: || {
        let mut all = Vec::new();
        for key in keys() {
            let data = data(Some(&key));
            let length = u8::try_from(data.len()).unwrap_or_default();
            let attestation =
                [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".as_slice(), &[length], &data].concat();
            all.push([client("webauthn.create").as_bytes(), &attestation].concat());
        }
        all.push([client("webauthn.get").as_bytes(), &data(None)].concat());
        all
    },
    words: &[
        "webauthn.get",
        "webauthn.create",
        CHALLENGE,
        "https://evil.example",
        "\"crossOrigin\":true",
        "\"topOrigin\":\"x\"",
        "\\u0061",
        "authData",
        "fmt",
        "attStmt",
        "null",
        "{}",
        "[]",
    ],
    run: |input| {
        let party = RelyingParty::of(ORIGIN).ok_or("the origin is none")?;
        let at = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
        let (client_data, rest) = input.split_at(at);
        let rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        let mut said = format!("{:?}", challenge_of(client_data).map(|challenge| challenge.len() > 40));
        match party.register(&Registration { client_data, attestation: rest }, CHALLENGE) {
            Ok(registered) => {
                if challenge_of(client_data).as_deref() != Ok(CHALLENGE) {
                    return Err("a credential was made for another challenge".to_owned());
                }
                let length = registered.id.len();
                if length == 0 || length > 1023 || registered.public.len() > rest.len() {
                    return Err(format!("a credential of {length} bytes was made"));
                }
                let _ = write!(said, " registered {}", registered.eligible);
            }
            Err(why) => said.push_str(why.0),
        }
        let [key, _] = keys();
        let kept = Kept { public: &key, counter: 3, eligible: false };
        // Nobody holds the key of the base point here: whatever the bytes, there is no good signature.
        let signature = rest.get(37..).unwrap_or_default();
        match party.authenticate(
            &Assertion { client_data, authenticator_data: rest, signature },
            CHALLENGE,
            &kept,
        ) {
            Ok(_) => return Err("an assertion without a signature was taken".to_owned()),
            Err(why) => said.push_str(why.0),
        }
        Ok(said)
    },
};

/// The content type on a line, then the form.
pub(super) const UPLOADS: Target = Target {
    name: "uploads",
    seeds: || {
        texts(&[
            "multipart/form-data; boundary=x\n--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nrailway\r\n--x\r\nContent-Disposition: form-data; name=\"secret_file\"; filename=\"a\"\r\nContent-Type: text/plain\r\n\r\nkey\n\r\n--x--\r\n",
            "multipart/form-data; boundary=a\n--a--\r\n",
            "multipart/form-data; boundary=\"----WebKitFormBoundaryA1\"\n------WebKitFormBoundaryA1\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n\r\n------WebKitFormBoundaryA1--",
        ])
    },
    words: &[
        "--x",
        "--x--",
        "\r\n",
        "\r\n\r\n",
        "boundary=",
        "Content-Disposition: form-data; name=\"",
        "filename=\"",
        ";",
        "\"",
        "\0",
        "é",
        "--",
        "\n",
    ],
    run: |input| {
        let at = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
        let (kind, body) = input.split_at(at);
        let kind = String::from_utf8_lossy(kind);
        let Some(fields) = console::uploaded(&kind, body.strip_prefix(b"\n").unwrap_or(body)) else {
            return Ok("none".to_owned());
        };
        // What was read, written in the plainest way, is read as the same.
        let mut again = String::new();
        for (name, content) in &fields {
            let _ = write!(
                again,
                "--again-{}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n",
                input.len()
            );
        }
        let _ = write!(again, "--again-{}--", input.len());
        let kind = format!("multipart/form-data; boundary=again-{}", input.len());
        let inside = fields.iter().any(|(name, content)| {
            format!("{name}{content}").contains("--again-") || name.contains(['\r', '\n', '"'])
        });
        if !inside && console::uploaded(&kind, again.as_bytes()).as_ref() != Some(&fields) {
            return Err(format!("{fields:?} is not read again from {again:?}"));
        }
        let lengths: Vec<(usize, usize)> =
            fields.iter().map(|(name, content)| (name.len().min(9), content.len().min(3))).collect();
        Ok(format!("{lengths:?}"))
    },
};

/// What a provider of identities says of itself, and answers to a code.
pub(super) const PROVIDERS: Target = Target {
    name: "identities",
    seeds: || {
        texts(&[
            "{\"issuer\":\"https://id.example\",\"authorization_endpoint\":\"https://id.example/a\",\"token_endpoint\":\"https://id.example/t\",\"jwks_uri\":\"https://id.example/k\",\"response_types_supported\":[\"code\"],\"code_challenge_methods_supported\":[\"S256\"],\"id_token_signing_alg_values_supported\":[\"RS256\",\"ES256\"]}",
            "{\"id_token\":\"a.b.c\",\"token_type\":\"Bearer\",\"access_token\":\"x\"}",
            "{\"error\":\"invalid_grant\",\"error_description\":\"no\"}",
        ])
    },
    words: &[
        "\"issuer\":",
        "\"jwks_uri\":\"http://127.0.0.1\"",
        "https://id.example",
        "https://id.example/",
        "\"S256\"",
        "\"id_token\":",
        "null",
        "[]",
        "{}",
        "\\u0061",
        "\"error\":",
    ],
    run: |input| {
        let about = oidc::Discovered::parse(input, "https://id.example");
        if about.is_ok()
            && !input.windows(18).any(|part| part == b"https://id.example")
            && !input.contains(&b'\\')
        {
            return Err("a provider of another issuer was taken".to_owned());
        }
        let token = oidc::id_token(200, input);
        let refused = oidc::id_token(400, input);
        if refused.is_ok() {
            return Err("a token came with a refusal".to_owned());
        }
        Ok(format!(
            "{} {:?} {:?}",
            about.is_ok(),
            about.err().map(|why| why.to_string().len()),
            token.is_ok()
        ))
    },
};
