use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use stint_standin::railway::{Viewer, ids};
use stint_standin::{Handle, Log, Railway, Standin};
use tokio::runtime::Runtime;

use super::row::folder;
use super::site::Anything;
use crate::broker::{Options, TestBroker};
use crate::git::GitHost;
use crate::lab::runtime;

/// A broker before stand-ins of every provider that a row of the matrix asks.
#[derive(Debug)]
pub struct Desk {
    pub broker: TestBroker,
    pub any: Handle<Anything>,
    pub github: Handle<GitHost>,
    pub railway: Handle<Railway>,
    /// Where the installer has put what the rows need.
    pub installed: PathBuf,
    runtime: Runtime,
}

/// Provider, which is the name of its credential too, and what the environment owns of it.
const PROVIDERS: [(&str, &[&str]); 14] = [
    ("anthropic", &["workspace/anthropic"]),
    ("cloudflare", &["zone/023e105f4ecef8ad9ca31a8372d0c353", "account/023e105f4ecef8ad9ca31a8372d0c300"]),
    ("cluster", &["volume/v1"]),
    ("digitalocean", &["team/digitalocean"]),
    ("fly", &["app/web"]),
    ("gcp", &["bucket/atlas-sandbox"]),
    ("kubernetes", &["namespace/kubernetes/staging"]),
    ("openai", &["project/openai"]),
    ("registry", &["site/registry"]),
    ("render", &["account/render"]),
    ("slack", &["workspace/slack"]),
    ("stripe", &["account/stripe"]),
    ("supabase", &["project/abcdefghijklmnopqrst"]),
    ("vercel", &["account/vercel"]),
];

impl Desk {
    /// `installed` is the folder that `tests/clients/install` fills.
    pub fn start(installed: &Path) -> Self {
        Self::allowing(installed, &BTreeSet::new())
    }

    /// The same, where sessions reach these hosts too, which no provider owns.
    pub fn allowing(installed: &Path, hosts: &BTreeSet<String>) -> Self {
        let runtime = runtime();
        let any = runtime.block_on(Standin::loopback(Anything)).expect("the stand-in starts");
        let github = runtime.block_on(Standin::loopback(GitHost::seeded())).expect("the stand-in starts");
        let railway = runtime.block_on(Standin::loopback(Railway::seeded())).expect("the stand-in starts");
        let packs = folder().join("packs").display().to_string();
        let hosts = hosts.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        let mut variables = vec![("APPROVAL_HOLD", "100ms"), ("PACKS", packs.as_str())];
        variables.extend((!hosts.is_empty()).then_some(("EGRESS_HOSTS", hosts.as_str())));
        let named = |(name, value): (&str, &str)| (format!("STINT_BROKER_{name}"), value.to_owned());
        let variables = variables.into_iter().map(named).collect();
        let broker = TestBroker::start(Options { variables, ..Options::default() });
        let desk = Desk { broker, any, github, railway, installed: installed.to_path_buf(), runtime };
        desk.furnish();
        desk
    }

    fn furnish(&self) {
        let broker = &self.broker;
        broker.login();
        broker.add_environment("staging", "staging");
        for (provider, owned) in PROVIDERS {
            let secret = broker.secret(provider);
            broker.add_credential(provider, provider, &self.any.url(), self.any.ca_pem(), &secret);
            for selector in owned {
                // What stands behind all of them owns nothing that it could be asked for.
                let selector = format!("{provider}:{selector}");
                broker.stint(&["environment", "map", "staging", &selector, "--unchecked"]).ok();
            }
        }
        let secret = broker.secret("github");
        self.github.site.api.world().admit(&secret, "robin");
        broker.add_credential("github", "github", &self.github.url(), self.github.ca_pem(), &secret);
        broker.map("staging", "github:repository/atlas/sandbox");
        let secret = broker.secret("railway");
        self.railway.site.world().admit(&secret, Viewer::Account { user: ids::USER.to_owned() });
        broker.add_credential("railway", "railway", &self.railway.url(), self.railway.ca_pem(), &secret);
        broker.map("staging", &format!("railway:environment/{}", ids::STAGING));
        broker.add_agent("coder");
        self.lay_programs();
    }

    /// The little programs, where a confined command may write beside them and Node finds its modules.
    fn lay_programs(&self) {
        let scratch = self.broker.scratch();
        for entry in fs::read_dir(folder().join("programs")).expect("the programs are there").flatten() {
            fs::copy(entry.path(), scratch.join(entry.file_name())).expect("a program is copied");
        }
        let modules = self.installed.join("node/node_modules");
        if modules.is_dir() {
            symlink(modules, scratch.join("node_modules")).expect("a link can be made");
        }
    }

    pub(super) fn logs(&self) -> [&Log; 3] {
        [&self.any.log, &self.github.log, &self.railway.log]
    }

    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }
}
