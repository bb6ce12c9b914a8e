//! From the chosen operation to its root fields, with their arguments and with what their answers hold.

use apollo_compiler::ast::{DirectiveList, Field, OperationType, Selection, Value as Literal};
use serde_json::{Map, Value};

use super::code;
use super::document::Chosen;
use super::reach::Level;
use super::tables::{Nested, Reveal, Root, Tables};
use super::values::{self, Variables};
use crate::catalog::Refusal;

/// One root field that will be executed.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub field: &'a Field,
    pub kind: Kind<'a>,
    pub arguments: Map<String, Value>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind<'a> {
    Known(&'a Root),
    /// `__schema`, `__type`, `__typename`: about the schema, the same for everybody.
    Introspection,
}

/// What an answer would hold, by the types of what is selected.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Holds {
    /// Secrets.
    pub secrets: bool,
    /// What environments own, and not only names.
    pub content: bool,
    /// Content that lies outside of what the root field names.
    pub beyond: bool,
}

/// Selections of a request, fragments counted as often as they are used.
const MAX_SELECTIONS: usize = 2_000;
/// Root fields of a request.
const MAX_CALLS: usize = 100;
/// Levels of selection: introspection by common tools needs about fifteen.
const MAX_LEVELS: usize = 24;

/// What was read so far. One serves a whole request, so that a batch has one budget.
#[derive(Debug, Default)]
pub(super) struct Budget {
    selections: usize,
    calls: usize,
}

/// Reads the selections of one operation.
#[derive(Debug)]
pub(super) struct Reader<'a, 'b> {
    tables: &'a Tables,
    budget: &'b mut Budget,
}

/// What one operation brings along while it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub chosen: &'a Chosen,
    pub variables: &'a Variables,
}

impl<'a, 'b> Reader<'a, 'b> {
    pub fn new(tables: &'a Tables, budget: &'b mut Budget) -> Self {
        Reader { tables, budget }
    }

    /// The root fields, through fragments, in order.
    pub fn calls(&mut self, scope: Scope<'a>) -> Result<Vec<Call<'a>>, Refusal> {
        let operation = &scope.chosen.operation;
        directives(&operation.directives, None)?;
        let mut calls = Vec::new();
        self.roots(scope, operation.operation_type, &operation.selection_set, 0, &mut calls)?;
        Ok(calls)
    }

    fn roots(
        &mut self,
        scope: Scope<'a>,
        root: OperationType,
        selections: &'a [Selection],
        depth: usize,
        calls: &mut Vec<Call<'a>>,
    ) -> Result<(), Refusal> {
        for selection in selections {
            self.count(depth)?;
            match selection {
                Selection::Field(field) => {
                    directives(&field.directives, Some(scope.variables))?;
                    self.budget.calls += 1;
                    if self.budget.calls > MAX_CALLS {
                        return Err(too_complex());
                    }
                    calls.push(self.call(scope, root, field)?);
                }
                Selection::FragmentSpread(spread) => {
                    directives(&spread.directives, Some(scope.variables))?;
                    let fragment = fragment(scope, &spread.fragment_name)?;
                    directives(&fragment.directives, None)?;
                    is_root(root, &fragment.type_condition)?;
                    self.roots(scope, root, &fragment.selection_set, depth + 1, calls)?;
                }
                Selection::InlineFragment(inline) => {
                    directives(&inline.directives, Some(scope.variables))?;
                    if let Some(condition) = &inline.type_condition {
                        is_root(root, condition)?;
                    }
                    self.roots(scope, root, &inline.selection_set, depth + 1, calls)?;
                }
            }
        }
        Ok(())
    }

    fn call(&self, scope: Scope<'a>, root: OperationType, field: &'a Field) -> Result<Call<'a>, Refusal> {
        let name = field.name.as_str();
        let introspection =
            name == "__typename" || (root.is_query() && matches!(name, "__schema" | "__type"));
        if introspection {
            return Ok(Call { field, kind: Kind::Introspection, arguments: Map::new() });
        }
        let Some(row) = self.tables.root(root, name) else {
            let text = format!("'{}' is not a {} that the pack knows", short(name), root.name());
            return Err(Refusal::new(code::UNKNOWN_OPERATION, text));
        };
        let owner = format!("{}.{name}", root.name());
        let arguments = values::arguments(self.tables, &owner, &field.arguments, scope.variables)?;
        Ok(Call { field, kind: Kind::Known(row), arguments })
    }

    /// What the answer to a root field would hold. `cover` is what its resources cover; `None` when it names none.
    pub fn holds(
        &mut self,
        scope: Scope<'a>,
        call: &Call<'a>,
        cover: Option<Level>,
    ) -> Result<Holds, Refusal> {
        let mut holds = Holds::default();
        match call.kind {
            Kind::Introspection => self.schema(scope, call.field, 0)?,
            Kind::Known(row) => {
                let level = cover.unwrap_or(Level::Environment);
                let place = Place { cover, level };
                self.below(scope, row.returns.inner_named_type(), call.field, place, 1, &mut holds)?;
            }
        }
        Ok(holds)
    }

    /// The selections of a field whose answer is of type `ty`.
    fn below(
        &mut self,
        scope: Scope<'a>,
        ty: &str,
        field: &'a Field,
        mut place: Place,
        depth: usize,
        holds: &mut Holds,
    ) -> Result<(), Refusal> {
        match (self.tables.composite(ty), field.selection_set.is_empty()) {
            (Some(composite), false) => {
                place.level = composite.level.map_or(place.level, |level| level.max(place.level));
                self.selections(scope, ty, &field.selection_set, place, depth, holds)
            }
            (None, true) => Ok(()),
            (Some(_), true) => {
                Err(Refusal::new(code::UNKNOWN_FIELD, format!("{} needs a selection", field.name)))
            }
            (None, false) => Err(Refusal::new(code::UNKNOWN_FIELD, format!("{} has no fields", field.name))),
        }
    }

    fn selections(
        &mut self,
        scope: Scope<'a>,
        ty: &str,
        selections: &'a [Selection],
        place: Place,
        depth: usize,
        holds: &mut Holds,
    ) -> Result<(), Refusal> {
        for selection in selections {
            self.count(depth)?;
            match selection {
                Selection::Field(field) => {
                    directives(&field.directives, Some(scope.variables))?;
                    self.nested(scope, ty, field, place, depth, holds)?;
                }
                Selection::FragmentSpread(spread) => {
                    directives(&spread.directives, Some(scope.variables))?;
                    let fragment = fragment(scope, &spread.fragment_name)?;
                    directives(&fragment.directives, None)?;
                    let place = self.on(&fragment.type_condition, place)?;
                    let selections = &fragment.selection_set;
                    self.selections(scope, &fragment.type_condition, selections, place, depth + 1, holds)?;
                }
                Selection::InlineFragment(inline) => {
                    directives(&inline.directives, Some(scope.variables))?;
                    let condition = inline.type_condition.as_ref().map_or(ty, |condition| condition.as_str());
                    let place = self.on(condition, place)?;
                    self.selections(scope, condition, &inline.selection_set, place, depth + 1, holds)?;
                }
            }
        }
        Ok(())
    }

    fn nested(
        &mut self,
        scope: Scope<'a>,
        ty: &str,
        field: &'a Field,
        mut place: Place,
        depth: usize,
        holds: &mut Holds,
    ) -> Result<(), Refusal> {
        let name = field.name.as_str();
        if name == "__typename" {
            return plain(field);
        }
        let row = self.tables.composite(ty).and_then(|composite| composite.fields.get(name));
        let Some(Nested { returns, owned, reveal, enters }) = row else {
            let text = format!("{ty} has no field '{}' that the pack knows", short(name));
            return Err(Refusal::new(code::UNKNOWN_FIELD, text));
        };
        let owner = format!("{ty}.{name}");
        let arguments = values::arguments(self.tables, &owner, &field.arguments, scope.variables)?;
        if *owned {
            holds.content = true;
            holds.beyond |= place.cover.is_none_or(|cover| place.level > cover);
        }
        holds.secrets |= match reveal {
            Reveal::No => false,
            Reveal::Yes => true,
            Reveal::If(argument) => {
                !matches!(arguments.get(argument), None | Some(Value::Null | Value::Bool(false)))
            }
        };
        place.level = enters.map_or(place.level, |level| level.max(place.level));
        self.below(scope, returns.inner_named_type(), field, place, depth + 1, holds)
    }

    /// A fragment on `ty`: the type has to be known; whether it can occur here does not matter, since it is judged as if it did.
    fn on(&self, ty: &str, mut place: Place) -> Result<Place, Refusal> {
        let composite = self.tables.composite(ty).ok_or_else(|| {
            Refusal::new(code::UNKNOWN_TYPE, format!("'{}' is not a type that the pack knows", short(ty)))
        })?;
        place.level = composite.level.map_or(place.level, |level| level.max(place.level));
        Ok(place)
    }

    /// Introspection: only its size and its directives matter.
    fn schema(&mut self, scope: Scope<'a>, field: &'a Field, depth: usize) -> Result<(), Refusal> {
        directives(&field.directives, Some(scope.variables))?;
        let mut seen = Vec::new();
        for argument in &field.arguments {
            let name = argument.name.as_str();
            let constant = matches!(*argument.value, Literal::String(_) | Literal::Boolean(_));
            if !matches!(name, "name" | "includeDeprecated") || seen.contains(&name) || !constant {
                return Err(Refusal::new(code::UNKNOWN_ARGUMENT, "introspection has no such argument"));
            }
            seen.push(name);
        }
        self.schema_selections(scope, &field.selection_set, depth + 1)
    }

    fn schema_selections(
        &mut self,
        scope: Scope<'a>,
        selections: &'a [Selection],
        depth: usize,
    ) -> Result<(), Refusal> {
        for selection in selections {
            self.count(depth)?;
            match selection {
                Selection::Field(field) => self.schema(scope, field, depth)?,
                Selection::FragmentSpread(spread) => {
                    directives(&spread.directives, Some(scope.variables))?;
                    let fragment = fragment(scope, &spread.fragment_name)?;
                    directives(&fragment.directives, None)?;
                    self.schema_selections(scope, &fragment.selection_set, depth + 1)?;
                }
                Selection::InlineFragment(inline) => {
                    directives(&inline.directives, Some(scope.variables))?;
                    self.schema_selections(scope, &inline.selection_set, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, depth: usize) -> Result<(), Refusal> {
        self.budget.selections += 1;
        if self.budget.selections > MAX_SELECTIONS || depth > MAX_LEVELS {
            Err(too_complex())
        } else {
            Ok(())
        }
    }
}

/// Where a selection stands, against what the root field names.
#[derive(Debug, Clone, Copy)]
struct Place {
    cover: Option<Level>,
    /// The furthest out that the way here has led.
    level: Level,
}

fn fragment<'a>(
    scope: Scope<'a>,
    name: &str,
) -> Result<&'a apollo_compiler::ast::FragmentDefinition, Refusal> {
    let fragment = scope.chosen.fragments.get(name);
    fragment
        .map(|node| &**node)
        .ok_or_else(|| Refusal::new(code::UNKNOWN_FRAGMENT, "a fragment is used that is not defined"))
}

fn is_root(root: OperationType, condition: &str) -> Result<(), Refusal> {
    let own = root.default_type_name();
    if own == condition {
        return Ok(());
    }
    Err(Refusal::new(code::UNKNOWN_TYPE, format!("a fragment on '{}' stands in a {own}", short(condition))))
}

fn plain(field: &Field) -> Result<(), Refusal> {
    if field.arguments.is_empty() && field.selection_set.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(code::UNKNOWN_ARGUMENT, "__typename has neither arguments nor fields"))
}

/// Only `@include` and `@skip`, with a boolean that is known. What they leave out is judged all the same: no weaker, and one
/// reading of a condition less to get wrong. `None` where neither may stand.
fn directives(list: &DirectiveList, variables: Option<&Variables>) -> Result<(), Refusal> {
    let wrong =
        || Refusal::new(code::UNKNOWN_DIRECTIVE, "only @include and @skip, on selections, with a boolean");
    let mut seen = Vec::new();
    for directive in &list.0 {
        let variables = variables.ok_or_else(wrong)?;
        let name = directive.name.as_str();
        let [argument] = directive.arguments.as_slice() else { return Err(wrong()) };
        let known = matches!(name, "include" | "skip") && !seen.contains(&name) && argument.name == "if";
        let boolean = match &*argument.value {
            Literal::Boolean(_) => true,
            Literal::Variable(variable) => variables.is_boolean(variable),
            _ => false,
        };
        if !known || !boolean {
            return Err(wrong());
        }
        seen.push(name);
    }
    Ok(())
}

fn too_complex() -> Refusal {
    Refusal::new(code::TOO_COMPLEX, "the request selects too much to be judged")
}

/// Names come from the caller: enough of one to recognise it.
fn short(name: &str) -> String {
    name.chars().take(80).collect()
}
