use chrono::{DateTime, Utc};

use super::backend::{Connection, all, changed, execute, from_json, json, parse, row, time};
use super::error::Fault;
use super::{Change, Commit, CommitError, Error, Store, sql};
use crate::model::{ChannelId, ChannelRow, DeliveryId, DeliveryRow, Sealed};

impl Store {
    /// In the order of their names.
    pub async fn channels(&self) -> Result<Vec<ChannelRow>, Error> {
        let rows: Vec<Channel> = all!(self, sql::CHANNELS)?;
        rows.into_iter().map(Channel::parse).collect()
    }

    /// The newest of a channel, newest first.
    pub async fn deliveries(&self, channel: &ChannelId, limit: i64) -> Result<Vec<DeliveryRow>, Error> {
        let rows: Vec<Delivery> = all!(self, sql::DELIVERIES, channel.as_str(), limit)?;
        rows.into_iter().map(Delivery::parse).collect()
    }

    /// Those whose time has come, oldest first.
    pub async fn due(&self, now: DateTime<Utc>, limit: i64) -> Result<Vec<DeliveryRow>, Error> {
        let rows: Vec<Delivery> = all!(self, sql::DELIVERIES_DUE, now.timestamp_millis(), limit)?;
        rows.into_iter().map(Delivery::parse).collect()
    }

    /// Takes one that is due, until `until`: of several replicas one wins, and what a dead one took comes back. It is no
    /// event: what becomes of the delivery is.
    pub async fn take_delivery(&self, row: &DeliveryRow, until: DateTime<Utc>) -> Result<(), CommitError> {
        let change = Change::TakeDelivery { id: row.id.clone(), attempts: row.attempts, until };
        self.0.queue.ask(Commit { changes: vec![change], events: Vec::new(), digest: None }).await.map(|_| ())
    }
}

pub(super) async fn add(c: &mut Connection, row: &ChannelRow) -> Result<(), Fault> {
    let topics = json(&row.topics)?;
    let added = execute!(
        c,
        sql::ADD_CHANNEL,
        row.id.as_str(),
        row.name.as_str(),
        &row.kind,
        &row.place,
        &topics,
        &row.sealed.kek,
        &row.sealed.wrapped_key,
        &row.sealed.ciphertext,
        row.created_at.timestamp_millis(),
    );
    changed(added?, "channel")
}

pub(super) async fn remove(c: &mut Connection, id: &ChannelId) -> Result<(), Fault> {
    execute!(c, sql::REMOVE_DELIVERIES, id.as_str())?;
    changed(execute!(c, sql::REMOVE_CHANNEL, id.as_str())?, "channel")
}

pub(super) async fn add_delivery(c: &mut Connection, row: &DeliveryRow) -> Result<(), Fault> {
    let added = execute!(
        c,
        sql::ADD_DELIVERY,
        row.id.as_str(),
        row.channel.as_str(),
        &row.notice,
        row.next_at.map(|at| at.timestamp_millis()),
        row.created_at.timestamp_millis(),
    );
    changed(added?, "delivery")
}

pub(super) async fn take(
    c: &mut Connection,
    id: &DeliveryId,
    attempts: i64,
    until: DateTime<Utc>,
) -> Result<(), Fault> {
    changed(execute!(c, sql::TAKE_DELIVERY, id.as_str(), attempts, until.timestamp_millis())?, "delivery")
}

pub(super) async fn settle(
    c: &mut Connection,
    id: &DeliveryId,
    next: Option<DateTime<Utc>>,
    at: DateTime<Utc>,
    error: Option<&str>,
) -> Result<(), Fault> {
    let next = next.map(|at| at.timestamp_millis());
    let done = next.is_none().then(|| at.timestamp_millis());
    changed(execute!(c, sql::SETTLE_DELIVERY, id.as_str(), next, done, error)?, "delivery")
}

row! {
    struct Channel {
        channel: String,
        name: String,
        kind: String,
        place: String,
        topics: String,
        kek: String,
        wrapped_key: Vec<u8>,
        ciphertext: Vec<u8>,
        created_at: i64,
    }
}

impl Channel {
    fn parse(self) -> Result<ChannelRow, Error> {
        Ok(ChannelRow {
            id: parse(&self.channel, "channels.channel")?,
            name: parse(&self.name, "channels.name")?,
            kind: self.kind,
            place: self.place,
            topics: from_json(&self.topics, "channels.topics")?,
            sealed: Sealed { kek: self.kek, wrapped_key: self.wrapped_key, ciphertext: self.ciphertext },
            created_at: time(self.created_at)?,
        })
    }
}

row! {
    struct Delivery {
        delivery: String,
        channel: String,
        notice: String,
        attempts: i64,
        next_at: Option<i64>,
        created_at: i64,
        done_at: Option<i64>,
        error: Option<String>,
    }
}

impl Delivery {
    fn parse(self) -> Result<DeliveryRow, Error> {
        Ok(DeliveryRow {
            id: parse(&self.delivery, "deliveries.delivery")?,
            channel: parse(&self.channel, "deliveries.channel")?,
            notice: self.notice,
            attempts: self.attempts,
            next_at: self.next_at.map(time).transpose()?,
            created_at: time(self.created_at)?,
            done_at: self.done_at.map(time).transpose()?,
            error: self.error,
        })
    }
}
