//! `POST /oauth/token`: `client_credentials` with `private_key_jwt` (RFC 7523) and DPoP (RFC 9449).
//!
//! Three kinds of client ask: a person's login, an agent with a key of its own, and a session for its next token. A
//! machine that becomes a login asks by the device grant (`device.rs`).

use ring::digest::{Context, SHA256};
use stint_api::{
    AuthorizationDetail, CLIENT_ASSERTION_TYPE, Code, DEVICE_GRANT_TYPE, StartSession, TokenResponse,
};

use super::session::Starter;
use super::{App, Error, Facts, Result, identify};
use crate::model::{ClientId, Confinement, Event, EventKind, Name, Principal, SessionId};
use crate::store::{Change, Commit, CommitError};
use crate::token::{self, Audience, Jwk, Mint};

/// Parameters as sent; an empty one counts as left out.
#[derive(Debug, Clone, Copy)]
pub struct TokenRequest<'a> {
    pub grant_type: Option<&'a str>,
    pub client_id: Option<&'a str>,
    pub client_assertion_type: Option<&'a str>,
    pub client_assertion: Option<&'a str>,
    pub client_secret: bool,
    pub authorization_details: Option<&'a str>,
    pub scope: Option<&'a str>,
    /// RFC 8628 s3.4.
    pub device_code: Option<&'a str>,
    pub proofs: &'a [String],
}

/// A client that proved who it is.
struct Client {
    kind: Kind,
    /// Key of the proof.
    jkt: String,
    jwk: Jwk,
    /// Assertion and proof, to be remembered by the commit that they cause.
    used: Vec<Change>,
}

enum Kind {
    Login { client: ClientId, person: Name },
    Agent { agent: Name },
    Session(SessionId),
}

impl App {
    pub async fn token(&self, request: TokenRequest<'_>) -> Result<TokenResponse> {
        self.unsealed()?;
        match request.grant_type {
            Some("client_credentials") => {}
            Some(DEVICE_GRANT_TYPE) => return self.device_token(&request).await,
            Some(_) => {
                return Err(bad("unsupported_grant_type: the grants are client_credentials and device_code"));
            }
            None => return Err(bad("grant_type is missing")),
        }
        if request.scope.is_some() {
            return Err(bad(
                "invalid_scope: there are no scopes; authorization_details says what a token is for",
            ));
        }
        let client = self.authenticate(&request).await?;
        match &client.kind {
            Kind::Login { client: id, person } => {
                if request.authorization_details.is_some() {
                    return Err(bad(
                        "invalid_authorization_details: a person's token is for the control plane",
                    ));
                }
                let (id, person) = (id.clone(), person.clone());
                self.mint_for_person(client, &id, &person).await
            }
            Kind::Agent { agent } => {
                let detail = self.detail(request.authorization_details, agent)?;
                let agent = agent.clone();
                self.mint_for_agent(client, &agent, detail).await
            }
            Kind::Session(id) => {
                let id = id.clone();
                let narrowed = request.authorization_details.map(details).transpose()?;
                self.mint_for_session(&id, client.used, narrowed).await
            }
        }
    }

    /// RFC 7523 s3, then RFC 9449 s5. What fails as to the client is `NotAuthenticated`, all in the same words.
    async fn authenticate(&self, request: &TokenRequest<'_>) -> Result<Client> {
        if request.client_secret {
            return Err(unknown_client());
        }
        if request.client_assertion_type != Some(CLIENT_ASSERTION_TYPE) {
            return Err(unknown_client());
        }
        let text = request.client_assertion.ok_or_else(unknown_client)?;
        let claimed = token::claimed_client(text).map_err(|_| unknown_client())?;
        if request.client_id.is_some_and(|id| id != claimed) {
            return Err(unknown_client());
        }
        let (kind, key) = self.client(&claimed).await?;
        let jwk = Jwk::parse(&key).map_err(|_| unknown_client())?;
        let keys = self.0.keys.load();
        let keys = keys.as_ref().as_ref().ok_or_else(unknown_client)?;
        let now = self.0.clock.unix();
        let assertion =
            token::verify_client(&keys.tokens, text, &claimed, &jwk, now).map_err(|_| unknown_client())?;
        let [proof] = request.proofs else {
            return Err(Error::new(
                Code::InvalidProof,
                "one DPoP header is needed: every token is bound to a key",
            ));
        };
        let proven = self.proven_key(proof, "POST", &self.token_endpoint())?;
        // Logins and sessions are bound to one key for good; only an agent brings a new key for each session.
        if !matches!(kind, Kind::Agent { .. }) && proven.jkt() != jwk.thumbprint() {
            return Err(Error::new(
                Code::InvalidProof,
                "the proof is made with another key than the client's",
            ));
        }
        let used_proof = self.use_proof(&proven)?;
        let used = vec![
            Change::Remember { key: assertion_key(&claimed, &assertion.jti), until: assertion.expires_at },
            used_proof.change(),
        ];
        let (jkt, jwk) = (proven.jkt().to_owned(), proven.jwk().clone());
        Ok(Client { kind, jkt, jwk, used })
    }

    async fn client(&self, id: &str) -> Result<(Kind, String)> {
        if let Ok(session) = SessionId::parse(id) {
            let live = self.live_session(&session).await?;
            return Ok((Kind::Session(session), live.row.key.clone()));
        }
        let client = ClientId::parse(id).map_err(|_| unknown_client())?;
        if let Some(login) = self.0.store.login(&client).await? {
            let standing = self.0.store.login_standing(&client).await?.ok_or_else(unknown_client)?;
            if standing.ended_at.is_some() {
                return Err(unknown_client());
            }
            return Ok((Kind::Login { client, person: login.person }, login.key));
        }
        let registry = self.0.registry.load();
        let agent = registry.agents_by_client.get(&client).and_then(|name| registry.agents.get(name));
        let agent = agent.ok_or_else(unknown_client)?;
        let key = agent.key.clone().ok_or_else(unknown_client)?;
        Ok((Kind::Agent { agent: agent.name.clone() }, key))
    }

    async fn mint_for_person(&self, client: Client, id: &ClientId, person: &Name) -> Result<TokenResponse> {
        self.mint_for_login(id, person, client.jkt, client.used, vec![]).await
    }

    /// A token for the control plane, with what happened before it in the same commit.
    pub(in crate::app) async fn mint_for_login(
        &self,
        id: &ClientId,
        person: &Name,
        jkt: String,
        changes: Vec<Change>,
        before: Vec<Event>,
    ) -> Result<TokenResponse> {
        let subject = Principal::Person(person.clone());
        let actor = subject.to_string();
        let mint = Mint {
            subject,
            client_id: id.to_string(),
            agent: None,
            session: None,
            environment: None,
            credentials: vec![],
            audience: Audience::Control,
            jkt,
            ttl_seconds: self.token_ttl(),
            jti: self.uuid()?.simple().to_string(),
            now: self.0.clock.unix(),
        };
        let is_new = !before.is_empty();
        let mut response = self.mint(mint, changes, before, &actor, None).await?;
        if is_new {
            response.client_id = Some(id.to_string());
            response.person = Some(person.to_string());
        }
        Ok(response)
    }

    /// An agent by itself: a session begins with its token, bound to the key of its proof.
    async fn mint_for_agent(
        &self,
        client: Client,
        agent: &Name,
        detail: AuthorizationDetail,
    ) -> Result<TokenResponse> {
        let key = identify::parse_key(&client.jwk.to_value())?;
        let subject = format!("agent:{agent}");
        let starter = Starter { subject, key: &key, used: client.used, login: None, parent: None };
        let started = self
            .begin_session(
                starter,
                StartSession {
                    environment: detail.environment,
                    agent: agent.to_string(),
                    ttl: detail.ttl,
                    key: client.jwk.to_value(),
                    credentials: detail.credentials,
                    heartbeat: detail.heartbeat.unwrap_or_default(),
                    confinement: Confinement::None,
                    command: None,
                    dry_run: false,
                },
            )
            .await
            // The proof was new a moment ago: what the commit has seen before is the assertion.
            .map_err(|error| if error.code == Code::InvalidProof { unknown_client() } else { error })?;
        self.mint_for_session(&SessionId::parse(&started.session.id)?, vec![], None).await
    }

    async fn mint_for_session(
        &self,
        id: &SessionId,
        used: Vec<Change>,
        narrowed: Option<AuthorizationDetail>,
    ) -> Result<TokenResponse> {
        let live = self.live_session(id).await?;
        let row = &live.row;
        let all: Vec<Name> = row.grants.iter().map(|grant| grant.credential.clone()).collect();
        let credentials = match narrowed {
            None => all,
            Some(detail) => {
                let wanted = detail
                    .credentials
                    .iter()
                    .map(|name| Name::parse(name))
                    .collect::<std::result::Result<Vec<_>, _>>()?;
                if detail.environment != row.environment.as_str()
                    || detail.ttl.is_some()
                    || detail.heartbeat.is_some()
                    || wanted.iter().any(|name| !all.contains(name))
                {
                    return Err(bad("invalid_authorization_details: a token can only narrow its session"));
                }
                if wanted.is_empty() { all } else { wanted }
            }
        };
        let now = self.0.clock.now();
        let left = (row.expires_at - now).num_seconds();
        let subject = Principal::parse(&row.subject).map_err(Error::internal)?;
        let mint = Mint {
            subject,
            client_id: row.id.to_string(),
            agent: Some(row.agent.clone()),
            session: Some(row.id.clone()),
            environment: Some(row.environment.clone()),
            credentials,
            audience: Audience::Gateway,
            jkt: row.jkt.clone(),
            // A token never outlives its session.
            ttl_seconds: self.token_ttl().min(left.max(1)),
            jti: self.uuid()?.simple().to_string(),
            now: now.timestamp(),
        };
        live.hear(now.timestamp_millis());
        self.mint(mint, used, vec![], &row.subject, Some(&row.id)).await
    }

    /// The one place where a token is made: recorded and durable before it is handed out.
    async fn mint(
        &self,
        mint: Mint,
        used: Vec<Change>,
        mut events: Vec<Event>,
        actor: &str,
        session: Option<&SessionId>,
    ) -> Result<TokenResponse> {
        let facts = Facts::new()
            .with("jti", mint.jti.as_str())
            .with("client_id", mint.client_id.as_str())
            .with("jkt", mint.jkt.as_str())
            .with("ttl", mint.ttl_seconds)
            .maybe("environment", mint.environment.as_ref().map(|name| name.as_str()));
        let ttl = mint.ttl_seconds;
        let keys = self.0.keys.load();
        let keys = keys.as_ref().as_ref().ok_or_else(|| Error::new(Code::Sealed, "the broker is sealed"))?;
        let minted = keys.tokens.mint(mint).map_err(Error::internal)?;
        events.push(self.event(EventKind::TokenMinted, actor, session, facts)?);
        let commit = Commit { changes: used, events, digest: None };
        self.0.store.commit(commit).await.map_err(|error| match error {
            CommitError::Replayed => unknown_client(),
            CommitError::Conflict("device_code") => bad("invalid_grant: the device code was used"),
            other => other.into(),
        })?;
        Ok(TokenResponse {
            access_token: minted.token,
            token_type: "DPoP".to_owned(),
            expires_in: u64::try_from(ttl).unwrap_or_default(),
            session: session.map(ToString::to_string),
            authorization_details: minted.authorization_details,
            client_id: None,
            person: None,
        })
    }

    fn token_ttl(&self) -> i64 {
        i64::try_from(self.0.config.token_ttl.as_secs()).unwrap_or(token::MAX_TTL)
    }

    /// What an agent asks for: as said, or its only environment.
    fn detail(&self, text: Option<&str>, agent: &Name) -> Result<AuthorizationDetail> {
        let registry = self.0.registry.load();
        let allowed = registry.agents.get(agent).map(|row| row.environments.clone()).unwrap_or_default();
        let detail = match text {
            Some(text) => details(text)?,
            None => match allowed.as_slice() {
                [only] => AuthorizationDetail {
                    kind: "stint".to_owned(),
                    environment: only.to_string(),
                    credentials: vec![],
                    ttl: None,
                    heartbeat: None,
                },
                _ => {
                    return Err(bad(
                        "invalid_authorization_details: name the environment in a detail of type stint",
                    ));
                }
            },
        };
        if !allowed.iter().any(|name| name.as_str() == detail.environment) {
            return Err(bad(
                "invalid_authorization_details: this agent may not ask for that environment by itself",
            ));
        }
        Ok(detail)
    }

    /// The public keys that tokens are signed with (RFC 7517).
    pub fn jwks(&self) -> Result<serde_json::Value> {
        let keys = self.0.keys.load();
        let keys = keys.as_ref().as_ref().ok_or_else(|| Error::new(Code::Sealed, "the broker is sealed"))?;
        Ok(keys.tokens.jwks())
    }
}

/// RFC 9396 s2: an array with exactly one detail, of type `stint`.
fn details(text: &str) -> Result<AuthorizationDetail> {
    let wrong = |why: &str| bad(&format!("invalid_authorization_details: {why}"));
    let value = stint_jose::strict_json::parse(text.as_bytes(), 8).map_err(|_| wrong("not strict JSON"))?;
    let mut list: Vec<AuthorizationDetail> =
        serde_json::from_value(value).map_err(|_| wrong("not an array of stint details"))?;
    match (list.pop(), list.is_empty()) {
        (Some(detail), true) if detail.kind == "stint" => Ok(detail),
        _ => Err(wrong("one detail of type stint is needed")),
    }
}

fn assertion_key(client: &str, jti: &str) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(b"stint assertion v1\n");
    context.update(client.as_bytes());
    context.update(b"\n");
    context.update(jti.as_bytes());
    let mut key = [0u8; 32];
    key.copy_from_slice(context.finish().as_ref());
    key
}

fn bad(detail: &str) -> Error {
    Error::new(Code::InvalidInput, detail)
}

fn unknown_client() -> Error {
    Error::new(Code::NotAuthenticated, "the client could not be authenticated")
}
