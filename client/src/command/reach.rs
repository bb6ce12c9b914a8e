//! What policies reach, and what a change of them would.

use stint_api::{PolicyEffect, PolicyReach, ReachLine};

use super::policy::place;
use crate::output;

pub(super) fn show_reach(reach: &PolicyReach) {
    output::table(
        &ReachLine::COLUMNS,
        ReachLine::brief(&reach.lines).iter().map(|line| line.cells().to_vec()).collect(),
    );
    for note in &reach.notes {
        output::note(place(note));
    }
}

pub(super) fn show_effect(effect: &PolicyEffect) {
    if effect.before.is_empty() && effect.after.is_empty() {
        output::line("nobody could do more or less than now");
    }
    for (sign, lines) in [("-", &effect.before), ("+", &effect.after)] {
        for line in ReachLine::brief(lines) {
            let cells = line.cells();
            let cells: Vec<&str> = cells.iter().map(String::as_str).filter(|cell| !cell.is_empty()).collect();
            output::line(format!("{sign} {}", cells.join(" | ")));
        }
    }
    output::line(effect.replay.summary());
    for difference in &effect.replay.differences {
        output::line(format!("  {}", difference.summary()));
        output::line(format!("    newest: stint audit list --record {}", difference.record));
    }
}
