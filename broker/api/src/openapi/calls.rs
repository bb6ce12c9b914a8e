//! The table of calls: what the router answers, in the order in which it is shown.

use utoipa::ToSchema;

use super::{Call, Gives, Parameter, Takes, Who, part};
use super::{audit, people, policies, registered};
use crate::*;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Every call of the control plane.
pub fn calls() -> Vec<Call> {
    [
        health(),
        oauth(),
        logins(),
        people::people(),
        registry(),
        registered::registered(),
        sessions(),
        approvals(),
        registered::alerts(),
        policies::policies(),
        audit::audit(),
        people::channels(),
        about(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn health() -> Vec<Call> {
    vec![
        get("Health", "/healthz", "Whether the process runs", Who::Anybody),
        get("Health", "/readyz", "Whether it is unsealed and can record", Who::Anybody)
            .fails(&[Code::Sealed, Code::NotRecorded]),
        post("Health", "/v1/unseal", "Give the passphrase of a sealed broker", Who::Anybody)
            .fields(JSON, UNSEAL)
            .any()
            .fails(&[Code::NotAuthenticated]),
        get("Health", "/v1/status", "What the broker is and how much it holds", Who::AnyLogin)
            .gives::<Status>(),
    ]
}

fn oauth() -> Vec<Call> {
    const GROUP: &str = "OAuth";
    let get_json = |path, summary| get(GROUP, path, summary, Who::Anybody).any();
    vec![
        get_json("/.well-known/oauth-authorization-server", "Metadata of the issuer (RFC 8414)"),
        get_json("/.well-known/oauth-protected-resource", "Metadata of the gateway (RFC 9728)"),
        get_json("/oauth/jwks", "Public keys of tokens (RFC 7517)"),
        post(GROUP, "/oauth/token", "Get a token (RFC 6749 s3.2), with a DPoP header", Who::Anybody)
            .fields(FORM, TOKEN)
            .gives::<TokenResponse>(),
        post(
            GROUP,
            "/oauth/device_authorization",
            "Ask for a login of this machine (RFC 8628 s3.1)",
            Who::Anybody,
        )
        .fields(FORM, DEVICE)
        .gives::<DeviceAuthorization>(),
    ]
}

const UNSEAL: &[Parameter] = &[text("passphrase", true, "As it was set at the first start")];

const TOKEN: &[Parameter] = &[
    text("grant_type", true, "client_credentials, or the device grant's"),
    text("client_id", false, "Of a login, agent or session; stint for the device grant"),
    text("client_assertion_type", false, "The one of RFC 7523 s2.2, for client_credentials"),
    text("client_assertion", false, "Signed by the client's key (RFC 7523)"),
    text("device_code", false, "For the device grant (RFC 8628 s3.4)"),
    text("authorization_details", false, "One detail of type stint (RFC 9396)"),
];

const DEVICE: &[Parameter] = &[
    text("client_id", true, "stint"),
    text("device", false, "What the machine is called, for whoever says yes"),
];

fn logins() -> Vec<Call> {
    const GROUP: &str = "Logins";
    vec![
        post(GROUP, "/v1/setup", "Use the setup token, once, to become the first owner", Who::Anybody)
            .takes::<Setup>()
            .gives::<SetupDone>()
            .fails(&[Code::NotAuthenticated]),
        get(GROUP, "/v1/whoami", "Who asks, and how far their login reaches", Who::AnyLogin)
            .gives::<WhoAmI>(),
        post(GROUP, "/v1/logout", "Forget the login that asks", Who::AnyLogin)
            .nothing()
            .gives::<EndedLogin>()
            .fails(&[Code::Conflict]),
        post(GROUP, "/v1/console-link", "Where the console is; a way in for who has none yet", Who::AnyLogin)
            .nothing()
            .gives::<ConsoleLink>(),
        post(GROUP, "/v1/logins/{client_id}/elevate", "Let a login administer for 15 minutes", Who::Console)
            .nothing()
            .gives::<Elevated>(),
        post(GROUP, "/v1/logins/{client_id}/lower", "Take that back", Who::AnyLogin)
            .nothing()
            .gives::<Elevated>(),
    ]
}

fn registry() -> Vec<Call> {
    const ENVIRONMENTS: &str = "Environments";
    const CREDENTIALS: &str = "Credentials";
    const AGENTS: &str = "Agents";
    const SELECTORS: &str = "/v1/environments/{name}/selectors";
    let add = |group, path, summary| post(group, path, summary, Who::Administrators).fails(&[Code::Conflict]);
    vec![
        get(ENVIRONMENTS, "/v1/environments", "Environments and what belongs to them", Who::AnyLogin)
            .gives::<EnvironmentList>(),
        add(ENVIRONMENTS, "/v1/environments", "Name an environment")
            .takes::<AddEnvironment>()
            .gives::<Environment>(),
        add(ENVIRONMENTS, SELECTORS, "Say that a provider's thing belongs to it")
            .takes::<AddSelector>()
            .gives::<Environment>(),
        call("DELETE", ENVIRONMENTS, SELECTORS, "Say that it no longer does", Who::Administrators)
            .takes::<AddSelector>()
            .gives::<Environment>(),
        get(CREDENTIALS, "/v1/credentials", "Credentials, never their secrets", Who::AnyLogin)
            .gives::<CredentialList>(),
        add(CREDENTIALS, "/v1/credentials", "Put a credential into the vault")
            .takes::<AddCredential>()
            .gives::<Credential>()
            .fails(&[Code::NotFound]),
        add(CREDENTIALS, "/v1/credentials/{name}/versions", "Give it a new secret")
            .takes::<AddVersion>()
            .gives::<Credential>(),
        add(CREDENTIALS, "/v1/credentials/{name}/revoke", "Never use it again").gives::<Credential>(),
        add(CREDENTIALS, "/v1/credentials/{name}/keep", "Keep a secret that was taken out of an answer")
            .gives::<Credential>(),
        get(AGENTS, "/v1/agents", "Registered agents", Who::AnyLogin).gives::<AgentList>(),
        add(AGENTS, "/v1/agents", "Register an agent").takes::<AddAgent>().gives::<Agent>(),
    ]
}

fn sessions() -> Vec<Call> {
    const GROUP: &str = "Sessions";
    vec![
        get(GROUP, "/v1/sessions", "Sessions, newest first", Who::AnyLogin)
            .query(&registered::all_sessions())
            .gives::<SessionList>(),
        post(GROUP, "/v1/sessions", "Start a session for an agent", Who::Workers)
            .takes::<StartSession>()
            .gives::<StartedSession>()
            .fails(&[Code::NotFound, Code::Denied]),
        post(GROUP, "/v1/sessions/end-all", "The kill switch: every live session ends", Who::WorkersWhoRead)
            .takes::<EndSessions>()
            .gives::<EndedSessions>(),
        get(GROUP, "/v1/sessions/{id}", "One session", Who::SessionOrLogin).gives::<Session>(),
        post(GROUP, "/v1/sessions/{id}/end", "End it; one that has ended is no error", Who::SessionOrWorker)
            .takes::<EndSessions>()
            .gives::<EndedSessions>(),
        post(GROUP, "/v1/sessions/{id}/children", "Start one within it, never wider", Who::Session)
            .takes::<StartSession>()
            .gives::<StartedSession>()
            .fails(&[Code::NotFound, Code::Denied]),
        get(GROUP, "/v1/sessions/{id}/started", "What it got when it started", Who::Session)
            .gives::<StartedSession>(),
        post(GROUP, "/v1/sessions/{id}/heartbeat", "Keep it alive", Who::Session).gives::<Heartbeat>(),
    ]
}

fn approvals() -> Vec<Call> {
    const GROUP: &str = "Approvals";
    let decide = |path, summary| {
        post(GROUP, path, summary, Who::Approvers).gives::<Approval>().fails(&[Code::Conflict])
    };
    vec![
        get(GROUP, "/v1/approvals", "What waits for a person, and what was decided", Who::AnyLogin)
            .query(&[text("state", false, "waiting, approved, denied, used or expired")])
            .gives::<ApprovalList>(),
        get(GROUP, "/v1/approvals/{id}", "One approval", Who::SessionOrLogin)
            .query(&[number("wait", "Seconds to wait for a decision, 60 at most")])
            .gives::<Approval>(),
        decide("/v1/approvals/{id}/approve", "Say yes, once, to exactly this request")
            .takes::<Approve>()
            .fails(&[Code::ConfirmationMismatch, Code::SessionEnded]),
        decide("/v1/approvals/{id}/deny", "Say no, with a reason that the agent reads").takes::<Deny>(),
        post(GROUP, "/v1/approvals/{id}/deny-alike", "Say no to all that are alike", Who::Approvers)
            .takes::<Deny>()
            .gives::<ApprovalList>()
            .fails(&[Code::Conflict]),
    ]
}

fn about() -> Vec<Call> {
    vec![get("About", "/v1/openapi.json", "This description", Who::Anybody).any()]
}

pub(super) fn get(group: &'static str, path: &'static str, summary: &'static str, who: Who) -> Call {
    call("GET", group, path, summary, who)
}

pub(super) fn post(group: &'static str, path: &'static str, summary: &'static str, who: Who) -> Call {
    call("POST", group, path, summary, who)
}

/// What a call gives is text until its type is named.
pub(super) fn call(
    method: &'static str,
    group: &'static str,
    path: &'static str,
    summary: &'static str,
    who: Who,
) -> Call {
    Call {
        method,
        path,
        group,
        summary,
        who,
        query: Vec::new(),
        takes: Takes::Nothing,
        gives: Gives::Text,
        codes: Vec::new(),
    }
}

pub(super) const fn text(name: &'static str, required: bool, about: &'static str) -> Parameter {
    Parameter { name, kind: "string", required, about }
}

pub(super) const fn number(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, kind: "integer", required: false, about }
}

pub(super) const fn flag(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, kind: "boolean", required: false, about }
}

impl Call {
    pub(super) fn query(mut self, parameters: &[Parameter]) -> Self {
        self.query = parameters.to_vec();
        self
    }

    pub(super) fn takes<T: ToSchema>(mut self) -> Self {
        self.takes = Takes::Json(part::<T>);
        self
    }

    /// The empty object.
    pub(super) fn nothing(self) -> Self {
        self.fields(JSON, &[])
    }

    pub(super) fn fields(mut self, media: &'static str, fields: &'static [Parameter]) -> Self {
        self.takes = Takes::Fields(media, fields);
        self
    }

    pub(super) fn gives<T: ToSchema>(mut self) -> Self {
        self.gives = Gives::Json(part::<T>);
        self
    }

    pub(super) fn any(mut self) -> Self {
        self.gives = Gives::AnyJson;
        self
    }

    pub(super) fn fails(mut self, codes: &[Code]) -> Self {
        self.codes.extend(codes);
        self
    }
}
