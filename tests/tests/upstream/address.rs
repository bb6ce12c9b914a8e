//! Where a credential may be sent: no private addresses but those that the configuration names.

use std::fs;

use stint_tests::{Lab, Options};

use super::me;
use crate::place::on_both;

fn add(lab: &Lab, name: &str, upstream: &str) -> stint_tests::Output {
    let args = ["credential", "add", name, "--provider", "railway", "--upstream", upstream];
    lab.broker.command(&args).input(lab.broker.secret("other")).run()
}

on_both! {
    fn j01_private_addresses_are_refused_when_a_credential_is_added(options) {
        // Only 127.0.0.0/8 is named.
        let lab = Lab::start(options);
        for upstream in [
            "https://10.0.0.1", "https://192.168.1.1:8443", "https://172.16.0.1", "https://169.254.169.254", "https://100.100.100.200",
            "https://[::1]", "https://[fd00:ec2::254]", "https://[fe80::1]", "https://[::ffff:10.0.0.1]", "https://[64:ff9b::a00:1]",
            "https://0.0.0.0", "https://10.1", "https://0x0a000001", "https://167772161", "https://012.0.0.1",
            "https://user@example.com", "https://example.com/path", "https://example.com?x", "ftp://example.com", "example.com", "",
        ] {
            let out = add(&lab, "other", upstream);
            assert!(matches!(out.code, 1 | 2), "{upstream} was taken: {}", out.stdout);
            assert!(out.stderr.starts_with("stint: "), "{}", out.stderr);
        }
        let listed = lab.broker.stint(&["credential", "list", "--json"]).ok().json();
        assert_eq!(listed["credentials"].as_array().unwrap().len(), 1);
    }

    fn j09_without_allow_private_loopback_is_refused_and_so_is_the_broker_itself(options) {
        let mut lab = Lab::start(options);
        add(&lab, "itself", &lab.broker.url.replace("http:", "https:")).exits(1);
        lab.broker.terminate();
        lab.broker.options.allow_private = false;
        lab.broker.restart();
        for upstream in ["https://127.0.0.1:8443", "https://127.1:8443", "https://2130706433", "https://0x7f000001", "https://0177.0.0.1"] {
            add(&lab, "other", upstream).exits(1);
        }
        // What was added while it was allowed is refused when it is used.
        let reply = lab.ask("{ me { name } }");
        reply.refused(502, "upstream_refused");
        assert!(lab.railway.log.is_empty());
        // A name is judged by what it resolves to.
        let named = format!("https://localhost:{}", lab.railway.addr.port());
        let ca = lab.broker.scratch().join("ca.pem");
        fs::write(&ca, lab.railway.ca_pem().unwrap()).unwrap();
        let args = ["credential", "add", "named", "--provider", "railway", "--upstream", &named, "--upstream-ca", &ca.display().to_string()];
        let out = lab.broker.command(&args).input(lab.broker.secret("named")).run();
        if out.code == 0 {
            let answer = me(&lab, "named");
            assert_eq!((answer.status, answer.json()["code"].as_str()), (502, Some("upstream_refused")), "{}", answer.text());
        }
        assert!(lab.railway.log.is_empty());
    }

    fn j08_proxy_variables_of_the_broker_are_not_heeded(options) {
        let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        proxy.set_nonblocking(true).unwrap();
        let url = format!("http://{}", proxy.local_addr().unwrap());
        let variables = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"]
            .map(|name| (name.to_owned(), url.clone()))
            .to_vec();
        let lab = Lab::start(Options { variables, ..options });
        lab.ask("{ me { name } }").done();
        assert!(proxy.accept().is_err(), "the broker went by way of a proxy");
    }
}
