use chrono::{DateTime, Utc};

use super::backend::{Connection, all, changed, execute, found, needs, one, parse, row, time};
use super::error::Fault;
use super::{Error, Store, sql};
use crate::model::{EnvironmentRow, Name, Selector, Tier};

impl Store {
    /// In the order in which they were added, each with its selectors.
    pub async fn environments(&self) -> Result<Vec<EnvironmentRow>, Error> {
        let rows: Vec<Environment> = all!(self, sql::ENVIRONMENTS)?;
        let selectors: Vec<Mapped> = all!(self, sql::SELECTORS)?;
        rows.into_iter().map(|row| row.parse(&selectors)).collect()
    }

    pub async fn environment(&self, name: &Name) -> Result<Option<EnvironmentRow>, Error> {
        let row: Option<Environment> = one!(self, sql::ENVIRONMENT, name.as_str())?;
        self.with_selectors(row).await
    }

    /// The environment that a provider's thing belongs to: never more than one.
    pub async fn environment_of(&self, selector: &Selector) -> Result<Option<EnvironmentRow>, Error> {
        let Selector { provider, kind, id } = selector;
        let row: Option<Environment> = one!(self, sql::ENVIRONMENT_OF, provider, kind, id)?;
        self.with_selectors(row).await
    }

    async fn with_selectors(&self, row: Option<Environment>) -> Result<Option<EnvironmentRow>, Error> {
        let Some(row) = row else { return Ok(None) };
        let selectors: Vec<Mapped> = all!(self, sql::SELECTORS_OF, &row.name)?;
        row.parse(&selectors).map(Some)
    }
}

pub(super) async fn add(connection: &mut Connection, row: &EnvironmentRow) -> Result<(), Fault> {
    let (name, tier, created) = (row.name.as_str(), row.tier.as_str(), row.created_at.timestamp_millis());
    changed(execute!(connection, sql::ADD_ENVIRONMENT, name, tier, created)?, "environment")?;
    for selector in &row.selectors {
        add_selector(connection, &row.name, selector).await?;
    }
    Ok(())
}

pub(super) async fn add_selector(
    connection: &mut Connection,
    environment: &Name,
    selector: &Selector,
) -> Result<(), Fault> {
    is_there(connection, environment).await?;
    let Selector { provider, kind, id } = selector;
    let added = execute!(connection, sql::ADD_SELECTOR, environment.as_str(), provider, kind, id);
    changed(needs(added, "environment")?, "selector")
}

pub(super) async fn set_tier(
    connection: &mut Connection,
    environment: &Name,
    from: Tier,
    to: Tier,
) -> Result<(), Fault> {
    let set = execute!(connection, sql::SET_TIER, environment.as_str(), from.as_str(), to.as_str());
    changed(set?, "environment")
}

pub(super) async fn remove(
    connection: &mut Connection,
    environment: &Name,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    if super::agents::may_ask_for(connection, environment).await? {
        return Err(Fault::Conflict("environment"));
    }
    let removed = execute!(connection, sql::REMOVE_ENVIRONMENT, environment.as_str(), at.timestamp_millis());
    changed(removed?, "environment")
}

/// What belongs to an environment needs one that was not removed: its row may be there still.
pub(super) async fn is_there(connection: &mut Connection, environment: &Name) -> Result<(), Fault> {
    let rows: Vec<Environment> = found!(connection, sql::ENVIRONMENT, environment.as_str())?;
    if rows.is_empty() { Err(Fault::Conflict("environment")) } else { Ok(()) }
}

pub(super) async fn remove_selector(
    connection: &mut Connection,
    environment: &Name,
    selector: &Selector,
) -> Result<(), Fault> {
    let Selector { provider, kind, id } = selector;
    let removed = execute!(connection, sql::REMOVE_SELECTOR, environment.as_str(), provider, kind, id);
    changed(removed?, "selector")
}

row! {
    struct Environment {
        name: String,
        tier: String,
        created_at: i64,
    }
}

row! {
    struct Mapped {
        environment: String,
        provider: String,
        kind: String,
        resource: String,
    }
}

impl Environment {
    /// Takes its own of `selectors`.
    fn parse(self, selectors: &[Mapped]) -> Result<EnvironmentRow, Error> {
        let own = selectors.iter().filter(|mapped| mapped.environment == self.name);
        Ok(EnvironmentRow {
            name: parse(&self.name, "environments.name")?,
            tier: parse(&self.tier, "environments.tier")?,
            selectors: own.map(|m| Selector::new(&m.provider, &m.kind, &m.resource)).collect(),
            created_at: time(self.created_at)?,
        })
    }
}
