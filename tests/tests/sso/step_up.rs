//! A fresh proof by the provider: it asks the person anew, and says when.

use serde_json::json;
use stint_tests::proof::now;

use super::Place;
use crate::people::browser::kinds;
use crate::place::sqlite;

const INVITE: &[(&str, &str)] = &[("person", "dora"), ("role", "auditor")];
const PROVE: &str = "/console/prove?next=%2Fconsole%2Fpeople";

#[test]
fn a_long_session_at_the_provider_proves_nothing_until_the_person_is_asked_anew() {
    let place = Place::with_alice(sqlite());
    place.world().enter("bob", "u-1", &["admins"]);
    let (mut bob, _) = place.sign_in();
    bob.post("/console/people", INVITE).goes(PROVE);
    bob.get(PROVE).says(
        200,
        "href=\"/console/sso/prove?next=%2Fconsole%2Fpeople\">Prove it with <bdi>the company</bdi>",
    );
    place.through(&mut bob, "/console/sso/prove?next=/console/people").says(200, "0;url=/console/people");
    let asked = place.world().asked.clone();
    assert_eq!((asked["prompt"].as_str(), asked["max_age"].as_str()), ("login", "0"));
    bob.post("/console/people", INVITE).says(200, "A link for dora");
    assert_eq!(kinds(&place.broker, "sign_in_proven"), 1);
}

#[test]
fn a_proof_is_fresh_and_of_the_same_person_or_none() {
    let place = Place::with_alice(sqlite());
    place.world().enter("bob", "u-1", &["admins"]);
    let (mut bob, _) = place.sign_in();
    let mut tries = |claims, status, says: &str| {
        place.world().claims = claims;
        place.through(&mut bob, "/console/sso/prove?next=/console/people").says(status, says);
        bob.post("/console/people", INVITE).goes(PROVE);
    };
    // A provider that does not ask, or does not say that it did.
    tries(json!({ "auth_time": now() - 3600 }), 401, "did not ask you anew");
    tries(json!({ "auth_time": null }), 401, "did not ask you anew");
    tries(json!({ "auth_time": now() + 3600 }), 401, "did not ask you anew");
    tries(json!({ "auth_time": now().to_string() }), 401, "did not ask you anew");
    // Somebody else at the keyboard.
    tries(json!({ "sub": "u-2" }), 403, "at the provider you are not 'bob'");
    place.world().claims = json!({});
    assert_eq!(kinds(&place.broker, "sign_in_proven"), 0);

    // An answer to a sign-in proves nothing, and one to a proof signs nobody in.
    let mut other = place.browser();
    let away = place.leave(&mut bob, "/console/sso/prove");
    let back = place.at_provider(&away);
    other.get(&back).says(401, "not begun in this browser");
    assert!(!other.is_in());
    // Whoever signed out meanwhile has nothing to prove.
    bob.post("/console/sign-out", &[]).goes("/console/sign-in");
    bob.get(&back).says(401, "not signed in any more");
    assert!(!bob.is_in());
}

#[test]
fn who_typed_a_password_at_the_provider_just_now_has_proven_it() {
    let place = Place::with_alice(sqlite());
    place.world().enter("bob", "u-1", &["admins"]);
    place.world().signed_in = Some(("bob".to_owned(), now()));
    let (mut bob, _) = place.sign_in();
    bob.post("/console/people", INVITE).says(200, "A link for dora");
}
