//! Every change says what it conflicts with, and then leaves nothing behind.

use stint_api::ApprovalState;
use stint_broker::model::*;
use stint_broker::store::{Change, CheckpointRow, Commit, CommitError};

use super::rows::{approval, credential, environment, name, secret, session};
use super::{assert_unbroken, at, both, conflict, event, hex_id, put, with, write};

fn person(text: &str) -> Change {
    Change::AddPerson(PersonRow { name: name(text), role: "owner".to_owned(), created_at: at(0) })
}

fn decide(id: &ApprovalId, state: ApprovalState, seconds: i64) -> Change {
    Change::DecideApproval { id: id.clone(), state, by: name("bob"), at: at(seconds), reason: None }
}

both! {
    async fn a_name_is_taken_once(place) {
        let store = place.open().await;
        put(&store, person("alice")).await.unwrap();
        assert_eq!(conflict(put(&store, person("alice")).await), "person");

        let client = ClientId::parse(&hex_id("cli_")).unwrap();
        let login = |person: &str| Change::AddLogin(LoginRow {
            client: client.clone(), person: name(person), key: "{}".to_owned(), device: None, created_at: at(0), kind: LoginKind::Setup,
        });
        assert_eq!(conflict(put(&store, login("nobody")).await), "person");
        put(&store, login("alice")).await.unwrap();
        assert_eq!(conflict(put(&store, login("alice")).await), "login");

        let agent = |text: &str| Change::AddAgent(AgentRow {
            name: name(text), client: client.clone(), key: None, environments: vec![], created_at: at(0),
        });
        put(&store, agent("ci")).await.unwrap();
        assert_eq!(conflict(put(&store, agent("ci")).await), "agent");
        assert_eq!(conflict(put(&store, agent("other")).await), "agent", "its client id is taken");
        assert_eq!(assert_unbroken(&store).await, 3, "a commit that failed left a record");
    }

    async fn an_agent_is_edited_from_what_it_was(place) {
        let store = place.open().await;
        let client = ClientId::parse(&hex_id("cli_")).unwrap();
        put(&store, Change::AddAgent(AgentRow {
            name: name("ci"), client, key: None, environments: vec![name("staging")], created_at: at(0),
        })).await.unwrap();
        let edit = |from: &[&str], to: &[&str]| Change::EditAgent {
            name: name("ci"), from: from.iter().map(|text| name(text)).collect(), to: to.iter().map(|text| name(text)).collect(),
        };
        put(&store, edit(&["staging"], &["staging", "lab"])).await.unwrap();
        assert_eq!(conflict(put(&store, edit(&["staging"], &[])).await), "agent", "it was decided on another list");
        assert_eq!(store.agent(&name("ci")).await.unwrap().unwrap().environments.len(), 2);
        let remove = || Change::RemoveAgent { name: name("ci") };
        put(&store, remove()).await.unwrap();
        assert_eq!(conflict(put(&store, remove()).await), "agent");
        assert_eq!(assert_unbroken(&store).await, 3);
    }

    async fn an_environment_goes_when_nothing_points_to_it(place) {
        let store = place.open().await;
        put(&store, Change::AddEnvironment(environment("staging", &["railway:environment/e1"]))).await.unwrap();
        let tier = |from, to| Change::SetTier { environment: name("staging"), from, to };
        put(&store, tier(Tier::Staging, Tier::Production)).await.unwrap();
        assert_eq!(conflict(put(&store, tier(Tier::Staging, Tier::Development)).await), "environment");
        let remove = || Change::RemoveEnvironment { environment: name("staging"), at: at(5) };
        assert_eq!(conflict(put(&store, remove()).await), "environment", "a selector points to it");
        let selector = Selector::parse("railway:environment/e1").unwrap();
        put(&store, Change::RemoveSelector { environment: name("staging"), selector: selector.clone() }).await.unwrap();

        let row = CredentialRow { environment: Some(name("staging")), ..credential("railway") };
        put(&store, Change::AddCredential { row: row.clone(), secret: secret(&row.id, 1) }).await.unwrap();
        assert_eq!(conflict(put(&store, remove()).await), "environment", "a credential points to it");
        put(&store, Change::RevokeCredential { credential: row.id.clone(), at: at(1) }).await.unwrap();
        let client = ClientId::parse(&hex_id("cli_")).unwrap();
        let agent = AgentRow { name: name("ci"), client, key: None, environments: vec![name("staging")], created_at: at(0) };
        put(&store, Change::AddAgent(agent)).await.unwrap();
        assert_eq!(conflict(put(&store, remove()).await), "environment", "an agent may ask for it");
        put(&store, Change::RemoveAgent { name: name("ci") }).await.unwrap();
        let live = session();
        put(&store, Change::AddSession(live.clone())).await.unwrap();
        assert_eq!(conflict(put(&store, remove()).await), "environment", "a session is in it");
        put(&store, Change::EndSession { id: live.id, at: at(2), reason: "revoked".to_owned() }).await.unwrap();

        put(&store, remove()).await.unwrap();
        assert!(store.environments().await.unwrap().is_empty());
        assert_eq!(conflict(put(&store, remove()).await), "environment");
        let add = Change::AddSelector { environment: name("staging"), selector: selector.clone() };
        assert_eq!(conflict(put(&store, add).await), "environment", "what is mapped needs a place");
        let other = CredentialRow { environment: Some(name("staging")), ..credential("other") };
        let add = Change::AddCredential { row: other.clone(), secret: secret(&other.id, 1) };
        assert_eq!(conflict(put(&store, add).await), "environment");
        put(&store, Change::AddEnvironment(environment("staging", &["railway:environment/e1"]))).await.unwrap();
        assert_eq!(store.environment_of(&selector).await.unwrap().unwrap().tier, Tier::Staging);
    }

    async fn the_last_use_of_a_credential_only_moves_on(place) {
        let store = place.open().await;
        let row = credential("railway");
        put(&store, Change::AddCredential { row: row.clone(), secret: secret(&row.id, 1) }).await.unwrap();
        assert!(store.uses().await.unwrap().is_empty());
        for (noted, kept) in [(10, 10), (5, 10), (20, 20)] {
            store.note_uses(vec![(row.id.clone(), at(noted))]).await.unwrap();
            assert_eq!(store.uses().await.unwrap().get(&row.id), Some(&at(kept)));
        }
    }

    async fn a_resource_belongs_to_one_environment(place) {
        let store = place.open().await;
        put(&store, Change::AddEnvironment(environment("staging", &["railway:environment/e1"]))).await.unwrap();
        let add = |to: &str, id: &str| Change::AddSelector {
            environment: name(to), selector: Selector::parse(&format!("railway:environment/{id}")).unwrap(),
        };
        assert_eq!(conflict(put(&store, add("nowhere", "e2")).await), "environment");
        assert_eq!(conflict(put(&store, add("staging", "e1")).await), "selector");
        let both = environment("production", &["railway:environment/e9", "railway:environment/e1"]);
        assert_eq!(conflict(put(&store, Change::AddEnvironment(both)).await), "selector");
        assert!(store.environment(&name("production")).await.unwrap().is_none(), "half of a commit was written");
        let other = Selector::parse("railway:environment/e9").unwrap();
        assert!(store.environment_of(&other).await.unwrap().is_none(), "half of a commit was written");
        let remove = Change::RemoveSelector { environment: name("staging"), selector: other };
        assert_eq!(conflict(put(&store, remove).await), "selector");
    }

    async fn a_credential_is_added_rotated_and_revoked_in_order(place) {
        let store = place.open().await;
        let row = credential("railway");
        let add = |row: &CredentialRow| Change::AddCredential { row: row.clone(), secret: secret(&row.id, 1) };
        let homeless = CredentialRow { environment: Some(name("nowhere")), ..row.clone() };
        assert_eq!(conflict(put(&store, add(&homeless)).await), "environment");
        put(&store, add(&row)).await.unwrap();
        assert_eq!(conflict(put(&store, add(&credential("railway"))).await), "credential");

        let rotate = |version| Change::AddVersion {
            credential: row.id.clone(), secret: secret(&row.id, version), fingerprint: "f".to_owned(),
        };
        assert_eq!(conflict(put(&store, rotate(3)).await), "credential", "a version was left out");
        put(&store, rotate(2)).await.unwrap();
        assert_eq!(conflict(put(&store, rotate(2)).await), "credential", "two rotations at once");

        let revoke = || Change::RevokeCredential { credential: row.id.clone(), at: at(1) };
        put(&store, revoke()).await.unwrap();
        assert_eq!(conflict(put(&store, revoke()).await), "credential");
        assert_eq!(conflict(put(&store, rotate(3)).await), "credential");
        assert_eq!(conflict(put(&store, add(&credential("railway"))).await), "credential", "names are used once");
    }

    async fn a_session_ends_once(place) {
        let store = place.open().await;
        let row = session();
        let end = || Change::EndSession { id: row.id.clone(), at: at(9), reason: "revoked".to_owned() };
        assert_eq!(conflict(put(&store, end()).await), "session");
        put(&store, Change::AddSession(row.clone())).await.unwrap();
        assert_eq!(conflict(put(&store, Change::AddSession(row.clone())).await), "session");
        put(&store, end()).await.unwrap();
        assert_eq!(conflict(put(&store, end()).await), "session");
    }

    async fn an_approval_goes_one_way(place) {
        let store = place.open().await;
        let (use_up, expire) = (
            |id: &ApprovalId, seconds| Change::UseApproval { id: id.clone(), at: at(seconds) },
            |id: &ApprovalId, seconds| Change::ExpireApproval { id: id.clone(), at: at(seconds) },
        );
        let fresh = async || {
            let row = approval();
            put(&store, Change::AddApproval(row.clone())).await.unwrap();
            row.id
        };
        // It expires at 600 seconds.
        let id = fresh().await;
        assert_eq!(conflict(put(&store, use_up(&id, 10)).await), "approval", "nobody said yes");
        assert_eq!(conflict(put(&store, expire(&id, 599)).await), "approval", "its time is not over");
        for state in [ApprovalState::Used, ApprovalState::Expired, ApprovalState::Waiting] {
            assert_eq!(conflict(put(&store, decide(&id, state, 10)).await), "approval");
        }
        assert_eq!(conflict(put(&store, decide(&id, ApprovalState::Approved, 600)).await), "approval", "too late");
        put(&store, decide(&id, ApprovalState::Approved, 10)).await.unwrap();
        assert_eq!(conflict(put(&store, decide(&id, ApprovalState::Denied, 11)).await), "approval");
        assert_eq!(conflict(put(&store, use_up(&id, 600)).await), "approval", "too late to be used");
        put(&store, use_up(&id, 599)).await.unwrap();
        assert_eq!(conflict(put(&store, use_up(&id, 599)).await), "approval", "used twice");
        assert_eq!(conflict(put(&store, expire(&id, 700)).await), "approval", "used stays used");

        let id = fresh().await;
        put(&store, decide(&id, ApprovalState::Denied, 10)).await.unwrap();
        assert_eq!(conflict(put(&store, use_up(&id, 11)).await), "approval", "denied");

        let id = fresh().await;
        put(&store, decide(&id, ApprovalState::Approved, 10)).await.unwrap();
        put(&store, expire(&id, 600)).await.unwrap();
        assert_eq!(store.approval(&id).await.unwrap().unwrap().state, ApprovalState::Expired);
    }

    async fn a_setup_token_is_used_once(place) {
        let store = place.open().await;
        let set = |byte| Change::SetSetupToken { hash: [byte; 32] };
        let use_up = |byte| Change::UseSetupToken { hash: [byte; 32] };
        assert_eq!(conflict(put(&store, use_up(1)).await), "setup_token");
        put(&store, set(1)).await.unwrap();
        put(&store, set(2)).await.unwrap();
        assert_eq!(store.setup_token().await.unwrap(), Some([2; 32]));
        assert_eq!(conflict(put(&store, use_up(1)).await), "setup_token", "it was replaced");
        put(&store, use_up(2)).await.unwrap();
        assert_eq!(store.setup_token().await.unwrap(), None);
        assert_eq!(conflict(put(&store, use_up(2)).await), "setup_token");
        assert_eq!(conflict(put(&store, set(3)).await), "setup_token", "setup is over for good");
    }

    async fn a_proof_is_used_once(place) {
        let store = place.open().await;
        let remember = |byte| Change::Remember { key: [byte; 32], until: at(60).timestamp() };
        put(&store, remember(1)).await.unwrap();
        let again = write(&store, with(vec![remember(2), remember(1), Change::AddSession(session())])).await;
        assert!(matches!(again, Err(CommitError::Replayed)), "{again:?}");
        assert!(store.sessions(false, 10).await.unwrap().is_empty(), "a replayed commit changed something");
        put(&store, remember(2)).await.unwrap();
        let twice = write(&store, with(vec![remember(3), remember(3)])).await;
        assert!(matches!(twice, Err(CommitError::Replayed)), "{twice:?}");
        assert_eq!(assert_unbroken(&store).await, 2);
    }

    async fn a_job_that_conflicts_forgets_its_proof(place) {
        let store = place.open().await;
        let remember = || Change::Remember { key: [7; 32], until: at(60).timestamp() };
        let end = Change::EndSession { id: session().id, at: at(0), reason: "revoked".to_owned() };
        assert_eq!(conflict(write(&store, with(vec![remember(), end])).await), "session");
        put(&store, remember()).await.unwrap();
    }

    async fn a_proof_is_forgotten_only_after_its_time(place) {
        let store = place.open().await;
        let remember = |byte: u8| Change::Remember { key: [byte; 32], until: at(60).timestamp() };
        let tick = async |seconds| {
            let late = Event { at: at(seconds), ..event(EventKind::BrokerStarted) };
            write(&store, Commit::event(late)).await.unwrap();
            // The sweep follows the batch: the next commit comes after it.
            write(&store, Commit::event(event(EventKind::BrokerStarted))).await.unwrap();
        };
        put(&store, remember(1)).await.unwrap();
        put(&store, Change::RevokeToken { jti: "t1".to_owned(), until: at(60).timestamp() }).await.unwrap();
        put(&store, Change::RevokeToken { jti: "t1".to_owned(), until: at(60).timestamp() }).await.unwrap();
        tick(61).await;
        assert!(matches!(put(&store, remember(1)).await, Err(CommitError::Replayed)), "clocks may be set back");
        assert!(store.token_revoked("t1").await.unwrap());
        assert!(!store.token_revoked("t2").await.unwrap());
        tick(60 + 60 + 64).await;
        put(&store, remember(1)).await.unwrap();
        assert!(!store.token_revoked("t1").await.unwrap(), "the token itself ended long ago");
    }

    async fn a_commit_without_a_record_is_refused(place) {
        let store = place.open().await;
        let silent = Commit { changes: vec![person("alice")], events: vec![], digest: None };
        assert_eq!(conflict(write(&store, silent).await), "record");
        assert!(store.people().await.unwrap().is_empty());
        let row = CheckpointRow { seq: 1, hash: [1; 32], at: at(0), key_id: "k".to_owned(), signature: vec![1] };
        store.checkpoint(row.clone()).await.unwrap();
        assert!(matches!(store.checkpoint(row).await, Err(CommitError::Conflict("checkpoint"))));
    }
}
