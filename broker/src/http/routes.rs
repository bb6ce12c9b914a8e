use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use serde::Deserialize;
use stint_api::{
    AddAgent, AddChannel, AddCredential, AddEnvironment, AddSelector, AddVersion, AddedChannel, Agent,
    AgentList, AlertKind, AlertList, Approval, ApprovalList, ApprovalState, Approve, Channel, ChannelList,
    Code, ConsoleLink, Credential, CredentialList, Deny, Elevated, EndSessions, EndedLogin, EndedSessions,
    Environment, EnvironmentList, Heartbeat, SeeAlerts, Session, SessionList, SessionState, Setup, SetupDone,
    StartSession, StartedSession, Status, WhoAmI,
};

use super::caller::{AsEither, AsLogin, AsPerson, AsSession, Failed};
use super::json::{Answer, Body};
use super::{audit, oauth, people, policies, refusal, wellknown};
use crate::app::{App, Error, SessionFilter};
use crate::secret::Secret;

pub(super) type Reply<T> = Result<Answer<T>, Failed>;

/// Everything that the broker answers beside the gateway.
pub fn router(app: App) -> Router {
    routes()
        .router
        .fallback(|| async { Failed(Error::new(Code::NotFound, "there is nothing at this path")) })
        .method_not_allowed_fallback(|| async {
            Failed(Error::new(Code::MethodNotAllowed, "the path does not take this method"))
        })
        .layer(from_fn_with_state(app.clone(), refusal::recorded))
        .with_state(app)
}

/// Every path. Each is described in `stint_api::openapi`, or a test fails.
fn routes() -> Routes {
    Routes::default()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/.well-known/oauth-authorization-server", get(wellknown::authorization_server))
        .route("/.well-known/oauth-protected-resource", get(wellknown::protected_resource))
        .route("/oauth/token", post(oauth::token))
        .route("/oauth/device_authorization", post(oauth::device_authorization))
        .route("/oauth/jwks", get(wellknown::jwks))
        .route("/v1/unseal", post(unseal))
        .route("/v1/setup", post(setup))
        .route("/v1/whoami", get(whoami))
        .route("/v1/logout", post(logout))
        .route("/v1/console-link", post(console_link))
        .route("/v1/logins/{client_id}/elevate", post(elevate_login))
        .route("/v1/logins/{client_id}/lower", post(lower_login))
        .route("/v1/status", get(status))
        .route("/v1/people", get(people::list).post(people::invite))
        .route("/v1/people/{name}/account", get(people::account_of))
        .route("/v1/people/{name}/enrol", post(people::enrol_anew))
        .route("/v1/people/{name}/withdraw", post(people::withdraw))
        .route("/v1/people/{name}/role", post(people::change_role))
        .route("/v1/people/{name}/remove", post(people::remove))
        .route("/v1/people/{name}/sign-ins/{id}/end", post(people::end_sign_in_of))
        .route("/v1/people/{name}/logins/{id}/end", post(people::end_login_of))
        .route("/v1/environments", get(environments).post(add_environment))
        .with(super::registered::routes)
        .with(super::within::routes)
        .with(super::account::routes)
        .route("/v1/environments/{name}/selectors", post(map_environment).delete(unmap_environment))
        .route("/v1/credentials", get(credentials).post(add_credential))
        .route("/v1/credentials/{name}/versions", post(rotate_credential))
        .route("/v1/credentials/{name}/revoke", post(revoke_credential))
        .route("/v1/credentials/{name}/keep", post(keep_credential))
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
        .route("/v1/approvals/{id}/deny-alike", post(deny_alike))
        .route("/v1/alerts", get(alerts))
        .route("/v1/alerts/seen", post(see_alerts))
        .route("/v1/activity", get(audit::activity))
        .route("/v1/audit", get(audit::list))
        .route("/v1/audit/records/{id}", get(audit::entry))
        .route("/v1/audit/chain", get(audit::chain))
        .route("/v1/audit/verify", post(audit::verify))
        .route("/v1/audit/export", post(audit::export))
        .route("/v1/channels", get(channels).post(add_channel))
        .route("/v1/channels/{name}", axum::routing::delete(remove_channel))
        .route("/v1/channels/{name}/try", post(try_channel))
        .with(policies::routes)
        .route("/v1/openapi.json", get(openapi))
}

/// A router that remembers its paths.
#[derive(Default)]
pub(super) struct Routes {
    router: Router<App>,
    paths: Vec<&'static str>,
}

impl Routes {
    /// The paths of another file.
    fn with(self, more: fn(Routes) -> Routes) -> Self {
        more(self)
    }

    pub(super) fn route(mut self, path: &'static str, methods: MethodRouter<App>) -> Self {
        self.paths.push(path);
        Routes { router: self.router.route(path, methods), paths: self.paths }
    }
}

/// For whoever builds a client: nothing in it is private.
async fn openapi(State(app): State<App>) -> Answer<serde_json::Value> {
    Answer(stint_api::openapi::document(app.issuer(), env!("CARGO_PKG_VERSION")))
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

async fn whoami(AsLogin(caller): AsLogin) -> Answer<WhoAmI> {
    Answer(caller.whoami())
}

async fn logout(
    State(app): State<App>,
    AsLogin(caller): AsLogin,
    Body(Nothing {}): Body<Nothing>,
) -> Reply<EndedLogin> {
    Ok(Answer(app.log_out(&caller).await?))
}

async fn console_link(
    State(app): State<App>,
    AsLogin(caller): AsLogin,
    Body(Nothing {}): Body<Nothing>,
) -> Reply<ConsoleLink> {
    Ok(Answer(app.console_link(&caller).await?))
}

async fn elevate_login(
    State(app): State<App>,
    AsLogin(caller): AsLogin,
    Path(client): Path<String>,
    Body(Nothing {}): Body<Nothing>,
) -> Reply<Elevated> {
    Ok(Answer(app.elevate_login(&caller, &client).await?))
}

async fn lower_login(
    State(app): State<App>,
    AsLogin(caller): AsLogin,
    Path(client): Path<String>,
    Body(Nothing {}): Body<Nothing>,
) -> Reply<Elevated> {
    Ok(Answer(app.lower_login(&caller, &client).await?))
}

/// The empty object.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn status(State(app): State<App>, _: AsLogin) -> Reply<Status> {
    Ok(Answer(app.status().await?))
}

async fn environments(State(app): State<App>, _: AsLogin) -> Answer<EnvironmentList> {
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
    Ok(Answer(app.map_environment(&caller, &name, &body.selector, body.unchecked).await?))
}

async fn unmap_environment(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
    Body(body): Body<AddSelector>,
) -> Reply<Environment> {
    Ok(Answer(app.unmap_environment(&caller, &name, &body.selector).await?))
}

async fn credentials(State(app): State<App>, _: AsLogin) -> Reply<CredentialList> {
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

async fn keep_credential(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
) -> Reply<Credential> {
    Ok(Answer(app.keep_credential(&caller, &name).await?))
}

async fn revoke_credential(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
) -> Reply<Credential> {
    Ok(Answer(app.revoke_credential(&caller, &name).await?))
}

async fn agents(State(app): State<App>, _: AsLogin) -> Reply<AgentList> {
    Ok(Answer(app.agents().await?))
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
    /// Ended ones too.
    #[serde(default)]
    all: bool,
    state: Option<SessionState>,
    agent: Option<String>,
    environment: Option<String>,
    /// Id of a session: only those that were started before it.
    before: Option<String>,
    limit: Option<i64>,
}

impl SessionQuery {
    fn is_plain(&self) -> bool {
        self.state.is_none()
            && self.agent.is_none()
            && self.environment.is_none()
            && self.before.is_none()
            && self.limit.is_none()
    }
}

async fn sessions(
    State(app): State<App>,
    AsLogin(caller): AsLogin,
    Query(query): Query<SessionQuery>,
) -> Reply<SessionList> {
    if query.is_plain() {
        return Ok(Answer(app.sessions_for(&caller, query.all).await?));
    }
    let limit = query.limit.unwrap_or(50).clamp(1, 500);
    let live = (!query.all).then_some(SessionState::Live);
    let filter = SessionFilter {
        state: query.state.or(live),
        agent: query.agent,
        environment: query.environment,
        before: query.before,
    };
    Ok(Answer(app.sessions_page_for(&caller, &filter, limit).await?))
}

async fn start_session(
    State(app): State<App>,
    AsLogin(caller): AsLogin,
    Body(body): Body<StartSession>,
) -> Reply<StartedSession> {
    Ok(Answer(app.start_session(&caller, body).await?))
}

async fn session(State(app): State<App>, who: AsEither, Path(id): Path<String>) -> Reply<Session> {
    match &who {
        AsEither::Person(caller) => app.sees_session(caller, &id).await?,
        AsEither::Session(own) if own.session.row.id.as_str() == id => {}
        AsEither::Session(_) => return Err(Failed(Error::not_found("session", id))),
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
    AsLogin(caller): AsLogin,
    Query(query): Query<ApprovalsQuery>,
) -> Reply<ApprovalList> {
    Ok(Answer(app.approvals_for(&caller, query.state).await?))
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
        AsEither::Person(caller) => {
            app.sees_approval(caller, &id).await?;
            None
        }
        AsEither::Session(caller) => Some(&caller.session.row.id),
    };
    Ok(Answer(app.approval_decided(&id, own, Duration::from_secs(query.wait)).await?))
}

async fn approve(
    State(app): State<App>,
    AsLogin(caller): AsLogin,
    Path(id): Path<String>,
    Body(body): Body<Approve>,
) -> Reply<Approval> {
    Ok(Answer(app.approve(&caller, &id, body).await?))
}

async fn deny(
    State(app): State<App>,
    AsLogin(caller): AsLogin,
    Path(id): Path<String>,
    Body(body): Body<Deny>,
) -> Reply<Approval> {
    Ok(Answer(app.deny(&caller, &id, body).await?))
}

async fn deny_alike(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(id): Path<String>,
    Body(body): Body<Deny>,
) -> Reply<ApprovalList> {
    Ok(Answer(app.deny_alike(&caller, &id, body).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AlertsQuery {
    before: Option<i64>,
    limit: Option<i64>,
    kind: Option<AlertKind>,
}

async fn alerts(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Query(query): Query<AlertsQuery>,
) -> Reply<AlertList> {
    let limit = query.limit.unwrap_or(50).clamp(1, 500);
    Ok(Answer(app.alerts(&caller, query.before, limit, query.kind).await?))
}

async fn see_alerts(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Body(body): Body<SeeAlerts>,
) -> Reply<AlertList> {
    Ok(Answer(app.see_alerts(&caller, body.until).await?))
}

async fn channels(State(app): State<App>, AsPerson(caller): AsPerson) -> Reply<ChannelList> {
    Ok(Answer(app.channels(&caller).await?))
}

async fn add_channel(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Body(body): Body<AddChannel>,
) -> Reply<AddedChannel> {
    Ok(Answer(app.add_channel(&caller, body).await?))
}

async fn remove_channel(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
) -> Reply<ChannelList> {
    app.remove_channel(&caller, &name).await?;
    Ok(Answer(app.channels(&caller).await?))
}

async fn try_channel(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
) -> Reply<Channel> {
    Ok(Answer(app.try_channel(&caller, &name).await?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::routes;

    #[test]
    fn every_path_of_the_router_is_described_and_nothing_else() {
        let routed: BTreeSet<&str> = routes().paths.into_iter().collect();
        let described: BTreeSet<&str> = stint_api::openapi::calls().iter().map(|call| call.path).collect();
        assert_eq!(routed, described, "describe it in broker/api/src/openapi/calls.rs");
    }
}
