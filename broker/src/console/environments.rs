//! Environments as a tree: what each owns at the providers, what nobody owns; one of them; and how they change.

use axum::extract::{Path, State};
use maud::{Markup, html};
use stint_api::{AddEnvironment, AuditQuery, ChangeTier, EnvironmentDetail, Inventory, Tier};

use super::answer::{Form, Reply, ok, page as answer, see};
use super::layout::{self, Place};
use super::parts::{self, Fields};
use super::step_up;
use super::text;
use super::trail::trail;
use super::tree;
use super::visitor::Visitor;
use crate::app::{App, Error};

pub(super) async fn list(State(app): State<App>, visitor: Visitor) -> Reply {
    Ok(ok(all(&app, &visitor, &Fields::default(), None)))
}

fn all(app: &App, visitor: &Visitor, typed: &Fields, error: Option<&Error>) -> Markup {
    let environments = app.environments().environments;
    let inventory = app.inventory();
    let may = parts::may_administer(visitor);
    let body = html! {
        h1 { "Environments" }
        @if environments.is_empty() {
            (text::empty("There is no environment", html! {
                p { "An environment is a named place that work happens in. What is mapped to it is what its sessions reach; what is mapped nowhere, nobody reaches." }
                @if may { p { a.button href="/console/new/environment" { "Add an environment" } } }
            }))
        } @else {
            @if may { p.actions { a.button href="/console/new/environment" { "Add an environment" } } }
            ul.cards {
                @for environment in &environments {
                    li.card {
                        h2 { a data-item href={ "/console/environments/" (environment.name) } { (environment.name) } " " (text::tier(environment.tier)) }
                        (tree::owned(environment, &inventory, false))
                    }
                }
            }
        }
        @if !inventory.readings.is_empty() {
            h2 #unmapped { "Not mapped: nobody reaches these" }
            (parts::complaint(error, &[]))
            (tree::unmapped(&inventory, &environments, may, typed))
            h2 { "What the providers hold" }
            (tree::readings(&inventory, visitor, app.clock().now()))
        }
        (text::command("stint environment inventory"))
    };
    layout::page(visitor, Place::Environments, "Environments", body)
}

/// Ask the providers what they hold.
pub(super) async fn read(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form<Vec<(String, String)>>,
) -> Reply {
    Fields(form).only(&[])?;
    app.read_inventory(&visitor.caller).await?;
    Ok(see("/console/environments"))
}

/// Map one of the things that nobody reaches, from the list of them.
pub(super) async fn map_one(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form<Vec<(String, String)>>,
) -> Reply {
    let form = Fields(form).only(&["environment", "selector"])?;
    match app.map_environment(&visitor.caller, form.get("environment"), form.get("selector")).await {
        Ok(_) => Ok(see("/console/environments#unmapped")),
        Err(error) => Ok(answer(parts::status(&error), all(&app, &visitor, &form, Some(&error)))),
    }
}

const NEW: &[&str] = &["name", "tier"];

pub(super) async fn new(visitor: Visitor) -> Reply {
    Ok(ok(new_page(&visitor, &Fields::default(), None)))
}

pub(super) async fn add(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form<Vec<(String, String)>>,
) -> Reply {
    let form = Fields(form).only(NEW)?;
    let added = async {
        let tier = tier(&form)?;
        app.add_environment(&visitor.caller, AddEnvironment { name: form.get("name").to_owned(), tier }).await
    };
    match added.await {
        Ok(environment) => Ok(see(&format!("/console/environments/{}", environment.name))),
        Err(error) => Ok(answer(parts::status(&error), new_page(&visitor, &form, Some(&error)))),
    }
}

fn tier(form: &Fields) -> Result<Tier, Error> {
    form.get("tier")
        .parse()
        .map_err(|error: String| Error::new(stint_api::Code::InvalidInput, error).about("tier"))
}

fn new_page(visitor: &Visitor, typed: &Fields, error: Option<&Error>) -> Markup {
    let body = html! {
        h1 { "Add an environment" }
        @if !parts::may_administer(visitor) { (parts::looks_on(visitor)) } @else {
            (parts::complaint(error, NEW))
            form.narrow method="post" action="/console/new/environment" {
                (parts::line("name", "Name", "Small letters, digits and - _ . only, such as staging or shop-production.", typed.get("name"), error, true))
                (tier_choice(typed.get("tier"), error, "How much is at stake. Guardrails and policies are stricter where more is."))
                div.actions { button type="submit" { "Add" } a.button.quiet href="/console/environments" { "Back" } }
            }
        }
        (text::command("stint environment add NAME --tier TIER"))
    };
    layout::page(visitor, Place::Environments, "Add an environment", body)
}

fn tier_choice(chosen: &str, error: Option<&Error>, hint: &str) -> Markup {
    html! {
        label for="tier" { "Tier" }
        select #tier name="tier" required aria-describedby=(parts::described("tier", error)) {
            @if chosen.is_empty() { option value="" { "Choose one" } }
            @for tier in [Tier::Development, Tier::Staging, Tier::Production] {
                option value=(tier.as_str()) selected[tier.as_str() == chosen] { (tier.as_str()) }
            }
        }
        (parts::beside("tier", hint, error))
    }
}

/// What was typed into one of the forms of a page, and what was wrong with it.
#[derive(Default)]
struct Typed {
    map: Option<(Fields, Error)>,
    unmap: Option<Error>,
    tier: Option<(Fields, Error)>,
}

impl Typed {
    fn error(&self) -> Option<&Error> {
        let with_fields = self.map.as_ref().or(self.tier.as_ref()).map(|(_, error)| error);
        with_fields.or(self.unmap.as_ref())
    }
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Path(name): Path<String>) -> Reply {
    let detail = app.environment_detail(&name).await?;
    Ok(ok(one(&app, &visitor, &detail, &Typed::default()).await?))
}

async fn again(app: &App, visitor: &Visitor, name: &str, typed: Typed) -> Reply {
    let detail = app.environment_detail(name).await?;
    let status = typed.error().map_or(http::StatusCode::BAD_REQUEST, parts::status);
    Ok(answer(status, one(app, visitor, &detail, &typed).await?))
}

pub(super) async fn map(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Reply {
    let form = Fields(form).only(&["selector"])?;
    match app.map_environment(&visitor.caller, &name, form.get("selector")).await {
        Ok(_) => Ok(see(&format!("/console/environments/{name}"))),
        Err(error) => {
            again(&app, &visitor, &name, Typed { map: Some((form, error)), ..Typed::default() }).await
        }
    }
}

pub(super) async fn unmap(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Reply {
    let form = Fields(form).only(&["selector"])?;
    match app.unmap_environment(&visitor.caller, &name, form.get("selector")).await {
        Ok(_) => Ok(see(&format!("/console/environments/{name}"))),
        Err(error) => again(&app, &visitor, &name, Typed { unmap: Some(error), ..Typed::default() }).await,
    }
}

pub(super) async fn change_tier(
    State(app): State<App>,
    mut visitor: Visitor,
    Path(name): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Reply {
    let form = Fields(form).only(&["tier", "was", "password", "code", "passkey"])?;
    let changed = async {
        let change = ChangeTier { tier: tier(&form)?, was: form.get("was").parse().ok() };
        let [password, code, passkey] = ["password", "code", "passkey"].map(|name| form.get(name).to_owned());
        step_up::shown(&app, &mut visitor, step_up::proof(password, code, passkey)).await?;
        app.change_tier(&visitor.caller, &name, change).await
    };
    match changed.await {
        Ok(_) => Ok(see(&format!("/console/environments/{name}"))),
        Err(error) => {
            again(&app, &visitor, &name, Typed { tier: Some((form, error)), ..Typed::default() }).await
        }
    }
}

async fn one(
    app: &App,
    visitor: &Visitor,
    detail: &EnvironmentDetail,
    typed: &Typed,
) -> Result<Markup, Error> {
    let (environment, now) = (&detail.environment, app.clock().now());
    let inventory = app.inventory();
    let may = parts::may_administer(visitor);
    let own = format!("/console/environments/{}", environment.name);
    // Development can not be lowered; anything else can, and that takes a proof.
    let proof = match may && app.tier_needs_proof(&visitor.caller, environment.tier, Tier::Development) {
        true => Some(step_up::fields_if(app, visitor, &own).await?),
        false => None,
    };
    let about = AuditQuery { environment: Some(environment.name.clone()), ..AuditQuery::default() };
    let trail = trail(app, visitor, about).await?;
    let body = html! {
        h1 { "Environment " (environment.name) " " (text::tier(environment.tier)) }
        h2 { "What it owns" }
        (parts::complaint(typed.unmap.as_ref(), &[]))
        (tree::owned(environment, &inventory, may))
        @if may { (map_form(&own, &inventory, typed.map.as_ref())) }
        h2 { "What points to it" }
        dl.facts {
            dt { "Credentials" } dd { (links("/console/credentials/", &detail.credentials)) }
            dt { "Agents" } dd { (links("/console/agents/", &detail.agents)) }
            dt { "Live sessions" } dd { (links("/console/sessions/", &detail.sessions)) }
            dt { "Added" } dd { (text::when(environment.created_at, now)) }
        }
        @if may {
            (tier_form(detail, typed.tier.as_ref(), &own, proof.as_ref()))
            h2 { "Remove" }
            @if in_use(detail) {
                p { "It can be removed when nothing is mapped to it, no credential, agent or session names it." }
            } @else {
                form method="post" action={ (own) "/remove" } {
                    div.actions { button.danger type="submit" { "Remove this environment" } }
                }
            }
        }
        h2 { "What changed" }
        (parts::history(&detail.changes, now))
        (trail)
        (text::command(&format!("stint audit list --environment {}", environment.name)))
        @if may { (text::command(&format!("stint environment tier {} TIER", environment.name))) }
    };
    Ok(layout::page(visitor, Place::Environments, &format!("Environment {}", environment.name), body))
}

fn in_use(detail: &EnvironmentDetail) -> bool {
    let lists = [&detail.environment.selectors, &detail.credentials, &detail.agents, &detail.sessions];
    lists.iter().any(|list| !list.is_empty())
}

fn links(to: &str, names: &[String]) -> Markup {
    html! {
        @if names.is_empty() { span.dim { "none" } }
        @for (index, name) in names.iter().enumerate() { @if index > 0 { ", " } a href={ (to) (name) } { (name) } }
    }
}

fn map_form(own: &str, inventory: &Inventory, typed: Option<&(Fields, Error)>) -> Markup {
    let error = typed.map(|(_, error)| error);
    html! {
        form method="post" action={ (own) "/map" } {
            (parts::complaint(error, &["selector"]))
            label for="selector" { "Map something to it" }
            input #selector name="selector" value=(typed.map_or("", |(form, _)| form.get("selector"))) list="unmapped" required
                autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby=(parts::described("selector", error));
            datalist #unmapped {
                @for place in inventory.readings.iter().flat_map(|reading| &reading.places).filter(|place| place.environment.is_none()) {
                    option value=(place.selector) { (tree::plain(place)) }
                }
            }
            (parts::beside("selector", "PROVIDER:KIND/ID, such as railway:environment/ID or github:repository/OWNER/NAME. Things that are not mapped are offered.", error))
            div.actions { button type="submit" { "Map" } }
        }
    }
}

fn tier_form(
    detail: &EnvironmentDetail,
    typed: Option<&(Fields, Error)>,
    own: &str,
    proof: Option<&Markup>,
) -> Markup {
    let is = detail.environment.tier;
    let error = typed.map(|(_, error)| error);
    let chosen = typed.map_or(is.as_str(), |(form, _)| form.get("tier"));
    html! {
        h2 { "How much is at stake" }
        (parts::complaint(error, &["tier"]))
        form.narrow method="post" action={ (own) "/tier" } {
            input type="hidden" name="was" value=(is.as_str());
            (tier_choice(chosen, error, "Its live sessions were started under the present tier, and end when it changes."))
            @if let Some(fields) = proof {
                p.hint { "A lower tier loosens what guards it, so to lower it takes more than an open browser." }
                (fields)
            }
            div.actions { button type="submit" { "Change" } }
        }
    }
}

pub(super) async fn remove(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Reply {
    Fields(form).only(&[])?;
    match app.remove_environment(&visitor.caller, &name).await {
        Ok(_) => Ok(see("/console/environments")),
        Err(error) if error.code == stint_api::Code::Conflict => {
            again(&app, &visitor, &name, Typed { unmap: Some(error), ..Typed::default() }).await
        }
        Err(error) => Err(error.into()),
    }
}
