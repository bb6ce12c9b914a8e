//! Packs of the owner's own folder, read anew while the broker runs.

use std::fs;
use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use stint_standin::{Echo, Handle, Standin};
use stint_tests::packs::ACME;
use stint_tests::{ClientCommand, Options, Output, TestBroker, until};
use tokio::runtime::{Builder, Runtime};

const OWNERS: &str = "provider = \"acme\"\n[kind.site]\nby = \"self\"\n";
const TABLE: &str = "method\tpath\toperation\tclass\tresources\tscope\tmarks\n\
    GET\t/sites/{site}\tgetSite\tread\tsite={site}\tresources\t\n\
    POST\t/sites/{site}/pause\tpauseSite\tdestroy\tsite={site}\tresources\t\n";
const START: &str = "GET\t/sites/{site}/plan\tgetPlan\tread\tsite={site}\tresources\t\n";

struct Desk {
    broker: TestBroker,
    folder: PathBuf,
    server: Handle<Echo>,
    _runtime: Runtime,
    _files: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(Standin::loopback(Echo)).unwrap();
        let files = tempfile::TempDir::new().unwrap();
        let (folder, policies) = (files.path().join("packs"), files.path().join("policies"));
        fs::create_dir_all(folder.join("acme")).unwrap();
        fs::create_dir_all(&policies).unwrap();
        let policy =
            "@id(\"own.no-plans\")\nforbid (principal, action == Action::\"acme:getPlan\", resource);\n";
        let tests = "[[test]]\nname = \"plans are not read\"\nsession = [\"staging\", \"staging\"]\n\
            touch = [{ operation = \"acme:getPlan\", class = \"read\", resource = \"site/x\", place = [\"staging\", \"staging\"] }]\n\
            decision = \"deny\"\npolicies = [\"own.no-plans\"]\n";
        fs::write(policies.join("own.cedar"), policy).unwrap();
        fs::write(policies.join("own.tests.toml"), tests).unwrap();
        let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
        let variables = vec![
            ("STINT_BROKER_PACKS".to_owned(), text(&folder)),
            ("STINT_BROKER_POLICIES".to_owned(), text(&policies)),
            ("STINT_BROKER_APPROVAL_HOLD".to_owned(), "300s".to_owned()),
        ];
        fs::write(folder.join("acme/pack.toml"), ACME).unwrap();
        fs::write(folder.join("acme/resolvers.toml"), OWNERS).unwrap();
        fs::write(folder.join("acme/operations.tsv"), format!("{TABLE}{START}")).unwrap();
        let broker = TestBroker::start(Options { variables, ..Options::default() });
        broker.login();
        broker.add_environment("staging", "staging");
        broker.map("staging", "acme:site/s1");
        let secret = broker.secret("acme");
        broker.add_credential("acme", "acme", &server.url(), server.ca_pem(), &secret);
        broker.add_agent("coder");
        Desk { broker, folder, server, _runtime: runtime, _files: files }
    }

    fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        fs::write(self.folder.join("acme").join(file), text).unwrap();
    }

    fn command(&self, script: &str) -> ClientCommand {
        self.broker.command(&[
            "run",
            "--environment",
            "staging",
            "--agent",
            "coder",
            "--",
            "sh",
            "-c",
            script,
        ])
    }

    fn ask(&self, method: &str, path: &str) -> Value {
        self.command(&curl(method, path)).run().ok().json()
    }

    fn reload(&self) -> Output {
        self.broker.stint(&["provider", "reload", "--json"])
    }
}

fn curl(method: &str, path: &str) -> String {
    format!("curl -sS -X {method} https://api.acme.test{path} -H \"Authorization: Bearer $ACME_TOKEN\"")
}

#[test]
fn packs_with_an_error_change_nothing_and_good_ones_replace_all() {
    let desk = Desk::new();
    assert_eq!(desk.ask("GET", "/sites/s1")["path"], "/sites/s1");
    assert_eq!(desk.ask("GET", "/sites/s1/plan")["policies"][0], "own.no-plans");

    // File, row and reason; what was in use stays, and the try is on record.
    desk.write("operations.tsv", TABLE.replace("\tread\t", "\tred\t"));
    let wrong = desk.reload().exits(1).stderr;
    assert!(wrong.contains("acme/operations.tsv, row 2") && wrong.contains("red"), "{wrong}");
    assert!(wrong.contains("nothing was changed") && wrong.contains("pack check"), "{wrong}");
    // A file that cannot be read is not taken for one that is not there: it could only make things stricter.
    desk.write("operations.tsv", TABLE);
    desk.write("payload.toml", [0xff, 0xfe]);
    let wrong = desk.reload().exits(1).stderr;
    assert!(wrong.contains("acme/payload.toml"), "{wrong}");
    fs::remove_file(desk.folder.join("acme/payload.toml")).unwrap();
    assert_eq!(desk.ask("GET", "/sites/s1")["path"], "/sites/s1");
    let refused = desk.broker.records("packs_refused");
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(refused[1].to_string().contains("operations.tsv, row 2"), "{refused:?}");
    assert!(desk.broker.records("packs_reloaded").is_empty());

    // What appeared, what went, what is stronger now, and the policy that names what is gone.
    let more = "GET\t/sites/{site}/logs\tgetLogs\tread\tsite={site}\tresources\t\n";
    desk.write("operations.tsv", format!("{}{more}", TABLE.replace("getSite\tread", "getSite\treveal")));
    let told = desk.reload().ok().json();
    assert_eq!(told["appeared"], serde_json::json!(["acme:getLogs"]), "{told}");
    assert_eq!(told["gone"], serde_json::json!(["acme:getPlan"]), "{told}");
    assert_eq!(told["reclassed"], serde_json::json!(["acme:getSite: read -> reveal"]), "{told}");
    assert!(told["warnings"].to_string().contains("acme:getPlan"), "{told}");
    assert_eq!(desk.ask("GET", "/sites/s1/logs")["path"], "/sites/s1/logs");
    assert_eq!(desk.ask("GET", "/sites/s1/plan")["code"], "unknown_operation");
    assert_eq!(desk.broker.records("packs_reloaded").len(), 1);

    // The same by a signal, for whoever runs the process; a pack that went takes its credential out of use, said so.
    fs::rename(desk.folder.join("acme"), desk.folder.with_file_name("aside")).unwrap();
    kill_process(Pid::from_raw(desk.broker.pid()).unwrap(), Signal::HUP).unwrap();
    until("it is read", || (desk.broker.records("packs_reloaded").len() == 2).then_some(()));
    let none = desk.broker.stint(&["provider", "operations", "acme"]).exits(1).stderr;
    assert!(
        none.contains("there is no pack") || none.contains("not found") || none.contains("acme"),
        "{none}"
    );
    fs::rename(desk.folder.with_file_name("aside"), desk.folder.join("acme")).unwrap();
    desk.reload().ok();
    assert_eq!(desk.ask("GET", "/sites/s1/logs")["path"], "/sites/s1/logs");
}

#[test]
fn a_request_under_way_ends_with_the_packs_that_it_began_with() {
    let desk = Desk::new();
    let held = desk.command(&curl("POST", "/sites/s1/pause")).start();
    let list = || desk.broker.stint(&["approval", "list", "--json"]).ok().json();
    let id = until("it waits", || list()["approvals"][0]["id"].as_str().map(str::to_owned));
    // Meanwhile the operation goes; requests of others pass while packs are read again and again.
    let many = format!(
        "for n in $(seq 30); do {} -o /dev/null -w '%{{http_code}}\\n'; done",
        curl("GET", "/sites/s1")
    );
    let others = desk.command(&many).start();
    for round in 0..2 {
        let rows: Vec<&str> =
            TABLE.lines().filter(|line| round % 2 == 1 || !line.contains("pauseSite")).collect();
        desk.write("operations.tsv", format!("{}\n", rows.join("\n")));
        desk.reload().ok();
    }
    desk.write(
        "operations.tsv",
        TABLE.replace("POST\t/sites/{site}/pause\tpauseSite\tdestroy\tsite={site}\tresources\t\n", ""),
    );
    desk.reload().ok();
    let said = others.wait().ok().stdout;
    assert_eq!(said.lines().filter(|line| *line == "200").count(), 30, "{said}");
    let sent = desk.server.log.len();
    desk.broker.stint(&["approval", "approve", &id, "--confirm", "s1"]).ok();
    assert_eq!(held.wait().ok().json()["path"], "/sites/s1/pause");
    assert_eq!(desk.server.log.len(), sent + 1);
    assert_eq!(desk.ask("POST", "/sites/s1/pause")["code"], "unknown_operation");
}

#[test]
fn only_owners_reload_and_only_where_there_is_a_folder() {
    let broker = TestBroker::start(Options::default());
    broker.login();
    let told = broker.stint(&["provider", "reload"]).exits(1).stderr;
    assert!(told.contains("no folder of packs") && told.contains("packs = "), "{told}");
}
