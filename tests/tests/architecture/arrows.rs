//! Which room may name which, and which crate belongs to which room.

#![expect(clippy::string_slice, reason = "the text is cut where a mark of ASCII has just been found")]

/// A Rust file of the broker: its path under `broker/src` and its text.
pub struct Source {
    pub path: String,
    pub text: String,
}

const LEAVES: [&str; 4] = ["config", "clock", "secret", "model"];
const MECHANISMS: [&str; 9] =
    ["vault", "token", "identity", "policy", "audit", "catalog", "provider", "issuer", "store"];
const EDGES: [&str; 3] = ["http", "gateway", "console"];

/// Rooms of values in, values out.
const PURE: [&str; 7] = ["vault", "token", "identity", "notify", "policy", "audit", "catalog"];
const IMPURE_CRATES: [&str; 6] = ["tokio", "sqlx", "hyper", "hyper_util", "reqwest", "axum"];
const IMPURE_STD: [&str; 4] = ["fs", "net", "process", "env"];

/// The spine: the only things that one mechanism hands to another.
const SPINE: [(&str, &str, &[&str]); 2] =
    [("vault", "policy", &["Permit", "Purpose"]), ("vault", "store", &["Receipt"])];

/// Files through which the broker's own keys pass, on their way to ring and to the key file: never a credential.
const OWN_KEYS: [&str; 4] = ["app/notify.rs", "app/keys.rs", "app/start.rs", "audit/checkpoint.rs"];

/// Rooms that put the edges together: the program, and what listens.
const ROOTS: [&str; 2] = ["command", "serve"];

/// A crate, or a part of one, that only these rooms know.
const KEPT: [(&[&str], &[&str]); 10] = [
    (&["lettre"], &["notify", "provider"]),
    (&["sqlx"], &["store"]),
    (&["cedar_policy"], &["policy"]),
    (&["jsonwebtoken"], &[]),
    (&["apollo_compiler"], &["catalog"]),
    (&["argon2"], &["vault", "identity"]),
    (&["maud"], &["console"]),
    (&["hyper_rustls"], &["provider"]),
    (&["hyper_util", "client"], &["provider"]),
    (&["hyper", "client"], &["provider"]),
];

/// Everything in `sources` that goes against the design, as `file: what`.
pub fn faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources {
        let Some(room) = room_of(&source.path) else { continue };
        let code = production(&source.text);
        for path in paths(&code, &source.path) {
            if let Some(what) = judge(room, &path) {
                faults.push(format!("{}: {what}", source.path));
            }
        }
        let exposes = matches!(room, "vault" | "identity" | "secret" | "demo")
            || OWN_KEYS.contains(&source.path.as_str());
        if !exposes && code.contains(".expose(") {
            faults.push(format!("{}: opens a Secret: only vault does", source.path));
        }
        if PURE.contains(&room) && code.contains(".now()") {
            faults.push(format!("{}: reads a clock in a pure room", source.path));
        }
    }
    faults.sort();
    faults.dedup();
    faults
}

/// The first folder or file under `src`. `main.rs`, `lib.rs` and tests are no room.
fn room_of(path: &str) -> Option<&str> {
    let is_test = path.split('/').any(|part| part == "tests" || part == "tests.rs");
    let room = path.split('/').next()?.trim_end_matches(".rs");
    (!is_test && !matches!(room, "main" | "lib")).then_some(room)
}

/// What is wrong with `room` naming `path`, if anything.
fn judge(room: &str, path: &[String]) -> Option<String> {
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    let written = parts.join("::");
    if room == "demo" {
        return None;
    }
    if let ["crate", target, rest @ ..] = parts.as_slice() {
        let known = LEAVES.contains(target)
            || MECHANISMS.contains(target)
            || EDGES.contains(target)
            || ROOTS.contains(target)
            || matches!(*target, "app" | "listen" | "demo" | "problem");
        return (known && *target != room && !may(room, target, rest))
            .then(|| format!("{room} must not name {written}"));
    }
    // The program asks a running broker as any client does.
    let client = parts.first() == Some(&"stint") && room != "command";
    if parts.first() == Some(&"stint_standin") || client {
        return Some(format!("{room} must not name {written}: only demo does"));
    }
    for (kept, rooms) in KEPT {
        if parts.starts_with(kept) && !rooms.contains(&room) {
            return Some(format!("{room} must not name {written}: it belongs to {rooms:?}"));
        }
    }
    if PURE.contains(&room) {
        let first = parts.first().copied().unwrap_or_default();
        let second = parts.get(1).copied().unwrap_or_default();
        if IMPURE_CRATES.contains(&first) || first == "std" && IMPURE_STD.contains(&second) {
            return Some(format!("{room} is pure and must not name {written}"));
        }
    }
    None
}

fn may(room: &str, target: &str, rest: &[&str]) -> bool {
    if LEAVES.contains(&target) {
        // Randomness is asked of the clock's room, and sealing needs it; the other pure rooms get both as values.
        return target != "clock" || !PURE.contains(&room) || room == "vault";
    }
    let mechanism = MECHANISMS.contains(&target);
    match room {
        _ if EDGES.contains(&room) => {
            matches!(target, "app" | "listen" | "problem")
                || mechanism && !matches!(target, "store" | "vault")
        }
        "problem" => target == "app",
        _ if ROOTS.contains(&room) => {
            !mechanism && target != "command" || mechanism && !matches!(target, "store" | "vault")
        }
        "app" => mechanism,
        _ => SPINE.iter().any(|(from, to, names)| {
            *from == room && *to == target && rest.first().is_some_and(|name| names.contains(name))
        }),
    }
}

/// The text without comments, strings and what is only compiled for tests.
fn production(text: &str) -> String {
    let text = strip(text);
    match text.find("#[cfg(test)]") {
        // Tests stand last; a `mod tests;` may stand among the other modules, and then only that line goes.
        Some(at) => {
            let (before, after) = text.split_at(at);
            let inline = after.find('{').unwrap_or(usize::MAX) < after.find(';').unwrap_or(usize::MAX);
            let rest = after.split_once(';').map_or("", |(_, rest)| rest);
            if inline { before.to_owned() } else { format!("{before}{}", production(rest)) }
        }
        None => text,
    }
}

fn strip(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            raw.find("\"#").map_or(rest.len(), |end| end + 5)
        } else if first == '"' {
            string_end(rest)
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            rest[1..].find('\'').map_or(rest.len(), |end| end + 2)
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        rest = &rest[skip..];
    }
    out
}

fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Every path that the code names: the leaves of `use` trees, and paths within expressions and types.
fn paths(code: &str, file: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut statements = code;
    while let Some((before, after)) = split_word(statements, "use") {
        found.extend(inline(before));
        let (tree, rest) = after.split_once(';').unwrap_or((after, ""));
        expand(tree.trim(), &[], &mut found);
        statements = rest;
    }
    found.extend(inline(statements));
    found.into_iter().map(|path| absolute(path, file)).collect()
}

fn split_word<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let boundary =
        |letter: Option<char>| !letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    text.match_indices(word)
        .find(|(at, _)| {
            boundary(text[..*at].chars().next_back())
                && text[at + word.len()..].starts_with(char::is_whitespace)
        })
        .map(|(at, _)| (&text[..at], &text[at + word.len()..]))
}

/// `a::{b, c::{d, e}}` is `a::b`, `a::c::d`, `a::c::e`.
fn expand(tree: &str, before: &[String], found: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let name = tree.split(" as ").next().unwrap_or(tree);
        let words = name.split("::").map(|word| word.trim().to_owned()).filter(|word| !word.is_empty());
        found.push(before.iter().cloned().chain(words).collect());
        return;
    };
    let head = tree[..open].split("::").map(|word| word.trim().to_owned()).filter(|word| !word.is_empty());
    let head: Vec<String> = before.iter().cloned().chain(head).collect();
    let inner = tree[open + 1..].trim_end().trim_end_matches('}');
    // The last brace closed here belongs to this tree; those before it to trees within.
    let inner = &tree[open + 1..open + 1 + inner.len() + closing(&tree[open + 1..]) - 1];
    let (mut depth, mut start) = (0, 0);
    for (at, letter) in inner.char_indices().chain([(inner.len(), ',')]) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !inner[start..at].trim().is_empty() {
                    expand(&inner[start..at], &head, found);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// How many braces close at the end of `text`.
fn closing(text: &str) -> usize {
    text.trim_end().chars().rev().take_while(|letter| *letter == '}').count()
}

fn inline(code: &str) -> Vec<Vec<String>> {
    let word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    code.split(|letter| !word(letter))
        .filter(|path| path.contains("::"))
        .map(|path| path.split("::").map(str::to_owned).filter(|word| !word.is_empty()).collect())
        .collect()
}

/// With `super` and `self` at the start put into words that start at `crate`.
fn absolute(path: Vec<String>, file: &str) -> Vec<String> {
    let ups = path.iter().take_while(|word| *word == "super").count();
    if ups == 0 {
        return path;
    }
    let mut module: Vec<&str> = file.trim_end_matches(".rs").split('/').collect();
    if module.last() == Some(&"mod") {
        module.pop();
    }
    module.truncate(module.len().saturating_sub(ups));
    let rest = path.into_iter().skip(ups);
    ["crate".to_owned()].into_iter().chain(module.into_iter().map(str::to_owned)).chain(rest).collect()
}
