//! Much at once through sidecar and gateway, in bounded memory.

use rustix::process::Signal;
use stint_tests::Options;

use super::ground::Ground;

const SIZE: u64 = 64 << 20;
/// What the peak may grow by, in bytes: queues and buffers, and no body.
const ROOM: u64 = 24_000_000;

/// The most bytes of memory that a process has held at once.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().split(' ').next().unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn what_is_large_goes_up_and_down_in_flat_memory() {
    let ground = Ground::lay(Options::default());
    let site = ground.archive();
    let sidecar = ground.start(&[]);
    let call = "curl -sS -H \"Authorization: Bearer $GH_TOKEN\"";
    let down = |size: u64| {
        let url = format!("https://api.github.com/repos/octo/hello/tarball/bytes/{size}");
        ground.agent(&format!("{call} -o /dev/null -w '%{{size_download}} %{{http_code}}' {url}")).ok().stdout
    };
    let up = |size: u64| {
        let url = "https://uploads.github.com/repos/octo/hello/releases/1/assets?name=image.bin";
        let kind = "-H 'content-type: application/octet-stream'";
        let script =
            format!("head -c {size} /dev/urandom > big; {call} {kind} -X POST -T big '{url}'; rm big");
        ground.agent(&script).ok().json()["length"].clone()
    };
    assert_eq!((down(1000), up(1000)), ("1000 200".to_owned(), 1000.into()));
    let held = || [peak(sidecar.id()), ground.lab.broker.peak_memory()];
    let before = held();
    assert_eq!(down(SIZE), format!("{SIZE} 200"));
    let downed = held();
    assert_eq!(up(SIZE), SIZE);
    let upped = held();
    let grown = |after: [u64; 2]| [after[0].saturating_sub(before[0]), after[1].saturating_sub(before[1])];
    println!(
        "sidecar and broker: {before:?}, more after down {:?}, after up {:?}",
        grown(downed),
        grown(upped)
    );
    assert!(grown(upped).iter().all(|more| *more < ROOM), "{before:?} {downed:?} {upped:?}");
    assert_eq!(site.log.len(), 4);
    sidecar.signal(Signal::TERM);
    sidecar.wait().exits(0);
}

/// All are open at once: the provider answers none before two seconds have gone by since it came.
#[test]
fn three_hundred_connections_are_served_at_once() {
    let ground = Ground::lay(Options::default());
    let _site = ground.archive();
    let sidecar = ground.start(&[]);
    let script = "for i in $(seq 300); do echo 'url = \"https://api.github.com/repos/octo/hello/tarball/slow/2000\"'; echo 'output = \"/dev/null\"'; done > many; \
        curl -sS --http1.1 --parallel --parallel-immediate --parallel-max 300 -H \"Authorization: Bearer $GH_TOKEN\" \
        -w '%{http_code} %{errormsg}\\n' -K many 2> progress | sort | uniq -c";
    let out = ground.agent(script).ok();
    assert_eq!(out.stdout.trim(), "300 200", "{}", out.stderr);
    sidecar.signal(Signal::TERM);
    sidecar.wait().exits(0);
}

/// What cannot go through is refused in words, and nothing is said of another way there.
#[test]
fn what_is_not_carried_is_refused_in_words() {
    let ground = Ground::lay(Options::default());
    let _site = ground.archive();
    let sidecar = ground.start(&[]);
    let call = "curl -sS -i -H \"Authorization: Bearer $GH_TOKEN\"";
    let socket = "--http1.1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='";
    let refused = ground.agent(&format!("{call} {socket} https://api.github.com/user")).ok().stdout;
    assert!(refused.contains(" 400 ") && refused.contains("upgrade_refused"), "{refused}");
    // gRPC says it where its clients look (gRPC over HTTP/2, "Responses"): 7 is PERMISSION_DENIED.
    let grpc = "--http2 -H 'content-type: application/grpc' -H 'te: trailers' --data-binary x";
    let refused =
        ground.agent(&format!("{call} {grpc} https://api.github.com/repos.Service/Delete")).ok().stdout;
    assert!(
        refused.starts_with("HTTP/1.1 200 Connection established") || refused.contains("HTTP/2"),
        "{refused}"
    );
    assert!(refused.contains("grpc-status: 7"), "{refused}");
    let fine =
        ground.agent(&format!("{call} https://api.github.com/repos/octo/hello/tarball/bytes/3")).ok().stdout;
    assert!(fine.ends_with("xxx") && !fine.to_lowercase().contains("alt-svc"), "{fine}");
    sidecar.signal(Signal::TERM);
    sidecar.wait().exits(0);
}
