//! How strong an operation is, from its method and its words. Conservative: what is not plainly a read is at least
//! `write`, every word that speaks of removing, opening or showing counts wherever it stands, and nothing but a person's
//! override makes an operation weaker.

use super::description::{Described, Style};
use super::words::{self, DESTROY, FLAGS, GRANT, READ_VERBS, REVEAL};
use crate::model::{Class, Mark};

/// What the rules say of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub class: Class,
    pub marks: Vec<Mark>,
    /// Members of the body that make it stronger when they are there.
    pub members: Vec<String>,
    /// Query parameters that make it stronger when they are there.
    pub query: Vec<String>,
}

/// Judges one operation.
pub fn judge(one: &Described) -> Judged {
    let class = match one.style {
        Style::Rest => rest(one),
        Style::Action => action(one),
    };
    let flags = |names: &[String]| -> Vec<String> {
        let mut found: Vec<String> =
            names.iter().filter(|name| words::any(&words::split(name), FLAGS)).cloned().collect();
        found.sort();
        found.dedup();
        found
    };
    let (members, query) = match class {
        Class::Write | Class::Grant => (flags(&one.members), flags(&one.query)),
        _ => (Vec::new(), Vec::new()),
    };
    Judged { class, marks: marks(one), members, query }
}

fn rest(one: &Described) -> Class {
    let name = words::split(bare(one));
    let literals = literals(&one.path);
    let mut all: Vec<String> = literals.iter().flat_map(|part| words::split(part)).collect();
    let last: Vec<String> = literals.last().map(|part| words::split(part)).unwrap_or_default();
    match one.method.as_str() {
        "GET" | "HEAD" | "OPTIONS" => {
            // A word of doing counts in a read only where it is the name's verb or the path's end.
            let verb = |list: &[String]| list.iter().any(|word| DOING.contains(&word.as_str()));
            if verb(&last) || verb(&name) {
                return Class::Destroy;
            }
            all.extend(name);
            if words::any(&all, REVEAL) || one.gives.iter().any(|name| words::gives_secret(name)) {
                return Class::Reveal;
            }
            Class::Read
        }
        "DELETE" => Class::Destroy,
        _ => {
            all.extend(name);
            changing(&all, one)
        }
    }
}

/// Verbs that are no nouns: a GET whose name has one does not only read.
const DOING: &[&str] = &[
    "attach",
    "cancel",
    "deauthorize",
    "delete",
    "destroy",
    "detach",
    "disable",
    "drop",
    "erase",
    "exec",
    "execute",
    "flush",
    "kill",
    "portforward",
    "proxy",
    "purge",
    "reboot",
    "remove",
    "reset",
    "restart",
    "revoke",
    "rollback",
    "shutdown",
    "stop",
    "suspend",
    "terminate",
    "truncate",
    "uninstall",
    "unlink",
    "wipe",
];

fn changing(all: &[String], one: &Described) -> Class {
    if words::any(all, DESTROY) || all.iter().any(|word| word == "query") {
        return Class::Destroy;
    }
    if words::any(all, GRANT) || one.gives.iter().any(|name| words::gives_secret(name)) {
        return Class::Grant;
    }
    Class::Write
}

/// The name of a service is no deed: `sql.instances.list`, `s3.GetObject`.
fn bare(one: &Described) -> &str {
    one.id
        .strip_prefix(&one.service)
        .and_then(|rest| rest.strip_prefix('.'))
        .filter(|_| !one.service.is_empty())
        .unwrap_or(&one.id)
}

fn action(one: &Described) -> Class {
    let name = words::split(bare(one));
    let (verb, rest) = match name.split_first() {
        Some((verb, rest)) if verb == "batch" => match rest.split_first() {
            Some((verb, rest)) => (verb.as_str(), rest),
            None => ("batch", rest),
        },
        Some((verb, rest)) => (verb.as_str(), rest),
        None => ("", &[][..]),
    };
    let last = name.last().map(String::as_str).unwrap_or_default();
    // `conversations.list`: the verb is at the end where names are made so.
    let reads = READ_VERBS.contains(&verb) || (bare(one).contains('.') && READ_VERBS.contains(&last));
    if !reads {
        return changing(&name, one);
    }
    if words::any(rest, &["statement", "sql", "command"]) || (verb == "test" && one.method != "GET") {
        return changing(&name, one).max(Class::Write);
    }
    if words::any(&name, REVEAL) || one.gives.iter().any(|name| words::gives_secret(name)) {
        return Class::Reveal;
    }
    Class::Read
}

/// Backups are a protected class: what speaks of them is marked, where it destroys by the rules or by a person's choice.
fn marks(one: &Described) -> Vec<Mark> {
    let mut all: Vec<String> = literals(&one.path).iter().flat_map(|part| words::split(part)).collect();
    all.extend(words::split(bare(one)));
    let speaks = words::any(
        &all,
        &[
            "backup",
            "snapshot",
            "pitr",
            "recovery_point",
            "restore_point",
            "retention",
            "deletion_protection",
        ],
    );
    if speaks { vec![Mark::Backup] } else { Vec::new() }
}

fn literals(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty() && !part.starts_with('{')).collect()
}
