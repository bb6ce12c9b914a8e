//! The quick clients of the matrix (`tests/clients/matrix.toml`): `./tests/clients/run` drives all of them.

use stint_tests::matrix::{Desk, installed, rows};

/// Drives the rows that come from `from`, and names everything that is not as it must be.
fn drive(from: &str) {
    let rows: Vec<_> = rows()
        .unwrap()
        .into_iter()
        .filter(|row| row.quick && row.from == from && row.missing.is_none())
        .collect();
    assert!(!rows.is_empty(), "nothing quick comes from {from}");
    let desk = Desk::start(&installed());
    let mut wrong = Vec::new();
    for row in &rows {
        let driven = desk.drive(row);
        if driven.version.is_none() {
            wrong.push(format!("{}: run ./tests/clients/install: {:?}", row.name, driven.wrong));
        } else if !driven.wrong.is_empty() {
            wrong.push(format!("{}: {:?}\n{}", row.name, driven.wrong, driven.printed));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn programs_of_the_system_just_work() {
    drive("system");
}

#[test]
fn libraries_of_python_just_work() {
    drive("python");
}

#[test]
fn libraries_of_node_just_work() {
    drive("node");
}
