//! The trail of all that: verified where it is, and from an export with nothing but the public key.

use std::io::{BufReader, Cursor};
use std::path::Path;

use super::scene::Scene;
use super::table::{Row, Table};
use crate::app::{Unsealing, trail};
use crate::audit::{PublicKey, Report, What, verify_export};
use crate::clock::Clock;

/// `records` are the ids that answers named: the trail must hold them all.
pub(super) async fn act(scene: &Scene, records: &[String], table: &mut Table) -> Result<(), String> {
    table.section("The audit trail");
    let config = scene.running.app.config();
    let verified = trail::verify(config).await.map_err(|error| error.detail)?;
    table.push(
        sound("audit verify on the database", "hash chain, signed head", &verified.report)
            .expect(verified.beside.is_empty(), verified.beside.join(", ")),
    );
    let mut export = Vec::new();
    let unsealing = Unsealing { key: None, passphrase: None };
    trail::export(config, &Clock::system(), unsealing, &mut export).await.map_err(|error| error.detail)?;

    let text = String::from_utf8(export).map_err(|_| "the export is not text")?;
    let kept = records.iter().filter(|id| text.contains(id.as_str())).count();
    let report = verify(&text, &config.data)?;
    table.push(
        sound("audit verify on an export", "with the public key alone", &report)
            .expect(report.records == verified.report.records, "the export is not the whole trail"),
    );
    table.push(
        Row::new(
            "the agent's requests are all in it",
            format!("{kept} of {}", records.len()),
            "by the ids in the answers",
        )
        .expect(!records.is_empty() && kept == records.len(), "some are missing")
        .expect(!text.contains(&scene.vaulted), "the trail holds the vault's credential"),
    );
    table.push(tampered(&text, &config.data)?);
    Ok(())
}

/// With nothing but the public key that lies in the data folder.
fn verify(export: &str, data: &Path) -> Result<Report, String> {
    let path = data.join("audit.pub");
    let key = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let key = PublicKey::parse(&key).map_err(|error| error.to_string())?;
    verify_export(BufReader::new(Cursor::new(export)), &key).map_err(|error| error.to_string())
}

fn sound(tried: &str, why: &str, report: &Report) -> Row {
    let faults: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
    let what = if report.is_sound() { "sound" } else { "NOT sound" };
    Row::new(tried, format!("{what}: {} records", report.records), why)
        .expect(report.is_sound(), faults.join(", "))
        .expect(report.records > 0, "there are no records")
}

/// Somebody makes the deletion look like something else: one letter of one record.
fn tampered(export: &str, data: &Path) -> Result<Row, String> {
    let (before, _) = export.split_once("volumeDelete").ok_or("the trail does not name the deletion")?;
    let altered = export.replacen("volumeDelete", "volumeDelets", 1);
    let record = records_through(before);
    let report = verify(&altered, data)?;
    let found = report.faults.first();
    let happened =
        found.map_or_else(|| "not found".to_owned(), |fault| format!("found at record {}", fault.seq));
    let right = found.is_some_and(|fault| fault.seq == record && fault.what == What::Changed);
    let why = found.map(ToString::to_string).unwrap_or_default();
    Ok(Row::new("one letter of the export is changed", happened, why)
        .expect(!report.is_sound(), "the change was not found")
        .expect(right, format!("found {found:?}, and record {record} was changed")))
}

/// The position of the record on whose line the text ends: lines that are neither header nor checkpoint.
fn records_through(text: &str) -> i64 {
    let lines = text.lines().skip(1).filter(|line| !line.starts_with("{\"checkpoint\""));
    i64::try_from(lines.count()).unwrap_or_default()
}
