//! One-time codes, recovery codes, and what a password alone is worth beside them.

use std::thread;

use stint_tests::proof::now;

use super::browser::{Browser, OTHER, PASSWORD, kinds, named, set_up};
use crate::place::on_both;

on_both! {
    fn e19_a_code_goes_with_the_password_and_is_good_once(options) {
        let broker = named(options);
        let mut alice = set_up(&broker);
        let secret = alice.set_up_codes();
        let step = now() / 30;
        let mut browser = Browser::new(&broker);
        browser.sign_in("alice", PASSWORD, "").says(401, "does not belong together");
        browser.sign_in("alice", OTHER, &secret.code(step)).says(401, "");
        browser.sign_in("alice", PASSWORD, &secret.code(step - 1)).says(401, "");
        // Two at once with one code: one of them gets in.
        let code = secret.code(step);
        let tries: Vec<u16> = thread::scope(|scope| {
            let tries: Vec<_> = (0..2)
                .map(|_| scope.spawn(|| Browser::new(&broker).sign_in("alice", PASSWORD, &code).0.status))
                .collect();
            tries.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(tries.iter().filter(|status| **status == 303).count(), 1, "{tries:?}");
        browser.sign_in("alice", PASSWORD, &code).says(401, "");
        browser.sign_in("alice", PASSWORD, &secret.code(step + 1)).goes("/console/");
        assert!(browser.is_in());
        assert_eq!(kinds(&broker, "one_time_codes_added"), 1);
        // The secret is shown until it is used, and never again.
        alice.get("/console/account/codes").goes("/console/account#codes");
    }

    fn recovery_codes_are_good_once_and_go_with_the_password(options) {
        let broker = named(options);
        let mut alice = set_up(&broker);
        alice.set_up_codes();
        let page = alice.post("/console/account/recovery-codes", &[]).0.text();
        let codes: Vec<&str> = page.split("<li>").skip(1).filter_map(|rest| rest.split_once("</li>"))
            .map(|(code, _)| code).filter(|code| code.len() == 19).collect();
        assert_eq!(codes.len(), 10, "{page}");
        alice.get("/console/account").says(200, "Left: <strong>10</strong>");
        let mut browser = Browser::new(&broker);
        browser.sign_in("alice", "", codes[0]).says(401, "");
        browser.sign_in("alice", OTHER, codes[0]).says(401, "");
        browser.sign_in("alice", PASSWORD, &codes[0].to_uppercase()).goes("/console/");
        Browser::new(&broker).sign_in("alice", PASSWORD, codes[0]).says(401, "");
        alice.get("/console/account").says(200, "Left: <strong>9</strong>");
        let fresh = alice.post("/console/account/recovery-codes", &[]).0.text();
        assert!(!fresh.contains(codes[1]));
        Browser::new(&broker).sign_in("alice", PASSWORD, codes[1]).says(401, "");
    }
}

#[test]
fn what_is_only_offered_is_asked_of_nobody_and_a_wrong_code_confirms_nothing() {
    let broker = named(crate::place::sqlite());
    let mut alice = set_up(&broker);
    alice.post("/console/account/codes/offer", &[]).goes("/console/account/codes");
    alice.post("/console/account/codes", &[("code", "123")]).says(400, "not the code that the app shows");
    Browser::new(&broker).sign_in("alice", PASSWORD, "").goes("/console/");
    alice.get("/console/account/codes").says(200, "<svg class=\"qr\"");
    alice.set_up_codes();
    alice.post("/console/account/codes/offer", &[]).says(409, "you have one-time codes already");
    alice.post("/console/account/codes/remove", &[]).goes("/console/account#codes");
    Browser::new(&broker).sign_in("alice", PASSWORD, "").goes("/console/");
}

#[test]
fn a_new_password_signs_other_browsers_out() {
    let broker = named(crate::place::sqlite());
    let mut alice = set_up(&broker);
    let mut other = Browser::new(&broker);
    other.sign_in("alice", PASSWORD, "").goes("/console/");
    alice.post("/console/account/password", &[("password", "short")]).says(400, "15 to 1024 characters");
    alice.post("/console/account/password", &[("password", OTHER)]).goes("/console/account");
    assert!(alice.is_in() && !other.is_in());
    Browser::new(&broker).sign_in("alice", PASSWORD, "").says(401, "");
    Browser::new(&broker).sign_in("alice", OTHER, "").goes("/console/");
}
