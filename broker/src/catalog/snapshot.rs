//! How a provider takes its own backup of a thing, and says when it is complete: `[[snapshot]]` of a pack.

use serde::Deserialize;
use serde_json::Value;

/// One kind of thing. Paths are of the pack's first host; members are named from the top, with dots.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Snapshot {
    /// Kind of resource that it is of.
    pub kind: String,
    /// Path of the POST that asks for one, with `{id}` of the thing.
    pub take: String,
    /// JSON of its body, with `{name}` of the snapshot.
    pub body: String,
    /// Member of the answer, and of each later one, that is the id of the job.
    pub job: String,
    /// Path of the GET that says how it goes, with `{job}`.
    pub look: String,
    /// Member that is the id of the thing: an answer about another one is none.
    pub thing: String,
    /// Member that says how it goes, and what it says when all is done, and while it goes on. Whatever else it says is a failure.
    pub state: String,
    pub done: Vec<String>,
    pub going: Vec<String>,
}

/// The request that asks for one.
#[derive(Debug, PartialEq, Eq)]
pub struct Take {
    pub target: String,
    pub body: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Done,
    Going,
}

impl Snapshot {
    /// `Err` says what is wrong with what the pack says.
    pub fn check(&self) -> Result<(), String> {
        let wrong = |why: &str| Err(format!("snapshot of '{}': {why}", self.kind));
        match () {
            () if self.take.matches("{id}").count() != 1 || !self.take.starts_with('/') => {
                wrong("take is a path with '{id}' once")
            }
            () if self.look.matches("{job}").count() != 1 || !self.look.starts_with('/') => {
                wrong("look is a path with '{job}' once")
            }
            () if serde_json::from_str::<Value>(&self.body).is_err() => wrong("body is not JSON"),
            () if self.done.is_empty() => wrong("nothing says that it is done"),
            () if self.done.iter().any(|word| self.going.contains(word)) => {
                wrong("a state is both done and going")
            }
            () => Ok(()),
        }
    }

    /// `record` is what the snapshot is named after.
    pub fn take(&self, thing: &str, record: &str) -> Result<Take, String> {
        let target = self.take.replace("{id}", segment(thing)?);
        Ok(Take { target, body: self.body.replace("{name}", &format!("stint-{}", segment(record)?)) })
    }

    pub fn job(&self, answer: &Value) -> Result<String, String> {
        let job = text(member(answer, &self.job)).ok_or("the answer names no job")?;
        segment(&job).map(str::to_owned)
    }

    pub fn look(&self, job: &str) -> Result<String, String> {
        Ok(self.look.replace("{job}", segment(job)?))
    }

    /// How the job goes: an answer about another job or another thing, and one in words that are not known, is an error.
    pub fn state(&self, answer: &Value, job: &str, thing: &str) -> Result<State, String> {
        let is = |path: &str, wanted: &str| text(member(answer, path)).is_some_and(|found| found == wanted);
        if !is(&self.job, job) || !is(&self.thing, thing) {
            return Err("the provider answers with another one".to_owned());
        }
        let state = text(member(answer, &self.state)).ok_or("the provider does not say how it goes")?;
        match () {
            () if self.done.contains(&state) => Ok(State::Done),
            () if self.going.contains(&state) => Ok(State::Going),
            () => Err(format!("the provider says {state:?} of it")),
        }
    }
}

fn member<'a>(answer: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(answer, |value, name| value.get(name))
}

/// An id is a text or a whole number.
fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.chars().take(100).collect()),
        Value::Number(number) if number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

/// What can stand in a path as it is.
fn segment(text: &str) -> Result<&str, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    match (1..=100).contains(&text.len()) && text.bytes().all(fits) {
        true => Ok(text),
        false => Err(format!("{text:?} cannot stand in a path")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::BUILTIN;

    fn droplet() -> Snapshot {
        let pack = BUILTIN.pack("digitalocean").unwrap();
        pack.manifest.snapshot.iter().find(|rule| rule.kind == "droplet").unwrap().clone()
    }

    #[test]
    fn only_what_is_said_of_this_job_and_this_thing_counts() {
        let rule = droplet();
        let said = |id: u64, thing: u64, status: &str| {
            rule.state(&json!({ "action": { "id": id, "resource_id": thing, "status": status } }), "7", "11")
        };
        assert_eq!(
            (said(7, 11, "completed"), said(7, 11, "in-progress")),
            (Ok(State::Done), Ok(State::Going))
        );
        for (id, thing, status) in
            [(8, 11, "completed"), (7, 12, "completed"), (7, 11, "errored"), (7, 11, "")]
        {
            assert!(said(id, thing, status).is_err(), "{id} {thing} {status}");
        }
        assert!(rule.state(&json!([]), "7", "11").is_err());
    }

    #[test]
    fn an_id_that_would_be_more_than_a_segment_is_refused() {
        let rule = droplet();
        let take = rule.take("11", "rec_1").unwrap();
        assert_eq!(take.target, "/v2/droplets/11/actions");
        assert_eq!(take.body, r#"{"type": "snapshot", "name": "stint-rec_1"}"#);
        for id in ["", "..", "11/actions", "11?x=1", "a b", "%2e"] {
            assert!(rule.take(id, "rec_1").is_err() && rule.look(id).is_err(), "{id}");
        }
        assert!(rule.job(&json!({ "action": { "id": "7/../8" } })).is_err());
    }
}
