//! The ends of a session: its command, time, silence, a person.

use serde_json::Value;
use stint_tests::{Lab, Options, until};

use crate::place::on_both;

fn with(options: Options, variables: &[(&str, &str)]) -> Lab {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Lab::start(Options { variables, ..options })
}

fn only_session(lab: &Lab) -> Value {
    let list = lab.broker.stint(&["session", "list", "--all", "--json"]).ok().json();
    let sessions = list["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 1, "{list:#}");
    sessions[0].clone()
}

/// Waits until the only session has ended, and says why it did.
fn why_ended(lab: &Lab) -> String {
    until("the session has ended", || only_session(lab)["end_reason"].as_str().map(str::to_owned))
}

on_both! {
    fn with_its_command(options) {
        let lab = Lab::start(options);
        lab.run(&["true"]).ok();
        assert_eq!(why_ended(&lab), "command_ended");
        let run = lab.broker.home().join("run");
        until("nothing of the run is left", || {
            (std::fs::read_dir(&run).map_or(0, |entries| entries.count()) == 0).then_some(())
        });
    }

    fn with_its_command_however_that_ended(options) {
        let lab = Lab::start(options);
        let ready = lab.broker.scratch().join("ready");
        let run = lab.begin(&format!(": > {}; exec sleep 60", ready.display()));
        until("the command runs", || ready.exists().then_some(()));
        run.signal(rustix::process::Signal::KILL);
        assert_eq!(run.wait().code, 137);
        assert_eq!(why_ended(&lab), "command_ended");
    }

    fn by_time(options) {
        let lab = Lab::start(options);
        let args = ["run", "--environment", "staging", "--agent", "coder", "--ttl", "2s", "--", "sh", "-c",
            r#"sleep 3; curl -sS -w '\n%{http_code}\n' https://backboard.railway.com/graphql/v2 -H "Authorization: Bearer $RAILWAY_API_TOKEN" -H 'content-type: application/json' -d '{"query":"{ me { name } }"}'"#];
        let reply = lab.broker.stint(&args).reply();
        reply.refused(401, "session_ended");
        assert!(lab.railway.log.is_empty());
        assert_eq!(why_ended(&lab), "expired");
    }

    fn by_a_person_under_a_running_command(options) {
        let lab = Lab::start(options);
        let scratch = lab.broker.scratch();
        let (ready, go) = (scratch.join("ready"), scratch.join("go"));
        let run = lab.begin(&format!(
            "ask '{{ me {{ name }} }}'; : > {}; while [ ! -e {} ]; do sleep 0.05; done; ask '{{ me {{ name }} }}'; exit 9",
            ready.display(), go.display()
        ));
        until("the first request is done", || ready.exists().then_some(()));
        let arrived = lab.railway.log.len();
        let id = only_session(&lab)["id"].as_str().unwrap().to_owned();
        lab.broker.stint(&["session", "end", &id]).ok();
        std::fs::write(&go, "").unwrap();
        let out = run.wait().exits(9);
        let replies = out.replies();
        replies[0].done();
        replies[1].refused(401, "session_ended");
        assert_eq!(lab.railway.log.len(), arrived);
        assert_eq!(why_ended(&lab), "revoked");
        // To end it again is no error.
        lab.broker.stint(&["session", "end", &id]).ok();
    }

    fn a_command_that_is_to_end_with_its_session_does(options) {
        let lab = Lab::start(options);
        let ready = lab.broker.scratch().join("ready");
        for (how, script, code) in [
            ("--confine", format!(": > {}; exec sleep 60", ready.display()), 143),
            ("--no-confine", format!(": > {}; exec sleep 60", ready.display()), 143),
            ("--no-confine", format!("trap 'exit 4' TERM; : > {}; while :; do sleep 0.1; done", ready.display()), 4),
        ] {
            let _ = std::fs::remove_file(&ready);
            let head = ["run", "-e", "staging", "-a", "coder", "--kill-on-end", how, "--", "sh", "-c", &script];
            let mut run = lab.broker.command(&head).start();
            let began = until("the command runs", || (ready.exists() || !run.is_running()).then(|| ready.exists()));
            if !began {
                let out = run.wait();
                assert!(out.stderr.contains("cannot be confined here"), "{}", out.stderr);
                continue;
            }
            lab.broker.stint(&["session", "end", "--all"]).ok();
            assert_eq!(run.wait().code, code, "{how} {script}");
        }
        // By time too; and one that does not end when asked to is ended.
        let head = ["run", "-e", "staging", "-a", "coder", "--kill-on-end", "--ttl", "1s", "--no-confine", "--", "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"];
        assert_eq!(lab.broker.stint(&head).code, 137);
    }

    /// THREATS L3.
    fn for_what_outlives_its_command_too(options) {
        let lab = Lab::start(options);
        let (late, go) = (lab.broker.scratch().join("late"), lab.broker.scratch().join("go"));
        let script = format!(
            "(while [ ! -e {} ]; do sleep 0.05; done; setsid curl -sS -m 5 -o /dev/null -w '%{{http_code}} %{{http_connect}}' \
              https://backboard.railway.com/graphql/v2 -H \"Authorization: Bearer $RAILWAY_API_TOKEN\" > {}.part 2>/dev/null; mv {}.part {}) >/dev/null 2>&1 & exit 0",
            go.display(), late.display(), late.display(), late.display()
        );
        lab.broker.stint(&["run", "-e", "staging", "-a", "coder", "--no-confine", "--", "sh", "-c", &script]).ok();
        assert_eq!(why_ended(&lab), "command_ended");
        std::fs::write(&go, "").unwrap();
        until("what was left has tried", || late.exists().then_some(()));
        assert_eq!(std::fs::read_to_string(&late).unwrap(), "000 000");
        assert!(lab.railway.log.is_empty());
    }

    fn by_silence(options) {
        let lab = with(options, &[("STINT_BROKER_SESSION_HEARTBEAT", "1s"), ("STINT_BROKER_SESSION_HEARTBEAT_GRACE", "3s")]);
        let scratch = lab.broker.scratch();
        let ready = scratch.join("ready");
        let mut run = lab.begin(&format!("echo $PPID; : > {}; exec sleep 30", ready.display()));
        until("the command runs", || ready.exists().then_some(()));
        // Heartbeats keep it alive for longer than the grace.
        std::thread::sleep(std::time::Duration::from_secs(4));
        assert_eq!(only_session(&lab)["state"], "live");
        let sidecar = sidecar_of(&lab, run.id());
        kill(sidecar);
        assert_eq!(why_ended(&lab), "heartbeat_missed");
        assert!(run.is_running(), "the command itself goes on, with nothing in its hands");
        run.signal(rustix::process::Signal::KILL);
        run.wait();
    }

    fn all_at_once_under_running_commands(options) {
        let lab = Lab::start(options);
        let scratch = lab.broker.scratch();
        let go = scratch.join("go");
        let runs: Vec<_> = (0..3).map(|n| {
            let ready = scratch.join(format!("ready{n}"));
            let run = lab.begin(&format!(
                ": > {}; while [ ! -e {} ]; do sleep 0.05; done; ask '{{ me {{ name }} }}'", ready.display(), go.display()
            ));
            until("the command runs", || ready.exists().then_some(()));
            run
        }).collect();
        let ended = lab.broker.stint(&["session", "end", "--all", "--json"]).ok().json();
        assert_eq!(ended["ended"].as_array().unwrap().len(), 3);
        std::fs::write(&go, "").unwrap();
        for run in runs {
            run.wait().reply().refused(401, "session_ended");
        }
        assert!(lab.railway.log.is_empty());
        assert_eq!(lab.records("session_ended").iter().filter(|r| r["facts"]["reason"] == "kill_switch").count(), 3);
    }
}

/// The sidecar of this test: the one whose command line is `stint beside` and whose folder is this lab's.
pub(crate) fn sidecar_of(lab: &Lab, command: u32) -> i32 {
    let own = lab.broker.program_path("stint");
    let own = std::fs::canonicalize(own).unwrap();
    // It holds a descriptor of the process that it watches.
    let watches = |pid: &str| {
        let fds = std::fs::read_dir(format!("/proc/{pid}/fdinfo")).into_iter().flatten().flatten();
        fds.map(|fd| std::fs::read_to_string(fd.path()).unwrap_or_default()).any(|info| {
            info.lines()
                .any(|line| line.strip_prefix("Pid:").is_some_and(|pid| pid.trim() == command.to_string()))
        })
    };
    let all = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let found = all.filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit())).find(|pid| {
        std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == own) && watches(pid)
    });
    found.expect("the run has a sidecar").parse().unwrap()
}

fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}
