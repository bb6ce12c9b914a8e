//! Answers hold no secret that the vault holds, the injected one or another, in whatever form.
//!
//! That none of them got into an answer, a log or a record is what the harness checks at the end of each test.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use stint_standin::Said;
use stint_tests::until;

use crate::resolution::{DROPLET, Ocean};

const REDACTED: &str = "[stint:redacted]";

/// A world in which nothing is looked up, with another provider's credential in the vault beside the one in use.
fn beside() -> (Ocean, String) {
    let ocean = Ocean::new();
    ocean.broker.map("staging", "digitalocean:team/ocean");
    let other = ocean.broker.secret("other");
    ocean.broker.add_credential("other", "stripe", &ocean.provider.url(), ocean.provider.ca_pem(), &other);
    (ocean, other)
}

fn redactions(ocean: &Ocean, count: usize) -> usize {
    let closed = until("the outcomes are recorded", || {
        let closed = ocean.broker.records("request_closed");
        (closed.len() >= count).then_some(closed)
    });
    closed.iter().filter(|record| record["facts"]["redacted"] == true).count()
}

#[test]
fn k01_k04_the_secret_of_another_credential_is_redacted_in_every_common_form() {
    let (ocean, other) = beside();
    let hex: String = other.bytes().map(|byte| format!("{byte:02x}")).collect();
    let line = format!("user:{other}");
    let forms = [
        other.clone(),
        STANDARD.encode(&other),
        STANDARD.encode(&line),
        URL_SAFE_NO_PAD.encode(format!("ab{other}")),
        hex.to_uppercase(),
        hex,
    ];
    for (count, form) in forms.iter().enumerate() {
        ocean.say(DROPLET, Said::text(format!(r#"{{"message":"you sent {form} as a credential"}}"#)));
        let reply = ocean.ask("GET", DROPLET);
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert!(
            reply.text.starts_with(r#"{"message":"you sent "#) && reply.text.contains(REDACTED),
            "{}",
            reply.text
        );
        assert_eq!(redactions(&ocean, count + 1), count + 1, "{form}");
    }
    // A header, a stream of events and one of lines, an error.
    let events = format!("data: {{\"n\":1}}\n\ndata: {other}\n\ndata: {{\"n\":2}}\n\n");
    let lines = format!("{{\"n\":1}}\n{{\"key\":\"{other}\"}}\n{{\"n\":2}}\n");
    for (said, kept) in [
        (Said::text(events).header("content-type", "text/event-stream"), "data: {\"n\":2}"),
        (Said::text(lines).header("content-type", "application/x-ndjson"), "{\"n\":2}"),
        (Said::text(format!("no such key: {other}")).status(400), "no such key: "),
    ] {
        ocean.say(DROPLET, said);
        let reply = ocean.ask("GET", DROPLET);
        assert!(reply.text.contains(REDACTED) && reply.text.contains(kept), "{}", reply.text);
    }
    ocean.say(DROPLET, Said::text("{}").header("x-debug", &format!("key {other}")));
    let shown = ocean.broker.run("staging", "coder", &["sh", "-c", &format!(
        "curl -sSi -H \"Authorization: Bearer $DIGITALOCEAN_ACCESS_TOKEN\" https://api.digitalocean.com{DROPLET}"
    )]);
    assert!(shown.stdout.contains(&format!("x-debug: key {REDACTED}")), "{}", shown.stdout);
    // What is encoded although it was asked not to be cannot be looked through.
    ocean.say(DROPLET, Said::text("\u{1f}").header("content-encoding", "gzip"));
    assert_eq!(ocean.ask("GET", DROPLET).status, 502);
}

#[test]
fn an_older_version_is_looked_for_until_it_is_revoked_and_over_http_2_too() {
    let (ocean, other) = beside();
    let newer = ocean.broker.secret("newer");
    ocean.broker.command(&["credential", "rotate", "other"]).input(newer.clone()).run().ok();
    ocean.say(DROPLET, Said::text(format!("{other} and {newer}, but not this")));
    let args = [
        "token",
        "--environment",
        "staging",
        "--agent",
        "coder",
        "--credential",
        "ocean",
        "--headers",
        "GET",
        DROPLET,
    ];
    let out = ocean.broker.stint(&args).ok();
    let headers: Vec<&str> = out.stdout.lines().collect();
    let url = format!("{}/gateway/ocean{DROPLET}", ocean.broker.url);
    let out = ocean.broker.curl(&[
        "-sS",
        "--http2-prior-knowledge",
        "-w",
        "\n%{http_version}",
        "-H",
        headers[0],
        "-H",
        headers[1],
        &url,
    ]);
    let wanted = format!("{REDACTED} and {REDACTED}, but not ");
    assert!(out.stdout.starts_with(&wanted) && out.stdout.ends_with("\n2"), "{}{}", out.stdout, out.stderr);
}
