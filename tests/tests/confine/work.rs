//! What a confined command is to be able to do: its work.

use super::ground::{Ground, write};
use stint_tests::{Lab, Options};

/// Runs a script confined; nothing where this machine confines nothing.
fn confined(ground: &Ground, arguments: &[&str], script: &str) -> Option<stint_tests::Output> {
    let all = [&["--confine"], arguments].concat();
    let out = ground.command(&all, &["sh", "-c", script]).run();
    if out.code == 125 && out.stderr.contains("cannot be confined here") {
        eprintln!("NOT CONFINED on this machine: {}", out.stderr);
        return None;
    }
    Some(out)
}

const QUERY: &str = r#"{"query":"{ me { name } }"}"#;

/// A provider's name, asked by clients with no variable that tells them of a proxy or of certificates but what is named.
/// What comes back is the gateway's own refusal: the session has nothing for this provider.
const CLIENTS: &[(&str, &str)] = &[
    ("curl", "env -i /usr/bin/curl -sS https://api.github.com/user"),
    ("curl over HTTP/1.1", "env -i /usr/bin/curl -sS --http1.1 https://api.github.com/user"),
    ("git", "env -i PATH=$PATH git ls-remote https://api.github.com/x.git 2>&1 | sed 's/error: 403/denied/'"),
    ("gh", "env -i PATH=$PATH HOME=$HOME GH_TOKEN=none gh api user"),
    (
        "Python's http.client",
        "python3 - <<'END'\nimport http.client\nc = http.client.HTTPSConnection('api.github.com')\nc.request('GET', '/user')\nprint(c.getresponse().read().decode())\nEND",
    ),
    (
        "Node's fetch",
        "env -i PATH=$PATH NODE_EXTRA_CA_CERTS=$NODE_EXTRA_CA_CERTS node -e 'fetch(\"https://api.github.com/user\").then(r => r.text()).then(console.log)'",
    ),
    (
        "Node's https",
        "env -i PATH=$PATH NODE_EXTRA_CA_CERTS=$NODE_EXTRA_CA_CERTS node -e 'require(\"https\").get(\"https://api.github.com/user\", r => r.on(\"data\", d => console.log(String(d))))'",
    ),
];

#[test]
fn clients_that_know_of_no_proxy_reach_the_gateway() {
    let ground = Ground::new(Options::default());
    for (name, script) in CLIENTS {
        let Some(out) = confined(&ground, &[], script) else { return };
        // A found key is refused with a word of its own.
        let reached = ["denied", "foreign_credential"].iter().any(|word| out.stdout.contains(word));
        assert!(reached, "{name}: {}{}", out.stdout, out.stderr);
    }
}

#[test]
fn a_client_that_knows_of_no_proxy_does_its_work() {
    let ground = Ground::new(Options::default());
    let curl = format!(
        "env -i /usr/bin/curl -sS https://backboard.railway.com/graphql/v2 -H \"Authorization: Bearer $RAILWAY_API_TOKEN\" -H 'content-type: application/json' -d '{QUERY}'"
    );
    let Some(out) = confined(&ground, &[], &curl) else { return };
    assert!(out.ok().stdout.contains("\"name\""));
    // And the ones that know.
    let proxied = "curl -sS -o /dev/null -w '%{http_code} %{http_connect}' https://api.github.com/user";
    assert_eq!(confined(&ground, &[], proxied).unwrap().ok().stdout, "403 200");
}

#[test]
fn the_tree_is_written_and_the_rest_comes_and_goes() {
    let ground = Ground::new(Options::default());
    write(&ground.tree.join("src/main.txt"), "before");
    let script = "echo after > src/main.txt && mkdir -p build && echo x > build/y && echo tmp > /tmp/t && cat /tmp/t && echo cache > ~/.newtool && cat ~/.newtool && cat ~/.gitconfig ~/notes.txt && pwd && touch /dev/shm/x && echo ok > /dev/null";
    let Some(out) = confined(&ground, &[], script) else { return };
    let out = out.ok();
    assert!(out.stdout.contains("tmp\ncache\n[user]"), "{}", out.stdout);
    assert!(out.stdout.contains(ground.tree.to_str().unwrap()), "{}", out.stdout);
    assert_eq!(std::fs::read_to_string(ground.tree.join("src/main.txt")).unwrap(), "after\n");
    assert!(ground.tree.join("build/y").exists() && !ground.user.join(".newtool").exists());
}

#[test]
fn what_is_shared_is_seen_and_what_is_hidden_is_not() {
    let ground = Ground::new(Options::default());
    let other = ground.user.join("projects/other");
    write(&other.join("file"), "other");
    write(&ground.tree.join("private/file"), "private");
    write(&ground.tree.join("sub/.env.local"), "planted");
    write(&ground.tree.join("sub/.env.example"), "form");
    let (other, private) = (other.display().to_string(), "private");
    let script = format!(
        "cat private/file; cat .env sub/.env.local; cat sub/.env.example; echo more >> {other}/file; true"
    );
    let Some(plain) = confined(&ground, &[], &script) else { return };
    assert_eq!(plain.stdout, "privateplantedplantedform", "{}", plain.stderr);
    let arguments = ["--share", &other, "--hide", private, "--hide-env-files"];
    let held = confined(&ground, &arguments, &script).unwrap();
    assert_eq!(held.stdout, "form", "{}", held.stderr);
    assert_eq!(std::fs::read_to_string(format!("{other}/file")).unwrap(), "othermore\n");
    // A repository can hide and cannot share.
    write(
        &ground.tree.join("stint.toml"),
        "[run]\nhide = [\"private\"]\nhide_env_files = true\ndrop = [\"T_PORT\"]\n",
    );
    let narrowed = confined(&ground, &[], &format!("{script}; echo port=$T_PORT")).unwrap();
    assert_eq!(narrowed.stdout, "formport=\n", "{}", narrowed.stderr);
    write(&ground.tree.join("stint.toml"), "[run]\nconfine = true\n");
    let refused = ground.command(&["--no-confine"], &["true"]).run();
    assert_eq!(refused.code, 2, "{}", refused.stderr);
}

/// A linked worktree keeps its commits in the repository that it belongs to; a file that only says so opens nothing.
#[test]
fn a_git_worktree_works_and_a_forged_one_opens_nothing() {
    let ground = Ground::new(Options::default());
    let git = |arguments: &[&str]| {
        ground
            .lab
            .broker
            .program("git", arguments)
            .env("HOME", &ground.user)
            .current_dir(&ground.user)
            .run()
            .ok()
    };
    git(&["init", "-q", "projects/main"]);
    git(&["-C", "projects/main", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "first"]);
    git(&["-C", "projects/main", "worktree", "add", "-q", "../linked"]);
    let linked = ground.user.join("projects/linked");
    let run = |folder: &std::path::Path, script: &str| {
        ground.command(&["--confine"], &["sh", "-c", script]).current_dir(folder).run()
    };
    let out =
        run(&linked, "git -c user.email=a@b commit -q --allow-empty -m second && git log --oneline | wc -l");
    if out.code == 125 {
        assert!(out.stderr.contains("cannot be confined here"), "{}", out.stderr);
        return;
    }
    assert_eq!(out.ok().stdout.trim(), "2");
    let forged = ground.user.join("projects/forged");
    write(&forged.join(".git"), "gitdir: ../main/.git/worktrees/linked\n");
    run(&forged, "echo evil > ../main/.git/evil; echo evil > ../main/evil; true").ok();
    assert!(!ground.user.join("projects/main/.git/evil").exists());
    assert!(!ground.user.join("projects/main/evil").exists());
}

#[test]
fn hosts_that_nobody_owns_are_named_and_can_be_allowed() {
    let allowed =
        ("STINT_BROKER_EGRESS_HOSTS".to_owned(), "docs.example.com,registry.example.com".to_owned());
    let ground = Ground::new(Options { variables: vec![allowed], ..Options::default() });
    let ask = "for h in docs registry other; do curl -sS -o /dev/null -m 5 -w \"$h %{http_connect}\\n\" https://$h.example.com/ 2>/dev/null; done; true";
    let Some(out) = confined(&ground, &["--learn"], ask) else { return };
    let out = out.ok();
    // Allowed is tried, and reached or not as the world is; the other is refused.
    assert!(out.stdout.contains("other 403") && !out.stdout.contains("docs 403"), "{}", out.stdout);
    assert!(
        out.stderr.contains("other.example.com") && out.stderr.contains("egress.hosts"),
        "{}",
        out.stderr
    );
    assert!(!out.stderr.contains("docs.example.com"), "{}", out.stderr);
    let narrowed = confined(&ground, &["--allow-host", "docs.example.com"], ask).unwrap().ok();
    assert!(
        narrowed.stdout.contains("registry 403") && !narrowed.stdout.contains("docs 403"),
        "{}",
        narrowed.stdout
    );
    let wider = ground.command(&["--confine", "--allow-host", "evil.example.com"], &["true"]).run();
    assert_eq!(wider.code, 125, "{}", wider.stderr);
    write(
        &ground.tree.join("stint.toml"),
        "[run]\nhosts = [\"registry.example.com\", \"evil.example.com\"]\n",
    );
    let narrowed = confined(&ground, &[], ask).unwrap().ok();
    assert!(
        narrowed.stdout.contains("docs 403") && narrowed.stdout.contains("other 403"),
        "{}",
        narrowed.stdout
    );
    assert!(!narrowed.stdout.contains("registry 403"), "{}", narrowed.stdout);
}

/// A pack knows the host of an agent's own model. Where the session has no credential for it and an owner lets commands
/// reach it by themselves, the agent's own key goes there as it is; else it is a foreign one.
#[test]
fn the_host_of_an_agents_own_model_can_be_allowed() {
    let key = format!("sk-ant-api03-{}", "a1B2c3D4".repeat(12));
    let ask = format!(
        "curl -sS -m 5 -w ' connect=%{{http_connect}}' -H 'x-api-key: {key}' https://api.anthropic.com/v1/models; true"
    );
    for (hosts, judged) in [("docs.example.com", true), ("api.anthropic.com", false)] {
        let allowed = ("STINT_BROKER_EGRESS_HOSTS".to_owned(), hosts.to_owned());
        let ground = Ground::new(Options { variables: vec![allowed], ..Options::default() });
        let Some(out) = confined(&ground, &[], &ask) else { return };
        let out = out.ok();
        assert_eq!(out.stdout.contains("foreign_credential"), judged, "{hosts}: {}", out.stdout);
        let refused = ground.lab.records("request_refused");
        assert_eq!(!refused.is_empty(), judged, "{hosts}: {refused:?}");
    }
}

#[test]
fn the_broker_is_told_which_it_is_and_a_dry_run_shows_it() {
    let lab = Lab::start(Options::default());
    let run = |flag| lab.broker.stint(&["run", "-e", "staging", "-a", "coder", flag, "--", "true"]);
    run("--no-confine").ok();
    let out = run("--confine");
    let confined = out.code == 0;
    assert!(confined || out.stderr.contains("cannot be confined here"), "{}", out.stderr);
    let told: Vec<bool> = lab
        .records("session_started")
        .iter()
        .map(|record| record["facts"]["confined"].as_bool().unwrap())
        .collect();
    assert_eq!(told, if confined { vec![true, false] } else { vec![false] });
    let dry = |flag| {
        lab.broker.stint(&["run", "-e", "staging", "-a", "coder", flag, "--dry-run", "--json", "--", "true"])
    };
    assert_eq!(dry("--no-confine").ok().json()["confinement"]["view"], serde_json::Value::Null);
    if confined {
        let plan = dry("--confine").ok().json();
        let view = &plan["confinement"]["view"];
        assert_eq!(
            (&plan["confined"], &view["folder"]),
            (&true.into(), &lab.broker.scratch().to_str().unwrap().into())
        );
        assert!(
            view["hidden"].as_array().unwrap().contains(&lab.broker.home().to_str().unwrap().into()),
            "{view:#}"
        );
    }
    let doctor = lab.broker.stint(&["doctor", "--json"]).json();
    let findings = doctor["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["check"] == "confinement").unwrap();
    assert_eq!(found["state"] == "fine", confined, "{found}");
}

/// A kernel that gives no namespaces: said in words, with what to do; asked for, it is a refusal.
#[test]
fn where_namespaces_cannot_be_had_it_is_said() {
    let lab = Lab::start(Options::default());
    let own = lab.broker.program_path("stint");
    // A user namespace in which no further ones may be made.
    let within = |arguments: &[&str]| {
        let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"";
        let head = ["-Ur", "sh", "-c", script, "sh", &own];
        let command = lab.broker.program("unshare", &[&head[..], arguments].concat());
        command.env("STINT_HOME", lab.broker.home()).env("STINT_BROKER", &lab.broker.url).run()
    };
    let base = ["run", "-e", "staging", "-a", "coder"];
    let refused = within(&[&base[..], &["--confine", "--", "true"]].concat());
    assert_eq!(refused.code, 125, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("cannot be confined here") && refused.stderr.contains("hint:"),
        "{}",
        refused.stderr
    );
    assert!(lab.records("session_started").is_empty(), "nothing is started");
    // What is left is held all the same: the environment of processes outside is one thing that is not read.
    let outside = std::process::Command::new("sleep").arg("60").env("BYSTANDER", "planted").spawn().unwrap();
    let look =
        format!("grep NoNewPrivs /proc/self/status; grep -a planted /proc/{}/environ; exit 3", outside.id());
    let by_default = within(&[&base[..], &["--", "sh", "-c", &look]].concat());
    let mut outside = outside;
    outside.kill().unwrap();
    outside.wait().unwrap();
    assert_eq!(by_default.code, 3, "{}", by_default.stderr);
    assert!(by_default.stderr.contains("only partly confined"), "{}", by_default.stderr);
    assert_eq!(by_default.stdout, "NoNewPrivs:\t1\n");
    let started = &lab.records("session_started")[0]["facts"];
    assert_eq!((&started["confined"], &started["confinement"]), (&false.into(), &"partly".into()));
    let sessions = lab.broker.stint(&["session", "list", "--all", "--json"]).ok().json();
    assert_eq!(sessions["sessions"][0]["confinement"], "partly");
    let flag = within(&[&base[..], &["--hide-env-files", "--", "true"]].concat());
    assert_eq!(flag.code, 2, "what was asked for is not left out: {}", flag.stderr);
}

/// As somebody who is not the administrator of the machine.
#[test]
fn an_ordinary_user_is_confined_as_well() {
    if !rustix::process::geteuid().is_root() {
        return; // Then every other test here is this one.
    }
    let lab = Lab::start(Options::default());
    let folder = tempfile::Builder::new().prefix("stint-user-").tempdir_in("/var/tmp").unwrap();
    let program = folder.path().join("stint");
    std::fs::copy(lab.broker.program_path("stint"), &program).unwrap();
    let (home, tree) = (folder.path().join("home"), folder.path().join("user/tree"));
    write(&tree.join("file"), "x");
    write(&folder.path().join("user/.netrc"), "planted");
    let copy = |name: &std::ffi::OsStr| std::fs::copy(lab.broker.home().join(name), home.join(name)).unwrap();
    std::fs::create_dir_all(&home).unwrap();
    for entry in
        std::fs::read_dir(lab.broker.home()).unwrap().flatten().filter(|entry| entry.path().is_file())
    {
        copy(&entry.file_name());
    }
    lab.broker.program("chown", &["-R", "54321:54321", folder.path().to_str().unwrap()]).run().ok();
    let script = "id -u; cat ~/.netrc; echo y > file && cat file; grep CapEff /proc/self/status; curl -sS -o /dev/null -w '%{http_code}' https://api.github.com/user";
    let arguments = [
        "--reuid",
        "54321",
        "--regid",
        "54321",
        "--clear-groups",
        program.to_str().unwrap(),
        "run",
        "-e",
        "staging",
        "-a",
        "coder",
        "--confine",
        "--",
        "sh",
        "-c",
        script,
    ];
    let out = lab
        .broker
        .program("setpriv", &arguments)
        .env("STINT_HOME", &home)
        .env("STINT_BROKER", &lab.broker.url)
        .env("HOME", folder.path().join("user"))
        .current_dir(&tree)
        .run();
    if out.code == 125 && out.stderr.contains("cannot be confined here") {
        assert!(out.stderr.contains("hint:"), "{}", out.stderr);
        eprintln!("NOT CONFINED as an ordinary user on this machine: {}", out.stderr);
        return;
    }
    assert_eq!(out.stdout, "54321\ny\nCapEff:\t0000000000000000\n403", "{}", out.stderr);
}
