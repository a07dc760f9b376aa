//! Numbers for tables.

/// The value below which so many thousandths of the values lie; they are in ascending order.
pub fn thousandths(sorted: &[u64], part: usize) -> u64 {
    let at = (sorted.len() * part / 1_000).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(0)
}

/// A count as a number to calculate with. Those of a benchmark are far below the limit.
#[expect(
    clippy::cast_precision_loss,
    reason = "2^53 nanoseconds are a hundred days"
)]
pub fn float(count: u64) -> f64 {
    count as f64
}

/// The one in the middle.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Three significant digits, and thousands apart.
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
