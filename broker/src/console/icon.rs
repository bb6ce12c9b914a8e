//! Icons (Lucide): beside words, never in their place.

use icondata_lu as lucide;
use maud::{Markup, PreEscaped, html};

use super::layout::Place;

/// The icon of a place in the navigation. A screen reader hears the word alone.
pub(super) fn of(place: Place) -> Markup {
    let icon = match place {
        Place::Approvals => lucide::LuInbox,
        Place::Now => lucide::LuRadio,
        Place::Sessions => lucide::LuTimer,
        Place::Activity => lucide::LuChartLine,
        Place::Alerts => lucide::LuBell,
        Place::Audit => lucide::LuScrollText,
        Place::Agents => lucide::LuBot,
        Place::Environments => lucide::LuLayers,
        Place::Credentials => lucide::LuKeyRound,
        Place::Providers => lucide::LuPlug,
        Place::Policies => lucide::LuScale,
        Place::People | Place::Account => lucide::LuUsers,
        Place::Notifications => lucide::LuSend,
        Place::Settings => lucide::LuSettings,
        Place::Docs => lucide::LuBookOpen,
        Place::Elsewhere => return html! {},
    };
    html! {
        svg.icon viewBox=[icon.view_box] fill="none" stroke="currentColor" stroke-width=[icon.stroke_width]
            stroke-linecap=[icon.stroke_linecap] stroke-linejoin=[icon.stroke_linejoin] aria-hidden="true" focusable="false" {
            // Shapes of the library's own, fixed when this was built.
            (PreEscaped(icon.data))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_icon_is_drawn_in_the_colour_of_its_word_and_says_nothing() {
        let shown = of(Place::Alerts).into_string();
        assert!(shown.starts_with("<svg class=\"icon\" viewBox=\"0 0 24 24\""), "{shown}");
        assert!(shown.contains("aria-hidden=\"true\"") && shown.contains("<path"), "{shown}");
        assert!(!shown.contains("style=") && !shown.contains("<script"), "{shown}");
        assert!(of(Place::Elsewhere).into_string().is_empty());
    }
}
