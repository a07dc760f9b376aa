//! `behest config check`: shows every setting with its value and its source, or all that is wrong.

use super::args::ConfigCheckArguments;
use super::output::{Paint, fail, fail_all, print, with_line_end};
use crate::config::{self, EnvironmentVariables, SettingLine, SettingSource};
use crate::model::Problem;
use serde_json::json;
use std::process::ExitCode;

/// Checks the settings as `behest serve` would read them.
pub(super) fn check(arguments: &ConfigCheckArguments) -> ExitCode {
    let flags = arguments.serve.flags();
    let lines = match config::list_settings(&flags, &EnvironmentVariables::of_process()) {
        Ok(lines) => lines,
        Err(problems) => return fail_all(&problems),
    };
    if arguments.is_json() {
        return print_json(&lines);
    }
    print(&table(&lines, Paint::for_results()));
    ExitCode::SUCCESS
}

fn print_json(lines: &[SettingLine]) -> ExitCode {
    let settings: Vec<serde_json::Value> = lines
        .iter()
        .map(|line| {
            let (kind, at) = match &line.source {
                SettingSource::Default => ("default", None),
                SettingSource::File(..) => ("file", Some(line.source.to_string())),
                SettingSource::Variable(_) => ("environment", Some(line.source.to_string())),
                SettingSource::Flag(_) => ("flag", Some(line.source.to_string())),
            };
            json!({"key": line.key, "value": line.value, "source": kind, "at": at})
        })
        .collect();
    match serde_json::to_string_pretty(&json!({ "settings": settings })) {
        Ok(text) => {
            print(&with_line_end(text));
            ExitCode::SUCCESS
        }
        Err(error) => fail(Problem::new(format!(
            "the settings cannot be written: {error}"
        ))),
    }
}

/// Returns a line for each setting, in columns; what somebody set is brighter than what nobody did.
fn table(lines: &[SettingLine], paint: Paint) -> String {
    let value = |line: &SettingLine| {
        line.value
            .as_ref()
            .map_or_else(|| "(not set)".to_owned(), ToString::to_string)
    };
    let width = |of: &dyn Fn(&SettingLine) -> usize| lines.iter().map(of).max().unwrap_or(0);
    let keys = width(&|line| line.key.chars().count());
    let values = width(&|line| value(line).chars().count()).min(MAX_VALUE_COLUMNS);
    lines
        .iter()
        .map(|line| {
            let text = format!(
                "{:<keys$}  {:<values$}  {}",
                line.key,
                value(line),
                line.source
            );
            let text = match line.source {
                SettingSource::Default => paint.dim(&text),
                _ => text,
            };
            format!("{text}\n")
        })
        .collect()
}

/// The widest column of values; longer ones push their source to the right.
const MAX_VALUE_COLUMNS: usize = 40;
