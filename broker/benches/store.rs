//! What a durable commit costs on SQLite: alone, with a state change, and with many at once, beside one raw sync of the
//! same disk, which is the floor.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench stops where it cannot go on"
)]

use std::hint::black_box;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::DateTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ring::digest::{Context, SHA256};
use stint_broker::model::{Event, EventKind, RecordId};
use stint_broker::store::{Change, Commit, Database, Store};
use tokio::runtime::Runtime;

static NEXT: AtomicU64 = AtomicU64::new(1);

fn link(prev: &[u8; 32], seq: i64, body: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(prev);
    context.update(&seq.to_be_bytes());
    context.update(body);
    context.finish().as_ref().try_into().unwrap()
}

fn encode(event: &Event) -> Vec<u8> {
    serde_json::to_vec(event).unwrap()
}

fn event() -> Event {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let facts = serde_json::json!({
        "environment": "staging", "agent": "ci", "credential": "railway", "operations": ["railway:volumeDelete"],
        "request": "POST backboard.railway.app/graphql/v2", "decision": "deny", "policies": ["guardrail.destroy"],
    });
    Event {
        id: RecordId::parse(&format!("rec_{number:032x}")).unwrap(),
        at: DateTime::from_timestamp(1_795_348_800, 0).unwrap(),
        kind: EventKind::RequestDecided,
        session: Some("ses_0123456789abcdef0123456789abcdef".to_owned()),
        actor: "agent:ci".to_owned(),
        facts: facts.as_object().unwrap().clone(),
    }
}

/// What a token costs: one event and two things to remember.
fn mint() -> Commit {
    let remember = || {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Change::Remember { key: link(&[0; 32], 0, &number.to_be_bytes()), until: 1_795_348_860 }
    };
    Commit { changes: vec![remember(), remember()], events: vec![event()], digest: None }
}

fn commits(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = runtime.block_on(async {
        Store::open(&Database::Sqlite(folder.path().join("stint.db")), link, encode).await.unwrap()
    });

    let mut group = criterion.benchmark_group("store");
    let mut file = std::fs::File::create(folder.path().join("floor")).unwrap();
    group.bench_function("floor: one raw sync of 4 KiB", |bencher| {
        bencher.iter(|| {
            file.seek(SeekFrom::Start(0)).unwrap();
            file.write_all(black_box(&[7; 4096])).unwrap();
            file.sync_data().unwrap();
        });
    });
    group.bench_function("commit, 1 event, alone", |bencher| {
        bencher.iter(|| runtime.block_on(store.commit(Commit::event(event()))).unwrap().seq());
    });
    group.bench_function("commit, 1 event and 2 remembered, alone", |bencher| {
        bencher.iter(|| runtime.block_on(store.commit(mint())).unwrap().seq());
    });
    for (name, make) in [
        ("commit, 1 event, 64 at once", (|| Commit::event(event())) as fn() -> Commit),
        ("commit, 1 event and 2 remembered, 64 at once", mint),
    ] {
        group.throughput(Throughput::Elements(64 * 16));
        group.bench_function(name, |bencher| {
            bencher.iter(|| runtime.block_on(at_once(&store, make)));
        });
    }
    group.finish();
    runtime.block_on(store.close());
}

/// 64 callers, each commits 16 times, one after the other.
async fn at_once(store: &Store, make: fn() -> Commit) {
    let mut tasks = Vec::new();
    for _ in 0..64 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..16 {
                black_box(store.commit(make()).await.unwrap().seq());
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

criterion_group!(benches, commits);
criterion_main!(benches);
