//! What a pack says: the shape of `policies/packs/<provider>/pack.toml`.

use serde::Deserialize;

use crate::model::Carrier;

/// `pack.toml`. Unknown keys are errors.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// `railway`: the first part of operation names and selectors.
    pub name: String,
    /// `Railway`: for people.
    pub title: String,
    pub protocol: Protocol,
    /// All API hosts, lower case, the present one first, legacy ones after it.
    pub hosts: Vec<String>,
    /// For GraphQL: the paths that take documents. Anything else on the hosts is unknown.
    #[serde(default)]
    pub endpoints: Vec<String>,
    /// Kinds of credential; exactly one is the default.
    pub credential: Vec<CredentialKind>,
    /// Every header in which a credential of this provider may arrive from downstream, lower case. Removed or refused, never forwarded.
    pub carriers: Vec<String>,
    /// Query parameters in which one may arrive: a request that has one is refused.
    #[serde(default)]
    pub query_carriers: Vec<String>,
    /// Resource kinds that can be mapped to a Stint environment: the `KIND` of selectors.
    pub environment_kinds: Vec<String>,
    /// Other variables that carry credentials of this provider: dropped from what a command inherits.
    #[serde(default)]
    pub scrub: Vec<String>,
    /// What this provider's keys look like.
    #[serde(default)]
    pub key: Vec<KeyShape>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Rest,
    Graphql,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CredentialKind {
    /// `account`, `project`.
    pub name: String,
    #[serde(default)]
    pub default: bool,
    pub carrier: Carrier,
    /// Variables under which the provider's tools look for this kind.
    pub variables: Vec<String>,
    pub placeholder: PlaceholderShape,
}

/// How a placeholder is made so that the provider's own tools accept its shape.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PlaceholderShape {
    /// `ghp_`.
    #[serde(default)]
    pub prefix: String,
    pub alphabet: Alphabet,
    /// Characters after the prefix; ignored for `uuid`.
    #[serde(default)]
    pub length: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Alphabet {
    /// A UUID version 4 in hyphenated form.
    Uuid,
    /// `0-9a-zA-Z`.
    Base62,
    /// `0-9a-f`.
    Hex,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KeyShape {
    /// `github personal access token`: said in refusals.
    pub name: String,
    /// Regular expression (RE2 syntax) that the whole value matches.
    pub pattern: String,
    /// A shape that other things have too (a bare UUID): it counts as a key only in a carrier, never in a body.
    #[serde(default)]
    pub only_in_carrier: bool,
}

/// A loaded pack.
#[derive(Debug)]
pub struct Pack {
    pub manifest: Manifest,
}
