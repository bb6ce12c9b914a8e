//! `stint-broker pack build|check|show|search|accuracy|docs`: packs made, looked at and explained.

use std::fs;

use serde_json::json;
use stint_tests::packs::ACME;
use stint_tests::{Lab, Options, TestBroker};

use crate::place::on_both;

fn prepared() -> TestBroker {
    let mut broker = TestBroker::prepare(Options::default());
    broker.without_checks();
    broker
}

#[test]
fn operations_are_looked_up_at_the_broker_under_either_name() {
    let broker = TestBroker::start(Options::default());
    broker.login();
    let listed = broker.stint(&["pack", "list"]).ok().stdout;
    assert!(listed.contains("railway") && listed.contains("kubernetes"), "{listed}");
    assert_eq!(listed, broker.stint(&["provider", "list"]).ok().stdout);
    let shown = broker.stint(&["pack", "show", "railway", "--words", "volumeDelete"]).ok().stdout;
    assert!(shown.contains("railway:volumeDelete") && shown.contains("destroy"), "{shown}");
    let found = broker.stint(&["pack", "search", "volume", "delete", "--json"]).ok().json();
    let found: Vec<&str> =
        found["operations"].as_array().unwrap().iter().filter_map(|one| one["operation"].as_str()).collect();
    assert!(
        found.contains(&"railway:volumeDelete") && found.contains(&"digitalocean:volumes_delete"),
        "{found:?}"
    );
    let strong = broker.stint(&["pack", "search", "secret", "--class", "reveal"]).ok().stdout;
    assert!(strong.contains("gcp:secretmanager.projects.secrets.versions.access"), "{strong}");
    assert!(!strong.contains(" destroy "), "{strong}");
    let none = broker.stint(&["pack", "search", "nothing-that-there-is"]).ok();
    assert!(
        none.stdout.is_empty() && none.stderr.contains("no operation has"),
        "{}{}",
        none.stdout,
        none.stderr
    );
    broker.stint(&["pack", "search"]).exits(2);
}

#[test]
fn a_pack_is_built_from_a_description_checked_and_compared() {
    let broker = prepared();
    let folder = broker.scratch().join("acme");
    fs::create_dir_all(&folder).unwrap();
    let description = broker.scratch().join("acme.yaml");
    let text = "openapi: 3.1.0\npaths:\n  /sites/{site}:\n    get: {operationId: getSite, responses: {}}\n    delete: {operationId: deleteSite, responses: {}}\n  /sites/{site}/suspend:\n    post: {operationId: suspendSite, responses: {}}\n";
    fs::write(&description, text).unwrap();
    fs::write(folder.join("pack.toml"), ACME).unwrap();
    fs::write(
        folder.join("build.toml"),
        "[[resource]]\nparameters = [\"site\"]\nresource = \"site={site}\"\n",
    )
    .unwrap();
    let (from, to) = (description.display().to_string(), folder.display().to_string());
    broker.broker_command(&["pack", "build", &from, "--pack", &to]).run().ok();
    let table = fs::read_to_string(folder.join("operations.tsv")).unwrap();
    assert!(
        table.contains("POST\t/sites/{site}/suspend\tsuspendSite\tdestroy\tsite={site}\tresources\t\n"),
        "{table}"
    );
    assert!(
        broker
            .broker_command(&["pack", "check", &to])
            .run()
            .ok()
            .stdout
            .contains("acme: sound, 3 operations")
    );

    // A newer description: what appeared and what changed is said, and nothing is written.
    fs::write(&description, text.replace("suspendSite", "pauseSite")).unwrap();
    let old = folder.join("operations.tsv").display().to_string();
    let args = ["pack", "build", &from, "--pack", &to, "--against", &old, "--dry-run"];
    let said = broker.broker_command(&args).run().ok().stdout;
    assert!(said.contains("new      pauseSite (destroy)") && said.contains("gone     suspendSite"), "{said}");
    assert_eq!(fs::read_to_string(folder.join("operations.tsv")).unwrap(), table);

    // A pack with an error names file, row and reason.
    fs::write(
        folder.join("operations.tsv"),
        table.replace("destroy\tsite={site}\tresources\t\nGET", "destroy\tsite={place}\tresources\t\nGET"),
    )
    .unwrap();
    let wrong = broker.broker_command(&["pack", "check", &to]).run().exits(1).stderr;
    assert!(wrong.contains("acme/operations.tsv, row 2") && wrong.contains("'place'"), "{wrong}");
    fs::write(&description, "openapi: 3\npaths: [\n").unwrap();
    let wrong = broker.broker_command(&["pack", "build", &from, "--pack", &to]).run().exits(1).stderr;
    assert!(wrong.contains("acme.yaml, row ") && wrong.contains("malformed"), "{wrong}");
}

#[test]
fn a_graphql_schema_makes_a_pack_of_its_own_kind() {
    let broker = prepared();
    let folder = broker.scratch().join("acme");
    fs::create_dir_all(&folder).unwrap();
    let schema = broker.scratch().join("schema.graphql");
    fs::write(&schema, "type Query { site(siteId: ID!): Site } type Mutation { siteDelete(siteId: ID!): Boolean! } type Site { name: String apiKey: String }").unwrap();
    let manifest = ACME.replace("protocol = \"rest\"", "protocol = \"graphql\"\nendpoints = [\"/graphql\"]");
    fs::write(folder.join("pack.toml"), manifest).unwrap();
    let (from, to) = (schema.display().to_string(), folder.display().to_string());
    broker.broker_command(&["pack", "build", &from, "--pack", &to]).run().ok();
    assert!(
        broker
            .broker_command(&["pack", "check", &to])
            .run()
            .ok()
            .stdout
            .contains("acme: sound, 2 operations")
    );
    assert!(
        fs::read_to_string(folder.join("operations.tsv"))
            .unwrap()
            .contains("mutation\tsiteDelete\tdestroy\t")
    );
}

#[test]
fn packs_are_looked_up_by_people() {
    let broker = prepared();
    let shown = broker.broker_command(&["pack", "show", "fly"]).run().ok().stdout;
    assert!(shown.contains("hosts         api.machines.dev") && shown.contains("fly:app/ID"), "{shown}");
    assert!(shown.contains("destroy  fly:Apps_delete  DELETE /v1/apps/{app_name}"), "{shown}");
    let all = broker.broker_command(&["pack", "show", "fly", "--json"]).run().ok().json();
    assert_eq!(all["operations"].as_array().unwrap().len(), 34);
    let missing = broker.broker_command(&["pack", "show", "nothing"]).run().exits(1).stderr;
    assert!(missing.contains("there is no pack 'nothing'") && missing.contains("stripe"), "{missing}");
    let found = broker
        .broker_command(&["pack", "search", "auth", "revoke", "--class", "destroy", "--json"])
        .run()
        .ok()
        .json();
    let names: Vec<&str> = found["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["operation"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"slack:auth_revoke"), "{names:?}");
    broker.broker_command(&["pack", "search", "x", "--class", "harmless"]).run().exits(2);
}

#[test]
fn a_request_is_explained_in_words() {
    let broker = prepared();
    let ask = |request: serde_json::Value| {
        broker.broker_command(&["pack", "classify", "--words"]).input(request.to_string()).run()
    };
    let volume = "3d2c42fb-0000-4000-8000-000000000000";
    let said = ask(json!({
        "method": "POST", "url": "https://backboard.railway.app/graphql/v2", "headers": { "content-type": "application/json" },
        "body": format!("{{\"query\":\"mutation {{ volumeDelete(volumeId: \\\"{volume}\\\") }}\"}}"),
    }));
    let said = said.ok().stdout;
    assert!(said.starts_with("Delete the volume: this loses what cannot be put back"), "{said}");
    assert!(said.contains(volume) && said.contains("the backups that live in it go with it"), "{said}");
    let said = ask(json!({
        "method": "POST", "url": "https://api.stripe.com/v1/refunds", "body": "charge=ch_1",
        "headers": { "content-type": "application/x-www-form-urlencoded" },
    }));
    let said = said.ok().stdout;
    assert!(
        said.starts_with(
            "Create a refund: this loses what cannot be put back; it touches the account of the credential"
        ),
        "{said}"
    );
    let refused = ask(json!({ "method": "GET", "url": "https://api.stripe.com/v9/nothing" })).exits(1).stdout;
    assert!(refused.starts_with("refused: "), "{refused}");
}

#[test]
fn accuracy_and_pages_are_made_from_the_packs() {
    let broker = prepared();
    let said = broker.broker_command(&["pack", "accuracy", "--differences"]).run().ok().stdout;
    assert!(
        said.contains("0 guarded less than the person would") && said.contains("a person says"),
        "{said}"
    );
    let sample = broker.scratch().join("labels.tsv");
    fs::write(&sample, "pack\toperation\tlabel\tnote\nfly\tApps_list\tdestroy\t\n").unwrap();
    let said =
        broker.broker_command(&["pack", "accuracy", &sample.display().to_string()]).run().exits(1).stdout;
    assert!(said.contains("1 guarded less"), "{said}");
    let folder = broker.scratch().join("pages");
    broker.broker_command(&["pack", "docs", &folder.display().to_string()]).run().ok();
    let page = fs::read_to_string(folder.join("stripe/README.md")).unwrap();
    assert!(page.contains("## destroy (") && page.contains("`v1/refunds/post`"), "{page}");
    assert!(fs::read_to_string(folder.join("README.md")).unwrap().contains("person \\ pack"));
}

/// What takes a signature is understood, and its credential is not taken: it could not be used.
#[test]
fn a_credential_for_aws_is_refused_with_what_to_do_instead() {
    let broker = TestBroker::start(Options::default());
    broker.login();
    broker.add_environment("staging", "staging");
    let secret = format!("{}\n", broker.secret("aws"));
    let add = ["credential", "add", "aws", "--provider", "aws", "--environment", "staging"];
    let told = broker.command(&add).input(secret).run().exits(1).stderr;
    assert!(told.contains("take a signature") && told.contains("pack classify"), "{told}");
}

/// `stint-broker pack docs policies/packs` writes them anew.
#[test]
fn the_pages_in_the_repository_are_those_of_the_packs() {
    let broker = prepared();
    let made = broker.scratch().join("pages");
    broker.broker_command(&["pack", "docs", &made.display().to_string()]).run().ok();
    let kept = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/packs");
    let mut pages = 0;
    for entry in fs::read_dir(&made).unwrap() {
        let path = entry.unwrap().path();
        let page = if path.is_dir() { path.join("README.md") } else { path };
        let name = page.strip_prefix(&made).unwrap();
        let (new, old) =
            (fs::read_to_string(&page).unwrap(), fs::read_to_string(kept.join(name)).unwrap_or_default());
        assert!(new == old, "{} is not current: stint-broker pack docs policies/packs", name.display());
        pages += 1;
    }
    assert!(pages > 16, "{pages}");
}

on_both! {
    fn a_credential_is_mapped_as_a_whole_by_its_name(options) {
        let lab = Lab::start(options);
        let broker = &lab.broker;
        let secret = format!("{}\n", broker.secret("pay"));
        let add = ["credential", "add", "pay", "--provider", "stripe", "--environment", "staging", "--unchecked"];
        broker.command(&add).input(secret).run().ok();
        broker.stint(&["environment", "map", "staging", "stripe:account/pay"]).ok();
        let selectors = || {
            let all = broker.stint(&["environment", "list", "--json"]).ok().json();
            let own = all["environments"].as_array().unwrap().iter().find(|one| one["name"] == "staging").unwrap();
            own["selectors"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert!(selectors().iter().any(|one| one.starts_with("stripe:account/crd_")), "{:?}", selectors());
        let missing = broker.stint(&["environment", "map", "production", "stripe:account/nobody"]).exits(1).stderr;
        assert!(missing.contains("nobody") && missing.contains("stint credential add"), "{missing}");
        let wrong = broker.stint(&["environment", "map", "production", "kubernetes:namespace/pay"]).exits(1).stderr;
        assert!(wrong.contains("CREDENTIAL/ID"), "{wrong}");
        broker.stint(&["environment", "unmap", "staging", "stripe:account/pay"]).ok();
        assert!(!selectors().iter().any(|one| one.starts_with("stripe:")), "{:?}", selectors());
    }
}
