//! The agent's side: a session held by a sidecar, and requests that go through its proxy.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use stint::session::LiveSession;
use stint::sidecar::{Doors, Egress, Heartbeats, Mode, Settings, Sidecar};
use stint_api::{Confinement, StartSession};

use super::http::{Answer, Client, Request};
use super::scene::{AGENT, STAGING, Scene};
use super::voice::Voice;

/// A running session, as a command under `stint run` has it.
pub(super) struct Holding {
    pub(super) sidecar: Sidecar,
    /// What the command finds in `RAILWAY_API_TOKEN`.
    pub(super) placeholder: String,
    client: Client,
    /// Ids of the audit records that answers named.
    records: Mutex<Vec<String>>,
}

impl Holding {
    pub(super) async fn start(scene: &Scene, voice: &Voice) -> Result<Self, String> {
        let key = stint::api::new_key(&scene.clock).map_err(|error| error.to_string())?;
        let start = StartSession {
            environment: STAGING.to_owned(),
            agent: AGENT.to_owned(),
            ttl: Some(600),
            key: Value::Null,
            credentials: Vec::new(),
            heartbeat: true,
            confinement: Confinement::None,
            command: Some("demo".to_owned()),
            dry_run: false,
        };
        let session = LiveSession::start(&scene.admin, start, key, &scene.clock)
            .await
            .map_err(|error| format!("the session could not start: {error}"))?;
        let variables = session.started().credentials.iter().flat_map(|credential| &credential.variables);
        let placeholder = variables
            .filter(|variable| variable.name == "RAILWAY_API_TOKEN")
            .map(|variable| variable.value.clone())
            .next()
            .ok_or("the session sets no RAILWAY_API_TOKEN")?;
        let settings = Settings {
            egress: Egress::new(Mode::Deny, []),
            heartbeats: Heartbeats::AsAsked,
            doors: Doors::Loopback(0),
            bundle: None,
        };
        let sidecar = Sidecar::start(session, settings, &scene.clock)
            .await
            .map_err(|error| format!("the sidecar could not start: {error}"))?;
        let client = Client::through(sidecar.proxy_url().expose(), sidecar.ca_pem())?;
        voice.say(&format!("session {} for {AGENT} in {STAGING}; the agent sees", sidecar.session().id()));
        voice.quote(&format!("RAILWAY_API_TOKEN={placeholder}    worthless outside this session"));
        voice.quote(&format!("HTTPS_PROXY=http://stint:…@127.0.0.1:{}", sidecar.port()));
        Ok(Holding { sidecar, placeholder, client, records: Mutex::default() })
    }

    pub(super) fn id(&self) -> &str {
        self.sidecar.session().id()
    }

    /// CONNECT to the host through the proxy, TLS with the session's CA, one request.
    pub(super) async fn send(&self, request: &Request) -> Result<Answer, String> {
        let answer = self.client.send(request).await?;
        if let Some(record) = &answer.record {
            self.records.lock().unwrap_or_else(PoisonError::into_inner).push(record.clone());
        }
        Ok(answer)
    }

    /// The proxy goes away; answers with the records that the trail must hold.
    pub(super) fn end(self) -> Vec<String> {
        self.records.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The policies that decided a request, as its audit record names them.
pub(super) async fn decided_by(scene: &Scene, record: Option<&str>) -> Result<Vec<String>, String> {
    let page = scene.admin.audit("limit=50").await.map_err(|error| format!("the audit trail: {error}"))?;
    let body = page
        .records
        .into_iter()
        .map(|record| record.body)
        .find(|body| record.is_some() && body.get("id").and_then(Value::as_str) == record);
    let policies = body.as_ref().and_then(|body| body.pointer("/facts/policies")?.as_array());
    let names = policies.into_iter().flatten().filter_map(Value::as_str);
    Ok(names.map(str::to_owned).collect())
}

/// `first.policy +2`.
pub(super) fn named(policies: &[String]) -> String {
    match policies {
        [] => String::new(),
        [only] => only.clone(),
        [first, rest @ ..] => format!("{first} +{}", rest.len()),
    }
}
