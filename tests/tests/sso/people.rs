//! Who somebody is: the issuer and the subject, never a name; tied by themselves, removed by owners, and no owner locked
//! out by a group.

use stint_tests::Lab;

use super::Place;
use crate::people::browser::{Browser, OTHER, PASSWORD, kinds};
use crate::place::{on_both, sqlite};

fn alice(place: &Place) -> Browser<'_> {
    let mut alice = place.browser();
    alice.sign_in("alice", PASSWORD, "").goes("/console/");
    alice
}

on_both! {
    fn a_local_persons_name_is_not_taken_over_and_they_tie_themselves_with_a_fresh_proof(options) {
        let place = Place::with_alice(options);
        place.world().enter("alice", "u-1", &["admins"]);
        let (mut browser, page) = place.sign_in();
        page.says(403, "if that is you, sign in as 'alice'");
        assert!(!browser.is_in());

        let mut alice = alice(&place);
        Lab::sql_on(&place.broker, "UPDATE sign_ins SET proven_at = 1");
        alice.get("/console/sso/link").goes("/console/prove?next=%2Fconsole%2Fsso%2Flink");
        alice.post("/console/prove", &[("password", PASSWORD), ("next", "/console/sso/link")]).goes("/console/sso/link");
        // A proof that ends while they are away does not count.
        let away = place.leave(&mut alice, "/console/sso/link");
        let back = place.at_provider(&away);
        Lab::sql_on(&place.broker, "UPDATE sign_ins SET proven_at = 1");
        alice.get(&back).says(403, "prove again who you are");
        assert_eq!(kinds(&place.broker, "subject_linked"), 0);
        alice.post("/console/prove", &[("password", PASSWORD)]).goes("/console/");
        place.through(&mut alice, "/console/sso/link").says(200, "0;url=/console/account");
        alice.get("/console/account").says(200, "You get in by <strong><bdi>the company</bdi></strong>");
        assert_eq!(kinds(&place.broker, "subject_linked"), 1);

        let (mut browser, _) = place.sign_in();
        browser.get("/console/account").says(200, "<strong>alice</strong>, owner");
        // Somebody's subject is nobody else's.
        let (mut bob, _) = { place.world().enter("bob", "u-2", &["admins"]); place.sign_in() };
        assert!(bob.is_in());
        place.world().enter("bob", "u-1", &["admins"]);
        bob.post("/console/account/password", &[("password", OTHER)]);
        Lab::sql_on(&place.broker, "UPDATE sign_ins SET proven_at = created_at");
        place.through(&mut bob, "/console/sso/link").says(409, "tied to it already");
        assert_eq!(kinds(&place.broker, "subject_linked"), 1);
    }
}

#[test]
fn groups_lock_the_last_owner_with_a_way_in_of_their_own_not_out() {
    let place = Place::with_alice(sqlite());
    place.world().enter("alice", "u-1", &["ops"]);
    let mut alice = alice(&place);
    place.through(&mut alice, "/console/sso/link").says(200, "");
    // Another owner there is, but by groups alone.
    place.world().enter("bob", "u-2", &["admins"]);
    assert!(place.sign_in().0.is_in());
    place.world().enter("alice", "u-1", &["ops"]);
    let (mut browser, _) = place.sign_in();
    browser.get("/console/account").says(200, "<strong>alice</strong>, owner");
    assert_eq!(place.records("signed_in")[0]["facts"]["role_not_followed"], "operator");
    assert_eq!(kinds(&place.broker, "role_changed"), 0);

    // With a third, who has a password, the groups count.
    let link = alice.post("/console/people", &[("person", "carol"), ("role", "owner")]).0.text();
    let token = link.split("token=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    place
        .browser()
        .post("/console/enrol", &[("token", &token), ("password", PASSWORD)])
        .goes("/console/account");
    let (mut browser, _) = place.sign_in();
    browser.get("/console/account").says(200, "<strong>alice</strong>, operator");
}

#[test]
fn who_was_removed_stays_out_whatever_the_provider_says() {
    let place = Place::with_alice(sqlite());
    place.world().enter("bob", "u-1", &["ops"]);
    let (mut bob, _) = place.sign_in();
    assert!(bob.is_in());
    let mut alice = alice(&place);
    alice.get("/console/people").says(200, "single sign-on");
    alice.post("/console/people/bob/remove", &[]).goes("/console/people");
    assert!(!bob.is_in(), "the browser of a removed person went on");
    let (mut again, page) = place.sign_in();
    page.says(403, "'bob', who you were here, was removed");
    assert!(!again.is_in());

    // Invited under another name they tie themselves, and are back.
    let link = alice.post("/console/people", &[("person", "robert"), ("role", "operator")]).0.text();
    let token = link.split("token=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let mut robert = place.browser();
    robert.post("/console/enrol", &[("token", &token), ("password", PASSWORD)]).goes("/console/account");
    place.through(&mut robert, "/console/sso/link").says(200, "0;url=/console/account");
    let (mut again, _) = place.sign_in();
    again.get("/console/account").says(200, "<strong>robert</strong>, operator");
}

#[test]
fn nobody_unties_themselves_from_their_only_way_in() {
    let place = Place::with_alice(sqlite());
    place.world().enter("bob", "u-1", &["ops"]);
    let (mut bob, _) = place.sign_in();
    Lab::sql_on(&place.broker, "UPDATE sign_ins SET proven_at = created_at");
    bob.post("/console/account/sso/unlink", &[]).says(409, "your only way in");
    bob.post("/console/account/password", &[("password", OTHER)]).goes("/console/account");
    bob.post("/console/account/sso/unlink", &[]).goes("/console/account");
    assert_eq!(kinds(&place.broker, "subject_unlinked"), 1);
    place.sign_in().1.says(403, "'bob' is or was somebody's");
    place.browser().sign_in("bob", OTHER, "").goes("/console/");
}
