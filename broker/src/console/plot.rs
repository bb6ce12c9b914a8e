//! Plots, drawn by a library on the server as SVG that takes its colours from the style sheet.
//!
//! The library writes colours into each shape. It is given colours that stand for a class each, and these are put in
//! their place afterwards, so that a plot is readable in dark and light and holds no style of its own. A plot says nothing
//! that the table beside it does not say too: to a screen reader it is one picture with a name.

use maud::{Markup, PreEscaped, html};
use plotters::prelude::*;

/// A line or a part of the bars.
pub(super) struct Series {
    /// Place of its colour in the style sheet: the same thing has the same colour in every plot.
    pub(super) colour: usize,
    pub(super) values: Vec<f64>,
}

/// A plot is drawn for two widths, and the style sheet shows the one that fits: letters keep their size.
struct Paper {
    class: &'static str,
    width: u32,
    height: u32,
    /// Steps that are named.
    labels: usize,
}

const PAPERS: [Paper; 2] = [
    Paper { class: "plot wide", width: 960, height: 260, labels: 7 },
    Paper { class: "plot slim", width: 340, height: 220, labels: 4 },
];

/// Colours that stand for classes of the style sheet: `plot-0` to `plot-7` for series, and three for what is around them.
const TEXT: RGBColor = RGBColor(1, 2, 1);
const AXIS: RGBColor = RGBColor(1, 2, 2);
const GRID: RGBColor = RGBColor(1, 2, 3);
const SERIES: u8 = 8;

fn colour(at: usize) -> RGBColor {
    RGBColor(1, 1, u8::try_from(at).unwrap_or_default() % SERIES)
}

/// Bars, one on the other. `label` names a step by its place.
pub(super) fn bars(name: &str, series: &[Series], label: impl Fn(usize) -> String) -> Markup {
    let steps = series.iter().map(|series| series.values.len()).max().unwrap_or_default();
    let sums = (0..steps).map(|step| series.iter().filter_map(|series| series.values.get(step)).sum::<f64>());
    let most = sums.fold(1.0, f64::max);
    both(name, &|paper| {
        drawn(paper, steps, most, &label, |chart| {
            for step in 0..steps {
                let mut under = 0.0;
                for series in series {
                    let value = series.values.get(step).copied().unwrap_or_default();
                    if value > 0.0 {
                        let (left, right) = (place(step) + 0.1, place(step) + 0.9);
                        let bar = Rectangle::new(
                            [(left, under), (right, under + value)],
                            colour(series.colour).filled(),
                        );
                        chart.draw_series(std::iter::once(bar)).ok()?;
                    }
                    under += value;
                }
            }
            Some(())
        })
    })
}

/// Lines; a step without a value interrupts its line.
pub(super) fn lines(name: &str, series: &[Series], label: impl Fn(usize) -> String) -> Markup {
    let steps = series.iter().map(|series| series.values.len()).max().unwrap_or_default();
    let most = series.iter().flat_map(|series| &series.values).copied().filter(|value| value.is_finite());
    let most = most.fold(1.0, f64::max);
    both(name, &|paper| {
        drawn(paper, steps, most, &label, |chart| {
            for series in series {
                let points =
                    series.values.iter().enumerate().map(|(step, value)| (place(step) + 0.5, *value));
                let points: Vec<_> = points.collect();
                for run in points.split(|(_, value)| !value.is_finite()) {
                    chart
                        .draw_series(LineSeries::new(
                            run.iter().copied(),
                            colour(series.colour).stroke_width(2),
                        ))
                        .ok()?;
                    let dots = run.iter().map(|point| Circle::new(*point, 3, colour(series.colour).filled()));
                    chart.draw_series(dots).ok()?;
                }
            }
            Some(())
        })
    })
}

#[expect(clippy::cast_precision_loss, reason = "steps are few")]
fn place(step: usize) -> f64 {
    step as f64
}

type Chart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

/// `None` where the library could not draw; the table is there all the same.
fn drawn(
    paper: &Paper,
    steps: usize,
    most: f64,
    label: &dyn Fn(usize) -> String,
    draw: impl FnOnce(&mut Chart<'_, '_>) -> Option<()>,
) -> Option<String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (paper.width, paper.height)).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin(8)
            .x_label_area_size(24)
            .y_label_area_size(if paper.width < 500 { 36 } else { 48 })
            .build_cartesian_2d(0.0..place(steps.max(1)), 0.0..most * 1.05)
            .ok()?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(AXIS)
            .label_style(("sans-serif", 12).into_font().color(&TEXT))
            .x_labels(paper.labels)
            .y_labels(5)
            .x_label_formatter(&|x| step_of(*x, steps).map(label).unwrap_or_default())
            .y_label_formatter(&|y| if y.fract() == 0.0 { format!("{y:.0}") } else { String::new() })
            .draw()
            .ok()?;
        draw(&mut chart)?;
        root.present().ok()?;
    }
    Some(svg)
}

fn step_of(x: f64, steps: usize) -> Option<usize> {
    (0..steps).find(|step| (place(*step) - x).abs() < 0.01)
}

/// The plot at both widths; one of them is shown.
fn both(name: &str, drawn: &dyn Fn(&Paper) -> Option<String>) -> Markup {
    html! { @for paper in &PAPERS { (picture(name, paper, drawn(paper))) } }
}

/// The library's SVG with our classes in the place of its colours, and nothing else of its own looks.
fn picture(name: &str, paper: &Paper, svg: Option<String>) -> Markup {
    let Some(svg) = svg.as_deref().and_then(inner) else {
        return html! { p.hint { "This could not be drawn; its numbers are below." } };
    };
    let mut svg = svg.replace(" font-family=\"sans-serif\"", "").replace(" opacity=\"1\"", "");
    let mut classes =
        vec![(TEXT, "plot-text".to_owned()), (AXIS, "plot-axis".to_owned()), (GRID, "plot-grid".to_owned())];
    classes.extend((0..SERIES).map(|at| (colour(usize::from(at)), format!("plot-{at}"))));
    for (RGBColor(r, g, b), class) in classes {
        svg = svg
            .replace(&format!("fill=\"#{r:02X}{g:02X}{b:02X}\""), &format!("class=\"fill {class}\""))
            .replace(&format!("stroke=\"#{r:02X}{g:02X}{b:02X}\""), &format!("class=\"stroke {class}\""));
    }
    let viewbox = format!("0 0 {} {}", paper.width, paper.height);
    html! {
        svg class=(paper.class) role="img" aria-label=(name) viewBox=(viewbox) xmlns="http://www.w3.org/2000/svg" { (PreEscaped(svg)) }
    }
}

/// What stands in the outer element.
fn inner(svg: &str) -> Option<&str> {
    let (_, rest) = svg.split_once("<svg ")?;
    let (_, rest) = rest.split_once('>')?;
    Some(rest.rsplit_once("</svg>")?.0)
}

/// What the colours mean, in the order in which they lie on each other.
pub(super) fn legend(names: &[&str], series: &[Series]) -> Markup {
    html! {
        ul.legend {
            @for (name, series) in names.iter().zip(series) {
                li { svg.swatch aria-hidden="true" viewBox="0 0 12 12" { rect width="12" height="12" class={ "fill plot-" (series.colour % usize::from(SERIES)) } {} } " " (name) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_classes_and_neither_style_nor_colour() {
        let series = [
            Series { colour: 0, values: vec![3.0, 0.0, 2.0] },
            Series { colour: 3, values: vec![0.0, 1.0, 1.0] },
        ];
        let svg = bars("Requests by class", &series, |step| format!("{step}:00")).into_string();
        assert!(svg.contains("role=\"img\"") && svg.contains("aria-label=\"Requests by class\""), "{svg}");
        assert_eq!(svg.matches("class=\"fill plot-0\"").count(), 4, "{svg}");
        assert_eq!(svg.matches("class=\"fill plot-3\"").count(), 4, "{svg}");
        for bad in ["style=", "#01", "font-family", "<script", "xlink"] {
            assert!(!svg.contains(bad), "{bad}: {svg}");
        }
        assert!(svg.contains(">\n1:00\n<") || svg.contains("1:00"), "{svg}");
    }

    #[test]
    fn lines_are_interrupted_where_there_is_nothing() {
        let series = [Series { colour: 1, values: vec![3.0, f64::NAN, 2.0, 5.0] }];
        let svg = lines("Latency", &series, |step| step.to_string()).into_string();
        assert_eq!(svg.matches("<circle").count(), 6, "{svg}");
        assert!(!svg.contains("NaN"), "{svg}");
        assert!(!bars("Nothing", &[], |step| step.to_string()).into_string().contains("NaN"));
    }
}
