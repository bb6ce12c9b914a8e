//! Drives the clients of the matrix and writes its table: what `./tests/clients/run` starts.
//!
//! Arguments: nothing for all, or words that a client's name is to contain. Ends with 1 where a row is not as it must be.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a command line")]

use std::process::ExitCode;

use stint_tests::matrix::{Desk, Entry, folder, installed, learn, replace, rows};

fn main() -> ExitCode {
    match drive() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("tests/clients/run: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all was as it must be.
fn drive() -> Result<bool, String> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let desk = Desk::start(&installed());
    let (mut entries, mut failed) = (Vec::new(), Vec::new());
    for row in rows()?.into_iter().filter(|row| wanted(&row.name)) {
        let name = row.name.clone();
        if let Some(why) = &row.missing {
            println!("{name}: not driven: {why}");
            entries.push(Entry::new(row, None));
            continue;
        }
        let driven = if row.learns { learn(&row, &installed()) } else { desk.drive(&row) };
        println!(
            "{name} {}: {}",
            driven.version.as_deref().unwrap_or("-"),
            if driven.wrong.is_empty() { "ok" } else { "FAILS" }
        );
        for wrong in &driven.wrong {
            println!("    {wrong}");
        }
        if !driven.wrong.is_empty() {
            println!("{}", driven.printed);
            failed.push(name);
        }
        entries.push(Entry::new(row, Some(driven)));
    }
    let document = folder().join("README.md");
    let at = |error: std::io::Error| format!("{}: {error}", document.display());
    // A part of the matrix is no table of it.
    if words.is_empty() {
        let text = std::fs::read_to_string(&document).map_err(at)?;
        std::fs::write(&document, replace(&text, &entries)?).map_err(at)?;
    }
    println!("{} clients, {} not as they must be: {}", entries.len(), failed.len(), failed.join(", "));
    Ok(failed.is_empty())
}
