//! A broker that ends TLS itself, and the client that trusts it.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use stint_standin::railway::{Viewer, ids};
use stint_standin::{Railway, Standin};
use stint_tests::{Options, TestBroker};

use crate::place::on_both;

/// CA, certificate and key for the loopback address, as files in a folder.
pub(crate) fn certificates() -> tempfile::TempDir {
    let mut ca = CertificateParams::new(Vec::<String>::new()).unwrap();
    ca.distinguished_name.push(DnType::CommonName, "a CA of the tests");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let ca_key = KeyPair::generate().unwrap();
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    leaf.distinguished_name.push(DnType::CommonName, "a broker of the tests");
    let leaf = leaf.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("ca.pem", ca_pem), ("cert.pem", leaf.pem()), ("key.pem", key.serialize_pem())] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

on_both! {
    fn a_session_works_over_tls_and_without_trust_it_does_not(options) {
        let files = certificates();
        let path = |name: &str| files.path().join(name).display().to_string();
        let mut args = options.args.clone();
        args.extend(["--tls-cert".to_owned(), path("cert.pem"), "--tls-key".to_owned(), path("key.pem")]);
        let broker = TestBroker::start(Options { args, ..options });
        assert!(broker.url.starts_with("https://"));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let railway = runtime.block_on(Standin::loopback(Railway::seeded())).unwrap();
        let secret = broker.secret("railway");
        railway.site.world().admit(&secret, Viewer::Account { user: ids::USER.to_owned() });
        let stint = |args: &[&str]| broker.command(args).env("STINT_BROKER_CA", path("ca.pem"));
        let setup = broker.data().join("setup-token").display().to_string();
        broker.command(&["login", "--setup-token-file", &setup]).run().exits(7);
        stint(&["login", "--setup-token-file", &setup]).run().ok();
        stint(&["environment", "add", "staging", "--tier", "staging"]).run().ok();
        let ca = broker.scratch().join("upstream.pem");
        fs::write(&ca, railway.ca_pem().unwrap()).unwrap();
        let (url, ca) = (railway.url(), ca.display().to_string());
        let add = ["credential", "add", "railway", "--provider", "railway", "--upstream", &url, "--upstream-ca", &ca];
        stint(&add).input(secret).run().ok();
        stint(&["agent", "add", "coder"]).run().ok();
        let run = ["run", "--environment", "staging", "--agent", "coder", "--", "sh", "-c",
            r#"curl -sS -w '\n%{http_code}\n' https://backboard.railway.com/graphql/v2 -H "Authorization: Bearer $RAILWAY_API_TOKEN" -H 'content-type: application/json' -d '{"query":"{ me { name } }"}'"#];
        stint(&run).run().reply().done();
        // HTTP/2 on the way in as well.
        let ready = format!("{}/readyz", broker.url);
        let version = broker.curl(&["-sS", "--cacert", &path("ca.pem"), "-o", "/dev/null", "-w", "%{http_version}", &ready]).ok();
        assert_eq!(version.stdout, "2");
        let one = broker.curl(&["-sS", "--http1.1", "--cacert", &path("ca.pem"), "-o", "/dev/null", "-w", "%{http_version}", &ready]).ok();
        assert_eq!(one.stdout, "1.1");
        // Not in the clear, and not in an old version.
        assert_ne!(broker.curl(&["-sS", &ready.replace("https", "http")]).code, 0);
        assert_ne!(broker.curl(&["-sSk", "--tls-max", "1.1", &ready]).code, 0);
    }
}

#[test]
fn a_certificate_without_its_key_is_no_start() {
    let (files, other) = (certificates(), certificates());
    let path = |folder: &tempfile::TempDir, name: &str| folder.path().join(name).display().to_string();
    for (cert, key) in [
        (path(&files, "cert.pem"), path(&other, "key.pem")),
        (path(&files, "key.pem"), path(&files, "key.pem")),
        (path(&files, "cert.pem"), path(&files, "cert.pem")),
    ] {
        let broker = super::prepared(&["--tls-cert", &cert, "--tls-key", &key]);
        let out = broker.fails_to_start();
        assert!(out.stderr.starts_with("stint-broker: "), "{}", out.stderr);
        assert!(!out.stderr.contains("BEGIN"), "key material was said");
    }
}
