use std::path::Path;

use crate::api::{Broker, Holder, Identity, Tls, Transport, key_from_text};
use crate::clock::Clock;
use crate::config::{Config, Setting};
use crate::exit::{self, Failure};
use crate::home::Login;

/// What every command starts from.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) config: Config,
    pub(super) clock: Clock,
}

impl Context {
    pub(super) fn load(broker: Option<String>) -> Result<Self, Failure> {
        Ok(Context { config: Config::load(broker)?, clock: Clock::system() })
    }

    pub(super) fn base(&self) -> &str {
        &self.config.broker.value
    }

    /// Certificates to trust as the broker, in PEM.
    pub(super) fn broker_ca(&self) -> Result<Option<String>, Failure> {
        self.config.broker_ca.as_ref().map(|setting| read_text(&setting.value)).transpose()
    }

    pub(super) fn transport(&self) -> Result<Transport, Failure> {
        Ok(Transport::new(&Tls::for_url(self.base(), self.broker_ca()?.as_deref()))?)
    }

    pub(super) fn login(&self) -> Result<Login, Failure> {
        self.config.home().login()?.ok_or_else(|| {
            Failure::new(exit::NOT_AUTHENTICATED, "there is no login on this machine")
                .hint("`stint login` asks a person to let it in")
                .hint("`stint login --setup-token-file FILE` makes the first one of a new broker")
        })
    }

    /// The broker, as the person who is logged in.
    pub(super) fn broker(&self) -> Result<Broker, Failure> {
        let login = self.login()?;
        let key = key_from_text(&self.config.home().key(&login.key)?)?;
        // Another address for the same broker is for the token endpoint as well.
        let token_endpoint = match login.token_endpoint.strip_prefix(&login.broker) {
            Some(path) => format!("{}{path}", self.base()),
            None => login.token_endpoint,
        };
        let identity = Identity { client_id: login.client_id, issuer: login.issuer, token_endpoint };
        let holder = Holder::new(identity, key, self.transport()?, self.clock.clone());
        Ok(Broker::new(self.base(), holder))
    }

    /// Refuses what an agent must not do with the login of the person on whose machine it runs. It keeps honest agents
    /// honest: a command that is not confined could take the variable away.
    pub(super) fn not_in_a_session(&self, what: &str) -> Result<(), Failure> {
        match self.config.surrounding_session() {
            None => Ok(()),
            Some(id) => {
                Err(Failure::new(exit::DENIED, format!("{what} is for people, and this is session {id}"))
                    .hint("ask a person to do it outside the session"))
            }
        }
    }

    /// A flag, or else the setting; both for one thing that a command cannot do without.
    pub(super) fn need(
        &self,
        what: &str,
        flag: Option<&String>,
        setting: Option<&Setting<String>>,
    ) -> Result<String, Failure> {
        flag.or(setting.map(|setting| &setting.value)).cloned().ok_or_else(|| {
            Failure::usage(format!("--{what} is needed")).hint(format!(
                "`stint {what} list` shows which there are; STINT_{} works too",
                what.to_uppercase()
            ))
        })
    }
}

pub(super) fn read_text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}
