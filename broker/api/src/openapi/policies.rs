//! Calls about policies that people manage.

use super::calls::{get, number, post, text};
use super::{Call, Who};
use crate::*;

pub(super) fn policies() -> Vec<Call> {
    const GROUP: &str = "Policies";
    let read = |path, summary| get(GROUP, path, summary, Who::Readers);
    let change = |path, summary| {
        post(GROUP, path, summary, Who::Administrators).gives::<PolicyVersion>().fails(&[Code::Conflict])
    };
    vec![
        read("/v1/policies", "Every policy file, and whether it ships").gives::<PolicyList>(),
        post(GROUP, "/v1/policies/validate", "Judge a text without keeping it", Who::Readers)
            .takes::<CheckPolicy>()
            .gives::<PolicyCheck>(),
        read("/v1/policies/reach", "Who can do what where, and which policies say nothing")
            .query(&[
                text("agent", false, "Of this agent only, registered or not"),
                text("session", false, "Of sessions in this environment only"),
            ])
            .gives::<PolicyReach>(),
        post(GROUP, "/v1/policies/effect", "What a file would change, without keeping it", Who::Readers)
            .takes::<AskEffect>()
            .gives::<PolicyEffect>(),
        read("/v1/policies/{name}", "One file, with its tests").gives::<Policy>(),
        change("/v1/policies/{name}", "Save a version and use it").takes::<SavePolicy>(),
        change("/v1/policies/{name}/propose", "Save a version that another owner is to confirm")
            .takes::<SavePolicy>(),
        change("/v1/policies/{name}/confirm", "Confirm what another owner proposed").takes::<DecidePolicy>(),
        change("/v1/policies/{name}/withdraw", "Take a proposal back").takes::<DecidePolicy>(),
        change("/v1/policies/{name}/restore", "Use an earlier version again").takes::<RestorePolicy>(),
        read("/v1/policies/{name}/diff", "What differs between two versions")
            .query(&[number("from", "The earlier version"), number("to", "The later version")])
            .gives::<PolicyDiff>(),
        read("/v1/policies/{name}/versions", "Its versions, newest first").gives::<PolicyVersionList>(),
        read("/v1/policies/{name}/versions/{version}", "One version").gives::<PolicyVersion>(),
        read("/v1/rules", "A rule as narrow as a request, with its tests")
            .query(&[
                text("record", false, "Id of the record of the request"),
                text("approval", false, "Id of the approval"),
                text("effect", false, "permit or forbid"),
            ])
            .gives::<ProposedRule>(),
    ]
}
