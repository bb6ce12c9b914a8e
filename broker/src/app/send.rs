//! The way out: from raw input to the one canonical form, and from an allowed request to the provider's answer.

use bytes::Bytes;
use http::{HeaderMap, Method, Response};
use http_body_util::{BodyExt, Full};
use stint_api::Code;

use super::capture::stands_for;
use super::tail::{Fault, Tail};
use super::{App, DecisionFacts, Error, Intent, LiveCredential, LiveSession, Result, authorize};
use crate::catalog::{Foreign, Parts, canonical, git};
use crate::model::{CredentialId, Name, Placeholder, Request, Upstream};
use crate::provider::{Body, IdleBody, UpstreamError, UpstreamFailure};
use crate::vault::Screen;

/// A request with its credential in place. It can be sent, and it can be sent once.
#[derive(Debug)]
pub struct Outgoing {
    request: http::Request<Body>,
    screen: Screen,
    credential: CredentialId,
    upstream: Upstream,
    fault: Fault,
}

/// The provider's answer, with what looks for the credential in it.
#[derive(Debug)]
pub struct Sent {
    pub response: Response<IdleBody>,
    pub screen: Screen,
}

/// A request as it came from downstream, for the credential's provider.
#[derive(Debug)]
pub struct Raw<'a> {
    pub method: &'a Method,
    /// Provider host that the client names, where it names one.
    pub host: Option<&'a str>,
    /// Raw path and query.
    pub target: &'a str,
    pub headers: &'a HeaderMap,
    /// The body, or its beginning.
    pub body: Bytes,
    /// Whether more follows after `body`.
    pub partial: bool,
}

impl App {
    /// Refuse what carries a credential that the session was not given, then what is not in canonical form.
    pub fn canonical(
        &self,
        credential: &LiveCredential,
        session: &LiveSession,
        raw: Raw<'_>,
    ) -> Result<Request> {
        let packs = self.packs();
        let pack = packs.of(credential)?;
        let (path, query) = match raw.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (raw.target, None),
        };
        let first = pack.manifest.hosts.first().map(String::as_str).unwrap_or_default();
        let host = raw.host.unwrap_or(first);
        // git compresses what it asks for; everything after here sees it as it was.
        let decoded = match pack.git_door(host, path) {
            Some(_) => git::decoded(raw.headers, path, &raw.body, raw.partial, self.0.config.limits.body),
            None => Ok(None),
        };
        let decoded = decoded.map_err(authorize::refused)?;
        let (headers, body) = match &decoded {
            Some((headers, body)) => (headers, body.clone()),
            None => (raw.headers, raw.body),
        };
        let captured = self.captured_in(session);
        let captured: Vec<(&Name, Placeholder)> =
            captured.iter().map(|live| (&live.row.name, stands_for(&live.row.name))).collect();
        let mut placeholders = placeholders(session);
        placeholders.extend(captured.iter().map(|(_, placeholder)| placeholder.clone()));
        let parts = Parts { headers, path, query, body: &body };
        let carried = packs.catalog.carried(&parts, &placeholders);
        if let Some(foreign) = carried.foreign.first() {
            return Err(self.foreign(session, foreign));
        }
        // A placeholder belongs to one credential; in a request for another it would be a mistake that looks like a key.
        let granted = session.row.grants.iter().map(|grant| (&grant.credential, &grant.placeholder));
        let all: Vec<(&Name, &Placeholder)> =
            granted.chain(captured.iter().map(|(name, placeholder)| (*name, placeholder))).collect();
        let is_own = |found: &&Placeholder| {
            all.iter().any(|(name, own)| **name == credential.row.name && own == found)
        };
        if let Some(other) = carried.placeholders.iter().find(|found| !is_own(found)) {
            let name = all.iter().find(|(_, own)| *own == other).map(|(name, _)| name.as_str());
            return Err(Error::new(
                Code::ForeignCredential,
                format!(
                    "the placeholder of credential {} does not belong to this provider",
                    name.unwrap_or_default()
                ),
            ));
        }
        let Raw { method, target, partial, .. } = raw;
        let provider = pack.provider(&pack.manifest.hosts);
        canonical::request(method.as_str(), host, target, headers, body, partial, provider)
            .map_err(authorize::refused)
    }

    /// Why a request for a credential that the session has not is refused: where it names a provider's host, that is said,
    /// and a credential that it carries itself is what weighs more.
    pub fn ungranted(
        &self,
        session: &LiveSession,
        host: Option<&str>,
        headers: &HeaderMap,
        error: Error,
    ) -> Error {
        let packs = self.packs();
        let Some(host) = host.filter(|host| packs.catalog.by_host(host).is_some()) else { return error };
        let parts = Parts { headers, path: "", query: None, body: b"" };
        match packs.catalog.carried(&parts, &[]).foreign.first() {
            Some(foreign) => self.foreign(session, foreign),
            None => Error::new(Code::Denied, format!("the session has no credential for {host}"))
                .hint("an administrator adds one with `stint credential add NAME --provider PROVIDER --environment ENVIRONMENT`"),
        }
    }

    /// A credential that the session was not given: it goes no further.
    pub(in crate::app) fn foreign(&self, session: &LiveSession, foreign: &Foreign) -> Error {
        let fingerprint = self.0.vault.fingerprint(&foreign.value).unwrap_or_default();
        tracing::warn!(session = %session.row.id, kind = %foreign.kind, carrier = %foreign.carrier, fingerprint, "foreign credential refused");
        let registry = self.0.registry.load();
        let known = registry.fingerprints.get(&fingerprint);
        let known = known.map_or_else(String::new, |words| format!(": it is one that Stint keeps ({words})"));
        let facts = DecisionFacts {
            policies: vec!["guardrail.foreign-credential".to_owned()],
            environments: vec![session.row.environment.to_string()],
            ..DecisionFacts::default()
        };
        Error::new(
            Code::ForeignCredential,
            format!(
                "the {} carries a {} (fingerprint {fingerprint}){known}; it was not sent",
                foreign.carrier, foreign.kind
            ),
        )
        .hint("use the placeholder in the session's own environment variables; a key found elsewhere is not yours to use: tell your user where you found it")
        .decided(facts)
    }

    /// Permit and receipt open the credential; exactly one carrier holds it, chosen by the pack. `tail` is what follows
    /// after the beginning of a partial request.
    pub fn inject(
        &self,
        credential: &LiveCredential,
        intent: Intent,
        request: Request,
        tail: Option<Tail>,
    ) -> Result<Outgoing> {
        // INVARIANT: what was judged is what is sent, and nothing else.
        if request.partial != tail.is_some() {
            return Err(Error::internal("a body and what was judged of it do not belong together"));
        }
        let packs = self.packs();
        let carrier =
            packs.of(credential)?.manifest.carrier(packs.kind_of(credential)?, &request.host, &request.path);
        let injection = self
            .0
            .vault
            .open(intent.permit, intent.receipt, &credential.secret, &carrier)
            .map_err(Error::internal)?;
        let uri = format!("https://{}{}", request.host, request.target());
        let mut parts = http::Request::builder()
            .method(request.method)
            .uri(uri)
            .body(())
            .map_err(Error::internal)?
            .into_parts()
            .0;
        parts.headers = request.headers;
        let screen = injection.apply(&mut parts).map_err(Error::internal)?;
        let fault = Fault::default();
        let body: Body = match tail {
            None => Full::new(request.body).map_err(|never| match never {}).boxed_unsync(),
            Some(tail) => tail.after(request.body, fault.clone()),
        };
        Ok(Outgoing {
            request: http::Request::from_parts(parts, body),
            screen,
            credential: credential.row.id.clone(),
            upstream: credential.row.upstream.clone(),
            fault,
        })
    }

    /// Send it once. A failure says which provider, and nothing of the request.
    pub async fn forward(&self, outgoing: Outgoing) -> Result<Sent> {
        let Outgoing { request, screen, credential, upstream, fault } = outgoing;
        let host = request.uri().host().unwrap_or_default().to_owned();
        let response = self.0.upstream.send(&credential, &upstream, request).await;
        let response = response.map_err(|error| fault.take().unwrap_or_else(|| failed(&host, error)))?;
        Ok(Sent { response, screen })
    }
}

pub(in crate::app) fn placeholders(session: &LiveSession) -> Vec<Placeholder> {
    session.row.grants.iter().map(|grant| grant.placeholder.clone()).collect()
}

fn failed(host: &str, error: UpstreamError) -> Error {
    let code = match error.kind {
        UpstreamFailure::Refused => Code::UpstreamRefused,
        UpstreamFailure::Timeout => Code::UpstreamTimeout,
        UpstreamFailure::Connect | UpstreamFailure::Tls | UpstreamFailure::Protocol => Code::UpstreamFailed,
    };
    let failed = Error::new(code, format!("{host}: {}", error.detail));
    match error.kind {
        UpstreamFailure::Timeout | UpstreamFailure::Protocol => {
            failed.hint("the request may have had its effect: look before you send it again")
        }
        _ => failed,
    }
}
