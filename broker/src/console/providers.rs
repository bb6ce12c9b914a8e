//! Providers: the packs, and each one's operations with what they mean.

use axum::extract::{Path, Query, State};
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::{AuditQuery, Class, OperationPage, Provider, ProviderOperation};

use super::answer::{Reply, ok};
use super::layout::{self, Place};
use super::table::table;
use super::text::{self, Shown};
use super::trail::trail;
use super::visitor::Visitor;
use crate::app::{App, OperationFilter};

pub(super) async fn list(State(app): State<App>, visitor: Visitor) -> Reply {
    let providers = app.providers().providers;
    let body = html! {
        h1 { "Providers" }
        p { "What the broker understands. A request that no pack understands is refused." }
        ul.cards {
            @for provider in &providers {
                li.card {
                    h2 { a data-item href={ "/console/providers/" (provider.name) } { (provider.title) } }
                    dl.facts {
                        dt { "Hosts" } dd { @for host in &provider.hosts { code { (host) } " " } }
                        dt { "Can be mapped" } dd { @for kind in &provider.environment_kinds { code { (provider.name) ":" (kind) "/ID" } " " } }
                        dt { "Operations" } dd { (classes(provider)) }
                    }
                }
            }
        }
        (text::command("stint provider list"))
    };
    Ok(ok(layout::page(&visitor, Place::Providers, "Providers", body)))
}

/// How many operations of each class, each a link to them.
fn classes(provider: &Provider) -> Markup {
    html! {
        span.row {
            @for (class, count) in &provider.operations {
                a href={ "/console/providers/" (provider.name) "?class=" (class.as_str()) } { (text::class(*class)) " " (count) }
            }
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Wanted {
    q: String,
    class: String,
    after: Option<String>,
}

pub(super) async fn page(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Reply {
    let provider = app.provider(&name)?;
    let class: Option<Class> = wanted.class.parse().ok();
    let filter = OperationFilter { words: wanted.q.clone(), class, after: wanted.after.clone() };
    let operations = app.operations(&name, &filter)?;
    let own = format!("/console/providers/{}", provider.name);
    let about = AuditQuery { provider: Some(provider.name.clone()), ..AuditQuery::default() };
    let trail = trail(&app, &visitor, about).await?;
    let body = html! {
        h1 { (provider.title) }
        h2 { "How it is reached" }
        dl.facts {
            dt { "Hosts" } dd { @for host in &provider.hosts { code { (host) } " " } }
            dt { "Protocol" } dd { (provider.protocol) }
            dt { "Can be mapped" } dd { @for kind in &provider.environment_kinds { code { (provider.name) ":" (kind) "/ID" } " " } }
        }
        h2 { "Kinds of credential" }
        (kinds(&provider))
        h2 #operations { "Operations" }
        form.search method="get" action=(own) role="search" {
            div.row {
                div { label for="q" { "Words" } input #q name="q" type="search" value=(wanted.q) data-search autocomplete="off"; }
                div {
                    label for="class" { "Class" }
                    select #class name="class" {
                        option value="" { "every class" }
                        @for each in Class::ALL {
                            option value=(each.as_str()) selected[Some(each) == class] { (each.as_str()) }
                        }
                    }
                }
                button.quiet type="submit" { "Show" }
            }
        }
        (found(&operations, &wanted, class, &own))
        (trail)
        (text::command(&format!("stint provider operations {}", provider.name)))
    };
    Ok(ok(layout::page(&visitor, Place::Providers, &provider.title, body)))
}

fn kinds(provider: &Provider) -> Markup {
    html! {
        (table("Kinds of credential", ["Kind", "Carried by", "Variables of its placeholder"], provider.kinds.iter().map(|kind| [
            html! { (kind.name) @if kind.default { " " span.dim { "(the default)" } } },
            html! { code { (kind.header) } },
            html! { @for name in &kind.variables { code { (name) } " " } },
        ])))
    }
}

fn found(page: &OperationPage, wanted: &Wanted, class: Option<Class>, own: &str) -> Markup {
    let link = |after: &str| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("q", &wanted.q).append_pair("class", class.map_or("", Class::as_str));
        if !after.is_empty() {
            query.append_pair("after", after);
        }
        format!("{own}?{}#operations", query.finish())
    };
    html! {
        p { (page.total) " of them" @if wanted.after.is_some() { " · " a href=(link("")) { "from the first" } } }
        @if page.operations.is_empty() {
            (text::empty("No operation is like that", html! { p { "Take words away, or choose every class." } }))
        } @else {
            (table("Operations", ["Operation", "Class", "Touches", "Names", "Request", "Policies that name it"], page.operations.iter().map(row)))
            @if let Some(next) = &page.next { p.actions { a.button.quiet rel="next" href=(link(next)) { "The next hundred" } } }
        }
    }
}

fn row(operation: &ProviderOperation) -> [Markup; 6] {
    [
        html! { code { (Shown(&operation.operation)) } @for mark in &operation.marks { " " span.badge { (mark.replace('-', " ")) } } },
        text::class(operation.class),
        html! { (scope(&operation.scope)) },
        html! { @for name in &operation.resources { code { (Shown(name)) } " " } @if operation.resources.is_empty() { span.dim { "nothing" } } },
        html! { code { (Shown(&operation.request)) } },
        html! { @for id in &operation.policies { code { (Shown(id)) } " " } @if operation.policies.is_empty() { span.dim { "none" } } },
    ]
}

fn scope(scope: &str) -> &'static str {
    match scope {
        "resources" => "what it names",
        "shared" => "what belongs to no environment",
        "names" => "names only, or what it names",
        _ => "the account as a whole",
    }
}
