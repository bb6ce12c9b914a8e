use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use stint_api::{Confinement, StartedSession};

use super::super::context::Context;
use crate::config::ProjectRun;
use crate::confine::{self, Places, View};
use crate::exit::{self, Failure};
use crate::output;
use crate::sidecar::{Egress, Mode};

/// How a command is held: what it can reach, and what it can see.
#[derive(Debug, Args)]
pub(super) struct Hold {
    /// Run the command confined, or not at all; without either flag: confined where this machine can
    #[arg(long, conflicts_with = "no_confine")]
    confine: bool,
    /// Run the command unconfined: it can reach the network and read files past Stint
    #[arg(long)]
    no_confine: bool,
    /// Unconfined: `deny` closes all hosts that no provider owns
    #[arg(long, value_name = "open|deny", value_parser = mode)]
    egress: Option<Mode>,
    /// Confined: of the hosts that the broker allows beside the providers', only these
    #[arg(long = "allow-host", value_name = "HOST")]
    allow_hosts: Vec<String>,
    /// Confined: list at the end which hosts the command asked for in vain
    #[arg(long)]
    pub(super) learn: bool,
    /// Confined: a file or folder that the command may see and write besides
    #[arg(long, value_name = "PATH")]
    share: Vec<PathBuf>,
    /// Confined: a file or folder that the command does not see
    #[arg(long, value_name = "PATH")]
    hide: Vec<PathBuf>,
    /// Confined: the command does not see the `.env` files of the working tree
    #[arg(long)]
    hide_env_files: bool,
}

/// What a dry run shows of it.
#[derive(Debug, Serialize)]
pub(super) struct Held {
    pub(super) level: Confinement,
    pub(super) view: Option<View>,
    pub(super) hosts: Vec<String>,
}

impl Hold {
    /// How strongly the command is to be held: as asked, and as much as the machine can where nothing was asked.
    pub(super) fn strength(&self, context: &Context) -> Result<Confinement, Failure> {
        let demanded = project(context).is_some_and(|run| run.confine == Some(true));
        if self.no_confine {
            return match demanded {
                true => Err(Failure::usage("stint.toml lets no command run unconfined here")),
                false => self.nothing_of_confinement().map(|()| Confinement::None),
            };
        }
        match confine::probe() {
            Ok(()) if self.egress == Some(Mode::Open) => Err(Failure::usage(
                "a confined command reaches only providers and the hosts that the broker allows",
            )
            .hint("`--no-confine --egress open` runs it unconfined")),
            Ok(()) => Ok(Confinement::Full),
            Err(cannot) if self.confine || demanded => {
                let message = format!("the command cannot be confined here: {}", cannot.why);
                Err(Failure::new(exit::COULD_NOT_START, message)
                    .hint(cannot.remedy)
                    .hint("`--no-confine` runs it unconfined"))
            }
            Err(cannot) => {
                self.nothing_of_confinement()?;
                let note =
                    "the command is only partly confined, and can reach the network and files past Stint";
                output::note(format!("{note}: {}", cannot.why));
                output::hint(cannot.remedy);
                Ok(Confinement::Partly)
            }
        }
    }

    /// Within a session the command is held as that one is: what asks for more or less is an error.
    pub(super) fn within(&self, context: &Context, outer: Confinement) -> Result<(), Failure> {
        let demanded = self.confine || project(context).is_some_and(|run| run.confine == Some(true));
        if demanded && !outer.is_full() {
            return Err(Failure::new(
                exit::COULD_NOT_START,
                "the session around this one is not confined, and one within it cannot be",
            )
            .hint("run the outer command with `stint run --confine`"));
        }
        if self.no_confine && outer.is_full() {
            return Err(Failure::usage("the session around this one is confined, and so is each within it"));
        }
        match self.asked() {
            Some(flag) => Err(Failure::usage(format!("{flag} is not for a session within a session"))
                .hint("name it for the outer command")),
            None => Ok(()),
        }
    }

    /// What was asked for and would not be is an error, and not left out.
    fn nothing_of_confinement(&self) -> Result<(), Failure> {
        match self.asked() {
            Some(flag) => {
                Err(Failure::usage(format!("{flag} is for a confined command, and this one would not be")))
            }
            None => Ok(()),
        }
    }

    /// The first flag that was given of those that say how a command is confined.
    fn asked(&self) -> Option<&'static str> {
        let asked = [
            ("--allow-host", !self.allow_hosts.is_empty()),
            ("--learn", self.learn),
            ("--share", !self.share.is_empty()),
            ("--hide", !self.hide.is_empty()),
            ("--hide-env-files", self.hide_env_files),
        ];
        asked.iter().find(|(_, asked)| *asked).map(|(flag, _)| *flag)
    }

    /// Hosts that no provider owns and the command may reach: what the broker allows, narrowed.
    fn hosts(&self, context: &Context, started: &StartedSession) -> Result<Vec<String>, Failure> {
        let allowed = &started.egress;
        if let Some(host) = self.allow_hosts.iter().find(|host| !allowed.contains(host)) {
            let message = format!("the broker does not allow {host} to sessions of this environment");
            return Err(Failure::new(exit::COULD_NOT_START, message)
                .hint("an owner allows a host in the broker's configuration: egress.hosts"));
        }
        let named = |host: &String| self.allow_hosts.is_empty() || self.allow_hosts.contains(host);
        let project = project(context).and_then(|run| run.hosts.as_ref());
        let narrowed = |host: &String| project.is_none_or(|hosts| hosts.contains(host));
        Ok(allowed.iter().filter(|host| named(host) && narrowed(host)).cloned().collect())
    }

    pub(super) fn egress(&self, context: &Context, started: &StartedSession) -> Result<Egress, Failure> {
        if started.session.confined {
            return Ok(Egress::new(Mode::Deny, self.hosts(context, started)?));
        }
        let closed = context.config.project.as_ref().and_then(|project| project.egress) == Some(Mode::Deny);
        let mode = if closed { Mode::Deny } else { self.egress.unwrap_or_default() };
        Ok(Egress::new(mode, []))
    }

    pub(super) fn view(&self, context: &Context) -> Result<View, Failure> {
        let config = &context.config;
        let folder = std::env::current_dir()?;
        let home = config.user_home(rustix::process::getuid().as_raw());
        let share = self.share.iter().map(|path| existing(path)).collect::<Result<Vec<_>, _>>()?;
        let mut hide = self.hide.iter().map(|path| existing(path)).collect::<Result<Vec<_>, _>>()?;
        let project = project(context);
        let base = config.project.as_ref().and_then(|project| project.path.parent());
        if let (Some(run), Some(base)) = (project, base) {
            hide.extend(run.hide.iter().map(|path| base.join(path)));
        }
        let places = Places {
            home: home.as_deref(),
            folder: &folder,
            own: &[&config.home.value, &config.runtime_dir],
            share: &share,
            hide: &hide,
            hide_env_files: self.hide_env_files
                || project.is_some_and(|run| run.hide_env_files == Some(true)),
            inherited: &config.inherited,
        };
        let view = View::make(&places);
        match view.shows_folder() {
            true => Ok(view),
            false => Err(Failure::new(
                exit::COULD_NOT_START,
                format!("the working folder {} is one that confined commands do not see", folder.display()),
            )
            .hint("`--share .` lets this one see it")),
        }
    }

    /// `/etc/hosts` as the command sees it (hosts(5)): names of providers and of hosts that it may reach, all here.
    pub(super) fn hosts_file(&self, context: &Context, started: &StartedSession) -> Result<String, Failure> {
        let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let mut text = format!("127.0.0.1 localhost {machine}\n::1 localhost ip6-localhost\n");
        let providers = started.hosts.iter().map(|known| known.host.clone());
        for host in providers.chain(self.hosts(context, started)?) {
            // What comes from the broker becomes a line of its own, or nothing.
            if host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')) {
                text.push_str(&format!("127.0.0.1 {host}\n"));
            }
        }
        Ok(text)
    }

    pub(super) fn show(&self, context: &Context, started: &StartedSession) -> Result<Held, Failure> {
        let level = started.session.confinement;
        Ok(match level {
            Confinement::Full => {
                Held { level, view: Some(self.view(context)?), hosts: self.hosts(context, started)? }
            }
            _ => Held { level, view: None, hosts: Vec::new() },
        })
    }
}

fn project(context: &Context) -> Option<&ProjectRun> {
    context.config.project.as_ref().and_then(|project| project.run.as_ref())
}

fn existing(path: &std::path::Path) -> Result<PathBuf, Failure> {
    std::fs::canonicalize(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "open" => Ok(Mode::Open),
        "deny" => Ok(Mode::Deny),
        _ => Err("one of open, deny".to_owned()),
    }
}
