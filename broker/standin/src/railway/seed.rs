//! The world that a stand-in starts with: one company, its production and its staging, and enough beside them
//! that answers come in several pages.

use serde_json::{Value, json};

use super::ids;
use super::world::{Record, Viewer, World};

impl World {
    /// The seeded world; always the same.
    pub fn seeded() -> Self {
        let mut world = World::empty();
        workspaces(&mut world);
        project(&mut world);
        volumes(&mut world);
        networking(&mut world);
        extras(&mut world);
        neighbours(&mut world);
        world.admit(ids::ACCOUNT_TOKEN, Viewer::Account { user: ids::USER.to_owned() });
        world.admit(
            ids::STAGING_TOKEN,
            Viewer::Project {
                token: ids::PROJECT_TOKEN.to_owned(),
                project: ids::PROJECT.to_owned(),
                environment: ids::STAGING.to_owned(),
            },
        );
        world
    }
}

fn put(world: &mut World, kind: &str, fields: Value) {
    if let Value::Object(fields) = fields {
        world.add(kind, fields as Record);
    }
}

fn workspaces(world: &mut World) {
    put(
        world,
        "User",
        json!({"id": ids::USER, "name": "Robin Park", "email": "robin@atlas.example", "username": "robin", "isVerified": true}),
    );
    put(world, "Workspace", json!({"id": ids::WORKSPACE, "name": "Atlas Rentals", "plan": "PRO"}));
    put(world, "Workspace", json!({"id": ids::OTHER_WORKSPACE, "name": "Robin's own", "plan": "HOBBY"}));
}

fn project(world: &mut World) {
    put(
        world,
        "Project",
        json!({
            "id": ids::PROJECT, "name": "atlas", "workspaceId": ids::WORKSPACE, "subscriptionType": "pro",
            "baseEnvironmentId": ids::PRODUCTION, "primaryEnvironmentId": ids::PRODUCTION,
        }),
    );
    put(
        world,
        "Environment",
        json!({"id": ids::PRODUCTION, "name": "production", "projectId": ids::PROJECT, "canAccess": true}),
    );
    put(
        world,
        "Environment",
        json!({"id": ids::STAGING, "name": "staging", "projectId": ids::PROJECT, "canAccess": true}),
    );
    put(
        world,
        "Environment",
        json!({
            "id": ids::FORK, "name": "pr-7", "projectId": ids::PROJECT, "canAccess": true, "isEphemeral": true,
            "sourceEnvironmentId": ids::STAGING,
        }),
    );
    let services = [
        (ids::SERVICE_API, "api"),
        (ids::SERVICE_WEB, "web"),
        (ids::SERVICE_WORKER, "worker"),
        (ids::SERVICE_POSTGRES, "postgres"),
    ];
    for (id, name) in services {
        put(world, "Service", json!({"id": id, "name": name, "projectId": ids::PROJECT}));
        for environment in [ids::PRODUCTION, ids::STAGING, ids::FORK] {
            put(world, "ServiceInstance", instance(id, name, environment));
        }
    }
    deployments(world);
    variables(world);
}

fn instance(service: &str, name: &str, environment: &str) -> Value {
    json!({
        "serviceId": service, "serviceName": name, "environmentId": environment, "builder": "RAILPACK", "isUpdatable": true,
        "restartPolicyType": "ON_FAILURE", "restartPolicyMaxRetries": 10, "numReplicas": 1, "region": "europe-west4",
        "source": {"repo": format!("atlas/{name}")},
    })
}

fn deployments(world: &mut World) {
    let rows = [
        (Some(ids::DEPLOYMENT_PRODUCTION), ids::SERVICE_API, ids::PRODUCTION),
        (Some(ids::DEPLOYMENT_STAGING), ids::SERVICE_API, ids::STAGING),
        (None, ids::SERVICE_WEB, ids::PRODUCTION),
        (None, ids::SERVICE_WEB, ids::STAGING),
    ];
    for (id, service, environment) in rows {
        let mut deployment = json!({
            "serviceId": service, "environmentId": environment, "projectId": ids::PROJECT, "status": "SUCCESS",
            "canRedeploy": true, "canRollback": true, "meta": {"branch": "main"},
        });
        if let (Some(id), Some(fields)) = (id, deployment.as_object_mut()) {
            fields.insert("id".to_owned(), id.into());
        }
        put(world, "Deployment", deployment);
    }
}

fn variables(world: &mut World) {
    for (environment, word) in
        [(ids::PRODUCTION, "production"), (ids::STAGING, "staging"), (ids::FORK, "pr7")]
    {
        let database = format!("postgresql://atlas:pw-{word}-41c7e0@postgres.internal:5432/atlas");
        world.set_variable(environment, Some(ids::SERVICE_API), "DATABASE_URL", &database);
        world.set_variable(environment, Some(ids::SERVICE_API), "LOG_LEVEL", "info");
        world.set_variable(
            environment,
            Some(ids::SERVICE_API),
            "PAYMENT_KEY",
            &format!("payment-{word}-9d2f63b8"),
        );
        world.set_variable(environment, None, "REGION", "europe-west4");
    }
}

fn volume(
    world: &mut World,
    id: Option<&str>,
    name: &str,
    instances: &[(Option<&str>, &str, f64)],
) -> Vec<String> {
    let mut fields = json!({"name": name, "projectId": ids::PROJECT});
    if let (Some(id), Some(fields)) = (id, fields.as_object_mut()) {
        fields.insert("id".to_owned(), id.into());
    }
    let Value::Object(fields) = fields else { return Vec::new() };
    let volume = world.add("Volume", fields);
    let mut made = Vec::new();
    for (instance, environment, megabytes) in instances {
        let fields = json!({
            "volumeId": volume, "environmentId": environment, "mountPath": "/data", "state": "READY", "sizeMB": 50_000,
            "currentSizeMB": megabytes, "serviceId": ids::SERVICE_POSTGRES, "region": "europe-west4",
            "externalId": format!("vol_{name}"),
        });
        let Value::Object(mut fields) = fields else { continue };
        if let Some(instance) = instance {
            fields.insert("id".to_owned(), (*instance).into());
        }
        made.push(world.add("VolumeInstance", fields));
    }
    made
}

/// The volume that matters is not on the first page.
fn volumes(world: &mut World) {
    for name in ["logs", "thumbnails", "search-index", "exports"] {
        volume(world, None, name, &[(None, ids::STAGING, 120.0)]);
    }
    volume(
        world,
        Some(ids::VOLUME_STAGING),
        "staging-cache",
        &[(Some(ids::INSTANCE_STAGING), ids::STAGING, 310.0)],
    );
    volume(
        world,
        Some(ids::VOLUME_PRODUCTION),
        "postgres-data",
        &[(Some(ids::INSTANCE_PRODUCTION), ids::PRODUCTION, 18_432.0)],
    );
    volume(
        world,
        Some(ids::VOLUME_SHARED),
        "uploads",
        &[(None, ids::STAGING, 900.0), (None, ids::PRODUCTION, 7_400.0)],
    );
    let backups = [
        (Some(ids::BACKUP_PRODUCTION), "nightly 2026-04-23"),
        (None, "nightly 2026-04-22"),
        (None, "before the move"),
    ];
    for (id, name) in backups {
        let mut backup = json!({
            "volumeInstanceId": ids::INSTANCE_PRODUCTION, "name": name, "externalId": "snap", "usedMB": 18_100,
            "referencedMB": 18_432, "volumeInstanceSizeMB": 50_000,
        });
        if let (Some(id), Some(fields)) = (id, backup.as_object_mut()) {
            fields.insert("id".to_owned(), id.into());
        }
        put(world, "VolumeInstanceBackup", backup);
    }
    put(
        world,
        "VolumeInstanceBackupSchedule",
        json!({
            "volumeInstanceId": ids::INSTANCE_PRODUCTION, "kind": "DAILY", "name": "daily", "cron": "0 2 * * *", "retentionSeconds": 518_400,
        }),
    );
}

fn networking(world: &mut World) {
    let domain = |id: &str, name: &str, service: &str, environment: &str| {
        json!({"id": id, "domain": name, "serviceId": service, "environmentId": environment, "projectId": ids::PROJECT,
            "syncStatus": "ACTIVE", "targetPort": 8080})
    };
    put(
        world,
        "CustomDomain",
        domain(ids::CUSTOM_DOMAIN_PRODUCTION, "www.atlas.example", ids::SERVICE_WEB, ids::PRODUCTION),
    );
    put(
        world,
        "CustomDomain",
        domain(ids::CUSTOM_DOMAIN_STAGING, "staging.atlas.example", ids::SERVICE_WEB, ids::STAGING),
    );
    put(
        world,
        "ServiceDomain",
        domain(ids::SERVICE_DOMAIN_STAGING, "web-staging.up.railway.app", ids::SERVICE_WEB, ids::STAGING),
    );
    put(
        world,
        "TCPProxy",
        json!({
            "id": ids::TCP_PROXY_PRODUCTION, "serviceId": ids::SERVICE_POSTGRES, "environmentId": ids::PRODUCTION,
            "domain": "crossover.proxy.rlwy.net", "applicationPort": 5432, "proxyPort": 31_544, "syncStatus": "ACTIVE",
        }),
    );
    put(
        world,
        "PrivateNetwork",
        json!({
            "id": ids::NETWORK_STAGING, "publicId": ids::NETWORK_STAGING, "environmentId": ids::STAGING, "projectId": ids::PROJECT,
            "name": "railway", "dnsName": "railway.internal", "networkId": 4711, "tags": [],
        }),
    );
    put(
        world,
        "DeploymentTrigger",
        json!({
            "id": ids::TRIGGER_STAGING, "environmentId": ids::STAGING, "projectId": ids::PROJECT, "serviceId": ids::SERVICE_API,
            "provider": "github", "repository": "atlas/api", "branch": "main",
        }),
    );
}

fn extras(world: &mut World) {
    put(world, "Bucket", json!({"id": ids::BUCKET, "name": "invoices", "projectId": ids::PROJECT}));
    put(
        world,
        "Integration",
        json!({"id": ids::INTEGRATION, "name": "pager", "projectId": ids::PROJECT, "config": {}}),
    );
    put(
        world,
        "ProjectToken",
        json!({
            "id": ids::PROJECT_TOKEN, "name": "ci", "projectId": ids::PROJECT, "environmentId": ids::STAGING, "displayToken": "b8f3****",
        }),
    );
    put(
        world,
        "Plugin",
        json!({"id": ids::PLUGIN, "name": "redis", "friendlyName": "redis", "projectId": ids::PROJECT, "status": "RUNNING"}),
    );
    put(
        world,
        "CloudAgent",
        json!({
            "id": ids::CLOUD_AGENT, "name": "tidy", "projectId": ids::PROJECT, "environmentId": ids::STAGING, "status": "RUNNING",
        }),
    );
    put(
        world,
        "TrustedDomain",
        json!({
            "id": ids::TRUSTED_DOMAIN, "domainName": "atlas.example", "role": "MEMBER", "workspaceId": ids::WORKSPACE, "verificationType": "DNS",
        }),
    );
    put(
        world,
        "NotificationRule",
        json!({
            "id": ids::NOTIFICATION_RULE, "workspaceId": ids::WORKSPACE, "projectId": ids::PROJECT, "eventTypes": ["DEPLOYMENT_FAILED"],
            "severities": ["CRITICAL"],
        }),
    );
    put(
        world,
        "ProjectInvitation",
        json!({"id": ids::INVITATION, "email": "new@atlas.example", "projectId": ids::PROJECT}),
    );
    put(
        world,
        "ProjectMember",
        json!({
            "id": ids::USER, "name": "Robin Park", "email": "robin@atlas.example", "role": "ADMIN", "projectId": ids::PROJECT,
        }),
    );
    put(world, "ObservabilityDashboard", json!({"environmentId": ids::PRODUCTION, "items": []}));
}

/// Other projects, so that the list of projects has pages and a look-up can go astray.
fn neighbours(world: &mut World) {
    for name in ["atlas-docs", "atlas-blog", "atlas-status", "atlas-tools", "atlas-lab"] {
        let id = world.fresh();
        put(
            world,
            "Project",
            json!({"id": id, "name": name, "workspaceId": ids::WORKSPACE, "subscriptionType": "pro"}),
        );
        put(world, "Environment", json!({"name": "production", "projectId": id, "canAccess": true}));
    }
    put(
        world,
        "Project",
        json!({
            "id": ids::OTHER_PROJECT, "name": "garden", "workspaceId": ids::OTHER_WORKSPACE, "subscriptionType": "hobby",
            "baseEnvironmentId": ids::OTHER_PRODUCTION,
        }),
    );
    put(
        world,
        "Environment",
        json!({"id": ids::OTHER_PRODUCTION, "name": "production", "projectId": ids::OTHER_PROJECT, "canAccess": true}),
    );
    put(world, "Volume", json!({"id": ids::VOLUME_OTHER, "name": "photos", "projectId": ids::OTHER_PROJECT}));
    put(
        world,
        "VolumeInstance",
        json!({
            "volumeId": ids::VOLUME_OTHER, "environmentId": ids::OTHER_PRODUCTION, "mountPath": "/photos", "state": "READY",
            "sizeMB": 5_000, "currentSizeMB": 2_000.0,
        }),
    );
}
