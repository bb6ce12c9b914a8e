//! The same in a real browser, which keeps strict cookies to itself while another site leads.

use stint_tests::{Browser, Lab};

use super::Place;
use crate::console::{options, with_and_without_scripts};

#[test]
fn a_person_signs_in_and_proves_it_in_a_real_browser_with_and_without_scripts() {
    let place = Place::with_alice(options());
    place.world().enter("bob", "u-1", &["admins"]);
    place.world().signed_in = None;
    let browser = Browser::start(&place.broker);
    browser.leads_to(&place.provider.url());
    with_and_without_scripts(&browser, |browser| {
        browser.visit("/console/sessions");
        browser.is_accessible();
        browser.click("Sign in with the company").sees("User");
        browser.fill("User", "bob").click("Enter").sees("bob \u{b7} owner");
        assert_eq!(browser.at(), "/console/sessions");
        assert_eq!(browser.cookies().len(), 1, "the cookie of the way is left: {:?}", browser.cookies());

        Lab::sql_on(&place.broker, "UPDATE sign_ins SET proven_at = 1");
        browser.visit("/console/prove?next=/console/people");
        browser.is_accessible();
        browser.click("Prove it with the company").fill("User", "bob").click("Enter").sees("Invite somebody");
        browser.visit("/console/account").is_accessible();
        browser.visit("/console/settings").click("Check").sees("It works");
        browser.is_accessible();
        browser.click("Sign out").sees("Password");
    });
    assert_eq!(place.records("sign_in_proven").len(), 2);
    place.world().enter("bob", "u-1", &["nobody's"]);
    browser.visit("/console/sign-in").click("Sign in with the company").sees("Not signed in");
    browser.is_accessible();
}
