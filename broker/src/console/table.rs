//! Tables that are read on a phone too: there each row becomes a card, and each cell says which column it is of.

use maud::{Markup, html};

/// Rows under their heads; the first cell names its row. `name` says to a screen reader what the table is of.
pub(super) fn table<const N: usize>(
    name: &str,
    heads: [&str; N],
    rows: impl IntoIterator<Item = [Markup; N]>,
) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(name) {
            // The roles are said, because a browser forgets them where cells are not laid out as cells.
            table.stack role="table" aria-label=(name) {
                thead role="rowgroup" { tr role="row" { @for head in heads { th scope="col" role="columnheader" { (head) } } } }
                tbody role="rowgroup" {
                    @for row in rows {
                        tr role="row" {
                            @for (at, (cell, head)) in row.iter().zip(heads).enumerate() {
                                @let none = cell.0.is_empty().then_some("none");
                                @if at == 0 { th scope="row" role="rowheader" { (cell) } }
                                @else { td role="cell" class=[none] data-label=(head) { div { (cell) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_says_its_column_and_its_row() {
        let rows = [[html! { "a" }, html! { "1" }], [html! { "b" }, html! {}]];
        let page = table("Letters", ["Letter", "Place"], rows).into_string();
        assert_eq!(page.matches("scope=\"col\"").count(), 2, "{page}");
        assert_eq!(page.matches("scope=\"row\"").count(), 2, "{page}");
        assert_eq!(page.matches("data-label=\"Place\"").count(), 2, "{page}");
        assert!(page.contains("class=\"none\"") && page.contains("aria-label=\"Letters\""), "{page}");
    }
}
