//! Machines behind a proxy wait each under their own address.

use serde_json::json;
use stint_tests::{Options, TestBroker};

use super::Machine;
use crate::place::sqlite;

#[test]
fn machines_behind_a_trusted_proxy_wait_under_their_own_address() {
    let variables = vec![("STINT_BROKER_TRUSTED_PROXIES".to_owned(), "127.0.0.0/8".to_owned())];
    let broker = TestBroker::start(Options { variables, ..sqlite() });
    broker.login();
    let machine = Machine::new(&broker);
    let ask = |from: &str| {
        let line = format!("x-forwarded-for: {from}");
        machine.form_through(&[&line], "/oauth/device_authorization", &[("client_id", "stint")]).status
    };
    for turn in 0..20 {
        assert_eq!(ask("198.51.100.7"), 200, "{turn}");
    }
    // One address has its fill; a claim in front of it makes it no other.
    assert_eq!(ask("198.51.100.7"), 503);
    assert_eq!(ask("203.0.113.1, 198.51.100.7"), 503);
    assert_eq!(ask("198.51.100.8"), 200);
    let asked = broker.records("device_asked");
    assert_eq!(asked[0]["facts"]["address"], json!("198.51.100.8"));
}
