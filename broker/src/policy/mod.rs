//! Decides. Cedar policies in, a decision as a value out.
//!
//! Knows what a touch is and what policies say of it. Guardrails are forbids that ship with the broker; a permit never
//! lifts one, a person's approval lifts those annotated `@approvable`, for one request. An error while deciding is a
//! deny. Must not know how a request was read, where anything is stored, or what time it is: values in, values out.

mod check;
mod decide;
mod decided;
mod note;
mod permit;
mod question;
mod reach;
mod schema;
mod set;
mod slice;
mod source;
mod speaks;
mod testing;
mod write;

pub use check::{Checked, check};
pub use decide::{Asker, Decision, Denial, Needed, Question};
pub use permit::{Permit, Purpose};
pub use reach::{Line, Outcome, Report, World, reach};
pub use schema::{ActionRow, Strength, schema_text};
pub use set::{Error, PolicyFile, PolicySet, builtin_files};
pub use source::{Fault, Part, Position};
pub use testing::{CaseResult, decided, run_cases};
pub use write::{Act, Expected, write_rule, write_tests};
