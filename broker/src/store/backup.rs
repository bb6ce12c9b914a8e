//! The embedded database as one file, copied while a broker writes to it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use sqlx::{ConnectOptions as _, Connection as _};

use super::open::sqlite;
use super::{Error, Store, sql};

impl Store {
    /// What `from` holds at one moment, in a new file that only its owner reads and that is on the disk when this is done.
    /// Writers go on meanwhile. Nothing of what was deleted is in it, and nothing lies beside it.
    ///
    /// Where it fails, what is at `to` is not whole: the caller removes it.
    pub async fn copy(from: &Path, to: &Path) -> Result<(), Error> {
        let name = to.to_str().ok_or_else(|| {
            let text = "the name of the file is not UTF-8";
            Error::from(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::InvalidInput, text)))
        })?;
        // SQLite takes a file that is there where it is empty, and so nobody else can read it, not even for a moment.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
        file.map_err(sqlx::Error::Io)?;
        let mut connection = sqlite(from).read_only(true).connect().await?;
        sqlx::query(sql::COPY_SQLITE).bind(name).execute(&mut connection).await?;
        connection.close().await?;
        File::open(to).and_then(|file| file.sync_all()).map_err(sqlx::Error::Io)?;
        Ok(())
    }

    /// After the last `close` of a database file: all of it is in the file alone, which may be moved.
    pub async fn fold(file: &Path) -> Result<(), Error> {
        let mut connection = sqlite(file).connect().await?;
        let (busy, _, _): (i64, i64, i64) =
            sqlx::query_as(sql::FOLD_SQLITE).fetch_one(&mut connection).await?;
        connection.close().await?;
        if busy == 0 { Ok(()) } else { Err(Error::Busy) }
    }

    /// What is wrong with the pages and indexes of a database file, or `None` where SQLite reads all of it.
    pub async fn fault_of(file: &Path) -> Result<Option<String>, Error> {
        let mut connection = sqlite(file).connect().await?;
        let (said,): (String,) = sqlx::query_as(sql::CHECK_SQLITE).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(Some(said).filter(|said| said != "ok"))
    }
}
