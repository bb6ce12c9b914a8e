//! A rule from one request: what it says, and the form in which a person makes it theirs.

use axum::extract::{Query, State};
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::{PolicyOrigin, ProposedRule, RuleDecision};

use super::answer::{Reply, ok};
use super::policy_edit::{Draft, Said, editor, effect, owners};
use super::text::Shown;
use super::visitor::Visitor;
use crate::app::{App, RuleQuery};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Of {
    #[serde(default)]
    record: String,
    #[serde(default)]
    approval: String,
    #[serde(default)]
    effect: String,
}

pub(super) async fn new(State(app): State<App>, visitor: Visitor, Query(of): Query<Of>) -> Reply {
    owners(&visitor)?;
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let query = RuleQuery {
        record: given(&of.record),
        approval: given(&of.approval),
        effect: given(&of.effect),
        draft: None,
    };
    let rule = app.rule(query).await?;
    let draft = Draft {
        name: rule.name.clone(),
        base: String::new(),
        text: rule.text.clone(),
        tests: rule.tests.clone(),
        note: rule.note.clone(),
        record: of.record,
        approval: of.approval,
        effect: rule.effect.clone(),
    };
    let effect = effect(&app, &draft).await;
    let said = Said {
        effect,
        check: app.check_policy(check(&draft)).await.ok(),
        rule: Some(rule),
        ..Said::default()
    };
    Ok(ok(editor(&visitor, &draft, PolicyOrigin::Managed, &said)))
}

fn check(draft: &Draft) -> stint_api::CheckPolicy {
    stint_api::CheckPolicy { name: draft.name.clone(), text: draft.text.clone(), tests: draft.tests.clone() }
}

/// What the rule would do to the request, in words, and the other kind of rule.
pub(super) fn about(rule: &ProposedRule, draft: &Draft) -> Markup {
    let other = if rule.effect == "permit" { "forbid" } else { "permit" };
    let source = match draft.record.is_empty() {
        false => format!("record={}", encoded(&draft.record)),
        true => format!("approval={}", encoded(&draft.approval)),
    };
    html! {
        section aria-labelledby="about" {
            h2 #about { "What it would do" }
            @if !rule.helps {
                div.notice.warn role="note" { strong { "This rule would not help." } " It makes no difference to this request." }
            }
            ul { @for sentence in &rule.says { li { (Shown(sentence)) } } }
            dl.facts {
                dt { "The request" } dd { (Shown(&rule.request)) }
                dt { "Without the rule" } dd { (decision(&rule.before)) }
                dt { "With the rule" } dd { (decision(&rule.after)) }
            }
            p { a href={ "/console/rules/new?" (source) "&effect=" (other) } {
                @if other == "forbid" { "Make a rule that forbids it instead" } @else { "Make a rule that permits it instead" }
            } }
        }
    }
}

fn decision(decision: &RuleDecision) -> Markup {
    let (class, word) = match decision.decision.as_str() {
        "allow" => ("badge state-approved", "allowed"),
        "approval" => ("badge state-waiting", "a person is asked"),
        _ => ("badge state-denied", "denied"),
    };
    html! {
        span class=(class) { (word) } " "
        @if decision.policies.is_empty() { span.dim { "no policy permits it" } }
        @for id in &decision.policies { code { (Shown(id)) } " " }
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
