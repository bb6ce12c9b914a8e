//! The world: records by kind, what belongs to what, and who may come in.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// One thing: its fields as the API shows them. What it belongs to is in fields that end in `Id`.
pub type Record = Map<String, Value>;

/// Everything the provider holds. A clone is a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    tables: BTreeMap<String, Vec<Record>>,
    tokens: Vec<(String, Viewer)>,
    serial: u64,
    /// The most that one page holds, whatever is asked for: small, so that paging is exercised.
    pub page_cap: usize,
    pub deletes: Deletes,
}

/// Whom a token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// `Authorization: Bearer`: everything that the user can do.
    Account { user: String },
    /// `Authorization: Bearer`: one workspace.
    Workspace { workspace: String },
    /// `Project-Access-Token`: one environment of one project. `token` is the id of the `ProjectToken`.
    Project { token: String, project: String, environment: String },
}

/// What deleting a volume does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletes {
    /// As the API did in April 2026.
    AtOnce,
    /// As documented since: marked, and gone after 48 hours that nobody waits for here.
    Pending,
}

/// A volume as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Volume {
    pub id: String,
    pub name: String,
    pub project: String,
    pub instances: Vec<VolumeInstance>,
}

/// A volume's data in one environment.
#[derive(Debug, Clone, PartialEq)]
pub struct VolumeInstance {
    pub id: String,
    pub environment: String,
    pub environment_name: String,
    pub megabytes: f64,
    pub pending_deletion: bool,
    /// Names of the backups that live in it.
    pub backups: Vec<String>,
}

impl World {
    pub(crate) fn empty() -> Self {
        World {
            tables: BTreeMap::new(),
            tokens: Vec::new(),
            serial: 0,
            page_cap: 5,
            deletes: Deletes::AtOnce,
        }
    }

    /// The volume, unless it is gone.
    pub fn volume(&self, id: &str) -> Option<Volume> {
        let record = self.find("Volume", id)?;
        let instances = self.list("VolumeInstance", "volumeId", id);
        Some(Volume {
            id: id.to_owned(),
            name: text(record, "name").to_owned(),
            project: text(record, "projectId").to_owned(),
            instances: instances.into_iter().map(|instance| self.volume_instance(instance)).collect(),
        })
    }

    /// All backups in all environments that live in the volume.
    pub fn backups(&self, volume: &str) -> usize {
        self.volume(volume).map_or(0, |volume| volume.instances.iter().map(|i| i.backups.len()).sum())
    }

    /// Whether the thing is there: `exists("Service", id)`.
    pub fn exists(&self, kind: &str, id: &str) -> bool {
        self.find(kind, id).is_some()
    }

    /// Give a thing another name, as whoever owns it at the provider can.
    pub fn rename(&mut self, kind: &str, id: &str, name: &str) {
        self.set(kind, id, "name", name.into());
    }

    pub fn variable(&self, environment: &str, service: Option<&str>, name: &str) -> Option<String> {
        self.variable_record(environment, service, name).map(|record| text(record, "value").to_owned())
    }

    /// `service` is `None` for a variable that the environment's services share.
    pub fn set_variable(&mut self, environment: &str, service: Option<&str>, name: &str, value: &str) {
        if let Some(id) = self.variable_record(environment, service, name).map(|r| text(r, "id").to_owned()) {
            self.set("Variable", &id, "value", value.into());
            return;
        }
        let mut record = record(&[("environmentId", environment), ("name", name), ("value", value)]);
        record.insert("serviceId".to_owned(), service.map_or(Value::Null, Value::from));
        self.add("Variable", record);
    }

    /// Let `token` in. A token that is there already changes whom it stands for.
    pub fn admit(&mut self, token: &str, viewer: Viewer) {
        self.tokens.retain(|(known, _)| known != token);
        self.tokens.push((token.to_owned(), viewer));
    }

    /// Let the token in no more.
    pub fn revoke(&mut self, token: &str) {
        self.tokens.retain(|(known, _)| known != token);
    }

    /// How many tokens are let in.
    pub fn tokens(&self) -> usize {
        self.tokens.len()
    }

    pub(crate) fn viewer(&self, token: &str) -> Option<&Viewer> {
        self.tokens.iter().find(|(known, _)| known == token).map(|(_, viewer)| viewer)
    }

    /// Add a thing; it gets an id and times where it has none. Answers with the id.
    pub(crate) fn add(&mut self, kind: &str, mut record: Record) -> String {
        self.serial += 1;
        let id = match record.get("id").and_then(Value::as_str) {
            Some(id) => id.to_owned(),
            None => self.fresh(),
        };
        let now = self.now();
        record.insert("id".to_owned(), id.clone().into());
        record.entry("createdAt").or_insert_with(|| now.clone().into());
        record.entry("updatedAt").or_insert_with(|| now.into());
        self.tables.entry(kind.to_owned()).or_default().push(record);
        id
    }

    pub(crate) fn find(&self, kind: &str, id: &str) -> Option<&Record> {
        self.tables.get(kind)?.iter().find(|record| text(record, "id") == id)
    }

    pub(crate) fn find_mut(&mut self, kind: &str, id: &str) -> Option<&mut Record> {
        self.tables.get_mut(kind)?.iter_mut().find(|record| text(record, "id") == id)
    }

    pub(crate) fn set(&mut self, kind: &str, id: &str, field: &str, value: Value) {
        let now = self.now();
        if let Some(record) = self.find_mut(kind, id) {
            record.insert(field.to_owned(), value);
            record.insert("updatedAt".to_owned(), now.into());
        }
    }

    pub(crate) fn all(&self, kind: &str) -> &[Record] {
        self.tables.get(kind).map_or(&[], Vec::as_slice)
    }

    /// Things of a kind whose `field` is `value`, in the order in which they were made.
    pub(crate) fn list(&self, kind: &str, field: &str, value: &str) -> Vec<&Record> {
        self.all(kind).iter().filter(|record| text(record, field) == value).collect()
    }

    pub(crate) fn ids(&self, kind: &str, field: &str, value: &str) -> Vec<String> {
        self.list(kind, field, value).into_iter().map(|record| text(record, "id").to_owned()).collect()
    }

    /// Remove a thing and everything that lives in it. A volume outlives the service that it was mounted in.
    pub(crate) fn remove(&mut self, kind: &str, id: &str) -> bool {
        let Some(table) = self.tables.get_mut(kind) else { return false };
        let before = table.len();
        table.retain(|record| text(record, "id") != id);
        if table.len() == before {
            return false;
        }
        if kind == "ProjectToken" {
            self.tokens.retain(|(_, viewer)| !matches!(viewer, Viewer::Project { token, .. } if token == id));
        }
        let owner = owner_field(kind);
        let kinds: Vec<String> = self.tables.keys().cloned().collect();
        for child in kinds {
            for inner in self.ids(&child, &owner, id) {
                if kind == "Service" && child == "VolumeInstance" {
                    self.set(&child, &inner, "serviceId", Value::Null);
                } else {
                    self.remove(&child, &inner);
                }
            }
        }
        true
    }

    /// A new id: a UUID in form, made from the counter.
    pub(crate) fn fresh(&mut self) -> String {
        self.serial += 1;
        let (a, b) = (scramble(self.serial), scramble(self.serial ^ 0x5157_1457));
        let bytes: Vec<String> = [a.to_be_bytes(), b.to_be_bytes()]
            .concat()
            .iter()
            .enumerate()
            .map(|(at, byte)| match at {
                6 => 0x40 | (byte & 0x0f),
                8 => 0x80 | (byte & 0x3f),
                _ => *byte,
            })
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let hex = bytes.concat();
        [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)]
            .map(|(from, to)| hex.get(from..to).unwrap_or_default())
            .join("-")
    }

    /// The world's own time: one second for each thing that was made.
    pub(crate) fn now(&self) -> String {
        let (minutes, seconds) = (self.serial / 60, self.serial % 60);
        format!("2026-04-24T{:02}:{:02}:{seconds:02}.000Z", (8 + minutes / 60) % 24, minutes % 60)
    }

    fn volume_instance(&self, record: &Record) -> VolumeInstance {
        let (id, environment) = (text(record, "id"), text(record, "environmentId"));
        let backups = self.list("VolumeInstanceBackup", "volumeInstanceId", id);
        VolumeInstance {
            id: id.to_owned(),
            environment: environment.to_owned(),
            environment_name: self
                .find("Environment", environment)
                .map(|e| text(e, "name"))
                .unwrap_or_default()
                .to_owned(),
            megabytes: record.get("currentSizeMB").and_then(Value::as_f64).unwrap_or_default(),
            pending_deletion: record.get("isPendingDeletion") == Some(&Value::Bool(true)),
            backups: backups.into_iter().map(|backup| text(backup, "name").to_owned()).collect(),
        }
    }

    fn variable_record(&self, environment: &str, service: Option<&str>, name: &str) -> Option<&Record> {
        self.list("Variable", "environmentId", environment)
            .into_iter()
            .find(|r| text(r, "name") == name && r.get("serviceId").and_then(Value::as_str) == service)
    }
}

/// A text field; empty where there is none.
pub(crate) fn text<'a>(record: &'a Record, field: &str) -> &'a str {
    record.get(field).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn record(fields: &[(&str, &str)]) -> Record {
    fields.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect()
}

/// `Volume` owns what has a `volumeId`.
pub(crate) fn owner_field(kind: &str) -> String {
    let mut letters = kind.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase());
    first.into_iter().chain(letters).chain("Id".chars()).collect()
}

/// One round of a 64-bit mixer: close counters, far ids.
fn scramble(counter: u64) -> u64 {
    let mut x = counter.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 31;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^ (x >> 29)
}
