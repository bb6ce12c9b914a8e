//! Where settings come from: flag, `STINT_*` variable, project file, user file, login, default, in that order.
//!
//! The only reader of the process environment, of `stint.toml` and of `config.toml`. A project file lies in a repository
//! that others write: it can only narrow what a command may have, and never says where the broker is.

mod project;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::exit::Failure;
use crate::home::Home;

pub use project::{Project, ProjectRun};

pub const DEFAULT_BROKER: &str = "http://127.0.0.1:7380";

/// All that a command reads of its surroundings, read once.
#[derive(Debug, Clone)]
pub struct Config {
    pub broker: Setting<String>,
    pub home: Setting<PathBuf>,
    /// Certificates to trust as the broker, a PEM file; the system's roots when absent.
    pub broker_ca: Option<Setting<PathBuf>>,
    pub environment: Option<Setting<String>>,
    pub agent: Option<Setting<String>>,
    pub project: Option<Project>,
    /// Folder for files that live as long as a run: `$XDG_RUNTIME_DIR/stint`, or in the home.
    pub runtime_dir: PathBuf,
    /// What this process inherited.
    pub inherited: Vec<(OsString, OsString)>,
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    pub value: T,
    pub origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Flag,
    Variable(&'static str),
    UserFile,
    Login,
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag => f.write_str("flag"),
            Origin::Variable(name) => f.write_str(name),
            Origin::UserFile => f.write_str("config.toml"),
            Origin::Login => f.write_str("login"),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// `config.toml` in the home.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserFile {
    broker: Option<String>,
    broker_ca: Option<PathBuf>,
    environment: Option<String>,
    agent: Option<String>,
}

impl Config {
    /// Of this process.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
    pub fn load(broker_flag: Option<String>) -> Result<Self, Failure> {
        Config::read(std::env::vars_os().collect(), &std::env::current_dir()?, broker_flag)
    }

    /// Of the given environment and working folder.
    pub fn read(
        inherited: Vec<(OsString, OsString)>,
        folder: &Path,
        broker_flag: Option<String>,
    ) -> Result<Self, Failure> {
        let path = |name: &str| variable(&inherited, name).map(PathBuf::from);
        let text = |name: &'static str| match variable(&inherited, name)
            .map(|value| value.to_os_string().into_string())
        {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(Setting { value, origin: Origin::Variable(name) })),
            Some(Err(_)) => Err(Failure::usage(format!("{name} is not UTF-8"))),
        };
        let home = home_dir(&path)?;
        let UserFile { broker, broker_ca, environment, agent } = user_file(&home.value.join("config.toml"))?;
        let user = |value| Setting { value, origin: Origin::UserFile };
        let login = || -> Result<_, Failure> {
            let login = Home::new(home.value.clone()).login()?;
            Ok(login.map(|login| Setting { value: login.broker, origin: Origin::Login }))
        };
        let broker = match (broker_flag, text("STINT_BROKER")?, broker) {
            (Some(value), _, _) => Setting { value, origin: Origin::Flag },
            (None, Some(setting), _) => setting,
            (None, None, Some(value)) => user(value),
            (None, None, None) => login()?
                .unwrap_or_else(|| Setting { value: DEFAULT_BROKER.to_owned(), origin: Origin::Default }),
        };
        let broker = Setting { value: base_url(&broker.value)?, origin: broker.origin };
        let broker_ca = path("STINT_BROKER_CA")
            .map(|value| Setting { value, origin: Origin::Variable("STINT_BROKER_CA") })
            .or(broker_ca.map(|value| Setting { value, origin: Origin::UserFile }));
        let runtime_dir = match path("XDG_RUNTIME_DIR").filter(|dir| dir.is_dir()) {
            Some(dir) => dir.join("stint"),
            None => home.value.join("run"),
        };
        Ok(Config {
            broker,
            broker_ca,
            environment: text("STINT_ENVIRONMENT")?.or(environment.map(user)),
            agent: text("STINT_AGENT")?.or(agent.map(user)),
            project: Project::find(folder)?,
            runtime_dir,
            home,
            inherited,
        })
    }

    pub fn home(&self) -> Home {
        Home::new(self.home.value.clone())
    }

    /// A variable of the inherited environment, empty ones excepted.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        variable(&self.inherited, name)
    }

    /// The user's home, which credentials lie in: `HOME`, or what the system's list of users says of `uid`.
    pub fn user_home(&self, uid: u32) -> Option<PathBuf> {
        if let Some(home) = self.variable("HOME").map(PathBuf::from).filter(|home| home.is_absolute()) {
            return Some(home);
        }
        // passwd(5): the number is the third field, the home the sixth.
        let users = std::fs::read_to_string("/etc/passwd").ok()?;
        let own = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let home = own.filter(|fields| fields.get(2) == Some(&uid.to_string().as_str()));
        home.filter_map(|fields| fields.get(5).map(PathBuf::from)).find(|home| home.is_absolute())
    }

    /// The session that this process runs in, when a `stint run` started it.
    pub fn surrounding_session(&self) -> Option<String> {
        self.variable("STINT_SESSION").map(|id| id.to_string_lossy().into_owned())
    }
}

fn variable<'a>(inherited: &'a [(OsString, OsString)], name: &str) -> Option<&'a OsStr> {
    inherited
        .iter()
        .find(|(known, value)| known == name && !value.is_empty())
        .map(|(_, value)| value.as_os_str())
}

fn home_dir(path: &impl Fn(&str) -> Option<PathBuf>) -> Result<Setting<PathBuf>, Failure> {
    if let Some(value) = path("STINT_HOME") {
        return Ok(Setting { value: std::path::absolute(value)?, origin: Origin::Variable("STINT_HOME") });
    }
    // The XDG specification asks for relative paths to be ignored.
    if let Some(value) = path("XDG_CONFIG_HOME").filter(|dir| dir.is_absolute()) {
        return Ok(Setting { value: value.join("stint"), origin: Origin::Variable("XDG_CONFIG_HOME") });
    }
    match path("HOME") {
        Some(value) => Ok(Setting { value: value.join(".config/stint"), origin: Origin::Default }),
        None => Err(Failure::usage("there is no folder for local state").hint("set STINT_HOME")),
    }
}

fn user_file(path: &Path) -> Result<UserFile, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => toml::from_str(&text)
            .map_err(|error| Failure::usage(format!("{}: {}", path.display(), error.to_string().trim_end()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(UserFile::default()),
        Err(error) => Err(Failure::usage(format!("{}: {error}", path.display()))),
    }
}

/// An `http` or `https` URL with a host and no more than a path, without a slash at its end.
fn base_url(text: &str) -> Result<String, Failure> {
    let bad = |why: &str| {
        Failure::usage(format!("the broker's URL '{text}' {why}"))
            .hint(format!("it looks like {DEFAULT_BROKER}"))
    };
    let url: http::Uri = text.parse().map_err(|_| bad("is none"))?;
    let authority = url.authority().ok_or_else(|| bad("names no host"))?;
    match url.scheme_str() {
        Some("http" | "https") => {}
        _ => return Err(bad("is neither http nor https")),
    }
    if authority.as_str().contains('@') || url.query().is_some() {
        return Err(bad("carries more than host, port and path"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)], folder: &Path, flag: Option<&str>) -> Result<Config, Failure> {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Config::read(variables, folder, flag.map(str::to_owned))
    }

    #[test]
    fn a_flag_beats_a_variable_beats_the_user_file_beats_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap();
        let variables = [("STINT_HOME", home), ("STINT_BROKER", "http://variable:1/")];
        let broker = |variables: &[(&str, &str)], flag| read(variables, folder.path(), flag).unwrap().broker;
        let only_home = [("STINT_HOME", home)];
        assert_eq!(broker(&only_home, None).value, DEFAULT_BROKER);
        std::fs::write(folder.path().join("config.toml"), "broker = \"http://file:1\"\n").unwrap();
        assert_eq!(
            broker(&only_home, None),
            Setting { value: "http://file:1".into(), origin: Origin::UserFile }
        );
        let variable = broker(&variables, None);
        assert_eq!(
            (variable.value.as_str(), variable.origin),
            ("http://variable:1", Origin::Variable("STINT_BROKER"))
        );
        assert_eq!(broker(&variables, Some("https://flag/")).value, "https://flag");
    }

    #[test]
    fn a_broker_url_that_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let home = [("STINT_HOME", folder.path().to_str().unwrap())];
        for url in
            ["127.0.0.1:7380", "ftp://host", "http://user:password@host", "http://host/?x=1", "nonsense"]
        {
            assert_eq!(read(&home, folder.path(), Some(url)).unwrap_err().code, crate::exit::USAGE, "{url}");
        }
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), "brokr = \"x\"\n").unwrap();
        let error =
            read(&[("STINT_HOME", folder.path().to_str().unwrap())], folder.path(), None).unwrap_err();
        assert!(error.message.contains("brokr"), "{error}");
    }
}
