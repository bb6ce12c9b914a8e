use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use stint_standin::railway::{Viewer, ids};
use stint_standin::{Handle, Railway, Standin};
use tokio::runtime::{Builder, Runtime};

use crate::broker::{Database, Options, TestBroker};
use crate::client::{ClientCommand, Output, Started};
use crate::wire::Answer;

/// A broker before a stand-in of the provider of the incident: its two environments are mapped, its account's credential
/// is in the vault under `railway`, and the agent `coder` is registered.
///
/// The stand-in also accepts [`ids::ACCOUNT_TOKEN`], which the broker does not know: the token that was found in a file.
#[derive(Debug)]
pub struct Lab {
    pub broker: TestBroker,
    pub railway: Handle<Railway>,
    /// What the vault holds, and nobody may see.
    pub secret: String,
    runtime: Runtime,
}

impl Lab {
    pub fn start(options: Options) -> Self {
        let lab = Lab::unfurnished(options);
        lab.furnish();
        lab
    }

    /// The same before anybody set anything up: a broker that nobody has signed in to.
    pub fn unfurnished(options: Options) -> Self {
        let runtime = runtime();
        let railway = runtime.block_on(Standin::loopback(Railway::seeded())).expect("the stand-in starts");
        let broker = TestBroker::start(options);
        let secret = broker.secret("railway");
        railway.site.world().admit(&secret, Viewer::Account { user: ids::USER.to_owned() });
        Lab { broker, railway, secret, runtime }
    }

    fn furnish(&self) {
        let broker = &self.broker;
        broker.login();
        broker.add_environment("staging", "staging");
        broker.add_environment("production", "production");
        broker.map("staging", &format!("railway:environment/{}", ids::STAGING));
        broker.map("production", &format!("railway:environment/{}", ids::PRODUCTION));
        broker.add_credential("railway", "railway", &self.railway.url(), self.railway.ca_pem(), &self.secret);
        broker.add_agent("coder");
    }

    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// `stint run` of a command in staging.
    pub fn run(&self, command: &[&str]) -> Output {
        self.broker.run("staging", "coder", command)
    }

    /// A shell script in a session of staging; it calls `ask DOCUMENT` to ask the provider with the placeholder, and
    /// prints what comes back.
    pub fn script(&self, script: &str) -> Output {
        self.scripted(script).run()
    }

    /// The same, running beside the test.
    pub fn begin(&self, script: &str) -> Started {
        self.scripted(script).start()
    }

    /// The same in another environment, by another agent. `REASON` holds what it says for itself, and `WHY=$REASON` says it from then on.
    pub fn begin_as(&self, environment: &str, agent: &str, why: &str, script: &str) -> Started {
        self.scripted_as(environment, agent, script).env("REASON", why).start()
    }

    fn scripted(&self, script: &str) -> ClientCommand {
        self.scripted_as("staging", "coder", script)
    }

    fn scripted_as(&self, environment: &str, agent: &str, script: &str) -> ClientCommand {
        let script = format!("{ASK}\n{script}");
        let head = ["run", "--environment", environment, "--agent", agent, "--", "sh", "-c", &script];
        self.broker.command(&head)
    }

    /// One GraphQL document by `curl` in a session of staging: status and body.
    pub fn ask(&self, document: &str) -> Reply {
        self.broker.command(&ask_args()).input(json!({ "query": document }).to_string()).run().reply()
    }

    /// Records of a kind, newest first, as `stint audit` shows them.
    pub fn records(&self, kind: &str) -> Vec<Value> {
        self.broker.records(kind)
    }

    /// Headers that `stint token` makes for one request to the gateway.
    pub fn headers(&self, method: &str, path: &str) -> Vec<String> {
        let out = self.broker.stint(&[
            "token",
            "--environment",
            "staging",
            "--agent",
            "coder",
            "--credential",
            "railway",
            "--headers",
            method,
            path,
        ]);
        out.ok().stdout.lines().map(str::to_owned).collect()
    }

    /// One request to the gateway with these headers, by plain `curl`.
    pub fn gateway(&self, method: &str, path: &str, headers: &[String], body: &str) -> Answer {
        let url = format!("{}/gateway/railway{path}", self.broker.url);
        let mut args = vec!["-sS", "-i", "--http1.1", "-X", method, "-H", "content-type: application/json"];
        for line in headers {
            args.extend(["-H", line.as_str()]);
        }
        args.extend(["--data-binary", body, &url]);
        self.broker.curl(&args).answer()
    }

    /// The one approval that waits, as soon as there is one.
    pub fn waiting(&self) -> Value {
        let list = || self.broker.stint(&["approval", "list", "--json"]).ok().json();
        until("an approval waits", || list()["approvals"].get(0).cloned())
    }

    /// Statements run on the database as somebody who got hold of it.
    pub fn sql(&self, statements: &str) {
        Lab::sql_on(&self.broker, statements);
    }

    /// The same on a broker without a lab around it.
    pub fn sql_on(broker: &TestBroker, statements: &str) {
        let statements = sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned()));
        runtime().block_on(async {
            match &broker.options.database {
                Database::Sqlite => {
                    let options = SqliteConnectOptions::new().filename(broker.data().join("stint.db"));
                    let mut connection = options.connect().await.expect("the database opens");
                    statements.execute(&mut connection).await.expect("the statements are good");
                    connection.close().await.expect("the database closes");
                }
                Database::Postgres(url) => {
                    let mut connection = PgConnection::connect(url).await.expect("the database opens");
                    statements.execute(&mut connection).await.expect("the statements are good");
                }
            }
        });
    }

    /// A mutation that deletes a volume.
    pub fn delete(volume: &str) -> String {
        format!("mutation {{ volumeDelete(volumeId: \"{volume}\") }}")
    }

    /// A mutation that removes a deployment of staging: it cannot be put back, and takes no backups with it, so one
    /// person's yes is enough.
    pub fn remove_deployment() -> String {
        format!("mutation {{ deploymentRemove(id: \"{}\") }}", ids::DEPLOYMENT_STAGING)
    }

    pub fn has_deployment(&self) -> bool {
        self.railway.site.world().exists("Deployment", ids::DEPLOYMENT_STAGING)
    }

    pub fn has_volume(&self, id: &str) -> bool {
        self.railway.site.world().volume(id).is_some()
    }
}

/// An answer as a command in a session saw it.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
    pub text: String,
}

impl Reply {
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> &Self {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.text);
        self
    }

    #[track_caller]
    pub fn done(&self) -> &Self {
        assert_eq!(self.status, 200, "{}", self.text);
        assert!(self.body["errors"].is_null(), "{}", self.text);
        self
    }
}

impl Output {
    /// A body and, in a line of its own after it, the status: what `ask` prints.
    #[track_caller]
    pub fn reply(&self) -> Reply {
        let text = self.stdout.trim_end();
        let (text, status) = text.rsplit_once('\n').unwrap_or(("", text));
        let status = status
            .parse()
            .unwrap_or_else(|_| panic!("{}: no status came back\n{}{}", self.line, self.stdout, self.stderr));
        Reply { status, body: serde_json::from_str(text).unwrap_or_default(), text: text.to_owned() }
    }

    /// The replies of a script that asked several times.
    #[track_caller]
    pub fn replies(&self) -> Vec<Reply> {
        let mut replies = Vec::new();
        let mut text = String::new();
        for line in self.stdout.lines() {
            text.push_str(line);
            text.push('\n');
            if line.len() == 3 && line.bytes().all(|byte| byte.is_ascii_digit()) {
                let one = Output { stdout: std::mem::take(&mut text), ..self.clone() };
                replies.push(one.reply());
            }
        }
        replies
    }
}

/// Waits for what another process does; fails after twenty seconds.
#[track_caller]
pub fn until<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(value) = check() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited for twenty seconds until {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

const ASK: &str = r#"
ask() {
    printf '{"query":"%s"}' "$(printf %s "$1" | sed 's/"/\\"/g')" |
        curl -sS -w '\n%{http_code}\n' https://backboard.railway.com/graphql/v2 \
            -H "Authorization: Bearer $RAILWAY_API_TOKEN" -H 'content-type: application/json' ${WHY:+-H "stint-reason: $WHY"} --data-binary @-
}
"#;

/// What is on standard input goes to the provider, with the session's placeholder.
fn ask_args() -> [&'static str; 9] {
    const CURL: &str = r#"exec curl -sS -w '\n%{http_code}\n' https://backboard.railway.com/graphql/v2 -H "Authorization: Bearer $RAILWAY_API_TOKEN" -H 'content-type: application/json' --data-binary @- "$@""#;
    ["run", "--environment", "staging", "--agent", "coder", "--", "sh", "-c", CURL]
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime starts")
}
