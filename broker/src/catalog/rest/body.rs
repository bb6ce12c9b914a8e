use std::collections::{BTreeMap, HashSet};

use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::Value;

use super::super::json;
use super::form;
use super::resource::Template;
use super::table::Row;
use crate::catalog::pack::{BodyForm, Manifest, PackError};
use crate::catalog::refusal::{Refusal, code};
use crate::model::{Class, Operation, Request};

const FILE: &str = "payload.toml";

/// What members of a body add to an operation: a stronger class, another resource. Nothing makes one weaker.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Operations whose body is content, not members.
    opaque: HashSet<String>,
    raise: BTreeMap<String, Vec<Raise>>,
    name: BTreeMap<String, Vec<Name>>,
}

#[derive(Debug, Clone)]
struct Raise {
    at: At,
    when: When,
    class: Class,
}

/// Where a value stands that decides.
#[derive(Debug, Clone)]
enum At {
    Member(Pointer),
    /// A key of the query, folded.
    Query(String),
}

#[derive(Debug)]
struct Name {
    member: Pointer,
    resource: Template,
    default: Option<String>,
}

/// RFC 6901 without escapes and without array indices.
#[derive(Debug, Clone)]
struct Pointer(Vec<String>);

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum When {
    Present,
    /// Present and neither `false` nor `null`: a text such as `"true"` counts, since a provider may take it for true.
    NotFalse,
    /// The number 0, also as a text.
    Zero,
    /// This text, whatever its case.
    Equals(String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    opaque: Vec<String>,
    #[serde(default)]
    raise: Vec<RaiseEntry>,
    #[serde(default)]
    resource: Vec<NameEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RaiseEntry {
    operations: Vec<String>,
    #[serde(default)]
    members: Vec<String>,
    /// Keys of the query.
    #[serde(default)]
    query: Vec<String>,
    when: When,
    class: Class,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NameEntry {
    operations: Vec<String>,
    member: String,
    resource: String,
    #[serde(default)]
    default: Option<String>,
}

impl Rules {
    pub fn load(rows: &[Row], read: &dyn Fn(&str) -> Option<String>) -> Result<Self, PackError> {
        let Some(text) = read(FILE) else { return Ok(Rules::default()) };
        let file: File = toml::from_str(&text).map_err(|error| PackError::new(FILE, error.to_string()))?;
        Rules::from_file(rows, file).map_err(|reason| PackError::new(FILE, reason))
    }

    fn from_file(rows: &[Row], file: File) -> Result<Self, String> {
        let known =
            |id: &str| rows.iter().find(|row| row.id == id).ok_or(format!("operation '{id}' is not known"));
        let mut rules = Rules::default();
        for id in file.opaque {
            // What nobody reads has no say, so it may not be what makes an operation strong.
            if known(&id)?.class > Class::Write {
                return Err(format!("'{id}' is {}, and its body would go unread", known(&id)?.class));
            }
            rules.opaque.insert(id);
        }
        for entry in file.raise {
            if entry.reason.trim().is_empty() {
                return Err(format!("{:?} is raised to {} without a reason", entry.operations, entry.class));
            }
            let mut all: Vec<&str> = Vec::new();
            for listed in &entry.operations {
                // Of those that begin so, the ones that are weaker.
                let own = rows.iter().filter(|row| super::names(listed, &row.id));
                match listed.ends_with('*') {
                    true => all.extend(own.filter(|row| row.class < entry.class).map(|row| row.id.as_str())),
                    false => all.push(&known(listed)?.id),
                }
                if all.is_empty() {
                    return Err(format!("'{listed}' is no operation that is weaker than {}", entry.class));
                }
            }
            for id in all {
                if known(id)?.class >= entry.class {
                    return Err(format!(
                        "'{id}' is {} already, not weaker than {}",
                        known(id)?.class,
                        entry.class
                    ));
                }
                let members = entry.members.iter().map(|member| Pointer::parse(member).map(At::Member));
                let query = entry.query.iter().map(|key| Ok(At::Query(fold(key))));
                let places: Vec<At> = members.chain(query).collect::<Result<_, String>>()?;
                if places.is_empty() {
                    return Err(format!("'{id}' is raised to {} by nothing", entry.class));
                }
                for at in places {
                    let raise = Raise { at, when: entry.when.clone(), class: entry.class };
                    rules.raise.entry(id.to_owned()).or_default().push(raise);
                }
            }
        }
        for entry in file.resource {
            for id in &entry.operations {
                let row = known(id)?;
                let names = |name: &str| row.segments.iter().any(|segment| segment.name() == Some(name));
                let resource = Template::parse(&entry.resource, &names)?;
                if !resource.needs_value() {
                    return Err(format!(
                        "resource '{}' has no '{{}}' for the member's value",
                        entry.resource
                    ));
                }
                let name =
                    Name { member: Pointer::parse(&entry.member)?, resource, default: entry.default.clone() };
                rules.name.entry(id.clone()).or_default().push(name);
            }
        }
        Ok(rules)
    }

    /// The strongest class that a body or query could give the operation; `read` where they have no say.
    pub fn strongest(&self, row: &Row) -> Class {
        let rules = self.raise.get(&row.id).into_iter().flatten();
        rules.map(|rule| rule.class).max().unwrap_or(Class::Read)
    }

    /// Whether a member of the body names a resource.
    pub fn names_by_member(&self, id: &str) -> bool {
        self.name.contains_key(id)
    }

    /// Adds to `operation` what the body says.
    pub fn judge(
        &self,
        row: &Row,
        parameters: &[(&str, Vec<&str>)],
        manifest: &Manifest,
        request: &Request,
        operation: &mut Operation,
    ) -> Result<(), Refusal> {
        let raise = self.raise.get(&row.id).map(Vec::as_slice).unwrap_or_default();
        let mut raised = |rule: &Raise, found: Option<&Value>| {
            if rule.when.holds(found) {
                operation.class = operation.class.max(rule.class);
            }
        };
        for rule in raise {
            if let At::Query(key) = &rule.at {
                raised(rule, in_query(request, key).as_ref());
            }
        }
        if self.opaque.contains(&row.id) {
            return Ok(());
        }
        if request.partial {
            let detail =
                format!("the members of {} decide, and this body is too large to read whole", row.id);
            return Err(Refusal::new(code::BODY_TOO_LARGE, detail));
        }
        let names = self.name.get(&row.id).map(Vec::as_slice).unwrap_or_default();
        let by_member = raise.iter().any(|rule| matches!(rule.at, At::Member(_)));
        let body = members(request, manifest, by_member || !names.is_empty())?;
        for rule in raise {
            if let At::Member(pointer) = &rule.at {
                raised(rule, pointer.find(&body)?);
            }
        }
        for name in names {
            let value = match name.member.find(&body)? {
                Some(Value::String(text)) => Some(text.clone()),
                Some(Value::Number(number)) if number.is_u64() => Some(number.to_string()),
                Some(Value::Null) | None => name.default.clone(),
                Some(_) => {
                    return Err(ambiguous(
                        "a member that names a resource is neither a text nor a whole number",
                    ));
                }
            };
            if let Some(value) = value {
                operation.resources.push(name.resource.fill(parameters, &value, manifest)?);
            }
        }
        Ok(())
    }
}

impl When {
    fn holds(&self, found: Option<&Value>) -> bool {
        match self {
            When::Present => found.is_some(),
            When::NotFalse => !matches!(found, None | Some(Value::Bool(false) | Value::Null)),
            When::Zero => match found {
                Some(Value::Number(number)) => number.as_f64().is_none_or(|number| number <= 0.0),
                Some(Value::String(text)) => text.trim().parse::<f64>().is_ok_and(|number| number <= 0.0),
                _ => false,
            },
            When::Equals(text) => found.and_then(Value::as_str).is_some_and(|own| fold(own) == fold(text)),
        }
    }
}

/// What the query says under a key, as the most forgiving reader finds it. The text `false` is no text there: a query
/// has no other way to say it.
fn in_query(request: &Request, key: &str) -> Option<Value> {
    let pairs = form_urlencoded::parse(request.query.as_deref().unwrap_or_default().as_bytes());
    let mut own = pairs.filter(|(name, _)| fold(name.split('[').next().unwrap_or(name)) == key);
    own.next().map(|(_, value)| if value == "false" { Value::Bool(false) } else { Value::from(&*value) })
}

/// The body as strict JSON or, where the pack says that the provider takes forms, as the members of one; `null` for none. A body that decides must be an object or empty, whatever its content
/// type says: a provider that ignores content types reads it all the same.
fn members(request: &Request, manifest: &Manifest, decides: bool) -> Result<Value, Refusal> {
    let body = request.body.trim_ascii();
    let kind = request.header(CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    let json = kind.contains("json");
    let looks = matches!(body.first(), Some(b'{' | b'['));
    if manifest.bodies.contains(&BodyForm::Form) && kind.starts_with("application/x-www-form-urlencoded") {
        // JSON that calls itself a form has two readings.
        return if looks {
            Err(ambiguous("the body looks like JSON and calls itself a form"))
        } else {
            form::parse(body)
        };
    }
    if body.is_empty() || !(decides || json || looks) {
        return Ok(Value::Null);
    }
    let value = json::strict(body)?;
    if decides && !value.is_object() {
        return Err(Refusal::new(code::MALFORMED_BODY, "the body is not a JSON object"));
    }
    if value.as_object().is_some_and(|members| members.keys().any(|key| fold(key) == "_method")) {
        return Err(Refusal::new(code::METHOD_OVERRIDE, "the body has the member '_method'"));
    }
    Ok(value)
}

impl Pointer {
    fn parse(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix('/').filter(|rest| !rest.is_empty() && !rest.contains('~'));
        let rest = rest.ok_or(format!("'{text}' is not a JSON pointer of plain names"))?;
        Ok(Pointer(rest.split('/').map(str::to_owned).collect()))
    }

    /// The member, `None` where there is none. A member that differs from a name of the pointer by case alone could be
    /// taken for it, and is refused.
    fn find<'a>(&self, body: &'a Value) -> Result<Option<&'a Value>, Refusal> {
        let mut at = body;
        for name in &self.0 {
            let Value::Object(members) = at else { return Ok(None) };
            let folded = fold(name);
            if members.keys().any(|key| key != name && fold(key) == folded) {
                return Err(ambiguous("a member's name looks like one that decides"));
            }
            match members.get(name) {
                Some(next) => at = next,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }
}

/// A name as a reader that ignores case, spaces and `-` against `_` would see it.
fn fold(name: &str) -> String {
    let plain = |c: char| match c {
        '\u{17F}' => 's',
        '\u{212A}' => 'k',
        '-' => '_',
        other => other,
    };
    name.trim().chars().map(plain).flat_map(char::to_lowercase).collect()
}

fn ambiguous(detail: &str) -> Refusal {
    Refusal::new(code::AMBIGUOUS_BODY, detail)
}
