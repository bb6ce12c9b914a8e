//! Things as the GraphQL engine sees them.
//!
//! What a field holds follows from the schema and the records: a list or page of `Volume` in a `Project` is the
//! volumes with that `projectId`; a single `Environment` is the one that `environmentId` names; a scalar is in the
//! record, or the zero of its type where the schema allows no null. The exceptions are few and at the top.

use std::sync::Arc;

use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::JsonValue;
use apollo_compiler::schema::{ExtendedType, Type};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::world::{Record, Viewer, World, owner_field, text};
use super::{Railway, config};
use crate::fault::Fault;

/// What one request sees: the world, as whom, and which lies it is told.
#[derive(Debug)]
pub(crate) struct Sight {
    pub(crate) railway: Railway,
    pub(crate) viewer: Option<Viewer>,
    pub(crate) faults: Vec<Fault>,
}

/// What a field holds, before the schema says in what shape it is shown.
#[derive(Debug)]
pub(crate) enum Held {
    /// A scalar, or plain objects and lists of them.
    Value(Value),
    /// One thing.
    Thing(String, String),
    /// Things of a kind, in order; shown as a list or as a page.
    Things(String, Vec<String>),
}

/// A thing with an id, read from the world at each field.
pub(crate) struct Thing {
    pub(crate) sight: Arc<Sight>,
    pub(crate) kind: String,
    pub(crate) id: String,
}

/// An object that is no thing of its own.
struct Plain {
    sight: Arc<Sight>,
    kind: String,
    fields: Record,
}

struct Page {
    sight: Arc<Sight>,
    kind: String,
    of: String,
    ids: Vec<String>,
    more: (bool, bool),
}

struct Edge {
    sight: Arc<Sight>,
    kind: String,
    of: String,
    id: String,
}

pub(crate) fn refuse(message: impl Into<String>) -> FieldError {
    FieldError { message: message.into() }
}

/// Show what a field holds in the shape that the schema gives it.
pub(crate) fn show<'a>(
    sight: &Arc<Sight>,
    info: &ResolveInfo<'_>,
    held: Held,
) -> Result<ResolvedValue<'a>, FieldError> {
    let ty = &info.field_definition().ty;
    let name = ty.inner_named_type().to_string();
    match held {
        Held::Value(value) => Ok(plain(sight, info, ty, &name, value)),
        Held::Thing(kind, id) => Ok(ResolvedValue::object(Thing { sight: Arc::clone(sight), kind, id })),
        Held::Things(of, ids) if name.ends_with("Connection") => {
            Ok(ResolvedValue::object(Page::cut(sight, info, name, of, ids)))
        }
        Held::Things(kind, ids) => {
            let sight = Arc::clone(sight);
            Ok(ResolvedValue::list(ids.into_iter().map(move |id| {
                ResolvedValue::object(Thing { sight: Arc::clone(&sight), kind: kind.clone(), id })
            })))
        }
    }
}

fn plain<'a>(
    sight: &Arc<Sight>,
    info: &ResolveInfo<'_>,
    ty: &Type,
    name: &str,
    value: Value,
) -> ResolvedValue<'a> {
    let object = matches!(info.schema().types.get(name), Some(ExtendedType::Object(_)));
    let one = |value: Value| match value {
        Value::Object(fields) if object => {
            ResolvedValue::object(Plain { sight: Arc::clone(sight), kind: name.to_owned(), fields })
        }
        other => ResolvedValue::leaf(JsonValue::from(other)),
    };
    match value {
        Value::Array(values) if ty.is_list() => {
            let shown: Vec<ResolvedValue<'a>> = values.into_iter().map(one).collect();
            ResolvedValue::list(shown)
        }
        other => one(other),
    }
}

impl Thing {
    fn held(&self, info: &ResolveInfo<'_>) -> Option<Held> {
        let world = self.sight.railway.world();
        let record = world.find(&self.kind, &self.id)?;
        let field = info.field_name();
        if let Some(held) = special(&world, &self.kind, record, field, info) {
            return Some(held);
        }
        let ty = &info.field_definition().ty;
        let name = ty.inner_named_type();
        let of = name.strip_suffix("Connection").map_or_else(|| name.to_string(), |_| page_of(info, name));
        if !is_object(info, &of) {
            let value = record.get(field).filter(|value| !value.is_null());
            return Some(Held::Value(value.cloned().unwrap_or_else(|| zero(info, ty))));
        }
        if ty.is_list() || of != name.as_str() {
            return Some(Held::Things(of.clone(), world.ids(&of, &owner_field(&self.kind), &self.id)));
        }
        match record.get(&format!("{field}Id")).and_then(Value::as_str) {
            Some(id) => Some(Held::Thing(of, id.to_owned())),
            None => Some(Held::Value(record.get(field).cloned().unwrap_or_else(|| zero(info, ty)))),
        }
    }
}

impl ObjectValue for Thing {
    fn type_name(&self) -> &str {
        &self.kind
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let held = self.held(info).ok_or_else(|| refuse(format!("{} not found", self.kind)))?;
        show(&self.sight, info, held)
    }
}

/// Fields whose content no rule gives.
fn special(world: &World, kind: &str, record: &Record, field: &str, info: &ResolveInfo<'_>) -> Option<Held> {
    let id = text(record, "id");
    let of = |kind: &str, ids: Vec<String>| Some(Held::Things(kind.to_owned(), ids));
    let decrypt = info.arguments().get("decryptVariables").and_then(JsonValue::as_bool) == Some(true);
    match (kind, field) {
        ("Environment", "config") => Some(Held::Value(config::read(world, id, decrypt))),
        ("Environment", "configEtag") => Some(Held::Value(world.now().into())),
        ("EnvironmentPatch", "patch") => {
            let patch = record.get("patch").cloned().unwrap_or_default();
            Some(Held::Value(if decrypt { patch } else { config::mask(patch) }))
        }
        ("User", "workspaces") => {
            of("Workspace", world.all("Workspace").iter().map(|r| text(r, "id").to_owned()).collect())
        }
        ("Workspace", "projectCount") => {
            Some(Held::Value(world.list("Project", "workspaceId", id).len().into()))
        }
        ("ServiceInstance", "activeDeployments" | "latestDeployment") => {
            let ids: Vec<String> =
                deployments(world, text(record, "serviceId"), text(record, "environmentId"));
            match (field, ids.last()) {
                ("activeDeployments", _) => of("Deployment", ids),
                (_, Some(last)) => Some(Held::Thing("Deployment".to_owned(), last.clone())),
                _ => Some(Held::Value(Value::Null)),
            }
        }
        _ => None,
    }
}

pub(crate) fn deployments(world: &World, service: &str, environment: &str) -> Vec<String> {
    world
        .list("Deployment", "serviceId", service)
        .into_iter()
        .filter(|record| text(record, "environmentId") == environment)
        .map(|record| text(record, "id").to_owned())
        .collect()
}

impl ObjectValue for Plain {
    fn type_name(&self) -> &str {
        &self.kind
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let ty = &info.field_definition().ty;
        // Lists of ids that a plain object leads on to: `{"things": ["CustomDomain", [ids]]}` under the field's name.
        if let Some(Value::Array(ids)) = self.fields.get(&format!("{}Ids", info.field_name())) {
            let ids = ids.iter().filter_map(|id| Some(id.as_str()?.to_owned())).collect();
            return show(&self.sight, info, Held::Things(ty.inner_named_type().to_string(), ids));
        }
        let value = self.fields.get(info.field_name()).filter(|value| !value.is_null());
        show(&self.sight, info, Held::Value(value.cloned().unwrap_or_else(|| zero(info, ty))))
    }
}

impl Page {
    /// Cut a page out of all ids, by the arguments and the world's cap.
    fn cut(sight: &Arc<Sight>, info: &ResolveInfo<'_>, kind: String, of: String, ids: Vec<String>) -> Self {
        let argument = |name: &str| info.arguments().get(name);
        let size =
            |name: &str| argument(name).and_then(JsonValue::as_i64).and_then(|n| usize::try_from(n).ok());
        let place = |name: &str| {
            let cursor = argument(name).and_then(JsonValue::as_str)?;
            let id = uncursor(cursor)?;
            ids.iter().position(|known| *known == id)
        };
        let cap = sight.railway.world().page_cap;
        let start = place("after").map_or(0, |at| at + 1);
        let end = place("before").unwrap_or(ids.len()).max(start);
        let (from, to) = match (size("first"), size("last")) {
            (None, Some(last)) => (end.saturating_sub(last.min(cap)).max(start), end),
            (first, _) => (start, end.min(start + first.unwrap_or(cap).min(cap))),
        };
        let mut more = (from > 0, to < ids.len());
        let mut ids: Vec<String> = ids.get(from..to).unwrap_or_default().to_vec();
        if sight.faults.contains(&Fault::Partial) {
            ids.truncate(1);
            more.1 = false;
        }
        if sight.faults.contains(&Fault::Endless) {
            more.1 = true;
        }
        Page { sight: Arc::clone(sight), kind, of, ids, more }
    }
}

impl ObjectValue for Page {
    fn type_name(&self) -> &str {
        &self.kind
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        match info.field_name() {
            "edges" => Ok(ResolvedValue::list(self.ids.iter().map(|id| {
                ResolvedValue::object(Edge {
                    sight: Arc::clone(&self.sight),
                    kind: format!("{}Edge", self.kind),
                    of: self.of.clone(),
                    id: id.clone(),
                })
            }))),
            "pageInfo" => {
                let cursor = |id: Option<&String>| id.map_or(Value::Null, |id| cursor(id).into());
                let mut end = cursor(self.ids.last());
                if end.is_null() && self.more.1 {
                    end = "ZW5kbGVzcw==".into();
                }
                let fields = serde_json::json!({
                    "hasNextPage": self.more.1, "hasPreviousPage": self.more.0,
                    "startCursor": cursor(self.ids.first()), "endCursor": end,
                });
                show(&self.sight, info, Held::Value(fields))
            }
            _ => Err(self.unknown_field_error(info)),
        }
    }
}

impl ObjectValue for Edge {
    fn type_name(&self) -> &str {
        &self.kind
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        match info.field_name() {
            "cursor" => Ok(ResolvedValue::leaf(cursor(&self.id))),
            "node" => show(&self.sight, info, Held::Thing(self.of.clone(), self.id.clone())),
            _ => Err(self.unknown_field_error(info)),
        }
    }
}

fn cursor(id: &str) -> String {
    STANDARD.encode(format!("at:{id}"))
}

fn uncursor(cursor: &str) -> Option<String> {
    let bytes = STANDARD.decode(cursor).ok()?;
    Some(String::from_utf8(bytes).ok()?.strip_prefix("at:")?.to_owned())
}

/// The kind that a page type holds: its edge's node.
pub(crate) fn page_of(info: &ResolveInfo<'_>, page: &str) -> String {
    let edge = info.schema().get_object(&format!("{page}Edge"));
    edge.and_then(|edge| edge.fields.get("node"))
        .map_or_else(String::new, |node| node.ty.inner_named_type().to_string())
}

fn is_object(info: &ResolveInfo<'_>, name: &str) -> bool {
    matches!(info.schema().types.get(name), Some(ExtendedType::Object(_)))
}

/// Null where that is allowed; else the emptiest value of the type.
fn zero(info: &ResolveInfo<'_>, ty: &Type) -> Value {
    if !ty.is_non_null() {
        return Value::Null;
    }
    if ty.is_list() {
        return Value::Array(Vec::new());
    }
    let name = ty.inner_named_type();
    match (name.as_str(), info.schema().types.get(name)) {
        ("Boolean", _) => false.into(),
        ("Int", _) => 0.into(),
        ("Float", _) => 0.0.into(),
        ("String" | "ID", _) => "".into(),
        ("DateTime", _) => "2026-04-24T08:00:00.000Z".into(),
        ("BigInt", _) => 0.into(),
        (_, Some(ExtendedType::Enum(variants))) => {
            variants.values.keys().next().map_or(Value::Null, |first| first.as_str().into())
        }
        _ => Value::Object(Record::new()),
    }
}
