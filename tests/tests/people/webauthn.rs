//! Web Authentication Level 3, s7.1 and s7.2: each check by an authenticator that is right in everything else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use stint_broker::identity::webauthn::{Assertion, Kept, Registered, Registration, RelyingParty};
use stint_tests::authenticator::{Authenticator, Given, Made, attestation};

const ORIGIN: &str = "http://localhost:7380";
const CHALLENGE: &str = "Y2hhbGxlbmdl";

fn party() -> RelyingParty {
    RelyingParty::of(ORIGIN).unwrap()
}

fn register(made: &Made) -> Result<Registered, String> {
    let registration = Registration { client_data: &made.client_data, attestation: &made.attestation };
    party().register(&registration, CHALLENGE).map_err(|error| error.to_string())
}

fn authenticate(given: &Given, kept: &Registered) -> Result<u32, String> {
    let assertion = Assertion {
        client_data: &given.client_data,
        authenticator_data: &given.authenticator_data,
        signature: &given.signature,
    };
    let kept = Kept { public: &kept.public, counter: kept.counter, eligible: kept.eligible };
    party().authenticate(&assertion, CHALLENGE, &kept).map_err(|error| error.to_string())
}

/// What becomes of both ceremonies once something was changed after a good registration.
#[track_caller]
fn both_refuse(change: impl Fn(&mut Authenticator), why: &str) {
    for make in [Authenticator::es256, Authenticator::ed25519] {
        let mut authenticator = make(ORIGIN);
        let kept = register(&authenticator.create(CHALLENGE)).unwrap();
        assert!(authenticate(&authenticator.get(CHALLENGE), &kept).is_ok(), "control");
        change(&mut authenticator);
        assert_eq!(register(&authenticator.create(CHALLENGE)).unwrap_err(), why, "register");
        assert_eq!(authenticate(&authenticator.get(CHALLENGE), &kept).unwrap_err(), why, "authenticate");
    }
}

#[track_caller]
fn with_client(name: &str, value: Value, why: &str) {
    both_refuse(|authenticator| authenticator.client = json!({ name: value }), why);
}

#[test]
fn a_passkey_registers_and_authenticates_with_each_algorithm() {
    for make in [Authenticator::es256, Authenticator::ed25519] {
        let authenticator = make(ORIGIN);
        let kept = register(&authenticator.create(CHALLENGE)).unwrap();
        assert_eq!((&kept.id, kept.counter, kept.eligible), (&authenticator.id, 0, false));
        assert_eq!(authenticate(&authenticator.get(CHALLENGE), &kept), Ok(0));
    }
}

#[test]
fn rs256_is_verified_too() {
    let n = "p0RwbZEMukxnzyaHtKc4AECsxZl-Wp-DiNq1r3gGVjPaaZKHknOE9LmJoSOUMl5S8pRdKe0Lddd2aEdAlJOORjEClzFbqXIaE4F-QZBB47rLWw9Fy3dFDhXWizLpD1uFLdHbHija1-_3EbhGFLtrn9Z-WyoPtd444Y1TLRr1dtqRIF3HREIJq6b0N4JxxNprCN-TanWfirp3kiu6ON3rOx3Vb7gGsKHWqdKjmwAnHueXxoa9tNmEwYbjN_apz3ZPfQSeStrQKLTz12kgoVRF6De8B589o2tR4CVAN3OnNCu4B3kFZWYeSbdTg8RvdSSCUf4mXoAyVeSM3Q6K49xsPw";
    let signature = "GtpPU59giy4oWTBEhCzIBq4R4Q-2t_APYrox9zLKJOYkRIkQK2CnhBs12aylsJu4NY9Dca5ey6Qy0gomU-qm93E9WdLEMWrisJy7QFtX7xDgBxRDUAoOoL2J9FiAgDEVXLpVlQyaYhtwAe_BFlOchA4ZfzAAH_6d7NlGru6VFIztk8szTZ31JWw8rpMqHiFZOdJ2jTT8lwLsp5XW2APd2JAIzCQ0ZYaLKM9CTfHp8w2QJqF5B1owbNbOexwjWYJRhDaJ60qTC7LWDIsSbpqhjKG8hGxXJk8GZ0Lh4Y7v60hm83OpbitZnshLfCz4dVaLM5aJ6fJB9BrKHJg-olFo8Q";
    // {1: 3, 3: -257, -1: n, -2: 65537}
    let head = [0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20, 0x59, 0x01, 0x00];
    let n = URL_SAFE_NO_PAD.decode(n).unwrap();
    let public = [&head[..], &n, &[0x21, 0x43, 1, 0, 1]].concat();
    let mut authenticator = Authenticator::ed25519(ORIGIN);
    authenticator.counter = 7;
    let mut given = authenticator.get(CHALLENGE);
    given.client_data = format!(
        r#"{{"type":"webauthn.get","challenge":"{CHALLENGE}","origin":"{ORIGIN}","crossOrigin":false}}"#
    )
    .into_bytes();
    given.signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let kept = Registered { id: vec![1], public, counter: 6, eligible: false };
    assert_eq!(authenticate(&given, &kept), Ok(7));
    given.signature[100] ^= 1;
    assert_eq!(authenticate(&given, &kept).unwrap_err(), "the signature is not of this passkey");
}

#[test]
fn the_type_is_that_of_the_ceremony() {
    let why = "the client data is of another ceremony";
    with_client("type", json!("payment.get"), why);
    // A registration is no sign-in, and the other way round.
    let authenticator = Authenticator::es256(ORIGIN);
    let kept = register(&authenticator.create(CHALLENGE)).unwrap();
    let mut given = authenticator.get(CHALLENGE);
    given.client_data = authenticator.create(CHALLENGE).client_data;
    assert_eq!(authenticate(&given, &kept).unwrap_err(), why);
}

#[test]
fn the_challenge_is_the_one_that_was_given() {
    for other in ["", "Y2hhbGxlbmdm", "Y2hhbGxlbmdl=", "Y2hhbGxlbmdlCg"] {
        with_client("challenge", json!(other), "the challenge is another");
    }
    with_client("challenge", json!(7), "the client data cannot be read");
}

#[test]
fn the_origin_is_exactly_the_brokers() {
    for other in [
        "http://localhost",
        "http://localhost:7381",
        "https://localhost:7380",
        "http://localhost:7380/",
        "http://evil.localhost:7380",
        "http://LOCALHOST:7380",
        "null",
        "",
    ] {
        with_client("origin", json!(other), "the client data is of another origin");
    }
}

#[test]
fn a_frame_of_another_origin_is_refused() {
    let why = "the ceremony was in a frame of another origin";
    with_client("crossOrigin", json!(true), why);
    with_client("topOrigin", json!("https://evil.test"), why);
}

#[test]
fn the_rp_id_is_the_brokers_host() {
    let why = "the authenticator answered for another host";
    for other in ["127.0.0.1", "evil.test", "localhost:7380", ""] {
        both_refuse(|authenticator| authenticator.rp_id = other.to_owned(), why);
    }
}

#[test]
fn the_user_is_present_and_verified() {
    both_refuse(|authenticator| authenticator.flags = 4, "nobody was present");
    both_refuse(|authenticator| authenticator.flags = 1, "the authenticator did not verify its user");
}

#[test]
fn backup_flags_are_sound_and_a_passkey_stays_what_it_is() {
    both_refuse(|authenticator| authenticator.flags = 1 | 4 | 16, "the backup flags contradict each other");
    let mut authenticator = Authenticator::es256(ORIGIN);
    authenticator.flags = 1 | 4 | 8;
    let kept = register(&authenticator.create(CHALLENGE)).unwrap();
    assert!(kept.eligible);
    authenticator.flags |= 16;
    assert_eq!(authenticate(&authenticator.get(CHALLENGE), &kept), Ok(0), "it was synced since");
    authenticator.flags = 1 | 4;
    let other = authenticate(&authenticator.get(CHALLENGE), &kept).unwrap_err();
    assert_eq!(other, "the passkey has become another kind of passkey");
}

#[test]
fn the_counter_goes_on_or_is_not_there() {
    let mut authenticator = Authenticator::es256(ORIGIN);
    authenticator.counter = 5;
    let kept = register(&authenticator.create(CHALLENGE)).unwrap();
    for (counter, good) in [(6, true), (4_000_000_000, true), (5, false), (4, false), (0, false)] {
        authenticator.counter = counter;
        assert_eq!(authenticate(&authenticator.get(CHALLENGE), &kept).is_ok(), good, "{counter}");
    }
}

#[test]
fn a_signature_counts_for_its_key_and_its_bytes_only() {
    let why = "the signature is not of this passkey";
    for make in [Authenticator::es256, Authenticator::ed25519] {
        let authenticator = make(ORIGIN);
        let kept = register(&authenticator.create(CHALLENGE)).unwrap();
        let other = register(&make(ORIGIN).create(CHALLENGE)).unwrap();
        let given = authenticator.get(CHALLENGE);
        assert_eq!(authenticate(&given, &other).unwrap_err(), why);
        let mut changed = given.clone();
        changed.authenticator_data[36] ^= 1;
        assert_eq!(authenticate(&changed, &kept).unwrap_err(), why, "the counter");
        let mut changed = given.clone();
        changed.client_data.push(b' ');
        assert_eq!(authenticate(&changed, &kept).unwrap_err(), why, "the client data");
        for signature in [vec![], vec![0; 64], given.signature[..10].to_vec()] {
            let forged = Given { signature, ..given.clone() };
            assert_eq!(authenticate(&forged, &kept).unwrap_err(), why);
        }
    }
}

#[test]
fn any_attestation_statement_is_passed_over_and_none_is_believed() {
    let authenticator = Authenticator::es256(ORIGIN);
    let mut made = authenticator.create(CHALLENGE);
    let data = made.attestation[made.attestation.len() - data_length(&made)..].to_vec();
    made.attestation = attestation("packed", &data);
    assert!(register(&made).is_ok());
}

fn data_length(made: &Made) -> usize {
    let at = made.attestation.windows(8).position(|window| window == b"authData").unwrap() + 8;
    usize::from(u16::from_be_bytes([made.attestation[at + 1], made.attestation[at + 2]]))
}

#[test]
fn what_is_cut_off_left_over_or_twice_is_refused() {
    both_refuse(|authenticator| authenticator.tail = vec![0xa0], "something follows the authenticator data");
    let authenticator = Authenticator::es256(ORIGIN);
    let made = authenticator.create(CHALLENGE);
    for cut in 0..made.attestation.len() {
        let attestation = made.attestation[..cut].to_vec();
        assert!(register(&Made { attestation, ..made.clone() }).is_err(), "cut at {cut}");
    }
    let mut longer = made.clone();
    longer.attestation.push(0);
    assert_eq!(register(&longer).unwrap_err(), "something follows the attestation");
    let kept = register(&made).unwrap();
    let given = authenticator.get(CHALLENGE);
    for cut in 0..given.authenticator_data.len() {
        let authenticator_data = given.authenticator_data[..cut].to_vec();
        assert!(authenticate(&Given { authenticator_data, ..given.clone() }, &kept).is_err(), "cut at {cut}");
    }
    // One name with two values is read in one way by one reader and in another by the next.
    let twice = format!(
        r#"{{"type":"webauthn.create","challenge":"x","challenge":"{CHALLENGE}","origin":"{ORIGIN}"}}"#
    );
    let twice = Made { client_data: twice.into_bytes(), ..made.clone() };
    assert_eq!(register(&twice).unwrap_err(), "the client data cannot be read");
    let mut nested = made;
    nested.attestation = vec![0x81; 10_000];
    assert_eq!(register(&nested).unwrap_err(), "a part is not CBOR");
}

#[test]
fn keys_of_other_kinds_are_refused() {
    let good = Authenticator::ed25519(ORIGIN).cose();
    let kinds = "the public key is of no kind that is offered";
    let changed = |at: usize, to: u8| {
        let mut bytes = good.clone();
        bytes[at] = to;
        bytes
    };
    let mut twice = changed(0, 0xa5);
    twice.extend([0x03, 0x27]);
    for (what, public, why) in [
        ("another curve", changed(6, 0x07), kinds),
        ("ES256 of an OKP", changed(4, 0x26), kinds),
        ("no algorithm", changed(3, 0x05), kinds),
        ("a member twice", twice, "a member stands twice"),
        ("a short key", [&changed(9, 31)[..good.len() - 1]].concat(), kinds),
        ("no map", vec![0x80], "a part is no map"),
    ] {
        let authenticator = Authenticator::ed25519(ORIGIN);
        let kept = Registered { id: vec![1], public, counter: 0, eligible: false };
        assert_eq!(authenticate(&authenticator.get(CHALLENGE), &kept).unwrap_err(), why, "{what}");
    }
}
