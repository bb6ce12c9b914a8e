//! Policies as people read them: all files, one with its tests, its versions and their differences.

use axum::extract::{Path, Query, State};
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::{
    AuditQuery, DiffLine, Policy, PolicyDiff, PolicyOrigin, PolicyState, PolicySummary, PolicyTest,
    PolicyVersion,
};

use super::answer::{Reply, ok};
use super::layout::{self, Place};
use super::step_up;
use super::table::table;
use super::text::{self, Shown};
use super::trail::trail;
use super::visitor::Visitor;
use crate::app::{App, Error};

pub(super) async fn list(State(app): State<App>, visitor: Visitor) -> Reply {
    let policies = app.policies().await?.policies;
    let now = app.clock().now();
    let body = html! {
        h1 { "Policies" }
        p { "What agents may do. Guardrails stand over everything: a permit elsewhere never lifts one. A change is in use at once, and only where the whole holds and passes its tests." }
        (table("Policy files", ["File", "From", "Version", "Policies", "Tests", "Last change"], policies.iter().map(|policy| [
            html! { a data-item href={ "/console/policies/" (policy.name) } { (policy.name) } },
            origin(policy),
            html! {
                (policy.version)
                @if let Some(version) = policy.proposed {
                    " " a href={ "/console/policies/" (policy.name) } { span.badge.state-waiting { "version " (version) " waits" } }
                }
            },
            html! { @if is_out_of_use(policy) { span.dim { "out of use" } } @else { (policy.policies.len()) } },
            tests(policy),
            changed(policy, now),
        ])))
        @if is_owner(&visitor) {
            div.actions { a.button href="/console/policies/new" { "New policy file" } }
        }
        p { a href="/console/policies/reach" { "Who can do what where" } }
        p.hint { "A rule about one request is made from its approval, or from its record in the audit." }
        (text::command("stint policy list"))
    };
    Ok(ok(layout::page(&visitor, Place::Policies, "Policies", body)))
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Path(name): Path<String>) -> Reply {
    let policy = app.policy(&name).await?;
    Ok(ok(one(&app, &visitor, &policy, None).await?))
}

/// The page of one file; `wrong` is what kept a proposal from being decided.
pub(super) async fn one(
    app: &App,
    visitor: &Visitor,
    policy: &Policy,
    wrong: Option<&Error>,
) -> Result<Markup, Error> {
    let summary = &policy.summary;
    let name = &summary.name;
    let now = app.clock().now();
    let waiting = match summary.proposed {
        Some(version) => Some((
            app.policy_version(name, version).await?,
            app.policy_diff(name, summary.version, version).await?,
        )),
        None => None,
    };
    let asks = waiting.as_ref().is_some_and(|(version, _)| version.person != visitor.caller.person.as_str())
        && is_owner(visitor)
        && app.needs_proof_for_policy(&visitor.caller);
    let proof = match asks {
        true => Some(step_up::fields(app, visitor, &format!("/console/policies/{name}")).await?),
        false => None,
    };
    let about = AuditQuery { policy: Some(name.clone()), ..AuditQuery::default() };
    let trail = trail(app, visitor, about).await?;
    let body = html! {
        h1 { (name) }
        div.row {
            (origin(summary)) span { "version " (summary.version) } span { (tests(summary)) }
            span.dim { (changed(summary, now)) }
        }
        @if let Some(error) = wrong {
            div.notice.danger role="alert" {
                (Shown(&error.detail))
                @if let Some(hint) = &error.hint { p.hint { (Shown(hint)) } }
            }
        }
        @if let Some((version, diff)) = &waiting { (proposal(visitor, version, diff, proof.as_ref(), now)) }
        h2 { "Policies" }
        @if is_out_of_use(summary) {
            p.notice { "This file is out of use. An older version can be brought back." }
        } @else {
            (source("Policies as they are written", &policy.text))
        }
        h2 { "Tests" }
        (results(&policy.results))
        @if !policy.tests_text.is_empty() {
            details { summary { "The tests as they are written" } (source("Tests as they are written", &policy.tests_text)) }
        }
        (actions(visitor, summary))
        (trail)
        (text::command(&format!("stint policy show {name}")))
    };
    Ok(layout::page(visitor, Place::Policies, name, body))
}

#[derive(Debug, Deserialize)]
pub(super) struct Between {
    from: Option<i64>,
    to: Option<i64>,
}

pub(super) async fn versions(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Query(between): Query<Between>,
) -> Reply {
    let versions = app.policy_versions(&name).await?.versions;
    let summary = app.policy(&name).await?.summary;
    let newest = versions.first().map_or(0, |version| version.version);
    let to = between.to.unwrap_or(newest);
    let from = between.from.unwrap_or_else(|| {
        versions.iter().find(|version| version.version == to).map_or(0, |version| version.base)
    });
    let diff = if versions.is_empty() { None } else { Some(app.policy_diff(&name, from, to).await?) };
    let now = app.clock().now();
    let body = html! {
        h1 { "Versions of " (name) }
        @if versions.is_empty() {
            (text::empty("There is one version", html! {
                p { "This file is as it came. A change makes a version, and every version stays." }
            }))
        } @else {
            @let shipped = (summary.origin == PolicyOrigin::Shipped).then(|| shipped_row(&visitor, &summary));
            (table("Versions", ["Version", "State", "By", "When", "Note", "Do"], versions.iter().map(|version| version_row(&visitor, &summary, version, now)).chain(shipped)))
            @if let Some(diff) = &diff { (compare(&versions, diff)) }
        }
        p { a href={ "/console/policies/" (name) } { "Back to " (name) } }
        (text::command(&format!("stint policy diff {name} --from {from} --to {to}")))
    };
    Ok(ok(layout::page(&visitor, Place::Policies, &format!("Versions of {name}"), body)))
}

fn version_row(
    visitor: &Visitor,
    summary: &PolicySummary,
    version: &PolicyVersion,
    now: chrono::DateTime<chrono::Utc>,
) -> [Markup; 6] {
    let (name, number) = (&version.name, version.version);
    [
        html! { a data-item href={ "/console/policies/" (name) "/versions?to=" (number) } { (number) } },
        state(version.state),
        html! { (version.person) @if let Some(by) = &version.decided_by { span.dim { ", then " (by) } } },
        text::when(version.created_at, now),
        html! { @if !version.note.is_empty() { (Shown(&version.note)) } },
        html! { @if is_owner(visitor) && !matches!(version.state, PolicyState::Active | PolicyState::Proposed) { (restore(summary, number)) } },
    ]
}

/// Version 0: it is not kept, it ships.
fn shipped_row(visitor: &Visitor, summary: &PolicySummary) -> [Markup; 6] {
    [
        html! { "0" },
        state(if summary.version == 0 { PolicyState::Active } else { PolicyState::Superseded }),
        html! { "ships with the broker" },
        html! {},
        html! {},
        html! { @if is_owner(visitor) && summary.version != 0 { (restore(summary, 0)) } },
    ]
}

fn restore(summary: &PolicySummary, number: i64) -> Markup {
    html! {
        form.inline method="post" action={ "/console/policies/" (summary.name) "/restore" } {
            input type="hidden" name="version" value=(number);
            input type="hidden" name="base" value=(summary.version);
            button.quiet type="submit" aria-label={ "Bring back version " (number) } { "Bring back" }
        }
    }
}

fn compare(versions: &[PolicyVersion], between: &PolicyDiff) -> Markup {
    let numbers: Vec<i64> = versions.iter().map(|version| version.version).chain([0]).collect();
    let choice = |own: &str, label: &str, chosen: i64| {
        html! {
            div {
                label for=(own) { (label) }
                select id=(own) name=(own) {
                    @for number in &numbers { option value=(number) selected[*number == chosen] { "version " (number) } }
                }
            }
        }
    };
    html! {
        h2 { "What changed from version " (between.from) " to version " (between.to) }
        form.actions method="get" {
            (choice("from", "From", between.from))
            (choice("to", "To", between.to))
            button.quiet type="submit" { "Compare" }
        }
        (difference(between))
    }
}

/// Both parts of a difference, as tables whose words say what the colours do.
pub(super) fn difference(diff: &PolicyDiff) -> Markup {
    html! {
        @if diff.text.is_empty() && diff.tests.is_empty() { p.dim { "They are the same." } }
        (lines("Policies", &diff.text))
        (lines("Tests", &diff.tests))
    }
}

fn lines(title: &str, lines: &[DiffLine]) -> Markup {
    html! {
        @if !lines.is_empty() {
            h3 { (title) }
            div.scroll tabindex="0" role="region" aria-label={ "Difference of " (title) } {
                table.diff {
                    thead { tr { th scope="col" { "Before" } th scope="col" { "After" } th scope="col" { "Change" } th scope="col" { "Line" } } }
                    tbody {
                        @for line in lines {
                            @let word = match line.change.as_str() { "+" => "added", "-" => "removed", _ => "" };
                            tr class=(word) {
                                td { @if let Some(number) = line.old { (number) } }
                                td { @if let Some(number) = line.new { (number) } }
                                td { (line.change) " " (word) }
                                td { code { (Shown(&line.text)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What waits for a second owner, and their two answers.
fn proposal(
    visitor: &Visitor,
    version: &PolicyVersion,
    diff: &PolicyDiff,
    proof: Option<&Markup>,
    now: chrono::DateTime<chrono::Utc>,
) -> Markup {
    let own = version.person == visitor.caller.person.as_str();
    let address = format!("/console/policies/{}", version.name);
    html! {
        section aria-labelledby="waits" {
            h2 #waits { "Version " (version.version) " waits for a second owner" }
            p { strong { (version.person) } " proposed it " (text::when(version.created_at, now))
                @if !version.note.is_empty() { ": " q { (Shown(&version.note)) } } }
            (difference(diff))
            @if is_owner(visitor) {
                div.decide {
                    @if own {
                        p.notice { "You proposed it, so another owner confirms it." }
                    } @else {
                        form method="post" action={ (address) "/confirm" } {
                            fieldset {
                                legend { "Confirm" }
                                input type="hidden" name="version" value=(version.version);
                                @if let Some(fields) = proof {
                                    p.hint { "This changes what protects everything, so it takes more than an open browser." }
                                    (fields)
                                }
                                div.actions { button type="submit" data-approve { "Confirm: use it from now on" } }
                            }
                        }
                    }
                    form method="post" action={ (address) "/withdraw" } {
                        fieldset {
                            legend { "Withdraw" }
                            input type="hidden" name="version" value=(version.version);
                            div.actions { button.danger type="submit" data-deny { "Withdraw: never use it" } }
                        }
                    }
                }
                (text::command(&format!("stint policy confirm {} {}", version.name, version.version)))
            } @else {
                p.notice { "Your role, " (visitor.caller.role) ", looks on: owners confirm." }
            }
        }
    }
}

fn actions(visitor: &Visitor, summary: &PolicySummary) -> Markup {
    let name = &summary.name;
    html! {
        div.actions {
            @if is_owner(visitor) && summary.origin != PolicyOrigin::Folder {
                a.button href={ "/console/policies/" (name) "/edit" } {
                    @if summary.origin == PolicyOrigin::Shipped { "Propose a change" } @else { "Edit" }
                }
            }
            @if summary.origin != PolicyOrigin::Folder {
                a.button.quiet href={ "/console/policies/" (name) "/versions" } { "Versions" }
            }
            @if is_owner(visitor) && summary.origin == PolicyOrigin::Managed && !is_out_of_use(summary) {
                form.inline method="post" action={ "/console/policies/" (name) "/remove" } {
                    input type="hidden" name="base" value=(summary.version);
                    button.danger type="submit" { "Take out of use" }
                }
            }
        }
        @match summary.origin {
            PolicyOrigin::Shipped => { p.hint { "It ships with the broker: one owner proposes a change, another confirms it." } }
            PolicyOrigin::Folder => { p.hint { "It is read from a folder when the broker starts: change it there." } }
            PolicyOrigin::Managed => {}
        }
    }
}

/// Tests by what they came to.
pub(super) fn results(results: &[PolicyTest]) -> Markup {
    html! {
        @if results.is_empty() { p.dim { "No tests ran." } } @else {
            (table("Results of the tests", ["Test", "Result", "Decision", "Deciding policies"], results.iter().map(|result| [
                html! { (Shown(&result.name)) },
                html! {
                    @if result.passed { span.badge.state-approved { "passes" } } @else { span.badge.state-denied { "fails" } }
                    @if let Some(fault) = &result.fault { p.field-error { (Shown(fault)) } }
                },
                html! { (result.decision) },
                html! { @for id in &result.policies { code { (Shown(id)) } " " } @if result.policies.is_empty() { span.dim { "none" } } },
            ])))
        }
    }
}

/// A text with its line numbers.
fn source(label: &str, text: &str) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(label) {
            ol.source { @for line in text.lines() { li { code { (Shown(line)) } } } }
        }
    }
}

fn origin(policy: &PolicySummary) -> Markup {
    html! {
        span.badge { (policy.origin.as_str()) }
        @if policy.guardrail { " " span.badge.tier-production { "guardrails" } }
    }
}

fn tests(policy: &PolicySummary) -> Markup {
    html! {
        @match (policy.failing, policy.tests) {
            (0, 0) => { span.dim { "no tests" } }
            (0, count) => { span.badge.state-approved { (count) " pass" } }
            (failing, _) => { span.badge.state-denied { (failing) " fail" } }
        }
    }
}

fn changed(policy: &PolicySummary, now: chrono::DateTime<chrono::Utc>) -> Markup {
    html! {
        @match (policy.changed_at, &policy.changed_by) {
            (Some(at), Some(by)) => { (text::when(at, now)) " by " (by) }
            _ => { span.dim { "as it came" } }
        }
    }
}

pub(super) fn state(state: PolicyState) -> Markup {
    let class = match state {
        PolicyState::Active => "badge state-approved",
        PolicyState::Proposed => "badge state-waiting",
        PolicyState::Superseded => "badge state-expired",
        PolicyState::Withdrawn => "badge state-denied",
    };
    html! { span class=(class) { (state.as_str()) } }
}

pub(super) fn is_owner(visitor: &Visitor) -> bool {
    visitor.caller.role == "owner"
}

fn is_out_of_use(policy: &PolicySummary) -> bool {
    policy.policies.is_empty() && policy.tests == 0 && policy.version > 0
}
