/// What one session may do before a person is asked about each further request. 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Requests that destroy, over the whole session.
    pub destroys: u64,
    /// Requests that are stronger than reading, within any minute.
    pub writes_per_minute: u64,
    /// Different things that are changed or revealed, over the whole session.
    pub things: u64,
    /// Bytes of answers, over the whole session.
    pub bytes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { destroys: 20, writes_per_minute: 300, things: 1000, bytes: 20 * 1024 * 1024 * 1024 }
    }
}
