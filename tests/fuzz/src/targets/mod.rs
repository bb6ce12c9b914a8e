//! The parsers that meet bytes of agents, providers and owners.

mod framing;
mod jose;
mod packs;
mod people;
mod requests;

/// One parser, or a few that read the same.
#[derive(Debug)]
pub struct Target {
    pub name: &'static str,
    /// Inputs to begin with, each of which it reads.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// What its inputs are made of.
    pub words: &'static [&'static str],
    /// What it says of an input, the same for what it takes for the same; the error where two readings differ.
    pub run: fn(&[u8]) -> Result<String, String>,
}

pub const TARGETS: &[Target] = &[
    requests::TARGET,
    requests::REST,
    requests::FORMS,
    requests::GRAPHQL,
    requests::GIT,
    requests::MCP,
    requests::AWS,
    jose::TOKENS,
    jose::JSON,
    packs::DESCRIPTIONS,
    packs::SCHEMAS,
    packs::PACKS,
    framing::FRAMING,
    people::PASSKEYS,
    people::UPLOADS,
    people::PROVIDERS,
];

fn texts(all: &[&str]) -> Vec<Vec<u8>> {
    all.iter().map(|text| text.as_bytes().to_vec()).collect()
}
