//! Values that are credentials by the name beside them: `"token": "3d2c42fb-…"`, `RAILWAY_TOKEN=…`. For keys that have no
//! shape of their own.

use aho_corasick::{AhoCorasick, MatchKind};
use regex::bytes::{Regex, RegexBuilder};

/// Names under which only credentials travel, whatever the provider. No passwords: whoever makes an account of a database
/// sends one.
const NAMES: [&str; 24] = [
    "access-token",
    "access_key_secret",
    "access_token",
    "accesstoken",
    "api-key",
    "api-token",
    "api_key",
    "api_token",
    "apikey",
    "apitoken",
    "auth_token",
    "authorization",
    "authtoken",
    "bearer",
    "bearer_token",
    "client_secret",
    "clientsecret",
    "id_token",
    "private-token",
    "private_token",
    "refresh_token",
    "refreshtoken",
    "secret_access_key",
    "token",
];

/// What stands between a name and its value, in JSON, JSON in JSON, forms, headers, XML and shell.
const BETWEEN: &str = r#"["'\\]{0,8}\s{0,4}[:=>]\s{0,4}["'\\]{0,8}(?:(?:bearer|token|basic|dpop)\s{1,4})?"#;
const VALUE: &str = "([0-9a-z_.~+/=-]{16,400})";

/// Shorter than this, a value says nothing by itself.
const LENGTH: usize = 20;

/// Bytes behind a name that are looked at.
const WINDOW: usize = 440;

pub(super) struct Context {
    names: AhoCorasick,
    value: Regex,
}

impl Context {
    /// `more` are variables in which credentials are known to stand.
    pub fn new<'a>(more: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut names: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
        names.extend(more.map(str::to_ascii_lowercase));
        names.sort_unstable();
        names.dedup();
        let names = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .build(names)
            .map_err(|error| error.to_string())?;
        let value = RegexBuilder::new(&format!("^{BETWEEN}{VALUE}"))
            .case_insensitive(true)
            .unicode(false)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Context { names, value })
    }

    /// The values in a text that are credentials by their names. Linear: what is behind a name is looked at once, and not far.
    pub fn find<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.names.find_iter(text).filter_map(|found| {
            let before = found.start().checked_sub(1).and_then(|at| text.get(at));
            // A part of a longer name is another name: `next_token` turns pages.
            if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) {
                return None;
            }
            let rest = text.get(found.end()..)?;
            let window = rest.get(..WINDOW).unwrap_or(rest);
            let value = self.value.captures(window)?.get(1)?.as_bytes();
            is_random(value).then_some(value)
        })
    }
}

/// Whether nobody would have chosen this by hand: letters and digits in turn, as no name and no sentence has them.
fn is_random(value: &[u8]) -> bool {
    let kind = |byte: &u8| match byte {
        b'0'..=b'9' => Some(0u8),
        b'a'..=b'z' => Some(1),
        b'A'..=b'Z' => Some(2),
        _ => None,
    };
    let kinds: Vec<u8> = value.iter().filter_map(kind).collect();
    let digits = kinds.iter().filter(|kind| **kind == 0).count();
    let turns = kinds.windows(2).filter(|pair| pair.first() != pair.last()).count();
    value.len() >= LENGTH && digits >= 3 && digits < kinds.len() && turns * 4 >= kinds.len()
}

#[cfg(test)]
mod tests {
    use super::{Context, is_random};

    #[test]
    fn what_is_random_is_told_from_names_and_numbers() {
        for random in [
            "3d2c42fb-1111-4222-8333-4f44a5556c66",
            "aB3dE5gH7jK9mN1pQ3sT5vWx",
            "9f86d081884c7d659a2feaa0c55ad015",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
        ] {
            assert!(is_random(random.as_bytes()), "{random}");
        }
        for plain in [
            "prod-deploy-token-2024-01",
            "your_api_key_goes_here",
            "00000000-0000-0000-0000-000000000000",
            "process.env.RAILWAY_TOKEN",
            "12345678901234567890123",
            "/home/user/.config/gcloud/key.json",
            "shortA1b2",
        ] {
            assert!(!is_random(plain.as_bytes()), "{plain}");
        }
    }

    #[test]
    fn a_name_counts_as_a_whole_and_its_value_in_every_way_of_writing() {
        let context = Context::new(["RAILWAY_TOKEN"].into_iter()).unwrap();
        let key = "3d2c42fb-1111-4222-8333-4f44a5556c66";
        for text in [
            format!("{{\"token\":\"{key}\"}}"),
            format!("{{ \"token\" : \"{key}\" }}"),
            format!("{{\"body\":\"{{\\\"token\\\": \\\"{key}\\\"}}\"}}"),
            format!("a=b&access_token={key}&c=d"),
            format!("export RAILWAY_TOKEN={key}"),
            format!("railway_token: '{key}'"),
            format!("curl -H 'Authorization: Bearer {key}'"),
            format!("<Token>{key}</Token>"),
            format!("mutation {{ login(token: \"{key}\") {{ id }} }}"),
        ] {
            assert_eq!(context.find(text.as_bytes()).collect::<Vec<_>>(), [key.as_bytes()], "{text}");
        }
        for text in [
            format!("{{\"next_token\":\"{key}\"}}"),
            format!("{{\"pageToken\":\"{key}\"}}"),
            format!("{{\"tokens\":\"{key}\"}}"),
            format!("{{\"id\":\"{key}\"}}"),
            format!("the token is {key}"),
            "{\"token\":\"your-token-goes-right-here\"}".to_owned(),
        ] {
            assert_eq!(context.find(text.as_bytes()).count(), 0, "{text}");
        }
    }
}
