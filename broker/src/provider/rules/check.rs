//! Whether the rules of a pack fit together, and the queries of its document.

use std::collections::{BTreeMap, BTreeSet};

use super::{By, Owner, Read, Rules, RulesError};

impl Rules {
    pub(super) fn check(&self) -> Result<(), RulesError> {
        let mut used = BTreeSet::new();
        let mut query = |name: &str, variables: &mut dyn Iterator<Item = &str>, paged: bool| {
            let wrong = |why: String| Err(RulesError(format!("resolvers.toml: query {name}: {why}")));
            if let Some(get) = self.file.lookup.get(name) {
                if paged {
                    return wrong("has its pages at the look-up".into());
                }
                used.insert(name.to_owned());
                return get.check(variables).or_else(wrong);
            }
            let Some(text) = self.queries.get(name) else {
                return wrong("is no look-up, and not in lookups.graphql".into());
            };
            used.insert(name.to_owned());
            for variable in variables.chain(paged.then_some("after")) {
                if !text.contains(&format!("${variable}:")) {
                    return wrong(format!("declares no variable ${variable}"));
                }
            }
            if text.contains("$after:") && !paged {
                return wrong("has pages that nobody reads".into());
            }
            Ok(())
        };
        for (name, kind) in &self.file.kind {
            let wrong = |why: &str| Err(RulesError(format!("resolvers.toml: kind {name}: {why}")));
            match (kind.by, &kind.ask) {
                (By::Part, Some(_)) => return wrong("is a part and asked for"),
                (By::Part, None) if !kind.of.as_ref().is_some_and(|of| self.file.kind.contains_key(of)) => {
                    return wrong("is a part of nothing that is known");
                }
                (By::Ask, None) => return wrong("asks nothing"),
                (By::Walk, Some(_)) => return wrong("is walked to and asked for"),
                (By::Credential | By::OfCredential, Some(_)) => {
                    return wrong("is the credential's, and asked for");
                }
                (By::Walk, None) if self.steps(name).next().is_none() => return wrong("no walk yields it"),
                _ => {}
            }
            let is = |kind: &str, by: By| self.file.kind.get(kind).is_some_and(|kind| kind.by == by);
            if kind.numbered.as_ref().is_some_and(|other| !is(other, By::Ask)) {
                return wrong("its numbers are of nothing that is asked for");
            }
            if kind.within.as_ref().is_some_and(|whole| kind.by != By::Itself || !is(whole, By::Credential)) {
                return wrong("is within nothing that is a credential");
            }
            if let Some(ask) = kind.ask.as_ref().filter(|_| kind.by == By::Ask) {
                self.check_owners(name, &ask.read)?;
            }
            if kind.check.is_some() && (kind.by != By::Itself || kind.ask.is_some()) {
                return wrong("is checked, and not by itself or asked for");
            }
            for ask in kind.ask.iter().chain(&kind.check) {
                query(&ask.query, &mut ask.variables.iter().map(String::as_str), ask.page.is_some())?;
                if ask.read.id_rest.len() + 1 != ask.variables.len() {
                    return wrong("the answer's id has not as many parts as the question's");
                }
            }
            for consequence in &kind.consequence {
                query(&consequence.query, &mut std::iter::once(consequence.variable.as_str()), false)?;
            }
        }
        if let Some(kind) = self.file.survey.iter().find(|kind| self.steps(kind).next().is_none()) {
            return Err(RulesError(format!("resolvers.toml: survey: no walk yields {kind}")));
        }
        for walk in &self.file.walk {
            query(&walk.query, &mut walk.variables.keys().map(String::as_str), walk.page.is_some())?;
            if let Some(over) = &walk.over
                && self.steps(over).next().is_none()
            {
                return Err(RulesError(format!(
                    "resolvers.toml: walk {}: no walk yields {over}",
                    walk.query
                )));
            }
            for thing in &walk.thing {
                if self.file.kind.get(&thing.kind).is_some_and(|kind| kind.by == By::Walk) {
                    self.check_owners(&thing.kind, &thing.read)?;
                }
            }
        }
        for about in &self.file.about {
            query(&about.query, &mut std::iter::empty(), false)?;
        }
        for pending in self.file.pending.values() {
            query(&pending.query, &mut std::iter::once(pending.variable.as_str()), false)?;
        }
        if let Some(name) = self.queries.keys().find(|name| self.file.lookup.contains_key(*name)) {
            return Err(RulesError(format!("resolvers.toml: look-up {name} is in lookups.graphql, too")));
        }
        match self.queries.keys().chain(self.file.lookup.keys()).find(|name| !used.contains(*name)) {
            Some(name) => Err(RulesError(format!("resolvers.toml: nobody asks {name}"))),
            None => Ok(()),
        }
    }

    fn check_owners(&self, name: &str, read: &Read) -> Result<(), RulesError> {
        let known = |owner: &Owner| {
            self.file.kind.contains_key(&owner.kind)
                && owner.at.is_some() != owner.fact.is_some()
                && owner.form.as_ref().is_none_or(|form| form.matches("{}").count() == 1)
        };
        if read.owners.is_empty() || !read.owners.iter().all(known) {
            return Err(RulesError(format!("resolvers.toml: kind {name}: its owners are not said")));
        }
        Ok(())
    }
}

/// Splits a document of named queries; refuses everything else that a document may hold.
pub(super) fn split(text: &str) -> Result<BTreeMap<String, String>, RulesError> {
    let wrong = |why: String| RulesError(format!("lookups.graphql: {why}"));
    if text.contains('"') {
        return Err(wrong("string literals are not expected".into()));
    }
    let words = text.lines().filter_map(|line| line.split('#').next()).flat_map(str::split_whitespace);
    let mut queries = BTreeMap::new();
    let mut current = String::new();
    let mut depth = 0i32;
    for word in words {
        if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(word);
        let opened = word.matches('{').count();
        depth += i32::try_from(opened).unwrap_or(0) - i32::try_from(word.matches('}').count()).unwrap_or(0);
        let closed = word.contains('}');
        if depth < 0 {
            return Err(wrong("braces do not match".into()));
        }
        if depth == 0 && closed {
            let query = std::mem::take(&mut current);
            let name = query
                .strip_prefix("query ")
                .map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>())
                .filter(|name| !name.is_empty())
                .ok_or_else(|| wrong("only named queries are allowed".into()))?;
            if queries.insert(name.clone(), query).is_some() {
                return Err(wrong(format!("{name} is there twice")));
            }
        }
    }
    if current.is_empty() { Ok(queries) } else { Err(wrong("the last query does not end".into())) }
}
