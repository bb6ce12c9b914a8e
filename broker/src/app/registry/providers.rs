//! Providers: the packs, and every operation that they know.

use std::collections::BTreeMap;

use stint_api::{Class, OperationPage, Provider, ProviderKind, ProviderList, ProviderOperation};

use crate::app::{App, Result};
use crate::catalog::Listed;
use crate::catalog::pack::{CredentialKind, Pack, Protocol};
use crate::policy::PolicySet;

/// Operations of one page.
const PAGE: usize = 100;

/// Which operations are wanted.
#[derive(Debug, Clone, Default)]
pub struct OperationFilter {
    /// Words that all stand in the name, the request or what it names.
    pub words: String,
    pub class: Option<Class>,
    /// The last one of the page before.
    pub after: Option<String>,
}

impl App {
    pub fn providers(&self) -> ProviderList {
        ProviderList { providers: self.packs().catalog.packs().iter().map(provider).collect() }
    }

    pub fn provider(&self, name: &str) -> Result<Provider> {
        self.packs().named(name).map(provider)
    }

    /// A page of a provider's operations, by name.
    pub fn operations(&self, name: &str, filter: &OperationFilter) -> Result<OperationPage> {
        let packs = self.packs();
        let pack = packs.named(name)?;
        let words: Vec<String> = filter.words.split_whitespace().map(str::to_lowercase).collect();
        let wanted = |one: &Listed| {
            let text =
                format!("{} {} {}", one.operation, one.request, one.resources.join(" ")).to_lowercase();
            filter.class.is_none_or(|class| one.class == class)
                && words.iter().all(|word| text.contains(word))
        };
        let all: Vec<Listed> = pack.operations().into_iter().filter(wanted).collect();
        let total = all.len() as u64;
        let after = filter.after.as_deref().unwrap_or_default();
        let mut rest = all.into_iter().filter(|one| place(one).as_str() > after);
        let page: Vec<Listed> = rest.by_ref().take(PAGE).collect();
        let policies = self.0.policy.load();
        let next = rest.next().and_then(|_| page.last().map(place));
        Ok(OperationPage {
            operations: page.into_iter().map(|one| operation(one, name, &policies)).collect(),
            total,
            next,
        })
    }
}

/// Where an operation stands in the order: a name may be there as a query and as a mutation.
fn place(one: &Listed) -> String {
    format!("{} {}", one.operation, one.request)
}

fn provider(pack: &Pack) -> Provider {
    let mut operations: BTreeMap<Class, u64> = BTreeMap::new();
    for one in pack.operations() {
        *operations.entry(one.class).or_default() += 1;
    }
    let manifest = &pack.manifest;
    let kind = |kind: &CredentialKind| ProviderKind {
        name: kind.name.clone(),
        default: kind.default,
        header: kind.carrier.header.clone(),
        variables: kind.variables.clone(),
    };
    Provider {
        name: manifest.name.clone(),
        title: manifest.title.clone(),
        protocol: match manifest.protocol {
            Protocol::Rest => "rest".to_owned(),
            Protocol::Graphql => "graphql".to_owned(),
            Protocol::Mcp => "mcp".to_owned(),
        },
        hosts: manifest.hosts.clone(),
        kinds: manifest.credential.iter().map(kind).collect(),
        environment_kinds: manifest.environment_kinds.clone(),
        operations,
    }
}

fn operation(one: Listed, provider: &str, policies: &PolicySet) -> ProviderOperation {
    let policies = policies.speaking_of(&one.operation, provider, one.class);
    ProviderOperation {
        operation: one.operation,
        request: one.request,
        class: one.class,
        scope: one.scope.to_owned(),
        resources: one.resources,
        marks: one.marks.into_iter().map(str::to_owned).collect(),
        policies,
    }
}
