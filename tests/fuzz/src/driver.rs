//! Runs a target: mutates, keeps what answers anew, writes down what breaks.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::mutate::{Dice, mutated};
use crate::targets::Target;

/// Inputs that a corpus keeps of a target.
const MOST: usize = 60;
/// One input never takes longer, in a build without optimisation.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a run came to.
#[derive(Debug, Default)]
pub struct Found {
    pub inputs: u64,
    /// Answers that differ.
    pub answers: usize,
    pub kept: usize,
    pub broke: usize,
}

/// Panics of any thread since the process began.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// Mutate for a while.
pub fn fuzz(target: &Target, time: Duration, seed: u64, trace: bool) -> io::Result<Found> {
    quiet();
    let folder = folder("corpus", target);
    let mut corpus: Vec<Vec<u8>> = (target.seeds)();
    let seeds = corpus.len();
    corpus.extend(inputs(&folder)?);
    let mut answers: HashSet<u64> = HashSet::new();
    for input in &corpus {
        answers.extend(answer(target, input).ok().as_deref().map(hash));
    }
    let mut found = Found::default();
    let mut dice = Dice::new(seed);
    let started = Instant::now();
    while started.elapsed() < time {
        let input = mutated(&mut dice, &corpus, target.words);
        if trace {
            std::fs::write(std::env::temp_dir().join(format!("stint-fuzz-{}", target.name)), &input)?;
        }
        found.inputs += 1;
        match answer(target, &input) {
            Ok(text) => {
                if answers.insert(hash(&text)) && corpus.len() < seeds + MOST {
                    write(&folder, &input)?;
                    corpus.push(input);
                    found.kept += 1;
                }
            }
            Err(why) => {
                let path = write(&self::folder("crashes", target), &input)?;
                eprintln!("stint-fuzz: {}: {why}: {}", target.name, path.display());
                found.broke += 1;
                if found.broke >= 10 {
                    break;
                }
            }
        }
    }
    found.answers = answers.len();
    Ok(found)
}

/// Everything that was kept, and what once broke the target, once more. How many inputs, or what is wrong.
pub fn replay(target: &Target) -> Result<usize, String> {
    quiet();
    let mut all = (target.seeds)();
    for kind in ["corpus", "crashes"] {
        all.extend(inputs(&folder(kind, target)).map_err(|error| error.to_string())?);
    }
    for input in &all {
        let shown = || String::from_utf8_lossy(input).chars().take(400).collect::<String>();
        answer(target, input).map_err(|why| format!("{}: {why}: {:?}", target.name, shown()))?;
    }
    Ok(all.len())
}

/// What the target says of an input; why it broke.
fn answer(target: &Target, input: &[u8]) -> Result<String, String> {
    let before = PANICS.load(Ordering::SeqCst);
    let started = Instant::now();
    let said = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let took = started.elapsed();
    match said {
        Err(_) => Err("a panic".to_owned()),
        Ok(_) if PANICS.load(Ordering::SeqCst) > before => Err("a panic of another thread".to_owned()),
        Ok(_) if took > PATIENCE => Err(format!("it took {took:?}")),
        Ok(said) => said,
    }
}

/// Panics are counted and not printed: the input is what is of use.
fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|_| {
            PANICS.fetch_add(1, Ordering::SeqCst);
        }));
    });
}

fn folder(kind: &str, target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(target.name)
}

fn inputs(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    paths.into_iter().map(std::fs::read).collect()
}

fn write(folder: &Path, input: &[u8]) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    let path = folder.join(format!("{:016x}", hasher.finish()));
    std::fs::write(&path, input)?;
    Ok(path)
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
