//! Settings: their sources, what is refused, and how it is said.

#![expect(
    clippy::unwrap_used,
    reason = "what helpers of tests unwrap is part of the assertion"
)]

mod callers;
mod example;
mod schemas;
mod secrets;
mod sources;

use behest::config::{Config, EnvironmentVariables, Flags, load};

/// Loads a file's text with variables and flags; `Err` has each problem as `message | help`.
fn load_text(
    text: &str,
    variables: &[(&str, &str)],
    flags: &[(&'static str, &str)],
) -> Result<Config, Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("behest.toml");
    std::fs::write(&path, text).unwrap();
    let environment: EnvironmentVariables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let flags = Flags {
        config: Some(path.clone()),
        settings: flags
            .iter()
            .map(|(key, value)| (*key, (*value).to_owned()))
            .collect(),
    };
    load(&flags, &environment).map_err(|problems| {
        let shown = path.display().to_string();
        let line = |problem: &behest::model::Problem| {
            format!("{problem} | {}", problem.help.as_deref().unwrap()).replace(&shown, "FILE")
        };
        problems.0.iter().map(line).collect()
    })
}

fn refused(text: &str, variables: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Vec<String> {
    load_text(text, variables, flags).unwrap_err()
}
