use super::*;

struct Disk(tempfile::TempDir);

impl Disk {
    fn new(files: &[&str]) -> Disk {
        let disk = Disk(tempfile::tempdir().unwrap());
        for file in files {
            let path = disk.path(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        disk
    }

    fn path(&self, below: &str) -> PathBuf {
        fs::canonicalize(self.0.path()).unwrap().join(below)
    }

    fn view(&self, folder: &str, share: &[&str], hide_env_files: bool) -> View {
        let home = self.path("home");
        let share: Vec<PathBuf> = share.iter().map(|path| self.path(path)).collect();
        View::make(&Places {
            home: Some(&home),
            folder: &self.path(folder),
            own: &[&self.path("home/.own")],
            share: &share,
            hide: &[],
            hide_env_files,
            inherited: &[("KUBECONFIG".into(), self.path("elsewhere/kube").into())],
        })
    }
}

fn kind(view: &View, path: &str) -> Option<Kind> {
    let entries = &view.home.as_ref().unwrap().entries;
    entries.iter().find(|entry| entry.path == Path::new(path)).map(|entry| entry.kind.clone())
}

#[test]
fn a_home_shows_what_is_known_to_be_harmless_and_what_tools_write() {
    let disk = Disk::new(&[
        "home/.aws/credentials",
        "home/.bashrc",
        "home/.cache/x",
        "home/.config/gh/hosts.yml",
        "home/.config/tool/state",
        "home/.ssh/config",
        "home/.ssh/id_ed25519",
        "home/.ssh/id_ed25519.pub",
        "home/Documents/letter",
        "home/work/app/.git/HEAD",
    ]);
    std::os::unix::fs::symlink(".aws", disk.path("home/.elsewhere")).unwrap();
    let view = disk.view("home/work/app", &[], false);
    assert_eq!(kind(&view, ".aws"), None);
    assert_eq!(kind(&view, ".config/gh"), None);
    assert_eq!(kind(&view, ".ssh/id_ed25519"), None);
    assert_eq!(kind(&view, ".ssh/id_ed25519.pub"), Some(Kind::ReadOnly));
    assert_eq!(kind(&view, ".ssh/config"), Some(Kind::ReadOnly));
    assert_eq!(kind(&view, ".bashrc"), Some(Kind::ReadOnly));
    assert_eq!(kind(&view, "Documents"), Some(Kind::ReadOnly));
    assert_eq!(kind(&view, ".cache"), Some(Kind::Writable));
    assert_eq!(kind(&view, ".config"), Some(Kind::MadeAnew));
    assert_eq!(kind(&view, ".config/tool"), Some(Kind::Writable));
    assert_eq!(kind(&view, ".elsewhere"), Some(Kind::Link(".aws".into())));
    assert_eq!(view.writable, [disk.path("home/work/app")]);
}

#[test]
fn the_working_tree_is_the_repository_and_never_a_home() {
    let disk =
        Disk::new(&["home/.git/HEAD", "home/work/app/.git/HEAD", "home/work/app/src/x", "home/other/x"]);
    assert_eq!(disk.view("home/work/app/src", &[], false).writable, [disk.path("home/work/app")]);
    assert_eq!(disk.view("home/other", &[], false).writable, [disk.path("home/other")]);
    assert!(disk.view("home", &[], false).writable.is_empty());
    assert!(disk.view("", &[], false).writable.is_empty());
}

#[test]
fn a_folder_that_is_hidden_is_no_place_to_work_in_unless_it_is_the_tree() {
    let disk = Disk::new(&["home/.own/x", "home/.aws/deep/x"]);
    // A working folder within what is hidden would be seen with it: it is the tree, and the rest stays hidden.
    let view = disk.view("home/.aws/deep", &[], false);
    assert!(view.shows_folder() && view.hidden.contains(&disk.path("home/.aws")));
    assert!(disk.view("home/.own", &["home/.own"], false).shows_folder());
}

#[test]
fn env_files_are_found_and_what_shows_their_form_is_not() {
    let disk = Disk::new(&[
        "home/app/.git/HEAD",
        "home/app/.env",
        "home/app/a/.env.production",
        "home/app/a/.env.example",
        "home/app/a/.env.local.template",
        "home/app/a/.environment",
        "home/app/node_modules/x/.env",
    ]);
    let hidden = |on| {
        disk.view("home/app", &[], on)
            .hidden
            .into_iter()
            .filter(|path| path.starts_with(disk.path("home/app")))
            .collect::<Vec<_>>()
    };
    assert_eq!(hidden(true), [disk.path("home/app/.env"), disk.path("home/app/a/.env.production")]);
    assert!(hidden(false).is_empty());
}

#[test]
fn what_is_shared_by_name_is_not_hidden() {
    let disk = Disk::new(&["home/.kube/config", "home/app/x"]);
    let view = disk.view("home/app", &["home/.kube"], false);
    assert!(
        view.writable.contains(&disk.path("home/.kube")) && !view.hidden.contains(&disk.path("home/.kube"))
    );
}

#[test]
fn what_a_variable_names_is_hidden_where_it_is() {
    let disk = Disk::new(&["home/app/x", "elsewhere/kube"]);
    assert!(disk.view("home/app", &[], false).hidden.contains(&disk.path("elsewhere/kube")));
}
