//! The enforcing proxy. A request passes ten phases, one file each, with the same names in spans, records and docs:
//! accept, identify, classify, resolve, decide, record, inject, forward, screen, close.
//!
//! Knows the order of the phases and HTTP. Must not know policies, SQL or secrets: a decision is a value that it holds,
//! and a credential passes through it inside an `Injection` that it cannot open.

mod accept;
mod capture;
mod classify;
mod close;
mod decide;
mod forward;
mod identify;
mod inject;
mod record;
mod resolve;
mod screen;

use axum::body::Body;
use http::{HeaderValue, Request, Response};
use stint_api::HEADER_RECORD;

use crate::app::{self, App};
use crate::problem;

/// The path under which the gateway answers.
pub const PREFIX: &str = "/gateway/";

/// Take one request through the phases. Never fails: what goes wrong is a recorded refusal.
pub async fn handle(app: &App, request: Request<Body>) -> Response<Body> {
    let mut trace = record::Trace::of(&request);
    match pass(app, request, &mut trace).await {
        Ok(response) => response,
        Err(error) => refuse(app, trace, error).await,
    }
}

async fn pass(app: &App, request: Request<Body>, trace: &mut record::Trace) -> app::Result<Response<Body>> {
    let (accepted, body) = accept::accept(request)?;
    trace.accepted(&accepted);
    let caller = identify::caller(app, &accepted).await?;
    trace.identified(&caller);
    let identified = identify::credential(app, &accepted, caller)?;
    trace.granted(&identified);
    let (body, tail) = accept::body(app, &identified, body).await?;
    trace.body(&body, tail.is_some());
    let canonical = accept::canonical(app, &identified, accepted, body, tail.is_some())?;
    // As it is judged: what git compresses is open now.
    trace.body(&canonical.body, tail.is_some());
    let understood = classify::classify(app, &identified, canonical)?;
    let mut judged = resolve::resolve(app, &identified, understood).await?;
    let recorded = match decide_and_record(app, &identified, &mut judged).await {
        Ok(recorded) => recorded,
        Err(error) => {
            // Written down here, since only a refusal says it twice.
            trace.judged(&judged);
            return Err(error);
        }
    };
    // From here on the intent is on record, so what happens next is its outcome and not a refusal.
    let close = close::Close::of(app, &identified, &recorded);
    let record = recorded.id.clone();
    let capturing = app.capturing(&identified.credential, &judged);
    let mut response = match send(app, &identified, recorded, judged, tail).await {
        Ok(sent) if !capturing.is_empty() => {
            capture::capture(app, &identified, &capturing, &record, sent, close)
                .await
                .unwrap_or_else(|error| told(app, &error, None, trace))
        }
        Ok(sent) => screen::screen(sent, close).unwrap_or_else(|error| told(app, &error, None, trace)),
        Err(error) => {
            close.failed(&error);
            told(app, &error, None, trace)
        }
    };
    stamp(&mut response, &record);
    Ok(response)
}

async fn decide_and_record(
    app: &App,
    identified: &identify::Identified,
    judged: &mut app::Judged,
) -> app::Result<app::Intent> {
    let authorized = decide::decide(app, identified, judged).await?;
    decide::snapshot(app, identified, judged, &authorized).await?;
    record::record(app, identified, judged, authorized).await
}

async fn send(
    app: &App,
    identified: &identify::Identified,
    recorded: app::Intent,
    judged: app::Judged,
    tail: Option<app::Tail>,
) -> app::Result<app::Sent> {
    let outgoing = inject::inject(app, identified, recorded, judged, tail)?;
    forward::forward(app, outgoing).await
}

/// Record a refusal and answer it. What cannot be recorded is answered 503, and was not sent either.
async fn refuse(app: &App, trace: record::Trace, error: app::Error) -> Response<Body> {
    match trace.refusal(app, &error).await {
        Ok(record) => {
            let mut response = told(app, &error, Some(&record), &trace);
            stamp(&mut response, &record);
            response
        }
        Err(unrecorded) => told(app, &unrecorded, None, &trace),
    }
}

/// In the form that whoever asks shows to people.
fn told(app: &App, error: &app::Error, record: Option<&str>, trace: &record::Trace) -> Response<Body> {
    let mut problem = problem::document(error);
    problem.record = record.map(str::to_owned);
    if problem.status == 403 {
        problem.instead = trace.instead(app);
    }
    problem::told(error, &problem, &trace.reply(app))
}

fn stamp(response: &mut Response<Body>, record: &str) {
    if let Ok(value) = HeaderValue::from_str(record) {
        response.headers_mut().insert(HEADER_RECORD, value);
    }
}
