use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use stint_api::{
    AddAgent, AddCredential, AddEnvironment, AddSelector, AddVersion, Agent, AgentList, Approval,
    ApprovalList, ApprovalState, Approve, Code, Credential, CredentialList, Deny, EndSessions,
    EndedSessions, Environment, EnvironmentList, Heartbeat, PersonList, Session, SessionList, Setup,
    SetupDone, StartSession, StartedSession, Status, WhoAmI,
};

use super::caller::{AsEither, AsPerson, AsSession, Failed};
use super::json::{Answer, Body};
use super::{audit, oauth, refusal, wellknown};
use crate::app::{App, Error};
use crate::secret::Secret;

pub(super) type Reply<T> = Result<Answer<T>, Failed>;

/// Everything that the broker answers beside the gateway.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/.well-known/oauth-authorization-server", get(wellknown::authorization_server))
        .route("/.well-known/oauth-protected-resource", get(wellknown::protected_resource))
        .route("/oauth/token", post(oauth::token))
        .route("/oauth/jwks", get(wellknown::jwks))
        .route("/v1/unseal", post(unseal))
        .route("/v1/setup", post(setup))
        .route("/v1/whoami", get(whoami))
        .route("/v1/status", get(status))
        .route("/v1/people", get(people))
        .route("/v1/environments", get(environments).post(add_environment))
        .route("/v1/environments/{name}/selectors", post(map_environment).delete(unmap_environment))
        .route("/v1/credentials", get(credentials).post(add_credential))
        .route("/v1/credentials/{name}/versions", post(rotate_credential))
        .route("/v1/credentials/{name}/revoke", post(revoke_credential))
        .route("/v1/agents", get(agents).post(add_agent))
        .route("/v1/sessions", get(sessions).post(start_session))
        .route("/v1/sessions/end-all", post(end_all_sessions))
        .route("/v1/sessions/{id}", get(session))
        .route("/v1/sessions/{id}/end", post(end_session))
        .route("/v1/sessions/{id}/heartbeat", post(heartbeat))
        .route("/v1/approvals", get(approvals))
        .route("/v1/approvals/{id}", get(approval))
        .route("/v1/approvals/{id}/approve", post(approve))
        .route("/v1/approvals/{id}/deny", post(deny))
        .route("/v1/activity", get(audit::activity))
        .route("/v1/audit", get(audit::list))
        .route("/v1/audit/records/{id}", get(audit::entry))
        .route("/v1/audit/chain", get(audit::chain))
        .route("/v1/audit/verify", post(audit::verify))
        .route("/v1/audit/export", post(audit::export))
        .fallback(|| async { Failed(Error::new(Code::NotFound, "there is nothing at this path")) })
        .method_not_allowed_fallback(|| async {
            Failed(Error::new(Code::MethodNotAllowed, "the path does not take this method"))
        })
        .layer(from_fn_with_state(app.clone(), refusal::recorded))
        .with_state(app)
}

async fn ready(State(app): State<App>) -> Response {
    match app.ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => Failed(error).into_response(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unseal {
    passphrase: String,
}

async fn unseal(State(app): State<App>, Body(body): Body<Unseal>) -> Reply<serde_json::Value> {
    app.unseal(Secret::from(body.passphrase)).await?;
    Ok(Answer(serde_json::json!({ "sealed": false })))
}

async fn setup(State(app): State<App>, Body(body): Body<Setup>) -> Reply<SetupDone> {
    Ok(Answer(app.setup(body).await?))
}

async fn whoami(AsPerson(caller): AsPerson) -> Answer<WhoAmI> {
    Answer(caller.whoami())
}

async fn status(State(app): State<App>, _: AsPerson) -> Reply<Status> {
    Ok(Answer(app.status().await?))
}

async fn people(State(app): State<App>, _: AsPerson) -> Reply<PersonList> {
    Ok(Answer(app.people().await?))
}

async fn environments(State(app): State<App>, _: AsPerson) -> Answer<EnvironmentList> {
    Answer(app.environments())
}

async fn add_environment(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Body(body): Body<AddEnvironment>,
) -> Reply<Environment> {
    Ok(Answer(app.add_environment(&caller, body).await?))
}

async fn map_environment(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
    Body(body): Body<AddSelector>,
) -> Reply<Environment> {
    Ok(Answer(app.map_environment(&caller, &name, &body.selector).await?))
}

async fn unmap_environment(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
    Body(body): Body<AddSelector>,
) -> Reply<Environment> {
    Ok(Answer(app.unmap_environment(&caller, &name, &body.selector).await?))
}

async fn credentials(State(app): State<App>, _: AsPerson) -> Reply<CredentialList> {
    Ok(Answer(app.credentials().await?))
}

async fn add_credential(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Body(body): Body<AddCredential>,
) -> Reply<Credential> {
    Ok(Answer(app.add_credential(&caller, body).await?))
}

async fn rotate_credential(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
    Body(body): Body<AddVersion>,
) -> Reply<Credential> {
    Ok(Answer(app.rotate_credential(&caller, &name, body.secret).await?))
}

async fn revoke_credential(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
) -> Reply<Credential> {
    Ok(Answer(app.revoke_credential(&caller, &name).await?))
}

async fn agents(State(app): State<App>, _: AsPerson) -> Answer<AgentList> {
    Answer(app.agents())
}

async fn add_agent(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Body(body): Body<AddAgent>,
) -> Reply<Agent> {
    Ok(Answer(app.add_agent(&caller, body).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionQuery {
    #[serde(default)]
    all: bool,
}

async fn sessions(
    State(app): State<App>,
    _: AsPerson,
    Query(query): Query<SessionQuery>,
) -> Reply<SessionList> {
    Ok(Answer(app.sessions(query.all).await?))
}

async fn start_session(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Body(body): Body<StartSession>,
) -> Reply<StartedSession> {
    Ok(Answer(app.start_session(&caller, body).await?))
}

async fn session(State(app): State<App>, who: AsEither, Path(id): Path<String>) -> Reply<Session> {
    if let AsEither::Session(own) = &who
        && own.session.row.id.as_str() != id
    {
        return Err(Failed(Error::not_found("session", id)));
    }
    Ok(Answer(app.session(&id).await?))
}

async fn end_session(
    State(app): State<App>,
    who: AsEither,
    Path(id): Path<String>,
    Body(body): Body<EndSessions>,
) -> Reply<EndedSessions> {
    match who {
        AsEither::Person(caller) => Ok(Answer(app.end_session(&caller, &id, body.reason).await?)),
        AsEither::Session(own) if own.session.row.id.as_str() == id => {
            Ok(Answer(app.end_own_session(&own, body.reason).await?))
        }
        AsEither::Session(_) => Err(Failed(Error::not_found("session", id))),
    }
}

async fn end_all_sessions(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Body(_): Body<EndSessions>,
) -> Reply<EndedSessions> {
    Ok(Answer(app.end_all_sessions(&caller).await?))
}

async fn heartbeat(
    State(app): State<App>,
    AsSession(own): AsSession,
    Path(id): Path<String>,
) -> Reply<Heartbeat> {
    if own.session.row.id.as_str() != id {
        return Err(Failed(Error::not_found("session", id)));
    }
    Ok(Answer(app.heartbeat(&own).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ApprovalsQuery {
    state: Option<ApprovalState>,
}

async fn approvals(
    State(app): State<App>,
    _: AsPerson,
    Query(query): Query<ApprovalsQuery>,
) -> Reply<ApprovalList> {
    Ok(Answer(app.approvals(query.state).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ApprovalQuery {
    /// Seconds to wait for a decision.
    #[serde(default)]
    wait: u64,
}

async fn approval(
    State(app): State<App>,
    who: AsEither,
    Path(id): Path<String>,
    Query(query): Query<ApprovalQuery>,
) -> Reply<Approval> {
    let own = match &who {
        AsEither::Person(_) => None,
        AsEither::Session(caller) => Some(&caller.session.row.id),
    };
    Ok(Answer(app.approval_decided(&id, own, Duration::from_secs(query.wait)).await?))
}

async fn approve(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(id): Path<String>,
    Body(body): Body<Approve>,
) -> Reply<Approval> {
    Ok(Answer(app.approve(&caller, &id, body).await?))
}

async fn deny(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(id): Path<String>,
    Body(body): Body<Deny>,
) -> Reply<Approval> {
    Ok(Answer(app.deny(&caller, &id, body).await?))
}
