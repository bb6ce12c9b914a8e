//! Every page that can be reached by links, in a world in which something happens.
//!
//! Pages are found by following links from the first one, so that a new page is looked at as soon as something leads to
//! it. With `STINT_SCREENSHOTS=FOLDER` pictures of each are written there, in both themes and at two widths.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

use rustix::process::Signal;
use stint_standin::railway::ids;
use stint_tests::{Browser, Lab, Started, TestBroker, pictures_wanted};

use super::{Desk, options};

/// More pages than there are: links that never end are a fault.
const MOST: usize = 80;

/// Something has been allowed, refused, denied and asked for, and a session is live: its command is the second value.
pub(super) fn busy_world() -> (Desk, Started) {
    let desk = Desk::new();
    desk.lab.ask("{ me { name } }").done();
    desk.lab.ask(&Lab::delete(ids::VOLUME_PRODUCTION));
    let denied = desk.asks_to_delete();
    let id = desk.lab.waiting()["id"].as_str().unwrap().to_owned();
    desk.lab.broker.stint(&["approval", "deny", &id, "--reason", "the load test needs it until Friday"]).ok();
    denied.wait();
    let agent = desk.asks_and_stays();
    desk.lab.waiting();
    (desk, agent)
}

#[test]
fn every_page_that_links_lead_to_is_sound() {
    let (desk, agent) = busy_world();
    let browser = desk.browser();
    let pictures = pictures_wanted();
    let mut seen = BTreeSet::new();
    let mut left = VecDeque::from(["/console/".to_owned()]);
    while let Some(path) = left.pop_front() {
        let shape = shape(&path);
        if !seen.insert(shape.clone()) {
            continue;
        }
        assert!(seen.len() <= MOST, "pages without end: {seen:?}");
        for scripts in [false, true] {
            browser.scripts(scripts).visit(&path);
            if browser.value_of("document.contentType") != "text/html" {
                continue;
            }
            look_at(&browser, &path);
            // What scripts add to a page is there as well, so the page is looked at with them.
            if scripts {
                browser.is_accessible();
            }
        }
        if let Some(folder) = &pictures {
            take(&browser, folder, &shape);
        }
        left.extend(links(&browser));
    }
    for known in [
        "console",
        "console/approvals/ID",
        "console/now",
        "console/sessions",
        "console/sessions/ID",
        "console/sessions/end-all",
    ] {
        assert!(seen.contains(known), "no link leads to {known}: {seen:?}");
    }
    agent.signal(Signal::TERM);
    agent.wait();
}

#[test]
fn pages_for_nobody_in_particular_are_sound() {
    let pictures = pictures_wanted();
    let fresh = TestBroker::start(options());
    let browser = Browser::start(&fresh);
    browser.visit("/console/setup");
    look_at(&browser, "/console/setup");
    browser.is_accessible_throughout();
    if let Some(folder) = &pictures {
        take(&browser, folder, "setup");
    }
    let desk = Desk::new();
    let browser = Browser::start(&desk.lab.broker);
    for (path, name) in [("/console/sign-in", "sign-in"), ("/console/nothing", "not-found")] {
        browser.visit(path);
        look_at(&browser, path);
        browser.is_accessible_throughout();
        if let Some(folder) = &pictures {
            take(&browser, folder, name);
        }
    }
    if let Some(folder) = &pictures {
        desk.sign_in(&browser);
        browser.visit("/console/");
        take(&browser, folder, "approvals-empty");
    }
}

/// What holds on every page.
#[track_caller]
fn look_at(browser: &Browser, path: &str) {
    assert_eq!(browser.count("h1"), 1, "{path} has one heading");
    assert_eq!(browser.count("main"), 1, "{path} has one main part");
    assert!(browser.title().ends_with("Stint"), "{path}: {}", browser.title());
    assert_eq!(
        browser.count("[style], [onclick], [onsubmit], [onload], main script, main style"),
        0,
        "{path}"
    );
    // A table's head says what its columns are, to a screen reader too.
    assert_eq!(browser.count("table:not(:has(th))"), 0, "{path}: a table without a head");
    let post = "[...document.forms].filter((form) => !['post', 'get'].includes(form.method)).length";
    assert_eq!(browser.value_of(post), 0, "{path}");
}

fn take(browser: &Browser, folder: &Path, shape: &str) {
    fs::create_dir_all(folder).unwrap();
    let name = shape.trim_start_matches("console/").replace('/', "-").to_lowercase();
    browser.screenshot(folder, if name == "console" { "approvals" } else { &name });
}

/// The addresses of the console that the page leads to.
pub(super) fn links(browser: &Browser) -> Vec<String> {
    let script = "[...document.querySelectorAll('a[href]:not([download])')].map((link) => new URL(link.href)).filter((url) => url.origin === location.origin && url.pathname.startsWith('/console')).map((url) => url.pathname + url.search)";
    let found = browser.value_of(script);
    found.as_array().into_iter().flatten().filter_map(|path| path.as_str().map(str::to_owned)).collect()
}

/// A path without what names one thing of many: pages of one shape are one page.
pub(super) fn shape(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default().trim_matches('/');
    let parts = path.split('/').map(|part| {
        let of_one = part.chars().any(|c| c.is_ascii_digit() || c == '_' || c == '.' || c == ':' || c == '%');
        if of_one { "ID" } else { part }
    });
    parts.collect::<Vec<_>>().join("/")
}
