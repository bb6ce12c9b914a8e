//! What runs now, what ran, and the kill switch.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use stint_tests::{Started, until};

use super::{Desk, with_and_without_scripts};

#[test]
fn sessions_are_shown_and_ended() {
    let desk = Desk::new();
    let browser = desk.browser();
    with_and_without_scripts(&browser, |browser| {
        let (go, agent) = waits_then_asks(&desk);
        until("the session is live", || {
            browser.visit("/console/now");
            (browser.count("main .card") == 1).then_some(())
        });
        browser.sees("coder in staging").sees("Started a session");
        browser.is_accessible();
        browser.click("coder in staging").sees("What it did").sees("live");
        browser.is_accessible();
        browser.click("End this session").sees("ended");
        browser.is_accessible();
        fs::write(&go, "").unwrap();
        agent.wait().reply().refused(401, "session_ended");
        browser.visit("/console/sessions").sees("ended").sees("coder");
        browser.is_accessible();
        browser.visit("/console/now").sees("No session is live");
        browser.is_accessible();
    });
}

#[test]
fn the_kill_switch_asks_once_and_ends_every_session() {
    let desk = Desk::new();
    let browser = desk.browser();
    with_and_without_scripts(&browser, |browser| {
        let agents = [waits_then_asks(&desk), waits_then_asks(&desk)];
        until("both sessions are live", || {
            browser.visit("/console/now");
            (browser.count("main .card") == 2).then_some(())
        });
        browser.click("End all 2 live sessions").sees("Live now: 2");
        browser.is_accessible();
        browser.click("Back").sees("coder in staging");
        browser.click("End all 2 live sessions").sees("Live now: 2");
        browser.click("End all 2 live sessions now").sees("No session is live");
        assert_eq!(browser.at(), "/console/now");
        for (go, agent) in agents {
            fs::write(&go, "").unwrap();
            agent.wait().reply().refused(401, "session_ended");
        }
    });
}

/// An agent whose session is live until the file is there, and who asks for something then.
fn waits_then_asks(desk: &Desk) -> (PathBuf, Started) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let go = desk.lab.broker.scratch().join(format!("go-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    // A test that fails leaves it behind: it gives up by itself.
    let script = format!(
        "n=0; while [ ! -e {} ] && [ $((n+=1)) -lt 2400 ]; do sleep 0.05; done; ask '{{ me {{ name }} }}'",
        go.display()
    );
    (go, desk.lab.begin(&script))
}
