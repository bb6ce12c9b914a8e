//! Policies that say nothing: what no question reaches, what another says already, what a guardrail always stops.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::cell::{Finding, Sides};
use super::{PolicySet, World};
use crate::policy::source::Fault;

/// What was seen of one policy over every question.
#[derive(Debug, Default, Clone)]
struct Seen {
    applies: bool,
    /// Policies of its side that held wherever it held or might.
    with: Option<BTreeSet<String>>,
    /// It held somewhere where nothing denied outright.
    counts: bool,
    /// Forbids that denied wherever it held, and those that did so somewhere.
    always: Option<BTreeSet<String>>,
    stopped_by: BTreeSet<String>,
}

/// What was seen of all policies.
#[derive(Debug, Default)]
pub(super) struct Noted(BTreeMap<String, Seen>);

impl Noted {
    /// What comes of a question, noted.
    pub(super) fn finding(&mut self, sides: Sides) -> Finding {
        note(&mut self.0, &sides);
        sides.finding()
    }

    /// Warnings, in the order of the files. Every question of the world was noted.
    pub(super) fn faults(&self, set: &PolicySet, world: &World) -> Result<Vec<Fault>, String> {
        let mut permits = HashSet::new();
        let mut of_a_broker = HashSet::new();
        for policy in set.all.policies() {
            if policy.effect() == cedar_policy::Effect::Permit {
                permits.insert(policy.id().to_string());
            }
            if world.invented && names_a_brokers(&policy.to_json().map_err(|error| error.to_string())?) {
                of_a_broker.insert(policy.id().to_string());
            }
        }
        let nothing = Seen::default();
        let mut faults = Vec::new();
        for id in set.ids() {
            let seen = self.0.get(id).unwrap_or(&nothing);
            let says = if !seen.applies {
                if of_a_broker.contains(id) {
                    continue;
                }
                format!(
                    "{id} applies to nothing: no agent, environment, operation and place that there is meet it"
                )
            } else if !permits.contains(id) {
                continue;
            } else if !seen.counts {
                let always = seen.always.as_ref().filter(|always| !always.is_empty());
                let by = always.unwrap_or(&seen.stopped_by).iter().cloned().collect::<Vec<_>>().join(", ");
                format!("{id} permits nothing: wherever it holds, {by} forbids it and no approval lifts that")
            } else {
                match seen.with.as_ref().and_then(|with| with.iter().next()) {
                    Some(other) => format!("{id} adds nothing: wherever it holds, {other} permits the same"),
                    None => continue,
                }
            };
            faults.push(set.fault_at(id, says));
        }
        Ok(faults)
    }
}

/// Whether it looks at who an agent or an environment is: those of a broker are not known here.
fn names_a_brokers(json: &Value) -> bool {
    match json {
        Value::Array(values) => values.iter().any(names_a_brokers),
        Value::Object(members) => {
            let is = |name: &str, among: &[&str]| {
                members.get(name).and_then(Value::as_str).is_some_and(|text| among.contains(&text))
            };
            is("type", &["Agent", "Environment"])
                || is("attr", &["name", "environment"])
                || members.values().any(names_a_brokers)
        }
        _ => false,
    }
}

fn note(seen: &mut BTreeMap<String, Seen>, sides: &Sides) {
    let all =
        [&sides.permits, &sides.may_permit, &sides.forbids, &sides.may_forbid, &sides.asks, &sides.may_ask];
    for id in all.into_iter().flatten() {
        let one = seen.entry(id.clone()).or_default();
        one.applies = true;
        one.counts |= sides.forbids.is_empty();
        one.stopped_by.extend(sides.forbids.iter().cloned());
        one.always = Some(match one.always.take() {
            Some(always) => always.intersection(&sides.forbids).cloned().collect(),
            None => sides.forbids.clone(),
        });
        let others: BTreeSet<String> = sides.permits.iter().filter(|other| *other != id).cloned().collect();
        one.with = Some(match one.with.take() {
            Some(with) => with.intersection(&others).cloned().collect(),
            None => others,
        });
    }
}
