//! Behind a proxy: whose address an attempt counts for, and who may say so.

use std::fs;

use stint_tests::wire::{self, Answer};
use stint_tests::{Options, TestBroker};

use super::{prepared, refused};
use crate::people::browser::set_up;
use crate::place::sqlite;

fn behind(variables: &[(&str, &str)]) -> TestBroker {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let broker = TestBroker::start(Options { variables, host: Some("localhost".to_owned()), ..sqlite() });
    set_up(&broker);
    broker
}

/// Somebody types a wrong password, with these lines added on the way.
fn guess(broker: &TestBroker, person: &str, added: &[&str]) -> Answer {
    let origin = format!("origin: {}", broker.url);
    let lines = [&[origin.as_str(), "content-type: application/x-www-form-urlencoded"], added].concat();
    let form = format!("person={person}&password=not+the+password");
    wire::request(broker.addr, "POST", "/console/sign-in", &lines, form.as_bytes()).unwrap()
}

/// Where the newest attempt came from, as it is on record.
fn from(broker: &TestBroker) -> String {
    let exported = broker.broker(&["audit", "export"]).ok().stdout;
    let newest =
        exported.lines().rev().find(|line| line.contains("sign_in_refused")).unwrap().replace('\\', "");
    newest.split("\"address\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[test]
fn without_a_trusted_proxy_nobody_says_where_they_come_from() {
    let broker = behind(&[]);
    guess(&broker, "alice", &["x-forwarded-for: 198.51.100.1", "forwarded: for=198.51.100.1"]);
    assert_eq!(from(&broker), "127.0.0.1");
    let broker = behind(&[("STINT_BROKER_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.0/24")]);
    guess(&broker, "alice", &["x-forwarded-for: 198.51.100.1"]);
    assert_eq!(from(&broker), "127.0.0.1");
}

#[test]
fn a_trusted_proxy_is_believed_in_what_it_wrote_itself_and_one_address_does_not_hold_up_others() {
    let broker = behind(&[("STINT_BROKER_TRUSTED_PROXIES", "127.0.0.0/8")]);
    guess(&broker, "alice", &["x-forwarded-for: 203.0.113.1, 198.51.100.1"]);
    assert_eq!(from(&broker), "198.51.100.1");
    guess(&broker, "alice", &["x-forwarded-for: 198.51.100.2", "forwarded: for=203.0.113.1"]);
    assert_eq!(from(&broker), "198.51.100.2");
    guess(&broker, "alice", &["forwarded: for=203.0.113.1"]);
    assert_eq!(from(&broker), "127.0.0.1");
    // Whoever guesses at many names from one place waits, whatever they claim in front of it.
    for turn in 0..20 {
        let claim = format!("x-forwarded-for: 203.0.113.{turn}, 198.51.100.9");
        assert_eq!(guess(&broker, &format!("name-{turn}"), &[&claim]).status, 401);
    }
    assert_eq!(guess(&broker, "another", &["x-forwarded-for: 192.0.2.1, 198.51.100.9"]).status, 429);
    assert_eq!(guess(&broker, "another", &["x-forwarded-for: 198.51.100.10"]).status, 401);
}

#[test]
fn the_standard_header_is_read_where_it_is_the_one() {
    let variables =
        [("STINT_BROKER_TRUSTED_PROXIES", "127.0.0.0/8"), ("STINT_BROKER_PROXY_HEADER", "forwarded")];
    let broker = behind(&variables);
    let both =
        ["x-forwarded-for: 203.0.113.1", "forwarded: for=203.0.113.2, for=\"[2001:db8::9]:1\";proto=https"];
    guess(&broker, "alice", &both);
    assert_eq!(from(&broker), "2001:db8::9");
}

#[test]
fn what_is_no_network_or_no_header_is_refused_by_line() {
    for (text, says) in
        [("trusted_proxies = [\"10.0.0.0/33\"]\n", "line 1"), ("\nproxy_header = \"via\"\n", "line 2")]
    {
        let mut broker = prepared(&[]);
        let file = broker.scratch().join("stint-broker.toml");
        fs::write(&file, text).unwrap();
        broker.options.args = vec!["--config".to_owned(), file.display().to_string()];
        refused(&broker, &[says]);
    }
}
