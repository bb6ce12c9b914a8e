//! `stint sidecar`: a session's proxy in one container, the agent in another.

mod ground;
mod kubernetes;
mod yaml;

use std::fs;

use ground::Ground;
use rustix::process::Signal;
use stint_tests::{Options, until};

const STREAM: &str =
    "curl -sSN -H \"Authorization: Bearer $GH_TOKEN\" https://api.github.com/repos/octo/hello/tarball/events";

#[test]
fn another_user_works_with_what_is_published_and_nothing_else() {
    let ground = Ground::lay(Options::default());
    let none = ground.check().exits(1);
    assert!(none.stderr.contains("not ready") && none.stderr.contains("refused"), "{}", none.stderr);
    let sidecar = ground.start(&[]);
    assert_eq!(ground.check().ok().stdout, "ready\n");
    let probed =
        ground.agent(&format!("curl -sS -w '%{{http_code}}' http://127.0.0.1:{}/ready", ground.port));
    assert_eq!(probed.ok().stdout, "ready\n200");
    ground.agent(&format!("{} '{{ me {{ name }} }}'", ground.ask())).reply().done();
    // The same without what is published is nobody.
    let url = format!("http://127.0.0.1:{}", ground.port);
    let stranger = format!(
        "env -i /usr/bin/curl -sS -o /dev/null -w '%{{http_connect}}' -x {url} https://backboard.railway.com/"
    );
    assert_eq!(ground.agent(&stranger).stdout, "407");
    // Neither the key nor the process says anything to the agent.
    if ground.as_others {
        let pid = sidecar.id();
        let look = format!(
            "cat {0} /proc/{pid}/environ /proc/{pid}/maps; ls -l /proc/{pid}/fd",
            ground.key.display()
        );
        let seen = ground.agent(&look);
        assert_eq!(
            (seen.code, seen.stdout.contains("Ed25519")),
            (2, false),
            "{}{}",
            seen.stdout,
            seen.stderr
        );
        assert_eq!(seen.stderr.matches("ermission denied").count(), 4, "{}", seen.stderr);
        // Nor does what is published to somebody who is not of its group.
        let other = ground.user("65534", "65534", &format!("cat {}/env", ground.published.display()));
        assert_ne!(other.code, 0, "{}", other.stdout);
    }
    let started = &ground.lab.records("session_started")[0];
    assert_eq!((&started["actor"], &started["facts"]["agent"]), (&"agent:nightly".into(), &"nightly".into()));
    assert_eq!(started["facts"]["confinement"], "none");
    sidecar.signal(Signal::TERM);
    let said = sidecar.wait().exits(0).stderr;
    for part in ["has begun", "ready on 127.0.0.1:", "asked to end, with 0 connections open", "has ended"] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    assert_eq!(ground.why_ended(), "command_ended");
    assert_eq!(fs::read_dir(&ground.published).unwrap().count(), 0, "what was published is taken back");
    ground.check().exits(1);
}

#[test]
fn what_is_under_way_is_finished_and_nothing_new_is_taken() {
    let ground = Ground::lay(Options::default());
    let _site = ground.archive();
    let sidecar = ground.start(&["--grace", "60s"]);
    let file = ground.folder.path().join("tmp/events");
    // One event each 50 ms: ten seconds.
    let stream = ground.start_agent(&format!("{STREAM}/200 -o {}", file.display()));
    let seen = |n: usize| fs::read_to_string(&file).unwrap_or_default().contains(&format!("\"n\":{n}}}\n"));
    until("the stream has begun", || seen(3).then_some(()));
    sidecar.signal(Signal::TERM);
    until("nothing new is taken", || (ground.check().code == 1).then_some(()));
    assert!(!seen(200), "the stream had ended before");
    let refused = ground.agent_with(". ./kept-env", "curl -sS https://api.github.com/user");
    assert_eq!(refused.code, 7, "a new connection is refused: {}", refused.stderr);
    stream.wait().ok();
    assert_eq!(fs::read_to_string(&file).unwrap().matches("data: ").count(), 200);
    let said = sidecar.wait().exits(0).stderr;
    assert!(said.contains("with 1 connection open") && !said.contains("cut off"), "{said}");
    assert_eq!(ground.why_ended(), "command_ended");
}

#[test]
fn what_does_not_end_is_cut_off_in_time() {
    let ground = Ground::lay(Options::default());
    let _site = ground.archive();
    let sidecar = ground.start(&["--grace", "1s"]);
    let file = ground.folder.path().join("tmp/events");
    let stream = ground.start_agent(&format!("{STREAM}/100000 -o {}", file.display()));
    until("the stream has begun", || {
        fs::read_to_string(&file).is_ok_and(|text| text.contains("data: ")).then_some(())
    });
    sidecar.signal(Signal::TERM);
    let said = sidecar.wait().exits(0).stderr;
    assert!(said.contains("1 connection cut off"), "{said}");
    assert_ne!(stream.wait().code, 0);
    assert_eq!(ground.why_ended(), "command_ended");
}

#[test]
fn a_session_that_a_person_ended_is_not_started_anew() {
    let variables = [("STINT_BROKER_SESSION_HEARTBEAT", "1s")];
    let ground = Ground::lay(ground::with(&variables));
    let mut sidecar = ground.start(&[]);
    ground.lab.broker.stint(&["session", "end", "--all"]).ok();
    until("it is no longer ready", || (ground.check().code == 1).then_some(()));
    let not = ground.check();
    assert!(not.stderr.contains("its session has ended"), "{}", not.stderr);
    assert!(sidecar.is_running());
    let reply = ground.agent(&format!("{} '{{ me {{ name }} }}'", ground.ask())).reply();
    reply.refused(401, "session_ended");
    assert_eq!(ground.lab.records("session_started").len(), 1);
    sidecar.signal(Signal::TERM);
    sidecar.wait().exits(0);
}

/// A killed sidecar says nothing to anybody: its clients are refused at once, and its session ends by its silence.
#[test]
fn a_killed_sidecar_is_refused_at_once_and_missed() {
    let variables =
        [("STINT_BROKER_SESSION_HEARTBEAT", "1s"), ("STINT_BROKER_SESSION_HEARTBEAT_GRACE", "2s")];
    let ground = Ground::lay(ground::with(&variables));
    let sidecar = ground.start(&[]);
    sidecar.signal(Signal::KILL);
    assert_eq!(sidecar.wait().code, 137);
    assert_eq!(ground.agent("curl -sS https://api.github.com/user").code, 7);
    assert_eq!(ground.why_ended(), "heartbeat_missed");
}

#[test]
fn what_it_cannot_start_with_is_said() {
    let ground = Ground::lay(Options::default());
    let key = ground.key.display().to_string();
    let published = ground.published.display().to_string();
    let said = |arguments: &[&str], code: i32| {
        let out = ground.sidecar(arguments).run().exits(code);
        assert!(out.stdout.is_empty());
        out.stderr
    };
    let port = ground.port.to_string();
    let usual = ["--environment", "staging", "--port", &port];
    let with = |more: &[&'static str]| [&usual[..], more].concat();
    assert!(said(&with(&[]), 2).contains("--agent-key"));
    let keyed = |key: &str, folder: &str, code: i32| {
        let flags = ["--agent-key", key, "--publish", folder];
        said(&[&usual[..], &flags].concat(), code)
    };
    assert!(keyed(&key, "/nonexistent", 2).contains("no folder to publish to"));
    assert!(keyed("/nonexistent", &published, 2).contains("No such file"));
    let open = ground.folder.path().join("tmp/open.jwk");
    fs::copy(&ground.key, &open).unwrap();
    ground::mode(&open, 0o644);
    let open = open.display().to_string();
    assert!(keyed(&open, &published, 2).contains("read by every user"));
    let flags = ["--agent-key", &key, "--publish", &published, "--port", &port];
    let nowhere = said(&[&["--environment", "production"], &flags[..]].concat(), 4);
    assert!(nowhere.contains("may not ask for that environment"), "{nowhere}");
    let taken = std::net::TcpListener::bind(("127.0.0.1", ground.port)).unwrap();
    assert!(keyed(&key, &published, 1).contains("in use"));
    drop(taken);
    let elsewhere = ground.sidecar(&[&usual[..], &["--agent-key", &key, "--publish", &published]].concat());
    elsewhere.env("STINT_BROKER", "http://127.0.0.1:1").run().exits(7);
    fs::write(&ground.key, "{}").unwrap();
    assert!(keyed(&key, &published, 1).contains("stint agent add --new-key"));
    assert!(ground.lab.records("session_started").is_empty());
}
