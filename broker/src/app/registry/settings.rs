//! What the broker was told, and what it is made of: for people to look at.

use stint_api::{
    Backup, BackupPart, BackupTaken, BrokerKey, CheckpointInfo, Origin, SettingValue, Settings, SsoSettings,
};

use crate::app::{App, Result};
use crate::config::{self, SealKind};
use crate::model::EventKind;
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
            backup: self.backup().await?,
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

    /// The key and the database apart from each other: neither opens anything without the other.
    async fn backup(&self) -> Result<Backup> {
        let config = &self.0.config;
        let data = config.data.display();
        let (place, mut commands, back) = match self.database() {
            Database::Sqlite(path) => (
                path.display().to_string(),
                vec![
                    format!("stint-broker backup --data {data} stint-backup.db"),
                    format!("stint-broker restore --check --data {data} stint-backup.db"),
                ],
                "stint-broker restore --data NEW-FOLDER stint-backup.db".to_owned(),
            ),
            Database::Postgres(_) => (
                "PostgreSQL".to_owned(),
                vec!["pg_dump --format=custom --file=stint-backup.dump DATABASE".to_owned()],
                "pg_restore --dbname=NEW-DATABASE stint-backup.dump".to_owned(),
            ),
        };
        let (key, why) = match &config.seal {
            SealKind::KeyFile(path) => {
                commands.push(format!("install -m 600 {} /somewhere/else/stint.key", path.display()));
                (path.display().to_string(), "opens the credentials: keep a copy apart from the database")
            }
            SealKind::Passphrase => {
                ("the passphrase".to_owned(), "opens the credentials: whoever keeps it, has it")
            }
            SealKind::Environment => {
                ("STINT_BROKER_KEY".to_owned(), "opens the credentials: keep it apart from the database")
            }
        };
        // Kept elsewhere, it tells whether records were cut off or written anew since.
        commands.push(format!("stint-broker audit export --data {data} > audit.jsonl"));
        commands.push(back);
        let part = |part: &str, place: String, why: &str| BackupPart {
            part: part.to_owned(),
            place,
            why: why.to_owned(),
        };
        let parts = vec![
            part(
                "database",
                place,
                "people, policies, what is registered, the audit, and every credential, sealed",
            ),
            part("key", key, why),
            part(
                "settings",
                "stint-broker.toml and the files that it names".to_owned(),
                "TLS certificates, folders of policies and packs; whatever was set by flags and variables",
            ),
        ];
        Ok(Backup { last: self.last_backup().await?, parts, commands })
    }

    /// The newest that is on record.
    async fn last_backup(&self) -> Result<Option<BackupTaken>> {
        let kind = EventKind::BackupTaken.as_str();
        let found = self.audit_page(None, 1, Some(&kind), None).await?.records;
        Ok(found.first().and_then(|record| {
            let text = |name: &str| record.body.pointer(name).and_then(serde_json::Value::as_str);
            Some(BackupTaken {
                at: text("/at")?.parse().ok()?,
                file: text("/facts/file")?.to_owned(),
                through: record.body.pointer("/facts/through")?.as_i64()?,
                record: text("/id")?.to_owned(),
            })
        }))
    }
}
