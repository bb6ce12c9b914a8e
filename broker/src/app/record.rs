use serde_json::{Map, Value, json};

use super::{App, Result};
use crate::model::{Event, EventKind, RecordId, SessionId};

/// Facts of an event, built a line at a time. Callers put ids, digests, counts and parsed facts in, never a secret.
#[derive(Debug, Clone, Default)]
pub struct Facts(Map<String, Value>);

impl Facts {
    pub fn new() -> Self {
        Facts::default()
    }

    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    pub fn with_all<T: serde::Serialize>(mut self, name: &str, value: &T) -> Self {
        self.0.insert(name.to_owned(), json!(value));
        self
    }

    pub fn maybe(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

impl App {
    /// An event of now. `actor` is `person:…`, `agent:…`, `broker` or `unknown`.
    pub fn event(&self, kind: EventKind, actor: &str, session: Option<&SessionId>, facts: Facts) -> Result<Event> {
        Ok(Event {
            id: RecordId::from_uuid(self.uuid()?),
            at: self.0.clock.now(),
            kind,
            session: session.map(ToString::to_string),
            actor: actor.to_owned(),
            facts: facts.0,
        })
    }
}
