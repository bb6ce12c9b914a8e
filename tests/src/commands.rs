//! What a test says to a broker: the command lines of both programs, and the first things that every world needs.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::binaries::{bare, binary};
use crate::broker::{Database, TestBroker};
use crate::client::{ClientCommand, Output};

impl TestBroker {
    /// Run `stint` to its end.
    pub fn stint(&self, args: &[&str]) -> Output {
        self.command(args).run()
    }

    /// Prepare a run of `stint`.
    pub fn command(&self, args: &[&str]) -> ClientCommand {
        self.command_at(&self.home(), args)
    }

    /// Prepare a run of `stint` as somebody else: with another `STINT_HOME`.
    pub fn command_at(&self, home: &Path, args: &[&str]) -> ClientCommand {
        let mut command = bare(binary("stint"));
        // A confined command writes in its working tree alone; so tests have one of their own.
        command.env("STINT_HOME", home).env("STINT_BROKER", &self.url).current_dir(self.scratch());
        ClientCommand::new(command, args, self.captured.clone())
    }

    /// `stint run` in an environment.
    pub fn run(&self, environment: &str, agent: &str, command: &[&str]) -> Output {
        let head = ["run", "--environment", environment, "--agent", agent, "--"];
        self.stint(&[&head[..], command].concat())
    }

    /// Run `stint-broker` with these arguments; `--data` is added.
    pub fn broker(&self, args: &[&str]) -> Output {
        let mut command = bare(binary("stint-broker"));
        command.args(args).arg("--data").arg(self.data());
        if let Database::Postgres(url) = &self.options.database {
            command.arg("--database").arg(url);
        }
        ClientCommand::new(command, &[], self.captured.clone()).run()
    }

    /// Prepare a run of `stint-broker` with exactly these arguments.
    pub fn broker_command(&self, args: &[&str]) -> ClientCommand {
        ClientCommand::new(bare(binary("stint-broker")), args, self.captured.clone())
    }

    /// Run `curl` outside of any session.
    pub fn curl(&self, args: &[&str]) -> Output {
        self.program("curl", args).run()
    }

    /// Prepare a run of another program, in an environment with nothing but the search path.
    pub fn program(&self, program: &str, args: &[&str]) -> ClientCommand {
        ClientCommand::new(bare(PathBuf::from(program)), args, self.captured.clone())
    }

    /// Where a program of the workspace is.
    pub fn program_path(&self, name: &str) -> String {
        binary(name).display().to_string()
    }

    /// The same where a confined command sees it too, wherever it was built.
    pub fn program_inside(&self, name: &str) -> String {
        let own = self.scratch().join("programs").join(name);
        if !own.exists() {
            fs::create_dir_all(self.scratch().join("programs")).expect("a folder for programs");
            fs::copy(binary(name), &own).expect("the program is copied");
        }
        own.display().to_string()
    }

    /// Records of a kind, newest first, as `stint audit` shows them.
    pub fn records(&self, kind: &str) -> Vec<Value> {
        let page = self.stint(&["audit", "list", "--kind", kind, "--limit", "500", "--json"]).ok().json();
        let records = page["records"].as_array().cloned().unwrap_or_default();
        records.into_iter().map(|record| record["body"].clone()).collect()
    }

    /// Use the setup token: this client becomes the first administrator.
    pub fn login(&self) {
        let token = self.data().join("setup-token");
        let token = token.to_str().expect("a path of text");
        let mut login = self.command(&["login", "--broker", &self.url, "--setup-token-file", token]);
        if let Some(person) = &self.options.person {
            login = login.env("USER", person);
        }
        login.run().ok();
    }

    pub fn add_environment(&self, name: &str, tier: &str) {
        self.stint(&["environment", "add", name, "--tier", tier]).ok();
    }

    pub fn map(&self, environment: &str, selector: &str) {
        self.stint(&["environment", "map", environment, selector]).ok();
    }

    pub fn add_agent(&self, name: &str) {
        self.stint(&["agent", "add", name]).ok();
    }

    /// Put a credential into the vault that is used at `upstream`, trusting `ca_pem` there.
    pub fn add_credential(
        &self,
        name: &str,
        provider: &str,
        upstream: &str,
        ca_pem: Option<&str>,
        secret: &str,
    ) {
        let mut args =
            vec!["credential", "add", name, "--provider", provider, "--upstream", upstream, "--unchecked"];
        let file = self.scratch().join(format!("{name}-ca.pem"));
        if let Some(pem) = ca_pem {
            fs::write(&file, pem).expect("the CA file is written");
            args.extend(["--upstream-ca", file.to_str().expect("a path of text")]);
        }
        self.command(&args).input(secret).run().ok();
    }
}
