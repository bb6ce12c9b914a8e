//! What waits for a person's yes: the queue, one approval, and what a person says to it.

mod act;
mod one;
mod queue;

use maud::{Markup, html};
use stint_api::{Approval, ApprovalState, TouchedResource};

use super::text::{Name, Shown};
use super::words::deed;

pub(super) use act::{approve, deny, deny_alike};
pub(super) use one::page;
pub(super) use queue::list;

/// The heading of an approval, from parsed facts alone.
pub(super) fn what(approval: &Approval) -> Markup {
    let more = approval.resources.len().saturating_sub(1);
    html! {
        @match approval.resources.first() {
            Some(resource) => { (deed(&resource.operation, class(approval))) " " (thing(resource)) }
            None => { (plain(approval)) }
        }
        @if more > 0 { span.dim { " and " (more) " more" } }
    }
}

/// Whom the agent works for, by name.
fn person(approval: &Approval) -> Markup {
    html! { (Name(approval.subject.strip_prefix("person:").unwrap_or(&approval.subject))) }
}

/// The same as text, without names that others chose.
fn plain(approval: &Approval) -> String {
    let deeds: Vec<String> =
        approval.operations.iter().map(|operation| deed(operation, class(approval))).collect();
    if deeds.is_empty() { "Approval".to_owned() } else { deeds.join(", ") }
}

/// An approval's class is its strongest operation's: with one operation it is that one's own.
fn class(approval: &Approval) -> Option<stint_api::Class> {
    (approval.operations.len() == 1).then_some(approval.class)
}

fn thing(resource: &TouchedResource) -> Markup {
    html! {
        @match (&resource.name, resource.id.is_empty()) {
            (Some(name), _) => { strong { (Name(name)) } }
            (None, false) if resource.kind == "environment" && !resource.environments.is_empty() => {
                "of " strong { (Name(&resource.environments.join(", "))) }
            }
            (None, false) => { code { (Shown(&resource.id)) } }
            (None, true) => {}
        }
    }
}

pub(super) fn state(state: ApprovalState) -> Markup {
    html! { span class={ "badge state-" (word(state)) } { (word(state)) } }
}

fn word(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Waiting => "waiting",
        ApprovalState::Approved => "approved",
        ApprovalState::Denied => "denied",
        ApprovalState::Used => "used",
        ApprovalState::Expired => "expired",
    }
}

fn may_decide(visitor: &super::visitor::Visitor) -> bool {
    matches!(visitor.caller.role.as_str(), "owner" | "approver")
}
