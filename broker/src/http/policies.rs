//! `/v1/policies` and `/v1/rules`.

use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use serde::Deserialize;
use stint_api::{
    AskEffect, CheckPolicy, DecidePolicy, Policy, PolicyCheck, PolicyDiff, PolicyEffect, PolicyList,
    PolicyReach, PolicyVersion, PolicyVersionList, ProposedRule, RestorePolicy, SavePolicy,
};

use super::caller::{AsPerson, Failed};
use super::json::{Answer, Body};
use super::routes::Routes;
use crate::app::{App, RuleQuery};

type Reply<T> = Result<Answer<T>, Failed>;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .route("/v1/policies", get(list))
        .route("/v1/policies/validate", post(validate))
        .route("/v1/policies/reach", get(reach))
        .route("/v1/policies/effect", post(effect))
        .route("/v1/policies/{name}", get(show).post(save))
        .route("/v1/policies/{name}/propose", post(propose))
        .route("/v1/policies/{name}/confirm", post(confirm))
        .route("/v1/policies/{name}/withdraw", post(withdraw))
        .route("/v1/policies/{name}/restore", post(restore))
        .route("/v1/policies/{name}/diff", get(diff))
        .route("/v1/policies/{name}/versions", get(versions))
        .route("/v1/policies/{name}/versions/{version}", get(version))
        .route("/v1/rules", get(rule))
}

async fn list(State(app): State<App>, _: AsPerson) -> Reply<PolicyList> {
    Ok(Answer(app.policies().await?))
}

async fn validate(State(app): State<App>, _: AsPerson, Body(body): Body<CheckPolicy>) -> Reply<PolicyCheck> {
    Ok(Answer(app.check_policy(body).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReachQuery {
    agent: Option<String>,
    session: Option<String>,
}

async fn reach(State(app): State<App>, _: AsPerson, Query(query): Query<ReachQuery>) -> Reply<PolicyReach> {
    Ok(Answer(app.reach(query.agent.as_deref(), query.session.as_deref()).await?))
}

async fn effect(State(app): State<App>, _: AsPerson, Body(body): Body<AskEffect>) -> Reply<PolicyEffect> {
    Ok(Answer(app.policy_effect(body).await?))
}

async fn show(State(app): State<App>, _: AsPerson, Path(name): Path<String>) -> Reply<Policy> {
    Ok(Answer(app.policy(&name).await?))
}

async fn save(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
    Body(body): Body<SavePolicy>,
) -> Reply<PolicyVersion> {
    Ok(Answer(app.save_policy(&caller, &name, body).await?))
}

async fn propose(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
    Body(body): Body<SavePolicy>,
) -> Reply<PolicyVersion> {
    Ok(Answer(app.propose_policy(&caller, &name, body).await?))
}

async fn confirm(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
    Body(body): Body<DecidePolicy>,
) -> Reply<PolicyVersion> {
    Ok(Answer(app.confirm_policy(&caller, &name, body).await?))
}

async fn withdraw(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
    Body(body): Body<DecidePolicy>,
) -> Reply<PolicyVersion> {
    Ok(Answer(app.withdraw_policy(&caller, &name, body).await?))
}

async fn restore(
    State(app): State<App>,
    AsPerson(caller): AsPerson,
    Path(name): Path<String>,
    Body(body): Body<RestorePolicy>,
) -> Reply<PolicyVersion> {
    Ok(Answer(app.restore_policy(&caller, &name, body).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DiffQuery {
    from: i64,
    to: i64,
}

async fn diff(
    State(app): State<App>,
    _: AsPerson,
    Path(name): Path<String>,
    Query(query): Query<DiffQuery>,
) -> Reply<PolicyDiff> {
    Ok(Answer(app.policy_diff(&name, query.from, query.to).await?))
}

async fn versions(State(app): State<App>, _: AsPerson, Path(name): Path<String>) -> Reply<PolicyVersionList> {
    Ok(Answer(app.policy_versions(&name).await?))
}

async fn version(
    State(app): State<App>,
    _: AsPerson,
    Path((name, version)): Path<(String, i64)>,
) -> Reply<PolicyVersion> {
    Ok(Answer(app.policy_version(&name, version).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleOf {
    record: Option<String>,
    approval: Option<String>,
    effect: Option<String>,
}

async fn rule(State(app): State<App>, _: AsPerson, Query(query): Query<RuleOf>) -> Reply<ProposedRule> {
    let RuleOf { record, approval, effect } = query;
    Ok(Answer(app.rule(RuleQuery { record, approval, effect, draft: None }).await?))
}
