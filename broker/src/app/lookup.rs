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
use crate::catalog::pack::Manifest;
use crate::model::{EnvironmentRow, EventKind, Located, Pending, Request, Resource, Selector};
use crate::provider::{Freshness, Known, Lookup, LookupError, LookupFailure, Rules, Survey};
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
        let row = &credential.row;
        let packs = self.packs();
        if let Some(rules) = packs.resolver.rules(&row.provider)
            && let Some(whole) = undivided(rules, &self.0.registry.load(), credential)
        {
            return resources.iter().map(|resource| in_whole(rules, &whole, resource)).collect();
        }
        let asking = Asking { app: self.clone(), credential: credential.clone() };
        let found = packs
            .resolver
            .resolve(&row.id, &row.provider, resources, freshness, self.0.clock.now(), &asking)
            .await;
        found.into_iter().map(|found| found.map_err(|unresolved| unresolved.reason)).collect()
    }

    /// The environment that an owner belongs to: by itself, or with all that the credential reaches.
    pub(in crate::app) fn owner_of<'a>(
        &self,
        registry: &'a Registry,
        credential: &LiveCredential,
        owner: &Selector,
    ) -> Option<&'a EnvironmentRow> {
        let within = || {
            let packs = self.packs();
            let rules = packs.resolver.rules(&owner.provider)?;
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
        self.packs().resolver.survey(&row.id, &row.provider, self.0.clock.now(), &asking).await
    }

    /// What a credential sees of one thing that somebody wants to map.
    pub(in crate::app) async fn seen_there(
        &self,
        credential: &Arc<LiveCredential>,
        selector: &Selector,
    ) -> Known {
        let asking = Asking { app: self.clone(), credential: credential.clone() };
        let packs = self.packs();
        packs.resolver.known(&credential.row.id, selector, self.0.clock.now(), &asking).await
    }

    /// What was staged at the provider and would take effect now.
    pub(in crate::app) async fn lookup_pending(
        &self,
        credential: &Arc<LiveCredential>,
        pending: &Pending,
    ) -> std::result::Result<Value, String> {
        let asking = Asking { app: self.clone(), credential: credential.clone() };
        let row = &credential.row;
        self.packs()
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

    pub(in crate::app) async fn ask_graphql(
        &self,
        credential: &LiveCredential,
        name: &str,
        query: &str,
        variables: Value,
    ) -> std::result::Result<Answer, LookupError> {
        let request = graphql(&self.packs().of(credential).map_err(unsent)?.manifest, query, variables);
        self.ask_provider(credential, name, request).await
    }

    /// `host` is one of the pack's, its first where there is none.
    pub(in crate::app) async fn ask_path(
        &self,
        credential: &LiveCredential,
        name: &str,
        host: Option<&str>,
        target: &str,
    ) -> std::result::Result<Answer, LookupError> {
        let request = get(&self.packs().of(credential).map_err(unsent)?.manifest, host, target);
        self.ask_provider(credential, name, request.map_err(unsent)?).await
    }
}

/// All that a credential reaches, where an environment maps it as one and nobody else maps a part of what there is at the
/// provider: then nothing has to be asked.
fn undivided(rules: &Rules, registry: &Registry, credential: &LiveCredential) -> Option<Selector> {
    let row = &credential.row;
    let whole = Selector::new(row.provider.as_str(), rules.whole()?, row.id.to_string());
    let owner = registry.owners.get(&whole)?;
    let elsewhere = registry.owners.iter().any(|(selector, name)| {
        selector.provider == row.provider && name != owner && rules.parts().any(|kind| kind == selector.kind)
    });
    (!elsewhere).then_some(whole)
}

fn in_whole(rules: &Rules, whole: &Selector, resource: &Resource) -> std::result::Result<Located, String> {
    if !rules.knows(&resource.kind) {
        return Err(format!("nothing says what owns a {}", resource.kind));
    }
    let owners = vec![whole.clone()];
    Ok(Located { resource: resource.clone(), name: None, owners, consequences: vec![] })
}

fn graphql(manifest: &Manifest, query: &str, variables: Value) -> Request {
    let mut request = question(Method::POST, manifest);
    let json = HeaderValue::from_static("application/json");
    request.headers.insert(header::CONTENT_TYPE, json);
    request.path = manifest.endpoints.first().cloned().unwrap_or_default();
    request.body = json!({ "query": query, "variables": variables }).to_string().into();
    request
}

fn get(manifest: &Manifest, host: Option<&str>, target: &str) -> Result<Request> {
    let mut request = question(Method::GET, manifest);
    if let Some(host) = host {
        request.host = host.to_owned();
    }
    // INVARIANT: a credential goes to hosts of its own provider alone.
    if !manifest.hosts.contains(&request.host) {
        return Err(super::Error::internal(format!("{} is no host of {}", request.host, manifest.name)));
    }
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target, None),
    };
    (request.path, request.query) = (path.to_owned(), query);
    Ok(request)
}

/// What all questions have, to the pack's first host.
fn question(method: Method, manifest: &Manifest) -> Request {
    let headers = [
        (header::ACCEPT, "application/json"),
        (header::ACCEPT_ENCODING, "identity"),
        (header::USER_AGENT, "stint"),
    ];
    Request {
        method,
        host: manifest.hosts.first().cloned().unwrap_or_default(),
        path: String::new(),
        query: None,
        headers: headers.map(|(name, value)| (name, HeaderValue::from_static(value))).into_iter().collect(),
        body: Bytes::new(),
        partial: false,
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
