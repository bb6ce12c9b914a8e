//! What was kept and what once broke a parser, once more.

use stint_fuzz::{TARGETS, replay};

#[test]
fn everything_that_was_kept_is_read_as_it_should() {
    for target in TARGETS {
        let inputs = replay(target).unwrap_or_else(|why| panic!("{why}"));
        assert!(inputs > 2, "{}: {inputs}", target.name);
    }
}
