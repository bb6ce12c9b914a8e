//! Batches: all or nothing for each job, one winner, nobody disturbed by another's failure.

use std::collections::BTreeSet;

use stint_broker::model::*;
use stint_broker::store::{Change, Commit, CommitError, Store};

use super::rows::{approval, environment, name, session};
use super::{assert_unbroken, at, both, event, link, put, with, write};

/// Commits at once; the answers in the same order.
pub(super) async fn at_once(store: &Store, commits: Vec<Commit>) -> Vec<Result<i64, CommitError>> {
    let mut tasks = Vec::new();
    for commit in commits {
        let store = store.clone();
        tasks.push(tokio::spawn(async move { write(&store, commit).await }));
    }
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

fn winners(answers: &[Result<i64, CommitError>]) -> usize {
    answers.iter().filter(|answer| answer.is_ok()).count()
}

both! {
    async fn a_receipt_names_the_last_record_and_its_place(place) {
        let store = place.open().await;
        let events = vec![event(EventKind::ApprovalUsed), event(EventKind::RequestDecided)];
        let last = events[1].id.clone();
        let receipt = store.commit(Commit { changes: vec![], events, digest: Some([5; 32]) }).await.unwrap();
        assert_eq!((receipt.record(), receipt.seq(), receipt.digest()), (&last, 2, Some(&[5; 32])));
        let stored = store.records_from(2, 1).await.unwrap().remove(0);
        let text = String::from_utf8(stored.body).unwrap();
        assert!(text.contains(last.as_str()), "record 2 is another one: {text}");
    }

    async fn a_thousand_commits_at_once_are_all_written_and_each_has_its_place(place) {
        let store = place.open().await;
        let rows: Vec<SessionRow> = (0..1000).map(|_| session()).collect();
        let commits = rows.iter().map(|row| Commit {
            changes: vec![
                Change::Remember { key: link(&[0; 32], 1, row.id.as_str().as_bytes()), until: at(60).timestamp() },
                Change::AddSession(row.clone()),
            ],
            events: vec![event(EventKind::SessionStarted), event(EventKind::TokenMinted)],
            digest: None,
        });
        let answers = at_once(&store, commits.collect()).await;
        let seqs: BTreeSet<i64> = answers.iter().map(|answer| *answer.as_ref().unwrap()).collect();
        assert_eq!(seqs, (1..=1000).map(|n| n * 2).collect(), "two commits share a place, or their records are apart");
        assert_eq!(assert_unbroken(&store).await, 2000);
        let found: BTreeSet<_> = store.sessions(true, 2000).await.unwrap().into_iter().map(|row| row.id).collect();
        assert_eq!(found, rows.into_iter().map(|row| row.id).collect());
    }

    async fn of_many_that_use_the_same_thing_exactly_one_wins(place) {
        let store = place.open().await;
        let row = ApprovalRow { state: stint_api::ApprovalState::Approved, ..approval() };
        put(&store, Change::AddApproval(row.clone())).await.unwrap();
        put(&store, Change::SetSetupToken { hash: [4; 32] }).await.unwrap();

        let commits = |make: &dyn Fn() -> Change| (0..50).map(|_| with(vec![make()])).collect();
        let used = at_once(&store, commits(&|| Change::UseApproval { id: row.id.clone(), at: at(1) })).await;
        assert_eq!(winners(&used), 1);
        let used = at_once(&store, commits(&|| Change::UseSetupToken { hash: [4; 32] })).await;
        assert_eq!(winners(&used), 1);
        let remembered = at_once(&store, commits(&|| Change::Remember { key: [1; 32], until: at(9).timestamp() })).await;
        assert_eq!(winners(&remembered), 1);
        assert!(remembered.iter().flat_map(Result::as_ref).count() == 1);
        assert!(remembered.into_iter().filter_map(Result::err).all(|error| matches!(error, CommitError::Replayed)));
        assert_eq!(assert_unbroken(&store).await, 5);
    }

    async fn a_job_that_fails_halfway_leaves_nothing_and_disturbs_nobody(place) {
        let store = place.open().await;
        put(&store, Change::AddEnvironment(environment("taken", &["railway:environment/taken"]))).await.unwrap();
        let mut commits = Vec::new();
        for number in 0..100 {
            let own = environment(&format!("e{number}"), &[&format!("railway:environment/{number}")]);
            let mut changes = vec![
                Change::Remember { key: [number; 32], until: at(60).timestamp() },
                Change::AddEnvironment(own),
            ];
            match number % 4 {
                // Fails on the second of two statements; on PostgreSQL the second raises an error.
                0 => changes.push(Change::AddEnvironment(environment("taken", &[]))),
                1 => changes.push(Change::AddSelector {
                    environment: name("nowhere"), selector: Selector::parse("railway:environment/x").unwrap(),
                }),
                _ => {}
            }
            commits.push(with(changes));
        }
        let answers = at_once(&store, commits).await;
        for (number, answer) in answers.iter().enumerate() {
            assert_eq!(answer.is_ok(), number % 4 >= 2, "{number}: {answer:?}");
            let row = store.environment(&name(&format!("e{number}"))).await.unwrap();
            assert_eq!(row.is_some(), answer.is_ok(), "{number}");
            // The proof of a job that failed may be used by another.
            let remember = Change::Remember { key: [u8::try_from(number).unwrap(); 32], until: at(60).timestamp() };
            let again = put(&store, remember).await;
            assert_eq!(again.is_ok(), answer.is_err(), "{number}: {again:?}");
        }
        assert_eq!(assert_unbroken(&store).await, 1 + 50 + 50);
    }

    async fn a_value_that_the_database_refuses_fails_only_its_own_job(place) {
        let store = place.open().await;
        // PostgreSQL cannot hold a NUL in a text; SQLite can.
        let poison = SessionRow { command: Some("a\0b".to_owned()), ..session() };
        let good: Vec<SessionRow> = (0..40).map(|_| session()).collect();
        let mut commits: Vec<Commit> = good.iter().map(|row| with(vec![Change::AddSession(row.clone())])).collect();
        commits.insert(20, with(vec![Change::AddSession(poison.clone())]));
        let mut answers = at_once(&store, commits).await;
        let bad = answers.remove(20);
        assert_eq!(winners(&answers), 40, "{answers:?}");
        assert_eq!(bad.is_ok(), store.session(&poison.id).await.unwrap().is_some());
        assert_eq!(assert_unbroken(&store).await, 40 + i64::from(bad.is_ok()));
    }

    async fn what_is_recorded_later_is_recorded(place) {
        let store = place.open().await;
        for _ in 0..500 {
            store.commit_later(Commit::event(event(EventKind::RequestClosed)));
        }
        store.flush().await.unwrap();
        assert_eq!(store.queued(), 0);
        assert_eq!(assert_unbroken(&store).await, 500);
    }

    async fn closing_writes_what_is_queued_and_refuses_what_comes_after(place) {
        let store = place.open().await;
        let other = store.clone();
        for _ in 0..500 {
            store.commit_later(Commit::event(event(EventKind::RequestClosed)));
        }
        store.close().await;
        let late = other.commit(Commit::event(event(EventKind::BrokerStarted))).await;
        assert!(matches!(late, Err(CommitError::Unavailable(stint_broker::store::Error::Closed))), "{late:?}");
        assert!(other.flush().await.is_err());
        let reopened = place.open().await;
        assert_eq!(assert_unbroken(&reopened).await, 500);
    }
}
