//! The console in a real browser: what a person sees, does and cannot be made to do.

mod across;
mod approvals;
mod checks;
mod codes;
mod credentials;
mod entry;
mod flows;
mod hostile;
mod keyboard;
mod objects;
mod pages;
mod people;
mod pictures;
mod postgres;
mod proofs;
mod roles;
mod rules;
mod sessions;
mod story;

use stint_broker::identity::Password;
use stint_broker::secret::Secret;
use stint_standin::railway::ids;
use stint_tests::{Browser, Database, Lab, Options, Started};

/// A world with somebody who may sign in at the console.
pub(super) struct Desk {
    pub(super) lab: Lab,
    pub(super) person: String,
    pub(super) password: String,
}

/// With a name that browsers take for a safe place, and a broker that holds requests while a person decides.
pub(crate) fn options() -> Options {
    let args = ["--approval-hold", "60s"].map(str::to_owned).to_vec();
    Options { database: Database::Sqlite, args, host: Some("localhost".to_owned()), ..Options::default() }
}

impl Desk {
    pub(super) fn new() -> Self {
        // The name that `stint login` gives where a machine's user has none.
        Desk::around(Lab::start(options()), "admin")
    }

    /// The first administrator of a lab gets a password. From now on their login on a machine does not administer.
    pub(super) fn around(lab: Lab, person: &str) -> Self {
        let person = person.to_owned();
        let password = lab.broker.secret("password");
        let hash =
            Password::hash(&Secret::from(password.clone()), &[7; 16]).expect("a password of some length");
        lab.sql(&format!(
            "INSERT INTO passwords (person, hash, changed_at) VALUES ('{person}', '{}', 0)",
            hash.as_str()
        ));
        Desk { lab, person, password }
    }

    /// Another person, with the same password.
    pub(super) fn add_person(&self, name: &str, role: &str) {
        self.lab.sql(&format!(
            "INSERT INTO people (name, role, created_at) VALUES ('{name}', '{role}', 1795100000000);
             INSERT INTO passwords (person, hash, changed_at) SELECT '{name}', hash, 0 FROM passwords WHERE person = '{}'",
            self.person
        ));
    }

    /// A browser in which the person is signed in.
    pub(super) fn browser(&self) -> Browser {
        let browser = Browser::start(&self.lab.broker);
        self.sign_in(&browser);
        browser
    }

    pub(super) fn sign_in(&self, browser: &Browser) {
        self.sign_in_as(browser, &self.person);
    }

    pub(super) fn sign_in_as(&self, browser: &Browser, name: &str) {
        browser.visit("/console/sign-in");
        browser.fill("Name", name).fill("Password", &self.password).click("Sign in").sees("Sign out");
    }

    /// An agent in staging asks to delete the volume of staging, and waits.
    pub(super) fn asks_to_delete(&self) -> Started {
        self.lab.begin(&format!("ask '{}'", Lab::delete(ids::VOLUME_STAGING)))
    }

    /// The same of a deployment, which takes no backups with it: one person's yes is enough.
    pub(super) fn asks_to_remove(&self) -> Started {
        self.lab.begin(&format!("ask '{}'", Lab::remove_deployment()))
    }

    /// The same, but its session goes on when the request is not held any longer.
    pub(super) fn asks_and_stays(&self) -> Started {
        self.lab.begin(&format!("ask '{}'; exec sleep 600", Lab::remove_deployment()))
    }
}

/// Two tests of one flow, which is told whether pages may run scripts.
macro_rules! both_ways {
    ($flow:ident) => {
        mod $flow {
            #[test]
            fn with_scripts() {
                super::$flow(true);
            }

            #[test]
            fn without_scripts() {
                super::$flow(false);
            }
        }
    };
}
use both_ways;

/// Runs a part of a test with scripts and without.
pub(crate) fn with_and_without_scripts(browser: &Browser, run: impl Fn(&Browser)) {
    for on in [true, false] {
        browser.scripts(on);
        run(browser);
    }
}
