//! Operations in plain words, from their names in the packs and nothing else: no provider's or agent's prose.

mod verbs;

use stint_api::Class;

use verbs::{MAKERS, NOUNS, VERBS};

/// Words that lead from a thing to what is said about it.
const LINKS: [&str; 9] = ["for", "in", "to", "from", "of", "by", "with", "on", "as"];

/// `railway:volumeDelete` is "Delete the volume", `github:repos/delete` "Delete the repository". `class` is that of the
/// operation, where it is known: it says what is done where the name does not.
pub(crate) fn deed(operation: &str, class: Option<Class>) -> String {
    let name = operation.split_once(':').map_or(operation, |(_, name)| name);
    let dotted: Vec<&str> = name.split('.').collect();
    let said = match dotted.as_slice() {
        // `s3.PutBucketPolicy`
        [service, action] if action.starts_with(|c: char| c.is_ascii_uppercase()) => {
            field_deed(action).map(|said| format!("{said} ({service})"))
        }
        // `compute.instances.setMachineType`
        [.., thing, last] if !name.contains('/') => of_thing(thing, last),
        _ if name.contains('/') => path_deed(name),
        _ if name.contains('_') => underscored_deed(name),
        _ => versioned_deed(name).or_else(|| field_deed(name)),
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

/// A verb, with or without more, after the thing that it is done to: `Machines`, `restart`.
fn of_thing(thing: &str, rest: &str) -> Option<String> {
    let rest = words(rest);
    let (said, more) = match (rest.split_first()?, rest.split_last()?) {
        ((first, more), _) if verb(first).is_some() => (verb(first)?, more.to_vec()),
        // `aggregatedList`
        (_, (last, before)) => (verb(last)?, [&["as".to_owned()], before].concat()),
    };
    let own = words(thing);
    let many = said == "List" || more.first().is_some_and(|word| word == "by" || word == "all");
    let thing = if many { own.join(" ") } else { singular(&own.join("-")) };
    let more: Vec<String> = more.iter().map(|word| full(word)).collect();
    Some(match more.first() {
        None => sentence(said, &thing),
        Some(word) if LINKS.contains(&word.as_str()) => {
            sentence(said, &format!("{thing} {}", more.join(" ")))
        }
        Some(_) => format!("{} of the {thing}", sentence(said, &more.join(" "))),
    })
}

/// `droplets_destroy_byTag`: things, and after them what is done.
fn underscored_deed(name: &str) -> Option<String> {
    let pieces: Vec<&str> = name.split('_').collect();
    let acts = |piece: &&str| words(piece).first().is_some_and(|word| verb(word).is_some());
    let at = pieces.iter().skip(1).position(acts)? + 1;
    of_thing(pieces.get(at - 1)?, &pieces.get(at..)?.join("-"))
}

/// `deleteCoreV1CollectionNamespacedPod`: a verb, a group of an API with its version, a kind.
fn versioned_deed(name: &str) -> Option<String> {
    let words = words(name);
    let at = words.iter().position(|word| is_version(word))?;
    let (before, after) = (words.get(..at)?, words.get(at + 1..)?);
    let many =
        after.iter().any(|word| word == "collection") || before.first().is_some_and(|word| word == "list");
    let spaced = after.iter().any(|word| word == "namespaced");
    let kind: Vec<&str> = after
        .iter()
        .map(String::as_str)
        .filter(|word| {
            !matches!(*word, "collection" | "namespaced" | "get" | "post" | "put" | "patch" | "delete")
        })
        .collect();
    let (kind, everywhere) = match kind.as_slice() {
        [kind @ .., "for", "all", "namespaces"] => (kind.join(" "), true),
        kind => (kind.join(" "), false),
    };
    if before.is_empty() {
        // `v1-run-a-query`
        return field_deed(&after.join("-"));
    }
    let said = verb(before.first()?)?;
    let place = match (many && spaced, everywhere) {
        (true, _) => " of the namespace",
        (_, true) => " of all namespaces",
        _ => "",
    };
    match (kind.is_empty(), many) {
        (true, _) => None,
        (_, true) if said == "List" => Some(format!("List the {}{place}", plural(&kind))),
        (_, true) => Some(format!("{said} all {}{place}", plural(&kind))),
        _ => Some(format!("{}{place}", sentence(said, &kind))),
    }
}

/// `issues/create-comment`, or a path with its method: `zones/dns_records/delete`.
fn path_deed(name: &str) -> Option<String> {
    let pieces: Vec<&str> = name.split('/').collect();
    let (method, before) = pieces.split_last()?;
    let said = match *method {
        "get" => "Read",
        "list" => "List",
        "delete" => "Delete",
        "put" => "Set",
        "patch" => "Change",
        "post" => "Create",
        _ => {
            let (category, rest) = name.split_once('/')?;
            return rest_deed(category, rest);
        }
    };
    let names =
        |piece: &&&str| !is_version(piece) && !matches!(**piece, "id" | "api") && !piece.ends_with("_id");
    let things: Vec<&str> = before.iter().filter(names).copied().collect();
    let (thing, above) = things.split_last()?;
    let noun = |piece: &str| words(&singular(piece)).join(" ");
    // `services/suspend/post`: the last piece says what is done to the one before it.
    let own = words(thing);
    let verb = own.first().and_then(|word| verb(word));
    let acts = *method == "post" || (own.len() == 1 && matches!(*method, "get" | "list"));
    if let (true, Some(verb), Some(over)) = (acts, verb, above.last()) {
        let more: Vec<String> = own.iter().skip(1).cloned().collect();
        let more = if more.is_empty() { String::new() } else { format!(" ({})", more.join(" ")) };
        return Some(format!("{verb} the {}{more}", noun(over)));
    }
    let said = if *method == "post" && before.last() == Some(&"id") { "Change" } else { said };
    let thing = if said == "List" { words(thing).join(" ") } else { noun(thing) };
    Some(sentence(said, &thing))
}

/// `issues/create-comment`: a category, then verb and noun.
fn rest_deed(category: &str, rest: &str) -> Option<String> {
    let words: Vec<&str> = rest.split(['-', '/']).filter(|word| !word.is_empty()).collect();
    let (first, noun) = words.split_first()?;
    let verb = verb(first)?;
    let own = noun.first().is_none_or(|word| LINKS.contains(word));
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
        (_, Some(first)) if verb(first).is_some() => 0,
        (Some(last), _) if verb(last).is_some() => words.len() - 1,
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
    if ["a ", "an ", "all ", "the "].iter().any(|article| noun.starts_with(article)) {
        return format!("{verb} {noun}");
    }
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

/// More than one of what a name says.
fn plural(noun: &str) -> String {
    match noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o'])) {
        Some(stem) => format!("{stem}ies"),
        None if noun.ends_with(['s', 'x']) => format!("{noun}es"),
        None => format!("{noun}s"),
    }
}

/// `v1`, `v2beta1`.
fn is_version(word: &str) -> bool {
    let number = |c: char| c.is_ascii_digit();
    let Some(rest) = word.strip_prefix('v').map(|rest| rest.trim_start_matches(number)) else { return false };
    word.chars().nth(1).is_some_and(number)
        && ["alpha", "beta"]
            .iter()
            .find_map(|stage| rest.strip_prefix(stage))
            .unwrap_or(rest)
            .chars()
            .all(number)
}

fn full(word: &str) -> String {
    NOUNS.iter().find(|(name, _)| *name == word).map_or(word, |(_, said)| said).to_owned()
}

fn singular(word: &str) -> String {
    match NOUNS.iter().find(|(name, _)| *name == word) {
        Some((_, said)) => (*said).to_owned(),
        None => {
            let one = match word.strip_suffix("ies") {
                Some(stem) => format!("{stem}y"),
                None => word
                    .strip_suffix('s')
                    .filter(|stem| !stem.ends_with(['s', 'u']))
                    .unwrap_or(word)
                    .to_owned(),
            };
            one.replace('-', " ")
        }
    }
}

/// The words of a name in whatever case, without a version at its end.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    let letters: Vec<char> = name.chars().collect();
    for (at, c) in letters.iter().enumerate() {
        if matches!(c, '/' | '-' | '_' | '.') {
            open = false;
            continue;
        }
        // `DBCluster`: a run of capitals is one word, and its last begins the next where small letters follow.
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let run = before.is_some_and(char::is_ascii_uppercase);
        let begins = c.is_ascii_uppercase()
            && (!run || letters.get(at + 1).is_some_and(|next| next.is_ascii_lowercase()));
        match words.last_mut().filter(|_| open && !begins) {
            Some(word) => word.push(c.to_ascii_lowercase()),
            None => words.push(c.to_ascii_lowercase().to_string()),
        }
        open = true;
    }
    if words.len() > 1 && words.last().is_some_and(|word| is_version(word)) {
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
            ("gitlab:tags/delete", "Delete the tag"),
            ("aws:ec2.TerminateInstances", "Terminate the instances (ec2)"),
            ("aws:s3.PutBucketPolicy", "Set the bucket policy (s3)"),
            ("gcp:compute.instances.delete", "Delete the instance"),
            ("gcp:compute.instances.setMachineType", "Set the machine type of the instance"),
            ("gcp:secretmanager.projects.secrets.versions.access", "Access the version"),
            ("anthropic:messages.messages.create", "Create a message"),
            ("kubernetes:deleteCoreV1CollectionNamespacedPod", "Delete all pods of the namespace"),
            ("kubernetes:deleteCoreV1NamespacedPod", "Delete the pod"),
            ("kubernetes:listAppsV1DeploymentForAllNamespaces", "List the deployments of all namespaces"),
            ("slack:chat_postMessage", "Post the message of the chat"),
            ("slack:chat.delete", "Delete the chat"),
            ("digitalocean:droplets_destroy_byTag", "Destroy the droplets by tag"),
            ("fly:Machines_stop", "Stop the machine"),
            ("supabase:v1-run-a-query", "Run a query"),
            ("aws:rds.DeleteDBInstance", "Delete the db instance (rds)"),
            ("gcp:compute.vpnGateways.aggregatedList", "List the vpn gateways as aggregated"),
            ("slack:admin_users_setRegular", "Set the regular of the user"),
            ("vercel:getDrain", "Read the drain"),
            ("stripe:v1/prices/search/list", "Search the price"),
            ("cloudflare:zones/dns_records/delete", "Delete the dns record"),
            ("stripe:v1/refunds/post", "Create a refund"),
            ("stripe:v1/customers/id/post", "Change the customer"),
            ("stripe:v1/customers/list", "List the customers"),
            ("render:services/suspend/post", "Suspend the service"),
        ] {
            assert_eq!(deed(operation, None), said, "{operation}");
        }
        assert_eq!(deed("railway:variables", Some(Class::Reveal)), "Reveal variables");
        assert_eq!(deed("railway:variables", None), "Run variables");
        assert_eq!(deed("railway:project", Some(Class::Read)), "Read project");
        assert_eq!(deed("", None), "Run ");
    }
}
