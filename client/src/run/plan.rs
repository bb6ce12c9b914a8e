use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;

use serde::Serialize;
use stint_api::StartedSession;

use super::environment::{BUNDLE, JAVA, LOOPBACK, NO_PROXY, PROXY, SWITCHES, UNSET, leads_out, runs_code};
use super::git;
use super::shape::looks_like_a_credential;
use super::truststore::FILE as TRUSTSTORE;

/// What a command will inherit, decided before anything happens.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    pub session: String,
    pub environment: String,
    pub agent: String,
    pub confined: bool,
    /// By name.
    pub set: Vec<Set>,
    pub unset: Vec<Left>,
    /// What looks like a credential, or runs code in every program, and is not handed on. Names only, never values.
    pub dropped: Vec<Left>,
    /// What would have been dropped, and was asked for by `--keep`.
    pub kept: Vec<String>,
    #[serde(skip)]
    inherited: Vec<(OsString, OsString)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Set {
    pub name: String,
    pub value: String,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    pub name: String,
    pub reason: String,
}

#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    pub started: &'a StartedSession,
    /// With its secret; in a dry run, a word in its place.
    pub proxy_url: &'a str,
    /// File of the system's roots and the session's CA.
    pub bundle: &'a Path,
    /// Variables that are handed on although they look like credentials.
    pub keep: &'a [String],
    /// Whether what lies outside the namespaces is out of reach.
    pub confined: bool,
}

impl Plan {
    pub fn make(inherited: &[(OsString, OsString)], inputs: &Inputs<'_>) -> Plan {
        let set = settings(inherited, inputs);
        let mut plan = Plan {
            session: inputs.started.session.id.clone(),
            environment: inputs.started.session.environment.clone(),
            agent: inputs.started.session.agent.clone(),
            confined: inputs.confined,
            set: Vec::new(),
            unset: Vec::new(),
            dropped: Vec::new(),
            kept: Vec::new(),
            inherited: Vec::new(),
        };
        let scrub: BTreeSet<&str> = inputs.started.scrub.iter().map(String::as_str).collect();
        for (name, value) in inherited {
            let text = name.to_string_lossy();
            let reason = match () {
                () if scrub.contains(&*text) => Some("a provider's tools read a credential from it"),
                () if runs_code(&text) && !value.is_empty() => Some("it runs code in what reads it"),
                () => looks_like_a_credential(&text, &value.to_string_lossy()),
            };
            let replaced = set.get(&*text);
            let left = |reason: &str| Left { name: text.to_string(), reason: reason.to_owned() };
            match (reason, replaced) {
                (Some(_), None) if inputs.keep.iter().any(|keep| *keep == *text) => {
                    plan.kept.push(text.to_string());
                    plan.inherited.push((name.clone(), value.clone()));
                }
                // Proxy variables often carry a password; that they are replaced is no news.
                (Some(_), Some(_)) if PROXY.contains(&&*text) => {}
                (Some(_), Some(_)) if runs_code(&text) => {
                    plan.dropped.push(left("replaced by the session's own"))
                }
                (Some(_), Some(_)) => plan.dropped.push(left("replaced by a placeholder")),
                (Some(reason), None) => plan.dropped.push(left(reason)),
                (None, Some(_)) => {}
                (None, None)
                    if inputs.confined
                        && leads_out(&text)
                        && !inputs.keep.iter().any(|keep| *keep == *text) =>
                {
                    plan.unset.push(left("it leads to what a confined command cannot reach"));
                }
                (None, None) => match UNSET.iter().find(|(unset, _)| *unset == text) {
                    Some((_, reason)) => plan.unset.push(left(reason)),
                    None => plan.inherited.push((name.clone(), value.clone())),
                },
            }
        }
        plan.set = set.into_values().collect();
        plan.dropped.sort_by(|a, b| a.name.cmp(&b.name));
        plan
    }

    /// The whole environment of the command: what was inherited and kept, and what is set.
    pub fn environment(&self) -> Vec<(OsString, OsString)> {
        let set = self.set.iter().map(|set| (OsString::from(&set.name), OsString::from(&set.value)));
        self.inherited.iter().cloned().chain(set).collect()
    }
}

fn settings(inherited: &[(OsString, OsString)], inputs: &Inputs<'_>) -> BTreeMap<String, Set> {
    let mut all = BTreeMap::new();
    let mut set = |name: &str, value: &str, reason: String| {
        all.insert(name.to_owned(), Set { name: name.to_owned(), value: value.to_owned(), reason });
    };
    for name in PROXY {
        set(name, inputs.proxy_url, "leads to the sidecar".to_owned());
    }
    let no_proxy = no_proxy(inherited);
    for name in NO_PROXY {
        set(name, &no_proxy, "this machine alone is reached directly".to_owned());
    }
    let bundle = inputs.bundle.to_string_lossy();
    for name in BUNDLE {
        set(name, &bundle, "trusts the system's roots and the session's CA".to_owned());
    }
    for (name, value, reason) in SWITCHES {
        set(name, value, reason.to_owned());
    }
    let reason = "makes Java trust the system's roots and the session's CA".to_owned();
    set(JAVA, &java_options(&inputs.bundle.with_file_name(TRUSTSTORE)), reason);
    let session = &inputs.started.session;
    set("STINT_SESSION", &session.id, "names the session".to_owned());
    set("STINT_ENVIRONMENT", &session.environment, "names the environment".to_owned());
    set("STINT_AGENT", &session.agent, "names the agent".to_owned());
    for credential in &inputs.started.credentials {
        for variable in &credential.variables {
            set(&variable.name, &variable.value, format!("placeholder for {}", credential.name));
        }
    }
    let git = git::settings(inherited, &inputs.started.credentials);
    if !git.is_empty() {
        for (name, value, reason) in git::SWITCHES {
            set(name, value, reason.to_owned());
        }
    }
    for (name, value) in git {
        set(&name, &value, "leads git to the sidecar, with a placeholder".to_owned());
    }
    all
}

/// A path with spaces stands in quotes there.
fn java_options(truststore: &Path) -> String {
    let file = truststore.to_string_lossy();
    let quote = if file.contains(char::is_whitespace) { "\"" } else { "" };
    format!("{quote}-Djavax.net.ssl.trustStore={file}{quote} -Djavax.net.ssl.trustStoreType=JKS")
}

/// Loopback, and of what was there only other names of loopback.
fn no_proxy(inherited: &[(OsString, OsString)]) -> String {
    let mut entries: Vec<String> = LOOPBACK.iter().map(|entry| (*entry).to_owned()).collect();
    let existing = inherited.iter().filter(|(name, _)| NO_PROXY.iter().any(|known| name == known));
    for value in existing.map(|(_, value)| value.to_string_lossy()) {
        for entry in value.split([',', ' ']).map(str::trim).filter(|entry| is_loopback(entry)) {
            if !entries.iter().any(|known| known == entry) {
                entries.push(entry.to_owned());
            }
        }
    }
    entries.join(",")
}

fn is_loopback(entry: &str) -> bool {
    let host = entry.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host == "127.0.0.0/8"
        || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests;
