//! A pack's `resolvers.toml` and `lookups.graphql`: how each kind of resource is traced to what owns it, and the look-ups
//! that are asked for it: queries of a GraphQL document, or requests by REST.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::about::About;
use super::get::Get;
use super::json::Path;

mod check;

/// The rules of one provider, checked against each other.
#[derive(Debug)]
pub struct Rules {
    pub(super) file: File,
    queries: BTreeMap<String, String>,
}

/// `resolvers.toml`. Unknown keys are errors.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct File {
    pub provider: String,
    /// Ids compare without regard to case: they are lowered.
    #[serde(default)]
    pub lower: bool,
    /// Ids are numbers in answers: integers are read as text.
    #[serde(default)]
    pub numbers: bool,
    #[serde(default)]
    pub budget: Budget,
    /// Look-ups by REST, by name.
    #[serde(default)]
    pub lookup: BTreeMap<String, Get>,
    pub kind: BTreeMap<String, Kind>,
    /// Kinds that are listed for people to see: first the one that can be mapped, then what lives in it.
    #[serde(default)]
    pub survey: Vec<String>,
    #[serde(default)]
    pub walk: Vec<Walk>,
    #[serde(default)]
    pub pending: BTreeMap<String, PendingRule>,
    /// What tells whether a credential is taken: asked in this order until one is answered.
    #[serde(default)]
    pub about: Vec<About>,
}

/// What resolving may cost.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Budget {
    pub lookups_per_hour: u32,
    /// Walks through everything that a credential can see.
    pub refreshes_per_minute: u32,
    /// Look-ups in one resolution.
    pub pages: usize,
    /// Things remembered of one credential.
    pub things: usize,
    /// For one resolution.
    pub seconds: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { lookups_per_hour: 600, refreshes_per_minute: 20, pages: 200, things: 20_000, seconds: 30 }
    }
}

/// One kind of resource.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Kind {
    pub by: By,
    /// For `part`: the kind of what it is a part of.
    pub of: Option<String>,
    /// Ids of digits alone are ids of that kind: another spelling of the same thing.
    pub numbered: Option<String>,
    /// For `self`: the kind, one by `credential`, that has all of these in it. An environment that maps that one has these,
    /// where none maps them by themselves.
    pub within: Option<String>,
    /// For `self`: asked when somebody maps it, where `ask` is not to be asked at every strong request.
    pub check: Option<Ask>,
    /// For `ask`, and for `self` where the thing's existence and name are worth a question when freshness is asked for.
    pub ask: Option<Ask>,
    /// Asked once owners must be fresh, for people to see.
    #[serde(default)]
    pub consequence: Vec<Consequence>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum By {
    /// The resource is itself what an environment can map.
    #[serde(rename = "self")]
    Itself,
    /// Its id begins with the id of what owns it, and a `:`.
    Part,
    /// Everything that a credential reaches is one place, and an environment maps the credential by its id: for providers
    /// whose requests do not say where a thing is.
    Credential,
    /// The resource is what an environment can map, and its id means something only beside the credential that reaches it:
    /// a namespace of a cluster. Its selector is `CREDENTIAL/ID`.
    #[serde(rename = "self-of-credential")]
    OfCredential,
    /// A query answers for one id.
    Ask,
    /// No query answers for one id: it is found by walking through what there is.
    Walk,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Ask {
    /// Name of a look-up.
    pub query: String,
    /// Variables that the id fills; several take an id of several parts with `/` between them.
    #[serde(default = "only_id")]
    pub variables: Vec<String>,
    /// The thing in the answer's `data`.
    pub at: Path,
    /// By GraphQL: the connection whose further pages `$after` asks for.
    pub page: Option<Path>,
    #[serde(flatten)]
    pub read: Read,
}

fn only_id() -> Vec<String> {
    vec!["id".to_owned()]
}

/// How a thing is read from an object of an answer. Paths begin at that object.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Read {
    #[serde(default = "id_path")]
    pub id: Path,
    /// Further parts of the id, where it has several.
    #[serde(default)]
    pub id_rest: Vec<Path>,
    pub name: Option<Path>,
    #[serde(default)]
    pub owners: Vec<Owner>,
    /// Facts that walks beneath this thing use as variables.
    #[serde(default)]
    pub facts: BTreeMap<String, Path>,
    /// Ids that consequences are asked about.
    #[serde(default)]
    pub lists: BTreeMap<String, Path>,
    /// Values that must be a fact of the thing that was walked over: an answer about something else is a lie.
    #[serde(default)]
    pub same: BTreeMap<String, Path>,
    /// `hasNextPage` flags that must be false: a partial list of owners is no list of owners.
    #[serde(default)]
    pub complete: Vec<Path>,
    #[serde(default)]
    pub counts: Vec<Count>,
    /// What else people should know of it, where the answer says so.
    #[serde(default)]
    pub says: Vec<Say>,
}

fn id_path() -> Path {
    Path::plain("id")
}

/// Who owns a thing: ids of `kind`, either in the answer or a fact of the thing walked over. Where `kind` is not itself
/// a selector, its own owners count.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Owner {
    pub kind: String,
    pub at: Option<Path>,
    pub fact: Option<String>,
    /// May be null in the answer, or missing. The thing still needs some owner.
    #[serde(default)]
    pub optional: bool,
    /// Owns it only where nothing named before it does.
    #[serde(default)]
    pub otherwise: bool,
    /// The id with `{}` for what the answer has.
    pub form: Option<String>,
}

/// A value in words, for people alone: where it is not in the answer, nothing is said.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Say {
    /// In the object of the thing; numbers of a list are added up.
    pub at: Option<Path>,
    /// In the answer's `data`.
    pub root: Option<Path>,
    /// With `{}` for the value.
    pub text: String,
}

/// A number of things, in words.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Count {
    pub at: Path,
    pub one: String,
    /// With `{n}` for the number.
    pub many: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Consequence {
    pub query: String,
    pub variable: String,
    /// The list of ids to ask about; without it the thing's own id.
    pub list: Option<String>,
    #[serde(flatten)]
    pub count: CountRule,
}

/// As [`Count`], where serde's `flatten` and `deny_unknown_fields` do not meet.
#[derive(Debug, Deserialize)]
pub(super) struct CountRule {
    pub at: Path,
    pub one: String,
    pub many: String,
    /// Said when the number cannot be had.
    pub unknown: String,
}

/// One step of walking: a query for each thing of the kind `over`, or once.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Walk {
    pub query: String,
    pub over: Option<String>,
    /// Variable to fact.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    pub page: Option<Path>,
    /// Other credentials than this one can answer it: its failure says nothing.
    #[serde(default)]
    pub optional: bool,
    pub thing: Vec<Yield>,
}

/// Things of one kind in a walk's answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Yield {
    pub kind: String,
    /// Objects in the answer's `data`.
    pub at: Path,
    #[serde(flatten)]
    pub read: Read,
}

/// How an effect that was staged earlier is read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PendingRule {
    pub query: String,
    pub variable: String,
    /// Must equal the id that was asked for.
    pub same: Path,
    /// What was staged.
    pub at: Path,
}

/// The rules do not fit together: said with the file and the place.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RulesError(pub String);

impl Rules {
    /// From the text of `resolvers.toml` and of `lookups.graphql` (empty where nothing is asked).
    pub fn load(resolvers: &str, lookups: &str) -> Result<Self, RulesError> {
        let file: File = toml::from_str(resolvers).map_err(|e| RulesError(format!("resolvers.toml: {e}")))?;
        let rules = Rules { queries: check::split(lookups)?, file };
        rules.check()?;
        Ok(rules)
    }

    /// Whether ids that differ by case alone are one: selectors are kept in lower case then.
    pub fn ignores_case(&self) -> bool {
        self.file.lower
    }

    /// Whether what an environment maps of this kind is a credential as a whole (`Some(false)`), or a part of what one
    /// reaches (`Some(true)`).
    pub fn counts_by_credential(&self, kind: &str) -> Option<bool> {
        match self.file.kind.get(kind)?.by {
            By::Credential => Some(false),
            By::OfCredential => Some(true),
            By::Itself | By::Part | By::Ask | By::Walk => None,
        }
    }

    /// The kind of the credential as a whole, where things of other kinds are within it.
    pub fn whole(&self) -> Option<&str> {
        self.file.kind.values().find_map(|kind| kind.within.as_deref())
    }

    /// The kinds that are within the whole.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.file.kind.iter().filter(|(_, kind)| kind.within.is_some()).map(|(name, _)| name.as_str())
    }

    /// Whether something is said of this kind.
    pub fn knows(&self, kind: &str) -> bool {
        self.file.kind.contains_key(kind)
    }

    pub fn provider(&self) -> &str {
        &self.file.provider
    }

    /// Text of a look-up, by its name.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.queries.get(name).map(String::as_str)
    }

    /// Names of all look-ups.
    pub fn queries(&self) -> impl Iterator<Item = &str> {
        self.queries.keys().map(String::as_str)
    }

    pub(super) fn steps(&self, kind: &str) -> impl Iterator<Item = &Walk> {
        self.file.walk.iter().filter(move |walk| walk.thing.iter().any(|thing| thing.kind == kind))
    }
}
