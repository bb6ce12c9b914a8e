//! Other processes, and the kernel itself.

use super::both_ways;
use super::ground::{Ground, Try, inside, open, shut};
use stint_tests::Options;

macro_rules! call {
    ($($number:literal, $arguments:literal);+) => {
        concat!("python3 - <<'END'\nimport ctypes, os\nc = ctypes.CDLL(None, use_errno=True)\n",
            $("r = c.syscall(", $number, ", ", $arguments, "); e = ctypes.get_errno(); print(", $number, ", r, e); r < 0 and e in (1, 38) or print('GOT')\n",)+
            "END\n")
    };
}

const PROCESSES: &[Try] = &[
    open("a process outside, by signal", "kill -0 $T_PID && echo GOT"),
    open(
        "a process outside, by looking",
        "[ -d /proc/$T_PID ] && grep -a sleep /proc/$T_PID/cmdline && echo GOT",
    ),
    open(
        "a process outside, by descriptor",
        "python3 -c 'import os; os.pidfd_open(int(os.environ[\"T_PID\"])); print(\"GOT\")'",
    ),
    inside("more processes than its own", "[ $(ls /proc | grep -c '^[0-9]') -gt 12 ] && echo GOT"),
    inside(
        "numbers that come around again",
        "for p in $(seq 300 20 4000); do kill -0 $p 2>/dev/null && echo GOT $p; done; true",
    ),
    inside(
        "a process outside, by ptrace",
        "python3 -c \"
import ctypes, os
c = ctypes.CDLL(None, use_errno=True); c.ptrace(16, int(os.environ['T_PID']), 0, 0) == 0 and print('GOT')\"",
    ),
    inside(
        "memory of a process outside",
        "python3 -c \"
import os; open('/proc/%s/mem' % os.environ['T_PID'], 'rb').read(1); print('GOT')\"",
    ),
    inside(
        "the namespace's own init",
        "kill -9 1; kill -STOP 1; cat /proc/1/environ | grep -a . && echo GOT; head -c 1 /proc/1/mem && echo GOT; true",
    ),
    inside(
        "the terminal of the person",
        "python3 - <<'END'\nimport fcntl, os\nfor fd in (0, 1, 2):\n    for request in (0x5412, 0x1_0000_5412):\n        try: fcntl.ioctl(fd, request, b'x'); print('GOT')\n        except (OSError, OverflowError, ValueError) as e: print(e)\nEND",
    ),
    inside(
        "a program that is in memory alone",
        "python3 - <<'END' | grep -a planted && echo GOT\nimport os, shutil\nfd = os.memfd_create('x', 0); os.write(fd, open(shutil.which('cat'), 'rb').read())\nos.execv('/proc/self/fd/%d' % fd, ['cat', os.environ['HOME'] + '/.netrc', '/proc/%s/environ' % os.environ['T_PID']])\nEND\ntrue",
    ),
    inside(
        "giving up what holds it",
        "python3 - <<'END'\nimport ctypes\nc = ctypes.CDLL(None)\nfor what in (22, 38): c.prctl(what, 0, 0, 0, 0) == 0 and print('GOT')\nEND\ngrep -E '^(Seccomp|NoNewPrivs):.*0$' /proc/self/status && echo GOT; true",
    ),
    inside(
        "page faults by a device",
        "head -c 1 /dev/userfaultfd && echo GOT; [ -e /dev/userfaultfd ] && echo GOT; true",
    ),
    inside("other terminals", "ls /dev/pts | grep '[0-9]' && echo GOT"),
    shut(
        "a library in every program",
        "tr '\\0' '\\n' < /proc/self/environ | grep -E '^(LD_PRELOAD|LD_AUDIT|BASH_ENV|NODE_OPTIONS|PYTHONSTARTUP)=' && echo GOT",
    ),
];

#[cfg(target_arch = "x86_64")]
const CALLS: &[Try] = &[
    inside("ptrace", call!("101", "0, 0, 0, 0")),
    inside(
        "reading another's memory",
        call!("310", "os.getppid(), 0, 0, 0, 0, 0"; "311", "os.getppid(), 0, 0, 0, 0, 0"),
    ),
    inside("another's descriptors", call!("438", "0, 0, 0"; "312", "1, 1, 0, 0, 0")),
    inside(
        "mounts",
        call!("165", "b'x', b'/mnt', b'tmpfs', 0, 0"; "166", "b'/tmp', 2"; "155", "b'/', b'/'"; "161", "b'/'"),
    ),
    inside(
        "mounts by descriptor",
        call!("428", "-100, b'/', 1"; "429", "0, b'', 0, b'', 0"; "430", "b'tmpfs', 0"; "442", "-1, b'', 0, 0, 0"),
    ),
    inside("namespaces", call!("272", "0x10000000"; "272", "0x40000000"; "272", "0x20000"; "308", "0, 0")),
    inside(
        "namespaces by clone",
        call!("56", "0x10000011, 0, 0, 0, 0"; "56", "0x40000011, 0, 0, 0, 0"; "435", "0, 0"),
    ),
    inside(
        "keyrings",
        call!("250", "0, -3, 1"; "248", "b'user', b'x', b'y', 1, -3"; "249", "b'user', b'x', 0, 0"),
    ),
    inside("programs in the kernel", call!("321", "0, 0, 0"; "298", "0, 0, -1, -1, 0"; "323", "0")),
    inside("rings that no filter sees", call!("425", "1, 0"; "426", "0, 0, 0, 0, 0, 0"; "427", "0, 0, 0, 0")),
    inside(
        "another kernel",
        call!("246", "0, 0, 0, 0"; "175", "0, 0, b''"; "313", "-1, b'', 0"; "176", "b'x', 0"),
    ),
    inside(
        "the machine's end and its time",
        call!("169", "0, 0, 0, 0"; "227", "0, 0"; "164", "0, 0"; "170", "b'x', 1"),
    ),
    inside("the same by the second ABI", call!("0x40000000 + 272", "0x10000000"; "0x40000000 + 425", "1, 0")),
];

const RIGHTS: &[Try] = &[
    inside(
        "a capability",
        "grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status | grep -v 0000000000000000 && echo GOT",
    ),
    inside("new privileges by a setuid program", "grep -E '^NoNewPrivs:.*0' /proc/self/status && echo GOT"),
    inside("calls that nobody filters", "grep -E '^Seccomp:.*0' /proc/self/status && echo GOT"),
    inside(
        "becoming another user",
        "python3 -c \"
import os
for u in (1, 1000, 65534):
    try: os.setuid(u); print('GOT')
    except OSError as e: print(e)\"",
    ),
    inside("giving a file away", "touch own && chown 1 own && echo GOT; rm -f own"),
    inside(
        "a setuid program of its own",
        "cp $(command -v id) own-id && chmod u+s own-id && [ $(./own-id -u) != $(id -u) ] && echo GOT; rm -f own-id",
    ),
    inside(
        "steering the kernel",
        "for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/sys/vm/drop_caches /proc/self/oom_score_adj_x /sys/power/state; do ( echo x > $f ) 2>/dev/null && echo GOT; done; true",
    ),
    inside(
        "more rights over its own namespace",
        "( echo '0 0 1' > /proc/self/uid_map ) 2>/dev/null && echo GOT; true",
    ),
    inside(
        "control groups",
        "( mkdir /sys/fs/cgroup/x || mkdir /sys/fs/cgroup/memory/x ) 2>/dev/null && echo GOT; true",
    ),
];

#[test]
fn no_process_outside_is_reached() {
    both_ways(PROCESSES);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn no_call_leads_out() {
    both_ways(CALLS);
}

#[test]
fn there_is_no_privilege_to_use() {
    both_ways(RIGHTS);
}

/// Descriptors that the shell outside had open are not the command's.
#[test]
fn no_descriptor_is_inherited() {
    let ground = Ground::new(Options::default());
    let secret = ground.user.join(".netrc");
    let script = "exec 7<\"$1\" 8<>/dev/tcp/127.0.0.1/$T_PORT 9</; shift; exec \"$@\"";
    let own = ground.lab.broker.program_path("stint");
    let count = "ls /proc/self/fd | wc -l; cat <&7; cat <&8; ls /proc/self/fd/9/";
    let mut outer = ground.lab.broker.program(
        "bash",
        &[
            "-c",
            script,
            "bash",
            secret.to_str().unwrap(),
            &own,
            "run",
            "-e",
            "staging",
            "-a",
            "coder",
            "--confine",
            "--",
            "sh",
            "-c",
            count,
        ],
    );
    for (name, value) in ground.variables() {
        outer = outer.env(name, value);
    }
    let home = ground.lab.broker.home();
    let out = outer
        .env("STINT_HOME", &home)
        .env("STINT_BROKER", &ground.lab.broker.url)
        .current_dir(&ground.tree)
        .run();
    if out.code == 125 && out.stderr.contains("cannot be confined here") {
        eprintln!("NOT CONFINED on this machine: {}", out.stderr);
        return;
    }
    // The three that every program has, and the one that ls reads the folder by.
    assert_eq!(out.stdout.trim(), "4", "{}{}", out.stdout, out.stderr);
}
