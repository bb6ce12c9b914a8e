//! Pictures for the documentation: a believable world, and the pages that say most about it.
//!
//! `./tests/pictures/take` takes them. Without a folder to write to, the test still opens every page and holds it to what
//! holds for all of them.

use std::fs;

use rustix::process::Signal;
use stint_standin::railway::ids;
use stint_tests::{Browser, Lab, Options, Started, pictures_wanted, until};

use super::{Desk, options};

/// Requests in each hour of a day, from the first on: a night, a morning, and an afternoon that goes wrong.
const HOURS: [i64; 24] =
    [2, 1, 0, 0, 1, 3, 9, 22, 41, 48, 37, 29, 33, 52, 61, 55, 47, 38, 24, 16, 12, 9, 7, 5];

/// Four people, three agents and their sessions: one asks for what cannot be put back, one redeploys production, and one
/// tried a token that it found.
struct World {
    desk: Desk,
    agents: Vec<Started>,
}

impl World {
    fn new() -> Self {
        let lab = Lab::start(Options { person: Some("robin".to_owned()), ..options() });
        let broker = &lab.broker;
        broker.add_environment("preview", "development");
        broker.map("preview", &format!("railway:environment/{}", ids::FORK));
        for agent in ["release-bot", "data-clerk"] {
            broker.add_agent(agent);
        }
        let (url, ca) = (lab.railway.url(), lab.railway.ca_pem());
        broker.add_credential("github-atlas", "github", &url, ca, &broker.secret("github"));
        broker.stint(&["person", "invite", "tomas", "--role", "operator"]).ok();
        let desk = Desk::around(lab, "robin");
        for (name, role) in [("mira", "approver"), ("jonas", "operator"), ("ada", "auditor")] {
            desk.add_person(name, role);
        }
        World { desk, agents: Vec::new() }
    }

    /// What happened before anybody looks.
    fn happen(&mut self, browser: &Browser) {
        self.stays("preview", "data-clerk", "", &found_token());
        let lab = &self.desk.lab;
        let denied = lab.begin_as(
            "staging",
            "coder",
            "The old cache is in the way.",
            &asking(&Lab::delete(ids::VOLUME_STAGING)),
        );
        let id = lab.waiting()["id"].as_str().unwrap_or_default().to_owned();
        lab.broker
            .stint(&["approval", "deny", &id, "--reason", "The load test needs this volume until Friday."])
            .ok();
        denied.wait();
        let revealed = lab.begin_as(
            "staging",
            "coder",
            "I need the log level to compare the two environments.",
            &asking(&variables()),
        );
        let id = lab.waiting()["id"].as_str().unwrap_or_default().to_owned();
        browser.visit(&format!("/console/approvals/{id}")).click("Approve").sees("The decision");
        revealed.wait();
        self.stays(
            "production",
            "release-bot",
            "Release 4.2 is on main and its checks are green.",
            &asking(&redeploy()),
        );
        self.waits("Release");
        let script = format!(
            "ask '{{ me {{ name }} }}'; ask '{}'; ask '{}'; {}",
            set_level(),
            Lab::delete(ids::VOLUME_PRODUCTION),
            asking(&Lab::delete(ids::VOLUME_STAGING))
        );
        self.stays(
            "staging",
            "coder",
            "The cache holds entries of the old format; the api fills it again by itself.",
            &script,
        );
        self.waits("The cache holds");
        self.count();
    }

    fn stays(&mut self, environment: &str, agent: &str, why: &str, script: &str) {
        let script = format!("{{ {script}; }} >/dev/null 2>&1; exec sleep 600");
        self.agents.push(self.desk.lab.begin_as(environment, agent, why, &script));
    }

    fn waits(&self, reason: &str) {
        let list = || self.desk.lab.broker.stint(&["approval", "list", "--json"]).ok().json();
        until("the approval waits", || list().to_string().contains(reason).then_some(()));
    }

    /// A day of counts, as the activity of a day would have left them.
    fn count(&self) {
        let mut rows = Vec::new();
        for (back, requests) in (1..).zip(HOURS.iter().rev()) {
            let mut add = |dimension: &str, value: &str, count: i64| {
                if count > 0 {
                    rows.push(format!(
                        "(3600, '{dimension}', (unixepoch() / 3600 - {back}) * 3600, '{value}', {count})"
                    ));
                }
            };
            let (writes, asked, denied) = (requests / 4, requests / 16, requests / 12);
            let bad = if back == 9 { denied + 14 } else { denied };
            for (value, count) in [
                ("allowed", requests - asked * 2 - denied),
                ("approved", asked),
                ("asked", asked),
                ("denied", bad),
            ] {
                add("decision", value, count);
            }
            for (value, count) in
                [("read", requests - writes), ("write", writes), ("reveal", asked), ("destroy", bad / 2)]
            {
                add("class", value, count);
            }
            for (value, count) in
                [("coder", requests / 2), ("release-bot", requests / 5), ("data-clerk", requests / 4)]
            {
                add("agent", value, count);
            }
            for (value, count) in
                [("staging", requests / 2), ("production", requests / 5), ("preview", requests / 4)]
            {
                add("environment", value, count);
            }
            for (value, count) in
                [("denied", denied), ("foreign_credential", bad - denied), ("approval_required", asked)]
            {
                add("code", value, count);
            }
            for (value, count) in [
                ("railway:project", requests / 2),
                ("railway:deployments", requests / 4),
                ("railway:variableUpsert", writes),
            ] {
                add("operation", value, count);
            }
            for (value, count) in [("railway", requests * 3 / 4), ("github", requests / 4)] {
                add("provider", value, count);
            }
            for (bucket, count) in [(24, requests / 2), (27, requests / 3), (31 + back % 3, requests / 10)] {
                add("latency", &bucket.to_string(), count);
            }
        }
        let sql = format!(
            "INSERT INTO rollups (span, dimension, at, value, count) VALUES {} ON CONFLICT DO NOTHING",
            rows.join(", ")
        );
        self.desk.lab.sql(&sql);
    }
}

/// One request with the agent's own reason.
fn asking(document: &str) -> String {
    format!("WHY=$REASON; ask '{document}'")
}

fn variables() -> String {
    format!(
        "{{ variables(projectId: \"{}\", environmentId: \"{}\", serviceId: \"{}\") }}",
        ids::PROJECT,
        ids::STAGING,
        ids::SERVICE_API
    )
}

fn set_level() -> String {
    format!(
        "mutation {{ variableUpsert(input: {{ projectId: \"{}\", environmentId: \"{}\", name: \"LOG_LEVEL\", value: \"debug\" }}) }}",
        ids::PROJECT,
        ids::STAGING
    )
}

fn redeploy() -> String {
    format!(
        "mutation {{ serviceInstanceRedeploy(environmentId: \"{}\", serviceId: \"{}\") }}",
        ids::PRODUCTION,
        ids::SERVICE_API
    )
}

/// The token that lay in a file, tried again and again.
fn found_token() -> String {
    let curl = format!(
        "curl -sS https://backboard.railway.com/graphql/v2 -H 'Authorization: Bearer {}' -H 'content-type: application/json' -d '{{\"query\":\"{{ me {{ name }} }}\"}}'",
        ids::ACCOUNT_TOKEN
    );
    format!(
        "ask '{{ me {{ name }} }}'; {curl}; for n in 1 2 3 4 5; do ask '{}'; done",
        Lab::delete(ids::VOLUME_PRODUCTION)
    )
}

#[test]
fn pictures_of_a_believable_world() {
    let mut world = World::new();
    let browser = world.desk.browser();
    world.happen(&browser);
    let record = world
        .desk
        .lab
        .records("request_refused")
        .into_iter()
        .find(|record| record["facts"]["code"] == "denied");
    let record = record.expect("the deletion of the volume of production was refused")["id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let decided = world
        .desk
        .lab
        .records("request_decided")
        .into_iter()
        .find(|record| record["facts"]["class"] == "write");
    let set = decided.expect("a variable was set")["id"].as_str().unwrap_or_default().to_owned();
    browser.visit("/console/environments").click("Ask the providers now").sees("that can be mapped");
    let sessions = world.desk.lab.broker.stint(&["session", "list", "--json"]).ok().json();
    let session = sessions["sessions"].as_array().into_iter().flatten().find(|own| own["agent"] == "coder");
    let session = session.expect("the coder's session lives")["id"].as_str().unwrap_or_default().to_owned();
    let approvals = world.desk.lab.broker.stint(&["approval", "list", "--json"]).ok().json();
    let approval =
        approvals["approvals"].as_array().into_iter().flatten().find(|own| own["class"] == "destroy");
    let approval = approval.expect("a deletion waits")["id"].as_str().unwrap_or_default().to_owned();
    let folder = pictures_wanted();
    for (name, path, says) in [
        ("approvals", "/console/".to_owned(), "Delete the volume staging-cache"),
        ("approval", format!("/console/approvals/{approval}"), "What happens on yes"),
        ("now", "/console/now".to_owned(), "release-bot in production"),
        ("session", format!("/console/sessions/{session}"), "Delete the volume postgres-data"),
        ("activity", "/console/activity".to_owned(), "Requests by decision"),
        ("alerts", "/console/alerts".to_owned(), "A credential that the session was not given"),
        ("audit", "/console/audit?agent=coder".to_owned(), "Delete the volume postgres-data"),
        ("record", format!("/console/audit/{record}"), "What it touched"),
        ("environments", "/console/environments".to_owned(), "production"),
        ("credentials", "/console/credentials".to_owned(), "github-atlas"),
        ("rule", format!("/console/rules/new?record={set}&effect=forbid"), "What it would do"),
        ("people", "/console/people".to_owned(), "tomas"),
    ] {
        browser.visit(&path).sees(says);
        if let Some(folder) = &folder {
            fs::create_dir_all(folder).expect("the folder of the pictures");
            browser.screenshot(folder, name);
        }
        browser.is_accessible();
    }
    for agent in world.agents {
        agent.signal(Signal::TERM);
        agent.wait();
    }
}
