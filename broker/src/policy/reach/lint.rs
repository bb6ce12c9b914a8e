//! Policies that say nothing: what no question reaches, what another says already, what a guardrail always stops.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::cell::{Asking, Cell, Evaluator, Place, Sides};
use super::named::Named;
use super::{PolicySet, World};
use crate::policy::source::{Fault, on_deep_stack};

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

/// Warnings, in the order of the files. `world` is everything that there is: what is not in it cannot be asked for.
pub fn lint(set: &PolicySet, world: &World) -> Result<Vec<Fault>, String> {
    let named = Named::of(set)?;
    let (all, liftable, own) = (set.all.clone(), set.liftable(), world.clone());
    let work = move || survey(&Evaluator::new(&all, &liftable)?, &named, &own);
    let seen = on_deep_stack(work).unwrap_or_else(|| Err("the evaluation stopped".to_owned()))?;
    let permits: HashSet<String> = set
        .all
        .policies()
        .filter(|policy| policy.effect() == cedar_policy::Effect::Permit)
        .map(|policy| policy.id().to_string())
        .collect();
    let mut faults = Vec::new();
    for id in set.ids() {
        let nothing = Seen::default();
        let seen = seen.get(id).unwrap_or(&nothing);
        let says = if !seen.applies {
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

fn survey(evaluator: &Evaluator<'_>, named: &Named, world: &World) -> Result<BTreeMap<String, Seen>, String> {
    let mut seen = BTreeMap::new();
    let kinds = named.kinds(&world.acts);
    for (agent, _) in named.agents(&world.agents)? {
        for (session, tier) in &world.environments {
            let asking = Asking { agent: agent.clone(), session: session.clone(), tier: *tier };
            note(&mut seen, &evaluator.start_sides(&asking)?);
            for place in Place::all(session, &world.environments) {
                for kind in &kinds {
                    for strength in &kind.strengths {
                        let cell = Cell { asking: &asking, kind, strength, place: &place, thing: None };
                        note(&mut seen, &evaluator.sides(&cell)?);
                        for thing in named.things_of(kind) {
                            note(&mut seen, &evaluator.sides(&Cell { thing: Some(thing), ..cell })?);
                        }
                    }
                }
            }
        }
    }
    Ok(seen)
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
