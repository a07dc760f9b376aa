//! The distribution of latencies, drawn: how long all but the slowest so many wait.

use super::Row;
use super::figures::{float, thousandths};
use plotters::prelude::*;
use std::path::{Path, PathBuf};

const SIZE: (u32, u32) = (1_200, 560);

/// The least latency that is shown, in microseconds: no answer over a socket is faster.
const LEAST: f64 = 10.0;

/// The right end of the horizontal axis, in thousandths of the requests.
const MOST: usize = 999;

/// Draws one panel at rest and one beside writes, and returns the file.
pub(crate) fn draw(rows: &[Row]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("http.svg");
    let area = SVGBackend::new(&path, SIZE).into_drawing_area();
    area.fill(&WHITE).unwrap();
    let slowest = rows.iter().map(|row| float(thousandths(&row.measured.latencies, MOST)) / 1e3).fold(LEAST, f64::max);
    let panels = area.split_evenly((1, 2));
    for (panel, (title, is_shown)) in panels
        .iter()
        .zip([("at rest", (|row| row.writes == 0) as fn(&&Row) -> bool), ("beside 100 writes/s", |row| row.writes > 0)])
    {
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
            let colour = Palette99::pick(at / 2).mix(if row.answers == "permit" { 1.0 } else { 0.5 });
            let points = (0..=MOST).map(|part| {
                let latency = float(thousandths(&row.measured.latencies, part)) / 1e3;
                (nines(part), latency.max(LEAST))
            });
            chart
                .draw_series(LineSeries::new(points, colour.stroke_width(2)))
                .unwrap()
                .label(format!("{}, {}, cache {}", row.load, row.answers, row.cache))
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .draw()
            .unwrap();
    }
    area.present().unwrap();
    drop(panels);
    drop(area);
    path
}

/// Where a part of the requests stands on the horizontal axis: 90 % at 1, 99 % at 2, 99.9 % at 3.
fn nines(thousandths: usize) -> f64 {
    -(1.0 - float(thousandths as u64) / 1e3).log10()
}
