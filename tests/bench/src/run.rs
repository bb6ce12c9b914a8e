//! What a session around a command costs: `stint run -- true` beside `true`, start to end.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::json;

use crate::options::Options;
use crate::{Result, world};

/// Runs of each kind.
const RUNS: usize = 50;

pub(crate) async fn run(options: &Options) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("stint-bench-").tempdir()?;
    let (broker, addr) = world::alone(options, folder.path()).await?;
    let program = world::program(options)?.with_file_name("stint");
    if !program.is_file() {
        return Err(format!("{} is missing: cargo build --release -p stint", program.display()).into());
    }
    // A confined command sees its working tree, and writes there alone.
    let tree = folder.path().join("tree");
    std::fs::create_dir(&tree)?;
    let stint = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(&tree).env("STINT_HOME", folder.path().join("home"));
        command
    };
    let token = folder.path().join("data/setup-token");
    let token = token.to_str().ok_or("the temporary folder has no name of text")?;
    done(&mut stint(&["login", "--broker", &format!("http://{addr}"), "--setup-token-file", token]))?;
    done(&mut stint(&["environment", "add", "staging", "--tier", "staging"]))?;
    done(&mut stint(&["agent", "add", "bench"]))?;

    let mut lines = vec![("true", measure(|| plain(&tree))?)];
    for (name, how) in [("unconfined", "--no-confine"), ("confined", "--confine")] {
        let command = || stint(&["run", "-e", "staging", "-a", "bench", how, "--", "true"]);
        match done(&mut command()) {
            Ok(()) => lines.push((name, measure(command)?)),
            // Said in the report's place: a machine that confines nothing has no figure for it.
            Err(error) => eprintln!("stint-bench: {name}: {error}"),
        }
    }
    broker.stop();
    report(options, &lines);
    Ok(())
}

fn plain(tree: &Path) -> Command {
    let mut command = Command::new("true");
    command.current_dir(tree);
    command
}

/// Milliseconds of one run: the median, and the slowest of a hundred.
fn measure(command: impl Fn() -> Command) -> Result<[f64; 2]> {
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let began = Instant::now();
        done(&mut command())?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let place = |share: usize| times.get(RUNS * share / 100).copied().unwrap_or_default();
    Ok([place(50), place(99)])
}

fn done(command: &mut Command) -> Result<()> {
    let out = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output()?;
    match out.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&out.stderr).trim().to_owned().into()),
    }
}

fn report(options: &Options, lines: &[(&str, [f64; 2])]) {
    if options.json {
        let lines: Vec<_> = lines
            .iter()
            .map(|(name, [p50, p99])| json!({ "run": name, "p50_ms": p50, "p99_ms": p99 }))
            .collect();
        println!("{:#}", json!({ "runs": RUNS, "lines": lines }));
        return;
    }
    println!("{:<12} {:>10} {:>10}", "run of true", "p50 ms", "p99 ms");
    for (name, [p50, p99]) in lines {
        println!("{name:<12} {p50:>10.1} {p99:>10.1}");
    }
}
