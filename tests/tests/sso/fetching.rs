//! What the broker fetches from the provider, and what it does not put up with there.

use std::time::Instant;

use serde_json::json;
use stint_standin::Fault;

use super::Place;
use crate::people::browser::kinds;
use crate::place::sqlite;

#[test]
fn an_answer_of_another_issuer_is_not_taken_to_this_one() {
    let place = Place::with_alice(sqlite());
    place.world().enter("bob", "u-1", &["admins"]);
    // RFC 9207 s2.4, and a provider that says that it always names itself and then does not.
    for answers_as in [Some("https://elsewhere.example".to_owned()), Some(String::new()), None] {
        place.world().answers_as = answers_as;
        let (mut browser, page) = place.sign_in();
        page.says(401, "of another provider than the one that was asked");
        assert!(!browser.is_in());
    }
    assert_eq!(place.provider.log.reached("token"), 0, "the code was taken to the token endpoint");
}

#[test]
fn a_description_of_another_issuer_is_not_followed() {
    let place = Place::with_alice(sqlite());
    place.world().enter("bob", "u-1", &["admins"]);
    place.world().description = json!({ "issuer": format!("{}/", place.provider.url()) });
    place.browser().get("/console/sso/sign-in").says(503, "names another issuer");
    assert_eq!(place.provider.log.len(), 1);
    // While it does not work, not every visitor makes the broker ask again.
    place.browser().get("/console/sso/sign-in").says(503, "names another issuer");
    assert_eq!(place.provider.log.len(), 1);
}

#[test]
fn redirects_are_not_followed_and_endless_answers_not_read() {
    let mut place = Place::with_alice(sqlite());
    let elsewhere = Fault::Redirect { status: 302, location: format!("{}/keys", place.provider.url()) };
    let faults = place.provider.faults.clone();
    place.world().enter("bob", "u-1", &["admins"]);

    faults.on("description", elsewhere.clone());
    place.browser().get("/console/sso/sign-in").says(503, "it answered 302");
    faults.clear();
    // A failure is remembered for a while, by this process.
    place.broker.restart();

    faults.on("token", elsewhere.clone());
    place.sign_in().1.says(401, "answered 302");
    faults.clear();

    faults.on("keys", elsewhere);
    place.sign_in().1.says(503, "it answered 302");
    faults.clear();
    // A failure is remembered for a while, by this process.
    place.broker.restart();

    place.world().padding = 300 << 10;
    place.sign_in().1.says(503, "longer than 256 KiB");
    place.world().padding = 0;
    assert_eq!(place.provider.log.reached("keys"), 2, "a redirect was followed");
    assert_eq!(kinds(&place.broker, "person_added"), 0);
}

#[test]
fn a_provider_that_never_ends_its_answer_is_not_waited_for() {
    let place = Place::with_alice(sqlite());
    place.world().enter("bob", "u-1", &["admins"]);
    place.provider.faults.on("token", Fault::Stall);
    let began = Instant::now();
    place.sign_in().1.says(503, "does not answer");
    assert!((9..20).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    place.provider.faults.clear();
    assert!(place.sign_in().0.is_in());
}

#[test]
fn a_provider_at_a_private_address_is_asked_only_where_that_is_allowed() {
    let mut place = Place::with_alice(sqlite());
    place.broker.options.allow_private = false;
    place.broker.restart();
    place.browser().get("/console/sso/sign-in").says(503, "allowed private range");
    assert_eq!(place.provider.log.len(), 0);
}
