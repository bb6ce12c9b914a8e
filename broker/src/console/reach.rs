//! Who can do what where, and what a change of policy would make of it.

use axum::extract::{Query, State};
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::{PolicyEffect, ReachLine, RuleDecision};

use super::answer::{Reply, ok};
use super::layout::{self, Place};
use super::parts;
use super::table::table;
use super::text::{self, Shown};
use super::visitor::Visitor;
use crate::app::App;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Of {
    #[serde(default)]
    agent: String,
    #[serde(default)]
    session: String,
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Query(of): Query<Of>) -> Reply {
    let given = |text: &'static str, value: &str| {
        let value = value.trim().to_owned();
        (!value.is_empty()).then_some(value).map(|value| (text, value))
    };
    let (agent, session) = (given("agent", &of.agent), given("session", &of.session));
    let reach = app
        .reach(
            agent.as_ref().map(|(_, value)| value.as_str()),
            session.as_ref().map(|(_, value)| value.as_str()),
        )
        .await?;
    let agents = app.agents().await?.agents;
    let environments = app.environments().environments;
    let given: Vec<String> =
        agent.iter().chain(&session).map(|(name, value)| format!(" --{name} {value}")).collect();
    let body = html! {
        h1 { "Who can do what where" }
        p { "What the policies in use say to every question that they tell apart: worked out, not sampled. Whoever and whatever a line names is decided alike." }
        form.row method="get" action="/console/policies/reach" {
            label for="agent" { "Agent" }
            select #agent name="agent" {
                option value="" { "all" }
                @for one in &agents { option value=(one.name) selected[one.name == of.agent] { (one.name) } }
            }
            label for="session" { "Session in" }
            select #session name="session" {
                option value="" { "all environments" }
                @for one in &environments { option value=(one.name) selected[one.name == of.session] { (one.name) } }
            }
            button.quiet type="submit" { "Show" }
        }
        @if environments.is_empty() {
            (text::empty("There is no environment yet", html! { "Sessions are in environments: " a href="/console/environments" { "add one" } ", and this says what agents can do there." }))
        } @else {
            (shown(&reach.lines, "Reach"))
        }
        @if !reach.notes.is_empty() {
            h2 { "Policies that say nothing" }
            ul { @for note in &reach.notes { li { a href={ "/console/policies/" (note.name) } { code { (Shown(&note.name)) } } ": " (Shown(&note.detail)) } } }
        }
        (text::command(&format!("stint policy reach{}", given.concat())))
    };
    Ok(ok(layout::page(&visitor, Place::Policies, "Who can do what where", body)))
}

fn shown(lines: &[ReachLine], label: &str) -> Markup {
    let heads = ["Agents", "Session in", "Operations", "Class", "Where", "Outcome", "Because"];
    let lines = ReachLine::brief(lines);
    table(label, heads, lines.iter().map(row))
}

fn row(line: &ReachLine) -> [Markup; 7] {
    let [agents, session, operations, _, places, outcome, because] = line.cells();
    let state = match outcome.as_str() {
        "allowed" => "state-approved",
        "asked" | "depends" => "state-waiting",
        _ => "state-denied",
    };
    [
        html! { (Shown(&agents)) },
        html! { (Shown(&session)) },
        html! { (Shown(&operations)) },
        html! {
            @if let Some(class) = line.class { (text::class(class)) }
            @for mark in &line.marks { " " span.badge { (mark) } }
        },
        html! { (Shown(&places)) },
        html! { span class={ "badge " (state) } { (outcome) } },
        html! { @if line.when.is_empty() { (Shown(&because)) } @else { code { (Shown(&because)) } } },
    ]
}

/// What a text that is not saved yet would change.
pub(super) fn effect(effect: &PolicyEffect) -> Markup {
    let replay = &effect.replay;
    html! {
        section aria-labelledby="effect" {
            h2 #effect { "What it would change" }
            @if effect.before.is_empty() && effect.after.is_empty() {
                p { "Nobody could do more or less than now." }
            } @else {
                @if !effect.before.is_empty() { h3 { "Would be so no more" } (shown(&effect.before, "Would be so no more")) }
                @if !effect.after.is_empty() { h3 { "Would be so instead" } (shown(&effect.after, "Would be so instead")) }
            }
            h3 { "Of what was asked for lately" }
            p { (replay.summary()) "." }
            @if !replay.differences.is_empty() {
                ul {
                    @for difference in &replay.differences {
                        li {
                            (parts::count(usize::try_from(difference.requests).unwrap_or(usize::MAX), "request")) " of " strong { (Shown(&difference.agent)) }
                            " in " (Shown(&difference.session)) ": " code { (Shown(&difference.operations.join(", "))) } " " (text::class(difference.class))
                            " in " (Shown(&difference.places.join(", "))) ". " (decision(&difference.before)) " now, " (decision(&difference.after)) " then. "
                            a href={ "/console/audit/" (difference.record) } { "The newest" }
                        }
                    }
                }
            }
        }
    }
}

fn decision(decision: &RuleDecision) -> Markup {
    let word = match decision.decision.as_str() {
        "allow" => "Allowed",
        "approval" => "Held for a person",
        _ => "Denied",
    };
    html! { (word) @if !decision.policies.is_empty() { " by " (Shown(&decision.policies.join(", "))) } }
}
