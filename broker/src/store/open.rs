use std::borrow::Cow;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Executor as _, SqlSafeStr as _};

use super::backend::{Connection, Readers};
use super::commit::Scribe;
use super::queue::Queue;
use super::{Encode, Error, Inner, Link, Store, sql};

/// Where everything is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A file in a folder that exists; made with mode 0600 when it does not. Its `-wal` and `-shm` lie beside it.
    Sqlite(PathBuf),
    /// `postgres://user:password@host:port/database?sslmode=verify-full`
    Postgres(String),
}

impl fmt::Debug for Database {
    /// Without the URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Database::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Database::Postgres(_) => f.write_str("Postgres([redacted])"),
        }
    }
}

/// Every migration, in its order: the same files in both folders of `migrations`.
macro_rules! migrations {
    ($($number:literal $file:literal,)*) => {
        static SQLITE: LazyLock<Migrator> = LazyLock::new(|| {
            migrator([$(($number, $file, include_str!(concat!("../../../migrations/sqlite/", $file, ".sql")))),*])
        });
        static POSTGRES: LazyLock<Migrator> = LazyLock::new(|| {
            migrator([$(($number, $file, include_str!(concat!("../../../migrations/postgres/", $file, ".sql")))),*])
        });
    };
}

migrations! {
    1 "0001_registry",
    2 "0002_work",
    3 "0003_audit",
    4 "0004_people",
    5 "0005_factors",
    6 "0006_votes",
    7 "0007_rollups",
    8 "0008_registry_life",
    9 "0009_policies",
    10 "0010_device_codes",
    11 "0011_notifications",
    12 "0012_single_sign_on",
    13 "0013_one_kind_of_link",
    14 "0014_sessions_within",
    15 "0015_custody",
}

fn migrator<const N: usize>(files: [(i64, &'static str, &'static str); N]) -> Migrator {
    Migrator::with_migrations(
        files
            .into_iter()
            .map(|(number, file, sql)| {
                Migration::new(number, Cow::Borrowed(file), MigrationType::Simple, sql.into_sql_str(), false)
            })
            .collect(),
    )
}

/// How long a connection may take to be made.
const CONNECT_WAIT: Duration = Duration::from_secs(5);

const READERS_SQLITE: u32 = 4;
const READERS_POSTGRES: u32 = 8;

impl Store {
    /// Connects, brings the tables up to date and starts the writer. Takes both functions of the chain from `audit`.
    ///
    /// A database of a newer version, or one whose migrations were changed, is refused.
    pub async fn open(database: &Database, link: Link, encode: Encode) -> Result<Store, Error> {
        let source = Source::of(database)?;
        let mut connection = source.connect().await?;
        match &mut connection {
            Connection::Sqlite(c) => SQLITE.run(c).await.map_err(sqlx::Error::from)?,
            Connection::Postgres(c) => POSTGRES.run(c).await.map_err(sqlx::Error::from)?,
        }
        let readers = source.readers().await?;
        let scribe = Scribe::open(&mut connection, link).await?;
        let queue = Queue::start(source, connection, scribe, encode);
        Ok(Store(Arc::new(Inner { readers, queue })))
    }

    /// Writes what is queued, then closes. Commits of other clones are refused from now on.
    pub async fn close(self) {
        self.0.queue.close().await;
        match &self.0.readers {
            Readers::Sqlite(pool) => pool.close().await,
            Readers::Postgres(pool) => pool.close().await,
        }
    }
}

/// How to connect, again and again.
pub(super) enum Source {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
}

impl Source {
    fn of(database: &Database) -> Result<Self, Error> {
        match database {
            Database::Sqlite(path) => {
                create(path).map_err(sqlx::Error::Io)?;
                Ok(Source::Sqlite(sqlite(path)))
            }
            Database::Postgres(url) => Ok(Source::Postgres(postgres(url.parse()?))),
        }
    }

    /// The writer's connection.
    pub(super) async fn connect(&self) -> Result<Connection, Error> {
        let connecting = async {
            match self {
                Source::Sqlite(options) => Ok(Connection::Sqlite(options.connect().await?)),
                Source::Postgres(options) => {
                    let mut connection = options.connect().await?;
                    connection.execute(sql::DURABLE_POSTGRES).await?;
                    Ok(Connection::Postgres(connection))
                }
            }
        };
        tokio::time::timeout(CONNECT_WAIT, connecting).await.map_err(|_| Error::Busy)?
    }

    async fn readers(&self) -> Result<Readers, Error> {
        match self {
            Source::Sqlite(options) => {
                // A ping is a trip to another thread, and a file does not hang up.
                let pool =
                    SqlitePoolOptions::new().max_connections(READERS_SQLITE).test_before_acquire(false);
                let options = options.clone().read_only(true);
                Ok(Readers::Sqlite(pool.acquire_timeout(CONNECT_WAIT).connect_with(options).await?))
            }
            Source::Postgres(options) => {
                let pool = PgPoolOptions::new().max_connections(READERS_POSTGRES);
                let options = options.clone().options([("default_transaction_read_only", "on")]);
                Ok(Readers::Postgres(pool.acquire_timeout(CONNECT_WAIT).connect_with(options).await?))
            }
        }
    }
}

/// INVARIANT: write-ahead log and `synchronous=FULL`: what was committed is on disk.
pub(super) fn sqlite(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(CONNECT_WAIT)
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .pragma("cache_size", "-16000")
        .pragma("journal_size_limit", "67108864")
        .statement_cache_capacity(200)
        .thread_name(|id| format!("sqlite-{id}"))
        .disable_statement_logging()
}

/// A statement that waits too long for the chain's lock, or a broker that stops inside a transaction, ends with an error
/// instead of holding up every other broker.
fn postgres(options: PgConnectOptions) -> PgConnectOptions {
    options
        .application_name("stint-broker")
        .options([
            ("statement_timeout", "8s"),
            ("lock_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "10s"),
        ])
        .statement_cache_capacity(200)
        .disable_statement_logging()
}

/// Makes the file before SQLite does, so that nobody else can read it, not even for a moment. The files that SQLite
/// puts beside it take its mode.
fn create(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => File::open(parent)?.sync_all(),
            None => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::Database;

    #[test]
    fn debug_of_a_database_hides_its_password() {
        let database = Database::Postgres("postgres://stint:hunter2@db/stint".to_owned());
        assert_eq!(format!("{database:?}"), "Postgres([redacted])");
    }
}
