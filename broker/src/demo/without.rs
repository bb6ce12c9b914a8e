//! The first act: the published request, and nobody between it and the provider.

use std::time::Instant;

use stint_standin::Handle;
use stint_standin::railway::{Railway, ids};

use super::attempts::published;
use super::http::Client;
use super::table::{Row, Table};
use super::voice::{Paint, Voice};

/// The found token deletes the production volume and its backups; then the world is put back.
pub(super) async fn act(provider: &Handle<Railway>, voice: &Voice, table: &mut Table) -> Result<(), String> {
    voice.title("Act 1: the world without Stint");
    voice.say(&format!("a stand-in of Railway on {}, with the published schema", provider.url()));
    let before = provider.site.snapshot();
    let volume = before.volume(ids::VOLUME_PRODUCTION).ok_or("the production volume is not there")?;
    let backups = before.backups(&volume.id);
    let megabytes: f64 = volume.instances.iter().map(|instance| instance.megabytes).sum();
    voice.say(&format!(
        "volume {} in production: {megabytes} MB, and {backups} backups that live inside it",
        volume.name
    ));
    voice.say("an agent at work in staging finds a token in a file, and sends:");
    let request = published(ids::ACCOUNT_TOKEN);
    voice.quote("curl -X POST https://backboard.railway.app/graphql/v2 \\");
    voice.quote(&format!("  -H \"Authorization: Bearer {}\" \\", ids::ACCOUNT_TOKEN));
    voice.quote(&format!("  -d '{}'", request.body));

    let client = Client::straight(provider.addr, provider.ca_pem().unwrap_or_default())?;
    let started = Instant::now();
    let answer = client.send(&request).await?;
    let took = started.elapsed().as_millis();
    voice.quote(&answer.body);
    let after = provider.site.snapshot();
    let gone = after.volume(&volume.id).is_none();
    let left =
        after.backups(&volume.id) + usize::from(after.exists("VolumeInstanceBackup", ids::BACKUP_PRODUCTION));
    let text = format!("{} and its {backups} backups are gone, after {took} ms", volume.name);
    if gone && left == 0 {
        voice.say(&voice.paint(Paint::Bad, &text));
    }
    table.section("Without Stint");
    let happened = if gone { format!("gone with {backups} backups, {took} ms") } else { "nothing".into() };
    table.push(
        Row::new("the published curl, the found token", happened, "nobody asked")
            .lost()
            .expect(answer.status == 200, format!("the stand-in answered {}", answer.status))
            .expect(backups > 0, "the volume had no backups to lose")
            .expect(gone, "the volume is still there: the stand-in does not do what the provider did")
            .expect(left == 0, "the backups outlived their volume"),
    );

    provider.site.restore(before.clone());
    provider.log.clear();
    let whole = provider.site.snapshot() == before;
    table.push(
        Row::new("the world is put back", "as it was", "from a snapshot")
            .expect(whole, "the world is not what it was"),
    );
    Ok(())
}
