use std::time::Duration;

use clap::Args;
use http::Method;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::json;
use stint_api::{Confinement, StartSession, StartedSession};

use super::context::Context;
use super::duration;
use crate::api::{self, Holder, Token as AccessToken};
use crate::exit::{self, Failure};
use crate::output;
use crate::session::LiveSession;

/// Prints the token alone, unless told otherwise. A token is worth nothing without its key: each request needs a proof
/// beside it, which `--headers` makes. The session is kept for the next call, and ends by itself.
#[derive(Debug, Args)]
#[command(
    after_help = "With curl:\n  stint token --environment staging --agent me --credential railway \\\n    \
                        --headers POST /graphql/v2 | curl -H @- -d @query.json \"$GATEWAY/railway/graphql/v2\""
)]
pub(super) struct Token {
    /// Environment that the session is bound to [default: STINT_ENVIRONMENT]
    #[arg(short, long)]
    environment: Option<String>,
    /// Agent that the session is for [default: STINT_AGENT]
    #[arg(short, long)]
    agent: Option<String>,
    /// Credential that the session may use; all of the environment's when none is named
    #[arg(long, value_name = "NAME")]
    credential: Option<String>,
    /// Life of the session
    #[arg(long, value_parser = duration::parse, default_value = "10m")]
    ttl: Duration,
    /// Print one JSON object, with the private key that proofs need
    #[arg(long, conflicts_with = "headers")]
    json: bool,
    /// Print the Authorization and DPoP lines of one request to the gateway; a URL that starts with a slash is a path
    /// of the credential
    #[arg(long, num_args = 2, value_names = ["METHOD", "URL"])]
    headers: Option<Vec<String>>,
}

/// A session that is kept for the next call.
#[derive(Serialize, Deserialize)]
struct Kept {
    base: String,
    started: StartedSession,
    key: String,
}

impl Token {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let (session, token) = self.session(context).await?;
        if let Some([method, url]) = self.headers.as_deref() {
            return self.print_headers(&session, &token, method, url);
        }
        if self.json {
            return output::json(&describe(&session, &token, &context.clock));
        }
        output::line(token.access_token.expose());
        output::note("this token needs a DPoP proof with each request");
        output::hint("`--headers METHOD URL` prints both lines for one request, `--json` gives the key");
        Ok(())
    }

    /// The kept session if the broker still gives it tokens, or else a new one.
    async fn session(
        &self,
        context: &Context,
    ) -> Result<(LiveSession, std::sync::Arc<AccessToken>), Failure> {
        let config = &context.config;
        let environment =
            context.need("environment", self.environment.as_ref(), config.environment.as_ref())?;
        let agent = context.need("agent", self.agent.as_ref(), config.agent.as_ref())?;
        let around = config.surrounding_session().and(config.variable("STINT_ENVIRONMENT"));
        if around.is_some_and(|around| *around != *environment) {
            return Err(Failure::new(exit::DENIED, format!("this session is not for {environment}"))
                .hint("ask a person to start one that is"));
        }
        let mut credentials: Vec<String> = self.credential.iter().cloned().collect();
        if let Some(project) = &config.project {
            project.allows_environment(&environment)?;
            credentials = project.narrow_credentials(credentials)?;
        }
        let name = kept_name(context.base(), &environment, &agent, &credentials);
        let home = config.home();
        if let Some(session) = self.kept(context, &name)? {
            match session.holder().token().await {
                Ok(token) => return Ok((session, token)),
                Err(error) if error.is_refused() => home.remove_session(&name),
                Err(error) => return Err(error.into()),
            }
        }
        let key = api::new_key(&context.clock)?;
        let start = StartSession {
            environment,
            agent,
            ttl: Some(self.ttl.as_secs()),
            key: key.public().to_value(),
            credentials,
            heartbeat: false,
            confinement: Confinement::None,
            command: Some("stint token".to_owned()),
            dry_run: false,
        };
        let session = LiveSession::start(&context.broker()?, start, key, &context.clock).await?;
        let kept = Kept {
            base: context.base().to_owned(),
            started: session.started().clone(),
            key: api::key_to_text(session.holder().key()).to_string(),
        };
        let text = serde_json::to_vec(&kept).map(zeroize::Zeroizing::new);
        let text = text.map_err(|error| Failure::new(exit::FAILURE, error.to_string()))?;
        home.save_session(&name, &text, &context.clock)?;
        let token = session.holder().token().await?;
        Ok((session, token))
    }

    fn kept(&self, context: &Context, name: &str) -> Result<Option<LiveSession>, Failure> {
        let Some(text) = context.config.home().session(name)? else { return Ok(None) };
        // A file of an older version is no reason to fail: the session in it ends by itself.
        let Ok(kept) = serde_json::from_slice::<Kept>(&text) else { return Ok(None) };
        let least = chrono::TimeDelta::seconds(30);
        if kept.started.session.expires_at < context.clock.now() + least {
            return Ok(None);
        }
        let Ok(key) = api::key_from_text(&kept.key) else { return Ok(None) };
        let transport = context.transport()?;
        Ok(Some(LiveSession::new(kept.base, kept.started, key, transport, context.clock.clone())))
    }

    fn print_headers(
        &self,
        session: &LiveSession,
        token: &AccessToken,
        method: &str,
        url: &str,
    ) -> Result<(), Failure> {
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| Failure::usage(format!("'{method}' is no HTTP method")))?;
        let target = self.target(session, url)?;
        let header = |value: &http::HeaderValue| value.to_str().map(str::to_owned).unwrap_or_default();
        let proof = session.holder().proof(&method, &target, Some(token))?;
        output::line(format!("Authorization: {}", header(&Holder::authorization(token)?)));
        output::line(format!("DPoP: {}", header(&proof)));
        Ok(())
    }

    /// What the proof names: the gateway's URL without query and fragment.
    fn target(&self, session: &LiveSession, url: &str) -> Result<String, Failure> {
        let gateway = &session.started().gateway;
        let full = match &self.credential {
            Some(credential) if url.starts_with('/') => format!("{gateway}/{credential}{url}"),
            _ => url.to_owned(),
        };
        if !full.strip_prefix(gateway.as_str()).is_some_and(|rest| rest.starts_with('/')) {
            return Err(Failure::usage(format!("'{url}' is not at the gateway")).hint(format!(
                "it begins with {gateway}/CREDENTIAL/, or with / when --credential is given"
            )));
        }
        Ok(full.split(['?', '#']).next().unwrap_or_default().to_owned())
    }
}

fn describe(session: &LiveSession, token: &AccessToken, clock: &crate::clock::Clock) -> serde_json::Value {
    let started = session.started();
    let mut key = session.holder().key().public().to_value();
    if let Some(members) = key.as_object_mut() {
        members.insert("d".to_owned(), json!(api::key_to_text(session.holder().key()).as_str()));
    }
    json!({
        "access_token": token.access_token.expose(),
        "token_type": "DPoP",
        "expires_in": token.expires_at.saturating_sub(clock.unix()).max(0),
        "expires_at": chrono::DateTime::from_timestamp(token.expires_at, 0),
        "session": session.id(),
        "environment": started.session.environment,
        "credentials": started.session.credentials,
        "gateway": started.gateway,
        "key": key,
    })
}

/// One kept session for each broker, environment, agent and choice of credentials.
fn kept_name(base: &str, environment: &str, agent: &str, credentials: &[String]) -> String {
    let text = json!([base, environment, agent, credentials]).to_string();
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
