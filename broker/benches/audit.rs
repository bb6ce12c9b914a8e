//! What a record costs to encode, link, and verify. The goal: a million records verified a second on one core.

use std::hint::black_box;

use chrono::DateTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;
use stint_broker::audit::{AuditKey, Checkpoint, Export, Head, Verifier, encode, link, verify_export};
use stint_broker::model::{Event, EventKind, RecordId};
use stint_broker::secret::Secret;

const RECORDS: i64 = 10_000;

fn event() -> Event {
    let facts = json!({
        "class": "write",
        "credential": "railway",
        "decision": "allow",
        "digest": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "environments": ["staging"],
        "operations": ["railway:variableUpsert"],
        "policies": ["starter.write"],
        "request": "POST backboard.railway.app/graphql/v2",
    });
    Event {
        id: RecordId::from_uuid(uuid::Uuid::from_u128(7)),
        at: DateTime::from_timestamp(1_795_000_000, 123_456_000).unwrap_or_default(),
        kind: EventKind::RequestDecided,
        session: Some("ses_0123456789abcdef0123456789abcdef".into()),
        actor: "agent:ci".into(),
        facts: facts.as_object().cloned().unwrap_or_default(),
    }
}

fn audit(criterion: &mut Criterion) {
    let event = event();
    let body = encode(&event);
    let Ok(key) = AuditKey::from_seed(&Secret::new(vec![7; 32])) else { return };

    let mut rows = Vec::new();
    let mut lines = Vec::new();
    let mut export = Export::start(Head::EMPTY, key.public(), &mut lines);
    let mut head = Head::EMPTY;
    for seq in 1..=RECORDS {
        head = head.next(&body);
        rows.push(head);
        export.record(seq, &head.hash, &body, &mut lines);
        if seq % 1000 == 0 {
            export.checkpoint(&Checkpoint::sign(&head, event.at, &key), &mut lines);
        }
    }
    export.finish(event.at, &key, &mut lines);

    let mut group = criterion.benchmark_group("audit");
    group.throughput(Throughput::Elements(1));
    group.bench_function("encode", |b| b.iter(|| encode(black_box(&event))));
    group.bench_function("link", |b| b.iter(|| link(&[1; 32], 7, black_box(&body))));
    group.throughput(Throughput::Elements(RECORDS.unsigned_abs()));
    group.bench_function("verify rows", |b| {
        b.iter(|| {
            let mut verifier = Verifier::new(key.public().clone(), Head::EMPTY);
            for row in &rows {
                verifier.push(row.seq, &row.hash, &body);
            }
            assert!(verifier.finish().is_sound());
        });
    });
    group.bench_function("verify export", |b| {
        b.iter(|| assert!(verify_export(&lines[..], key.public()).is_ok_and(|report| report.is_sound())));
    });
    group.finish();
}

criterion_group!(benches, audit);
criterion_main!(benches);
