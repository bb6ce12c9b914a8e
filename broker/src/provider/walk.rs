//! Asking: one query with all its pages, one thing, or everything of a kind.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::ask::{Lookup, LookupError, LookupFailure};
use super::get::{Get, numbers_as_text};
use super::inventory::{Inventory, Thing};
use super::json::{Missing, Path};
use super::read::{in_words, next_page, read};
use super::rules::{Ask, By, Consequence, Rules, Walk};

/// One resolution's means: whose, by which rules, and how much is left.
pub(super) struct Asker<'a> {
    pub rules: &'a Rules,
    pub inventory: &'a Inventory,
    pub lookup: &'a dyn Lookup,
    pub now: DateTime<Utc>,
    pub asked: AtomicUsize,
    /// Whether some question went unanswered: what was not found may be there then.
    pub unanswered: AtomicBool,
}

impl<'a> Asker<'a> {
    pub(super) fn new(
        rules: &'a Rules,
        inventory: &'a Inventory,
        lookup: &'a dyn Lookup,
        now: DateTime<Utc>,
    ) -> Self {
        let (asked, unanswered) = (AtomicUsize::new(0), AtomicBool::new(false));
        Asker { rules, inventory, lookup, now, asked, unanswered }
    }
}

/// Why an answer cannot be used: for people.
pub(super) type Reason = String;

/// The kind that walks can be held to.
const PROJECT: &str = "project";

/// Where to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within<'a> {
    Project(&'a str),
    /// The projects that were listed not long ago.
    Known,
    /// All projects, listed anew.
    All,
}

/// Things found by walking, and what kept the walk from being complete.
#[derive(Default)]
pub(super) struct Haul {
    pub things: HashMap<String, Thing>,
    pub problems: Vec<Reason>,
    /// The list of projects was not read for this: what was not found may be in a new one.
    pub known_projects: bool,
    /// Ids of which one sighting could not be told: what another sighting says may not be all.
    partial: HashSet<String>,
}

impl Asker<'_> {
    /// Asks about one thing.
    pub(super) async fn one(&self, ask: &Ask, id: &str) -> Result<Thing, Reason> {
        let parts: Vec<&str> = if ask.variables.len() == 1 { vec![id] } else { id.split('/').collect() };
        if parts.len() != ask.variables.len() {
            return Err("the id has not the right number of parts".to_owned());
        }
        let variables: Map<String, Value> =
            ask.variables.iter().cloned().zip(parts.iter().map(|part| Value::from(*part))).collect();
        let mut thing: Option<Thing> = None;
        for page in self.pages(&ask.query, variables, ask.page.as_ref()).await? {
            let value = ask.at.one(&page).map_err(text)?;
            if value.is_null() {
                return Err("the provider does not know it".to_owned());
            }
            let answered = std::iter::once(&ask.read.id).chain(&ask.read.id_rest);
            for (path, part) in answered.zip(&parts) {
                let answered = path.id(value).map_err(text)?;
                let same = match self.rules.file.lower && parts.len() > 1 {
                    true => answered.eq_ignore_ascii_case(part),
                    false => answered == *part,
                };
                if !same {
                    return Err("the provider answered about another thing".to_owned());
                }
            }
            let next = read(value, &page, &ask.read, &BTreeMap::new()).map_err(text)?;
            match &mut thing {
                Some(thing) => thing.merge(next),
                None => thing = Some(next),
            }
        }
        thing.ok_or_else(|| "there was no answer".to_owned())
    }

    /// Everything of a kind, in these places.
    pub(super) fn all<'a>(&'a self, kind: &'a str, within: Within<'a>) -> BoxFuture<'a, Haul> {
        Box::pin(async move {
            let mut haul = Haul::default();
            if kind == PROJECT
                && within == Within::Known
                && let Some(things) = self.inventory.projects(self.now)
            {
                return Haul { things, known_projects: true, ..haul };
            }
            for walk in self.rules.steps(kind) {
                let parents = match &walk.over {
                    None => HashMap::from([(String::new(), Thing::default())]),
                    Some(over) => match within {
                        Within::Project(id) if over == PROJECT => {
                            let facts = BTreeMap::from([(PROJECT.to_owned(), id.to_owned())]);
                            HashMap::from([(id.to_owned(), Thing { facts, ..Thing::default() })])
                        }
                        _ => {
                            let above = self.all(over, within).await;
                            haul.problems.extend(above.problems);
                            haul.known_projects |= above.known_projects;
                            above.things
                        }
                    },
                };
                for parent in parents.values() {
                    if let Err(problem) = self.step(walk, kind, parent, &mut haul).await
                        && !walk.optional
                    {
                        haul.problems.push(problem);
                    }
                }
            }
            let Haul { things, partial, .. } = &mut haul;
            things.retain(|id, _| !partial.contains(id));
            if kind == PROJECT && !haul.things.is_empty() {
                self.inventory.set_projects(haul.things.clone(), self.now);
            }
            haul
        })
    }

    async fn step(&self, walk: &Walk, kind: &str, parent: &Thing, haul: &mut Haul) -> Result<(), Reason> {
        let mut variables = Map::new();
        for (variable, fact) in &walk.variables {
            let value =
                parent.facts.get(fact).ok_or_else(|| format!("{}: no {fact} is known", walk.query))?;
            variables.insert(variable.clone(), Value::from(value.as_str()));
        }
        for page in self.pages(&walk.query, variables, walk.page.as_ref()).await? {
            for rule in walk.thing.iter().filter(|rule| rule.kind == kind) {
                for value in rule.at.all(&page).map_err(text)?.into_iter().filter(|value| !value.is_null()) {
                    let id = rule.read.id.id(value).map_err(text)?.to_owned();
                    // One thing that cannot be told leaves the others as they are; it stays unknown itself.
                    match read(value, &page, &rule.read, &parent.facts) {
                        Ok(thing) => match haul.things.get_mut(&id) {
                            Some(known) => known.merge(thing),
                            None => drop(haul.things.insert(id, thing)),
                        },
                        Err(problem) => {
                            haul.partial.insert(id);
                            haul.problems.push(problem.to_string());
                        }
                    }
                }
                if haul.things.len() > self.rules.file.budget.things {
                    return Err("there are more things than can be kept".to_owned());
                }
            }
        }
        Ok(())
    }

    /// The answer's `data`, of each page until the last.
    async fn pages(
        &self,
        query: &str,
        mut variables: Map<String, Value>,
        page: Option<&Path>,
    ) -> Result<Vec<Value>, Reason> {
        let get = self.rules.file.lookup.get(query);
        let mut pages = Vec::new();
        let mut cursors = HashSet::new();
        let mut cursor: Option<String> = None;
        loop {
            let data = match get {
                Some(get) => self.get(query, get, &variables, cursor.as_deref()).await?,
                None => self.query(query, variables.clone()).await?,
            };
            let next = match (get.map(|get| &get.page), page) {
                (Some(Some(rule)), _) => rule.next(&data, pages.len() + 1).map_err(text)?,
                // A connection of a thing that is not there has no pages.
                (None, Some(path)) if !path.one(&data).map_err(text)?.is_null() => {
                    next_page(&data, path).map_err(text)?
                }
                _ => None,
            };
            pages.push(data);
            let Some(next) = next else { return Ok(pages) };
            if !cursors.insert(next.clone()) {
                return Err(format!("{query}: the pages do not end"));
            }
            if get.is_none() {
                variables.insert("after".to_owned(), Value::from(next.as_str()));
            }
            cursor = Some(next);
        }
    }

    /// One look-up: its `data`, if there is nothing but data; by REST, the whole answer.
    pub(super) async fn query(&self, name: &str, variables: Map<String, Value>) -> Result<Value, Reason> {
        if let Some(get) = self.rules.file.lookup.get(name) {
            return self.get(name, get, &variables, None).await;
        }
        let text = self.rules.query(name).ok_or_else(|| format!("{name} is no look-up"))?;
        self.may_ask()?;
        let answer = self.lookup.graphql(name, text, Value::Object(variables)).await;
        let mut answer = answer.map_err(|error| self.failed(name, &error))?;
        if has_errors(&answer) {
            return Err(format!("{name}: the provider answered with errors"));
        }
        match answer.get_mut("data").map(Value::take) {
            Some(data @ Value::Object(_)) => Ok(data),
            _ => Err(format!("{name}: the provider answered without data")),
        }
    }

    /// One look-up by REST: of a list, one page.
    async fn get(
        &self,
        name: &str,
        get: &Get,
        variables: &Map<String, Value>,
        page: Option<&str>,
    ) -> Result<Value, Reason> {
        let target = get.target(variables, page).ok_or("the id would be another path")?;
        self.may_ask()?;
        let answer = self.lookup.get(name, get.host.as_deref(), &target).await;
        let mut answer = answer.map_err(|error| self.failed(name, &error))?;
        if self.rules.file.numbers {
            numbers_as_text(&mut answer);
        }
        match answer {
            Value::Object(_) | Value::Array(_) => Ok(answer),
            _ => Err(format!("{name}: the provider answered without data")),
        }
    }

    /// Counts a look-up against what a resolution, an hour and the provider itself allow.
    fn may_ask(&self) -> Result<(), Reason> {
        let asked = self.may_ask_now();
        if asked.is_err() {
            self.unanswered.store(true, Ordering::Relaxed);
        }
        asked
    }

    fn may_ask_now(&self) -> Result<(), Reason> {
        let budget = &self.rules.file.budget;
        if let Some(seconds) = self.inventory.resting(self.now) {
            return Err(format!("the provider wants to be asked nothing for another {seconds} s"));
        }
        if self.asked.fetch_add(1, Ordering::Relaxed) >= budget.pages {
            return Err("it would take too many look-ups".to_owned());
        }
        if !self.inventory.may_look_up(self.now, budget) {
            return Err("the look-ups of this hour are used up".to_owned());
        }
        Ok(())
    }

    fn failed(&self, name: &str, error: &LookupError) -> Reason {
        if error.kind != LookupFailure::Missing {
            self.unanswered.store(true, Ordering::Relaxed);
        }
        if let Some(seconds) = error.wait {
            self.inventory.rest(self.now, seconds);
        }
        format!("{name}: {}", error.detail)
    }

    /// Adds to a thing what people should know before it goes: what would be lost with it comes first.
    pub(super) async fn tell(&self, thing: &mut Thing, id: &str, consequences: &[Consequence]) {
        let mut notes = Vec::new();
        for consequence in consequences {
            let ids = match &consequence.list {
                Some(list) => thing.lists.get(list).cloned().unwrap_or_default(),
                None => vec![id.to_owned()],
            };
            let rule = &consequence.count;
            match self.count(consequence, &ids).await {
                Ok(number) => notes.extend(in_words(number, &rule.one, &rule.many)),
                Err(_) => notes.push(rule.unknown.clone()),
            }
        }
        notes.append(&mut thing.notes);
        thing.notes = notes;
        thing.told = true;
    }

    async fn count(&self, consequence: &Consequence, ids: &[String]) -> Result<usize, Reason> {
        let mut number = 0;
        for id in ids.iter().take(50) {
            let variables = Map::from_iter([(consequence.variable.clone(), Value::from(id.as_str()))]);
            let data = self.query(&consequence.query, variables).await?;
            number += consequence.count.at.all(&data).map_err(text)?.len();
        }
        if ids.len() > 50 { Err("too many to count".to_owned()) } else { Ok(number) }
    }
}

/// Whether an answer by GraphQL holds errors, beside data or alone.
pub(super) fn has_errors(answer: &Value) -> bool {
    match answer.get("errors") {
        None | Some(Value::Null) => false,
        Some(Value::Array(list)) => !list.is_empty(),
        Some(_) => true,
    }
}

fn text(missing: Missing) -> Reason {
    missing.to_string()
}

impl Rules {
    pub(super) fn consequences(&self, kind: &str) -> &[Consequence] {
        self.file.kind.get(kind).map_or(&[], |kind| kind.consequence.as_slice())
    }

    pub(super) fn is_itself(&self, kind: &str) -> bool {
        self.file.kind.get(kind).is_some_and(|kind| kind.by == By::Itself)
    }
}
