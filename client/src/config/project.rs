use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::exit::Failure;
use crate::sidecar::Mode;

/// `stint.toml` of a repository. Each key narrows; none can widen, and none says where the broker is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Project {
    #[serde(skip)]
    pub path: PathBuf,
    /// Environments that may be asked for in this folder; absent means any.
    pub environments: Option<Vec<String>>,
    /// Credentials that may be asked for in this folder; absent means any.
    pub credentials: Option<Vec<String>>,
    /// Longest session: `30m`.
    pub ttl: Option<String>,
    /// `deny` closes what no provider owns; `open` changes nothing.
    pub egress: Option<Mode>,
    pub run: Option<ProjectRun>,
}

/// `[run]`: what commands here are held to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectRun {
    /// `true`: no command is run unconfined here. `false` changes nothing.
    pub confine: Option<bool>,
    /// Of the hosts that the session allows, those that commands here may reach; absent means all.
    pub hosts: Option<Vec<String>>,
    /// More files and folders that commands here do not see; relative to this file.
    #[serde(default)]
    pub hide: Vec<PathBuf>,
    /// `true`: commands here do not see `.env` files.
    pub hide_env_files: Option<bool>,
    /// Variables that commands here do not get.
    #[serde(default)]
    pub drop: Vec<String>,
}

impl Project {
    /// The nearest `stint.toml` from `folder` upwards.
    pub(super) fn find(folder: &Path) -> Result<Option<Project>, Failure> {
        for folder in folder.ancestors() {
            let path = folder.join("stint.toml");
            match std::fs::read_to_string(&path) {
                Ok(text) => {
                    let project = toml::from_str(&text);
                    let project: Project = project.map_err(|error| {
                        Failure::usage(format!("{}: {}", path.display(), error.to_string().trim_end()))
                    })?;
                    return Ok(Some(Project { path, ..project }));
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Failure::usage(format!("{}: {error}", path.display()))),
            }
        }
        Ok(None)
    }

    pub fn allows_environment(&self, name: &str) -> Result<(), Failure> {
        match &self.environments {
            Some(allowed) if !allowed.iter().any(|allowed| allowed == name) => Err(Failure::usage(format!(
                "{} allows only {} here, and not {name}",
                self.path.display(),
                allowed.join(", ")
            ))),
            _ => Ok(()),
        }
    }

    /// Narrows the credentials asked for, where none asked for means all.
    pub fn narrow_credentials(&self, wanted: Vec<String>) -> Result<Vec<String>, Failure> {
        match &self.credentials {
            None => Ok(wanted),
            Some(allowed) if wanted.is_empty() => Ok(allowed.clone()),
            Some(allowed) => match wanted.iter().find(|name| !allowed.contains(name)) {
                Some(name) => Err(Failure::usage(format!(
                    "{} does not allow the credential {name} here",
                    self.path.display()
                ))),
                None => Ok(wanted),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(text: &str) -> Result<Option<Project>, Failure> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("stint.toml"), text).unwrap();
        let below = folder.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        Project::find(&below)
    }

    #[test]
    fn l6_a_project_file_can_only_narrow() {
        let project =
            project("environments = [\"staging\"]\ncredentials = [\"railway\"]\n").unwrap().unwrap();
        project.allows_environment("staging").unwrap();
        assert!(project.allows_environment("production").is_err());
        assert_eq!(project.narrow_credentials(Vec::new()).unwrap(), ["railway"]);
        assert_eq!(project.narrow_credentials(vec!["railway".into()]).unwrap(), ["railway"]);
        assert!(project.narrow_credentials(vec!["railway".into(), "github".into()]).is_err());
    }

    #[test]
    fn l6_a_project_file_cannot_share_a_folder_or_keep_a_variable() {
        for line in ["share = [\"/\"]", "keep = [\"GH_TOKEN\"]", "no_confine = true"] {
            assert_eq!(project(&format!("[run]\n{line}\n")).unwrap_err().code, crate::exit::USAGE, "{line}");
        }
        let run = project("[run]\nconfine = true\nhosts = [\"a.example\"]\n").unwrap().unwrap().run.unwrap();
        assert_eq!((run.confine, run.hosts.unwrap()), (Some(true), vec!["a.example".to_owned()]));
    }

    #[test]
    fn l6_a_project_file_cannot_say_where_the_broker_is() {
        let error = project("broker = \"http://elsewhere\"\n").unwrap_err();
        assert!(error.message.contains("broker"), "{error}");
    }
}
