//! Actions that a header or a form names: the protocols JSON and query, which some services both speak.

use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use super::super::json;
use super::super::refusal::{Refusal, code};
use super::super::rest::Row;
use super::table::Service;
use super::{Protocol, Table};
use crate::model::Request;

const TARGET: &str = "x-amz-target";

impl Table {
    /// The row of the action, and the members of the body.
    pub(super) fn named(&self, service: &Service, request: &Request) -> Result<(&Row, Value), Refusal> {
        if request.partial {
            let detail = "the body names the action or what it does, and is too large to read whole";
            return Err(Refusal::new(code::BODY_TOO_LARGE, detail));
        }
        if request.path != "/" {
            return Err(unknown(service, &request.path));
        }
        let speaks = |one: Protocol| service.protocols.contains(&one);
        let mut targets = request.headers.get_all(TARGET).iter();
        match (targets.next(), targets.next()) {
            (Some(_), Some(_)) => Err(ambiguous("X-Amz-Target appears twice")),
            (Some(_), None) if !speaks(Protocol::Json) => {
                Err(ambiguous("X-Amz-Target names an action, and the service reads it from a form"))
            }
            (Some(target), None) => self.by_target(service, target.to_str().unwrap_or_default(), request),
            (None, _) if speaks(Protocol::Query) => self.by_form(service, request),
            (None, _) => Err(unknown(service, "a request without X-Amz-Target")),
        }
    }

    fn by_target(
        &self,
        service: &Service,
        target: &str,
        request: &Request,
    ) -> Result<(&Row, Value), Refusal> {
        if request.method != http::Method::POST || request.query.is_some() {
            return Err(ambiguous("a request with X-Amz-Target is a POST without a query"));
        }
        let kind = request.header(CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        if !matches!(
            essence,
            "application/x-amz-json-1.0" | "application/x-amz-json-1.1" | "application/json"
        ) {
            return Err(ambiguous("X-Amz-Target names an action, and the body is not said to be JSON"));
        }
        let prefix = service.target.as_deref().unwrap_or_default();
        let action = target.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.'));
        let row = action.and_then(|action| self.action(service, action));
        let row = row.ok_or_else(|| unknown(service, target))?;
        let body = request.body.trim_ascii();
        if body.is_empty() {
            return Ok((row, Value::Null));
        }
        let body = json::strict(body)?;
        if !body.is_object() {
            return Err(Refusal::new(code::MALFORMED_BODY, "the body is not a JSON object"));
        }
        Ok((row, body))
    }

    fn by_form(&self, service: &Service, request: &Request) -> Result<(&Row, Value), Refusal> {
        let kind = request.header(CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
        let body = request.body.as_ref();
        if !body.is_empty() && !kind.starts_with("application/x-www-form-urlencoded") {
            return Err(ambiguous("the body is not said to be a form"));
        }
        let mut members = Map::new();
        let mut seen = std::collections::HashSet::new();
        let (mut action, mut version) = (None, None);
        for part in [request.query.as_deref().unwrap_or_default().as_bytes(), body] {
            let text = std::str::from_utf8(part).map_err(|_| ambiguous("the form is not UTF-8"))?;
            if text.contains(';') {
                return Err(ambiguous("there is a ';' in the form"));
            }
            for (key, value) in form_urlencoded::parse(text.as_bytes()) {
                let folded = super::members::fold(&key);
                let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
                if !key.chars().all(plain) || !seen.insert(folded.clone()) {
                    return Err(ambiguous(
                        "a field is there twice, or has a name that can be read in two ways",
                    ));
                }
                match (&*key, folded.as_str()) {
                    ("Action", _) => action = Some(value.into_owned()),
                    ("Version", _) => version = Some(value.into_owned()),
                    (_, "action" | "version") => {
                        return Err(ambiguous("a field looks like the one that decides"));
                    }
                    _ => {
                        members.insert(key.into_owned(), Value::from(&*value));
                    }
                }
            }
        }
        let action = action.ok_or_else(|| unknown(service, "a request without Action"))?;
        if service.version.is_some() && version != service.version {
            return Err(unknown(service, &format!("Version {}", version.unwrap_or_default())));
        }
        let row = self.action(service, &action).ok_or_else(|| unknown(service, &action))?;
        Ok((row, Value::Object(members)))
    }

    fn action(&self, service: &Service, action: &str) -> Option<&Row> {
        service.actions.get(action).and_then(|index| self.rows.get(*index))
    }
}

pub(super) fn unknown(service: &Service, what: &str) -> Refusal {
    Refusal::new(code::UNKNOWN_OPERATION, format!("{} does not know {what}", service.name))
}

pub(super) fn ambiguous(detail: &str) -> Refusal {
    Refusal::new(code::AMBIGUOUS_BODY, detail)
}
