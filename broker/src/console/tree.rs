//! What providers hold, arranged by who owns it. Every name in it is a provider's text.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use stint_api::{Environment, Inventory, Place, PlaceThing, Proposal};

use super::parts::Fields;
use super::text::{self, Name, Shown};
use super::visitor::Visitor;

/// What an environment owns: each selector, and beneath it what lives there, where that was read.
pub(super) fn owned(environment: &Environment, inventory: &Inventory, may: bool) -> Markup {
    html! {
        @if environment.selectors.is_empty() {
            p.dim { "Nothing is mapped to it: its sessions reach nothing." }
        } @else {
            ul.tree {
                @for selector in &environment.selectors {
                    li {
                        @match find(inventory, selector) {
                            Some(place) => { (head(place)) " " code.dim { (Shown(selector)) } (things(&place.things)) }
                            None => { code { (Shown(selector)) } }
                        }
                        @if may {
                            form.inline method="post" action={ "/console/environments/" (environment.name) "/unmap" } {
                                input type="hidden" name="selector" value=(selector);
                                button.quiet.small type="submit" aria-label={ "Unmap " (selector) } { "Unmap" }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What was read and is mapped nowhere, with a form for each.
pub(super) fn unmapped(
    inventory: &Inventory,
    environments: &[Environment],
    may: bool,
    typed: &Fields,
    refused: bool,
) -> Markup {
    let mut places: BTreeMap<&str, &Place> = BTreeMap::new();
    for place in inventory.readings.iter().flat_map(|reading| &reading.places) {
        if place.environment.is_none() {
            places.insert(&place.selector, place);
        }
    }
    let read = inventory.readings.iter().any(|reading| reading.read_at.is_some());
    html! {
        @if places.is_empty() {
            p.dim { @if read { "Everything that was read is mapped." } @else { "Not known: the providers were not asked since the broker started." } }
        } @else {
            ul.cards {
                @for place in places.values() {
                    li.card {
                        h3 { (head(place)) }
                        code.dim { (Shown(&place.selector)) }
                        (things(&place.things))
                        @if let Some(proposal) = &place.proposal { (proposed(proposal)) }
                        @if may && !environments.is_empty() {
                            @let again = refused && typed.get("selector") == place.selector;
                            @let likely = place.proposal.as_ref().filter(|proposal| proposal.exists).map(|proposal| proposal.environment.as_str());
                            @let chosen = if again { Some(typed.get("environment")) } else { likely };
                            form.row method="post" action="/console/map" {
                                input type="hidden" name="selector" value=(place.selector);
                                label for={ "map-" (place.selector) } { "Map to" }
                                select id={ "map-" (place.selector) } name="environment" required {
                                    @if chosen.is_none() { option value="" { "Choose one" } }
                                    @for environment in environments {
                                        option value=(environment.name) selected[chosen == Some(environment.name.as_str())]
                                            { (environment.name) " (" (environment.tier.as_str()) ")" }
                                    }
                                }
                                @if again { (unchecked(&format!("unchecked-{}", place.selector))) }
                                button.quiet type="submit" { "Map" }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Offered once a mapping was refused: a person may know better than names do.
pub(super) fn unchecked(id: &str) -> Markup {
    html! {
        label for=(id) {
            input id=(id) type="checkbox" name="unchecked" value="yes";
            " Map it anyway: I know what it is"
        }
    }
}

/// What a thing looks like, and where it would go.
fn proposed(proposal: &Proposal) -> Markup {
    html! {
        p.hint {
            "Looks like " (text::tier(proposal.tier)) ": " (Shown(&proposal.why)) ". "
            @if !proposal.exists { "There is no environment of that tier yet: add " strong { (proposal.environment) } " first." }
        }
    }
}

/// What a credential sees that can be mapped, in lines.
pub(super) fn seen(places: &[Place]) -> Markup {
    html! {
        ul.tree {
            @for place in places {
                li {
                    (head(place)) " " code.dim { (Shown(&place.selector)) } " "
                    @match &place.environment {
                        Some(name) => { "is " a href={ "/console/environments/" (name) } { (name) } }
                        None => { span.dim { "is mapped nowhere" } }
                    }
                    (things(&place.things))
                }
            }
        }
    }
}

/// When each credential's account was read, and how to do it again.
pub(super) fn readings(inventory: &Inventory, visitor: &Visitor, now: DateTime<Utc>) -> Markup {
    let may = matches!(visitor.caller.role.as_str(), "owner" | "approver" | "operator");
    html! {
        ul {
            @for reading in &inventory.readings {
                li {
                    "With credential " a href={ "/console/credentials/" (reading.credential) } { (reading.credential) } " (" (reading.provider) "): "
                    @match reading.read_at {
                        Some(at) => { "read " (text::when(at, now)) ", " (reading.places.len()) " that can be mapped" }
                        None => { "not read yet" }
                    }
                    @if !reading.problems.is_empty() {
                        ul { @for problem in &reading.problems { li.field-error { (Shown(problem)) } } }
                    }
                }
            }
        }
        @if may {
            form method="post" action="/console/inventory" {
                div.actions { button.quiet type="submit" { "Ask the providers now" } }
                p.hint { "Read-only look-ups with the broker's own credentials, each on record. They count against the provider's limits." }
            }
        }
    }
}

/// A place in one line of plain text.
pub(super) fn plain(place: &Place) -> String {
    let name = place.name.as_deref().unwrap_or("without a name");
    let text = match &place.within {
        Some(within) => format!("{within} / {name}"),
        None => name.to_owned(),
    };
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(120).collect()
}

fn find<'a>(inventory: &'a Inventory, selector: &str) -> Option<&'a Place> {
    inventory.readings.iter().flat_map(|reading| &reading.places).find(|place| place.selector == selector)
}

fn head(place: &Place) -> Markup {
    html! {
        @if let Some(within) = &place.within { (Shown(within)) " / " }
        strong { (Name(place.name.as_deref().unwrap_or("without a name"))) }
    }
}

fn things(things: &[PlaceThing]) -> Markup {
    let mut kinds: BTreeMap<&str, Vec<&PlaceThing>> = BTreeMap::new();
    for thing in things {
        kinds.entry(&thing.kind).or_default().push(thing);
    }
    html! {
        @if !kinds.is_empty() {
            ul {
                @for (kind, things) in &kinds {
                    li {
                        span.dim { (spaced(kind)) ": " }
                        @for (index, thing) in things.iter().enumerate() {
                            @if index > 0 { ", " }
                            span title=(text::visible(&thing.id)) { (Name(thing.name.as_deref().unwrap_or(&thing.id))) }
                        }
                    }
                }
            }
        }
    }
}

/// `serviceInstance` as words: `service instance`.
fn spaced(kind: &str) -> String {
    let mut words = String::new();
    for c in kind.chars() {
        if c.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}
