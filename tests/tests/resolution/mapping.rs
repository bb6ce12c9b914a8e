use std::fs;
use std::path::Path;

use serde_json::json;
use stint_standin::Said;
use stint_standin::railway::ids;
use stint_tests::{Lab, Options};

use super::Ocean;

#[test]
fn what_does_not_exist_is_refused_with_the_nearest_names() {
    let lab = Lab::start(Options::default());
    let broker = &lab.broker;
    let refused = broker.stint(&["environment", "map", "staging", "railway:environment/stagin"]).exits(1);
    assert!(refused.stderr.contains("sees no environment 'stagin'"), "{}", refused.stderr);
    assert!(refused.stderr.contains(&format!("railway:environment/{}", ids::STAGING)), "{}", refused.stderr);
    broker.stint(&["environment", "map", "staging", "railway:environment/stagin", "--unchecked"]).ok();
}

#[test]
fn a_name_is_mapped_by_its_id_and_is_the_same_thing() {
    let lab = Lab::start(Options::default());
    let broker = &lab.broker;
    let selector = format!("railway:environment/{}", ids::STAGING);
    broker.stint(&["environment", "unmap", "staging", &selector]).ok();
    let mapped =
        broker.stint(&["environment", "map", "staging", "railway:environment/Staging", "--json"]).ok().json();
    assert_eq!(mapped["selectors"], json!([selector]));
    broker.add_environment("other", "staging");
    let twice = broker.stint(&["environment", "map", "other", "railway:environment/staging"]).exits(1);
    assert!(twice.stderr.contains("belongs to staging already"), "{}", twice.stderr);
}

#[test]
fn what_is_called_production_is_not_mapped_lower_without_a_person_saying_so() {
    let lab = Lab::start(Options::default());
    let broker = &lab.broker;
    let selector = format!("railway:environment/{}", ids::PRODUCTION);
    broker.stint(&["environment", "unmap", "production", &selector]).ok();
    let refused = broker.stint(&["environment", "map", "staging", &selector]).exits(1);
    assert!(
        refused.stderr.contains("'production'") && refused.stderr.contains("--unchecked"),
        "{}",
        refused.stderr
    );
    broker.stint(&["environment", "map", "production", &selector]).ok();
}

#[test]
fn a_part_and_the_whole_it_is_in_are_not_two_environments() {
    let ocean = Ocean::mapped();
    let broker = &ocean.broker;
    let refused = broker.stint(&["environment", "map", "staging", "digitalocean:team/ocean"]).exits(1);
    assert!(refused.stderr.contains("two environments would own it"), "{}", refused.stderr);
    for project in ["p-staging", "p-live"] {
        let environment = if project == "p-live" { "production" } else { "staging" };
        broker.stint(&["environment", "unmap", environment, &format!("digitalocean:project/{project}")]).ok();
    }
    broker.map("staging", "digitalocean:team/ocean");
    let refused = broker.stint(&["environment", "map", "production", "digitalocean:project/p-live"]).exits(1);
    assert!(refused.stderr.contains("two environments would own it"), "{}", refused.stderr);
    // A project of a team that this credential does not see is another matter, once somebody says so.
    ocean.say("/v2/projects/p-live", Said::text("{}").status(500));
    let silent = broker.stint(&["environment", "map", "production", "digitalocean:project/p-live"]).exits(1);
    assert!(silent.stderr.contains("could not be asked"), "{}", silent.stderr);
}

/// `--help` names every kind that every pack lets an environment map.
#[test]
fn help_lists_what_each_pack_offers() {
    let lab = Lab::unfurnished(Options::default());
    let help = lab.broker.stint(&["environment", "map", "--help"]).ok().stdout;
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/packs");
    let mut kinds = 0;
    for folder in fs::read_dir(packs).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        let pack = folder.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(folder.join("pack.toml")).unwrap();
        let line = text.lines().find(|line| line.starts_with("environment-kinds")).unwrap();
        for kind in line.split('"').skip(1).step_by(2) {
            assert!(help.contains(&format!("{pack}:{kind}/")), "{pack}:{kind} is not in\n{help}");
            kinds += 1;
        }
    }
    assert!(kinds > 20, "{kinds}");
}
