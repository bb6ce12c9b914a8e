//! Calls about what happened.

use super::calls::{get, number, post, text};
use super::{Call, Who};
use crate::*;

pub(super) fn audit() -> Vec<Call> {
    const GROUP: &str = "Audit";
    vec![
        get(GROUP, "/v1/activity", "How much happened, by decision, class and who", Who::Readers)
            .query(&[text("range", false, "1h, 24h, 7d or 30d; 24h when absent")])
            .gives::<Activity>(),
        get(GROUP, "/v1/audit", "Records of the audit chain, newest first", Who::Readers)
            .query(&[
                text("kind", false, "Only those of this kind"),
                text("session", false, "Only those of this session"),
                text("agent", false, "Only those of this agent"),
                text("person", false, "Only those of this person"),
                text("environment", false, "Of the session, or of what was touched"),
                text("provider", false, "Only those of this provider"),
                text("operation", false, "Only those of this operation"),
                text("class", false, "Only those of this class"),
                text("code", false, "Only refusals with this code"),
                text("credential", false, "Only those of this credential"),
                text("resource", false, "A provider's own id, or provider:kind/id"),
                text("policy", false, "A policy file, for its changes"),
                text("channel", false, "A notification channel"),
                text("approval", false, "Only those of this approval"),
                text("record", false, "The record of this id, and its outcome"),
                text("from", false, "From this time on"),
                text("to", false, "Before this time"),
                number("before", "Only those before this position"),
                number("after", "Only those after this position"),
                number("limit", "At most so many, 50 when absent, 500 at most"),
            ])
            .gives::<AuditPage>(),
        get(GROUP, "/v1/audit/records/{id}", "One record, with what belongs to it", Who::Readers)
            .gives::<AuditEntry>(),
        get(GROUP, "/v1/audit/chain", "Head and last checkpoint of the chain", Who::Readers).gives::<Chain>(),
        post(GROUP, "/v1/audit/verify", "Verify the chain, or its end", Who::Readers)
            .takes::<Verify>()
            .gives::<Verification>(),
        post(GROUP, "/v1/audit/export", "The whole chain with a signed end, as lines", Who::Readers)
            .nothing()
            .any(),
    ]
}
