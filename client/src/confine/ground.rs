//! Carries out a `View` in a mount namespace of the command's own.
//!
//! Classic mounts alone: what is to be kept is bound aside while it can still be reached, the rest is made read only or
//! covered, and then it is moved to its place.

use std::fs;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, StatVfsMountFlags};
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount, mount_bind,
    mount_bind_recursive, mount_change, mount_move, mount_remount, move_mount, open_tree,
};

use super::hidden::{PROC_HIDDEN, PROC_READ_ONLY};
use super::view::{Entry, Home, Kind, View};
use super::{BUNDLE, Error};
use crate::run::{TRUSTSTORE, truststore};

const OWN: &str = "/run/stint";
const STAGED_HOME: &str = "/run/.home";
const STAGED_DEV: &str = "/run/.dev";
const EMPTY: &str = "/run/stint/empty";

/// Files that the command finds changed.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct Files {
    /// `/etc/hosts`.
    pub hosts: String,
    /// The session's certificates, with the system's.
    pub bundle: String,
}

pub(super) fn lay(view: &View, files: &Files) -> Result<(), Error> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(Error::at("mounts cannot be kept apart"))?;
    let kept: Vec<(&Path, OwnedFd)> =
        view.writable.iter().map(|path| Ok((path.as_path(), keep(path)?))).collect::<Result<_, Error>>()?;
    let resolver = fs::canonicalize("/etc/resolv.conf").ok();
    let nsswitch = fs::read_to_string("/etc/nsswitch.conf").ok();
    all_read_only()?;
    tmpfs(Path::new("/run"), "mode=755")?;
    make_own(files, nsswitch.as_deref())?;
    make_dev()?;
    if let Some(home) = &view.home {
        stage_home(home)?;
    }
    for path in view.emptied.iter().filter(|path| *path != Path::new("/run")) {
        tmpfs(path, "mode=1777")?;
    }
    if let Some(home) = &view.home {
        put(STAGED_HOME.as_ref(), &home.path)?;
    }
    let in_tree = |path: &&PathBuf| view.writable.iter().any(|tree| path.starts_with(tree));
    for path in view.hidden.iter().filter(|path| !in_tree(path)) {
        hide(path)?;
    }
    for (path, tree) in kept {
        attach(path, &tree)?;
    }
    for path in view.hidden.iter().filter(in_tree) {
        hide(path)?;
    }
    for path in &view.read_only {
        freeze(path)?;
    }
    overlay_etc(resolver, nsswitch.is_some())?;
    remount(Path::new(OWN), MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV)?;
    std::env::set_current_dir(&view.folder)
        .map_err(Error::at(format!("the working folder {}", view.folder.display())))
}

/// `/proc` of the pid namespace that this process is in, with the parts closed that steer the machine.
pub(super) fn mount_proc() -> Result<(), Error> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", flags, None).map_err(Error::at("/proc cannot be mounted"))?;
    for path in PROC_READ_ONLY.iter().map(Path::new).filter(|path| path.exists()) {
        bind(path, path)?;
        remount(path, flags | MountFlags::RDONLY)?;
    }
    for path in PROC_HIDDEN.iter().map(Path::new).filter(|path| path.exists()) {
        hide(path)?;
    }
    Ok(())
}

/// The mounts that a probe tries: the kinds that `lay` makes, on a copy of everything.
pub(super) fn try_out() -> Result<(), Error> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(Error::at("mounts cannot be kept apart"))?;
    drop(keep(Path::new("/etc"))?);
    all_read_only()?;
    tmpfs(Path::new("/run"), "mode=755")?;
    make_own(&Files::default(), None)?;
    make_dev()
}

/// A copy of what is mounted at a path and below, held until it is attached.
fn keep(path: &Path) -> Result<OwnedFd, Error> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE
        | OpenTreeFlags::AT_SYMLINK_NOFOLLOW;
    open_tree(CWD, path, flags).map_err(Error::at(format!("{} cannot be kept", path.display())))
}

fn attach(path: &Path, tree: &OwnedFd) -> Result<(), Error> {
    let is_dir = rustix::fs::fstat(tree)
        .map(|about| rustix::fs::FileType::from_raw_mode(about.st_mode).is_dir())
        .map_err(Error::at(path.display().to_string()))?;
    make_place(path, is_dir)?;
    move_mount(tree.as_fd(), "", CWD, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .map_err(Error::at(format!("{} cannot be attached", path.display())))
}

/// Something to mount on, where nothing is.
fn make_place(path: &Path, is_dir: bool) -> Result<(), Error> {
    if path.exists() {
        return Ok(());
    }
    let at = || Error::at(format!("{} cannot be made", path.display()));
    let folder = if is_dir { Some(path) } else { path.parent() };
    if let Some(folder) = folder {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(at())?;
    }
    if !is_dir {
        fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(at())?;
    }
    Ok(())
}

fn tmpfs(path: &Path, options: &str) -> Result<(), Error> {
    let options = std::ffi::CString::new(options).unwrap_or_default();
    mount("tmpfs", path, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())
        .map_err(Error::at(format!("{} cannot be covered", path.display())))
}

fn bind(from: &Path, to: &Path) -> Result<(), Error> {
    mount_bind(from, to).map_err(Error::at(format!("{} cannot be bound", from.display())))
}

fn remount(path: &Path, flags: MountFlags) -> Result<(), Error> {
    mount_remount(path, MountFlags::BIND | flags, "")
        .map_err(Error::at(format!("{} cannot be remounted", path.display())))
}

fn put(from: &Path, to: &Path) -> Result<(), Error> {
    make_place(to, true)?;
    mount_move(from, to).map_err(Error::at(format!("{} cannot be moved into place", to.display())))?;
    // The place that it was staged on is of no more use, and no harm where it cannot be removed.
    let _ = fs::remove_dir(from);
    Ok(())
}

/// Covers what is there: a folder by an empty one, a file by an empty one that nobody can read.
fn hide(path: &Path) -> Result<(), Error> {
    match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(about) if about.is_dir() => tmpfs(path, "mode=755"),
        Ok(_) => bind(Path::new(EMPTY), path),
    }
}

fn freeze(path: &Path) -> Result<(), Error> {
    if !path.exists() {
        return Ok(());
    }
    mount_bind_recursive(path, path).map_err(Error::at(format!("{} cannot be bound", path.display())))?;
    remount(path, held_flags(path)? | MountFlags::RDONLY)
}

/// Flags of a mount that may not be dropped when it is mounted again.
fn held_flags(path: &Path) -> Result<MountFlags, Error> {
    let about = rustix::fs::statvfs(path).map_err(Error::at(path.display().to_string()))?;
    let known = [
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
    ];
    let held = known.into_iter().filter(|(held, _)| about.f_flag.contains(*held));
    Ok(held.fold(MountFlags::empty(), |flags, (_, flag)| flags | flag))
}

/// Every mount that can be reached, `/proc` and `/dev` excepted, which get their own.
fn all_read_only() -> Result<(), Error> {
    let text = fs::read_to_string("/proc/self/mountinfo").map_err(Error::at("/proc/self/mountinfo"))?;
    // proc(5): the fifth field is where, with octal escapes; the type follows a lone dash.
    let mounts = text.lines().filter_map(|line| {
        let kind = line.split(" - ").nth(1)?.split(' ').next()?;
        (kind != "autofs").then(|| unescaped(line.split(' ').nth(4).unwrap_or_default()))
    });
    for path in mounts.filter(|path| !path.starts_with("/proc") && !path.starts_with("/dev")) {
        // What cannot be looked at cannot be written by this user either.
        let Ok(flags) = held_flags(&path) else { continue };
        let tried = remount(&path, flags | MountFlags::RDONLY);
        let still_writable =
            rustix::fs::statvfs(&path).is_ok_and(|about| !about.f_flag.contains(StatVfsMountFlags::RDONLY));
        if still_writable {
            tried?;
            return Err(Error::Refused(format!("{} cannot be made read only", path.display())));
        }
    }
    Ok(())
}

fn unescaped(text: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let code = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(|_| *byte == b'\\') {
            Some(code) => {
                bytes.push(code);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    std::ffi::OsString::from_vec(bytes).into()
}

fn make_own(files: &Files, nsswitch: Option<&str>) -> Result<(), Error> {
    make_place(Path::new(OWN), true)?;
    tmpfs(Path::new(OWN), "mode=755")?;
    let write_bytes = |path: &str, bytes: &[u8], mode: u32| {
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
        file.and_then(|mut file| std::io::Write::write_all(&mut file, bytes))
            .map_err(Error::at(path.to_owned()))
    };
    let write = |path: &str, text: &str, mode: u32| write_bytes(path, text.as_bytes(), mode);
    write(EMPTY, "", 0)?;
    write_bytes(&format!("{OWN}/{TRUSTSTORE}"), &truststore(&files.bundle), 0o600)?;
    write(BUNDLE, &files.bundle, 0o600)?;
    write("/run/stint/hosts", &files.hosts, 0o644)?;
    write("/run/stint/resolv.conf", RESOLVER, 0o644)?;
    let only_files = |line: &str| match line.starts_with("hosts:") {
        true => "hosts: files".to_owned(),
        false => line.to_owned(),
    };
    let nsswitch: Vec<String> = nsswitch.unwrap_or_default().lines().map(only_files).collect();
    write("/run/stint/nsswitch.conf", &(nsswitch.join("\n") + "\n"), 0o644)
}

/// Nobody answers there: a name that is not in `/etc/hosts` is refused at once.
const RESOLVER: &str = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n";

/// Where systems keep all their roots in one file: what reads no variable reads these.
const ROOTS: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
];

fn overlay_etc(resolver: Option<PathBuf>, nsswitch: bool) -> Result<(), Error> {
    let roots: std::collections::BTreeSet<PathBuf> =
        ROOTS.iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
    for path in roots {
        bind(BUNDLE.as_ref(), &path)?;
    }
    bind("/run/stint/hosts".as_ref(), "/etc/hosts".as_ref())?;
    if let Some(path) = resolver {
        make_place(&path, false)?;
        bind("/run/stint/resolv.conf".as_ref(), &path)?;
    }
    if nsswitch {
        bind("/run/stint/nsswitch.conf".as_ref(), "/etc/nsswitch.conf".as_ref())?;
    }
    Ok(())
}

/// No disks, no memory, no terminals but the command's own and those that it makes.
fn make_dev() -> Result<(), Error> {
    let dev = Path::new(STAGED_DEV);
    make_place(dev, true)?;
    tmpfs(dev, "mode=755")?;
    for name in ["null", "zero", "full", "random", "urandom", "tty"] {
        make_place(&dev.join(name), false)?;
        bind(&Path::new("/dev").join(name), &dev.join(name))?;
    }
    if let Some(terminal) = own_terminal() {
        make_place(&dev.join("console"), false)?;
        bind(&terminal, &dev.join("console"))?;
    }
    for (name, mode) in [("shm", "mode=1777"), ("mqueue", "mode=1777")] {
        make_place(&dev.join(name), true)?;
        tmpfs(&dev.join(name), mode)?;
    }
    make_place(&dev.join("pts"), true)?;
    mount(
        "devpts",
        dev.join("pts"),
        "devpts",
        MountFlags::NOSUID | MountFlags::NOEXEC,
        c"newinstance,ptmxmode=0666,mode=620",
    )
    .map_err(Error::at("terminals cannot be made"))?;
    for (name, target) in [
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlink(target, dev.join(name)).map_err(Error::at(format!("/dev/{name}")))?;
    }
    put(dev, Path::new("/dev"))
}

/// The terminal that the command is started on. Its number is of no pseudo-terminal inside, so that programs that ask for
/// its name (ttyname(3)) would find none; they look through `/dev` next.
fn own_terminal() -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt as _;
    let stdio = [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()];
    // Of a standard stream that is no terminal, or one that is not in this `/dev`, there is no name.
    let name = stdio.into_iter().find_map(|stream| rustix::termios::ttyname(stream, Vec::new()).ok())?;
    Some(std::ffi::OsString::from_vec(name.into_bytes()).into())
        .filter(|path: &PathBuf| path.starts_with("/dev"))
}

/// The home as it will be, beside the one that is.
fn stage_home(home: &Home) -> Result<(), Error> {
    let staged = Path::new(STAGED_HOME);
    make_place(staged, true)?;
    tmpfs(staged, "mode=700")?;
    for Entry { path, kind } in &home.entries {
        let (from, to) = (home.path.join(path), staged.join(path));
        match kind {
            Kind::MadeAnew => make_place(&to, true)?,
            Kind::Link(target) => {
                symlink(target, &to).map_err(Error::at(from.display().to_string()))?;
            }
            Kind::Writable | Kind::ReadOnly => {
                // What went away meanwhile is not there; what cannot be opened by its owner is nobody's.
                let Ok(about) = rustix::fs::statat(CWD, &from, AtFlags::SYMLINK_NOFOLLOW) else { continue };
                make_place(&to, rustix::fs::FileType::from_raw_mode(about.st_mode).is_dir())?;
                mount_bind_recursive(&from, &to)
                    .map_err(Error::at(format!("{} cannot be bound", from.display())))?;
                if *kind == Kind::Writable {
                    // What was mounted read only before stays so.
                    let _ = remount(&to, held_flags(&to)?);
                }
            }
        }
    }
    Ok(())
}
