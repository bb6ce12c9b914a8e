//! Providers whose things an environment maps by the path, or by the credential as a whole.

use chrono::{DateTime, TimeDelta};

use super::super::resolve::{Freshness, Resolver};
use super::super::rules::Rules;
use super::world::World;
use crate::model::{CredentialId, Resource};

#[tokio::test]
async fn each_pack_that_ships_says_what_an_environment_can_map() {
    let (resolver, world) = (Resolver::builtin().unwrap(), World::new());
    let credential = CredentialId::from_uuid(uuid::Uuid::from_u128(7));
    for (provider, kind, id, owner) in [
        ("stripe", "account", "self", format!("stripe:account/{credential}")),
        ("openai", "project", "self", format!("openai:project/{credential}")),
        ("anthropic", "workspace", "self", format!("anthropic:workspace/{credential}")),
        ("slack", "workspace", "self", format!("slack:workspace/{credential}")),
        ("vercel", "account", "self", format!("vercel:account/{credential}")),
        ("digitalocean", "team", "self", format!("digitalocean:team/{credential}")),
        ("render", "account", "self", format!("render:account/{credential}")),
        ("cloudflare", "zone", "z1", "cloudflare:zone/z1".to_owned()),
        ("supabase", "project", "abc", "supabase:project/abc".to_owned()),
        ("fly", "app", "web", "fly:app/web".to_owned()),
        ("gcp", "bucket", "b1", "gcp:bucket/b1".to_owned()),
        ("kubernetes", "namespace", "team", format!("kubernetes:namespace/{credential}/team")),
        ("kubernetes", "cluster", "self", format!("kubernetes:cluster/{credential}")),
    ] {
        let resources = [Resource::new(kind, id), Resource::new("nothing", id)];
        for freshness in [Freshness::Fresh, Freshness::Cached(TimeDelta::seconds(60))] {
            let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
            let answer = resolver.resolve(&credential, provider, &resources, freshness, now, &world).await;
            let owners: Vec<String> =
                answer[0].as_ref().unwrap().owners.iter().map(ToString::to_string).collect();
            assert_eq!(owners, std::slice::from_ref(&owner), "{provider}");
            // What the pack does not know belongs to nobody, whoever asks.
            assert!(answer[1].is_err(), "{provider}");
        }
    }
    assert_eq!(world.all_calls(), 0);
}

#[tokio::test]
async fn two_credentials_of_one_provider_are_two_places() {
    let (resolver, world) = (Resolver::builtin().unwrap(), World::new());
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let mut owners = Vec::new();
    for number in [1, 2] {
        let credential = CredentialId::from_uuid(uuid::Uuid::from_u128(number));
        let resources = [Resource::new("account", "self")];
        let answer = resolver.resolve(&credential, "stripe", &resources, Freshness::Fresh, now, &world).await;
        owners.push(answer[0].as_ref().unwrap().owners.clone());
    }
    assert_ne!(owners[0], owners[1]);
}

#[test]
fn what_a_credential_owns_is_not_asked_for() {
    let toml = "provider = \"p\"\n[kind.a]\nby = \"credential\"\nask = { query = \"A\", at = \"a\", owners = [{ kind = \"a\", at = \"id\" }] }";
    assert!(Rules::load(toml, "query A($id: ID!) { a(id: $id) { id } }").is_err());
}
