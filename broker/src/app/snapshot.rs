//! The provider's own backup of a thing, taken before a request goes on that a policy annotated `@snapshot` lets through.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use stint_api::Code;
use stint_jose::strict_json;

use super::lookup::post;
use super::{App, Authorized, Error, Facts, Intent, Judged, LiveCredential, LiveSession, Result};
use crate::catalog::snapshot::{Snapshot, State};
use crate::model::{EventKind, Resource};
use crate::store::Commit;

/// Things of one request that snapshots are taken of; more are refused.
const MOST: usize = 5;
/// Bytes of an answer, and how deep it nests.
const LIMIT: usize = 256 * 1024;
const DEPTH: usize = 32;
/// Between two looks whether it is complete; it doubles, up to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(8));

impl App {
    /// Take what the policy wants, wait until it is complete, and look again what the request touches: it goes on only for
    /// things as they were decided on. Every failure is a denial that says why.
    pub async fn snapshot_first(
        &self,
        session: &LiveSession,
        credential: &Arc<LiveCredential>,
        judged: &mut Judged,
        authorized: &Authorized,
    ) -> Result<()> {
        let Some(seconds) = authorized.snapshot else { return Ok(()) };
        let denied = |why: String| {
            Error::new(Code::Denied, format!("a snapshot comes first here, and {why}; nothing was sent"))
                .hint("a policy annotated @snapshot asks for it: tell your user")
                .decided(judged.facts(authorized.policies.clone()))
        };
        let mut things: Vec<&Resource> =
            judged.touches.iter().filter_map(|touch| touch.resource.as_ref()).collect();
        things.sort();
        things.dedup();
        if things.is_empty() || things.len() > MOST {
            return Err(denied(format!("this names {} things to take one of", things.len())));
        }
        let policy = self.0.policy.load_full();
        let packs = self.packs();
        let pack = packs.of(credential)?;
        let wait = Duration::from_secs(u64::from(seconds));
        for thing in things {
            let rule = pack.manifest.snapshot.iter().find(|rule| rule.kind == thing.kind);
            let rule =
                rule.ok_or_else(|| denied(format!("nothing says how one of a {} is taken", thing.kind)))?;
            let taken = self.take_snapshot(session, credential, rule, thing, authorized);
            match tokio::time::timeout(wait, taken).await {
                Ok(Ok(())) => {}
                Ok(Err(why)) => {
                    return Err(denied(format!("the one of {} {} failed: {why}", thing.kind, thing.id)));
                }
                Err(_) => {
                    let why =
                        format!("the one of {} {} was not complete within {seconds} s", thing.kind, thing.id);
                    return Err(denied(why));
                }
            }
        }
        // What was decided on may have moved meanwhile, and so may who is allowed what.
        self.live_session(&session.row.id).await?;
        if !Arc::ptr_eq(&policy, &self.0.policy.load_full()) {
            return Err(denied("the policies changed while it was taken".to_owned()));
        }
        let anew = self.resolve(credential, judged.understood()).await?;
        if anew.approval_digest(session, credential) != judged.approval_digest(session, credential) {
            return Err(denied("what the request touches changed while it was taken".to_owned()));
        }
        *judged = anew;
        Ok(())
    }

    /// In words why there is none.
    async fn take_snapshot(
        &self,
        session: &LiveSession,
        credential: &Arc<LiveCredential>,
        rule: &Snapshot,
        thing: &Resource,
        authorized: &Authorized,
    ) -> std::result::Result<(), String> {
        let told = |error: Error| error.detail;
        let event = |kind, facts| self.event(kind, "broker", Some(&session.row.id), facts).map_err(told);
        let facts = |job: Option<&str>| {
            Facts::new()
                .with("credential", credential.row.name.as_str())
                .with("kind", thing.kind.as_str())
                .with("resource", thing.id.as_str())
                .with_all("policies", &authorized.policies)
                .maybe("job", job)
        };
        let asked = event(EventKind::SnapshotAsked, facts(None))?;
        let take = rule.take(&thing.id, asked.id.as_str())?;
        let packs = self.packs();
        let request = post(&packs.of(credential).map_err(told)?.manifest, &take.target, take.body);
        let mut digest = [0u8; 32];
        digest.copy_from_slice(request.digest().as_ref());
        let permit = self.0.policy.load().authorize_snapshot(&authorized.permit, digest);
        let id = asked.id.to_string();
        let commit = Commit { changes: vec![], events: vec![asked], digest: Some(digest) };
        let receipt = self.0.store.commit(commit).await.map_err(|error| told(error.into()))?;
        let outgoing =
            self.inject(credential, Intent { id, permit, receipt }, request, None).map_err(told)?;
        let (head, body) = self.forward(outgoing).await.map_err(told)?.response.into_parts();
        if !head.status.is_success() {
            return Err(format!("the provider answered {}", head.status.as_u16()));
        }
        let body =
            Limited::new(body, LIMIT).collect().await.map_err(|_| "the answer broke off or is too large")?;
        let answer =
            strict_json::parse(&body.to_bytes(), DEPTH).map_err(|error| format!("the answer is {error}"))?;
        let job = rule.job(&answer)?;
        self.complete(credential, rule, &job, &thing.id, answer).await?;
        let done = event(EventKind::SnapshotCompleted, facts(Some(&job)))?;
        self.0.store.commit(Commit::event(done)).await.map_err(|error| told(error.into()))?;
        Ok(())
    }

    /// Look until it is complete; whoever calls says for how long at most.
    async fn complete(
        &self,
        credential: &LiveCredential,
        rule: &Snapshot,
        job: &str,
        thing: &str,
        mut answer: Value,
    ) -> std::result::Result<(), String> {
        let (mut pause, longest) = PAUSE;
        loop {
            match rule.state(&answer, job, thing)? {
                State::Done => return Ok(()),
                State::Going => {}
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
            let asked = self.ask_path(credential, "snapshot", None, &rule.look(job)?).await;
            answer = asked.map_err(|error| error.to_string())?.value;
        }
    }
}
