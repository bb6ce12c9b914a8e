//! What a credential looks like, by the name of its variable and by its value.

/// Variables of providers that carry a credential or lead to one. Packs name more, in what a session says to scrub.
const KNOWN: [&str; 20] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_FEDERATED_TOKEN_FILE",
    "CLOUDFLARE_API_KEY",
    "CLOUDFLARE_API_TOKEN",
    "CLOUDSDK_AUTH_ACCESS_TOKEN",
    "DIGITALOCEAN_ACCESS_TOKEN",
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "HEROKU_API_KEY",
    "PGPASSWORD",
    "RAILWAY_API_TOKEN",
    "RAILWAY_TOKEN",
];

/// How values of well-known kinds begin, and the least length of what makes one.
const PREFIXES: [(&str, usize); 44] = [
    ("AGE-SECRET-KEY-", 20),
    ("AIza", 35),
    ("AKIA", 16),
    ("ASIA", 16),
    ("EAACEdEose0cBA", 20),
    ("SG.", 30),
    ("dckr_pat_", 20),
    ("dop_v1_", 20),
    ("doo_v1_", 20),
    ("eyJ", 30),
    ("fo1_", 20),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("github_pat_", 20),
    ("glpat-", 15),
    ("glrt-", 15),
    ("gldt-", 15),
    ("hf_", 20),
    ("hvs.", 20),
    ("hvb.", 20),
    ("key-", 32),
    ("lin_api_", 20),
    ("npm_", 30),
    ("ntn_", 30),
    ("pk_live_", 16),
    ("pypi-", 30),
    ("re_", 24),
    ("rk_live_", 16),
    ("rk_test_", 16),
    ("rubygems_", 20),
    ("secret_", 30),
    ("shpat_", 20),
    ("sk-", 20),
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("sntrys_", 20),
    ("tfp_", 20),
    ("whsec_", 20),
    ("xapp-", 15),
    ("xox", 15),
    ("ya29.", 20),
];

/// Words in a name that say a credential itself is there.
const SECRET_WORDS: [&str; 10] = [
    "SECRET",
    "SECRETS",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PASS",
    "PWD",
    "CREDENTIAL",
    "CREDENTIALS",
    "PAT",
];
/// Words that say so unless the value is short, a number, a switch or a path.
const KEY_WORDS: [&str; 8] = ["TOKEN", "TOKENS", "KEY", "KEYS", "APIKEY", "AUTH", "COOKIE", "BEARER"];
/// Words after which a name speaks about a credential and does not hold one.
const ABOUT: [&str; 15] = [
    "FILE",
    "PATH",
    "DIR",
    "ID",
    "NAME",
    "EXPIRES",
    "EXPIRY",
    "EXPIRATION",
    "TTL",
    "TYPE",
    "LENGTH",
    "SIZE",
    "MODE",
    "SOCK",
    "PARALLELISM",
];
/// Names that only look it: folders of the shell, public fingerprints, sockets.
const HARMLESS: [&str; 6] = ["PWD", "OLDPWD", "GPG_KEY", "SSH_AUTH_SOCK", "XAUTHORITY", "KEYTIMEOUT"];

/// Why a variable is taken for a credential; `None` when it is not.
pub(super) fn looks_like_a_credential(name: &str, value: &str) -> Option<&'static str> {
    if value.is_empty() || HARMLESS.contains(&name) {
        return None;
    }
    let upper = name.to_ascii_uppercase();
    if KNOWN.contains(&upper.as_str()) {
        return Some("a provider's tools read a credential from it");
    }
    if has_known_shape(value) {
        return Some("its value has the shape of a credential");
    }
    if value.trim_start().get(..14).is_some_and(|start| start.eq_ignore_ascii_case("authorization:")) {
        return Some("its value is a header that carries a credential");
    }
    if has_password(value) {
        return Some("its value is a URL with a password");
    }
    let words: Vec<&str> = upper.split(['_', '-', '.']).collect();
    let about = words.last().is_some_and(|last| ABOUT.contains(last));
    let is_path = value.starts_with(['/', '~']) || value.starts_with("./");
    if about || is_path || is_switch(value) {
        return None;
    }
    let names_secret = words.iter().any(|word| SECRET_WORDS.contains(word));
    let names_key = words.iter().any(|word| KEY_WORDS.contains(word));
    match () {
        () if names_secret => Some("its name says that it holds a secret"),
        () if names_key && value.len() >= 8 && !is_number(value) => Some("its name says that it holds a key"),
        () => None,
    }
}

fn has_known_shape(value: &str) -> bool {
    // Fly's tokens come with a scheme before them.
    let value = value.trim().trim_start_matches("FlyV1 ").trim_start_matches("Bearer ");
    value.contains("PRIVATE KEY-----")
        || (!value.contains(char::is_whitespace)
            && PREFIXES.iter().any(|(prefix, least)| value.starts_with(prefix) && value.len() >= *least))
}

/// `scheme://user:password@host`.
fn has_password(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once("://") else { return false };
    if scheme.is_empty() || !scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    {
        return false;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority
        .rsplit_once('@')
        .and_then(|(user, _)| user.split_once(':'))
        .is_some_and(|(_, password)| !password.is_empty())
}

fn is_switch(value: &str) -> bool {
    ["true", "false", "yes", "no", "on", "off", "0", "1", "none", "null"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word))
}

fn is_number(value: &str) -> bool {
    value.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::looks_like_a_credential;

    #[test]
    fn credentials_are_seen_by_name_and_by_value() {
        let uuid = "3d2c42fb-1f64-4c8e-9d6f-0d0a4b6f2f11";
        for (name, value) in [
            ("RAILWAY_TOKEN", uuid),
            ("MY_SERVICE_TOKEN", uuid),
            ("DEPLOY_KEY", uuid),
            ("app_secret", uuid),
            ("DB_PASSWORD", "hunter2"),
            ("PASSWORD", "123456"),
            ("GITHUB_TOKEN", "x"),
            ("HARMLESS_NAME", "ghp_abcdefghijklmnopqrstuvwxyz0123456789"),
            ("CI_THING", "AKIAIOSFODNN7EXAMPLE"),
            ("SLACK", "xoxb-1234567890-abcdefghij"),
            ("GIT_CONFIG_VALUE_0", "AUTHORIZATION: basic eDp5"),
            ("SESSION", "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2ln"),
            ("STRIPE", "sk_live_51H8abcdefghijkl"),
            ("ANTHROPIC", concat!("sk-ant-", "abcdefghijklmnopqrst")),
            ("PEM", "-----BEGIN EC PRIVATE KEY-----\nMHc"),
            ("DATABASE_URL", "postgres://app:s3cret@db.internal:5432/app"),
            ("HTTPS_PROXY", "http://user:pw@proxy:3128"),
            ("OPENAI_API_KEY", "abcdefgh12345678"),
            ("GOOGLE_APPLICATION_CREDENTIALS", "/home/a/key.json"),
            ("STINT_BROKER_PASSPHRASE", "correct horse"),
        ] {
            assert!(looks_like_a_credential(name, value).is_some(), "{name}={value}");
        }
    }

    #[test]
    fn what_a_command_needs_is_left_alone() {
        for (name, value) in [
            ("PATH", "/usr/bin:/bin"),
            ("PWD", "/home/a/project"),
            ("OLDPWD", "/home/a"),
            ("HOME", "/home/a"),
            ("SSH_AUTH_SOCK", "/run/user/1000/ssh.sock"),
            ("GPG_KEY", "E3FF2839C048B25C084DEBE9B26995E310250568"),
            ("TOKENIZERS_PARALLELISM", "false"),
            ("KEYBOARD_LAYOUT", "dvorak-programmer"),
            ("MAX_TOKENS", "100000000"),
            ("USE_TOKEN", "true"),
            ("TOKEN_FILE", "/run/secrets/token"),
            ("DATABASE_URL", "postgres://db.internal:5432/app"),
            ("XDG_SESSION_ID", "c2"),
            ("LANG", "en_US.UTF-8"),
            ("PASSWORD_STORE_DIR", "/home/a/.password-store"),
            ("EDITOR", "vim"),
            ("RUST_LOG", "key=debug"),
            ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/1000/bus"),
            // Without it, kubectl would take its default file, and with that perhaps another cluster.
            ("KUBECONFIG", "/home/a/.kube/development"),
            ("API_KEY", ""),
            ("SKU", "sk-1"),
        ] {
            assert_eq!(looks_like_a_credential(name, value), None, "{name}={value}");
        }
    }
}
