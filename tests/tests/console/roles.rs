//! What a role cannot do is not offered to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rustix::process::Signal;
use serde_json::Value;
use stint_tests::Browser;

use super::pages::{busy_world, links, shape};

/// Forms that would end what the test itself goes by.
const OWN: [&str; 4] = ["/console/sign-out", "/console/account", "/sign-ins/", "/logins/"];

#[test]
fn an_owner_is_offered_what_an_owner_can_do() {
    offered_to("owner");
}

#[test]
fn an_approver_is_offered_what_an_approver_can_do() {
    offered_to("approver");
}

#[test]
fn an_operator_is_offered_what_an_operator_can_do() {
    offered_to("operator");
}

#[test]
fn an_auditor_is_offered_what_an_auditor_can_do() {
    offered_to("auditor");
}

/// Every link leads to a page, and every form that is there is heard: it may be wrong as it stands, but is not forbidden.
fn offered_to(role: &str) {
    let (desk, agent) = busy_world();
    desk.add_person("sam", role);
    let browser = Browser::start(&desk.lab.broker);
    browser.without_checks();
    desk.sign_in_as(&browser, "sam");
    let mut forms: BTreeMap<String, Value> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut left = VecDeque::from(["/console/".to_owned()]);
    while let Some(path) = left.pop_front() {
        if !seen.insert(shape(&path)) {
            continue;
        }
        browser.visit(&path);
        let status = browser.value_of("performance.getEntriesByType('navigation')[0].responseStatus");
        assert_eq!(status, 200, "{role} is led to {path}");
        if browser.value_of("document.contentType") != "text/html" {
            continue;
        }
        assert_eq!(browser.count("h1"), 1, "{path}");
        for form in on_page(&browser) {
            let action = form["action"].as_str().unwrap_or_default().to_owned();
            if !OWN.iter().any(|own| action.contains(own)) {
                forms.entry(shape(&action)).or_insert(form);
            }
        }
        left.extend(links(&browser));
    }
    assert_eq!(
        forms.keys().any(|action| action.ends_with("/approve")),
        matches!(role, "owner" | "approver"),
        "{forms:?}"
    );
    assert_eq!(forms.contains_key("console/sessions/end-all"), role != "auditor", "{forms:?}");
    assert_eq!(forms.contains_key("console/new/agent"), role == "owner", "{forms:?}");
    browser.visit("/console/now");
    // What removes a thing comes last: others may be about the same.
    let (removing, others): (Vec<_>, Vec<_>) =
        forms.iter().partition(|(action, _)| action.ends_with("/remove") || action.ends_with("/revoke"));
    for (action, form) in others.into_iter().chain(removing) {
        let status = sent(&browser, form);
        assert!(!matches!(status, 401 | 403 | 404 | 405 | 500..), "{role} sends {action}: {status}");
    }
    browser.visit("/console/").sees(&format!("sam · {role}"));
    agent.signal(Signal::TERM);
    agent.wait();
}

/// The forms of the page that change something: where to, how, and what is in them.
fn on_page(browser: &Browser) -> Vec<Value> {
    let script = "[...document.forms].filter((form) => form.method === 'post').flatMap((form) => [form, ...form.querySelectorAll('[formaction]')].map((own) => ({ action: new URL(own.formAction || form.action).pathname, enctype: form.enctype, fields: [...new FormData(form)].filter(([, value]) => typeof value === 'string') })))";
    browser.value_of(script).as_array().cloned().unwrap_or_default()
}

/// Sends a form as it stands; a redirect counts as 303. A form that is shown again with what it lacks, such as the name
/// that is to be typed, was not forbidden.
fn sent(browser: &Browser, form: &Value) -> u64 {
    let script = format!(
        "(async () => {{ const form = {form}; const body = form.enctype.startsWith('multipart') ? new FormData() : new URLSearchParams(); for (const [name, value] of form.fields) body.append(name, value); window.sent = 0; const answer = await fetch(form.action, {{ method: 'POST', body, redirect: 'manual' }}); const text = answer.type === 'opaqueredirect' ? '' : await answer.text(); const shown = answer.status === 403 && !/<main[^>]*narrow/.test(text); window.sent = text === '' ? 303 : shown ? 422 : answer.status; }})(), null"
    );
    browser.value_of(&script);
    stint_tests::until("the form is answered", || {
        browser.value_of("window.sent").as_u64().filter(|status| *status > 0)
    })
}
