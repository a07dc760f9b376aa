//! Draws the distribution of latencies: how long all requests but the slowest wait.

use super::Row;
use plotters::coord::Shift;
use plotters::prelude::*;
use std::path::{Path, PathBuf};
use support::bench::figures::{float, thousandths};

const SIZE: (u32, u32) = (1_420, 560);

/// The panels' share of the width; the rest is the legend.
const PANELS: u32 = 1_150;

/// The least latency that is shown, in microseconds: no answer over a socket is faster.
const LEAST: f64 = 10.0;

/// The right end of the horizontal axis, in thousandths of the requests.
const MOST: usize = 999;

/// Draws one panel at rest and one beside writes, and returns the file.
pub(crate) fn draw(rows: &[Row]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("http.svg");
    paint(&SVGBackend::new(&path, SIZE).into_drawing_area(), rows);
    path
}

fn paint(area: &DrawingArea<SVGBackend<'_>, Shift>, rows: &[Row]) {
    area.fill(&WHITE).unwrap();
    let slowest = rows
        .iter()
        .map(|row| float(thousandths(&row.measured.latencies, MOST)) / 1e3)
        .fold(LEAST, f64::max);
    let (panels, legend) = area.split_horizontally(PANELS);
    let panels = panels.split_evenly((1, 2));
    for (panel, (title, is_shown)) in panels.iter().zip([
        ("at rest", (|row| row.writes == 0) as fn(&&Row) -> bool),
        ("beside 100 writes/s", |row| row.writes > 0),
    ]) {
        let mut chart = ChartBuilder::on(panel)
            .caption(format!("Latency, {title}"), ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(70)
            .build_cartesian_2d(0.0..nines(MOST) * 1.01, (LEAST..slowest * 2.0).log_scale())
            .unwrap();
        chart
            .configure_mesh()
            .x_desc("part of the requests that are faster")
            .y_desc("microseconds")
            .x_labels(4)
            .x_label_formatter(&|nines| format!("{}%", (1.0 - 10_f64.powf(-nines)) * 100.0))
            .y_label_formatter(&|us| format!("{us:.0}"))
            .draw()
            .unwrap();
        for (at, row) in rows.iter().filter(is_shown).enumerate() {
            let points = (0..=MOST).map(|part| {
                let latency = float(thousandths(&row.measured.latencies, part)) / 1e3;
                (nines(part), latency.max(LEAST))
            });
            chart
                .draw_series(LineSeries::new(points, colour(at, row)))
                .unwrap();
        }
    }
    // Both panels have the same lines, in the same order, so one legend serves both.
    for (at, row) in rows.iter().filter(|row| row.writes == 0).enumerate() {
        let y = 60 + 26 * i32::try_from(at).unwrap();
        legend
            .draw(&PathElement::new([(0, y), (18, y)], colour(at, row)))
            .unwrap();
        let name = format!("{}, {}, cache {}", row.load, row.answers, row.cache);
        legend
            .draw(&Text::new(name, (26, y - 6), ("sans-serif", 12)))
            .unwrap();
    }
    area.present().unwrap();
}

/// Returns the colour of a line: permits and denials of one load are two shades of one colour.
fn colour(at: usize, row: &Row) -> ShapeStyle {
    Palette99::pick(at / 2)
        .mix(if row.answers == "permit" { 1.0 } else { 0.5 })
        .stroke_width(2)
}

/// Returns the position of a share of the requests on the horizontal axis: 90 % at 1, 99 % at 2,
/// 99.9 % at 3.
fn nines(thousandths: usize) -> f64 {
    -(1.0 - float(thousandths as u64) / 1e3).log10()
}
