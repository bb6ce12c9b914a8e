//! `stint-broker demo`, as somebody who has just built it runs it into a pipe.

use stint_tests::{ClientCommand, Output};

#[test]
fn the_demo_stops_the_incident_and_lets_the_work_through() {
    let folder = tempfile::tempdir().unwrap();
    let out = demo(folder.path()).exits(0);
    let rows: Vec<&str> = out.stdout.lines().filter_map(|line| line.strip_prefix("✓ ")).collect();
    let shows = |tried: &str, happened: &str| {
        let found = rows.iter().any(|row| row.starts_with(tried) && row.contains(happened));
        assert!(found, "no row '{tried}' with '{happened}':\n{}", out.stdout);
    };
    shows("the published curl, the found token", "gone with 3 backups");
    shows("set a variable", "LOG_LEVEL=debug in staging");
    shows("redeploy", "DEPLOYING");
    shows("the published curl, the found token", "foreign_credential (403)");
    for disguise in [
        "the published curl, the placeholder",
        "under an alias",
        "in a fragment",
        "in an inline fragment",
        "by a variable ",
        "by a variable's default",
        "as a block string",
        "in a batch, behind a query",
        "one of two, by operationName",
        "as a form: query=",
        "volumeInstanceUpdate(state: DELETED)",
        "stage the deletion in production",
        "serviceDelete, environmentId: staging",
        "delete a backup of production",
        "make a project token for production",
        "commit a deletion staged by a person",
    ] {
        shows(disguise, "denied (403)");
        shows(disguise, "guardrail.other-environment");
    }
    shows("as a GET: ?query=", "method_not_allowed (405)");
    shows("delete the backup made in staging", "guardrail.backups");
    shows("delete the volume staging-cache", "waits for two people");
    shows("robin approves it alone", "forbidden (403)");
    shows("remove a deployment of staging", "waits for a person");
    shows("robin approves, types a wrong name", "confirmation_mismatch (403)");
    shows("robin approves, types its id", "removed");
    shows("the same request again", "approval_denied");
    shows("the next request, a read", "session_ended (401)");
    shows("audit verify on an export", "sound");
    shows("one letter of the export is changed", "found at record");
    let summary = out.stdout.lines().last().unwrap();
    assert!(summary.starts_with(&format!("{0} of {0} as they should be", rows.len())), "{summary}");
}

#[test]
fn a_pipe_gets_no_colours_and_no_line_is_wider_than_a_hundred_columns() {
    let folder = tempfile::tempdir().unwrap();
    let out = demo(folder.path()).exits(0);
    assert!(!out.stdout.contains('\u{1b}') && out.stderr.is_empty(), "{}", out.stderr);
    let wide: Vec<&str> = out.stdout.lines().filter(|line| line.chars().count() > 100).collect();
    assert_eq!(wide, Vec::<&str>::new());
}

#[test]
fn the_demo_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    demo(folder.path()).exits(0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

fn demo(folder: &std::path::Path) -> Output {
    ClientCommand::alone("stint-broker", &["demo"]).env("TMPDIR", folder).run()
}
