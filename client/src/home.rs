//! The files of this user: the login, its key, and the sessions of `stint token`.
//!
//! Knows where they are and that nobody else may read or plant them: folders 0700, files 0600, made with `O_EXCL`, read
//! with `O_NOFOLLOW`, and refused when another user owns them or could read them. Knows nothing of the broker.
//!
//! A key is in a file and not in the operating system's keyring: a keyring gives it to every process of the same user
//! all the same, is locked or missing where agents run (a server, a container, CI), and is far more to link than the rest
//! of this client. What protects a login is that it can do little by itself.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::clock::Clock;

/// The folder `STINT_HOME`.
#[derive(Debug, Clone)]
pub struct Home {
    dir: PathBuf,
}

/// `login.json`: who this user is at which broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Base URL of the broker, no slash at its end.
    pub broker: String,
    pub person: String,
    pub client_id: String,
    pub issuer: String,
    pub token_endpoint: String,
    /// Name of the key's file, beside `login.json`.
    pub key: String,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} {why}", path.display())]
    Exposed { path: PathBuf, why: &'static str },
    #[error("{} cannot be read: {why}", path.display())]
    Malformed { path: PathBuf, why: String },
}

/// Largest file that is read from the home, in bytes.
const LARGEST: u64 = 1 << 20;

impl Home {
    pub fn new(dir: PathBuf) -> Self {
        Home { dir }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn login(&self) -> Result<Option<Login>, Error> {
        let path = self.dir.join("login.json");
        let Some(text) = read_private(&path)? else { return Ok(None) };
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| Error::Malformed { path, why: error.to_string() })
    }

    pub fn save_login(&self, login: &Login, clock: &Clock) -> Result<(), Error> {
        let path = self.dir.join("login.json");
        let text = serde_json::to_vec_pretty(login)
            .map_err(|error| Error::Malformed { path: path.clone(), why: error.to_string() })?;
        self.replace(&path, &text, clock)
    }

    /// Forgets who this user is: the login, then its key.
    pub fn remove_login(&self, login: &Login) -> Result<(), Error> {
        let path = self.dir.join("login.json");
        fs::remove_file(&path).map_err(|source| Error::Io { path, source })?;
        self.remove_key(&login.key);
        Ok(())
    }

    /// Writes a new key file; its text is the base64url of the seed.
    pub fn create_key(&self, name: &str, text: &str) -> Result<(), Error> {
        private_dir(&self.dir)?;
        let path = self.dir.join(name);
        create_private(&path, text.as_bytes()).map_err(|source| Error::Io { path, source })
    }

    pub fn key(&self, name: &str) -> Result<Zeroizing<String>, Error> {
        let path = self.dir.join(name);
        let bytes = read_private(&path)?
            .ok_or_else(|| Error::Io { path: path.clone(), source: io::ErrorKind::NotFound.into() })?;
        let text =
            std::str::from_utf8(&bytes).map_err(|_| Error::Malformed { path, why: "not text".to_owned() })?;
        Ok(Zeroizing::new(text.trim_ascii().to_owned()))
    }

    pub fn remove_key(&self, name: &str) {
        // A key that cannot be removed is of no use to anybody: the broker does not know it, or no longer does.
        let _ = fs::remove_file(self.dir.join(name));
    }

    /// The kept session of that name (a hash in hex), as JSON text.
    pub fn session(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        read_private(&self.session_path(name))
    }

    pub fn save_session(&self, name: &str, text: &[u8], clock: &Clock) -> Result<(), Error> {
        private_dir(&self.dir)?;
        private_dir(&self.dir.join("sessions"))?;
        self.replace(&self.session_path(name), text, clock)
    }

    pub fn remove_session(&self, name: &str) {
        // Nothing depends on it: a kept session is checked with the broker each time it is used.
        let _ = fs::remove_file(self.session_path(name));
    }

    fn session_path(&self, name: &str) -> PathBuf {
        self.dir.join("sessions").join(format!("{name}.json"))
    }

    /// Replaces a file at once: readers see the old text or the new.
    fn replace(&self, path: &Path, text: &[u8], clock: &Clock) -> Result<(), Error> {
        let io = |source| Error::Io { path: path.to_path_buf(), source };
        if let Some(parent) = path.parent() {
            private_dir(parent)?;
        }
        let suffix = clock.unguessable().map_err(|error| io(io::Error::other(error)))?;
        let temporary = path.with_extension(format!("{suffix}.new"));
        create_private(&temporary, text).map_err(io)?;
        fs::rename(&temporary, path).map_err(|source| {
            let _ = fs::remove_file(&temporary);
            io(source)
        })
    }
}

/// Makes a folder that only this user can enter, with its parents; refuses one that another user owns or can enter.
pub fn private_dir(path: &Path) -> Result<(), Error> {
    let io = |source| Error::Io { path: path.to_path_buf(), source };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(io)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(io(error)),
    }
    let about = fs::metadata(path).map_err(io)?;
    let exposed = |why| Error::Exposed { path: path.to_path_buf(), why };
    match about {
        _ if !about.is_dir() => Err(exposed("is not a folder")),
        _ if about.uid() != rustix::process::getuid().as_raw() => Err(exposed("belongs to another user")),
        _ if about.mode() & 0o022 != 0 => Err(exposed("can be written by other users")),
        _ => Ok(()),
    }
}

/// Creates a file that only this user can read; fails when anything is there already, a symbolic link included.
pub fn create_private(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(no_follow()).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// Reads a file that only this user can read. `None` when there is none.
fn read_private(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let io = |source| Error::Io { path: path.to_path_buf(), source };
    let file = match OpenOptions::new().read(true).custom_flags(no_follow()).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    if let Some(why) = exposure(&file).map_err(io)? {
        return Err(Error::Exposed { path: path.to_path_buf(), why });
    }
    let mut text = Zeroizing::new(Vec::new());
    file.take(LARGEST).read_to_end(&mut text).map_err(io)?;
    Ok(Some(text))
}

/// Why an open file is not this user's alone, judged on the descriptor and not on a name that could be swapped.
fn exposure(file: &File) -> io::Result<Option<&'static str>> {
    let about = file.metadata()?;
    Ok(match about {
        _ if !about.is_file() => Some("is not a file"),
        _ if about.uid() != rustix::process::getuid().as_raw() => Some("belongs to another user"),
        _ if about.mode() & 0o077 != 0 => Some("can be read by other users"),
        _ => None,
    })
}

fn no_follow() -> i32 {
    rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn login() -> Login {
        Login {
            broker: "http://127.0.0.1:7380".into(),
            person: "alice".into(),
            client_id: "login-1".into(),
            issuer: "http://127.0.0.1:7380".into(),
            token_endpoint: "http://127.0.0.1:7380/oauth/token".into(),
            key: "login-1.key".into(),
        }
    }

    #[test]
    fn a_login_is_saved_for_this_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("stint"));
        assert_eq!(home.login().unwrap(), None);
        home.save_login(&login(), &Clock::system()).unwrap();
        home.create_key("login-1.key", "c2VlZA").unwrap();
        assert_eq!(home.login().unwrap(), Some(login()));
        assert_eq!(home.key("login-1.key").unwrap().as_str(), "c2VlZA");
        for (path, mode) in [("stint", 0o700), ("stint/login.json", 0o600), ("stint/login-1.key", 0o600)] {
            let found = fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
            assert_eq!(found, mode, "{path}");
        }
        // Nothing temporary is left behind.
        assert_eq!(fs::read_dir(home.dir()).unwrap().count(), 2);
    }

    #[test]
    fn l5_a_key_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("stint"));
        home.create_key("k", "c2VlZA").unwrap();
        fs::set_permissions(home.dir().join("k"), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(home.key("k"), Err(Error::Exposed { .. })));
    }

    #[test]
    fn l5_a_symbolic_link_is_neither_read_nor_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("stint"));
        home.create_key("real", "c2VlZA").unwrap();
        symlink(home.dir().join("real"), home.dir().join("link")).unwrap();
        assert!(home.key("link").is_err());
        symlink(folder.path().join("target"), home.dir().join("planted")).unwrap();
        assert!(home.create_key("planted", "c2VlZA").is_err());
        assert!(!folder.path().join("target").exists());
    }

    #[test]
    fn l5_a_folder_that_others_can_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("stint");
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(private_dir(&dir), Err(Error::Exposed { .. })));
    }
}
