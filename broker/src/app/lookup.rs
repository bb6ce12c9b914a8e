//! The broker's own questions to a provider: read-only, from the pack's list, each with a permit and a record.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, header};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};

use super::{App, Facts, Intent, LiveCredential, Result};
use crate::model::{EventKind, Located, Pending, Request, Resource};
use crate::provider::{Freshness, Lookup, LookupError, LookupFailure, Survey};
use crate::store::Commit;

/// An answer to a look-up is never larger.
const LIMIT: usize = 4 * 1024 * 1024;

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
        let asking = Asking { app: self.clone(), credential: credential.clone() };
        let row = &credential.row;
        let packs = self.packs();
        let found = packs
            .resolver
            .resolve(&row.id, &row.provider, resources, freshness, self.0.clock.now(), &asking)
            .await;
        found.into_iter().map(|found| found.map_err(|unresolved| unresolved.reason)).collect()
    }

    /// Everything that a credential can see.
    pub(in crate::app) async fn survey(&self, credential: &Arc<LiveCredential>) -> Survey {
        let asking = Asking { app: self.clone(), credential: credential.clone() };
        let row = &credential.row;
        self.packs().resolver.survey(&row.id, &row.provider, self.0.clock.now(), &asking).await
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

    async fn ask_provider(
        &self,
        credential: &LiveCredential,
        name: &str,
        query: &str,
        variables: Value,
    ) -> Result<Value> {
        let packs = self.packs();
        let pack = packs.of(credential)?;
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("stint"));
        let request = Request {
            method: Method::POST,
            host: pack.manifest.hosts.first().cloned().unwrap_or_default(),
            path: pack.manifest.endpoints.first().cloned().unwrap_or_default(),
            query: None,
            headers,
            body: json!({ "query": query, "variables": variables }).to_string().into(),
            partial: false,
        };
        let mut digest = [0u8; 32];
        digest.copy_from_slice(request.digest().as_ref());
        let permit = self.0.policy.load().authorize_lookup(&credential.row.id, digest);
        let facts = Facts::new().with("credential", credential.row.name.as_str()).with("lookup", name);
        let event = self.event(EventKind::Lookup, "broker", None, facts)?;
        let id = event.id.to_string();
        let commit = Commit { changes: vec![], events: vec![event], digest: Some(digest) };
        let receipt = self.0.store.commit(commit).await?;
        let outgoing = self.inject(credential, Intent { id, permit, receipt }, request, None)?;
        let sent = self.forward(outgoing).await?;
        let status = sent.response.status();
        if status != http::StatusCode::OK {
            return Err(super::Error::new(
                stint_api::Code::UpstreamFailed,
                format!("the provider answered {}", status.as_u16()),
            ));
        }
        let body = Limited::new(sent.response.into_body(), LIMIT).collect().await;
        let body = body.map_err(|_| {
            super::Error::new(stint_api::Code::UpstreamFailed, "the answer broke off or is too large")
        })?;
        serde_json::from_slice(&body.to_bytes())
            .map_err(|_| super::Error::new(stint_api::Code::UpstreamFailed, "the answer is not JSON"))
    }
}

impl Lookup for Asking {
    fn graphql<'a>(
        &'a self,
        name: &'a str,
        query: &'a str,
        variables: Value,
    ) -> BoxFuture<'a, std::result::Result<Value, LookupError>> {
        Box::pin(async move {
            self.app.ask_provider(&self.credential, name, query, variables).await.map_err(|error| {
                let kind = match error.code {
                    stint_api::Code::UpstreamTimeout => LookupFailure::Timeout,
                    stint_api::Code::UpstreamRefused => LookupFailure::Refused,
                    _ => LookupFailure::Unavailable,
                };
                LookupError::new(kind, error.detail)
            })
        })
    }
}
