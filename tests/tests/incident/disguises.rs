//! The same deletion, written so that a reader of names, hosts, types or arguments would miss it.

use serde_json::json;
use stint_standin::railway::ids;
use stint_tests::{Lab, Reply};

use super::production_is_whole;
use crate::place::on_both;

/// The deletion of the production volume in many spellings, each a whole body with its content type.
fn disguises() -> Vec<(&'static str, String, &'static str)> {
    let volume = ids::VOLUME_PRODUCTION;
    let query = |text: String| json!({ "query": text }).to_string();
    let form = format!("query=mutation+%7B+volumeDelete%28volumeId%3A+%22{volume}%22%29+%7D");
    let variables = |text: &str| json!({ "query": text, "variables": { "v": volume } }).to_string();
    vec![
        ("alias", query(format!("mutation {{ projectCreate: volumeDelete(volumeId: \"{volume}\") }}")), JSON),
        (
            "fragment",
            query(format!(
                "mutation {{ ...tidy }} fragment tidy on Mutation {{ volumeDelete(volumeId: \"{volume}\") }}"
            )),
            JSON,
        ),
        ("inline fragment", query(format!("mutation {{ ... {{ volumeDelete(volumeId: \"{volume}\") }} }}")), JSON),
        ("batch", json!([{ "query": Lab::delete(volume) }]).to_string(), JSON),
        ("form", form, "application/x-www-form-urlencoded"),
        ("json as a form", query(Lab::delete(volume)), "application/x-www-form-urlencoded"),
        ("variable", variables("mutation($v: String!) { volumeDelete(volumeId: $v) }"), JSON),
        (
            "variable's default",
            query(format!("mutation($v: String! = \"{volume}\") {{ volumeDelete(volumeId: $v) }}")),
            JSON,
        ),
        ("directive", query(format!("mutation {{ volumeDelete(volumeId: \"{volume}\") @include(if: true) }}")), JSON),
        ("block string", query(format!("mutation {{ volumeDelete(volumeId: \"\"\"{volume}\"\"\") }}")), JSON),
        ("comment", query(format!("mutation {{ # harmless\n volumeDelete(volumeId: \"{volume}\") }}")), JSON),
        (
            "after something harmless",
            query(format!(
                "mutation {{ serviceDomainUpdate: volumeDelete(volumeId: \"{volume}\") b: volumeDelete(volumeId: \"{}\") }}",
                ids::VOLUME_STAGING
            )),
            JSON,
        ),
        (
            "operation name",
            json!({ "query": format!("query a {{ me {{ name }} }} {}", Lab::delete(volume).replacen("mutation", "mutation b", 1)), "operationName": "b" })
                .to_string(),
            JSON,
        ),
        ("upper-case id", query(Lab::delete(&volume.to_uppercase())), JSON),
        (
            "staged change",
            json!({ "query": "mutation($i: EnvironmentConfig!) { environmentStageChanges(environmentId: \"HERE\", input: $i) { id } }".replace("HERE", ids::PRODUCTION),
                "variables": { "i": { "volumes": { volume: { "isDeleted": true } } } } })
            .to_string(),
            JSON,
        ),
        (
            "patch of staging that names production's volume",
            json!({ "query": "mutation($p: EnvironmentConfig!) { environmentPatchCommit(environmentId: \"HERE\", patch: $p) }".replace("HERE", ids::STAGING),
                "variables": { "p": { "volumes": { volume: { "isDeleted": true } } } } })
            .to_string(),
            JSON,
        ),
        (
            "state: DELETED",
            query(format!(
                "mutation {{ volumeInstanceUpdate(volumeId: \"{volume}\", environmentId: \"{}\", input: {{ state: DELETED }}) }}",
                ids::PRODUCTION
            )),
            JSON,
        ),
        (
            "state: DELETED with staging as its argument",
            query(format!(
                "mutation {{ volumeInstanceUpdate(volumeId: \"{volume}\", environmentId: \"{}\", input: {{ state: DELETED }}) }}",
                ids::STAGING
            )),
            JSON,
        ),
        (
            "service of all environments with staging as its argument",
            query(format!(
                "mutation {{ serviceDelete(id: \"{}\", environmentId: \"{}\") }}",
                ids::SERVICE_POSTGRES,
                ids::STAGING
            )),
            JSON,
        ),
        ("the whole project", query(format!("mutation {{ projectDelete(id: \"{}\") }}", ids::PROJECT)), JSON),
        ("the volume of both", query(Lab::delete(ids::VOLUME_SHARED)), JSON),
        ("no JSON at all", "{\"query\": \"mutation".to_owned(), JSON),
        (
            "two queries in one object",
            format!("{{\"query\":\"{{ me {{ name }} }}\",\"query\":\"mutation {{ volumeDelete(volumeId: \\\"{volume}\\\") }}\"}}"),
            JSON,
        ),
        (
            "a hash instead of a document",
            json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": "00" } } }).to_string(),
            JSON,
        ),
        ("another type", query(Lab::delete(volume)), "text/plain"),
        ("as graphql", Lab::delete(volume), "application/graphql"),
    ]
}

const JSON: &str = "application/json";

/// What is refused for another reason than where it would have its effect.
const OTHERWISE: [(&str, u16, &str); 4] = [
    ("upper-case id", 403, "unresolved"),
    ("no JSON at all", 400, "malformed_request"),
    ("two queries in one object", 400, "ambiguous_request"),
    ("a hash instead of a document", 403, "not_understood"),
];

/// Every effect at the stand-in, by name.
const EFFECTS: [&str; 7] = [
    "volumeDelete",
    "volumeInstanceUpdate",
    "environmentStageChanges",
    "environmentPatchCommit",
    "serviceDelete",
    "projectDelete",
    "environmentPatchCommitStaged",
];

fn sent_all(lab: &Lab) -> Vec<Reply> {
    let folder = lab.broker.scratch();
    let mut script = String::new();
    for (index, (_, body, kind)) in disguises().iter().enumerate() {
        let file = folder.join(format!("{index}.body"));
        std::fs::write(&file, body).unwrap();
        script.push_str(&format!(
            "curl -sS -w '\\n%{{http_code}}\\n' https://backboard.railway.com/graphql/v2 \
             -H \"Authorization: Bearer $RAILWAY_API_TOKEN\" -H 'content-type: {kind}' --data-binary @{}\n",
            file.display()
        ));
    }
    lab.run(&["sh", "-c", &script]).replies()
}

on_both! {
    fn every_disguise_is_refused_and_reaches_nothing(options) {
        let lab = Lab::start(options);
        let before = lab.railway.site.snapshot();
        let replies = sent_all(&lab);
        assert_eq!(replies.len(), disguises().len());
        for ((name, ..), reply) in disguises().iter().zip(&replies) {
            if let Some((_, status, code)) = OTHERWISE.iter().find(|(other, ..)| other == name) {
                assert_eq!((reply.status, reply.code()), (*status, *code), "{name}: {}", reply.text);
            } else {
                assert_eq!((reply.status, reply.code()), (403, "denied"), "{name}: {}", reply.text);
                assert!(reply.text.contains("production"), "{name}: {}", reply.text);
            }
            assert!(reply.body["record"].is_string(), "{name} is not recorded: {}", reply.text);
            assert!(reply.body["approval"].is_null(), "{name} could be approved: {}", reply.text);
        }
        for effect in EFFECTS {
            assert_eq!(lab.railway.log.reached(effect), 0, "{effect} reached the provider");
        }
        production_is_whole(&lab);
        assert!(lab.has_volume(ids::VOLUME_SHARED) && lab.has_volume(ids::VOLUME_STAGING));
        let now = lab.railway.site.snapshot();
        for service in [ids::SERVICE_POSTGRES, ids::SERVICE_API] {
            assert_eq!(now.exists("Service", service), before.exists("Service", service));
        }
        assert_eq!(lab.records("request_refused").len(), disguises().len());
    }

    fn a_deletion_that_was_staged_by_somebody_else_is_found_before_it_is_committed(options) {
        let lab = Lab::start(options);
        stage(&lab, json!({ "volumes": { ids::VOLUME_STAGING: { "isDeleted": true } } }));
        let reply = lab.ask(&format!("mutation {{ environmentPatchCommitStaged(environmentId: \"{}\") }}", ids::STAGING));
        assert_eq!(reply.status, 403, "{}", reply.text);
        assert!(reply.text.contains(ids::VOLUME_STAGING), "the volume that would go is named: {}", reply.text);
        assert_eq!(lab.railway.log.reached("environmentPatchCommitStaged"), 0);
        assert!(lab.has_volume(ids::VOLUME_STAGING));
    }

    fn what_is_staged_is_read_again_after_a_persons_yes(options) {
        let mut options = options;
        options.args = ["--approval-hold", "15s"].map(str::to_owned).to_vec();
        let lab = Lab::start(options);
        let commit = format!("ask 'mutation {{ environmentPatchCommitStaged(environmentId: \"{}\") }}'", ids::STAGING);
        let volume = json!({ ids::VOLUME_STAGING: { "isDeleted": true } });
        stage(&lab, json!({ "volumes": volume }));
        let agent = lab.begin(&commit);
        let id = lab.waiting()["id"].as_str().unwrap().to_owned();
        // While a person thinks, more is staged than they were shown.
        stage(&lab, json!({ "volumes": volume, "services": { ids::SERVICE_API: { "isDeleted": true } } }));
        lab.broker.two_say_yes(&id, "staging");
        let reply = agent.wait().reply();
        assert_eq!(reply.status, 403, "{}", reply.text);
        assert_eq!(lab.railway.log.reached("environmentPatchCommitStaged"), 0);
        assert!(lab.has_volume(ids::VOLUME_STAGING));
    }

    fn what_stays_as_it_was_staged_goes_on_after_a_persons_yes(options) {
        let mut options = options;
        options.args = ["--approval-hold", "15s"].map(str::to_owned).to_vec();
        let lab = Lab::start(options);
        stage(&lab, json!({ "volumes": { ids::VOLUME_STAGING: { "isDeleted": true } } }));
        let agent = lab.begin(&format!("ask 'mutation {{ environmentPatchCommitStaged(environmentId: \"{}\") }}'", ids::STAGING));
        let id = lab.waiting()["id"].as_str().unwrap().to_owned();
        lab.broker.two_say_yes(&id, "staging");
        agent.wait().reply().done();
        assert!(!lab.has_volume(ids::VOLUME_STAGING));
    }
}

/// A person stages it in the provider's own interface: the broker sees only the commit, which names no volume.
fn stage(lab: &Lab, patch: serde_json::Value) {
    let query = "mutation($i: EnvironmentConfig!) { environmentStageChanges(environmentId: \"HERE\", input: $i) { id } }";
    let body = json!({ "query": query.replace("HERE", ids::STAGING), "variables": { "i": patch } });
    let staged = lab.broker.curl(&[
        "-skf",
        &format!("{}/graphql/v2", lab.railway.url()),
        "-H",
        &format!("Authorization: Bearer {}", ids::ACCOUNT_TOKEN),
        "-H",
        "content-type: application/json",
        "-d",
        &body.to_string(),
    ]);
    assert!(staged.ok().json()["errors"].is_null());
}
