use http::Request;

use super::*;
use crate::model::RecordId;

const TOKEN: &str = "canary-token-0123456789";

fn id(digit: char) -> CredentialId {
    CredentialId::parse(&format!("crd_{}", digit.to_string().repeat(32))).unwrap()
}

fn receipt(digest: Option<[u8; 32]>) -> Receipt {
    Receipt::for_test(RecordId::parse(&format!("rec_{}", "0".repeat(32))).unwrap(), digest)
}

fn bearer() -> Carrier {
    Carrier::new("authorization", "Bearer {}")
}

fn vault() -> Vault {
    Vault::unsealed(Kek::generate(&Clock::system()).unwrap())
}

fn stored(vault: &Vault, credential: CredentialId, version: i64) -> SecretVersion {
    let clock = Clock::system();
    let sealed =
        vault.seal_credential(&clock, &credential, version, &Secret::from(TOKEN.to_owned())).unwrap();
    SecretVersion { credential, version, sealed, created_at: clock.now() }
}

fn injection(carrier: &Carrier) -> Result<Injection, Error> {
    let vault = vault();
    let secret = stored(&vault, id('1'), 1);
    vault.open(Permit::for_test(id('1'), [5; 32]), receipt(Some([5; 32])), &secret, carrier)
}

fn parts(headers: &[(&'static str, &'static str)]) -> Parts {
    let request =
        headers.iter().fold(Request::builder(), |request, (name, value)| request.header(*name, *value));
    request.body(()).unwrap().into_parts().0
}

#[test]
fn the_credential_reaches_the_header_and_the_screen_knows_it() {
    let mut parts = parts(&[("accept", "*/*")]);
    let mut screen = injection(&bearer()).unwrap().apply(&mut parts).unwrap();
    assert_eq!(parts.headers["authorization"], format!("Bearer {TOKEN}"));
    assert!(parts.headers["authorization"].is_sensitive());
    assert_eq!(parts.headers["accept"], "*/*");
    let echo = screen.push(bytes::Bytes::from(format!("you sent {TOKEN}.")));
    assert_eq!(echo, "you sent [stint:redacted].");
    assert!(screen.found());
}

#[test]
fn h2_every_spelling_of_the_header_is_removed_and_one_injected() {
    let mut parts = parts(&[
        ("x-api-key", "mine"),
        ("X-Api-Key", "two"),
        ("x_api_key", "three"),
        ("X-API_KEY", "four"),
        ("x-api-key2", "other"),
    ]);
    let carrier = Carrier::new("x-api-key", "{}");
    let _ = injection(&carrier).unwrap().apply(&mut parts).unwrap();
    assert_eq!(parts.headers.get_all("x-api-key").iter().collect::<Vec<_>>(), [TOKEN]);
    assert_eq!(parts.headers.len(), 2);
    assert_eq!(parts.headers["x-api-key2"], "other");
}

#[test]
fn h1_a_connection_header_that_names_the_carrier_stops_the_injection() {
    for value in ["authorization", "close, Authorization", "keep-alive ,AUTHORIZATION "] {
        let mut parts = parts(&[("connection", value)]);
        assert_eq!(
            injection(&bearer()).unwrap().apply(&mut parts).unwrap_err(),
            Error::NotPermitted,
            "{value}"
        );
        assert!(!parts.headers.contains_key("authorization"));
    }
    let mut parts = parts(&[("connection", "close")]);
    assert!(injection(&bearer()).unwrap().apply(&mut parts).is_ok());
}

#[test]
fn a_permit_for_another_credential_opens_nothing() {
    let vault = vault();
    let secret = stored(&vault, id('1'), 1);
    let permit = Permit::for_test(id('2'), [5; 32]);
    let opened = vault.open(permit, receipt(Some([5; 32])), &secret, &bearer());
    assert_eq!(opened.unwrap_err(), Error::NotPermitted);
}

#[test]
fn e1_a_receipt_for_another_request_or_for_none_opens_nothing() {
    let vault = vault();
    let secret = stored(&vault, id('1'), 1);
    for digest in [Some([6; 32]), None] {
        let opened = vault.open(Permit::for_test(id('1'), [5; 32]), receipt(digest), &secret, &bearer());
        assert_eq!(opened.unwrap_err(), Error::NotPermitted);
    }
}

#[test]
fn m1_a_row_that_claims_another_credential_or_version_does_not_open() {
    let vault = vault();
    let open = |secret: &SecretVersion| {
        let permit = Permit::for_test(secret.credential.clone(), [5; 32]);
        vault.open(permit, receipt(Some([5; 32])), secret, &bearer()).map(|_| ())
    };
    let secret = stored(&vault, id('1'), 1);
    assert_eq!(open(&secret), Ok(()));
    assert_eq!(open(&SecretVersion { credential: id('2'), ..secret.clone() }), Err(Error::Failed));
    assert_eq!(open(&SecretVersion { version: 2, ..secret }), Err(Error::Failed));
}

#[test]
fn m1_a_credential_does_not_open_as_a_signing_key() {
    let vault = vault();
    let clock = Clock::system();
    let credential = stored(&vault, id('1'), 1);
    assert_eq!(vault.open_signing_key(id('1').as_str(), 1, &credential.sealed).unwrap_err(), Error::Failed);
    let key = vault.seal_signing_key(&clock, "audit", 1, &Secret::new(vec![7; 32])).unwrap();
    assert_eq!(vault.open_signing_key("audit", 1, &key).unwrap().expose(), [7; 32]);
    assert_eq!(vault.open_signing_key("token", 1, &key).unwrap_err(), Error::Failed);
}

#[test]
fn a_sealed_vault_seals_and_opens_nothing() {
    let vault = vault();
    let secret = stored(&vault, id('1'), 1);
    vault.seal();
    assert!(vault.is_sealed());
    let opened = vault.open(Permit::for_test(id('1'), [5; 32]), receipt(Some([5; 32])), &secret, &bearer());
    assert_eq!(opened.unwrap_err(), Error::Sealed);
    assert_eq!(vault.fingerprint(&Secret::new(vec![1])).unwrap_err(), Error::Sealed);
    assert_eq!(vault.open_signing_key("audit", 1, &secret.sealed).unwrap_err(), Error::Sealed);
    let sealed = vault.seal_credential(&Clock::system(), &id('1'), 2, &Secret::new(vec![1]));
    assert_eq!(sealed.unwrap_err(), Error::Sealed);
}

#[test]
fn k5_a_carrier_that_does_not_say_exactly_one_place_is_refused() {
    for format in ["Bearer", "{}{}", "{0}", "Bearer {} {x}", "", "{{}}"] {
        let carrier = Carrier::new("authorization", format);
        assert_eq!(injection(&carrier).unwrap_err(), Error::NotPermitted, "{format:?}");
    }
    for header in ["", "x y", "x:y", "x\r\ny"] {
        let carrier = Carrier::new(header, "{}");
        assert_eq!(injection(&carrier).unwrap_err(), Error::NotPermitted, "{header:?}");
    }
}

#[test]
fn h7_a_format_with_a_line_break_is_refused() {
    let carrier = Carrier::new("authorization", "Bearer {}\r\nx: y");
    assert_eq!(injection(&carrier).unwrap_err(), Error::Failed);
}

#[test]
fn k8_debug_of_vault_injection_and_request_shows_nothing_of_the_secret() {
    let injection = injection(&bearer()).unwrap();
    assert_eq!(format!("{injection:?}"), "Injection(authorization: [redacted])");
    let mut parts = parts(&[]);
    let screen = injection.apply(&mut parts).unwrap();
    assert!(!format!("{parts:?} {screen:?} {:?}", vault()).contains("canary"));
}

/// Two headers of one secret: the part that is public and the key, which alone is looked for in answers.
#[test]
fn a_secret_of_two_parts_fills_two_headers() {
    let carrier = Carrier { user_header: Some("x-auth-email".into()), ..Carrier::new("x-auth-key", "{}") };
    let injection =
        Injection::new(&Secret::new(b"robin@example.com:0123abcd4567".to_vec()), &carrier, None).unwrap();
    let mut request = Request::builder()
        .header("X_Auth_Email", "other@example.com")
        .header("x-auth-email", "another@example.com")
        .header("x-auth-key", "k")
        .body(())
        .unwrap();
    request.headers_mut().append("x-auth-key", "l".parse().unwrap());
    let (mut parts, ()) = request.into_parts();
    let _ = injection.apply(&mut parts).unwrap();
    assert_eq!(parts.headers.len(), 2, "{:?}", parts.headers);
    assert_eq!(parts.headers["x-auth-email"], "robin@example.com");
    assert_eq!(parts.headers["x-auth-key"], "0123abcd4567");
    assert!(parts.headers.values().all(HeaderValue::is_sensitive));
    for wrong in ["0123abcd4567", ":0123abcd4567", "robin@example.com:"] {
        assert!(Injection::new(&Secret::new(wrong.as_bytes().to_vec()), &carrier, None).is_err(), "{wrong}");
    }
    let mut parts = Request::builder().header("connection", "X-Auth-Email").body(()).unwrap().into_parts().0;
    let injection = Injection::new(&Secret::new(b"a@b.c:0123abcd4567".to_vec()), &carrier, None).unwrap();
    assert!(injection.apply(&mut parts).is_err(), "a connection header names the second one");
}
