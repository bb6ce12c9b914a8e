use std::fs;

use serde_json::{Value, json};
use stint_standin::railway::ids;
use stint_standin::{Said, Scripted, Standin};
use stint_tests::{Lab, Options, Output};

use super::Ocean;

fn add(lab: &Lab, more: &[&str]) -> Output {
    let ca = lab.broker.scratch().join("check-ca.pem");
    fs::write(&ca, lab.railway.ca_pem().unwrap()).unwrap();
    let (url, ca) = (lab.railway.url(), ca.display().to_string());
    let args =
        ["credential", "add", "other", "--provider", "railway", "--upstream", &url, "--upstream-ca", &ca];
    lab.broker.command(&[&args[..], more].concat()).input(lab.broker.secret("other")).run()
}

#[test]
fn what_the_provider_rejects_is_stored_only_unchecked() {
    let lab = Lab::start(Options::default());
    let refused = add(&lab, &[]).exits(1);
    assert!(
        refused.stderr.contains("does not take this") && refused.stderr.contains("--unchecked"),
        "{}",
        refused.stderr
    );
    let listed = lab.broker.stint(&["credential", "list", "--json"]).ok().json();
    assert_eq!(listed["credentials"].as_array().unwrap().len(), 1);
    add(&lab, &["--unchecked"]).ok();
    let check = lab.broker.stint(&["credential", "check", "other", "--json"]).ok().json();
    assert_eq!((&check["accepted"], &check["reaches"]), (&json!(false), &json!([])), "{check:#}");
}

#[test]
fn a_check_says_what_a_credential_reaches_and_what_is_narrower() {
    let lab = Lab::start(Options::default());
    let check = lab.broker.stint(&["credential", "check", "railway", "--json"]).ok().json();
    assert_eq!(check["accepted"], true, "{check:#}");
    let reaches = check["reaches"].as_array().unwrap();
    let staging = reaches
        .iter()
        .find(|place| place["selector"] == format!("railway:environment/{}", ids::STAGING).as_str());
    assert_eq!(staging.unwrap()["environment"], "staging", "{check:#}");
    assert!(check["narrower"][0].as_str().unwrap().contains("project token"), "{check:#}");
    let shown = lab.broker.stint(&["credential", "check", "railway"]).ok();
    assert!(
        shown.stdout.contains("the provider takes it") && shown.stderr.contains("narrower:"),
        "{shown:?}"
    );
}

#[test]
fn an_end_is_shown_where_the_provider_tells() {
    let ocean = Ocean::new();
    let broker = &ocean.broker;
    let provider = ocean.block_on(Standin::loopback(Scripted::default())).unwrap();
    let said = Said::json(&json!({ "login": "robin" }))
        .header("github-authentication-token-expiration", "2030-01-02 03:04:05 UTC")
        .header("x-oauth-scopes", "repo, admin:org");
    provider.site.say("/user", said);
    provider.site.say("/user/repos?per_page=100", Said::json(&json!([{ "full_name": "Acme/Shop" }])));
    broker.add_credential("hub", "github", &provider.url(), provider.ca_pem(), &broker.secret("hub"));
    let check = broker.stint(&["credential", "check", "hub", "--json"]).ok().json();
    assert_eq!(
        (&check["name"], &check["expires_at"]),
        (&json!("robin"), &json!("2030-01-02T03:04:05Z")),
        "{check:#}"
    );
    assert!(check["narrower"].to_string().contains("fine-grained"), "{check:#}");
    assert_eq!(check["reaches"][0]["selector"], "github:repository/acme/shop", "{check:#}");
}

#[test]
fn discovery_proposes_production_for_what_smells_of_it_and_for_what_says_nothing() {
    let ocean = Ocean::new();
    let broker = &ocean.broker;
    let found = broker.stint(&["environment", "discover", "--credential", "ocean", "--json"]).ok().json();
    let place = |id: &str| -> Value {
        let places = found["places"].as_array().unwrap();
        places
            .iter()
            .find(|place| place["selector"] == format!("digitalocean:project/{id}").as_str())
            .unwrap()
            .clone()
    };
    let (staging, live) = (place("p-staging"), place("p-live"));
    assert_eq!(
        (&staging["proposal"]["environment"], &staging["proposal"]["tier"]),
        (&json!("staging"), &json!("staging")),
        "{found:#}"
    );
    assert_eq!(
        (&live["proposal"]["environment"], &live["proposal"]["exists"]),
        (&json!("production"), &json!(true)),
        "{found:#}"
    );
    assert!(staging["things"].to_string().contains("do:droplet:11"), "{found:#}");
    let shown = broker.stint(&["environment", "discover", "--credential", "ocean"]).ok();
    assert!(
        shown.stderr.contains("stint environment map production digitalocean:project/p-live"),
        "{shown:?}"
    );
    assert!(shown.stdout.contains("looks like staging"), "{shown:?}");
}
