//! Paths: their words, and the template that a path follows.

use percent_encoding::percent_decode_str;

/// Where a repository is by the name that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Here(u64),
    /// It has another name now.
    Moved(u64),
    Nowhere,
}

/// The words between the slashes, decoded once, as servers do it.
pub(crate) fn segments(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|word| !word.is_empty())
        .map(|word| percent_decode_str(word).decode_utf8_lossy().into_owned())
        .collect()
}

/// `/repos/{owner}/{repo}/issues/{issue_number}`: words that name things give way to what they name.
pub(crate) fn template(path: &str) -> String {
    let words = segments(path);
    let mut out = String::new();
    for (at, word) in words.iter().enumerate() {
        let before = |back: usize| at.checked_sub(back).and_then(|at| words.get(at)).map(String::as_str);
        let name = match (words.first().map(String::as_str), at) {
            (Some("repos"), 1) => "{owner}",
            (Some("repos"), 2) => "{repo}",
            (Some("repositories"), 1) => "{id}",
            (Some("orgs"), 1) => "{org}",
            (Some("users"), 1) => "{username}",
            _ if before(1) == Some("issues") => "{issue_number}",
            _ if before(1) == Some("secrets") && word != "public-key" => "{secret_name}",
            _ if before(1) == Some("environments") => "{environment_name}",
            _ if before(1) == Some("contents") => "{path}",
            _ if matches!(before(1), Some("refs" | "ref")) && before(2) == Some("git") => "{ref}",
            _ if words.iter().take(at).any(|w| w == "contents")
                || words.iter().take(at.saturating_sub(1)).any(|w| w == "git") =>
            {
                continue;
            }
            _ => word,
        };
        out.push('/');
        out.push_str(name);
    }
    out
}
