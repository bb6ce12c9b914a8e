//! What people decide, see and stop, by the pages of the console and by `/v1`.

mod alerts;
mod browser;
mod budget;
mod fatigue;
mod hostile;
mod sessions;
mod stale;
mod votes;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use stint_standin::railway::ids;
use stint_tests::{Lab, Options, Output, Started, until};

/// A session of staging that goes on when the test says so. Its script has `why REASON DOCUMENT` beside `ask`, and
/// `pause N`, which waits for the N-th `go`.
struct Agent<'l> {
    lab: &'l Lab,
    run: Started,
    steps: u32,
}

impl<'l> Agent<'l> {
    fn begin(lab: &'l Lab, script: &str) -> Self {
        let folder = lab.broker.scratch();
        let script = format!("{}\n{script}", HELPERS.replace("FOLDER", &folder.display().to_string()));
        Agent { lab, run: lab.begin(&script), steps: 0 }
    }

    fn go(&mut self) {
        self.steps += 1;
        fs::write(step(self.lab, self.steps), "").unwrap();
    }

    fn end(self) -> Output {
        self.run.wait()
    }
}

fn step(lab: &Lab, n: u32) -> PathBuf {
    lab.broker.scratch().join(format!("go{n}"))
}

const HELPERS: &str = r#"
why() {
    printf '{"query":"%s"}' "$(printf %s "$2" | sed 's/"/\\"/g')" |
        curl -sS -w '\n%{http_code}\n' https://backboard.railway.com/graphql/v2 -H "Stint-Reason: $1" \
            -H "Authorization: Bearer $RAILWAY_API_TOKEN" -H 'content-type: application/json' --data-binary @-
}
pause() { while [ ! -e "FOLDER/go$1" ]; do sleep 0.05; done; }
"#;

fn delete() -> String {
    Lab::delete(ids::VOLUME_STAGING)
}

/// The same deed in another request.
fn delete_as(alias: &str) -> String {
    delete().replace("mutation {", &format!("mutation {{ {alias}:"))
}

/// The name that has to be typed to approve it.
const NAME: &str = "staging-cache";

fn waiting(lab: &Lab, count: usize) -> Vec<Value> {
    until("so many approvals wait", || {
        let list = lab.broker.stint(&["approval", "list", "--json"]).ok().json();
        let list = list["approvals"].as_array().unwrap().clone();
        (list.len() == count).then_some(list)
    })
}

/// Waits until so many requests were answered that they need a person, or were refused.
fn refused(lab: &Lab, count: usize) {
    until("so many requests are refused", || (lab.records("request_refused").len() >= count).then_some(()));
}

fn id(approval: &Value) -> String {
    approval["id"].as_str().unwrap().to_owned()
}

fn show(lab: &Lab, id: &str) -> Value {
    lab.broker.stint(&["approval", "show", id, "--json"]).ok().json()
}

/// With a policy of the test's own over what ships.
fn under_policy(mut options: Options, policy: &str) -> (Lab, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("own.cedar"), policy).unwrap();
    options.args.extend(["--policies".to_owned(), folder.path().display().to_string()]);
    (Lab::start(options), folder)
}
