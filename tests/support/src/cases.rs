//! Reads tables of cases that are too wide for code.

use serde::de::DeserializeOwned;

/// Reads one case per line, each a JSON array; empty lines and those that begin with `#` are
/// ignored.
pub fn read<T: DeserializeOwned>(text: &str) -> Vec<T> {
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let case =
        |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    lines.map(case).collect()
}
