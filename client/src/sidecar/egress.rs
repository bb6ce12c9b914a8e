use std::collections::BTreeSet;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

/// Most names that are remembered of what was refused.
const MOST_REFUSED: usize = 200;

/// Whether hosts that no provider owns can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Tunnelled, on ports 443 and 80, never to this machine.
    #[default]
    Open,
    /// Refused, but for those that are named.
    Deny,
}

/// The hosts that no provider owns: which can be reached, and which were asked for in vain.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Egress {
    mode: Mode,
    /// Exact names, lower case.
    hosts: BTreeSet<String>,
    #[serde(skip)]
    refused: Mutex<BTreeSet<String>>,
}

impl Egress {
    pub(super) const HINT: &'static str = "`stint run --learn` lists what a command asked for in vain";

    pub fn new(mode: Mode, hosts: impl IntoIterator<Item = String>) -> Self {
        let hosts = hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect();
        Egress { mode, hosts, refused: Mutex::default() }
    }

    /// Whether this host may be reached; remembers it when not. `host` is canonical.
    pub(super) fn allows(&self, host: &str) -> bool {
        if self.mode == Mode::Open || self.hosts.contains(host) {
            return true;
        }
        if let Ok(mut refused) = self.refused.lock()
            && refused.len() < MOST_REFUSED
        {
            refused.insert(host.to_owned());
        }
        false
    }

    /// What was asked for in vain, by name.
    pub(super) fn refused(&self) -> Vec<String> {
        self.refused.lock().map(|refused| refused.iter().cloned().collect()).unwrap_or_default()
    }
}

impl Clone for Egress {
    fn clone(&self) -> Self {
        Egress::new(self.mode, self.hosts.iter().cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_reached_by_its_exact_name_or_not_at_all() {
        let egress = Egress::new(Mode::Deny, ["Docs.example".to_owned()]);
        assert!(egress.allows("docs.example"));
        for other in ["example", "a.docs.example", "docs.example.evil", "docs.exampl", ""] {
            assert!(!egress.allows(other), "{other}");
        }
        assert_eq!(egress.refused(), ["", "a.docs.example", "docs.exampl", "docs.example.evil", "example"]);
        assert!(Egress::new(Mode::Open, []).allows("anything.example"));
    }
}
