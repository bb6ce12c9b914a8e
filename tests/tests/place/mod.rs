//! Where a test runs: on the embedded database and on PostgreSQL, always on both.

use std::time::Duration;

use stint_tests::postgres::PostgresServer;
use stint_tests::{Database, Options};

/// Runs a test on SQLite and on PostgreSQL: `on_both! { fn name(options) { ... } }`.
macro_rules! on_both {
    ($($(#[$attr:meta])* fn $name:ident($options:ident) $body:block)*) => {$(
        $(#[$attr])*
        mod $name {
            #[allow(unused_imports, reason = "not every test needs everything")]
            use super::*;

            fn run($options: stint_tests::Options) $body

            #[test]
            fn sqlite() {
                run($crate::place::sqlite());
            }

            #[test]
            fn postgres() {
                run($crate::place::postgres());
            }
        }
    )*};
}
pub(crate) use on_both;

pub(crate) fn sqlite() -> Options {
    of(Database::Sqlite)
}

/// Fails where there is no PostgreSQL: a test that was not run is not a test that passed.
pub(crate) fn postgres() -> Options {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    of(Database::Postgres(runtime.block_on(PostgresServer::shared().database())))
}

/// Nobody waits for a person who is not there.
fn of(database: Database) -> Options {
    let args = ["--approval-hold", "300ms"].map(str::to_owned).to_vec();
    Options { database, args, patience: Duration::from_secs(60), ..Options::default() }
}
