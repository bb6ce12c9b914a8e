use axum::body::Body as Stream;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::{HeaderValue, header};
use stint_api::{Activity, ActivityQuery, AuditEntry, AuditPage, AuditQuery, Chain, Verification, Verify};

use super::caller::{AsPerson, Failed};
use super::json::{Answer, Body};
use super::routes::Reply;
use crate::app::App;

pub(super) async fn list(
    State(app): State<App>,
    _: AsPerson,
    Query(query): Query<AuditQuery>,
) -> Reply<AuditPage> {
    Ok(Answer(app.search(&query).await?))
}

pub(super) async fn entry(State(app): State<App>, _: AsPerson, Path(id): Path<String>) -> Reply<AuditEntry> {
    Ok(Answer(app.audit_entry(&id).await?))
}

pub(super) async fn chain(State(app): State<App>, _: AsPerson) -> Reply<Chain> {
    Ok(Answer(app.chain().await?))
}

pub(super) async fn verify(
    State(app): State<App>,
    _: AsPerson,
    Body(body): Body<Verify>,
) -> Reply<Verification> {
    Ok(Answer(match body.last {
        Some(count) => app.verify_last(count).await?,
        None => app.verify_all().await?,
    }))
}

/// The export as `stint-broker audit export` writes it.
pub(super) async fn export(State(app): State<App>, AsPerson(caller): AsPerson) -> Result<Response, Failed> {
    let exporter = app.export_audit(&caller).await?;
    let mut response = Response::new(Stream::from_stream(exporter.pieces()));
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "application/jsonl"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"stint-audit.jsonl\""),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

pub(super) async fn activity(
    State(app): State<App>,
    _: AsPerson,
    Query(query): Query<ActivityQuery>,
) -> Reply<Activity> {
    Ok(Answer(app.activity(query.range).await?))
}
