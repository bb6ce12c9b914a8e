//! `stint-broker`. Everything is in the library.

fn main() -> std::process::ExitCode {
    stint_broker::command::main()
}
