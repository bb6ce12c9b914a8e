//! Text that an agent, a provider or a person may have chosen, shown as what it is.

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, Render, html};
use stint_api::{Class, Tier};

/// Text from outside. Control, bidirectional, zero-width and other invisible characters are shown by their code point,
/// so that what a person reads is what is there (E6, Trojan Source).
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a>(pub(super) &'a str);

/// Characters of one text; the rest is said to be left out.
const MOST: usize = 2000;

impl Render for Shown<'_> {
    fn render(&self) -> Markup {
        let mut parts: Vec<Markup> = Vec::new();
        let mut plain = String::new();
        for c in self.0.chars().take(MOST) {
            if is_hidden(c) {
                let code = format!("U+{:04X}", u32::from(c));
                let before = std::mem::take(&mut plain);
                parts.push(html! { (before) span.hidden-char title="an invisible character" { (code) } });
            } else {
                plain.push(c);
            }
        }
        let left_out = self.0.chars().count().saturating_sub(MOST);
        html! {
            bdi { @for part in &parts { (part) } (plain) }
            @if left_out > 0 { span.dim { " … and " (left_out) " more characters" } }
        }
    }
}

/// A name from outside: shown as [`Shown`] shows it, cut where it is long, and then whole on hover.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name<'a>(pub(super) &'a str);

/// Characters of a name that are shown.
const NAME: usize = 200;

impl Render for Name<'_> {
    fn render(&self) -> Markup {
        let cut: String = self.0.chars().take(NAME).collect();
        if cut.len() == self.0.len() {
            return Shown(self.0).render();
        }
        html! { span title=(visible(self.0)) { (Shown(&cut)) "…" } }
    }
}

/// As much of a text as is ever shown, with what cannot be seen by its code point.
pub(super) fn visible(text: &str) -> String {
    let mut seen = String::new();
    for c in text.chars().take(MOST) {
        if is_hidden(c) { seen.push_str(&format!("U+{:04X}", u32::from(c))) } else { seen.push(c) }
    }
    seen
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0x00AD | 0x034F | 0x061C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F
            | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB
            | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF)
        || matches!(u32::from(c), 0x2000..=0x200A | 0x202F | 0x205F | 0x3000 | 0x00A0)
}

/// A moment: how long ago or ahead, and exactly on hover.
pub(super) fn when(at: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    let exact = at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    html! { time datetime=(at.to_rfc3339()) title=(exact) { (relative(at - now)) } }
}

fn relative(span: TimeDelta) -> String {
    let seconds = span.num_seconds();
    let size = match seconds.abs() {
        0..=4 => return "now".to_owned(),
        s @ 5..=59 => format!("{s} s"),
        s @ 60..=3599 => format!("{} min", s / 60),
        s @ 3600..=86_399 => format!("{} h", s / 3600),
        s => format!("{} d", s / 86_400),
    };
    if seconds < 0 { format!("{size} ago") } else { format!("in {size}") }
}

/// A class as a badge: its word, never its colour alone.
pub(super) fn class(class: Class) -> Markup {
    html! { span class={ "badge class-" (class.as_str()) } { (class.as_str()) } }
}

pub(super) fn tier(tier: Tier) -> Markup {
    html! { span class={ "badge tier-" (tier.as_str()) } { (tier.as_str()) } }
}

/// A command line that does the same.
pub(super) fn command(line: &str) -> Markup {
    html! { p.command { span.dim { "At the terminal: " } code { (line) } } }
}

/// Nothing to show, and what to do about it.
pub(super) fn empty(title: &str, what: Markup) -> Markup {
    html! { div.empty { h2 { (title) } (what) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_shown_and_markup_stays_text() {
        let shown = Shown("a\u{202E}b\u{200B}<b>\u{1b}[31m&").render().into_string();
        assert!(shown.contains("U+202E") && shown.contains("U+200B") && shown.contains("U+001B"), "{shown}");
        assert!(shown.contains("&lt;b&gt;") && shown.contains("&amp;") && !shown.contains("<b>"), "{shown}");
        assert!(!shown.contains('\u{202E}') && !shown.contains('\u{1b}'));
        let long = Shown(&"x".repeat(5000)).render().into_string();
        assert!(long.len() < 3000 && long.contains("3000 more characters"), "{}", long.len());
    }

    #[test]
    fn a_long_name_is_cut_with_a_sign_and_whole_on_hover() {
        assert_eq!(Name("pg-data").render().into_string(), "<bdi>pg-data</bdi>");
        let long = format!("{}\u{202E}end", "x".repeat(250));
        let shown = Name(&long).render().into_string();
        assert!(
            shown.contains("title=\"") && shown.contains("U+202Eend\"") && shown.contains("…"),
            "{shown}"
        );
        assert_eq!(shown.matches('x').count(), 450, "{shown}");
    }

    #[test]
    fn moments_are_said_as_people_say_them() {
        for (seconds, text) in
            [(0, "now"), (-40, "40 s ago"), (90, "in 1 min"), (-7300, "2 h ago"), (-200_000, "2 d ago")]
        {
            assert_eq!(relative(TimeDelta::seconds(seconds)), text);
        }
    }
}
