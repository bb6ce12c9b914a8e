//! `audit verify` and `audit export`: what was changed, removed, reordered or cut off is found, and where.

use std::fs;

use stint_broker::audit::link;
use stint_standin::railway::ids;
use stint_tests::{Database, Lab, Options, Output};

use crate::place::on_both;

/// A broker with a history, stopped: its head is signed.
fn history(options: Options) -> (Lab, i64) {
    let mut lab = Lab::start(options);
    lab.ask("{ me { name } }").done();
    lab.ask(&Lab::delete(ids::VOLUME_PRODUCTION)).refused(403, "denied");
    stint_tests::until("the session has ended", || (lab.records("session_ended").len() == 2).then_some(()));
    lab.broker.terminate();
    let verified = lab.broker.broker(&["audit", "verify", "--json"]).ok().json();
    let records = verified["records"].as_i64().unwrap();
    assert!(records > 20, "{verified}");
    assert_eq!(verified["signed"], records, "the head was not signed at the end");
    lab.sql("CREATE TABLE kept_records AS SELECT * FROM audit_records; CREATE TABLE kept_head AS SELECT * FROM chain_head; CREATE TABLE kept_checkpoints AS SELECT * FROM checkpoints");
    (lab, records)
}

fn restore(lab: &Lab) {
    lab.sql(
        "DELETE FROM audit_records; INSERT INTO audit_records SELECT * FROM kept_records; DELETE FROM chain_head; \
         INSERT INTO chain_head SELECT * FROM kept_head; DELETE FROM checkpoints; INSERT INTO checkpoints SELECT * FROM kept_checkpoints",
    );
}

#[track_caller]
fn found(out: &Output, where_: &str) {
    assert_eq!(out.code, 1, "not found: {}{}", out.stdout, out.stderr);
    assert!(
        out.stdout.starts_with("NOT SOUND") && out.stdout.contains(where_),
        "{where_}: {}{}",
        out.stdout,
        out.stderr
    );
}

on_both! {
    fn what_is_done_to_the_database_is_found_and_located(options) {
        let (lab, last) = history(options);
        let cut = last - 4;
        let cases = [
            ("UPDATE audit_records SET body = (SELECT body FROM audit_records WHERE seq = 4) WHERE seq = 5".to_owned(), "record 5:".to_owned()),
            ("UPDATE audit_records SET hash = (SELECT hash FROM audit_records WHERE seq = 4) WHERE seq = 5".to_owned(), "record 5:".to_owned()),
            ("DELETE FROM audit_records WHERE seq = 7".to_owned(), "record 7: missing".to_owned()),
            ("DELETE FROM audit_records WHERE seq IN (7, 8, 9)".to_owned(), "records 7 to 9: missing".to_owned()),
            ("DELETE FROM audit_records WHERE seq = 1".to_owned(), "record 1: missing".to_owned()),
            (
                "UPDATE audit_records SET seq = -1 WHERE seq = 11; UPDATE audit_records SET seq = 11 WHERE seq = 12; UPDATE audit_records SET seq = 12 WHERE seq = -1".to_owned(),
                "record 11:".to_owned(),
            ),
            (format!("DELETE FROM audit_records WHERE seq > {cut}"), format!("records after {cut} are gone")),
            (
                format!("DELETE FROM audit_records WHERE seq > {cut}; DELETE FROM checkpoints WHERE seq > {cut}; \
                    UPDATE chain_head SET seq = {cut}, hash = (SELECT hash FROM audit_records WHERE seq = {cut})"),
                format!("records after {cut} are gone: the signed head beside the database is record {last}"),
            ),
            ("DELETE FROM audit_records; DELETE FROM checkpoints; UPDATE chain_head SET seq = 0".to_owned(), format!("is record {last}")),
            ("UPDATE checkpoints SET signature = hash".to_owned(), "checkpoint after record".to_owned()),
        ];
        for (statements, place) in cases {
            lab.sql(&statements);
            found(&lab.broker.broker(&["audit", "verify"]), &place);
            restore(&lab);
            lab.broker.broker(&["audit", "verify"]).ok();
        }
        lab.sql("DELETE FROM chain_head");
        let out = lab.broker.broker(&["audit", "verify"]).exits(1);
        assert!(out.stderr.contains("chain_head"), "{}", out.stderr);
        restore(&lab);
    }

    fn a_history_that_was_rewritten_with_all_its_links_is_found(options) {
        let (lab, last) = history(options);
        // Somebody who has the database but not the key puts record 8 in the place of record 9 and computes every later
        // hash anew.
        let export = lab.broker.broker(&["audit", "export"]).ok().stdout;
        let bodies: Vec<String> = export.lines()
            .filter(|line| line.starts_with("{\"seq\":"))
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["body"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(bodies.len() as i64, last);
        let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
        let blob = |bytes: &[u8]| match lab.broker.options.database {
            Database::Sqlite => format!("x'{}'", hex(bytes)),
            Database::Postgres(_) => format!("decode('{}', 'hex')", hex(bytes)),
        };
        let mut statements = String::new();
        let mut hash = [0u8; 32];
        for (seq, body) in (1..).zip(&bodies) {
            let body = if seq == 9 { &bodies[7] } else { body };
            hash = link(&hash, seq, body.as_bytes());
            statements.push_str(&format!(
                "UPDATE audit_records SET hash = {}, body = {} WHERE seq = {seq};",
                blob(&hash),
                blob(body.as_bytes())
            ));
        }
        statements.push_str(&format!("UPDATE chain_head SET hash = {};", blob(&hash)));
        lab.sql(&statements);
        let out = lab.broker.broker(&["audit", "verify"]);
        found(&out, "not the history that was signed");
        // Without the checkpoints too, the head beside the database still tells.
        lab.sql("DELETE FROM checkpoints");
        found(
            &lab.broker.broker(&["audit", "verify"]),
            &format!("record {last} is not the one that the signed head beside the database names"),
        );
        restore(&lab);
    }

    fn an_export_is_verified_with_nothing_but_the_public_key(options) {
        let (lab, last) = history(options);
        let export = lab.broker.broker(&["audit", "export"]).ok().stdout;
        let elsewhere = tempfile::tempdir().unwrap();
        let (file, key) = (elsewhere.path().join("export.jsonl"), elsewhere.path().join("audit.pub"));
        fs::copy(lab.broker.data().join("audit.pub"), &key).unwrap();
        let verify = |text: &str| {
            fs::write(&file, text).unwrap();
            let args = ["audit", "verify", "--export", &file.display().to_string(), "--key", &key.display().to_string()];
            lab.broker.broker_command(&args).run()
        };
        let out = verify(&export).ok();
        assert!(out.stdout.starts_with(&format!("sound: {last} records")), "{}", out.stdout);

        let lines: Vec<&str> = export.lines().collect();
        let at = |seq: i64| lines.iter().position(|line| line.starts_with(&format!("{{\"seq\":{seq},"))).unwrap();
        let joined = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let without = |seq: i64| joined(&[&lines[..at(seq)], &lines[at(seq) + 1..]].concat());
        let mut swapped = lines.clone();
        swapped.swap(at(5), at(6));
        let changed = export.replacen("railway:volumeDelete", "railway:volumeUpdate", 1);
        let in_front = lines[..at(last)].iter().filter(|line| line.starts_with("{\"checkpoint\"")).count();
        assert!(lines.len() > in_front);
        let cases = [
            (changed, "changed"),
            (without(5), "record 5: missing"),
            (joined(&swapped), "record 5:"),
            (joined(&lines[..lines.len() - 1]), "cut off"),
            (joined(&lines[..at(last - 2)]), "cut off"),
            (joined(&[&lines[..at(last - 2)], &lines[lines.len() - 1..]].concat()), "the signed end is another"),
            (joined(&[&lines[..], &lines[at(3)..=at(3)]].concat()), "something stands after it"),
            (joined(&lines[1..]), "header"),
            (String::new(), "header"),
        ];
        for (text, place) in cases {
            found(&verify(&text), place);
        }
        // With another broker's key nothing is believed.
        let other = Lab::start(crate::place::sqlite());
        fs::copy(other.broker.data().join("audit.pub"), &key).unwrap();
        found(&verify(&export), "another key");
    }
}

#[test]
fn a_folder_without_a_broker_is_named_and_left_alone() {
    let mut broker = stint_tests::TestBroker::prepare(Options::default());
    broker.without_checks();
    for command in ["verify", "export"] {
        let out = broker.broker(&["audit", command]).exits(1);
        assert!(
            out.stderr.starts_with("stint-broker: ") && out.stderr.contains("stint.db"),
            "{}",
            out.stderr
        );
    }
    assert!(!broker.data().exists(), "asking made a folder");
}
