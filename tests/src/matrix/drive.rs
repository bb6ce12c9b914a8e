use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::desk::Desk;
use super::row::Row;
use crate::binaries::{home, search_path};
use crate::client::{ClientCommand, Output};

/// What came of a row.
#[derive(Debug, Clone, Default)]
pub struct Driven {
    /// As the client says it; nothing where it is not there.
    pub version: Option<String>,
    /// Whether the session was confined, so that a client without proxy variables could be tried.
    pub confined: bool,
    /// Protocol that the client spoke, where it tells.
    pub spoke: Option<String>,
    /// What is not as it must be, in words. Nothing: the row is green.
    pub wrong: Vec<String>,
    /// What the session printed.
    pub printed: String,
}

/// One part of what a session printed, and how its command ended.
pub(super) struct Part<'a> {
    pub(super) text: &'a str,
    pub(super) code: i32,
}

impl Driven {
    /// Of a client that is not there.
    pub(super) fn absent(row: &Row) -> Self {
        let wrong = vec![format!("it is not there: `{}` fails", row.version)];
        Driven { wrong, ..Driven::default() }
    }
}

/// Each command has a minute.
const SCRIPT: &str = r#"
part() { printf '\n@@ %s\n' "$1"; ( "$2" ) 2>&1 </dev/null; printf '\n@= %s\n' "$?"; }
session() { echo "$STINT_SESSION"; }
read_it() { timeout -k 5 60 sh -c "$READ"; }
destroy_it() { timeout -k 5 60 sh -c "$DESTROY"; }
# The same without a proxy variable, and with none that leads to certificates but those that are named.
bare() {
    unset HTTPS_PROXY https_proxy HTTP_PROXY http_proxy ALL_PROXY all_proxy NODE_USE_ENV_PROXY
    unset npm_config_proxy npm_config_https_proxy
    bundle=$SSL_CERT_FILE
    for name in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
        eval "value=\$$name"
        case "$name $value" in
            "JAVA_TOOL_OPTIONS "*|"DENO_TLS_CA_STORE "*|*" $bundle") case " $TRUST " in *" $name "*) ;; *) unset "$name" ;; esac ;;
        esac
    done
    read_it
}
part session session
part read read_it
[ -z "$BARE" ] || part bare bare
part destroy destroy_it
"#;

impl Desk {
    /// Whether the client is there, and which it is.
    pub fn version(&self, row: &Row) -> Option<String> {
        let out = self.surrounded(self.broker.program("sh", &["-c", &row.version])).run();
        let text = out.stdout.lines().map(str::trim).find(|line| !line.is_empty())?.to_owned();
        let number = |c: char| c.is_ascii_digit();
        let from = text.find(number)?;
        let text = text.get(from..)?;
        let end = text.find(|c: char| !(number(c) || c == '.')).unwrap_or(text.len());
        (out.code == 0).then(|| text.get(..end).unwrap_or(text).trim_end_matches('.').to_owned())
    }

    /// Runs the commands of a row in a session, and finds what is wrong with what came of it.
    pub fn drive(&self, row: &Row) -> Driven {
        let Some(version) = self.version(row) else { return Driven::absent(row) };
        for log in self.logs() {
            log.clear();
        }
        let (out, confined) = self.run(row);
        let mut driven = Driven { version: Some(version), confined, ..Driven::default() };
        driven.printed = format!("{}{}", out.stdout, out.stderr);
        driven.wrong = self.judge(row, &out, confined);
        let spoke = out.stdout.lines().rev().find_map(|line| line.trim().strip_prefix("spoke "));
        driven.spoke = spoke
            .map(|spoke| spoke.trim_start_matches("HTTP").trim_matches(['/', '_', ' ']).replace('_', "."));
        driven
    }

    pub(super) fn run(&self, row: &Row) -> (Output, bool) {
        let destroy = row.destroy.as_deref().unwrap_or("true");
        let run = |flags: &[&str], bare: &str| {
            let head = ["run", "-e", "staging", "-a", "coder"];
            let args = [&head[..], flags, &["--", "sh", "-c", SCRIPT]].concat();
            let command = self.surrounded(self.broker.command(&args));
            let command = command.env("TRUST", row.trust.join(" ")).env("BARE", bare);
            command.env("READ", &row.read).env("DESTROY", destroy).run()
        };
        let bare = if row.transparent { "yes" } else { "" };
        let out = run(if row.learns { &["--confine", "--learn"] } else { &["--confine"] }, bare);
        match out.code == 125 && out.stderr.contains("cannot be confined here") {
            true => (run(&["--no-confine"], ""), false),
            false => (out, true),
        }
    }

    /// With what the installer brought on the search path, and the home of whoever runs this.
    pub fn surrounded(&self, command: ClientCommand) -> ClientCommand {
        let at = |path: &str| self.installed.join(path).display().to_string();
        let mut command = command
            .current_dir(&self.broker.scratch())
            .env("PATH", format!("{}:{}", at("python/bin"), search_path()))
            .env("NODE", at("node/node_modules"))
            .env("MORE", at("more/node_modules"))
            .env("INSTALLED", &self.installed)
            .env("NO_UPDATE_NOTIFIER", "1")
            .env("CHECKPOINT_DISABLE", "1")
            .env("npm_config_cache", self.broker.scratch().join(".npm"))
            .env("npm_config_update_notifier", "false")
            .env("WRANGLER_SEND_METRICS", "false");
        if let Some(home) = home() {
            command = command.env("HOME", home);
        }
        command
    }

    fn judge(&self, row: &Row, out: &Output, confined: bool) -> Vec<String> {
        let mut wrong = Vec::new();
        if out.code != 0 {
            wrong.push(format!("the session ended with {}: {}", out.code, out.stderr.trim()));
            return wrong;
        }
        let session =
            part(&out.stdout, "session").map(|part| part.text.trim().to_owned()).unwrap_or_default();
        let of_session = |kind: &str| -> Vec<Value> {
            let records = self.broker.records(kind).into_iter();
            records.filter(|record| record["session"] == session.as_str()).collect()
        };
        let (decided, refused) = (of_session("request_decided"), of_session("request_refused"));
        let Some(reads) = &row.reads else {
            return self.judge_unknown(row, out);
        };
        let mut ways = vec!["read"];
        ways.extend((confined && row.transparent).then_some("bare"));
        for way in &ways {
            match part(&out.stdout, way) {
                Some(part) if part.code == 0 => {}
                Some(part) => wrong.push(format!("{way}: it ended with {}", part.code)),
                None => wrong.push(format!("{way}: it did not run")),
            }
        }
        let times = decided.iter().filter(|record| is(record, reads, &["read"])).count();
        if times < ways.len() {
            wrong.push(format!(
                "{reads} was to be understood as a read in {} ways, and was {times} times: {:?} {:?}",
                ways.len(),
                operations(&decided),
                operations(&refused)
            ));
        }
        if !self.logs().iter().any(|log| log.holds(self.broker.canary.word())) && !self.basic_arrived() {
            wrong.push("no request arrived with the credential".to_owned());
        }
        if let Some(destroys) = &row.destroys {
            wrong.extend(self.judge_destroyed(row, destroys, out, &decided, &refused));
        }
        wrong
    }

    /// Refused, recorded as what it is, not sent, and told to whoever asked.
    fn judge_destroyed(
        &self,
        row: &Row,
        destroys: &str,
        out: &Output,
        decided: &[Value],
        refused: &[Value],
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        let strong = ["destroy", "grant", "reveal", "unknown"];
        let Some(record) = refused.iter().find(|record| is(record, destroys, &strong)) else {
            return vec![format!(
                "{destroys} was to be refused: {:?} {:?}",
                operations(decided),
                operations(refused)
            )];
        };
        if decided.iter().any(|record| operations(std::slice::from_ref(record)).contains(destroys)) {
            wrong.push(format!("{destroys} was let through"));
        }
        let facts = &record["facts"];
        let (method, path) =
            (facts["method"].as_str().unwrap_or_default(), facts["path"].as_str().unwrap_or_default());
        let own = path.splitn(4, '/').nth(3).unwrap_or_default();
        // Several tools of an MCP server share one path.
        let shared = destroys.starts_with("cluster:") || destroys.starts_with("railway:");
        for entry in self.logs().iter().flat_map(|log| log.entries()) {
            let arrived = entry.path.trim_start_matches('/').split('?').next() == Some(own);
            if !shared && arrived && entry.method == method {
                wrong.push(format!("{method} /{own} arrived"));
            }
        }
        match part(&out.stdout, "destroy") {
            Some(part) if part.code == 0 => wrong.push("destroy: the tool takes it for done".to_owned()),
            Some(part) if !part.text.contains(&row.says) => {
                wrong.push(format!("destroy: the tool does not say '{}': {}", row.says, part.text.trim()));
            }
            Some(_) => {}
            None => wrong.push("destroy: it did not run".to_owned()),
        }
        wrong
    }

    /// A provider that no pack knows: nothing arrives anywhere, and the tool fails with words of its own.
    fn judge_unknown(&self, row: &Row, out: &Output) -> Vec<String> {
        let mut wrong = Vec::new();
        match part(&out.stdout, "read") {
            Some(part) if part.code == 0 => wrong.push("it reached a provider that no pack knows".to_owned()),
            Some(_) => {}
            None => wrong.push("it did not run".to_owned()),
        }
        // The session says at its end which hosts were asked for in vain.
        if !out.stdout.contains(&row.says) && !out.stderr.contains(&row.says) {
            wrong.push(format!("nobody says '{}': {}{}", row.says, out.stdout, out.stderr));
        }
        if self.logs().iter().any(|log| !log.is_empty()) {
            wrong.push("something arrived".to_owned());
        }
        wrong
    }

    /// What git asks carries the credential as Basic.
    fn basic_arrived(&self) -> bool {
        let entries = self.github.log.entries();
        let basic = entries.iter().filter_map(|entry| entry.header("authorization"));
        basic.filter_map(|value| value.strip_prefix("Basic ")).any(|_| true)
    }
}

/// Whether a record is of this operation, in one of these classes.
fn is(record: &Value, operation: &str, classes: &[&str]) -> bool {
    let class = record["facts"]["class"].as_str().unwrap_or_default();
    operations(std::slice::from_ref(record)).contains(operation) && classes.contains(&class)
}

fn operations(records: &[Value]) -> BTreeSet<String> {
    let of = |record: &Value| record["facts"]["operations"].as_array().cloned().unwrap_or_default();
    records.iter().flat_map(of).filter_map(|operation| operation.as_str().map(str::to_owned)).collect()
}

pub(super) fn part<'a>(printed: &'a str, name: &str) -> Option<Part<'a>> {
    let (_, rest) = printed.split_once(&format!("\n@@ {name}\n"))?;
    let (text, rest) = rest.split_once("\n@= ")?;
    Some(Part { text, code: rest.lines().next()?.trim().parse().ok()? })
}

/// The folder that `tests/clients/install` fills: `clients`, in the folder of what is built.
pub fn installed() -> std::path::PathBuf {
    let program = std::env::current_exe().expect("the test binary has a path");
    // target/debug/deps/main-…, or target/debug/stint-clients.
    let built = program.ancestors().find(|folder| folder.join("clients/node.seen").is_file());
    built.unwrap_or(Path::new("target")).join("clients")
}
