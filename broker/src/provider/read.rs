//! Reading one thing out of an answer.

use std::collections::BTreeMap;

use serde_json::Value;

use super::inventory::Thing;
use super::json::{Missing, Path, as_id};
use super::rules::Read;
use crate::model::Resource;

pub(super) fn next_page(data: &Value, connection: &Path) -> Result<Option<String>, Missing> {
    let info = connection.then("pageInfo");
    let more = info.then("hasNextPage");
    let more = more.one(data)?.as_bool().ok_or_else(|| Missing(more.to_string()))?;
    if !more {
        return Ok(None);
    }
    info.then("endCursor").id(data).map(|cursor| Some(cursor.to_owned()))
}

/// Reads a thing in an answer's `data`; `above` are the facts of what was walked over.
pub(super) fn read(
    value: &Value,
    data: &Value,
    rule: &Read,
    above: &BTreeMap<String, String>,
) -> Result<Thing, Missing> {
    for path in &rule.complete {
        if path.all(value)?.iter().any(|more| more.as_bool() != Some(false)) {
            return Err(Missing(format!("complete list: {path}")));
        }
    }
    for (fact, path) in &rule.same {
        if above.get(fact).map(String::as_str) != Some(path.id(value)?) {
            return Err(Missing(format!("{path} that was asked for")));
        }
    }
    let mut thing = Thing { facts: above.clone(), ..Thing::default() };
    for (fact, path) in &rule.facts {
        thing.facts.insert(fact.clone(), path.id(value)?.to_owned());
    }
    for owner in &rule.owners {
        if owner.otherwise && !thing.owners.is_empty() {
            continue;
        }
        let named = |id: &str| {
            let id = owner.form.as_ref().map_or_else(|| id.to_owned(), |form| form.replace("{}", id));
            Resource::new(owner.kind.clone(), id)
        };
        if let Some(fact) = &owner.fact {
            let id = above.get(fact).ok_or_else(|| Missing(fact.clone()))?;
            thing.owners.push(named(id));
        }
        let Some(path) = &owner.at else { continue };
        let ids = match path.all(value) {
            // Of things of several types, each has some of the members.
            Err(_) if owner.optional => continue,
            ids => ids?,
        };
        for id in ids {
            match as_id(id) {
                Some(id) => thing.owners.push(named(id)),
                None if owner.optional && id.is_null() => {}
                None => return Err(Missing(path.to_string())),
            }
        }
    }
    thing.owners.sort();
    thing.owners.dedup();
    thing.name = match &rule.name {
        Some(path) => path.one(value)?.as_str().filter(|name| !name.is_empty()).map(bounded),
        None => None,
    };
    for (list, path) in &rule.lists {
        let ids = path.all(value)?.into_iter().map(|id| as_id(id).ok_or_else(|| Missing(path.to_string())));
        thing.lists.insert(list.clone(), ids.map(|id| id.map(str::to_owned)).collect::<Result<_, _>>()?);
    }
    for count in &rule.counts {
        thing.notes.extend(in_words(count.at.all(value)?.len(), &count.one, &count.many));
    }
    let said = rule.says.iter().filter_map(|say| match (&say.at, &say.root) {
        (Some(path), _) => said(path, value, &say.text),
        (None, Some(path)) => said(path, data, &say.text),
        (None, None) => None,
    });
    thing.notes.extend(said);
    Ok(thing)
}

/// A value in words: a text, or the sum of numbers. Of what is not there nothing is said, and nothing fails for it.
pub(super) fn said(path: &Path, value: &Value, text: &str) -> Option<String> {
    let values = path.all(value).ok()?;
    let said = match values.as_slice() {
        [Value::String(name)] if !name.is_empty() => bounded(name),
        [Value::Bool(true)] => "yes".to_owned(),
        numbers if !numbers.is_empty() => {
            let numbers: Option<Vec<f64>> = numbers.iter().map(|value| value.as_f64()).collect();
            format!("{:.0}", numbers?.iter().sum::<f64>())
        }
        _ => return None,
    };
    Some(text.replace("{}", &said))
}

/// Names are a provider's text: shown to people, so their size is bounded here and their characters where they are shown.
fn bounded(name: &str) -> String {
    name.chars().take(200).collect()
}

pub(super) fn in_words(number: usize, one: &str, many: &str) -> Option<String> {
    match number {
        0 => None,
        1 => Some(one.to_owned()),
        n => Some(many.replace("{n}", &n.to_string())),
    }
}
