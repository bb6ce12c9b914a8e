use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use stint_api::{
    AskEffect, CheckPolicy, DecidePolicy, Policy, PolicyCheck, PolicyDiff, PolicyFault, PolicySummary,
    PolicyVersion, ProposedRule, RestorePolicy, SavePolicy,
};

use super::context::{Context, read_text};
use super::reach;
use crate::exit::{self, Failure};
use crate::output;

#[derive(Debug, Args)]
pub(super) struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// All policy files
    List {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// The text of a policy file
    Show {
        name: String,
        /// Its tests instead
        #[arg(long)]
        tests: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Say what a file would be among those in use, without saving it
    Check {
        /// The .cedar file; its tests are in the .tests.toml beside it
        file: PathBuf,
        /// Name that it would have [default: that of the file]
        #[arg(long)]
        name: Option<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Say who can do what where, and which policies say nothing
    Reach {
        /// Of this agent only
        #[arg(long, value_name = "NAME")]
        agent: Option<String>,
        /// Of sessions in this environment only
        #[arg(long, value_name = "NAME")]
        session: Option<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Say what a file would change: who could do what, and which requests of the last days
    Effect {
        /// The .cedar file; its tests are in the .tests.toml beside it
        file: PathBuf,
        /// Name that it would have [default: that of the file]
        #[arg(long)]
        name: Option<String>,
        /// How far back requests are decided again, as 12h or 30d
        #[arg(long, value_name = "DURATION", default_value = "7d")]
        since: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Save a policy file; it is in use at once
    Save {
        name: String,
        /// The .cedar file; its tests are in the .tests.toml beside it
        #[arg(required_unless_present = "remove")]
        file: Option<PathBuf>,
        /// Why, for those who read its versions
        #[arg(long, default_value = "")]
        note: String,
        /// The version that was changed [default: the one in use]
        #[arg(long, value_name = "VERSION")]
        base: Option<i64>,
        /// Propose a change of what ships: a second owner confirms it
        #[arg(long)]
        propose: bool,
        /// Take the file out of use; its versions stay
        #[arg(long, conflicts_with = "file")]
        remove: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Confirm what another owner proposed
    Confirm {
        name: String,
        #[arg(value_name = "VERSION")]
        number: i64,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Take back what was proposed
    Withdraw {
        name: String,
        #[arg(value_name = "VERSION")]
        number: i64,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Every version of a file, the newest first
    Versions {
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// The difference of two versions
    Diff {
        name: String,
        #[arg(long, value_name = "VERSION")]
        from: i64,
        #[arg(long, value_name = "VERSION")]
        to: i64,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Bring an older version back
    Restore {
        name: String,
        /// The version; 0 is what ships
        #[arg(value_name = "VERSION")]
        number: i64,
        #[arg(long, default_value = "")]
        note: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// A rule about one request, from its record or approval; saved with --save
    Rule {
        /// Id or number of an audit record
        #[arg(long, required_unless_present = "approval")]
        record: Option<String>,
        #[arg(long, conflicts_with = "record")]
        approval: Option<String>,
        /// permit or forbid
        #[arg(long, value_parser = ["permit", "forbid"])]
        effect: Option<String>,
        /// Save it as it is proposed
        #[arg(long)]
        save: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let broker = context.broker()?;
        match self.action {
            Action::List { json } => {
                let list = broker.policies().await?;
                if json { output::json(&list) } else { show_list(&list.policies, context) }
            }
            Action::Show { name, tests, json } => {
                let policy = broker.policy(&name).await?;
                if json { output::json(&policy) } else { show(&policy, tests) }
            }
            Action::Check { file, name, json } => {
                let (text, tests) = files(&file)?;
                let name = name.unwrap_or_else(|| stem(&file));
                let check = broker.validate_policy(&CheckPolicy { name, text, tests }).await?;
                if json {
                    output::json(&check)?
                } else {
                    show_check(&check)
                }
                if check.sound {
                    return Ok(());
                }
                Err(Failure::new(exit::FAILURE, "the file does not hold: it would not be saved"))
            }
            Action::Reach { agent, session, json } => {
                let reach = broker.policy_reach(agent.as_deref(), session.as_deref()).await?;
                if json {
                    return output::json(&reach);
                }
                reach::show_reach(&reach);
                Ok(())
            }
            Action::Effect { file, name, since, json } => {
                let (text, tests) = files(&file)?;
                let name = name.unwrap_or_else(|| stem(&file));
                let ask = AskEffect { name, text, tests, since: Some(since) };
                let effect = broker.policy_effect(&ask).await?;
                if json {
                    return output::json(&effect);
                }
                reach::show_effect(&effect);
                Ok(())
            }
            Action::Save { name, file, note, base, propose, remove, json } => {
                context.not_in_a_session("changing policies")?;
                let (text, tests) = match &file {
                    Some(file) if !remove => files(file)?,
                    _ => Default::default(),
                };
                let base = match base {
                    Some(base) => base,
                    None => in_use(&broker, &name).await?,
                };
                let save = SavePolicy { text, tests, note, base };
                let version = match propose {
                    true => broker.propose_policy(&name, &save).await?,
                    false => broker.save_policy(&name, &save).await?,
                };
                done(&version, json)
            }
            Action::Confirm { name, number, json } => {
                context.not_in_a_session("changing policies")?;
                done(&broker.confirm_policy(&name, &DecidePolicy { version: number }).await?, json)
            }
            Action::Withdraw { name, number, json } => {
                context.not_in_a_session("changing policies")?;
                done(&broker.withdraw_policy(&name, &DecidePolicy { version: number }).await?, json)
            }
            Action::Versions { name, json } => {
                let list = broker.policy_versions(&name).await?;
                if json { output::json(&list) } else { show_versions(&name, &list.versions, context) }
            }
            Action::Diff { name, from, to, json } => {
                let diff = broker.policy_diff(&name, from, to).await?;
                if json { output::json(&diff) } else { show_diff(&diff) }
            }
            Action::Restore { name, number, note, json } => {
                context.not_in_a_session("changing policies")?;
                let base = in_use(&broker, &name).await?;
                let restore = RestorePolicy { version: number, base, note };
                done(&broker.restore_policy(&name, &restore).await?, json)
            }
            Action::Rule { record, approval, effect, save, json } => {
                let (kind, id) = match (&record, &approval) {
                    (Some(record), _) => ("record", record),
                    (None, Some(approval)) => ("approval", approval),
                    (None, None) => return Err(Failure::usage("--record or --approval is needed")),
                };
                let rule = broker.rule(kind, id, effect.as_deref()).await?;
                if save {
                    context.not_in_a_session("changing policies")?;
                    let ProposedRule { name, text, tests, note, .. } = rule;
                    let save = SavePolicy { text, tests, note, base: 0 };
                    return done(&broker.save_policy(&name, &save).await?, json);
                }
                if json { output::json(&rule) } else { show_rule(&rule) }
            }
        }
    }
}

/// A policy file and the tests beside it.
fn files(path: &Path) -> Result<(String, String), Failure> {
    let text = read_text(path)?;
    let beside = path.with_extension("tests.toml");
    let tests = if beside.exists() { read_text(&beside)? } else { String::new() };
    Ok((text, tests))
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase()
}

/// The version in use; 0 where there is none.
async fn in_use(broker: &crate::api::Broker, name: &str) -> Result<i64, Failure> {
    let list = broker.policies().await?;
    Ok(list.policies.iter().find(|policy| policy.name == name).map_or(0, |policy| policy.version))
}

fn done(version: &PolicyVersion, json: bool) -> Result<(), Failure> {
    if json {
        return output::json(version);
    }
    output::line(format!("{} version {}: {}", version.name, version.version, version.state.as_str()));
    if version.state == stint_api::PolicyState::Proposed {
        output::hint(format!("another owner: `stint policy confirm {} {}`", version.name, version.version));
    }
    Ok(())
}

fn show_list(policies: &[PolicySummary], context: &Context) -> Result<(), Failure> {
    let now = context.clock.now();
    let rows = policies.iter().map(|policy| {
        let tests = match policy.failing {
            0 => format!("{} pass", policy.tests),
            failing => format!("{failing} fail"),
        };
        let proposed =
            policy.proposed.map(|version| format!(" (version {version} waits)")).unwrap_or_default();
        vec![
            policy.name.clone(),
            policy.origin.as_str().to_owned(),
            format!("{}{proposed}", policy.version),
            policy.policies.len().to_string(),
            tests,
            policy.changed_by.clone().unwrap_or_default(),
            policy.changed_at.map(|at| output::relative(at, now)).unwrap_or_default(),
        ]
    });
    output::table(&["name", "origin", "version", "policies", "tests", "by", "changed"], rows.collect());
    output::hint("read one: `stint policy show NAME`");
    Ok(())
}

fn show(policy: &Policy, tests: bool) -> Result<(), Failure> {
    output::line(if tests { &policy.tests_text } else { &policy.text }.trim_end());
    Ok(())
}

fn show_check(check: &PolicyCheck) {
    for fault in &check.faults {
        output::line(format!("wrong    {}", place(fault)));
    }
    for fault in &check.warnings {
        output::line(format!("warning  {}", place(fault)));
    }
    for result in &check.results {
        let word = if result.passed { "ok" } else { "FAIL" };
        output::line(format!(
            "{word:<8} {}: {} by {}",
            result.name,
            result.decision,
            result.policies.join(", ")
        ));
    }
    if check.sound {
        output::line("it holds");
    }
}

pub(super) fn place(fault: &PolicyFault) -> String {
    let at = match (fault.line, fault.column) {
        (Some(line), Some(column)) => format!(":{line}:{column}"),
        _ => String::new(),
    };
    let part = if fault.part == "tests" { " (tests)" } else { "" };
    format!("{}{part}{at}: {}", fault.name, fault.detail)
}

fn show_versions(name: &str, versions: &[PolicyVersion], context: &Context) -> Result<(), Failure> {
    if versions.is_empty() {
        output::line(format!("{name} is as it came: there is no other version"));
        return Ok(());
    }
    let now = context.clock.now();
    let rows = versions.iter().map(|version| {
        vec![
            version.version.to_string(),
            version.state.as_str().to_owned(),
            version.person.clone(),
            version.decided_by.clone().unwrap_or_default(),
            output::relative(version.created_at, now),
            version.note.clone(),
        ]
    });
    output::table(&["version", "state", "by", "decided by", "when", "note"], rows.collect());
    output::hint(format!("compare: `stint policy diff {name} --from N --to N`"));
    Ok(())
}

fn show_diff(diff: &PolicyDiff) -> Result<(), Failure> {
    for (part, lines) in [("policies", &diff.text), ("tests", &diff.tests)] {
        if !lines.is_empty() {
            output::line(format!("{part}, version {} to {}", diff.from, diff.to));
        }
        for line in lines {
            output::line(format!("{} {}", line.change, line.text));
        }
    }
    if diff.text.is_empty() && diff.tests.is_empty() {
        output::line("they are the same");
    }
    Ok(())
}

fn show_rule(rule: &ProposedRule) -> Result<(), Failure> {
    output::line(rule.text.trim_end());
    for sentence in &rule.says {
        output::note(sentence);
    }
    output::hint(format!(
        "it would be saved as {}: give --save, or keep it in a file and edit it",
        rule.name
    ));
    Ok(())
}
