//! Namespaces of the command's own, and the doors on their loopback.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsRawFd as _;

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};

use super::{Error, PROXY_PORT, TLS_PORT};

/// Sockets that listen inside and are served from outside.
#[derive(Debug)]
pub(super) struct Doors {
    pub(super) tls: TcpListener,
    pub(super) proxy: TcpListener,
}

/// Puts this process, which must have one thread, into new namespaces; its children are in a new pid namespace. Inside,
/// the user keeps its number and is the only one there is.
pub(super) fn enter() -> Result<(), Error> {
    let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    let all = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC;
    unshare(all).map_err(Error::at("namespaces cannot be made"))?;
    // user_namespaces(7): without this a group map is refused, since dropping a group could open what it is denied.
    fs::write("/proc/self/setgroups", "deny").map_err(Error::at("/proc/self/setgroups"))?;
    fs::write("/proc/self/uid_map", format!("{uid} {uid} 1")).map_err(Error::at("/proc/self/uid_map"))?;
    fs::write("/proc/self/gid_map", format!("{gid} {gid} 1")).map_err(Error::at("/proc/self/gid_map"))
}

/// Brings loopback up, the only interface there is, and listens on it.
pub(super) fn open_doors() -> Result<Doors, Error> {
    loopback_up()?;
    let listen = |port| {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .map_err(Error::at(format!("port {port} inside cannot be listened on")))
    };
    Ok(Doors { tls: listen(TLS_PORT)?, proxy: listen(PROXY_PORT)? })
}

const RTM_NEWLINK: u16 = 16;
const NLM_F_REQUEST_ACK: u16 = 5;
const NLMSG_ERROR: u16 = 2;
const IFF_UP: u32 = 1;
/// Loopback is the first interface of every network namespace.
const LOOPBACK: i32 = 1;

/// `RTM_NEWLINK` with `IFF_UP` (rtnetlink(7)): a `nlmsghdr` and an `ifinfomsg`, in the machine's byte order.
fn loopback_up() -> Result<(), Error> {
    let what = "loopback cannot be brought up";
    let netlink =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)
            .map_err(Error::at(what))?;
    let mut request = Vec::with_capacity(32);
    request.extend(32u32.to_ne_bytes());
    request.extend(RTM_NEWLINK.to_ne_bytes());
    request.extend(NLM_F_REQUEST_ACK.to_ne_bytes());
    request.extend([0; 8]); // sequence and port: one question, one answer
    request.extend([0; 4]); // family, padding, type
    request.extend(LOOPBACK.to_ne_bytes());
    request.extend(IFF_UP.to_ne_bytes());
    request.extend(IFF_UP.to_ne_bytes()); // which flags change
    let fd = netlink.as_raw_fd();
    sendto(fd, &request, &NetlinkAddr::new(0, 0), MsgFlags::empty()).map_err(Error::at(what))?;
    let mut answer = [0; 256];
    let length = recv(fd, &mut answer, MsgFlags::empty()).map_err(Error::at(what))?;
    let answer = answer.get(..length).unwrap_or_default();
    let kind = answer.get(4..6).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes);
    let code = answer.get(16..20).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
    match (kind, code) {
        (Some(NLMSG_ERROR), Some(0)) => Ok(()),
        (Some(NLMSG_ERROR), Some(code)) => {
            Err(std::io::Error::from_raw_os_error(-code)).map_err(Error::at(what))
        }
        _ => Err(Error::Refused(format!("{what}: the kernel gave no answer"))),
    }
}
