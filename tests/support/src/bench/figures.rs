//! Calculates and formats figures for tables.

/// Returns the value below which this many thousandths of the values lie; `sorted` is in ascending
/// order.
pub fn thousandths(sorted: &[u64], part: usize) -> u64 {
    let at = (sorted.len() * part / 1_000).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(0)
}

/// Converts a count to a floating-point number. Counts in benchmarks are far below the limit.
#[expect(
    clippy::cast_precision_loss,
    reason = "2^53 nanoseconds are a hundred days"
)]
pub fn float(count: u64) -> f64 {
    count as f64
}

/// Returns the median.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Formats a number with three significant digits and separated thousands.
pub fn shown(value: f64) -> String {
    match value {
        value if value >= 1_000.0 => {
            let mut text = format!("{value:.0}");
            for at in (1..text.len())
                .rev()
                .filter(|at| (text.len() - at).is_multiple_of(3))
                .collect::<Vec<_>>()
            {
                text.insert(at, ',');
            }
            text
        }
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}
