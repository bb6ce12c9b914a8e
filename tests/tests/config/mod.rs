//! Configuration: what is wrong is named and nothing starts; beyond loopback there is TLS.

mod proxies;
mod replicas;
pub(crate) mod tls;

use std::fs;

use stint_tests::{Lab, Options, TestBroker};

use crate::place::on_both;

/// A broker that is never started by itself.
fn prepared(args: &[&str]) -> TestBroker {
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    let mut broker = TestBroker::prepare(Options { args, ..Options::default() });
    broker.without_checks();
    broker
}

#[track_caller]
fn refused(broker: &TestBroker, says: &[&str]) {
    let out = broker.fails_to_start();
    for word in says {
        assert!(out.stderr.contains(word), "{word} is not in: {}", out.stderr);
    }
    assert!(out.stderr.starts_with("stint-broker: "), "{}", out.stderr);
    assert!(!broker.data().join("stint.db").exists(), "something was made: {}", out.stderr);
}

#[test]
fn a_wrong_file_is_refused_by_key_and_line() {
    for (text, says) in [
        ("[approval]\nhodl = \"20s\"\n", &["hodl", "line 2"][..]),
        ("\n[approval]\nhold = \"20 parsecs\"\n", &["20 parsecs", "line 3"]),
        ("[limits]\nbody = \"much\"\n", &["body", "line 2"]),
        ("[limits]\nbody = -1\n", &["line 2"]),
        ("limits.body = 0\n", &["limits"]),
        ("[nonsense]\n", &["nonsense", "line 1"]),
        ("[upstreams]\nallow_private = [\"10.0.0.0/33\"]\n", &["line 2"]),
        ("[seal]\nkind = \"wax\"\n", &["seal.kind", "wax"]),
        ("[token]\nttl = \"2h\"\n", &["token.ttl"]),
        ("[session]\nttl = \"48h\"\n", &["session.ttl", "session.max_ttl"]),
        ("database = \"mysql://db\"\n", &["database", "postgres://"]),
        ("public_url = \"https://stint.example/path\"\n", &["public_url"]),
        ("[approval\n", &["line 1"]),
    ] {
        let mut broker = prepared(&[]);
        let file = broker.scratch().join("stint-broker.toml");
        fs::write(&file, text).unwrap();
        broker.options.args = vec!["--config".to_owned(), file.display().to_string()];
        refused(&broker, says);
    }
    refused(&prepared(&["--config", "/no/such/file.toml"]), &["/no/such/file.toml"]);
}

#[test]
fn a_wrong_variable_names_itself() {
    for (name, value) in [
        ("STINT_BROKER_APPROVAL_HOLD", "soon"),
        ("STINT_BROKER_LISTN", "x"),
        ("STINT_BROKER_LIMITS_REQUESTS", "many"),
    ] {
        let mut broker = prepared(&[]);
        broker.options.variables = vec![(name.to_owned(), value.to_owned())];
        refused(&broker, &[name]);
    }
}

#[test]
fn beyond_loopback_needs_tls_or_somebody_who_has_it() {
    let says = ["beyond loopback", "--tls-cert", "--behind-tls-proxy"];
    refused(&prepared(&["--listen", "0.0.0.0:0"]).listening_as_told(), &says);
    refused(&prepared(&["--listen", "[::]:0"]).listening_as_told(), &says);
    refused(&prepared(&["--tls-cert", "/no/such.pem"]), &["tls.cert", "tls.key"]);
    refused(&prepared(&["--tls-cert", "/no/such.pem", "--tls-key", "/no/such.key"]), &["/no/such.pem"]);
    let mut broker = prepared(&["--behind-tls-proxy", "--public-url", "https://stint.example"]);
    broker.restart();
    let answer =
        broker.curl(&["-sS", &format!("{}/.well-known/oauth-authorization-server", broker.url)]).ok().json();
    assert_eq!(answer["issuer"], "https://stint.example");
}

#[test]
fn policies_that_cannot_be_read_are_named() {
    for (text, says) in [
        ("permit (principal, action", "own.cedar"),
        ("@id(\"own\") permit (principal, action == Action::\"railway:volumeDelet\", resource);", "`own`"),
    ] {
        let mut broker = prepared(&[]);
        let folder = broker.scratch().join("policies");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("own.cedar"), text).unwrap();
        broker.options.args = vec!["--policies".to_owned(), folder.display().to_string()];
        refused(&broker, &[says]);
    }
}

on_both! {
    fn one_broker_for_one_data_folder(options) {
        let lab = Lab::start(options);
        let mut second = TestBroker::prepare(Options { data: Some(lab.broker.data()), ..lab.broker.options.clone() });
        second.without_checks();
        let out = second.fails_to_start();
        assert!(out.stderr.contains("in use by another broker"), "{}", out.stderr);
        lab.ask("{ me { name } }").done();
    }

    fn an_address_that_is_taken_is_named(options) {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let mut broker = TestBroker::prepare(options).listening_as_told();
        broker.without_checks();
        broker.options.args.extend(["--listen".to_owned(), address.clone()]);
        let out = broker.fails_to_start();
        assert!(out.stderr.contains(&address), "{}", out.stderr);
    }

    fn policies_of_the_administrator_narrow_and_are_named(mut_options) {
        let mut options = mut_options;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("own.cedar"),
            "@id(\"own.no-variables\")\n@advice(\"variables are changed on Mondays\")\nforbid (principal, action == Action::\"railway:variableUpsert\", resource);\n").unwrap();
        options.args.extend(["--policies".to_owned(), folder.path().display().to_string()]);
        let lab = Lab::start(options);
        let upsert = format!(
            "mutation {{ variableUpsert(input: {{ projectId: \"{}\", environmentId: \"{}\", name: \"A\", value: \"b\" }}) }}",
            stint_standin::railway::ids::PROJECT, stint_standin::railway::ids::STAGING
        );
        let reply = lab.ask(&upsert);
        reply.refused(403, "denied");
        assert_eq!(reply.body["policies"], serde_json::json!(["own.no-variables"]));
        assert!(reply.body["hint"].as_str().unwrap().contains("Mondays"), "{}", reply.text);
        lab.ask("{ me { name } }").done();
    }

    fn limits_are_what_the_configuration_says(options) {
        let mut options = options;
        options.variables = vec![("STINT_BROKER_LIMITS_BODY".to_owned(), "2000".to_owned())];
        let lab = Lab::start(options);
        let long = "a".repeat(3000);
        let reply = lab.ask(&format!("{{ me {{ name }} }} # {long}"));
        reply.refused(413, "body_too_large");
        assert!(lab.railway.log.is_empty());
        assert_eq!(lab.records("request_refused")[0]["facts"]["code"], "body_too_large");
        lab.ask("{ me { name } }").done();
    }
}
