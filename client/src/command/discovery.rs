//! What a credential sees, as a tree with a proposal for each thing that nobody maps.

use stint_api::{CredentialCheck, Place, Reading};

use crate::exit::Failure;
use crate::output;

pub(super) fn show(reading: &Reading) -> Result<(), Failure> {
    tree(&reading.places);
    for problem in &reading.problems {
        output::hint(format!("could not be read: {}", output::clean(problem)));
    }
    let proposed = reading.places.iter().filter_map(|place| Some((place, place.proposal.as_ref()?)));
    let mut to_add: Vec<String> = Vec::new();
    let mut commands = Vec::new();
    for (place, proposal) in proposed {
        let environment = &proposal.environment;
        if !proposal.exists {
            to_add.push(format!("stint environment add {environment} --tier {}", proposal.tier));
        }
        commands.push(format!("stint environment map {environment} {}", output::clean(&place.selector)));
    }
    to_add.sort();
    to_add.dedup();
    if commands.is_empty() {
        output::hint("everything that was found is mapped");
        return Ok(());
    }
    output::hint("proposed, going by names; look before you run them:");
    for command in to_add.iter().chain(&commands) {
        output::hint(format!("  {command}"));
    }
    Ok(())
}

pub(super) fn show_check(check: &CredentialCheck) -> Result<(), Failure> {
    let state = match check.accepted {
        Some(true) => "the provider takes it",
        Some(false) => "the provider does not take it",
        None => "whether the provider takes it could not be found out",
    };
    output::line(format!("{} ({}, {}): {state}", check.credential, check.provider, check.kind));
    if let Some(name) = &check.name {
        output::line(format!("whose: {}", output::clean(name)));
    }
    for said in &check.says {
        output::line(output::clean(said));
    }
    if let Some(at) = check.expires_at {
        output::line(format!("ends: {}", at.to_rfc3339()));
    }
    tree(&check.reaches);
    for narrower in &check.narrower {
        output::hint(format!("narrower: {}", output::clean(narrower)));
    }
    for problem in &check.problems {
        output::hint(format!("could not be found out: {}", output::clean(problem)));
    }
    Ok(())
}

fn tree(places: &[Place]) {
    for place in places {
        let name = place.name.as_deref().unwrap_or("without a name");
        let name =
            place.within.as_ref().map_or_else(|| name.to_owned(), |within| format!("{within} / {name}"));
        let state = match (&place.environment, &place.proposal) {
            (Some(environment), _) => format!("is {environment}"),
            (None, Some(proposal)) => format!("looks like {}: {}", proposal.tier, proposal.why),
            (None, None) => "is mapped nowhere".to_owned(),
        };
        output::line(format!(
            "{}  {}  {}",
            output::clean(&name),
            output::clean(&place.selector),
            output::clean(&state)
        ));
        for thing in &place.things {
            let name = thing.name.as_deref().unwrap_or(&thing.id);
            output::line(format!("  {} {}", output::clean(&thing.kind), output::clean(name)));
        }
    }
}
