//! The hidden subcommand `stint confine`, in its roles. It takes no part in the command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Error, inner, probe, supervise};
use crate::exit::{self, Failure};

/// Argument of the hidden subcommand.
pub const SUBCOMMAND: &str = "confine";
pub(super) const SUPERVISE: &str = "supervise";
pub(super) const INIT: &str = "init";
pub(super) const ENTER: &str = "enter";
pub(super) const PROBE: &str = "probe";
pub(super) const PROBE_INSIDE: &str = "probe-inside";

/// `arguments` are what follows the subcommand's name. Comes back only for probes and failures.
pub fn main(arguments: &[OsString]) -> Result<(), Failure> {
    let failed = |error: Error| {
        Failure::new(exit::COULD_NOT_START, format!("the command cannot be confined: {error}"))
            .hint("`stint doctor` says what is missing; `--no-confine` runs it unconfined")
    };
    let texts: Vec<&str> = arguments.iter().map_while(|argument| argument.to_str()).take(2).collect();
    match (texts.as_slice(), arguments) {
        ([SUPERVISE, ..], [_, file, argv @ ..]) => match supervise::main(Path::new(file), argv) {
            Ok(never) => match never {},
            Err(error) => Err(failed(error)),
        },
        ([ENTER, writable], [_, _, file, argv @ ..]) => {
            let writable: Vec<PathBuf> = serde_json::from_str(writable)
                .map_err(|error| Failure::new(exit::COULD_NOT_START, error.to_string()))?;
            let (code, error) = inner::become_command(&writable, Path::new(file), argv);
            match code {
                exit::COULD_NOT_START => Err(failed(error)),
                code => Err(Failure::new(code, error.to_string())),
            }
        }
        ([INIT, ..], _) => inner::init().map_err(failed),
        ([PROBE, ..], _) => probe::outside().map_err(failed),
        ([PROBE_INSIDE, ..], _) => inner::give_up(&[]).map_err(failed),
        _ => Err(Failure::usage("this is no command to be called by hand")),
    }
}
