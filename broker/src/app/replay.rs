//! Requests of the audit, decided again by other policies.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde_json::Value;
use stint_api::{Class, Replay, ReplayDifference, RuleDecision};

use super::seen::{Seen, Tiers, asker_of};
use super::{Error, Result};
use crate::model::{SessionId, Where};
use crate::policy::{Asker, PolicySet, decided};
use crate::store::{Search, Store};

/// Records that are looked at.
const MOST: usize = 50_000;
const PAGE: i64 = 500;
/// Differences that are told.
const TOLD: usize = 200;

/// What is decided again, and against which environments.
#[derive(Debug)]
pub struct Replaying<'a> {
    pub(in crate::app) store: &'a Store,
    pub(in crate::app) tiers: Tiers,
    pub(in crate::app) since: DateTime<Utc>,
}

/// What is the same of requests that differ in the same way.
type Alike = (String, String, Vec<String>, Class, Vec<String>, (String, Vec<String>), (String, Vec<String>));

impl Replaying<'_> {
    /// Every request since then that a policy was asked about, decided by both sets. Approvals are not counted in: what is
    /// told is what stands without them.
    pub async fn run(&self, now: &PolicySet, then: &PolicySet) -> Result<Replay> {
        let mut replay =
            Replay { since: self.since, requests: 0, skipped: 0, cut: false, differences: Vec::new() };
        let mut askers: HashMap<String, Option<Asker>> = HashMap::new();
        let mut differ: BTreeMap<Alike, (u64, String)> = BTreeMap::new();
        let mut under = Some(i64::MAX);
        let mut looked = 0;
        while let Some(before) = under {
            if looked >= MOST {
                replay.cut = true;
                break;
            }
            let found = self.store.find(self.search(before)).await?;
            for record in found.records {
                looked += 1;
                let body: Value = serde_json::from_slice(&record.body).map_err(Error::internal)?;
                let kind = body.get("kind").and_then(Value::as_str);
                if !matches!(kind, Some("request_decided" | "request_refused")) {
                    continue;
                }
                match self.seen(&body, &mut askers).await? {
                    Some((seen, id)) => {
                        replay.requests += 1;
                        compare(now, then, &seen, id, &mut differ);
                    }
                    None => replay.skipped += 1,
                }
            }
            under = found.next;
        }
        let mut differences: Vec<ReplayDifference> = differ.into_iter().map(told).collect();
        differences.sort_by_key(|difference| std::cmp::Reverse(difference.requests));
        differences.truncate(TOLD);
        replay.differences = differences;
        Ok(replay)
    }

    fn search(&self, under: i64) -> Search {
        Search { facts: vec![], over: 0, under, from: Some(self.since), to: None, on: false, limit: PAGE }
    }

    async fn seen(
        &self,
        body: &Value,
        askers: &mut HashMap<String, Option<Asker>>,
    ) -> Result<Option<(Seen, String)>> {
        let Some(session) = body.get("session").and_then(Value::as_str) else { return Ok(None) };
        if !askers.contains_key(session) {
            let asker = match SessionId::parse(session) {
                Ok(id) => self.store.session(&id).await?.map(asker_of),
                Err(_) => None,
            };
            askers.insert(session.to_owned(), asker);
        }
        let Some(asker) = askers.get(session).cloned().flatten() else { return Ok(None) };
        let id = body.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Seen::of_record(body, asker, &self.tiers).map(|seen| (seen, id)))
    }
}

fn compare(
    now: &PolicySet,
    then: &PolicySet,
    seen: &Seen,
    record: String,
    differ: &mut BTreeMap<Alike, (u64, String)>,
) {
    let decide = |set: &PolicySet| {
        let (decision, policies) = decided(set, &seen.asker, &seen.credential, &seen.touches);
        (decision.to_owned(), policies)
    };
    let (before, after) = (decide(now), decide(then));
    if before.0 == after.0 {
        return;
    }
    let mut operations: Vec<String> = seen.touches.iter().map(|touch| touch.operation.clone()).collect();
    operations.sort();
    operations.dedup();
    let mut places: Vec<String> = seen.touches.iter().map(|touch| place(&touch.place)).collect();
    places.sort();
    places.dedup();
    let class = seen.touches.iter().map(|touch| touch.class).max().unwrap_or(Class::Unknown);
    let (agent, session) = (seen.asker.agent.to_string(), seen.asker.environment.to_string());
    // The newest come first, so the first is the one that is told.
    let found = differ.entry((agent, session, operations, class, places, before, after));
    found.or_insert((0, record)).0 += 1;
}

fn place(place: &Where) -> String {
    match place {
        Where::Environment { name, .. } => name.to_string(),
        Where::Unmapped(selector) => format!("unmapped: {selector}"),
        Where::Unresolved(_) => "unresolved".to_owned(),
        Where::Shared => "shared".to_owned(),
        Where::Account => "account".to_owned(),
    }
}

fn told((alike, (requests, record)): (Alike, (u64, String))) -> ReplayDifference {
    let (agent, session, operations, class, places, before, after) = alike;
    let decision = |(decision, policies)| RuleDecision { decision, policies };
    let (before, after) = (decision(before), decision(after));
    ReplayDifference { agent, session, operations, class, places, before, after, requests, record }
}
