//! What makes git ask the sidecar: settings by variables (`git help config`, GIT_CONFIG_COUNT), which stand over every
//! file of settings.

use std::ffi::OsString;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use stint_api::SessionCredential;

use super::shape::looks_like_a_credential;

/// Variables beside the settings.
pub(super) const SWITCHES: [(&str, &str, &str); 2] = [
    ("GIT_ASKPASS", "", "no program is asked for a password"),
    ("GIT_TERMINAL_PROMPT", "0", "nobody is asked for a password"),
];

/// Variables to set: what was inherited of settings and is no credential, then ours. Of several credentials for one host
/// the last counts, as it does for the variables of a provider's tools.
pub(super) fn settings(
    inherited: &[(OsString, OsString)],
    credentials: &[SessionCredential],
) -> Vec<(String, String)> {
    let mut pairs = inherited_settings(inherited);
    let mut hosts: Vec<&str> = Vec::new();
    for credential in credentials.iter().rev() {
        for host in &credential.git_hosts {
            if hosts.contains(&host.as_str()) {
                continue;
            }
            hosts.push(host);
            let basic = STANDARD.encode(format!("stint:{}", credential.placeholder));
            let mut set = |name: String, value: String| pairs.push((name, value));
            // An empty value forgets what files of settings say: a helper would bring a real credential.
            set(format!("credential.https://{host}.helper"), String::new());
            set(format!("http.https://{host}/.extraHeader"), String::new());
            set(format!("http.https://{host}/.extraHeader"), format!("Authorization: Basic {basic}"));
            // What is written for SSH goes this way too: there is no key for the other one.
            set(format!("url.https://{host}/.insteadOf"), format!("git@{host}:"));
            set(format!("url.https://{host}/.insteadOf"), format!("ssh://git@{host}/"));
        }
    }
    if hosts.is_empty() && !inherited.iter().any(|(name, _)| name == "GIT_CONFIG_COUNT") {
        return Vec::new();
    }
    let count = pairs.len();
    let mut variables = vec![("GIT_CONFIG_COUNT".to_owned(), count.to_string())];
    for (index, (name, value)) in pairs.into_iter().enumerate() {
        variables.push((format!("GIT_CONFIG_KEY_{index}"), name));
        variables.push((format!("GIT_CONFIG_VALUE_{index}"), value));
    }
    variables
}

fn inherited_settings(inherited: &[(OsString, OsString)]) -> Vec<(String, String)> {
    let find = |name: &str| {
        let found = inherited.iter().find(|(own, _)| own == name);
        found.and_then(|(_, value)| value.to_str().map(str::to_owned))
    };
    let count = find("GIT_CONFIG_COUNT").and_then(|count| count.parse::<usize>().ok()).unwrap_or(0).min(100);
    let pairs = (0..count).filter_map(|index| {
        Some((find(&format!("GIT_CONFIG_KEY_{index}"))?, find(&format!("GIT_CONFIG_VALUE_{index}"))?))
    });
    pairs.filter(|(name, value)| !is_credential(name, value)).collect()
}

fn is_credential(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".extraheader")
        || (name.starts_with("credential.") && name.ends_with(".helper"))
        || name == "credential.helper"
        || looks_like_a_credential("", value).is_some()
        || looks_like_a_credential("", &name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(name: &str, hosts: &[&str]) -> SessionCredential {
        SessionCredential {
            name: name.into(),
            provider: "github".into(),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            git_hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            placeholder: format!("placeholder-of-{name}"),
            variables: Vec::new(),
        }
    }

    fn pairs(variables: &[(String, String)]) -> Vec<(&str, &str)> {
        let value = |name: String| variables.iter().find(|(own, _)| *own == name).map(|(_, v)| v.as_str());
        let count = value("GIT_CONFIG_COUNT".into()).map_or(0, |count| count.parse().unwrap());
        let pair = |i| Some((value(format!("GIT_CONFIG_KEY_{i}"))?, value(format!("GIT_CONFIG_VALUE_{i}"))?));
        (0..count).map(|index| pair(index).unwrap()).collect()
    }

    #[test]
    fn a_host_gets_the_placeholder_of_its_last_credential() {
        let both = [credential("a", &["github.com"]), credential("b", &["github.com"])];
        let set = settings(&[], &both);
        let pairs = pairs(&set);
        let header = format!("Authorization: Basic {}", STANDARD.encode("stint:placeholder-of-b"));
        assert!(pairs.contains(&("http.https://github.com/.extraHeader", &header)), "{pairs:?}");
        assert_eq!(pairs[0], ("credential.https://github.com.helper", ""));
        assert!(pairs.contains(&("url.https://github.com/.insteadOf", "git@github.com:")));
        assert_eq!(pairs.len(), 5);
    }

    #[test]
    fn what_was_set_before_stays_unless_it_is_a_credential() {
        let inherited = [
            ("GIT_CONFIG_COUNT", "3"),
            ("GIT_CONFIG_KEY_0", "safe.directory"),
            ("GIT_CONFIG_VALUE_0", "/work"),
            ("GIT_CONFIG_KEY_1", "http.https://github.com/.extraheader"),
            ("GIT_CONFIG_VALUE_1", "AUTHORIZATION: basic eDp5"),
            ("GIT_CONFIG_KEY_2", "url.https://x:ghp_0123456789abcdefghij@github.com/.insteadOf"),
            ("GIT_CONFIG_VALUE_2", "https://github.com/"),
        ];
        let inherited = inherited.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let set = settings(&inherited, &[credential("a", &["github.com"])]);
        let pairs = pairs(&set);
        assert_eq!(pairs[0], ("safe.directory", "/work"));
        assert_eq!(pairs.len(), 6, "{pairs:?}");
        let without = settings(&inherited, &[credential("a", &[])]);
        assert_eq!(without[0], ("GIT_CONFIG_COUNT".to_owned(), "1".to_owned()));
        assert!(settings(&[], &[credential("a", &[])]).is_empty(), "without git nothing is set");
    }
}
