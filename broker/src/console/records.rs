//! Audit records as lines that a person reads: when, who, what in plain words on which thing, where, and how it ended.
//!
//! The outcome of a request stands in the line of the request. What an agent, a provider or a person chose is shown as
//! text; the words are made of parsed facts and nothing else.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde_json::Value;
use stint_api::{AuditRecord, Class, Session};

use super::record::{id, link, string, strings, value};
use super::sentence::{answered, capital, class, facts, last, moment, request, short, spaced, to};
use super::table::table;
use super::text::{self, Name, Shown};
use super::words::apart;

/// Records of which some tell of others: outcomes of their requests, approvals of what they are for, sessions of whose
/// they are.
pub(super) struct Stream<'a> {
    records: &'a [AuditRecord],
    /// Outcome by the id of its request.
    outcomes: HashMap<&'a str, &'a Value>,
    /// The record of what was asked for, by the approval's id.
    asked: HashMap<&'a str, &'a Value>,
    /// Agent and environment by the session's id.
    sessions: HashMap<&'a str, (&'a str, &'a str)>,
    now: DateTime<Utc>,
    /// Whether the reader may make a rule of a request.
    rules: bool,
}

impl<'a> Stream<'a> {
    pub(super) fn new(records: &'a [AuditRecord], now: DateTime<Utc>) -> Self {
        let (mut outcomes, mut asked, mut sessions) = (HashMap::new(), HashMap::new(), HashMap::new());
        for body in records.iter().map(|record| &record.body) {
            let facts = facts(body);
            match string(body, "kind") {
                "request_closed" => drop(outcomes.insert(string(facts, "intent"), facts)),
                "approval_requested" => drop(asked.insert(string(facts, "approval"), facts)),
                _ => {}
            }
            if let (Some(session), Some(agent)) = (value(body, "session"), value(facts, "agent")) {
                sessions.insert(session, (agent, string(facts, "environment")));
            }
        }
        Stream { records, outcomes, asked, sessions, now, rules: false }
    }

    /// Whose sessions they are, where the records do not say it.
    pub(super) fn of(mut self, sessions: impl IntoIterator<Item = &'a Session>) -> Self {
        self.sessions.extend(
            sessions.into_iter().map(|own| (own.id.as_str(), (own.agent.as_str(), own.environment.as_str()))),
        );
        self
    }

    /// For a reader who may make rules: the way to one beside each request that was judged.
    pub(super) fn with_rules(mut self, may: bool) -> Self {
        self.rules = may;
        self
    }

    /// The lines in a table, `most` of them. Without `all`, housekeeping is left out.
    pub(super) fn table(&self, most: usize, all: bool) -> Markup {
        let shown: Vec<&AuditRecord> = self.lines(all).take(most).collect();
        html! {
            @if shown.is_empty() { p.dim { "Nothing yet." } } @else {
                (table("Records", ["What", "Who", "Where", "How it ended", "When"], shown.into_iter().map(|record| {
                    let body = &record.body;
                    [self.what(body), self.who(body), self.place(body), self.ending(body), moment(body, self.now)]
                })))
            }
        }
    }

    /// The lines in a table with their positions in the chain.
    pub(super) fn numbered(&self) -> Markup {
        table(
            "Records",
            ["What", "Who", "Where", "How it ended", "When", "Record"],
            self.records.iter().map(|record| {
                let body = &record.body;
                let number = link(string(body, "id"), record.seq.to_string());
                [
                    self.what(body),
                    self.who(body),
                    self.place(body),
                    self.ending(body),
                    moment(body, self.now),
                    number,
                ]
            }),
        )
    }

    /// What a session did last, a line for each.
    pub(super) fn latest(&self, most: usize) -> Markup {
        let shown: Vec<&AuditRecord> = self.lines(false).take(most).collect();
        html! {
            @if shown.is_empty() { p.dim { "It has done nothing yet." } } @else {
                ol.latest {
                    @for record in shown {
                        @let body = &record.body;
                        li { (self.deed(body)) " " (self.badge(body)) " " span.dim { (moment(body, self.now)) } }
                    }
                }
            }
        }
    }

    /// How many records are housekeeping: tokens, renewals, the broker's own look-ups.
    pub(super) fn housekeeping(&self) -> usize {
        self.records.iter().filter(|record| is_housekeeping(&record.body)).count()
    }

    fn lines(&self, all: bool) -> impl Iterator<Item = &'a AuditRecord> {
        let told: Vec<&str> = self.records.iter().map(|record| string(&record.body, "id")).collect();
        self.records.iter().filter(move |record| {
            let body = &record.body;
            let beside =
                string(body, "kind") == "request_closed" && told.contains(&string(facts(body), "intent"));
            !beside && (all || !is_housekeeping(body))
        })
    }

    fn what(&self, body: &Value) -> Markup {
        let facts = facts(body);
        let resources = facts.get("resources").and_then(Value::as_array);
        let judged = matches!(string(body, "kind"), "request_refused" | "request_decided");
        html! {
            (link(string(body, "id"), self.deed(body)))
            @if let Some(class) = class(facts).filter(|class| *class > Class::Write) { " " (text::class(class)) }
            @if self.rules && judged && resources.is_some_and(|list| !list.is_empty()) && let Some(record) = id(string(body, "id")) {
                " " a.aside href={ "/console/rules/new?record=" (record) } { "Make a rule" }
            }
        }
    }

    /// What was done to what, from parsed facts.
    fn deed(&self, body: &Value) -> Markup {
        let facts = facts(body);
        let home = self.home(body);
        let asked = value(facts, "approval").and_then(|approval| self.asked.get(approval)).copied();
        match string(body, "kind") {
            "request_decided" | "request_refused" => request(facts, home),
            "request_closed" => match value(facts, "intent").and_then(|intent| self.intent(intent)) {
                Some(intent) => html! { "The answer to: " (request(intent, home)) },
                None => html! { "The provider's answer" },
            },
            "approval_requested" => html! { "Asked for a yes: " (request(facts, home)) },
            "session_started" => html! { "Started a session" },
            "token_minted" => html! { "Token minted" },
            "lookup" => {
                html! { "Looked up " (Shown(&apart(string(facts, "lookup")))) " with " strong { (Name(string(facts, "credential"))) } }
            }
            kind => {
                let asked = asked.filter(|_| kind.starts_with("approval_"));
                let said = match kind {
                    "approval_used" => "Went on by the yes to".to_owned(),
                    kind => match kind.strip_prefix("approval_").filter(|_| asked.is_some()) {
                        Some(word) => capital(&spaced(word)),
                        None => capital(&spaced(kind)),
                    },
                };
                html! {
                    (said)
                    @if let Some(asked) = asked { ": " (request(asked, home)) }
                    @else if let Some(name) = NAMES.iter().find_map(|name| value(facts, name)) { " " strong { (Name(name)) } }
                }
            }
        }
    }

    fn intent(&self, record: &str) -> Option<&'a Value> {
        let found = self.records.iter().find(|own| string(&own.body, "id") == record);
        found.map(|found| facts(&found.body))
    }

    fn who(&self, body: &Value) -> Markup {
        let actor = string(body, "actor");
        let by_agent = matches!(
            string(body, "kind"),
            "request_decided"
                | "request_refused"
                | "request_closed"
                | "approval_requested"
                | "session_started"
                | "token_minted"
        );
        let agent = value(facts(body), "agent").or_else(|| self.session(body).map(|(agent, _)| agent));
        match agent.filter(|_| by_agent).or_else(|| actor.strip_prefix("agent:")) {
            Some(agent) => html! {
                (to("/console/agents/", agent))
                @if let Some(person) = actor.strip_prefix("person:") { " " span.dim { "for " (Name(person)) } }
            },
            None => match actor {
                "broker" => html! { span.dim { "the broker" } },
                "unknown" => html! { span.dim { "nobody known" } },
                other => html! { (Name(other.strip_prefix("person:").unwrap_or(other))) },
            },
        }
    }

    fn session(&self, body: &Value) -> Option<(&'a str, &'a str)> {
        self.sessions.get(value(body, "session")?).copied()
    }

    /// The environment of the session that it is of; empty where it is of none.
    fn home<'b>(&'b self, body: &'b Value) -> &'b str {
        let own = value(facts(body), "environment");
        own.or_else(|| self.session(body).map(|(_, environment)| environment)).unwrap_or_default()
    }

    fn place(&self, body: &Value) -> Markup {
        let home = self.home(body);
        html! { @if !home.is_empty() { (to("/console/environments/", home)) } }
    }

    /// The decision, what came of it, and why.
    fn ending(&self, body: &Value) -> Markup {
        let facts = facts(body);
        let why = match (string(body, "kind"), string(facts, "code")) {
            ("request_decided" | "request_closed", _) | (_, "approval_required") => None,
            // Policy said no: which, is shorter than what was asked once more.
            (_, "denied") => Some(strings(facts, "policies").join(", ")),
            ("request_refused", _) => value(facts, "detail").map(str::to_owned),
            _ => ["reason", "detail"].into_iter().find_map(|name| value(facts, name)).map(spaced),
        };
        html! {
            (self.badge(body))
            @if let Some(why) = why.filter(|why| !why.is_empty()) { " " span.dim { (short(&why)) } }
        }
    }

    /// The decision, and what came of it.
    fn badge(&self, body: &Value) -> Markup {
        let facts = facts(body);
        match string(body, "kind") {
            "request_decided" => {
                let word = if value(facts, "approval").is_some() { "approved" } else { "allowed" };
                html! {
                    span.badge.state-approved { (word) }
                    @match self.outcomes.get(string(body, "id")) {
                        Some(outcome) => { " " span.dim { (answered(outcome)) } }
                        None => {}
                    }
                }
            }
            "request_refused" if string(facts, "code") == "approval_required" => {
                let approval = value(facts, "approval").and_then(id);
                html! { @match approval {
                    Some(approval) => { a href={ "/console/approvals/" (approval) } { span.badge.state-waiting { "asked a person" } } }
                    None => { span.badge.state-waiting { "asked a person" } }
                } }
            }
            "request_refused" => {
                html! { span.badge.state-denied { (Shown(&spaced(string(facts, "code")))) } }
            }
            "request_closed" => html! { span.dim { (answered(facts)) } },
            "approval_denied"
            | "sign_in_refused"
            | "token_refused"
            | "recording_failed"
            | "notification_failed" => {
                html! { span.badge.state-denied { (last(string(body, "kind"))) } }
            }
            "approval_approved" => html! { span.badge.state-approved { "approved" } },
            "approval_requested" => html! { span.badge.state-waiting { "waits" } },
            _ => html! {},
        }
    }
}

/// Facts that name what a record is about, the most telling first.
const NAMES: [&str; 9] =
    ["credential", "channel", "policy", "agent", "environment", "person", "name", "device", "selector"];

/// Records that tell of the broker's own work, and not of what anybody did with it.
fn is_housekeeping(body: &Value) -> bool {
    matches!(string(body, "kind"), "token_minted" | "lookup" | "notification_sent" | "alerts_seen")
}

/// One record in words.
pub(super) fn told(record: &AuditRecord, now: DateTime<Utc>) -> Markup {
    Stream::new(std::slice::from_ref(record), now).deed(&record.body)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(seq: i64, kind: &str, facts: &Value) -> AuditRecord {
        let body = json!({ "id": format!("rec_{seq}"), "at": "2026-11-22T12:00:00Z", "kind": kind, "session": "ses_1", "actor": "person:robin", "facts": facts });
        AuditRecord { seq, hash: String::new(), body }
    }

    fn world() -> Vec<AuditRecord> {
        let volume = json!([{ "operation": "railway:volumeDelete", "kind": "volume", "id": "v1", "name": "<b>pg", "environments": ["production"] }]);
        vec![
            record(5, "token_minted", &json!({ "environment": "staging" })),
            record(4, "request_closed", &json!({ "intent": "rec_3", "status": 200, "ms": 34 })),
            record(
                3,
                "request_decided",
                &json!({ "operations": ["railway:volumes"], "class": "read", "agent": "coder", "environment": "staging" }),
            ),
            record(
                2,
                "request_refused",
                &json!({ "operations": ["railway:volumeDelete"], "class": "destroy", "resources": volume, "agent": "coder", "environment": "staging", "code": "denied", "detail": "no" }),
            ),
            record(1, "session_started", &json!({ "agent": "coder", "environment": "staging" })),
        ]
    }

    #[test]
    fn a_line_says_who_did_what_to_which_thing_and_how_it_ended() {
        let (records, now) = (world(), DateTime::from_timestamp(1_795_348_800, 0).unwrap());
        let stream = Stream::new(&records, now).with_rules(true);
        let page = stream.table(50, false).into_string();
        for said in [
            "Delete the volume",
            "&lt;b&gt;pg",
            "of <bdi>production",
            "denied",
            "/console/agents/coder",
            "answered 200 in 34 ms",
            "Started a session",
            "rules/new?record=rec_2",
        ] {
            assert!(page.contains(said), "{said}: {page}");
        }
        assert_eq!(page.matches("<tr").count(), 4, "a head and three lines: {page}");
        assert!(!page.contains("Token minted") && stream.housekeeping() == 1, "{page}");
        let all = stream.table(50, true).into_string();
        assert!(all.contains("Token minted") && !all.contains("The answer to: "), "{all}");
        let numbered = stream.numbered().into_string();
        assert!(numbered.contains("The answer to: "), "{numbered}");
        let looks_on = Stream::new(&records, now).table(50, false).into_string();
        assert!(!looks_on.contains("rules/new"), "{looks_on}");
    }
}
