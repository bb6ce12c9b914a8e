//! `[sso]`: the OpenID provider that people sign in with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::{ConfigError, Environment};
use crate::secret::Secret;

/// The variable that holds the client's secret where no file does.
pub(super) const SECRET_VARIABLE: &str = "STINT_BROKER_SSO_CLIENT_SECRET";
const ROLES: [&str; 4] = ["owner", "approver", "operator", "auditor"];

/// An OpenID provider and what its people may do here.
#[derive(Debug, Clone)]
pub struct Sso {
    /// Exactly as the provider writes it in its tokens.
    pub issuer: String,
    pub client_id: String,
    /// `None` for a public client, which has only PKCE.
    pub client_secret: Option<Arc<Secret>>,
    /// Where the secret was read from, to show it.
    pub client_secret_file: Option<PathBuf>,
    /// Asked for, `openid` among them.
    pub scopes: Vec<String>,
    /// The claim that lists a person's groups.
    pub groups_claim: String,
    /// Group to role. The strongest role of a person's groups counts.
    pub roles: BTreeMap<String, String>,
    /// What people call the provider.
    pub name: String,
    pub ca_file: Option<PathBuf>,
    /// PEM of `ca_file`.
    pub ca: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileSso {
    pub(super) issuer: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) client_secret_file: Option<PathBuf>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) groups_claim: Option<String>,
    pub(super) roles: Option<BTreeMap<String, String>>,
    pub(super) name: Option<String>,
    pub(super) ca: Option<PathBuf>,
}

impl FileSso {
    /// `None` where nothing of it is set.
    pub(super) fn resolve(self, environment: &Environment) -> Result<Option<Sso>, ConfigError> {
        let given = environment.var(SECRET_VARIABLE);
        let Some(issuer) = self.issuer else {
            let rest = [self.client_id.is_some(), self.roles.is_some(), self.client_secret_file.is_some()];
            let more = self.scopes.is_some() || self.groups_claim.is_some() || self.name.is_some();
            if rest.contains(&true) || more || self.ca.is_some() || given.is_some() {
                return fail("sso.issuer is missing: the provider's URL, as its tokens name it");
            }
            return Ok(None);
        };
        check_issuer(&issuer)?;
        let Some(client_id) = self.client_id.filter(|id| is_plain(id)) else {
            return fail("sso.client_id is missing or not plain: what the provider calls this broker");
        };
        let roles = self.roles.unwrap_or_default();
        if roles.is_empty() {
            return fail(
                "sso.roles is empty: nobody could sign in; map a group to a role, such as admins = \"owner\"",
            );
        }
        if let Some((group, role)) = roles.iter().find(|(_, role)| !ROLES.contains(&role.as_str())) {
            return fail(&format!("sso.roles: '{group}' = '{role}': one of {}", ROLES.join(", ")));
        }
        let file = self.client_secret_file;
        let client_secret = match (&file, given) {
            (Some(_), Some(_)) => {
                return fail(&format!("sso.client_secret_file and {SECRET_VARIABLE}: give one of them"));
            }
            (Some(path), None) => Some(read(path)?.trim_end_matches(['\r', '\n']).to_owned()),
            (None, given) => given.map(str::to_owned),
        };
        if client_secret.as_deref().is_some_and(str::is_empty) {
            return fail("sso.client_secret_file is empty");
        }
        let mut scopes = self.scopes.unwrap_or_else(|| ["openid", "profile"].map(str::to_owned).to_vec());
        if !scopes.iter().all(|scope| is_plain(scope)) {
            return fail("sso.scopes: words without spaces");
        }
        if !scopes.iter().any(|scope| scope == "openid") {
            scopes.insert(0, "openid".to_owned());
        }
        let groups_claim = self.groups_claim.unwrap_or_else(|| "groups".to_owned());
        if groups_claim.is_empty() {
            return fail("sso.groups_claim is empty");
        }
        let host = issuer.split("://").nth(1).unwrap_or_default().split('/').next().unwrap_or_default();
        Ok(Some(Sso {
            name: self.name.unwrap_or_else(|| host.to_owned()),
            client_id,
            client_secret: client_secret.map(|text| Arc::new(Secret::from(text))),
            client_secret_file: file,
            scopes,
            groups_claim,
            roles,
            ca: self.ca.as_deref().map(read).transpose()?,
            ca_file: self.ca,
            issuer,
        }))
    }
}

impl Sso {
    /// `admins → owner, ops → operator`
    pub(super) fn shown_roles(&self) -> String {
        let pairs: Vec<String> =
            self.roles.iter().map(|(group, role)| format!("{group} \u{2192} {role}")).collect();
        pairs.join(", ")
    }
}

/// `admins=owner, ops=operator`, as a variable gives it.
pub(super) fn roles_of(text: &str) -> toml::Value {
    let mut table = toml::Table::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        // Without a role it is a wrong one, which is refused with the group's name.
        let (group, role) = pair.rsplit_once('=').unwrap_or((pair, ""));
        table.insert(group.trim().to_owned(), toml::Value::String(role.trim().to_owned()));
    }
    toml::Value::Table(table)
}

/// OpenID Connect Discovery 1.0 s3: https, a host, perhaps a path, nothing else. Plain HTTP is held to private addresses
/// that were opened when it is asked.
fn check_issuer(issuer: &str) -> Result<(), ConfigError> {
    let rest = issuer.strip_prefix("https://").or_else(|| issuer.strip_prefix("http://"));
    let odd = |c: char| !c.is_ascii_graphic() || matches!(c, '?' | '#' | '@' | '\\' | '"' | '<' | '>' | '%');
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') && !rest.contains(odd) => Ok(()),
        _ => fail(&format!("sso.issuer = '{issuer}': a URL such as https://id.example.com/realms/work")),
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| ConfigError(format!("{}: {error}", path.display())))
}

fn fail<T>(text: &str) -> Result<T, ConfigError> {
    Err(ConfigError(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Flags};
    use super::*;

    fn read(toml: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("stint-broker.toml");
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "hunter2\n").expect("written");
        std::fs::write(&path, toml.replace("SECRET", &secret.display().to_string())).expect("written");
        let flags = Flags { config: Some(path), data: Some("/nowhere".into()), ..Flags::default() };
        Config::read(flags, &Environment::of(variables)).map_err(|error| error.to_string())
    }

    const GOOD: &str = "[sso]\nissuer = \"https://id.example/r/1\"\nclient_id = \"stint\"\n[sso.roles]\nadmins = \"owner\"\n";

    #[test]
    fn it_is_read_with_its_defaults_and_shows_no_secret() {
        let text = GOOD.replace("[sso.roles]", "client_secret_file = \"SECRET\"\n[sso.roles]");
        let config =
            read(&text, &[("STINT_BROKER_SSO_ROLES", "a b=auditor, ops = operator")]).expect("reads");
        let sso = config.sso.clone().expect("is set");
        assert_eq!((sso.name.as_str(), sso.groups_claim.as_str()), ("id.example", "groups"));
        assert_eq!(sso.scopes, ["openid", "profile"]);
        assert_eq!(sso.shown_roles(), "a b \u{2192} auditor, ops \u{2192} operator");
        assert_eq!(sso.client_secret.as_ref().map(|secret| secret.len()), Some(7));
        assert!(!format!("{config:?} {:?}", config.shown()).contains("hunter2"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, variables, says) in [
            ("[sso]\nclient_id = \"x\"\n".to_owned(), vec![], "sso.issuer is missing"),
            (GOOD.replace("https://id.example/r/1", "https://id.example/?x"), vec![], "sso.issuer"),
            (GOOD.replace("https://id.example/r/1", "id.example"), vec![], "sso.issuer"),
            (GOOD.replace("client_id = \"stint\"\n", ""), vec![], "sso.client_id"),
            (GOOD.replace("admins = \"owner\"\n", ""), vec![], "nobody could sign in"),
            (GOOD.replace("\"owner\"", "\"king\""), vec![], "'admins' = 'king'"),
            (GOOD.replace("[sso.roles]", "colour = 1\n[sso.roles]"), vec![], "colour"),
            (GOOD.to_owned(), vec![("STINT_BROKER_SSO_ROLES", "admins")], "'admins' = ''"),
            (
                GOOD.replace("[sso.roles]", "client_secret_file = \"SECRET\"\n[sso.roles]"),
                vec![(SECRET_VARIABLE, "x")],
                "one of them",
            ),
            (GOOD.replace("[sso.roles]", "ca = \"/nowhere/ca.pem\"\n[sso.roles]"), vec![], "/nowhere/ca.pem"),
        ] {
            let error = read(&text, &variables).expect_err("refused");
            assert!(error.contains(says), "{error}");
        }
    }
}
