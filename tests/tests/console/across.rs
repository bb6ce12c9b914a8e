//! Pages of others: another port of the same machine, another host name, a frame around the console.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use rustix::process::Signal;
use stint_tests::{until, wire};

use super::Desk;

/// A site that answers every request with one page.
pub(super) struct Site {
    addr: SocketAddr,
}

impl Site {
    pub(super) fn with(page: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        thread::spawn(move || {
            // A browser opens connections that it does not use: none may keep another waiting.
            for stream in listener.incoming().map_while(Result::ok) {
                let page = page.clone();
                thread::spawn(move || answer(stream, &page));
            }
        });
        Site { addr }
    }

    /// The same machine under two names: the first shares its site with the broker, the second does not.
    pub(super) fn urls(&self) -> [String; 2] {
        ["localhost", "127.0.0.1"].map(|host| format!("http://{host}:{}/", self.addr.port()))
    }
}

fn answer(mut stream: TcpStream, page: &str) {
    let mut head = [0; 4096];
    let _ = stream.read(&mut head);
    let length = page.len();
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{page}"
    );
}

#[test]
fn e05_a_form_of_another_site_changes_nothing() {
    let desk = Desk::new();
    let browser = desk.browser();
    browser.without_checks();
    let agent = desk.asks_and_stays();
    let approval = desk.lab.waiting();
    let id = approval["id"].as_str().unwrap();
    let origin = &browser.origin;
    for (path, fields) in [
        (format!("/console/approvals/{id}/approve"), "<input name=confirm value=staging-cache>"),
        (format!("/console/approvals/{id}/deny"), "<input name=reason value=x>"),
        (format!("/console/sessions/{}/end", approval["session"].as_str().unwrap()), ""),
        ("/console/sessions/end-all".to_owned(), ""),
        ("/console/sign-out".to_owned(), ""),
    ] {
        for encoding in ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"] {
            let page = format!(
                "<!doctype html><title>win</title><form method=post enctype='{encoding}' action='{origin}{path}'>{fields}<button>Win a prize</button></form>"
            );
            let site = Site::with(page);
            for url in site.urls() {
                browser.visit(&url).click("Win a prize").sees("not sent by a page of the console");
                let shown = desk.lab.broker.stint(&["approval", "show", id, "--json"]).ok().json();
                assert_eq!(shown["state"], "waiting", "{path} from {url}");
            }
        }
    }
    browser.visit("/console/now").sees("coder in staging").sees("Sign out");
    agent.signal(Signal::TERM);
    agent.wait();
}

#[test]
fn e05_a_link_or_a_prefetch_changes_nothing() {
    let desk = Desk::new();
    let browser = desk.browser();
    browser.without_checks();
    let agent = desk.asks_and_stays();
    let approval = desk.lab.waiting();
    let id = approval["id"].as_str().unwrap();
    for path in [
        format!("/console/approvals/{id}/approve?confirm=staging-cache"),
        format!("/console/approvals/{id}/deny?reason=x"),
        format!("/console/sessions/{}/end", approval["session"].as_str().unwrap()),
        "/console/sessions/end-all".to_owned(),
        "/console/sign-out".to_owned(),
    ] {
        browser.visit(&path);
        let answer = wire::request(desk.lab.broker.addr, "HEAD", &path, &[], b"").unwrap();
        assert_ne!(answer.status, 500, "{path}");
        let shown = desk.lab.broker.stint(&["approval", "show", id, "--json"]).ok().json();
        assert_eq!(shown["state"], "waiting", "{path} by GET");
    }
    browser.visit("/console/now").sees("coder in staging").sees("Sign out");
    agent.signal(Signal::TERM);
    agent.wait();
}

#[test]
fn e05_the_console_is_in_nobodys_frame() {
    let desk = Desk::new();
    let browser = desk.browser();
    browser.without_checks();
    let page = format!(
        "<!doctype html><title>frame</title><p>around</p><iframe id=f src='{0}/console/'></iframe><object data='{0}/console/'></object>",
        browser.origin
    );
    let site = Site::with(page);
    for url in site.urls() {
        let stopped = || browser.problems().iter().filter(|line| line.contains("frame-ancestors")).count();
        let before = stopped();
        browser.visit(&url).sees("around");
        // The frame and the object.
        until("the browser stopped both", || (stopped() >= before + 2).then_some(()));
        let seen = browser.value_of("(() => { try { return document.getElementById('f').contentDocument.body.innerText; } catch (error) { return ''; } })()");
        assert!(!seen.as_str().unwrap_or_default().contains("Approvals"), "{seen}");
    }
}

#[test]
fn e20_another_site_reads_neither_the_stream_nor_a_page() {
    let desk = Desk::new();
    let browser = desk.browser();
    browser.without_checks();
    let page = format!(
        r"<!doctype html><title>thief</title><p id=said>waiting</p><script>
const said = [];
const done = (text) => {{ said.push(text); document.getElementById('said').textContent = said.length + ' of 3: ' + said.join(', '); }};
const events = new EventSource('{0}/console/live', {{ withCredentials: true }});
events.onopen = () => done('stream opened'); events.onerror = () => {{ events.close(); done('no stream'); }};
fetch('{0}/console/', {{ credentials: 'include' }}).then((answer) => answer.text()).then(() => done('page read'), () => done('no page'));
fetch('{0}/console/', {{ credentials: 'include', mode: 'no-cors' }}).then((answer) => done('opaque ' + answer.type), () => done('no answer'));
</script>",
        browser.origin
    );
    let site = Site::with(page);
    for url in site.urls() {
        browser.visit(&url).sees("3 of 3");
        let said = browser.text("#said");
        assert!(said.contains("no stream") && said.contains("no page"), "from {url}: {said}");
    }
    // Nobody who is not signed in hears anything, whatever they say of where they come from.
    for lines in [&[][..], &["origin: http://evil.test"], &["cookie: stint-console=guess"]] {
        let answer = wire::request(desk.lab.broker.addr, "GET", "/console/live", lines, b"").unwrap();
        assert_eq!(answer.status, 303, "{}", answer.text());
    }
}

#[test]
fn every_answer_of_the_console_carries_its_headers() {
    let desk = Desk::new();
    for path in
        ["/console/", "/console/sign-in", "/console/nothing", "/console/assets/console.css", "/console/live"]
    {
        let answer = wire::get(desk.lab.broker.addr, path).unwrap();
        let policy = answer.header("content-security-policy").unwrap_or_default();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{path}: {part} is not in {policy:?}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}: {name}");
        }
    }
}
