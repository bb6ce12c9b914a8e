use std::path::PathBuf;
use std::process::Command;

/// A program of the workspace, as `./tests/run` has built it: beside the folder of the test binary that asks.
pub(crate) fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test binary has a path");
    let folders = test.ancestors().skip(1).take(3);
    for folder in folders {
        let candidate = folder.join(name);
        if candidate.is_file() {
            return candidate;
        }
    }
    panic!(
        "{name} is not built beside {}: run ./tests/run, or cargo build --workspace --bins",
        test.display()
    );
}

/// A command with nothing of this process's environment but the search path.
pub(crate) fn bare(program: PathBuf) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", search_path());
    command
}

#[expect(clippy::disallowed_methods, reason = "the one place of the harness that reads the environment")]
pub(crate) fn search_path() -> String {
    std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned())
}

/// The home of whoever runs the tests, for programs that are installed there.
#[expect(
    clippy::disallowed_methods,
    reason = "beside the one place of the harness that reads the environment"
)]
pub(crate) fn home() -> Option<std::ffi::OsString> {
    std::env::var_os("HOME")
}

/// A number that whoever runs the tests chose: `STINT_SEED`, `STINT_SAMPLES`.
#[expect(
    clippy::disallowed_methods,
    reason = "beside the one place of the harness that reads the environment"
)]
pub fn chosen_number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// The folder that pictures of pages are wanted in: `STINT_SCREENSHOTS`.
#[expect(
    clippy::disallowed_methods,
    reason = "beside the one place of the harness that reads the environment"
)]
pub fn pictures_wanted() -> Option<PathBuf> {
    std::env::var_os("STINT_SCREENSHOTS").map(PathBuf::from)
}
