//! The stand-ins as programs see them: over TLS, by real curl.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests stop the test that they cannot serve"
)]

use std::io::Write;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use stint_standin::railway::ids;
use stint_standin::{Coding, Echo, Fault, Github, Handle, Place, Railway, Site, Standin, Tls};

/// A stand-in in a runtime of its own, and a file with its CA.
struct Running<S> {
    handle: Option<Handle<S>>,
    ca: std::path::PathBuf,
    runtime: tokio::runtime::Runtime,
}

impl<S: Site> Running<S> {
    fn start(site: S) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let handle = runtime.block_on(Standin::loopback(site)).unwrap();
        let ca = std::env::temp_dir().join(format!(
            "stint-standin-{}-{}.pem",
            std::process::id(),
            handle.addr.port()
        ));
        std::fs::File::create(&ca).unwrap().write_all(handle.ca_pem().unwrap().as_bytes()).unwrap();
        Running { handle: Some(handle), ca, runtime }
    }

    fn handle(&self) -> &Handle<S> {
        self.handle.as_ref().unwrap()
    }

    fn curl(&self, path: &str, args: &[&str]) -> Output {
        let url = format!("{}{path}", self.handle().url());
        let mut command = Command::new("curl");
        command.env_clear().args(["-sS", "--max-time", "20", "--cacert"]).arg(&self.ca).args(args).arg(url);
        command.output().expect("curl is installed")
    }
}

impl<S> Drop for Running<S> {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.ca);
        if let Some(handle) = self.handle.take() {
            self.runtime.block_on(handle.shutdown());
        }
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn bearer() -> String {
    format!("Authorization: Bearer {}", ids::ACCOUNT_TOKEN)
}

const ME: &str = "{\"query\":\"{ me { id } }\"}";

#[test]
fn the_published_curl_deletes_the_volume_by_either_host_name() {
    for host in ["backboard.railway.app", "backboard.railway.com"] {
        let railway = Running::start(Railway::seeded());
        let body = format!(
            "{{\"query\":\"mutation {{ volumeDelete(volumeId: \\\"{}\\\") }}\"}}",
            ids::VOLUME_PRODUCTION
        );
        let host = format!("Host: {host}");
        let answer = railway.curl("/graphql/v2", &["-X", "POST", "-H", &host, "-H", &bearer(), "-d", &body]);
        assert_eq!(text(&answer), "{\"data\":{\"volumeDelete\":true}}");
        assert!(railway.handle().site.world().volume(ids::VOLUME_PRODUCTION).is_none());
        let log = &railway.handle().log;
        let entry = log.last().unwrap();
        assert_eq!((log.len(), log.reached("volumeDelete")), (1, 1));
        assert_eq!(entry.header("content-type"), Some("application/x-www-form-urlencoded"));
        assert!(host.ends_with(&entry.host) && entry.text() == body);
        assert!(log.holds(ids::ACCOUNT_TOKEN) && !format!("{log:?}").contains(ids::ACCOUNT_TOKEN));
    }
}

#[test]
fn both_versions_of_http_are_spoken() {
    let echo = Running::start(Echo);
    for (flag, version) in [("--http1.1", "HTTP/1.1"), ("--http2", "HTTP/2.0")] {
        let answer =
            text(&echo.curl("/a%2Fb//c?x=%41&y", &[flag, "-H", "X-Two: 1", "-H", "X-Two: 2", "-d", "body"]));
        assert!(answer.contains(&format!("\"version\":\"{version}\"")), "{answer}");
        assert!(
            answer.contains("\"path\":\"/a%2Fb//c?x=%41&y\"") && answer.contains("[\"x-two\",\"2\"]"),
            "{answer}"
        );
        assert!(answer.contains("\"body\":\"body\""), "{answer}");
    }
}

#[test]
fn a_client_that_does_not_know_the_ca_refuses() {
    let echo = Running::start(Echo);
    let url = echo.handle().url();
    let refused = Command::new("curl").env_clear().args(["-sS", &url]).output().unwrap();
    assert_eq!(refused.status.code(), Some(60), "{}", String::from_utf8_lossy(&refused.stderr));
}

#[test]
fn large_bodies_and_events_stream() {
    let echo = Running::start(Echo);
    let size = echo.curl("/bytes/50000000", &["-o", "/dev/null", "-w", "%{size_download}"]);
    assert_eq!(text(&size), "50000000");
    let started = Instant::now();
    let first = echo.curl("/events", &["-N", "--max-time", "1"]);
    assert!(text(&first).starts_with("id: 1\ndata: {\"n\":1}\n\n") && first.status.code() == Some(28));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn each_fault_shows_on_the_wire() {
    let railway = Running::start(Railway::seeded());
    let faults = railway.handle().faults.clone();
    let ask = |more: &[&str]| railway.curl("/graphql/v2", &[&["-H", &bearer(), "-d", ME], more].concat());
    let code = ["-o", "/dev/null", "-w", "%{http_code} %{redirect_url} %header{retry-after}"];

    faults.next(1, Fault::Status(500));
    assert!(text(&ask(&code)).starts_with("500 "));
    assert!(text(&ask(&code)).starts_with("200 "), "only the next one");

    faults.next(1, Fault::TooMany { retry_after: 7 });
    assert_eq!(text(&ask(&code)), "429  7");

    faults.next(1, Fault::Redirect { status: 302, location: "https://elsewhere.example/".to_owned() });
    assert!(text(&ask(&code)).starts_with("302 https://elsewhere.example/"));

    faults.next(1, Fault::Cut);
    let cut = ask(&[]);
    assert!(!cut.status.success() && !text(&cut).ends_with('}'), "{cut:?}");

    faults.next(1, Fault::Stall);
    let stalled = ask(&["-N", "--max-time", "1"]);
    assert_eq!(stalled.status.code(), Some(28));
    assert!(text(&stalled).starts_with("{\"data"), "{stalled:?}");

    faults.next(1, Fault::Delay(Duration::from_millis(300)));
    let started = Instant::now();
    assert!(ask(&[]).status.success() && started.elapsed() >= Duration::from_millis(300));

    faults.on("volumeDelete", Fault::Status(503));
    assert!(text(&ask(&code)).starts_with("200 "), "another operation");
}

#[test]
fn the_credential_comes_back_where_it_is_told_to() {
    let railway = Running::start(Railway::seeded());
    let faults = railway.handle().faults.clone();
    let secret = ids::ACCOUNT_TOKEN;
    let ask =
        |more: &[&str]| text(&railway.curl("/graphql/v2", &[&["-H", &bearer(), "-d", ME], more].concat()));
    for (place, args) in [
        (Place::Body, &[][..]),
        (Place::Error, &[]),
        (Place::Header, &["-D", "-"]),
        (Place::Trailer, &["-D", "-", "--http1.1", "-H", "TE: trailers"]),
    ] {
        faults.next(1, Fault::Echo(place, Coding::Raw));
        let answer = ask(args);
        assert!(answer.contains(secret), "{place:?}: {answer}");
    }
    faults.next(1, Fault::Echo(Place::Body, Coding::Split(5)));
    assert!(ask(&[]).contains(secret));
    faults.next(1, Fault::Echo(Place::Body, Coding::Base64));
    let answer = ask(&[]);
    assert!(!answer.contains(secret) && answer.contains("NmQwZjdjMWUt"), "{answer}");
}

#[test]
fn a_provider_that_lies_is_believed_by_nobody_who_looks() {
    let railway = Running::start(Railway::seeded());
    let faults = railway.handle().faults.clone();
    let ask = |query: &str| {
        let body = format!("{{\"query\":\"{query}\"}}");
        text(&railway.curl("/graphql/v2", &["-H", &bearer(), "-d", &body]))
    };
    let one = format!("{{ environment(id: \\\"{}\\\") {{ id projectId }} }}", ids::STAGING);
    faults.next(1, Fault::Elsewhere);
    let answer = ask(&one);
    assert!(!answer.contains(ids::STAGING) && !answer.contains(ids::PROJECT), "{answer}");

    let list = format!(
        "{{ project(id: \\\"{}\\\") {{ volumes {{ pageInfo {{ hasNextPage }} edges {{ node {{ id }} }} }} }} }}",
        ids::PROJECT
    );
    faults.next(1, Fault::Partial);
    let partial = ask(&list);
    assert!(partial.contains("\"errors\":[") && partial.matches("\"node\"").count() == 1, "{partial}");

    let cursor = ask(&list.replace("hasNextPage", "endCursor"))
        .split("endCursor\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let last = list.replace("volumes", &format!("volumes(after: \\\"{cursor}\\\")"));
    assert!(ask(&last).contains("\"hasNextPage\":false"));
    faults.next(1, Fault::Endless);
    assert!(ask(&last).contains("\"hasNextPage\":true"));
}

#[test]
fn a_token_of_the_code_host_deletes_by_curl_too() {
    let github = Running::start(Github::seeded());
    let auth = format!("Authorization: token {}", stint_standin::github::TOKEN);
    let answer = github.curl(
        "/repos/atlas/sandbox",
        &["-X", "DELETE", "-H", &auth, "-o", "/dev/null", "-w", "%{http_code}"],
    );
    assert_eq!(text(&answer), "204");
    assert_eq!(github.handle().log.reached("DELETE /repos/{owner}/{repo}"), 1);
}

#[test]
fn after_shutdown_nobody_answers() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let handle = runtime.block_on(Standin::start(Echo, Tls::Plain, "127.0.0.1:0".parse().unwrap())).unwrap();
    let url = handle.url();
    assert!(url.starts_with("http://"));
    assert!(Command::new("curl").args(["-sS", &url]).output().unwrap().status.success());
    runtime.block_on(handle.shutdown());
    assert_eq!(Command::new("curl").args(["-sS", &url]).output().unwrap().status.code(), Some(7));
}
