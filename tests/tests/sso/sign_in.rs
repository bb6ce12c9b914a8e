//! In by the provider: what is sent, what comes back, and what a browser may bring back.

use serde_json::json;
use stint_tests::openid::Alg;
use stint_tests::wire;

use super::Place;
use crate::people::browser::kinds;
use crate::place::{on_both, sqlite};

on_both! {
    fn a_person_of_a_mapped_group_comes_in_and_their_role_follows_the_groups(options) {
        let place = Place::with_alice(options);
        place.world().enter("bob@example.com", "u-1", &["ops", "everybody"]);
        let (mut bob, page) = place.sign_in();
        page.says(200, "http-equiv=\"refresh\" content=\"0;url=/console/\"");
        bob.get("/console/account").says(200, "<strong>bob</strong>, operator").says(200, "Single sign-on");
        assert_eq!(place.records("person_added")[0]["facts"]["subject"], "u-1");

        place.world().enter("renamed@example.com", "u-1", &["lookers", "admins"]);
        let (mut again, _) = place.sign_in();
        again.get("/console/account").says(200, "<strong>bob</strong>, owner");
        assert_eq!(place.records("role_changed")[0]["facts"]["role"], "owner");
        bob.get("/console/account").says(200, "<strong>bob</strong>, owner");

        // Nobody's group any more: they are told what would do.
        place.world().enter("bob@example.com", "u-1", &["everybody"]);
        let (mut out, page) = place.sign_in();
        page.says(403, "admins (owner)").says(403, "lookers (auditor)").says(403, "named 1 others");
        assert!(!out.is_in());
        assert_eq!(place.records("sign_in_refused")[0]["facts"]["method"], "sso");

        // Another subject of the same name is somebody else, and does not become bob.
        place.world().enter("bob@elsewhere.example", "u-2", &["admins"]);
        let (mut other, page) = place.sign_in();
        page.says(403, "the name 'bob' is or was somebody's");
        assert!(!other.is_in());
        assert_eq!(kinds(&place.broker, "person_added"), 1);
        assert!(!place.broker.logs().contains("s3cret"), "the client's secret is in the log");
    }
}

#[test]
fn each_algorithm_that_is_taken_signs_somebody_in() {
    let place = Place::with_alice(sqlite());
    for alg in Alg::ALL {
        place.world().enter("bob", "u-1", &["ops"]);
        place.world().alg = alg;
        let (mut browser, page) = place.sign_in();
        page.says(200, "Signed in");
        assert!(browser.is_in(), "{alg:?}");
    }
    assert_eq!(kinds(&place.broker, "person_added"), 1);
}

#[test]
fn what_is_sent_is_a_code_flow_with_pkce_state_and_nonce_and_nothing_of_it_twice() {
    let place = Place::with_alice(sqlite());
    place.world().enter("bob", "u-1", &["ops"]);
    let mut asked = Vec::new();
    for _ in 0..2 {
        place.leave(&mut place.browser(), "/console/sso/sign-in");
        let away = place.leave(&mut place.browser(), "/console/sso/sign-in");
        place.at_provider(&away);
        asked.push(place.world().asked.clone());
    }
    for one in &asked {
        assert_eq!(one["response_type"], "code");
        assert_eq!(one["code_challenge_method"], "S256");
        assert_eq!(one["scope"], "openid profile");
        assert!(one["code_challenge"].len() == 43 && one["nonce"].len() == 43 && one["state"].len() > 43);
        assert!(!one.contains_key("prompt") && !one.contains_key("client_secret"));
    }
    for name in ["state", "nonce", "code_challenge"] {
        assert_ne!(asked[0][name], asked[1][name], "{name}");
    }
}

#[test]
fn an_answer_counts_once_in_the_browser_that_asked_and_as_it_was_asked() {
    let place = Place::with_alice(sqlite());
    place.world().enter("bob", "u-1", &["ops"]);
    let mut browser = place.browser();
    let away = place.leave(&mut browser, "/console/sso/sign-in?next=/console/sessions");
    let back = place.at_provider(&away);

    // Another browser, which has no cookie; one that has begun by itself; one whose state was changed.
    let not_begun = "not begun in this browser";
    place.browser().get(&back).says(401, not_begun);
    let mut other = place.browser();
    place.leave(&mut other, "/console/sso/sign-in");
    other.get(&back).says(401, not_begun);
    let state = back.split("state=").nth(1).unwrap().split('&').next().unwrap();
    let changed = back.replace(state, &format!("A{}", &state[1..]));
    browser.copy().get(&changed).says(401, not_begun);
    // Nothing of it used the answer up: it was never this browser's.
    let mut thief = browser.copy();
    browser.get(&back).says(200, "0;url=/console/sessions");
    assert!(browser.is_in());
    thief.get(&back).says(401, "");
    assert!(!thief.is_in());
    assert_eq!(kinds(&place.broker, "signed_in"), 1);

    // An answer that says something twice, that has no code, or that is an error.
    for (more, status, says) in [
        ("&code=another", 400, "something twice"),
        ("&error=access_denied", 401, "the provider let nobody in: access_denied"),
    ] {
        let mut browser = place.browser();
        let away = place.leave(&mut browser, "/console/sso/sign-in");
        let back = place.at_provider(&away);
        browser.get(&format!("{back}{more}")).says(status, says);
        assert!(!browser.is_in());
    }
    place.world().error = Some("<b>login</b>_required".to_owned());
    let (_, page) = place.sign_in();
    page.says(401, "let nobody in: bloginb_required");
}

#[test]
fn after_signing_in_nobody_lands_on_another_site() {
    let place = Place::with_alice(sqlite());
    place.world().enter("bob", "u-1", &["ops"]);
    for next in ["https://evil.test/", "//evil.test", "/console//evil", "/v1/x"] {
        let mut browser = place.browser();
        place
            .through(&mut browser, &format!("/console/sso/sign-in?next={next}"))
            .says(200, "0;url=/console/\"");
    }
}

#[test]
fn a_code_from_somewhere_else_is_not_redeemed() {
    let place = Place::with_alice(sqlite());
    place.world().enter("bob", "u-1", &["ops"]);
    // The attacker's own code, put into the victim's answer: PKCE and nonce are of another flow.
    let mut attacker = place.browser();
    let away = place.leave(&mut attacker, "/console/sso/sign-in");
    let stolen = place.at_provider(&away);
    let code = stolen.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let mut victim = place.browser();
    let away = place.leave(&mut victim, "/console/sso/sign-in");
    let back = place.at_provider(&away);
    let own = back.split("code=").nth(1).unwrap().split('&').next().unwrap();
    victim.get(&back.replace(own, &code)).says(401, "answered 400: invalid_grant");
    assert!(!victim.is_in());
    // The answer was used up by it.
    victim.get(&back).says(401, "");
}

#[test]
fn before_the_first_person_nobody_comes_in_by_it() {
    let place = Place::start(sqlite());
    place.world().enter("bob", "u-1", &["admins"]);
    let mut browser = place.browser();
    browser.get("/console/sso/sign-in").says(409, "by the setup token");
    assert!(!browser.is_in());
    assert_eq!(kinds(&place.broker, "person_added"), 0);
}

#[test]
fn the_page_to_sign_in_has_a_way_to_the_provider_and_without_one_there_is_none() {
    let place = Place::with_alice(sqlite());
    place.browser().get("/console/sign-in?next=/console/audit%3Fa%3D1").says(
        200,
        "<a class=\"button\" href=\"/console/sso/sign-in?next=%2Fconsole%2Faudit%3Fa%3D1\">Sign in with <bdi>the company</bdi></a>",
    );
    let plain = crate::people::browser::named(sqlite());
    crate::people::browser::set_up(&plain);
    let page = wire::get(plain.addr, "/console/sign-in").unwrap().text();
    assert!(!page.contains("sso"), "{page}");
    let answer = wire::get(plain.addr, "/console/sso/sign-in").unwrap();
    assert_eq!(answer.status, 404);
    assert_eq!(wire::get(plain.addr, "/console/sso/callback?code=a&state=b").unwrap().status, 404);
}

#[test]
fn the_settings_say_what_is_set_and_what_would_not_work() {
    let place = Place::with_alice(sqlite());
    let mut alice = place.browser();
    alice.sign_in("alice", crate::people::browser::PASSWORD, "").goes("/console/");
    alice
        .get("/console/settings")
        .says(200, "/console/sso/callback")
        .says(200, "sso.client_id")
        .says(200, "lookers");
    let check = "/console/settings/sso/check";
    alice.post(check, &[]).says(200, "It works: the description was read, with 4 keys");
    place.world().description = json!({ "issuer": "https://elsewhere.example" });
    alice.post(check, &[]).says(200, "names another issuer than sso.issuer");
    place.world().description = json!({ "jwks_uri": format!("{}/none", place.provider.url()) });
    alice.post(check, &[]).says(200, "the provider's keys cannot be had: it answered 404");
    // Only for owners.
    place.world().description = json!({});
    place.world().enter("bob", "u-1", &["ops"]);
    let (mut bob, _) = place.sign_in();
    bob.post(check, &[]).says(403, "may not administer");
}
