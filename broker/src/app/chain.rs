//! The state of the chain while the broker runs: its head, its last signature, verification on demand, export.

use std::sync::Arc;

use stint_api::{Chain, ChainCheckpoint, Code, Verification};

use super::walk::{Exporter, Step, Walk};
use super::{App, Error, Facts, PersonCaller, Result, trail};
use crate::audit::{Head, Report, Verifier};
use crate::clock::Clock;
use crate::model::{EventKind, digest_hex};
use crate::store::Commit;

/// Records that are verified while somebody waits.
const AT_ONCE: i64 = 20_000;

impl App {
    pub async fn chain(&self) -> Result<Chain> {
        let (seq, hash) = self.0.store.head().await?.unwrap_or((0, Head::EMPTY.hash));
        let checkpoint = self.0.store.last_checkpoint().await?;
        Ok(Chain {
            seq,
            hash: digest_hex(hash),
            checkpoint: checkpoint.map(|row| ChainCheckpoint { seq: row.seq, at: row.at, key: row.key_id }),
            verification: self.0.verification.load().as_ref().clone(),
        })
    }

    /// Verify the newest records now: their links, and the signatures among them.
    pub async fn verify_last(&self, count: i64) -> Result<Verification> {
        if !(1..=AT_ONCE).contains(&count) {
            return Err(Error::new(
                Code::InvalidInput,
                format!("last: 1 to {AT_ONCE} records can be verified at once"),
            )
            .hint("verify the whole chain instead: it is done in the background"));
        }
        let _turn = self.0.verifying.try_acquire().map_err(|_| busy())?;
        let key = trail::public_key(&self.0.config.data)?;
        let (mut verification, last) = self.begin().await?;
        verification.first = (verification.last - count + 1).max(1);
        // The first of them is judged by the hash of the one before it.
        let before = verification.first - 1;
        let head = match before {
            0 => Head::EMPTY,
            _ => match self.0.store.records_from(before, 1).await?.first() {
                Some(row) if row.seq == before => Head { seq: before, hash: row.hash },
                _ => {
                    verification.faults.push(format!("record {before}: missing"));
                    Head { seq: before, hash: [0; 32] }
                }
            },
        };
        let mut verifier = Verifier::new(key, head);
        let mut walk = Walk::from(&self.0.store, verification.first).await?;
        while let Some(steps) = walk.page().await? {
            for step in steps {
                match step {
                    Step::Record(row) => {
                        if row.seq == last.seq && row.hash != last.hash {
                            verification.faults.push(format!("record {}: not the one at the head", row.seq));
                        }
                        verifier.push(row.seq, &row.hash, &row.body);
                    }
                    Step::Checkpoint(checkpoint) => verifier.checkpoint(&checkpoint),
                }
            }
        }
        conclude(&self.0.clock, &mut verification, &verifier.finish(), Vec::new());
        self.0.verification.store(Arc::new(Some(verification.clone())));
        Ok(verification)
    }

    /// Begin to verify the whole chain; `chain` says how far it is.
    pub async fn verify_all(&self) -> Result<Verification> {
        let turn = Arc::clone(&self.0.verifying).try_acquire_owned().map_err(|_| busy())?;
        let (verification, _) = self.begin().await?;
        self.0.verification.store(Arc::new(Some(verification.clone())));
        let (app, mut running) = (self.clone(), verification.clone());
        tokio::spawn(async move {
            let progress = |records| {
                let now = Verification { records, ..running.clone() };
                app.0.verification.store(Arc::new(Some(now)));
            };
            match trail::judge(&app.0.store, &app.0.config.data, progress).await {
                Ok(verified) => conclude(&app.0.clock, &mut running, &verified.report, verified.beside),
                Err(error) => {
                    running.finished_at = Some(app.0.clock.now());
                    running.faults.push(format!("it could not be finished: {}", error.detail));
                }
            }
            app.0.verification.store(Arc::new(Some(running)));
            app.tell(super::News::Record);
            drop(turn);
        });
        Ok(verification)
    }

    /// The whole chain with a signed end; that it was taken away is recorded first.
    pub async fn export_audit(&self, caller: &PersonCaller) -> Result<Exporter> {
        let keys = self.0.keys.load_full();
        let sealed = || {
            Error::new(Code::Sealed, "the broker is sealed, so it cannot sign an export")
                .hint("unseal it with: stint-broker unseal")
        };
        let key = Arc::clone(&keys.as_ref().as_ref().ok_or_else(sealed)?.audit);
        let head = self.0.store.head().await?.map_or(0, |(seq, _)| seq);
        let event =
            self.event(EventKind::AuditExported, &caller.actor(), None, Facts::new().with("through", head))?;
        let changes = caller.used_proof().into_iter().collect();
        self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await?;
        self.tell(super::News::Record);
        Exporter::start(&self.0.store, key, &self.0.clock).await
    }

    /// A verification of what there is now, and the head that it has to reach.
    async fn begin(&self) -> Result<(Verification, Head)> {
        let head = self.0.store.head().await?.map_or(Head::EMPTY, |(seq, hash)| Head { seq, hash });
        let verification = Verification {
            started_at: self.0.clock.now(),
            finished_at: None,
            first: 1,
            last: head.seq,
            records: 0,
            checkpoints: 0,
            sound: false,
            faults: Vec::new(),
        };
        Ok((verification, head))
    }
}

fn conclude(clock: &Clock, verification: &mut Verification, report: &Report, beside: Vec<String>) {
    verification.finished_at = Some(clock.now());
    verification.records = i64::try_from(report.records).unwrap_or(i64::MAX);
    verification.checkpoints = i64::try_from(report.checkpoints).unwrap_or(i64::MAX);
    verification.faults.extend(report.faults.iter().map(ToString::to_string));
    verification.faults.extend(beside);
    if report.more_faults > 0 {
        verification.faults.push(format!("and {} more", report.more_faults));
    }
    if report.head.seq < verification.last {
        let gone = report.head.seq.saturating_add(1);
        verification.faults.push(format!("records {gone} to {}: missing", verification.last));
    }
    verification.sound = verification.faults.is_empty();
}

fn busy() -> Error {
    Error::new(Code::Conflict, "a verification runs already")
        .hint("wait until it has ended; the audit page shows how far it is")
}
