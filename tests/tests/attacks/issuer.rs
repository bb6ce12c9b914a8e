//! A stolen signing tool: what the broker's own key can sign, so that a claim and not the signature is what is wrong.

use serde_json::{Value, json};
use sqlx::{Connection as _, Row as _, SqliteConnection};
use stint_broker::model::Sealed;
use stint_broker::vault::{KeyFile, SealRecord, Vault};
use stint_jose::SigningKey;
use stint_tests::TestBroker;

use super::forge;

/// The key that a broker signs tokens with.
pub(super) struct Issuer {
    pub(super) kid: String,
    pub(super) key: SigningKey,
}

impl Issuer {
    /// Opens the vault of a running broker with its key file, as somebody could who has stolen both.
    pub(super) fn stolen_from(broker: &TestBroker) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (kid, sealed, seal) = runtime.block_on(rows(broker));
        let file = KeyFile::parse(&std::fs::read(broker.data().join("stint.key")).unwrap()).unwrap();
        let record: SealRecord = serde_json::from_str(&seal).unwrap();
        let vault = Vault::unsealed(record.unseal_with_key(file).unwrap());
        let seed = vault.open_signing_key(&kid, 1, &sealed).unwrap();
        Issuer { key: SigningKey::from_seed(seed.expose()).unwrap(), kid }
    }

    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        forge::jws(&self.key, header, claims)
    }

    pub(super) fn header(&self) -> Value {
        json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": self.kid })
    }
}

async fn rows(broker: &TestBroker) -> (String, Sealed, String) {
    let url = format!("sqlite://{}?mode=ro", broker.data().join("stint.db").display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let query = "SELECT kid, kek, wrapped_key, ciphertext FROM keys WHERE purpose = 'token' AND retired_at IS NULL";
    let row = sqlx::query(query).fetch_one(&mut connection).await.unwrap();
    let sealed =
        Sealed { kek: row.get("kek"), wrapped_key: row.get("wrapped_key"), ciphertext: row.get("ciphertext") };
    let seal = sqlx::query("SELECT record FROM seal").fetch_one(&mut connection).await;
    (row.get("kid"), sealed, seal.unwrap().get("record"))
}
