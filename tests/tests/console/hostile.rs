//! Everything that an agent or a provider chooses, set to what would run or mislead where it is not shown as text.

use stint_standin::railway::ids;
use stint_tests::{Browser, Lab};

use super::Desk;

/// Each would set `window.canary`, open a dialog, or ask another host for something.
const ACTIVE: &[&str] = &[
    "<script>window.canary=1</script>",
    "\"><img src=http://evil.test/x onerror=window.canary=1>",
    "'><svg onload=window.canary=1>",
    "</title></textarea></style></code><script>window.canary=1;alert(1)</script>",
    "<a href=\"javascript:window.canary=1\">volume delete</a>",
    "<iframe srcdoc=\"<script>parent.canary=1</script>\"></iframe>",
    "<style>body{background:url(http://evil.test/css)}</style>",
    "<form action=/console/sessions/end-all method=post><button>Approve</button></form>",
    "<meta http-equiv=refresh content=\"0;url=http://evil.test/\">",
    "<base href=http://evil.test/>",
    "{{constructor.constructor('window.canary=1')()}}",
    "![x](http://evil.test/md) [Approve](javascript:window.canary=1)",
];

/// Each hides something, or shows another text than is there; with the code point that must be seen.
const HIDDEN: &[(&str, &str)] = &[
    ("staging-\u{202E}atad\u{202C}", "U+202E"),
    ("pay\u{200B}load", "U+200B"),
    ("\u{1b}[2K\u{1b}[32mharmless", "U+001B"),
    ("a\u{2066}b\u{2069}c", "U+2066"),
    ("a\u{FEFF}b", "U+FEFF"),
    ("a\u{00AD}b", "U+00AD"),
    ("a\u{E0041}b", "U+E0041"),
    ("line\u{2028}break", "U+2028"),
    ("tab\tbell\u{7}", "U+0007"),
];

/// Nothing ran, nothing was built out of it, and nobody was asked for anything.
#[track_caller]
fn nothing_happened(browser: &Browser, forms: u64) {
    assert_eq!(browser.value_of("typeof window.canary"), "undefined", "it ran on {}", browser.at());
    for css in [
        "iframe",
        "img",
        "main svg",
        "svg:not(.icon)",
        "base",
        "meta[http-equiv]",
        "main style",
        "main script",
        "[onerror]",
        "[onload]",
    ] {
        assert_eq!(browser.count(css), 0, "{css} on {}", browser.at());
    }
    assert_eq!(browser.count("a[href^='javascript:' i]"), 0);
    assert_eq!(browser.count("form"), forms, "a form was made out of text on {}", browser.at());
    assert!(browser.problems().is_empty(), "{:?}", browser.problems());
}

/// The name that the provider gives to the volume of staging.
fn rename(desk: &Desk, name: &str) {
    desk.lab.railway.site.world().rename("Volume", ids::VOLUME_STAGING, name);
}

#[test]
fn e06_e17_what_a_provider_calls_a_thing_stays_text() {
    let desk = Desk::new();
    // Somebody whose yes counts: the page has all its forms.
    desk.add_person("noor", "approver");
    let browser = Browser::start(&desk.lab.broker);
    desk.sign_in_as(&browser, "noor");
    let all = ACTIVE.iter().map(|text| (*text, *text));
    for (name, seen) in all.chain(HIDDEN.iter().copied()) {
        rename(&desk, name);
        let agent = desk.asks_to_delete();
        let approval = desk.lab.waiting();
        assert_eq!(approval["resources"][0]["name"], name, "the provider's name did not arrive");
        let id = approval["id"].as_str().unwrap();
        browser.visit("/console/").sees(seen);
        nothing_happened(&browser, 1);
        browser.visit(&format!("/console/approvals/{id}")).sees(seen).sees("Delete the volume");
        nothing_happened(&browser, 3);
        for hidden in HIDDEN.iter().flat_map(|(text, _)| text.chars()).filter(|c| !c.is_ascii()) {
            let script = format!("document.body.textContent.includes('\\u{{{:x}}}')", u32::from(hidden));
            assert_eq!(browser.value_of(&script), false, "{hidden:?} is hidden in the page for {name:?}");
        }
        // A reason comes back to the page, too.
        browser
            .fill("Reason", &name.replace(|c: char| u32::from(c) > 0xFFFF || c.is_control(), ""))
            .click("Deny");
        browser.sees("The decision");
        nothing_happened(&browser, 1);
        agent.wait().reply().refused(403, "approval_denied");
    }
    browser.visit("/console/").sees("Decided lately");
    nothing_happened(&browser, 1);
    browser.is_accessible();
}

#[test]
fn e06_a_megabyte_of_name_is_cut_and_the_page_stays_usable() {
    let desk = Desk::new();
    let browser = desk.browser();
    rename(&desk, &"A harmless volume. ".repeat(1 << 16));
    let agent = desk.asks_to_delete();
    let id = desk.lab.waiting()["id"].as_str().unwrap().to_owned();
    for page in ["/console/".to_owned(), format!("/console/approvals/{id}")] {
        browser.visit(&page).sees("A harmless volume.").sees("destroy");
        let size = browser.value_of("document.documentElement.outerHTML.length").as_u64().unwrap();
        assert!(size < 64 * 1024, "{page} has {size} characters");
        browser.is_accessible();
    }
    // What it is called does not push out of sight what it is.
    browser.sees(ids::VOLUME_STAGING).sees("destroy").fill("Reason", "no").click("Deny").sees("The decision");
    agent.wait().reply().refused(403, "approval_denied");
}

#[test]
fn e17_what_an_agent_writes_into_its_requests_stays_text() {
    let desk = Desk::new();
    let browser = desk.browser();
    // An alias, an operation name, a path and headers are the agent's own words.
    let script = r#"
ask 'mutation approved_by_admin { harmless: volumeDelete(volumeId: "<script>window.canary=1</script>") }'
for text in '<script>window.canary=1</script>' '"><img src=x onerror=window.canary=1>' 'javascript:window.canary=1'; do
    for path in '<script>window.canary=1<%2Fscript>' '%3Cscript%3Ewindow.canary=1%3C%2Fscript%3E' '%E2%80%AE%E2%80%8B'; do
        curl -sS --http1.1 -o /dev/null -G "https://backboard.railway.com/graphql/$path" \
            -H "Authorization: Bearer $RAILWAY_API_TOKEN" -A "$text" -H "x-note: $text" --data-urlencode "q=$text"
    done
done
"#;
    desk.lab.script(script);
    let session = desk.lab.records("session_started")[0]["session"].as_str().unwrap().to_owned();
    for (page, forms) in [("/console/now".to_owned(), 1), (format!("/console/sessions/{session}"), 1)] {
        browser.visit(&page).sees("request");
        nothing_happened(&browser, forms);
        browser.is_accessible();
    }
}

#[test]
fn e08_the_summary_is_what_was_parsed_whatever_the_request_calls_itself() {
    let desk = Desk::new();
    let browser = desk.browser();
    let title = "Rename_the_volume";
    let document =
        Lab::delete(ids::VOLUME_STAGING).replace("mutation {", &format!("mutation {title} {{ renamed:"));
    let agent = desk.lab.begin(&format!("ask '{document}'"));
    desk.lab.waiting();
    browser.visit("/console/").sees("Delete the volume").sees("staging-cache").sees("destroy");
    browser.click("Delete the volume staging-cache").sees("What happens on yes");
    assert!(!browser.text("h1").contains(title) && !browser.title().contains(title));
    browser.fill("Reason", "no").click("Deny").sees("The decision");
    agent.wait().reply().refused(403, "approval_denied");
}
