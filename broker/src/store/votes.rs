use super::backend::{Connection, all, changed, execute, parse, row, time};
use super::error::Fault;
use super::{Error, Store, sql};
use crate::model::{ApprovalId, VoteRow};

impl Store {
    /// Who said yes to one approval, oldest first.
    pub async fn votes(&self, approval: &ApprovalId) -> Result<Vec<VoteRow>, Error> {
        let rows: Vec<Vote> = all!(self, sql::VOTES, approval.as_str())?;
        rows.into_iter().map(Vote::parse).collect()
    }

    /// The same of the newest approvals, oldest vote first.
    pub async fn votes_of_recent(&self, approvals: i64) -> Result<Vec<VoteRow>, Error> {
        let rows: Vec<Vote> = all!(self, sql::VOTES_OF_RECENT, approvals)?;
        rows.into_iter().map(Vote::parse).collect()
    }
}

pub(super) async fn add(connection: &mut Connection, row: &VoteRow) -> Result<(), Fault> {
    let added = execute!(
        connection,
        sql::ADD_VOTE,
        row.approval.as_str(),
        row.person.as_str(),
        row.at.timestamp_millis(),
        row.good_for.map(i64::from),
    );
    changed(added?, "approval")
}

row! {
    struct Vote {
        approval: String,
        person: String,
        at: i64,
        good_for: Option<i64>,
    }
}

impl Vote {
    fn parse(self) -> Result<VoteRow, Error> {
        let good_for = self.good_for.map(u32::try_from).transpose();
        Ok(VoteRow {
            approval: parse(&self.approval, "votes.approval")?,
            person: parse(&self.person, "votes.person")?,
            at: time(self.at)?,
            good_for: good_for.map_err(|_| Error::Damaged("votes.good_for"))?,
        })
    }
}
