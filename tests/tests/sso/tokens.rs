//! Identity tokens that do not hold: each with one thing wrong, from the provider itself.

use serde_json::{Value, json};
use stint_tests::openid::Signing;
use stint_tests::proof::now;

use super::Place;
use crate::people::browser::kinds;
use crate::place::{on_both, sqlite};

/// The provider does it wrong: nobody is let in, it is on record, and the same provider doing it right lets them in.
fn refuses(place: &Place, cases: &[(&str, Value, &str)]) {
    for (name, value, says) in cases {
        place.world().enter("bob", "u-1", &["admins"]);
        place.world().claims = json!({ *name: value });
        let (mut browser, page) = place.sign_in();
        page.says(401, says);
        assert!(!browser.is_in(), "{name} = {value}");
    }
    place.world().claims = json!({});
    let (mut browser, _) = place.sign_in();
    assert!(browser.is_in());
    assert_eq!(kinds(&place.broker, "sign_in_refused"), cases.len());
    assert_eq!(kinds(&place.broker, "person_added"), 1);
}

on_both! {
    fn issuer_audience_and_nonce_are_those_that_were_asked_for(options) {
        let place = Place::with_alice(options);
        let issuer = place.provider.url();
        refuses(&place, &[
            ("iss", json!("https://elsewhere.example"), "iss is not the issuer"),
            ("iss", json!(format!("{issuer}/")), "iss is not the issuer"),
            ("iss", Value::Null, "iss is not the issuer"),
            ("aud", json!("another client"), "aud is not the audience"),
            ("aud", json!(["another client"]), "aud is not the audience"),
            ("aud", Value::Null, "aud is not the audience"),
            ("aud", json!(["stint@work", "another client"]), "azp is missing"),
            ("azp", json!("another client"), "azp is another client"),
            ("nonce", json!("of another sign-in"), "nonce is not the one"),
            ("nonce", Value::Null, "nonce is not the one"),
        ]);
    }
}

#[test]
fn times_and_subject_are_there_and_right() {
    let place = Place::with_alice(sqlite());
    refuses(
        &place,
        &[
            ("exp", json!(now() - 1), "expired"),
            ("exp", Value::Null, "exp is missing"),
            ("exp", json!("soon"), "a time is not an integer"),
            ("iat", json!(now() - 3600), "outside the window"),
            ("iat", json!(now() + 3600), "outside the window"),
            ("iat", Value::Null, "iat is missing"),
            ("nbf", json!(now() + 3600), "nbf is in the future"),
            ("sub", Value::Null, "sub is missing"),
            ("sub", json!(""), "not a plain string"),
            ("sub", json!("x".repeat(256)), "sub is missing or longer"),
            ("sub", json!(["u-1"]), "not a plain string"),
        ],
    );
}

#[test]
fn only_the_providers_own_keys_sign_and_only_by_their_algorithm() {
    let place = Place::with_alice(sqlite());
    let cases = [
        (Signing::None, "not three parts"),
        (Signing::HmacOfPublic, "alg is not one of"),
        (Signing::Cut, "not three parts"),
        (Signing::Stranger, "signature does not match"),
        (Signing::OtherKid, "no key for this token"),
    ];
    for (signing, says) in cases {
        place.world().enter("bob", "u-1", &["admins"]);
        place.world().signing = signing;
        let (mut browser, page) = place.sign_in();
        page.says(401, says);
        assert!(!browser.is_in(), "{signing:?}");
    }
    assert_eq!(kinds(&place.broker, "person_added"), 0);
}

#[test]
fn keys_that_the_provider_changed_are_found_and_not_asked_for_by_every_token() {
    let place = Place::with_alice(sqlite());
    place.world().enter("bob", "u-1", &["ops"]);
    let fetched = || place.provider.log.reached("keys");
    let (mut browser, _) = place.sign_in();
    assert!(browser.is_in() && fetched() == 1);
    assert!(place.sign_in().0.is_in() && fetched() == 1, "keys are remembered");
    place.world().rotate();
    assert!(place.sign_in().0.is_in() && fetched() == 2, "new keys were not found");
    place.world().signing = Signing::OtherKid;
    for _ in 0..3 {
        place.sign_in().1.says(401, "no key for this token");
    }
    assert_eq!(fetched(), 2, "unknown keys made the broker ask again and again");
    place.world().signing = Signing::Good;
    assert!(place.sign_in().0.is_in());
}
