//! Credentials: what is in the vault and how it is used, never what it is. Secrets are typed in, and not shown again.

use axum::extract::{Path, State};
use maud::{Markup, html};
use stint_api::{AddCredential, AuditQuery, Code, Credential, CredentialDetail};

use super::answer::{Form, Reply, ok, page as answer, see};
use super::credential_check;
use super::layout::{self, Place};
use super::parts::{self, Fields};
use super::table::table;
use super::text::{self, Shown};
use super::trail::trail;
use super::upload::Upload;
use super::visitor::Visitor;
use crate::app::{App, Error};

pub(super) async fn list(State(app): State<App>, visitor: Visitor) -> Reply {
    let credentials = app.credentials().await?.credentials;
    let now = app.clock().now();
    let may = parts::may_administer(&visitor);
    let body = html! {
        h1 { "Credentials" }
        @if credentials.is_empty() {
            (text::empty("The vault is empty", html! {
                p { "Put a provider's secret in once. Agents work with placeholders; the secret stays here." }
                @if may { p { a.button href="/console/new/credential" { "Add a credential" } } }
            }))
        } @else {
            @if may { p.actions { a.button href="/console/new/credential" { "Add a credential" } } }
            (table("Credentials", ["Credential", "Provider", "Kind", "Environment", "Fingerprint", "Version", "Added", "Last use", "State"], credentials.iter().map(|credential| [
                html! { a data-item href={ "/console/credentials/" (credential.name) } { (credential.name) } },
                html! { (credential.provider) },
                html! { (credential.kind) },
                pinned(credential),
                html! { code { (credential.fingerprint) } },
                html! { (credential.version) },
                text::when(credential.created_at, now),
                html! { @match credential.used_at { Some(at) => { (text::when(at, now)) } None => { span.dim { "never" } } } },
                state(credential),
            ])))
        }
        (text::command("stint credential list"))
    };
    Ok(ok(layout::page(&visitor, Place::Credentials, "Credentials", body)))
}

fn pinned(credential: &Credential) -> Markup {
    html! {
        @match &credential.environment {
            Some(name) => { a href={ "/console/environments/" (name) } { (name) } }
            None => { "any that its resources are mapped to" }
        }
    }
}

fn state(credential: &Credential) -> Markup {
    html! {
        @if credential.revoked_at.is_some() { span.badge.state-ended { "revoked" } }
        @else if credential.waits() { span.badge.state-waiting { "captured" } }
        @else { span.badge.state-live { "in use" } }
    }
}

const NEW: &[&str] =
    &["name", "kind", "environment", "upstream", "upstream_ca", "secret", "secret_file", "unchecked"];

pub(super) async fn new(State(app): State<App>, visitor: Visitor) -> Reply {
    Ok(ok(new_page(&app, &visitor, &Fields::default(), None)))
}

pub(super) async fn add(State(app): State<App>, visitor: Visitor, Upload(form): Upload) -> Reply {
    let form = form.only(NEW)?;
    let added = async {
        let (provider, kind) = form.get("kind").split_once(':').unwrap_or_default();
        if provider.is_empty() {
            return Err(Error::new(Code::InvalidInput, "choose what kind of credential it is").about("kind"));
        }
        let add = AddCredential {
            name: form.get("name").to_owned(),
            provider: provider.to_owned(),
            kind: Some(kind.to_owned()),
            environment: form.given("environment"),
            upstream: form.given("upstream"),
            upstream_ca: form.given("upstream_ca"),
            unchecked: form.get("unchecked") == "yes",
            secret: secret(&form)?,
        };
        app.add_credential(&visitor.caller, add).await
    };
    match added.await {
        Ok(credential) => Ok(see(&format!("/console/credentials/{}", credential.name))),
        Err(error) => Ok(answer(parts::status(&error), new_page(&app, &visitor, &form, Some(&error)))),
    }
}

/// The secret, typed or from a file. The end of the last line is not part of it.
fn secret(form: &Fields) -> Result<String, Error> {
    let wrong = |detail: &str| Err(Error::new(Code::InvalidInput, detail).about("secret"));
    let (typed, file) = (form.get("secret"), form.get("secret_file"));
    let text = match (typed.trim().is_empty(), file.trim().is_empty()) {
        (true, true) => return wrong("the secret is missing: type it, or choose a file"),
        (false, false) => return wrong("the secret was typed and a file was chosen: give one of them"),
        (false, true) => typed,
        (true, false) => file,
    };
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

/// The fields of a secret. Whatever happened, they come up empty.
fn secret_fields(error: Option<&Error>) -> Markup {
    html! {
        label for="secret" { "Secret" }
        // A browser keeps what was sent in a form, to send it again after a restart: not where a field is a password's.
        input #secret name="secret" type="password" autocomplete="new-password" aria-describedby=(parts::described("secret", error));
        (parts::beside("secret", "It goes into the vault and is never shown again, not to you either.", error))
        label for="secret_file" { "Or a file that holds it, for one of several lines" }
        input #secret_file name="secret_file" type="file";
    }
}

fn new_page(app: &App, visitor: &Visitor, typed: &Fields, error: Option<&Error>) -> Markup {
    let (providers, environments) = (app.providers().providers, app.environments().environments);
    let advanced = !typed.get("upstream").is_empty() || !typed.get("upstream_ca").is_empty();
    let body = html! {
        h1 { "Add a credential" }
        @if !parts::may_administer(visitor) { (parts::looks_on(visitor)) } @else {
            (parts::complaint(error, NEW))
            @if error.is_some() { p.notice.warn { "The secret has to be given again: it was not kept." } }
            form.narrow method="post" action="/console/new/credential" enctype="multipart/form-data" {
                (parts::line("name", "Name", "Small letters, digits and - _ . only. A name is used once, even after a revocation.", typed.get("name"), error, true))
                label for="kind" { "Provider and kind" }
                select #kind name="kind" required aria-describedby=(parts::described("kind", error)) {
                    @if typed.get("kind").is_empty() { option value="" { "Choose one" } }
                    @for provider in &providers {
                        optgroup label=(provider.title) {
                            @for kind in &provider.kinds {
                                @let value = format!("{}:{}", provider.name, kind.name);
                                option value=(value) selected[value == typed.get("kind")] { (provider.title) ": " (kind.name) }
                            }
                        }
                    }
                }
                (parts::beside("kind", "What the provider calls it. The pack says how it is carried, and which variables hold its placeholder.", error))
                label for="environment" { "Environment" }
                select #environment name="environment" aria-describedby=(parts::described("environment", error)) {
                    option value="" { "Any that its resources are mapped to" }
                    @for environment in &environments {
                        option value=(environment.name) selected[environment.name == typed.get("environment")] { (environment.name) " (" (environment.tier.as_str()) ")" }
                    }
                }
                (parts::beside("environment", "Pinned to one, only its sessions get it.", error))
                (secret_fields(error))
                @if error.is_some() {
                    label for="unchecked" { input #unchecked type="checkbox" name="unchecked" value="yes"; " Store it even if the provider does not take it" }
                }
                details open[advanced] {
                    summary { "Sent elsewhere than to the provider's own hosts" }
                    (parts::line("upstream", "Upstream (optional)", "An origin such as https://127.0.0.1:8443.", typed.get("upstream"), error, false))
                    label for="upstream_ca" { "Certificates to trust there, in PEM (optional)" }
                    textarea #upstream_ca name="upstream_ca" rows="4" spellcheck="false" autocomplete="off" { (typed.get("upstream_ca")) }
                }
                div.actions { button type="submit" { "Add" } a.button.quiet href="/console/credentials" { "Back" } }
            }
        }
        (text::command("stint credential add NAME --provider PACK --environment NAME"))
    };
    layout::page(visitor, Place::Credentials, "Add a credential", body)
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Path(name): Path<String>) -> Reply {
    let detail = app.credential_detail(&name).await?;
    Ok(ok(one(&app, &visitor, &detail, None).await?))
}

pub(super) async fn rotate(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Upload(form): Upload,
) -> Reply {
    let form = form.only(&["secret", "secret_file"])?;
    let rotated = async { app.rotate_credential(&visitor.caller, &name, secret(&form)?).await };
    match rotated.await {
        Ok(_) => Ok(see(&format!("/console/credentials/{name}"))),
        Err(error) => {
            let detail = app.credential_detail(&name).await?;
            Ok(answer(parts::status(&error), one(&app, &visitor, &detail, Some(&error)).await?))
        }
    }
}

async fn one(
    app: &App,
    visitor: &Visitor,
    detail: &CredentialDetail,
    error: Option<&Error>,
) -> Result<Markup, Error> {
    let (credential, now) = (&detail.credential, app.clock().now());
    let about = AuditQuery { credential: Some(credential.name.clone()), ..AuditQuery::default() };
    let trail = trail(app, visitor, about).await?;
    let own = format!("/console/credentials/{}", credential.name);
    let body = html! {
        h1 { "Credential " (credential.name) }
        div.row { (state(credential)) }
        dl.facts {
            dt { "Provider" } dd { a href={ "/console/providers/" (credential.provider) } { (credential.provider) } }
            dt { "Kind" } dd { (credential.kind) }
            dt { "Environment" } dd { (pinned(credential)) }
            dt { "Fingerprint" } dd { code { (credential.fingerprint) } " " span.dim { "tells versions apart, says nothing of the secret" } }
            dt { "Version" } dd { (credential.version) }
            @if let Some(upstream) = &credential.upstream { dt { "Sent to" } dd { code { (Shown(upstream)) } } }
            dt { "Added" } dd { (text::when(credential.created_at, now)) }
            dt { "Last use" } dd { @match credential.used_at { Some(at) => { (text::when(at, now)) } None => { "never" } } }
            @if let Some(at) = credential.revoked_at { dt { "Revoked" } dd { (text::when(at, now)) } }
        }
        @if let Some(captured) = &credential.captured {
            h2 { "Captured" }
            p { "A provider made this secret in a session. It was taken out of the answer: the agent has not seen it." }
            dl.facts {
                dt { "Session" } dd { a href={ "/console/sessions/" (captured.session) } { code { (captured.session) } } }
                dt { "Agent" } dd { a href={ "/console/agents/" (captured.agent) } { (captured.agent) } }
                dt { "Operation" } dd { code { (Shown(&captured.operation)) } }
                dt { "Member of the answer" } dd { code { (Shown(&captured.field)) } }
                dt { "Ends" } dd { @match captured.expires_at { Some(at) => { (text::when(at, now)) } None => { "the provider did not say" } } }
                @if let Some(at) = captured.kept_at { dt { "Kept" } dd { (text::when(at, now)) } }
            }
        }
        @if parts::may_administer(visitor) && credential.waits() {
            p { "Keep it, and sessions of its environment can use it where it is a credential of its provider; or revoke it, here and at the provider." }
            (parts::complaint(error, &[]))
            form method="post" action={ (own) "/keep" } {
                div.actions {
                    button type="submit" { "Keep" }
                    a.button.danger href={ (own) "/revoke" } { "Revoke" }
                }
            }
        }
        @if parts::may_administer(visitor) && credential.revoked_at.is_none() && !credential.waits() {
            (credential_check::buttons(&own))
            h2 { "Rotate" }
            p { "A new secret for the same credential. Running sessions go on, and use the new one from their next request." }
            (parts::complaint(error, &["secret"]))
            form.narrow method="post" action={ (own) "/rotate" } enctype="multipart/form-data" {
                (secret_fields(error))
                div.actions {
                    button type="submit" { "Put the new secret in" }
                    a.button.danger href={ (own) "/revoke" } { "Revoke" }
                }
            }
        }
        h2 { "What changed" }
        (parts::history(&detail.changes, now))
        (trail)
        (text::command(&format!("stint audit list --credential {}", credential.name)))
        @if parts::may_administer(visitor) && credential.revoked_at.is_none() {
            @let act = if credential.waits() { "keep" } else { "rotate" };
            (text::command(&format!("stint credential {act} {}", credential.name)))
        }
    };
    Ok(layout::page(visitor, Place::Credentials, &format!("Credential {}", credential.name), body))
}

pub(super) async fn keep(State(app): State<App>, visitor: Visitor, Path(name): Path<String>) -> Reply {
    match app.keep_credential(&visitor.caller, &name).await {
        Ok(_) => Ok(see(&format!("/console/credentials/{name}"))),
        Err(error) => {
            let detail = app.credential_detail(&name).await?;
            Ok(answer(parts::status(&error), one(&app, &visitor, &detail, Some(&error)).await?))
        }
    }
}

pub(super) async fn ask_revoke(State(app): State<App>, visitor: Visitor, Path(name): Path<String>) -> Reply {
    let detail = app.credential_detail(&name).await?;
    Ok(ok(revoke_page(&visitor, &detail.credential, "", None)))
}

pub(super) async fn revoke(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Reply {
    let form = Fields(form).only(&["confirm"])?;
    let typed = form.get("confirm").trim();
    let revoked = match typed == name {
        true => app.revoke_credential(&visitor.caller, &name).await.map(|_| ()),
        false => Err(Error::new(
            Code::ConfirmationMismatch,
            format!("this cannot be put back: type {name} to revoke it"),
        )
        .about("confirm")),
    };
    match revoked {
        Ok(()) => Ok(see(&format!("/console/credentials/{name}"))),
        Err(error) => {
            let detail = app.credential_detail(&name).await?;
            Ok(answer(parts::status(&error), revoke_page(&visitor, &detail.credential, typed, Some(&error))))
        }
    }
}

fn revoke_page(visitor: &Visitor, credential: &Credential, typed: &str, error: Option<&Error>) -> Markup {
    let own = format!("/console/credentials/{}", credential.name);
    let label = format!("Type {} to revoke it", credential.name);
    let body = html! {
        h1 { "Revoke credential " (credential.name) }
        @if credential.revoked_at.is_some() {
            p.notice.warn { "It is revoked already." } p { a href=(own) { "Back to it" } }
        } @else if !parts::may_administer(visitor) { (parts::looks_on(visitor)) } @else {
            p { "No request is sent with it any more, in no session, from now on. Its name is not used again. Revoke it at the provider too: the broker cannot." }
            (parts::complaint(error, &["confirm"]))
            form.narrow method="post" action={ (own) "/revoke" } {
                (parts::line("confirm", &label, "It cannot be put back.", typed, error, true))
                div.actions { button.danger type="submit" { "Revoke" } a.button.quiet href=(own) { "Back" } }
            }
        }
        (text::command(&format!("stint credential revoke {}", credential.name)))
    };
    layout::page(visitor, Place::Credentials, "Revoke a credential", body)
}
