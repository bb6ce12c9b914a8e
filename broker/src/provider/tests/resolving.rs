use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use serde_json::json;

use super::super::{Freshness, Resolver, Rules, Unresolved};
use super::world::{World, page, unavailable};
use crate::model::{CredentialId, Located, Pending, Resource};

const FRESH: Freshness = Freshness::Fresh;
const CACHED: Freshness = Freshness::Cached(TimeDelta::seconds(60));

fn resolver() -> Resolver {
    let railway = Rules::load(
        include_str!("../../../../policies/packs/railway/resolvers.toml"),
        include_str!("../../../../policies/packs/railway/lookups.graphql"),
    );
    let github = Rules::load(
        include_str!("../../../../policies/packs/github/resolvers.toml"),
        include_str!("../../../../policies/packs/github/lookups.graphql"),
    );
    Resolver::new([railway.unwrap(), github.unwrap()])
}

fn credential() -> CredentialId {
    CredentialId::from_uuid(uuid::Uuid::from_u128(7))
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

async fn one(
    resolver: &Resolver,
    world: &World,
    kind: &str,
    id: &str,
    freshness: Freshness,
    seconds: i64,
) -> Result<Located, Unresolved> {
    let resources = [Resource::new(kind, id)];
    let mut located =
        resolver.resolve(&credential(), "railway", &resources, freshness, at(seconds), world).await;
    assert_eq!(located.len(), 1);
    located.remove(0)
}

fn owners(located: &Located) -> Vec<String> {
    located.owners.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_volume_belongs_to_the_environments_of_all_its_instances() {
    let (resolver, world) = (resolver(), World::new());
    let located = one(&resolver, &world, "volume", "vol-production", FRESH, 0).await.unwrap();
    assert_eq!(owners(&located), ["railway:environment/production"]);
    assert_eq!(located.name.as_deref(), Some("name of vol-production"));
    assert_eq!(located.consequences, ["2 backups live in this volume"]);
    let both = one(&resolver, &world, "volume", "vol-both", FRESH, 0).await.unwrap();
    assert_eq!(owners(&both), ["railway:environment/production", "railway:environment/staging"]);
    assert_eq!(both.consequences, ["4 backups live in this volume"]);
}

#[tokio::test]
async fn each_kind_is_traced_to_its_environments() {
    let (resolver, world) = (resolver(), World::new());
    let all_of_shop =
        ["railway:environment/pr-7", "railway:environment/production", "railway:environment/staging"];
    for (kind, id, expected) in [
        ("environment", "staging", &["railway:environment/staging"][..]),
        ("workspace", "ws", &["railway:workspace/ws"]),
        ("project", "shop", &all_of_shop),
        ("service", "web", &all_of_shop),
        ("bucket", "bucket-shop", &all_of_shop),
        ("customDomain", "cd-web-staging", &["railway:environment/staging"]),
        ("serviceInstance", "si-web-pr-7", &["railway:environment/pr-7"]),
        ("tcpProxy", "tcp-web-production", &["railway:environment/production"]),
    ] {
        for freshness in [CACHED, FRESH] {
            let located = one(&resolver, &world, kind, id, freshness, 0).await;
            let located = located.unwrap_or_else(|error| panic!("{kind}: {error}"));
            assert_eq!(owners(&located), expected, "{kind} {freshness:?}");
        }
    }
}

#[tokio::test]
async fn a_backup_belongs_where_its_volume_instance_does() {
    let (resolver, world) = (resolver(), World::new());
    world.lie(|name, variables| {
        let answer = json!({"data": {"volumeInstance": {"id": variables["id"], "environmentId": "production", "volume": {"name": "v"}}}});
        (name == "VolumeInstance").then_some(Ok(answer))
    });
    let backup = "b0-vi-vol-production-production";
    let located = one(&resolver, &world, "volumeInstanceBackup", backup, FRESH, 0).await.unwrap();
    assert_eq!(owners(&located), ["railway:environment/production"]);
}

#[tokio::test]
async fn an_environment_needs_a_look_up_only_where_a_person_may_see_it() {
    let (resolver, world) = (resolver(), World::new());
    one(&resolver, &world, "environment", "staging", CACHED, 0).await.unwrap();
    assert_eq!(world.all_calls(), 0);
    let located = one(&resolver, &world, "environment", "staging", FRESH, 0).await.unwrap();
    assert_eq!(located.name.as_deref(), Some("name of staging"));
    assert_eq!(located.consequences, ["1 volume lives in this environment"]);
    assert!(one(&resolver, &world, "environment", "gone", FRESH, 0).await.is_err());
}

#[tokio::test]
async fn pages_are_read_to_the_end() {
    let (resolver, mut world) = (resolver(), World::new());
    world.page = 1;
    let located = one(&resolver, &world, "project", "shop", FRESH, 0).await.unwrap();
    assert_eq!(located.owners.len(), 3);
    assert_eq!(world.calls("Project"), 3);
    let located = one(&resolver, &world, "service", "web", FRESH, 0).await.unwrap();
    assert_eq!(located.owners.len(), 3);
    assert!(one(&resolver, &world, "volume", "vol-staging", FRESH, 0).await.is_ok());
}

#[tokio::test]
async fn a_volume_whose_instances_are_not_all_listed_is_unresolved() {
    let (resolver, world) = (resolver(), World::new());
    world.lie(|name, _| {
        let mut instances =
            page(vec![json!({"id": "vi", "environmentId": "staging", "mountPath": "/"})], None, 9);
        instances["pageInfo"]["hasNextPage"] = json!(true);
        let volume =
            json!({"id": "vol-both", "name": "v", "projectId": "shop", "volumeInstances": instances});
        let answer = json!({"data": {"project": {"id": "shop", "volumes": page(vec![volume], None, 9)}}});
        (name == "VolumesOf").then_some(Ok(answer))
    });
    assert!(one(&resolver, &world, "volume", "vol-both", FRESH, 0).await.is_err());
}

#[tokio::test]
async fn pages_without_end_are_unresolved() {
    for moving in [false, true] {
        let (resolver, world) = (resolver(), World::new());
        let count = std::sync::atomic::AtomicUsize::new(0);
        world.lie(move |name, variables| {
            let n = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let cursor = if moving { n.to_string() } else { "same".to_owned() };
            let id = variables["id"].clone();
            let answer = json!({"data": {"project": {"id": id, "name": "n", "environments": {
                "pageInfo": {"hasNextPage": true, "endCursor": cursor},
                "edges": [{"node": {"id": format!("e{n}"), "name": "e"}}]}}}});
            (name == "Project").then_some(Ok(answer))
        });
        let error = one(&resolver, &world, "project", "shop", FRESH, 0).await.unwrap_err();
        assert!(world.all_calls() <= 200, "{error}");
    }
}

#[tokio::test]
async fn answers_that_are_not_what_was_asked_are_unresolved() {
    let good = json!({"id": "d", "environmentId": "staging", "projectId": "shop"});
    for (what, answer) in [
        (
            "another id",
            json!({"data": {"deployment": {"id": "other", "environmentId": "staging", "projectId": "p"}}}),
        ),
        ("null", json!({"data": {"deployment": null}})),
        ("no data", json!({"data": null})),
        ("nothing", json!({})),
        ("errors beside data", json!({"data": {"deployment": good}, "errors": [{"message": "partial"}]})),
        ("errors of another shape", json!({"data": {"deployment": good}, "errors": "x"})),
        ("no environment", json!({"data": {"deployment": {"id": "d", "projectId": "p"}}})),
        (
            "null environment",
            json!({"data": {"deployment": {"id": "d", "environmentId": null, "projectId": "p"}}}),
        ),
        (
            "empty environment",
            json!({"data": {"deployment": {"id": "d", "environmentId": "", "projectId": "p"}}}),
        ),
        ("a number", json!({"data": {"deployment": {"id": "d", "environmentId": 7, "projectId": "p"}}})),
        ("a list", json!([{"data": {"deployment": good}}])),
    ] {
        let (resolver, world) = (resolver(), World::new());
        world.lie(move |_, _| Some(Ok(answer.clone())));
        assert!(one(&resolver, &world, "deployment", "d", FRESH, 0).await.is_err(), "{what}");
    }
    let (resolver, world) = (resolver(), World::new());
    world.lie(move |_, _| Some(Ok(json!({"data": {"deployment": good}, "errors": []}))));
    assert!(one(&resolver, &world, "deployment", "d", FRESH, 0).await.is_ok());
}

#[tokio::test]
async fn another_projects_things_are_not_believed() {
    let (resolver, world) = (resolver(), World::new());
    world.lie(|name, _| {
        let instances = page(vec![json!({"id": "vi", "environmentId": "staging", "mountPath": "/"})], None, 9);
        let volume = json!({"id": "vol-production", "name": "v", "projectId": "elsewhere", "volumeInstances": instances});
        let answer = json!({"data": {"project": {"id": "shop", "volumes": page(vec![volume], None, 9)}}});
        (name == "VolumesOf").then_some(Ok(answer))
    });
    assert!(one(&resolver, &world, "volume", "vol-production", FRESH, 0).await.is_err());
}

#[tokio::test]
async fn unknown_kinds_ids_and_providers_are_unresolved_without_a_look_up() {
    let (resolver, world) = (resolver(), World::new());
    for (kind, id) in [("teapot", "x"), ("volume", ""), ("volume", "a b"), ("environment", "a\nb")] {
        assert!(one(&resolver, &world, kind, id, FRESH, 0).await.is_err(), "{kind} {id}");
    }
    let resources = [Resource::new("environment", "staging")];
    let answer = resolver.resolve(&credential(), "nobody", &resources, CACHED, at(0), &world).await;
    assert!(answer[0].is_err());
    assert_eq!(world.all_calls(), 0);
}

#[tokio::test]
async fn a_hundred_at_once_make_one_walk() {
    let (resolver, mut world) = (resolver(), World::new());
    world.latency = Duration::from_millis(5);
    let all = join_all((0..100).map(|_| one(&resolver, &world, "volume", "vol-staging", CACHED, 0))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(world.calls("ProjectsVisible"), 1);
    assert_eq!(world.calls("VolumesOf"), 2, "one a project");
    let fresh = join_all((0..100).map(|_| one(&resolver, &world, "volume", "vol-staging", FRESH, 1))).await;
    assert!(fresh.iter().all(Result::is_ok));
    assert!(world.calls("VolumesOf") <= 4, "{}", world.calls("VolumesOf"));
}

#[tokio::test]
async fn a_hundred_who_name_nothing_make_one_walk() {
    let (resolver, mut world) = (resolver(), World::new());
    world.latency = Duration::from_millis(5);
    let names: Vec<String> = (0..100).map(|n| format!("no-such-{n}")).collect();
    let all = join_all(names.iter().map(|id| one(&resolver, &world, "volume", id, FRESH, 0))).await;
    assert!(all.iter().all(Result::is_err));
    assert!(world.calls("ProjectsVisible") <= 2, "{}", world.calls("ProjectsVisible"));
}

#[tokio::test]
async fn a_new_thing_is_found_once_the_failure_is_two_seconds_old() {
    let (resolver, world) = (resolver(), World::new());
    assert!(one(&resolver, &world, "volume", "vol-new", CACHED, 0).await.is_err());
    world.change(|state| {
        state.volumes.insert("vol-new".into(), ("blog".into(), vec!["blog-production".into()]));
    });
    assert!(one(&resolver, &world, "volume", "vol-new", CACHED, 1).await.is_err());
    let located = one(&resolver, &world, "volume", "vol-new", CACHED, 3).await.unwrap();
    assert_eq!(owners(&located), ["railway:environment/blog-production"]);
}

#[tokio::test]
async fn a_thing_that_moved_is_seen_moved_when_freshness_is_asked_for() {
    let (resolver, world) = (resolver(), World::new());
    one(&resolver, &world, "volume", "vol-staging", CACHED, 0).await.unwrap();
    world.change(|state| {
        state.volumes.insert("vol-staging".into(), ("shop".into(), vec!["production".into()]));
    });
    let cached = one(&resolver, &world, "volume", "vol-staging", CACHED, 5).await.unwrap();
    assert_eq!(owners(&cached), ["railway:environment/staging"]);
    let fresh = one(&resolver, &world, "volume", "vol-staging", FRESH, 5).await.unwrap();
    assert_eq!(owners(&fresh), ["railway:environment/production"]);
    assert_eq!(world.calls("ProjectsVisible"), 1, "only its project was read again");
    world.change(|state| {
        state.volumes.insert("vol-staging".into(), ("blog".into(), vec!["blog-production".into()]));
    });
    let fresh = one(&resolver, &world, "volume", "vol-staging", FRESH, 9).await.unwrap();
    assert_eq!(owners(&fresh), ["railway:environment/blog-production"]);
    world.change(|state| {
        state.volumes.remove("vol-staging");
    });
    assert!(one(&resolver, &world, "volume", "vol-staging", FRESH, 20).await.is_err());
    assert!(
        one(&resolver, &world, "volume", "vol-staging", CACHED, 21).await.is_err(),
        "nothing old comes back"
    );
}

#[tokio::test]
async fn a_cached_answer_grows_old() {
    let (resolver, world) = (resolver(), World::new());
    for (seconds, calls) in [(0, 1), (59, 1), (61, 2), (10, 3)] {
        one(&resolver, &world, "service", "web", CACHED, seconds).await.unwrap();
        assert_eq!(
            world.calls("Service"),
            calls,
            "at {seconds}: an answer from the future is no answer either"
        );
    }
}

#[tokio::test]
async fn refreshes_and_look_ups_have_an_end() {
    let toml = include_str!("../../../../policies/packs/railway/resolvers.toml");
    let graphql = include_str!("../../../../policies/packs/railway/lookups.graphql");
    let toml = toml.replace("refreshes-per-minute = 20", "refreshes-per-minute = 5");
    let (resolver, world) = (Resolver::new([Rules::load(&toml, graphql).unwrap()]), World::new());
    for n in 0..25 {
        let id = format!("no-such-{n}");
        let error = one(&resolver, &world, "volume", &id, CACHED, n * 3).await.unwrap_err();
        assert_eq!(error.reason.contains("minute"), (5..20).contains(&n), "{n}: {error}");
    }
    for n in 0..700 {
        let _ = one(&resolver, &world, "deployment", &format!("d-{n}"), CACHED, 100).await;
    }
    assert_eq!(world.all_calls(), 600);
    let error = one(&resolver, &world, "deployment", "d-1000", CACHED, 100).await.unwrap_err();
    assert!(error.reason.contains("hour"), "{error}");
    assert!(one(&resolver, &world, "service", "web", CACHED, 3700).await.is_ok(), "the next hour");
}

#[tokio::test]
async fn the_list_of_projects_is_read_again_when_a_thing_is_in_none_of_them() {
    let (resolver, world) = (resolver(), World::new());
    one(&resolver, &world, "volume", "vol-staging", CACHED, 0).await.unwrap();
    one(&resolver, &world, "bucket", "bucket-shop", CACHED, 5).await.unwrap();
    assert_eq!(world.calls("ProjectsVisible"), 1);
    world.change(|state| {
        state.projects.insert("new".into(), vec!["new-production".into()]);
        state.volumes.insert("vol-new".into(), ("new".into(), vec!["new-production".into()]));
    });
    let located = one(&resolver, &world, "volume", "vol-new", CACHED, 10).await.unwrap();
    assert_eq!(owners(&located), ["railway:environment/new-production"]);
    assert_eq!(world.calls("ProjectsVisible"), 2);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_leaves_things_unresolved() {
    let (resolver, world) = (resolver(), World::new());
    one(&resolver, &world, "volume", "vol-staging", CACHED, 0).await.unwrap();
    world.lie(|_, _| Some(Err(unavailable())));
    assert!(one(&resolver, &world, "volume", "vol-staging", FRESH, 1).await.is_err());
    assert!(one(&resolver, &world, "service", "web", CACHED, 1).await.is_err());
    world.honest();
    assert!(one(&resolver, &world, "volume", "vol-staging", FRESH, 5).await.is_ok());
    assert!(one(&resolver, &world, "service", "web", CACHED, 5).await.is_ok());
}

#[tokio::test]
async fn a_provider_that_stalls_leaves_things_unresolved() {
    let toml = include_str!("../../../../policies/packs/railway/resolvers.toml");
    let graphql = include_str!("../../../../policies/packs/railway/lookups.graphql");
    let rules = Rules::load(&toml.replace("seconds = 30", "seconds = 1"), graphql).unwrap();
    let mut world = World::new();
    world.latency = Duration::from_secs(3600);
    let error = one(&Resolver::new([rules]), &world, "service", "web", FRESH, 0).await.unwrap_err();
    assert_eq!(error.reason, "it took too long");
}

#[tokio::test]
async fn k13_one_credentials_knowledge_is_not_anothers() {
    let (resolver, world) = (resolver(), World::new());
    one(&resolver, &world, "service", "web", CACHED, 0).await.unwrap();
    let other = CredentialId::from_uuid(uuid::Uuid::from_u128(8));
    let resources = [Resource::new("service", "web")];
    world.lie(|_, _| Some(Err(unavailable())));
    assert!(resolver.resolve(&other, "railway", &resources, CACHED, at(0), &world).await[0].is_err());
    assert!(resolver.resolve(&credential(), "railway", &resources, CACHED, at(0), &world).await[0].is_ok());
}

#[tokio::test]
async fn a_staged_effect_is_read_and_must_be_the_one_asked_for() {
    let (resolver, world) = (resolver(), World::new());
    let pending = Pending { lookup: "StagedPatch".into(), id: "staging".into() };
    let patch = resolver.read_pending(&credential(), "railway", &pending, at(0), &world).await.unwrap();
    assert_eq!(patch["volumes"]["vol-production"]["isDeleted"], json!(true));
    world.lie(|_, _| {
        Some(Ok(
            json!({"data": {"environmentStagedChanges": {"id": "x", "environmentId": "other", "patch": {}}}}),
        ))
    });
    assert!(resolver.read_pending(&credential(), "railway", &pending, at(0), &world).await.is_err());
    let unknown = Pending { lookup: "Environment".into(), id: "staging".into() };
    assert!(resolver.read_pending(&credential(), "railway", &unknown, at(0), &world).await.is_err());
}

#[tokio::test]
async fn g15_github_ids_are_lowered_and_need_no_look_up() {
    let (resolver, world) = (resolver(), World::new());
    let resources = [Resource::new("repository", "Acme/Shop"), Resource::new("gist", "abc")];
    let answer = resolver.resolve(&credential(), "github", &resources, FRESH, at(0), &world).await;
    assert_eq!(owners(answer[0].as_ref().unwrap()), ["github:repository/acme/shop"]);
    assert!(answer[1].is_err());
    assert_eq!(world.all_calls(), 0);
}

#[test]
fn rules_that_do_not_fit_together_are_refused() {
    let toml = "provider = \"p\"\n[kind.a]\nby = \"ask\"\nask = { query = \"A\", at = \"a\", owners = [{ kind = \"a\", at = \"id\" }] }";
    assert!(Rules::load(toml, "query A($id: ID!) { a(id: $id) { id } }").is_ok());
    for (what, toml, graphql) in [
        ("a missing query", toml, ""),
        ("a query that nobody asks", toml, "query A($id: ID!) { a(id: $id) { id } } query B { b }"),
        ("a mutation", toml, "mutation A($id: ID!) { a(id: $id) { id } }"),
        ("an unnamed query", toml, "query ($id: ID!) { a(id: $id) { id } }"),
        ("a missing variable", toml, "query A { a { id } }"),
        ("unread pages", toml, "query A($id: ID!, $after: String) { a(id: $id) { id } }"),
        ("half a query", toml, "query A($id: ID!) { a(id: $id) { id }"),
        (
            "an unknown key",
            &toml.replace("at = \"a\",", "at = \"a\", oops = 1,"),
            "query A($id: ID!) { a(id: $id) { id } }",
        ),
        (
            "no owners",
            &toml.replace("{ kind = \"a\", at = \"id\" }", ""),
            "query A($id: ID!) { a(id: $id) { id } }",
        ),
        (
            "an unknown owner",
            &toml.replace("kind = \"a\"", "kind = \"b\""),
            "query A($id: ID!) { a(id: $id) { id } }",
        ),
    ] {
        assert!(Rules::load(toml, graphql).is_err(), "{what}");
    }
}

#[tokio::test]
async fn owners_that_own_each_other_end() {
    let toml = "provider = \"railway\"\n[kind.deployment]\nby = \"ask\"\nask = { query = \"A\", at = \"a\", owners = [{ kind = \"deployment\", at = \"id\" }] }";
    let rules = Rules::load(toml, "query A($id: ID!) { a(id: $id) { id } }").unwrap();
    let world = World::new();
    world.lie(|_, variables| Some(Ok(json!({"data": {"a": {"id": variables["id"]}}}))));
    assert!(one(&Resolver::new([rules]), &world, "deployment", "d", FRESH, 0).await.is_err());
}
