//! What a provider's thing looks like, going by its names. Nothing is loosened by it: what looks like production is proposed as
//! production, and so is what looks like nothing.

use std::collections::HashMap;

use stint_api::{Proposal, Tier};

use crate::model::{EnvironmentRow, Name};

const PRODUCTION: &[&str] = &[
    "prod",
    "production",
    "prd",
    "live",
    "main",
    "master",
    "www",
    "primary",
    "release",
    "customer",
    "customers",
];
const STAGING: &[&str] = &[
    "staging", "stage", "stg", "preprod", "nonprod", "uat", "qa", "test", "testing", "tests", "preview",
    "previews", "sandbox", "demo",
];
const DEVELOPMENT: &[&str] = &["dev", "develop", "development", "local", "playground", "scratch", "pr"];

/// The strongest that any of these names speaks of, and the word that does.
pub(super) fn smell<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<(Tier, String)> {
    let mut strongest: Option<(Tier, String)> = None;
    for word in names.into_iter().flat_map(words) {
        let bare = word.trim_end_matches(|c: char| c.is_ascii_digit());
        let within = |list: &[&str]| list.contains(&bare);
        let tier = match () {
            () if within(PRODUCTION) => Tier::Production,
            () if within(STAGING) => Tier::Staging,
            () if within(DEVELOPMENT) => Tier::Development,
            () => continue,
        };
        if strongest.as_ref().is_none_or(|(known, _)| tier > *known) {
            strongest = Some((tier, word));
        }
    }
    strongest
}

/// `shopProd-eu_1` is `shop`, `prod`, `eu`, `1`.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in text.chars().take(500) {
        let begins = c.is_uppercase() && before.is_lowercase();
        if !c.is_alphanumeric() || begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Where a thing would be mapped. `own` are its names; `inside` those of what lives in it, which can only make it stronger.
pub(super) fn propose<'a>(
    own: impl IntoIterator<Item = &'a str>,
    inside: impl IntoIterator<Item = &'a str>,
    environments: &HashMap<Name, EnvironmentRow>,
) -> Proposal {
    let inside = smell(inside).filter(|(tier, _)| *tier == Tier::Production);
    let (tier, why) = match (smell(own), inside) {
        (Some((Tier::Production, word)), _) => (Tier::Production, format!("its name has '{word}'")),
        (_, Some((tier, word))) => (tier, format!("something in it has '{word}' in its name")),
        (Some((tier, word)), None) => (tier, format!("its name has '{word}'")),
        (None, None) => {
            (Tier::Production, "nothing in its name says what it is, so it counts as production".to_owned())
        }
    };
    let mut fitting: Vec<&EnvironmentRow> = environments.values().filter(|row| row.tier == tier).collect();
    fitting.sort_by_key(|row| (row.name.as_str() != tier.as_str(), row.name.to_string()));
    let environment = fitting.first().map_or_else(|| tier.to_string(), |row| row.name.to_string());
    Proposal { exists: !fitting.is_empty(), environment, tier, why }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{propose, smell};
    use crate::model::Tier;

    #[test]
    fn production_is_smelt_wherever_it_stands_in_a_name() {
        for name in [
            "production",
            "Shop-Prod",
            "prd",
            "acme/www",
            "shopProd2",
            "live_eu",
            "main",
            "PROD",
            "db.prod.example",
        ] {
            assert_eq!(smell([name]).map(|(tier, _)| tier), Some(Tier::Production), "{name}");
        }
        for (name, tier) in
            [("staging", Tier::Staging), ("shop-dev", Tier::Development), ("pr-7", Tier::Development)]
        {
            assert_eq!(smell([name]).map(|(tier, _)| tier), Some(tier), "{name}");
        }
        for name in ["product", "delivery", "maintenance", "atlas", "3d2c42fb-11aa"] {
            assert_eq!(smell([name]), None, "{name}");
        }
        assert_eq!(smell(["staging", "prod copy"]).map(|(tier, _)| tier), Some(Tier::Production));
    }

    #[test]
    fn what_looks_like_nothing_and_what_has_production_in_it_is_production() {
        let none = HashMap::new();
        assert_eq!(propose(["atlas"], [], &none).tier, Tier::Production);
        assert_eq!(propose(["staging"], ["prod-db"], &none).tier, Tier::Production);
        let staging = propose(["staging"], ["web", "test-db"], &none);
        assert_eq!(
            (staging.tier, staging.environment.as_str(), staging.exists),
            (Tier::Staging, "staging", false)
        );
    }
}
