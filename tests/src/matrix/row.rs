use std::path::{Path, PathBuf};

/// One client of the matrix: a table `[[client]]` of `matrix.toml`.
#[derive(Debug, Clone)]
pub struct Row {
    pub name: String,
    /// What brings it: `python`, `node` or `more` of the installer, or `system` for a program that is there or not.
    pub from: String,
    /// Whether it installs and runs within moments.
    pub quick: bool,
    /// Shell line that prints its version; where it fails, the client is not there.
    pub version: String,
    /// The variables that alone make it trust the session's CA.
    pub trust: Vec<String>,
    /// Whether it reaches the gateway without proxy variables.
    pub transparent: bool,
    /// Shell line that reads, and the operation that this is (`stripe:v1/customers/list`). A row without an operation is
    /// of a provider that no pack knows, and is to be refused.
    pub read: String,
    pub reads: Option<String>,
    /// Whether its hosts are of no provider and come by `--learn`: see `learn`.
    pub learns: bool,
    /// Shell line that destroys, and its operation. Not every client can.
    pub destroy: Option<String>,
    pub destroys: Option<String>,
    /// Words of the reason that the tool is to print when it may not.
    pub says: String,
    /// What was tried, for people.
    pub tried: String,
    pub note: String,
    /// Why there is nothing to drive.
    pub missing: Option<String>,
}

/// `tests/clients` of the repository.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// All rows, in the order of the file. A key that no row knows is an error.
pub fn rows() -> Result<Vec<Row>, String> {
    let file = folder().join("matrix.toml");
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    parse(&text).map_err(|error| format!("{}: {error}", file.display()))
}

fn parse(text: &str) -> Result<Vec<Row>, String> {
    let whole: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let clients = whole.get("client").and_then(toml::Value::as_array).ok_or("there is no [[client]]")?;
    clients.iter().map(|client| row(client.as_table().ok_or("a client is no table")?)).collect()
}

const KEYS: [&str; 15] = [
    "name",
    "from",
    "quick",
    "version",
    "trust",
    "transparent",
    "read",
    "reads",
    "learns",
    "destroy",
    "destroys",
    "says",
    "tried",
    "note",
    "missing",
];

fn row(client: &toml::Table) -> Result<Row, String> {
    let text = |key: &str| client.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let name = text("name").ok_or("a client has no name")?;
    if let Some(key) = client.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!("{name}: '{key}' is no key of a client"));
    }
    let needed = |key: &str| text(key).ok_or_else(|| format!("{name}: '{key}' is missing"));
    let flag =
        |key: &str, otherwise: bool| client.get(key).and_then(toml::Value::as_bool).unwrap_or(otherwise);
    let missing = text("missing");
    let filled = |key: &str| if missing.is_some() { Ok(String::new()) } else { needed(key) };
    let trust = client.get("trust").and_then(toml::Value::as_array).into_iter().flatten();
    let row = Row {
        from: filled("from")?,
        quick: flag("quick", false),
        version: filled("version")?,
        trust: trust.filter_map(toml::Value::as_str).map(str::to_owned).collect(),
        transparent: flag("transparent", true),
        read: filled("read")?,
        reads: text("reads"),
        learns: flag("learns", false),
        destroy: text("destroy"),
        destroys: text("destroys"),
        says: text("says").unwrap_or_else(|| "approval".to_owned()),
        tried: text("tried").unwrap_or_default(),
        note: text("note").unwrap_or_default(),
        missing,
        name,
    };
    match row.destroy.is_some() == row.destroys.is_some() {
        true => Ok(row),
        false => Err(format!("{}: 'destroy' and 'destroys' go together", row.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_whole_or_an_error_that_names_it() {
        assert!(rows().unwrap().len() > 30, "every client of the matrix has its row");
        let good = "[[client]]\nname = 'a'\nfrom = 'system'\nversion = 'x'\nread = 'y'\nreads = 'p:op'\n";
        assert_eq!(parse(good).unwrap()[0].says, "approval");
        for (change, why) in [("colour = 'red'\n", "'colour' is no key"), ("destroy = 'z'\n", "go together")]
        {
            assert!(parse(&format!("{good}{change}")).unwrap_err().contains(why), "{change}");
        }
        assert!(parse("[[client]]\nname = 'a'\n").unwrap_err().contains("a: 'from' is missing"));
    }
}
