//! The login of the person, the sidecar, and other sessions.

use super::both_ways;
use super::ground::{Ground, Try, inside, open, shut};
use stint_tests::{Options, until};

const LOGIN: &[Try] = &[
    open(
        "starting a session",
        "unset STINT_SESSION; STINT_HOME=$T_HOME STINT_BROKER=$T_BROKER $T_STINT run -e production -a coder --no-confine -- true && echo GOT",
    ),
    open(
        "minting a token",
        "unset STINT_SESSION; STINT_HOME=$T_HOME STINT_BROKER=$T_BROKER $T_STINT token -e production -a coder && echo GOT",
    ),
    open(
        "reading approvals",
        "unset STINT_SESSION; STINT_HOME=$T_HOME STINT_BROKER=$T_BROKER $T_STINT approval list && echo GOT",
    ),
    open(
        "reading the audit",
        "unset STINT_SESSION; STINT_HOME=$T_HOME STINT_BROKER=$T_BROKER $T_STINT audit list && echo GOT",
    ),
    open(
        "reading policies",
        "unset STINT_SESSION; STINT_HOME=$T_HOME STINT_BROKER=$T_BROKER $T_STINT policy list && echo GOT",
    ),
    open(
        "widening an environment",
        "unset STINT_SESSION; STINT_HOME=$T_HOME STINT_BROKER=$T_BROKER $T_STINT environment add evil --tier production && echo GOT",
    ),
    open(
        "adding an agent",
        "unset STINT_SESSION; STINT_HOME=$T_HOME STINT_BROKER=$T_BROKER $T_STINT agent add evil && echo GOT",
    ),
    inside(
        "ending other sessions",
        "unset STINT_SESSION; STINT_HOME=$T_HOME STINT_BROKER=$T_BROKER $T_STINT session end --all && echo GOT",
    ),
    inside(
        "logging in anew",
        "unset STINT_SESSION; STINT_HOME=./own STINT_BROKER=$T_BROKER timeout 5 $T_STINT login --setup-token-file $T_DATA/setup-token && echo GOT; rm -rf own",
    ),
    shut("widening by a session within", "$T_STINT run -e production -a coder -- echo GOT"),
    shut(
        "a credential that the session has not, by a session within",
        "$T_STINT run --credential other -- echo GOT",
    ),
    shut(
        "a wider session, asked of the sidecar by hand",
        "S=$(echo $HTTPS_PROXY | sed 's#http://##; s#@.*##'); A=$(echo $HTTPS_PROXY | sed 's#.*@##'); curl -sS -m 5 --noproxy '*' -H \"Proxy-Authorization: Basic $(printf %s $S | base64 -w0)\" http://$A/children -d '{\"environment\":\"production\",\"agent\":\"coder\",\"key\":null}' | grep -a started && echo GOT; true",
    ),
    shut(
        "a session within, without the secret",
        "A=$(echo $HTTPS_PROXY | sed 's#.*@##'); curl -sS -m 5 --noproxy '*' http://$A/children -d '{\"environment\":\"staging\",\"agent\":\"coder\",\"key\":null}' | grep -a started && echo GOT; true",
    ),
    inside("a sidecar of its own", "echo '{}' | timeout 5 $T_STINT beside --detached && echo GOT"),
    inside(
        "a supervisor of its own",
        "timeout 5 $T_STINT confine supervise /bin/true true < /dev/null && echo GOT; timeout 5 $T_STINT confine probe && echo GOT; true",
    ),
    inside("the files of the run", "ls $T_HOME/run/ 2>/dev/null | grep . && echo GOT; true"),
];

#[test]
fn the_login_of_the_person_is_out_of_reach() {
    both_ways(LOGIN);
}

#[test]
fn a_wider_session_within_a_session_is_refused_in_words() {
    let ground = Ground::new(Options::default());
    let own = ground.stint();
    let out = ground.command(&[], &[&own, "run", "-e", "production", "-a", "coder", "--", "true"]).run();
    assert_eq!(out.code, 125, "{}", out.stderr);
    assert!(out.stderr.contains("of staging") && out.stderr.contains("hint:"), "{}", out.stderr);
}

/// A sidecar or a supervisor that is stopped holds requests up; nothing gets out, and nothing is lost when it goes on.
#[test]
fn a_stopped_sidecar_or_supervisor_lets_nothing_out() {
    let ground = Ground::new(Options::default());
    let ask = "env -i /usr/bin/curl -sS -k -m 2 -o /dev/null -w '%{http_code} ' https://api.github.com/user; curl -sS -m 2 -o /dev/null -w '%{http_code}\\n' https://api.github.com/user";
    let script = format!(
        ": > ready; while [ ! -e stopped ]; do sleep 0.05; done; {ask}; : > asked; while [ ! -e again ]; do sleep 0.05; done; {ask}; exit 5"
    );
    for which in ["sidecar", "supervisor"] {
        for file in ["ready", "stopped", "asked", "again"] {
            let _ = std::fs::remove_file(ground.tree.join(file));
        }
        let mut run = ground.command(&["--confine"], &["sh", "-c", &script]).start();
        let ready = ground.tree.join("ready");
        let began = until("the command runs or is refused", || {
            (ready.exists() || !run.is_running()).then(|| ready.exists())
        });
        if !began {
            let out = run.wait();
            assert!(out.stderr.contains("cannot be confined here"), "{}", out.stderr);
            return;
        }
        let pid = match which {
            "sidecar" => crate::session::end::sidecar_of(&ground.lab, run.id()),
            _ => i32::try_from(run.id()).unwrap(),
        };
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
        super::ground::write(&ground.tree.join("stopped"), "");
        until("it was asked", || ground.tree.join("asked").exists().then_some(()));
        rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
        super::ground::write(&ground.tree.join("again"), "");
        let out = run.wait().exits(5);
        let stopped = if which == "sidecar" { "000 000" } else { "403 403" };
        assert_eq!(out.stdout.lines().collect::<Vec<_>>(), [stopped, "403 403"], "{which}: {}", out.stderr);
    }
}

/// Whatever ends the supervisor ends all that is inside, and the session.
#[test]
fn what_runs_inside_ends_with_its_supervisor() {
    let ground = Ground::new(Options::default());
    let mark = format!("stint-mark-{}", std::process::id());
    // A process of its own session, that heeds no signal that can be ignored.
    let script =
        "(trap '' TERM HUP INT; exec setsid sh -c \"while :; do sleep 1; done #$1\") & : > ready; wait";
    let mut run = ground.command(&["--confine"], &["sh", "-c", script, "sh", &mark]).start();
    let ready = ground.tree.join("ready");
    let began = until("the command runs or is refused", || {
        (ready.exists() || !run.is_running()).then(|| ready.exists())
    });
    if !began {
        let out = run.wait();
        assert!(out.stderr.contains("cannot be confined here"), "{}", out.stderr);
        return;
    }
    let left = || {
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let lines = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        lines.filter(|line| String::from_utf8_lossy(line).contains(&format!("done #{mark}"))).count()
    };
    until("it runs inside", || (left() > 0).then_some(()));
    run.signal(rustix::process::Signal::KILL);
    assert_eq!(run.wait().code, 137);
    until("nothing is left inside", || (left() == 0).then_some(()));
    let ended = || ground.lab.records("session_ended").len();
    until("the session has ended", || (ended() == 1).then_some(()));
}

/// The listeners of other sessions, confined and not, and the sidecars themselves.
#[test]
fn another_session_is_out_of_reach() {
    let ground = Ground::new(Options::default());
    let begin = |flag: &str, file: &str| {
        let script = format!("echo $HTTPS_PROXY > {file}; exec sleep 60");
        ground.command(&[flag], &["sh", "-c", &script]).start()
    };
    let other = begin("--no-confine", "other-proxy");
    let path = ground.tree.join("other-proxy");
    let proxy = until("the other session runs", || {
        std::fs::read_to_string(&path).ok().filter(|text| text.ends_with('\n'))
    });
    let script = format!(
        "curl -sS -m 5 -o /dev/null -w '%{{http_connect}}' --proxy {} https://api.github.com/ | grep 200 && echo GOT",
        proxy.trim()
    );
    let script: &'static str = Box::leak(script.into_boxed_str());
    let tries = [
        inside("the other session's proxy, with its secret", script),
        inside(
            "any sidecar, by its process",
            "ps ax 2>/dev/null | grep -e '[s]tint sidecar' -e '[b]eside --detached' && echo GOT; true",
        ),
    ];
    let confined = ground.attempt(true, &tries);
    other.signal(rustix::process::Signal::KILL);
    other.wait();
    for (one, tried) in tries.iter().zip(confined.into_iter().flatten()) {
        assert!(!tried.got, "{}: {}", one.name, tried.text);
    }
}

/// Nothing gets out once its sidecar is gone, and the session ends.
#[test]
fn without_its_sidecar_nothing_gets_out() {
    let ground = Ground::new(Options::default());
    let run = ground.command(
        &["--confine"],
        &["sh", "-c", ": > ready; while [ ! -e go ]; do sleep 0.05; done; curl -sS -m 5 https://api.github.com/ && echo GOT; env -i /usr/bin/curl -sS -k -m 5 https://api.github.com/ && echo GOT; true"],
    );
    let run = run.start();
    let ready = ground.tree.join("ready");
    let mut run = run;
    let began = until("the command runs or is refused", || {
        (ready.exists() || !run.is_running()).then(|| ready.exists())
    });
    if !began {
        let out = run.wait();
        assert!(out.stderr.contains("cannot be confined here"), "{}", out.stderr);
        return;
    }
    let sidecar = crate::session::end::sidecar_of(&ground.lab, run.id());
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(sidecar).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    super::ground::write(&ground.tree.join("go"), "");
    let out = run.wait().exits(0);
    assert!(!out.stdout.contains("GOT"), "{}{}", out.stdout, out.stderr);
}
