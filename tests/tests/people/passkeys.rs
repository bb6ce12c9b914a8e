use stint_tests::authenticator::Authenticator;

use super::browser::{Browser, PASSWORD, base64url, kinds, named, set_up};
use crate::place::on_both;

on_both! {
    fn a_passkey_signs_in_and_nothing_like_it_does(options) {
        let broker = named(options);
        let mut alice = set_up(&broker);
        let mut key = Authenticator::es256(&broker.url);
        key.counter = 1;
        alice.add_passkey(&mut key).goes("/console/account");
        alice.get("/console/account").says(200, "a test");

        let mut other = Browser::new(&broker);
        other.sign_in_by(&mut key).goes("/console/");
        assert!(other.is_in());
        assert_ne!(alice.cookie(), other.cookie());

        // The same answer again: its challenge is used up.
        let mut thief = Browser::new(&broker);
        let options = thief.options("/console/sign-in/passkey/options", &[]);
        let given = key.given(options["challenge"].as_str().unwrap());
        let mut copy = thief.copy();
        thief.post("/console/sign-in/passkey", &[("passkey", &given)]).goes("/console/");
        copy.post("/console/sign-in/passkey", &[("passkey", &given)]).says(401, "used before");
        assert!(!copy.is_in());

        // A challenge is for the browser that asked for it.
        let options = thief.options("/console/sign-in/passkey/options", &[]);
        let given = key.given(options["challenge"].as_str().unwrap());
        let mut elsewhere = Browser::new(&broker);
        elsewhere.post("/console/sign-in/passkey", &[("passkey", &given)]).says(401, "");
        elsewhere.options("/console/sign-in/passkey/options", &[]);
        elsewhere.post("/console/sign-in/passkey", &[("passkey", &given)]).says(401, "");

        // One's own challenge, one for another ceremony, a copied key, a key that nobody registered.
        for challenge in [base64url(&[7; 56]), String::new()] {
            let given = key.given(&challenge);
            elsewhere.post("/console/sign-in/passkey", &[("passkey", &given)]).says(401, "");
        }
        let options = alice.options("/console/prove/options", &[]);
        let given = key.given(options["challenge"].as_str().unwrap());
        alice.copy().post("/console/sign-in/passkey", &[("passkey", &given)]).says(401, "");
        key.counter = 1;
        elsewhere.sign_in_by(&mut key).says(401, "");
        elsewhere.sign_in_by(&mut Authenticator::es256(&broker.url)).says(401, "");
        assert!(!elsewhere.is_in());
        assert!(kinds(&broker, "sign_in_refused") >= 7, "each is on record");
        assert_eq!(kinds(&broker, "passkey_added"), 1);
    }
}

#[test]
fn the_last_way_in_stays_and_another_persons_passkey_is_none() {
    let broker = named(crate::place::sqlite());
    let mut alice = set_up(&broker);
    let (mut one, mut two) = (Authenticator::es256(&broker.url), Authenticator::ed25519(&broker.url));
    alice.add_passkey(&mut one).goes("/console/account");
    alice.post("/console/account/password/remove", &[]).goes("/console/account");
    Browser::new(&broker).sign_in("alice", PASSWORD, "").says(401, "does not belong together");
    let remove = |key: &Authenticator| format!("/console/account/passkeys/{}/remove", base64url(&key.id));
    alice.post(&remove(&one), &[]).says(409, "your last way in");
    alice.add_passkey(&mut two).goes("/console/account");
    alice.add_passkey(&mut two).says(409, "");
    alice.post(&remove(&one), &[]).goes("/console/account");
    alice.post(&remove(&two), &[]).says(409, "your last way in");
    Browser::new(&broker).sign_in_by(&mut one).says(401, "");
    let mut back = Browser::new(&broker);
    back.sign_in_by(&mut two).goes("/console/");

    // E16: bob does not find it.
    let link = alice.post("/console/people", &[("person", "bob"), ("role", "owner")]).0.text();
    let token = link.split("token=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let mut bob = Browser::new(&broker);
    bob.post("/console/enrol", &[("token", &token), ("password", PASSWORD)]).goes("/console/account");
    bob.post(&remove(&two), &[]).says(404, "there is no passkey");
    let rename = format!("/console/account/passkeys/{}/rename", base64url(&two.id));
    bob.post(&rename, &[("name", "mine")]).says(404, "there is no passkey");
    alice.post(&rename, &[("name", "<b>\u{202E}")]).goes("/console/account");
    alice.get("/console/account").says(200, "U+202E").says(200, "&lt;b&gt;");
}

#[test]
fn at_an_address_the_pages_say_that_passkeys_need_a_name() {
    let broker = stint_tests::TestBroker::start(crate::place::sqlite());
    let mut alice = set_up(&broker);
    alice.get("/console/account").says(200, "public URL on a host name");
    Browser::new(&broker).get("/console/sign-in").says(200, "Passkeys need a host name");
    Browser::new(&broker)
        .post("/console/sign-in/passkey/options", &[])
        .says(409, "no passkeys at this address");
    assert!(Browser::new(&broker).sign_in("alice", PASSWORD, "").0.status == 303);
}

#[test]
fn whoever_lost_their_passkey_gets_in_by_a_recovery_code_and_wrong_passwords_hold_up_no_passkey() {
    let broker = named(crate::place::sqlite());
    let mut alice = set_up(&broker);
    let mut key = Authenticator::es256(&broker.url);
    alice.add_passkey(&mut key).goes("/console/account");
    alice.post("/console/account/password/remove", &[]).goes("/console/account");
    let page = alice.post("/console/account/recovery-codes", &[]).0.text();
    let code = page.split("<ol class=\"codes\"><li>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let mut browser = Browser::new(&broker);
    browser.sign_in("alice", "", "").says(401, "");
    browser.sign_in("alice", PASSWORD, "aaaa-bbbb-cccc-dddd").says(401, "");
    browser.sign_in("alice", "", &code).goes("/console/");
    browser.get("/console/account").says(200, "recovery");
    Browser::new(&broker).sign_in("alice", "", &code).says(401, "");
    // A code proves nothing again: what it opened has to be closed by something better.
    browser.post("/console/prove", &[("password", " "), ("code", &code)]).says(401, "");
    for _ in 0..5 {
        Browser::new(&broker).sign_in("alice", PASSWORD, "");
    }
    Browser::new(&broker).sign_in("alice", PASSWORD, "").says(429, "");
    Browser::new(&broker).sign_in_by(&mut key).goes("/console/");
}
