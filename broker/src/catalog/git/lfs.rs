//! Large files beside a repository (the batch and locking API of git-lfs). The files themselves go where the answer
//! leads, with what the answer gives.

use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::Value;

use super::super::json;
use super::operation;
use crate::catalog::pack::Manifest;
use crate::catalog::refusal::{Refusal, code};
use crate::model::{Class, Operation, Request, Resource};

const TYPE: &str = "application/vnd.git-lfs+json";

/// What is asked of the API, before its body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Batch,
    Locks,
    Verify,
    Unlock,
}

impl Call {
    /// `rest` is the path behind `/info/lfs/`.
    pub fn of(rest: &str) -> Option<Call> {
        match rest {
            "objects/batch" => Some(Call::Batch),
            "locks" => Some(Call::Locks),
            "locks/verify" => Some(Call::Verify),
            _ => {
                let id = rest.strip_prefix("locks/")?.strip_suffix("/unlock")?;
                (!id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'))
                    .then_some(Call::Unlock)
            }
        }
    }
}

pub(super) fn judge(
    call: Call,
    manifest: &Manifest,
    repository: &Resource,
    request: &Request,
) -> Result<Operation, Refusal> {
    let is = |name: &str| operation(manifest, name, vec![repository.clone()]);
    if request.method == Method::GET && call == Call::Locks {
        return Ok(is("lfs/list-locks"));
    }
    let essence = request.header(CONTENT_TYPE).and_then(|value| value.split(';').next()).unwrap_or_default();
    if request.method != Method::POST || request.query.is_some() || essence.trim() != TYPE {
        return Err(Refusal::new(code::UNKNOWN_OPERATION, "this is not a request that git-lfs sends"));
    }
    if request.partial {
        return Err(Refusal::new(code::BODY_TOO_LARGE, "what is asked for is too large to read whole"));
    }
    let body = json::strict(&request.body)?;
    match call {
        Call::Batch => match member(&body, "operation")? {
            Some(Value::String(text)) if text == "download" => Ok(is("lfs/download")),
            Some(Value::String(text)) if text == "upload" => Ok(is("lfs/upload")),
            _ => {
                Err(Refusal::new(code::UNKNOWN_OPERATION, "git-lfs downloads and uploads, and nothing else"))
            }
        },
        Call::Locks => Ok(is("lfs/lock")),
        Call::Verify => Ok(is("lfs/verify-locks")),
        Call::Unlock => {
            let mut unlock = is("lfs/unlock");
            if !matches!(member(&body, "force")?, None | Some(Value::Bool(false) | Value::Null)) {
                // Takes away the lock of somebody else.
                unlock.class = Class::Grant;
            }
            Ok(unlock)
        }
    }
}

/// A member; one that differs from it by case alone could be taken for it, and is refused.
fn member<'a>(body: &'a Value, name: &str) -> Result<Option<&'a Value>, Refusal> {
    let members = body
        .as_object()
        .ok_or_else(|| Refusal::new(code::MALFORMED_BODY, "the body is not a JSON object"))?;
    if members.keys().any(|key| key != name && key.trim().to_lowercase() == name) {
        return Err(Refusal::new(code::AMBIGUOUS_BODY, "a member's name looks like one that decides"));
    }
    Ok(members.get(name))
}
