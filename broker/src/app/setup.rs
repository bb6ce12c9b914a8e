//! The first administrator: a token in a file of the data folder, used once.

use std::path::PathBuf;

use ring::digest::{SHA256, digest};
use stint_api::{Code, Setup, SetupDone};

use super::{App, Error, Facts, Result, identify};
use crate::model::{ClientId, EventKind, LoginKind, LoginRow, Name, PersonRow};
use crate::store::{Change, Commit, CommitError};

impl App {
    pub(in crate::app) fn setup_token_path(&self) -> PathBuf {
        self.0.config.data.join("setup-token")
    }

    /// Use the setup token: makes the first person, an owner, with a login bound to `key`.
    pub async fn setup(&self, setup: Setup) -> Result<SetupDone> {
        self.unsealed()?;
        let name = Name::parse(&setup.person)?;
        let key = identify::parse_key(&setup.key)?;
        let hash = self.check_setup_token(&setup.setup_token).await?;
        let now = self.0.clock.now();
        let client = ClientId::from_uuid(self.uuid()?);
        let actor = format!("person:{name}");
        let device =
            setup.device.map(|device| device.chars().filter(|c| !c.is_control()).take(100).collect());
        let event = self.event(
            EventKind::SetupUsed,
            &actor,
            None,
            Facts::new()
                .with("person", name.as_str())
                .with("client_id", client.as_str())
                .with("jkt", key.jkt.as_str()),
        )?;
        let commit = Commit {
            changes: vec![
                Change::UseSetupToken { hash },
                Change::AddPerson(PersonRow {
                    name: name.clone(),
                    role: "owner".to_owned(),
                    created_at: now,
                }),
                Change::AddLogin(LoginRow {
                    client: client.clone(),
                    person: name.clone(),
                    key: key.text,
                    device,
                    created_at: now,
                    kind: LoginKind::Setup,
                }),
            ],
            events: vec![event],
            digest: None,
        };
        self.0.store.commit(commit).await.map_err(|error| match error {
            CommitError::Conflict("setup_token") => wrong(),
            other => other.into(),
        })?;
        self.setup_is_over();
        Ok(SetupDone {
            person: name.to_string(),
            client_id: client.to_string(),
            issuer: self.issuer().to_owned(),
            token_endpoint: self.token_endpoint(),
        })
    }

    /// The digest of a setup token that may still be used.
    pub(in crate::app) async fn check_setup_token(&self, token: &str) -> Result<[u8; 32]> {
        let hash = hash(token.trim().as_bytes());
        let expected = self.0.store.setup_token().await?.ok_or_else(wrong)?;
        // Both sides are digests of what is random, so how long the comparison takes says nothing of the token.
        if hash == expected { Ok(hash) } else { Err(wrong()) }
    }

    /// The token is spent in the store; the file is only a reminder.
    pub(in crate::app) fn setup_is_over(&self) {
        let _ = std::fs::remove_file(self.setup_token_path());
    }
}

pub(in crate::app) fn wrong() -> Error {
    Error::new(Code::NotAuthenticated, "the setup token is not valid or was used")
        .hint("the first start writes it to DATA/setup-token; it makes one administrator")
}

pub(in crate::app) fn hash(token: &[u8]) -> [u8; 32] {
    let mut out = [0u8; 32];
    out.copy_from_slice(digest(&SHA256, token).as_ref());
    out
}
