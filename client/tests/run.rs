//! `stint run`: process shape, exit codes, environment, end of the session.

mod support;

use std::os::unix::process::ExitStatusExt as _;

use serde_json::Value;
use support::{FOUND, PLACEHOLDER, World, eventually, is_empty, text};

#[test]
fn the_command_takes_the_place_of_stint() {
    let world = World::logged_in();
    let mut child = world.run("echo $$; exec 3<&0").stdout(std::process::Stdio::piped()).spawn().unwrap();
    let pid = child.id().to_string();
    assert!(child.wait().unwrap().success());
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut said).unwrap();
    assert_eq!(said.trim(), pid);
}

#[test]
fn the_exit_code_is_the_commands_own() {
    let world = World::logged_in();
    for code in [0, 1, 3, 125] {
        assert_eq!(world.run(&format!("exit {code}")).status().unwrap().code(), Some(code));
    }
    for signal in [15, 9, 13] {
        let status = world.run(&format!("kill -{signal} $$")).status().unwrap();
        assert_eq!(status.signal(), Some(signal));
    }
}

#[test]
fn what_cannot_be_started_has_a_code_of_its_own() {
    let world = World::logged_in();
    let run = |arguments: &[&str]| {
        let base = ["run", "--environment", "staging", "--agent", "coder", "--"];
        let output = world.stint(base.iter().chain(arguments)).output().unwrap();
        assert!(text(&output.stderr).starts_with("stint: "), "{}", text(&output.stderr));
        output.status.code().unwrap()
    };
    assert_eq!(run(&["no-such-command"]), 127);
    assert_eq!(run(&["/no/such/command"]), 127);
    assert_eq!(run(&["/etc/passwd"]), 126);
    assert_eq!(run(&["/"]), 126);
    assert!(world.broker.state().started.is_empty(), "a command that is not there starts no session");

    let refused = world
        .stint(["run", "--environment", "production", "--agent", "coder", "--", "true"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(125));
    assert!(text(&refused.stderr).contains("the request is denied"));

    world.broker.stop();
    assert_eq!(run(&["true"]), 7);
    let nobody = World::new();
    assert_eq!(nobody.run("true").status().unwrap().code(), Some(125));
}

#[test]
fn the_session_ends_with_the_command_and_leaves_nothing_behind() {
    let world = World::logged_in();
    let bundle = world.output("stat -c '%a %n' $SSL_CERT_FILE");
    assert!(bundle.starts_with("600 "), "{bundle}");
    eventually("the end of the session", || !world.broker.state().ended.is_empty());
    assert_eq!(world.broker.state().ended, [("session-1".to_owned(), Some("command_ended".to_owned()))]);
    eventually("the end of its files", || is_empty(&world.runtime().join("stint")));
}

#[test]
fn l3_the_session_ends_though_a_child_lives_on() {
    let world = World::logged_in();
    let status = world.run("sleep 30 >/dev/null 2>&1 & exit 0").status().unwrap();
    assert!(status.success());
    eventually("the end of the session", || world.broker.state().ended.len() == 1);
}

#[test]
fn a_session_is_ended_when_its_command_is_killed() {
    let world = World::logged_in();
    let mut child = world.run("touch started; exec sleep 60").spawn().unwrap();
    eventually("the command", || world.folder.path().join("started").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the end of the session", || world.broker.state().ended.len() == 1);
}

#[test]
fn the_command_has_no_child_that_it_does_not_know_of() {
    let world = World::logged_in();
    let children = "read children < /proc/$$/task/$$/children; echo \"[$children]\"";
    assert_eq!(world.output(children), "[]\n");
    // The same script outside shows what this test's own surroundings hand on.
    let open = "for fd in /proc/$$/fd/*; do [ -e $fd ] && echo ${fd##*/}; done; true";
    let outside =
        std::process::Command::new("sh").args(["-c", open]).stdin(std::process::Stdio::null()).output();
    assert_eq!(world.output(open), text(&outside.unwrap().stdout), "no descriptor of stint is left open");
}

#[test]
fn signals_are_as_the_command_would_have_found_them() {
    let world = World::logged_in();
    let script = "grep -e SigBlk -e SigIgn /proc/self/status";
    let outside = std::process::Command::new("sh").args(["-c", script]).output().unwrap();
    assert_eq!(world.output(script), text(&outside.stdout));
}

#[test]
fn heartbeats_keep_the_session() {
    let world = World::logged_in();
    world.output("sleep 2.5");
    assert!(world.broker.state().heartbeats >= 2);
}

#[test]
fn credentials_are_dropped_and_named_and_placeholders_put_in_their_place() {
    let world = World::logged_in();
    let mut run = world.run("env");
    run.env("RAILWAY_TOKEN", FOUND)
        .env("RAILWAY_API_TOKEN", FOUND)
        .env("MY_DB", format!("postgres://a:{FOUND}@h/d"));
    run.env("SSL_CERT_DIR", "/etc/ssl/certs").env("EDITOR", "vim").env("NO_PROXY", "*");
    let output = run.output().unwrap();
    let environment = text(&output.stdout);
    assert!(!environment.contains(FOUND) && !text(&output.stderr).contains(FOUND));
    assert_eq!(
        text(&output.stderr).trim(),
        "stint: dropped 3 variables: MY_DB, RAILWAY_API_TOKEN, RAILWAY_TOKEN"
    );
    for line in [
        &format!("RAILWAY_API_TOKEN={PLACEHOLDER}"),
        "EDITOR=vim",
        "NO_PROXY=localhost,127.0.0.1,::1",
        "STINT_SESSION=session-1",
        "STINT_ENVIRONMENT=staging",
        "STINT_AGENT=coder",
    ] {
        assert!(environment.lines().any(|found| found == line), "{line} is not in\n{environment}");
    }
    assert!(!environment.contains("SSL_CERT_DIR"));
}

#[test]
fn k15_neither_arguments_nor_environment_of_the_sidecar_tell_anything() {
    let world = World::logged_in();
    let script = r#"
        for dir in /proc/[0-9]*; do
            if [ "$(tr '\0' ' ' < $dir/cmdline 2>/dev/null)" = "/proc/self/exe beside --detached " ]; then
                echo "found $(tr '\0' '\n' < $dir/environ | grep -vc '^SSL_CERT_DIR=')"
            fi
        done 2>/dev/null"#;
    let said = world.output(script);
    assert!(said.contains("found"), "{said}");
    assert!(said.lines().all(|line| line == "found 0"), "{said}");
}

#[test]
fn a_dry_run_shows_the_plan_and_starts_nothing() {
    let world = World::logged_in();
    let mut run = world.run_with(&["--dry-run", "--json"], "touch ran");
    let output = run.env("GH_TOKEN", FOUND).output().unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(plan["dropped"][0]["name"], "GH_TOKEN");
    assert!(plan["set"].as_array().unwrap().iter().any(|set| set["name"] == "HTTPS_PROXY"));
    assert!(!text(&output.stdout).contains(FOUND));
    let shown = world.run_with(&["--dry-run"], "touch ran").output().unwrap();
    assert!(text(&shown.stdout).contains("RAILWAY_API_TOKEN"));
    assert!(!world.folder.path().join("ran").exists());
    assert!(world.broker.state().started.is_empty());
}

#[test]
fn the_record_gets_the_programs_name_and_no_arguments() {
    let world = World::logged_in();
    world.output(&format!("true {FOUND}"));
    let started = world.broker.state().started[0].clone();
    assert_eq!(started["command"], "sh");
    assert_eq!(started["heartbeat"], true);
    assert!(!started.to_string().contains(FOUND));
}

/// What is inside asks the sidecar around it, and no broker with a login of its own.
#[test]
fn l4_a_session_inside_is_asked_of_the_one_around_it() {
    let world = World::logged_in();
    let stint = env!("CARGO_BIN_EXE_stint");
    let nested = world
        .run(&format!("{stint} run --environment development --agent coder -- touch ran"))
        .output()
        .unwrap();
    // This broker knows of no session but those that a person starts.
    assert!(!nested.status.success(), "{}", text(&nested.stderr));
    assert!(!world.folder.path().join("ran").exists());
    let calls: Vec<String> = world.broker.state().calls.iter().map(|(call, _)| call.clone()).collect();
    assert_eq!(calls.iter().filter(|call| call.ends_with("/sessions")).count(), 1, "{calls:?}");
    assert!(calls.iter().any(|call| call.ends_with("/sessions/session-1/children")), "{calls:?}");
    let approve = world.run(&format!("{stint} approval approve a-1 --confirm pgdata")).output().unwrap();
    assert_eq!(approve.status.code(), Some(5));
    assert!(!world.broker.state().calls.iter().any(|(call, _)| call.contains("approve")));
}

#[test]
fn a_terminal_signal_does_not_reach_the_sidecar() {
    let world = World::logged_in();
    // What a terminal does on ^C: a signal to the whole process group.
    let script = "trap '' INT; kill -INT 0; sleep 0.3; curl -sS https://backboard.railway.app/";
    use std::os::unix::process::CommandExt as _;
    let output = world.run(script).process_group(0).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(world.broker.only_seen().path, "/railway/");
}

#[test]
fn a_user_who_is_not_root_can_run_commands() {
    use std::os::unix::fs::chown;
    use std::os::unix::process::CommandExt as _;
    const NOBODY: u32 = 65_534;
    let world = World::logged_in();
    if !rustix::process::getuid().is_root() {
        // Then every other test shows it.
        return;
    }
    let program = world.folder.path().join("stint");
    std::fs::copy(env!("CARGO_BIN_EXE_stint"), &program).unwrap();
    world.output("true");
    let mut folders = vec![world.folder.path().to_path_buf()];
    while let Some(folder) = folders.pop() {
        chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
        for entry in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap()) {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => chown(entry.path(), Some(NOBODY), Some(NOBODY)).unwrap(),
            }
        }
    }
    let as_root = world.run("curl -sS https://backboard.railway.app/; id -u");
    let mut command = std::process::Command::new(&program);
    command.args(as_root.get_args()).env_clear().current_dir(world.folder.path());
    command.envs(as_root.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.uid(NOBODY).gid(NOBODY).output().unwrap();
    assert_eq!(text(&output.stdout), "{\"data\":{\"ok\":true}}65534\n", "{}", text(&output.stderr));
    eventually("the end of the session", || world.broker.state().ended.len() == 2);
}
