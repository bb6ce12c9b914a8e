//! Look-ups by REST: the packs' own rules against a provider in memory that answers by path, and lies when told to.

use std::collections::BTreeMap;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use serde_json::{Value, json};

use super::super::{Freshness, Lookup, LookupError, LookupFailure, Resolver, Rules};
use crate::model::{CredentialId, Resource};

#[derive(Default)]
struct Rest {
    answers: Mutex<BTreeMap<String, Value>>,
    asked: Mutex<Vec<String>>,
    /// What every question is answered with instead.
    fails: Mutex<Option<LookupError>>,
}

impl Rest {
    fn with(answers: &[(&str, Value)]) -> Rest {
        let rest = Rest::default();
        for (target, answer) in answers {
            rest.say(target, answer.clone());
        }
        rest
    }

    fn say(&self, target: &str, answer: Value) {
        self.answers.lock().unwrap().insert(target.to_owned(), answer);
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl Lookup for Rest {
    fn graphql<'a>(&'a self, _: &'a str, _: &'a str, _: Value) -> BoxFuture<'a, Result<Value, LookupError>> {
        panic!("nothing is asked by GraphQL")
    }

    fn get<'a>(
        &'a self,
        _: &'a str,
        host: Option<&'a str>,
        target: &'a str,
    ) -> BoxFuture<'a, Result<Value, LookupError>> {
        async move {
            assert_eq!(host, None);
            self.asked.lock().unwrap().push(target.to_owned());
            tokio::task::yield_now().await;
            if let Some(error) = self.fails.lock().unwrap().clone() {
                return Err(error);
            }
            let answer = self.answers.lock().unwrap().get(target).cloned();
            answer.ok_or_else(|| {
                LookupError::new(LookupFailure::Missing, "the provider does not know it (404)")
            })
        }
        .boxed()
    }
}

const CACHED: Freshness = Freshness::Cached(TimeDelta::seconds(60));

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

/// The owners, in one line, or why there are none.
async fn owners(resolver: &Resolver, rest: &Rest, provider: &str, kind: &str, id: &str, when: i64) -> String {
    let credential = CredentialId::from_uuid(uuid::Uuid::from_u128(7));
    let resources = [Resource::new(kind, id)];
    let mut found = resolver.resolve(&credential, provider, &resources, CACHED, at(when), rest).await;
    match found.remove(0) {
        Ok(located) => located.owners.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        Err(error) => format!("none: {}", error.reason),
    }
}

/// Two projects; the second page of the second has the droplet of production.
fn digitalocean() -> Rest {
    let resource = |urn: &str| json!({ "urn": urn, "status": "ok" });
    let next = |more: bool| match more {
        true => json!({ "pages": { "next": "https://elsewhere.example/?page=7", "last": "x" } }),
        false => json!({}),
    };
    Rest::with(&[
        (
            "/v2/droplets/11",
            json!({ "droplet": { "id": 11, "name": "web-staging", "backup_ids": [], "volume_ids": ["v1"] } }),
        ),
        (
            "/v2/droplets/22",
            json!({ "droplet": { "id": 22, "name": "web", "backup_ids": [5, 6], "volume_ids": [] } }),
        ),
        (
            "/v2/droplets/33",
            json!({ "droplet": { "id": 33, "name": "adrift", "backup_ids": [], "volume_ids": [] } }),
        ),
        ("/v2/volumes/v1", json!({ "volume": { "id": "v1", "name": "data", "size_gigabytes": 10 } })),
        (
            "/v2/projects?per_page=200",
            json!({ "projects": [{ "id": "p-staging", "name": "Staging" }, { "id": "p-live", "name": "Live" }], "links": next(false) }),
        ),
        (
            "/v2/projects/p-staging/resources?per_page=200",
            json!({ "resources": [resource("do:droplet:11"), resource("do:volume:v1")], "links": next(false) }),
        ),
        (
            "/v2/projects/p-live/resources?per_page=200",
            json!({ "resources": [resource("do:space:x")], "links": next(true) }),
        ),
        (
            "/v2/projects/p-live/resources?per_page=200&page=2",
            json!({ "resources": [resource("do:droplet:22")], "links": next(false) }),
        ),
    ])
}

#[tokio::test]
async fn a_droplet_belongs_to_the_project_that_lists_it() {
    let (resolver, rest) = (Resolver::builtin().unwrap(), digitalocean());
    let find = |kind, id| owners(&resolver, &rest, "digitalocean", kind, id, 0);
    assert_eq!(find("droplet", "11").await, "digitalocean:project/p-staging");
    assert_eq!(find("droplet", "22").await, "digitalocean:project/p-live");
    assert_eq!(find("volume", "v1").await, "digitalocean:project/p-staging");
    assert_eq!(find("project", "p-live").await, "digitalocean:project/p-live");
    assert_eq!(find("droplet", "33").await, "none: the provider does not list it");
    assert_eq!(find("droplet", "44").await, "none: Droplet: the provider does not know it (404)");
    let targets = rest.asked();
    assert!(targets.iter().all(|target| target.starts_with("/v2/")), "{targets:?}");
}

#[tokio::test]
async fn what_a_person_should_know_is_told_with_it() {
    let (resolver, rest) = (Resolver::builtin().unwrap(), digitalocean());
    let credential = CredentialId::from_uuid(uuid::Uuid::from_u128(7));
    let resources = [Resource::new("droplet", "22")];
    let found =
        resolver.resolve(&credential, "digitalocean", &resources, Freshness::Fresh, at(0), &rest).await;
    let located = found[0].as_ref().unwrap();
    assert_eq!(
        (located.name.as_deref(), located.consequences.as_slice()),
        (Some("web"), ["2 backups go with it".to_owned()].as_slice())
    );
}

#[tokio::test]
async fn an_id_stays_one_segment_of_the_path() {
    let (resolver, rest) = (Resolver::builtin().unwrap(), digitalocean());
    for id in ["11?x=1", "11#", "a%2Fb", "11&page=2"] {
        assert!(
            owners(&resolver, &rest, "digitalocean", "droplet", id, 0).await.starts_with("none: Droplet"),
            "{id}"
        );
    }
    for target in rest.asked() {
        assert!(!target.trim_start_matches("/v2/droplets/").contains(['/', '?', '#', '&']), "{target}");
    }
    for id in ["..", ".", "../projects", "11/actions/.."] {
        let found = owners(&resolver, &rest, "digitalocean", "droplet", id, 0).await;
        assert!(found.starts_with("none: "), "{id}: {found}");
    }
    assert!(rest.asked().iter().all(|target| !target.contains("..")));
}

#[tokio::test]
async fn an_answer_about_another_thing_is_none() {
    let (resolver, rest) = (Resolver::builtin().unwrap(), digitalocean());
    rest.say(
        "/v2/droplets/22",
        json!({ "droplet": { "id": 11, "name": "web-staging", "backup_ids": [], "volume_ids": [] } }),
    );
    assert!(owners(&resolver, &rest, "digitalocean", "droplet", "22", 0).await.contains("another thing"));
    // A name where an id is meant finds a project of that name in whatever team the token prefers.
    rest.say("/v9/projects/shop", json!({ "id": "prj_1", "name": "shop" }));
    rest.say(
        "/v13/deployments/shop-x.vercel.app",
        json!({ "id": "dpl_1", "name": "shop", "projectId": "prj_1" }),
    );
    rest.say(
        "/v13/deployments/dpl_1",
        json!({ "id": "dpl_1", "name": "shop", "projectId": "prj_1", "target": "production" }),
    );
    assert!(
        owners(&resolver, &rest, "vercel", "deployment", "shop-x.vercel.app", 0)
            .await
            .contains("another thing")
    );
    assert_eq!(owners(&resolver, &rest, "vercel", "deployment", "dpl_1", 0).await, "vercel:project/prj_1");
}

#[tokio::test]
async fn a_thing_that_two_projects_list_belongs_to_both() {
    let (resolver, rest) = (Resolver::builtin().unwrap(), digitalocean());
    let both = json!({ "resources": [{ "urn": "do:droplet:11" }, { "urn": "do:droplet:22" }], "links": {} });
    rest.say("/v2/projects/p-staging/resources?per_page=200", both);
    let found = owners(&resolver, &rest, "digitalocean", "droplet", "22", 0).await;
    assert_eq!(found, "digitalocean:project/p-live digitalocean:project/p-staging");
}

#[tokio::test]
async fn pages_without_end_find_nobody() {
    let (resolver, rest) = (Resolver::builtin().unwrap(), digitalocean());
    for page in 1..500 {
        let target = format!(
            "/v2/projects/p-live/resources?per_page=200{}",
            if page == 1 { String::new() } else { format!("&page={page}") }
        );
        rest.say(&target, json!({ "resources": [], "links": { "pages": { "next": "more" } } }));
    }
    assert!(owners(&resolver, &rest, "digitalocean", "droplet", "22", 0).await.starts_with("none: "));
    assert!(rest.asked().len() <= 201);
}

#[tokio::test]
async fn a_cursor_that_comes_back_ends_it() {
    let (resolver, rest) = (Resolver::builtin().unwrap(), Rest::default());
    let page = json!([{ "project": { "id": "prj-1", "name": "p" }, "cursor": "c" }]);
    rest.say("/v1/projects?limit=100", page.clone());
    rest.say("/v1/projects?limit=100&cursor=c", page);
    let credential = CredentialId::from_uuid(uuid::Uuid::from_u128(7));
    let survey = resolver.survey(&credential, "render", at(0), &rest).await;
    assert!(survey.problems.iter().any(|problem| problem.contains("do not end")), "{survey:?}");
}

#[tokio::test]
async fn a_provider_that_asks_for_rest_is_left_alone() {
    let (resolver, rest) = (Resolver::builtin().unwrap(), digitalocean());
    let limited = LookupError::new(
        LookupFailure::Limited,
        "the provider asks for fewer requests (429): try again in 20 s",
    );
    *rest.fails.lock().unwrap() = Some(LookupError { wait: Some(20), ..limited });
    assert!(owners(&resolver, &rest, "digitalocean", "droplet", "11", 0).await.contains("try again in 20 s"));
    *rest.fails.lock().unwrap() = None;
    assert_eq!(rest.asked().len(), 1);
    let found = owners(&resolver, &rest, "digitalocean", "droplet", "22", 10).await;
    assert_eq!(found, "none: the provider wants to be asked nothing for another 10 s");
    assert!(rest.asked().is_empty());
    assert_eq!(
        owners(&resolver, &rest, "digitalocean", "droplet", "22", 21).await,
        "digitalocean:project/p-live"
    );
}

#[tokio::test]
async fn a_hundred_at_once_ask_once() {
    let (resolver, rest) = (Resolver::builtin().unwrap(), digitalocean());
    let all = join_all((0..100).map(|_| owners(&resolver, &rest, "digitalocean", "droplet", "22", 0))).await;
    assert!(all.iter().all(|found| found == "digitalocean:project/p-live"));
    let asked = rest.asked();
    assert_eq!(asked.len(), 5, "{asked:?}");
}

#[tokio::test]
async fn what_is_in_no_environment_of_render_is_its_workspaces() {
    let (resolver, rest) = (Resolver::builtin().unwrap(), Rest::default());
    rest.say(
        "/v1/services/srv-1",
        json!({ "id": "srv-1", "name": "web", "ownerId": "tea-1", "environmentId": "evm-1" }),
    );
    rest.say("/v1/services/srv-2", json!({ "id": "srv-2", "name": "job", "ownerId": "tea-1" }));
    rest.say("/v1/disks/dsk-1", json!({ "id": "dsk-1", "name": "d", "serviceId": "srv-1" }));
    rest.say("/v1/projects/prj-1", json!({ "id": "prj-1", "name": "p", "environmentIds": ["evm-1", "evm-2"], "owner": { "id": "tea-1" } }));
    let find = |kind, id| owners(&resolver, &rest, "render", kind, id, 0);
    assert_eq!(find("service", "srv-1").await, "render:environment/evm-1");
    assert_eq!(find("service", "srv-2").await, "render:workspace/tea-1");
    assert_eq!(find("disk", "dsk-1").await, "render:environment/evm-1");
    assert_eq!(find("project", "prj-1").await, "render:environment/evm-1 render:environment/evm-2");
}

#[tokio::test]
async fn a_number_is_another_name_of_a_project() {
    let (resolver, rest) = (Resolver::builtin().unwrap(), Rest::default());
    rest.say("/api/v4/projects/42", json!({ "id": 42, "path_with_namespace": "Acme/Shop" }));
    rest.say("/api/v4/projects/43", json!({ "id": 42, "path_with_namespace": "acme/shop" }));
    let find = |kind, id| owners(&resolver, &rest, "gitlab", kind, id, 0);
    assert_eq!(find("project", "42").await, "gitlab:project/acme/shop");
    assert_eq!(find("ref", "42:main").await, "gitlab:project/acme/shop");
    assert!(find("project", "43").await.contains("another thing"));
    rest.asked();
    assert_eq!(find("project", "Acme/Shop").await, "gitlab:project/acme/shop");
    assert!(rest.asked().is_empty());
}

#[tokio::test]
async fn a_branch_is_a_project_of_its_own_and_a_merge_is_its_parents() {
    let (resolver, rest) = (Resolver::builtin().unwrap(), Rest::default());
    rest.say("/v1/projects", json!([{ "id": "live", "name": "Shop" }]));
    let branch =
        json!({ "id": "b-1", "name": "develop", "project_ref": "dev", "parent_project_ref": "live" });
    rest.say("/v1/projects/live/branches", json!([branch]));
    let find = |kind, id| owners(&resolver, &rest, "supabase", kind, id, 0);
    assert_eq!(find("branch", "b-1").await, "supabase:project/dev");
    assert_eq!(find("branch", "dev").await, "supabase:project/dev");
    assert_eq!(find("branch-parent", "b-1").await, "supabase:project/live");
    assert_eq!(find("branch", "live").await, "none: the provider does not list it");
}

#[test]
fn look_ups_that_do_not_fit_together_are_refused() {
    let toml = "provider = \"p\"\n[kind.a]\nby = \"self\"\n[kind.b]\nby = \"ask\"\nask = { query = \"B\", at = \"b\", owners = [{ kind = \"a\", at = \"a\" }] }\n[lookup.B]\nget = \"/b/{id}\"\n";
    Rules::load(toml, "").unwrap();
    for (what, toml) in [
        ("no variable", toml.replace("/b/{id}", "/b")),
        ("a variable that nobody fills", toml.replace("/b/{id}", "/b/{id}/{other}")),
        ("no slash", toml.replace("/b/{id}", "b/{id}")),
        ("another host", toml.replace("/b/{id}", "//b.example/{id}")),
        ("pages of GraphQL", toml.replace("at = \"b\",", "at = \"b\", page = \"b\",")),
        ("nobody asks", format!("{toml}[lookup.C]\nget = \"/c\"\n")),
        ("no cursor", format!("{toml}page = {{ query = \"p\", by = \"last\", next = \".\" }}\n")),
        ("an owner of no form", toml.replace("at = \"a\" }", "at = \"a\", form = \"x\" }")),
        ("within nothing", toml.replace("by = \"self\"", "by = \"self\"\nwithin = \"b\"")),
        ("numbers of nothing", toml.replace("by = \"self\"", "by = \"self\"\nnumbered = \"a\"")),
    ] {
        assert!(Rules::load(&toml, "").is_err(), "{what}");
    }
}
