use clap::Args;
use serde_json::{Map, Value, json};

use super::context::Context;
use crate::config::Setting;
use crate::exit::Failure;
use crate::output;

/// Flag before STINT_* variable before config.toml before login before default. A stint.toml can only narrow.
#[derive(Debug, Args)]
pub(super) struct Config {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Config {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let config = &context.config;
        let mut rows: Vec<(&str, String, String)> = Vec::new();
        let mut row = |name, value: String, origin: String| rows.push((name, value, origin));
        row("broker", config.broker.value.clone(), config.broker.origin.to_string());
        row("home", config.home.value.display().to_string(), config.home.origin.to_string());
        if let Some(Setting { value, origin }) = &config.broker_ca {
            row("broker_ca", value.display().to_string(), origin.to_string());
        }
        for (name, setting) in [("environment", &config.environment), ("agent", &config.agent)] {
            if let Some(Setting { value, origin }) = setting {
                row(name, value.clone(), origin.to_string());
            }
        }
        if let Some(project) = &config.project {
            let origin = project.path.display().to_string();
            for (name, list) in
                [("environments", &project.environments), ("credentials", &project.credentials)]
            {
                if let Some(list) = list {
                    row(name, format!("only {}", list.join(", ")), origin.clone());
                }
            }
            if let Some(ttl) = &project.ttl {
                row("ttl", format!("at most {ttl}"), origin.clone());
            }
            if let Some(egress) = project.egress {
                row("egress", format!("{egress:?}").to_lowercase(), origin);
            }
        }
        if self.json {
            let all: Map<String, Value> = rows
                .into_iter()
                .map(|(name, value, origin)| (name.to_owned(), json!({"value": value, "origin": origin})))
                .collect();
            return output::json(&all);
        }
        let rows = rows.into_iter().map(|(name, value, origin)| vec![name.to_owned(), value, origin]);
        output::table(&["setting", "value", "origin"], rows.collect());
        Ok(())
    }
}
