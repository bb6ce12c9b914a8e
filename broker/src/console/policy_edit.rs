//! Policies as people change them: a form that is checked while it is typed in, by a button, and when it is saved.

use axum::extract::{Path, State};
use http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::{
    AskEffect, CheckPolicy, Code, DecidePolicy, PolicyCheck, PolicyDiff, PolicyEffect, PolicyFault,
    PolicyOrigin, ProposedRule, RestorePolicy, SavePolicy,
};

use super::answer::{Failure, Form, Reply, ok, page as answer, see};
use super::layout::{self, Place};
use super::policies::{self, is_owner};
use super::reach;
use super::step_up;
use super::text::{self, Shown};
use super::visitor::Visitor;
use crate::app::{App, Error, RuleQuery};

/// What a person typed, and where it started.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    pub(super) name: String,
    /// The version in use that it takes the place of.
    #[serde(default)]
    pub(super) base: String,
    pub(super) text: String,
    pub(super) tests: String,
    #[serde(default)]
    pub(super) note: String,
    /// The request that a rule is made from, if it is.
    #[serde(default)]
    pub(super) record: String,
    #[serde(default)]
    pub(super) approval: String,
    #[serde(default)]
    pub(super) effect: String,
}

impl Draft {
    fn base(&self) -> i64 {
        self.base.trim().parse().unwrap_or_default()
    }

    fn save(&self) -> SavePolicy {
        SavePolicy {
            text: self.text.clone(),
            tests: self.tests.clone(),
            note: self.note.clone(),
            base: self.base(),
        }
    }

    fn check(&self) -> CheckPolicy {
        CheckPolicy { name: self.name.clone(), text: self.text.clone(), tests: self.tests.clone() }
    }

    /// The request behind it, asked about what was typed.
    fn rule(&self) -> Option<RuleQuery> {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (record, approval) = (given(&self.record), given(&self.approval));
        (record.is_some() || approval.is_some()).then(|| RuleQuery {
            record,
            approval,
            effect: given(&self.effect),
            draft: Some((self.name.clone(), self.save())),
        })
    }
}

/// What is said beside the form.
#[derive(Default)]
pub(super) struct Said {
    pub(super) check: Option<PolicyCheck>,
    pub(super) error: Option<Error>,
    /// What others saved meanwhile against what was typed.
    pub(super) stale: Option<PolicyDiff>,
    pub(super) rule: Option<ProposedRule>,
    pub(super) effect: Option<PolicyEffect>,
}

/// What a text that holds would change.
pub(super) async fn effect(app: &App, draft: &Draft) -> Option<PolicyEffect> {
    let CheckPolicy { name, text, tests } = draft.check();
    app.policy_effect(AskEffect { name, text, tests, since: None }).await.ok()
}

pub(super) async fn new(visitor: Visitor) -> Reply {
    owners(&visitor)?;
    let draft = Draft { text: EXAMPLE.to_owned(), tests: EXAMPLE_TESTS.to_owned(), ..Draft::default() };
    Ok(ok(editor(&visitor, &draft, PolicyOrigin::Managed, &Said::default())))
}

pub(super) async fn edit(State(app): State<App>, visitor: Visitor, Path(name): Path<String>) -> Reply {
    owners(&visitor)?;
    let policy = app.policy(&name).await?;
    let draft = Draft {
        name,
        base: policy.summary.version.to_string(),
        text: policy.text,
        tests: policy.tests_text,
        ..Draft::default()
    };
    Ok(ok(editor(&visitor, &draft, policy.summary.origin, &Said::default())))
}

/// The button "Check": for whoever has no script.
pub(super) async fn check(State(app): State<App>, visitor: Visitor, Form(draft): Form<Draft>) -> Reply {
    let mut said = Said::default();
    match app.check_policy(draft.check()).await {
        Ok(check) => {
            if check.sound {
                said.effect = effect(&app, &draft).await;
            }
            said.check = Some(check);
        }
        Err(error) => said.error = Some(error),
    }
    show(&app, &visitor, draft, said).await
}

/// The same for the script: only what is said beside the fields.
pub(super) async fn validate(State(app): State<App>, _: Visitor, Form(draft): Form<Draft>) -> Reply {
    let said = match app.check_policy(draft.check()).await {
        Ok(check) => Said { check: Some(check), ..Said::default() },
        Err(error) => Said { error: Some(error), ..Said::default() },
    };
    Ok(ok(html! { (beside("text", &said)) (beside("tests", &said)) }))
}

pub(super) async fn save(State(app): State<App>, visitor: Visitor, Form(mut draft): Form<Draft>) -> Reply {
    let shipped = origin(&app, &draft.name).await == PolicyOrigin::Shipped;
    let saved = match shipped {
        true => app.propose_policy(&visitor.caller, &draft.name, draft.save()).await,
        false => app.save_policy(&visitor.caller, &draft.name, draft.save()).await,
    };
    let error = match saved {
        Ok(version) => return Ok(see(&format!("/console/policies/{}", version.name))),
        Err(error) => error,
    };
    let mut said = Said::default();
    match error.code {
        // Who is late sees what they would undo; with that in view they may go on from the version in use.
        Code::Conflict => {
            if let Ok(current) = app.policy(&draft.name).await {
                let version = current.summary.version;
                said.stale = app.policy_diff_to(&draft.name, version, &draft.save()).await.ok();
                draft.base = version.to_string();
            }
        }
        _ => said.check = app.check_policy(draft.check()).await.ok().filter(|check| !check.sound),
    }
    said.error = Some(error);
    show(&app, &visitor, draft, said).await
}

async fn show(app: &App, visitor: &Visitor, draft: Draft, mut said: Said) -> Reply {
    if let Some(query) = draft.rule() {
        said.rule = Some(app.rule(query).await?);
    }
    let status = said.error.as_ref().map_or(200, |error| error.code.status());
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    Ok(answer(status, editor(visitor, &draft, origin(app, &draft.name).await, &said)))
}

async fn origin(app: &App, name: &str) -> PolicyOrigin {
    app.policy(name).await.map_or(PolicyOrigin::Managed, |policy| policy.summary.origin)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decide {
    version: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    passkey: String,
}

pub(super) async fn confirm(
    State(app): State<App>,
    mut visitor: Visitor,
    Path(name): Path<String>,
    Form(form): Form<Decide>,
) -> Reply {
    let version = number(&form.version)?;
    let decided = async {
        step_up::shown(&app, &mut visitor, step_up::proof(form.password, form.code, form.passkey)).await?;
        app.confirm_policy(&visitor.caller, &name, DecidePolicy { version }).await
    };
    match decided.await {
        Ok(_) => Ok(see(&format!("/console/policies/{name}"))),
        // A proof that ended meanwhile is given on a page of its own, which comes back.
        Err(error) => match step_up::detour(&error, &format!("/console/policies/{name}")) {
            Some(detour) => Ok(detour),
            None => refused(&app, &visitor, &name, error).await,
        },
    }
}

pub(super) async fn withdraw(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Form(form): Form<Decide>,
) -> Reply {
    let version = number(&form.version)?;
    match app.withdraw_policy(&visitor.caller, &name, DecidePolicy { version }).await {
        Ok(_) => Ok(see(&format!("/console/policies/{name}"))),
        Err(error) => refused(&app, &visitor, &name, error).await,
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Restore {
    version: String,
    base: String,
}

pub(super) async fn restore(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Form(form): Form<Restore>,
) -> Reply {
    let restore =
        RestorePolicy { version: number(&form.version)?, base: number(&form.base)?, note: String::new() };
    match app.restore_policy(&visitor.caller, &name, restore).await {
        Ok(_) => Ok(see(&format!("/console/policies/{name}"))),
        Err(error) => refused(&app, &visitor, &name, error).await,
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Remove {
    base: String,
}

pub(super) async fn remove(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Form(form): Form<Remove>,
) -> Reply {
    let save = SavePolicy {
        base: number(&form.base)?,
        note: "taken out of use".to_owned(),
        ..SavePolicy::default()
    };
    match app.save_policy(&visitor.caller, &name, save).await {
        Ok(_) => Ok(see(&format!("/console/policies/{name}"))),
        Err(error) => refused(&app, &visitor, &name, error).await,
    }
}

/// The page of the file as it is now, with why nothing was done.
async fn refused(app: &App, visitor: &Visitor, name: &str, error: Error) -> Reply {
    let policy = app.policy(name).await?;
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
    Ok(answer(status, policies::one(app, visitor, &policy, Some(&error)).await?))
}

fn number(text: &str) -> Result<i64, Failure> {
    text.trim().parse().map_err(|_| Failure(Error::new(Code::InvalidInput, "the version is not a number")))
}

/// Whoever is no owner gets no form to fill in for nothing.
pub(super) fn owners(visitor: &Visitor) -> Result<(), Failure> {
    if is_owner(visitor) {
        return Ok(());
    }
    let error =
        Error::new(Code::Forbidden, format!("the role {} does not change policies", visitor.caller.role));
    Err(Failure(error.hint("owners do; everyone reads them: /console/policies")))
}

pub(super) fn editor(visitor: &Visitor, draft: &Draft, origin: PolicyOrigin, said: &Said) -> Markup {
    let shipped = origin == PolicyOrigin::Shipped;
    let fresh = draft.base() == 0 && !shipped;
    let title = match (&said.rule, fresh, shipped) {
        (Some(_), _, _) => "A rule from this request".to_owned(),
        (None, true, _) => "New policy file".to_owned(),
        (None, _, true) => format!("Propose a change of {}", draft.name),
        (None, _, _) => format!("Edit {}", draft.name),
    };
    let body = html! {
        h1 { (title) }
        @if let Some(error) = &said.error { (alert(error, said)) }
        @if let Some(diff) = &said.stale {
            h2 { "What your text would change in the version in use" }
            (policies::difference(diff))
            p.hint { "Saving again puts your text in the place of version " (draft.base) "." }
        }
        @if let Some(rule) = &said.rule { (super::rule::about(rule, draft)) }
        @if let Some(effect) = &said.effect { (reach::effect(effect)) }
        form method="post" action="/console/policies/save" data-check="/console/policies/validate" {
            @for (name, value) in [("base", &draft.base), ("record", &draft.record), ("approval", &draft.approval), ("effect", &draft.effect)] {
                @if !value.is_empty() { input type="hidden" name=(name) value=(value); }
            }
            @if fresh {
                label for="name" { "Name" }
                input #name name="name" value=(draft.name) autocomplete="off" autocapitalize="none" spellcheck="false" required maxlength="64" aria-describedby="name-hint";
                p.hint #name-hint { "Small letters, digits, - _ and ." }
            } @else {
                input type="hidden" name="name" value=(draft.name);
            }
            (field("text", "Policies (Cedar)", &draft.text, 16, said))
            (field("tests", "Tests (TOML): what is decided, and by which policies", &draft.tests, 14, said))
            label for="note" { "Why, for those who read its versions" }
            input #note name="note" value=(draft.note) maxlength="500" autocomplete="off";
            div.actions {
                button type="submit" { @if shipped { "Propose" } @else { "Save and use" } }
                button.quiet type="submit" formaction="/console/policies/check" formnovalidate { "Check" }
                a.button.quiet href="/console/policies" { "Back" }
            }
        }
        details { summary { "What policies can speak of" }
            p { "A principal is " code { "Agent::\"NAME\"" } ", an action " code { "Action::\"railway:volumeDelete\"" } " or a group such as " code { "Action::\"class:destroy\"" }
                ", a resource is in an " code { "Environment::\"NAME\"" } ". All of it: " code { "stint-broker policy schema" } }
        }
        (text::command(&command(draft, shipped)))
    };
    layout::page(visitor, Place::Policies, &title, body)
}

/// What went wrong as a whole; what is wrong in a text stands beside it.
fn alert(error: &Error, said: &Said) -> Markup {
    let faults = said.check.as_ref().map_or(0, |check| check.faults.len());
    html! {
        div.notice.danger role="alert" {
            @match faults {
                0 => { (Shown(&error.detail)) }
                1 => { "One thing is wrong with it; it is said beside the field." }
                count => { (count) " things are wrong with it; they are said beside the fields." }
            }
            @if let Some(hint) = &error.hint { p.hint { (Shown(hint)) } }
        }
    }
}

fn command(draft: &Draft, shipped: bool) -> String {
    let name = if draft.name.is_empty() { "NAME" } else { &draft.name };
    format!("stint policy save {name} FILE.cedar{}", if shipped { " --propose" } else { "" })
}

fn field(name: &str, label: &str, value: &str, rows: usize, said: &Said) -> Markup {
    let wrong = said.check.as_ref().is_some_and(|check| check.faults.iter().any(|fault| is_of(fault, name)));
    html! {
        label for=(name) { (label) }
        textarea.source id=(name) name=(name) rows=(rows) spellcheck="false" autocapitalize="none" autocomplete="off"
            aria-describedby={ (name) "-check" } aria-invalid=[wrong.then_some("true")] {
            // A browser drops the first line end of a textarea.
            "\n" (value)
        }
        (beside(name, said))
    }
}

/// What is said beside a field. The script puts a new one in its place.
fn beside(part: &str, said: &Said) -> Markup {
    html! {
        div.check id={ (part) "-check" } aria-live="polite" {
            @if let Some(error) = said.error.as_ref().filter(|_| said.check.is_none() && part == "text" && said.stale.is_none()) {
                p.field-error { (Shown(&error.detail)) }
            }
            @if let Some(check) = &said.check {
                @let faults: Vec<&PolicyFault> = check.faults.iter().filter(|fault| is_of(fault, part)).collect();
                @let warnings: Vec<&PolicyFault> = check.warnings.iter().filter(|fault| is_of(fault, part)).collect();
                @if !faults.is_empty() { ul.field-error { @for fault in &faults { li { (place(fault)) } } } }
                @if !warnings.is_empty() { ul.hint { @for fault in &warnings { li { "Warning: " (place(fault)) } } } }
                @if part == "text" && check.sound { p { span.badge.state-approved { "holds" } " It fits the schema, and all tests pass." } }
                @if part == "tests" && !check.results.is_empty() { (policies::results(&check.results)) }
            }
        }
    }
}

fn is_of(fault: &PolicyFault, part: &str) -> bool {
    fault.part == part
}

fn place(fault: &PolicyFault) -> Markup {
    html! {
        @if let (Some(line), Some(column)) = (fault.line, fault.column) { strong { "line " (line) ", column " (column) } " of " }
        code { (Shown(&fault.name)) } ": " (Shown(&fault.detail))
    }
}

const EXAMPLE: &str = "@id(\"team.example\")
@advice(\"what a refused agent reads\")
forbid (
    principal,
    action in Action::\"class:destroy\",
    resource in Environment::\"production\"
);
";

const EXAMPLE_TESTS: &str = "[[test]]
name = \"nothing of production is destroyed\"
session = [\"production\", \"production\"]
touch = [{ operation = \"railway:volumeDelete\", class = \"destroy\", resource = \"volume/v1\", place = [\"production\", \"production\"] }]
decision = \"deny\"
policies = [\"team.example\"]
";
