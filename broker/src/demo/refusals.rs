//! What must not get through: refused in the answer, and unseen by the provider.

use serde_json::{Value, json};
use stint_api::Problem;
use stint_standin::railway::ids;

use super::attempts::{
    Attempt, commit_staged, delete_staging_backup, deletions, detours, foreign, graphql, removal,
};
use super::hold::{Holding, named};
use super::http::{Answer, Client};
use super::scene::Scene;
use super::table::{Row, Table};
use super::voice::{Voice, wrap};

pub(super) async fn act(
    scene: &Scene,
    holding: &Holding,
    voice: &Voice,
    table: &mut Table,
) -> Result<(), String> {
    let token = &holding.placeholder;
    table.section("With a credential that was found");
    for attempt in foreign(token) {
        table.push(refused(scene, holding, &attempt).await?.0);
    }
    table.section("The published request, and its disguises");
    for (at, attempt) in deletions(token).iter().enumerate() {
        let (row, answer) = refused(scene, holding, attempt).await?;
        table.push(row);
        if at == 0 {
            voice.say("the agent sends the published request again, and reads:");
            quote(voice, &answer);
        }
    }
    table.section("The same loss by other operations");
    for attempt in detours(token) {
        table.push(refused(scene, holding, &attempt).await?.0);
    }
    stage_in_dashboard(scene).await?;
    table.push(refused(scene, holding, &commit_staged(token)).await?.0);
    let backup = staging_backup(scene, holding).await?;
    table.push(refused(scene, holding, &delete_staging_backup(token, &backup)).await?.0);
    Ok(())
}

/// A refusal counts when the answer says so with the right code and policy, and the provider's world and log agree.
async fn refused(scene: &Scene, holding: &Holding, attempt: &Attempt) -> Result<(Row, Answer), String> {
    let world = scene.world();
    let reached = scene.provider.log.reached(attempt.field);
    let answer = holding.send(&attempt.request).await?;
    let problem = answer.problem();
    let code = problem.as_ref().map_or("no problem", |problem| problem.code.as_str());
    let policies = problem.as_ref().map(|problem| problem.policies.as_slice()).unwrap_or_default();
    let arrived = scene.provider.log.reached(attempt.field) - reached;
    let happened = if problem.is_some() {
        format!("{code} ({})", answer.status)
    } else {
        format!("answered {}", answer.status)
    };
    let why = problem.as_ref().map(|problem| because(problem, attempt.policy)).unwrap_or_default();
    let row = Row::new(attempt.tried, happened, why)
        .expect(answer.status == attempt.code.status(), format!("answered {}", answer.status))
        .expect(code == attempt.code.as_str(), format!("{code} and not {}", attempt.code))
        .expect(
            attempt.policy.is_none_or(|wanted| policies.iter().any(|policy| policy == wanted)),
            format!("decided by {policies:?}"),
        )
        .expect(arrived == 0, format!("{} reached the provider", attempt.field))
        .expect(scene.world() == world, "the provider's world changed")
        .expect(answer.record.is_some(), "the answer names no audit record");
    Ok((row, answer))
}

/// The policy, or where none was asked, the reason that the request was not even judged.
fn because(problem: &Problem, expected: Option<&str>) -> String {
    let mut policies = problem.policies.clone();
    // The policy that the story is about stands first.
    policies.sort_by_key(|policy| Some(policy.as_str()) != expected);
    match problem.policies.is_empty() {
        false => named(&policies),
        true => problem.title.clone(),
    }
}

fn quote(voice: &Voice, answer: &Answer) {
    let Some(problem) = answer.problem() else { return voice.quote(&answer.body) };
    let mut lines = vec![
        format!("{} {}: {}", problem.status, problem.code, problem.detail),
        format!(
            "operations {}, environments {}",
            problem.operations.join(", "),
            problem.environments.join(", ")
        ),
        format!("policies {}", problem.policies.join(", ")),
    ];
    lines.extend(problem.hint.map(|hint| format!("hint: {hint}")));
    for line in lines {
        voice.quote(&wrap(&line, 92).join("\n"));
    }
}

/// A person, with a token of their own, stages the deletion, straight at the provider.
async fn stage_in_dashboard(scene: &Scene) -> Result<(), String> {
    let client = Client::straight(scene.provider.addr, scene.ca_pem()?)?;
    let query = "mutation($e: String!, $i: EnvironmentConfig!) { environmentStageChanges(environmentId: $e, input: $i) { id } }";
    let variables = json!({ "e": ids::PRODUCTION, "i": removal(ids::VOLUME_PRODUCTION) });
    let answer = client.send(&graphql(&scene.dashboard, query, &variables)).await?;
    answer.data().map(|_| ()).ok_or_else(|| format!("nothing could be staged: {}", answer.body))
}

/// The id of the backup that the work made, as the agent itself reads it.
async fn staging_backup(scene: &Scene, holding: &Holding) -> Result<String, String> {
    let query = "query($v: String!) { volumeInstanceBackupList(volumeInstanceId: $v) { id } }";
    let answer =
        holding.send(&graphql(&holding.placeholder, query, &json!({ "v": ids::INSTANCE_STAGING }))).await?;
    let id = answer.data().and_then(|data| {
        data.pointer("/volumeInstanceBackupList/0/id").and_then(Value::as_str).map(str::to_owned)
    });
    id.filter(|id| scene.world().exists("VolumeInstanceBackup", id))
        .ok_or_else(|| format!("the backup made in staging is not listed: {}", answer.body))
}
