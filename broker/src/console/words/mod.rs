//! Operations in plain words, from their names in the packs and nothing else: no provider's or agent's prose.

use stint_api::Class;

/// How a verb in the name of an operation is said.
const VERBS: &[(&str, &str)] = &[
    ("accept", "Accept"),
    ("add", "Add"),
    ("apply", "Apply"),
    ("approve", "Approve"),
    ("archive", "Archive"),
    ("attach", "Attach"),
    ("block", "Block"),
    ("cancel", "Cancel"),
    ("check", "Check"),
    ("claim", "Claim"),
    ("clear", "Clear"),
    ("clone", "Copy"),
    ("close", "Close"),
    ("commit", "Commit"),
    ("connect", "Connect"),
    ("convert", "Convert"),
    ("create", "Create"),
    ("delete", "Delete"),
    ("deploy", "Deploy"),
    ("detach", "Detach"),
    ("disable", "Switch off"),
    ("discard", "Discard"),
    ("disconnect", "Disconnect"),
    ("dismiss", "Dismiss"),
    ("dispatch", "Start"),
    ("download", "Download"),
    ("duplicate", "Copy"),
    ("edit", "Change"),
    ("enable", "Switch on"),
    ("export", "Export"),
    ("fork", "Fork"),
    ("generate", "Generate"),
    ("get", "Read"),
    ("import", "Import"),
    ("invite", "Invite"),
    ("join", "Join"),
    ("leave", "Leave"),
    ("list", "List"),
    ("lock", "Lock"),
    ("mark", "Mark"),
    ("merge", "Merge"),
    ("move", "Move"),
    ("override", "Override"),
    ("publish", "Publish"),
    ("purge", "Purge"),
    ("redeploy", "Deploy again"),
    ("redeliver", "Deliver again"),
    ("regenerate", "Make anew"),
    ("remove", "Remove"),
    ("rename", "Rename"),
    ("replace", "Replace"),
    ("request", "Request"),
    ("rerun", "Run again"),
    ("reset", "Reset"),
    ("resize", "Resize"),
    ("restart", "Restart"),
    ("restore", "Restore"),
    ("resume", "Resume"),
    ("revoke", "Revoke"),
    ("rollback", "Roll back"),
    ("rotate", "Rotate"),
    ("run", "Run"),
    ("save", "Save"),
    ("scale", "Scale"),
    ("schedule", "Schedule"),
    ("send", "Send"),
    ("set", "Set"),
    ("sleep", "Put to sleep"),
    ("start", "Start"),
    ("stop", "Stop"),
    ("submit", "Submit"),
    ("suspend", "Suspend"),
    ("sync", "Synchronise"),
    ("transfer", "Hand over"),
    ("trigger", "Start"),
    ("unblock", "Unblock"),
    ("unlock", "Unlock"),
    ("update", "Change"),
    ("upgrade", "Upgrade"),
    ("upload", "Upload"),
    ("upsert", "Set"),
    ("verify", "Verify"),
    ("wipe", "Wipe"),
];

/// Verbs after which there is a thing that was not there before.
const MAKERS: [&str; 4] = ["Create", "Add", "Generate", "Start"];

/// Short forms in names, and what they are short for.
const NOUNS: &[(&str, &str)] = &[
    ("org", "organization"),
    ("orgs", "organization"),
    ("pr", "pull request"),
    ("pulls", "pull request"),
    ("repo", "repository"),
    ("repos", "repository"),
];

/// `railway:volumeDelete` is "Delete the volume", `github:repos/delete` "Delete the repository". `class` is that of the
/// operation, where it is known: it says what is done where the name does not.
pub(crate) fn deed(operation: &str, class: Option<Class>) -> String {
    let name = operation.split_once(':').map_or(operation, |(_, name)| name);
    let said = match name.split_once('/') {
        Some((category, rest)) => rest_deed(category, rest),
        None => field_deed(name),
    };
    said.unwrap_or_else(|| {
        let verb = match class {
            Some(Class::Read) => "Read",
            Some(Class::Reveal) => "Reveal",
            _ => "Run",
        };
        format!("{verb} {}", words(name).join(" "))
    })
}

/// `issues/create-comment`: a category, then verb and noun.
fn rest_deed(category: &str, rest: &str) -> Option<String> {
    let words: Vec<&str> = rest.split(['-', '/']).filter(|word| !word.is_empty()).collect();
    let (first, noun) = words.split_first()?;
    let verb = verb(first)?;
    let links = ["for", "in", "to", "from", "of", "by", "with", "on"];
    let own = noun.first().is_none_or(|word| links.contains(word));
    let mut all = Vec::new();
    if own {
        all.push(singular(category));
    }
    all.extend(noun.iter().map(|word| full(word)));
    Some(sentence(verb, &all.join(" ")))
}

/// `volumeInstanceBackupCreate`: nouns and, mostly at the end, the verb.
fn field_deed(name: &str) -> Option<String> {
    let words = words(name);
    let at = match (words.last(), words.first()) {
        (Some(last), _) if verb(last).is_some() => words.len() - 1,
        (_, Some(first)) if verb(first).is_some() => 0,
        _ => words.iter().rposition(|word| verb(word).is_some())?,
    };
    let said = verb(words.get(at)?)?;
    let full = |words: &[String]| words.iter().map(|word| full(word)).collect::<Vec<_>>().join(" ");
    let before = full(words.get(..at).unwrap_or_default());
    let after = full(words.get(at + 1..).unwrap_or_default());
    match (before.is_empty(), after.is_empty()) {
        (true, true) => None,
        (true, false) => Some(sentence(said, &after)),
        (false, true) => Some(sentence(said, &before)),
        (false, false) => Some(format!("{} ({after})", sentence(said, &before))),
    }
}

/// A name as words: `BackupCount` is "backup count".
pub(super) fn apart(name: &str) -> String {
    words(name).join(" ")
}

fn sentence(verb: &str, noun: &str) -> String {
    let article = match (MAKERS.contains(&verb), noun.starts_with(['a', 'e', 'i', 'o'])) {
        (false, _) => "the",
        (true, true) => "an",
        (true, false) if noun.ends_with('s') => return format!("{verb} {noun}"),
        (true, false) => "a",
    };
    format!("{verb} {article} {noun}")
}

fn verb(word: &str) -> Option<&'static str> {
    VERBS.iter().find(|(name, _)| *name == word).map(|(_, said)| *said)
}

fn full(word: &str) -> String {
    NOUNS.iter().find(|(name, _)| *name == word).map_or(word, |(_, said)| said).to_owned()
}

fn singular(word: &str) -> String {
    match NOUNS.iter().find(|(name, _)| *name == word) {
        Some((_, said)) => (*said).to_owned(),
        None => word.strip_suffix('s').filter(|stem| !stem.ends_with('s')).unwrap_or(word).replace('-', " "),
    }
}

/// The words of a name in whatever case, without a version at its end.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    for c in name.chars() {
        if matches!(c, '/' | '-' | '_' | '.') {
            open = false;
        } else if !open || c.is_ascii_uppercase() {
            words.push(c.to_ascii_lowercase().to_string());
            open = true;
        } else if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    let version = |word: &String| {
        word.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()))
    };
    if words.len() > 1 && words.last().is_some_and(version) {
        words.pop();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_said_as_people_say_them() {
        for (operation, said) in [
            ("railway:volumeDelete", "Delete the volume"),
            ("railway:serviceInstanceDeployV2", "Deploy the service instance"),
            ("railway:volumeInstanceBackupCreate", "Create a volume instance backup"),
            ("railway:environmentPatchCommitStaged", "Commit the environment patch (staged)"),
            ("railway:cancelPitrHaWorkflow", "Cancel the pitr ha workflow"),
            ("railway:variableUpsert", "Set the variable"),
            ("github:repos/delete", "Delete the repository"),
            ("github:issues/create-comment", "Create a comment"),
            ("github:actions/delete-repo-secret", "Delete the repository secret"),
            ("github:repos/create-in-org", "Create a repository in organization"),
            ("github:pulls/merge", "Merge the pull request"),
            ("github:git/delete-ref", "Delete the ref"),
        ] {
            assert_eq!(deed(operation, None), said, "{operation}");
        }
        assert_eq!(deed("railway:variables", Some(Class::Reveal)), "Reveal variables");
        assert_eq!(deed("railway:variables", None), "Run variables");
        assert_eq!(deed("railway:project", Some(Class::Read)), "Read project");
        assert_eq!(deed("", None), "Run ");
    }
}
