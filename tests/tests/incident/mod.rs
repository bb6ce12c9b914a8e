//! The published incident, replayed by real `curl` against a broker and a stand-in of the provider.

mod approval;
mod comparable;
mod disguises;
mod work;

use serde_json::json;
use stint_standin::railway::ids;
use stint_tests::{Lab, Reply};

use crate::place::on_both;

/// The request as published but for the token and the ellipsis of the id: legacy host, form content type by default.
fn published(token: &str) -> String {
    format!(
        r#"curl -sS -w '\n%{{http_code}}\n' -X POST https://backboard.railway.app/graphql/v2 \
  -H "Authorization: Bearer {token}" \
  -d '{{"query":"mutation {{ volumeDelete(volumeId: \"{}\") }}"}}'"#,
        ids::VOLUME_PRODUCTION
    )
}

fn replay(lab: &Lab, token: &str) -> Reply {
    lab.run(&["sh", "-c", &published(token)]).reply()
}

fn production_is_whole(lab: &Lab) {
    assert_eq!(lab.railway.log.reached("volumeDelete"), 0, "the request reached the provider");
    assert!(lab.has_volume(ids::VOLUME_PRODUCTION));
    assert_eq!(lab.railway.site.world().backups(ids::VOLUME_PRODUCTION), 3);
}

on_both! {
    fn without_stint_the_published_request_deletes_volume_and_backups(options) {
        let lab = Lab::start(options);
        let there = format!("curl() {{ command curl -k --connect-to ::{} \"$@\"; }}", lab.railway.addr);
        let script = format!("{there}\n{}", published(ids::ACCOUNT_TOKEN));
        let reply = lab.broker.program("sh", &["-c", &script]).run().ok().reply();
        assert_eq!((reply.status, &reply.body), (200, &json!({ "data": { "volumeDelete": true } })));
        assert!(!lab.has_volume(ids::VOLUME_PRODUCTION));
        assert_eq!(lab.railway.site.world().backups(ids::VOLUME_PRODUCTION), 0);
        let arrived = lab.railway.log.last().unwrap();
        assert_eq!(arrived.header("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(arrived.host, "backboard.railway.app");
    }

    fn a_found_token_is_refused_as_foreign_and_recorded(options) {
        let lab = Lab::start(options);
        let reply = replay(&lab, ids::ACCOUNT_TOKEN);
        reply.refused(403, "foreign_credential");
        assert!(reply.body["hint"].is_string(), "a denial says how to go on: {}", reply.text);
        assert!(reply.body["errors"][0]["message"].is_string(), "GraphQL clients show errors[]: {}", reply.text);
        production_is_whole(&lab);
        assert!(lab.railway.log.is_empty(), "not even a look-up is made for it: {:?}", lab.railway.log);

        let records = lab.records("request_refused");
        let [record] = &records[..] else { panic!("one refusal, not {records:#?}") };
        assert_eq!(record["id"], reply.body["record"]);
        assert_eq!(record["facts"]["code"], "foreign_credential");
        assert_eq!((&record["facts"]["agent"], &record["facts"]["environment"]), (&json!("coder"), &json!("staging")));
        let trail = lab.broker.broker(&["audit", "export"]).ok().stdout;
        assert!(!trail.contains(ids::ACCOUNT_TOKEN), "the found token got into the audit");
    }

    fn with_the_placeholder_it_is_refused_as_another_environments(options) {
        let lab = Lab::start(options);
        let reply = replay(&lab, "'\"$RAILWAY_API_TOKEN\"'").text;
        // The quotes of the published line keep the variable from being read: such a token is foreign as well.
        assert!(reply.contains("foreign_credential"), "{reply}");

        let script = published("PLACEHOLDER").replace("Bearer PLACEHOLDER", "Bearer $RAILWAY_API_TOKEN");
        let reply = lab.run(&["sh", "-c", &script]).reply();
        reply.refused(403, "denied");
        assert_eq!(reply.body["operations"], json!(["railway:volumeDelete"]));
        assert_eq!(reply.body["environments"], json!(["production"]));
        let policies = reply.body["policies"].as_array().unwrap();
        assert!(policies.contains(&json!("guardrail.other-environment")), "{}", reply.text);
        assert!(policies.contains(&json!("guardrail.backups-with-thing")), "{}", reply.text);
        assert!(reply.body["approval"].is_null(), "no person can lift this: {}", reply.text);
        production_is_whole(&lab);

        let record = &lab.records("request_refused")[0];
        assert_eq!(record["id"], reply.body["record"]);
        assert_eq!(record["facts"]["resources"][0]["consequences"][0], "3 backups live in this volume");
    }

    fn in_a_session_of_production_it_is_refused_for_its_backups(options) {
        let lab = Lab::start(options);
        let script = published("PLACEHOLDER").replace("Bearer PLACEHOLDER", "Bearer $RAILWAY_API_TOKEN");
        let reply = lab.broker.run("production", "coder", &["sh", "-c", &script]).reply();
        reply.refused(403, "denied");
        assert_eq!(reply.body["policies"], json!(["guardrail.backups-with-thing"]));
        assert!(reply.body["approval"].is_null(), "{}", reply.text);
        production_is_whole(&lab);
    }

    fn a_placeholder_of_another_session_is_foreign(options) {
        let lab = Lab::start(options);
        let first = lab.run(&["sh", "-c", "printf %s \"$RAILWAY_API_TOKEN\""]).ok().stdout;
        let reply = replay(&lab, &first);
        reply.refused(403, "foreign_credential");
        production_is_whole(&lab);
    }

    fn a_found_key_is_foreign_in_every_carrier(options) {
        let lab = Lab::start(options);
        let url = "https://backboard.railway.com/graphql/v2";
        let me = r#"-d '{"query":"{ me { name } }"}' -H 'content-type: application/json' -w '\n%{http_code}\n' -sS"#;
        let found = ids::STAGING_TOKEN;
        let github = format!("ghp_{}", "A1b2C3d4E5".repeat(4).chars().take(36).collect::<String>());
        let carriers = [
            format!("-H 'Project-Access-Token: {found}'"),
            format!("-H \"Authorization: Bearer $RAILWAY_API_TOKEN\" -H 'Project-Access-Token: {found}'"),
            format!("-H 'Authorization: {found}'"),
            format!("-u 'robin:{found}'"),
            format!("-H 'Cookie: session={github}'"),
            format!("-H 'X-Anything: {github}'"),
        ];
        let script: String = carriers.iter().map(|carrier| format!("curl {url} {carrier} {me}\n")).collect();
        let replies = lab.run(&["sh", "-c", &script]).replies();
        assert_eq!(replies.len(), carriers.len());
        for (reply, carrier) in replies.iter().zip(&carriers) {
            assert_eq!((reply.status, reply.code()), (403, "foreign_credential"), "{carrier}: {}", reply.text);
        }
        assert!(lab.railway.log.is_empty(), "{:?}", lab.railway.log);
    }
}
