/// The tables of a pack, in memory.
#[derive(Debug)]
pub struct Tables {}

/// A table that does not say what a table has to say: names the file, the row and the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{row}: {reason}")]
pub struct TableError {
    pub file: String,
    /// Counted from 1; 0 for the file as a whole.
    pub row: usize,
    pub reason: String,
}

impl Tables {
    /// Reads `operations.tsv`, `types.tsv` and `inputs.tsv`; `read` gives the text of a file of the pack by name.
    pub fn load(read: &dyn Fn(&str) -> Option<String>) -> Result<Tables, TableError> {
        let _ = read;
        Ok(Tables {})
    }
}
