//! What a thief of the agent's environment holds, and what the provider saw of it all.

use std::time::Duration;

use bytes::Bytes;
use stint_standin::railway::ids;

use super::approvals;
use super::attempts::published;
use super::hold::Holding;
use super::http::Client;
use super::scene::Scene;
use super::table::{Row, Table};

pub(super) async fn act(scene: &Scene, holding: &Holding, table: &mut Table) -> Result<(), String> {
    table.section("What the provider saw, and what the agent held is worth elsewhere");
    table.push(what_arrived(scene, holding)?);
    table.push(placeholder_alone(scene, holding).await?);
    table.push(token_alone(scene, holding).await?);
    table.section("The kill switch");
    approvals::kill(scene, holding, table).await
}

/// The provider's own log: every request of the session and of the broker's look-ups carried the vault's credential,
/// and neither the found key nor the placeholder ever arrived. The one request that a person sent straight there
/// carried that person's own.
fn what_arrived(scene: &Scene, holding: &Holding) -> Result<Row, String> {
    let log = &scene.provider.log;
    let [injected, person] = [&scene.vaulted, &scene.dashboard].map(|token| format!("Bearer {token}"));
    let entries = log.entries();
    let carrying =
        |token: &str| entries.iter().filter(|entry| entry.header("authorization") == Some(token)).count();
    let (ours, theirs) = (carrying(&injected), carrying(&person));
    let found = log.holds(ids::ACCOUNT_TOKEN) || log.holds(ids::STAGING_TOKEN);
    Ok(Row::new(
        "what reached the provider, in all",
        format!("{ours}, all by the gateway"),
        "with the vault's credential",
    )
    .expect(ours > 0, "nothing arrived at all")
    .expect(theirs == 1, format!("{theirs} requests carried the token of a person"))
    .expect(ours + theirs == entries.len(), "some requests carried something else")
    .expect(!found, "a found key arrived")
    .expect(!log.holds(&holding.placeholder), "the placeholder arrived")
    .expect(scene.world().volume(ids::VOLUME_PRODUCTION).is_some(), "the production volume is gone"))
}

/// The placeholder, taken out of the session and sent straight to the provider.
async fn placeholder_alone(scene: &Scene, holding: &Holding) -> Result<Row, String> {
    let before = scene.world();
    let client = Client::straight(scene.provider.addr, scene.ca_pem()?)?;
    let answer = client.send(&published(&holding.placeholder)).await?;
    let refused = answer.data().is_none() && answer.body.contains("Not Authorized");
    Ok(Row::new("the placeholder, at the provider", "Not Authorized", "it stands for nothing there")
        .expect(refused, format!("answered {}: {}", answer.status, answer.body))
        .expect(scene.world() == before, "the provider's world changed"))
}

/// The session's token, copied without the key that it is bound to.
async fn token_alone(scene: &Scene, holding: &Holding) -> Result<Row, String> {
    let session = holding.sidecar.session();
    let token = session.holder().token().await.map_err(|error| error.to_string())?;
    let arrived = scene.provider.log.len();
    let url = format!("{}/railway/graphql/v2", session.started().gateway);
    let request = http::Request::post(&url)
        .header("authorization", format!("DPoP {}", token.access_token.expose()))
        .header("content-type", "application/json")
        .body(Bytes::from_static(b"{\"query\":\"query { me { id } }\"}"))
        .map_err(|error| error.to_string())?;
    let answer = session.holder().transport().exchange(request, Duration::ZERO).await;
    let answer = answer.map_err(|error| error.to_string())?;
    let code = serde_json::from_slice(answer.body()).map(|problem: stint_api::Problem| problem.code);
    let happened = format!("{} ({})", code.unwrap_or_default(), answer.status().as_u16());
    Ok(Row::new("the session's token, without its key", happened, "bound to the session's key")
        .expect(answer.status() == 401, format!("answered {}", answer.status()))
        .expect(scene.provider.log.len() == arrived, "something reached the provider"))
}
