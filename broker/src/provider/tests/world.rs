//! A small Railway in memory, which answers the look-ups by name, in pages, and lies when told to.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::super::{Lookup, LookupError, LookupFailure};

type Lie = Box<dyn Fn(&str, &Value) -> Option<Result<Value, LookupError>> + Send + Sync>;

#[derive(Default)]
pub struct World {
    state: Mutex<State>,
    pub page: usize,
    pub latency: Duration,
    lie: Mutex<Option<Lie>>,
    calls: Mutex<Vec<(String, Value)>>,
}

#[derive(Default, Clone)]
pub struct State {
    /// Project to its environments.
    pub projects: BTreeMap<String, Vec<String>>,
    /// Volume to its project and the environments of its instances.
    pub volumes: BTreeMap<String, (String, Vec<String>)>,
    pub services: BTreeMap<String, (String, Vec<String>)>,
    /// Backups of each volume instance.
    pub backups: usize,
}

impl World {
    /// One project with three environments, a volume in production, one in staging, and one in both.
    pub fn new() -> Self {
        let world = World { page: 100, ..World::default() };
        world.change(|state| {
            state.projects.insert("shop".into(), ids(&["production", "staging", "pr-7"]));
            state.projects.insert("blog".into(), ids(&["blog-production"]));
            state.volumes.insert("vol-production".into(), ("shop".into(), ids(&["production"])));
            state.volumes.insert("vol-staging".into(), ("shop".into(), ids(&["staging"])));
            state.volumes.insert("vol-both".into(), ("shop".into(), ids(&["staging", "production"])));
            state.services.insert("web".into(), ("shop".into(), ids(&["production", "staging", "pr-7"])));
            state.backups = 2;
        });
        world
    }

    pub fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    pub fn lie(
        &self,
        lie: impl Fn(&str, &Value) -> Option<Result<Value, LookupError>> + Send + Sync + 'static,
    ) {
        *self.lie.lock().unwrap() = Some(Box::new(lie));
    }

    pub fn honest(&self) {
        *self.lie.lock().unwrap() = None;
    }

    pub fn calls(&self, name: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|(called, _)| called == name).count()
    }

    pub fn all_calls(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    /// The truth.
    pub fn answer(&self, name: &str, variables: &Value) -> Value {
        let state = self.state.lock().unwrap().clone();
        let text = |key: &str| variables[key].as_str().unwrap_or_default().to_owned();
        let page = |items: Vec<Value>| page(items, variables["after"].as_str(), self.page);
        let all = |items: Vec<Value>| super::world::page(items, None, usize::MAX);
        let data = match name {
            "ProjectTokenScope" | "ApiTokenScope" => {
                return json!({"errors": [{"message": "Not Authorized"}]});
            }
            "Myself" => json!({"me": {"workspaces": [{"id": "ws", "name": "Workspace"}]}}),
            "ProjectsVisible" | "ProjectsOfWorkspace" => {
                json!({"projects": page(state.projects.keys().map(|p| json!({"id": p, "name": p})).collect())})
            }
            "Environment" => {
                let known = state.projects.values().flatten().any(|e| *e == text("id"));
                let none = all(vec![]);
                json!({"environment": known.then(|| json!({
                    "id": text("id"), "name": format!("name of {}", text("id")),
                    "volumeInstances": all(vec![json!({"id": "vi"})]), "serviceInstances": none,
                }))})
            }
            "Project" | "EnvironmentsOf" => {
                let id = if name == "Project" { text("id") } else { text("projectId") };
                json!({"project": state.projects.get(&id).map(|environments| json!({
                    "id": id, "name": id,
                    "environments": page(environments.iter().map(|e| json!({"id": e, "name": e, "projectId": id})).collect()),
                }))})
            }
            "Deployment" => json!({"deployment": null}),
            "Service" => {
                let id = text("id");
                json!({"service": state.services.get(&id).map(|(project, environments)| json!({
                    "id": id, "name": id, "projectId": project,
                    "serviceInstances": page(environments.iter()
                        .map(|e| json!({"id": format!("si-{id}-{e}"), "environmentId": e})).collect()),
                }))})
            }
            "VolumesOf" => {
                let project = text("projectId");
                let volumes = state.volumes.iter().filter(|(_, (p, _))| *p == project);
                json!({"project": {"id": project, "volumes": page(volumes.map(|(id, (_, environments))| json!({
                    "id": id, "name": format!("name of {id}"), "projectId": project,
                    "volumeInstances": all(environments.iter()
                        .map(|e| json!({"id": format!("vi-{id}-{e}"), "environmentId": e, "mountPath": "/data"})).collect()),
                })).collect())}})
            }
            "BackupCount" | "BackupsIn" => {
                let instance = text("volumeInstanceId");
                let backups =
                    (0..state.backups).map(|n| json!({"id": format!("b{n}-{instance}"), "name": null}));
                json!({"volumeInstanceBackupList": backups.collect::<Vec<_>>()})
            }
            "InstancesIn" => {
                let environment = text("environmentId");
                let here = state
                    .services
                    .iter()
                    .filter(|(_, (_, environments))| environments.contains(&environment));
                json!({"environment": {"id": environment, "serviceInstances": page(here.map(|(id, _)| json!({
                    "id": format!("si-{id}-{environment}"), "environmentId": environment, "serviceId": id,
                    "serviceName": id, "domains": {
                        "customDomains": [{"id": format!("cd-{id}-{environment}"), "domain": "x.example", "environmentId": environment}],
                        "serviceDomains": [],
                    },
                })).collect())}})
            }
            "TcpProxiesOf" => {
                let (environment, service) = (text("environmentId"), text("serviceId"));
                json!({"tcpProxies": [{"id": format!("tcp-{service}-{environment}"), "domain": "d",
                    "environmentId": environment, "serviceId": service}]})
            }
            "BucketsOf" => {
                let project = text("projectId");
                let buckets =
                    vec![json!({"id": format!("bucket-{project}"), "name": "b", "projectId": project})];
                json!({"project": {"id": project, "buckets": page(buckets)}})
            }
            "StagedPatch" => json!({"environmentStagedChanges": {
                "id": "patch", "environmentId": text("environmentId"),
                "patch": {"volumes": {"vol-production": {"isDeleted": true}}}}}),
            other => panic!("the world has no {other}"),
        };
        json!({"data": data})
    }
}

impl Lookup for World {
    fn graphql<'a>(
        &'a self,
        name: &'a str,
        query: &'a str,
        variables: Value,
    ) -> BoxFuture<'a, Result<Value, LookupError>> {
        assert!(query.starts_with(&format!("query {name}")), "{query}");
        async move {
            self.calls.lock().unwrap().push((name.to_owned(), variables.clone()));
            if self.latency.is_zero() {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(self.latency).await;
            }
            let lie = self.lie.lock().unwrap().as_ref().and_then(|lie| lie(name, &variables));
            lie.unwrap_or_else(|| Ok(self.answer(name, &variables)))
        }
        .boxed()
    }

    fn get<'a>(
        &'a self,
        name: &'a str,
        _: Option<&'a str>,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Value, LookupError>> {
        panic!("{name} is asked by GraphQL")
    }
}

pub fn unavailable() -> LookupError {
    LookupError::new(LookupFailure::Timeout, "no answer in time")
}

pub fn page(items: Vec<Value>, after: Option<&str>, size: usize) -> Value {
    let start: usize = after.map_or(0, |cursor| cursor.parse().unwrap());
    let more = items.len() > start.saturating_add(size);
    let edges: Vec<_> = items.into_iter().skip(start).take(size).map(|node| json!({"node": node})).collect();
    let end = start + edges.len();
    json!({"pageInfo": {"hasNextPage": more, "endCursor": end.to_string()}, "edges": edges})
}

fn ids(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
