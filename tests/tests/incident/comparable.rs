//! Other incidents that passed through a provider's HTTP API, each from the credential that the agent had then.

use stint_standin::railway::ids;
use stint_tests::{Lab, Output};

use crate::place::on_both;

fn set_database_url(environment: &str) -> String {
    format!(
        "mutation {{ variableUpsert(input: {{ projectId: \"{}\", environmentId: \"{environment}\", name: \"DATABASE_URL\", value: \"postgres://scratch\" }}) }}",
        ids::PROJECT,
    )
}

on_both! {
    /// anthropics/claude-code#33183: an agent that reset a database also pointed the production service's `DATABASE_URL`
    /// elsewhere. It had the account's token, which reaches every environment.
    fn claude_code_33183_the_database_url_of_production_is_not_an_agents_to_change(options) {
        let lab = Lab::start(options);
        let refused = lab.ask(&set_database_url(ids::PRODUCTION));
        refused.refused(403, "denied");
        assert_eq!(refused.body["policies"], serde_json::json!(["guardrail.other-environment"]), "{}", refused.text);
        assert!(refused.body["instead"].as_str().unwrap().contains("railway in staging"), "{}", refused.text);
        lab.ask(&set_database_url(ids::STAGING)).done();
        // With the token itself, found in a file, as it was then.
        let line = format!(
            "curl -sS https://backboard.railway.com/graphql/v2 -H 'authorization: Bearer {}' -d '{}'",
            ids::ACCOUNT_TOKEN,
            serde_json::json!({ "query": set_database_url(ids::PRODUCTION) })
        );
        let found = lab.run(&["sh", "-c", &line]).ok().json();
        assert_eq!(found["code"], "foreign_credential", "{found}");
        assert_eq!(lab.railway.log.reached("variableUpsert"), 1, "{:?}", lab.railway.log);
    }

    /// DataTalks.Club, February 2026: `terraform destroy` with stale state took a database and its automated snapshots. The
    /// agent had the account's keys in its environment.
    fn datatalks_club_a_database_and_its_snapshots_are_not_deleted_with_keys_that_were_lying_about(options) {
        let lab = Lab::start(options);
        let form = "Action=DeleteDBInstance&DBInstanceIdentifier=courses&SkipFinalSnapshot=true&DeleteAutomatedBackups=true&Version=2014-10-31";
        is_refused(&aws(&lab, "eu-central-1:rds", "https://rds.eu-central-1.amazonaws.com/", form));
        let role = "Action=DeleteRole&RoleName=courses&Version=2010-05-08";
        is_refused(&aws(&lab, "us-east-1:iam", "https://iam.amazonaws.com/", role));
        // An alert tells of it.
        let alerts = lab.broker.stint(&["alert", "list", "--json"]).ok().json();
        assert_eq!(alerts["alerts"][0]["kind"], "foreign_credential", "{alerts}");
    }

    /// Cost Explorer in one region of China, December 2025: an agent deleted and made anew the environment that it was to mend,
    /// with the role of an engineer.
    fn kiro_an_environment_is_not_deleted_and_made_anew_with_an_engineers_role(options) {
        let lab = Lab::start(options);
        let url = "https://cloudformation.cn-north-1.amazonaws.com.cn/";
        let form = "Action=DeleteStack&StackName=cost-explorer&Version=2010-05-15";
        is_refused(&aws(&lab, "cn-north-1:cloudformation", url, form));
    }
}

/// A request by a command that inherited keys of AWS, signed with the very keys.
fn aws(lab: &Lab, scope: &str, url: &str, form: &str) -> Output {
    let (id, secret) = ("AKIA2E0A7F3B244C7765", "9f3kQ0mZr7Lw2Xc5Vb8Nn1Mm4Jj6Hh0Gg3Ff5Dd");
    let script = format!(
        "echo \"$(env | grep -c '^AWS_.*KEY') AWS keys\"; curl -sS -m 10 --aws-sigv4 aws:amz:{scope} --user {id}:{secret} -d '{form}' {url}"
    );
    let args =
        ["run", "--environment", "staging", "--agent", "coder", "--confine", "--", "sh", "-c", &script];
    lab.broker.command(&args).env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret).run()
}

/// The keys that the command inherited are gone, and those that it found are refused, in the form that AWS's clients read.
#[track_caller]
fn is_refused(out: &Output) {
    let shown = format!("{}{}", out.stdout, out.stderr);
    assert_eq!(out.stdout.lines().next(), Some("0 AWS keys"), "{shown}");
    assert!(out.stdout.contains("<Code>AccessDenied</Code>"), "{shown}");
    assert!(out.stdout.contains("guardrail.foreign-credential"), "{shown}");
}
