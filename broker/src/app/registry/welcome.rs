//! How far a new broker is: five steps, and for each the command lines that do it.

use stint_api::{Welcome, WelcomeStep};

use crate::app::{App, Result};

impl App {
    pub async fn welcome(&self) -> Result<Welcome> {
        let registry = self.0.registry.load();
        let sessions = !self.0.store.sessions(false, 1).await?.is_empty();
        // The first of each in the order of names, so that the lines can be copied as they stand.
        let environment = registry.environments.keys().min().map(ToString::to_string);
        let agent = registry.agents.keys().min().map(ToString::to_string);
        let mapped = registry.owners.values().min().map(ToString::to_string);
        let place = mapped.clone().or(environment.clone()).unwrap_or_else(|| "staging".to_owned());
        let step = |name: &str, done: bool, commands: Vec<String>| WelcomeStep {
            name: name.to_owned(),
            done,
            commands,
        };
        let packs = self.packs();
        let pack = packs.catalog.names().into_iter().next().unwrap_or_default();
        let selector =
            match packs.catalog.packs().first().and_then(|pack| pack.manifest.environment_kinds.first()) {
                Some(kind) => format!("{pack}:{kind}/ID"),
                None => "PROVIDER:KIND/ID".to_owned(),
            };
        let steps = vec![
            step(
                "environment",
                environment.is_some(),
                vec![format!("stint environment add {place} --tier staging")],
            ),
            step("mapping", mapped.is_some(), vec![format!("stint environment map {place} {selector}")]),
            step(
                "credential",
                !registry.credentials.is_empty(),
                vec![format!("stint credential add {pack} --provider {pack} --environment {place}")],
            ),
            step("agent", agent.is_some(), vec!["stint agent add coder".to_owned()]),
            step(
                "session",
                sessions,
                vec![
                    format!("stint login --broker {}", self.issuer()),
                    format!(
                        "stint run --environment {place} --agent {} -- COMMAND",
                        agent.unwrap_or_else(|| "coder".to_owned())
                    ),
                ],
            ),
        ];
        Ok(Welcome { done: steps.iter().all(|step| step.done), steps })
    }
}
