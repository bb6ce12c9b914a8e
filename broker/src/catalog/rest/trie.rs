use http::Method;

use super::table::{Row, Segment};
use crate::catalog::pack::PackError;

/// Path templates, segment by segment.
#[derive(Debug, Default)]
pub(in crate::catalog) struct Trie {
    nodes: Vec<Node>,
    /// Whether any template has a verb after a colon.
    verbs: bool,
}

#[derive(Debug, Default)]
struct Node {
    /// Sorted.
    literals: Vec<(Box<str>, usize)>,
    /// `{name}:verb`, by verb.
    verbs: Vec<(Box<str>, usize)>,
    parameter: Option<usize>,
    /// Rows that end here.
    here: Vec<(Method, usize)>,
    /// Rows whose last parameter takes all that follows.
    rest: Vec<Tail>,
}

#[derive(Debug)]
struct Tail {
    method: Method,
    /// A text that the rest has to hold; empty for none.
    holds: &'static str,
    row: usize,
}

impl Trie {
    /// Rows, each with the number that `find` gives back.
    pub fn of<'a>(rows: impl IntoIterator<Item = (usize, &'a Row)>) -> Result<Self, PackError> {
        let rows: Vec<(usize, &Row)> = rows.into_iter().collect();
        let verb = |segment: &Segment| matches!(segment, Segment::Verb { .. });
        let verbs = rows.iter().any(|(_, row)| row.segments.iter().any(verb));
        let mut trie = Trie { nodes: vec![Node::default()], verbs };
        for (index, row) in rows {
            if !trie.insert(row, index) {
                let reason = format!("{} {} is there twice", row.method_names(), row.template);
                return Err(PackError::at("operations.tsv", row.line, reason));
            }
        }
        Ok(trie)
    }

    /// Whether any template ends in a slash.
    pub fn slash_at_end(&self) -> bool {
        self.nodes.iter().any(|node| node.literals.iter().any(|(text, _)| text.is_empty()))
    }

    /// The row for a path, literal segments before parameters, whole segments before what takes the rest.
    pub fn find(&self, method: &Method, segments: &[&str]) -> Option<usize> {
        self.walk(0, method, segments)
    }

    fn walk(&self, at: usize, method: &Method, segments: &[&str]) -> Option<usize> {
        let node = self.nodes.get(at)?;
        let Some((first, after)) = segments.split_first() else {
            // The root of a tree of contents: only reading it means something.
            return of(&node.here, method)
                .or_else(|| if method == Method::GET { node.tail(method, &[]) } else { None });
        };
        let literal = node.literals.binary_search_by(|(text, _)| text.as_ref().cmp(first)).ok();
        let literal = literal.and_then(|found| node.literals.get(found)).map(|(_, next)| *next);
        if let Some(found) = literal.and_then(|next| self.walk(next, method, after)) {
            return Some(found);
        }
        // Where verbs follow a colon, a colon is nothing else: a verb that is not known is no name of a thing.
        if let Some((_, verb)) = first.rsplit_once(':').filter(|_| self.verbs) {
            let known = node.verbs.iter().find(|(own, _)| own.as_ref() == verb);
            return known.and_then(|(_, next)| self.walk(*next, method, after));
        }
        // The end after a last slash is empty: no name of a thing, and nothing of a rest.
        let parameter = node.parameter.filter(|_| !first.is_empty());
        let whole = segments.last().is_some_and(|last| !last.is_empty());
        parameter
            .and_then(|next| self.walk(next, method, after))
            .or_else(|| if whole { node.tail(method, segments) } else { None })
    }

    /// `false` when the place is taken.
    fn insert(&mut self, row: &Row, index: usize) -> bool {
        let mut at = 0;
        for segment in &row.segments {
            at = match segment {
                Segment::Literal(text) => self.literal(at, text),
                Segment::Parameter { .. } => self.parameter(at),
                Segment::Verb { verb, .. } => self.verb(at, verb),
                Segment::Rest { holds, .. } => {
                    return self.nodes.get_mut(at).is_some_and(|node| node.put_tail(row, holds, index));
                }
            };
        }
        self.nodes.get_mut(at).is_some_and(|node| put(&mut node.here, row, index))
    }

    fn literal(&mut self, at: usize, text: &str) -> usize {
        let new = self.nodes.len();
        let Some(node) = self.nodes.get_mut(at) else { return new };
        match node.literals.binary_search_by(|(own, _)| own.as_ref().cmp(text)) {
            Ok(found) => node.literals.get(found).map_or(new, |(_, next)| *next),
            Err(place) => {
                node.literals.insert(place, (text.into(), new));
                self.nodes.push(Node::default());
                new
            }
        }
    }

    fn verb(&mut self, at: usize, verb: &str) -> usize {
        let new = self.nodes.len();
        let Some(node) = self.nodes.get_mut(at) else { return new };
        if let Some((_, next)) = node.verbs.iter().find(|(own, _)| own.as_ref() == verb) {
            return *next;
        }
        node.verbs.push((verb.into(), new));
        self.nodes.push(Node::default());
        new
    }

    fn parameter(&mut self, at: usize) -> usize {
        let new = self.nodes.len();
        match self.nodes.get_mut(at).map(|node| *node.parameter.get_or_insert(new)) {
            Some(next) if next != new => next,
            _ => {
                self.nodes.push(Node::default());
                new
            }
        }
    }
}

impl Node {
    fn tail(&self, method: &Method, segments: &[&str]) -> Option<usize> {
        let fits =
            |tail: &&Tail| tail.method == method && segments.iter().any(|text| text.contains(tail.holds));
        let any = |tail: &&Tail| tail.method == method && tail.holds.is_empty();
        let special = self.rest.iter().filter(|tail| !tail.holds.is_empty()).find(fits);
        special.or_else(|| self.rest.iter().find(any)).map(|tail| tail.row)
    }

    fn put_tail(&mut self, row: &Row, holds: &'static str, index: usize) -> bool {
        row.methods.iter().all(|method| {
            let free = !self.rest.iter().any(|tail| tail.method == method && tail.holds == holds);
            if free {
                self.rest.push(Tail { method: method.clone(), holds, row: index });
            }
            free
        })
    }
}

fn of(rows: &[(Method, usize)], method: &Method) -> Option<usize> {
    rows.iter().find(|(own, _)| own == method).map(|(_, index)| *index)
}

fn put(rows: &mut Vec<(Method, usize)>, row: &Row, index: usize) -> bool {
    row.methods.iter().all(|method| {
        let free = of(rows, method).is_none();
        if free {
            rows.push((method.clone(), index));
        }
        free
    })
}
