//! A person's yes: to one exact request, with the name typed, once. And the kill switch.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use stint::api::Error;
use stint_api::{Approval, ApprovalState, Approve, Code, Deny, EndSessions};
use stint_standin::railway::ids;

use super::attempts::graphql;
use super::hold::{Holding, named};
use super::http::{Answer, Request};
use super::scene::{PERSON, STAGING, Scene};
use super::table::{Row, Table};
use super::voice::Voice;

const REMOVE: &str = "deploymentRemove";

/// What has to be typed.
const DEPLOYMENT: &str = ids::DEPLOYMENT_STAGING;

pub(super) async fn act(
    scene: &Scene,
    holding: &Holding,
    voice: &Voice,
    table: &mut Table,
) -> Result<(), String> {
    table.section("Deleting a volume of staging: its backups would go with it, so it takes two people");
    let query = "mutation($v: String!) { volumeDelete(volumeId: $v) }";
    let request = graphql(&holding.placeholder, query, &json!({ "v": ids::VOLUME_STAGING }));
    let (answer, rows) = tokio::join!(holding.send(&request), alone(scene));
    for row in rows? {
        table.push(row);
    }
    let code = answer?.problem().map(|problem| problem.code).unwrap_or_default();
    table.push(
        Row::new("nobody else says yes", code.clone(), PERSON)
            .expect(code == Code::ApprovalDenied.as_str(), format!("{code} and not {}", Code::ApprovalDenied))
            .expect(scene.provider.log.reached("volumeDelete") == 0, "it reached the provider"),
    );

    table.section("Removing a deployment of staging: one approval");
    let query = "mutation($d: String!) { deploymentRemove(id: $d) }";
    let request = graphql(&holding.placeholder, query, &json!({ "d": ids::DEPLOYMENT_STAGING }));
    // The deployment is put back afterwards, so that sending the request again would remove it again.
    let before = scene.world();
    let (answer, asked) =
        tokio::join!(holding.send(&request), asked_and_approved(scene, holding, voice, table));
    let asked = asked?;
    table.push(gone_once(scene, holding, &request, answer?, &asked).await?);
    scene.provider.site.restore(before);
    table.push(asks_again(scene, holding, &request, &asked).await?);
    Ok(())
}

/// The kill switch, and what a request is answered after it.
pub(super) async fn kill(scene: &Scene, holding: &Holding, table: &mut Table) -> Result<(), String> {
    let end = EndSessions { reason: Some("kill_switch".to_owned()) };
    let ended = scene.admin.end_all_sessions(&end).await.map_err(|error| error.to_string())?.ended;
    table.push(
        Row::new("every session is ended", format!("{} session", ended.len()), PERSON)
            .expect(ended == [holding.id()], format!("ended {ended:?}")),
    );
    let arrived = scene.provider.log.len();
    let query = "query($id: String!) { environment(id: $id) { name } }";
    let answer = holding.send(&graphql(&holding.placeholder, query, &json!({ "id": ids::STAGING }))).await?;
    let code = answer.problem().map(|problem| problem.code).unwrap_or_default();
    table.push(
        Row::new("the next request, a read", format!("{code} ({})", answer.status), "its token is void")
            .expect(answer.status == 401, format!("answered {}", answer.status))
            .expect(code == Code::SessionEnded.as_str(), format!("{code} and not {}", Code::SessionEnded))
            .expect(scene.provider.log.len() == arrived, "something reached the provider"),
    );
    Ok(())
}

/// The one whom the session works for says yes to the volume, which does not count, and then no.
async fn alone(scene: &Scene) -> Result<Vec<Row>, String> {
    let approval = waiting(scene, ids::VOLUME_STAGING, None).await?;
    let policies = "guardrail.backups-two-people";
    let asked = Row::new("delete the volume staging-cache", "waits for two people", policies)
        .expect(approval.approvers == 2, format!("{} people are asked for", approval.approvers))
        .expect(approval.policies.iter().any(|id| id == policies), named(&approval.policies));
    let yes = Approve { confirm: approval.confirm.map(|confirm| confirm.text), within: None };
    let answer = scene.admin.approve(&approval.id, &yes).await;
    let refused = no(
        &format!("{PERSON} approves it alone"),
        "the session works for them",
        answer.err(),
        &[Code::Forbidden.status()],
    )
    .expect(scene.world().volume(ids::VOLUME_STAGING).is_some(), "it went through");
    let deny = Deny { reason: "nobody else is here".to_owned() };
    scene.admin.deny(&approval.id, &deny).await.map_err(|error| error.to_string())?;
    Ok(vec![asked, refused])
}

/// The administrator's side while the request is held.
async fn asked_and_approved(
    scene: &Scene,
    holding: &Holding,
    voice: &Voice,
    table: &mut Table,
) -> Result<Approval, String> {
    let approval = waiting(scene, ids::DEPLOYMENT_STAGING, None).await?;
    voice.say(&format!("the agent would remove a deployment of staging; {PERSON} is asked, and sees:"));
    for resource in &approval.resources {
        let name = resource.name.as_deref().unwrap_or("no name");
        voice.quote(&format!(
            "{}  {} {name} in {}  {}",
            resource.operation,
            resource.kind,
            resource.environments.join(", "),
            resource.consequences.first().map(String::as_str).unwrap_or_default()
        ));
    }
    let untouched = || scene.provider.log.reached(REMOVE) == 0 && deployment_is_there(scene);
    let name = DEPLOYMENT.to_owned();
    let places: Vec<&str> = approval
        .resources
        .iter()
        .flat_map(|resource| resource.environments.iter().map(String::as_str))
        .collect();
    let to_type = approval.confirm.as_ref().map(|confirm| confirm.text.as_str());
    table.push(
        Row::new("remove a deployment of staging", "waits for a person", named(&approval.policies))
            .expect(approval.session == holding.id(), "another session asks")
            .expect(places == [STAGING], format!("it is said to be in {places:?}"))
            .expect(to_type == Some(name.as_str()), format!("{to_type:?} is to be typed"))
            .expect(untouched(), "it reached the provider before anybody said yes"),
    );

    let url = format!("{}/v1/approvals/{}/approve", scene.url(), approval.id);
    let body = Approve { confirm: Some(name.clone()), within: None };
    let own = holding.sidecar.session().holder();
    let answer = own.call::<Value>(Method::POST, &url, Some(&body), Duration::ZERO).await;
    table.push(
        no("the agent approves it itself", "people approve, agents ask", answer.err(), &[401, 403])
            .expect(untouched(), "it went through"),
    );

    let wrong = Approve { confirm: Some("postgres-data".to_owned()), within: None };
    let answer = scene.admin.approve(&approval.id, &wrong).await;
    table.push(
        no(
            &format!("{PERSON} approves, types a wrong name"),
            "it has another name",
            answer.err(),
            &[Code::ConfirmationMismatch.status()],
        )
        .expect(untouched(), "it went through"),
    );
    let right = Approve { confirm: Some(name), within: None };
    scene.admin.approve(&approval.id, &right).await.map_err(|error| format!("the approval: {error}"))
}

async fn gone_once(
    scene: &Scene,
    holding: &Holding,
    request: &Request,
    held: Answer,
    asked: &Approval,
) -> Result<Row, String> {
    // On a machine that is very busy the hold may have ended before the yes came; then the request is sent again.
    let hold_ended = held.problem().is_some_and(|problem| problem.code == Code::ApprovalRequired.as_str());
    let answer = if hold_ended { holding.send(request).await? } else { held };
    let gone = !deployment_is_there(scene);
    let reached = scene.provider.log.reached(REMOVE);
    let used = scene.admin.approval(&asked.id, None).await.map_err(|error| error.to_string())?;
    let happened = if gone { "removed" } else { "not removed" };
    Ok(Row::new(
        format!("{PERSON} approves, types its id"),
        happened,
        format!("approval by {}", used.decided_by.clone().unwrap_or_default()),
    )
    .expect(
        answer.status == 200 && answer.data().is_some(),
        format!("answered {}: {}", answer.status, answer.body),
    )
    .expect(gone, "the deployment is still there")
    .expect(reached == 1, format!("it reached the provider {reached} times"))
    .expect(used.state == ApprovalState::Used, format!("the approval is {:?}", used.state)))
}

/// A yes is used once: the same bytes ask a person anew, who says no this time.
async fn asks_again(
    scene: &Scene,
    holding: &Holding,
    request: &Request,
    first: &Approval,
) -> Result<Row, String> {
    let deny = async {
        let approval = waiting(scene, ids::DEPLOYMENT_STAGING, Some(&first.id)).await?;
        let deny = Deny { reason: "once was enough".to_owned() };
        scene.admin.deny(&approval.id, &deny).await.map_err(|error| error.to_string())
    };
    let (answer, denied) = tokio::join!(holding.send(request), deny);
    let (answer, denied) = (answer?, denied?);
    let code = answer.problem().map(|problem| problem.code).unwrap_or_default();
    let reached = scene.provider.log.reached(REMOVE);
    Ok(Row::new(
        "the same request again",
        format!("asked anew: {code}"),
        format!("{PERSON}: {}", denied.reason.clone().unwrap_or_default()),
    )
    .expect(denied.id != first.id, "the used approval was asked for")
    .expect(answer.status == 403, format!("answered {}", answer.status))
    .expect(code == Code::ApprovalDenied.as_str(), format!("{code} and not {}", Code::ApprovalDenied))
    .expect(reached == 1, format!("it reached the provider {reached} times"))
    .expect(deployment_is_there(scene), "the deployment is gone again"))
}

/// The approval that waits for a thing, other than `known`, as `stint approval list` shows it.
async fn waiting(scene: &Scene, thing: &str, known: Option<&str>) -> Result<Approval, String> {
    let wanted = |approval: &Approval| {
        Some(approval.id.as_str()) != known && approval.resources.iter().any(|resource| resource.id == thing)
    };
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(10) {
        let list =
            scene.admin.approvals(Some(ApprovalState::Waiting)).await.map_err(|error| error.to_string())?;
        if let Some(found) = list.approvals.into_iter().find(wanted) {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err("nobody was asked to approve it".to_owned())
}

/// A call that must have been refused with one of these statuses.
fn no(tried: &str, why: &str, error: Option<Error>, statuses: &[u16]) -> Row {
    match error {
        Some(Error::Problem(problem)) => {
            Row::new(tried, format!("{} ({})", problem.code, problem.status), why)
                .expect(statuses.contains(&problem.status), format!("answered {}", problem.status))
        }
        Some(other) => Row::new(tried, "no answer", "").expect(false, other.to_string()),
        None => Row::new(tried, "approved", "").expect(false, "it was approved"),
    }
}

fn deployment_is_there(scene: &Scene) -> bool {
    scene.world().exists("Deployment", ids::DEPLOYMENT_STAGING)
}
