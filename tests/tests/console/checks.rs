//! The checks that every page passes fail on a page that is bad: otherwise they would say nothing.

use stint_tests::{Browser, Size, TestBroker, Theme};

use super::across::Site;
use super::options;

const BAD: &str = "<!doctype html><html lang=en><meta name=viewport content=\"width=device-width\"><title>bad</title><main><h1>Bad</h1>
<style>body { margin: 0 } pre { width: 400px } pre[tabindex] { width: 200px; overflow: auto } code { display: block; width: 600px }</style>
<p style='color:#999;background:#fff'>Text that is hard to read</p><label>unnamed</label><input><pre>wide</pre><pre tabindex=0><code>wide</code></pre>
<script>console.error('an error of a script'); fetch('/elsewhere');</script></main></html>";

#[test]
fn a_bad_page_is_found_bad() {
    let broker = TestBroker::start(options());
    let browser = Browser::start(&broker);
    browser.without_checks();
    let site = Site::with(BAD.to_owned());
    let [url, _] = site.urls();
    browser.visit(&url).sees("Bad");
    let found = browser.axe().join("\n");
    for rule in ["color-contrast", "label"] {
        assert!(found.contains(&format!(": {rule}: ")), "axe does not find {rule}:\n{found}");
    }
    assert!(found.contains("(light)") && found.contains("(dark)"), "{found}");
    let problems = browser.problems().join("\n");
    for problem in ["an error of a script", "a request to another origin"] {
        assert!(problems.contains(problem), "{problem:?} is not among\n{problems}");
    }
    browser.view(Theme::Light, Size::Phone);
    let wide = browser.too_wide(Size::Phone).join("\n");
    assert!(wide.contains("40 px: <pre>") && !wide.contains("tabindex"), "{wide}");
    assert!(browser.requests().iter().any(|asked| asked.ends_with("/elsewhere")));
}
