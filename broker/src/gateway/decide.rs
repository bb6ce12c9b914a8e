//! Phase 5, decide: permit, deny, or a question to a person.

use stint_api::{ApprovalState, Code};

use super::identify::Identified;
use crate::app::{App, Authorized, DecisionFacts, Error, Judged, Result, Verdict};
use crate::policy::Needed;

/// Decide, and where only a person stands in the way, hold the request for a while. What a person approved is resolved
/// and decided anew, and `judged` is then as it was found anew: an approval lifts a guardrail for things as they are, not
/// as they were.
pub(super) async fn decide(app: &App, identified: &Identified, judged: &mut Judged) -> Result<Authorized> {
    if judged.request.is_grpc() {
        // Nobody is asked about what cannot be sent.
        let detail = "calls of gRPC are understood, and not sent yet: their answers end with a status that is not carried";
        let error = Error::new(Code::NotUnderstood, detail);
        return Err(error.hint("call the same API by REST: transport=\"rest\" in Google's client libraries"));
    }
    app.count_others(&identified.caller.session, judged).await?;
    let needed = match verdict(app, identified, judged, None) {
        Verdict::Allow(authorized) => return Ok(authorized),
        Verdict::Deny(error) => return Err(error),
        Verdict::Ask(needed) => needed,
    };
    // Asked for only where a person's yes could matter: what policy allows by itself reads no table.
    if let Some(approved) = app.approved(&identified.caller.session, &identified.credential, judged).await? {
        return match verdict(app, identified, judged, Some(approved)) {
            Verdict::Allow(authorized) => Ok(authorized),
            Verdict::Deny(error) => Err(error),
            Verdict::Ask(needed) => ask(app, identified, judged, needed).await,
        };
    }
    ask(app, identified, judged, needed).await
}

/// Where a policy wants a snapshot first, the request waits until it is complete.
pub(super) async fn snapshot(
    app: &App,
    identified: &Identified,
    judged: &mut Judged,
    authorized: &Authorized,
) -> Result<()> {
    app.snapshot_first(&identified.caller.session, &identified.credential, judged, authorized).await
}

async fn ask(app: &App, identified: &Identified, judged: &mut Judged, needed: Needed) -> Result<Authorized> {
    let session = &identified.caller.session;
    let asked =
        app.ask(session, &identified.credential, judged, &needed, identified.reason.as_deref()).await?;
    let row = app.hold(&asked.id, app.config().approval.hold).await?;
    let facts = DecisionFacts {
        operations: judged.operation_names(),
        environments: judged.environment_names(),
        policies: needed.lift.policies.clone(),
        approval: Some(app.approval_pointer(&row)),
    };
    match row.state {
        ApprovalState::Approved => {
            // The session may have ended, the thing may have moved and policy may have changed while a person thought.
            app.live_session(&session.row.id).await?;
            *judged = app.resolve(&identified.credential, judged.understood()).await?;
            let approved = app.approved(session, &identified.credential, judged).await?;
            match verdict(app, identified, judged, approved) {
                Verdict::Allow(authorized) => Ok(authorized),
                Verdict::Deny(error) => Err(error),
                Verdict::Ask(_) => Err(Error::new(
                    Code::ApprovalRequired,
                    "what the request touches changed after it was approved, so the approval does not cover it",
                )
                .hint("send the request again to ask for a new approval")
                .decided(facts)),
            }
        }
        ApprovalState::Denied => {
            let reason = row.reason.unwrap_or_else(|| "no reason was given".to_owned());
            Err(Error::new(Code::ApprovalDenied, format!("a person denied this: {reason}"))
                .hint("do not try to reach the same effect in another way; tell your user what was denied and why")
                .decided(facts))
        }
        _ => {
            let confirm = match &needed.lift.confirm {
                Some(confirm) => format!(" --confirm {:?}", confirm.text),
                None => String::new(),
            };
            let whom = match needed.lift.approvers {
                1 => "a person".to_owned(),
                more => format!("{more} people, none of them the one you work for,"),
            };
            Err(Error::new(Code::ApprovalRequired, needed.reason)
                .hint(format!(
                    "ask {whom} to run: stint approval approve {}{confirm} - then send exactly this request again before {}; to wait for the decision: stint approval wait {}",
                    row.id,
                    row.expires_at.format("%H:%M:%S UTC"),
                    row.id
                ))
                .decided(facts))
        }
    }
}

fn verdict(
    app: &App,
    identified: &Identified,
    judged: &Judged,
    approved: Option<(crate::model::ApprovalId, crate::model::Lift)>,
) -> Verdict {
    app.decide(&identified.caller.session, &identified.credential, judged, approved)
}
