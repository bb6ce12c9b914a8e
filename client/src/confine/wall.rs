//! What a process gives up for good before it becomes the command: capabilities, new privileges, and the system calls by
//! which a namespace could be left or the kernel be reached past it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, Scope,
};
use rustix::thread::{CapabilitySet, CapabilitySets};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::Error;

/// Capabilities that a child of the supervisor needs until it has set itself up, as an ordinary user as well.
const SETTING_UP: CapabilitySet = CapabilitySet::SYS_ADMIN.union(CapabilitySet::SETPCAP);

/// Lets children of this process keep what they need to set themselves up.
pub(super) fn lend() -> Result<(), Error> {
    let what = "capabilities cannot be handed on";
    let held = rustix::thread::capabilities(None).map_err(Error::at(what))?;
    let sets = CapabilitySets { inheritable: held.inheritable | SETTING_UP, ..held };
    rustix::thread::set_capabilities(None, sets).map_err(Error::at(what))?;
    for one in SETTING_UP.iter() {
        rustix::thread::configure_capability_in_ambient_set(one, true).map_err(Error::at(what))?;
    }
    Ok(())
}

/// No capability now, none by exec, none by a setuid program.
pub(super) fn drop_privileges() -> Result<(), Error> {
    let what = "capabilities cannot be given up";
    rustix::thread::clear_ambient_capability_set().map_err(Error::at(what))?;
    // Those that this kernel does not know are refused with EINVAL, and are not there to be given up.
    for bit in 0..64u32 {
        let one = CapabilitySet::from_bits_retain(1 << bit);
        match rustix::thread::remove_capability_from_bounding_set(one) {
            Ok(()) => {}
            Err(rustix::io::Errno::INVAL) if bit > 0 => break,
            Err(error) => return Err(error).map_err(Error::at(what)),
        }
    }
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::set_capabilities(None, sets).map_err(Error::at(what))?;
    rustix::thread::set_no_new_privs(true).map_err(Error::at(what))
}

/// Landlock as a second wall behind the mounts: nothing is written but beneath `writable`, no signal and no abstract
/// socket leads out. Kernels without it have the mounts alone.
pub(super) fn restrict_files(writable: &[PathBuf]) -> Result<(), Error> {
    let refused = |error: landlock::RulesetError| Error::Refused(format!("landlock: {error}"));
    let abi = ABI::V6;
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_write(abi))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(abi)))
        .and_then(Ruleset::create)
        .map_err(refused)?;
    let rules = writable.iter().filter_map(|path| {
        let access = if path.is_dir() { AccessFs::from_write(abi) } else { AccessFs::from_file(abi) };
        let file = PathFd::new(path).ok()?;
        Some(Ok::<_, landlock::RulesetError>(PathBeneath::new(file, access & AccessFs::from_write(abi))))
    });
    ruleset.add_rules(rules).and_then(|ruleset| ruleset.restrict_self()).map(drop).map_err(refused)
}

/// What can be given up without namespaces: no new privileges; with Landlock no signal, no abstract socket and no look at
/// the memory or environment of a process outside; no keyrings, no typing into the terminal. The network and the files of
/// the user stay open.
pub fn hold_back() -> Result<(), Error> {
    let refused = |error: landlock::RulesetError| Error::Refused(format!("landlock: {error}"));
    let backend = |error: seccompiler::BackendError| Error::Refused(format!("seccomp: {error}"));
    rustix::thread::set_no_new_privs(true).map_err(Error::at("new privileges cannot be given up"))?;
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .scope(Scope::from_all(ABI::V6))
        .and_then(Ruleset::create)
        .and_then(|ruleset| ruleset.restrict_self())
        .map_err(refused)?;
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        [libc::SYS_keyctl, libc::SYS_add_key, libc::SYS_request_key].map(|call| (call, Vec::new())).into();
    rules.insert(libc::SYS_ioctl, terminals().map_err(backend)?);
    apply(&program(rules, libc::EPERM).map_err(backend)?)
}

/// System calls that answer EPERM.
const REFUSED: &[i64] = &[
    // Other processes' memory and descriptors.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Mounts, roots and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_open_by_handle_at,
    // Keyrings are the user's, whatever the namespace.
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // Wide doors into the kernel; what goes through a ring is not seen here.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_fanotify_init,
    // The machine itself.
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
];

/// `CLONE_NEW*`, a bit each (clone(2)).
const NEW_NAMESPACES: [i32; 8] = [
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWUTS,
    0x80, // CLONE_NEWTIME
];

/// On x86_64 the same calls have second numbers for a second ABI, where the kernel has that.
const X32: i64 = 0x4000_0000;

/// Refuses for good, in this process and all that it starts.
pub(super) fn restrict_calls() -> Result<(), Error> {
    filters()?.iter().try_for_each(apply)
}

fn apply(filter: &BpfProgram) -> Result<(), Error> {
    seccompiler::apply_filter(filter)
        .map_err(|error| Error::Refused(format!("system calls cannot be restricted: {error}")))
}

fn filters() -> Result<[BpfProgram; 2], Error> {
    let refused = |error: seccompiler::BackendError| Error::Refused(format!("seccomp: {error}"));
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_clone, namespace_flags().map_err(refused)?);
    rules.insert(libc::SYS_socket, sockets().map_err(refused)?);
    rules.insert(libc::SYS_ioctl, terminals().map_err(refused)?);
    // Its flags lie in memory, where a filter cannot read them; without it programs take `clone`.
    let unseen = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    Ok([program(rules, libc::EPERM).map_err(refused)?, program(unseen, libc::ENOSYS).map_err(refused)?])
}

fn program(
    mut rules: BTreeMap<i64, Vec<SeccompRule>>,
    errno: i32,
) -> Result<BpfProgram, seccompiler::BackendError> {
    if cfg!(target_arch = "x86_64") {
        let twins: Vec<_> = rules.iter().map(|(call, rules)| (call | X32, rules.clone())).collect();
        rules.extend(twins);
    }
    let action = SeccompAction::Errno(errno.unsigned_abs());
    let arch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, SeccompAction::Allow, action, arch)?.try_into()
}

type Rules = Result<Vec<SeccompRule>, seccompiler::BackendError>;

fn when(
    argument: u8,
    operator: SeccompCmpOp,
    value: i32,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, u64::from(value.cast_unsigned()))
}

fn namespace_flags() -> Rules {
    let rule = |flag: &i32| {
        let mask = SeccompCmpOp::MaskedEq(u64::from(flag.cast_unsigned()));
        SeccompRule::new(vec![when(0, mask, *flag)?])
    };
    NEW_NAMESPACES.iter().map(rule).collect()
}

/// Unix, IPv4, IPv6 and the routing kind of netlink remain; of those no raw ones. A machine's other kinds of sockets
/// (vsock among them) do not know network namespaces.
fn sockets() -> Rules {
    use SeccompCmpOp::{Eq, MaskedEq, Ne};
    let other = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    let other = other.iter().map(|family| when(0, Ne, *family)).collect::<Result<_, _>>()?;
    // socket(2): an old way to raw frames, with any family.
    const SOCK_PACKET: i32 = 10;
    let kind = |kind| when(1, MaskedEq(0xf), kind);
    Ok(vec![
        SeccompRule::new(other)?,
        SeccompRule::new(vec![when(0, Eq, libc::AF_INET)?, kind(libc::SOCK_RAW)?])?,
        SeccompRule::new(vec![when(0, Eq, libc::AF_INET6)?, kind(libc::SOCK_RAW)?])?,
        SeccompRule::new(vec![kind(SOCK_PACKET)?])?,
        SeccompRule::new(vec![when(0, Eq, libc::AF_NETLINK)?, when(2, Ne, libc::NETLINK_ROUTE)?])?,
    ])
}

/// Typing into a terminal as if a person had: what is typed there is read by the shell outside.
fn terminals() -> Rules {
    const TIOCSTI: i32 = 0x5412;
    const TIOCLINUX: i32 = 0x541c;
    [TIOCSTI, TIOCLINUX]
        .iter()
        .map(|request| SeccompRule::new(vec![when(1, SeccompCmpOp::Eq, *request)?]))
        .collect()
}
