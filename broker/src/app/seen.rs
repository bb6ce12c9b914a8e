//! Requests of before, read back out of their records as policy would be asked about them now.

use std::collections::BTreeMap;

use serde_json::Value;
use stint_api::{ApprovalState, AuditRecord, Class, Code, TouchedResource};

use super::{App, Error, Result};
use crate::model::{
    ApprovalId, Mark, Name, RecordId, Resource, Selector, SessionId, SessionRow, Tier, Touch, Where,
    digest_hex,
};
use crate::policy::Asker;

/// Records around the moment of an id that are searched for it.
const AROUND: i64 = 500;

/// Environments of today.
pub(in crate::app) type Tiers = BTreeMap<Name, Tier>;

/// A request of before, as far as it was kept.
#[derive(Debug)]
pub(in crate::app) struct Seen {
    /// `record rec_…` or `approval apr_…`.
    pub(in crate::app) source: String,
    pub(in crate::app) asker: Asker,
    pub(in crate::app) credential: Name,
    pub(in crate::app) touches: Vec<Touch>,
    /// Whether it was allowed then.
    pub(in crate::app) allowed: bool,
}

impl Seen {
    /// The request of a record of the kinds `request_refused` and `request_decided`. `None` where it was refused before any
    /// policy was asked.
    pub(in crate::app) fn of_record(body: &Value, asker: Asker, tiers: &Tiers) -> Option<Self> {
        let facts = body.get("facts")?;
        let fact = |name: &str| facts.get(name).cloned().unwrap_or(Value::Null);
        let credential = Name::parse(facts.get("credential")?.as_str()?).ok()?;
        let class: Class = serde_json::from_value(fact("class")).ok()?;
        let resources: Vec<TouchedResource> = serde_json::from_value(fact("resources")).ok()?;
        let marks: Vec<Mark> = serde_json::from_value(fact("marks")).unwrap_or_default();
        let (provider, _) = resources.first()?.operation.split_once(':')?;
        let place = facts.get("place").and_then(Value::as_str);
        let touches = touches_of(tiers, provider, &resources, class, &marks, place);
        let id = body.get("id")?.as_str()?;
        let allowed = body.get("kind")?.as_str()? == "request_decided";
        Some(Seen { source: format!("record {id}"), asker, credential, touches, allowed })
    }
}

/// Who asked, as the session says.
pub(in crate::app) fn asker_of(row: SessionRow) -> Asker {
    Asker {
        agent: row.agent,
        subject: row.subject,
        environment: row.environment,
        tier: row.tier,
        confinement: row.confinement,
    }
}

impl App {
    pub(in crate::app) fn tiers(&self) -> Tiers {
        let registry = self.0.registry.load();
        registry.environments.values().map(|row| (row.name.clone(), row.tier)).collect()
    }

    pub(in crate::app) async fn seen_in_approval(&self, id: &str) -> Result<Seen> {
        let missing = || Error::not_found("approval", id.chars().take(80).collect::<String>().escape_debug());
        let id = ApprovalId::parse(id).map_err(|_| missing())?;
        let row = self.0.store.approval(&id).await?.ok_or_else(missing)?;
        let asker = self.asker(&row.session).await?;
        let pack = row.operations.first().and_then(|operation| operation.split_once(':'));
        let provider = pack.map(|(provider, _)| provider.to_owned()).unwrap_or_default();
        let touches = touches_of(&self.tiers(), &provider, &row.resources, row.class, &[], None);
        let allowed = row.state == ApprovalState::Used;
        Ok(Seen { source: format!("approval {id}"), asker, credential: row.credential, touches, allowed })
    }

    pub(in crate::app) async fn seen_in_record(&self, id: &str) -> Result<Seen> {
        let record = self.find_record(id).await?;
        let body = &record.body;
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let (kind, id) = (text(body.get("kind")), text(body.get("id")));
        if !matches!(kind.as_str(), "request_refused" | "request_decided") {
            return Err(Error::new(
                Code::InvalidInput,
                format!("record {id} is not about a request: {kind}"),
            )
            .hint("rules are made from records of the kinds request_refused and request_decided"));
        }
        let undecided = || {
            let why = text(body.pointer("/facts/code"));
            let why = if why.is_empty() { "nothing of it was understood".to_owned() } else { why };
            Error::new(
                Code::InvalidInput,
                format!("this request was refused before any policy was asked ({why}): no rule would help"),
            )
        };
        let session = SessionId::parse(&text(body.get("session"))).map_err(|_| undecided())?;
        let asker = self.asker(&session).await?;
        Seen::of_record(body, asker, &self.tiers()).ok_or_else(undecided)
    }

    async fn asker(&self, session: &SessionId) -> Result<Asker> {
        let row = self.0.store.session(session).await?.ok_or_else(|| Error::not_found("session", session))?;
        Ok(asker_of(row))
    }

    /// A record by its number or its id. Ids hold the moment they were made in, and the chain is in the order of time, but for
    /// those made in the same moments.
    async fn find_record(&self, text: &str) -> Result<AuditRecord> {
        let missing = || Error::not_found("record", text.chars().take(80).collect::<String>().escape_debug());
        let read = |row: crate::store::StoredRecord| {
            let body: Value = serde_json::from_slice(&row.body).map_err(Error::internal)?;
            Ok::<_, Error>(AuditRecord { seq: row.seq, hash: digest_hex(row.hash), body })
        };
        if let Ok(seq) = text.parse::<i64>() {
            let row = self.0.store.records_from(seq.max(1), 1).await?.into_iter().next();
            return read(row.filter(|row| row.seq == seq).ok_or_else(missing)?);
        }
        let id = RecordId::parse(text).map_err(|_| missing())?;
        let moment = moment(&id).ok_or_else(missing)?;
        let (mut low, mut high) = (1i64, self.0.store.head().await?.map_or(1, |(seq, _)| seq));
        while low < high {
            let middle = low + (high - low) / 2;
            let row = self.0.store.records_from(middle, 1).await?.into_iter().next();
            let at = match row {
                Some(row) => made_at(&read(row)?.body).unwrap_or(i64::MAX),
                None => i64::MAX,
            };
            if at < moment { low = middle + 1 } else { high = middle }
        }
        for row in self.0.store.records_from((low - AROUND).max(1), 2 * AROUND).await? {
            let record = read(row)?;
            if record.body.get("id").and_then(Value::as_str) == Some(id.as_str()) {
                return Ok(record);
            }
        }
        Err(missing())
    }
}

/// What was touched, as policy would be asked about it now: environments by their names of today.
fn touches_of(
    tiers: &Tiers,
    provider: &str,
    resources: &[TouchedResource],
    class: Class,
    marks: &[Mark],
    place: Option<&str>,
) -> Vec<Touch> {
    let mut touches = Vec::new();
    for resource in resources {
        let touch = |place: Where| Touch {
            operation: resource.operation.clone(),
            provider: provider.to_owned(),
            class,
            marks: marks.iter().copied().collect(),
            resource: (!resource.kind.is_empty()).then(|| Resource::new(&resource.kind, &resource.id)),
            name: resource.name.clone(),
            place,
            consequences: vec![],
        };
        if resource.environments.is_empty() {
            touches.push(touch(match place {
                _ if !resource.kind.is_empty() => Where::Unresolved("it was not found".to_owned()),
                Some("account") => Where::Account,
                Some("shared") => Where::Shared,
                _ if class == Class::Read => Where::Shared,
                _ => Where::Account,
            }));
        }
        for environment in &resource.environments {
            let named = Name::parse(environment).ok();
            let named = named.and_then(|name| tiers.get(&name).map(|tier| (name, *tier)));
            touches.push(touch(match named {
                Some((name, tier)) => Where::Environment { name, tier },
                None => Where::Unmapped(
                    Selector::parse(environment)
                        .unwrap_or_else(|_| Selector::new(provider, "environment", environment)),
                ),
            }));
        }
    }
    touches
}

/// Milliseconds in the first 48 bits of a UUID of version 7 (RFC 9562 s5.7).
fn moment(id: &RecordId) -> Option<i64> {
    i64::from_str_radix(id.as_str().strip_prefix(RecordId::PREFIX)?.get(..12)?, 16).ok()
}

fn made_at(body: &Value) -> Option<i64> {
    moment(&RecordId::parse(body["id"].as_str()?).ok()?)
}
