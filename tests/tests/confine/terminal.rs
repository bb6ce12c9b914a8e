//! A terminal behaves as it does without Stint: keys, stops, sizes, codes and signals.

use super::ground::{Ground, write};
use stint_tests::Options;

/// Drives a shell in a pseudo-terminal and prints what comes: standard input is a list of lines `send TEXT`, `key HEX`,
/// `until TEXT`, `size ROWS COLUMNS`.
const DRIVER: &str = r#"
import fcntl, os, pty, select, struct, sys, termios, time
pid, fd = pty.fork()
if pid == 0:
    os.environ['PS1'] = '% '
    os.execvp('bash', ['bash', '--norc', '--noprofile', '-i'])
seen = b''
def until(text, patience=30):
    global seen
    end = time.time() + patience
    while time.time() < end:
        at = seen.find(text.encode())
        if at >= 0:
            print(seen[:at + len(text)].decode(errors='replace'))
            seen = seen[at + len(text):]
            return
        ready, _, _ = select.select([fd], [], [], 0.2)
        if ready:
            try: seen += os.read(fd, 4096)
            except OSError: break
    print(seen.decode(errors='replace')); print('NEVER CAME: ' + text); sys.exit(1)
for line in open(sys.argv[1]).read().split('\n'):
    word, _, rest = line.partition(' ')
    if word == 'send': os.write(fd, rest.encode() + b'\n')
    elif word == 'key': time.sleep(0.3); os.write(fd, bytes.fromhex(rest))
    elif word == 'until': until(rest)
    elif word == 'size':
        rows, columns = map(int, rest.split())
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
print('ALL CAME')
"#;

/// `RUN` in a script stands for `stint run … --`.
fn plays(script: &str) {
    let ground = Ground::new(Options::default());
    let driver = ground.tree.join("driver.py");
    write(&driver, DRIVER);
    let base = format!("{} run -e staging -a coder", ground.lab.broker.program_path("stint"));
    for how in ["--confine", "--no-confine"] {
        let can = ground.command(&[how], &["true"]).run();
        if can.code == 125 {
            assert!(can.stderr.contains("cannot be confined here"), "{}", can.stderr);
            continue;
        }
        let lines = ground.tree.join("lines");
        write(&lines, &script.replace("RUN", &format!("{base} {how} --")));
        let arguments = [driver.to_str().unwrap(), lines.to_str().unwrap()];
        let mut player = ground.lab.broker.program("python3", &arguments).current_dir(&ground.tree);
        for (name, value) in ground.variables() {
            player = player.env(name, value);
        }
        let player =
            player.env("STINT_HOME", ground.lab.broker.home()).env("STINT_BROKER", &ground.lab.broker.url);
        let out = player.run();
        assert!(out.stdout.contains("ALL CAME"), "{how}:\n{}\n{}", out.stdout, out.stderr);
    }
}

#[test]
fn control_c_reaches_the_command_once() {
    plays(
        "until %
send RUN bash -c 'trap \"echo got-\"\"int; exit 7\" INT; echo rea\"\"dy; while :; do sleep 0.1; done'
until ready
key 03
until got-int
send echo code=$?
until code=7
send RUN env python3 -c 'import time; print(\"rea\" + \"dy\", flush=True); time.sleep(60)'
until ready
key 03
until KeyboardInterrupt
send echo code=$?
until code=130
",
    );
}

#[test]
fn control_z_stops_and_fg_continues() {
    plays(
        "until %
send RUN sh -c 'echo rea\"\"dy; sleep 2; echo woken; exit 9'
until ready
key 1a
until Stopped
send jobs
until Stopped
send fg
until woken
send echo code=$?
until code=9
",
    );
}

#[test]
fn size_colours_and_pipes_are_the_terminals() {
    plays(
        "until %
size 33 77
send RUN stty size
until 33 77
send RUN sh -c 'trap \"stty size\" WINCH; echo rea\"\"dy; while :; do sleep 0.1; done'
until ready
size 44 88
until 44 88
key 03
send RUN sh -c 'test -t 0 && test -t 1 && test -t 2 && echo is-a-\"\"tty; : > /dev/tty && echo has-a-\"\"tty'
until is-a-tty
until has-a-tty
send RUN sh -c 'test -c $(tty) && : > $(tty) && echo named-\"\"tty'
until named-tty
send mkdir -p coloured; RUN env TERM=xterm ls --color=auto -d coloured
until \x1b[01;34m
send RUN seq 100000 | head -1 | RUN cat; echo pi\"\"ped
until piped
send RUN sh -c 'kill -9 $$'; echo code=$?
until code=137
",
    );
}

#[test]
fn a_shell_inside_has_jobs_of_its_own() {
    plays(
        "until %
send RUN bash --norc --noprofile -i
send echo with\"\"in
until within
send sleep 60
key 1a
until Stopped
send fg
key 03
send echo back\"\"again
until backagain
send exit 5
until exit
until exit
until %
send echo code=$?
until code=5
",
    );
}

#[test]
fn a_command_is_ended_by_the_signal_that_was_meant_for_it() {
    let ground = Ground::new(Options::default());
    for (signal, code) in [
        (rustix::process::Signal::TERM, 143),
        (rustix::process::Signal::HUP, 129),
        (rustix::process::Signal::KILL, 137),
    ] {
        for how in ["--confine", "--no-confine"] {
            let ready = ground.tree.join("ready");
            let _ = std::fs::remove_file(&ready);
            let mut run = ground.command(&[how], &["sh", "-c", ": > ready; exec sleep 60"]).start();
            let began = stint_tests::until("the command runs", || {
                (ready.exists() || !run.is_running()).then(|| ready.exists())
            });
            if !began {
                let out = run.wait();
                assert!(out.stderr.contains("cannot be confined here"), "{}", out.stderr);
                continue;
            }
            run.signal(signal);
            assert_eq!(run.wait().code, code, "{how} {signal:?}");
        }
    }
    let trap = "trap 'echo caught; exit 4' TERM; : > ready; while :; do sleep 0.1; done";
    let ready = ground.tree.join("ready");
    let _ = std::fs::remove_file(&ready);
    let run = ground.command(&[], &["sh", "-c", trap]).start();
    stint_tests::until("the command runs", || ready.exists().then_some(()));
    run.signal(rustix::process::Signal::TERM);
    let out = run.wait().exits(4);
    assert_eq!(out.stdout, "caught\n");
}
