//! A backup that was really taken, really put back, and starts; and one that could not be, which is said.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::Value;
use stint_tests::{Lab, Options, Output, TestBroker, until};

/// The data folder that a backup is put back into.
fn elsewhere(broker: &TestBroker) -> PathBuf {
    let folder = broker.folder().join("elsewhere");
    fs::create_dir_all(&folder).expect("a second data folder");
    folder
}

fn backup(broker: &TestBroker, file: &Path) -> Output {
    broker.broker(&["backup", "--json", &file.display().to_string()])
}

fn restore(broker: &TestBroker, file: &Path, data: &Path, more: &[&str]) -> Output {
    let (file, data) = (file.display().to_string(), data.display().to_string());
    let args = ["restore", "--json", &file, "--data", &data];
    broker.broker_command(&[&args[..], more].concat()).run()
}

fn with_key(broker: &TestBroker, data: &Path) {
    fs::copy(broker.data().join("stint.key"), data.join("stint.key")).expect("the key is copied");
}

/// What must not be there after a refusal.
fn is_untouched(data: &Path) {
    let left: Vec<String> = fs::read_dir(data)
        .expect("the data folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("stint.db") || name.starts_with("checking"))
        .collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[test]
fn a_backup_of_a_running_broker_starts_again_with_its_key() {
    let mut lab = Lab::start(Options::default());
    lab.ask("{ me { name } }").done();
    let agent = lab.begin("exec sleep 600");
    let live = || lab.broker.stint(&["session", "list", "--json"]).ok().json();
    until("the session is live", || live()["sessions"].get(0).is_some().then_some(()));
    let file = lab.broker.scratch().join("stint-backup.db");
    let taken: Value = backup(&lab.broker, &file).ok().json();
    assert_eq!(taken["opens"], true, "{taken}");
    assert!(taken["records"].as_i64().is_some_and(|records| records > 10), "{taken}");
    assert_eq!(fs::metadata(&file).expect("the backup").permissions().mode() & 0o777, 0o600);
    let beside = |end: &str| file.with_file_name(format!("stint-backup.db{end}")).exists();
    assert!(!beside("-wal") && !beside("-shm") && !beside(".partial"), "something lies beside it");

    // The broker goes on, on one chain, and its console knows of the backup.
    lab.ask("{ me { name } }").done();
    let [record] = &lab.records("backup_taken")[..] else { panic!("one record of one backup") };
    assert_eq!(record["facts"]["through"], taken["records"]);
    lab.broker.broker(&["audit", "verify"]).ok();
    let again = backup(&lab.broker, &file).exits(1);
    assert!(again.stderr.contains("there is something here already"), "{}", again.stderr);

    lab.broker.kill();
    agent.signal(Signal::TERM);
    agent.wait();
    let data = elsewhere(&lab.broker);
    let without = restore(&lab.broker, &file, &data, &[]).exits(1);
    assert!(without.stderr.contains("without this key"), "{}", without.stderr);
    is_untouched(&data);
    with_key(&lab.broker, &data);
    let checked: Value = restore(&lab.broker, &file, &data, &["--check"]).ok().json();
    assert_eq!((&checked["records"], &checked["opens"]), (&taken["records"], &true.into()));
    is_untouched(&data);
    let restored: Value = restore(&lab.broker, &file, &data, &[]).ok().json();
    assert_eq!((&restored["records"], &restored["sessions_ended"]), (&taken["records"], &1.into()));
    let again = restore(&lab.broker, &file, &data, &[]).exits(1);
    assert!(again.stderr.contains("there is a database here already"), "{}", again.stderr);

    lab.broker.options.data = Some(data);
    lab.broker.restart();
    assert!(lab.broker.stint(&["session", "list", "--json"]).ok().json()["sessions"][0].is_null());
    // The credential opens: the provider answers with what only it shows.
    lab.ask("{ me { name } }").done();
    let [record] = &lab.records("backup_restored")[..] else { panic!("one record of one restore") };
    assert_eq!(record["facts"]["sessions"], 1);
    lab.broker.broker(&["audit", "verify"]).ok();
}

#[test]
fn a_backup_that_could_not_be_restored_is_said_to_be_none() {
    let lab = Lab::start(Options::default());
    lab.ask("{ me { name } }").done();
    let broker = &lab.broker;
    let file = broker.scratch().join("stint-backup.db");
    backup(broker, &file).ok();
    let data = elsewhere(broker);

    // The key of another broker.
    let other = TestBroker::start(Options::default());
    with_key(&other, &data);
    let wrong = restore(broker, &file, &data, &["--check"]).exits(1);
    assert!(wrong.stderr.contains("is not the key of this store"), "{}", wrong.stderr);
    is_untouched(&data);
    fs::remove_file(data.join("stint.key")).expect("the wrong key goes");
    with_key(broker, &data);
    restore(broker, &file, &data, &["--check"]).ok();

    // A record that somebody wrote over.
    let forged = broker.scratch().join("forged.db");
    fs::copy(&file, &forged).expect("a copy");
    broker.program("chmod", &["600", &forged.display().to_string()]).run().ok();
    swap(&forged, b"credential_added", b"credential_gone!");
    let said = restore(broker, &forged, &data, &[]).exits(1);
    assert!(said.stderr.contains("does not verify"), "{}", said.stderr);
    is_untouched(&data);

    // Half of one, and none at all.
    let half = broker.scratch().join("half.db");
    let whole = fs::read(&file).expect("the backup");
    fs::write(&half, &whole[..whole.len() / 2]).expect("half of it");
    let said = restore(broker, &half, &data, &[]).exits(1);
    assert!(said.stderr.contains("half.db"), "{}", said.stderr);
    is_untouched(&data);
    let text = broker.scratch().join("text.db");
    fs::write(&text, "this is no database").expect("a text");
    let said = restore(broker, &text, &data, &[]).exits(1);
    assert!(said.stderr.contains("not a database"), "{}", said.stderr);
    is_untouched(&data);
}

/// Writes over every place where these bytes are.
fn swap(file: &Path, old: &[u8], new: &[u8]) {
    let mut bytes = Vec::new();
    let mut handle = File::options().read(true).write(true).open(file).expect("the file");
    handle.read_to_end(&mut bytes).expect("its bytes");
    let found: Vec<usize> =
        (0..bytes.len().saturating_sub(old.len())).filter(|at| bytes[*at..].starts_with(old)).collect();
    assert!(!found.is_empty(), "nothing to write over");
    for at in found {
        handle
            .seek(SeekFrom::Start(at as u64))
            .and_then(|_| handle.write_all(new))
            .expect("it is written over");
    }
}

#[test]
fn a_backup_sealed_by_a_passphrase_is_tried_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("passphrase").display().to_string();
    fs::write(&file, "correct horse battery staple, twice").expect("the passphrase");
    let seal = ["--seal", "passphrase", "--passphrase-file", &file];
    let args = seal.map(str::to_owned).to_vec();
    let broker = TestBroker::start(Options { args, ..Options::default() });
    let copy = broker.scratch().join("stint-backup.db").display().to_string();
    let taken = broker.broker(&["backup", &copy, "--seal", "passphrase"]).ok();
    assert!(taken.stderr.contains("nobody gave the passphrase"), "{}", taken.stderr);
    let said = broker.broker(&["restore", "--check", &copy, "--seal", "passphrase"]).exits(1);
    assert!(said.stderr.contains("none was given"), "{}", said.stderr);
    let said = broker.broker(&[&["restore", "--check", &copy][..], &seal[..]].concat()).ok();
    assert!(said.stdout.contains("the key opens it"), "{}", said.stdout);
}
