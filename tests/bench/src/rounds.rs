//! Rounds of one load, and what they say together.

use crate::load::Round;

/// Medians over rounds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figures {
    /// Requests a second.
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Processor seconds of the program under load for 10,000 requests; 0 where none was.
    pub(crate) cpu: f64,
    /// Its resident memory at the end, in MiB.
    pub(crate) resident: f64,
    pub(crate) requests: usize,
}

/// A round with what the program under load used for it.
#[derive(Debug, Clone)]
pub(crate) struct Used {
    pub(crate) round: Round,
    pub(crate) cpu: f64,
    pub(crate) resident: f64,
}

impl Figures {
    pub(crate) fn of(rounds: &[Used]) -> Self {
        let all = |value: &dyn Fn(&Used) -> f64| median(rounds.iter().map(value).collect());
        Figures {
            rate: all(&|used| used.round.rate()),
            p50: all(&|used| used.round.within(0.50)),
            p99: all(&|used| used.round.within(0.99)),
            cpu: all(&|used| used.cpu * 1e4 / used.round.requests.max(1) as f64),
            resident: all(&|used| used.resident),
            requests: rounds.iter().map(|used| used.round.requests).sum(),
        }
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    values.get(middle).copied().unwrap_or_default()
}
