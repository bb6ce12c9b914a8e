//! Package managers, whose registries no provider owns. That they install once their hosts are allowed is shown by
//! `./tests/clients/run`, against the real ones.

use stint_tests::matrix::{Desk, installed, proposed};

/// Each by a registry under a name of its own.
const ASK: &str = r#"
    python3 -m pip download -q --retries 0 --no-cache-dir --index-url https://pip.example.com/simple widget && echo GOT
    npm view widget --registry https://npm.example.com/ --fetch-retries 0 --cache "$PWD/.npm" && echo GOT
    CARGO_HOME=$PWD/.cargo CARGO_NET_RETRY=0 cargo search widget --index sparse+https://cargo.example.com/ && echo GOT
    true
"#;

#[test]
fn what_package_managers_ask_for_in_vain_is_proposed() {
    let desk = Desk::start(&installed());
    let learn = |hosts: &[&str]| {
        let base = ["run", "-e", "staging", "-a", "coder", "--confine", "--learn"];
        let allow: Vec<&str> = hosts.iter().flat_map(|host| ["--allow-host", host]).collect();
        let args = [&base[..], &allow, &["--", "sh", "-c", ASK]].concat();
        desk.surrounded(desk.broker.command(&args)).run()
    };
    let out = learn(&[]);
    if out.code == 125 && out.stderr.contains("cannot be confined here") {
        return;
    }
    let out = out.ok();
    assert!(!out.stdout.contains("GOT"), "{out:?}");
    assert_eq!(proposed(&out.stderr), ["cargo.example.com", "npm.example.com", "pip.example.com"], "{out:?}");
    // What was proposed is an owner's to allow, and nobody else's.
    let wider = learn(&["pip.example.com"]);
    assert_eq!(wider.code, 125, "{wider:?}");
    assert!(wider.stderr.contains("an owner allows a host"), "{wider:?}");
    assert!(desk.any.log.is_empty(), "{:?}", desk.any.log);
}
