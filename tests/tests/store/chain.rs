//! One chain, whoever writes.

use stint_broker::model::*;
use stint_broker::store::{Change, Commit, CommitError};

use super::commits::at_once;
use super::rows::approval;
use super::{assert_unbroken, at, both, event, put, with, write};

both! {
    async fn two_brokers_over_one_database_keep_one_unbroken_chain(place) {
        let (one, two) = (place.open().await, place.open().await);
        let row = ApprovalRow { state: stint_api::ApprovalState::Approved, ..approval() };
        put(&one, Change::AddApproval(row.clone())).await.unwrap();

        let many = |count: usize| (0..count).map(|_| Commit {
            changes: vec![], events: vec![event(EventKind::RequestDecided), event(EventKind::Lookup)], digest: None,
        });
        let contested = || vec![
            with(vec![Change::UseApproval { id: row.id.clone(), at: at(1) }]),
            with(vec![Change::Remember { key: [8; 32], until: at(60).timestamp() }]),
        ];
        let of_one: Vec<Commit> = many(200).chain(contested()).chain(many(200)).collect();
        let of_two: Vec<Commit> = many(200).chain(contested()).chain(many(200)).collect();
        let (from_one, from_two) = tokio::join!(at_once(&one, of_one), at_once(&two, of_two));

        for index in [200, 201] {
            let won = [&from_one[index], &from_two[index]].into_iter().filter(|answer| answer.is_ok()).count();
            assert_eq!(won, 1, "{:?} and {:?}", from_one[index], from_two[index]);
        }
        let failed: Vec<&CommitError> = from_one.iter().chain(&from_two).filter_map(|a| a.as_ref().err()).collect();
        assert_eq!(failed.len(), 2, "{failed:?}");
        // One for the approval, two for each of 800, one for each contested thing.
        assert_eq!(assert_unbroken(&one).await, 1 + 1600 + 2);
        assert_eq!(assert_unbroken(&two).await, 1 + 1600 + 2);
    }

    async fn a_chain_goes_on_after_a_restart(place) {
        let store = place.open().await;
        put(&store, Change::PutSeal("one".to_owned())).await.unwrap();
        store.close().await;
        let store = place.open().await;
        let receipt = put(&store, Change::PutSeal("two".to_owned())).await.unwrap();
        assert_eq!(receipt, 2);
        assert_eq!(assert_unbroken(&store).await, 2);
    }

    async fn a_proof_stays_used_after_a_restart_and_at_another_broker(place) {
        let remember = |byte| Change::Remember { key: [byte; 32], until: at(60).timestamp() };
        let (one, two) = (place.open().await, place.open().await);
        // In turns, so that each finds the chain moved by the other, and twice, so that each also does not.
        for round in 0..4u8 {
            for (byte, (first, second)) in [(1, (&one, &two)), (2, (&one, &two)), (3, (&two, &one)), (4, (&two, &one))] {
                let byte = round * 4 + byte;
                put(first, remember(byte)).await.unwrap();
                let again = put(second, remember(byte)).await;
                assert!(matches!(again, Err(CommitError::Replayed)), "{byte}: {again:?}");
            }
        }
        one.close().await;
        two.close().await;
        let store = place.open().await;
        for byte in 1..=16 {
            let again = put(&store, remember(byte)).await;
            assert!(matches!(again, Err(CommitError::Replayed)), "{byte}: {again:?}");
        }
        assert_eq!(assert_unbroken(&store).await, 16);
    }

    async fn a_batch_larger_than_one_statement_is_one_chain(place) {
        let store = place.open().await;
        for count in [1, 31, 32, 33, 96, 300, 700] {
            let events = (0..count).map(|_| event(EventKind::Lookup)).collect();
            write(&store, Commit { changes: vec![], events, digest: None }).await.unwrap();
        }
        let keys = (0..700u16).map(|n| {
            let mut key = [0; 32];
            key[..2].copy_from_slice(&n.to_be_bytes());
            Change::Remember { key, until: at(60).timestamp() }
        });
        write(&store, with(keys.collect())).await.unwrap();
        assert_eq!(assert_unbroken(&store).await, 1 + 31 + 32 + 33 + 96 + 300 + 700 + 1);
        let again = put(&store, Change::Remember { key: [0; 32], until: at(60).timestamp() }).await;
        assert!(matches!(again, Err(CommitError::Replayed)));
    }
}
