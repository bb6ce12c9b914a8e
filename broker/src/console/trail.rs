//! What is on record about one thing: its newest lines, and the way to all of them.

use maud::{Markup, html};
use stint_api::AuditQuery;

use super::audit::{behind, whole};
use super::parts::may_administer;
use super::records::Stream;
use super::visitor::Visitor;
use crate::app::{App, Error};

/// Lines that a page of a thing shows.
const LINES: usize = 8;
/// Records that are looked at for them: tokens, look-ups and outcomes lie between.
const LOOKED_AT: i64 = 60;

/// The last lines about what `query` names, under their heading. Housekeeping is left out; all of it is behind the link.
pub(super) async fn trail(app: &App, visitor: &Visitor, query: AuditQuery) -> Result<Markup, Error> {
    let query = AuditQuery { limit: Some(LOOKED_AT), ..query };
    let page = app.search(&query).await?;
    let now = app.clock().now();
    let all = AuditQuery { limit: None, ..query };
    Ok(html! {
        h2 #trail { "On record" }
        (behind(page.behind))
        (Stream::new(&page.records, now).with_rules(may_administer(visitor)).table(LINES, false))
        p { a href=(whole(&all)) { "Everything on record about it" } }
    })
}
