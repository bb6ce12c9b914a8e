use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use stint_tests::{Lab, Options};

/// One thing that an agent tries.
pub(super) struct Try {
    pub(super) name: &'static str,
    pub(super) script: &'static str,
    /// Whether it succeeds unconfined; `None` where it is not tried or depends on the machine.
    pub(super) unconfined: Option<bool>,
}

/// Succeeds unconfined.
pub(super) const fn open(name: &'static str, script: &'static str) -> Try {
    Try { name, script, unconfined: Some(true) }
}

/// Refused unconfined too.
pub(super) const fn shut(name: &'static str, script: &'static str) -> Try {
    Try { name, script, unconfined: Some(false) }
}

/// Tried confined only: elsewhere it would harm the machine, or say nothing.
pub(super) const fn inside(name: &'static str, script: &'static str) -> Try {
    Try { name, script, unconfined: None }
}

pub(super) struct Tried {
    pub(super) got: bool,
    pub(super) text: String,
}

/// A machine with something to find: a home full of credentials, and services that nobody inside is to reach.
pub(super) struct Ground {
    pub(super) lab: Lab,
    pub(super) user: PathBuf,
    pub(super) tree: PathBuf,
    variables: Vec<(String, String)>,
    bystander: Child,
    run_socket: PathBuf,
    datagrams: Arc<AtomicUsize>,
}

/// The program inside the working tree.
const PROGRAM: &str = "stint-inside";

/// What lies in the home; each holds `planted`.
pub(super) const PLANTED: &[&str] = &[
    ".aws/credentials",
    ".azure/msal_token_cache.json",
    ".bash_history",
    ".cargo/credentials.toml",
    ".config/gcloud/application_default_credentials.json",
    ".config/gh/hosts.yml",
    ".config/google-chrome/Default/Cookies",
    ".config/rclone/rclone.conf",
    ".docker/config.json",
    ".git-credentials",
    ".gnupg/private-keys-v1.d/key",
    ".kube/config",
    ".local/share/keyrings/login.keyring",
    ".mozilla/firefox/p/logins.json",
    ".netrc",
    ".npmrc",
    ".password-store/site.gpg",
    ".pgpass",
    ".pypirc",
    ".railway/config.json",
    ".ssh/id_ed25519",
    ".terraform.d/credentials.tfrc.json",
    ".vault-token",
    "dotfiles/hub",
];

impl Ground {
    pub(super) fn new(options: Options) -> Ground {
        let lab = Lab::start(options);
        let user = lab.broker.folder().join("user");
        let tree = user.join("projects/app");
        for file in PLANTED {
            write(&user.join(file), "planted");
        }
        for (file, text) in
            [(".bashrc", "# shell"), (".gitconfig", "[user]\n\tname = A\n"), ("notes.txt", "notes")]
        {
            write(&user.join(file), text);
        }
        write(&user.join("bin/tool"), "#!/bin/sh\n");
        write(&tree.join(".git/hooks/README"), "");
        write(&tree.join(".git/HEAD"), "ref: refs/heads/main\n");
        write(&tree.join(".env"), "planted");
        std::os::unix::fs::symlink("../dotfiles/hub", user.join(".config/hub")).unwrap();
        let bystander = Command::new("sleep")
            .arg("600")
            .env("BYSTANDER", "planted")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut ground = Ground {
            run_socket: PathBuf::from(format!("/run/stint-test-{}.sock", bystander.id())),
            lab,
            user,
            tree,
            variables: Vec::new(),
            bystander,
            datagrams: Arc::default(),
        };
        ground.serve();
        ground
    }

    /// What a command may find out anyway: where things are.
    fn serve(&mut self) {
        let port = tcp("0.0.0.0:0");
        let port6 = tcp("[::1]:0");
        let udp = udp(&self.datagrams);
        let socket = self.lab.broker.folder().join("service.sock");
        unix(UnixListener::bind(&socket).unwrap());
        unix(UnixListener::bind(&self.run_socket).unwrap());
        let name = format!("stint-test-{}", self.bystander.id());
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
        unix(UnixListener::bind_addr(&address).unwrap());
        let broker = &self.lab.broker;
        let path = |path: &Path| path.display().to_string();
        self.variables = vec![
            ("T_PORT".into(), port.port().to_string()),
            ("T_PORT6".into(), port6.port().to_string()),
            ("T_UDP".into(), udp.port().to_string()),
            ("T_OUTER".into(), outer_address()),
            ("T_PID".into(), self.bystander.id().to_string()),
            ("T_SOCKET".into(), path(&socket)),
            ("T_RUN_SOCKET".into(), path(&self.run_socket)),
            ("T_ABSTRACT".into(), name),
            ("T_BROKER".into(), broker.url.clone()),
            ("T_HOME".into(), path(&broker.home())),
            ("T_DATA".into(), path(&broker.data())),
            ("T_STINT".into(), path(&self.tree.join(PROGRAM))),
            ("HOME".into(), path(&self.user)),
        ];
    }

    /// The program, where a confined command sees it too, wherever it was built.
    pub(super) fn stint(&self) -> String {
        let own = self.tree.join(PROGRAM);
        if !own.exists() {
            std::fs::copy(self.lab.broker.program_path("stint"), &own).unwrap();
        }
        own.display().to_string()
    }

    pub(super) fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    /// Datagrams that arrived outside.
    pub(super) fn datagrams(&self) -> usize {
        self.datagrams.load(Ordering::SeqCst)
    }

    /// `stint run` in the working tree, with more of its arguments.
    pub(super) fn command(&self, arguments: &[&str], command: &[&str]) -> stint_tests::ClientCommand {
        let head = ["run", "--environment", "staging", "--agent", "coder"];
        let all = [&head[..], arguments, &["--"], command].concat();
        let mut prepared = self.lab.broker.command(&all).current_dir(&self.tree);
        for (name, value) in &self.variables {
            prepared = prepared.env(name, value);
        }
        prepared
    }

    /// All tries in one session. `None` where this machine confines nothing, which is said, and what is said is asserted.
    pub(super) fn attempt(&self, confined: bool, tries: &[Try]) -> Option<Vec<Tried>> {
        let folder = self.tree.join("tries");
        std::fs::create_dir_all(&folder).unwrap();
        if tries.iter().any(|one| one.script.contains("T_STINT")) {
            self.stint();
        }
        for (index, one) in tries.iter().enumerate() {
            let skip = !confined && one.unconfined.is_none();
            write(&folder.join(format!("{index:03}")), if skip { "true" } else { one.script });
        }
        const DRIVER: &str =
            r#"for f in tries/*; do echo "=== $f"; timeout 20 sh "$f" 2>&1; echo "--- $?"; done; exit 0"#;
        let flag = if confined { "--confine" } else { "--no-confine" };
        let out = self.command(&[flag], &["sh", "-c", DRIVER]).run();
        std::fs::remove_dir_all(&folder).unwrap();
        if confined && out.code == 125 {
            // Said plainly, so that nobody takes the test for one of confinement.
            assert!(out.stderr.contains("cannot be confined here"), "{}", out.stderr);
            assert!(out.stderr.contains("hint:"), "{}", out.stderr);
            eprintln!("NOT CONFINED on this machine: {}", out.stderr);
            return None;
        }
        let out = out.exits(0);
        let parts: Vec<&str> = out.stdout.split("=== tries/").skip(1).collect();
        assert_eq!(parts.len(), tries.len(), "{}\n{}", out.stdout, out.stderr);
        Some(parts.iter().zip(tries).map(|(text, one)| tried(one, text)).collect())
    }
}

fn tried(one: &Try, text: &str) -> Tried {
    let (text, code) = text.trim_end().rsplit_once("--- ").unwrap_or((text, "?"));
    assert!(code.parse::<i32>().is_ok_and(|code| code != 127), "{}: a tool is missing\n{text}", one.name);
    Tried { got: text.contains("GOT"), text: text.to_owned() }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = self.bystander.kill();
        let _ = self.bystander.wait();
        let _ = std::fs::remove_file(&self.run_socket);
    }
}

pub(super) fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A service that says GOT to whoever connects, in a form that HTTP clients take too.
fn tcp(address: &str) -> SocketAddr {
    let listener = TcpListener::bind(address).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\nGOT\n");
        }
    });
    address
}

fn unix(listener: UnixListener) {
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.write_all(b"GOT\n");
        }
    });
}

fn udp(count: &Arc<AtomicUsize>) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    let count = count.clone();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((_, from)) = socket.recv_from(&mut buffer) {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = socket.send_to(b"GOT", from);
        }
    });
    address
}

/// An address of this machine that is not loopback, where it has one.
fn outer_address() -> String {
    let probe = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    match probe.connect(("192.0.2.1", 9)).and_then(|()| probe.local_addr()) {
        Ok(address) => address.ip().to_string(),
        Err(_) => "127.0.0.1".to_owned(),
    }
}
