//! What a refusal says beside why: what the session may do instead, in the form that whoever asks can read.

use stint_api::Class;

use super::seen::asker_of;
use super::{App, LiveCredential, LiveSession};
use crate::catalog::{Asked, Reply};
use crate::model::{Touch, Where};
use crate::policy::decided;

impl App {
    /// How a refusal is told to the program that sent this. Before the credential is known, the host says which provider.
    pub fn reply(&self, credential: Option<&LiveCredential>, asked: &Asked<'_>) -> Reply {
        let packs = self.packs();
        let pack = match credential {
            Some(credential) => packs.catalog.pack(&credential.row.provider),
            None => packs.catalog.by_host(asked.host),
        };
        let first = pack.and_then(|pack| pack.manifest.hosts.first()).map(String::as_str);
        // A request that names no host goes to the pack's first one.
        let host = if asked.host.is_empty() { first.unwrap_or_default() } else { asked.host };
        packs.catalog.reply(pack, &Asked { host, ..*asked })
    }

    /// What policy lets the session do at this provider in its own environment, by class. What policies say of single
    /// operations or things comes on top of it.
    pub fn instead(&self, session: &LiveSession, credential: &LiveCredential) -> String {
        let row = &session.row;
        let asker = asker_of(row.clone());
        let provider = &credential.row.provider;
        let policies = self.0.policy.load();
        let (mut free, mut asked) = (Vec::new(), Vec::new());
        for class in [Class::Read, Class::Reveal, Class::Write, Class::Grant, Class::Destroy] {
            let touch = Touch {
                operation: format!("{provider}:"),
                provider: provider.clone(),
                class,
                marks: std::collections::BTreeSet::new(),
                resource: None,
                name: None,
                place: Where::Environment { name: row.environment.clone(), tier: row.tier },
                consequences: Vec::new(),
            };
            match decided(&policies, &asker, &credential.row.name, &[touch]).0 {
                "allow" => free.push(class.as_str()),
                "approval" => asked.push(class.as_str()),
                _ => {}
            }
        }
        words(provider, row.environment.as_str(), &free, &asked)
    }
}

fn words(provider: &str, environment: &str, free: &[&str], asked: &[&str]) -> String {
    let list = |classes: &[&str]| match classes {
        [] => None,
        [one] => Some((*one).to_owned()),
        [first @ .., last] => Some(format!("{} and {last}", first.join(", "))),
    };
    let place = format!("{provider} in {environment}");
    match (list(free), list(asked)) {
        (None, None) => format!("nothing at {place}"),
        (Some(free), None) => format!("{free} at {place}"),
        (None, Some(asked)) => format!("{asked} at {place}, each with a person's approval"),
        (Some(free), Some(asked)) => format!("{free} at {place}; with a person's approval also {asked}"),
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn classes_are_said_as_a_person_would() {
        for (free, asked, said) in [
            (&[][..], &[][..], "nothing at github in staging"),
            (&["read"], &[], "read at github in staging"),
            (&[], &["read", "write"], "read and write at github in staging, each with a person's approval"),
            (
                &["read", "reveal", "write"],
                &["destroy"],
                "read, reveal and write at github in staging; with a person's approval also destroy",
            ),
        ] {
            assert_eq!(words("github", "staging", free, asked), said);
        }
    }
}
