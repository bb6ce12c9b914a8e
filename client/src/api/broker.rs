use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use stint_api::{
    Activity, AddAgent, AddChannel, AddCredential, AddEnvironment, AddSelector, AddVersion, AddedChannel,
    Agent, AgentDetail, AgentList, AlertList, Approval, ApprovalList, ApprovalState, Approve, AskEffect,
    AuditPage, Chain, ChangeTier, ChangedTier, Channel, ChannelList, CheckPolicy, Class, ConsoleLink,
    Credential, CredentialCheck, CredentialDetail, CredentialList, DecidePolicy, Deny, EditAgent, Elevated,
    EndSessions, EndedLogin, EndedSessions, Environment, EnvironmentDetail, EnvironmentList, Inventory,
    OperationPage, Policy, PolicyCheck, PolicyDiff, PolicyEffect, PolicyList, PolicyReach, PolicyVersion,
    PolicyVersionList, ProposedRule, ProviderList, Reading, ReloadedPacks, RemovedAgent, RemovedEnvironment,
    RestorePolicy, SavePolicy, SeeAlerts, Session, SessionList, Setup, SetupDone, StartSession,
    StartedSession, Status, Verification, Verify, WhoAmI,
};

use super::{Error, Holder, Transport, holder};

/// Typed calls to `/v1` as one holder.
#[derive(Debug)]
pub struct Broker {
    /// No slash at its end.
    base: String,
    holder: Holder,
}

/// What a path segment may hold as it is (RFC 3986 s3.3, unreserved only).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `POST /v1/setup`: the one call that needs no token but the setup token.
pub async fn setup(transport: &Transport, base: &str, setup: &Setup) -> Result<SetupDone, Error> {
    let url = format!("{base}/v1/setup");
    let body = serde_json::to_vec(setup).map_err(|error| Error::protocol(format!("the request: {error}")))?;
    let request = Request::post(&url)
        .header(CONTENT_TYPE, "application/json")
        .body(Bytes::from(body))
        .map_err(|error| Error::protocol(format!("{url}: {error}")))?;
    holder::read(&transport.exchange(request, Duration::ZERO).await?)
}

impl Broker {
    pub fn new(base: impl Into<String>, holder: Holder) -> Self {
        Broker { base: base.into(), holder }
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    pub async fn whoami(&self) -> Result<WhoAmI, Error> {
        self.read("/v1/whoami").await
    }

    /// Forgets the login that asks.
    pub async fn logout(&self) -> Result<EndedLogin, Error> {
        self.write(Method::POST, "/v1/logout", &NOTHING).await
    }

    /// Where the console is, with a way in for who has none yet.
    pub async fn console_link(&self) -> Result<ConsoleLink, Error> {
        self.write(Method::POST, "/v1/console-link", &NOTHING).await
    }

    /// No longer lets a login administer.
    pub async fn lower_login(&self, client_id: &str) -> Result<Elevated, Error> {
        self.write(Method::POST, &format!("/v1/logins/{}/lower", segment(client_id)), &NOTHING).await
    }

    pub async fn status(&self) -> Result<Status, Error> {
        self.read("/v1/status").await
    }

    pub async fn environments(&self) -> Result<EnvironmentList, Error> {
        self.read("/v1/environments").await
    }

    pub async fn add_environment(&self, add: &AddEnvironment) -> Result<Environment, Error> {
        self.write(Method::POST, "/v1/environments", add).await
    }

    pub async fn map_selector(&self, environment: &str, add: &AddSelector) -> Result<Environment, Error> {
        self.write(Method::POST, &format!("/v1/environments/{}/selectors", segment(environment)), add).await
    }

    pub async fn unmap_selector(
        &self,
        environment: &str,
        remove: &AddSelector,
    ) -> Result<Environment, Error> {
        self.write(Method::DELETE, &format!("/v1/environments/{}/selectors", segment(environment)), remove)
            .await
    }

    pub async fn environment(&self, name: &str) -> Result<EnvironmentDetail, Error> {
        self.read(&format!("/v1/environments/{}", segment(name))).await
    }

    pub async fn change_tier(&self, name: &str, change: &ChangeTier) -> Result<ChangedTier, Error> {
        self.write(Method::PATCH, &format!("/v1/environments/{}", segment(name)), change).await
    }

    pub async fn remove_environment(&self, name: &str) -> Result<RemovedEnvironment, Error> {
        self.write(Method::DELETE, &format!("/v1/environments/{}", segment(name)), &NOTHING).await
    }

    pub async fn providers(&self) -> Result<ProviderList, Error> {
        self.read("/v1/providers").await
    }

    /// Have the folder of packs read anew.
    pub async fn reload_packs(&self) -> Result<ReloadedPacks, Error> {
        self.write(Method::POST, "/v1/providers/reload", &NOTHING).await
    }

    /// A page of a provider's operations.
    pub async fn operations(
        &self,
        provider: &str,
        words: &str,
        class: Option<Class>,
        after: Option<&str>,
    ) -> Result<OperationPage, Error> {
        let mut query = format!("q={}", segment(words));
        if let Some(class) = class {
            query.push_str(&format!("&class={class}"));
        }
        if let Some(after) = after {
            query.push_str(&format!("&after={}", segment(after)));
        }
        self.read(&format!("/v1/providers/{}/operations?{query}", segment(provider))).await
    }

    /// What providers were last seen to hold.
    pub async fn inventory(&self) -> Result<Inventory, Error> {
        self.read("/v1/inventory").await
    }

    /// The same, after asking them.
    pub async fn read_inventory(&self) -> Result<Inventory, Error> {
        self.write(Method::POST, "/v1/inventory", &NOTHING).await
    }

    pub async fn credential(&self, name: &str) -> Result<CredentialDetail, Error> {
        self.read(&format!("/v1/credentials/{}", segment(name))).await
    }

    /// What the provider says of it now.
    pub async fn check_credential(&self, name: &str) -> Result<CredentialCheck, Error> {
        self.write(Method::POST, &format!("/v1/credentials/{}/check", segment(name)), &NOTHING).await
    }

    /// What it sees now, and what each thing looks like.
    pub async fn discover(&self, name: &str) -> Result<Reading, Error> {
        self.write(Method::POST, &format!("/v1/credentials/{}/discovery", segment(name)), &NOTHING).await
    }

    pub async fn credentials(&self) -> Result<CredentialList, Error> {
        self.read("/v1/credentials").await
    }

    pub async fn add_credential(&self, add: &AddCredential) -> Result<Credential, Error> {
        self.write(Method::POST, "/v1/credentials", add).await
    }

    pub async fn rotate_credential(&self, name: &str, add: &AddVersion) -> Result<Credential, Error> {
        self.write(Method::POST, &format!("/v1/credentials/{}/versions", segment(name)), add).await
    }

    pub async fn keep_credential(&self, name: &str) -> Result<Credential, Error> {
        self.write(Method::POST, &format!("/v1/credentials/{}/keep", segment(name)), &NOTHING).await
    }

    pub async fn revoke_credential(&self, name: &str) -> Result<Credential, Error> {
        self.write(Method::POST, &format!("/v1/credentials/{}/revoke", segment(name)), &NOTHING).await
    }

    pub async fn agents(&self) -> Result<AgentList, Error> {
        self.read("/v1/agents").await
    }

    pub async fn add_agent(&self, add: &AddAgent) -> Result<Agent, Error> {
        self.write(Method::POST, "/v1/agents", add).await
    }

    pub async fn channels(&self) -> Result<ChannelList, Error> {
        self.read("/v1/channels").await
    }

    pub async fn add_channel(&self, add: &AddChannel) -> Result<AddedChannel, Error> {
        self.write(Method::POST, "/v1/channels", add).await
    }

    pub async fn try_channel(&self, name: &str) -> Result<Channel, Error> {
        self.write(Method::POST, &format!("/v1/channels/{}/try", segment(name)), &NOTHING).await
    }

    pub async fn remove_channel(&self, name: &str) -> Result<ChannelList, Error> {
        self.write(Method::DELETE, &format!("/v1/channels/{}", segment(name)), &NOTHING).await
    }

    pub async fn agent(&self, name: &str) -> Result<AgentDetail, Error> {
        self.read(&format!("/v1/agents/{}", segment(name))).await
    }

    pub async fn edit_agent(&self, name: &str, edit: &EditAgent) -> Result<Agent, Error> {
        self.write(Method::PATCH, &format!("/v1/agents/{}", segment(name)), edit).await
    }

    pub async fn remove_agent(&self, name: &str) -> Result<RemovedAgent, Error> {
        self.write(Method::DELETE, &format!("/v1/agents/{}", segment(name)), &NOTHING).await
    }

    /// Live sessions, or with `all` the ended ones too.
    /// With a limit or a filter they are everybody's, for those who see them; else the caller's own for those who see no
    /// others. `filter` is of names that `GET /v1/sessions` knows.
    pub async fn sessions(
        &self,
        all: bool,
        limit: Option<u16>,
        filter: &[(&str, String)],
    ) -> Result<SessionList, Error> {
        let mut path = format!("/v1/sessions?all={all}");
        if let Some(limit) = limit {
            path.push_str(&format!("&limit={limit}"));
        }
        for (name, value) in filter {
            path.push_str(&format!("&{name}={}", segment(value)));
        }
        self.read(&path).await
    }

    pub async fn session(&self, id: &str) -> Result<Session, Error> {
        self.read(&format!("/v1/sessions/{}", segment(id))).await
    }

    pub async fn start_session(&self, start: &StartSession) -> Result<StartedSession, Error> {
        self.write(Method::POST, "/v1/sessions", start).await
    }

    pub async fn end_session(&self, id: &str, end: &EndSessions) -> Result<EndedSessions, Error> {
        self.write(Method::POST, &format!("/v1/sessions/{}/end", segment(id)), end).await
    }

    /// The kill switch.
    pub async fn end_all_sessions(&self, end: &EndSessions) -> Result<EndedSessions, Error> {
        self.write(Method::POST, "/v1/sessions/end-all", end).await
    }

    pub async fn approvals(&self, state: Option<ApprovalState>) -> Result<ApprovalList, Error> {
        match state {
            Some(state) => self.read(&format!("/v1/approvals?state={}", state_word(state))).await,
            None => self.read("/v1/approvals").await,
        }
    }

    /// One approval; with `wait` the broker answers when it is decided or that much time has gone by.
    pub async fn approval(&self, id: &str, wait: Option<Duration>) -> Result<Approval, Error> {
        let path = format!("/v1/approvals/{}", segment(id));
        match wait {
            Some(wait) => {
                let url = format!("{}{path}?wait={}", self.base, wait.as_secs());
                self.holder.call(Method::GET, &url, NO_BODY, wait).await
            }
            None => self.read(&path).await,
        }
    }

    pub async fn approve(&self, id: &str, approve: &Approve) -> Result<Approval, Error> {
        self.write(Method::POST, &format!("/v1/approvals/{}/approve", segment(id)), approve).await
    }

    pub async fn deny(&self, id: &str, deny: &Deny) -> Result<Approval, Error> {
        self.write(Method::POST, &format!("/v1/approvals/{}/deny", segment(id)), deny).await
    }

    /// The same no to all that wait of the same agent, operations and environment.
    pub async fn deny_alike(&self, id: &str, deny: &Deny) -> Result<ApprovalList, Error> {
        self.write(Method::POST, &format!("/v1/approvals/{}/deny-alike", segment(id)), deny).await
    }

    pub async fn alerts(&self) -> Result<AlertList, Error> {
        self.read("/v1/alerts").await
    }

    pub async fn see_alerts(&self, until: i64) -> Result<AlertList, Error> {
        self.write(Method::POST, "/v1/alerts/seen", &SeeAlerts { until }).await
    }

    pub async fn policies(&self) -> Result<PolicyList, Error> {
        self.read("/v1/policies").await
    }

    pub async fn policy(&self, name: &str) -> Result<Policy, Error> {
        self.read(&format!("/v1/policies/{}", segment(name))).await
    }

    pub async fn validate_policy(&self, check: &CheckPolicy) -> Result<PolicyCheck, Error> {
        self.write(Method::POST, "/v1/policies/validate", check).await
    }

    pub async fn policy_reach(
        &self,
        agent: Option<&str>,
        session: Option<&str>,
    ) -> Result<PolicyReach, Error> {
        let given = [("agent", agent), ("session", session)];
        let given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let query: Vec<String> = given.map(|(name, value)| format!("{name}={}", segment(value))).collect();
        self.read(&format!("/v1/policies/reach?{}", query.join("&"))).await
    }

    pub async fn policy_effect(&self, ask: &AskEffect) -> Result<PolicyEffect, Error> {
        self.write(Method::POST, "/v1/policies/effect", ask).await
    }

    pub async fn save_policy(&self, name: &str, save: &SavePolicy) -> Result<PolicyVersion, Error> {
        self.write(Method::POST, &format!("/v1/policies/{}", segment(name)), save).await
    }

    pub async fn propose_policy(&self, name: &str, save: &SavePolicy) -> Result<PolicyVersion, Error> {
        self.write(Method::POST, &format!("/v1/policies/{}/propose", segment(name)), save).await
    }

    pub async fn confirm_policy(&self, name: &str, decide: &DecidePolicy) -> Result<PolicyVersion, Error> {
        self.write(Method::POST, &format!("/v1/policies/{}/confirm", segment(name)), decide).await
    }

    pub async fn withdraw_policy(&self, name: &str, decide: &DecidePolicy) -> Result<PolicyVersion, Error> {
        self.write(Method::POST, &format!("/v1/policies/{}/withdraw", segment(name)), decide).await
    }

    pub async fn restore_policy(&self, name: &str, restore: &RestorePolicy) -> Result<PolicyVersion, Error> {
        self.write(Method::POST, &format!("/v1/policies/{}/restore", segment(name)), restore).await
    }

    pub async fn policy_versions(&self, name: &str) -> Result<PolicyVersionList, Error> {
        self.read(&format!("/v1/policies/{}/versions", segment(name))).await
    }

    pub async fn policy_diff(&self, name: &str, from: i64, to: i64) -> Result<PolicyDiff, Error> {
        self.read(&format!("/v1/policies/{}/diff?from={from}&to={to}", segment(name))).await
    }

    /// A rule about the request of a `record` or an `approval`.
    pub async fn rule(&self, kind: &str, id: &str, effect: Option<&str>) -> Result<ProposedRule, Error> {
        let effect = effect.map(|effect| format!("&effect={}", segment(effect))).unwrap_or_default();
        self.read(&format!("/v1/rules?{kind}={}{effect}", segment(id))).await
    }

    /// Newest first. `query` is `limit=N&before=SEQ&...`, already encoded.
    pub async fn audit(&self, query: &str) -> Result<AuditPage, Error> {
        self.read(&format!("/v1/audit?{query}")).await
    }

    /// The newest `last` records of the chain, verified by the broker.
    pub async fn verify_audit(&self, last: Option<i64>) -> Result<Verification, Error> {
        self.write(Method::POST, "/v1/audit/verify", &Verify { last }).await
    }

    pub async fn audit_chain(&self) -> Result<Chain, Error> {
        self.read("/v1/audit/chain").await
    }

    /// The whole chain as lines, as they come.
    pub async fn export_audit(&self) -> Result<Response<Incoming>, Error> {
        self.holder.download(Method::POST, &format!("{}/v1/audit/export", self.base)).await
    }

    /// `range` is `1h`, `24h`, `7d` or `30d`.
    pub async fn activity(&self, range: &str) -> Result<Activity, Error> {
        self.read(&format!("/v1/activity?range={}", segment(range))).await
    }

    /// The server's time as its `Date` header gives it, without authentication.
    pub async fn server_time(
        transport: &Transport,
        base: &str,
    ) -> Result<Option<chrono::DateTime<chrono::Utc>>, Error> {
        let url = format!("{base}/healthz");
        let request = Request::get(&url)
            .body(Bytes::new())
            .map_err(|error| Error::protocol(format!("{url}: {error}")))?;
        let answer = transport.exchange(request, Duration::ZERO).await?;
        let date = answer.headers().get(http::header::DATE).and_then(|value| value.to_str().ok());
        let date = date.and_then(|text| chrono::DateTime::parse_from_rfc2822(text).ok());
        Ok(date.map(|date| date.to_utc()))
    }

    pub(super) async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.holder.call(Method::GET, &format!("{}{path}", self.base), NO_BODY, Duration::ZERO).await
    }

    pub(super) async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        self.holder.call(method, &format!("{}{path}", self.base), Some(body), Duration::ZERO).await
    }
}

const NO_BODY: Option<&Nothing> = None;
pub(super) const NOTHING: Nothing = Nothing {};

/// The empty object.
#[derive(Debug, Serialize)]
pub(super) struct Nothing {}

pub(super) fn segment(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, SEGMENT)
}

fn state_word(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Waiting => "waiting",
        ApprovalState::Approved => "approved",
        ApprovalState::Denied => "denied",
        ApprovalState::Used => "used",
        ApprovalState::Expired => "expired",
    }
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn a_name_cannot_climb_out_of_its_path() {
        assert_eq!(segment("../end-all").to_string(), "..%2Fend-all");
        assert_eq!(segment("a?b#c").to_string(), "a%3Fb%23c");
        assert_eq!(segment("01890a5d-ac96").to_string(), "01890a5d-ac96");
    }
}
