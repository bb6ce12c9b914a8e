//! People change policies: an owner their own files, two owners together what ships.

use stint_api::{Code, DecidePolicy, PolicyOrigin, PolicyState, PolicyVersion, RestorePolicy, SavePolicy};

use super::policies::{Book, missing, unix, version};
use super::{App, Error, Facts, PersonCaller, Result};
use crate::model::{EventKind, Name, PolicyRow};
use crate::policy::{Checked, PolicyFile};
use crate::store::{Change, Commit, CommitError};

/// Characters of a note.
const NOTE: usize = 500;
/// Tries against others who change other files in the same moment.
const TRIES: usize = 5;

/// First parts of names that people do not give: those of what ships, and of the folder.
const TAKEN: [&str; 3] = ["guardrails.", "starter.", "files."];
/// Names that mean something in an address.
const WORDS: [&str; 6] = ["check", "effect", "new", "reach", "save", "validate"];

impl App {
    /// Save a file of people's own: it is judged with all others, and in use at once.
    pub async fn save_policy(
        &self,
        caller: &PersonCaller,
        name: &str,
        save: SavePolicy,
    ) -> Result<PolicyVersion> {
        caller.administers()?;
        let name = Name::parse(name)?;
        for _ in 0..TRIES {
            self.reload_policies().await?;
            let book = self.book();
            match book.find(name.as_str()).map(|held| held.origin) {
                Some(PolicyOrigin::Shipped) => return Err(takes_two(&name)),
                Some(PolicyOrigin::Folder) => return Err(of_folder(&name)),
                None if is_reserved(&name) => {
                    return Err(reserved(&name));
                }
                Some(PolicyOrigin::Managed) | None => {}
            }
            let row = self.next(caller, &book, &name, &save, PolicyState::Active).await?;
            let revision = book.revision;
            let change = Change::PutPolicy { row: row.clone(), revision };
            if self.commit_policy(caller, EventKind::PolicyChanged, &row, change).await? {
                return Ok(version(&row, false));
            }
        }
        Err(busy())
    }

    /// Propose a change of what ships. It is judged now, and comes into use when a second owner confirms it.
    pub async fn propose_policy(
        &self,
        caller: &PersonCaller,
        name: &str,
        save: SavePolicy,
    ) -> Result<PolicyVersion> {
        caller.administers()?;
        let name = Name::parse(name)?;
        self.reload_policies().await?;
        let book = self.book();
        let held = book.find(name.as_str()).ok_or_else(|| missing(name.as_str()))?;
        if held.origin != PolicyOrigin::Shipped {
            return Err(Error::new(Code::InvalidInput, format!("{name} does not ship with the broker"))
                .hint(format!("one owner changes it: stint policy save {name}")));
        }
        let row = self.next(caller, &book, &name, &save, PolicyState::Proposed).await?;
        let change = Change::ProposePolicy(row.clone());
        if self.commit_policy(caller, EventKind::PolicyProposed, &row, change).await? {
            return Ok(version(&row, false));
        }
        let waiting = self.proposed().await?.into_iter().find(|row| row.name == name);
        Err(match waiting {
            Some(row) => Error::new(
                Code::Conflict,
                format!("version {} of {name}, by {}, waits already", row.version, row.person),
            )
            .hint("confirm or withdraw that one first"),
            None => busy(),
        })
    }

    /// A second owner confirms what another proposed: judged anew among what is in use now.
    pub async fn confirm_policy(
        &self,
        caller: &PersonCaller,
        name: &str,
        decide: DecidePolicy,
    ) -> Result<PolicyVersion> {
        caller.administers()?;
        let name = Name::parse(name)?;
        for _ in 0..TRIES {
            self.reload_policies().await?;
            let mut row = self.waiting_policy(&name, decide.version).await?;
            if row.person == caller.person {
                return Err(Error::new(Code::Forbidden, "you proposed this: another owner confirms it")
                    .hint(format!(
                        "they do it in the console, or by: stint policy confirm {name} {}",
                        row.version
                    )));
            }
            self.proves_for_policy(caller)?;
            let book = self.book();
            self.is_current(&book, &name, row.base).await?;
            self.holds(&book, &row.name, &row.text, &row.tests).await?;
            row.decided_by = Some(caller.person.clone());
            row.decided_at = Some(self.0.clock.now());
            let change = Change::ConfirmPolicy {
                row: row.clone(),
                by: caller.person.clone(),
                at: self.0.clock.now(),
                revision: book.revision,
            };
            if self.commit_policy(caller, EventKind::PolicyConfirmed, &row, change).await? {
                return Ok(version(&PolicyRow { state: PolicyState::Active, ..row }, false));
            }
        }
        Err(busy())
    }

    /// An owner takes back what waits: their own or another's.
    pub async fn withdraw_policy(
        &self,
        caller: &PersonCaller,
        name: &str,
        decide: DecidePolicy,
    ) -> Result<PolicyVersion> {
        caller.administers()?;
        let name = Name::parse(name)?;
        let row = self.waiting_policy(&name, decide.version).await?;
        let (by, at) = (caller.person.clone(), self.0.clock.now());
        let change = Change::WithdrawPolicy { row: row.clone(), by: by.clone(), at };
        let row =
            PolicyRow { state: PolicyState::Withdrawn, decided_by: Some(by), decided_at: Some(at), ..row };
        if self.commit_policy(caller, EventKind::PolicyWithdrawn, &row, change).await? {
            return Ok(version(&row, false));
        }
        Err(Error::new(Code::Conflict, "somebody else decided this first"))
    }

    /// An older version again, as a new one: saved, or for what ships proposed.
    pub async fn restore_policy(
        &self,
        caller: &PersonCaller,
        name: &str,
        restore: RestorePolicy,
    ) -> Result<PolicyVersion> {
        caller.administers()?;
        let (text, tests) = self.text_of(name, restore.version).await?;
        let note = match restore.note.trim() {
            "" => format!("version {} again", restore.version),
            note => note.to_owned(),
        };
        let save = SavePolicy { text, tests, note, base: restore.base };
        let shipped = self.book().find(name).is_some_and(|held| held.origin == PolicyOrigin::Shipped);
        if shipped {
            return self.propose_policy(caller, name, save).await;
        }
        self.save_policy(caller, name, save).await
    }

    /// Whether a person has to prove again who they are before they confirm a change of what ships.
    pub fn needs_proof_for_policy(&self, caller: &PersonCaller) -> bool {
        caller.is_at_console() && !caller.is_proven(self.0.clock.now())
    }

    fn proves_for_policy(&self, caller: &PersonCaller) -> Result<()> {
        caller.approves_for_good(self.0.clock.now())
    }

    /// The version that `save` becomes, judged.
    async fn next(
        &self,
        caller: &PersonCaller,
        book: &Book,
        name: &Name,
        save: &SavePolicy,
        state: PolicyState,
    ) -> Result<PolicyRow> {
        let (text, tests) = (unix(&save.text), unix(&save.tests));
        let text = if text.trim().is_empty() { String::new() } else { text };
        self.is_current(book, name, save.base).await?;
        match book.find(name.as_str()) {
            Some(held)
                if held.file.text == text && held.file.tests.as_deref().unwrap_or_default() == tests =>
            {
                return Err(Error::new(Code::InvalidInput, "this is what is in use already"));
            }
            None if text.is_empty() => {
                return Err(Error::new(Code::InvalidInput, "a policy file needs at least one policy")
                    .hint("stint policy show starter.agents prints an example"));
            }
            _ => {}
        }
        self.holds(book, name, &text, &tests).await?;
        let newest = self.0.store.policy_versions(name, 1).await?;
        Ok(PolicyRow {
            name: name.clone(),
            version: newest.first().map_or(0, |row| row.version) + 1,
            text,
            tests,
            note: save.note.trim().chars().filter(|c| !c.is_control()).take(NOTE).collect(),
            state,
            base: save.base,
            person: caller.person.clone(),
            created_at: self.0.clock.now(),
            decided_by: None,
            decided_at: None,
        })
    }

    /// Whether the version that a person changed is the one in use: who is late is told what changed.
    async fn is_current(&self, book: &Book, name: &Name, base: i64) -> Result<()> {
        let held = book.find(name.as_str());
        let current = held.map_or(0, super::policies::Held::version);
        if current == base {
            return Ok(());
        }
        let what = match held.and_then(|held| held.row.as_ref()) {
            Some(row) => {
                let by = row.decided_by.as_ref().unwrap_or(&row.person);
                let note = if row.note.is_empty() { String::new() } else { format!(": {}", row.note) };
                format!("{by} saved version {} of {name} meanwhile{note}", row.version)
            }
            None => format!("{name} has no version {base} in use"),
        };
        Err(Error::new(Code::Conflict, what).hint(format!(
            "look at the difference and change that version: stint policy diff {name} --from {base} --to {current}"
        )))
    }

    /// Whether the whole holds with this file in its place.
    async fn holds(&self, book: &Book, name: &Name, text: &str, tests: &str) -> Result<()> {
        let file =
            PolicyFile { name: name.to_string(), text: text.to_owned(), tests: Some(tests.to_owned()) };
        let judged = self.judge(book, Some(file)).await?.and_then(Checked::sound);
        judged.map(|_| ()).map_err(|error| {
            let text: String = error.to_string().chars().take(4000).collect();
            Error::new(Code::InvalidInput, text)
                .hint("nothing was saved: what is in use must hold and pass its tests as a whole")
        })
    }

    async fn waiting_policy(&self, name: &Name, number: i64) -> Result<PolicyRow> {
        let row = self.0.store.policy_version(name, number).await?.ok_or_else(|| missing(name.as_str()))?;
        match row.state {
            PolicyState::Proposed => Ok(row),
            state => {
                let by = row.decided_by.map(|by| format!(", by {by}")).unwrap_or_default();
                Err(Error::new(
                    Code::Conflict,
                    format!("version {number} of {name} is {}{by}", state.as_str()),
                ))
            }
        }
    }

    /// Commit with its record, and put to use. `false` where somebody else changed policies first: nothing was done.
    async fn commit_policy(
        &self,
        caller: &PersonCaller,
        kind: EventKind,
        row: &PolicyRow,
        change: Change,
    ) -> Result<bool> {
        let digest = super::setup::hash(format!("{}\0{}", row.text, row.tests).as_bytes());
        let facts = Facts::new()
            .with("policy", row.name.as_str())
            .with("version", row.version)
            .with("base", row.base)
            .with("by", row.person.as_str())
            .with("note", row.note.as_str())
            .with("digest", crate::model::digest_hex(digest));
        let event = self.event(kind, &caller.actor(), None, facts)?;
        let changes = std::iter::once(change).chain(caller.used_proof()).collect();
        match self.0.store.commit(Commit { changes, events: vec![event], digest: None }).await {
            Ok(_) => {}
            Err(CommitError::Conflict("policies" | "policy")) => return Ok(false),
            Err(other) => return Err(other.into()),
        }
        self.tell(super::News::Record);
        self.reload_policies().await?;
        Ok(true)
    }
}

fn takes_two(name: &Name) -> Error {
    Error::new(
        Code::Forbidden,
        format!("{name} ships with the broker: one owner proposes a change, another confirms it"),
    )
    .hint(format!("stint policy save {name} --propose"))
}

fn of_folder(name: &Name) -> Error {
    Error::new(Code::Forbidden, format!("{name} is read from the folder that the broker was started with"))
        .hint("change the file there and start the broker again")
}

fn is_reserved(name: &Name) -> bool {
    WORDS.contains(&name.as_str()) || TAKEN.iter().any(|taken| name.as_str().starts_with(taken))
}

fn reserved(name: &Name) -> Error {
    Error::new(
        Code::InvalidInput,
        format!("{name}: names that start with guardrails., starter. or files. are taken"),
    )
    .hint("give it another name")
}

fn busy() -> Error {
    Error::new(Code::Conflict, "others changed policies in the same moment").hint("try again")
}
