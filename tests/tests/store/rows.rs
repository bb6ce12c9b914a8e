//! Every noun comes out as it went in.

use stint_api::{ApprovalState, Class, Confirmation, Tier, TouchedResource};
use stint_broker::model::*;
use stint_broker::store::{Change, CheckpointRow, Counts, KeyRow};

use super::{assert_unbroken, at, both, event_of, hex_id, put, with, write};

pub(super) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub(super) fn session_id() -> SessionId {
    SessionId::parse(&hex_id("ses_")).unwrap()
}

pub(super) fn approval_id() -> ApprovalId {
    ApprovalId::parse(&hex_id("apr_")).unwrap()
}

pub(super) fn environment(text: &str, selectors: &[&str]) -> EnvironmentRow {
    let selectors = selectors.iter().map(|selector| Selector::parse(selector).unwrap());
    EnvironmentRow {
        name: name(text),
        tier: Tier::Staging,
        selectors: selectors.collect(),
        created_at: at(1),
    }
}

pub(super) fn credential(text: &str) -> CredentialRow {
    CredentialRow {
        id: CredentialId::parse(&hex_id("crd_")).unwrap(),
        name: name(text),
        provider: "railway".to_owned(),
        kind: "account".to_owned(),
        environment: None,
        upstream: Upstream { url: Some("https://127.0.0.1:8443".to_owned()), ca: Some("PEM".to_owned()) },
        version: 1,
        fingerprint: "0123456789ab".to_owned(),
        created_at: at(2),
        revoked_at: None,
        captured: None,
    }
}

pub(super) fn secret(credential: &CredentialId, version: i64) -> SecretVersion {
    SecretVersion {
        credential: credential.clone(),
        version,
        sealed: sealed(version),
        created_at: at(version),
    }
}

fn sealed(mark: i64) -> Sealed {
    let mark = u8::try_from(mark).unwrap();
    Sealed { kek: "kek1".to_owned(), wrapped_key: vec![0, mark, 255], ciphertext: vec![mark; 40] }
}

pub(super) fn session() -> SessionRow {
    let placeholder = Placeholder("ghp_placeholder".to_owned());
    let grant = Grant { credential: name("railway"), provider: "railway".to_owned(), placeholder };
    SessionRow {
        id: session_id(),
        environment: name("staging"),
        tier: Tier::Staging,
        agent: name("ci"),
        subject: "person:alice".to_owned(),
        key: "{\"kty\":\"OKP\"}".to_owned(),
        jkt: "thumbprint".to_owned(),
        grants: vec![grant],
        confinement: Confinement::Partly,
        command: Some("caf\u{e9} 'quoted'".to_owned()),
        heartbeat: false,
        parent: None,
        started_at: at(0),
        expires_at: at(3600),
        ended_at: None,
        end_reason: None,
    }
}

pub(super) fn approval() -> ApprovalRow {
    let confirm = Confirmation { kind: "type-name".to_owned(), text: "db".to_owned() };
    ApprovalRow {
        id: approval_id(),
        state: ApprovalState::Waiting,
        session: session_id(),
        environment: name("staging"),
        agent: name("ci"),
        subject: "person:alice".to_owned(),
        credential: name("railway"),
        request: "POST backboard.railway.app/graphql/v2".to_owned(),
        digest: "ab".repeat(32),
        operations: vec!["railway:volumeDelete".to_owned()],
        class: Class::Destroy,
        resources: vec![TouchedResource {
            operation: "railway:volumeDelete".to_owned(),
            kind: "volume".to_owned(),
            id: "v1".to_owned(),
            name: Some("db".to_owned()),
            environments: vec!["staging".to_owned()],
            consequences: vec!["3 backups live in this volume".to_owned()],
        }],
        lift: Lift {
            policies: vec!["destroy".to_owned()],
            confirm: Some(confirm),
            approvers: 1,
            cooldown: 0,
        },
        requested_at: at(0),
        expires_at: at(600),
        decided_by: None,
        decided_at: None,
        reason: None,
        agent_reason: Some("the cache is not used any more".to_owned()),
    }
}

/// Rows have no equality of their own; their text shows every field.
fn same<T: std::fmt::Debug>(found: T, put: T) {
    assert_eq!(format!("{found:?}"), format!("{put:?}"));
}

both! {
    async fn people_logins_and_agents(place) {
        let store = place.open().await;
        let person = PersonRow { name: name("alice"), role: "owner".to_owned(), created_at: at(5) };
        let login = LoginRow {
            client: ClientId::parse(&hex_id("cli_")).unwrap(), person: name("alice"), key: "{}".to_owned(),
            device: None, created_at: at(6), kind: LoginKind::Setup,
        };
        let agent = AgentRow {
            name: name("ci"), client: ClientId::parse(&hex_id("cli_")).unwrap(), key: Some("{}".to_owned()),
            environments: vec![name("staging"), name("dev")], created_at: at(7),
        };
        let changes = vec![Change::AddPerson(person.clone()), Change::AddLogin(login.clone()), Change::AddAgent(agent.clone())];
        write(&store, with(changes)).await.unwrap();

        same(store.person(&name("alice")).await.unwrap(), Some(person.clone()));
        same(store.people().await.unwrap(), vec![person]);
        same(store.login(&login.client).await.unwrap(), Some(login.clone()));
        same(store.agent(&agent.name).await.unwrap(), Some(agent.clone()));
        same(store.agent_by_client(&agent.client).await.unwrap(), Some(agent.clone()));
        same(store.agents().await.unwrap(), vec![agent]);
        same(store.person(&name("bob")).await.unwrap(), None);
        same(store.agent_by_client(&login.client).await.unwrap(), None);
    }

    async fn environments_and_selectors(place) {
        let store = place.open().await;
        let (staging, production) = (
            environment("staging", &["railway:environment/e1", "github:repository/acme/web"]),
            environment("production", &["railway:environment/e2"]),
        );
        put(&store, Change::AddEnvironment(staging.clone())).await.unwrap();
        put(&store, Change::AddEnvironment(production.clone())).await.unwrap();

        same(store.environments().await.unwrap(), vec![staging.clone(), production.clone()]);
        same(store.environment(&name("staging")).await.unwrap(), Some(staging.clone()));
        same(store.environment_of(&production.selectors[0]).await.unwrap(), Some(production));
        // Ids compare as bytes: another case is another thing, on both databases.
        let shouted = Selector::parse("railway:environment/E1").unwrap();
        same(store.environment_of(&shouted).await.unwrap(), None);

        let selector = staging.selectors[0].clone();
        put(&store, Change::RemoveSelector { environment: name("staging"), selector: selector.clone() }).await.unwrap();
        same(store.environment_of(&selector).await.unwrap(), None);
        assert_eq!(store.environment(&name("staging")).await.unwrap().unwrap().selectors.len(), 1);
    }

    async fn credentials_and_their_versions(place) {
        let store = place.open().await;
        put(&store, Change::AddEnvironment(environment("staging", &[]))).await.unwrap();
        let row = CredentialRow { environment: Some(name("staging")), ..credential("railway") };
        let (first, second) = (secret(&row.id, 1), secret(&row.id, 2));
        put(&store, Change::AddCredential { row: row.clone(), secret: first.clone() }).await.unwrap();
        same(store.credential(&row.name).await.unwrap(), Some(row.clone()));
        same(store.secret(&row.id, 1).await.unwrap(), Some(first.clone()));

        let change = Change::AddVersion {
            credential: row.id.clone(), secret: second.clone(), fingerprint: "ba9876543210".to_owned(),
        };
        put(&store, change).await.unwrap();
        let used = CredentialRow { version: 2, fingerprint: "ba9876543210".to_owned(), ..row.clone() };
        same(store.credentials().await.unwrap(), vec![used.clone()]);
        same(store.secrets().await.unwrap(), vec![first, second]);

        put(&store, Change::RevokeCredential { credential: row.id.clone(), at: at(9) }).await.unwrap();
        let revoked = CredentialRow { revoked_at: Some(at(9)), ..used };
        same(store.credential(&row.name).await.unwrap(), Some(revoked));
        same(store.secret(&row.id, 1).await.unwrap(), None);
        same(store.secret(&row.id, 2).await.unwrap(), None);
        same(store.secrets().await.unwrap(), vec![]);
    }

    async fn sessions_newest_first(place) {
        let store = place.open().await;
        let (first, second) = (session(), SessionRow { heartbeat: true, command: None, ..session() });
        put(&store, Change::AddSession(first.clone())).await.unwrap();
        put(&store, Change::AddSession(second.clone())).await.unwrap();
        same(store.session(&first.id).await.unwrap(), Some(first.clone()));
        same(store.sessions(true, 10).await.unwrap(), vec![second.clone(), first.clone()]);
        same(store.sessions(false, 1).await.unwrap(), vec![second.clone()]);

        put(&store, Change::EndSession { id: first.id.clone(), at: at(7), reason: "revoked".to_owned() }).await.unwrap();
        let ended = SessionRow { ended_at: Some(at(7)), end_reason: Some("revoked".to_owned()), ..first };
        same(store.session(&ended.id).await.unwrap(), Some(ended.clone()));
        same(store.sessions(true, 10).await.unwrap(), vec![second.clone()]);
        same(store.sessions(false, 10).await.unwrap(), vec![second, ended]);
    }

    async fn approvals_by_id_state_and_request(place) {
        let store = place.open().await;
        let (first, second) = (approval(), approval());
        put(&store, Change::AddApproval(first.clone())).await.unwrap();
        put(&store, Change::AddApproval(second.clone())).await.unwrap();
        same(store.approval(&first.id).await.unwrap(), Some(first.clone()));
        same(store.approvals(None, 10).await.unwrap(), vec![second.clone(), first.clone()]);
        same(store.approvals_for(&first.session, &first.digest).await.unwrap(), vec![first.clone()]);
        same(store.approvals_for(&first.session, "00").await.unwrap(), vec![]);

        let decide = Change::DecideApproval {
            id: first.id.clone(), state: ApprovalState::Denied, by: name("bob"), at: at(5), reason: Some("no".to_owned()),
        };
        put(&store, decide).await.unwrap();
        let denied = ApprovalRow {
            state: ApprovalState::Denied, decided_by: Some(name("bob")), decided_at: Some(at(5)),
            reason: Some("no".to_owned()), ..first
        };
        same(store.approvals(Some(ApprovalState::Denied), 10).await.unwrap(), vec![denied]);
        same(store.approvals(Some(ApprovalState::Waiting), 10).await.unwrap(), vec![second]);
    }

    async fn keys_seal_checkpoints_and_counts(place) {
        let store = place.open().await;
        assert_eq!(store.counts().await.unwrap(), Counts::default());
        let key = KeyRow {
            kid: "k1".to_owned(), purpose: "token".to_owned(), sealed: sealed(3), public: vec![1, 2, 3],
            created_at: at(1), retired_at: None,
        };
        put(&store, Change::PutKey(key.clone())).await.unwrap();
        assert_eq!(store.sealed_keys("token").await.unwrap(), vec![key.clone()]);
        assert_eq!(store.sealed_keys("audit").await.unwrap(), vec![]);
        let retired = KeyRow { retired_at: Some(at(2)), ..key };
        put(&store, Change::PutKey(retired.clone())).await.unwrap();
        assert_eq!(store.sealed_keys("token").await.unwrap(), vec![retired]);

        assert_eq!(store.seal_record().await.unwrap(), None);
        put(&store, Change::PutSeal("one".to_owned())).await.unwrap();
        put(&store, Change::PutSeal("two".to_owned())).await.unwrap();
        assert_eq!(store.seal_record().await.unwrap().as_deref(), Some("two"));

        let (seq, hash) = store.head().await.unwrap().unwrap();
        let row = CheckpointRow { seq, hash, at: at(3), key_id: "k2".to_owned(), signature: vec![9; 64] };
        store.checkpoint(row.clone()).await.unwrap();
        assert_eq!(store.checkpoints().await.unwrap(), vec![row]);
        assert_eq!(store.head().await.unwrap().unwrap().0, seq, "a checkpoint is no record");

        let live = session();
        let changes = vec![Change::AddSession(live), Change::AddApproval(approval())];
        write(&store, with(changes)).await.unwrap();
        let records = u64::try_from(seq).unwrap() + 1;
        assert_eq!(store.counts().await.unwrap(), Counts { sessions_live: 1, approvals_waiting: 1, records });
    }

    async fn records_by_page_kind_and_session(place) {
        let store = place.open().await;
        let (one, two) = (session_id(), session_id());
        for (kind, session) in [
            (EventKind::SessionStarted, &one),
            (EventKind::SessionStarted, &two),
            (EventKind::RequestDecided, &one),
            (EventKind::SessionEnded, &one),
        ] {
            let events = vec![event_of(kind, session)];
            write(&store, stint_broker::store::Commit { changes: vec![], events, digest: None }).await.unwrap();
        }
        let seqs = |records: Vec<stint_broker::store::StoredRecord>| -> Vec<i64> {
            records.into_iter().map(|record| record.seq).collect()
        };
        assert_eq!(seqs(store.records(None, 10, None, None).await.unwrap()), [4, 3, 2, 1]);
        assert_eq!(seqs(store.records(Some(4), 2, None, None).await.unwrap()), [3, 2]);
        assert_eq!(seqs(store.records(None, 10, Some("session_started"), None).await.unwrap()), [2, 1]);
        assert_eq!(seqs(store.records(None, 10, None, Some(&one)).await.unwrap()), [4, 3, 1]);
        assert_eq!(seqs(store.records(Some(4), 10, Some("session_started"), Some(&one)).await.unwrap()), [1]);
        assert_eq!(seqs(store.records_from(3, 10).await.unwrap()), [3, 4]);
        assert_eq!(assert_unbroken(&store).await, 4);
    }
}
