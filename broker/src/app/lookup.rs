//! The broker's own questions to a provider: read-only, from the pack's list, each with a permit and a record.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};
use stint_api::Code;
use stint_jose::strict_json;

use super::live::Registry;
use super::send::Sent;
use super::{App, Facts, Intent, LiveCredential, Result};
use crate::model::{EnvironmentRow, EventKind, Located, Pending, Request, Resource, Selector};
use crate::provider::{Freshness, Known, Lookup, LookupError, LookupFailure, Survey};
use crate::store::Commit;

/// An answer to a look-up is never larger.
const LIMIT: usize = 4 * 1024 * 1024;
/// Nor nested deeper.
const DEPTH: usize = 64;
/// Seconds that a provider is left alone for where it asks for fewer requests and does not say how long.
const REST: u32 = 30;

/// What a provider answered to a question, with status 200.
pub(in crate::app) struct Answer {
    pub headers: HeaderMap,
    pub value: Value,
}

enum Asked<'a> {
    Graphql { query: &'a str, variables: Value },
    Get { host: Option<&'a str>, target: &'a str },
}

/// Owns what it needs: a borrow in it would not outlive the streams that the resolver makes.
struct Asking {
    app: App,
    credential: Arc<LiveCredential>,
}

impl App {
    /// What owns each resource, in their order; the text says why one could not be found.
    pub(in crate::app) async fn locate(
        &self,
        credential: &Arc<LiveCredential>,
        resources: &[Resource],
        freshness: Freshness,
    ) -> Vec<std::result::Result<Located, String>> {
        if resources.is_empty() {
            return vec![];
        }
        if let Some(whole) = self.undivided(credential) {
            return resources.iter().map(|resource| self.in_whole(&whole, resource)).collect();
        }
        let asking = Asking { app: self.clone(), credential: credential.clone() };
        let row = &credential.row;
        let found = self
            .0
            .resolver
            .resolve(&row.id, &row.provider, resources, freshness, self.0.clock.now(), &asking)
            .await;
        found.into_iter().map(|found| found.map_err(|unresolved| unresolved.reason)).collect()
    }

    /// All that a credential reaches, where an environment maps it as one and nobody else maps a part of what there is at the
    /// provider: then nothing has to be asked.
    fn undivided(&self, credential: &LiveCredential) -> Option<Selector> {
        let row = &credential.row;
        let rules = self.0.resolver.rules(&row.provider)?;
        let whole = Selector::new(row.provider.as_str(), rules.whole()?, row.id.to_string());
        let registry = self.0.registry.load();
        let owner = registry.owners.get(&whole)?;
        let elsewhere = registry.owners.iter().any(|(selector, name)| {
            selector.provider == row.provider
                && name != owner
                && rules.parts().any(|kind| kind == selector.kind)
        });
        (!elsewhere).then_some(whole)
    }

    fn in_whole(&self, whole: &Selector, resource: &Resource) -> std::result::Result<Located, String> {
        let known = self.0.resolver.rules(&whole.provider).is_some_and(|rules| rules.knows(&resource.kind));
        if !known {
            return Err(format!("nothing says what owns a {}", resource.kind));
        }
        let owners = vec![whole.clone()];
        Ok(Located { resource: resource.clone(), name: None, owners, consequences: vec![] })
    }

    /// The environment that an owner belongs to: by itself, or with all that the credential reaches.
    pub(in crate::app) fn owner_of<'a>(
        &self,
        registry: &'a Registry,
        credential: &LiveCredential,
        owner: &Selector,
    ) -> Option<&'a EnvironmentRow> {
        let within = || {
            let rules = self.0.resolver.rules(&owner.provider)?;
            let whole = rules.parts().any(|kind| kind == owner.kind).then(|| rules.whole())??;
            let id = credential.row.id.to_string();
            registry.owners.get(&Selector::new(owner.provider.as_str(), whole, id))
        };
        let name = registry.owners.get(owner).or_else(within)?;
        registry.environments.get(name)
    }

    /// Everything that a credential can see.
    pub(in crate::app) async fn survey(&self, credential: &Arc<LiveCredential>) -> Survey {
        let asking = Asking { app: self.clone(), credential: credential.clone() };
        let row = &credential.row;
        self.0.resolver.survey(&row.id, &row.provider, self.0.clock.now(), &asking).await
    }

    /// What a credential sees of one thing that somebody wants to map.
    pub(in crate::app) async fn seen_there(
        &self,
        credential: &Arc<LiveCredential>,
        selector: &Selector,
    ) -> Known {
        let asking = Asking { app: self.clone(), credential: credential.clone() };
        self.0.resolver.known(&credential.row.id, selector, self.0.clock.now(), &asking).await
    }

    /// What was staged at the provider and would take effect now.
    pub(in crate::app) async fn lookup_pending(
        &self,
        credential: &Arc<LiveCredential>,
        pending: &Pending,
    ) -> std::result::Result<Value, String> {
        let asking = Asking { app: self.clone(), credential: credential.clone() };
        let row = &credential.row;
        self.0
            .resolver
            .read_pending(&row.id, &row.provider, pending, self.0.clock.now(), &asking)
            .await
            .map_err(|error| error.to_string())
    }

    /// One question, as any other request goes out: permitted, recorded, with the credential in one header, to an address that
    /// was checked. No redirect is followed.
    pub(in crate::app) async fn ask_provider(
        &self,
        credential: &LiveCredential,
        name: &str,
        request: Request,
    ) -> std::result::Result<Answer, LookupError> {
        let sent = self.send_lookup(credential, name, request).await.map_err(unsent)?;
        let (head, body) = sent.response.into_parts();
        match head.status {
            StatusCode::OK => {}
            status => return Err(unanswered(status, &head.headers)),
        }
        let unusable = |why: &str| LookupError::new(LookupFailure::Unavailable, why);
        if !is_json(&head.headers) {
            return Err(unusable("the answer is not of type JSON"));
        }
        let body = Limited::new(body, LIMIT).collect().await;
        let body = body.map_err(|_| unusable("the answer broke off or is too large"))?;
        let value = strict_json::parse(&body.to_bytes(), DEPTH)
            .map_err(|error| unusable(&format!("the answer is {error}")))?;
        Ok(Answer { headers: head.headers, value })
    }

    async fn send_lookup(&self, credential: &LiveCredential, name: &str, request: Request) -> Result<Sent> {
        let mut digest = [0u8; 32];
        digest.copy_from_slice(request.digest().as_ref());
        let permit = self.0.policy.load().authorize_lookup(&credential.row.id, digest);
        let facts = Facts::new().with("credential", credential.row.name.as_str()).with("lookup", name);
        let event = self.event(EventKind::Lookup, "broker", None, facts)?;
        let id = event.id.to_string();
        let commit = Commit { changes: vec![], events: vec![event], digest: Some(digest) };
        let receipt = self.0.store.commit(commit).await?;
        let outgoing = self.inject(credential, Intent { id, permit, receipt }, request, None)?;
        self.forward(outgoing).await
    }

    /// A question in GraphQL, or for a path on a host of the pack.
    fn question(&self, credential: &LiveCredential, asked: Asked<'_>) -> Result<Request> {
        let pack = self.0.catalog.pack(&credential.row.provider);
        let pack = pack.ok_or_else(|| super::Error::internal("a pack is gone"))?;
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("stint"));
        let first = pack.manifest.hosts.first().cloned().unwrap_or_default();
        Ok(match asked {
            Asked::Graphql { query, variables } => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                Request {
                    method: Method::POST,
                    host: first,
                    path: pack.manifest.endpoints.first().cloned().unwrap_or_default(),
                    query: None,
                    headers,
                    body: json!({ "query": query, "variables": variables }).to_string().into(),
                    partial: false,
                }
            }
            Asked::Get { host, target } => {
                let host = host.map_or(first, str::to_owned);
                // INVARIANT: a credential goes to hosts of its own provider alone.
                if !pack.manifest.hosts.contains(&host) {
                    return Err(super::Error::internal(format!("{host} is no host of {}", pack.name())));
                }
                let (path, query) = match target.split_once('?') {
                    Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
                    None => (target.to_owned(), None),
                };
                Request {
                    method: Method::GET,
                    host,
                    path,
                    query,
                    headers,
                    body: Bytes::new(),
                    partial: false,
                }
            }
        })
    }

    pub(in crate::app) async fn ask_graphql(
        &self,
        credential: &LiveCredential,
        name: &str,
        query: &str,
        variables: Value,
    ) -> std::result::Result<Answer, LookupError> {
        let request = self.question(credential, Asked::Graphql { query, variables }).map_err(unsent)?;
        self.ask_provider(credential, name, request).await
    }

    pub(in crate::app) async fn ask_path(
        &self,
        credential: &LiveCredential,
        name: &str,
        host: Option<&str>,
        target: &str,
    ) -> std::result::Result<Answer, LookupError> {
        let request = self.question(credential, Asked::Get { host, target }).map_err(unsent)?;
        self.ask_provider(credential, name, request).await
    }
}

impl Lookup for Asking {
    fn graphql<'a>(
        &'a self,
        name: &'a str,
        query: &'a str,
        variables: Value,
    ) -> BoxFuture<'a, std::result::Result<Value, LookupError>> {
        Box::pin(
            async move { Ok(self.app.ask_graphql(&self.credential, name, query, variables).await?.value) },
        )
    }

    fn get<'a>(
        &'a self,
        name: &'a str,
        host: Option<&'a str>,
        target: &'a str,
    ) -> BoxFuture<'a, std::result::Result<Value, LookupError>> {
        Box::pin(async move { Ok(self.app.ask_path(&self.credential, name, host, target).await?.value) })
    }
}

fn unsent(error: super::Error) -> LookupError {
    let kind = match error.code {
        Code::UpstreamTimeout => LookupFailure::Timeout,
        Code::UpstreamRefused => LookupFailure::Refused,
        _ => LookupFailure::Unavailable,
    };
    LookupError::new(kind, error.detail)
}

/// An answer that is none, in words.
fn unanswered(status: StatusCode, headers: &HeaderMap) -> LookupError {
    let (kind, detail) = match status {
        StatusCode::UNAUTHORIZED => {
            (LookupFailure::Rejected, "the provider does not take the credential (401)".to_owned())
        }
        StatusCode::FORBIDDEN => {
            (LookupFailure::Refused, "the provider does not let the credential ask (403)".to_owned())
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            (LookupFailure::Missing, format!("the provider does not know it ({})", status.as_u16()))
        }
        StatusCode::TOO_MANY_REQUESTS => {
            let seconds =
                headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            let seconds: u32 = seconds.unwrap_or(REST);
            let detail = format!("the provider asks for fewer requests (429): try again in {seconds} s");
            let error = LookupError::new(LookupFailure::Limited, detail);
            return LookupError { wait: Some(seconds), ..error };
        }
        status if status.is_redirection() => {
            let detail = format!(
                "the provider says that it is elsewhere now ({}): name it as it is named today",
                status.as_u16()
            );
            (LookupFailure::Missing, detail)
        }
        status => (LookupFailure::Unavailable, format!("the provider answered {}", status.as_u16())),
    };
    LookupError::new(kind, detail)
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}
