//! Sessions: the codes of `stint run`, what a command inherits, and how sessions end.

pub(crate) mod end;
mod inherit;
mod within;

use stint_tests::Lab;

use crate::place::on_both;

on_both! {
    fn the_exit_code_of_run_is_the_commands_own(options) {
        let mut lab = Lab::start(options);
        for (script, code) in [("true", 0), ("exit 3", 3), ("exit 125", 125), ("kill -9 $$", 137), ("kill -15 $$", 143), ("kill -2 $$", 130)] {
            assert_eq!(lab.run(&["sh", "-c", script]).code, code, "{script}");
        }
        assert_eq!(lab.run(&["no-such-command-anywhere"]).code, 127);
        assert_eq!(lab.run(&["/etc/passwd"]).code, 126);
        let unknown = lab.broker.run("nowhere", "coder", &["true"]).exits(125);
        assert!(unknown.stderr.contains("nowhere"), "{}", unknown.stderr);
        lab.broker.run("staging", "nobody", &["true"]).exits(125);
        lab.broker.stint(&["run", "--environment", "staging", "--agent", "coder"]).exits(2);
        lab.broker.kill();
        lab.run(&["true"]).exits(7);
        lab.broker.restart();
        lab.run(&["true"]).ok();
    }

    fn the_login_of_the_person_is_not_used_within_a_session(options) {
        let lab = Lab::start(options);
        let own = lab.broker.program_inside("stint");
        let out = lab.run(&[&own, "token", "--environment", "production", "--agent", "coder"]);
        assert_eq!(out.code, 5, "{}", out.stderr);
        assert_eq!(lab.records("session_started").len(), 1);
    }

    fn what_the_command_says_and_reads_is_untouched(options) {
        let lab = Lab::start(options);
        let args = ["run", "--environment", "staging", "--agent", "coder", "--", "sh", "-c", "cat; echo to-stderr >&2"];
        let bytes: Vec<u8> = (1..=255u8).filter(|byte| byte.is_ascii()).collect();
        let out = lab.broker.command(&args).input(bytes.clone()).run().ok();
        assert_eq!(out.stdout.as_bytes(), bytes);
        assert!(out.stderr.ends_with("to-stderr\n"), "{}", out.stderr);
    }

    fn a_restart_of_the_broker_does_not_break_a_run(options) {
        let mut lab = Lab::start(options);
        let scratch = lab.broker.scratch();
        let (ready, go) = (scratch.join("ready"), scratch.join("go"));
        let mut run = lab.begin(&format!(
            "ask '{{ me {{ name }} }}'; : > {}; while [ ! -e {} ]; do sleep 0.05; done; ask '{{ me {{ name }} }}'",
            ready.display(), go.display()
        ));
        stint_tests::until("the first request is done", || ready.exists().then_some(()));
        lab.broker.kill();
        assert!(run.is_running());
        lab.broker.restart();
        std::fs::write(&go, "").unwrap();
        let out = run.wait().ok();
        let replies = out.replies();
        assert_eq!(replies.len(), 2, "{}", out.stdout);
        replies.iter().for_each(|reply| { reply.done(); });
    }

    fn while_the_broker_is_away_the_command_gets_a_problem_that_says_so(options) {
        let mut lab = Lab::start(options);
        let scratch = lab.broker.scratch();
        let (ready, go) = (scratch.join("ready"), scratch.join("go"));
        let run = lab.begin(&format!(
            ": > {}; while [ ! -e {} ]; do sleep 0.05; done; ask '{{ me {{ name }} }}'", ready.display(), go.display()
        ));
        stint_tests::until("the command runs", || ready.exists().then_some(()));
        lab.broker.kill();
        std::fs::write(&go, "").unwrap();
        let reply = run.wait().reply();
        reply.refused(503, "broker_unreachable");
        lab.broker.restart();
    }
}
