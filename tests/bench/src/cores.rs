//! Who runs where: the program under load alone on the last core, everything else on the others.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The calling thread, and those that it will start, leave the last core.
pub(crate) fn mine() {
    pin(|last, core| core != last);
}

/// What `start` starts is kept to the last core: an affinity is inherited from the thread that starts.
pub(crate) fn on_the_last<T>(start: impl FnOnce() -> T) -> T {
    pin(|last, core| core == last);
    let started = start();
    mine();
    started
}

/// How many cores there are to share out; 1 where nothing can be kept apart.
pub(crate) fn count() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn pin(choose: impl Fn(usize, usize) -> bool) {
    let Ok(all) = sched_getaffinity(Some(rustix::process::Pid::INIT)) else { return };
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core)).collect();
    let Some(last) = cores.last().copied().filter(|_| cores.len() > 1) else { return };
    let mut set = CpuSet::new();
    cores.iter().filter(|core| choose(last, **core)).for_each(|core| set.set(*core));
    // Where it is not allowed, the figures are noisier, and no less true.
    let _ = sched_setaffinity(None, &set);
}
