//! Records by the facts that stand in them, a page at a time, in either direction and in bounded time.

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;

use super::backend::{Readers, one, row};
use super::records::Record;
use super::{Error, Store, StoredRecord, sql};

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Search {
    /// Keys of facts that all stand in the record.
    pub facts: Vec<i64>,
    /// Positions, neither of them included.
    pub over: i64,
    pub under: i64,
    /// Times, the first included.
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    /// From the oldest on, instead of from the newest back.
    pub on: bool,
    pub limit: i64,
}

/// What was found, in the order of the search.
#[derive(Debug)]
pub struct Found {
    pub records: Vec<StoredRecord>,
    /// The position from which to go on: of the last one found, or, where the search was given up for now, of the last
    /// one looked at. `None` at the end.
    pub next: Option<i64>,
}

/// Records of the rarest fact that one step looks at.
const WINDOW: i64 = 2_000;
/// Steps of one search.
const STEPS: usize = 4;
/// How far to look ahead to see which fact is rare.
const AHEAD: i64 = 300;
/// How far the times of records may be out of order, in milliseconds: a record waits for its turn to be written.
const DISORDER: i64 = 15_000;

impl Store {
    pub async fn find(&self, mut search: Search) -> Result<Found, Error> {
        let from = search.from.map_or(i64::MIN, |at| at.timestamp_millis());
        let to = search.to.map_or(i64::MAX, |at| at.timestamp_millis());
        if search.from.is_some() {
            search.over = search.over.max(self.first_at(from.saturating_sub(DISORDER)).await? - 1);
        }
        if search.to.is_some() {
            search.under = search.under.min(self.first_at(to.saturating_add(DISORDER)).await?);
        }
        self.rarest_first(&mut search).await?;
        let text = sql::find(search.facts.len(), search.on);
        let mut records = Vec::new();
        for _ in 0..STEPS {
            let left = search.limit.saturating_sub(i64::try_from(records.len()).unwrap_or(i64::MAX));
            records.extend(self.step(&text, &search, from, to, left).await?);
            if i64::try_from(records.len()).unwrap_or(i64::MAX) >= search.limit {
                return Ok(Found { next: records.last().map(|record| record.seq), records });
            }
            // The window of the fact that was walked may have ended before the records did.
            let Some(fact) = search.facts.first() else { return Ok(Found { records, next: None }) };
            match self.ahead(*fact, &search, WINDOW - 1).await? {
                None => return Ok(Found { records, next: None }),
                Some(seq) if search.on => search.over = seq,
                Some(seq) => search.under = seq,
            }
        }
        Ok(Found { records, next: Some(if search.on { search.over } else { search.under }) })
    }

    async fn step(
        &self,
        text: &str,
        search: &Search,
        from: i64,
        to: i64,
        limit: i64,
    ) -> Result<Vec<StoredRecord>, Error> {
        // One fact alone is a walk that ends by itself.
        let window =
            if search.facts.len() == 1 && from == i64::MIN && to == i64::MAX { limit } else { WINDOW };
        macro_rules! find {
            ($pool:expr) => {{
                let mut query = sqlx::query_as(AssertSqlSafe(text.to_owned()));
                query = query.bind(search.over).bind(search.under).bind(from).bind(to).bind(limit);
                if !search.facts.is_empty() {
                    query = query.bind(window);
                }
                for fact in &search.facts {
                    query = query.bind(fact);
                }
                query.fetch_all($pool).await?
            }};
        }
        let rows: Vec<Record> = match &self.0.readers {
            Readers::Sqlite(pool) => find!(pool),
            Readers::Postgres(pool) => find!(pool),
        };
        rows.into_iter().map(Record::parse).collect()
    }

    /// Puts the fact first whose next records lie farthest apart.
    async fn rarest_first(&self, search: &mut Search) -> Result<(), Error> {
        if search.facts.len() < 2 {
            return Ok(());
        }
        let mut spread = Vec::with_capacity(search.facts.len());
        for fact in &search.facts {
            let far = self.ahead(*fact, search, AHEAD).await?;
            let distance = match far {
                None => i64::MAX,
                Some(seq) if search.on => seq.saturating_sub(search.over),
                Some(seq) => search.under.saturating_sub(seq),
            };
            spread.push((std::cmp::Reverse(distance), *fact));
        }
        spread.sort_unstable();
        search.facts = spread.into_iter().map(|(_, fact)| fact).collect();
        Ok(())
    }

    /// Position of the record with this fact that comes `steps` after the next one.
    async fn ahead(&self, fact: i64, search: &Search, steps: i64) -> Result<Option<i64>, Error> {
        let text = if search.on { sql::FACT_ON } else { sql::FACT_BACK };
        let row: Option<(i64,)> = one!(self, text, fact, search.under, search.over, steps)?;
        Ok(row.map(|(seq,)| seq))
    }

    /// Position of the first record of that time or later (unix milliseconds), as far as records are in the order of
    /// time; the position after the last where there is none.
    async fn first_at(&self, millis: i64) -> Result<i64, Error> {
        let (mut low, mut high) = (1, self.head().await?.map_or(0, |(seq, _)| seq).saturating_add(1));
        while low < high {
            let middle = low + (high - low) / 2;
            let row: Option<At> = one!(self, sql::RECORD_AT_OR_AFTER, middle)?;
            match row {
                Some(row) if row.at < millis => low = row.seq.saturating_add(1),
                _ => high = middle,
            }
        }
        Ok(low)
    }
}

row! {
    struct At {
        seq: i64,
        at: i64,
    }
}
