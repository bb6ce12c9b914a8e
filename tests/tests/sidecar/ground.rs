use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use stint_standin::{Body, Echo, Fault, Handle, Inbound, Site, Standin};
use stint_tests::{ClientCommand, Lab, Options, Output, Started, until};

/// A sidecar's container and an agent's: other users, and a folder that both see.
pub(super) struct Ground {
    pub(super) lab: Lab,
    pub(super) folder: tempfile::TempDir,
    pub(super) key: PathBuf,
    pub(super) published: PathBuf,
    pub(super) port: u16,
    /// Whether the two are other users, which takes the rights of the administrator.
    pub(super) as_others: bool,
}

pub(super) const SIDECAR: &str = "65532";
const AGENT: &str = "65533";

/// GitHub's door to `/events/N` and `/bytes/N` of [`Echo`].
#[derive(Debug, Clone)]
pub(super) struct Archive(Echo);

impl Site for Archive {
    fn operations(&self, request: &Inbound) -> Vec<String> {
        self.0.operations(request)
    }

    async fn answer(&self, mut request: Inbound, faults: &[Fault]) -> http::Response<Body> {
        let path = request.parts.uri.path().to_owned();
        if let Some(rest) = path.strip_prefix("/repos/octo/hello/tarball") {
            request.parts.uri = rest.parse().unwrap();
        }
        self.0.answer(request, faults).await
    }
}

pub(super) fn with(variables: &[(&str, &str)]) -> Options {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Options { variables, ..Options::default() }
}

pub(super) fn mode(path: &Path, bits: u32) {
    fs::set_permissions(path, Permissions::from_mode(bits)).unwrap();
}

impl Ground {
    pub(super) fn lay(options: Options) -> Ground {
        let lab = Lab::start(options);
        let as_others = rustix::process::geteuid().is_root();
        let folder = tempfile::Builder::new().prefix("stint-sidecar-").tempdir_in("/var/tmp").unwrap();
        let at = |name: &str| folder.path().join(name);
        mode(folder.path(), 0o755);
        fs::copy(lab.broker.program_path("stint"), at("stint")).unwrap();
        let made = at("made.jwk").display().to_string();
        lab.broker.stint(&["agent", "add", "nightly", "--new-key", &made, "--environment", "staging"]).ok();
        for (name, bits) in [("secret", 0o700), ("published", 0o2770), ("tmp", 0o777)] {
            fs::create_dir(at(name)).unwrap();
            mode(&at(name), bits);
        }
        let key = at("secret/agent.jwk");
        fs::rename(&made, &key).unwrap();
        if as_others {
            let owner = format!("{SIDECAR}:{SIDECAR}");
            let folders = ["secret", "published"].map(|name| at(name).display().to_string());
            lab.broker.program("chown", &["-R", &owner, &folders[0], &folders[1]]).run().ok();
        }
        mode(&at("published"), 0o2770);
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Ground { key, published: at("published"), port, as_others, lab, folder }
    }

    pub(super) fn archive(&self) -> Handle<Archive> {
        let site = self.lab.block_on(Standin::loopback(Archive(Echo))).unwrap();
        let broker = &self.lab.broker;
        broker.map("staging", "github:repository/octo/hello");
        broker.add_credential("github", "github", &site.url(), site.ca_pem(), &broker.secret("github"));
        site
    }

    /// A program as one of the users, in an empty environment.
    fn as_user(&self, user: &str, group: &str, words: &[&str]) -> ClientCommand {
        let broker = &self.lab.broker;
        let prepared = match self.as_others {
            true => {
                let head = ["--reuid", user, "--regid", user, "--groups", group, "--"];
                broker.program("setpriv", &[&head[..], words].concat())
            }
            false => broker.program(words[0], &words[1..]),
        };
        prepared.current_dir(&self.folder.path().join("tmp"))
    }

    /// `stint sidecar` in the sidecar's container.
    pub(super) fn sidecar(&self, arguments: &[&str]) -> ClientCommand {
        let own = self.folder.path().join("stint").display().to_string();
        self.as_user(SIDECAR, SIDECAR, &[&[own.as_str(), "sidecar"], arguments].concat())
            .env("STINT_BROKER", &self.lab.broker.url)
            .env("STINT_HOME", "/nonexistent")
    }

    pub(super) fn check(&self) -> Output {
        self.sidecar(&["--check", "--port", &self.port.to_string()]).run()
    }

    /// A sidecar that is ready.
    pub(super) fn start(&self, more: &[&str]) -> Started {
        let port = self.port.to_string();
        let (key, published) = (self.key.display().to_string(), self.published.display().to_string());
        let usual =
            ["--environment", "staging", "--agent-key", &key, "--publish", &published, "--port", &port];
        self.until_ready(self.sidecar(&[&usual[..], more].concat()).start())
    }

    pub(super) fn until_ready(&self, mut sidecar: Started) -> Started {
        until("the sidecar is ready or has ended", || {
            (self.check().code == 0 || !sidecar.is_running()).then_some(())
        });
        if !sidecar.is_running() {
            let out = sidecar.wait();
            panic!("the sidecar has ended: {}", out.stderr);
        }
        // For what happens after it was taken back.
        let kept = self.folder.path().join("tmp/kept-env");
        fs::copy(self.published.join("env"), &kept).unwrap();
        mode(&kept, 0o644);
        sidecar
    }

    /// A script in the agent's container, which has read what is published.
    pub(super) fn agent(&self, script: &str) -> Output {
        self.agent_with(". ./kept-env", script)
    }

    pub(super) fn agent_with(&self, first: &str, script: &str) -> Output {
        self.user(AGENT, SIDECAR, &format!("{first}; {script}"))
    }

    pub(super) fn start_agent(&self, script: &str) -> Started {
        let script = format!(". {}/env; exec {script}", self.published.display());
        self.as_user(AGENT, SIDECAR, &["sh", "-c", &script]).start()
    }

    pub(super) fn user(&self, user: &str, group: &str, script: &str) -> Output {
        self.as_user(user, group, &["sh", "-c", script]).run()
    }

    /// A command of a shell that asks the provider for a GraphQL document and prints answer and status.
    pub(super) fn ask(&self) -> String {
        let ask = self.folder.path().join("tmp/ask");
        let text = "#!/bin/sh\nprintf '{\"query\":\"%s\"}' \"$1\" | curl -sS -w '\\n%{http_code}\\n' \
                    https://backboard.railway.com/graphql/v2 -H \"Authorization: Bearer $RAILWAY_API_TOKEN\" \
                    -H 'content-type: application/json' --data-binary @-\n";
        fs::write(&ask, text).unwrap();
        mode(&ask, 0o755);
        "./ask".to_owned()
    }

    /// Why the only session has ended, as soon as it has.
    pub(super) fn why_ended(&self) -> String {
        let list = || self.lab.broker.stint(&["session", "list", "--all", "--json"]).ok().json();
        until("the session has ended", || list()["sessions"][0]["end_reason"].as_str().map(str::to_owned))
    }
}
