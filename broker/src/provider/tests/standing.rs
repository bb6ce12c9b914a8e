//! The packs' look-ups against a stand-in that executes them by the published schema, five things a page.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use stint_standin::railway::ids;
use stint_standin::{Handle, Railway, Standin};

use super::super::{
    Body, Freshness, Lookup, LookupError, LookupFailure, Options, Resolver, Rules, Unresolved, Upstreams,
};
use crate::model::{CredentialId, Located, Pending, Resource, Upstream};

/// Look-ups over the real client, with a token that the stand-in knows.
struct Wire {
    standin: Handle<Railway>,
    upstreams: Upstreams,
    header: (&'static str, String),
}

impl Wire {
    async fn account() -> Wire {
        Wire::with(("authorization", format!("Bearer {}", ids::ACCOUNT_TOKEN))).await
    }

    async fn with(header: (&'static str, String)) -> Wire {
        let standin = Standin::loopback(Railway::seeded()).await.unwrap();
        let options = Options { allow_private: vec!["127.0.0.0/8".parse().unwrap()], ..Options::default() };
        Wire { standin, upstreams: Upstreams::new(options), header }
    }
}

impl Lookup for Wire {
    fn graphql<'a>(
        &'a self,
        _: &'a str,
        query: &'a str,
        variables: Value,
    ) -> BoxFuture<'a, Result<Value, LookupError>> {
        async move {
            let body = json!({"query": query, "variables": variables}).to_string();
            let request = Request::post("https://backboard.railway.com/graphql/v2")
                .header("content-type", "application/json")
                .header(self.header.0, &self.header.1)
                .body(Body::new(Full::from(body).map_err(|never| match never {})))
                .unwrap();
            let upstream =
                Upstream { url: Some(self.standin.url()), ca: self.standin.ca_pem().map(str::to_owned) };
            let failed = |detail: String| LookupError::new(LookupFailure::Unavailable, detail);
            let answer = self.upstreams.send(&credential(), &upstream, request).await;
            let answer = answer.map_err(|error| failed(error.to_string()))?;
            let bytes =
                answer.into_body().collect().await.map_err(|error| failed(error.to_string()))?.to_bytes();
            serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))
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

fn resolver() -> Resolver {
    let railway = Rules::load(
        include_str!("../../../../policies/packs/railway/resolvers.toml"),
        include_str!("../../../../policies/packs/railway/lookups.graphql"),
    );
    Resolver::new([railway.unwrap()])
}

fn credential() -> CredentialId {
    CredentialId::from_uuid(uuid::Uuid::from_u128(7))
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

async fn fresh(resolver: &Resolver, wire: &Wire, kind: &str, id: &str) -> Result<Located, Unresolved> {
    let resources = [Resource::new(kind, id)];
    resolver.resolve(&credential(), "railway", &resources, Freshness::Fresh, now(), wire).await.remove(0)
}

fn environments(located: &Located) -> Vec<&str> {
    let mut ids: Vec<_> = located.owners.iter().map(|owner| owner.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn the_incidents_volume_is_found_in_production_with_its_backups() {
    let (resolver, wire) = (resolver(), Wire::account().await);
    let located = fresh(&resolver, &wire, "volume", ids::VOLUME_PRODUCTION).await.unwrap();
    assert_eq!(environments(&located), [ids::PRODUCTION]);
    let backups = wire.standin.site.world().backups(ids::VOLUME_PRODUCTION);
    assert!(backups > 1);
    let megabytes = wire.standin.site.world().volume(ids::VOLUME_PRODUCTION).unwrap().instances[0].megabytes;
    assert_eq!(
        located.consequences,
        [
            format!("{backups} backups live in this volume"),
            "it belongs to the project atlas".to_owned(),
            format!("it holds {megabytes:.0} MB"),
        ]
    );
}

#[tokio::test]
async fn everything_in_the_world_is_traced_to_its_environments() {
    let (resolver, wire) = (resolver(), Wire::account().await);
    let mut all = [ids::PRODUCTION, ids::STAGING, ids::FORK];
    all.sort_unstable();
    let mut shared = [ids::PRODUCTION, ids::STAGING];
    shared.sort_unstable();
    for (kind, id, expected) in [
        ("environment", ids::STAGING, &[ids::STAGING][..]),
        ("project", ids::PROJECT, &all),
        ("service", ids::SERVICE_API, &all),
        ("volume", ids::VOLUME_STAGING, &[ids::STAGING]),
        ("volume", ids::VOLUME_SHARED, &shared),
        ("volume", ids::VOLUME_OTHER, &[ids::OTHER_PRODUCTION]),
        ("volumeInstance", ids::INSTANCE_PRODUCTION, &[ids::PRODUCTION]),
        ("volumeInstanceBackup", ids::BACKUP_PRODUCTION, &[ids::PRODUCTION]),
        ("deployment", ids::DEPLOYMENT_STAGING, &[ids::STAGING]),
        ("plugin", ids::PLUGIN, &all),
        ("bucket", ids::BUCKET, &all),
        ("integration", ids::INTEGRATION, &all),
        ("projectToken", ids::PROJECT_TOKEN, &[ids::STAGING]),
        ("projectInvitation", ids::INVITATION, &all),
        ("tcpProxy", ids::TCP_PROXY_PRODUCTION, &[ids::PRODUCTION]),
        ("deploymentTrigger", ids::TRIGGER_STAGING, &[ids::STAGING]),
        ("privateNetwork", ids::NETWORK_STAGING, &[ids::STAGING]),
        ("trustedDomain", ids::TRUSTED_DOMAIN, &[ids::WORKSPACE]),
    ] {
        let located = fresh(&resolver, &wire, kind, id).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(environments(&located), expected, "{kind}");
    }
    for kind in ["cloudAgent", "notificationRule"] {
        let id = if kind == "cloudAgent" { ids::CLOUD_AGENT } else { ids::NOTIFICATION_RULE };
        fresh(&resolver, &wire, kind, id).await.unwrap_or_else(|error| panic!("{error}"));
    }
    for kind in ["volume", "service", "deployment", "project", "customDomain", "environment"] {
        assert!(
            fresh(&resolver, &wire, kind, "00000000-0000-4000-8000-000000000000").await.is_err(),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_project_token_finds_what_it_can_see() {
    let (resolver, wire) =
        (resolver(), Wire::with(("project-access-token", ids::STAGING_TOKEN.into())).await);
    let located = fresh(&resolver, &wire, "volume", ids::VOLUME_STAGING).await.unwrap();
    assert_eq!(environments(&located), [ids::STAGING]);
    assert!(fresh(&resolver, &wire, "volume", ids::VOLUME_OTHER).await.is_err());
}

#[tokio::test]
async fn a_token_that_is_not_known_finds_nothing() {
    let (resolver, wire) = (resolver(), Wire::with(("authorization", "Bearer nobody".into())).await);
    for (kind, id) in [("volume", ids::VOLUME_STAGING), ("service", ids::SERVICE_API)] {
        assert!(fresh(&resolver, &wire, kind, id).await.is_err());
    }
}

#[tokio::test]
async fn what_was_staged_is_read() {
    let (resolver, wire) = (resolver(), Wire::account().await);
    let pending = Pending { lookup: "StagedPatch".into(), id: ids::STAGING.into() };
    let patch = resolver.read_pending(&credential(), "railway", &pending, now(), &wire).await.unwrap();
    assert!(patch.is_object(), "{patch}");
}

#[tokio::test]
async fn a_cached_answer_asks_nothing() {
    let (resolver, wire) = (resolver(), Wire::account().await);
    let resources =
        [Resource::new("volume", ids::VOLUME_STAGING), Resource::new("service", ids::SERVICE_API)];
    let cached = Freshness::Cached(TimeDelta::seconds(60));
    for _ in 0..3 {
        let located = resolver.resolve(&credential(), "railway", &resources, cached, now(), &wire).await;
        assert!(located.iter().all(Result::is_ok));
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    let asked = wire.standin.log.entries().len();
    // Both workspaces' projects, their volumes, and the service: once.
    assert!(asked <= 20, "{asked}");
    resolver.resolve(&credential(), "railway", &resources, cached, now(), &wire).await;
    assert_eq!(wire.standin.log.entries().len(), asked);
}
