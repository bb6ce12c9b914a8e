//! What the provider says of a credential: whether it takes it, what it reaches, how long it lasts, and whether a narrower kind
//! would do.

use stint_api::{Code, CredentialCheck};

use super::inventory;
use crate::app::{App, Error, LiveCredential, PersonCaller, Result};
use crate::provider::{LookupFailure, Question, Told};

/// What came of asking the provider about a credential.
#[derive(Debug, Default)]
pub(super) struct Trial {
    /// `None` where nobody could say.
    accepted: Option<bool>,
    told: Told,
    problems: Vec<String>,
}

impl App {
    /// Ask the provider about a credential. Each question is recorded by itself.
    pub async fn check_credential(&self, caller: &PersonCaller, name: &str) -> Result<CredentialCheck> {
        caller.works()?;
        self.unsealed()?;
        let live = self.named_credential(name)?;
        let Trial { accepted, told, mut problems } = self.tried(&live).await;
        let mut reaches = Vec::new();
        if accepted != Some(false) {
            let survey = self.survey(&live).await;
            reaches = inventory::places(&survey, &self.0.registry.load());
            problems.extend(survey.problems);
        }
        let mut narrower: Vec<String> = self.credential_kind(&live)?.narrower.iter().cloned().collect();
        narrower.extend(told.narrower);
        narrower.extend(self.narrower_key(&live).await?);
        narrower.dedup();
        self.tell(crate::app::News::Record);
        Ok(CredentialCheck {
            credential: live.row.name.to_string(),
            provider: live.row.provider.clone(),
            kind: live.row.kind.clone(),
            accepted,
            name: told.name,
            says: told.says,
            expires_at: told.expires_at,
            reaches,
            narrower,
            problems,
        })
    }

    /// Refuse what the provider rejects. Where it does not say, there is nothing to refuse.
    pub(super) async fn taken_there(&self, live: &LiveCredential) -> Result<()> {
        if self.tried(live).await.accepted != Some(false) {
            return Ok(());
        }
        let pack = self.0.catalog.pack(&live.row.provider);
        let title = pack.map_or(live.row.provider.as_str(), |pack| &pack.manifest.title);
        Err(Error::new(
            Code::InvalidInput,
            format!("{title} does not take this as a credential of kind '{}'", live.row.kind),
        )
        .hint("look at the secret and its kind; `--unchecked` stores it anyway")
        .about("secret"))
    }

    async fn tried(&self, live: &LiveCredential) -> Trial {
        let mut trial = Trial::default();
        let Some(rules) = self.0.resolver.rules(&live.row.provider) else { return trial };
        let (mut asked, mut rejected) = (0, 0);
        for probe in rules.probes() {
            let Some(question) = probe.question() else { continue };
            asked += 1;
            let answer = match question {
                Question::Graphql(text) => {
                    self.ask_graphql(live, probe.name(), text, serde_json::json!({})).await
                }
                Question::Get { host, target } => self.ask_path(live, probe.name(), host, &target).await,
            };
            match answer {
                Ok(answer) => match probe.read(&answer.value, &answer.headers) {
                    Some(told) => return Trial { accepted: Some(true), told, problems: Vec::new() },
                    None => rejected += 1,
                },
                Err(error) if error.kind == LookupFailure::Rejected => rejected += 1,
                Err(error) => {
                    trial.problems.push(format!("{}: {}", probe.name(), error.detail));
                    // Who does not answer one question does not answer the next.
                    if matches!(error.kind, LookupFailure::Timeout | LookupFailure::Unavailable) {
                        break;
                    }
                }
            }
        }
        if asked == 0 {
            trial.problems.push("nothing says how to ask this provider about a credential".to_owned());
        } else if rejected == asked {
            trial.accepted = Some(false);
        }
        trial
    }

    /// What is narrower than the kind of key that the secret had when it was put in.
    async fn narrower_key(&self, live: &LiveCredential) -> Result<Option<String>> {
        let changes =
            self.changes_of(super::credentials::CHANGES, "credential", live.row.name.as_str()).await?;
        let key = changes
            .iter()
            .find_map(|record| record.body.get("facts")?.get("key")?.as_str().map(str::to_owned));
        let pack = self.0.catalog.pack(&live.row.provider);
        let shape =
            pack.and_then(|pack| pack.manifest.key.iter().find(|shape| Some(&shape.name) == key.as_ref()));
        Ok(shape.and_then(|shape| shape.narrower.clone()))
    }

    /// The name of the kind of key that a secret looks like.
    pub(super) fn key_name(&self, provider: &str, secret: &str) -> Option<&str> {
        let shape = self.0.catalog.pack(provider)?.manifest.key_of(secret.as_bytes())?;
        Some(shape.name.as_str())
    }
}
