//! What the second act plays on: a broker, set up through its doors as a person would.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use stint::api::{self, Broker, Holder, Identity, Transport};
use stint::home::{Home, Login, private_dir};
use stint_api::{AddAgent, AddCredential, AddEnvironment, AddSelector, Setup, Tier};
use stint_standin::Handle;
use stint_standin::railway::{Railway, Viewer, World, ids};

use super::voice::Voice;
use crate::app::Unsealing;
use crate::clock::Clock;
use crate::config::{Config, Environment, Flags};
use crate::serve::{Running, start};

pub(super) const AGENT: &str = "coder";
pub(super) const STAGING: &str = "staging";
pub(super) const PERSON: &str = "robin";

/// How long a request waits for a person, who is quick here.
const HOLD: Duration = Duration::from_secs(5);

pub(super) struct Scene {
    pub(super) provider: Handle<Railway>,
    pub(super) running: Running,
    /// The administrator, as the command line would call.
    pub(super) admin: Broker,
    /// The account token that went into the vault. The found one is another, and as good at the provider.
    pub(super) vaulted: String,
    /// What a person uses in the provider's own dashboard.
    pub(super) dashboard: String,
    pub(super) clock: stint::clock::Clock,
    seed: World,
    folder: Folder,
}

/// A folder that goes away with its holder.
struct Folder(PathBuf);

impl Scene {
    pub(super) async fn set(
        provider: Handle<Railway>,
        environment: &Environment,
        voice: &Voice,
    ) -> Result<Self, String> {
        let clock = stint::clock::Clock::system();
        let [vaulted, dashboard] = [token(&provider)?, token(&provider)?];
        let folder = Folder::make(environment, &clock)?;
        let running = broker(&folder.0).await?;
        let admin = log_in(&folder.0, running.app.issuer(), &clock).await?;
        let seed = provider.site.snapshot();
        let scene = Scene { provider, running, admin, vaulted, dashboard, clock, seed, folder };
        scene.register().await.map_err(|error| format!("setting up: {error}"))?;
        voice.title("Act 2: the same under a session");
        voice.say(&format!("a broker on {}, set up by {PERSON} as its first administrator", scene.url()));
        voice.say("environments staging and production, an account token in the vault, an agent");
        Ok(scene)
    }

    pub(super) fn url(&self) -> &str {
        self.running.app.issuer()
    }

    pub(super) fn world(&self) -> World {
        self.provider.site.snapshot()
    }

    /// Put the provider's world back as it was before the session.
    pub(super) fn restore(&self) {
        self.provider.site.restore(self.seed.clone());
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder.0
    }

    pub(super) fn home(&self) -> PathBuf {
        home(&self.folder.0)
    }

    pub(super) fn ca_pem(&self) -> Result<&str, String> {
        self.provider.ca_pem().ok_or_else(|| "the stand-in has no certificate".to_owned())
    }

    pub(super) async fn close(self) {
        self.running.stop().await;
        self.provider.shutdown().await;
    }

    async fn register(&self) -> Result<(), String> {
        let said = |error: api::Error| error.to_string();
        let environments =
            [(STAGING, Tier::Staging, ids::STAGING), ("production", Tier::Production, ids::PRODUCTION)];
        for (name, tier, id) in environments {
            self.admin
                .add_environment(&AddEnvironment { name: name.to_owned(), tier })
                .await
                .map_err(said)?;
            let selector = AddSelector { selector: format!("railway:environment/{id}"), unchecked: false };
            self.admin.map_selector(name, &selector).await.map_err(said)?;
        }
        let credential = AddCredential {
            name: "railway".to_owned(),
            provider: "railway".to_owned(),
            kind: None,
            environment: None,
            upstream: Some(self.provider.url()),
            upstream_ca: Some(self.ca_pem()?.to_owned()),
            unchecked: false,
            secret: self.vaulted.clone(),
        };
        self.admin.add_credential(&credential).await.map_err(said)?;
        let agent = AddAgent { name: AGENT.to_owned(), key: None, environments: Vec::new() };
        self.admin.add_agent(&agent).await.map_err(said)?;
        Ok(())
    }
}

/// A new token of the account, in the shape of the provider's.
fn token(provider: &Handle<Railway>) -> Result<String, String> {
    let token = Clock::system().uuid().ok_or("the system gives no randomness")?.to_string();
    provider.site.world().admit(&token, Viewer::Account { user: ids::USER.to_owned() });
    Ok(token)
}

/// A broker on the embedded default and a free port of the loopback interface.
async fn broker(folder: &Path) -> Result<Running, String> {
    let loopback: IpNet = "127.0.0.0/8".parse().map_err(|_| "127.0.0.0/8 is no network")?;
    let flags = Flags {
        data: Some(folder.join("data")),
        listen: Some(([127, 0, 0, 1], 0).into()),
        allow_private: vec![loopback],
        approval_hold: Some(HOLD),
        ..Flags::default()
    };
    // Nothing of this process's environment: the demo is the same everywhere.
    let config = Config::read(flags, &Environment::default()).map_err(|error| error.to_string())?;
    start(config, Unsealing { key: None, passphrase: None }).await
}

/// `stint login --setup-token-file DATA/setup-token`: the login is left in a home, for whoever explores.
async fn log_in(folder: &Path, url: &str, clock: &stint::clock::Clock) -> Result<Broker, String> {
    let said = |error: api::Error| error.to_string();
    let kept = |error: stint::home::Error| error.to_string();
    let path = folder.join("data/setup-token");
    let setup_token =
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let transport = Transport::new(&api::Tls::for_url(url, None)).map_err(said)?;
    let key = api::new_key(clock).map_err(said)?;
    let setup = Setup {
        setup_token: setup_token.trim().to_owned(),
        person: PERSON.to_owned(),
        key: key.public().to_value(),
        device: Some("demo".to_owned()),
    };
    let done = api::setup(&transport, url, &setup).await.map_err(said)?;
    let home = Home::new(home(folder));
    let file = format!("login-{}.key", key.public().thumbprint());
    home.create_key(&file, &api::key_to_text(&key)).map_err(kept)?;
    let login = Login {
        broker: url.to_owned(),
        person: done.person,
        client_id: done.client_id.clone(),
        issuer: done.issuer.clone(),
        token_endpoint: done.token_endpoint.clone(),
        key: file,
    };
    home.save_login(&login, clock).map_err(kept)?;
    let identity =
        Identity { client_id: done.client_id, issuer: done.issuer, token_endpoint: done.token_endpoint };
    Ok(Broker::new(url, Holder::new(identity, key, transport, clock.clone())))
}

fn home(folder: &Path) -> PathBuf {
    folder.join("home")
}

impl Folder {
    fn make(environment: &Environment, clock: &stint::clock::Clock) -> Result<Self, String> {
        let suffix = clock.unguessable().map_err(|error| error.to_string())?;
        let base = environment.var("TMPDIR").unwrap_or("/tmp");
        let path = Path::new(base).join(format!("stint-demo-{suffix}"));
        private_dir(&path).map_err(|error| error.to_string())?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed holds nothing that is worth anything when the demo is over.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
