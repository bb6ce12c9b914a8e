//! Answers stream through the gateway, over HTTP/1.1 and HTTP/2.

use std::fs;
use std::time::Instant;

use http::{Response, Version};
use stint_standin::{Body, Echo, Fault, Handle, Inbound, Site, Standin};
use stint_tests::{Lab, Output, until};

use crate::place::on_both;

/// `GET /repos/octo/hello/tarball/bytes/N` and `…/events/N` are what [`Echo`] answers at `/bytes/N` and `/events/N`.
#[derive(Debug, Clone)]
struct Archive(Echo);

impl Site for Archive {
    fn operations(&self, request: &Inbound) -> Vec<String> {
        self.0.operations(request)
    }

    async fn answer(&self, mut request: Inbound, faults: &[Fault]) -> Response<Body> {
        let path = request.parts.uri.path().to_owned();
        if let Some(rest) = path.strip_prefix("/repos/octo/hello/tarball") {
            request.parts.uri = rest.parse().unwrap();
        }
        self.0.answer(request, faults).await
    }
}

fn archive(lab: &Lab) -> Handle<Archive> {
    let site = lab.block_on(Standin::loopback(Archive(Echo))).unwrap();
    lab.broker.map("staging", "github:repository/octo/hello");
    lab.broker.add_credential("github", "github", &site.url(), site.ca_pem(), &lab.broker.secret("github"));
    site
}

/// `curl` in a session of staging.
fn curl(lab: &Lab, path: &str, more: &str) -> Output {
    let script =
        format!("exec curl -sS -H \"Authorization: Bearer $GH_TOKEN\" https://api.github.com{path} {more}");
    lab.run(&["sh", "-c", &script])
}

on_both! {
    fn events_arrive_before_the_end(options) {
        let lab = Lab::start(options);
        let _site = archive(&lab);
        let file = lab.broker.scratch().join("events");
        // One each 50 ms, two hundred in all: ten seconds.
        let script = format!(
            "exec curl -sSN -H \"Authorization: Bearer $GH_TOKEN\" https://api.github.com/repos/octo/hello/tarball/events/200 -o {}",
            file.display()
        );
        let before = Instant::now();
        let mut run = lab.begin(&script);
        let read = |n: usize| fs::read_to_string(&file).unwrap_or_default().contains(&format!("\"n\":{n}}}\n"));
        until("the first event is there", || read(1).then_some(()));
        let first = before.elapsed();
        until("ten events are there", || read(10).then_some(()));
        assert!(run.is_running(), "events came at the end, after {first:?}");
        run.wait().ok();
        let all = fs::read_to_string(&file).unwrap();
        assert_eq!(all.matches("data: ").count(), 200);
        assert!(all.ends_with("data: {\"n\":200}\n\n"));
    }

    fn a_large_answer_goes_through_in_flat_memory(options) {
        let lab = Lab::start(options);
        let _site = archive(&lab);
        curl(&lab, "/repos/octo/hello/tarball/bytes/1000", "-o /dev/null").ok();
        let before = lab.broker.peak_memory();
        let size = 300_000_000_u64;
        let out = curl(&lab, &format!("/repos/octo/hello/tarball/bytes/{size}"), "-o /dev/null -w '%{size_download} %{http_code}'").ok();
        assert_eq!(out.stdout, format!("{size} 200"));
        let grown = lab.broker.peak_memory().saturating_sub(before);
        assert!(grown < 40_000_000, "{grown} bytes more at the peak for an answer of {size}");
        let closed = until("the outcome is recorded", || {
            let closed = lab.records("request_closed");
            (closed.len() == 2).then(|| closed[0]["facts"].clone())
        });
        assert_eq!((&closed["bytes"], &closed["status"]), (&size.into(), &200.into()));
    }

    fn http_2_is_spoken_with_a_provider_that_can(options) {
        let lab = Lab::start(options);
        lab.ask("{ me { name } }").done();
        let arrived = lab.railway.log.last().unwrap();
        assert_eq!((arrived.version, arrived.host.as_str()), (Version::HTTP_2, "backboard.railway.com"));
    }

    fn http_2_is_spoken_with_a_client_that_does(options) {
        let lab = Lab::start(options);
        let headers = lab.headers("POST", "/graphql/v2");
        let url = format!("{}/gateway/railway/graphql/v2", lab.broker.url);
        let args = ["-sS", "--http2-prior-knowledge", "-w", "\n%{http_version}", "-H", &headers[0], "-H", &headers[1],
            "-H", "content-type: application/json", "-d", r#"{"query":"{ me { name } }"}"#, &url];
        let out = lab.broker.curl(&args).ok();
        assert!(out.stdout.ends_with("\n2") && out.stdout.contains("Robin Park"), "{}", out.stdout);
    }

    fn a_client_that_goes_away_is_noticed_and_recorded(options) {
        let lab = Lab::start(options);
        let _site = archive(&lab);
        let out = curl(&lab, "/repos/octo/hello/tarball/events/2000", "-N -m 1 -o /dev/null");
        assert_eq!(out.code, 28, "{}{}", out.stdout, out.stderr);
        let closed = until("the outcome is recorded", || lab.records("request_closed").first().map(|r| r["facts"].clone()));
        assert!(closed["fault"].is_string(), "{closed}");
    }
}
