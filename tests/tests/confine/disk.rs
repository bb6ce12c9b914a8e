//! Credentials on the disk, and what is run outside later.

use super::both_ways;
use super::ground::{Ground, Try, inside, open};
use stint_tests::Options;

const READ: &[Try] = &[
    open("the AWS keys", "grep planted ~/.aws/credentials && echo GOT"),
    open("the Azure tokens", "grep planted ~/.azure/msal_token_cache.json && echo GOT"),
    open("what a shell remembers", "grep planted ~/.bash_history && echo GOT"),
    open("cargo's token", "grep planted ~/.cargo/credentials.toml && echo GOT"),
    open(
        "Google's credentials",
        "grep planted ~/.config/gcloud/application_default_credentials.json && echo GOT",
    ),
    open("gh's token", "grep planted ~/.config/gh/hosts.yml && echo GOT"),
    open("a browser's cookies", "grep planted ~/.config/google-chrome/Default/Cookies && echo GOT"),
    open("rclone's keys", "grep planted ~/.config/rclone/rclone.conf && echo GOT"),
    open("docker's logins", "grep planted ~/.docker/config.json && echo GOT"),
    open("git's passwords", "grep planted ~/.git-credentials && echo GOT"),
    open("private keys of GnuPG", "grep planted ~/.gnupg/private-keys-v1.d/key && echo GOT"),
    open("the cluster's keys", "grep planted ~/.kube/config && echo GOT"),
    open("the keyring", "grep planted ~/.local/share/keyrings/login.keyring && echo GOT"),
    open("another browser's passwords", "grep planted ~/.mozilla/firefox/p/logins.json && echo GOT"),
    open("netrc", "grep planted ~/.netrc && echo GOT"),
    open("npm's token", "grep planted ~/.npmrc && echo GOT"),
    open("the password store", "grep planted ~/.password-store/site.gpg && echo GOT"),
    open("the database's password", "grep planted ~/.pgpass && echo GOT"),
    open("the package index's password", "grep planted ~/.pypirc && echo GOT"),
    open("Railway's own login", "grep planted ~/.railway/config.json && echo GOT"),
    open("the private SSH key", "grep planted ~/.ssh/id_ed25519 && echo GOT"),
    open("terraform's token", "grep planted ~/.terraform.d/credentials.tfrc.json && echo GOT"),
    open("vault's token", "grep planted ~/.vault-token && echo GOT"),
    open("what a hidden link points to", "grep planted ~/dotfiles/hub && echo GOT"),
    open("everything, by search", "grep -rls planted ~ --include='*' --exclude-dir=projects && echo GOT"),
    open(
        "a link from the working tree",
        "ln -sfn ~/.aws escape; grep planted escape/credentials && echo GOT; rm escape",
    ),
    open("a hard link", "ln -f ~/.netrc hard && grep planted hard && echo GOT; rm -f hard"),
    open("the login of the person", "cat $T_HOME/login.json && echo GOT"),
    open("the login's key", "cat $T_HOME/*.key > /dev/null && echo GOT"),
    open("the broker's database", "head -c 6 $T_DATA/stint.db | grep SQLite && echo GOT"),
    open("the broker's key", "head -c 1 $T_DATA/stint.key && echo GOT"),
    open("other programs' temporary files", "ls $T_DATA >/dev/null && echo GOT"),
    open("another process's environment", "tr '\\0' '\\n' < /proc/$T_PID/environ | grep planted && echo GOT"),
    open("the home through another process", "cat /proc/$T_PID/root$HOME/.netrc && echo GOT"),
    inside("the home through process 1", "cat /proc/1/root$HOME/.netrc && echo GOT"),
    inside("the home through the own root", "cat /proc/self/root$HOME/.netrc && echo GOT"),
    inside(
        "the home through an old folder",
        "cat /proc/1/cwd/.netrc && echo GOT; cd ../../..; grep planted user/.netrc && echo GOT; true",
    ),
    open(
        "the passwords of the machine",
        "[ $(id -u) = 0 ] || exit 0; cat /etc/shadow > /dev/null && echo GOT",
    ),
    inside(
        "a disk",
        "for d in /dev/vda /dev/sda /dev/nvme0n1 /dev/xvda /dev/mapper/*; do head -c 1 $d 2>/dev/null && echo GOT; done; true",
    ),
    inside("a disk by a node of its own", "mknod disk b 254 0 && head -c 1 disk && echo GOT; rm -f disk"),
    inside(
        "memory",
        "head -c 1 /dev/mem && echo GOT; head -c 1 /proc/kcore && echo GOT; head -c 1 /dev/kmsg && echo GOT; true",
    ),
    inside(
        "uncovering by umount",
        "umount ~/.aws; umount -l $HOME; umount -l /tmp; grep planted ~/.netrc && echo GOT; ls $T_DATA && echo GOT; true",
    ),
    inside(
        "uncovering by another mount",
        "mkdir -p m; mount --bind / m && echo GOT; mount -t tmpfs x m && echo GOT; mount -o remount,rw / && echo GOT; rmdir m",
    ),
    inside(
        "uncovering in namespaces of its own",
        "unshare -Urm sh -c 'umount -l $HOME; cat ~/.netrc' && echo GOT; unshare -r true && echo GOT; true",
    ),
    inside(
        "the namespaces of others",
        "nsenter -t 1 -m -n true && echo GOT; nsenter -t $T_PID -a true && echo GOT; nsenter --net=/proc/1/ns/net ip a | grep -v lo | grep -i ether && echo GOT; true",
    ),
    inside(
        "a file by its handle",
        "python3 -c \"
import ctypes
c = ctypes.CDLL(None, use_errno=True); c.syscall(304, -100, b'x' * 16, 0) >= 0 and print('GOT')
print(ctypes.get_errno()); assert ctypes.get_errno() == 1\" || echo GOT",
    ),
];

#[test]
fn nothing_is_found_on_the_disk() {
    both_ways(READ);
}

/// What would be run or obeyed outside later: tried confined, and looked for outside.
#[test]
fn nothing_is_left_that_is_run_outside_later() {
    let ground = Ground::new(Options::default());
    let tries: &[Try] = &[
        inside("what a shell reads", "echo evil >> ~/.bashrc"),
        inside("what a shell reads, by renaming", "echo evil > ~/new && mv ~/new ~/.bashrc"),
        inside("what a login shell reads", "echo evil > ~/.bash_profile"),
        inside("what another shell reads", "echo evil > ~/.zshenv"),
        inside("git's own commands", "echo '[core] pager = evil' >> ~/.gitconfig"),
        inside(
            "git's own commands, by git",
            "command -v git >/dev/null || exit 0; git config --global core.pager evil",
        ),
        inside("a hook of the tree", "echo evil > .git/hooks/post-commit"),
        inside("a program on the path", "echo evil > ~/bin/tool; echo evil > ~/bin/ls"),
        inside("a program of the user", "mkdir -p ~/.local/bin && echo evil > ~/.local/bin/ls"),
        inside("a program of the machine", "echo evil > /usr/local/bin/stint-test-evil"),
        inside(
            "what starts with the desktop",
            "mkdir -p ~/.config/autostart && echo evil > ~/.config/autostart/x.desktop",
        ),
        inside(
            "what starts with the user",
            "mkdir -p ~/.config/systemd/user && echo evil > ~/.config/systemd/user/x.service",
        ),
        inside("a key that may log in", "mkdir -p ~/.ssh && echo evil >> ~/.ssh/authorized_keys"),
        inside("what ssh runs", "echo evil > ~/.ssh/rc"),
        inside(
            "a time table",
            "echo evil > /etc/cron.d/stint-test-evil; echo evil > /var/spool/cron/stint-test-evil",
        ),
        inside("what every program loads", "echo evil > /etc/ld.so.preload"),
        inside(
            "what the kernel runs",
            "echo '|/evil' > /proc/sys/kernel/core_pattern; echo /evil > /sys/kernel/uevent_helper",
        ),
        inside("another project", "echo evil > ~/projects/other; echo evil > ~/notes.txt"),
        inside(
            "a socket's place",
            "echo evil > /run/stint-test-evil; echo evil > /tmp/stint-test-evil; echo evil > /dev/shm/stint-test-evil",
        ),
        inside("the tree itself, which is allowed", "echo work > made.txt"),
    ];
    if ground.attempt(true, tries).is_none() {
        return;
    }
    let found =
        ground.lab.broker.program("grep", &["-rlsI", "-e", "evil", ground.user.to_str().unwrap()]).run();
    assert_eq!(found.stdout, "", "left in the home");
    for path in [
        "/usr/local/bin/stint-test-evil",
        "/etc/cron.d/stint-test-evil",
        "/var/spool/cron/stint-test-evil",
        "/etc/ld.so.preload",
        "/run/stint-test-evil",
        "/tmp/stint-test-evil",
        "/dev/shm/stint-test-evil",
    ] {
        assert!(!std::path::Path::new(path).exists(), "{path}");
    }
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    assert!(!pattern.contains("evil"), "{pattern}");
    assert_eq!(std::fs::read_to_string(ground.tree.join("made.txt")).unwrap(), "work\n");
}
