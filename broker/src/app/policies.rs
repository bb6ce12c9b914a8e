//! Policy files: those that ship, those of a folder, those that people manage; read, judged, brought into use.

use std::collections::BTreeMap;

use arc_swap::ArcSwap;
use similar::{ChangeTag, TextDiff};
use stint_api::{
    CheckPolicy, Code, DiffLine, Policy, PolicyCheck, PolicyDiff, PolicyFault, PolicyList, PolicyOrigin,
    PolicyState, PolicySummary, PolicyTest, PolicyVersion, PolicyVersionList, SavePolicy,
};

use super::{App, Error, Packs, Result};
use crate::model::{Name, PolicyRow};
use crate::policy::{self, CaseResult, Checked, Fault, Part, PolicyFile, PolicySet, builtin_files};

/// Versions of one file that a page shows.
const VERSIONS: i64 = 200;

/// What policies are made of, kept beside the compiled set.
#[derive(Debug)]
pub(in crate::app) struct Policies {
    /// Files of the folder that the broker was started with.
    folder: Vec<PolicyFile>,
    book: ArcSwap<Book>,
    /// Few are judged at once: each takes a processor for a while.
    judging: tokio::sync::Semaphore,
    /// One at a time reads what is in use and puts it to use.
    reading: tokio::sync::Mutex<()>,
}

/// The files in use, as of one revision.
#[derive(Debug, Default)]
pub(in crate::app) struct Book {
    /// -1 before anything was read.
    pub(in crate::app) revision: i64,
    /// The packs that they were held against.
    packs: Option<std::sync::Arc<Packs>>,
    files: Vec<Held>,
    results: BTreeMap<String, Vec<CaseResult>>,
    /// What is wrong although it is in use: after an upgrade, say.
    faults: Vec<Fault>,
}

/// A file, and where it comes from.
#[derive(Debug, Clone)]
pub(in crate::app) struct Held {
    pub(in crate::app) file: PolicyFile,
    pub(in crate::app) origin: PolicyOrigin,
    pub(in crate::app) row: Option<PolicyRow>,
}

impl Held {
    pub(in crate::app) fn version(&self) -> i64 {
        self.row.as_ref().map_or(0, |row| row.version)
    }

    fn is_out_of_use(&self) -> bool {
        self.file.text.is_empty()
    }
}

impl Policies {
    pub(in crate::app) fn new(folder: Vec<PolicyFile>) -> Self {
        Policies {
            folder,
            book: ArcSwap::from_pointee(Book { revision: -1, ..Book::default() }),
            judging: tokio::sync::Semaphore::new(2),
            reading: tokio::sync::Mutex::new(()),
        }
    }
}

impl Book {
    pub(in crate::app) fn find(&self, name: &str) -> Option<&Held> {
        self.files.iter().find(|held| held.file.name == name)
    }

    /// What ships, and the others, with one file in the place of the one of its name or beside them.
    fn with(&self, candidate: Option<&PolicyFile>) -> (Vec<PolicyFile>, Vec<PolicyFile>) {
        let (mut shipped, mut own) = (Vec::new(), Vec::new());
        let mut placed = false;
        for held in &self.files {
            let mut file = &held.file;
            if let Some(candidate) = candidate.filter(|candidate| candidate.name == file.name) {
                placed = true;
                file = candidate;
            }
            if !file.text.is_empty() {
                let list = if held.origin == PolicyOrigin::Shipped { &mut shipped } else { &mut own };
                list.push(file.clone());
            }
        }
        if let Some(candidate) = candidate.filter(|candidate| !placed && !candidate.text.is_empty()) {
            own.push(candidate.clone());
        }
        (shipped, own)
    }
}

impl App {
    pub async fn policies(&self) -> Result<PolicyList> {
        self.reload_policies().await?;
        let book = self.book();
        let proposed = self.proposed().await?;
        let set = self.0.policy.load();
        let policies = book.files.iter().map(|held| summary(&book, &set, held, &proposed)).collect();
        Ok(PolicyList { policies, revision: book.revision })
    }

    pub async fn policy(&self, name: &str) -> Result<Policy> {
        self.reload_policies().await?;
        let book = self.book();
        let held = book.find(name).ok_or_else(|| missing(name))?;
        let proposed = self.proposed().await?;
        let results = book.results.get(name).map(|results| results.iter().map(test).collect());
        Ok(Policy {
            summary: summary(&book, &self.0.policy.load(), held, &proposed),
            text: held.file.text.clone(),
            tests_text: held.file.tests.clone().unwrap_or_default(),
            results: results.unwrap_or_default(),
        })
    }

    /// What a file would be among those in use. Saves nothing.
    pub async fn check_policy(&self, check: CheckPolicy) -> Result<PolicyCheck> {
        let name = match check.name.trim() {
            "" => "new".to_owned(),
            name => Name::parse(name)?.to_string(),
        };
        let file =
            PolicyFile { name: name.clone(), text: unix(&check.text), tests: Some(unix(&check.tests)) };
        let faults = |faults: Vec<Fault>| faults.into_iter().map(fault).collect::<Vec<_>>();
        Ok(match self.judge(&self.book(), Some(file)).await? {
            Err(error) => {
                PolicyCheck { sound: false, faults: faults(error.0), warnings: vec![], results: vec![] }
            }
            Ok(checked) => PolicyCheck {
                sound: checked.faults.is_empty(),
                faults: faults(checked.faults),
                warnings: faults(checked.warnings.into_iter().filter(|fault| fault.file == name).collect()),
                results: checked
                    .cases
                    .iter()
                    .filter(|(file, _)| *file == name)
                    .flat_map(|(_, results)| results.iter().map(test))
                    .collect(),
            },
        })
    }

    pub async fn policy_versions(&self, name: &str) -> Result<PolicyVersionList> {
        let parsed = Name::parse(name).map_err(|_| missing(name))?;
        let rows = self.0.store.policy_versions(&parsed, VERSIONS).await?;
        if rows.is_empty() && self.book().find(name).is_none() {
            return Err(missing(name));
        }
        Ok(PolicyVersionList { versions: rows.iter().map(|row| version(row, false)).collect() })
    }

    pub async fn policy_version(&self, name: &str, number: i64) -> Result<PolicyVersion> {
        let parsed = Name::parse(name).map_err(|_| missing(name))?;
        let row = self.0.store.policy_version(&parsed, number).await?;
        row.map(|row| version(&row, true)).ok_or_else(|| no_version(name, number))
    }

    pub async fn policy_diff(&self, name: &str, from: i64, to: i64) -> Result<PolicyDiff> {
        let (before, after) = (self.text_of(name, from).await?, self.text_of(name, to).await?);
        Ok(PolicyDiff {
            name: name.to_owned(),
            from,
            to,
            text: diff(&before.0, &after.0),
            tests: diff(&before.1, &after.1),
        })
    }

    /// What a draft would change in a version.
    pub async fn policy_diff_to(&self, name: &str, from: i64, draft: &SavePolicy) -> Result<PolicyDiff> {
        let before = self.text_of(name, from).await?;
        let (text, tests) = (diff(&before.0, &unix(&draft.text)), diff(&before.1, &unix(&draft.tests)));
        Ok(PolicyDiff { name: name.to_owned(), from, to: from, text, tests })
    }

    /// Text and tests of a version; 0 is what ships, or nothing.
    pub(in crate::app) async fn text_of(&self, name: &str, number: i64) -> Result<(String, String)> {
        let parsed = Name::parse(name).map_err(|_| missing(name))?;
        if number == 0 {
            let shipped = builtin().into_iter().find(|file| file.name == name);
            return match shipped {
                Some(file) => Ok((file.text, file.tests.unwrap_or_default())),
                None if self.0.store.policy_version(&parsed, 1).await?.is_some() => Ok(Default::default()),
                None => Err(missing(name)),
            };
        }
        let row = self.0.store.policy_version(&parsed, number).await?;
        row.map(|row| (row.text, row.tests)).ok_or_else(|| no_version(name, number))
    }

    /// What is wrong with what is in use, a line each.
    pub(in crate::app) fn policy_faults(&self) -> Vec<String> {
        self.book().faults.iter().map(ToString::to_string).collect()
    }

    pub(in crate::app) fn book(&self) -> std::sync::Arc<Book> {
        self.0.policies.book.load_full()
    }

    /// What waits for a second owner.
    pub(in crate::app) async fn proposed(&self) -> Result<Vec<PolicyRow>> {
        let rows = self.0.store.policies().await?;
        Ok(rows.into_iter().filter(|row| row.state == PolicyState::Proposed).collect())
    }

    /// Judge what is in use with `candidate` in its place. The inner error is about the files.
    pub(in crate::app) async fn judge(
        &self,
        book: &Book,
        candidate: Option<PolicyFile>,
    ) -> Result<std::result::Result<Checked, policy::Error>> {
        let (shipped, own) = book.with(candidate.as_ref());
        self.judged(shipped, own).await
    }

    /// A place among the few who judge at once.
    pub(in crate::app) async fn judging(&self) -> Result<tokio::sync::SemaphorePermit<'_>> {
        self.0.policies.judging.acquire().await.map_err(Error::internal)
    }

    async fn judged(
        &self,
        shipped: Vec<PolicyFile>,
        own: Vec<PolicyFile>,
    ) -> Result<std::result::Result<Checked, policy::Error>> {
        let _place = self.judging().await?;
        let packs = self.packs();
        let work = move || policy::check(&shipped, &own, &packs.rows);
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)
    }

    /// Put to use what the store says is in use, where that changed. What cannot be read decides nothing: then everything is
    /// denied until it can.
    pub(in crate::app) async fn reload_policies(&self) -> Result<()> {
        let _one = self.0.policies.reading.lock().await;
        let revision = self.0.store.policy_revision().await?;
        let packs = self.packs();
        let book = self.book();
        let same = book.packs.as_ref().is_some_and(|held| std::sync::Arc::ptr_eq(held, &packs));
        if same && book.revision == revision {
            return Ok(());
        }
        let mut rows = self.0.store.policies().await?;
        rows.retain(|row| row.state == PolicyState::Active);
        let mut book = Book {
            revision,
            packs: Some(packs),
            files: assemble(&self.0.policies.folder, rows),
            ..Book::default()
        };
        let (shipped, own) = book.with(None);
        match self.judged(shipped, own).await? {
            Ok(checked) => {
                for fault in &checked.faults {
                    tracing::warn!(%fault, "a policy in use does not hold any more");
                }
                book.results = checked.cases.into_iter().collect();
                book.faults = checked.faults;
                self.0.policy.store(std::sync::Arc::new(checked.set));
            }
            Err(error) => {
                tracing::error!(%error, "the policies in use cannot be read: every request is denied");
                let nothing = PolicySet::load(&[]).map_err(Error::internal)?;
                self.0.policy.store(std::sync::Arc::new(nothing));
                book.faults = error.0;
            }
        }
        self.0.policies.book.store(std::sync::Arc::new(book));
        Ok(())
    }
}

/// Everything in use, in the order in which it is shown: guardrails, the starter policy, the folder, people's own.
fn assemble(folder: &[PolicyFile], rows: Vec<PolicyRow>) -> Vec<Held> {
    let mut rows: BTreeMap<String, PolicyRow> =
        rows.into_iter().map(|row| (row.name.to_string(), row)).collect();
    let mut files = Vec::new();
    for file in builtin() {
        let row = rows.remove(&file.name);
        let file = match &row {
            Some(row) => of_row(row),
            None => file,
        };
        files.push(Held { file, origin: PolicyOrigin::Shipped, row });
    }
    files.extend(folder.iter().cloned().map(|file| Held { file, origin: PolicyOrigin::Folder, row: None }));
    for row in rows.into_values() {
        files.push(Held { file: of_row(&row), origin: PolicyOrigin::Managed, row: Some(row) });
    }
    files
}

/// The same, for who looks at files alone.
pub(in crate::app) fn assembled(folder: Vec<PolicyFile>, rows: Vec<PolicyRow>) -> Vec<PolicyFile> {
    assemble(&of_folder(folder), rows).into_iter().map(|held| held.file).collect()
}

fn of_row(row: &PolicyRow) -> PolicyFile {
    PolicyFile { name: row.name.to_string(), text: row.text.clone(), tests: Some(row.tests.clone()) }
}

/// What ships, by the names that people see: `policies/guardrails/place.cedar` is `guardrails.place`.
fn builtin() -> Vec<PolicyFile> {
    let named = |file: PolicyFile| {
        let name = file.name.trim_start_matches("policies/").trim_end_matches(".cedar").replace('/', ".");
        PolicyFile { name, ..file }
    };
    builtin_files().into_iter().map(named).collect()
}

/// Files of a folder, by the names that people see.
pub(in crate::app) fn of_folder(files: Vec<PolicyFile>) -> Vec<PolicyFile> {
    let mut named: Vec<PolicyFile> = Vec::new();
    for file in files {
        let stem = std::path::Path::new(&file.name).file_stem().unwrap_or_default().to_string_lossy();
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        let stem: String =
            stem.to_lowercase().chars().take(40).map(|c| if fits(c) { c } else { '-' }).collect();
        let taken = named.iter().filter(|other| other.name.starts_with(&format!("files.{stem}"))).count();
        let name = if taken == 0 { format!("files.{stem}") } else { format!("files.{stem}-{}", taken + 1) };
        named.push(PolicyFile { name, ..file });
    }
    named
}

/// Line ends as files have them; a form sends others.
pub(in crate::app) fn unix(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn summary(book: &Book, set: &PolicySet, held: &Held, proposed: &[PolicyRow]) -> PolicySummary {
    let name = &held.file.name;
    let results = book.results.get(name).map(Vec::as_slice).unwrap_or_default();
    let unread =
        book.faults.iter().filter(|fault| fault.file == *name && fault.part == Part::Policies).count();
    let failing = results.iter().filter(|result| result.fault.is_some()).count() + unread;
    let ids = set.ids().into_iter().filter(|id| set.file_of(id) == Some(name));
    let row = held.row.as_ref();
    PolicySummary {
        name: name.clone(),
        origin: held.origin,
        guardrail: name.starts_with("guardrails."),
        version: held.version(),
        policies: if held.is_out_of_use() { vec![] } else { ids.map(str::to_owned).collect() },
        tests: results.len(),
        failing,
        proposed: proposed.iter().find(|row| row.name.as_str() == name).map(|row| row.version),
        changed_by: row.map(|row| row.decided_by.as_ref().unwrap_or(&row.person).to_string()),
        changed_at: row.map(|row| row.decided_at.unwrap_or(row.created_at)),
    }
}

fn test(result: &CaseResult) -> PolicyTest {
    PolicyTest {
        name: result.name.clone(),
        passed: result.fault.is_none(),
        decision: result.decision.to_owned(),
        policies: result.policies.clone(),
        fault: result.fault.clone(),
    }
}

pub(in crate::app) fn fault(fault: Fault) -> PolicyFault {
    PolicyFault {
        name: fault.file,
        part: if fault.part == Part::Tests { "tests" } else { "text" }.to_owned(),
        line: fault.at.map(|at| at.line),
        column: fault.at.map(|at| at.column),
        detail: fault.detail,
    }
}

pub(in crate::app) fn version(row: &PolicyRow, whole: bool) -> PolicyVersion {
    PolicyVersion {
        name: row.name.to_string(),
        version: row.version,
        state: row.state,
        base: row.base,
        note: row.note.clone(),
        person: row.person.to_string(),
        created_at: row.created_at,
        decided_by: row.decided_by.as_ref().map(ToString::to_string),
        decided_at: row.decided_at,
        text: whole.then(|| row.text.clone()),
        tests: whole.then(|| row.tests.clone()),
    }
}

/// The lines that differ, with three around them.
fn diff(before: &str, after: &str) -> Vec<DiffLine> {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(3) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => "-",
                ChangeTag::Insert => "+",
                ChangeTag::Equal => " ",
            };
            lines.push(DiffLine {
                change: sign.to_owned(),
                old: change.old_index().map(|index| index + 1),
                new: change.new_index().map(|index| index + 1),
                text: change.value().trim_end_matches('\n').to_owned(),
            });
        }
    }
    lines
}

pub(in crate::app) fn missing(name: &str) -> Error {
    let shown: String = name.chars().take(80).collect();
    Error::not_found("policy", shown.escape_debug()).hint("stint policy list shows which there are")
}

fn no_version(name: &str, number: i64) -> Error {
    Error::new(Code::NotFound, format!("{name} has no version {number}"))
        .hint(format!("stint policy versions {name} shows which there are"))
}
