//! What happened in a range of time: plots, lists of what occurred most, and the same numbers as tables.

use axum::extract::{Query, State};
use maud::{Markup, html};
use serde::Deserialize;
use stint_api::{Activity, ActivityRange, Latency, Top};

use super::answer::{Reply, ok};
use super::audit::behind;
use super::layout::{self, Place};
use super::plot;
use super::sentence::capital;
use super::text::{self, Name, Shown};
use super::visitor::Visitor;
use crate::app::App;

#[derive(Deserialize)]
pub(super) struct Asked {
    /// As typed: an unknown one shows the day instead of an error.
    #[serde(default)]
    range: String,
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Query(asked): Query<Asked>) -> Reply {
    let range =
        ActivityRange::ALL.into_iter().find(|range| range.as_str() == asked.range).unwrap_or_default();
    let activity = app.activity(range).await?;
    let body = html! {
        h1 { "Activity" }
        (ranges(range))
        (behind(activity.behind))
        @if activity.requests == 0 {
            (text::empty("Nothing was asked in this time", html! {
                p { "Choose a longer range, or start an agent: " code { "stint run --environment NAME --agent NAME -- COMMAND" } }
            }))
        } @else { (numbers(&activity)) }
        (text::command(&format!("stint activity --range {}", range.as_str())))
    };
    Ok(ok(layout::page(&visitor, Place::Activity, "Activity", body)))
}

fn ranges(range: ActivityRange) -> Markup {
    html! {
        nav.ranges aria-label="Range of time" {
            ul {
                @for other in ActivityRange::ALL {
                    li { a href={ "/console/activity?range=" (other.as_str()) } aria-current=[(other == range).then_some("true")] { (words(other)) } }
                }
            }
        }
    }
}

fn words(range: ActivityRange) -> &'static str {
    match range {
        ActivityRange::Hour => "Last hour",
        ActivityRange::Day => "24 hours",
        ActivityRange::Week => "7 days",
        ActivityRange::Month => "30 days",
    }
}

fn numbers(activity: &Activity) -> Markup {
    let time = |step: usize| label(activity, step);
    let from = activity.from.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let listed = |title: &str, name: &str, list: &[Top]| most(title, name, list, &from);
    html! {
        dl.numbers {
            div { dt { "Requests" } dd { (activity.requests) } }
            @for series in &activity.decisions { div { dt { (capital(&series.name)) } dd { (series.total) } } }
            div { dt { "Since" } dd { (text::when(activity.from, activity.to)) } }
        }
        (charted("Requests by decision", "decisions", &activity.decisions, activity, &time))
        (charted("Requests by class", "classes", &activity.classes, activity, &time))
        h2 #latency { "Time to the provider's answer" }
        (latency(&activity.latency, activity, &time))
        h2 { "What occurred most" }
        div.tops {
            (listed("Refusals by reason", "code", &activity.denials))
            (listed("Agents", "agent", &activity.agents))
            (listed("Providers", "provider", &activity.providers))
            (listed("Environments", "environment", &activity.environments))
            (listed("Operations", "operation", &activity.operations))
            (listed("Resources", "resource", &activity.resources))
        }
    }
}

/// The colour of a decision or a class, the graver the warmer.
fn colour(name: &str) -> usize {
    match name {
        "allowed" | "read" => 0,
        "approved" | "write" => 1,
        "asked" | "grant" => 2,
        "denied" | "destroy" => 3,
        "reveal" => 4,
        _ => 6,
    }
}

/// A plot with its legend, and its numbers in a table.
fn charted(
    title: &str,
    id: &str,
    series: &[stint_api::Series],
    activity: &Activity,
    time: &dyn Fn(usize) -> String,
) -> Markup {
    #[expect(clippy::cast_precision_loss, reason = "a plot shows fewer digits than a float holds")]
    let drawn: Vec<plot::Series> = series
        .iter()
        .map(|series| plot::Series {
            colour: colour(&series.name),
            values: series.counts.iter().map(|count| *count as f64).collect(),
        })
        .collect();
    let names: Vec<&str> = series.iter().map(|series| series.name.as_str()).collect();
    let rows = (0..steps(activity)).map(|step| {
        series
            .iter()
            .map(|series| series.counts.get(step).map_or_else(String::new, ToString::to_string))
            .collect()
    });
    html! {
        h2 id=(id) { (title) }
        @if series.is_empty() { p.dim { "None in this time." } } @else {
            figure { (plot::bars(title, &drawn, time)) figcaption { (plot::legend(&names, &drawn)) } }
            (table(id, title, &names, rows.collect(), time))
        }
    }
}

fn latency(latency: &Latency, activity: &Activity, time: &dyn Fn(usize) -> String) -> Markup {
    let line = |colour: usize, values: &[Option<f64>]| plot::Series {
        colour,
        values: values.iter().map(|value| value.unwrap_or(f64::NAN)).collect(),
    };
    let names = ["half of them within (p50)", "95 of 100 within (p95, dashed)"];
    let drawn = [line(0, &latency.p50_by_step), line(1, &latency.p95_by_step)];
    let cell = |values: &[Option<f64>], step: usize| {
        values.get(step).copied().flatten().map_or_else(|| "none".to_owned(), millis)
    };
    let rows = (0..steps(activity))
        .map(|step| vec![cell(&latency.p50_by_step, step), cell(&latency.p95_by_step, step)]);
    html! {
        @if latency.answers == 0 { p.dim { "No provider answered in this time." } } @else {
            p {
                (super::parts::count(usize::try_from(latency.answers).unwrap_or_default(), "answer")) "; half of them within "
                strong { (latency.p50.map(millis).unwrap_or_default()) } ", 95 of 100 within "
                strong { (latency.p95.map(millis).unwrap_or_default()) } "."
            }
            figure {
                (plot::lines("Time to the provider's answer in milliseconds", &drawn, time))
                figcaption { (plot::legend(&names, &drawn)) span.dim { "Milliseconds from the record of a request to the head of its answer." } }
            }
            (table("latency", "Time to the provider's answer", &names, rows.collect(), time))
        }
    }
}

/// The numbers of a plot, for whoever reads rather than looks.
fn table(
    id: &str,
    title: &str,
    names: &[&str],
    rows: Vec<Vec<String>>,
    time: &dyn Fn(usize) -> String,
) -> Markup {
    html! {
        details id={ (id) "-table" } {
            summary { "The same as a table" }
            div.scroll tabindex="0" role="region" aria-label=(title) {
                table {
                    caption { (title) }
                    thead { tr { th scope="col" { "From" } @for name in names { th scope="col" { (name) } } } }
                    tbody {
                        @for (step, cells) in rows.iter().enumerate() {
                            tr { th scope="row" { (time(step)) } @for cell in cells { td { (cell) } } }
                        }
                    }
                }
            }
        }
    }
}

/// What occurred most, each with the records behind it.
fn most(title: &str, name: &str, list: &[Top], from: &str) -> Markup {
    html! {
        section {
            h3 { (title) }
            @if list.is_empty() { p.dim { "None in this time." } } @else {
                table {
                    caption.hidden { (title) }
                    thead { tr { th scope="col" { (capital(name)) } th scope="col" { "Requests" } } }
                    tbody {
                        @for top in list {
                            tr {
                                th scope="row" {
                                    @if top.name.is_empty() { "all others" } @else {
                                        a href=(link(name, &top.name, from)) {
                                            @if name == "code" { (Shown(&top.name.replace('_', " "))) } @else { (Name(&top.name)) }
                                        }
                                    }
                                }
                                td { (top.count) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn link(name: &str, value: &str, from: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    format!("/console/audit?{}", query.append_pair(name, value).append_pair("from", from).finish())
}

fn steps(activity: &Activity) -> usize {
    let steps = (activity.to - activity.from).num_seconds() / activity.step.max(1);
    usize::try_from(steps).unwrap_or_default()
}

/// When a step begins, as short as its length allows. In UTC, like everything in the records.
fn label(activity: &Activity, step: usize) -> String {
    let seconds = i64::try_from(step).unwrap_or_default() * activity.step;
    let at = activity.from + chrono::TimeDelta::seconds(seconds);
    let form = match activity.range {
        ActivityRange::Hour | ActivityRange::Day => "%H:%M",
        ActivityRange::Week => "%a %H:%M",
        ActivityRange::Month => "%d %b",
    };
    at.format(form).to_string()
}

fn millis(value: f64) -> String {
    if value < 10.0 { format!("{value:.1} ms") } else { format!("{value:.0} ms") }
}
