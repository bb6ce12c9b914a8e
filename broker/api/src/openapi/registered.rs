//! Calls about one registered thing, and about what the broker knows of providers and itself.

use super::calls::{call, flag, get, text};
use super::{Call, Who};
use crate::*;

pub(super) fn registered() -> Vec<Call> {
    let change = |method, group, path, summary| call(method, group, path, summary, Who::Administrators);
    const AGENT: &str = "/v1/agents/{name}";
    const ENVIRONMENT: &str = "/v1/environments/{name}";
    vec![
        get("Agents", AGENT, "One agent, with its sessions and changes", Who::Readers).gives::<AgentDetail>(),
        change("PATCH", "Agents", AGENT, "Change where it may start by itself")
            .takes::<EditAgent>()
            .gives::<Agent>()
            .fails(&[Code::Conflict]),
        change("DELETE", "Agents", AGENT, "Remove it; its sessions end").gives::<RemovedAgent>(),
        get("Environments", ENVIRONMENT, "One environment, with what it owns", Who::Readers)
            .gives::<EnvironmentDetail>(),
        change("PATCH", "Environments", ENVIRONMENT, "Change its tier; lowering it takes a fresh proof")
            .takes::<ChangeTier>()
            .gives::<ChangedTier>()
            .fails(&[Code::Conflict]),
        change("DELETE", "Environments", ENVIRONMENT, "Remove it, where nothing points to it")
            .gives::<RemovedEnvironment>()
            .fails(&[Code::Conflict]),
        get("Environments", "/v1/inventory", "What providers said that they have", Who::Readers)
            .gives::<Inventory>(),
        change("POST", "Environments", "/v1/inventory", "Ask the providers anew")
            .nothing()
            .gives::<Inventory>(),
        get("Credentials", "/v1/credentials/{name}", "One credential, never its secret", Who::Readers)
            .gives::<CredentialDetail>(),
        get("Providers", "/v1/providers", "Packs and their hosts", Who::Readers).gives::<ProviderList>(),
        get(
            "Providers",
            "/v1/providers/{name}/operations",
            "What can be done there, 100 a page",
            Who::Readers,
        )
        .query(&[
            text("q", false, "Words that the operation has"),
            text("class", false, "read, reveal, write, grant, destroy or unknown"),
            text("after", false, "The operation that the last page ended with"),
        ])
        .gives::<OperationPage>(),
        change(
            "POST",
            "Providers",
            "/v1/providers/reload",
            "Read the folder of packs anew; all of it is good, or nothing changes",
        )
        .nothing()
        .gives::<ReloadedPacks>(),
        get("About", "/v1/settings", "What the configuration says, and where from", Who::Readers)
            .gives::<Settings>(),
        super::calls::post(
            "About",
            "/v1/settings/single-sign-on/check",
            "Ask the OpenID provider now for what it says of itself",
            Who::Administrators,
        )
        .nothing()
        .gives::<SsoCheck>(),
        get("About", "/v1/welcome", "What is left of the first steps", Who::Readers).gives::<Welcome>(),
    ]
}

pub(super) fn alerts() -> Vec<Call> {
    const GROUP: &str = "Alerts";
    vec![
        get(GROUP, "/v1/alerts", "What went wrong or looks like it, newest first", Who::Readers)
            .query(&[
                text("kind", false, "Only those of this kind"),
                super::calls::number("before", "Only those before this one"),
                super::calls::number("limit", "At most so many, 50 when absent, 500 at most"),
            ])
            .gives::<AlertList>(),
        super::calls::post(GROUP, "/v1/alerts/seen", "Say that one has seen them", Who::Readers)
            .takes::<SeeAlerts>()
            .gives::<AlertList>(),
    ]
}

pub(super) fn all_sessions() -> [super::Parameter; 6] {
    [
        flag("all", "Those that have ended too"),
        text("state", false, "live or ended"),
        text("agent", false, "Only those of this agent"),
        text("environment", false, "Only those in this environment"),
        text("before", false, "Only those before this session"),
        super::calls::number("limit", "At most so many, 50 when absent, 500 at most"),
    ]
}
