//! Work that an agent in staging is there for: it goes through, and is seen to have been done at the provider.

use serde_json::{Value, json};
use stint_standin::railway::{World, ids};

use super::attempts::graphql;
use super::hold::{Holding, decided_by, named};
use super::scene::Scene;
use super::table::{Row, Table};

struct Task {
    tried: &'static str,
    query: &'static str,
    variables: Value,
    /// What came of it, from the answer's `data` and the provider's world; `None` where it did not come about.
    seen: fn(&Value, &World) -> Option<String>,
}

pub(super) async fn act(scene: &Scene, holding: &Holding, table: &mut Table) -> Result<(), String> {
    table.section("Under a session in staging: the work");
    for task in tasks() {
        let answer = holding.send(&graphql(&holding.placeholder, task.query, &task.variables)).await?;
        let seen = answer.data().and_then(|data| (task.seen)(&data, &scene.world()));
        let why = named(&decided_by(scene, answer.record.as_deref()).await?);
        let problem = answer.problem().map(|problem| format!(": {} {:?}", problem.detail, problem.policies));
        table.push(
            Row::new(task.tried, seen.clone().unwrap_or_else(|| format!("{}, not done", answer.status)), why)
                .expect(
                    answer.status == 200,
                    format!("answered {}{}", answer.status, problem.unwrap_or_default()),
                )
                .expect(seen.is_some(), "it did not come about")
                .expect(!answer.body.contains(&scene.vaulted), "the answer holds the vault's credential"),
        );
    }
    Ok(())
}

fn tasks() -> Vec<Task> {
    vec![
        Task {
            tried: "read the staging environment",
            query: "query($id: String!) { environment(id: $id) { name serviceInstances { edges { node { serviceName } } } } }",
            variables: json!({ "id": ids::STAGING }),
            seen: |data, _| {
                let name = data.pointer("/environment/name")?.as_str()?;
                let services = data.pointer("/environment/serviceInstances/edges")?.as_array()?.len();
                (services > 0).then(|| format!("{name}: {services} services"))
            },
        },
        Task {
            tried: "list its deployments",
            query: "query($i: DeploymentListInput!) { deployments(input: $i) { edges { node { id status } } } }",
            variables: json!({ "i": { "environmentId": ids::STAGING, "serviceId": ids::SERVICE_API } }),
            seen: |data, _| {
                let edges = data.pointer("/deployments/edges")?.as_array()?;
                let node = edges.first()?.get("node")?;
                (node.get("id")?.as_str()? == ids::DEPLOYMENT_STAGING).then(|| {
                    format!(
                        "{} deployment, {}",
                        edges.len(),
                        node.get("status").and_then(Value::as_str).unwrap_or_default()
                    )
                })
            },
        },
        Task {
            tried: "read its logs",
            query: "query($id: String!) { deploymentLogs(deploymentId: $id, limit: 10) { message } }",
            variables: json!({ "id": ids::DEPLOYMENT_STAGING }),
            seen: |data, _| Some(format!("\"{}\"", data.pointer("/deploymentLogs/0/message")?.as_str()?)),
        },
        Task {
            tried: "set a variable",
            query: "mutation($i: VariableUpsertInput!) { variableUpsert(input: $i) }",
            variables: json!({ "i": {
                "projectId": ids::PROJECT, "environmentId": ids::STAGING, "serviceId": ids::SERVICE_API,
                "name": "LOG_LEVEL", "value": "debug",
            } }),
            seen: |_, world| {
                let of = |environment| world.variable(environment, Some(ids::SERVICE_API), "LOG_LEVEL");
                (of(ids::STAGING)? == "debug" && of(ids::PRODUCTION)? == "info")
                    .then(|| "LOG_LEVEL=debug in staging".to_owned())
            },
        },
        Task {
            tried: "redeploy",
            query: "mutation($id: String!) { deploymentRedeploy(id: $id) { id status } }",
            variables: json!({ "id": ids::DEPLOYMENT_STAGING }),
            seen: |data, _| {
                let status = data.pointer("/deploymentRedeploy/status")?.as_str()?;
                (status == "DEPLOYING").then(|| status.to_owned())
            },
        },
        Task {
            tried: "make a backup of a staging volume",
            query: "mutation($v: String!, $n: String) { volumeInstanceBackupCreate(volumeInstanceId: $v, name: $n) { workflowId } }",
            variables: json!({ "v": ids::INSTANCE_STAGING, "n": "before the change" }),
            seen: |_, world| {
                (world.backups(ids::VOLUME_STAGING) == 1).then(|| "1 backup in staging-cache".to_owned())
            },
        },
    ]
}
