//! A hostile agent in a confined command: everything here is tried confined, where nothing may succeed, and unconfined,
//! where what succeeds is what SECURITY.md says.
//!
//! Each try is a shell script that prints GOT when it got what it wanted. That the same script does so unconfined shows
//! that it can. What would harm the machine or is refused for another reason is not tried there.

mod disk;
mod ground;
mod kernel;
mod network;
mod session;
mod silent;
mod terminal;
mod work;

use ground::{Ground, Try};
use stint_tests::Options;

/// Runs a table of tries both ways and compares.
fn both_ways(tries: &[Try]) {
    let ground = Ground::new(Options::default());
    let Some(confined) = ground.attempt(true, tries) else { return };
    let open = ground.attempt(false, tries).expect("an unconfined command runs anywhere");
    let mut wrong = Vec::new();
    for (index, one) in tries.iter().enumerate() {
        let (inside, outside) = (&confined[index], &open[index]);
        // What each said, for whoever wants to read why.
        println!("{}: confined:\n{}unconfined:\n{}", one.name, inside.text, outside.text);
        if inside.got {
            wrong.push(format!("{} succeeds confined:\n{}", one.name, inside.text));
        }
        let expected = one.unconfined.map(|expected| expected != outside.got);
        if expected == Some(true) {
            wrong.push(format!("{} unconfined: got {}\n{}", one.name, outside.got, outside.text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
