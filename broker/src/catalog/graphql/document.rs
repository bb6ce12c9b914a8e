//! From the text of a document to the one operation that will be executed.

use std::collections::{BTreeMap, BTreeSet};

use apollo_compiler::Node;
use apollo_compiler::ast::{Definition, Document, FragmentDefinition, OperationDefinition, Selection};
use apollo_compiler::parser::Parser;

use super::code;
use crate::catalog::Refusal;

/// The operation that will be executed, with every fragment that it uses and nothing else.
#[derive(Debug)]
pub(super) struct Chosen {
    pub operation: Node<OperationDefinition>,
    /// By name.
    pub fragments: BTreeMap<String, Node<FragmentDefinition>>,
    /// The document written again: only what was chosen, in one spelling.
    pub text: String,
}

/// The parser counts brackets and nested selections; the stack of a worker thread holds far more.
const MAX_DEPTH: usize = 64;
const MAX_TOKENS: usize = 10_000;

/// Parses a document and chooses the operation as a server does (GraphQL October 2021 s6.1).
pub(super) fn choose(text: &str, name: Option<&str>) -> Result<Chosen, Refusal> {
    if text.contains('\u{feff}') {
        return Err(Refusal::new(code::BYTE_ORDER_MARK, "there is a byte order mark in the document"));
    }
    let mut parser = Parser::new().recursion_limit(MAX_DEPTH).token_limit(MAX_TOKENS);
    let mut document = parser.parse_ast(text, "document").map_err(|_| {
        if parser.recursion_reached() >= MAX_DEPTH || parser.tokens_reached() >= MAX_TOKENS {
            Refusal::new(code::TOO_COMPLEX, "the document is nested too deeply or has too many tokens")
        } else {
            Refusal::new(code::MALFORMED_DOCUMENT, "the document is not GraphQL")
        }
    })?;
    let (operation, mut fragments) = pick(&document, name)?;
    let used = used(&operation, &fragments)?;
    fragments.retain(|name, _| used.contains(name));
    document.definitions.retain(|definition| match definition {
        Definition::OperationDefinition(other) => other.ptr_eq(&operation),
        Definition::FragmentDefinition(fragment) => used.contains(fragment.name.as_str()),
        _ => false,
    });
    let text = document.serialize().no_indent().to_string();
    Ok(Chosen { operation, fragments, text })
}

impl Chosen {
    pub fn name(&self) -> Option<String> {
        self.operation.name.as_ref().map(ToString::to_string)
    }
}

type Picked = (Node<OperationDefinition>, BTreeMap<String, Node<FragmentDefinition>>);

fn pick(document: &Document, name: Option<&str>) -> Result<Picked, Refusal> {
    let duplicate = |what: &str| Refusal::new(code::DUPLICATE_NAME, format!("two {what} have one name"));
    let mut operations: Vec<&Node<OperationDefinition>> = Vec::new();
    let mut fragments = BTreeMap::new();
    for definition in &document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => {
                if operation.name.is_some() && operations.iter().any(|known| known.name == operation.name) {
                    return Err(duplicate("operations"));
                }
                operations.push(operation);
            }
            Definition::FragmentDefinition(fragment) => {
                if fragments.insert(fragment.name.to_string(), fragment.clone()).is_some() {
                    return Err(duplicate("fragments"));
                }
            }
            _ => return Err(Refusal::new(code::NOT_EXECUTABLE, "the document defines types")),
        }
    }
    if operations.len() > 1 && operations.iter().any(|operation| operation.name.is_none()) {
        return Err(Refusal::new(code::MULTIPLE_OPERATIONS, "an operation without a name stands alone"));
    }
    let chosen = match (name, operations.as_slice()) {
        (_, []) => return Err(Refusal::new(code::NOT_EXECUTABLE, "the document has no operation")),
        (None, [only]) => only,
        (None, _) => {
            return Err(Refusal::new(code::MULTIPLE_OPERATIONS, "say which operation, in operationName"));
        }
        (Some(name), all) => all
            .iter()
            .find(|operation| operation.name.as_ref().is_some_and(|own| own == name))
            .ok_or_else(|| {
                Refusal::new(code::UNKNOWN_OPERATION_NAME, "operationName names no operation of the document")
            })?,
    };
    Ok(((*chosen).clone(), fragments))
}

/// Names of the fragments that the operation uses, through fragments too. Refuses unknown ones and cycles.
fn used(
    operation: &OperationDefinition,
    fragments: &BTreeMap<String, Node<FragmentDefinition>>,
) -> Result<BTreeSet<String>, Refusal> {
    let mut done = BTreeSet::new();
    let mut open = Vec::new();
    spreads(&operation.selection_set, fragments, &mut done, &mut open, 0)?;
    Ok(done)
}

fn spreads(
    selections: &[Selection],
    fragments: &BTreeMap<String, Node<FragmentDefinition>>,
    done: &mut BTreeSet<String>,
    open: &mut Vec<String>,
    depth: usize,
) -> Result<(), Refusal> {
    // The parser's limit holds one definition; a chain of fragments is held here.
    if depth > MAX_DEPTH {
        return Err(Refusal::new(code::TOO_COMPLEX, "fragments are nested too deeply"));
    }
    for selection in selections {
        match selection {
            Selection::Field(field) => spreads(&field.selection_set, fragments, done, open, depth + 1)?,
            Selection::InlineFragment(inline) => {
                spreads(&inline.selection_set, fragments, done, open, depth + 1)?
            }
            Selection::FragmentSpread(spread) => {
                let name = spread.fragment_name.as_str();
                if open.iter().any(|above| above == name) {
                    return Err(Refusal::new(code::FRAGMENT_CYCLE, "a fragment uses itself"));
                }
                if done.contains(name) {
                    continue;
                }
                let fragment = fragments.get(name).ok_or_else(|| {
                    Refusal::new(code::UNKNOWN_FRAGMENT, "a fragment is used that is not defined")
                })?;
                open.push(name.to_owned());
                spreads(&fragment.selection_set, fragments, done, open, depth + 1)?;
                open.pop();
                done.insert(name.to_owned());
            }
        }
    }
    Ok(())
}
