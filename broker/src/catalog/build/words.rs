//! The words by which operations are judged.

/// Removes, stops, overwrites, moves money out, or runs what somebody wrote.
#[rustfmt::skip]
pub(super) const DESTROY: &[&str] = &[
    "abandon", "abort", "ack", "archive", "attack", "ban", "batch_delete", "block", "bulk_delete", "burn",
    "buy", "cancel", "cancellation", "clean", "cleanup", "clear", "close", "command", "console", "cutover",
    "deactivate", "deauthorize", "decline", "decommission", "delete", "deletion", "demote", "deny",
    "deprecate", "deprovision", "deregister", "destroy", "detach", "disable", "disassociate", "discard",
    "disconnect", "dismiss", "downgrade", "drain", "drop", "eject", "empty", "ephemeral_shell", "erase",
    "evict", "eviction", "exec", "execute", "expiration", "expire", "failback", "failover", "flush", "force",
    "forget", "garbage", "graphql", "halt", "hangup", "hibernate", "import", "invalidate", "invoke_sql",
    "kick", "kicks", "kill", "lapse", "leave", "lifecycle", "merge", "migrate", "migration", "offboard",
    "outbound", "overwrite", "pause", "payout", "portforward", "poweroff", "promote", "prune", "purchase",
    "purge", "raw", "rebalance", "rebuild", "recover", "recreate", "recycle", "redact", "refund", "reimage",
    "reinitialize", "reject", "release", "removal", "remove", "repair", "replica_remove", "reset", "resize",
    "restore", "retention", "retire", "reversal", "reverse", "revert", "revocation", "revoke", "rewind",
    "rollback", "rolling", "rotate", "scale", "schedule_deletion", "shell", "shred", "shutdown", "signal",
    "sleep", "sql", "stop", "suspend", "suspension", "swap", "takeover", "tear", "teardown", "terminate",
    "time_travel", "transfer", "trash", "truncate", "unassign", "unbind", "uncollectible", "undeploy", "undo",
    "uninstall", "unlink", "unmount", "unpublish", "unregister", "unset", "unsubscribe", "upgrade",
    "versioning", "void", "wipe", "withdraw",
];

/// Creates credentials or permissions, lets people in, opens a thing, or sends what happens elsewhere.
#[rustfmt::skip]
pub(super) const GRANT: &[&str] = &[
    "accept", "access", "account_link", "account_session", "acl", "admin", "administrator", "allowlist",
    "approval", "approve", "assume", "auth", "authenticate", "authentication", "authorization", "authorize",
    "backdoor", "bot_management", "bypass", "cert", "certificate", "client_secret", "collaborator", "connect",
    "consent", "cors", "credential", "customer_session", "decrypt", "delegate", "delegation", "destination",
    "domain_move", "encryption", "enforcement", "entitlement", "ephemeral", "event_destination", "export",
    "expose", "external_account", "external_key", "federation", "file_link", "firewall", "forwarding", "grant",
    "group_role", "guest", "hook", "iam", "identity_provider", "idp", "impersonate", "ingress", "invitation",
    "invite", "jit", "jwks", "jwt", "key", "kms", "kubeconfig", "lockdown", "log_stream", "login",
    "login_link", "logpush", "logsink", "member", "membership", "mfa", "nameserver", "network_restriction",
    "oauth", "oidc", "onboarding_link", "owner", "ownership", "passkey", "passwd", "password", "permission",
    "policy", "portal_session", "presigned", "principal", "privilege", "protection", "public", "public_key",
    "publish", "register", "restriction", "reveal", "role", "route_table_association", "ruleset", "saml",
    "scim", "scope", "seat", "secret", "security_group", "service_account", "session_token", "share",
    "sharing", "sign", "signed", "signing", "sink", "ssh", "ssl", "sso", "team_member", "tls", "token",
    "trust", "trusted", "tsig", "tunnel", "unban", "unblock", "unlock", "unrevoke", "unsuspend", "user",
    "visibility", "waf", "webhook", "whitelist",
];

/// Things whose reading gives out what opens something.
#[rustfmt::skip]
pub(super) const REVEAL: &[&str] = &[
    "auth_code", "client_secret", "connection_info", "connection_string", "connection_uri", "connectionstring",
    "credential", "decrypt", "download_url", "dsn", "env", "export", "hook", "jwt", "key", "kubeconfig",
    "passcode", "passwd", "password", "presigned", "private_key", "recovery", "reveal", "root_key", "secret",
    "signed_url", "signin", "ssh", "stream_key", "token", "userdata", "variable", "webhook",
];

/// First words of names that change nothing.
#[rustfmt::skip]
pub(super) const READ_VERBS: &[&str] = &[
    "check", "count", "describe", "detect", "discover", "download", "estimate", "exists", "fetch", "filter",
    "find", "get", "has", "head", "info", "is", "list", "listen", "lookup", "poll", "preview", "query", "read",
    "retrieve", "scan", "search", "select", "show", "simulate", "test", "tail", "validate", "verify", "view",
    "watch",
];

/// A word of a flag that makes an operation stronger than its name: `force`, `purge`, `skip_final_snapshot`.
#[rustfmt::skip]
pub(super) const FLAGS: &[&str] = &[
    "bypass", "cascade", "delete", "destroy", "dangerous", "disable", "empty", "erase", "force", "forget",
    "hard", "ignore", "immediate", "override", "overwrite", "permanent", "permanently", "prune", "purge",
    "recreate", "remove", "replace", "reset", "skip", "suspend", "truncate", "wipe",
];

/// Members of an answer that are credentials, by their last word.
#[rustfmt::skip]
const GIVEN: &[&str] = &[
    "certificate_key", "connection_string", "connection_uri", "credential", "credentials", "dsn", "jwt",
    "kubeconfig", "passwd", "password", "secret", "token",
];

/// Texts that are called tokens or keys and open nothing.
#[rustfmt::skip]
const HARMLESS: &[&str] = &[
    "after_token", "continuation_token", "continue_token", "cursor_token", "idempotency_token", "max_token",
    "next_page_token", "next_token", "page_token", "pagination_token", "prev_page_token", "public_key",
    "sync_token",
];

/// A text in words of lower case: at everything that is no letter or digit, and where a small letter meets a capital.
pub(super) fn split(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let letters: Vec<char> = text.chars().collect();
    for (index, letter) in letters.iter().enumerate() {
        if !letter.is_ascii_alphanumeric() {
            push(&mut words, &mut word);
            continue;
        }
        let before = index.checked_sub(1).and_then(|at| letters.get(at));
        let after = letters.get(index + 1);
        let rises = letter.is_ascii_uppercase()
            && before.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        // `DBCluster`: the last capital of a run begins a word.
        let falls = letter.is_ascii_uppercase()
            && before.is_some_and(char::is_ascii_uppercase)
            && after.is_some_and(char::is_ascii_lowercase);
        if rises || falls {
            push(&mut words, &mut word);
        }
        word.push(letter.to_ascii_lowercase());
    }
    push(&mut words, &mut word);
    words
}

fn push(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

/// A word without the end of its plural.
pub(super) fn stem(word: &str) -> String {
    for (end, new) in [("ies", "y"), ("sses", "ss"), ("ches", "ch"), ("xes", "x")] {
        if let Some(start) = word.strip_suffix(end).filter(|start| start.len() > 1) {
            return format!("{start}{new}");
        }
    }
    match word.strip_suffix('s') {
        Some(start) if start.len() > 2 && !start.ends_with(['s', 'u', 'i']) => start.to_owned(),
        _ => word.to_owned(),
    }
}

/// Whether one of the words is in the list: as it stands, without the end of its plural, or together with the next.
pub(super) fn any(words: &[String], list: &[&str]) -> bool {
    let known = |word: &str| list.contains(&word) || list.contains(&stem(word).as_str());
    words.iter().any(|word| known(word))
        || words.windows(2).any(|pair| known(&pair.concat()) || known(&pair.join("_")))
}

/// Whether a member of an answer of this name is a credential.
pub(super) fn gives_secret(name: &str) -> bool {
    let words: Vec<String> = split(name).iter().map(|word| stem(word)).collect();
    let joined = words.join("_");
    if HARMLESS.iter().any(|harmless| joined.ends_with(harmless)) {
        return false;
    }
    let ends = |end: &str| joined == end || joined.ends_with(&format!("_{end}"));
    let key = |before: &str| ends(&format!("{before}_key"));
    GIVEN.iter().any(|end| ends(end))
        || ["api", "private", "access", "secret", "signing", "account", "auth", "ssh", "encryption"]
            .into_iter()
            .any(key)
}
