use serde_json::json;
use stint_standin::Github;
use stint_standin::github::World;

use super::super::ground::Running;
use super::{Dice, Sample, classified};

fn rest(dice: &mut Dice) -> Sample {
    let repository = dice.pick(&["atlas/sandbox", "atlas/api", "Atlas/API", "ATLAS/web", "atlas/nothing"]);
    let tail = dice.pick(&[
        "",
        "/issues",
        "/issues/1",
        "/issues/1/comments",
        "/contents/README.md",
        "/contents/a%2Fb",
        "/git/refs",
        "/git/refs/heads/main",
        "/git/ref/heads/main",
        "/branches",
        "/actions/secrets",
        "/actions/secrets/DEPLOY_KEY",
        "/actions/secrets/public-key",
        "/environments",
        "/environments/production",
        "/environments/Production",
        "/transfer",
        "/keys",
        "/git/refs/heads%2Frelease",
    ]);
    let mut target = match dice.roll(12) {
        0 => "/repositories/1002".to_owned() + tail,
        1 => dice
            .pick(&["/user", "/user/repos", "/orgs/atlas/repos", "/users/atlas/repos", "/rate_limit", "/"])
            .to_owned(),
        _ => format!("/repos/{repository}{tail}"),
    };
    // What a server that joins, cuts and decodes makes of it.
    target = match dice.roll(40) {
        0 => target.replacen("/repos", "//repos", 1),
        1 => target + "/",
        2 => target.replacen("/repos/", "/repos/x/../", 1),
        3 => target.replacen("api", "%61pi", 1),
        4 => target.replacen("/issues", "/%69ssues", 1),
        5 => target + "?_method=DELETE",
        6 => target + "?per_page=1",
        7 => target.replacen("atlas/", "atlas%2F", 1),
        8 => target.replacen("/git/", "/git//", 1),
        _ => target,
    };
    let method = dice.pick(&[
        "GET", "GET", "GET", "DELETE", "DELETE", "DELETE", "PATCH", "PATCH", "POST", "POST", "PUT", "HEAD",
    ]);
    let body = match (method, dice.roll(5)) {
        ("GET" | "HEAD" | "OPTIONS" | "DELETE", _) => "",
        (_, 0) => "{\"name\":\"renamed\",\"title\":\"t\"}",
        (_, 1) => "{\"private\":false,\"body\":\"b\"}",
        (_, 2) => {
            "{\"ref\":\"refs/heads/x\",\"sha\":\"0000000000000000000000000000000000000001\",\"force\":true}"
        }
        (_, 3) => {
            "{\"new_owner\":\"evil\",\"encrypted_value\":\"x\",\"key_id\":\"1\",\"key\":\"ssh-ed25519 AAAA\",\"title\":\"t\"}"
        }
        _ => "{\"message\":\"m\",\"content\":\"eA==\",\"title\":\"t\",\"body\":\"b\",\"archived\":true}",
    };
    let kind = if body.is_empty() { "" } else { "application/json" };
    Sample { method, host: "api.github.com", target, kind, body: body.as_bytes().to_vec() }
}

/// Every change at the code host is named as one, and names the repository that changed.
#[test]
fn rest_that_a_provider_executes_is_never_under_reported() {
    let github = Running::plain(Github::seeded());
    let site = &github.handle().site;
    let before = site.world().clone();
    let mut dice = Dice(11);
    let samples: Vec<Sample> = (0..1500).map(|_| rest(&mut dice)).collect();
    let answers = classified(&samples);
    let (mut understood, mut refused, mut executions) = (0, 0, 0);
    for (sample, said) in samples.iter().zip(&answers) {
        *site.world() = before.clone();
        let Some(answer) = sample.direct(github.handle().addr, stint_standin::github::TOKEN) else {
            continue;
        };
        let what = || {
            format!(
                "{}\n{}\nclassified: {said}\nanswered: {}",
                sample.line(),
                String::from_utf8_lossy(&sample.body),
                answer.status
            )
        };
        let changes = repositories_changed(&before, &site.world());
        if said["understood"] == false {
            refused += 1;
            assert_eq!(said["operations"], json!([]), "{}", what());
            continue;
        }
        understood += 1;
        let operations = said["operations"].as_array().unwrap();
        assert_eq!(operations.len(), 1, "{}", what());
        if !changes.is_empty() {
            executions += 1;
            assert_ne!(operations[0]["class"], "read", "{changes:?} changed by a read: {}", what());
        }
        let resources = operations[0]["resources"].as_array().unwrap();
        for change in &changes {
            let repository =
                resources.iter().any(|one| one["id"].as_str().unwrap().starts_with(change.as_str()));
            let owner = resources
                .iter()
                .any(|one| one["kind"] == "organization" && change.starts_with(one["id"].as_str().unwrap()));
            let own = sample.target.starts_with("/user/repos");
            assert!(repository || owner || own, "{change} changed and is not named: {}", what());
        }
        // What cannot be put back is named as that.
        let gone = before.find("atlas", "api").is_some() && site.world().find("atlas", "api").is_none();
        if gone && answer.status == 204 {
            assert_eq!(operations[0]["class"], "destroy", "{}", what());
        }
    }
    println!("{understood} understood, {refused} refused, {executions} with an effect");
    assert!(
        understood > 150 && refused > 150 && executions > 60,
        "the samples are too one-sided: {understood} {refused} {executions}"
    );
}

/// `owner/name`, in lower case, of each repository that is not as it was.
fn repositories_changed(before: &World, after: &World) -> Vec<String> {
    let mut names = Vec::new();
    for name in ["api", "web", "sandbox"] {
        let (was, is) = (before.find("atlas", name), after.find("atlas", name));
        let same = match (was, is) {
            (Some(was), Some(is)) => format!("{was:?}") == format!("{is:?}"),
            _ => false,
        };
        if !same {
            names.push(format!("atlas/{name}"));
        }
    }
    names
}
