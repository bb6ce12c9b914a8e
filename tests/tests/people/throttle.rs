//! E18, E19 and the waits.

use super::browser::{Browser, OTHER, PASSWORD, kinds, named, set_up};
use crate::place::on_both;

on_both! {
    fn e18_five_failures_are_free_however_the_name_is_spelled(options) {
        let broker = named(options);
        set_up(&broker);
        let mut browser = Browser::new(&broker);
        for name in ["alice", "Alice", " alice ", "ALICE", "\talice"] {
            browser.sign_in(name, OTHER, "").says(401, "does not belong together");
        }
        for name in ["alice", "aLiCe", "alice "] {
            browser.sign_in(name, PASSWORD, "").says(429, "too many attempts failed");
        }
        assert!(!browser.is_in());
        // Waiting is not forgotten with the process.
        let mut broker = broker;
        broker.restart();
        Browser::new(&broker).sign_in("alice", PASSWORD, "").says(429, "too many attempts failed");
        assert_eq!(kinds(&broker, "sign_in_refused"), 9);
    }
}

#[test]
fn nobody_learns_which_names_there_are() {
    let broker = named(crate::place::sqlite());
    set_up(&broker);
    let answers = |name: &str| {
        let mut browser = Browser::new(&broker);
        let mut all = Vec::new();
        for _ in 0..7 {
            let page = browser.sign_in(name, OTHER, "").0;
            let mut headers = page.headers.clone();
            headers.retain(|(name, _)| name != "date" && name != "content-length");
            let seconds = |c: char| c.is_ascii_digit();
            let text = page.text().replace(name, "NAME").replace(seconds, "");
            all.push((page.status, headers, text));
        }
        all
    };
    let (known, unknown) = (answers("alice"), answers("mallory"));
    assert_eq!(known[0].0, 401);
    assert_eq!(known[6].0, 429);
    assert_eq!(known, unknown);
}

#[test]
fn e19_success_forgives_the_name_and_not_the_address() {
    let broker = named(crate::place::sqlite());
    set_up(&broker);
    let mut browser = Browser::new(&broker);
    for _ in 0..4 {
        browser.sign_in("alice", OTHER, "").says(401, "");
    }
    browser.sign_in("alice", PASSWORD, "").goes("/console/");
    for _ in 0..4 {
        browser.sign_in("alice", OTHER, "").says(401, "");
    }
    browser.sign_in("alice", PASSWORD, "").goes("/console/");
    // Twelve more at other names, and the address waits, whoever comes from there.
    for name in ["b", "c", "d"] {
        for _ in 0..4 {
            browser.sign_in(name, OTHER, "").says(401, "");
        }
    }
    browser.sign_in("alice", PASSWORD, "").says(429, "too many attempts failed");
}
