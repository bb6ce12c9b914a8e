//! After the table, with `--keep`: what can be tried by hand.

use stint_standin::railway::ids;

use super::scene::{AGENT, STAGING, Scene};
use super::voice::{Paint, Voice};
use super::{HOST, LEGACY_HOST};

pub(super) fn explain(scene: &Scene, voice: &Voice) -> Result<(), String> {
    let ca = scene.folder().join("railway-ca.pem");
    stint::home::create_private(&ca, scene.ca_pem()?.as_bytes())
        .map_err(|error| format!("{}: {error}", ca.display()))?;
    let command = |text: &str| voice.line(&voice.paint(Paint::Bold, &format!("  {text}")));
    voice.title("Still running: Ctrl-C ends it and takes it all away");
    voice.say("in another shell, as the administrator:");
    if let Some(folder) = beside() {
        command(&format!("export PATH={folder}:$PATH"));
    }
    command(&format!("export STINT_BROKER={} STINT_HOME={}", scene.url(), scene.home().display()));
    command("stint session list --all");
    command("stint approval list");
    command(&format!("stint-broker audit verify --data {}", scene.running.app.config().data.display()));
    voice.line("");
    voice.say("the published request with real curl, under a session (the placeholder is in the variable):");
    let delete =
        |volume| format!("{{\"query\":\"mutation {{ volumeDelete(volumeId: \\\"{volume}\\\") }}\"}}");
    let under = |data: String| {
        command(&format!("stint run --environment {STAGING} --agent {AGENT} -- sh -c 'curl -sS -X POST \\"));
        command(&format!(
            "  https://{LEGACY_HOST}/graphql/v2 -H \"Authorization: Bearer $RAILWAY_API_TOKEN\" \\"
        ));
        command(&format!("  --data-binary @-' <<< '{data}'"));
    };
    under(delete(ids::VOLUME_PRODUCTION));
    voice.line("");
    voice.say("a staging volume, which waits for two people to say yes:");
    under(delete(ids::VOLUME_STAGING));
    voice.line("");
    voice.say("the provider itself, with the found token and nobody between:");
    command(&format!("curl -sS --cacert {} --connect-to ::{} \\", ca.display(), scene.provider.addr));
    command(&format!("  https://{HOST}/graphql/v2 -H \"Authorization: Bearer {}\" \\", ids::ACCOUNT_TOKEN));
    command("  -d '{\"query\":\"query { me { name } projects { edges { node { id name } } } }\"}'");
    Ok(())
}

/// The folder of this program, where `stint` lies beside it.
fn beside() -> Option<String> {
    let program = std::env::current_exe().ok()?;
    let folder = program.parent()?;
    folder.join("stint").is_file().then(|| folder.display().to_string())
}
