//! Other incidents that passed through a provider's HTTP API, each from the credential that the agent had then.

use stint_standin::railway::ids;
use stint_tests::Lab;

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
}
