use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{Access, access};

/// Why a command cannot be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    NotFound,
    NotExecutable,
}

/// The file that a command means: itself when it has a slash, otherwise the first of that name in `path`.
pub fn resolve(command: &OsStr, path: Option<&OsStr>) -> Result<PathBuf, Missing> {
    if command.is_empty() {
        return Err(Missing::NotFound);
    }
    if command.as_bytes().contains(&b'/') {
        return executable(Path::new(command));
    }
    let mut found = Err(Missing::NotFound);
    for folder in std::env::split_paths(path.unwrap_or(OsStr::new("/usr/bin:/bin"))) {
        match executable(&folder.join(command)) {
            Ok(file) => return Ok(file),
            Err(Missing::NotExecutable) => found = Err(Missing::NotExecutable),
            Err(Missing::NotFound) => {}
        }
    }
    found
}

/// Becomes the command: same process, terminal, signals and exit code. Returns only when that failed.
///
/// `file` is what `resolve` found, so that nothing is looked up again; the command sees the name it was called by.
pub fn become_command(file: &Path, argv: &[OsString], environment: &[(OsString, OsString)]) -> io::Error {
    let mut command = Command::new(file);
    if let Some(name) = argv.first() {
        command.arg0(name);
    }
    command.args(argv.iter().skip(1)).env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
    command.exec()
}

fn executable(file: &Path) -> Result<PathBuf, Missing> {
    match std::fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(Missing::NotExecutable),
        Err(_) => Err(Missing::NotFound),
        Ok(about) if about.is_dir() => Err(Missing::NotExecutable),
        Ok(_) => match access(file, Access::EXEC_OK) {
            Ok(()) => Ok(file.to_path_buf()),
            Err(_) => Err(Missing::NotExecutable),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_command_is_found_as_a_shell_would_find_it() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        for dir in [&first, &second] {
            std::fs::create_dir(dir).unwrap();
            std::fs::write(dir.join("tool"), "#!/bin/sh\n").unwrap();
        }
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(second.join("tool"), executable).unwrap();
        let path = std::env::join_paths([&first, &second]).unwrap();
        // A file that cannot be executed is passed over, and remembered.
        assert_eq!(resolve("tool".as_ref(), Some(&path)), Ok(second.join("tool")));
        assert_eq!(resolve("tool".as_ref(), Some(first.as_os_str())), Err(Missing::NotExecutable));
        assert_eq!(resolve("none".as_ref(), Some(&path)), Err(Missing::NotFound));
        assert_eq!(resolve(folder.path().as_os_str(), None), Err(Missing::NotExecutable));
        assert_eq!(resolve("/no/such/file".as_ref(), None), Err(Missing::NotFound));
        assert_eq!(resolve("".as_ref(), Some(&path)), Err(Missing::NotFound));
    }
}
