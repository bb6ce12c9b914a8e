fn main() -> std::process::ExitCode {
    stint::command::main()
}
