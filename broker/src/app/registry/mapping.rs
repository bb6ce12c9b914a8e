//! Whether a thing that somebody maps is there, is what its environment is, and is nobody else's.

use std::sync::Arc;

use stint_api::{Code, Tier};

use super::proposal::smell;
use crate::app::{App, Error, LiveCredential, Result};
use crate::model::{EnvironmentRow, Selector};
use crate::provider::{Known, Place};

/// Credentials of a provider that are asked about one thing.
const ASKED: usize = 8;
/// Names that are offered instead of one that is not there.
const OFFERED: usize = 3;

const UNCHECKED: &str = "`--unchecked` maps it anyway";

impl App {
    /// The selector as the provider knows it, where some credential of the provider can be asked. A thing that is named by
    /// its name is found by that, too.
    pub(super) async fn looked_at(
        &self,
        environment: &EnvironmentRow,
        selector: Selector,
    ) -> Result<Selector> {
        let (selector, name) = self.found_there(selector).await?;
        let names = [selector.id.as_str()].into_iter().chain(name.as_deref());
        if let Some((Tier::Production, word)) = smell(names)
            && environment.tier < Tier::Production
        {
            let called = name.as_deref().unwrap_or(&selector.id);
            return Err(Error::new(
                Code::Conflict,
                format!(
                    "{selector} is called '{called}' at the provider, and {} is {}",
                    environment.name, environment.tier
                ),
            )
            .hint(format!("'{word}' speaks of production; if it is not, {UNCHECKED}")));
        }
        self.unclaimed(environment, &selector).await?;
        Ok(selector)
    }

    async fn found_there(&self, selector: Selector) -> Result<(Selector, Option<String>)> {
        let (mut silent, mut without) = (None, None);
        for live in self.credentials_of(&selector.provider) {
            match self.seen_there(&live, &selector).await {
                Known::Here(name) => return Ok((selector, name)),
                Known::Not => without = without.or(Some(live)),
                Known::Silent(why) => silent = silent.or(Some((live, why))),
                Known::Unasked => {}
            }
        }
        match (silent, without) {
            (Some((live, why)), _) => Err(Error::new(
                Code::UpstreamFailed,
                format!("whether there is {selector} could not be asked with {}: {why}", live.row.name),
            )
            .hint(UNCHECKED)),
            (None, Some(live)) => self.by_name(&live, selector).await,
            (None, None) => Ok((selector, None)),
        }
    }

    /// The one thing of that name, or the nearest that there are.
    async fn by_name(
        &self,
        live: &Arc<LiveCredential>,
        selector: Selector,
    ) -> Result<(Selector, Option<String>)> {
        let places = self.survey(live).await.places;
        let places: Vec<&Place> =
            places.iter().filter(|place| place.selector.kind == selector.kind).collect();
        let wanted = selector.id.to_lowercase();
        let named: Vec<&&Place> = places
            .iter()
            .filter(|place| spellings(place).any(|name| name.to_lowercase() == wanted))
            .collect();
        if let [place] = named.as_slice() {
            return Ok((place.selector.clone(), place.name.clone()));
        }
        let mut near: Vec<(usize, &&Place)> = places
            .iter()
            .filter_map(|place| {
                spellings(place)
                    .map(|name| distance(&name.to_lowercase(), &wanted))
                    .min()
                    .map(|far| (far, place))
            })
            .collect();
        near.sort_by(|a, b| (a.0, &a.1.selector).cmp(&(b.0, &b.1.selector)));
        let near: Vec<String> = near.iter().take(OFFERED).map(|(_, place)| described(place)).collect();
        let error = Error::new(
            Code::NotFound,
            format!("{} sees no {} '{}' at the provider", live.row.name, selector.kind, selector.id),
        );
        Err(match near.is_empty() {
            true => error.hint(format!("`stint environment discover` lists what there is; {UNCHECKED}")),
            false => error.hint(format!("the nearest are {}; {UNCHECKED}", near.join(", "))),
        })
    }

    /// No other environment may map the whole that this is a part of, nor a part of this whole.
    async fn unclaimed(&self, environment: &EnvironmentRow, selector: &Selector) -> Result<()> {
        let Some(rules) = self.0.resolver.rules(&selector.provider) else { return Ok(()) };
        let Some(whole) = rules.whole() else { return Ok(()) };
        let owners: Vec<(Selector, crate::model::Name)> = {
            let registry = self.0.registry.load();
            let others = registry
                .owners
                .iter()
                .filter(|(other, name)| other.provider == selector.provider && **name != environment.name);
            others.map(|(other, name)| (other.clone(), name.clone())).collect()
        };
        for live in self.credentials_of(&selector.provider) {
            let own = Selector::new(selector.provider.as_str(), whole, live.row.id.to_string());
            for (other, name) in &owners {
                // One of both is the whole of this credential, the other a part that may be in it.
                let part = match () {
                    () if *other == own && rules.parts().any(|kind| kind == selector.kind) => selector,
                    () if *selector == own && rules.parts().any(|kind| kind == other.kind) => other,
                    () => continue,
                };
                let both = || format!("credential {} reaches {part}, and {name} maps {other}", live.row.name);
                match self.seen_there(&live, part).await {
                    Known::Here(_) => {
                        return Err(Error::new(
                            Code::Conflict,
                            format!("two environments would own it: {}", both()),
                        )
                        .hint(format!("unmap it there first: stint environment unmap {name} {other}")));
                    }
                    Known::Silent(why) => {
                        return Err(Error::new(
                            Code::UpstreamFailed,
                            format!("whether {} could not be asked: {why}", both()),
                        )
                        .hint(UNCHECKED));
                    }
                    Known::Not | Known::Unasked => {}
                }
            }
        }
        Ok(())
    }

    fn credentials_of(&self, provider: &str) -> Vec<Arc<LiveCredential>> {
        let registry = self.0.registry.load();
        let own = registry.credentials.values().filter(|live| live.row.provider == provider);
        let mut own: Vec<Arc<LiveCredential>> = own.cloned().collect();
        own.sort_by(|a, b| a.row.name.cmp(&b.row.name));
        own.truncate(ASKED);
        own
    }
}

/// What a person may call a place: its id, its name, and its name with that of what it is in.
fn spellings(place: &Place) -> impl Iterator<Item = String> + '_ {
    let name = place.name.clone();
    let whole =
        place.name.as_ref().zip(place.within.as_ref()).map(|(name, within)| format!("{within}/{name}"));
    [Some(place.selector.id.clone()), name, whole].into_iter().flatten()
}

fn described(place: &Place) -> String {
    match spellings(place).last().filter(|name| *name != place.selector.id) {
        Some(name) => format!("{name} ({})", place.selector),
        None => place.selector.to_string(),
    }
}

/// Letters to change, add or take away to make one text of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(200).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(200).enumerate() {
        let mut next = vec![i + 1];
        for ((above, y), diagonal) in row.iter().skip(1).zip(&b).zip(&row) {
            let left = next.last().copied().unwrap_or(0);
            next.push((above + 1).min(left + 1).min(diagonal + usize::from(x != *y)));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn near_names_are_near() {
        for (a, b, far) in
            [("staging", "staging", 0), ("stagin", "staging", 1), ("", "abc", 3), ("kitten", "sitting", 3)]
        {
            assert_eq!((distance(a, b), distance(b, a)), (far, far), "{a} {b}");
        }
    }
}
