use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::process::{PROBE, PROBE_INSIDE, SUBCOMMAND};
use super::{Error, ground, spaces, wall};

/// Why a command cannot be confined here, and what would change that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cannot {
    pub why: String,
    pub remedy: String,
}

/// Whether commands can be confined on this machine by this user: tried out, in a process of its own.
pub fn probe() -> Result<(), Cannot> {
    let own = Path::new("/proc/self/exe");
    let tried = Command::new(own)
        .args([SUBCOMMAND, PROBE])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output();
    match tried {
        Ok(done) if done.status.success() => Ok(()),
        Ok(done) => {
            let said = String::from_utf8_lossy(&done.stderr);
            let why = said.lines().next().unwrap_or_default().trim_start_matches("stint: ");
            let why = why.trim_start_matches("the command cannot be confined: ");
            Err(Cannot { why: why.to_owned(), remedy: remedy() })
        }
        Err(error) => Err(Cannot { why: format!("{}: {error}", own.display()), remedy: remedy() }),
    }
}

/// The process that tries: all that a supervisor does but for what it does to the disk.
pub(super) fn outside() -> Result<(), Error> {
    spaces::enter()?;
    drop(spaces::open_doors()?);
    ground::try_out()?;
    wall::lend()?;
    let inside = Command::new("/proc/self/exe").args([SUBCOMMAND, PROBE_INSIDE]).output();
    let inside = inside.map_err(Error::at("a process inside cannot be started"))?;
    if inside.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&inside.stderr);
    let why = said.lines().next().unwrap_or("it ended without a word");
    Err(Error::Refused(
        why.trim_start_matches("stint: ").trim_start_matches("the command cannot be confined: ").to_owned(),
    ))
}

/// What most often stands in the way, by what the machine says of itself.
fn remedy() -> String {
    let setting = |name: &str| {
        let text = fs::read_to_string(Path::new("/proc/sys").join(name)).ok()?;
        Some(text.trim().to_owned())
    };
    let exists = |path: &str| Path::new(path).exists();
    let remedy = match () {
        () if setting("kernel/unprivileged_userns_clone").as_deref() == Some("0") => {
            "allow user namespaces: sysctl kernel.unprivileged_userns_clone=1"
        }
        () if setting("kernel/apparmor_restrict_unprivileged_userns").as_deref() == Some("1") => {
            "AppArmor keeps user namespaces from programs without a profile: give stint one with `userns,`, or \
             sysctl kernel.apparmor_restrict_unprivileged_userns=0"
        }
        () if setting("user/max_user_namespaces").as_deref() == Some("0") => {
            "allow user namespaces: sysctl user.max_user_namespaces=10000"
        }
        () if exists("/.dockerenv") || exists("/run/.containerenv") => {
            "this is a container, whose runtime forbids namespaces and masks /proc: let it have both, or let the \
             container's own network lead to a broker only"
        }
        () => "user, mount, pid and network namespaces must be allowed to this user",
    };
    remedy.to_owned()
}
