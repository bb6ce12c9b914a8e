//! What the broker was told, and what it is made of: for people to look at.

use stint_api::{BrokerKey, CheckpointInfo, Origin, SettingValue, Settings, SsoSettings};

use crate::app::{App, Result};
use crate::config::{self, SealKind};
use crate::store::Database;

impl App {
    pub async fn settings(&self) -> Result<Settings> {
        let mut keys = Vec::new();
        for purpose in ["token", "audit"] {
            let rows = self.0.store.sealed_keys(purpose).await?;
            keys.extend(rows.into_iter().map(|row| BrokerKey {
                kid: row.kid,
                purpose: row.purpose,
                created_at: row.created_at,
                retired_at: row.retired_at,
            }));
        }
        let checkpoint = self.0.store.last_checkpoint().await?;
        let setting = |shown: config::Shown| SettingValue {
            key: shown.key.to_owned(),
            value: shown.value,
            origin: match shown.origin {
                config::Origin::Flag => Origin::Flag,
                config::Origin::Variable => Origin::Variable,
                config::Origin::File => Origin::File,
                config::Origin::Default => Origin::Default,
            },
        };
        Ok(Settings {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            issuer: self.issuer().to_owned(),
            sealed: self.is_sealed(),
            settings: self.0.config.shown().into_iter().map(setting).collect(),
            keys,
            records: self.0.store.head().await?.map_or(0, |(seq, _)| u64::try_from(seq).unwrap_or_default()),
            checkpoint: checkpoint.map(|row| CheckpointInfo { seq: row.seq, at: row.at }),
            backup: self.backup(),
            single_sign_on: self.0.config.sso.as_ref().map(|sso| SsoSettings {
                name: sso.name.clone(),
                issuer: sso.issuer.clone(),
                client_id: sso.client_id.clone(),
                callback: self.sso_callback(),
                groups_claim: sso.groups_claim.clone(),
                roles: sso.roles.clone(),
            }),
        })
    }

    /// Command lines for the broker's host. The key and the database apart from each other: neither opens anything
    /// without the other.
    fn backup(&self) -> Vec<String> {
        let config = &self.0.config;
        let data = config.data.display();
        let mut lines = match self.database() {
            Database::Sqlite(path) => vec![format!("sqlite3 {} \".backup stint-backup.db\"", path.display())],
            Database::Postgres(_) => {
                vec!["pg_dump --format=custom --file=stint-backup.dump DATABASE".to_owned()]
            }
        };
        lines.push(format!("cp {data}/audit.pub {data}/audit-head ."));
        lines.push(format!("stint-broker audit export --data {data} > audit.jsonl"));
        if let SealKind::KeyFile(path) = &config.seal {
            lines.push(format!("install -m 600 {} /somewhere/else/stint.key", path.display()));
        }
        lines
    }
}
