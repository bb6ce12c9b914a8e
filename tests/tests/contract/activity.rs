//! The audit searched and activity counted, over the command line, `/v1` and the pages of the console.

use ring::digest::{SHA256, digest};
use serde_json::Value;
use stint_standin::railway::ids;
use stint_tests::wire::{self, Answer};
use stint_tests::{Database, Lab};

use crate::place::on_both;

const COOKIE: &str = "a-cookie-that-only-this-test-knows";

/// A broker with one read that was allowed and one destroy that was not.
fn history(options: stint_tests::Options) -> Lab {
    let lab = Lab::start(options);
    lab.ask("{ me { name } }").done();
    lab.ask(&Lab::delete(ids::VOLUME_PRODUCTION)).refused(403, "denied");
    stint_tests::until("the sessions have ended", || (lab.records("session_ended").len() == 2).then_some(()));
    lab
}

fn found(lab: &Lab, args: &[&str]) -> Value {
    lab.broker.stint(&[&["audit", "list", "--json"][..], args].concat()).ok().json()
}

fn seqs(page: &Value) -> Vec<i64> {
    page["records"].as_array().unwrap().iter().map(|record| record["seq"].as_i64().unwrap()).collect()
}

/// Signs the only person in, as somebody who may write to the database.
fn sign_in(lab: &Lab) {
    let hash = digest(&SHA256, COOKIE.as_bytes());
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let bytes = match lab.broker.options.database {
        Database::Sqlite => format!("X'{hex}'"),
        Database::Postgres(_) => format!("decode('{hex}', 'hex')"),
    };
    lab.sql(&format!(
        "INSERT INTO sign_ins (sign_in, person, hash, method, device, address, created_at, proven_at, expires_at) \
         SELECT 'sin_0123456789abcdef0123456789abcdef', name, {bytes}, 'password', 'test', '127.0.0.1', 1795348800000, 1795348800000, 4102444800000 \
         FROM people"
    ));
}

fn get(lab: &Lab, path: &str) -> Answer {
    let cookie = format!("cookie: stint-console={COOKIE}");
    wire::request(lab.broker.addr, "GET", path, &[&cookie], b"").unwrap()
}

fn post(lab: &Lab, path: &str, form: &str) -> Answer {
    let cookie = format!("cookie: stint-console={COOKIE}");
    let origin = format!("origin: {}", lab.broker.url);
    let kind = "content-type: application/x-www-form-urlencoded";
    wire::request(lab.broker.addr, "POST", path, &[&cookie, &origin, kind], form.as_bytes()).unwrap()
}

on_both! {
    fn a_record_is_found_by_every_fact_in_it_and_by_nothing_else(options) {
        let lab = history(options);
        let page = found(&lab, &["--kind", "request_refused"]);
        let refused = &page["records"][0];
        let (record, session) = (refused["body"]["id"].as_str().unwrap(), refused["body"]["session"].as_str().unwrap());
        let seq = refused["seq"].as_i64().unwrap();
        let selector = format!("railway:volume/{}", ids::VOLUME_PRODUCTION);
        for flags in [
            &["--agent", "coder"][..],
            &["--session", session],
            &["--environment", "staging"],
            &["--environment", "production"],
            &["--provider", "railway"],
            &["--operation", "railway:volumeDelete"],
            &["--class", "destroy"],
            &["--code", "denied"],
            &["--credential", "railway"],
            &["--resource", ids::VOLUME_PRODUCTION],
            &["--resource", &selector],
            &["--record", record],
            &["--from", "2020-01-01", "--to", "2100-01-01T00:00"],
            &["--kind", "request_refused", "--agent", "coder", "--class", "destroy", "--from", "2020-01-01"],
        ] {
            assert!(seqs(&found(&lab, flags)).contains(&seq), "{flags:?}");
        }
        for flags in [
            &["--agent", "codex"][..],
            &["--agent", "coder", "--kind", "lookup"],
            &["--operation", "railway:VolumeDelete"],
            &["--resource", &ids::VOLUME_PRODUCTION[1..]],
            &["--record", "rec_00000000000000000000000000000000"],
            &["--kind", "request_refused", "--to", "2020-01-01"],
            &["--kind", "request_refused", "--from", "2100-01-01"],
        ] {
            assert_eq!(seqs(&found(&lab, flags)), Vec::<i64>::new(), "{flags:?}");
        }
        for (flags, word) in [(["--from", "yesterday"], "from: "), (["--kind", "nonsense"], "kind: ")] {
            let out = lab.broker.stint(&[&["audit", "list"][..], &flags].concat());
            assert!(out.code != 0 && out.stderr.contains(word) && out.stderr.contains("hint: "), "{}", out.stderr);
        }
    }

    fn pages_follow_each_other_without_gap_in_both_directions(options) {
        let lab = history(options);
        let all = seqs(&found(&lab, &["--credential", "railway", "--limit", "500"]));
        let mut walked = Vec::new();
        let mut before = None;
        loop {
            let side: Vec<String> = before.map(|seq: i64| vec!["--before".to_owned(), seq.to_string()]).unwrap_or_default();
            let side: Vec<&str> = side.iter().map(String::as_str).collect();
            let page = found(&lab, &[&["--credential", "railway", "--limit", "2"][..], &side].concat());
            walked.extend(seqs(&page));
            match page["next"].as_i64() {
                Some(next) => before = Some(next),
                None => break,
            }
        }
        assert_eq!(walked, all);
        assert!(all.len() > 3, "{all:?}");
        let oldest = all.last().unwrap().to_string();
        let page = found(&lab, &["--credential", "railway", "--limit", "2", "--after", &oldest]);
        assert_eq!(seqs(&page), all[all.len() - 3..all.len() - 1]);
        assert_eq!(page["previous"], all[all.len() - 3]);
        let newest = all[0].to_string();
        assert_eq!(seqs(&found(&lab, &["--credential", "railway", "--after", &newest])), Vec::<i64>::new());
    }

    fn records_that_are_older_than_the_index_are_found_and_counted(options) {
        let lab = history(options);
        let before = lab.broker.stint(&["activity", "--json"]).ok().json();
        let agents = seqs(&found(&lab, &["--agent", "coder", "--limit", "500"]));
        // As an upgrade finds a database: records, and nothing read out of them.
        lab.sql("DELETE FROM audit_index; DELETE FROM rollups; UPDATE rolled_up SET seq = 0");
        assert_eq!(seqs(&found(&lab, &["--agent", "coder", "--limit", "500"])), agents);
        let after = lab.broker.stint(&["activity", "--json"]).ok().json();
        assert_eq!((&after["decisions"], &after["operations"]), (&before["decisions"], &before["operations"]));
    }

    fn activity_counts_what_was_recorded(options) {
        let lab = history(options);
        let activity = lab.broker.stint(&["activity", "--range", "1h", "--json"]).ok().json();
        let count = |list: &str, name: &str| -> i64 {
            let all = activity[list].as_array().unwrap().iter();
            let found = all.filter(|one| one["name"] == name);
            found.map(|one| one["total"].as_i64().or(one["count"].as_i64()).unwrap()).sum()
        };
        let (decided, closed) = (lab.records("request_decided"), lab.records("request_closed"));
        assert_eq!(count("decisions", "allowed"), decided.len() as i64);
        assert_eq!((count("decisions", "denied"), count("denials", "denied")), (1, 1));
        assert_eq!((count("classes", "destroy"), count("operations", "railway:volumeDelete")), (1, 1));
        assert_eq!(count("resources", &format!("railway:volume/{}", ids::VOLUME_PRODUCTION)), 1);
        assert_eq!(count("agents", "coder"), decided.len() as i64 + 1);
        assert!(closed.iter().all(|record| record["facts"]["ms"].is_u64()), "{closed:?}");
        assert_eq!(activity["latency"]["answers"], closed.len());
        assert!(activity["latency"]["p50"].is_f64(), "{activity}");

        sign_in(&lab);
        for range in ["1h", "24h", "7d", "30d"] {
            let page = get(&lab, &format!("/console/activity?range={range}"));
            let text = page.text();
            assert_eq!(page.status, 200, "{text}");
            assert!(text.contains("<svg class=\"plot wide\" role=\"img\" aria-label=\"Requests by class\""), "{text}");
            assert!(text.contains("railway:volumeDelete") && text.contains("/console/audit?code=denied"), "{text}");
            assert!(!text.contains(" style=") && text.contains("The same as a table"), "{text}");
        }
    }

    fn the_pages_show_a_record_and_what_became_of_it(options) {
        let lab = history(options);
        sign_in(&lab);
        let page = get(&lab, "/console/audit?class=destroy&kind=request_refused");
        let refused = lab.records("request_refused")[0]["id"].as_str().unwrap().to_owned();
        assert_eq!(page.status, 200);
        assert!(page.text().contains(&format!("href=\"/console/audit/{refused}\"")), "{}", page.text());
        assert!(page.text().contains("stint audit list --kind request_refused --class destroy"));
        let one = get(&lab, &format!("/console/audit/{refused}"));
        assert_eq!(one.status, 200);
        for what in ["railway:volumeDelete", ids::VOLUME_PRODUCTION, "production", "denied", "Hash"] {
            assert!(one.text().contains(what), "{what}: {}", one.text());
        }
        let closed = &lab.records("request_closed")[0];
        let (outcome, intent) = (closed["id"].as_str().unwrap(), closed["facts"]["intent"].as_str().unwrap());
        assert!(get(&lab, &format!("/console/audit/{intent}")).text().contains(&format!("/console/audit/{outcome}")));
        assert!(get(&lab, &format!("/console/audit/{outcome}")).text().contains(&format!("/console/audit/{intent}")));
        for nothing in ["rec_00000000000000000000000000000000", "7", "..%2f..%2fx", "%3Cscript%3E"] {
            let page = get(&lab, &format!("/console/audit/{nothing}"));
            assert!(page.status == 404 && !page.text().contains("<script>"), "{nothing}: {} {}", page.status, page.text());
        }
        let wrong = get(&lab, "/console/audit?from=yesterday&agent=coder");
        assert_eq!(wrong.status, 400);
        assert!(wrong.text().contains("id=\"from-error\"") && wrong.text().contains("value=\"yesterday\"") && wrong.text().contains("value=\"coder\""));
        let evil = get(&lab, "/console/audit?agent=%22%3E%3Cscript%3Ealert(1)%3C/script%3E");
        assert!(evil.status == 200 && !evil.text().contains("<script>alert"), "{}", evil.text());
    }

    fn e16_nobody_looks_at_the_audit_without_signing_in(options) {
        let lab = history(options);
        let record = lab.records("request_refused")[0]["id"].as_str().unwrap().to_owned();
        for path in ["/console/audit", "/console/activity", &format!("/console/audit/{record}"), "/console/audit/rec_1"] {
            let page = wire::get(lab.broker.addr, path).unwrap();
            assert_eq!(page.status, 303, "{path}");
            assert!(page.header("location").unwrap().starts_with("/console/sign-in?next="));
            assert!(!page.text().contains(&record));
        }
        for (method, path) in [
            ("GET", "/v1/audit"),
            ("GET", &*format!("/v1/audit/records/{record}")),
            ("GET", "/v1/audit/records/rec_1"),
            ("GET", "/v1/audit/chain"),
            ("GET", "/v1/activity"),
            ("POST", "/v1/audit/verify"),
            ("POST", "/v1/audit/export"),
        ] {
            let headers = lab.headers("GET", "/volumes");
            let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
            for lines in [&[][..], &headers[..]] {
                let answer = wire::request(lab.broker.addr, method, path, lines, b"").unwrap();
                assert_eq!(answer.status, 401, "{method} {path}: {}", answer.text());
            }
        }
        sign_in(&lab);
        for path in ["/console/audit/verify", "/console/audit/export"] {
            let cookie = format!("cookie: stint-console={COOKIE}");
            let evil = "origin: https://evil.test";
            let answer = wire::request(lab.broker.addr, "POST", path, &[&cookie, evil], b"extent=all").unwrap();
            assert_eq!(answer.status, 403, "{path}");
        }
        assert!(lab.records("audit_exported").is_empty());
    }

    fn the_chain_is_verified_on_demand_and_a_change_is_found(options) {
        let mut lab = history(options);
        sign_in(&lab);
        let verified = |lab: &Lab, extent: &str| -> String {
            assert_eq!(post(lab, "/console/audit/verify", &format!("extent={extent}")).status, 303);
            stint_tests::until("the verification has ended", || {
                let text = get(lab, "/console/audit").text();
                (!text.contains("runs since")).then_some(text)
            })
        };
        for extent in ["newest", "all"] {
            let text = verified(&lab, extent);
            assert!(text.contains(">sound<"), "{extent}: {text}");
        }
        lab.broker.without_checks();
        lab.sql("UPDATE audit_records SET hash = (SELECT hash FROM audit_records WHERE seq = 4) WHERE seq = 5");
        for extent in ["newest", "all"] {
            let text = verified(&lab, extent);
            assert!(text.contains(">not sound<") && text.contains("record 5:"), "{extent}: {text}");
        }
    }

    fn an_export_from_the_page_verifies_anywhere_and_is_on_record(options) {
        let lab = history(options);
        sign_in(&lab);
        let export = post(&lab, "/console/audit/export", "");
        assert_eq!(export.status, 200);
        assert_eq!(export.header("content-disposition"), Some("attachment; filename=\"stint-audit.jsonl\""));
        let (file, key) = (lab.broker.scratch().join("export.jsonl"), lab.broker.data().join("audit.pub"));
        std::fs::write(&file, &export.body).unwrap();
        let args = ["audit", "verify", "--json", "--export", file.to_str().unwrap(), "--key", key.to_str().unwrap()];
        let report = lab.broker.broker(&args).ok().json();
        assert_eq!(report["sound"], true);
        let recorded = lab.records("audit_exported");
        assert_eq!(recorded.len(), 1);
        // It holds the record of its own making.
        assert!(export.text().contains(recorded[0]["id"].as_str().unwrap()));
        std::fs::write(&file, &export.body[..export.body.len() / 2]).unwrap();
        assert_eq!(lab.broker.broker(&args).json()["sound"], false);
    }
}
