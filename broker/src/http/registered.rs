//! `/v1` of what is registered, one thing at a time: the lists and what is added are in `routes`.

use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use serde::Deserialize;
use stint_api::{
    Agent, AgentDetail, ChangeTier, ChangedTier, Class, CredentialCheck, CredentialDetail, EditAgent,
    EnvironmentDetail, Inventory, OperationPage, ProviderList, Reading, RemovedAgent, RemovedEnvironment,
    Settings, SsoCheck, Welcome,
};

use super::caller::{AsPerson, Failed};
use super::json::{Answer, Body};
use super::routes::Routes;
use crate::app::{App, OperationFilter};

type Reply<T> = Result<Answer<T>, Failed>;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .route("/v1/agents/{name}", get(agent).patch(edit_agent).delete(remove_agent))
        .route("/v1/environments/{name}", get(environment).patch(change_tier).delete(remove_environment))
        .route("/v1/inventory", get(inventory).post(read_inventory))
        .route("/v1/credentials/{name}", get(credential))
        .route("/v1/credentials/{name}/check", post(check_credential))
        .route("/v1/credentials/{name}/discovery", post(discover))
        .route("/v1/providers", get(providers))
        .route("/v1/providers/{name}/operations", get(operations))
        .route("/v1/settings", get(settings))
        .route("/v1/settings/single-sign-on/check", post(check_sso))
        .route("/v1/welcome", get(welcome))
}

async fn agent(State(app): State<App>, _: AsPerson, Path(name): Path<String>) -> Reply<AgentDetail> {
    Ok(Answer(app.agent_detail(&name).await?))
}

async fn edit_agent(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
    Body(body): Body<EditAgent>,
) -> Reply<Agent> {
    Ok(Answer(app.edit_agent(&caller, &name, body).await?))
}

async fn remove_agent(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
) -> Reply<RemovedAgent> {
    Ok(Answer(app.remove_agent(&caller, &name).await?))
}

async fn environment(
    State(app): State<App>,
    _: AsPerson,
    Path(name): Path<String>,
) -> Reply<EnvironmentDetail> {
    Ok(Answer(app.environment_detail(&name).await?))
}

async fn change_tier(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
    Body(body): Body<ChangeTier>,
) -> Reply<ChangedTier> {
    Ok(Answer(app.change_tier(&caller, &name, body).await?))
}

async fn remove_environment(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
) -> Reply<RemovedEnvironment> {
    Ok(Answer(app.remove_environment(&caller, &name).await?))
}

async fn inventory(State(app): State<App>, _: AsPerson) -> Answer<Inventory> {
    Answer(app.inventory())
}

async fn read_inventory(State(app): State<App>, AsPerson(caller): AsPerson) -> Reply<Inventory> {
    Ok(Answer(app.read_inventory(&caller).await?))
}

async fn credential(
    State(app): State<App>,
    _: AsPerson,
    Path(name): Path<String>,
) -> Reply<CredentialDetail> {
    Ok(Answer(app.credential_detail(&name).await?))
}

async fn check_credential(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
) -> Reply<CredentialCheck> {
    Ok(Answer(app.check_credential(&caller, &name).await?))
}

async fn discover(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
) -> Reply<Reading> {
    Ok(Answer(app.discover(&caller, &name).await?))
}

async fn providers(State(app): State<App>, _: AsPerson) -> Answer<ProviderList> {
    Answer(app.providers())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OperationsQuery {
    #[serde(default)]
    q: String,
    class: Option<Class>,
    after: Option<String>,
}

async fn operations(
    State(app): State<App>,
    _: AsPerson,
    Path(name): Path<String>,
    Query(query): Query<OperationsQuery>,
) -> Reply<OperationPage> {
    let filter = OperationFilter { words: query.q, class: query.class, after: query.after };
    Ok(Answer(app.operations(&name, &filter)?))
}

async fn check_sso(State(app): State<App>, AsPerson(caller): AsPerson) -> Reply<SsoCheck> {
    Ok(Answer(app.check_sso(&caller).await?))
}

async fn settings(State(app): State<App>, _: AsPerson) -> Reply<Settings> {
    Ok(Answer(app.settings().await?))
}

async fn welcome(State(app): State<App>, _: AsPerson) -> Reply<Welcome> {
    Ok(Answer(app.welcome().await?))
}
