//! The trail of all that: verified where it is, and from an export with nothing but the public key.

use std::io::{BufReader, Cursor};
use std::path::Path;

use super::scene::Scene;
use super::table::{Row, Table};
use crate::app::{Unsealing, database, trail};
use crate::audit::{PublicKey, Report, encode, link, verify_export};
use crate::clock::Clock;
use crate::store::Store;

/// `records` are the ids that answers named: the trail must hold them all.
pub(super) async fn act(scene: &Scene, records: &[String], table: &mut Table) -> Result<(), String> {
    table.section("The audit trail");
    let config = scene.running.app.config();
    let store = Store::open(&database(config), link, encode).await.map_err(|error| error.to_string())?;
    let verified = trail::verify(&store, &config.data).await.map_err(|error| error.detail)?;
    table.push(
        sound("stint-broker audit verify --data DIR", &verified.report)
            .expect(verified.beside.is_empty(), verified.beside.join(", ")),
    );
    let clock = Clock::system();
    let unsealing = Unsealing { key: None, passphrase: None };
    let key = trail::audit_key(config, &store, &clock, unsealing).await?;
    let mut export = Vec::new();
    trail::export(&store, &key, &clock, &mut export).await.map_err(|error| error.detail)?;
    drop(key);
    store.close().await;

    let text = String::from_utf8(export).map_err(|_| "the export is not text")?;
    let kept = records.iter().filter(|id| text.contains(id.as_str())).count();
    let report = verify(&text, &config.data)?;
    table.push(
        sound("the same on an export, with the public key", &report)
            .expect(report.records == verified.report.records, "the export is not the whole trail"),
    );
    table.push(
        Row::new(
            "every request of the agent is in it",
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

fn sound(tried: &str, report: &Report) -> Row {
    let faults: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
    let what = if report.is_sound() { "sound" } else { "NOT sound" };
    Row::new(tried, format!("{what}: {} records", report.records), "hash chain, signed head")
        .expect(report.is_sound(), faults.join(", "))
        .expect(report.records > 0, "there are no records")
}

/// Somebody makes the deletion look like something else: one letter of one record.
fn tampered(export: &str, data: &Path) -> Result<Row, String> {
    let (before, _) = export.split_once("volumeDelete").ok_or("the trail does not name the deletion")?;
    // The first line is the export's header, so a line's number is its record's, as long as no checkpoint stands before.
    let altered = export.replacen("volumeDelete", "volumeDelets", 1);
    let record = records_through(before);
    let report = verify(&altered, data)?;
    let found = report.faults.first().map(|fault| fault.seq);
    let text = report.faults.first().map_or_else(|| "not found".to_owned(), ToString::to_string);
    Ok(Row::new("one letter changed in a copy of the export", text, "the link breaks there")
        .expect(!report.is_sound(), "the changed record was not found")
        .expect(found == Some(record), format!("put at record {found:?} and not at {record}")))
}

/// The position of the record on whose line the text ends: lines that are neither header nor checkpoint.
fn records_through(text: &str) -> i64 {
    let lines = text.lines().skip(1).filter(|line| !line.starts_with("{\"checkpoint\""));
    i64::try_from(lines.count()).unwrap_or_default()
}
